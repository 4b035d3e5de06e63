"""Compares the variants that core names in ``selector_runtime.load`` with the table's.

Core is looked for in the folder beside the project. Its source is parsed, not run.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from ..authoring.selector import is_own
from ..authoring.structure import variant_key
from ..errors import did_you_mean
from ..installing.files import read_regular
from ..model.markers import normalize, quoted
from ..model.problems import NOTE, Problem
from ..model.table import Selector

_RUNTIME = "selector_runtime"
# Folders without core's source, besides hidden ones.
_NOT_SOURCE = {"build", "dist", "docs", "examples", "node_modules", "test", "tests", "venv"}


@dataclass(frozen=True)
class Load:
    """A call of ``selector_runtime.load``: its file and line, and its first two arguments.

    These are the project's name and the variants' names, or `None` if they are not literals. If
    ``project`` is `None`, so is ``variants``.
    """

    line: str
    project: str | None
    variants: tuple[str, ...] | None


def review_loads(folder: Path, selector: Selector) -> list[Problem]:
    """Return where ``load`` in core and the project's table differ, and notes.

    ``folder`` is the project's. Core is a folder beside it, called as the project with ``-core`` or
    as a part of the project that the table requires for every variant.
    """
    own = normalize(selector.project)
    required = [item for item in map(Requirement, selector.requires) if is_own(item, selector)]
    names = {f"{own}-core", *(normalize(item.name) for item in required)} - {own}
    beside = Path(os.path.abspath(folder)).parent  # noqa: PTH100 - a link lies where it lies
    notes: list[Problem] = []
    calls = [
        call
        for core in sorted(beside.glob("*"))
        if normalize(core.name) in names
        for call in _read_folder(core, f"../{core.name}", notes)
        # One whose project is not literal may be for it.
        if call.project is None or normalize(call.project) == own
    ]
    text = "load is called with something that is not a literal; its names are not checked"
    notes += [Problem(call.line, text, NOTE) for call in calls if call.variants is None]
    return [*_compare(selector, calls), *notes]


def _compare(selector: Selector, calls: Sequence[Load]) -> Iterator[Problem]:
    """Yield the names that only the table, or only core, has."""
    names = {variant.key: variant.name for variant in selector.variants}
    for call in calls:
        for name in call.variants or ():
            if normalize(name) not in names:
                hint = did_you_mean(name, names.values())
                yield Problem(call.line, f"load is given {name!r}, which is not a variant{hint}")
    if not calls or any(call.variants is None for call in calls):
        return
    loaded = {normalize(name) for call in calls for name in call.variants or ()}
    for index, variant in enumerate(selector.variants):
        if variant.key not in loaded and (variant.requires or variant.extras):
            what = f"load is not given {variant.name!r}, which is {variant_key(index)}"
            yield Problem(calls[0].line, f"{what}, and would never import it")


def _read_folder(folder: Path, shown: str, notes: list[Problem]) -> Iterator[Load]:
    """Yield the calls in the modules of ``folder``; add to ``notes`` what cannot be read."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in sorted(folders) if _has_source(Path(parent, name))]
        for file in sorted(Path(parent, name) for name in files if name.endswith(".py")):
            shown_file = f"{shown}/{file.relative_to(folder).as_posix()}"
            try:
                yield from find_loads(shown_file, read_regular(file))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
                what = f"it cannot be read as Python, and is skipped: {quoted(str(error))}"
                notes.append(Problem(shown_file, what, NOTE))


def _has_source(folder: Path) -> bool:
    """Return whether a folder may have core's source, and is not another project."""
    if folder.name.startswith(".") or folder.name in _NOT_SOURCE:
        return False
    return not any((folder / name).exists() for name in ("pyproject.toml", "pyvenv.cfg"))


def find_loads(shown_file: str, source: bytes) -> list[Load]:
    """Return the calls of ``load`` in the source of a module, the file ``shown_file``.

    Raises ``SyntaxError``, ``ValueError``, ``RecursionError`` or ``MemoryError`` if it cannot be
    parsed.
    """
    if _RUNTIME.encode() not in source:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its author's linter says of it
        nodes = [*ast.walk(ast.parse(source))]
    functions: set[str] = set()
    modules: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == _RUNTIME and not node.level:
            functions.update(_imported_as(node, "load"))
        elif isinstance(node, ast.Import):
            modules.update(_imported_as(node, _RUNTIME))
    return [
        _read_call(f"{shown_file}:{node.lineno}", node)
        for node in nodes
        if isinstance(node, ast.Call) and _is_load(node.func, functions, modules)
    ]


def _imported_as(node: ast.Import | ast.ImportFrom, name: str) -> Iterator[str]:
    return (alias.asname or alias.name for alias in node.names if alias.name == name)


def _read_call(line: str, call: ast.Call) -> Load:
    project, variants = _text(_argument(call, 0, "project")), _argument(call, 1, "variants")
    # Only the keys matter here; the values, the modules, may be computed.
    keys = [*map(_text, variants.keys)] if isinstance(variants, ast.Dict) else [None]
    known = tuple(key for key in keys if key is not None)
    is_literal = project is not None and len(known) == len(keys)
    return Load(line, project, known if is_literal else None)


def _is_load(called: ast.expr, functions: set[str], modules: set[str]) -> bool:
    if isinstance(called, ast.Attribute):
        module = called.value
        return called.attr == "load" and isinstance(module, ast.Name) and module.id in modules
    return isinstance(called, ast.Name) and called.id in functions


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    named = (keyword.value for keyword in call.keywords if keyword.arg == name)
    return call.args[index] if index < len(call.args) else next(named, None)


def _text(node: ast.expr | None) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None
