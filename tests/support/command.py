"""The command `selector-backend` in a child process: in a pipe, and in a pseudo-terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .project import hook_environ

COMMAND = [sys.executable, "-c", "from selector_backend.cli import main; main()"]
SEEN_BY_TERMINALS = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "COLORTERM", "TTY_COMPATIBLE")


def command(
    *arguments: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command with pipes for its output."""
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
    if it is another than this checkout's.
    """
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
