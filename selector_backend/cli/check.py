"""``selector-backend check``: looks at a project before it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .. import __version__
from ..checking.loads import review_loads
from ..checking.review import review
from ..errors import SelectorError
from ..model.problems import NOTE, InvalidFileError, Problem
from .common import FORMAT, JsonOption, UsageError, bad, good, one_line, print_json, print_line
from .source import SOURCE_HELP, SOURCE_NAME, is_sdist, opened, read_folder

SourceArgument = Annotated[
    Optional[Path], typer.Argument(metavar=SOURCE_NAME, help=SOURCE_HELP, show_default=False)
]
IndexOption = Annotated[
    Optional[str],
    typer.Option(
        "--index",
        metavar="URL",
        help="Ask this index, such as https://index.example/simple/, whether it has what the "
        "table requires.",
    ),
]
DistOption = Annotated[
    Optional[Path],
    typer.Option(
        "--dist",
        metavar="DIR",
        help="Check the files of a whole release, against the project if one is named, and show "
        "in which order to upload them.",
    ),
]


def check(
    source: SourceArgument = None,
    index: IndexOption = None,
    dist: DistOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for errors and likely mistakes in a project, in its sdist, or in a whole release."""
    if dist is not None:
        if index is not None:
            raise UsageError("--dist looks at a folder alone; leave out --index")
        _check_dist(dist, source, as_json)
        return
    if index is not None:
        from ..checking.index import is_address

        if not is_address(index):
            raise UsageError(f"--index {index}: expected an address such as https://index.example/")
    source = source or Path()
    data: dict[str, Any] = {"carries": None} if is_sdist(source) else {}
    try:
        with opened(source) as folder:
            project = read_folder(folder)
            problems = review(project, __version__)
            errors: list[Problem] = []
            if is_sdist(source):
                from ..checking.shipped import carried_by, compare_shipped

                data["carries"] = carried_by(folder)
                errors += compare_shipped(project, source, __version__)
            else:
                problems += review_loads(source, project.selector)
    except InvalidFileError as error:
        problems, errors = [], [*error.problems]
    except UsageError:
        raise
    except SelectorError as error:
        if not as_json:
            raise
        key = source.name if is_sdist(source) else "pyproject.toml"
        problems, errors = [], [Problem(key, str(error))]
    else:
        if index is not None and project.version_is_built:
            raise UsageError(
                f"--index {index}: the version of {source} is only known when it is built; name "
                "its sdist: selector-backend check dist/NAME-VERSION.tar.gz --index URL"
            )
        if index is not None:
            from ..checking.index import compare

            problems += compare(project.selector, index, __version__)
    warnings = [
        problem if problem.severity == NOTE else problem._replace(severity="warning")
        for problem in problems
    ]
    first = [f"carries selector-backend {data['carries']}"] if data.get("carries") else []
    _report([*warnings, *errors], as_json, data, first)


def _check_dist(folder: Path, source: Path | None, as_json: bool) -> None:
    """Check the release in a folder, against the project ``source`` if there is one."""
    from ..checking.dist import read_dist

    if not folder.is_dir():
        raise UsageError(f"--dist {folder}: no such folder")
    project = None if source is None else read_folder(source)
    problems, upload = read_dist(folder, project, __version__)
    last = [] if upload is None else ["upload, in this order:"]
    last += [f"  {one_line(file)}" for group in upload or () for file in group]
    _report(problems, as_json, {"upload": upload}, last=last)


def _report(
    problems: Sequence[Problem],
    as_json: bool,
    data: Mapping[str, Any],
    first: Sequence[str] = (),
    last: Sequence[str] = (),
) -> None:
    """Write ``problems``, notes last; exit if there is any but notes.

    ``first`` and ``last`` are more lines of the text, and ``data`` more keys of the JSON.
    """
    wrong = [problem for problem in problems if problem.severity != NOTE]
    notes = [problem for problem in problems if problem.severity == NOTE]
    if as_json:
        remarks = [{"key": note.key, "message": note.message} for note in notes]
        listed = [problem._asdict() for problem in wrong]
        print_json({"format": FORMAT, **data, "problems": listed, "notes": remarks})
    else:
        shown = [
            bad(line) if problem.severity == "error" else line
            for problem in (*wrong, *notes)
            for line in [f"{problem.severity}:{str(problem)[1:]}"]  # no other text begins a line
        ]
        fine = [] if wrong else [good("no problems found")]
        for line in (*first, *shown, *fine, *last):
            print_line(line)
    if wrong:
        raise typer.Exit(1)
