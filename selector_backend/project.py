"""``pyproject.toml``, read into a `Project`."""

from __future__ import annotations

import dataclasses
import glob
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import pyproject_metadata
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pyproject_metadata import StandardMetadata
from pyproject_metadata.constants import KNOWN_PROJECT_FIELDS
from pyproject_metadata.errors import ConfigurationError, ExceptionGroup

from .errors import InvalidFileError, Problem, SelectorError, did_you_mean
from .selector import Selector, describe, parse_selector

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a distribution's licence files are called where `license-files` does not say: PEP 639 leaves
# it to the backend, and other backends look for these.
_LICENSE_GLOBS = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")

# The object references and names of the entry points specification.
_OBJECT = re.compile(r"[\w.]+(\s*:\s*[\w.]+)?(\s*\[[\w\s,.-]*\])?")
_ENTRY_NAME = re.compile(r"[^\s\[=][^\n=]*")


@dataclass(frozen=True)
class Project:
    """A selector package's source: its folder, its ``[project]`` and its selector table.

    ``files`` are the files that belong in an sdist besides ``PKG-INFO``, relative to the folder.
    """

    folder: Path
    metadata: StandardMetadata
    selector: Selector
    files: tuple[PurePosixPath, ...]

    @property
    def license_files(self) -> tuple[PurePosixPath, ...]:
        """The licence files, relative to the folder (PEP 639)."""
        return tuple(PurePosixPath(path) for path in sorted(self.metadata.license_files or ()))

    @property
    def stem(self) -> str:
        """Name and version as they start the names of files: ``spam_eggs-1.0``."""
        return f"{canonicalize_name(self.metadata.name).replace('-', '_')}-{self.version}"

    @property
    def version(self) -> Version:
        """The version."""
        assert self.metadata.version is not None  # what `read_project` returns has one
        return self.metadata.version

    def labelled(self, label: str) -> Project:
        """Return the project with a local version label, or the same if ``label`` is empty.

        What the table requires stays as it is: a label is of this project's own wheel only.
        """
        if not label:
            return self
        metadata = dataclasses.replace(self.metadata, version=Version(f"{self.version}+{label}"))
        return dataclasses.replace(self, metadata=metadata)


def read_project(folder: Path) -> Project:
    """Read the project in ``folder``.

    Raises `InvalidFileError`, with everything that is wrong in its ``pyproject.toml``, or
    `SelectorError` where there is no such file that can be read.
    """
    data = _read_toml(folder / "pyproject.toml")
    project = data.get("project")
    if not isinstance(project, dict):
        problem = Problem("project", "missing; a project has a [project] table with its name")
        raise InvalidFileError("pyproject.toml", [problem])

    problems: list[Problem] = []
    table = dict(project)
    _check_dynamic(table, problems)
    _check_entry_points(table, problems)
    files = list(_check_files(folder, table, problems))
    metadata = _read_metadata(folder, {**data, "project": table}, problems)
    selector = _read_selector(data, problems)
    if metadata is None or selector is None or problems:
        raise InvalidFileError("pyproject.toml", problems)
    files += [PurePosixPath(path.as_posix()) for path in metadata.license_files or ()]
    files = sorted({PurePosixPath("pyproject.toml"), *files})
    return Project(folder, metadata, selector, tuple(files))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SelectorError(f"there is no pyproject.toml in {path.parent}") from None
    except OSError as error:
        raise SelectorError(f"pyproject.toml cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SelectorError(
            f"pyproject.toml is not UTF-8: line {line} has the byte "
            f"0x{error.object[error.start]:02x}; save it as UTF-8, as TOML requires"
        ) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SelectorError(f"pyproject.toml is not TOML: {error}") from None


