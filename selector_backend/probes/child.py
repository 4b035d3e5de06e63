"""Calling other people's libraries in a child process, so that they cannot harm the installer.

A driver may hang, abort, call ``exit``, leave a fork behind or write to standard output.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import select
import signal
import sys
import time
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from typing import IO, Any, Callable

# The child gets this process's import path, since a fresh interpreter would not find all of a build
# environment. It sets it before it imports anything but `sys`, which is built in: its own path
# begins with the current folder, which may have a ``json.py``. ``-S`` skips `site`, for speed.
# ``-B``: a module that a full disk left half compiled would look like a driver that can't be asked.
_START = (
    "import sys; sys.path[:] = sys.argv[2:]; import json; "
    "from selector_backend.probes.child import answer; answer(*json.loads(sys.argv[1]))"
)
#: How long to wait for a killed child to end. One that is stuck inside the kernel is left behind.
_GRACE_SECONDS = 1.0
#: How often to check whether the child has died, since its forks may keep its output open.
_STEP_SECONDS = 0.05
#: Longer than any useful limit; `select` does not take much larger numbers.
_FOREVER_SECONDS = 1e6
#: Error messages of libraries are cut to this length.
_LONGEST = 500
# The folder of a file, in a loader's error message.
_FOLDER = r"(?:\b[A-Za-z]:)?[^\s:()']*[/\\](?:[^:()']*[/\\])?"


class NoAnswerError(Exception):
    """There is no answer. ``str()`` is the reason, to follow the library's name.

    If a reader raises it in the child, the parent raises it too.
    """


def ask(reader: str, environ: Mapping[str, str], seconds: float, *arguments: str) -> Any:
    """Call ``reader`` (``"package.module:function"``) with ``arguments`` in a child process.

    Returns the JSON data that it returns. Raises `NoAnswerError` if it dies, or takes longer than
    ``seconds``; if these are 0 or less, it is not called.
    """
    (answered,) = ask_each([(reader, *arguments)], environ, seconds)
    if isinstance(answered, NoAnswerError):
        raise answered
    return answered


def ask_each(
    calls: Sequence[Sequence[str]], environ: Mapping[str, str], seconds: float
) -> list[Any]:
    """Call several readers, each with its arguments, one after another in a child process.

    Returns for each what it returns, or the `NoAnswerError` that `ask` would raise. ``seconds`` is
    the limit for all of them together. After a reader that ends the process, the others are called
    in a new one.
    """
    deadline = time.monotonic() + seconds
    answers: list[Any] = []
    while len(answers) < len(calls):
        answers += _ask_on(calls[len(answers) :], environ, deadline - time.monotonic())
    return answers


def _ask_on(
    calls: Sequence[Sequence[str]], environ: Mapping[str, str], seconds: float
) -> list[Any]:
    """Return the answers of one child process: at least one, which may be a `NoAnswerError`."""
    if seconds <= 0:
        return [NoAnswerError("was not asked, since no time was left")]
    if not sys.executable:
        reason = "could not be asked: this Python does not know its own interpreter"
        return [NoAnswerError(reason)]
    import subprocess  # not needed by the child

    options: dict[str, Any] = {"start_new_session": True}
    hold = _hold
    if os.name == "nt":
        from . import windows_job

        options, hold = {"creationflags": windows_job.FLAGS}, windows_job.hold
    try:
        process = subprocess.Popen(
            [sys.executable, "-SB", "-c", _START, json.dumps([calls, seconds]), *_import_path()],
            stdin=subprocess.PIPE,  # when it closes, the child knows that this process has died
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            # Processes that the library starts, such as nvidia-modprobe, end with the child.
            **options,
        )
    except OSError as error:
        return [NoAnswerError(f"could not be asked: {error.strerror}")]
    lines, timed_out, ended = _read_lines(process, hold(process), len(calls), seconds)
    answers: list[Any] = []
    with contextlib.suppress(ValueError, KeyError, TypeError):  # the library may write there too
        for line in lines:
            outcome = json.loads(line)
            failed = "reason" in outcome
            answers.append(NoAnswerError(str(outcome["reason"])) if failed else outcome["answer"])
    if len(answers) < len(calls):
        if timed_out:
            reason = f"did not answer within {round(seconds, 1):g} s"
        else:
            reason = _death(process.returncode) if ended else "gave no answer"
        answers.append(NoAnswerError(reason))
    return answers


def _import_path() -> list[str]:
    """Return the import path for a child, with this package on it.

    Some frontends find a backend that an sdist carries by ``sys.meta_path`` instead.
    """
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
    return sys.path if root in sys.path else [root, *sys.path]


def _read_lines(
    process: subprocess.Popen[bytes], kill: Callable[[], object], count: int, seconds: float
) -> tuple[list[bytes], bool, bool]:
    """Return up to ``count`` lines of a child's output, whether it timed out, and whether it ended.

    A child that has not ended is ended by ``kill``. Do not wait for the end of its output, or close
    the pipe while it is read: a fork of the library's may hold the other end.
    """
    import threading

    assert process.stdout is not None
    written = bytearray()
    arguments = (written, count, process.stdout)
    reader = threading.Thread(target=_read_into, args=arguments, daemon=True)
    try:
        reader.start()
        deadline = time.monotonic() + seconds
        while reader.is_alive() and process.poll() is None and time.monotonic() < deadline:
            reader.join(min(_STEP_SECONDS, seconds))
        timed_out = reader.is_alive() and process.poll() is None
        if not timed_out and written.count(b"\n") < count:
            _wait(process)  # to know its exit status
        ended = process.poll() is not None
    finally:
        _end(process, kill)
    reader.join(_GRACE_SECONDS)  # to read what is left in the pipe
    if not reader.is_alive():
        process.stdout.close()
    return bytes(written).split(b"\n")[:-1][:count], timed_out, ended


def _read_into(written: bytearray, count: int, stream: IO[bytes]) -> None:
    while written.count(b"\n") < count and (part := os.read(stream.fileno(), 1 << 16)):
        written += part


def answer(calls: Sequence[Sequence[str]], seconds: float) -> None:
    """Be the child: call readers, write what each returns to standard output, and exit.

    It also ends when its parent does, and a little after the ``seconds`` that the parent waits.
    """
    _end_with_parent(seconds + _GRACE_SECONDS)
    if os.name == "nt":
        # Windows also searches the current folder, the sdist's, for the libraries of a library.
        os.chdir(sys.base_prefix)
    out = os.fdopen(_keep_stdout(), "w", encoding="ascii")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file in the user's folder
    for reader, *arguments in calls:
        module, _, function = reader.partition(":")
        try:
            outcome = {"answer": getattr(importlib.import_module(module), function)(*arguments)}
        except NoAnswerError as error:
            outcome = {"reason": str(error)}
        except Exception as error:  # noqa: BLE001 - the parent reports any
            reason = crash(error) or f"could not be asked: {describe(error)}"
            outcome = {"reason": reason}
        out.write(json.dumps(outcome) + "\n")
        out.flush()
    os._exit(0)  # skips what libraries do at exit


def crash(error: Exception) -> str:
    """Return how a library's function crashed, or nothing if the error says something else.

    On Windows, `ctypes` makes an `OSError` of what the system calls an exception.
    """
    code = (getattr(error, "winerror", None) or 0) & 0xFFFFFFFF
    if code > 0xFFFF:  # the system's errors are below that
        return f"crashed (0x{code:08X})"
    named = re.match(r"exception: (.+?)(?: (?:read|writ)ing 0x.*)?$", str(error))
    return f"crashed ({named[1]})" if named and isinstance(error, OSError) else ""


def describe(error: Exception) -> str:
    """Return the type and message of an error of other people's code, without folders."""
    if isinstance(error, OSError) and error.strerror:  # without the file's path
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}: {without_folders(str(error))}"


