"""All that a driver can do to who asks it: the hook says one sentence, and chooses.

What each of these names does is in `tests/support/faults.h`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support.driver import Driver
from support.hooks import Backend
from support.processes import logged, running_after
from support.project import write_project

HEARD = ""
DIED = "NVML: ended the process that asked it, with exit status "
CRASHED = "NVML: crashed the process that asked it "
SILENT = "NVML: did not answer within "

#: What a driver does, and how the reason begins why there is no CUDA then, or one of some that it
#: depends on the interpreter; `HEARD` where there is CUDA.
FAULTS: dict[str, str | tuple[str, ...]] = {
    # it does not come back
    "hang": SILENT,
    "spin": SILENT,
    "spin-in-threads": SILENT,
    "hang-blocking-signals": SILENT,
    "hang-ignoring-signals": SILENT,
    "stop": SILENT,
    "fork-hang": SILENT,
    "fork-spin": SILENT,
    # it ends the process
    "abort": f"{CRASHED}(SIGABRT)",
    "crash": f"{CRASHED}(SIGSEGV)",
    "null": f"{CRASHED}(SIGSEGV)",
    "illegal": f"{CRASHED}(SIGILL)",
    "float": f"{CRASHED}(SIGFPE)",
    "bus": f"{CRASHED}(SIGBUS)",
    "stack": f"{CRASHED}(SIGSEGV)",
    "alarm": f"{CRASHED}(SIGALRM)",
    "terminate": f"{CRASHED}(SIGTERM)",
    "kill": f"{CRASHED}(SIGKILL)",
    "kill-group": f"{CRASHED}(SIGKILL)",
    "cpu-limit": f"{CRASHED}(SIG",
    "exit": f"{DIED}0",
    "exit-3": f"{DIED}3",
    "quick-exit": f"{DIED}0",
    "exec": f"{DIED}0",
    "exec-json": f"{DIED}0",
    "fork-abort": f"{CRASHED}(SIGABRT)",
    "fork-exit": f"{DIED}0",
    # it goes on, and leaves something behind
    "fork-0": HEARD,
    "many-forks": HEARD,
    "start-a-program": HEARD,
    "orphan": HEARD,
    "daemon": HEARD,
    "wait-for-all": HEARD,
    "thread": HEARD,
    "at-exit": HEARD,
    "print": HEARD,
    "print-error": HEARD,
    "read": HEARD,
    "close-standard": HEARD,
    "no-files": HEARD,
    "no-processes": HEARD,
    "chdir": HEARD,
    "umask": HEARD,
    "signals": HEARD,
    "handlers": HEARD,
    "environment": HEARD,
    "locale": HEARD,
    "rounding": HEARD,
    "session": HEARD,
    "group": HEARD,
    "slow": HEARD,
    "no-descriptors": HEARD,
    # what it says is lost
    "exec-sleep": "NVML: gave no answer",
    "interrupt": SILENT,
    "write-everywhere": ("NVML: gave no answer", f"{DIED}0"),
    "close-all": DIED,
    "no-memory": ("NVML: MemoryError", f"{DIED}1"),
}
#: Those that have found something, and one of each sort; `test_nvidia` has the usual ones.
ALWAYS = ("exec-sleep", "kill-group", "write-everywhere", "close-all", "no-memory", "daemon")
#: What it says that it has, in variables of the stand-in.
ANSWERS = {
    "ten thousand GPUs": ({"STANDIN_COUNT": "10000"}, HEARD),
    "four billion GPUs": ({"STANDIN_COUNT": "4294967295"}, SILENT),
    "a version that is too large": ({"STANDIN_CUDA": "2147483647"}, HEARD),
    "a version below zero": ({"STANDIN_CUDA": "-2147483648"}, "NVML: reports the version"),
    "no version": ({"STANDIN_CUDA": "garbage"}, "NVML: reports the version 0"),
}
TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "gpu"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""


def facts(tmp_path: Path, environ: dict[str, str], table: str = TABLE) -> dict[str, Any]:
    """Return the facts of the record, after looking at what else the hook has done."""
    source = write_project(tmp_path / "source", table)
    backend = Backend(source, environ)
    record = backend.record(tmp_path / "out")
    assert "Traceback" not in backend.output
    (said,) = backend.output.splitlines()
    assert said.startswith(f"spam 1.0 gets {record['variants'][0]}: ")
    assert [path.name for path in source.iterdir()] == ["pyproject.toml"]
    found: dict[str, Any] = record["facts"]
    chosen = "gpu" if "value" in found["cuda"] else "cpu"
    assert record["variants"] == [chosen]
    return found


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, marks=[] if one in ALWAYS else pytest.mark.nightly) for one in FAULTS],
)
def test_whatever_a_driver_does_is_one_sentence_and_a_choice(
    tmp_path: Path, driver_without_cuda: Driver, fault: str
) -> None:
    log = tmp_path / "log"
    environ = driver_without_cuda.environ(nvml_fault=f"nvmlInitWithFlags:{fault}", log=log)
    limit = "3" if FAULTS[fault] == SILENT else "60"
    cuda = facts(tmp_path, {**environ, "SELECTOR_PROBE_TIMEOUT": limit})["cuda"]
    if FAULTS[fault] == HEARD:
        assert cuda == {"value": "12.4", "source": "NVML"}
    else:
        assert cuda["absent"].startswith(FAULTS[fault])
    pids = logged(log)
    if fault == "daemon":  # it has left the group, and is the driver's own to end
        for pid in pids[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert running_after(pids) == []


@pytest.mark.nightly
@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_a_driver_says_is_one_sentence_and_a_choice(
    tmp_path: Path, driver_without_cuda: Driver, answer: str
) -> None:
    variables, reason = ANSWERS[answer]
    environ = {**driver_without_cuda.environ(), **variables}
    cuda = facts(tmp_path, {**environ, "SELECTOR_PROBE_TIMEOUT": "3"})["cuda"]
    assert ("value" in cuda) if reason == HEARD else cuda["absent"].startswith(reason)