def _check_dynamic(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check that the dependencies, and they alone, are left to the backend."""
    dynamic = table.get("dynamic", [])
    if not isinstance(dynamic, list):
        return  # pyproject-metadata says so
    if "dependencies" in table:
        del table["dependencies"]
        problems.append(
            Problem(
                "project.dependencies",
                "given, but the selector table chooses them: move what every variant needs to "
                "tool.selector.requires",
            )
        )
    if "dependencies" not in dynamic:
        problems.append(
            Problem(
                "project.dynamic",
                f'found {dynamic}, expected ["dependencies"], since the backend fills them in',
            )
        )
    if "version" in dynamic:
        problems.append(
            Problem("project.version", "is dynamic; give it here, this backend does not find it")
        )
    others = [one for one in dynamic if one not in ("dependencies", "version")]
    if others:
        problems.append(
            Problem("project.dynamic", f"found {others[0]!r}; only 'dependencies' can be dynamic")
        )
    table["dynamic"] = ["dependencies"]
    if "version" in dynamic:
        table.setdefault("version", "0")


def _check_entry_points(table: dict[str, Any], problems: list[Problem]) -> None:
    groups = {"scripts": table.get("scripts"), "gui-scripts": table.get("gui-scripts")}
    given = table.get("entry-points")
    for group, entries in given.items() if isinstance(given, dict) else ():
        groups[f"entry-points.{group}"] = entries
        if group in ("console_scripts", "gui_scripts"):
            proper = group.replace("console_", "").replace("_", "-")
            problems.append(
                Problem(f"project.entry-points.{group}", f"belongs in [project.{proper}]")
            )
    for key, entries in groups.items():
        for name, target in entries.items() if isinstance(entries, dict) else ():
            if not _ENTRY_NAME.fullmatch(name):
                message = "expected a name without '=' that does not start with '['"
                problems.append(Problem(f"project.{key}", f"found {name!r}, {message}"))
            if isinstance(target, str) and not _OBJECT.fullmatch(target.strip()):
                problems.append(
                    Problem(
                        f"project.{key}.{name}",
                        f"found {target!r}, expected an object such as 'spam_core.cli:main'",
                    )
                )


def _check_files(
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
        if message is None:
            yield PurePosixPath(file.replace("\\", "/"))
        else:
            problems.append(Problem(key, f"found {file!r}, {message}"))
            del table[field]
    if "license-files" not in table and not isinstance(license_, dict):
        found = {path for pattern in _LICENSE_GLOBS for path in folder.glob(pattern)}
        files = sorted(glob.escape(path.name) for path in found if path.is_file())
        if files:
            table["license-files"] = files


def _unusable(folder: Path, file: str) -> str | None:
    """Return what is wrong with a file that is to be part of the metadata, if anything."""
    windows = PureWindowsPath(file)
    if windows.anchor or PurePosixPath(file).is_absolute() or ".." in windows.parts:
        return "which lies outside the project; an sdist holds the project's own files only"
    path = folder / file
    if not path.is_file():
        return "which is not a file of the project"
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "which is not UTF-8 text"
    except OSError as error:
        return f"which cannot be read: {error.strerror}"
    return None


def _read_metadata(
    folder: Path, data: dict[str, Any], problems: list[Problem]
) -> StandardMetadata | None:
    for field in sorted(pyproject_metadata.extras_project(data)):
        hint = did_you_mean(field, KNOWN_PROJECT_FIELDS)
        problems.append(Problem(f"project.{field}", f"not a known key{hint}"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice to the maintainer, not to who installs
            return StandardMetadata.from_pyproject(
                data, folder, allow_extra_keys=True, all_errors=True
            )
    except ExceptionGroup as group:
        for error in group.exceptions:
            if not isinstance(error, ConfigurationError):
                raise
            key = error.key or "project"
            problems.append(Problem(key, str(error).replace(f'Field "{key}" ', "")))
        return None


def _read_selector(data: dict[str, Any], problems: list[Problem]) -> Selector | None:
    tools = data.get("tool")
    if not isinstance(tools, dict) or "selector" not in tools:
        hint = did_you_mean("selector", tools if isinstance(tools, dict) else ())
        problems.append(Problem("tool.selector", f"missing{hint or '; it holds the variants'}"))
        return None
    table = tools["selector"]
    if not isinstance(table, dict):
        problems.append(Problem("tool.selector", f"found {describe(table)}, expected a table"))
        return None
    name, version = _name_and_version(data["project"])
    selector, more = parse_selector(table, project=name, version=version)
    problems += more
    return selector


def _name_and_version(project: dict[str, Any]) -> tuple[str, str]:
    """Return the project's name and version, as far as the table's defaults need them.

    Where they are not valid, which is a problem of its own, something that is takes their place.
    """
    name, version = project.get("name"), project.get("version")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        name = "project"
    try:
        return name, str(Version(version)) if isinstance(version, str) else "0"
    except InvalidVersion:
        return name, "0"
