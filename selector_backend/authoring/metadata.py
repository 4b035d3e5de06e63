"""Checks ``[project]``, and reads it into core metadata."""

from __future__ import annotations

import dataclasses
import re
import warnings
from pathlib import Path
from typing import Any

import pyproject_metadata
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import InvalidRequirement, Requirement
from pyproject_metadata import License, StandardMetadata
from pyproject_metadata.constants import KNOWN_PROJECT_FIELDS
from pyproject_metadata.errors import ConfigurationError, ExceptionGroup
from pyproject_metadata.project_table import to_project_table

from ..errors import did_you_mean
from ..model.markers import is_name, normalize
from ..model.problems import Problem, Problems
from ..model.table import TABLE_NAME
from .structure import describe, shown_key, texts, unfit

# What may be dynamic: the table chooses the dependencies, and the wheel may add to the others.
_DYNAMIC = ("dependencies", "optional-dependencies", "classifiers")

# One address: a field may have several, separated by commas.
_EMAIL = re.compile(r"[^\s<>,\"]+@[^\s<>,\"]+")

# Texts that are not the value of a field: the body of the core metadata, and paths.
_NOT_IN_A_FIELD = ("project.readme", "project.readme.file", "project.readme.text")

# Placeholders for an invalid name or version, which else would be reported as missing too.
_STAND_INS = {"name": "project", "version": "0"}

# The names and object references of the entry points specification; a script's is a function.
_ENTRY_NAME = re.compile(r"[^\s\[=#;]([^=]*[^\s=])?")
_DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_OBJECT = re.compile(rf"{_DOTTED}(\s*:\s*{_DOTTED})?(\s*\[[\w\s,.-]*\])?")
_FUNCTION = re.compile(rf"{_DOTTED}\s*:\s*{_DOTTED}(\s*\[[\w\s,.-]*\])?")


def check_metadata(table: dict[str, Any], problems: Problems) -> None:
    """Check ``[project]``, and leave only what is valid in ``table``, to report errors once."""
    _check_texts(table, problems)
    _check_values(table, problems)
    _check_dynamic(table, problems)
    _check_entry_points(table, problems)
    _check_extras(table, problems)
    for people in ("authors", "maintainers"):
        table.update(_named(table, people))


def _check_dynamic(table: dict[str, Any], problems: Problems) -> None:
    """Check that the dependencies are dynamic, and nothing else that the backend cannot find."""
    dynamic = table.get("dynamic", [])
    names = dynamic if isinstance(dynamic, list) else []
    if table.pop("dependencies", None) is not None:
        problems.add(
            "project.dependencies",
            "given, but the selector table chooses them: move what every variant needs to "
            "tool.selector.requires",
        )
    if not isinstance(dynamic, list):
        expected = 'expected an array such as ["dependencies"]'
        problems.add("project.dynamic", f"found {describe(dynamic)}, {expected}")
    elif "dependencies" not in dynamic:
        problems.add(
            "project.dynamic",
            "'dependencies' is missing: write dynamic = [\"dependencies\"], since the selector "
            "table chooses the dependencies",
        )
    if others := [name for name in names if name not in _DYNAMIC]:
        problems.add(
            "project.dynamic",
            f"found {', '.join(map(describe, others))}; only 'dependencies', 'version', "
            "'optional-dependencies' and 'classifiers' may be dynamic",
        )
    if "version" not in table:
        problems.add("project.version", "missing; expected one such as '1.0'")
    table["dynamic"] = ["dependencies"]
    table.setdefault("version", "0")


def _check_entry_points(table: dict[str, Any], problems: Problems) -> None:
    """Check the names and objects for ``entry_points.txt``."""
    groups = [(key, table.get(key), _FUNCTION) for key in ("scripts", "gui-scripts")]
    groups_table = table.get("entry-points")
    for group, entries in groups_table.items() if isinstance(groups_table, dict) else ():
        groups.append((f"entry-points.{group}", entries, _OBJECT))
        if group in ("console_scripts", "gui_scripts"):
            proper = group.replace("console_", "").replace("_", "-")
            problems.add(f"project.entry-points.{group}", f"belongs in [project.{proper}]")
    for key, entries, pattern in groups:
        for name, target in entries.items() if isinstance(entries, dict) else ():
            if not _ENTRY_NAME.fullmatch(name):
                problems.add(f"project.{key}", f"found {name!r}, which is not a valid name")
            if isinstance(target, str) and not pattern.fullmatch(target.strip()):
                expected = "expected an object such as 'spam_core.cli:main'"
                problems.add(f"project.{key}.{name}", f"found {target!r}, {expected}")


def _check_texts(table: dict[str, Any], problems: Problems) -> None:
    """Check that core metadata can hold every text, and take the other fields out of ``table``."""
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


