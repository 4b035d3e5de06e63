"""``selector-backend init``: a new selector package, its core and its variants."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Callable, Optional, TypeVar

import typer

from .. import __version__
from ..authoring.project import read_project
from ..authoring.review import review
from ..authoring.table import is_name
from ..errors import InvalidFileError
from ..installing.table import CAPABILITY, REQUIREMENT
from .common import (
    FORMAT,
    JsonOption,
    UsageError,
    print_command,
    print_json,
    print_line,
    shown,
)
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
from .skeleton import CORE, VERSION, NewProject, NewVariant, files, known_condition

T = TypeVar("T")

FolderArgument = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="Where to write; made if it is not there.")
]
VariantsArgument = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="[VARIANT]...", help="The variants, as --variant has them."),
]
NameOption = Annotated[
    Optional[str],
    typer.Option("--name", metavar="NAME", help="The project's name; else the folder's."),
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
        help="A variant, the best first: cu12, rocm6, x86-64-v3, avx2, cpu and their like, or a "
        "name and when it fits: 'big: compute-capability = \">=9.0\"'; 'small:' is for every "
        "machine. Repeated for each.",
    ),
]
AdviceOption = Annotated[
    str,
    typer.Option(
        "--advice", metavar="TEXT", help="What to do on a machine that no variant is for."
    ),
]
ImportNameOption = Annotated[
    Optional[str],
    typer.Option(
        "--import-name",
        metavar="NAME",
        help="The package of core, which users import; else spam_core, after the project's name.",
    ),
]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="The version of all distributions.")
]
SelfContainedOption = Annotated[
    bool,
    typer.Option(
        "--self-contained",
        help="Let the sdist carry its backend, so that installing fetches nothing but the variant.",
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
    as_json: JsonOption = False,
) -> None:
    """Write a new selector package, its core and its variants, ready to build.

    Without a variant, a terminal is asked for name, kind and variants.
    """
    _check_new(folder)
    variants = [*(listed or ()), *(variants or ())]
    version = read_option("--version", version, read_version)
    if import_name is not None:
        import_name = read_option("--import-name", import_name, read_import_name)
    asks = not variants and not as_json and sys.stdin is not None and sys.stdin.isatty()
    named = folder.resolve().name
    if name is None and asks:
        name = _ask("Name", named if is_name(named) else None, read_name)
    name = read_option("--name", named if name is None else name, read_name)
    _check_free(folder, [name, f"{name}-{CORE}"])  # before anybody answers questions in vain
    if kind is None and asks:
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
    if project.package in map(project.module, made):
        raise UsageError(f"--import-name {import_name}: the module of a variant is called so")
    _write(folder, project, as_json=as_json)


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
        question = f"When does {name} fit? Such as {EXAMPLE}; with nothing, every machine"
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
                "problems": [{"key": one.key, "message": one.message} for one in problems],
            }
        )
    else:
        _show(folder, project, [f"{one.key}: {one.message}" for one in problems])
    if problems:
        raise typer.Exit(1)


def _check_new(folder: Path) -> None:
    """Stop where there is a project already: it is not `init` that helps there."""
    file = folder / "pyproject.toml"
    if not file.exists():
        return
    if "tool.selector" in file.read_text(encoding="utf-8", errors="replace"):
        add = [
            "selector-backend",
            "add-variant",
            "NAME",
            *([str(folder)] if folder != Path() else []),
        ]
        how = f"to add a variant to it: {shown(add)}"
    else:
        how = "to make core and variants of it, see docs/splitting.md of selector-backend"
    new = shown(["selector-backend", "init", str(folder / "packages")])
    raise UsageError(
        f"{file} is there already, so this is a project, and nothing was written; {how}; "
        f"to begin a new one: {new}"
    )


def _check_free(folder: Path, names: list[str]) -> None:
    for name in names:
        if (folder / name).exists():
            raise UsageError(
                f"{folder / name} is there already, and nothing was written; name another folder, "
                f"such as {folder / 'packages'}"
            )


def write_files(folder: Path, texts: dict[str, str]) -> None:
    """Write files that are new, by their paths in ``folder``."""
    try:
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as new:
                new.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from None


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
