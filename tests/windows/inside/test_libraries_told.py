"""What each library tells on Windows, and what it may do to who asks it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.dlls import finding
from support.hooks import Backend
from support.processes import logged, running_after
from support.project import write_compiled

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "any"
when = {{ {fact} = true }}

[[tool.selector.variant]]
name = "none"
"""

NVIDIA = {"STANDIN_CUDA": "12040", "STANDIN_DRIVER": "550.54.14", "STANDIN_GPUS": "8.6,6.1"}


def read(folder: Path, fact: str, environ: dict[str, str]) -> dict[str, Any]:
    """Return one fact of the record that a project gets under ``environ``."""
    source = write_compiled(folder / "source", TABLE.format(fact=fact))
    backend = Backend(source, environ)
    record = backend.record(folder / "out")
    assert "Traceback" not in backend.output
    told: dict[str, Any] = record["facts"][fact]
    assert record["variants"] == ["any" if "value" in told else "none"]
    assert str(folder) not in str(told)
    return told


@pytest.mark.parametrize(
    ("fact", "folder", "value", "source"),
    [
        ("cuda", "nvidia", "12.4", "CUDA driver library"),
        ("compute-capability", "nvidia", ["6.1", "8.6"], "CUDA driver library"),
        ("cuda-toolkit", "toolkit", "12.4", "NVRTC, found by the dynamic loader"),
        ("rocm", "rocm", "6.2", "the HIP runtime"),
        ("gfx", "rocm", ["gfx1100"], "the HIP runtime"),
        ("xpu", "xpu", "1.17.0", "the Level Zero loader"),
    ],
)
def test_a_library_on_path_tells_its_facts(
    tmp_path: Path, dlls: Path, fact: str, folder: str, value: Any, source: str
) -> None:
    environ = {**NVIDIA, "STANDIN_GFX": "gfx1100", **finding(dlls, folder)}
    told = read(tmp_path, fact, environ)
    assert (told.get("value"), told["source"]) == (value, source), told


@pytest.mark.parametrize("folders", [[], ["nvidia"]])
@pytest.mark.parametrize(
    ("fact", "value"),
    [("cuda", "12.4"), ("nvidia-driver", "550.54.14"), ("compute-capability", ["6.1", "8.6"])],
)
def test_nvml_tells_its_facts(
    tmp_path: Path, dlls: Path, nvml: dict[str, str], fact: str, folders: list[str], value: Any
) -> None:
    path = {"PATH": os.pathsep.join([*(str(dlls / name) for name in folders), nvml["PATH"]])}
    told = read(tmp_path, fact, {**NVIDIA, **nvml, **path})
    assert told == {"value": value, "source": "NVML"}


@pytest.mark.parametrize(
    ("fact", "file"),
    [
        ("cuda", "nvml.dll"),
        ("rocm", ""),
        ("gfx", ""),
        ("xpu", "ze_loader.dll"),
        ("cuda-toolkit", "NVRTC"),
    ],
)
def test_without_the_library_the_fact_is_absent(tmp_path: Path, fact: str, file: str) -> None:
    told = read(tmp_path, fact, {})
    assert file in told["absent"]


HEARD = ""
SILENT = "NVML: did not answer within "
DIED = "NVML: ended the process that asked it, with exit status "
CRASHED = "NVML: crashed "
#: What the library does, and how the reason begins why there is no CUDA then; `HEARD` where there
#: is CUDA.
FAULTS = {
    **dict.fromkeys(("hang", "spin", "spin-in-threads", "start-and-hang"), SILENT),
    **dict.fromkeys(("null", "illegal", "float", "throw", "fail-fast"), CRASHED),
    "stack": (f"{DIED}1", f"{DIED}0"),  # below wine; Windows' exit status is an exception's
    "abort": f"{DIED}3",
    "terminate": f"{DIED}7",
    "exit": f"{DIED}0",
    "exit-3": f"{DIED}3",
    "quick-exit": f"{DIED}0",
    **dict.fromkeys(("start-a-program", "daemon", "thread", "at-exit"), HEARD),
    **dict.fromkeys(("print", "print-error", "read", "write-to-handle"), HEARD),
    # What the library closes are files of its own C library.
    **dict.fromkeys(("close-all", "close-standard"), HEARD),
    **dict.fromkeys(("console", "chdir", "signals", "error-mode"), HEARD),
    "slow": HEARD,
}


@pytest.mark.parametrize(
    ("where", "fault", "reason"),
    [
        *(("nvmlInitWithFlags", *expected) for expected in FAULTS.items()),
        ("load", "hang", SILENT),
        ("load", "null", "NVML: nvml.dll or a library it needs does not load"),
        ("load", "exit", FAULTS["exit"]),
    ],
)
def test_whatever_a_driver_does_is_one_sentence_and_a_choice(
    tmp_path: Path, nvml: dict[str, str], where: str, fault: str, reason: str | tuple[str, ...]
) -> None:
    log = tmp_path / "log"
    environ = {**NVIDIA, **nvml, "STANDIN_LOG": str(log)}
    environ["STANDIN_NVML_FAULT"] = f"{where}:{fault}"
    limit = "10" if reason == SILENT else "60"
    told = read(tmp_path, "cuda", {**environ, "SELECTOR_PROBE_TIMEOUT": limit})
    if reason == HEARD:
        assert told == {"value": "12.4", "source": "NVML"}
    else:
        assert told.get("absent", "").startswith(reason), told
    assert logged(log)
    assert running_after(logged(log)) == []


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"STANDIN_GPUS": ""}, "the NVIDIA driver sees no GPU"),
        ({"STANDIN_COUNT": "10000"}, HEARD),
        ({"STANDIN_COUNT": "4294967295"}, SILENT),
        ({"STANDIN_CUDA": "2147483647"}, HEARD),
        ({"STANDIN_CUDA": "-2147483648"}, "NVML: reports the version"),
        ({"STANDIN_CUDA": "garbage"}, "NVML: reports the version 0"),
        ({"STANDIN_NVML_FAULT": "nvmlInitWithFlags:9"}, "NVML: the NVIDIA kernel driver is not"),
        ({"STANDIN_FIRST_GPU_LOST": "1"}, HEARD),
    ],
)
def test_whatever_a_driver_says_is_one_sentence_and_a_choice(
    tmp_path: Path, nvml: dict[str, str], variables: dict[str, str], reason: str
) -> None:
    environ = {**NVIDIA, **nvml, **variables, "SELECTOR_PROBE_TIMEOUT": "5"}
    told = read(tmp_path, "cuda", environ)
    assert "value" in told if reason == HEARD else told["absent"].startswith(reason), told


def test_a_library_that_is_none_is_absent(tmp_path: Path) -> None:
    (tmp_path / "nvcuda.dll").write_bytes(b"MZ and no more")
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    assert "CUDA driver library: does not load" in read(tmp_path, "cuda", {"PATH": path})["absent"]
