"""Finished distributions: what the names of their files, and what is in them, say."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from ..errors import SelectorError
from ..model.markers import normalize
from ..model.table import TABLE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packaging.tags import Tag

    from .places import Place

#: How the name of the file ends that has the metadata of all variant wheels.
VARIANTS = "-variants.json"
#: What `zipfile` raises for what is no wheel, and for wheels that it can't read.
UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, UnicodeError, csv.Error, OverflowError),
)

# An sdist without code has a few files of text; more bytes than these are a mistake, or a trap.
_LARGEST = 64 << 20
# So are more members, and more bytes that extend their headers: each global header is copied to
# all the members that follow.
_MOST_HEADERS, _LONGEST_HEADERS = 1000, 64 << 10
_EXTENDING = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


@dataclass(frozen=True)
class Wheel:
    """A wheel: what its file's name says, its metadata say, and its ``RECORD`` lists.

    ``files`` are the hashes of its files, by their paths as they are installed.
    """

    file: str
    name: str
    version: Version
    tags: frozenset[Tag]
    requires: Sequence[Requirement] = ()
    requires_python: SpecifierSet = field(default_factory=SpecifierSet)
    files: Mapping[str, str] = field(default_factory=dict)
    metadata: bytes = b""

    def fits(self, place: Place) -> bool:
        """Return whether it can be installed in a place."""
        return place.takes(self.tags) and self.requires_python.contains(place.release)


@dataclass(frozen=True)
class Sdist:
    """An sdist of one of the distributions: what its file's name says, and the hash of it.

    ``has_table`` is whether it is a selector package's.
    """

    file: str
    name: str
    version: Version
    sha256: str = ""
    has_table: bool = False


def parse_wheel(file: str, dist_info: str, metadata: bytes, record: bytes) -> Wheel:
    """Return the wheel ``file``, whose folder ``dist_info`` has these two files.

    Raises ``ValueError`` where one does not belong to the others, or cannot be read.
    """
    name, version, _, tags = parse_wheel_filename(file)
    raw, _ = parse_email(metadata)
    said = raw.get("name", ""), raw.get("version", "")
    if normalize(said[0]) != name or Version(said[1]) != version:
        raise ValueError(
            f"METADATA says {' '.join(said)}, and the file's name {name} {version}; "
            "build it again, or rename it with selector-backend rename"
        )
    stem = dist_info.removesuffix(".dist-info").rpartition("-")
    if normalize(stem[0]) != name or Version(stem[2]) != version:
        raise ValueError(f"its folder is {dist_info}, and it is of {name} {version}")
    try:
        rows = [row for row in csv.reader(io.StringIO(record.decode("utf-8"), newline="")) if row]
    except csv.Error as error:
        raise ValueError(f"RECORD: {error}") from None
    files = {_installed(row[0]): row[1] if len(row) > 1 else "" for row in rows}
    return Wheel(
        file,
        name,
        version,
        tags,
        tuple(map(Requirement, raw.get("requires_dist", []))),
        SpecifierSet(raw.get("requires_python", "")),
        {path: sha for path, sha in files.items() if not re.match(r"[^/]+\.dist-info/", path)},
        metadata,
    )


def _installed(path: str) -> str:
    """Return where a file of a wheel goes; what is for another scheme keeps that one's name."""
    found = re.fullmatch(r"[^/]+\.data/(?:(?:purelib|platlib)/)?(.+)", path)
    return found[1] if found else path


def is_variant_file(name: str) -> bool:
    """Return whether a file is a variant wheel, or variant metadata, by its name."""
    parts = name.removesuffix(".whl").split("-")
    # A build tag comes before the Python tag, and alone begins with a digit.
    has_build_tag = len(parts) > 2 and parts[2][:1].isdigit()
    is_wheel = name.endswith(".whl") and len(parts) - has_build_tag == 6
    return is_wheel or name.endswith(VARIANTS)


def read_dist_info(archive: zipfile.ZipFile, *names: str) -> tuple[str, dict[str, bytes]]:
    """Return the name of a wheel's ``.dist-info`` folder, and those files of it that are named.

    Raises ``BadZipFile`` unless there is exactly one such folder, with these files.
    """
    paths = archive.namelist()
    folders = {path.partition("/")[0] for path in paths if "/" in path}
    infos = sorted(folder for folder in folders if folder.endswith(".dist-info"))
    if len(infos) != 1:
        found = ", ".join(infos) or "none"
        raise zipfile.BadZipFile(f"expected one .dist-info folder, found {found}")
    for name in names:
        if f"{infos[0]}/{name}" not in paths:
            raise zipfile.BadZipFile(f"its .dist-info has no {name}")
    return infos[0], {name: archive.read(f"{infos[0]}/{name}") for name in names}


def read_wheel(file: Path) -> Wheel:
    """Return a wheel. Raises one of `UNREADABLE`, or ``ValueError``, where it cannot be read."""
    with zipfile.ZipFile(file) as archive:
        folder, files = read_dist_info(archive, "METADATA", "RECORD")
    return parse_wheel(file.name, folder, files["METADATA"], files["RECORD"])


def read_sdist(file: Path) -> Sdist:
    """Return an sdist. Raises ``TarError``, ``OSError`` or ``ValueError`` if it cannot be read."""
    name, version = parse_sdist_filename(file.name)
    with tarfile.open(file, "r:gz") as archive:
        has_table = any(member.name.split("/")[1:] == [TABLE_NAME] for member in archive)
    sha256 = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            sha256.update(piece)
    return Sdist(file.name, name, version, sha256.hexdigest(), has_table)


@contextlib.contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """Unpack an sdist into a folder, for as long as that is used. Raises `SelectorError`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            members = members_of(file.read_bytes())
            for name, content in members.items():
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        except (OSError, ValueError) as error:
            raise SelectorError(f"{file} is not an sdist that can be read: {error}") from None
        if "pyproject.toml" not in members:
            raise SelectorError(f"{file} is not an sdist: it has no pyproject.toml")
        yield Path(folder)


def members_of(packed: bytes) -> dict[str, bytes]:
    """Return the files of an sdist (PEP 625) by their paths in it, and nothing else it may hold.

    Raises `ValueError` if it cannot be read.
    """
    try:
        with gzip.open(io.BytesIO(packed)) as compressed:
            content = compressed.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST >> 20} MiB, and it should have no code")
        if b"GNU.sparse" in content:  # what `tarfile` unpacks one hole at a time, for hours
            raise ValueError("it has members that no sdist has")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:", tarinfo=_bounded()) as archive:
            return {name: data.read() for name, data in _files(archive)}
    except (tarfile.TarError, OSError, EOFError, zlib.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its headers extend one another too often") from None


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in archive:
        # The first part is the sdist's own name and version.
        parts = PurePosixPath(member.name).parts[1:]
        data = archive.extractfile(member) if member.isreg() else None
        if data is not None and parts and not any(map(_is_outside, parts)):
            yield "/".join(parts), data


def _bounded() -> type[tarfile.TarInfo]:
    """Return a class of an archive's members that refuses more than an sdist can need.

    `tarfile` makes one of every header, those included that extend another: their content is read
    as soon as they are met, and goes to each member that follows.
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
                raise ValueError("it has more files, or longer names, than a package without code")
            if member.size < 0 or member.type == tarfile.GNUTYPE_SPARSE:
                raise ValueError("it has members that no sdist has")
            return member

    return Member


def _is_outside(part: str) -> bool:
    """Return whether a part of a member's name leads out of its folder, on any system."""
    return part == ".." or "\\" in part or ":" in part
