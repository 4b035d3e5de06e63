"""What a fact is: its kind of value, how people write it, and what reads it.

`FACTS` and the modules of `selector_backend.installing.probes` are the only places that know facts
by their names.
"""

from __future__ import annotations

import enum
import re

from ..errors import did_you_mean, shorten
from .conditions import is_release, release_key
from .values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .conditions import Value

#: The marker variables of the dependency specifiers specification that say something of a machine.
MARKER_VARIABLES = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)

# A distribution that is installed, and its version if that is known.
_DISTRIBUTION = r"(?ia)([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])(?:\s*==\s*([A-Z0-9][A-Z0-9.!+_-]*))?"

# PEP 817's form of a property, where the parts may be set apart as one likes.
_PROPERTY = r"(?a)\s*([a-z0-9_]+)\s*::\s*([a-z0-9_]+)\s*::\s*([a-z0-9_.]+)\s*"


class Kind(enum.Enum):
    """The kinds of value a fact has. The kind settles what a condition on it looks like."""

    VERSION = "a version"
    VERSIONS = "versions, one for each device"
    NAMES = "names"
    PROPERTIES = "properties of wheel variants"
    DISTRIBUTIONS = "distributions, with their versions"
    ENVIRONMENT = "marker variables"

    def parse(self, text: str) -> Value:
        """Return the value that ``text`` stands for; lists are separated by commas.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        if self is Kind.VERSION:
            return _version(text)
        items = [item.strip() for item in text.split(",") if item.strip()]
        if self is not Kind.ENVIRONMENT:
            return self._from_items(items)
        pairs = [item.partition("=") for item in items]
        if not pairs or not all(equals for _, equals, _ in pairs):
            raise ValueError(f"{text!r} is not a list of pairs such as sys_platform=linux")
        return _environment({name.strip(): value.strip() for name, _, value in pairs})

    def load(self, data: object) -> Value:
        """Return the value that the JSON ``data`` stands for.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        if self is Kind.ENVIRONMENT:
            if isinstance(data, dict) and all(isinstance(value, str) for value in data.values()):
                return _environment(data)
            raise ValueError("expected an object of strings, one for each marker variable")
        if self is Kind.VERSION:
            if isinstance(data, str):
                return _version(data)
            raise ValueError('expected a version as a string, such as "12.4"')
        items = [data] if isinstance(data, str) else data
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return self._from_items(items)
        raise ValueError("expected a list of strings")

    def _from_items(self, items: list[str]) -> Value:
        if self is Kind.DISTRIBUTIONS:
            return _distributions(items)
        if not items:
            raise ValueError("expected at least one")
        if self is Kind.VERSIONS:
            return tuple(sorted(map(_version, items), key=release_key))
        if self is Kind.PROPERTIES:
            return frozenset(map(normalize_property, items))
        for item in items:
            if not is_fact_name(item):
                raise ValueError(f"{item!r} is not a name" if item else "a name is empty")
        return frozenset(normalize_name(item) for item in items)

    def dump(self, value: Value) -> Any:
        """Return ``value`` as JSON data: the inverse of `load`."""
        if isinstance(value, str):
            return value
        if isinstance(value, tuple):
            return [*value]
        return sorted(value) if isinstance(value, frozenset) else dict(value)


