"""`cuda`, `nvidia-driver` and `compute-capability`, from the NVIDIA driver's own libraries.

NVML (the NVIDIA Management Library) is asked first, through `pynvml`; the CUDA driver library
where NVML is missing or fails, as on Jetson. Each is asked in a child process of its own, and both
together have one time limit.

``CUDA_VISIBLE_DEVICES`` plays no part: it is a setting of one run, and installing is for all.
"""

from __future__ import annotations

import ctypes
import sys
import time
from typing import TYPE_CHECKING, Any, Callable, cast

from ..machine import Fact, load_fact
from . import timeout
from .child import NoAnswerError, ask
from .library import load
from .loader import findable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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


def read(names: Collection[str], environ: Mapping[str, str]) -> list[Fact]:
    """Return the facts ``names`` of this family, absent ones with the reason."""
    deadline = time.monotonic() + timeout(environ)
    answers = _ask("nvml", "NVML", _NVML_LIBRARY, environ, deadline)
    # The CUDA driver library does not know the driver's own version.
    open_names = [n for n in names if "error" in answers[n] and n != "nvidia-driver"]
    if open_names and findable(_CUDA_LIBRARY, environ):
        more = _ask("cuda", "CUDA driver library", _CUDA_LIBRARY, environ, deadline)
        for name in open_names:
            if "error" in more[name]:
                more[name]["error"] = f"{answers[name]['error']}; {more[name]['error']}"
            answers[name] = more[name]
    return [_fact(name, answers[name]) for name in names]


def _ask(
    reader: str, title: str, library: str, environ: Mapping[str, str], deadline: float
) -> dict[str, dict[str, Any]]:
    """Return one library's answer for each fact: its value, that it is absent, or an error."""
    if not findable(library, environ):
        return _all({"error": f"{library} is not installed", "source": title})
    child_environ = {k: v for k, v in environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    try:
        answers = ask(f"{__name__}:{reader}", child_environ, deadline - time.monotonic())
    except NoAnswerError as error:
        return _all({"error": f"{title}: {error}", "source": title})
    for answer in answers.values():
        answer["source"] = title
        if "error" in answer:
            answer["error"] = f"{title}: {answer['error']}"
    return cast("dict[str, dict[str, Any]]", answers)


def _fact(name: str, answer: dict[str, Any]) -> Fact:
    if "error" in answer:
        return Fact(name, answer["source"], reason=answer["error"])
    return load_fact(name, answer, answer["source"])


def _all(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: dict(answer) for name in _NAMES}


def nvml() -> dict[str, dict[str, Any]]:
    """Ask NVML. Runs in a child process; returns an answer for each fact, as JSON data."""
    import pynvml

    def attempt(call: Callable[[], Any]) -> dict[str, Any]:
        try:
            return {"value": call()}
        except pynvml.NVMLError as error:
            return {"error": _NVML_ERRORS.get(error.value, str(error))}

    started = attempt(pynvml.nvmlInit)
    if "error" in started:
        return _all(started)
    answers = _all(attempt(pynvml.nvmlDeviceGetCount))
    if answers["cuda"].get("value") == 0:
        answers = _all({"absent": "the NVIDIA driver sees no GPU"})
    elif "value" in answers["cuda"]:
        answers["cuda"] = attempt(lambda: _cuda_version(_nvml_cuda_version(pynvml)))
        answers["compute-capability"] = attempt(lambda: _nvml_capabilities(pynvml))
    answers["nvidia-driver"] = attempt(pynvml.nvmlSystemGetDriverVersion)
    return answers


def _nvml_cuda_version(pynvml: Any) -> int:
    try:
        return int(pynvml.nvmlSystemGetCudaDriverVersion_v2())
    except pynvml.NVMLError_FunctionNotFound:  # drivers before CUDA 10.1
        return int(pynvml.nvmlSystemGetCudaDriverVersion())


def _nvml_capabilities(pynvml: Any) -> list[str]:
    """Return the compute capability of each GPU. One that is lost does not hide the others."""
    capabilities, lost = [], None
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
            capabilities.append(f"{major}.{minor}")
        except pynvml.NVMLError as error:
            lost = error
    if lost is not None and not capabilities:
        raise lost
    return capabilities


def cuda() -> dict[str, dict[str, Any]]:
    """Ask the CUDA driver library. Runs in a child process, like `nvml`.

    ``cuDriverGetVersion`` answers without a GPU too, so whether there is one is asked first.
    """
    try:
        library = load(_CUDA_LIBRARY)
        _check(library.cuInit(0))
        count = _integer(library.cuDeviceGetCount)
        if count == 0:
            return _all({"absent": "no GPU is visible"})
        version = _cuda_version(_integer(library.cuDriverGetVersion))
        capabilities = [_cuda_capability(library, index) for index in range(count)]
    except (NoAnswerError, AttributeError, _CudaError) as error:
        # ctypes' own words name the function.
        return _all({"error": str(error)})
    return {"cuda": {"value": version}, "compute-capability": {"value": capabilities}}


class _CudaError(Exception):
    """The CUDA driver library returned an error code."""


def _check(status: int) -> None:
    if status != 0:
        raise _CudaError(_CUDA_ERRORS.get(status, f"it returned error {status}"))


def _integer(function: Any, *arguments: object) -> int:
    """Return the integer that a function of the library leaves behind its first argument."""
    result = ctypes.c_int()
    _check(function(ctypes.byref(result), *arguments))
    return result.value


def _cuda_capability(library: Any, index: int) -> str:
    device = _integer(library.cuDeviceGet, index)
    # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
    major, minor = (_integer(library.cuDeviceGetAttribute, number, device) for number in (75, 76))
    return f"{major}.{minor}"


def _cuda_version(number: int) -> str:
    """Return CUDA's integer version as text: 12040 is 12.4."""
    return f"{number // 1000}.{number % 1000 // 10}"
