"""The patterns of ``license-files`` (PEP 639), the same on every Python and every system.

`pathlib` takes patterns that the PEP forbids, and what its ``**`` matches depends on the Python;
but what builds an sdist with one Python has to install it with all the others.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Callable, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

T = TypeVar("T")

# A pattern is a sequence of segments and a segment one of characters, each given by the ranges
# that it may lie in. In both, `None` stands for any number of items: `**`, and `*`.
_Character = tuple[tuple[str, str], ...]
_Segment = tuple[Union[_Character, None], ...]
_Pattern = tuple[Union[_Segment, None], ...]

# What stands for one character: what is between brackets, or the character itself. Between brackets
# a hyphen at the start or the end is a character as well.
_CHARACTER = re.compile(r"\[([^\[\]]+)\]|(.)", re.DOTALL)
_RANGE = re.compile(r".-.|.", re.DOTALL)
_ANY_CHARACTER: _Character = (("\0", chr(sys.maxunicode)),)


def find_license_files(folder: Path, pattern: str) -> Iterator[PurePosixPath]:
    """Yield the files in ``folder`` that ``pattern`` matches, relative to it.

    ``*`` and ``?`` match a leading dot as well, ``**`` any number of folders, or none; at the end,
    all files below. A link to a folder is followed only where the pattern has its whole name, so
    that the search has an end. Raises `ValueError` for a pattern that the PEP does not have.
    """
    segments = _parse(pattern)
    todo = [(PurePosixPath(), _with_none(segments, [0]))]
    while todo:
        path, positions = todo.pop()
        try:
            with os.scandir(folder / path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_symlink() and entry.is_dir():
                named = [at for at in positions if segments[at : at + 1] != (None,)]
                after = _after(segments, named, entry.name, _is_named)
            else:
                after = _after(segments, positions, entry.name, _matches)
            if entry.is_file() and len(segments) in after:
                yield path / entry.name
            elif entry.is_dir() and after - {len(segments)}:
                todo.append((path / entry.name, after))


def _parse(pattern: str) -> _Pattern:
    segments: list[_Segment | None] = []
    for text in pattern.split("/"):
        if not text:
            raise ValueError("which has a folder without a name")
        if text == "**":
            segments += [None] if segments[-1:] != [None] else []
        elif text != ".":
            segments.append(_parse_segment(text))
    if segments[-1:] == [None]:
        segments.append((None,))
    return tuple(segments)


def _parse_segment(text: str) -> _Segment:
    if "**" in text:
        raise ValueError("which has '**' beside something else than '/'")
    characters: list[_Character | None] = []
    for ranges, character in _CHARACTER.findall(text):
        if ranges:
            characters.append(tuple(map(_parse_range, _RANGE.findall(ranges))))
        elif character in "*?":
            characters.append(None if character == "*" else _ANY_CHARACTER)
        else:
            characters.append((_parse_range(character),))
    return tuple(characters)


def _parse_range(text: str) -> tuple[str, str]:
    low, high = text[0], text[-1]
    for character in (low, high):
        if not character.isalnum() and character not in "_-.":
            raise ValueError(
                f"which has {character!r}; a pattern has letters, digits, '_', '-', '.', '/', '*', "
                "'?' and ranges such as [a-z] (PEP 639), and '?' stands for any other character"
            )
    if low > high:
        raise ValueError(f"which has the range {text!r}; expected the lower end first")
    return low, high


def _is_named(segment: _Segment, name: str) -> bool:
    return segment == tuple(((character, character),) for character in name)


def _matches(segment: _Segment, name: str) -> bool:
    positions = _with_none(segment, [0])
    for character in name:
        positions = _after(segment, positions, character, _lies_in)
    return len(segment) in positions


def _lies_in(ranges: _Character, character: str) -> bool:
    return any(low <= character <= high for low, high in ranges)


# All ways to match are followed at once, as positions in the pattern, so that no pattern takes more
# than its length times that of what it is held against.


def _after(
    pattern: Sequence[T | None],
    positions: Iterable[int],
    item: str,
    matches: Callable[[T, str], bool],
) -> set[int]:
    """Return the positions at which matching may go on after ``item``."""
    after = []
    for position in positions:
        for expected in pattern[position : position + 1]:  # none at the end
            if expected is None:
                after.append(position)
            elif matches(expected, item):
                after.append(position + 1)
    return _with_none(pattern, after)


def _with_none(pattern: Sequence[T | None], positions: Iterable[int]) -> set[int]:
    """Return ``positions`` and those behind what may match no item at all."""
    found = set()
    for position in positions:
        found.add(position)
        while position < len(pattern) and pattern[position] is None:
            position += 1
            found.add(position)
    return found
