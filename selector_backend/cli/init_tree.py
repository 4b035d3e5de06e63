"""``selector-backend init --tree``: a new tree, or a tree made of the existing project."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from packaging.version import InvalidVersion, Version

from .. import __version__
from ..authoring import toml
from ..authoring.project import read_project
from ..authoring.tree import BACKEND
from ..authoring.unchecked import table_of
from ..checking.review import review
from ..errors import InvalidFileError
from ..model.table import CAPABILITY
from ..trees.into_tree import inner_keys, into_tree
from .common import FORMAT, UsageError, print_command, print_json, print_line
from .skeleton import BACKENDS, VERSION, as_toml, own_requirement, table, tree_files
from .writing import replace_file, write_files

if TYPE_CHECKING:
    from .skeleton import NewProject

_PROJECT = "pyproject.toml"
_OWN_VERSION = (
    "To do: if the code asks for its own version, as by importlib.metadata.version({0!r}), write "
    "the version into the code; {1} can be installed without {0}"
)


def existing_name(folder: Path) -> str | None:
    """Return the name of the project in ``folder``, if there is one that can become a tree."""
    file = folder / _PROJECT
    if not os.path.lexists(file):
        for other in ("setup.py", "setup.cfg"):
            if (folder / other).exists():
                raise UsageError(
                    f"{folder / other} exists, but no {_PROJECT}; nothing was written; write one "
                    "with the name and the version under [project] first"
                )
        return None
    data = toml.read(file, str(file))
    if "selector" in table_of(data, "tool"):
        raise UsageError(
            f"{file} has a [tool.selector] table already, and nothing was changed; to add a "
            "variant to it, write its [[tool.selector.variant]] into that file"
        )
    name: object = table_of(data, "project").get("name")
    if not isinstance(name, str):
        raise UsageError(
            f"{file} has no name under [project], and nothing was changed; write the name and the "
            "version there first: the selector package gets that name"
        )
    return name


def write_tree(folder: Path, project: NewProject, backend: str | None, *, as_json: bool) -> None:
    """Write the tree, after checking it, and say what was done and how to go on."""
    if project.kind == CAPABILITY:
        raise UsageError(
            f"--kind {CAPABILITY}: the variants of a tree have the same files, so they exclude "
            "each other; expected 'requirement', or no --tree, which writes core and variants"
        )
    file = folder / _PROJECT
    if file.exists():
        files, changes = [_PROJECT], _change(file, project, backend)
    else:
        files, changes = _write(folder, project, backend or next(iter(BACKENDS))), []
    made = read_project(folder, own_code=False)
    problems = review(made, __version__)
    written = _written_version(file)
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "folder": str(folder),
                "distributions": [project.name, *project.folders[2:]],
                "files": files,
                "changes": changes,
                "problems": [one._asdict() for one in problems],
            }
        )
    else:
        for change in changes:
            print_line(f"{file}: {change}")
        if not changes:
            print_line(f"{', '.join(files)} are written to {folder}")
        for problem in problems:
            print_line(f"warning: {problem.key}: {problem.message}")
        if changes:
            print_line(_OWN_VERSION.format(project.name, project.folders[2]))
        _show_commands(folder, project, written, is_new=not changes)
    if problems:
        raise typer.Exit(1)


def _change(file: Path, project: NewProject, backend: str | None) -> list[str]:
    """Make a tree of an existing project. Returns what was changed, in words."""
    data = toml.read(file, str(file))
    keys = inner_keys(data)
    if backend is not None:
        raise UsageError(
            f"--backend {backend}: {file} says what builds the code: {keys['backend']}"
        )
    if project.version != VERSION:
        raise UsageError(f"--version {project.version}: {file} says the version")
    real = Path(os.path.realpath(file))
    content = into_tree(real.read_bytes(), table(project, **keys), own_requirement())
    _check({_PROJECT: content.decode("utf-8")})
    replace_file(real, content)
    names = ", ".join(one.name for one in project.variants)
    system = table_of(data, "build-system")
    where = (
        "as in [build-system] before"
        if "build-backend" in system
        else "since nothing else was named"
    )
    return [
        f"[build-system] also requires {as_toml(own_requirement())}",
        f"[build-system] build-backend is {as_toml(BACKEND)}",
        f"[tool.selector] is added, with the variants {names}",
        *(f"[tool.selector] {key} is {as_toml(one)}, {where}" for key, one in keys.items()),
    ]


def _write(folder: Path, project: NewProject, backend: str) -> list[str]:
    """Write a new tree. Returns the paths of its files."""
    texts = tree_files(project, backend)
    if (folder / "README.md").exists():  # such as a new repository has
        del texts["README.md"]
    for path in texts:
        if os.path.lexists(folder / path):
            raise UsageError(f"{folder / path} already exists, and nothing was written")
    _check(texts)
    write_files(folder, texts)
    return [*texts]


def _check(texts: dict[str, str]) -> None:
    """Raise `UsageError` if the backend would refuse the project."""
    with tempfile.TemporaryDirectory() as trial:
        write_files(Path(trial), texts)
        try:
            read_project(Path(trial), own_code=False)
        except InvalidFileError as error:
            raise UsageError(f"nothing was written, since the new {error}") from None


def _show_commands(folder: Path, project: NewProject, version: str | None, *, is_new: bool) -> None:
    print_line("To build the variants and the selector package, and to install what fits:")
    python = ["python", "-m"]
    if folder != Path():
        print_command(["cd", str(folder)])
    print_command([*python, "pip", "install", "build"])
    for one in project.variants:
        print_command([*python, "build", "--wheel", "-C", f"build-variant={one.name}"])
    print_command([*python, "build", "--sdist"])
    pinned = f"{project.name}=={version}" if version else project.name
    print_command([*python, "pip", "install", "--find-links", "dist", pinned])
    if is_new:
        code = f"import {project.stem}; print({project.stem}.dot([1, 2], [3, 4]))"
        print_command(["python", "-c", code])


def _written_version(file: Path) -> str | None:
    """Return the version that is written in ``pyproject.toml``, if it is not dynamic."""
    try:
        return str(Version(table_of(toml.read(file, str(file)), "project")["version"]))
    except (KeyError, TypeError, InvalidVersion):
        return None
