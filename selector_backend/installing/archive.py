"""Wheel files, and what any archive has of ours.

The same input gives the same bytes, whatever the clock, the umask, the locale or the folder. Not
every hook writes a file, so what it takes to write is imported where it is written.
"""

from __future__ import annotations

import io
import os
import time

from ..errors import SelectorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The time in archives where SOURCE_DATE_EPOCH does not say: 2 February 2020, 00:00 UTC. A zip
# file cannot hold a time before 1980.
_EPOCH = 1580601600
_ZIP_EPOCH = 315532800
_MODE = 0o100644  # `stat.S_IFREG`, and 0o644


def write_wheel(folder: Path, stem: str, tag: str, dist_info: Mapping[str, bytes]) -> str:
    """Write a wheel of nothing but a ``.dist-info`` into ``folder``. Returns the file's name.

    ``stem`` is the name and version, ``tag`` the compatibility tag in the file's name; the paths of
    ``dist_info`` are relative to that folder. ``RECORD`` is made here. Nothing is compressed: the
    files are small, and so the bytes do not depend on a zlib.
    """
    import csv
    import zipfile

    root = f"{stem}.dist-info"
    files = {f"{root}/{path}": dist_info[path] for path in sorted(dist_info)}
    record = io.StringIO()
    writer = csv.writer(record, lineterminator="\n")
    writer.writerows((path, hash_of(data), len(data)) for path, data in files.items())
    writer.writerow((f"{root}/RECORD", "", ""))
    files[f"{root}/RECORD"] = record.getvalue().encode()
    archive = io.BytesIO()
    date = time.gmtime(max(epoch(), _ZIP_EPOCH))[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as wheel:
        for path, data in files.items():
            info = zipfile.ZipInfo(path, date)
            info.create_system = 3  # Unix, on every system
            info.external_attr = _MODE << 16
            wheel.writestr(info, data)
    return write_file(folder, f"{stem}-{tag}.whl", archive.getvalue())


def write_folder(folder: Path, files: Mapping[str, bytes]) -> str:
    """Write ``files`` below ``folder``, which is created if missing. Returns the folder's name."""
    for path, data in files.items():
        _write(folder / path, data)
    return folder.name


def write_file(folder: Path, name: str, data: bytes) -> str:
    """Write a file into ``folder``, which is created if missing. Returns its name."""
    _write(folder / name, data)
    return name


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, also where this process is killed or the disk is full.

    Its folder is created if missing. Raises `SelectorError`.
    """
    partial = path.with_name(f".{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.unlink(missing_ok=True)
            with partial.open("xb") as file:  # through no link that lies there
                file.write(data)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SelectorError(
            f"{path} cannot be written: {error.strerror}. To fix it: free some space there, or "
            "make the folder writable"
        ) from None


def hash_of(data: bytes) -> str:
    """Return a hash as ``RECORD`` has it: URL-safe base64 without padding."""
    import base64
    import hashlib

    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def epoch() -> int:
    """Return the time of everything in an archive, in seconds since 1970."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or str(_EPOCH)
    try:
        epoch = int(text)
    except ValueError:
        epoch = -1
    if 0 <= epoch < 2**32:
        return epoch
    raise SelectorError(
        f"the environment variable SOURCE_DATE_EPOCH is {text!r}; "
        f"expected a number of seconds since 1970, below {2**32}"
    )
