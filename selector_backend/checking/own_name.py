"""Where a tree's code asks for the distribution `spam`: with spam-cu12 alone, there is none.

The source is text here: nothing of it is run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.markers import normalize
from .loads import nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What takes a distribution's name, by module. `importlib.resources.files` takes a package's.
_METADATA = ("distribution", "files", "metadata", "requires", "version")
_FUNCTIONS = {
    "importlib.metadata": _METADATA,
    "importlib_metadata": _METADATA,
    "pkg_resources": ("get_distribution", "require"),
}
_CAUGHT = {
    *("PackageNotFoundError", "DistributionNotFound", "ModuleNotFoundError", "ImportError"),
    *("Exception", "BaseException"),
}
# What tells a module its own name.
_OWN = {"__name__", "__package__", "__spec__"}


@dataclass(frozen=True)
class OwnCall:
    """A call that asks for the project's distribution; ``caught`` if an ``except`` goes with it."""

    place: str
    text: str
    caught: bool


def may_ask(source: bytes) -> bool:
    """Return whether a module may ask for a distribution, without parsing it."""
    return any(one.rpartition(".")[2].encode() in source for one in _FUNCTIONS)


def find_own_calls(place: str, source: bytes, project: str) -> list[OwnCall]:
    """Return the calls that ask for ``project`` in the source of the module at ``place``.

    Raises what `nodes_of` does.
    """
    nodes = nodes_of(source)
    functions = dict(_imported(nodes))
    caught = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.Try) and any(map(_catches, node.handlers))
        for statement in node.body
        for inner in ast.walk(statement)
    }
    is_own = _Name(place, project, dict(_constants(nodes)))
    calls = (
        node
        for node in nodes
        if isinstance(node, ast.Call)
        and _is_asking(node.func, functions)
        and any(map(is_own, [*node.args[:1], *(one.value for one in node.keywords)]))
    )
    return [
        OwnCall(f"{place}:{node.lineno}", ast.unparse(node), id(node) in caught)
        for node in sorted(calls, key=lambda node: (node.lineno, node.col_offset))
    ]


@dataclass(frozen=True)
class _Name:
    """Whether an expression of the module at ``place`` is the name of ``project``."""

    place: str
    project: str
    constants: Mapping[str, str]

    def __call__(self, node: ast.expr) -> bool:
        value = self.constants.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(node, ast.Constant):
            value = node.value if isinstance(node.value, str) else None
        if value is not None:
            return self._is_project(value.partition("[")[0].partition("=")[0])
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        return bool(names & _OWN) and any(map(self._is_project, self.place.split("/")[:-1]))

    def _is_project(self, name: str) -> bool:
        return normalize(name) == normalize(self.project)


def _imported(nodes: list[ast.AST]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what imports give a name to: a module's functions, or one function with no more."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name in _FUNCTIONS:
                    yield one.asname or one.name, _FUNCTIONS[one.name]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                name = one.asname or one.name
                if f"{node.module}.{one.name}" in _FUNCTIONS:
                    yield name, _FUNCTIONS[f"{node.module}.{one.name}"]
                elif one.name in _FUNCTIONS.get(node.module, ()):
                    yield name, ()


def _is_asking(called: ast.expr, functions: Mapping[str, tuple[str, ...]]) -> bool:
    if isinstance(called, ast.Attribute):
        modules = [module for module, names in functions.items() if called.attr in names]
        return bool(modules) and ast.unparse(called.value) in modules
    return isinstance(called, ast.Name) and functions.get(called.id) == ()


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {one.id for one in ast.walk(handler.type) if isinstance(one, ast.Name)}
    attributes = {one.attr for one in ast.walk(handler.type) if isinstance(one, ast.Attribute)}
    return bool(_CAUGHT & (names | attributes))


def _constants(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield the names that are given a text."""
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(node.value.value, str):
                yield from (
                    (one.id, node.value.value) for one in targets if isinstance(one, ast.Name)
                )