@dataclass(frozen=True)
class FactType:
    """What is known of a fact before any machine is looked at.

    ``family`` is the module of `selector_backend.installing.probes` that reads it; ``meaning`` and
    ``source`` are for the documentation, and ``example`` for messages. ``part`` is the part of a
    machine that people know it by, where it is one: its ``gpu``, its ``driver`` or its ``system``.
    """

    name: str
    kind: Kind
    family: str
    meaning: str
    source: str
    example: str
    part: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that sets the fact: ``SELECTOR_COMPUTE_CAPABILITY``."""
        return "SELECTOR_" + self.name.upper().replace("-", "_")


#: Every fact, in the order of the documentation. A new fact is a line here and, unless a family
#: that exists already reads it, a file in `selector_backend.installing.probes`.
FACTS: Mapping[str, FactType] = {
    fact.name: fact
    for fact in (
        FactType(
            "cuda",
            Kind.VERSION,
            "nvidia",
            "the newest CUDA that the NVIDIA driver can run; absent where CUDA does not start",
            "NVML, and the CUDA driver library, which has to start",
            "12.4",
            part="driver",
        ),
        FactType(
            "nvidia-driver",
            Kind.VERSION,
            "nvidia",
            "the NVIDIA driver's version",
            "NVML; the kernel's driver where NVML is missing or fails",
            "550.54.14",
            part="driver",
        ),
        FactType(
            "compute-capability",
            Kind.VERSIONS,
            "nvidia",
            "the compute capability of each visible NVIDIA GPU; one that fits is enough",
            "NVML, and the CUDA driver library, which has to start",
            "8.6",
            part="gpu",
        ),
        FactType(
            "cuda-toolkit",
            Kind.VERSION,
            "cuda_toolkit",
            "the version of the CUDA toolkit that programs find here: NVRTC's, or the runtime's",
            "those libraries, found in NVIDIA's wheels, by `CUDA_HOME` or `CUDA_PATH`, or by the "
            "dynamic loader",
            "12.4",
        ),
        FactType(
            "rocm",
            Kind.VERSION,
            "rocm",
            "the version of AMD's ROCm",
            "the HIP runtime; ROCm's version files where it is not found",
            "6.4",
            part="driver",
        ),
        FactType(
            "gfx",
            Kind.NAMES,
            "rocm",
            "the targets of the visible AMD GPUs",
            "the kernel's KFD topology",
            "gfx942",
            part="gpu",
        ),
        FactType(
            "xpu",
            Kind.VERSION,
            "xpu",
            "the version of the Level Zero loader; absent where no Intel GPU may be used",
            "that library, where the kernel's `xe` or `i915` driver shows an Intel GPU",
            "1.24.1",
            part="driver",
        ),
        FactType(
            "cpu",
            Kind.NAMES,
            "cpu",
            "the features the CPU has, its microarchitecture, and those it descends from",
            "archspec; py-cpuinfo where archspec cannot read the system",
            "avx2",
        ),
        FactType(
            "glibc",
            Kind.VERSION,
            "system",
            "the GNU C library's version",
            "the running interpreter",
            "2.28",
        ),
        FactType(
            "musl",
            Kind.VERSION,
            "system",
            "the musl C library's version",
            "the running interpreter",
            "1.2",
            part="system",
        ),
        FactType(
            "macos",
            Kind.VERSION,
            "system",
            "the version of macOS",
            "the running interpreter",
            "14.5",
        ),
        FactType(
            "marker",
            Kind.ENVIRONMENT,
            "marker",
            "what environment markers are evaluated with",
            "the running interpreter",
            "sys_platform=linux",
        ),
        FactType(
            "installed",
            Kind.DISTRIBUTIONS,
            "installed",
            "the distributions that the table names and the environment has, with their versions",
            "the environment that is installed into, where the installer shows it",
            "torch==2.9.1,jax",
        ),
        FactType(
            "property",
            Kind.PROPERTIES,
            "provider",
            "the properties that wheel-variant providers report as supported",
            "the providers that the table names",
            "x86_64 :: level :: v3",
        ),
    )
}


def is_fact_name(text: str) -> bool:
    """Return whether ``text`` can be one of a fact's names, such as ``avx2`` or ``gfx942``."""
    return re.fullmatch(r"[\w.+-]+", text, re.ASCII) is not None


def normalize_name(name: str) -> str:
    """Return a name as names are compared: ``AVX512-VNNI`` is ``avx512_vnni``."""
    return name.strip().lower().replace("-", "_")


def normalize(name: str) -> str:
    """Return the name of a project, an extra or a variant as names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def normalize_property(text: str) -> str:
    """Return a property as PEP 817 writes it: ``x86_64 :: level :: v3``.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    found = re.fullmatch(_PROPERTY, text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a property; expected 'namespace :: feature :: value', "
            "of small letters, digits and '_'"
        )
    return " :: ".join(found.groups())


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    for name in variables:
        if name not in MARKER_VARIABLES:
            hint = did_you_mean(name, MARKER_VARIABLES)
            raise ValueError(f"{name!r} is not a marker variable{hint}")
    return dict(variables)


def _distributions(items: list[str]) -> frozenset[str]:
    found: dict[str, str] = {}
    for item in items:
        match = re.fullmatch(_DISTRIBUTION, item.strip())
        if match is None:
            raise ValueError(
                f"{shorten(item)} is not a distribution such as torch==2.9.1, or torch"
            )
        name = normalize(match[1])
        if name in found:
            raise ValueError(f"{name} is named more than once")
        found[name] = f"{name}=={match[2]}" if match[2] else name
    return frozenset(found.values())


def _version(text: str) -> str:
    if is_release(text.strip()):
        return text.strip()
    raise ValueError(f"{shorten(text)} is not a version; expected numbers with dots between them")
