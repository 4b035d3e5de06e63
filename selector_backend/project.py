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
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pyproject_metadata import License, StandardMetadata
from pyproject_metadata.constants import KNOWN_PROJECT_FIELDS
from pyproject_metadata.errors import ConfigurationError, ExceptionGroup
from pyproject_metadata.project_table import to_project_table

from .errors import InvalidFileError, Problem, SelectorError, did_you_mean
from .selector import Selector, describe, is_name, parse_selector

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a distribution's licence files are called where `license-files` does not say: PEP 639 leaves
# it to the backend, and other backends look for these.
_LICENSE_GLOBS = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")

# The names and object references of the entry points specification; a script's is a function.
_ENTRY_NAME = re.compile(r"[^\s\[=#;]([^=]*[^\s=])?")
_DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_OBJECT = re.compile(rf"{_DOTTED}(\s*:\s*{_DOTTED})?(\s*\[[\w\s,.-]*\])?")
_FUNCTION = re.compile(rf"{_DOTTED}\s*:\s*{_DOTTED}(\s*\[[\w\s,.-]*\])?")


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
        paths = set(self.metadata.license_files or ())
        if isinstance(self.metadata.license, License) and self.metadata.license.file:
            paths.add(self.metadata.license.file)
        return tuple(PurePosixPath(path.as_posix()) for path in sorted(paths))

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
    _check_texts(table, problems)
    _check_dynamic(table, problems)
    _check_entry_points(table, problems)
    _check_extras(table, problems)
    for people in ("authors", "maintainers"):
        table.update(_named(table, people))
    files = list(_check_files(folder, table, problems))
    metadata = _read_metadata(folder, {**data, "project": table}, problems)
    selector = _read_selector(data, problems)
    if metadata is None or selector is None or problems:
        raise InvalidFileError("pyproject.toml", problems)
    read = Project(folder, metadata, selector, ())
    every = {PurePosixPath("pyproject.toml"), *files, *read.license_files}
    return dataclasses.replace(read, files=tuple(sorted(every)))


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
    except ValueError as error:  # `TOMLDecodeError` is one, and so is a number of too many digits
        raise SelectorError(f"pyproject.toml is not TOML: {error}") from None
    except RecursionError:
        raise SelectorError("pyproject.toml is not TOML: it is nested too deep") from None


