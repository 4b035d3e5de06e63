"""The command ``selector-backend``. Its dependencies are the extra ``cli``."""

from __future__ import annotations

import io
import sys

from ..errors import SelectorError


def main() -> None:
    """Run the command, and end the process with its exit status.

    0: no problem, 1: a problem was found, 2: a mistake in the command line.
    """
    try:
        _run()
    except KeyboardInterrupt:  # while the command was still being imported
        raise SystemExit(130) from None


def _run() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # escape what it cannot encode
            stream.reconfigure(errors="backslashreplace")
    try:
        from .app import app

        app()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("selector_backend"):
            raise
        print(
            "error: the command needs more libraries than the backend; install them: "
            'pip install "selector-backend[cli]"',
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    except (SelectorError, OSError) as error:
        from .common import UsageError, printable

        text = str(error)
        if isinstance(error, OSError):
            text = (
                f"{error.filename}: {error.strerror}" if error.filename else error.strerror or text
            )
        print(printable(f"error: {text}"), file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
