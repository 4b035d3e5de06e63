"""Reads the folders beside a project, for ``check``: one level of them, and core's source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..authoring import toml
from ..authoring.loads import find_loads, mentions_load
from ..authoring.siblings import (
    find_family,
    notes,
    own_names,
    parse_sibling,
    review_family,
)
from ..errors import Problem, shorten
from ..installing.table import normalize
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..authoring.loads import Load
    from ..authoring.siblings import Family, Sibling
    from ..installing.table import Selector

SiblingsOption = Annotated[
    Optional[list[Path]],
    typer.Option(
        "--siblings",
        metavar="DIR",
        help="The folder that has core and the variants, each in a folder of its own, instead of "
        "the one that the project is in. May be repeated.",
    ),
]

# More is not looked at: folders beside the project, files of core, and bytes of one file.
_MOST_FOLDERS, _MOST_FILES, _LARGEST = 2000, 20_000, 4 << 20
# Folders of a distribution that do not have its source, besides the hidden ones.
_NOT_SOURCE = {"build", "dist", "docs", "examples", "node_modules", "test", "tests", "venv"}


def review_siblings(
    project: Path, selector: Selector, places: Sequence[Path] | None
) -> tuple[list[Problem], list[Problem]]:
    """Return what does not agree with the distributions beside ``project``, and what to note.

    Both are empty where there are none that belong to it. ``places`` are the folders to look into.
    """
    for place in places or ():
        if not place.is_dir():
            raise UsageError(f"--siblings {place}: no such folder")
    noted: list[Problem] = []
    family, paths, unread = read_family(project, selector, places, noted)
    named = [Path(shown).name for shown in unread]
    known = own_names(selector).intersection(map(normalize, named))
    if not (family.members or family.ambiguous or known):
        return [], []
    if unread:
        some = "; ".join(f"{shown} ({why})" for shown, why in [*unread.items()][:5])
        more = f"; and {len(unread) - 5} more" if len(unread) > 5 else ""
        noted.append(Problem("siblings", f"no pyproject.toml can be read in {some}{more}"))
    loads = {one.name: [*_loads(paths[one.folder], project, noted)] for one in family.candidates}
    return review_family(family, loads, named), [*noted, *notes(family, loads)]


def read_family(
    project: Path, selector: Selector, places: Sequence[Path] | None, noted: list[Problem]
) -> tuple[Family, dict[str, Path], dict[str, str]]:
    """Return the distributions beside ``project`` that belong to it, and where all folders are.

    Both have the folders as messages show them. The last are those whose ``pyproject.toml`` cannot
    be read, and why.
    """
    siblings: list[Sibling] = []
    paths: dict[str, Path] = {}
    unread: dict[str, str] = {}
    wanted = own_names(selector)
    for folder in _folders(project, places, wanted, noted):
        shown = _shown(folder, project)
        try:
            data = toml.loads(_read(folder / "pyproject.toml").decode("utf-8"))
            siblings.append(parse_sibling(shown, data))
            paths[shown] = folder
        except FileNotFoundError:
            if normalize(folder.name) in wanted:
                unread[shown] = "there is none"
        except OSError as error:
            unread[shown] = str(error.strerror)
        except (ValueError, RecursionError) as error:
            unread[shown] = shorten(str(error))
    return find_family(selector, siblings), paths, unread


def _folders(
    project: Path, places: Sequence[Path] | None, wanted: set[str], noted: list[Problem]
) -> Iterator[Path]:
    """Yield the folders in ``places``, those called as is ``wanted`` first, and each once."""
    beside = Path(os.path.abspath(project)).parent  # noqa: PTH100 - a link lies where it lies
    found = [child for place in places or [beside] for child in _children(place)]
    found.sort(key=lambda path: (normalize(path.name) not in wanted, path.name))
    if len(found) > _MOST_FOLDERS:
        what = f"there are {len(found)} folders, and {_MOST_FOLDERS} were looked at"
        noted.append(Problem("siblings", what))
    seen = {os.path.realpath(project)}
    for folder in found[:_MOST_FOLDERS]:
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            yield folder


def _children(folder: Path) -> list[Path]:
    try:
        every = [one for one in folder.iterdir() if not one.name.startswith(".")]
    except OSError:
        return []
    # Unlike pathlib's, this raises nothing where a folder is not for this user.
    return [one for one in every if os.path.isdir(one)]  # noqa: PTH112


def _loads(folder: Path, project: Path, noted: list[Problem]) -> Iterator[Load]:
    """Yield the calls of ``load`` in the source of a distribution."""
    count = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in sorted(folders) if _has_source(Path(parent, name))]
        count += len(files)
        if count > _MOST_FILES:
            what = f"it has more than {_MOST_FILES} files, and load was not looked for in all"
            noted.append(Problem(_shown(folder, project), what))
            return
        for name in sorted(files):
            if name.endswith(".py"):
                yield from _loads_of(Path(parent, name), project, noted)


def _has_source(folder: Path) -> bool:
    """Return whether a folder may have source of the distribution, and is no project of its own."""
    if folder.name.startswith(".") or folder.name in _NOT_SOURCE:
        return False
    others = ("pyproject.toml", "pyvenv.cfg")
    return not any(os.path.lexists(folder / name) for name in others)


def _loads_of(file: Path, project: Path, noted: list[Problem]) -> list[Load]:
    place = _shown(file, project)
    try:
        source = _read(file)
        return find_loads(place, source) if mentions_load(source) else []
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = f"it cannot be read as Python, and is passed over: {shorten(str(error))}"
        noted.append(Problem(place, what))
        return []


def _read(file: Path) -> bytes:
    """Return what is in a file: not in a pipe, which may never end, and not without end."""
    if file.exists() and not file.is_file():
        raise ValueError("it is no file")
    with file.open("rb") as opened:
        content = opened.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
    return content


def _shown(path: Path, project: Path) -> str:
    """Return a path as it is from the project's folder."""
    try:
        return os.path.relpath(path, project).replace(os.sep, "/")
    except ValueError:  # on another drive
        return path.as_posix()
