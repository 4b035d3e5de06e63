"""``selector-backend init``: a new selector package, its core and its variants."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Callable, Optional, TypeVar

import typer

from .. import __version__
from ..authoring.project import read_project
from ..checking.review import review
from ..errors import InvalidFileError, SelectorError, did_you_mean
from ..model.markers import is_name, normalize
from ..model.table import CAPABILITY, REQUIREMENT
from .common import FORMAT, JsonOption, UsageError, print_command, print_json, print_line, shown
from .given import (
    EXAMPLE,
    KINDS,
    read_condition,
    read_import_name,
    read_kind,
    read_name,
    read_names,
    read_option,
    read_variant,
    read_version,
)
from .init_tree import existing_name, write_tree
from .skeleton import BACKENDS, CORE, VERSION, NewProject, NewVariant, files, known_condition
from .writing import write_files

T = TypeVar("T")

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Where to write; created if missing.")
]
VariantsArgument = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="VARIANT...", help="The variants, as for --variant."),
]
NameOption = Annotated[
    Optional[str],
    typer.Option("--name", metavar="NAME", help="The project's name; by default the folder's."),
]
KindOption = Annotated[
    Optional[str],
    typer.Option(
        "--kind",
        metavar="KIND",
        autocompletion=lambda: [*KINDS],
        help="'requirement', variants that exclude each other, as CUDA 12 and CUDA 13 do; or "
        "'capability', variants that can stand side by side, as builds for CPU levels do.",
    ),
]
VariantsOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--variant",
        metavar="NAME[: CONDITION]",
        help="A variant, the best first: cu12, rocm6, x86-64-v3, avx2, cpu and the like, or a "
        "name and when it fits: 'big: compute-capability = \">=9.0\"'; 'small:' is for every "
        "machine. Repeat it for each.",
    ),
]
AdviceOption = Annotated[
    str,
    typer.Option("--advice", metavar="TEXT", help="What to do on a machine that no variant fits."),
]
ImportNameOption = Annotated[
    Optional[str],
    typer.Option(
        "--import-name",
        metavar="NAME",
        help="The package of core, which users import; by default spam_core, after the project.",
    ),
]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="The version of all distributions.")
]
SelfContainedOption = Annotated[
    bool,
    typer.Option(
        "--self-contained",
        help="Let the sdist carry its backend, so that installing fetches only the variant.",
    ),
]
TreeOption = Annotated[
    bool,
    typer.Option(
        "--tree",
        help="One source tree that all variants are built from, in place of core and variants. In "
        "a folder that has a pyproject.toml, that file becomes the tree's.",
    ),
]
BackendOption = Annotated[
    Optional[str],
    typer.Option(
        "--backend",
        metavar="BACKEND",
        autocompletion=lambda: [*BACKENDS],
        help=f"With --tree, what builds the code of a new one: {', '.join(BACKENDS)}.",
    ),
]


def init(
    folder: FolderArgument = Path(),
    listed: VariantsArgument = None,
    name: NameOption = None,
    kind: KindOption = None,
    variants: VariantsOption = None,
    advice: AdviceOption = "",
    import_name: ImportNameOption = None,
    version: VersionOption = VERSION,
    self_contained: SelfContainedOption = False,
    tree: TreeOption = False,
    backend: BackendOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a new selector package, its core and its variants, ready to build.

    With --tree, write one source tree instead. Without a variant, on a terminal, ask for name, kind
    and variants.
    """
    known = existing_name(folder) if tree else None
    if not tree:
        _check_new(folder)
    _check_options(tree, backend, import_name)
    variants = [*(listed or ()), *(variants or ())]
    version = read_option("--version", version, read_version)
    if import_name is not None:
        import_name = read_option("--import-name", import_name, read_import_name)
    asks = not variants and not as_json and sys.stdin is not None and sys.stdin.isatty()
    named = known or folder.resolve().name
    if known is not None and name is not None and normalize(name) != normalize(known):
        raise UsageError(f"--name {name}: the project in {folder} is {known}")
    name = known or name
    if name is None and asks:
        name = _ask("Name", named if is_name(named) else None, read_name)
    option = f"{folder / 'pyproject.toml'}: project.name" if known else "--name"
    name = read_option(option, named if name is None else name, read_name)
    if not tree:  # before anybody answers questions in vain
        _check_free(folder, [name, f"{name}-{CORE}"])
    if kind is None and asks and not tree:
        print_line(f"{REQUIREMENT}: variants exclude each other, as CUDA 12 and CUDA 13 do")
        print_line(f"{CAPABILITY}: variants can stand side by side, as builds for CPU levels do")
        kind = _ask("Kind", REQUIREMENT, read_kind)
    kind = read_option("--kind", kind or REQUIREMENT, read_kind)
    if variants:
        made = [read_option("--variant", text, read_variant) for text in variants]
    elif asks:
        names = _ask("Variants, the best first", " ".join(KINDS[kind]), read_names)
        made = [_asked_variant(one) for one in names]
    else:
        example = " ".join(f"--variant {one}" for one in KINDS[kind])
        raise UsageError(f"--variant is missing; give each, such as {example}")
    project = NewProject(name, kind, made, advice, version, import_name or "", self_contained)
    if tree:
        write_tree(folder, project, backend, as_json=as_json)
        return
    if project.package in map(project.module, made):
        raise UsageError(f"--import-name {import_name}: the module of a variant has that name")
    _write(folder, project, as_json=as_json)


