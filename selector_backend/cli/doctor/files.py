"""Whether the files of distributions are as they were installed, by their ``RECORD``."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.metadata import Distribution

# More files than these are counted, not named.
_NAMED = 3

# No file's size has as many digits.
_LONGEST_SIZE = 20


@dataclass(frozen=True)
class Damage:
    """Files of an installed distribution that are missing or changed."""

    missing: Sequence[str]
    changed: Sequence[str]

    def __str__(self) -> str:
        parts = []
        if self.missing:
            parts.append(f"{name_files(self.missing)} {_verb(self.missing)} missing")
        if self.changed:
            it_was = "it was" if len(self.changed) == 1 else "they were"
            files = f"{name_files(self.changed)} {_verb(self.changed)}"
            parts.append(f"{files} not as {it_was} installed")
        return "; ".join(parts)


def find_damage(distribution: Distribution, beside: Iterable[Distribution]) -> Damage | None:
    """Compare a distribution's files with those on disk, by their sizes: builds are large.

    A file that a distribution ``beside`` it also lists, with its present size, is not damaged.
    What conda installed is skipped: conda changes files after its ``RECORD`` was written.
    """
    if read_text(distribution, "INSTALLER").strip() == "conda":
        return None
    missing: list[str] = []
    changed: dict[str, int] = {}
    for name, size in recorded_files(distribution).items():
        try:
            found = Path(str(distribution.locate_file(name))).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            missing.append(name)
        except (OSError, ValueError):  # it may not be read, or is not a path at all
            continue
        else:
            # Files outside the folder of packages, such as scripts and settings, may be adapted.
            if found != size and not (Path(name).is_absolute() or ".." in Path(name).parts):
                changed[name] = found
    if changed:
        others = [recorded_files(one) for one in beside if one is not distribution]
        for name, found in [*changed.items()]:
            if any(files.get(name) == found for files in others):
                del changed[name]
    return Damage(missing, [*changed]) if missing or changed else None


def recorded_files(distribution: Distribution) -> dict[str, int]:
    """Return the sizes that a distribution's files were installed with, by their paths.

    Without what installers write and Python compiles. Empty if no ``RECORD`` can be read:
    Debian leaves it out. (`Distribution.files` leaves out files that are missing, since 3.12.)
    """
    try:
        rows = [*csv.reader(io.StringIO(read_text(distribution, "RECORD"), newline=""))]
    except csv.Error:
        return {}
    files = {}
    for row in rows:
        # https://packaging.python.org/specifications/recording-installed-packages/
        if len(row) == 3 and row[2].isdecimal() and len(row[2]) < _LONGEST_SIZE:
            parts = Path(row[0]).parts
            if parts and not parts[0].endswith(".dist-info") and "__pycache__" not in parts:
                files[row[0]] = int(row[2])
    return files


def read_text(distribution: Distribution, file: str) -> str:
    """Return the text of a file of the ``.dist-info``, empty if it cannot be read."""
    try:
        return distribution.read_text(file) or ""
    except (OSError, ValueError):
        return ""


def name_files(files: Sequence[str]) -> str:
    """Return the names of the first few files, and how many more there are."""
    named = ", ".join(files[:_NAMED])
    return f"{named} and {len(files) - _NAMED} more" if len(files) > _NAMED else named


def _verb(files: Sequence[str]) -> str:
    return "is" if len(files) == 1 else "are"
