"""Finished wheels and sdists, as their file names and contents describe them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from ..model.markers import normalize
from ..model.table import TABLE_NAME
from .archives import (
    LimitError,
    members_of,
    opened_wheel,
    read_dist_info,
    read_packed,
    tar_of,
)
from .targets import Target

#: The end of the name of the file with the metadata of all variant wheels.
VARIANTS = "-variants.json"

# Reading n fields takes time proportional to n². No known project has 3,000.
_MOST_FIELDS = 5000


@dataclass(frozen=True)
class Wheel:
    """A wheel, as its file name, its metadata and its ``RECORD`` describe it.

    ``files`` has the hash of each file by its installed path.
    """

    file: str
    name: str
    version: Version
    tags: frozenset[Tag]
    requires: Sequence[Requirement] = ()
    requires_python: SpecifierSet = field(default_factory=SpecifierSet)
    files: Mapping[str, str] = field(default_factory=dict)
    metadata: bytes = b""

    def fits(self, target: Target) -> bool:
        """Return whether it can be installed on a target."""
        return target.takes(self.tags) and self.requires_python.contains(target.release)


@dataclass(frozen=True)
class Sdist:
    """An sdist, by its file name; ``has_table`` is whether it is that of a selector package."""

    file: str
    name: str
    version: Version
    has_table: bool = False


def parse_wheel(file: str, dist_info: str, metadata: bytes, record: bytes) -> Wheel:
    """Return the wheel ``file`` from its folder ``dist_info`` and two files of that.

    Raises ``ValueError`` if one cannot be read, or contradicts another.
    """
    name, version, _, tags = parse_wheel_filename(file)
    if metadata.partition(b"\n\n")[0].count(b"\n") > _MOST_FIELDS:
        raise ValueError(f"METADATA has more than {_MOST_FIELDS} lines of fields")
    raw, _ = parse_email(metadata)
    own = raw.get("name", ""), raw.get("version", "")
    if normalize(own[0]) != name or Version(own[1]) != version:
        raise ValueError(
            f"METADATA says {' '.join(own)}, and the file's name {name} {version}; "
            "build it again, or rename it with selector-backend rename"
        )
    stem = dist_info.removesuffix(".dist-info").rpartition("-")
    if normalize(stem[0]) != name or Version(stem[2]) != version:
        raise ValueError(f"its folder is {dist_info}, and it is of {name} {version}")
    try:
        rows = csv.reader(io.StringIO(record.decode("utf-8"), newline=""))
        files = {_installed(row[0]): "".join(row[1:2]) for row in rows if row}
    except csv.Error as error:
        raise ValueError(f"RECORD: {error}") from None
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
    """Return the installed path of a wheel's file; other schemes than lib keep their names."""
    match = re.fullmatch(r"[^/]+\.data/(?:(?:purelib|platlib)/)?(.+)", path)
    return match[1] if match else path


def is_variant_file(name: str) -> bool:
    """Return whether a file is a variant wheel, or variant metadata, by its name."""
    parts = name.removesuffix(".whl").split("-")
    # A build tag comes before the Python tag, and alone begins with a digit.
    has_build_tag = len(parts) > 2 and parts[2][:1].isdigit()
    is_wheel = name.endswith(".whl") and len(parts) - has_build_tag == 6
    return is_wheel or name.endswith(VARIANTS)


def read_wheel(file: Path) -> Wheel:
    """Return a wheel. Raises one of `UNREADABLE`, or ``ValueError``, where it cannot be read."""
    with opened_wheel(file) as archive:
        folder, files = read_dist_info(archive, "METADATA", "RECORD")
    return parse_wheel(file.name, folder, files["METADATA"], files["RECORD"])


def read_sdist(file: Path) -> Sdist:
    """Return an sdist. Raises ``OSError`` or ``ValueError`` if it cannot be read."""
    name, version = parse_sdist_filename(file.name)
    try:
        members = members_of(tar_of(read_packed(file)))
        has_table = any(member.name.split("/")[1:] == [TABLE_NAME] for member, _ in members)
    except LimitError:  # it has code
        has_table = False
    return Sdist(file.name, name, version, has_table)
