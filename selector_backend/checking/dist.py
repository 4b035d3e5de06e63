"""The folder of a release, for ``check --dist``.

It reads the file names, ``METADATA`` and ``RECORD`` of wheels, and the selector package's own
sdist. It runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from ..authoring.project import read_project
from ..errors import SelectorError
from ..model.markers import normalize
from ..model.problems import InvalidFileError, Problem
from ..model.table import dump
from ..model.values import replace
from .archives import UNREADABLE, unpacked
from .finished import VARIANTS, Sdist, Wheel, is_variant_file, read_sdist, read_wheel
from .release import Release
from .shipped import compare_shipped, compare_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..authoring.project import Project
    from ..model.table import Selector

_ENDS = (".whl", ".tar.gz", VARIANTS)


@dataclass
class Dist:
    """What a folder holds, and what is wrong with it.

    ``release`` is ``None`` if it has no sdist of a selector package that can be compiled.
    """

    release: Release | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    @property
    def upload(self) -> list[list[str]] | None:
        """The files in the order of uploading, ``None`` if they must not be uploaded."""
        return None if self.problems or self.release is None else self.release.upload


def read_dist(folder: Path, project: Project | None, backend: str) -> Dist:
    """Read and review the release in ``folder``, and compare its table with a project's.

    ``backend`` is our own version.
    """
    files = sorted(file for file in folder.iterdir() if file.name.endswith(_ENDS))
    dist, variants = Dist(), [file.name for file in files if is_variant_file(file.name)]
    distributions: list[Wheel | Sdist] = []
    for file in files:
        if file.name in variants:
            continue
        try:
            distributions.append(_read(file))
        except (*UNREADABLE, OSError, ValueError, MemoryError) as error:
            why = next(iter(str(error).splitlines()), "")  # a requirement's error shows its place
            dist.problems.append(Problem(file.name, f"cannot be read: {why}"))
    wheels = [item for item in distributions if isinstance(item, Wheel)]
    sdists = [item for item in distributions if isinstance(item, Sdist)]
    own = [sdist for sdist in sdists if sdist.has_table]
    if project is not None:
        own = [sdist for sdist in sdists if sdist.name == normalize(project.selector.project)]
    if len(own) != 1:
        names = ", ".join(sdist.file for sdist in own)
        what = f"found several sdists of selector packages, {names}; keep one"
        if not own:
            what = "found no sdist of the selector package; build it: python -m build --sdist"
        dist.problems.insert(0, Problem(str(folder), what))
        return dist
    shipped = _read_own(dist, folder / own[0].file, own[0], project, backend)
    if shipped is not None:
        others = [sdist for sdist in sdists if sdist is not own[0]]
        python = shipped.metadata.requires_python or SpecifierSet()
        dist.release = Release(shipped.selector, own[0].file, wheels, others, python, variants)
        dist.problems += dist.release.review()
        what = f"belongs to no part of {shipped.selector.project}, and is not listed for upload"
        dist.notes += dist.release.notes()
        dist.notes += [Problem(stranger, what) for stranger in dist.release.strangers]
        dist.notes += dist.release.disagreements()
    return dist


def _read(file: Path) -> Wheel | Sdist:
    if not file.is_file():  # a pipe may never end
        raise ValueError("it is not a file")
    return read_wheel(file) if file.name.endswith(".whl") else read_sdist(file)


def _read_own(
    dist: Dist, file: Path, sdist: Sdist, project: Project | None, backend: str
) -> Project | None:
    """Return the project in the selector package's sdist, and note what is wrong with it."""
    try:
        with unpacked(file) as folder:
            shipped = read_project(folder, own_code=False)
            problems = compare_shipped(shipped, file, backend)
            dist.problems += [Problem(f"{file.name}: {key}", text) for key, text in problems]
    except InvalidFileError as error:
        dist.problems += [Problem(f"{file.name}: {key}", text) for key, text in error.problems]
        return None
    except SelectorError as error:
        dist.problems.append(Problem(file.name, str(error)))
        return None
    selector = shipped.selector
    if (normalize(selector.project), shipped.version) != (sdist.name, sdist.version):
        what = f"belongs to {selector.project} {selector.version}; build it again"
        dist.problems.append(Problem(file.name, what))
    if project is not None:
        texts = _compare(selector, project)
        dist.problems += [Problem(file.name, f"{text}; build it again") for text in texts]
    return shipped


def _compare(selector: Selector, project: Project) -> Iterator[str]:
    """Yield where an sdist's table is not a project's."""
    theirs = project.selector
    if project.tree is not None:
        # The code's backend, which is not run, says what extras there are, and a dynamic version.
        theirs = project.selector_of(selector.version)
        selector, theirs = _without_extras(selector), _without_extras(theirs)
    return compare_tables(dump(selector), dump(theirs))


def _without_extras(selector: Selector) -> Selector:
    variants = tuple(replace(variant, extras={}) for variant in selector.variants)
    return replace(selector, extras=(), variants=variants)
