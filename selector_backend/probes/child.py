"""Asking somebody else's library in a child process, so that it can take nothing down but itself.

A driver may hang, abort, call ``exit``, leave a fork behind or write to standard output; none of
that reaches the installer.
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
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from typing import IO, Any, Callable

# The child takes this process's import path as it is: build environments are made of more than
# what a fresh interpreter would find by itself. It does so before it imports anything but `sys`,
# which is built in: its own path begins with the current folder, and a ``json.py`` may lie there.
# ``-S`` spares what `site` would do besides. ``-B``, since a module half of which was compiled, as
# some Pythons do on a full disk, would look like a driver that can't be asked.
_START = (
    "import sys; sys.path[:] = sys.argv[2:]; import json; "
    "from selector_backend.probes.child import answer; answer(*json.loads(sys.argv[1]))"
)
#: How long a child that was killed may take to go. One that is stuck inside the kernel does not
#: go at all, and is left behind.
_GRACE_SECONDS = 1.0
#: How often it is looked whether the child has died: what it forked may keep its output open.
_STEP_SECONDS = 0.05
#: Longer than any limit that is meant; `select` cannot take them all.
_FOREVER_SECONDS = 1e6
#: No longer than this is what others say of an error.
_WORDS = 500
# The folder of a file, in the loader's own words about it.
_FOLDER = r"(?:\b[A-Za-z]:)?[^\s:()']*[/\\](?:[^:()']*[/\\])?"


class NoAnswerError(Exception):
    """There is no answer. ``str()`` is the reason, to follow the library's name.

    A reader may raise it in the child, and then the parent does.
    """


def ask(reader: str, environ: Mapping[str, str], seconds: float, *arguments: str) -> Any:
    """Call ``reader`` (``"package.module:function"``) with ``arguments`` in a child process.

    Returns the JSON data that it returns. Raises `NoAnswerError` if it does not within
    ``seconds`` (0 or less: it is not asked), or dies first.
    """
    (answered,) = ask_each([(reader, *arguments)], environ, seconds)
    if isinstance(answered, NoAnswerError):
        raise answered
    return answered


def ask_each(
    calls: Sequence[Sequence[str]], environ: Mapping[str, str], seconds: float
) -> list[Any]:
    """Call several readers, each with its arguments, one after another in a child process.

    Returns for each what it returns, or the `NoAnswerError` that `ask` would raise. All of them
    together have ``seconds``. Those after one that ends the process are called in another.
    """
    deadline = time.monotonic() + seconds
    answers: list[Any] = []
    while len(answers) < len(calls):
        answers += _ask_on(calls[len(answers) :], environ, deadline - time.monotonic())
    return answers


def _ask_on(
    calls: Sequence[Sequence[str]], environ: Mapping[str, str], seconds: float
) -> list[Any]:
    """Return the answers of one child process: at least one, if only why there is none."""
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
            [sys.executable, "-S", "-c", _START, json.dumps([calls, seconds]), *_import_path()],
            stdin=subprocess.PIPE,  # its end is how the child notices that this process has died
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            # What the library itself starts (nvidia-modprobe, say) is ended along with the child.
            **options,
        )
    except OSError as error:
        return [NoAnswerError(f"could not be asked: {error.strerror}")]
    lines, timed_out, ended = _read_lines(process, hold(process), len(calls), seconds)
    answers: list[Any] = []
    with contextlib.suppress(ValueError, KeyError, TypeError):  # what the library wrote there
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
    """Return the import path for a child, on which this package has to be.

    Some frontends find a backend that an sdist carries by other means (``sys.meta_path``).
    """
    root = str(Path(__file__).absolute().parents[2])
    return sys.path if root in sys.path else [root, *sys.path]


def _read_lines(
    process: subprocess.Popen[bytes], kill: Callable[[], object], count: int, seconds: float
) -> tuple[list[bytes], bool, bool]:
    """Return up to ``count`` lines that a child writes, whether it took too long, or ended itself.

    The child is ended in any case, by ``kill``.

    The end of its output is not waited for, nor is the pipe closed while it is read: a fork of the
    library's may hold the other end.
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
            _wait(process)  # so that it is known how it died
        ended = process.poll() is not None
    finally:
        _end(process, kill)
    reader.join(_GRACE_SECONDS)  # what was written before the end is read
    if not reader.is_alive():
        process.stdout.close()
    return bytes(written).split(b"\n")[:-1][:count], timed_out, ended


def _read_into(written: bytearray, count: int, stream: IO[bytes]) -> None:
    while written.count(b"\n") < count and (part := os.read(stream.fileno(), 1 << 16)):
        written += part


def answer(calls: Sequence[Sequence[str]], seconds: float) -> None:
    """Be the child: call readers, write what each returns to standard output, and end.

    It ends with its parent, too, and a little after the ``seconds`` that its parent waits.
    """
    _end_with_parent(seconds + _GRACE_SECONDS)
    if os.name == "nt":
        # Windows looks for what a library needs in the current folder, too, which is the sdist's.
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it
            reason = crash(error) or f"could not be asked: {describe(error)}"
            outcome = {"reason": reason}
        out.write(json.dumps(outcome) + "\n")
        out.flush()
    os._exit(0)  # the answers are out: what a library does at exit is of no interest


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
    """Return what an error of other people's code says: its kind, and its words without folders."""
    if isinstance(error, OSError) and error.strerror:  # more than that is the file's path
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}: {without_folders(str(error))}"


def without_folders(words: str) -> str:
    """Return what a loader says of a library, cut short: a record names no place."""
    return re.sub(_FOLDER, "", words[:_WORDS])


def _end_with_parent(seconds: float) -> None:
    """Leave a process that ends this one's group as the parent ends, or after ``seconds``.

    A process, since a thread or a signal does not reach a library that holds Python's lock, nor
    what the library starts.
    """
    if os.name != "posix" or os.getpgrp() != os.getpid():
        return
    with contextlib.suppress(OSError):
        if os.fork():
            return
        try:
            os.close(1)  # the parent waits for the answer, or for the output's end
            # The parent writes nothing; what can be read is the end of its pipe.
            select.select([0], [], [], min(seconds, _FOREVER_SECONDS))
        finally:
            os.killpg(0, signal.SIGKILL)


def _keep_stdout() -> int:
    """Return a descriptor of standard output; let others read nothing, and write to nowhere."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return kept


def _hold(process: subprocess.Popen[bytes]) -> Callable[[], object]:
    """Return the function that ends a child and all that it started."""
    return partial(os.killpg, process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes], kill: Callable[[], object]) -> None:
    """End a child and all that it started, whether or not it has ended by itself."""
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
