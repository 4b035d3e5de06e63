"""The folder of a release, for ``check --dist``.

It reads the file names, ``METADATA`` and ``RECORD`` of wheels, and the selector package's own
sdist. It runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet

from ..authoring.project import Project, read_project
from ..errors import SelectorError
from ..model.markers import normalize
from ..model.problems import NOTE, InvalidFileError, Problem
from ..model.table import Selector, dump
from ..model.values import replace
from .archives import UNREADABLE, unpacked
from .finished import VARIANTS, Sdist, Wheel, is_variant_file, read_sdist, read_wheel
from .release import Release
from .shipped import compare_shipped, compare_tables

_ENDS = (".whl", ".tar.gz", VARIANTS)


def read_dist(
    folder: Path, project: Project | None, backend: str
) -> tuple[list[Problem], list[list[str]] | None]:
    """Review the release in ``folder``, and compare its table with a project's.

    ``backend`` is our own version. Returns the problems, and the files in the order of uploading,
    ``None`` if they must not be uploaded.
    """
    files = sorted(file for file in folder.iterdir() if file.name.endswith(_ENDS))
    variants = [file.name for file in files if is_variant_file(file.name)]
    problems: list[Problem] = []
    distributions: list[Wheel | Sdist] = []
    for file in files:
        if file.name in variants:
            continue
        try:
            distributions.append(_read(file))
        except (*UNREADABLE, OSError, ValueError, MemoryError) as error:
            why = next(iter(str(error).splitlines()), "")  # a requirement's error shows its place
            problems.append(Problem(file.name, f"cannot be read: {why}"))
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
        return [Problem(str(folder), what), *problems], None
    shipped = _read_own(problems, folder / own[0].file, own[0], project, backend)
    if shipped is None:
        return problems, None
    others = [sdist for sdist in sdists if sdist is not own[0]]
    python = shipped.metadata.requires_python or SpecifierSet()
    release = Release(shipped.selector, own[0].file, wheels, others, python, variants)
    problems += release.review()
    wrong = any(problem.severity != NOTE for problem in problems)
    return problems, None if wrong else release.upload


def _read(file: Path) -> Wheel | Sdist:
    if not file.is_file():  # a pipe may never end
        raise ValueError("it is not a file")
    return read_wheel(file) if file.name.endswith(".whl") else read_sdist(file)


def _read_own(
    noted: list[Problem], file: Path, sdist: Sdist, project: Project | None, backend: str
) -> Project | None:
    """Return the project in the selector package's sdist, and note what is wrong."""
    try:
        with unpacked(file) as folder:
            shipped = read_project(folder, own_code=False)
            noted += _within(file, compare_shipped(shipped, file, backend))
    except InvalidFileError as error:
        noted += _within(file, error.problems)
        return None
    except SelectorError as error:
        noted.append(Problem(file.name, str(error)))
        return None
    selector = shipped.selector
    if (normalize(selector.project), shipped.version) != (sdist.name, sdist.version):
        what = f"belongs to {selector.project} {selector.version}; build it again"
        noted.append(Problem(file.name, what))
    if project is not None:
        texts = _compare(selector, project)
        noted += [Problem(file.name, f"{text}; build it again") for text in texts]
    return shipped


def _within(file: Path, problems: Iterable[Problem]) -> list[Problem]:
    return [problem._replace(key=f"{file.name}: {problem.key}") for problem in problems]


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
