"""``selector-backend check``: looks at a project before it is published."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from .. import __version__
from ..checking.finished import unpacked
from ..checking.index import compare
from ..checking.loads import review_loads
from ..checking.review import notes, review
from ..checking.shipped import carried_by, compare_shipped
from ..checking.simple import is_address
from ..errors import InvalidFileError, Problem, SelectorError
from .common import FORMAT, JsonOption, UsageError, bad, good, print_json, print_line
from .dist import DistOption, read_dist
from .source import read_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WhatArgument = Annotated[
    Optional[Path],
    typer.Argument(metavar="DIR | SDIST", help="The project's folder, or its sdist."),
]
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
    what: WhatArgument = None,
    index: IndexOption = None,
    dist: DistOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for errors in a project, and for what may be a mistake.

    The names that core gives to load are compared with the table, if core is in a folder beside the
    project. Of an sdist, it is also checked that what it has compiled agrees with its
    pyproject.toml. With --dist, a whole release is checked instead.
    """
    if dist is not None:
        if index is not None:
            raise UsageError("--dist looks at a folder alone; leave out --index")
        _check_dist(dist, what, as_json)
        return
    what = what or Path()
    if index is not None and not is_address(index):
        raise UsageError(f"--index {index}: expected an address such as https://index.example/")
    is_sdist = what.name.endswith(".tar.gz") and what.is_file()
    carries = None
    noted: list[Problem] = []
    try:
        with unpacked(what) if is_sdist else contextlib.nullcontext(what) as folder:
            project = read_folder(folder)
            found = [("warning", problem) for problem in review(project, __version__)]
            if is_sdist:
                carries = carried_by(folder)
                found += [("error", problem) for problem in compare_shipped(project)]
    except InvalidFileError as error:
        found = [("error", problem) for problem in error.problems]
    except UsageError:
        raise
    except SelectorError as error:
        if not as_json:
            raise
        found = [("error", Problem(what.name if is_sdist else "pyproject.toml", str(error)))]
    else:
        noted = notes(project)
        if not is_sdist:
            problems, more = review_loads(what, project.selector)
            found += [("warning", problem) for problem in problems]
            noted += more
        if index is not None:
            found += [("warning", problem) for problem in compare(project.selector, index)]
    shipped = {"carries": carries} if is_sdist else {}
    first = [] if carries is None else [f"carries selector-backend {carries}"]
    _report(found, noted, as_json, first, shipped)


def _check_dist(dist: Path, what: Path | None, as_json: bool) -> None:
    """Look at the release in a folder, and at the project ``what``, if one is named."""
    release = read_dist(dist, None if what is None else read_folder(what))
    found = [("error", problem) for problem in release.problems]
    last = [] if release.upload is None else ["upload, in this order:"]
    last += [f"  {file}" for group in release.upload or () for file in group]
    _report(found, release.notes, as_json, data={"upload": release.upload}, last=last)


def _report(
    found: Sequence[tuple[str, Problem]],
    noted: Sequence[Problem],
    as_json: bool,
    first: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    last: Sequence[str] = (),
) -> None:
    """Write what was found, and exit if there is any problem.

    As text it is between the lines ``first`` and ``last``, as JSON beside ``data``.
    """
    if as_json:
        listed = [{"severity": severity, **problem._asdict()} for severity, problem in found]
        remarks = [one._asdict() for one in noted]
        print_json({"format": FORMAT, **(data or {}), "problems": listed, "notes": remarks})
    else:
        for line in first:
            print_line(line)
        for severity, problem in found:
            line = f"{severity}: {problem.key}: {problem.message}"
            print_line(bad(line) if severity == "error" else line)
        for note in noted:
            print_line(f"note: {note.key}: {note.message}")
        if not found:
            print_line(good("no problems found"))
        for line in last:
            print_line(line)
    if found:
        raise typer.Exit(1)
