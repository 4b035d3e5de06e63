"""Renames the code's sdist to a variant, which installers build where no wheel fits.

Only the inner backend is needed to build it: its ``pyproject.toml`` has no trace of a tree. All
other files but ``PKG-INFO`` stay the same, to the byte.
"""

from __future__ import annotations

import copy
import gzip
import io
import tarfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..authoring import toml
from ..authoring.editing import edit_pyproject
from ..authoring.toml import table_of
from ..authoring.tree import Tree
from ..errors import SelectorError
from ..installing.files import replacing
from ..model.markers import distribution_of, normalize
from .renaming import Renaming

_OURS = "selector-backend"
_PYPROJECT, _PKG_INFO = "pyproject.toml", "PKG-INFO"


def rename_sdist(sdist: Path, folder: Path, renaming: Renaming, tree: Tree) -> str:
    """Write ``sdist`` under its new name into ``folder``. Returns the file's name.

    Raises `SelectorError` if it is not an sdist of the project, or the variant's requirements
    cannot be written into it; then nothing is written.
    """
    stem = sdist.name.removesuffix(".tar.gz")
    name, _, version = stem.rpartition("-")
    renaming.check_name(name, sdist.name)
    new_stem = f"{renaming.stem}-{version}"
    target = folder / f"{new_stem}.tar.gz"
    try:
        with tarfile.open(sdist, "r:gz") as old, replacing(target) as file:
            paths = {_path(member, stem) for member in old.getmembers()}
            if not {_PYPROJECT, _PKG_INFO} <= paths:
                raise tarfile.ReadError(f"it has no {_PYPROJECT}, or no {_PKG_INFO}")
            pkg_info = _read(old, f"{stem}/{_PKG_INFO}")
            pyproject = _read(old, f"{stem}/{_PYPROJECT}")
            data = toml.loads(pyproject.decode("utf-8"))
            _check_static(data["project"], renaming, version, pkg_info)
            changes = _changes(data, renaming, tree, version, paths)
            changed = {
                _PKG_INFO: renaming.metadata(pkg_info, sdist.name),
                _PYPROJECT: edit_pyproject(pyproject, changes, without="selector"),
            }
            with (
                Path(file).open("wb") as raw,
                gzip.GzipFile(
                    filename="", fileobj=raw, mode="wb", mtime=_time(sdist)
                ) as compressed,
                tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as new,
            ):
                for member in old:
                    _copy(old, member, new, stem, new_stem, changed)
    except (tarfile.TarError, EOFError, zlib.error, UnicodeError) as error:
        raise SelectorError(f"{sdist.name} is not an sdist that can be renamed: {error}") from None
    return target.name


def read_from_sdist(sdist: Path, path: str) -> bytes:
    """Return a file of an sdist; its path is relative to the sdist's folder."""
    with tarfile.open(sdist, "r:gz") as archive:
        return _read(archive, f"{sdist.name.removesuffix('.tar.gz')}/{path}")


def _path(member: tarfile.TarInfo, stem: str) -> str:
    """Return the path of a member, relative to the sdist's folder."""
    first, _, path = member.name.partition("/")
    if first != stem:
        raise tarfile.ReadError(f"it has {member.name!r} outside of {stem}/")
    return path


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise tarfile.ReadError(f"{name} is no file")
    return file.read()


def _copy(
    old: tarfile.TarFile,
    member: tarfile.TarInfo,
    new: tarfile.TarFile,
    stem: str,
    new_stem: str,
    changed: dict[str, bytes],
) -> None:
    path = _path(member, stem)
    moved = copy.copy(member)
    moved.name = f"{new_stem}/{path}" if path else new_stem
    # `tarfile` writes long names again.
    moved.pax_headers = {
        key: value for key, value in member.pax_headers.items() if key not in ("path", "linkpath")
    }
    if member.islnk():
        moved.linkname = member.linkname.replace(stem, new_stem, 1)
    if path in changed:
        moved.size = len(changed[path])
        moved.pax_headers.pop("size", None)
        new.addfile(moved, io.BytesIO(changed[path]))
    else:
        new.addfile(moved, old.extractfile(member) if member.isreg() else None)


def _time(sdist: Path) -> int:
    """Return the time in the header of a gzip file."""
    with sdist.open("rb") as file:
        return int.from_bytes(file.read(8)[4:], "little")


