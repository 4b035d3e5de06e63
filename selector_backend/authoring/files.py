"""The files that ``[project]`` names: the readme and the licences."""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from ..errors import Problem
from .license_files import find_license_files
from .texts import unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a distribution's licence files are called where `license-files` does not say: PEP 639 leaves
# it to the backend, and other backends look for these.
_LICENSE_PATTERNS = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")


def check_files(
    folder: Path, table: dict[str, Any], problems: list[Problem]
) -> Iterator[PurePosixPath]:
    """Yield the readme and the licence file that ``table`` names; take out those that are no use.

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
            problems.append(Problem(key, f"found {file!r}, {message}"))
            del table[field]
    patterns = table.get("license-files")
    if patterns is None and not isinstance(license_, dict):
        found = _usual_license_files(folder)
        if found:
            table["license-files"] = [glob.escape(str(path)) for path in found]
    elif isinstance(patterns, list) and all(isinstance(one, str) for one in patterns):
        # The library is given names only, since what it takes for a pattern depends on the Python.
        table["license-files"] = []
        before = len(problems)
        for pattern in patterns:
            files, message = _named_license_files(folder, pattern)
            table["license-files"] += [glob.escape(str(path)) for path in files]
            if message is not None:
                problems.append(Problem("project.license-files", f"found {pattern!r}, {message}"))
        if len(problems) > before:
            del table["license-files"]


def _usual_license_files(folder: Path) -> list[PurePosixPath]:
    """Return the licence files that are called as usual; what cannot be taken is left out."""
    found = {path for one in _LICENSE_PATTERNS for path in find_license_files(folder, one)}
    messages = {
        path: _leads_out(folder, str(path)) or _no_value(str(path)) for path in sorted(found)
    }
    for path, message in messages.items():
        if message is not None:
            print(f"warning: left out {str(path)!r}, {message}", file=sys.stderr, flush=True)
    return [path for path, message in messages.items() if message is None]


def _named_license_files(folder: Path, pattern: str) -> tuple[list[PurePosixPath], str | None]:
    """Return the files that a pattern matches, and what is wrong with it or them, if anything."""
    if _is_outside(pattern):
        return [], "expected a pattern that matches files within the project"
    try:
        files = [*find_license_files(folder, pattern)]
    except ValueError as error:
        return [], str(error)
    if not files:
        return [], "which does not match any file of the project"
    messages = (_unusable(folder, str(path)) or _no_value(str(path)) for path in files)
    return files, next(filter(None, messages), None)


def _unusable(folder: Path, file: str) -> str | None:
    """Return what is wrong with a file that is to be part of the metadata, if anything."""
    if _is_outside(file):
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
    """Return what is wrong with a file that is there by a link out of the project, if it is."""
    if Path(os.path.realpath(folder / file)).is_relative_to(os.path.realpath(folder)):
        return None
    return (
        "which is a link out of the project's folder; put a copy of the file in its place, since "
        "an sdist holds the project's own files only"
    )


def _no_value(file: str) -> str | None:
    """Return what is wrong with the name of a licence file, which is a field's value, if it is."""
    if unfit(file) or file != file.strip() or any(part in file for part in ("..", "*", "\\")):
        return "whose name core metadata cannot hold; rename the file"
    return None


def _is_outside(path: str) -> bool:
    """Return whether a relative path or pattern leads out of its folder, on any system."""
    windows = PureWindowsPath(path)
    return bool(windows.anchor) or PurePosixPath(path).is_absolute() or ".." in windows.parts