def _check_dynamic(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check that the dependencies, and they alone, are left to the backend.

    Leaves in ``table`` what is right, so that nothing is reported twice.
    """
    dynamic = table.get("dynamic", [])
    names = dynamic if isinstance(dynamic, list) else []
    if table.pop("dependencies", None) is not None:
        problems.append(
            Problem(
                "project.dependencies",
                "given, but the selector table chooses them: move what every variant needs to "
                "tool.selector.requires",
            )
        )
    others = [one for one in names if one not in ("dependencies", "version")]
    if "dependencies" not in names or others:
        problems.append(
            Problem("project.dynamic", f'found {dynamic!r}, expected ["dependencies"] and no other')
        )
    if "version" in names:
        problems.append(
            Problem("project.version", "is dynamic; give it here, this backend does not find it")
        )
    elif "version" not in table:
        problems.append(Problem("project.version", "missing; expected one such as '1.0'"))
    table["dynamic"] = ["dependencies"]
    table.setdefault("version", "0")


def _check_entry_points(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check the names and objects that go into ``entry_points.txt`` as they are."""
    groups = [(key, table.get(key), _FUNCTION) for key in ("scripts", "gui-scripts")]
    given = table.get("entry-points")
    for group, entries in given.items() if isinstance(given, dict) else ():
        groups.append((f"entry-points.{group}", entries, _OBJECT))
        if group in ("console_scripts", "gui_scripts"):
            proper = group.replace("console_", "").replace("_", "-")
            problems.append(
                Problem(f"project.entry-points.{group}", f"belongs in [project.{proper}]")
            )
    for key, entries, pattern in groups:
        for name, target in entries.items() if isinstance(entries, dict) else ():
            if not _ENTRY_NAME.fullmatch(name):
                problems.append(
                    Problem(f"project.{key}", f"found {name!r}, which is no valid name")
                )
            if isinstance(target, str) and not pattern.fullmatch(target.strip()):
                expected = "expected an object such as 'spam_core.cli:main'"
                problems.append(Problem(f"project.{key}.{name}", f"found {target!r}, {expected}"))


def _check_texts(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check what the specifications ask of texts, and an index refuses, but no library checks."""
    license_ = table.get("license")
    readme = table.get("readme")
    content_type = readme.get("content-type") if isinstance(readme, dict) else None
    if isinstance(content_type, str):
        from packaging.metadata import ExceptionGroup, Metadata, RawMetadata

        least: RawMetadata = {"metadata_version": "2.1", "name": "spam", "version": "1"}
        try:
            Metadata.from_raw({**least, "description_content_type": content_type})
        except ExceptionGroup as group:
            found = f"found {content_type!r}: {group.exceptions[0]}"
            problems.append(Problem("project.readme.content-type", found))
    for field in [*table]:
        # A name, a version and the dynamic keys have rules of their own; texts may have lines.
        if field in ("name", "version", "dynamic", "readme", "license"):
            continue
        broken = [text for text in _texts(table[field]) if text.splitlines() not in ([], [text])]
        if broken:
            problems.append(Problem(f"project.{field}", f"found {broken[0]!r}; expected one line"))
            del table[field]
    if isinstance(license_, str):
        try:
            canonicalize_license_expression(license_)
        except InvalidLicenseExpression:
            problems.append(
                Problem(
                    "project.license",
                    f"found {license_!r}, expected an SPDX expression such as 'MIT' (PEP 639)",
                )
            )


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a TOML value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _named(table: dict[str, Any], people: str) -> dict[str, Any]:
    """Return the field ``people`` with an empty name where there is none.

    The library would call such a one Unknown; the specification has the address alone.
    """
    given = table.get(people)
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        return {}
    return {people: [{"name": "", **one} if "email" in one else one for one in given]}


def _check_extras(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check the names of the static extras, and their requirements; take out those not valid."""
    extras = table.get("optional-dependencies")
    before = len(problems)
    seen: dict[str, str] = {}
    for extra, requirements in extras.items() if isinstance(extras, dict) else ():
        key = f"project.optional-dependencies.{extra}"
        first = seen.setdefault(canonicalize_name(extra), extra)
        if not is_name(extra):
            problems.append(Problem(key, f"found {extra!r}, which is not valid as a name"))
        elif first != extra:
            problems.append(Problem(key, f"{first!r} and {extra!r} are one name"))
        for index, text in enumerate(requirements if isinstance(requirements, list) else ()):
            try:
                Requirement(text) if isinstance(text, str) else None
            except InvalidRequirement as error:
                problems.append(Problem(f"{key}[{index}]", f"found {text!r}: {error}"))
    if len(problems) > before:
        del table["optional-dependencies"]


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
    patterns = table.get("license-files")
    for pattern in patterns if isinstance(patterns, list) else ():
        message = _unusable_glob(folder, pattern) if isinstance(pattern, str) else None
        if message is not None:
            problems.append(Problem("project.license-files", f"found {pattern!r}, {message}"))
            table.pop("license-files", None)


def _unusable(folder: Path, file: str) -> str | None:
    """Return what is wrong with a file that is to be part of the metadata, if anything."""
    if _is_outside(file):
        return "which lies outside the project; an sdist holds the project's own files only"
    path = folder / file
    try:
        if not path.is_file():
            return "which is not a file of the project"
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "which is not UTF-8 text"
    except (OSError, ValueError):
        return "which is not a file of the project that can be read"
    return None


def _unusable_glob(folder: Path, pattern: str) -> str | None:
    """Return what is wrong with a pattern that is to match licence files (PEP 639), if anything."""
    if _is_outside(pattern):
        return "expected a pattern that matches files within the project"
    try:
        files = [path for path in folder.glob(pattern) if path.is_file()]
    except (OSError, ValueError, IndexError, NotImplementedError) as error:
        return f"which is not a valid pattern: {error}"
    if not files:
        return "which does not match any file of the project"
    messages = (_unusable(folder, path.relative_to(folder).as_posix()) for path in files)
    return next((message for message in messages if message is not None), None)


def _is_outside(path: str) -> bool:
    """Return whether a relative path or pattern leads out of its folder, on any system."""
    windows = PureWindowsPath(path)
    return bool(windows.anchor) or PurePosixPath(path).is_absolute() or ".." in windows.parts


def _read_metadata(
    folder: Path, data: dict[str, Any], problems: list[Problem]
) -> StandardMetadata | None:
    for field in sorted(pyproject_metadata.extras_project(data)):
        hint = did_you_mean(field, KNOWN_PROJECT_FIELDS)
        problems.append(Problem(f"project.{field}", f"not a known key{hint}"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice to the maintainer, not to who installs
            metadata = StandardMetadata.from_pyproject(
                data, folder, allow_extra_keys=True, all_errors=True
            )
            return _own(metadata, folder)
    except ExceptionGroup as group:
        errors = list(group.exceptions)
    except (AttributeError, TypeError, ValueError) as error:
        errors = [error]
    # The library goes on with values of the wrong type, and stumbles: then it is the types that
    # are wrong. What is wrong besides is said when they are right.
    stumbled = [error for error in errors if not isinstance(error, ConfigurationError)]
    if stumbled:
        errors = _type_errors(data)
        if not errors:
            raise stumbled[0]
    for found in errors:
        key = getattr(found, "key", None) or "project"
        problems.append(Problem(key, str(found).replace(f'Field "{key}" ', "")))
    return None


def _type_errors(data: dict[str, Any]) -> list[Exception]:
    try:
        to_project_table(data, collect_errors=True)
    except ExceptionGroup as group:
        return list(group.exceptions)
    return []


def _own(metadata: StandardMetadata, folder: Path) -> StandardMetadata:
    """Return the metadata with what the project itself has, and no more.

    The library gives a licence's file as a path of this machine, and takes an sdist's ``PKG-INFO``
    for a licence where a pattern is wide enough.
    """
    license_, files = metadata.license, metadata.license_files
    if isinstance(license_, License) and license_.file is not None:
        license_ = License(license_.text, license_.file.relative_to(folder))
    if files is not None:
        files = [file for file in files if file != Path("PKG-INFO")]
    return dataclasses.replace(metadata, license=license_, license_files=files)


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
    if not isinstance(name, str) or not is_name(name):
        name = "project"
    try:
        return name, str(Version(version)) if isinstance(version, str) else "0"
    except InvalidVersion:
        return name, "0"