def without_folders(message: str) -> str:
    """Return an error message without folders, which no record has, and cut short."""
    return re.sub(_FOLDER, "", message[:_LONGEST])


def _end_with_parent(seconds: float) -> None:
    """Fork a watcher that kills this process group when the parent ends, or after ``seconds``.

    A thread or a signal handler would not run while a library holds the GIL, and would not end what
    the library starts.
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


def _keep_stdout() -> int:
    """Return a new descriptor of standard output, and redirect the standard streams to null."""
    kept = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return kept


def _hold(process: subprocess.Popen[bytes]) -> Callable[[], object]:
    """Return the function that kills a child and all that it started."""
    return partial(os.killpg, process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes], kill: Callable[[], object]) -> None:
    """End a child and all that it started, even if the child itself has ended."""
    with contextlib.suppress(OSError):
        kill()
    _wait(process)
    if process.stdin is not None:
        process.stdin.close()


def _wait(process: subprocess.Popen[bytes]) -> None:
    import subprocess

    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)


def _death(status: int | None) -> str:
    if status is not None and 0x80000000 <= status < 0xF0000000:  # what Windows calls an exception
        return f"crashed the process that asked it (0x{status:08X})"
    if status is None or status >= 0:
        return f"ended the process that asked it, with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"crashed the process that asked it ({name})"
