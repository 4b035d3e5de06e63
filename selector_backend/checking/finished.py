"""Finished distributions: what the names of their files and their metadata say."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from ..model.markers import normalize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.tags import Tag

    from .places import Place


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
    """An sdist of one of the distributions: what its file's name says, and the hash of it."""

    file: str
    name: str
    version: Version
    sha256: str = ""


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
