"""What a build backend takes from the project's name, if nobody says it.

An sdist under a variant's name has the same code, so there it has to be said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..authoring.toml import table_of
from ..model.markers import normalize

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Where these look for the package of a project `spam`.
_HATCHLING = ("{}/__init__.py", "src/{}/__init__.py", "{}.py")
_POETRY = ("{}/__init__.py", "{}.py", "src/{}/__init__.py", "src/{}.py")
_SCIKIT_BUILD_CORE = ("src/{}/__init__.py", "python/{}/__init__.py", "{}/__init__.py")

# The keys by which hatchling is told what goes into a wheel.
_SELECTING = ("include", "packages", "only-include", "force-include", "bypass-selection")


def name_module(
    pyproject: Mapping[str, Any], backend: str, project: str, paths: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return what to write into a ``pyproject.toml``, by table, for what follows from ``project``.

    That is the name from which ``backend`` takes it now. ``paths`` are the files of the sdist.
    """
    module = normalize(project).replace("-", "_")
    root = backend.partition(":")[0].partition(".")[0]
    table, values = "", dict[str, Any]()
    if root in ("flit_core", "flit"):
        table, values = "tool.flit.module", {"name": module}
    elif root == "uv_build":
        table, values = "tool.uv.build-backend", {"module-name": module}
    elif root == "poetry":
        if found := _first(_POETRY, module, paths):
            package = {"include": found.removeprefix("src/").removesuffix("/__init__.py")}
            if found.startswith("src/"):
                package["from"] = "src"
            table, values = "tool.poetry", {"packages": [package]}
    elif root == "scikit_build_core":
        if found := _first(_SCIKIT_BUILD_CORE, module, paths):
            table, values = "tool.scikit-build.wheel", {"packages": [found.rpartition("/")[0]]}
    elif root == "hatchling":
        found = _first(_HATCHLING, module, paths)
        build = table_of(pyproject, "tool.hatch.build")
        wheel = table_of(build, "targets.wheel")
        if found and not any(key in given for given in (build, wheel) for key in _SELECTING):
            folder = found.rpartition("/")[0]
            values = {"packages": [folder]} if folder else {"only-include": [found]}
            table = "tool.hatch.build.targets.wheel"
    given = table_of(pyproject, table)
    missing = {key: value for key, value in values.items() if key not in given}
    return {table: missing} if missing else {}


def _first(patterns: Collection[str], module: str, paths: Collection[str]) -> str | None:
    return next((one for one in (each.format(module) for each in patterns) if one in paths), None)
