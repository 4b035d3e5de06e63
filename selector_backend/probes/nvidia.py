"""`cuda`, `nvidia-driver` and `compute-capability`, from the NVIDIA driver's own libraries.

NVML (the NVIDIA Management Library) is asked first, through `pynvml`; the CUDA driver library
where NVML is missing or fails, as on Jetson. Each is asked in a child process of its own, and both
together have one time limit.

``CUDA_VISIBLE_DEVICES`` plays no part: it is a setting of one run, and installing is for all.

Most machines have no driver, so what asking takes is imported where there is one.
"""

from __future__ import annotations

import sys
import time

from ..model.facts import FACTS
from ..model.machine import Fact, load_fact
from .family import Family, read_timeout
from .loader import findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, Callable

    from ..model.table import Scope

_WINDOWS = sys.platform == "win32"
_NVML_LIBRARY = "nvml.dll" if _WINDOWS else "libnvidia-ml.so.1"
_CUDA_LIBRARY = "nvcuda.dll" if _WINDOWS else "libcuda.so.1"

# What the driver's own words leave open, by NVML's return code.
_NVML_ERRORS = {
    4: "no permission to talk to the NVIDIA driver",
    9: "the NVIDIA kernel driver is not loaded",
    12: f"{_NVML_LIBRARY} or a library it needs does not load",
    13: "the driver's library lacks a function; the driver is too old or only half installed",
    15: "the GPU has fallen off the bus; restart the machine",
    18: "driver/library version mismatch: the driver was updated, restart the machine",
}
# The same by the CUDA driver's return code (`CUresult`).
_CUDA_ERRORS = {
    34: "it is a stub that only serves for linking",
    100: "no GPU is visible",
    803: "driver/library version mismatch: the driver was updated, restart the machine",
}


