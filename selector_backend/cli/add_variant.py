"""``selector-backend add-variant``: adds a variant to an existing selector package."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .. import __version__
from ..authoring import toml
from ..authoring.loads import review_loads
from ..authoring.project import read_project
from ..authoring.review import review, variant_key
from ..authoring.rows import insert_row, place_of
from ..authoring.table import parse_selector
from ..errors import InvalidFileError, did_you_mean
from ..installing.table import normalize
from .common import FORMAT, JsonOption, UsageError, print_json, print_line
from .given import read_option, read_variant
from .skeleton import NewProject, NewVariant, files, row
from .source import read_folder
from .writing import replace_file, write_files

if TYPE_CHECKING:
    from ..installing.table import Selector

VariantArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME[: CONDITION]", help="The variant, as for --variant of init: cu13, rocm6."
    ),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder.")]
BeforeOption = Annotated[
    Optional[str], typer.Option("--before", metavar="NAME", help="Put it before this variant.")
]
AfterOption = Annotated[
    Optional[str], typer.Option("--after", metavar="NAME", help="Put it after this variant.")
]


def add_variant(
    variant: VariantArgument,
    folder: FolderArgument = Path(),
    before: BeforeOption = None,
    after: AfterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a variant to the table of a project, and its folder beside those of the others.

    Without --before or --after, it goes before the first variant that would always be chosen in its
    place, or that asks for an older version of the same fact.
    """
    if before is not None and after is not None:
        raise UsageError("--before and --after are given together; give one of them")
    new = read_option("NAME", variant, read_variant)
    project = read_folder(folder)
    selector = project.selector
    known = {one.key: one.name for one in selector.variants}
    if normalize(new.name) in known:
        raise UsageError(f"{selector.project} already has the variant {known[normalize(new.name)]}")
    text = row(new, selector.kind)
    index = place_of(_selector(text.encode(), selector).variants[0], selector)
    if before is not None:
        index = _index("--before", before, selector)
    if after is not None:
        index = _index("--after", after, selector) + 1
    file = Path(os.path.realpath(folder / "pyproject.toml"))
    content = insert_row(file.read_bytes(), index, text)
    changed = _selector(content, selector, file)
    beside, texts = _files(folder, selector, new)
    listed = [beside / path for path in texts]
    for parent in {path.parent for path in listed}:
        if parent.exists():
            raise UsageError(f"{parent} already exists, and nothing was written; move it away")
    write_files(beside, texts)
    replace_file(file, content)
    problems = review(read_project(folder), __version__)
    steps, _ = review_loads(folder, changed)
    following = changed.variants[index + 1 :][:1]
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "variant": new.name,
                "key": variant_key(index),
                "files": [*map(str, [file, *listed])],
                "problems": [one._asdict() for one in problems],
                "steps": [one._asdict() for one in steps],
            }
        )
    else:
        where = f"before {following[0].name}" if following else "as the last"
        print_line(f"{new.name} is added to {folder / 'pyproject.toml'}, {where}")
        for written in listed:
            print_line(f"{written} is written")
        for problem in problems:
            print_line(f"warning: {problem.key}: {problem.message}")
        for step in steps:
            print_line(f"to do: {step.key}: {step.message}")
    if problems:
        raise typer.Exit(1)


def _index(option: str, name: str, selector: Selector) -> int:
    keys = [one.key for one in selector.variants]
    if normalize(name) not in keys:
        names = [one.name for one in selector.variants]
        hint = did_you_mean(name, names) or f"; the variants are {', '.join(names)}"
        raise UsageError(f"{option} {name}: {selector.project} has no such variant{hint}")
    return keys.index(normalize(name))


def _selector(content: bytes, project: Selector, file: Path | None = None) -> Selector:
    """Return the table that ``content`` has; with ``file`` it has to be without a problem."""
    table = toml.loads(content.decode("utf-8"))["tool"]["selector"]
    read, problems = parse_selector(table, project=project.project, version=project.version)
    if file is not None and problems:
        error = InvalidFileError(file.name, problems)
        raise UsageError(f"nothing was written, since the new {error}")
    return read


def _files(folder: Path, selector: Selector, variant: NewVariant) -> tuple[Path, dict[str, str]]:
    """Return what `init` would have written for a variant, and the folder that it goes into.

    That is nothing unless core lies where it would have put it.
    """
    new = NewProject(selector.project, selector.kind, [variant], version=selector.version)
    beside = Path(os.path.abspath(folder)).parent  # noqa: PTH100 - a link lies where it lies
    if not (beside / new.folders[1]).is_dir():
        return folder, {}
    start = f"{new.folders[-1]}/"
    texts = {path: text for path, text in files(new).items() if path.startswith(start)}
    return beside, texts