def _changes(
    data: Mapping[str, Any],
    renaming: Renaming,
    tree: Tree,
    version: str,
    paths: Collection[str],
) -> dict[str, dict[str, Any]]:
    """Return the changes, by table, from a tree's ``pyproject.toml`` to that of the code alone."""
    project = data["project"]
    system: dict[str, Any] = {
        "requires": [text for text in tree.requires if distribution_of(text) != _OURS],
        "build-backend": tree.backend,
    }
    if tree.backend_path:
        system["backend-path"] = [*tree.backend_path]
    wanted = [*map(renaming.required, project.get("dependencies", []))]
    wanted += [text for text in renaming.added(version) if text not in wanted]
    extras = {
        extra: [*map(renaming.required, requirements)]
        for extra, requirements in project.get("optional-dependencies", {}).items()
    }
    changes: dict[str, dict[str, Any]] = {
        "build-system": system,
        "project": {"name": renaming.name, **({"dependencies": wanted} if wanted else {})},
        "project.optional-dependencies": extras,
        **name_module(data, tree.backend, renaming.project, paths),
    }
    return {table: values for table, values in changes.items() if values}


def _check_static(
    project: Mapping[str, Any], renaming: Renaming, version: str, pkg_info: bytes
) -> None:
    """Raise `SelectorError` if a dynamic field would have to change."""
    dynamic = project.get("dynamic", [])
    if "dependencies" in dynamic and renaming.dependencies:
        raise SelectorError(
            f"an sdist of {renaming.name} also requires {', '.join(renaming.added(version))}, "
            "which cannot be written into it: project.dependencies is dynamic. Write them there"
        )
    if {"dependencies", "optional-dependencies"} & {*dynamic}:
        for line in pkg_info.partition(b"\n\n")[0].decode("utf-8", "replace").splitlines():
            key, _, requirement = line.partition(":")
            if key.lower() == "requires-dist" and renaming.is_of(
                distribution_of(requirement.strip())
            ):
                raise SelectorError(
                    f"{renaming.project} requires {requirement.strip()!r}, itself, which would be "
                    f"{renaming.name} in this sdist, and cannot be written into it: it is dynamic. "
                    "Write it in [project]"
                )


# --- What a build backend takes from the project's name
#
# The code is the same under a variant's name, so its module has to be written down.

# Where these backends look for a project's package.
_HATCHLING = ("{}/__init__.py", "src/{}/__init__.py", "{}.py")
_POETRY = ("{}/__init__.py", "{}.py", "src/{}/__init__.py", "src/{}.py")
_SCIKIT_BUILD_CORE = ("src/{}/__init__.py", "python/{}/__init__.py", "{}/__init__.py")

# The keys that tell hatchling what goes into a wheel.
_SELECTING = ("include", "packages", "only-include", "force-include", "bypass-selection")


def name_module(
    pyproject: Mapping[str, Any], backend: str, project: str, paths: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return the keys, by table, that name the module which ``backend`` now finds by ``project``.

    ``paths`` are the files of the sdist.
    """
    module = normalize(project).replace("-", "_")
    root = backend.partition(":")[0].partition(".")[0]
    table, values = "", dict[str, Any]()
    if root in ("flit_core", "flit"):
        table, values = "tool.flit.module", {"name": module}
    elif root == "uv_build":
        table, values = "tool.uv.build-backend", {"module-name": module}
    elif root == "poetry":
        if path := _first(_POETRY, module, paths):
            package = {"include": path.removeprefix("src/").removesuffix("/__init__.py")}
            if path.startswith("src/"):
                package["from"] = "src"
            table, values = "tool.poetry", {"packages": [package]}
    elif root == "scikit_build_core":
        if path := _first(_SCIKIT_BUILD_CORE, module, paths):
            table, values = "tool.scikit-build.wheel", {"packages": [path.rpartition("/")[0]]}
    elif root == "hatchling":
        path = _first(_HATCHLING, module, paths)
        build = table_of(pyproject, "tool.hatch.build")
        wheel = table_of(build, "targets.wheel")
        if path and not any(key in own for own in (build, wheel) for key in _SELECTING):
            folder = path.rpartition("/")[0]
            values = {"packages": [folder]} if folder else {"only-include": [path]}
            table = "tool.hatch.build.targets.wheel"
    current = table_of(pyproject, table)
    missing = {key: value for key, value in values.items() if key not in current}
    return {table: missing} if missing else {}


def _first(patterns: Collection[str], module: str, paths: Collection[str]) -> str | None:
    candidates = (pattern.format(module) for pattern in patterns)
    return next((path for path in candidates if path in paths), None)