_NAMES = ("cuda", "nvidia-driver", "compute-capability")


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return all facts of this family, absent ones with the reason.

    Those that are not among ``names`` come with the same answer, and spare a later hook the asking.
    """
    deadline = time.monotonic() + read_timeout(environ)
    answers = _ask("nvml", "NVML", _NVML_LIBRARY, environ, deadline)
    # The CUDA driver library does not know the driver's own version.
    open_names = [n for n in _NAMES if "error" in answers[n] and n != "nvidia-driver"]
    if open_names and findable(_CUDA_LIBRARY, environ):
        more = _ask("cuda", "CUDA driver library", _CUDA_LIBRARY, environ, deadline)
        for name in open_names:
            if "error" in more[name]:
                more[name]["error"] = f"{answers[name]['error']}; {more[name]['error']}"
            answers[name] = more[name]
    return [_fact(name, answers[name]) for name in _NAMES]


def _ask(
    reader: str, title: str, library: str, environ: Mapping[str, str], deadline: float
) -> dict[str, dict[str, Any]]:
    """Return one library's answer for each fact: its value, that it is absent, or an error."""
    if not findable(library, environ):
        return _all({"error": f"{library} is not installed", "source": title})
    from .child import NoAnswerError, ask

    child_environ = {k: v for k, v in environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    try:
        answers: dict[str, dict[str, Any]] = ask(
            f"{__name__}:{reader}", child_environ, deadline - time.monotonic()
        )
    except NoAnswerError as error:
        return _all({"error": f"{title}: {error}", "source": title})
    for answer in answers.values():
        answer["source"] = title
        if "error" in answer:
            answer["error"] = f"{title}: {answer['error']}"
    return answers


def _fact(name: str, answer: dict[str, Any]) -> Fact:
    if "error" in answer:
        return Fact(name, answer["source"], reason=answer["error"])
    return load_fact(name, answer, answer["source"])


def _all(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: dict(answer) for name in _NAMES}


def _attempt(
    call: Callable[[], Any], fact: str = "", words: Callable[[Exception], str] = str
) -> dict[str, Any]:
    """Return what a call of a library gives, or the error that it ends in, in ``words``.

    What cannot be a value of ``fact`` is an error, too, and that fact's alone.
    """
    try:
        value = call()
        if fact:
            FACTS[fact].kind.load(value)
    except UnicodeDecodeError:
        return {"error": "its answer is not text"}
    except Exception as error:  # noqa: BLE001 - a library that fails is what this is for
        return {"error": words(error) or type(error).__name__}  # `MemoryError` has no words
    return {"value": value}


def nvml() -> dict[str, dict[str, Any]]:
    """Ask NVML. Runs in a child process; returns an answer for each fact, as JSON data."""
    import pynvml

    from .library import cuda_version

    def attempt(call: Callable[[], Any], fact: str = "") -> dict[str, Any]:
        return _attempt(call, fact, lambda error: _NVML_ERRORS.get(_code(error), str(error)))

    started = attempt(pynvml.nvmlInit)
    if "error" in started:
        return _all(started)
    count = attempt(pynvml.nvmlDeviceGetCount)
    answers = _all(count)
    if count.get("value") == 0:
        answers = _all({"absent": "the NVIDIA driver sees no GPU"})
    elif "value" in count:
        answers["cuda"] = attempt(lambda: cuda_version(_nvml_cuda_version(pynvml)), "cuda")
        answers["compute-capability"] = attempt(
            lambda: _capabilities(
                count["value"],
                lambda index: pynvml.nvmlDeviceGetCudaComputeCapability(
                    pynvml.nvmlDeviceGetHandleByIndex(index)
                ),
            ),
            "compute-capability",
        )
    answers["nvidia-driver"] = attempt(pynvml.nvmlSystemGetDriverVersion, "nvidia-driver")
    return answers


def _code(error: Exception) -> int:
    """Return NVML's return code, which pynvml's errors have; 0 for another error."""
    return int(getattr(error, "value", 0))


def _nvml_cuda_version(pynvml: Any) -> int:
    try:
        return int(pynvml.nvmlSystemGetCudaDriverVersion_v2())
    except pynvml.NVMLError_FunctionNotFound:  # drivers before CUDA 10.1
        return int(pynvml.nvmlSystemGetCudaDriverVersion())


def _capabilities(count: int, read: Callable[[int], tuple[int, int]]) -> list[str]:
    """Return the compute capability of each GPU. One that is lost does not hide the others."""
    capabilities: list[str] = []
    lost: Exception | None = None
    for index in range(count):
        try:
            capabilities.append(_capability(*read(index)))
        except Exception as error:  # noqa: BLE001 - whatever the library does about it
            lost = error
    if lost is not None and not capabilities:
        raise lost
    return capabilities


def _capability(major: int, minor: int) -> str:
    if major < 1 or minor < 0:
        raise ValueError(f"a GPU has the compute capability {major}.{minor}")
    return f"{major}.{minor}"


def cuda() -> dict[str, dict[str, Any]]:
    """Ask the CUDA driver library. Runs in a child process, like `nvml`.

    ``cuDriverGetVersion`` answers without a GPU too, so whether there is one is asked first.
    """
    from .library import cuda_version, load

    def start() -> tuple[Any, int]:
        library = load(_CUDA_LIBRARY)
        _check(library.cuInit(0))
        return library, _integer(library.cuDeviceGetCount)

    started = _attempt(start)
    if "error" in started:
        return _all(started)
    library, count = started["value"]
    if count == 0:
        return _all({"absent": "no GPU is visible"})
    version = _attempt(lambda: cuda_version(_integer(library.cuDriverGetVersion)), "cuda")
    capabilities = _attempt(
        lambda: _capabilities(count, lambda index: _cuda_capability(library, index)),
        "compute-capability",
    )
    return {"cuda": version, "compute-capability": capabilities}


class _CudaError(Exception):
    """The CUDA driver library returned an error code."""


def _check(status: int) -> None:
    if status != 0:
        raise _CudaError(_CUDA_ERRORS.get(status, f"it returned error {status}"))


def _integer(function: Any, *arguments: object) -> int:
    """Return the integer that a function of the library leaves behind its first argument."""
    import ctypes

    result = ctypes.c_int()
    _check(function(ctypes.byref(result), *arguments))
    return result.value


def _cuda_capability(library: Any, index: int) -> tuple[int, int]:
    device = _integer(library.cuDeviceGet, index)
    # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
    major, minor = (_integer(library.cuDeviceGetAttribute, number, device) for number in (75, 76))
    return major, minor


# The child process imports it.
FAMILY = Family(read, carries=lambda _: {"nvidia-ml-py": "pynvml"})