def _check_values(table: dict[str, Any], problems: Problems) -> None:
    """Check what specifications require and indexes refuse, but no library checks.

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
            message = f"found {content_type!r}: {group.exceptions[0]}"
            problems.add("project.readme.content-type", message)
    if isinstance(license_, str):
        try:
            table["license"] = canonicalize_license_expression(license_)
        except (InvalidLicenseExpression, MemoryError, RecursionError):
            problems.add(
                "project.license",
                f"found {license_!r}, expected an SPDX expression such as 'MIT' (PEP 639)",
            )
    keywords = table.get("keywords")
    for index, keyword in enumerate(keywords if isinstance(keywords, list) else ()):
        if isinstance(keyword, str) and ("," in keyword or not keyword.strip()):
            message = f"found {keyword!r}, expected one keyword, without a comma"
            problems.add(f"project.keywords[{index}]", message)
    for label in urls if isinstance(urls, dict) else ():
        if "," in label or not label or label != label.strip():
            message = f"found {label!r}, expected a label without a comma, or blanks around it"
            problems.add(f"project.urls.{shown_key(label)}", message)
    for field in ("authors", "maintainers"):
        people = table.get(field)
        for index, person in enumerate(people if isinstance(people, list) else ()):
            email = person.get("email") if isinstance(person, dict) else None
            if isinstance(email, str) and not _EMAIL.fullmatch(email):
                message = f"found {email!r}, expected one address, such as 'zoe@spam.example'"
                problems.add(f"project.{field}[{index}].email", message)


def _named(table: dict[str, Any], people: str) -> dict[str, Any]:
    """Return the field ``people`` with an empty name for those without one.

    The library would write "Unknown"; the specification has the address alone.
    """
    entries = table.get(people)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return {}
    return {people: [{"name": "", **entry} if "email" in entry else entry for entry in entries]}


def _check_extras(table: dict[str, Any], problems: Problems) -> None:
    """Check the names and requirements of static extras; take all out if one is invalid."""
    extras = table.get("optional-dependencies")
    before = len(problems)
    seen: dict[str, str] = {}
    for extra, requirements in extras.items() if isinstance(extras, dict) else ():
        key = f"project.optional-dependencies.{extra}"
        first = seen.setdefault(normalize(extra), extra)
        if not is_name(extra):
            problems.add(key, f"found {extra!r}, which is not valid as a name")
        elif first != extra:
            problems.add(key, f"{first!r} and {extra!r} are one name")
        for index, text in enumerate(requirements if isinstance(requirements, list) else ()):
            try:
                Requirement(text) if isinstance(text, str) else None
            except InvalidRequirement as error:
                problems.add(f"{key}[{index}]", f"found {text!r}: {error}")
    if len(problems) > before:
        del table["optional-dependencies"]


def read_metadata(
    folder: Path, table: dict[str, Any], problems: Problems
) -> StandardMetadata | None:
    """Return the core metadata of ``table``, or ``None``, noting what is wrong.

    ``folder`` is the project's, which has the readme and the licences.
    """
    # The library gets no other table of the file, so it can't complain of those.
    data = {"project": table}
    for field in sorted(pyproject_metadata.extras_project(data)):
        hint = did_you_mean(field, KNOWN_PROJECT_FIELDS)
        problems.add(f"project.{shown_key(field)}", f"not a known key{hint}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice for maintainers, not for users
            metadata = StandardMetadata.from_pyproject(
                data, folder, allow_extra_keys=True, all_errors=True
            )
            return _own(metadata, folder)
    except ExceptionGroup as group:
        errors = list(group.exceptions)
    except (AttributeError, TypeError, ValueError) as error:
        errors = [error]
    # The library continues with values of wrong types, and fails in other ways. Then only the types
    # are reported.
    stumbled = [error for error in errors if not isinstance(error, ConfigurationError)]
    if stumbled:
        errors = _type_errors(data)
        if not errors:
            raise stumbled[0]
    for failure in errors:
        key = getattr(failure, "key", None) or "project"
        problems.add(key, str(failure).replace(f'Field "{key}" ', ""))
    return None


def _type_errors(data: dict[str, Any]) -> list[Exception]:
    try:
        to_project_table(data, collect_errors=True)
    except ExceptionGroup as group:
        return list(group.exceptions)
    return []


def _own(metadata: StandardMetadata, folder: Path) -> StandardMetadata:
    """Return the metadata with relative paths, and without files that only an sdist has.

    The library gives the licence's file as an absolute path, and wide patterns also match the
    sdist's own files. A licence's text is split at everything that a reader may take for a line
    break, such as form feeds, so that each line is folded.
    """
    license_, files = metadata.license, metadata.license_files
    if isinstance(license_, License):
        file = license_.file and license_.file.relative_to(folder)
        license_ = License("\n".join(license_.text.splitlines()), file)
    if files is not None:
        files = [file for file in files if str(file) not in ("PKG-INFO", TABLE_NAME)]
    return dataclasses.replace(metadata, license=license_, license_files=files)
