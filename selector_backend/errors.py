"""Errors that the user can fix.

A :class:`SelectorError` is shown as a message alone. Any other exception is a bug of this package,
and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False  # every hook imports this, and `typing` takes long; type checkers know it
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, TypeVar

    _Hook = TypeVar("_Hook", bound=Callable[..., Any])


# Errors that may occur anywhere, when the machine runs out of something.
_OUT_OF = {
    errno.ENOMEM: "there is not enough memory. To fix it: free some, or raise ulimit -v",
    errno.EMFILE: "too many files are open. To fix it: raise ulimit -n",
    errno.ENFILE: "too many files are open on this machine. To fix it: close some",
}

# With less free space, no bytecode is written: `selector_backend.authoring.carried` says why.
_LEAST_SPACE = 16 * 2**20


class SelectorError(Exception):
    """Something the user can fix. ``str()`` is the whole message, of one or more lines."""


def did_you_mean(name: str, known: Iterable[str], closeness: float = 0.6) -> str:
    """Return ``", did you mean 'cuda'?"`` where a known name is close to ``name``, else ``""``.

    ``closeness`` is that of `nearest`.
    """
    near = nearest(name, known, closeness)
    return f", did you mean {near!r}?" if near else ""


def nearest(name: str, known: Iterable[str], closeness: float) -> str | None:
    """Return the known name that is closest to ``name``, if it is close enough.

    Case is ignored. ``closeness`` is `difflib`'s ratio, from 0 to 1.
    """
    import difflib

    lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=closeness)
    return lower[close[0]] if close else None


def user_errors(hook: _Hook) -> _Hook:
    """Make a hook end with a message on standard error and exit status 1 on a `SelectorError`.

    Frontends show what the hook's process printed, where a traceback would bury the message. The
    same is done when memory or file descriptors run out. On a nearly full disk, no bytecode is
    written. Whether it is written is as before when the hook ends: a process may call several.
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        before = sys.dont_write_bytecode
        _spare_a_full_disk()
        try:
            return hook(*args, **kwargs)
        except SelectorError as error:
            message = str(error)
        except MemoryError:
            message = _OUT_OF[errno.ENOMEM]
        except OSError as error:
            if error.errno not in _OUT_OF:
                raise
            message = _OUT_OF[error.errno]
        finally:
            sys.dont_write_bytecode = before
        print(f"error: {message}", file=sys.stderr, flush=True)
        raise SystemExit(1)

    # `functools.wraps` takes 2 ms to import.
    wrapper.__name__, wrapper.__doc__ = hook.__name__, hook.__doc__
    return wrapper  # type: ignore[return-value]


def _spare_a_full_disk() -> None:
    try:
        disk = os.statvfs(__file__)
        sys.dont_write_bytecode |= disk.f_bavail * disk.f_frsize < _LEAST_SPACE
    except (AttributeError, OSError):  # on Windows, or from a zip
        pass
