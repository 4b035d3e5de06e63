"""`cuda`, `nvidia-driver` and `compute-capability`, from the NVIDIA driver's own libraries.

NVML (the NVIDIA Management Library) is asked first, through `pynvml`, and then the CUDA driver
library, in one child process and with one time limit. NVML knows the machine's hardware, the CUDA
driver library whether CUDA starts here: its answer counts where they differ, and where NVML is
missing or fails, as on Jetson.

``CUDA_VISIBLE_DEVICES`` is ignored: it is for one run, and an install is for all.

Most machines have no driver, so what asks it, `nvidia_libraries`, is imported late.
"""

from __future__ import annotations

import re
import sys

from ..model.facts import FACTS
from ..model.machine import Fact, load_fact
from . import Family, below_root, read_timeout
from .loader import findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Scope

    #: A library's answer for a fact: its ``value``, the reason why it is ``absent``, or the
    #: ``error`` why the library does not know; and the ``source``.
    Answer = dict[str, Any]

_WINDOWS = sys.platform == "win32"
_NVML, _CUDA = "NVML", "CUDA driver library"
NVML_LIBRARY = "nvml.dll" if _WINDOWS else "libnvidia-ml.so.1"
CUDA_LIBRARY = "nvcuda.dll" if _WINDOWS else "libcuda.so.1"

NO_GPU = "the NVIDIA driver sees no GPU"

_NAMES = ("cuda", "nvidia-driver", "compute-capability")
# Where the kernel's driver shows its version.
_VERSION_FILES = ("sys/module/nvidia/version", "proc/driver/nvidia/version")


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return all facts of this family, whatever the ``names``: one answer has all of them."""
    by_nvml, by_cuda = _ask(environ)
    # The CUDA driver library does not know the driver's version.
    known = "value" in by_nvml["nvidia-driver"] or "value" not in by_cuda.get("cuda", {})
    by_cuda["nvidia-driver"] = {} if known else _kernel_driver(environ)
    return [_fact(name, _combine(by_nvml[name], by_cuda.get(name, {}))) for name in _NAMES]


def _ask(environ: Mapping[str, str]) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Return NVML's answer for each fact, and the CUDA driver library's, if that exists."""
    missing = {"error": f"the loader does not find {NVML_LIBRARY}", "source": _NVML}
    missing["not_found"] = NVML_LIBRARY
    answers: dict[str, dict[str, Answer]] = {_NVML: for_each_fact(missing), _CUDA: {}}
    libraries = {_NVML: (NVML_LIBRARY, "nvml"), _CUDA: (CUDA_LIBRARY, "cuda")}
    existing = [title for title, (file, _) in libraries.items() if findable(file, environ)]
    if existing:
        from .child import NoAnswerError, ask_each

        child_environ = {k: v for k, v in environ.items() if k != "CUDA_VISIBLE_DEVICES"}
        calls = [[f"{__name__}_libraries:{libraries[title][1]}"] for title in existing]
        results = ask_each(calls, child_environ, read_timeout(environ))
        for title, result in zip(existing, results):
            if isinstance(result, NoAnswerError):
                # CUDA may work without NVML, but not without the CUDA driver library.
                result = for_each_fact({"error" if title == _NVML else "absent": str(result)})
            for answer in result.values():
                answer["source"] = title
                reason = "absent" if "absent" in answer else "error"
                if answer.get(reason) not in (None, NO_GPU):
                    answer[reason] = f"{title}: {answer[reason]}"
            answers[title] = result
    return answers[_NVML], answers[_CUDA]


def _combine(nvml: Answer, cuda: Answer) -> Answer:
    """Return the answer that counts; ``cuda`` is empty if that library has none for the fact."""
    if "absent" in nvml or not cuda:
        return nvml
    if "value" in cuda:
        return nvml if nvml.get("value") == cuda["value"] else cuda
    kind = "absent" if "absent" in cuda else "error"
    if "error" in nvml:
        return {**cuda, kind: f"{nvml['error']}; {cuda[kind]}"}
    return cuda if kind == "absent" else nvml


def _kernel_driver(environ: Mapping[str, str]) -> Answer:
    """Return the version of the kernel's driver as an answer, an empty one if it is not known."""
    for file in _VERSION_FILES:
        try:
            with open(below_root(environ, file), encoding="utf-8") as stream:
                version = re.search(r"(?:^|\s)(\d+(?:\.\d+)+)\s", stream.read(), re.ASCII)
            if version:
                FACTS["nvidia-driver"].kind.load(version[1])
                return {"value": version[1], "source": "the kernel's NVIDIA driver"}
        except (OSError, ValueError):
            continue
    return {}


def _fact(name: str, answer: Answer) -> Fact:
    if "value" in answer:
        return load_fact(name, answer, answer["source"])
    reason, not_found = answer.get("error") or answer["absent"], answer.get("not_found")
    return Fact(name, answer["source"], None, reason, not_found=(not_found,) if not_found else ())


def for_each_fact(answer: Answer) -> dict[str, Answer]:
    """Return ``answer`` for each fact of the family."""
    return {name: dict(answer) for name in _NAMES}


FAMILY = Family(read, carries=lambda _: {"nvidia-ml-py": "pynvml"}, is_64_bit=True)
