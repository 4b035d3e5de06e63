"""The argument of a command: a project's folder or its sdist."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer

from ..authoring.platforms import where_possible
from ..authoring.project import Project, read_project
from ..model.table import Selector, dump, load_selector
from ..model.values import replace
from .common import UsageError

#: The placeholder of an unknown version, and a unique version that stands in for it.
VERSION, _UNLIKE_ANY = "{version}", "0+found.when.built"
SOURCE_NAME, SOURCE_HELP = "DIR | SDIST", "The project's folder, or its sdist."
SourceArgument = Annotated[Path, typer.Argument(metavar=SOURCE_NAME, help=SOURCE_HELP)]


def is_sdist(source: Path) -> bool:
    """Return whether an argument is an sdist, and not a project's folder."""
    return source.is_file() and source.name.endswith(".tar.gz")


def opened(source: Path) -> contextlib.AbstractContextManager[Path]:
    """Return a context with a project's folder: for an sdist, a temporary one.

    Entering it raises `SelectorError` if the sdist cannot be read.
    """
    if not is_sdist(source):
        return contextlib.nullcontext(source)
    from ..checking.archives import unpacked

    return unpacked(source)


def read_folder(folder: Path) -> Project:
    """Return the project in ``folder``. Nothing in it is run."""
    if not folder.is_dir():
        what = "it is a file; expected a project's folder" if folder.exists() else "no such folder"
        raise UsageError(f"{folder}: {what}")
    return read_project(folder, own_code=False)


def read_selector(source: Path) -> Selector:
    """Return the table of a project's folder or of an sdist, with the platforms of its facts.

    A version that only building finds stays the placeholder `VERSION`.
    """
    with opened(source) as folder:
        project = read_folder(folder)
    selector = project.selector
    if project.version_is_built:
        text = json.dumps(dump(project.selector_of(_UNLIKE_ANY)))
        selector = load_selector(json.loads(text.replace(_UNLIKE_ANY, VERSION)))
    return replace(selector, where=where_possible(selector.conditions))
