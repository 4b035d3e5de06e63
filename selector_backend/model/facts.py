"""The facts: their kinds of value, their variables, and the families that read them.

Only `FACTS` and the modules of `selector_backend.probes` have facts by name.
"""

from __future__ import annotations

from .kinds import (
    DISTRIBUTIONS,
    FEATURES,
    LIBRARIES,
    MARKERS,
    NAMES,
    PROPERTIES,
    VERSION,
    VERSIONS,
)
from .values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kinds import Kind, Value, Wanted


@dataclass(frozen=True)
class FactType:
    """The definition of a fact.

    ``family`` is the module of `selector_backend.probes` that reads it; ``meaning`` and ``source``
    are for the documentation, and ``example`` for messages. ``shared`` facts are a driver's, which
    may be slow to answer: they are read once for all packages that a command builds. ``newest`` is
    the value of a new device: it counts where another fact of the family is stated, and this one is
    neither stated nor present.
    """

    name: str
    kind: Kind
    family: str
    meaning: str
    source: str
    example: str
    shared: bool = False
    newest: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that sets the fact: ``SELECTOR_COMPUTE_CAPABILITY``."""
        return "SELECTOR_" + self.name.upper().replace("-", "_")


#: Every fact, in the order of the documentation. A new fact is an entry here and, unless an
#: existing family reads it, a module of `selector_backend.probes`.
FACTS: Mapping[str, FactType] = {
    fact.name: fact
    for fact in (
        FactType(
            "cuda",
            VERSION,
            "nvidia",
            "the newest CUDA that the NVIDIA driver runs",
            "NVML, and the CUDA driver library, which has to start",
            "12.4",
            shared=True,
        ),
        FactType(
            "nvidia-driver",
            VERSION,
            "nvidia",
            "the NVIDIA driver's version",
            "NVML; the kernel's driver where NVML is missing or fails",
            "550.54.14",
            shared=True,
        ),
        FactType(
            "compute-capability",
            VERSIONS,
            "nvidia",
            "the compute capability of each NVIDIA GPU; one that fits is enough",
            "NVML, and the CUDA driver library, which has to start",
            "8.6",
            shared=True,
            newest="12.1",
        ),
        FactType(
            "cuda-toolkit",
            VERSION,
            "cuda_toolkit",
            "the version of the CUDA toolkit that programs find",
            "those libraries, found in NVIDIA's wheels, by `CUDA_HOME` or `CUDA_PATH`, or by the "
            "dynamic loader",
            "12.4",
        ),
        FactType(
            "rocm",
            VERSION,
            "rocm",
            "the version of AMD's ROCm",
            "ROCm's version files; the HIP runtime where there are none",
            "6.4",
            shared=True,
        ),
        FactType(
            "gfx",
            NAMES,
            "rocm",
            "the targets of the AMD GPUs",
            "the kernel's KFD topology; the HIP runtime on Windows and WSL 2",
            "gfx942",
            shared=True,
        ),
        FactType(
            "xpu",
            VERSION,
            "xpu",
            "the version of the Level Zero loader, if there is an Intel GPU",
            "that library, where the kernel's `xe` or `i915` driver shows an Intel GPU, "
            "or on Windows and WSL 2",
            "1.24.1",
            shared=True,
        ),
        FactType(
            "cpu",
            NAMES,
            "cpu",
            "the CPU's features, level and microarchitecture",
            "archspec; py-cpuinfo where archspec cannot read the system",
            "avx2",
        ),
        FactType(
            "glibc",
            VERSION,
            "system",
            "the GNU C library's version",
            "the running interpreter",
            "2.28",
        ),
        FactType(
            "musl",
            VERSION,
            "system",
            "the musl C library's version",
            "the running interpreter",
            "1.2",
        ),
        FactType(
            "macos",
            VERSION,
            "system",
            "the version of macOS",
            "the running interpreter",
            "14.5",
        ),
        FactType(
            "library",
            LIBRARIES,
            "named_libraries",
            "shared libraries that the loader finds",
            "the loader's own folders; nothing is loaded",
            "libmpi.so.40",
        ),
        FactType(
            "abi-features",
            FEATURES,
            "system",
            "what the Python that installs was built with (PEP 780)",
            "the running interpreter",
            "free-threading",
        ),
        FactType(
            "marker",
            MARKERS,
            "marker",
            "an environment marker, for the Python that installs",
            "the running interpreter",
            "sys_platform=linux",
        ),
        FactType(
            "installed",
            DISTRIBUTIONS,
            "installed",
            "distributions that are installed already",
            "the environment that is installed into, where the installer shows it",
            "torch==2.9.1,jax",
        ),
        FactType(
            "property",
            PROPERTIES,
            "provider",
            "what wheel-variant providers report",
            "the providers that the table names",
            "x86_64 :: level :: v3",
        ),
    )
}


def holds(fact: str, wanted: Wanted, value: Value | None, reason: str = "") -> tuple[bool, str]:
    """Return whether the value of a fact is as ``wanted``, and the sentence: see `Kind.holds`."""
    return FACTS[fact].kind.holds(fact, wanted, value, reason)


def text_of(fact: str, value: Value | None) -> str:
    """Return the value of a fact as text for people: ``12.4``, or ``absent``."""
    return "absent" if value is None else FACTS[fact].kind.text(value)
