"""``selector-backend init``: a new selector package, or one source tree for all its variants."""

from __future__ import annotations

import keyword
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Callable, Optional, TypeVar

import typer

from .. import __version__
from ..authoring import toml
from ..authoring.editing import inner_keys, into_tree
from ..authoring.project import Project, read_project
from ..authoring.toml import table_of
from ..authoring.tree import BACKEND
from ..checking.review import review
from ..errors import did_you_mean
from ..installing.files import replacing
from ..installing.shell import show_command
from ..model.markers import is_name, normalize
from ..model.problems import NOTE, InvalidFileError
from ..model.table import CAPABILITY, REQUIREMENT
from .common import UsageError, print_command, print_line
from .skeleton import (
    OWN_REQUIREMENT,
    NewProject,
    NewVariant,
    as_toml,
    files,
    known_condition,
    table,
    tree_files,
)

T = TypeVar("T")

_PROJECT = "pyproject.toml"
_KINDS = (REQUIREMENT, CAPABILITY)
_WRITABLE = 0o222
_CD = "pushd" if os.name == "nt" else "cd"  # pushd also changes the drive

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Where to write; created if missing.")
]
VariantsArgument = Annotated[
    Optional[list[str]],
    typer.Argument(
        metavar="VARIANT...",
        help="The variants, the best first, by names that say when they fit: cu12, rocm7, gfx942, "
        "xpu, openmpi, v3, avx2, cpu and others.",
    ),
]
NameOption = Annotated[
    Optional[str],
    typer.Option(
        "--name", metavar="NAME", help="The project's name; by default that of the folder."
    ),
]
KindOption = Annotated[
    str,
    typer.Option(
        "--kind",
        metavar="KIND",
        autocompletion=lambda: [*_KINDS],
        help="requirement: variants exclude each other, as for CUDA versions; or capability: they "
        "can stand side by side, as for CPU levels.",
    ),
]
ImportNameOption = Annotated[
    Optional[str],
    typer.Option(
        "--import-name",
        metavar="NAME",
        help="The package of core that users import; by default spam_core for spam.",
    ),
]
TreeOption = Annotated[
    bool,
    typer.Option(
        "--tree",
        help="Write one source tree for all variants, or make one of the project in DIR.",
    ),
]


def init(
    folder: FolderArgument = Path(),
    variants: VariantsArgument = None,
    name: NameOption = None,
    kind: KindOption = REQUIREMENT,
    import_name: ImportNameOption = None,
    tree: TreeOption = False,
) -> None:
    """Write a new selector package, with core and variants, or a source tree."""
    file = folder / _PROJECT
    known = _existing_name(folder, tree=tree)
    if not variants:
        example = show_command(["selector-backend", "init", str(folder), "cu13", "cu12", "cpu"])
        raise UsageError(f"the variants are missing; name each, the best first, as in {example}")
    if known is not None and name is not None and normalize(name) != normalize(known):
        raise UsageError(f"--name {name}: the project in {folder} is {known}")
    where = "--name" if known is None else f"{file}: project.name"
    name = _read(where, known or name or Path(os.path.realpath(folder)).name, _read_name)
    if kind not in _KINDS:
        hint = did_you_mean(kind, _KINDS)
        raise UsageError(f"--kind {kind}: expected {' or '.join(map(repr, _KINDS))}{hint}")
    if tree and kind == CAPABILITY:
        raise UsageError(
            f"--kind {kind}: the variants of a tree have the same files, so they exclude each "
            "other; expected 'requirement', or no --tree, which writes core and variants"
        )
    if tree and import_name is not None:
        raise UsageError(f"--import-name {import_name}: it names core, which a tree does not have")
    if import_name is not None:
        import_name = _read("--import-name", import_name, _read_import_name)
    made = [_read("variant", text, _read_variant) for text in variants]
    project = NewProject(name, kind, made, import_name or "")
    if not tree and project.package in map(project.module, made):
        raise UsageError(f"--import-name {import_name}: the module of a variant has that name")
    read = _write(folder, project, tree=tree) if known is None else _edit(file, project)
    problems = [item for item in review(read, __version__) if item.severity != NOTE]
    for problem in problems:
        print_line(f"warning: {problem.key}: {problem.message}")
    if tree:
        _show_tree(folder, project, read, is_new=known is None)
    else:
        _show(folder, project)
    if problems:
        raise typer.Exit(1)


def _existing_name(folder: Path, *, tree: bool) -> str | None:
    """Return the name of the project in ``folder``, ``None`` if there is no project.

    Raises `UsageError` if there is one that cannot become a tree, or no ``tree`` is asked for.
    """
    file = folder / _PROJECT
    if not os.path.lexists(file):
        for other in ("setup.py", "setup.cfg") if tree else ():
            if (folder / other).exists():
                raise UsageError(
                    f"{folder / other} exists, but no {_PROJECT}; nothing was written; write one "
                    "with the name and the version under [project] first"
                )
        return None
    if not tree:
        into = show_command(
            ["selector-backend", "init", "--tree", str(folder), "cu13", "cu12", "cpu"]
        )
        raise UsageError(
            f"{file} already exists, so this is a project, and nothing was written; name another "
            f"folder for a new one, such as {folder / 'packages'}; to make one tree of this one, "
            f"for all variants: {into}"
        )
    if file.exists() and not file.stat().st_mode & _WRITABLE:
        raise UsageError(f"{file} is read-only, and nothing was changed; make it writable first")
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


