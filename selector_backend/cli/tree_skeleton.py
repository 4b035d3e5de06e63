"""The files of a new tree: one project for the code, its variants and the selector package."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

import tomlkit

from .. import __version__
from ..installing.messages import bounded
from ..trees.modules import name_module
from .skeleton import table

if TYPE_CHECKING:
    from .skeleton import NewProject

#: What can build the code of a new tree: what it requires, and its hooks.
BACKENDS = {
    "flit_core": ("flit_core>=3.11,<5", "flit_core.buildapi"),
    "setuptools": ("setuptools>=77", "setuptools.build_meta"),
    "hatchling": ("hatchling>=1.26", "hatchling.build"),
}


def own_requirement() -> str:
    """Return what a tree requires of this backend."""
    return bounded(__version__, "[tree]")


def tree_files(project: NewProject, backend: str) -> dict[str, str]:
    """Return the texts of all files, by their paths in the tree; ``backend`` is of `BACKENDS`."""
    requires, hooks = BACKENDS[backend]
    package = f"src/{project.stem}/__init__.py"
    module = name_module({}, hooks, project.name, [package])
    values = {
        "name": project.name,
        "stem": project.stem,
        "version": project.version,
        "backend": own_requirement(),
        "inner": requires,
        "table": table(project, backend=hooks),
        "module": "".join(f"\n[{key}]\n{tomlkit.dumps(one)}" for key, one in module.items()),
        "rows": "".join(f"| `{one.name}` | {one.fits} |\n" for one in project.variants),
        "builds": "".join(
            f"$ python -m build --wheel -C build-variant={one.name}\n" for one in project.variants
        ),
        "last": project.variants[-1].name,
        "variable": project.variable,
    }
    files = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
        package: _CODE,
        f"src/{project.stem}/py.typed": "",
        ".gitignore": _IGNORED,
    }
    return {path: Template(text).substitute(values) for path, text in files.items()}


_PYPROJECT = """\
[build-system]
requires = ["$backend", "$inner"]
build-backend = "selector_backend.variant"

[project]
name = "$name"
version = "$version"
description = "$name, built for each kind of machine"
readme = "README.md"
requires-python = ">=3.9"
dependencies = []
$module
$table
"""

_README = """\
# $name

`pip install $name` installs the variant that works on the machine, the first of these:

| variant | fits |
|---|---|
$rows
To get a certain one, name it: `$variable=$last pip install $name`.

A release is the wheels of all variants, then the sdist:

```console
${builds}$$ python -m build --sdist
```
"""

_CODE = '''\
"""$name, the same in each variant, except for what is built for it."""

from collections.abc import Sequence

__all__ = ["dot"]


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors of the same length."""
    if len(a) != len(b):
        raise ValueError(f"the vectors differ in length: {len(a)} and {len(b)}")
    return sum(x * y for x, y in zip(a, b))
'''

_IGNORED = """\
build/
dist/
*.egg-info/
__pycache__/
"""
