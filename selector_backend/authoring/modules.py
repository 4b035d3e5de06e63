"""What a build backend takes from the project's name, if nobody says it.

An sdist under a variant's name has the same code, so there it has to be said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..installing.table import normalize

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

# Where these look for the package of a project `spam`.
_HATCHLING = ("{}/__init__.py", "src/{}/__init__.py", "{}.py", "*/{}/__init__.py")
_SCIKIT_BUILD_CORE = ("src/{}/__init__.py", "python/{}/__init__.py", "{}/__init__.py")

# The keys by which hatchling is told what goes into a wheel.
_SELECTING = ("include", "packages", "only-include", "force-include", "bypass-selection")


def name_module(
    pyproject: MutableMapping[str, Any], backend: str, project: str, paths: Collection[str]
) -> None:
    """Write into ``pyproject`` what ``backend`` took from the name ``project``.

    ``paths`` are the files of the sdist.
    """
    module = normalize(project).replace("-", "_")
    root = backend.partition(":")[0].partition(".")[0]
    if root in ("flit_core", "flit"):
        _table(pyproject, "tool", "flit", "module").setdefault("name", module)
    elif root == "uv_build":
        _table(pyproject, "tool", "uv", "build-backend").setdefault("module-name", module)
    elif root == "scikit_build_core":
        found = _first(_SCIKIT_BUILD_CORE, module, paths)
        if found:
            packages = [found.rpartition("/")[0]]
            _table(pyproject, "tool", "scikit-build", "wheel").setdefault("packages", packages)
    elif root == "hatchling":
        build = _table(pyproject, "tool", "hatch", "build")
        wheel = _table(build, "targets", "wheel")
        found = _first(_HATCHLING, module, paths)
        if found and not any(key in table for table in (build, wheel) for key in _SELECTING):
            folder = found.rpartition("/")[0]
            key = "packages" if folder else "only-include"
            wheel[key] = [folder or found]


def _first(patterns: Collection[str], module: str, paths: Collection[str]) -> str | None:
    """Return the first of ``paths`` that a pattern matches; a namespace stands for its package."""
    for pattern in patterns:
        wanted = pattern.format(module)
        if wanted in paths:
            return wanted
        if wanted.startswith("*/"):
            found = [one for one in paths if one.count("/") == 2 and one.endswith(wanted[1:])]
            if len(found) == 1:
                return found[0].partition("/")[0] + "/"
    return None


def _table(data: MutableMapping[str, Any], *names: str) -> MutableMapping[str, Any]:
    """Return the table of that name, made if there is none."""
    for name in names:
        if name not in data:
            data[name] = {}
        data = data[name]
    return data
