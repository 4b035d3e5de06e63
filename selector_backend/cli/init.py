"""``selector-backend init``: a new selector package, its core and its variants."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Callable, Optional, TypeVar

import typer

from .. import __version__
from ..authoring import toml
from ..authoring.project import read_project
from ..authoring.review import review
from ..authoring.table import is_name, parse_selector
from ..errors import InvalidFileError, did_you_mean
from ..installing.request import ALL, AUTO
from ..installing.table import CAPABILITY, REQUIREMENT, normalize
from .common import (
    FORMAT,
    JsonOption,
    UsageError,
    print_command,
    print_json,
    print_line,
    shown,
)
from .skeleton import CORE, VERSION, NewProject, NewVariant, files, known_condition

T = TypeVar("T")

FolderArgument = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="Where to write; made if it is not there.")
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
        autocompletion=lambda: [*_KINDS],
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
SelfContainedOption = Annotated[
    bool,
    typer.Option(
        "--self-contained",
        help="Let the sdist carry its backend, so that installing fetches nothing but the variant.",
    ),
]

_KINDS = {
    REQUIREMENT: ["cu13", "cu12", "cpu"],
    CAPABILITY: ["x86-64-v3", "x86-64-v2", "cpu"],
}
_EXAMPLE = 'compute-capability = ">=9.0"'


def init(
    folder: FolderArgument = Path(),
    name: NameOption = None,
    kind: KindOption = None,
    variants: VariantsOption = None,
    advice: AdviceOption = "",
    self_contained: SelfContainedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a new selector package, its core and its variants, ready to build.

    Without a variant, a terminal is asked for name, kind and variants.
    """
    asks = not variants and not as_json and sys.stdin is not None and sys.stdin.isatty()
    named = folder.resolve().name
    if name is None and asks:
        name = _ask("Name", named if is_name(named) else None, _name)
    name = _given("--name", named if name is None else name, _name)
    _check_free(folder, [name, f"{name}-{CORE}"])  # before anybody answers questions in vain
    if kind is None and asks:
        print_line(f"{REQUIREMENT}: variants exclude each other, as CUDA 12 and CUDA 13 do")
        print_line(f"{CAPABILITY}: variants can stand side by side, as builds for CPU levels do")
        kind = _ask("Kind", REQUIREMENT, _kind)
    kind = _given("--kind", kind or REQUIREMENT, _kind)
    if variants:
        made = [_given("--variant", text, _variant) for text in variants]
    elif asks:
        names = _ask("Variants, the best first", " ".join(_KINDS[kind]), _names)
        made = [_asked_variant(one) for one in names]
    else:
        example = " ".join(f"--variant {one}" for one in _KINDS[kind])
        raise UsageError(f"--variant is missing; give each, such as {example}")
    project = NewProject(name, kind, made, advice, self_contained)
    _write(folder, project, as_json=as_json)


# --- What is given, by an option or by an answer: each function raises `ValueError`


def _given(option: str, text: str, read: Callable[[str], T]) -> T:
    """Read what an option is given."""
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None


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


def _name(text: str) -> str:
    name = text.strip()
    if not is_name(name):
        raise ValueError("expected ASCII letters and digits, with '-', '_' and '.' between them")
    if name[0].isdigit():
        raise ValueError("a variable and modules are called after it; expected a letter first")
    return name


def _kind(text: str) -> str:
    kind = text.strip().lower()
    if kind not in _KINDS:
        raise ValueError(f"expected {' or '.join(map(repr, _KINDS))}{did_you_mean(kind, _KINDS)}")
    return kind


def _names(text: str) -> list[str]:
    names = [_variant_name(name) for name in text.replace(",", " ").split()]
    if not names:
        raise ValueError("expected one name or more, such as cu12 and cpu")
    return names


def _variant_name(text: str) -> str:
    name = text.strip()
    if not is_name(name):
        raise ValueError(
            "expected a name of ASCII letters and digits, with '-', '_' and '.' between them"
        )
    if normalize(name) == CORE:
        raise ValueError("the core is called so; give the variant another name")
    if normalize(name) in (AUTO, ALL):
        raise ValueError("a request says so to have it chosen, or all; give it another name")
    return name


def _variant(text: str) -> NewVariant:
    """Return the variant that an option gives: a name that is known, or one with a condition."""
    name, colon, condition = text.partition(":")
    name = _variant_name(name)
    when = _condition(condition) if colon else known_condition(name)
    if when is None:
        raise ValueError(
            f"the name does not say when it fits; write {shown([f'{name}: {_EXAMPLE}'])}, for "
            f"example, or '{name}:' if it fits every machine"
        )
    return NewVariant(name, when)


def _asked_variant(name: str) -> NewVariant:
    """Return the variant ``name``, after asking for a condition that the name does not tell."""
    when = known_condition(name)
    if when is None:
        question = f"When does {name} fit? Such as {_EXAMPLE}; with nothing, every machine"
        when = _ask(question, "", _condition)
    return NewVariant(name, when)


def _condition(text: str) -> dict[str, Any]:
    """Return a ``when`` table that is written as an inline table of TOML, without the braces."""
    try:
        table = toml.loads(f"when = {{ {text} }}")
    except ValueError as error:
        found = str(error).partition(" (at ")[0]  # which is a place in a line that is ours
        raise ValueError(f"not a condition in TOML, such as {_EXAMPLE}: {found}") from None
    when: dict[str, Any] = table.pop("when")
    if table:
        raise ValueError(f"expected one condition, such as {_EXAMPLE}")
    if when:
        variant = {"name": "new", "when": when}
        problems = parse_selector({"variant": [variant]}, project="new", version=VERSION)[1]
        if problems:
            key = "tool.selector.variant[0].when."
            raise ValueError(
                "; ".join(f"{one.key.removeprefix(key)}: {one.message}" for one in problems)
            )
    return when


# --- What is written


def _write(folder: Path, project: NewProject, *, as_json: bool) -> None:
    """Write the project, after checking it, and say how to go on."""
    texts = files(project)
    _check_free(folder, project.folders)
    with tempfile.TemporaryDirectory() as trial:
        _write_files(Path(trial), texts)
        try:
            read = read_project(Path(trial, project.name))
        except InvalidFileError as error:
            raise UsageError(f"nothing was written, since the new {error}") from None
    _write_files(folder, texts)
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


def _check_free(folder: Path, names: list[str]) -> None:
    for name in names:
        if (folder / name).exists():
            raise UsageError(
                f"{folder / name} is there already, and nothing was written; name another folder, "
                f"such as {folder / 'packages'}"
            )


def _write_files(folder: Path, texts: dict[str, str]) -> None:
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
