"""``pyproject.toml``, read into a `Project`."""

from __future__ import annotations

import dataclasses
import glob
import os
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
from .license_files import find_license_files
from .selector import Selector, describe, is_name, parse_selector
from .texts import shown_key, texts, unfit

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a distribution's licence files are called where `license-files` does not say: PEP 639 leaves
# it to the backend, and other backends look for these.
_LICENSE_PATTERNS = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")

# What may be dynamic: the table chooses the dependencies, and to these the wheel may add.
_DYNAMIC = ("dependencies", "optional-dependencies", "classifiers")

# An address as other addresses may stand beside it in one field.
_EMAIL = re.compile(r"[^\s<>,\"]+@[^\s<>,\"]+")

# Texts that are no field's value: the body of the core metadata, and files that are looked for.
_NOT_IN_A_FIELD = ("project.readme", "project.readme.file", "project.readme.text")

# What takes the place of a name or a version that is not valid, so that nothing else is missing.
_STAND_INS = {"name": "project", "version": "0"}

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

    A licence file that nobody named, and that cannot be published, is left out with a warning on
    standard error.

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
    _check_values(table, problems)
    _check_dynamic(table, problems)
    _check_entry_points(table, problems)
    _check_extras(table, problems)
    for people in ("authors", "maintainers"):
        table.update(_named(table, people))
    files = list(_check_files(folder, table, problems))
    metadata = _read_metadata(folder, table, problems)
    selector = _read_selector(data.get("tool"), table, problems)
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
        data = tomllib.loads(text)
    except ValueError as error:  # `TOMLDecodeError` is one, and so is a number of too many digits
        raise SelectorError(f"pyproject.toml is not TOML: {error}") from None
    except RecursionError:
        raise SelectorError("pyproject.toml is not TOML: it is nested too deep") from None
    # TOML has integers of 64 bits; larger ones may have more digits than Python writes.
    values: list[Any] = [data]
    for value in values:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise SelectorError("pyproject.toml is not TOML: it has an integer beyond 64 bits")
        values += value.values() if isinstance(value, dict) else ()
        values += value if isinstance(value, list) else ()
    return data


def _check_dynamic(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check that the dependencies, and nothing that the backend cannot find, are left to it.

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
    others = [one for one in names if one not in (*_DYNAMIC, "version")]
    if "dependencies" not in names or others:
        texts_only = names and all(isinstance(one, str) for one in names)
        found = repr(dynamic) if texts_only or dynamic == [] else describe(dynamic)
        problems.append(
            Problem(
                "project.dynamic",
                f'found {found}, expected ["dependencies"], and beside it nothing but '
                '"optional-dependencies" and "classifiers", which a wheel has more of',
            )
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
    """Check that core metadata can hold every text.

    Takes out of ``table`` the fields of which it cannot, so that nothing is reported twice.
    """
    for field in [*table]:
        if field == "dynamic":  # is not written anywhere
            continue
        bad = []
        for key, text in texts({field: table[field]}, "project"):
            message = unfit(text, lines=key == "project.license.text")
            if message is not None and key not in _NOT_IN_A_FIELD:
                bad.append(Problem(key, message))
        if bad:
            problems += bad
            del table[field]
            if field in _STAND_INS:
                table[field] = _STAND_INS[field]


def _check_values(table: dict[str, Any], problems: list[Problem]) -> None:
    """Check what the specifications ask of values, and an index refuses, but no library checks.

    Writes the licence in its canonical form.
    """
    license_, readme, urls = table.get("license"), table.get("readme"), table.get("urls")
    content_type = readme.get("content-type") if isinstance(readme, dict) else None
    if isinstance(content_type, str):
        from packaging.metadata import ExceptionGroup, Metadata, RawMetadata

        least: RawMetadata = {"metadata_version": "2.1", "name": "spam", "version": "1"}
        try:
            Metadata.from_raw({**least, "description_content_type": content_type})
        except ExceptionGroup as group:
            found = f"found {content_type!r}: {group.exceptions[0]}"
            problems.append(Problem("project.readme.content-type", found))
    if isinstance(license_, str):
        try:
            table["license"] = canonicalize_license_expression(license_)
        except (InvalidLicenseExpression, MemoryError, RecursionError):
            problems.append(
                Problem(
                    "project.license",
                    f"found {license_!r}, expected an SPDX expression such as 'MIT' (PEP 639)",
                )
            )
    keywords = table.get("keywords")
    for index, keyword in enumerate(keywords if isinstance(keywords, list) else ()):
        if isinstance(keyword, str) and ("," in keyword or not keyword.strip()):
            found = f"found {keyword!r}, expected one keyword, without a comma"
            problems.append(Problem(f"project.keywords[{index}]", found))
    for label in urls if isinstance(urls, dict) else ():
        if "," in label or not label or label != label.strip():
            found = f"found {label!r}, expected a label without a comma, or blanks around it"
            problems.append(Problem(f"project.urls.{shown_key(label)}", found))
    for field in ("authors", "maintainers"):
        people = table.get(field)
        for index, person in enumerate(people if isinstance(people, list) else ()):
            email = person.get("email") if isinstance(person, dict) else None
            if isinstance(email, str) and not _EMAIL.fullmatch(email):
                found = f"found {email!r}, expected one address, such as 'zoe@spam.example'"
                problems.append(Problem(f"project.{field}[{index}].email", found))


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


def _read_metadata(
    folder: Path, table: dict[str, Any], problems: list[Problem]
) -> StandardMetadata | None:
    # The library is not given what others have in the file: their mistakes are theirs.
    data = {"project": table}
    for field in sorted(pyproject_metadata.extras_project(data)):
        hint = did_you_mean(field, KNOWN_PROJECT_FIELDS)
        problems.append(Problem(f"project.{shown_key(field)}", f"not a known key{hint}"))
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
    for a licence where a pattern is wide enough. A licence's lines are those that any reader of the
    core metadata might see in it, so that each is folded: files have form feeds between pages.
    """
    license_, files = metadata.license, metadata.license_files
    if isinstance(license_, License):
        file = license_.file and license_.file.relative_to(folder)
        license_ = License("\n".join(license_.text.splitlines()), file)
    if files is not None:
        files = [file for file in files if file != Path("PKG-INFO")]
    return dataclasses.replace(metadata, license=license_, license_files=files)


def _read_selector(
    tools: object, project: dict[str, Any], problems: list[Problem]
) -> Selector | None:
    if not isinstance(tools, dict) or "selector" not in tools:
        hint = did_you_mean("selector", tools if isinstance(tools, dict) else ())
        problems.append(Problem("tool.selector", f"missing{hint or '; it holds the variants'}"))
        return None
    table = tools["selector"]
    if not isinstance(table, dict):
        problems.append(Problem("tool.selector", f"found {describe(table)}, expected a table"))
        return None
    name, version = _name_and_version(project)
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
