"""Reads files of others without blocking, and writes files whole or not at all.

Every hook imports this module: keep it cheap to import.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import SelectorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The size limit of files of others.
_MOST = 16 << 20
#: The prefix of the name of a file that is not yet complete.
PARTIAL = ".selector-"


def read_regular(file: Path | str, *, own: bool = False, most: int = _MOST) -> bytes:
    """Return the content of a regular file that somebody else may have written.

    One that has to be our ``own`` must belong to this user, and not be a link. Raises ``OSError``,
    also for other kinds of files, and those of more than ``most`` bytes.
    """
    names = ("O_NONBLOCK", "O_NOFOLLOW") if own else ("O_NONBLOCK",)
    more = sum(getattr(os, name, 0) for name in names)  # Windows has none
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | more)) as stream:
        status = os.fstat(stream.fileno())
        foreign = own and os.name == "posix" and status.st_uid != os.geteuid()
        if not stat.S_ISREG(status.st_mode) or foreign or status.st_size > most:
            raise OSError(errno.EINVAL, "it is no regular file, or too large")
        return stream.read(most)


def is_private(folder: Path | str) -> bool:
    """Return whether a folder belongs to this user, so that the files in it can be trusted.

    The group may write: where it may write into uv's cache, it can also replace the Python there.
    """
    if os.name != "posix":
        return True
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o002


def write_folder(folder: Path | str, files: Mapping[str, bytes]) -> str:
    """Write ``files`` into ``folder``, which is created if missing. Returns the folder's name."""
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


class replacing:  # noqa: N801 - used as a function; `contextlib` takes 3 ms to import
    """Gives the path of a temporary file to write, which replaces ``path`` if nothing fails.

    So ``path`` is complete or unchanged, even if this process is killed or the disk is full. Its
    folder is created if missing. An `OSError` names ``path``. The file's name is random: containers
    that share a cache have processes with the same number.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        name = f"{PARTIAL}{os.urandom(8).hex()}.partial"
        self.partial = os.path.join(os.path.dirname(path), name)

    def __enter__(self) -> str:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        return self.partial

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            if error is None:
                os.replace(self.partial, self.path)
        except OSError as failure:
            error = failure
            raise
        finally:
            if isinstance(error, OSError) and error.filename == self.partial:
                error.filename = os.fspath(self.path)
            remove(self.partial)


def remove(path: str) -> None:
    """Remove a file, if it exists."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
