"""Compares an sdist with the one that is built from its ``pyproject.toml``."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from ..authoring import toml
from ..authoring.project import Project
from ..authoring.sdist import sdist_files, tar_of
from ..errors import SelectorError
from ..installing.shell import show_command
from ..model.backend import CARRIED as FOLDER
from ..model.markers import NAME_FORMAT, VERSION_FORMAT, distribution_of, normalize, quoted
from ..model.problems import Problem
from ..model.table import TABLE_NAME, NotCompiledError, read_compiled
from . import archives
from .archives import files_of

#: The file of a self-contained sdist that has the version of its backend.
CARRIED_VERSION = f"{FOLDER}/selector_backend/__init__.py"

_BACKEND, _PYPROJECT = "selector-backend", "pyproject.toml"
_BUILD_AGAIN = "build the sdist again: python -m build --sdist"
# Keys that are computed from other files.
_HASHES = ("sha256", "pkg-info", "pyproject")


def compare_shipped(project: Project, file: Path, backend: str) -> Iterator[Problem]:
    """Yield how the sdist ``file`` differs from one that is built from ``project``, read from it.

    Compares members, their order and their content. ``backend`` is our own version.
    """
    packed = file.read_bytes()
    shipped = files_of(packed)
    system = toml.loads(shipped[_PYPROJECT].decode()).get("build-system", {})
    own = project.self_contained or "backend-path" not in system
    if project.tree is not None or system.get("build-backend") != "selector_backend" or not own:
        yield Problem(_PYPROJECT, "[build-system] names another backend than selector_backend")
        return
    if command := _command(shipped, file.name, backend):
        what = f"could not be compared: other versions built it. To compare it: {command}"
        yield Problem(file.name, what)
        return
    try:
        made = sdist_files(project, backend)
    except SelectorError as error:
        yield Problem(file.name, f"could not be compared: {error}")
        return
    different = [path for path in sorted({*made, *shipped}) if made.get(path) != shipped.get(path)]
    try:
        read_compiled(project.folder)
    except NotCompiledError as error:
        yield Problem(TABLE_NAME, f"{error}; so every install compiles it; {_BUILD_AGAIN}")
        different = [path for path in different if path != TABLE_NAME]
    for path in different:
        texts = _differences(path, shipped.get(path), made.get(path))
        if different == [path]:
            texts = texts or [_first_line(shipped[path], made[path])]
        for text in texts:
            yield Problem(path, f"{text}; {_BUILD_AGAIN}")
    tar = archives.tar_of(packed)
    time = archives.members_of(tar)[0][0].mtime
    if made == shipped and tar != tar_of(project.stem, shipped, time):
        what = "is not packed as selector-backend does it: order, folder, modes, dates or more data"
        yield Problem(file.name, f"{what}; {_BUILD_AGAIN}")


def _command(shipped: Mapping[str, bytes], name: str, backend: str) -> str | None:
    """Return the command that compares an sdist, if other versions than these built it."""
    try:
        built_by = json.loads(shipped[TABLE_NAME])["backend"]
    except (LookupError, ValueError, TypeError, RecursionError):
        built_by = None
    if not isinstance(built_by, str) or not re.fullmatch(VERSION_FORMAT, built_by):
        built_by = backend  # so the tables differ
    # An unknown name is not put into a command that would install it.
    known = {*map(distribution_of, importlib.metadata.requires(_BACKEND) or ())} - {_BACKEND}
    rows = rf"(?m)^\| ({NAME_FORMAT}) \| ({VERSION_FORMAT}) \|"
    carried = re.findall(rows, shipped.get(f"{FOLDER}/README.md", b"").decode("utf-8", "replace"))
    others = [
        argument
        for library, version in carried
        if normalize(library) in known and _installed(library) != version
        for argument in ("--with", f"{library}=={version}")
    ]
    if built_by == backend and not others:
        return None
    start = ["uvx", "--from", f"{_BACKEND}[cli]=={built_by}", *others]
    return show_command([*start, _BACKEND, "check", name])


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _differences(path: str, shipped: bytes | None, made: bytes | None) -> list[str]:
    """Return the differences in a file: keys of a table, except hashes; else the first line."""
    if shipped is None or made is None:
        return ["is missing" if shipped is None else "is not a file that an sdist carries"]
    if path != TABLE_NAME:
        return [_first_line(shipped, made)]
    tables = [json.loads(content) for content in (shipped, made)]
    selectors = [table.pop("selector") for table in tables]
    for table in tables:
        table.update(dict.fromkeys(_HASHES))
    return [*compare_tables(*selectors), *compare_tables(*tables)]


def _first_line(shipped: bytes, made: bytes) -> str:
    """Return the first line that differs, as a message."""
    lines = (content.decode("utf-8", "replace").split("\n") for content in (shipped, made))
    for number, pair in enumerate(itertools.zip_longest(*lines), 1):
        if pair[0] != pair[1]:
            lines_shown = ("missing" if line is None else quoted(line) for line in pair)
            return "line {} is {}; pyproject.toml makes it {}".format(number, *lines_shown)
    return "is not UTF-8"


def compare_tables(shipped: Any, expected: Any, where: str = "") -> Iterator[str]:
    """Yield how two compiled tables differ: an sdist's, and its ``pyproject.toml``'s, as JSON."""
    if isinstance(shipped, dict) and isinstance(expected, dict):
        for key in dict.fromkeys((*shipped, *expected)):
            yield from compare_tables(shipped.get(key), expected.get(key), f"{where}{key}: ")
    elif (names := _names(shipped)) and names == _names(expected):
        for name, ours, theirs in zip(names, shipped, expected):
            yield from compare_tables(ours, theirs, f"variant {name}: ")
    elif shipped != expected:
        ours, theirs = (_text(_names(table) or table) for table in (shipped, expected))
        yield f"{where}the table says {ours}, pyproject.toml says {theirs}"


def _names(value: Any) -> list[str]:
    """Return the names in a list of variants; none for any other value."""
    listed = value if isinstance(value, list) else []
    return [row["name"] for row in listed if isinstance(row, dict) and "name" in row]


def _text(value: Any) -> str:
    return "nothing" if value in (None, "", ()) else json.dumps(value, ensure_ascii=False)


def carried_version(content: bytes) -> str | None:
    """Return the version of a carried backend, by the file `CARRIED_VERSION`, if it says one."""
    match = re.search(rb"(?m)^__version__ = \"([^\"\n]{1,100})\"\r?$", content)
    try:
        return str(Version(match[1].decode())) if match else None
    except (InvalidVersion, UnicodeDecodeError):
        return None


def carried_by(folder: Path) -> str | None:
    """Return the version of the backend that the sdist in ``folder`` carries, if it carries one."""
    file = folder / CARRIED_VERSION
    return carried_version(file.read_bytes()) if file.is_file() else None
