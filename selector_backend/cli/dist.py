"""``selector-backend check --dist``: looks at a folder with all files of one release.

It reads the file names, ``METADATA`` and ``RECORD`` of wheels, and the selector package's own
sdist. Nothing is unpacked or run.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_sdist_filename

from ..authoring.compile import compile_project
from ..authoring.table import parse_selector
from ..checking.finished import Sdist, Wheel, members_of, parse_wheel, unpacked
from ..checking.release import Release
from ..checking.shipped import compare_selectors, compare_shipped
from ..errors import InvalidFileError, Problem, SelectorError
from ..model.table import TABLE_NAME
from ..model.values import replace
from ..trees.renaming import UNREADABLE
from ..variant_wheels.building import is_variant_file, review_files
from .common import UsageError
from .source import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..authoring.project import Project
    from ..model.table import Selector

DistOption = Annotated[
    Optional[Path],
    typer.Option(
        "--dist",
        metavar="DIR",
        help="Check this folder with all wheels and sdists of a release: is it complete, and in "
        "which order to upload it. Its table is compared with that of the project, if one is "
        "named.",
    ),
]

# Limits: files of a release, and bytes of a wheel's METADATA and RECORD.
_MOST_FILES, _LARGEST = 2000, {"METADATA": 8 << 20, "RECORD": 64 << 20}
_LARGEST_SDIST = 64 << 20
_UNREADABLE = (*UNREADABLE, tarfile.TarError, OSError, ValueError, MemoryError)


@dataclass
class Found:
    """What was found in a folder: the release, if it has a table, the problems and the notes."""

    release: Release | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    @property
    def upload(self) -> list[list[str]] | None:
        """The files in the order of uploading, ``None`` if they must not be uploaded."""
        return None if self.problems or self.release is None else self.release.upload


def read_dist(folder: Path, project: Project | None) -> Found:
    """Read and review the release in ``folder``, and compare its table with a project's."""
    if not folder.is_dir():
        raise UsageError(f"--dist {folder}: no such folder")
    ends = (".whl", ".tar.gz", "-variants.json")
    files = sorted(one for one in folder.iterdir() if one.name.endswith(ends))
    if len(files) > _MOST_FILES:
        raise UsageError(f"--dist {folder}: it has more than {_MOST_FILES} wheels and sdists")
    found = Found()
    wheels: list[Wheel] = []
    sdists: list[Sdist] = []
    variants = {one.name: one for one in files if is_variant_file(one.name)}
    for file in files:
        if file.name in variants:
            continue
        try:
            if not file.is_file():  # a pipe may never end
                raise ValueError("it is not a file")
            if file.name.endswith(".whl"):
                wheels.append(_read_wheel(file))
            else:
                sdists.append(_read_sdist(file))
        except _UNREADABLE as error:
            why = next(iter(str(error).splitlines()), "")  # a requirement's error shows its place
            found.problems.append(Problem(file.name, f"cannot be read: {why}"))
    own = [one for one in sdists if _is_own(folder / one.file, one, project)]
    if len(own) != 1:
        names = ", ".join(one.file for one in own)
        what = f"found several sdists of selector packages, {names}; keep one"
        if not own:
            what = "found no sdist of the selector package; build it: python -m build --sdist"
        found.problems.insert(0, Problem(str(folder), what))
        return found
    others = [one for one in sdists if one is not own[0]]
    _review(found, folder / own[0].file, own[0], wheels, others, project, variants)
    return found


