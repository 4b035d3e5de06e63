"""What a command is given to look at: a project's folder or its sdist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..authoring.project import read_project
from ..checking.finished import unpacked
from .common import UsageError

if TYPE_CHECKING:
    from ..authoring.project import Project
    from ..model.table import Selector


def read_folder(folder: Path) -> Project:
    """Return the project in ``folder``."""
    if not folder.is_dir():
        what = "it is a file; expected a project's folder" if folder.exists() else "no such folder"
        raise UsageError(f"{folder}: {what}")
    return read_project(folder, own_code=False)


def read_sdist(file: Path) -> Selector:
    """Return the table of an sdist. Nothing in it is run, and nothing is left of it."""
    with unpacked(file) as folder:
        return read_project(folder, own_code=False).selector
