"""The patterns of ``license-files`` (PEP 639), the same on every Python and every system.

`pathlib` takes patterns that the PEP forbids, and what its ``**`` matches depends on the Python;
but what builds an sdist with one Python has to install it with all the others.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A range, or the character itself.
_TOKEN = re.compile(r"\[[^\[\]]+\]|.", re.DOTALL)
# Between brackets, a hyphen at the start or the end is a character too.
_RANGE = re.compile(r".-.|.", re.DOTALL)


def find_license_files(folder: Path, pattern: str) -> Iterator[PurePosixPath]:
    """Yield the files in ``folder`` that ``pattern`` matches, relative to it.

    ``*`` and ``?`` also match a leading dot, ``**`` any number of folders, or none; at the end,
    all files below. A link to a folder is followed only where the pattern has its whole name, so
    that the search has an end. Raises `ValueError` for a pattern that the PEP does not have.
    """
    segments = [segment for segment in pattern.split("/") if segment != "."]
    for segment in segments:
        _check(segment)
    if segments[-1:] == ["**"]:
        segments.append("*")
    # Where the search has got to: a folder, and the place in the pattern. Each counts once.
    todo = [(PurePosixPath(), 0)] if segments else []
    seen = {*todo}
    for path, place in todo:
        segment = segments[place]
        found = [(path, place + 1)] if segment == "**" else []
        for entry in _entries(folder / path):
            below = path / entry.name
            if segment == "**":
                if entry.is_dir() and not entry.is_symlink():
                    found.append((below, place))
            elif fnmatchcase(entry.name, segment):
                if place + 1 == len(segments):
                    if entry.is_file():
                        yield below
                elif entry.is_dir() and (not entry.is_symlink() or segment == entry.name):
                    found.append((below, place + 1))
        todo += [one for one in found if one not in seen]
        seen.update(found)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _check(segment: str) -> None:
    """Check what is between two slashes: `fnmatch` knows more. Raises `ValueError`."""
    if not segment:
        raise ValueError("which has a folder without a name")
    if "**" in segment and segment != "**":
        raise ValueError("which has '**' next to something other than '/'")
    for token in _TOKEN.findall(segment):
        for text in _RANGE.findall(token[1:-1]) if len(token) > 2 else [token]:
            wrong = [one for one in text.strip("*?") if not one.isalnum() and one not in "_-."]
            if wrong or (len(token) > 2 and text in "*?"):
                raise ValueError(
                    f"which has {(wrong or text)[0]!r}; a pattern has letters, digits, '_', '-', "
                    "'.', '/', '*', '?' and ranges such as [a-z] (PEP 639), and '?' stands for any "
                    "other character"
                )
            if text[0] > text[-1]:
                raise ValueError(f"which has the range {text!r}; expected the lower end first")
