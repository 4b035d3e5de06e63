"""``selector-backend check``: a project before it is published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from .. import __version__
from ..authoring.review import notes, review
from ..errors import InvalidFileError, Problem, SelectorError
from .common import FORMAT, JsonOption, UsageError, bad, good, print_json, print_line
from .index import compare, is_address
from .siblings import SiblingsOption, review_siblings
from .source import read_folder

FolderArgument = Annotated[Path, typer.Argument(metavar="[DIR]", help="The project's folder.")]
IndexOption = Annotated[
    Optional[str],
    typer.Option(
        "--index",
        metavar="URL",
        help="Ask this index, such as https://index.example/simple/, whether it has what the "
        "table requires. Without it the network is not used.",
    ),
]


def check(
    folder: FolderArgument = Path(),
    index: IndexOption = None,
    siblings: SiblingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for errors in a project, and for what may be a mistake.

    Core and the variants count as well, if they are in the folders beside it.
    """
    if index is not None and not is_address(index):
        raise UsageError(f"--index {index}: expected an address such as https://index.example/")
    noted: list[Problem] = []
    try:
        project = read_folder(folder)
    except InvalidFileError as error:
        found = [("error", problem) for problem in error.problems]
    except UsageError:
        raise
    except SelectorError as error:
        if not as_json:
            raise
        found = [("error", Problem("pyproject.toml", str(error)))]
    else:
        found = [("warning", problem) for problem in review(project, __version__)]
        noted = notes(project)
        problems, more = review_siblings(folder, project.selector, siblings)
        found += [("warning", problem) for problem in problems]
        noted += more
        if index is not None:
            found += [("warning", problem) for problem in compare(project.selector, index)]
    if as_json:
        listed = [{"severity": s, "key": one.key, "message": one.message} for s, one in found]
        remarks = [{"key": one.key, "message": one.message} for one in noted]
        print_json({"format": FORMAT, "problems": listed, "notes": remarks})
    else:
        for severity, problem in found:
            line = f"{severity}: {problem.key}: {problem.message}"
            print_line(bad(line) if severity == "error" else line)
        for note in noted:
            print_line(f"note: {note.key}: {note.message}")
        if not found:
            print_line(good("nothing to mend"))
    if found:
        raise typer.Exit(1)
