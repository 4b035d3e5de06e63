"""Trying a variant in a child process, so that it can take nothing down but that."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys

import selector_runtime

from ._messages import explain
from ._record import normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

# ``-I`` keeps the current folder out until the parent's path takes the place of the child's own.
_START = (
    "import json, sys; task = json.load(sys.stdin); sys.path[:] = task['path']; "
    "from selector_runtime._isolated import run; run(task)"
)
# How long a child that was killed may take to go. One that is stuck inside the kernel is left.
_GRACE_SECONDS = 1.0


def try_in_child(
    project: str,
    module: str,
    initialize: str | None,
    libraries: Sequence[str],
    caller: str | None,
    *,
    timeout: float,
) -> str | None:
    """Import and initialise a variant in a child process; return what was wrong, or ``None``.

    ``caller`` is the module that calls `load`; it is imported first, as it is in this process.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return "it cannot be tried in a child process, as this Python has no interpreter of its own"
    task = {
        "path": sys.path,
        "project": project,
        "module": module,
        "initialize": initialize,
        "libraries": [*libraries],
        "caller": None if caller == "__main__" else caller,
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-W", "ignore", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",  # ends what the variant itself starts, too
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        return f"it cannot be tried in a child process: {error.strerror}"
    try:
        output, _ = process.communicate(json.dumps(task).encode(), timeout)
    except subprocess.TimeoutExpired:
        return f"it did not start within {timeout:g} seconds"
    finally:
        _end(process)
    try:
        answer: str | None = json.loads(output)
    except ValueError:
        return _death(process.returncode)
    return answer


def run(task: dict[str, Any]) -> NoReturn:
    """Be the child: do as the parent is about to do, and write what was wrong, or ``null``."""
    out = os.dup(1)  # what others write goes nowhere
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file in the user's folder

    def rehearse() -> NoReturn:
        answer: str | None = None
        try:
            state.loading = task["module"]
            selector_runtime._use(task["module"], task["initialize"], task["libraries"])
        except BaseException as error:  # noqa: BLE001 - the parent says it, whatever it is
            answer = explain(error)
        os.write(out, json.dumps(answer).encode())
        os._exit(0)  # what the variant does at exit is of no interest

    key = normalize(task["project"])
    state = selector_runtime._projects.setdefault(key, selector_runtime._Project())
    selector_runtime._rehearsal = (key, rehearse)
    if task["caller"]:
        with contextlib.suppress(Exception):
            importlib.import_module(task["caller"])  # ends in `load`, if that is where it calls it
    rehearse()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _death(status: int | None) -> str:
    if status is None or status >= 0:
        return f"it ended the process that imported it, with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"it crashed the process that imported it ({name})"
