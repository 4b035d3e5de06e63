"""The command `selector-backend`: in this process, in a child process and in a pseudo-terminal.

A child spends half a second on imports, so `command` runs in this process, with all that a process
has of its own set and put back: variables, folder, streams, arguments and warnings. What only the
start of a process can do takes `child`, and `terminal` is one, too.
"""

from __future__ import annotations

import contextlib
import json
import operator
import os
import subprocess
import sys
import tempfile
import time
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TextIO
from unittest import mock

from .project import hook_environ

NAME = "selector-backend"
_MAIN = f"import sys; sys.argv[0] = {NAME!r}; from selector_backend.cli import main; main()"
COMMAND = [sys.executable, "-c", _MAIN]
SEEN_BY_TERMINALS = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "COLORTERM", "TTY_COMPATIBLE")
#: Python reads variables that begin so when it starts.
READ_AT_START = ("PYTHON", "LANG", "LC_")


def command(
    *arguments: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command, its output captured: in a child if a variable of ``environ`` asks for one.

    Its own children write into the same two files as it does.
    """
    if any(name.startswith(READ_AT_START) for name in environ or {}):
        return child(*arguments, environ=environ, cwd=cwd)
    words = [NAME, *map(str, arguments)]
    with contextlib.ExitStack() as stack:
        stdin = stack.enter_context(Path(os.devnull).open(encoding="utf-8"))
        stdout, stderr = (
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline=""))
            for _ in range(2)
        )
        with _as_a_process(words, _environ(environ), cwd, (stdin, stdout, stderr)):
            status = _status()
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read())
    return subprocess.CompletedProcess(words, status, *texts)


def child(
    *arguments: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a child process, with pipes for its output."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=_environ(environ),
        cwd=cwd,
        check=False,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def _status() -> int:
    """Run the command in this process, and return the exit status that a child would have."""
    from selector_backend.cli import main

    try:
        main()
    except SystemExit as exit_:
        if exit_.code is None or isinstance(exit_.code, int):
            return exit_.code or 0
        print(exit_.code, file=sys.stderr)
    except Exception:  # noqa: BLE001 - a child ends with a traceback
        traceback.print_exc()
    else:
        return 0
    return 1


@contextlib.contextmanager
def _as_a_process(
    arguments: list[str],
    environ: Mapping[str, str],
    cwd: Path | None,
    streams: tuple[IO[str], IO[str], IO[str]],
) -> Iterator[None]:
    """Give this process what a child would have, and put back what was there."""
    folder, kept = Path.cwd(), [os.dup(number) for number in range(3)]
    names = ("stdin", "stdout", "stderr")
    with contextlib.ExitStack() as stack:
        stack.callback(os.chdir, folder)
        stack.enter_context(mock.patch.dict(os.environ, environ, clear=True))
        stack.enter_context(mock.patch.multiple(sys, argv=arguments, path=[*sys.path]))
        stack.callback(operator.setitem, sys.modules, "__main__", sys.modules["__main__"])
        sys.modules["__main__"] = types.ModuleType("__main__")  # or help names pytest
        stack.enter_context(mock.patch.object(tempfile, "tempdir", None))  # TMPDIR, read once
        stack.enter_context(_warnings_of_a_process())
        for number, (name, stream) in enumerate(zip(names, streams)):
            stack.callback(os.close, kept[number])
            stack.callback(os.dup2, kept[number], number)
            os.dup2(stream.fileno(), number)
            stack.enter_context(mock.patch.object(sys, name, stream))
            stack.callback(stream.flush)
        os.chdir(cwd or folder)
        yield


@contextlib.contextmanager
def _warnings_of_a_process() -> Iterator[None]:
    """Show warnings where and when Python shows them unasked: pytest collects them."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        (file or sys.stderr).write(
            warnings.formatwarning(message, category, filename, lineno, line)
        )

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
            warnings.simplefilter("ignore", category)
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.showwarning = show
        yield


def lines(*arguments: str | Path, status: int = 0, **options: Any) -> list[str]:
    """Return the lines that the command writes, after checking its exit status."""
    process = command(*arguments, **options)
    assert process.returncode == status, process.stdout + process.stderr
    return process.stdout.splitlines()


def data(*arguments: str | Path, status: int = 0, **options: Any) -> Any:
    """Return what the command writes with ``--json``."""
    return json.loads("\n".join(lines(*arguments, "--json", status=status, **options)))


def error(*arguments: str | Path, status: int = 2, **options: Any) -> str:
    """Return the one message with which the command stops."""
    process = command(*arguments, **options)
    assert process.returncode == status, process.stdout + process.stderr
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    return process.stderr


def terminal(
    *arguments: str | Path,
    environ: Mapping[str, str] | None = None,
    answers: str = "",
    program: Sequence[str] = COMMAND,
) -> tuple[str, int]:
    """Run the command in a pseudo-terminal. Returns what is to be seen there, and the status.

    ``answers`` is what is typed beforehand, a line for each question. ``program`` is the command
    if it is another than this checkout's. Windows has no such terminals.
    """
    import pty
    import select

    ours, theirs = pty.openpty()
    variables = _environ({"TERM": "xterm-256color", "COLUMNS": "120", **(environ or {})})
    process = subprocess.Popen(
        [*program, *map(str, arguments)], env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, answers.encode("utf-8"))
    output, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            output += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    return output.decode("utf-8"), process.wait(60)


def _environ(environ: Mapping[str, str] | None) -> dict[str, str]:
    kept = {k: v for k, v in hook_environ().items() if k not in SEEN_BY_TERMINALS}
    return {**kept, **(environ or {})}
