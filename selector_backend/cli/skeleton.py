"""The files of a new selector package with its core and its variants, and of a new tree.

`init` makes a `NewProject` of its arguments, and writes what `files` or `tree_files` returns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from .. import __version__
from ..authoring.keys import default_variable
from ..authoring.platforms import cpu_names
from ..authoring.tree import BACKEND
from ..checking.vocabulary import conforming, major_of, oldest_gpu
from ..model.backend import bounded
from ..model.markers import normalize, normalize_name
from ..model.table import REQUIREMENT

VERSION = "0.1"
#: The suffix of core's name; no variant can have it.
CORE = "core"

#: The libraries of MPI's two ABIs on Linux.
_MPI = {"openmpi": "libmpi.so.40", "mpich": "libmpi.so.12"}
#: Usual names of the build that runs everywhere.
_EVERYWHERE = ("cpu", "generic", "default", "baseline")
# Without a separator, a major version that begins with 1 or 2 has two digits.
_CUDA = re.compile(r"cu(?:da)?-?([12]\d|[7-9])-?(1\d|\d)?x?")
_ROCM = re.compile(r"rocm-?([12]\d|[1-9])-?(1\d|\d)?x?")
# A target, or all of a family, as AMD names it: gfx94x.
_GFX = re.compile(r"(gfx(?:[6-9]|1\d)\d)([0-9a-f]|x)")
_LEVEL = re.compile(r"(?:x86-64-)?(v[234])")


@dataclass(frozen=True)
class NewVariant:
    """A variant to write: its name and its ``when`` table, empty if it fits every machine."""

    name: str
    when: Mapping[str, Any]

    @property
    def conform(self) -> dict[str, str]:
        """Its ``conform`` table: major versions of CUDA and ROCm, whose libraries don't mix."""
        agreed = {}
        for fact, asked in self.when.items():
            name, major = conforming(fact), major_of(asked) if isinstance(asked, str) else None
            if name and major:
                agreed[name] = major
        return agreed

    @property
    def fits(self) -> str:
        """Where it fits, as text for the README."""
        if not self.when:
            return "every machine"
        return ", ".join(f"{fact} {str(asked).lower()}" for fact, asked in self.when.items())


@dataclass(frozen=True)
class NewProject:
    """A selector package to write."""

    name: str
    kind: str
    variants: Sequence[NewVariant]
    import_name: str = ""

    @property
    def stem(self) -> str:
        """The name as in names of Python modules."""
        return normalize(self.name).replace("-", "_")

    @property
    def variable(self) -> str:
        """The variable that forces a variant."""
        return default_variable(self.name)

    @property
    def package(self) -> str:
        """The package of core, which users import."""
        return self.import_name or f"{self.stem}_{CORE}"

    def module(self, variant: NewVariant) -> str:
        """Return the module of a variant; no other variant has the same."""
        return f"_{self.stem}_{normalize(variant.name).replace('-', '_')}"

    @property
    def folders(self) -> list[str]:
        """The folders of all the distributions: spam, core, and the variants in their order."""
        parts = [CORE, *(variant.name for variant in self.variants)]
        return [self.name, *(f"{self.name}-{part}" for part in parts)]


def known_condition(name: str) -> dict[str, Any] | None:
    """Return the condition that a variant's name implies, ``None`` if it implies none.

    ``cu12`` and ``cuda12x`` are any CUDA since 12.0, ``cu118`` any since 11.8, with a GPU that this
    CUDA has code for; ``rocm7`` is ROCm 7 with a GPU, ``rocm714`` that since 7.14; ``gfx942`` is
    that GPU, and ``gfx94x`` any of its family; ``xpu`` is a GPU of Intel's; ``openmpi`` and
    ``mpich`` are that MPI's library under Linux; ``x86-64-v3``, ``zen3`` and ``avx2`` are CPUs that
    archspec knows; ``cpu`` is every machine.
    """
    key = normalize(name)
    if key in _EVERYWHERE:
        return {}
    if key == "xpu":
        return {"xpu": True}
    if match := _CUDA.fullmatch(key):
        oldest = oldest_gpu(int(match[1]))
        least = ".".join(filter(None, match.groups()))
        return {"cuda": f">={least}", "compute-capability": f">={oldest}"}
    if match := _ROCM.fullmatch(key):
        major, minor = match.groups()
        least = ".".join(filter(None, (major, minor)))
        return {"rocm": f">={least},<{int(major) + 1}", "gfx": True}
    if match := _GFX.fullmatch(key):
        return {"gfx": match[1] + match[2].replace("x", "*")}
    if key in _MPI:
        return {"library": _MPI[key]}
    if match := _LEVEL.fullmatch(key):
        return {"cpu": f"x86_64_{match.group(1)}"}
    cpu = normalize_name(name)
    return {"cpu": cpu} if cpu in cpu_names() else None


