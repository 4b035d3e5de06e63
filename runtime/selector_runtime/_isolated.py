"""Trying a variant in a child process, so that it cannot harm this one."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import selector_runtime

from ._messages import explain
from ._record import normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO, Any, Callable, NoReturn

# ``-I`` keeps the current folder off the path until the parent's path replaces it.
_START = (
    "import json, sys; task = json.loads(sys.argv.pop()); sys.path[:] = task['path']; "
    "from selector_runtime._isolated import run; run(task)"
)
# How long to wait for a killed child to end. One that is stuck inside the kernel is left behind.
_GRACE_SECONDS = 1.0
# How often to check whether the child has died, since its forks may keep its output open.
_STEP_SECONDS = 0.05
# Longer than any useful limit; `select` does not take much larger numbers.
_FOREVER_SECONDS = 1e6


def try_in_child(
    project: str,
    module: str,
    initialize: str | None,
    libraries: Sequence[str],
    caller: str | None,
    *,
    timeout: float,
) -> str | None:
    """Import and initialise a variant in a child process; return the problem, or ``None``.

    ``caller`` is the module that calls `load`; it is imported first, as it is in this process.
    """
    task = {
        "path": [folder for folder in sys.path if isinstance(folder, str)],
        "project": project,
        "module": module,
        "initialize": initialize,
        "libraries": [*libraries],
        "caller": None if caller == "__main__" else caller,
        "seconds": timeout,
    }
    options: dict[str, Any] = {"start_new_session": True}
    hold = _hold
    if os.name == "nt":
        from . import _windows_job

        options, hold = {"creationflags": _windows_job.FLAGS}, _windows_job.hold
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-W", "ignore", "-c", _START, json.dumps(task)],
            stdin=subprocess.PIPE,  # when it closes, the child knows that this process has died
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **options,  # processes that the variant starts end with the child
        )
        line, timed_out = _read_line(process, hold(process), timeout)
    except (OSError, ValueError, RuntimeError) as error:  # no process or thread can be started
        return f"it cannot be tried in a child process: {explain(error)}"
    try:
        answer: str | None = json.loads(line)
    except ValueError:
        return f"it did not start within {timeout:g} seconds" if timed_out else _death(process)
    return answer


def _read_line(
    process: subprocess.Popen[bytes], kill: Callable[[], object], seconds: float
) -> tuple[bytes, bool]:
    """Return the line that a child writes, and whether it timed out; end the child in any case.

    Do not wait for the end of its output, or close the pipe while it is read: a fork of the
    variant's may hold the other end.
    """
    assert process.stdout is not None
    written = bytearray()
    reader = threading.Thread(target=_read_into, args=(written, process.stdout), daemon=True)
    try:
        reader.start()
        deadline = time.monotonic() + seconds
        while reader.is_alive() and process.poll() is None and time.monotonic() < deadline:
            reader.join(min(_STEP_SECONDS, seconds))
        timed_out = reader.is_alive() and process.poll() is None
        if not (timed_out or written):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)  # to know its exit status
    finally:
        _end(process, kill)
    reader.join(_GRACE_SECONDS)  # to read what is left in the pipe
    if not reader.is_alive():
        process.stdout.close()
    return bytes(written), timed_out


def _read_into(written: bytearray, stream: IO[bytes]) -> None:
    while not written.endswith(b"\n") and (part := os.read(stream.fileno(), 1 << 16)):
        written += part


def run(task: dict[str, Any]) -> None:
    """Be the child: do as the parent is about to do, and write the problem, or ``null``."""
    _end_with_parent(task["seconds"] + _GRACE_SECONDS)
    out = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)  # for what the variant reads and writes
    os.dup2(null, 0)
    os.dup2(null, 1)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file in the user's folder

    def rehearse() -> NoReturn:
        answer: str | None = None
        try:
            state.loading = task["module"]
            selector_runtime._use(task["module"], task["initialize"], task["libraries"])
        except BaseException as error:  # noqa: BLE001 - the parent reports any
            answer = explain(error)
        os.write(out, json.dumps(answer).encode() + b"\n")
        os._exit(0)  # skips what the variant does at exit

    key = normalize(task["project"])
    state = selector_runtime._projects.setdefault(key, selector_runtime._Project())
    selector_runtime._rehearsal = (key, rehearse)
    if task["caller"]:
        with contextlib.suppress(Exception):
            importlib.import_module(task["caller"])  # exits inside `load`, if the import calls it
    selector_runtime.load(task["project"], {"": task["module"]})


def _end_with_parent(seconds: float) -> None:
    """Fork a watcher that kills this process group when the parent ends, or after ``seconds``.

    A thread or a signal handler would not run while a library holds the GIL, and would not end what
    the variant starts.
    """
    if os.name != "posix" or os.getpgrp() != os.getpid():
        return
    with contextlib.suppress(OSError):
        if os.fork():
            return
        try:
            os.close(1)  # the parent waits for the answer, or for the output's end
            # The parent writes nothing: its pipe becomes readable when it closes.
            select.select([0], [], [], min(seconds, _FOREVER_SECONDS))
        finally:
            os.killpg(0, signal.SIGKILL)


def _hold(process: subprocess.Popen[bytes]) -> Callable[[], object]:
    """Return the function that kills a child and all that it started."""
    return partial(os.killpg, process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes], kill: Callable[[], object]) -> None:
    """End a child and all that it started, even if the child itself has ended."""
    with contextlib.suppress(OSError):
        kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    if process.stdin is not None:
        process.stdin.close()


def _death(process: subprocess.Popen[bytes]) -> str:
    status = process.returncode
    if status is not None and 0x80000000 <= status < 0xF0000000:  # what Windows calls an exception
        return f"it crashed the process that imported it (0x{status:08X})"
    if status is None or status >= 0:
        return f"it ended the process that imported it, with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"it crashed the process that imported it ({name})"
