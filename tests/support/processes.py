"""Whether processes still run."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

# A test run that outlives its terminal ignores this signal, and all that it starts does as well;
# but what is under test has to end by it.
if hasattr(signal, "SIGHUP"):  # Windows has none
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def logged(log: Path) -> list[int]:
    """Return the processes that a stand-in library has noted (``STANDIN_LOG``)."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [int(line.split()[1]) for line in lines]


def wait_for(log: Path, number: int = 1) -> list[int]:
    """Return the processes of ``log`` as soon as there are as many."""
    deadline = time.monotonic() + 30
    while len(found := logged(log)) < number:
        assert time.monotonic() < deadline, f"{log} names {found}"
        time.sleep(0.02)
    return found


def running_after(pids: list[int], seconds: float = 5) -> list[int]:
    """Return those of the processes that still run after ``seconds``."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _runs(pid: int) -> bool:
    """A process that has ended and was not waited for does not run, though it has its number."""
    if sys.platform == "win32":
        return _runs_on_windows(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False
    else:
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _runs_on_windows(pid: int) -> bool:
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel32.OpenProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel32.OpenProcess(0x100000, False, pid))  # SYNCHRONIZE
    if not process:
        return False
    waited: int = kernel32.WaitForSingleObject(process, 0)
    kernel32.CloseHandle(process)
    return waited == 0x102  # WAIT_TIMEOUT
