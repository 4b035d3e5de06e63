"""Compares what an sdist has compiled with what its ``pyproject.toml`` says."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from .. import __version__
from ..authoring.carried import carried_files
from ..authoring.compile import compile_project
from ..errors import Problem
from ..installing.messages import CARRIED as FOLDER
from ..model.table import TABLE_NAME, NotCompiledError, dump, hash_text, read_compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from ..authoring.project import Project
    from ..model.table import Selector

#: Where a self-contained sdist has its backend, and the file there that has its version.
CARRIED = f"{FOLDER}/selector_backend"
CARRIED_VERSION = f"{CARRIED}/__init__.py"

_BUILD_AGAIN = "build the sdist again: python -m build --sdist"


def compare_shipped(project: Project) -> Iterator[Problem]:
    """Yield where the sdist that ``project`` was read from differs from one that is built now."""
    yield from _compare_compiled(project)
    yield from _compare_carried(project)


def _compare_compiled(project: Project) -> Iterator[Problem]:
    folder = project.folder
    try:
        shipped = read_compiled(folder)
    except NotCompiledError as error:
        yield Problem(TABLE_NAME, f"{error}; so every install compiles it; {_BUILD_AGAIN}")
        return
    now = compile_project(project)
    found = [
        *(Problem(TABLE_NAME, one) for one in compare_selectors(shipped.selector, now.selector)),
        *(
            Problem(TABLE_NAME, f"{name}: {_differ(ours, theirs)}")
            for name, ours, theirs in (
                ("name", shipped.name, now.name),
                ("requires", shipped.requires, now.requires),
                ("license-files", shipped.license_files, now.license_files),
                ("entry-points", shipped.entry_points, now.entry_points),
                ("metadata-version", shipped.metadata_version, now.metadata_version),
            )
            if ours != theirs
        ),
        *(Problem("PKG-INFO", one) for one in _compare_metadata(shipped.pkg_info, now.pkg_info)),
    ]
    yield from found
    backend = json.loads((folder / TABLE_NAME).read_bytes()).get("backend")
    if found and backend != __version__:
        yield Problem(
            TABLE_NAME,
            f"selector-backend {backend} compiled it, and this is {__version__}, "
            "which may be why; compare with that version to be sure",
        )


def compare_selectors(shipped: Selector, now: Selector) -> Iterator[str]:
    """Yield where the table of an sdist differs from the one of a pyproject.toml."""
    here, there = dump(shipped), dump(now)
    yield from _compare_objects("", here, there, but="variants")
    ours, theirs = ({one["name"]: one for one in each["variants"]} for each in (here, there))
    for name in ours.keys() - theirs.keys():
        yield f"variant {name}: the table has it, and pyproject.toml does not"
    for name in theirs.keys() - ours.keys():
        yield f"variant {name}: pyproject.toml has it, and the table does not"
    if ours.keys() == theirs.keys() and [*ours] != [*theirs]:
        order = f"{', '.join(ours)}; pyproject.toml has {', '.join(theirs)}"
        yield f"the order of the variants is {order}"
    for name in ours.keys() & theirs.keys():
        yield from _compare_objects(f"variant {name}: ", ours[name], theirs[name])


def _compare_objects(
    where: str, here: Mapping[str, Any], there: Mapping[str, Any], but: str = ""
) -> Iterator[str]:
    for key in dict.fromkeys((*here, *there)):
        if key != but and here.get(key) != there.get(key):
            yield f"{where}{key}: {_differ(here.get(key), there.get(key))}"


def _differ(here: Any, there: Any) -> str:
    return f"the table says {_text(here)}, pyproject.toml says {_text(there)}"


def _text(value: Any) -> str:
    return "nothing" if value in (None, "", ()) else json.dumps(value, ensure_ascii=False)


def _compare_metadata(shipped: bytes, now: bytes) -> Iterator[str]:
    here, _, body = shipped.decode("utf-8", "replace").partition("\n\n")
    there, _, readme = now.decode("utf-8", "replace").partition("\n\n")
    ours, theirs = here.split("\n"), there.split("\n")
    yield from (f"has {one!r}, which pyproject.toml does not say" for one in _less(ours, theirs))
    yield from (f"lacks {one!r}, which pyproject.toml says" for one in _less(theirs, ours))
    if body != readme:
        yield "has a description that is not the readme"


def _less(lines: Iterable[str], others: Iterable[str]) -> list[str]:
    known = {*others}
    return [one for one in lines if one not in known]


def carried_version(content: bytes) -> str | None:
    """Return the version of a carried backend, by the file `CARRIED_VERSION`, if it says one."""
    found = re.search(rb"(?m)^__version__ = \"([^\"\n]{1,100})\"\r?$", content)
    try:
        return str(Version(found[1].decode())) if found else None
    except (InvalidVersion, UnicodeDecodeError):
        return None


def is_old(version: str | None) -> bool:
    """Return whether a carried backend is older than this one. An unknown one is not."""
    return version is not None and Version(version) < Version(__version__)


def carried_by(folder: Path) -> str | None:
    """Return the version of the backend that the sdist in ``folder`` carries, if it carries one."""
    file = folder / CARRIED_VERSION
    return carried_version(file.read_bytes()) if file.is_file() else None


def _compare_carried(project: Project) -> Iterator[Problem]:
    """Yield what is wrong with the backend that an sdist carries.

    A backend of another version can't be compared with this one; nor can libraries, where the
    readme lists other versions.
    """
    root = project.folder / FOLDER
    if not root.is_dir():
        return
    version = carried_by(project.folder)
    if version is None:
        yield Problem(CARRIED_VERSION, f"does not say which version it is; {_BUILD_AGAIN}")
    elif is_old(version):
        yield Problem(
            CARRIED, f"is selector-backend {version}, and this is {__version__}; {_BUILD_AGAIN}"
        )
    if version != __version__:
        return
    # Those libraries are for this Python; whether for others, too, was settled where it was built.
    python = "==" + ".".join(map(str, sys.version_info[:3]))
    expected = carried_files(project.selector, python, __version__)
    shipped = {
        path.relative_to(project.folder).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    readme = f"{FOLDER}/README.md"
    all_alike = shipped.get(readme, b"").splitlines() == expected[readme].splitlines()
    known = {one.split("/")[1] for one in expected}
    for path in sorted({*expected, *shipped}):
        ours = path.startswith(f"{CARRIED}/")
        if path not in shipped:
            message = "is missing"
        elif path not in expected:
            message = "is not a file that an sdist carries"
        else:
            of = f"of selector-backend {version}" if ours else "that is installed here"
            message = f"is not the file {of}"
            if hash_text(shipped[path]) == hash_text(expected[path]):
                continue
        if ours or all_alike or path.split("/")[1] not in known:
            yield Problem(path, f"{message}; {_BUILD_AGAIN}")