def files(project: NewProject) -> dict[str, str]:
    """Return the texts of all files, by their paths in the target folder."""
    name, core, package = project.name, f"{project.name}-{CORE}", project.package
    on_cpu = any("cpu" in variant.when for variant in project.variants)
    runtime = "selector-runtime[cpu]" if on_cpu else "selector-runtime"
    modules = {variant.name: project.module(variant) for variant in project.variants}
    lines = (f"        {json.dumps(key)}: {json.dumps(value)},\n" for key, value in modules.items())
    texts = {
        f"{name}/pyproject.toml": _pyproject(
            name,
            f"Chooses the {name} that works on the machine that installs it",
            [bounded(__version__)],
            "selector_backend",
            'readme = "README.md"\ndynamic = ["dependencies"]\n',
            table(project, kind=project.kind, requires=[f"{core}=={{version}}"]),
        ),
        f"{name}/README.md": _readme(project),
        f"{core}/pyproject.toml": _pyproject(
            core,
            f"The part of {name} that is the same on every machine",
            [_FLIT],
            _FLIT_BACKEND,
            f'dependencies = ["{runtime}>=0.1"]\nimport-names = ["{package}"]\n',
            _module(package),
        ),
        f"{core}/{package}/__init__.py": Template(_CORE + _DOT).substitute(
            name=name, modules="".join(lines), result="_implementation.dot(a, b)"
        ),
        f"{core}/{package}/py.typed": "",
    }
    for variant, module in modules.items():
        folder = f"{name}-{variant}"
        texts[f"{folder}/pyproject.toml"] = _ANY_BACKEND + _pyproject(
            folder,
            f"The variant {variant} of {name}",
            [_FLIT],
            _FLIT_BACKEND,
            f'dependencies = ["{core}=={VERSION}"]\nimport-names = ["{module}; private"]\n',
            _module(module),
        )
        texts[f"{folder}/{module}.py"] = Template(_VARIANT).substitute(name=name, variant=variant)
    return texts


def _pyproject(
    name: str, description: str, requires: Sequence[str], backend: str, more: str, tools: str
) -> str:
    """Return a ``pyproject.toml``, with ``more`` keys of ``[project]``, and other tables."""
    return f"""\
[build-system]
requires = {as_toml([*requires])}
build-backend = "{backend}"

[project]
name = "{name}"
version = "{VERSION}"
description = "{description}"
requires-python = ">=3.9"
{more}
{tools}
"""


def _module(name: str) -> str:
    return f'[tool.flit.module]\nname = "{name}"'


def table(project: NewProject, **first: object) -> str:
    """Return the selector table in TOML; ``first`` are its first keys."""
    lines = ["[tool.selector]"]
    lines += [f"{key} = {as_toml(value)}" for key, value in first.items()]
    rows = (_row(variant, project.kind) for variant in project.variants)
    return "\n\n".join(["\n".join(lines), *rows])


def _row(variant: NewVariant, kind: str) -> str:
    """Return a variant's row of the table, in TOML."""
    lines = ["[[tool.selector.variant]]", f"name = {as_toml(variant.name)}"]
    if variant.when:
        lines.append(f"when = {as_toml(variant.when)}")
    if variant.conform and kind == REQUIREMENT:
        lines.append(f"conform = {as_toml(variant.conform)}")
    return "\n".join(lines)


def as_toml(value: Any) -> str:
    """Return a value in TOML, in one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{as_key(key)} = {as_toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    # JSON is TOML here, except for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_key(key: str) -> str:
    """Return a key in TOML."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else as_toml(key)


# --- A tree

#: What a tree requires of this backend.
OWN_REQUIREMENT = bounded(__version__, "[tree]")


def tree_files(project: NewProject) -> dict[str, str]:
    """Return the texts of all files of a new tree, by their paths in it."""
    name, stem = project.name, project.stem
    return {
        "pyproject.toml": _pyproject(
            name,
            f"{name}, built for each kind of machine",
            [OWN_REQUIREMENT, _FLIT],
            BACKEND,
            'readme = "README.md"\ndependencies = []\n',
            f"{_module(stem)}\n\n{table(project, backend=_FLIT_BACKEND)}",
        ),
        "README.md": _readme(project),
        f"src/{stem}/__init__.py": Template(_TREE_CODE + _DOT).substitute(name=name, result=_SUM),
        f"src/{stem}/py.typed": "",
    }


def _readme(project: NewProject) -> str:
    rows = (f"| `{variant.name}` | {variant.fits} |\n" for variant in project.variants)
    return Template(_README).substitute(
        name=project.name,
        rows="".join(rows),
        last=project.variants[-1].name,
        variable=project.variable,
    )


# --- The texts

_FLIT, _FLIT_BACKEND = "flit_core>=4.0.1,<5", "flit_core.buildapi"

_README = """\
# $name

`pip install $name` installs the variant that works on the machine, the first of these:

| variant | fits |
|---|---|
$rows
To get a certain one, name it: `$variable=$last pip install $name`.
"""

_ANY_BACKEND = """\
# Any backend will do here: one that compiles takes flit_core's place. One that does not know
# `import-names` (PEP 794) stops at it: leave it out.
"""

_CORE = '''\
"""The part of $name that is the same on every machine.

What differs is in the variants, each a module of its own in a distribution of its own.
"""

from collections.abc import Sequence
from typing import Protocol, cast

from selector_runtime import load, selected

__all__ = ["dot", "variant"]


class _Implementation(Protocol):
    """What the module of each variant offers."""

    def dot(self, a: Sequence[float], b: Sequence[float]) -> float: ...


# The best first: the first that is installed and works is used.
_module = load(
    "$name",
    {
$modules    },
    initialize="initialize",
)
_implementation = cast("_Implementation", _module)
variant = selected("$name")
'''

_TREE_CODE = '''\
"""$name, the same in each variant, except for what is built for it."""

from collections.abc import Sequence

__all__ = ["dot"]
'''

_DOT = '''

def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors of the same length."""
    if len(a) != len(b):
        raise ValueError(f"the vectors differ in length: {len(a)} and {len(b)}")
    return $result
'''

_SUM = "sum(x * y for x, y in zip(a, b))"

_VARIANT = '''\
"""The variant $variant of $name."""

from collections.abc import Sequence


def initialize() -> None:
    """Raise an exception where this variant cannot run, such as where it finds no device."""


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors of the same length."""
    return sum(x * y for x, y in zip(a, b))
'''
