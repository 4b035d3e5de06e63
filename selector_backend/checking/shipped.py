"""Compares what an sdist has compiled with what its ``pyproject.toml`` says."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from ..authoring.carried import carried_files
from ..authoring.compile import compile_project
from ..errors import Problem
from ..installing.messages import CARRIED as FOLDER
from ..model.table import TABLE_NAME, Compiled, NotCompiledError, dump, hash_text, read_compiled
from ..model.values import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ..authoring.project import Project
    from ..model.table import Selector

#: Where a self-contained sdist has its backend, and the file there that has its version.
CARRIED = f"{FOLDER}/selector_backend"
CARRIED_VERSION = f"{CARRIED}/__init__.py"

_BUILD_AGAIN = "build the sdist again: python -m build --sdist"


def compare_shipped(project: Project, backend: str) -> Iterator[Problem]:
    """Yield where the sdist that ``project`` was read from differs from one that is built now.

    ``backend`` is our own version.
    """
    yield from _compare_compiled(project, backend)
    yield from _compare_carried(project, backend)


def _compare_compiled(project: Project, backend: str) -> Iterator[Problem]:
    folder = project.folder
    try:
        shipped = read_compiled(folder)
    except NotCompiledError as error:
        yield Problem(TABLE_NAME, f"{error}; so every install compiles it; {_BUILD_AGAIN}")
        return
    now = compile_project(project)
    different = [*compare_selectors(shipped.selector, now.selector)]
    for name in fields_of(Compiled):
        ours, theirs = getattr(shipped, name), getattr(now, name)
        if name not in ("selector", "pkg_info") and ours != theirs:
            different.append(f"{name.replace('_', '-')}: {_differ(ours, theirs)}")
    problems = [
        *(Problem(TABLE_NAME, one) for one in different),
        *(Problem("PKG-INFO", one) for one in _compare_metadata(shipped.pkg_info, now.pkg_info)),
    ]
    yield from problems
    compiler = json.loads((folder / TABLE_NAME).read_bytes()).get("backend")
    if problems and compiler != backend:
        yield Problem(
            TABLE_NAME,
            f"selector-backend {compiler} compiled it, and this is {backend}, "
            "which may be why; compare with that version to be sure",
        )


def compare_selectors(shipped: Selector, now: Selector) -> Iterator[str]:
    """Yield where the table of an sdist differs from the one of a pyproject.toml."""
    here, there = dump(shipped), dump(now)
    ours, theirs = ({one["name"]: one for one in each["variants"]} for each in (here, there))
    pairs = [("", {**here, "variants": [*ours]}, {**there, "variants": [*theirs]})]
    pairs += [(f"variant {name}: ", ours[name], theirs[name]) for name in ours if name in theirs]
    for where, mine, other in pairs:
        for key in dict.fromkeys((*mine, *other)):
            if mine.get(key) != other.get(key):
                yield f"{where}{key}: {_differ(mine.get(key), other.get(key))}"


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


def is_old(version: str | None, backend: str) -> bool:
    """Return whether a carried backend is older than ``backend``. An unknown one is not."""
    return version is not None and Version(version) < Version(backend)


def carried_by(folder: Path) -> str | None:
    """Return the version of the backend that the sdist in ``folder`` carries, if it carries one."""
    file = folder / CARRIED_VERSION
    return carried_version(file.read_bytes()) if file.is_file() else None


def _compare_carried(project: Project, backend: str) -> Iterator[Problem]:
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
    elif is_old(version, backend):
        message = f"is selector-backend {version}, and this is {backend}; {_BUILD_AGAIN}"
        yield Problem(CARRIED, message)
    if version != backend:
        return
    # Those libraries are for this Python; whether for others, too, was settled where it was built.
    python = "==" + ".".join(map(str, sys.version_info[:3]))
    carried = carried_files(project.selector, python, backend)
    expected = {path: hash_text(content) for path, content in carried.items()}
    shipped = {
        path.relative_to(project.folder).as_posix(): hash_text(path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }
    readme = f"{FOLDER}/README.md"
    libraries = {path.split("/")[1] for path in expected if not path.startswith(f"{CARRIED}/")}
    if shipped.get(readme) == expected[readme]:
        libraries.clear()
    for path in sorted({*expected, *shipped}):
        here, there = (files.get(path) for files in (shipped, expected))
        if path.split("/")[1] in libraries or here == there:
            continue
        ours = path.startswith(f"{CARRIED}/")
        of = f"of selector-backend {version}" if ours else "that is installed here"
        message = "is missing" if here is None else f"is not the file {of}"
        message = "is not a file that an sdist carries" if there is None else message
        yield Problem(path, f"{message}; {_BUILD_AGAIN}")