def _review(
    found: Found,
    file: Path,
    sdist: Sdist,
    wheels: list[Wheel],
    others: list[Sdist],
    project: Project | None,
    variants: dict[str, Path],
) -> None:
    """Add what is found in a release whose selector package is ``sdist``."""
    try:
        with unpacked(file) as folder:
            shipped = read_folder(folder)
            differing = [*compare_shipped(shipped)]
            compiled = compile_project(shipped)
    except InvalidFileError as error:
        found.problems += [Problem(f"{file.name}: {key}", text) for key, text in error.problems]
        return
    except SelectorError as error:
        found.problems.append(Problem(file.name, str(error)))
        return
    found.problems += [Problem(f"{file.name}: {key}", text) for key, text in differing]
    selector = shipped.selector
    if (canonicalize_name(selector.project), shipped.version) != (sdist.name, sdist.version):
        what = f"belongs to {selector.project} {selector.version}; build it again"
        found.problems.append(Problem(file.name, what))
    if project is not None:
        found.problems += [Problem(file.name, one) for one in _compare(selector, project)]
    python = shipped.metadata.requires_python or SpecifierSet()
    found.release = Release(selector, file.name, wheels, others, python, [*variants])
    found.problems += found.release.review()
    contents = {name: _metadata_of(one) for name, one in variants.items()}
    again = f"write them again: selector-backend variant-wheels {file.name} --outdir ."
    found.problems += [
        Problem(key, f"{text}; {again}")
        for key, text in (review_files(compiled, contents) if contents else ())
    ]
    if strangers := found.release.strangers:
        what = f"belongs to no part of {selector.project}, and is left out of what to upload"
        found.notes += [Problem(one, what) for one in strangers]


def _metadata_of(file: Path) -> bytes:
    """Return the content of variant metadata; of a wheel, nothing."""
    if file.suffix == ".whl" or not file.is_file() or file.stat().st_size > _LARGEST["METADATA"]:
        return b""
    return file.read_bytes()


def _compare(selector: Selector, project: Project) -> Iterator[str]:
    """Yield where an sdist's table is not a project's."""
    theirs = project.selector
    if project.tree is not None:
        # The code's backend, which is not run, says what extras there are, and a dynamic version.
        if theirs.version == "0":
            table, name = dict(project.tree.table), theirs.project
            theirs = parse_selector(table, project=name, version=selector.version)[0] or theirs
        selector, theirs = _without_extras(selector), _without_extras(theirs)
    for one in compare_selectors(selector, theirs):
        yield f"{one}; build it again"


def _without_extras(selector: Selector) -> Selector:
    variants = tuple(replace(one, extras={}) for one in selector.variants)
    return replace(selector, extras=(), variants=variants)


def _is_own(file: Path, sdist: Sdist, project: Project | None) -> bool:
    """Return whether an sdist is the selector package's: the project's, or one with a table."""
    if project is not None:
        return sdist.name == canonicalize_name(project.selector.project)
    if file.stat().st_size > _LARGEST_SDIST:
        return False
    try:
        members = members_of(file.read_bytes())
    except ValueError:  # it is larger than one without code
        return False
    return TABLE_NAME in members or b"[tool.selector]" in members.get("pyproject.toml", b"")


def _read_wheel(file: Path) -> Wheel:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        infos = {one.partition("/")[0] for one in names if one.count("/") == 1}
        folders = sorted(one for one in infos if one.endswith(".dist-info"))
        if len(folders) != 1:
            raise ValueError(
                f"expected one .dist-info folder, found {', '.join(folders) or 'none'}"
            )
        read = {name: _read(archive, f"{folders[0]}/{name}") for name in _LARGEST}
    return parse_wheel(file.name, folders[0], read["METADATA"], read["RECORD"])


def _read(archive: zipfile.ZipFile, path: str) -> bytes:
    largest = _LARGEST[path.rpartition("/")[2]]
    try:
        with archive.open(path) as file:
            content = file.read(largest + 1)
    except KeyError:
        raise ValueError(f"it has no {path}") from None
    if len(content) > largest:
        raise ValueError(f"{path} has more than {largest >> 20} MiB")
    return content


def _read_sdist(file: Path) -> Sdist:
    name, version = parse_sdist_filename(file.name)
    sha256 = hashlib.sha256()
    with tarfile.open(file, "r:gz") as archive:
        archive.next()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            sha256.update(piece)
    return Sdist(file.name, name, version, sha256.hexdigest())
