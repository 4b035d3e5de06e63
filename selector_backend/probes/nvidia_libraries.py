"""Asking NVML, through `pynvml`, and the CUDA driver library. Runs in a child process.

`nvidia` has what counts of their answers.
"""

from __future__ import annotations

import re
import sys

from ..model.facts import FACTS
from .child import crash
from .library import cuda_version, load
from .nvidia import CUDA_LIBRARY, NO_GPU, NVML_LIBRARY, for_each_fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    from .nvidia import Answer

_MISMATCH = "driver/library version mismatch: the driver was updated, restart the machine"
# Clearer messages than NVML's own, by its return code.
_NVML_ERRORS = {
    4: "no permission to talk to the NVIDIA driver",
    9: "the NVIDIA kernel driver is not loaded",
    12: f"{NVML_LIBRARY} or a library it needs does not load",
    13: "the driver's library lacks a function; the driver is too old or only half installed",
    15: "the GPU has fallen off the bus; restart the machine",
    16: "the GPU needs a reset (nvidia-smi --gpu-reset), or the machine a restart",
    18: _MISMATCH,
}
_NO_CUDA_LIBRARY = (
    f"the driver does not find {CUDA_LIBRARY}; a container needs the capability `compute`, too "
    "(NVIDIA_DRIVER_CAPABILITIES=compute,utility)"
)
_OTHER_PYNVML = (
    "the module pynvml is not from nvidia-ml-py, but from nvidia-ml-py3 or another distribution: "
    "uninstall that, and then reinstall nvidia-ml-py"
)
# The same by the CUDA driver's return code (`CUresult`).
_NO_DEVICE = 100
_CUDA_ERRORS = {
    3: "it returned error 3; a GPU in MIG mode without an instance is one cause",
    34: "it is a stub that only serves for linking",
    _NO_DEVICE: "no GPU is visible to CUDA; one in MIG mode needs an instance first",
    214: "it returned error 214: a GPU has an uncorrectable ECC error; reset it, or restart the "
    "machine",
    304: "it returned error 304: a call of the operating system failed; may /dev/nvidia-uvm and "
    "the other devices be used from here?",
    802: "it returned error 802: the system is not ready yet; a machine with NVSwitch needs Fabric "
    "Manager, of the driver's version: start it, and install again",
    803: _MISMATCH,
    804: "it returned error 804: it is a compatibility library, which this GPU may not use; take "
    "its folder out of the loader's search path, or update the driver",
    999: "it returned error 999; often the kernel's module nvidia-uvm has to be loaded, or loaded "
    "anew after the machine slept (modprobe)",
}


def _attempt(
    call: Callable[[], Any], fact: str = "", message_of: Callable[[Exception], str] = str
) -> Answer:
    """Return what ``call`` returns, or the message of the error that it raises.

    An invalid value of ``fact`` is an error, too.
    """
    try:
        value = call()
        if fact:
            FACTS[fact].kind.load(value)
    except UnicodeDecodeError:
        return {"error": "its answer is not text"}
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        # `MemoryError` has no message
        return {"error": crash(error) or message_of(error) or type(error).__name__}
    return {"value": value}


def nvml() -> dict[str, Answer]:
    """Ask NVML. Runs in a child process; returns an answer for each fact, as JSON data.

    Of `pynvml`, only the part that is called is compiled, if possible: CONTRIBUTING says why.
    """
    try:
        return _ask_nvml(_part_of_pynvml(), _message_or_raise)
    except Exception:  # noqa: BLE001 - a pynvml of another form, or none
        sys.modules.pop("pynvml", None)
    import pynvml

    return _ask_nvml(pynvml, _nvml_message)


def _ask_nvml(pynvml: Any, message_of: Callable[[Exception], str]) -> dict[str, Answer]:
    """Return the answer of `pynvml` for each fact."""

    def attempt(call: Callable[[], Any], fact: str = "") -> Answer:
        return _attempt(call, fact, message_of)

    started = attempt(pynvml.nvmlInit)
    if "error" in started:
        return for_each_fact(started)
    count = attempt(pynvml.nvmlDeviceGetCount)
    answers = for_each_fact(count)
    if count.get("value") == 0:
        answers = for_each_fact({"absent": NO_GPU})
    elif "value" in count:
        handles = attempt(lambda: _each(range(count["value"]), pynvml.nvmlDeviceGetHandleByIndex))
        if "error" in handles:  # a GPU without a handle can't be used from here
            answers = for_each_fact({"absent": handles["error"]})
        else:
            version = attempt(lambda: cuda_version(_nvml_cuda_version(pynvml)), "cuda")
            capabilities = attempt(
                lambda: _capabilities(handles["value"], pynvml.nvmlDeviceGetCudaComputeCapability),
                "compute-capability",
            )
            if version.get("error") == _NO_CUDA_LIBRARY:
                capabilities = dict(version)
            answers = {"cuda": version, "compute-capability": capabilities}
    answers["nvidia-driver"] = attempt(lambda: _driver_version(pynvml), "nvidia-driver")
    return answers


# What this module uses of pynvml.
_CALLED = (
    *("nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"),
    *("nvmlDeviceGetCudaComputeCapability", "nvmlSystemGetDriverVersion"),
    *("nvmlSystemGetCudaDriverVersion", "nvmlSystemGetCudaDriverVersion_v2"),
    *("NVMLError_FunctionNotFound", "NVMLError_LibraryNotFound"),
)
# The start of a module's top-level statement, and a statement that only defines a name: a function,
# a class, a constant on one line, or an import of one name.
_STATEMENT = r"(?m)^(?=[\w@])"
_DEFINITION = (
    r"(?m)(?:[@#].*\n)*"
    r"(?:(?:def|class) (\w+)|(\w+) *=[^=;\n]*$|(?:from [\w.]+ )?import (\w+)$)"
)


