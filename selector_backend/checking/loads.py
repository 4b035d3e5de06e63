"""What a core package gives to ``selector_runtime.load``, read off its source.

The source is text here: nothing of it is run.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

_RUNTIME = "selector_runtime"


@dataclass(frozen=True)
class Load:
    """A call of ``selector_runtime.load``: where it stands, and its first two arguments.

    Those are the project's name and the names of the variants; `None` is what is not literal, and
    where the project's name is not, the variants are not told either.
    """

    place: str
    project: str | None
    variants: tuple[str, ...] | None


def nodes_of(source: bytes) -> list[ast.AST]:
    """Return the syntax tree of a module, node by node.

    Raises ``SyntaxError``, ``ValueError``, ``RecursionError`` or ``MemoryError`` where it is no
    Python that can be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its author's linter says of it
        return [*ast.walk(ast.parse(source))]


def mentions_load(source: bytes) -> bool:
    """Return whether a module may call ``load``, without parsing it."""
    return _RUNTIME.encode() in source


def find_loads(place: str, source: bytes) -> list[Load]:
    """Return the calls of ``load`` in the source of a module, which ``place`` names.

    Raises what `nodes_of` does.
    """
    nodes = nodes_of(source)
    functions: set[str] = set()
    modules: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == _RUNTIME and not node.level:
            functions.update(one.asname or one.name for one in node.names if one.name == "load")
        elif isinstance(node, ast.Import):
            modules.update(one.asname or one.name for one in node.names if one.name == _RUNTIME)
    return [
        _read_call(f"{place}:{node.lineno}", node)
        for node in nodes
        if isinstance(node, ast.Call) and _is_load(node.func, functions, modules)
    ]


def _read_call(place: str, call: ast.Call) -> Load:
    project, given = _text(_argument(call, 0, "project")), _argument(call, 1, "variants")
    # The names; what the modules of the variants are called may be computed.
    keys = [*map(_text, given.keys)] if isinstance(given, ast.Dict) else [None]
    known = tuple(key for key in keys if key is not None)
    is_literal = project is not None and len(known) == len(keys)
    return Load(place, project, known if is_literal else None)


def _is_load(called: ast.expr, functions: set[str], modules: set[str]) -> bool:
    if isinstance(called, ast.Attribute):
        module = called.value
        return called.attr == "load" and isinstance(module, ast.Name) and module.id in modules
    return isinstance(called, ast.Name) and called.id in functions


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    named = (one.value for one in call.keywords if one.arg == name)
    return call.args[index] if index < len(call.args) else next(named, None)


def _text(node: ast.expr | None) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None
