"""Opens sdists and wheels that others made, within limits of memory and time."""

from __future__ import annotations

import contextlib
import csv
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..errors import SelectorError

#: What `zipfile` raises for files that are not wheels, and for wheels that it can't read.
UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, UnicodeError, csv.Error, OverflowError),
)

#: How large an sdist may be, packed and unpacked. Without code, it has a few files of text, and the
#: backend that it may carry.
LARGEST_SDIST = 32 << 20
# How many members it may have, and how many bytes of headers that extend others: a global header is
# copied to all the members that follow.
_MOST_HEADERS, _LONGEST_HEADERS = 1000, 64 << 10
_EXTENDING = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)

# Limits of a wheel: each file that is read, and all of it unpacked (or so many times its own size).
# Its directory has at least 46 bytes a file.
_LARGEST_READ = {"METADATA": 2 << 20, "WHEEL": 1 << 20, "RECORD": 8 << 20}
_LARGEST_WHEEL, _MOST_TIMES = 1 << 30, 100
_LARGEST_DIRECTORY = 16 << 20
_END, _LONGEST_END = b"PK\x05\x06", 22 + (1 << 16)


class LimitError(ValueError):
    """An archive is larger than the limits here."""


@contextlib.contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """Unpack an sdist into a temporary folder. Raises `SelectorError` if it cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            files = files_of(read_packed(file))
            for name, content in files.items():
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        except (OSError, ValueError) as error:
            raise SelectorError(f"{file} is not an sdist that can be read: {error}") from None
        if "pyproject.toml" not in files:
            raise SelectorError(f"{file} is not an sdist: it has no pyproject.toml")
        yield Path(folder)


def read_packed(file: Path) -> bytes:
    """Return the content of an sdist's file. Raises ``OSError``, and `LimitError`."""
    if file.stat().st_size > LARGEST_SDIST:
        raise _too_large()
    return file.read_bytes()


def files_of(packed: bytes) -> dict[str, bytes]:
    """Return the files of a selector package's sdist (PEP 625), in order, by their paths in it.

    Raises `ValueError` if it cannot be read, or if installers unpack it in different ways.
    """
    files: dict[str, bytes] = {}
    top = ""
    for member, content in members_of(tar_of(packed)):
        folder, _, path = member.name.partition("/")
        top = top or folder
        if not member.isreg():
            raise ValueError(f"{member.name!r} is a link, a folder or a device; expected a file")
        if folder != top or not path or any(map(_is_outside, member.name.split("/"))):
            raise ValueError(f"{member.name!r} is not in the folder {top!r}")
        if path in files:
            raise ValueError(f"{member.name!r} is there twice")
        files[path] = content
    return files


def tar_of(packed: bytes) -> bytes:
    """Return the tar archive in an sdist. Raises `ValueError` if there is not exactly one."""
    if not packed.startswith(b"\x1f\x8b"):
        raise ValueError("not a gzip file")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(packed, LARGEST_SDIST + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(content) > LARGEST_SDIST:
        raise _too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it ends too early" if not unpacker.eof else "it goes on behind its end")
    return content


def _too_large() -> LimitError:
    return LimitError(f"it has more than {LARGEST_SDIST >> 20} MiB, and it should have no code")


def members_of(tar: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return the members of an sdist's archive, in order, with the content of those that are files.

    Raises `ValueError` if it cannot be read.
    """
    if b"GNU.sparse" in tar:  # what `tarfile` unpacks one hole at a time, for hours
        raise ValueError("it has members that no sdist has")
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", tarinfo=_bounded()) as archive:
            opened = ((info, info.isreg() and archive.extractfile(info)) for info in archive)
            return [(info, file.read() if file else b"") for info, file in opened]
    except (tarfile.TarError, OSError, EOFError, OverflowError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its headers extend one another too often") from None


def _bounded() -> type[tarfile.TarInfo]:
    """Return a class of an archive's members that raises `LimitError` if there are too many.

    `tarfile` makes one for every header, and reads the content of a header that extends others as
    soon as it meets it.
    """
    count = extending = 0

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Member:
            nonlocal count, extending
            member = super().frombuf(buf, encoding, errors)
            count += 1
            if member.type in _EXTENDING:
                extending += member.size
            if count > _MOST_HEADERS or extending > _LONGEST_HEADERS:
                raise LimitError("it has more files, or longer names, than a package without code")
            if member.size < 0 or member.type == tarfile.GNUTYPE_SPARSE:
                raise ValueError("it has members that no sdist has")
            return member

    return Member


def _is_outside(part: str) -> bool:
    """Return whether a part of a member's name leads out of its folder, on any system."""
    return part in ("", ".", "..") or any(character in part for character in "\\:\0")


@contextlib.contextmanager
def opened_wheel(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open a wheel. Raises ``OSError``, or one of `UNREADABLE`, also while it is used.

    Wheels with a name twice, or that unpack to too much, are refused.
    """
    size = file.stat().st_size
    with file.open("rb") as raw:
        raw.seek(max(0, size - _LONGEST_END))
        end = raw.read().rpartition(_END)[2]
        if int.from_bytes(end[8:12], "little") > _LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("it has more files than a wheel")
        with zipfile.ZipFile(raw) as archive:
            members = archive.infolist()
            ((name, count),) = Counter(archive.namelist()).most_common(1) or [("", 0)]
            if count > 1:
                raise zipfile.BadZipFile(f"it has several files of the name {name!r}")
            if any(member.compress_type not in _COMPRESSIONS for member in members):
                raise zipfile.BadZipFile("its files are packed in a way that wheels do not use")
            unpacked_size = sum(member.file_size for member in members)
            if unpacked_size > max(_LARGEST_WHEEL, _MOST_TIMES * size):
                raise zipfile.BadZipFile(f"it has more than {_MOST_TIMES} times its size, unpacked")
            yield archive


# bzip2 and LZMA can unpack to any size.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_dist_info(archive: zipfile.ZipFile, *names: str) -> tuple[str, dict[str, bytes]]:
    """Return the name of a wheel's ``.dist-info`` folder, and its files called ``names``.

    Raises ``BadZipFile`` unless there is exactly one such folder, with these files.
    """
    paths = archive.namelist()
    folders = {path.partition("/")[0] for path in paths if "/" in path}
    infos = sorted(folder for folder in folders if folder.endswith(".dist-info"))
    if len(infos) != 1:
        shown = ", ".join(infos) or "none"
        raise zipfile.BadZipFile(f"expected one .dist-info folder, found {shown}")
    files = {}
    for name in names:
        if f"{infos[0]}/{name}" not in paths:
            raise zipfile.BadZipFile(f"its .dist-info has no {name}")
        with archive.open(f"{infos[0]}/{name}") as file:
            files[name] = file.read(_LARGEST_READ[name] + 1)
        if len(files[name]) > _LARGEST_READ[name]:
            raise zipfile.BadZipFile(f"its {name} has more than {_LARGEST_READ[name] >> 20} MiB")
    return infos[0], files
