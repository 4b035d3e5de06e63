"""Files: read without waiting, whoever wrote them, and written whole or not at all.

Every hook imports this, so it imports little.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from ..errors import SelectorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What is read of others has no more bytes than this.
_MOST = 16 << 20
#: How the name of a file begins that is not yet whole.
PARTIAL = ".selector-"


def read_regular(file: Path | str, *, own: bool = False, most: int = _MOST) -> bytes:
    """Return the content of a file that somebody else may have written, opened without waiting.

    One that has to be our ``own`` is this user's, and no link. Raises ``OSError``, also for what is
    no regular file, or has more than ``most`` bytes, 16 MiB by itself.
    """
    names = ("O_NONBLOCK", "O_NOFOLLOW") if own else ("O_NONBLOCK",)
    more = sum(getattr(os, name, 0) for name in names)  # which Windows does not have
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | more)) as opened:
        status = os.fstat(opened.fileno())
        strange = own and os.name == "posix" and status.st_uid != os.geteuid()
        if not stat.S_ISREG(status.st_mode) or strange or status.st_size > most:
            raise OSError(errno.EINVAL, "it is no regular file, or too large")
        return opened.read(most)


def is_private(folder: Path | str) -> bool:
    """Return whether a folder is this user's. What lies in it is believed.

    The group is left out: where it may write into uv's cache, it may also replace the Python there
    that runs this.
    """
    if os.name != "posix":
        return True
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o002


def write_folder(folder: Path | str, files: Mapping[str, bytes]) -> str:
    """Write ``files`` below ``folder``, which is created if missing. Returns the folder's name."""
    for path, data in files.items():
        write_file(folder, path, data)
    return os.path.basename(folder)


def write_file(folder: Path | str, name: str, data: bytes) -> str:
    """Write a file into ``folder``, by `replacing`. Returns its name. Raises `SelectorError`."""
    path = os.path.join(folder, name)
    try:
        with replacing(path) as partial, open(partial, "xb") as file:
            file.write(data)
    except OSError as error:
        raise SelectorError(
            f"{path} cannot be written: {error.strerror}. To fix it: free some space there, or "
            "make the folder writable"
        ) from None
    return name


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[str]:
    """Yield the path of a file to write, which takes the place of ``path`` if nothing fails.

    So it is whole or not there, also where this process is killed or the disk is full. Its folder
    is created if missing. An `OSError` names ``path``.
    """
    folder = os.path.dirname(path)
    partial = os.path.join(folder, f"{PARTIAL}{os.getpid()}.partial")
    os.makedirs(folder, exist_ok=True)
    try:
        _remove(partial)  # it may be a link
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.filename == partial:
            error.filename = os.fspath(path)
        raise
    finally:
        _remove(partial)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