def _part_of_pynvml() -> Any:
    """Return the module `pynvml` with only the definitions that `_CALLED` needs.

    Raises any exception where that fails.
    """
    import importlib.util

    spec: Any = importlib.util.find_spec("pynvml")
    module = importlib.util.module_from_spec(spec)
    with open(spec.origin, encoding="utf-8") as file:
        part = _part_of(file.read(), _CALLED)
    sys.modules["pynvml"] = module  # pynvml looks itself up there
    exec(compile(part, spec.origin, "exec"), module.__dict__)
    return module


def _part_of(source: str, names: Iterable[str]) -> str:
    """Return a module's source without the definitions that ``names`` do not need.

    A definition is needed if the kept source has its name anywhere, even in a string or comment.
    """
    statements: list[tuple[str, str]] = []
    decorators = ""
    for text in re.split(_STATEMENT, source):
        if text.startswith("@"):
            decorators += text
            continue
        definition = re.match(_DEFINITION, decorators + text)
        name = definition[definition.lastindex or 0] if definition else ""
        statements.append((name, decorators + text))
        decorators = ""
    defining: dict[str, list[str]] = {}
    for name, text in statements:
        defining.setdefault(name, []).append(text)
    needed, new = set[str](), {"", *names}
    while new:
        needed |= new
        texts = "".join(text for name in new for text in defining.get(name, ()))
        new = (defining.keys() & {*re.findall(r"\w+", texts)}) - needed
    return "".join(text for name, text in statements if name in needed)


def _nvml_message(error: Exception) -> str:
    if isinstance(error, AttributeError):
        return _OTHER_PYNVML
    return _NVML_ERRORS.get(getattr(error, "value", 0), str(error))  # pynvml's have NVML's code


def _message_or_raise(error: Exception) -> str:
    """Return the message of NVML's error; raise one that means that a definition is missing."""
    if isinstance(error, (AttributeError, LookupError, NameError)):
        raise error
    return _nvml_message(error)


def _nvml_cuda_version(pynvml: Any) -> int:
    try:
        return int(pynvml.nvmlSystemGetCudaDriverVersion_v2())
    except pynvml.NVMLError_FunctionNotFound:  # drivers before CUDA 10.1
        return int(pynvml.nvmlSystemGetCudaDriverVersion())
    except pynvml.NVMLError_LibraryNotFound:
        # NVML calls the CUDA driver library for it.
        # https://docs.nvidia.com/deploy/nvml-api/group__nvmlSystemQueries.html
        raise _CudaError(_NO_CUDA_LIBRARY) from None


def _driver_version(pynvml: Any) -> str:
    version: str | bytes = pynvml.nvmlSystemGetDriverVersion()
    return version.decode() if isinstance(version, bytes) else version  # nvidia-ml-py3's is bytes


def _each(items: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    """Return ``read(item)`` for each GPU, without those that fail unless all do."""
    results: list[Any] = []
    lost: Exception | None = None
    for item in items:
        try:
            results.append(read(item))
        except Exception as error:  # noqa: BLE001 - a library may raise anything
            lost = error
    if lost is not None and not results:
        raise lost
    return results


def _capabilities(gpus: Iterable[Any], read: Callable[[Any], tuple[int, int]]) -> list[str]:
    """Return the compute capability of each GPU, sorted to compare two libraries' answers."""
    return sorted(_each(gpus, lambda gpu: _capability(*read(gpu))))


def _capability(major: int, minor: int) -> str:
    if major < 1 or minor < 0:
        raise ValueError(f"a GPU has the compute capability {major}.{minor}")
    return f"{major}.{minor}"


def cuda() -> dict[str, Answer]:
    """Ask the CUDA driver library. Runs in a child process, like `nvml`.

    CUDA is started first, since ``cuDriverGetVersion`` also answers where it does not start.
    """

    def start() -> tuple[Any, int]:
        library = load(CUDA_LIBRARY)
        _check(library.cuInit(0))
        count = _integer(library.cuDeviceGetCount)
        if count == 0:
            _check(_NO_DEVICE)
        return library, count

    started = _attempt(start)
    if "error" in started:
        return for_each_fact({"absent": started["error"]})
    library, count = started["value"]
    version = _attempt(lambda: cuda_version(_integer(library.cuDriverGetVersion)), "cuda")
    capabilities = _attempt(
        lambda: _capabilities(range(count), lambda index: _cuda_capability(library, index)),
        "compute-capability",
    )
    return {"cuda": version, "compute-capability": capabilities}


class _CudaError(Exception):
    """The CUDA driver library returned an error code, or is missing."""


def _check(status: int) -> None:
    if status != 0:
        raise _CudaError(_CUDA_ERRORS.get(status, f"it returned error {status}"))


def _integer(function: Any, *arguments: object) -> int:
    """Return the integer that a function of the library writes to its first argument."""
    import ctypes

    result = ctypes.c_int()
    _check(function(ctypes.byref(result), *arguments))
    return result.value


def _cuda_capability(library: Any, index: int) -> tuple[int, int]:
    device = _integer(library.cuDeviceGet, index)
    # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
    major, minor = (_integer(library.cuDeviceGetAttribute, number, device) for number in (75, 76))
    return major, minor