# --- Arguments


def _read(what: str, text: str, read: Callable[[str], T]) -> T:
    """Return ``read(text)``; its ``ValueError`` becomes a `UsageError` on ``what``."""
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"{what} {text}: {error}") from None


def _read_name(name: str) -> str:
    if not is_name(name):
        raise ValueError("expected ASCII letters and digits, with '-', '_' and '.' between them")
    if name[0].isdigit():
        raise ValueError("a variable and modules are named after it; expected a letter first")
    return name


def _read_import_name(name: str) -> str:
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        raise ValueError("expected a name that can be imported: ASCII letters, digits and '_'")
    if name == "selector_runtime" or name in getattr(sys, "stdlib_module_names", ()):
        raise ValueError("it would hide the module of that name; give the package another name")
    return name


def _read_variant(name: str) -> NewVariant:
    """Return a variant, by a name that says when it fits."""
    if not is_name(name):
        raise ValueError("expected ASCII letters and digits, with '-', '_' and '.' between them")
    when = known_condition(name)
    if when is None:
        raise ValueError(
            "the name does not say when it fits; give one that does, such as cu12, rocm6, "
            "x86-64-v3 or cpu, and write other rows into pyproject.toml afterwards"
        )
    return NewVariant(name, when)


# --- What is written


def _write(folder: Path, project: NewProject, *, tree: bool) -> Project:
    """Write and return a new project, unless a file of it exists or the backend would refuse it."""
    texts = tree_files(project) if tree else files(project)
    if tree and (folder / "README.md").exists():  # such as a new repository has
        del texts["README.md"]
    for path in texts:
        if os.path.lexists(folder / path):
            raise UsageError(
                f"{folder / path} already exists, and nothing was written; name another folder, "
                f"such as {folder / 'packages'}"
            )
    read = _check(texts, "" if tree else project.name)
    _write_files(folder, texts)
    names = [*texts] if tree else project.folders
    print_line(f"{', '.join(names)} are written to {folder}")
    return read


def _edit(file: Path, project: NewProject) -> Project:
    """Make a tree of an existing project, return it, and say what was changed."""
    keys = inner_keys(toml.read(file, str(file)))
    real = Path(os.path.realpath(file))
    content = into_tree(real.read_bytes(), table(project, **keys), OWN_REQUIREMENT)
    read = _check({_PROJECT: content.decode("utf-8")}, "")
    with replacing(real) as new:
        Path(new).write_bytes(content)
        shutil.copymode(real, new)
    names = ", ".join(variant.name for variant in project.variants)
    print_line(
        f"{file}: [build-system] also requires {as_toml(OWN_REQUIREMENT)}, and its build-backend "
        f"is {as_toml(BACKEND)}"
    )
    print_line(
        f"{file}: [tool.selector] is added, with the variants {names}, and the backend "
        f"{as_toml(keys['backend'])}, which builds the code"
    )
    print_line(
        "To do: if the code asks for its own version, as by importlib.metadata.version"
        f"({project.name!r}), write the version into the code; {project.folders[2]} can be "
        f"installed without {project.name}"
    )
    return read


def _check(texts: dict[str, str], name: str) -> Project:
    """Return the project in the folder ``name``, whose files are written to a temporary folder.

    Raises `UsageError` if the backend would refuse it.
    """
    with tempfile.TemporaryDirectory() as trial:
        _write_files(Path(trial), texts)
        try:
            return read_project(Path(trial, name), own_code=False)
        except InvalidFileError as error:
            raise UsageError(f"nothing was written, since the new {error}") from None


def _write_files(folder: Path, texts: dict[str, str]) -> None:
    try:
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as new:
                new.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from None


# --- Next steps


def _show(folder: Path, project: NewProject) -> None:
    selector, *ordinary = (f"./{name}" for name in project.folders)
    python = ["python", "-m", "pip"]
    print_line("To build the wheels, and to install what fits this machine:")
    _print_commands(
        folder,
        [*python, "wheel", "--no-deps", "--wheel-dir", "dist", *ordinary],
        [*python, "install", "--find-links", "dist", selector],
        ["python", "-c", f"import {project.package}; print({project.package}.variant)"],
    )


def _show_tree(folder: Path, project: NewProject, read: Project, *, is_new: bool) -> None:
    python = ["python", "-m"]
    pinned = project.name if read.version_is_built else f"{project.name}=={read.version}"
    code = f"import {project.stem}; print({project.stem}.dot([1, 2], [3, 4]))"
    settings = [["-C", f"build-variant={variant.name}"] for variant in project.variants]
    print_line("To build the variants and the selector package, and to install what fits:")
    _print_commands(
        folder,
        [*python, "pip", "install", "build"],
        *([*python, "build", "--wheel", *setting] for setting in settings),
        [*python, "build", "--sdist"],
        [*python, "pip", "install", "--find-links", "dist", pinned],
        *([["python", "-c", code]] if is_new else []),
    )


def _print_commands(folder: Path, *commands: list[str]) -> None:
    for command in commands if folder == Path() else ([_CD, str(folder)], *commands):
        print_command(command)
