"""Asking somebody else's library in a child process, so that it can take nothing down but itself.

A driver may hang, abort, call ``exit`` or write to standard output; none of that reaches the
installer.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The child takes this process's import path as it is: build environments are made of more than
# what a fresh interpreter would find by itself. It does so before it imports anything but `sys`,
# which is built in: its own path begins with the current folder, and a ``json.py`` may lie there.
# ``-S`` spares what `site` would do besides.
_START = (
    "import sys; sys.path[:] = sys.argv[2:]; import json; "
    "from selector_backend.probes.child import answer; answer(*json.loads(sys.argv[1]))"
)
#: How long a child that was killed may take to go. One that is stuck inside the kernel does not
#: go at all, and is left behind.
_GRACE_SECONDS = 1.0


class NoAnswerError(Exception):
    """There is no answer. ``str()`` is the reason, to follow the library's name.

    A reader may raise it in the child, and then the parent does.
    """


def ask(reader: str, environ: Mapping[str, str], seconds: float, *arguments: str) -> Any:
    """Call ``reader`` (``"package.module:function"``) with ``arguments`` in a child process.

    Returns the JSON data that it returns. Raises `NoAnswerError` if it does not within
    ``seconds``, of which none may be left, or dies first.
    """
    if seconds <= 0:
        raise NoAnswerError("was not asked, since no time was left")
    if not sys.executable:
        raise NoAnswerError("could not be asked: this Python does not know its own interpreter")
    call = json.dumps([reader, *arguments])
    try:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", _START, call, *sys.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            # Ends what the library itself starts (nvidia-modprobe, say) along with the child.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise NoAnswerError(f"could not be asked: {error.strerror}") from None
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"did not answer within {round(seconds, 1):g} s") from None
    finally:
        _end(process)
    try:
        outcome = json.loads(output)
    except ValueError:
        raise NoAnswerError(_death(process.returncode)) from None
    if "reason" in outcome:
        raise NoAnswerError(outcome["reason"])
    return outcome["answer"]


def answer(reader: str, *arguments: str) -> None:
    """Be the child: call ``reader``, write what it returns to standard output, and end."""
    out = os.fdopen(_keep_stdout(), "w", encoding="ascii")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file in the user's folder
    module, _, function = reader.partition(":")
    try:
        outcome = {"answer": getattr(importlib.import_module(module), function)(*arguments)}
    except NoAnswerError as error:
        outcome = {"reason": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it
        outcome = {"reason": f"could not be asked: {type(error).__name__}: {error}"}
    json.dump(outcome, out)
    out.flush()
    os._exit(0)  # the answer is out: what the library does at exit is of no interest


def _keep_stdout() -> int:
    """Return a descriptor of standard output, and let everybody else's writing go nowhere."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return kept


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def _death(status: int) -> str:
    if status >= 0:
        return f"ended the process that asked it, with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"crashed the process that asked it ({name})"
