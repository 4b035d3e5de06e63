"""Reads the code of a tree as text, for ``check``: what fails once it is a variant's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checking.own_name import OwnCall, find_own_calls, may_ask
from ..checking.reading import find_in_modules
from ..errors import Problem
from ..model.markers import normalize
from ..model.table import CAPABILITY
from ..trees.modules import PLACES

if TYPE_CHECKING:
    from pathlib import Path

    from ..authoring.project import Project
    from ..model.table import Selector


def review_tree(project: Project) -> tuple[list[Problem], list[Problem]]:
    """Return what may be wrong with the code of a tree, and what to note."""
    selector, folder, noted = project.selector, project.folder, list[Problem]()
    buildable = [one for one in selector.variants if one.refuse is None]
    if project.tree is None or not buildable:
        return [], []

    def find(place: str, source: bytes) -> list[OwnCall]:
        return find_own_calls(place, source, selector.project) if may_ask(source) else []

    problems = _same_files(selector, folder)
    for call in find_in_modules(folder, folder, find, noted):
        where = f"where {buildable[0].name} is installed without {selector.project}"
        if call.caught:
            noted.append(Problem(call.place, f"{call.text} finds nothing {where}"))
        else:
            advice = "write what it tells into the code, or catch PackageNotFoundError"
            problems.append(Problem(call.place, f"{call.text} fails {where}; {advice}"))
    return problems, noted


def _same_files(selector: Selector, folder: Path) -> list[Problem]:
    """Return the problem of variants that stand side by side and own the same files."""
    if selector.kind != CAPABILITY or len(selector.variants) < 2:
        return []
    module = normalize(selector.project).replace("-", "_")
    places = (each.format(module) for each in PLACES)
    found = next((one for one in places if (folder / one).is_file()), None)
    if found is None:
        return []
    message = (
        f"found {selector.kind!r}, variants side by side, but each variant of this tree has "
        f"{found}, and they would overwrite each other; expected 'requirement', or a module of "
        "another name in each"
    )
    return [Problem("tool.selector.kind", message)]
