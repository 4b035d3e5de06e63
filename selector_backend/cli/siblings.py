"""Reads the folders beside a project, for ``check``: one level of them, and core's source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..authoring import toml
from ..checking.loads import find_loads, mentions_load
from ..checking.reading import find_in_modules, read_file, shown_from
from ..checking.siblings import find_family, notes, own_names, parse_sibling, review_family
from ..errors import Problem, shorten
from ..model.markers import normalize
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..checking.loads import Load
    from ..checking.siblings import Family, Sibling
    from ..model.table import Selector

SiblingsOption = Annotated[
    Optional[list[Path]],
    typer.Option(
        "--siblings",
        metavar="DIR",
        help="The folder that has core and the variants, each in a folder of its own, instead of "
        "the one that the project is in. May be repeated.",
    ),
]

# The most folders beside the project that are looked at.
_MOST_FOLDERS = 2000


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
    loads = {
        one.name: [*find_in_modules(paths[one.folder], project, _loads, noted)]
        for one in family.candidates
    }
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
        shown = shown_from(project, folder)
        try:
            data = toml.loads(read_file(folder / "pyproject.toml").decode("utf-8"))
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
    """Yield the folders in ``places``, those with a ``wanted`` name first, and each once."""
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
    # Unlike pathlib's, this does not raise where this user may not look.
    return [one for one in every if os.path.isdir(one)]  # noqa: PTH112


def _loads(place: str, source: bytes) -> list[Load]:
    return find_loads(place, source) if mentions_load(source) else []
