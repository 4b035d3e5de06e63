"""``selector-backend constraints``: what a selector package's build requires, pinned by hashes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from .. import __version__
from ..authoring import REQUIREMENTS
from ..errors import SelectorError
from .common import FORMAT, JsonOption, UsageError, print_json
from .simple import File, Index, is_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.version import Version

IndexUrlOption = Annotated[
    Optional[str],
    typer.Option(
        "--index-url",
        metavar="URL",
        envvar=["PIP_INDEX_URL", "UV_DEFAULT_INDEX"],
        help="The index that has them, such as https://index.example/simple/.",
    ),
]
LinksOption = Annotated[
    Optional[Path],
    typer.Option("--find-links", metavar="DIR", help="A folder that has them, not an index."),
]
CompilingOption = Annotated[
    bool,
    typer.Option(
        "--compiling", help="Also what compiles a table: for source trees and patched sdists."
    ),
]
AlsoOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--also",
        metavar="REQUIREMENT",
        help="Also pin this, such as setuptools for other packages' builds. May be repeated.",
    ),
]


class _Folder:
    """A folder of distributions, in place of an index."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"--find-links {folder}: there is no such folder")
        self.url = str(folder)
        self._files = [path for path in sorted(folder.iterdir()) if path.is_file()]

    def files(self, project: str) -> list[File]:
        return [
            File(path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
            for path in self._files
            if _project_of(path.name) == canonicalize_name(project)
        ]


def constraints(
    index_url: IndexUrlOption = None,
    find_links: LinksOption = None,
    compiling: CompilingOption = False,
    also: AlsoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what building a selector package requires, pinned, with the hashes of all files.

    The output is a file for --build-constraint of pip and uv. It pins this version of the backend
    and, of each library, the newest version that the backend works with.
    """
    if find_links is not None:
        source: _Folder | Index = _Folder(find_links)
    elif index_url is None:
        raise UsageError("where to look? Give --index-url, or --find-links with a folder")
    elif not is_address(index_url):
        raise UsageError(
            f"--index-url {index_url}: expected an address such as https://index.example/simple/"
        )
    else:
        source = Index(index_url)
    pins, missing = [], []
    for requirement in dict.fromkeys([*_requirements(compiling), *map(_parse, also or ())]):
        found = _newest(requirement, source.files(requirement.name) or ())
        if found is None:
            missing.append(str(requirement))
        else:
            pins.append((requirement, *found))
    if missing:
        raise SelectorError(f"{source.url} has no {', no '.join(missing)}")
    unsure = [one.name for _, _, files in pins for one in files if not one.sha256]
    if unsure:
        raise SelectorError(
            f"{source.url} gives no sha256 of {', '.join(unsure)}; "
            "download them, and give the folder: --find-links DIR"
        )
    if as_json:
        listed = [
            {
                "name": canonicalize_name(requirement.name),
                "version": str(version),
                "marker": str(requirement.marker) if requirement.marker else None,
                "hashes": [f"sha256:{one}" for one in _hashes(files)],
            }
            for requirement, version, files in pins
        ]
        print_json({"format": FORMAT, "constraints": listed})
        return
    for requirement, version, files in pins:
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        pin = f"{canonicalize_name(requirement.name)}=={version}{marker}"
        typer.echo(" \\\n    ".join([pin, *(f"--hash=sha256:{one}" for one in _hashes(files))]))


def _requirements(compiling: bool) -> Iterator[Requirement]:
    yield Requirement(f"selector-backend=={__version__}")
    for text in importlib.metadata.requires("selector-backend") or ():
        requirement = Requirement(text)
        if "extra" not in str(requirement.marker):
            yield requirement
    for requirement in map(Requirement, REQUIREMENTS):
        # `packaging` is what conditions on `installed` take, too; `tomli` is above.
        if requirement.name == "packaging" or (compiling and requirement.name != "tomli"):
            yield requirement


def _parse(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(f"--also {text}: {error}") from None


def _newest(requirement: Requirement, files: Sequence[File]) -> tuple[Version, list[File]] | None:
    """Return the newest version that fits, final if there is one, with its files."""
    versions: dict[Version, list[File]] = {}
    for file in files:
        if (version := file.version) is not None and _runs_here(file):
            versions.setdefault(version, []).append(file)
    fitting = [*requirement.specifier.filter(versions)]
    return (max(fitting), versions[max(fitting)]) if fitting else None


def _runs_here(file: File) -> bool:
    try:
        return SpecifierSet(file.requires_python).contains(platform.python_version(), True)
    except InvalidSpecifier:
        return True  # as for installers


def _hashes(files: Sequence[File]) -> list[str]:
    return sorted({one.sha256 for one in files})


def _project_of(file: str) -> str:
    name = file.partition("-")[0] if file.endswith(".whl") else file.rpartition("-")[0]
    return canonicalize_name(name)