def _check_options(tree: bool, backend: str | None, import_name: str | None) -> None:
    """Stop at an option that means nothing with ``--tree``, or without it."""
    if backend is not None and not tree:
        raise UsageError(f"--backend {backend}: it needs --tree")
    if backend is not None and backend not in BACKENDS:
        known = f"expected one of {', '.join(BACKENDS)}{did_you_mean(backend, BACKENDS)}"
        raise UsageError(f"--backend {backend}: {known}")
    if import_name is not None and tree:
        raise UsageError(f"--import-name {import_name}: it names core, which a tree does not have")


def _ask(question: str, default: str | None, read: Callable[[str], T]) -> T:
    """Ask until the answer can be read."""

    def checked(answer: str) -> T:
        try:
            return read(answer)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    shown = bool(default)
    answer: T = typer.prompt(question, default, value_proc=checked, show_default=shown)
    return answer


def _asked_variant(name: str) -> NewVariant:
    """Return the variant ``name``, after asking for a condition that the name does not tell."""
    when = known_condition(name)
    if when is None:
        question = f"When does {name} fit? Such as {EXAMPLE}; leave it empty for every machine"
        when = _ask(question, "", read_condition)
    return NewVariant(name, when)


# --- What is written


def _write(folder: Path, project: NewProject, *, as_json: bool) -> None:
    """Write the project, after checking it, and say how to go on."""
    texts = files(project)
    _check_free(folder, project.folders)
    with tempfile.TemporaryDirectory() as trial:
        write_files(Path(trial), texts)
        try:
            read = read_project(Path(trial, project.name))
        except InvalidFileError as error:
            raise UsageError(f"nothing was written, since the new {error}") from None
    write_files(folder, texts)
    problems = review(read, __version__)
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "folder": str(folder),
                "distributions": project.folders,
                "files": list(texts),
                "problems": [one._asdict() for one in problems],
            }
        )
    else:
        _show(folder, project, [f"{one.key}: {one.message}" for one in problems])
    if problems:
        raise typer.Exit(1)


def _check_new(folder: Path) -> None:
    """Stop where a project already exists: `init` is not what helps there."""
    file = folder / "pyproject.toml"
    if not file.exists():
        return
    if "tool.selector" in file.read_text(encoding="utf-8", errors="replace"):
        how = "to add a variant to it, write its [[tool.selector.variant]] into that file"
    else:
        into = shown(["selector-backend", "init", "--tree", str(folder), *KINDS[REQUIREMENT]])
        how = f"to make one tree of it, for all variants: {into}; to make core and variants of it, "
        how += "see docs/how-to/splitting.md of selector-backend"
    named: list[str] = []
    with contextlib.suppress(SelectorError):  # what is wrong with it is not asked here
        named = ["--name", existing_name(folder) or folder.resolve().name]
    new = shown(["selector-backend", "init", str(folder / "packages"), *named])
    raise UsageError(
        f"{file} already exists, so this is a project, and nothing was written; {how}; "
        f"to begin a new one: {new}"
    )


def _check_free(folder: Path, names: list[str]) -> None:
    for name in names:
        if (folder / name).exists():
            raise UsageError(
                f"{folder / name} already exists, and nothing was written; name another folder, "
                f"such as {folder / 'packages'}"
            )


def _show(folder: Path, project: NewProject, problems: list[str]) -> None:
    selector, *ordinary = project.folders
    print_line(f"{', '.join(project.folders)} are written to {folder}")
    for problem in problems:
        print_line(f"warning: {problem}")
    print_line("To build the wheels, and to install what fits this machine:")
    commands = [
        ["cd", str(folder)],
        ["python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "dist"],
        ["python", "-m", "pip", "install", "--find-links", "dist", f"./{selector}"],
        ["python", "-c", f"import {project.package}; print({project.package}.variant)"],
    ]
    commands[1] += [f"./{one}" for one in ordinary]
    for command in commands if folder != Path() else commands[1:]:
        print_command(command)
