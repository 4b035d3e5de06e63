"""Reads ``pyproject.toml`` into a `Project`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.version import InvalidVersion, Version
from pyproject_metadata import License, StandardMetadata

from ..errors import did_you_mean
from ..model.markers import is_name, normalize
from ..model.problems import InvalidFileError, Problem, Problems
from ..model.table import Selector
from . import toml
from .dynamic import NotFoundError, find_version, found_with, has_dynamic_version
from .metadata import check_metadata, read_metadata
from .project_files import check_files
from .selector import parse_selector
from .structure import describe
from .toml import build_requires, table_of
from .tree import Tree, read_tree


@dataclass(frozen=True)
class Project:
    """A selector package's source: its folder, its ``[project]`` and its selector table.

    ``files`` are the files for an sdist besides ``PKG-INFO``, relative to the folder;
    ``build_requires`` is that of ``[build-system]``, unchecked. ``self_contained`` is whether the
    sdist carries its backend, and ``found_with`` the distributions that found a dynamic version.
    In a ``tree``, the inner backend reads ``[project]``: here, the metadata have only the name and,
    if written there, ``requires-python`` and the version (else ``0``), and there are no files.
    """

    folder: Path
    metadata: StandardMetadata
    selector: Selector
    files: tuple[PurePosixPath, ...]
    build_requires: tuple[str, ...] = ()
    self_contained: bool = False
    found_with: frozenset[str] = frozenset()
    tree: Tree | None = None

    @property
    def version_is_built(self) -> bool:
        """Whether only building finds the version, by the inner backend of a tree."""
        return self.tree is not None and "version" in self.tree.dynamic

    def selector_of(self, version: str) -> Selector:
        """Return the table for ``version``, which matters if only building finds that."""
        if self.tree is None or not self.version_is_built:
            return self.selector
        return parse_selector(self.tree.table, project=self.metadata.name, version=version)[0]

    @property
    def license_files(self) -> tuple[PurePosixPath, ...]:
        """The licence files, relative to the folder (PEP 639)."""
        paths = set(self.metadata.license_files or ())
        if isinstance(self.metadata.license, License) and self.metadata.license.file:
            paths.add(self.metadata.license.file)
        return tuple(PurePosixPath(path.as_posix()) for path in sorted(paths))

    @property
    def stem(self) -> str:
        """Name and version as in file names: ``spam_eggs-1.0``."""
        return f"{normalize(self.metadata.name).replace('-', '_')}-{self.version}"

    @property
    def version(self) -> Version:
        """The version."""
        assert self.metadata.version is not None  # what `read_project` returns has one
        return self.metadata.version


def read_project(folder: Path, *, own_code: bool = True) -> Project:
    """Read the project in ``folder``.

    The provider of a dynamic version may be code of the project; without ``own_code``, it is not
    run. Licence files that cannot be published and are not named are left out, with a warning on
    standard error.

    Raises `InvalidFileError` with all errors in its ``pyproject.toml``, or `SelectorError` if that
    cannot be read.
    """
    data = toml.read(folder / "pyproject.toml", "pyproject.toml")
    project = data.get("project")
    if not isinstance(project, dict):
        problem = Problem("project", "missing; a project has a [project] table with its name")
        raise InvalidFileError("pyproject.toml", [problem])

    problems = Problems()
    tree = read_tree(data, problems)
    table = dict(project) if tree is None else _of_tree(data)
    if has_dynamic_version(data) and tree is None:
        _write_version(folder, data, table, problems, own_code)
    check_metadata(table, problems)
    files = list(check_files(folder, table, problems))
    metadata = read_metadata(folder, table, problems)
    selector = _read_selector(data.get("tool"), table, problems)
    self_contained = table_of(data, "tool.selector").get("self-contained") is True
    if metadata is None or selector is None or problems:
        raise InvalidFileError("pyproject.toml", problems)
    if tree is not None:
        return Project(folder, metadata, selector, (), build_requires(data), tree=tree)
    finders = found_with(data) if has_dynamic_version(data) else frozenset[str]()
    read = Project(folder, metadata, selector, (), build_requires(data), self_contained, finders)
    every = {PurePosixPath("pyproject.toml"), *files, *read.license_files}
    return dataclasses.replace(read, files=tuple(sorted(every)))


def _write_version(
    folder: Path,
    data: dict[str, Any],
    table: dict[str, Any],
    problems: Problems,
    own_code: bool,
) -> None:
    """Put a dynamic version into ``table``, as if it were written there."""
    table["dynamic"] = [name for name in table["dynamic"] if name != "version"]
    if "version" in table:
        problems.add("project.version", "is both given and dynamic; expected one of the two")
        return
    table["version"] = "0"
    try:
        table["version"] = find_version(folder, data, own_code=own_code)
    except NotFoundError as error:
        problems.append(error.problem)


def _of_tree(data: dict[str, Any]) -> dict[str, Any]:
    """Return what the selector table needs of a tree's ``[project]``."""
    project = data["project"]
    known = ("name", "version", "requires-python")
    table: dict[str, Any] = {key: project[key] for key in known if key in project}
    if "version" not in table and has_dynamic_version(data):
        table["version"] = "0"
    return {**table, "license-files": [], "dynamic": ["dependencies"]}


def _read_selector(tools: object, project: dict[str, Any], problems: Problems) -> Selector | None:
    if not isinstance(tools, dict) or "selector" not in tools:
        hint = did_you_mean("selector", tools if isinstance(tools, dict) else ())
        problems.add("tool.selector", f"missing{hint or '; it holds the variants'}")
        return None
    table = tools["selector"]
    if not isinstance(table, dict):
        problems.add("tool.selector", f"found {describe(table)}, expected a table")
        return None
    name, version = _name_and_version(project)
    selector, more = parse_selector(table, project=name, version=version)
    problems += more
    return selector


def _name_and_version(project: dict[str, Any]) -> tuple[str, str]:
    """Return the project's name and version for the table's defaults.

    Invalid ones, which are reported elsewhere, are replaced by valid ones.
    """
    name, version = project.get("name"), project.get("version")
    if not isinstance(name, str) or not is_name(name):
        name = "project"
    try:
        return name, str(Version(version)) if isinstance(version, str) else "0"
    except InvalidVersion:
        return name, "0"
