"""The files that ``[project]`` names: the readme and the licences (PEP 639)."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from ..model.problems import Problems
from ..model.shapes import leads_outside
from .structure import unfit

# The default of `license-files`: PEP 639 leaves it to the backend, and others use these patterns.
_LICENSE_PATTERNS = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")

_PART = r"(?:\*\*|(?:(?!\*\*)[\w.*?-]|\[[\w.-]+\])+)"
_PATTERN = re.compile(f"{_PART}(?:/{_PART})*")


def check_files(folder: Path, table: dict[str, Any], problems: Problems) -> Iterator[PurePosixPath]:
    """Yield the readme and the licence file that ``table`` names; remove keys with unusable files.

    Sets the default of ``license-files``.
    """
    named = []
    readme, license_ = table.get("readme"), table.get("license")
    if isinstance(readme, str):
        named.append(("readme", "project.readme", readme))
    elif isinstance(readme, dict) and isinstance(readme.get("file"), str):
        named.append(("readme", "project.readme.file", readme["file"]))
    if isinstance(license_, dict) and isinstance(license_.get("file"), str):
        named.append(("license", "project.license.file", license_["file"]))
    for field, key, file in named:
        message = _unusable(folder, file)
        if message is None and field == "license":
            message = _no_value(file.replace("\\", "/"))
        if message is None:
            yield PurePosixPath(file.replace("\\", "/"))
        else:
            problems.add(key, f"found {file!r}, {message}")
            del table[field]
    patterns = table.get("license-files")
    if patterns is None and not isinstance(license_, dict):
        usual = _usual_license_files(folder)
        if usual:
            table["license-files"] = [glob.escape(str(path)) for path in usual]
    elif isinstance(patterns, list) and all(isinstance(pattern, str) for pattern in patterns):
        # The library gets names only: how it reads patterns depends on the Python.
        table["license-files"] = []
        before = len(problems)
        for pattern in patterns:
            files, message = _named_license_files(folder, pattern)
            table["license-files"] += [glob.escape(str(path)) for path in files]
            if message is not None:
                problems.add("project.license-files", f"found {pattern!r}, {message}")
        if len(problems) > before:
            del table["license-files"]


def _usual_license_files(folder: Path) -> list[PurePosixPath]:
    """Return the licence files with usual names; warn of those that cannot be used."""
    paths = {path for pattern in _LICENSE_PATTERNS for path in find_license_files(folder, pattern)}
    messages = {
        path: _leads_out(folder, str(path)) or _no_value(str(path)) for path in sorted(paths)
    }
    for path, message in messages.items():
        if message is not None:
            print(f"warning: left out {str(path)!r}, {message}", file=sys.stderr, flush=True)
    return [path for path, message in messages.items() if message is None]


def _named_license_files(folder: Path, pattern: str) -> tuple[list[PurePosixPath], str | None]:
    """Return the files that a pattern matches, and what is wrong with it or them, if anything."""
    if leads_outside(pattern):
        return [], "expected a pattern that matches files within the project"
    try:
        files = find_license_files(folder, pattern)
    except ValueError as error:
        return [], str(error)
    if not files:
        return [], "which does not match any file of the project"
    messages = (_unusable(folder, str(path)) or _no_value(str(path)) for path in files)
    return files, next(filter(None, messages), None)


def _unusable(folder: Path, file: str) -> str | None:
    """Return what is wrong with a file that is to be part of the metadata, if anything."""
    if leads_outside(file):
        return "which lies outside the project; an sdist holds the project's own files only"
    path = folder / file
    try:
        if not path.is_file():
            return "which is not a file of the project"
        message = _leads_out(folder, file)
        if message is None:
            path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "which is not UTF-8 text"
    except (OSError, ValueError):
        return "which is not a file of the project that can be read"
    return message


def _leads_out(folder: Path, file: str) -> str | None:
    """Return what is wrong with a file if it is a link out of the project."""
    if Path(os.path.realpath(folder / file)).is_relative_to(os.path.realpath(folder)):
        return None
    return (
        "which is a link out of the project's folder; put a copy of the file in its place, since "
        "an sdist holds the project's own files only"
    )


def _no_value(file: str) -> str | None:
    """Return what is wrong with a licence file's name, if metadata cannot hold it."""
    if unfit(file) or file != file.strip() or any(part in file for part in ("..", "*", "\\")):
        return "whose name core metadata cannot hold; rename the file"
    return None


def find_license_files(folder: Path, pattern: str) -> list[PurePosixPath]:
    """Return the files in ``folder`` that ``pattern`` matches, relative to it.

    ``*`` and ``?`` also match a leading dot, ``**`` any number of folders, or none; at the end,
    all files below. Raises `ValueError` for a pattern that the PEP does not have.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(
            "which is not a pattern of PEP 639: names of folders and of files have letters, "
            "digits, '_', '-', '.', '*', '?' and ranges such as [a-z], a folder may be '**', and "
            "'?' stands for any other character"
        )
    parts = [part for part in pattern.split("/") if part != "."]  # what `glob` does with it differs
    if parts[-1:] == ["**"]:
        parts.append("*")  # older Pythons find folders
    # Windows and macOS find a plain name in any case, and `glob` gives it as the pattern has it.
    listed = [re.sub(r"^([\w.-])([\w.-]*)$", r"[\1]\2", part) for part in parts]
    try:
        paths = [path for path in folder.glob("/".join(listed)) if path.is_file()] if parts else []
    except (OSError, re.error) as error:  # a name that is too long, or a range such as [z-a]
        raise ValueError(f"which cannot be searched for: {error}") from None
    found = {PurePosixPath(path.relative_to(folder).as_posix()) for path in paths}
    return sorted(path for path in found if _matches(path.parts, parts))


def _matches(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Return whether a pattern's parts match a path's names, upper and lower case being two."""
    if not parts or not names:
        return {*parts} <= {"**"} and not names
    if parts[0] == "**":
        return _matches(names, parts[1:]) or _matches(names[1:], parts)
    return fnmatchcase(names[0], parts[0]) and _matches(names[1:], parts[1:])
