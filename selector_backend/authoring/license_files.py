"""The patterns of ``license-files`` (PEP 639), the same on every Python and every system.

`pathlib` takes patterns that the PEP forbids, and what its ``**`` matches depends on the Python;
but what builds an sdist with one Python has to install it with all the others.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What stands for one character, or for any number of them: a range, or the character itself.
_TOKEN = re.compile(r"\[[^\[\]]+\]|.", re.DOTALL)
# Between brackets, a hyphen at the start or the end is a character too.
_RANGE = re.compile(r".-.|.", re.DOTALL)


def find_license_files(folder: Path, pattern: str) -> Iterator[PurePosixPath]:
    """Yield the files in ``folder`` that ``pattern`` matches, relative to it.

    ``*`` and ``?`` also match a leading dot, ``**`` any number of folders, or none; at the end,
    all files below. A link to a folder is followed only where the pattern has its whole name, so
    that the search has an end. Raises `ValueError` for a pattern that the PEP does not have.
    """
    segments = [*map(_parse, filter(lambda text: text != ".", pattern.split("/")))]
    if segments[-1:] == [["**"]]:
        segments.append(["*"])
    # Where the search has got to: a folder, and the place in the pattern. Each counts once.
    todo = [(PurePosixPath(), 0)] if segments else []
    seen = {*todo}
    for path, place in todo:
        tokens = segments[place]
        found = [(path, place + 1)] if tokens == ["**"] else []
        for entry in _entries(folder / path):
            below = path / entry.name
            if tokens == ["**"]:
                if entry.is_dir() and not entry.is_symlink():
                    found.append((below, place))
            elif _matches(tokens, entry.name):
                if place + 1 == len(segments):
                    if entry.is_file():
                        yield below
                elif entry.is_dir() and (not entry.is_symlink() or tokens == [*entry.name]):
                    found.append((below, place + 1))
        todo += [one for one in found if one not in seen]
        seen.update(found)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _parse(segment: str) -> list[str]:
    """Return what is between two slashes as tokens. Raises `ValueError`."""
    if not segment:
        raise ValueError("which has a folder without a name")
    if "**" in segment and segment != "**":
        raise ValueError("which has '**' next to something other than '/'")
    tokens = ["**"] if segment == "**" else _TOKEN.findall(segment)
    for token in tokens:
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
    return tokens


def _matches(tokens: list[str], name: str) -> bool:
    """Return whether a name matches, in a time of its length times the pattern's at most."""
    at = matched = 0
    star = resume = -1
    while matched < len(name):
        if tokens[at : at + 1] == ["*"]:
            star, resume, at = at, matched, at + 1
        elif at < len(tokens) and _stands_for(tokens[at], name[matched]):
            at, matched = at + 1, matched + 1
        elif star >= 0:  # the last star takes one character more
            resume += 1
            at, matched = star + 1, resume
        else:
            return False
    return all(token == "*" for token in tokens[at:])


def _stands_for(token: str, character: str) -> bool:
    if len(token) == 1:
        return token in ("?", character)
    return any(one[0] <= character <= one[-1] for one in _RANGE.findall(token[1:-1]))
