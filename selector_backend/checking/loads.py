"""Whether the variants that core gives to ``selector_runtime.load`` are those of the table.

Core is looked for in the folder beside the project. Its source is text here: nothing of it is run.
"""

from __future__ import annotations

import ast
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from ..authoring.selector import is_own
from ..errors import Problem, did_you_mean
from ..model.markers import normalize, quoted
from .review import variant_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model.table import Selector

_RUNTIME = "selector_runtime"
# Limits: files of core, and bytes of one.
_MOST_FILES, _LARGEST = 20_000, 4 << 20
# Folders that do not have its source, besides the hidden ones.
_NOT_SOURCE = {"build", "dist", "docs", "examples", "node_modules", "test", "tests", "venv"}


@dataclass(frozen=True)
class Load:
    """A call of ``selector_runtime.load``: where it stands, and its first two arguments.

    Those are the project's name and the names of the variants; `None` is what is not literal, and
    where the project's name is not, the variants are not told either.
    """

    place: str
    project: str | None
    variants: tuple[str, ...] | None


def review_loads(folder: Path, selector: Selector) -> tuple[list[Problem], list[Problem]]:
    """Return where ``load`` in core and the table of the project differ, and what to note.

    ``folder`` is the project's. Core is the folder beside it that is called after the project with
    ``-core``, or as a part of the project that the table requires for every variant.
    """
    own = normalize(selector.project)
    required = (one for one in map(Requirement, selector.requires) if is_own(one, selector))
    names = {f"{own}-core", *(normalize(one.name) for one in required)} - {own}
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
    notes += [Problem(call.place, text) for call in calls if call.variants is None]
    return [*_compare(selector, calls)], notes


def _compare(selector: Selector, calls: Sequence[Load]) -> Iterator[Problem]:
    """Yield the names that the table has and core does not know, and the other way round."""
    names = {one.key: one.name for one in selector.variants}
    for call in calls:
        for name in call.variants or ():
            if normalize(name) not in names:
                hint = did_you_mean(name, names.values())
                yield Problem(call.place, f"load is given {name!r}, which is not a variant{hint}")
    if not calls or any(call.variants is None for call in calls):
        return
    loaded = {normalize(name) for call in calls for name in call.variants or ()}
    for index, variant in enumerate(selector.variants):
        if variant.key not in loaded and (variant.requires or variant.extras):
            what = f"load is not given {variant.name!r}, which is {variant_key(index)}"
            yield Problem(calls[0].place, f"{what}, and would never import it")


def _read_folder(folder: Path, shown: str, notes: list[Problem]) -> Iterator[Load]:
    """Yield the calls in the modules of ``folder``, and add to ``notes`` what cannot be read."""
    count = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in sorted(folders) if _has_source(Path(parent, name))]
        count += len(files)
        if count > _MOST_FILES:
            what = f"it has more than {_MOST_FILES} files, and not all of its modules were read"
            notes.append(Problem(shown, what))
            return
        for file in sorted(Path(parent, name) for name in files if name.endswith(".py")):
            place = f"{shown}/{file.relative_to(folder).as_posix()}"
            try:
                yield from find_loads(place, _read_file(file))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
                what = f"it cannot be read as Python, and is skipped: {quoted(str(error))}"
                notes.append(Problem(place, what))


def _has_source(folder: Path) -> bool:
    """Return whether a folder may have source of core, and is no project of its own."""
    if folder.name.startswith(".") or folder.name in _NOT_SOURCE:
        return False
    return not any((folder / name).exists() for name in ("pyproject.toml", "pyvenv.cfg"))


def _read_file(file: Path) -> bytes:
    if not file.is_file():  # a pipe may never end
        raise ValueError("it is not a file")
    with file.open("rb") as opened:
        content = opened.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
    return content


def find_loads(place: str, source: bytes) -> list[Load]:
    """Return the calls of ``load`` in the source of a module, which ``place`` names.

    Raises ``SyntaxError``, ``ValueError``, ``RecursionError`` or ``MemoryError`` where it is no
    Python that can be read.
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
            functions.update(one.asname or one.name for one in node.names if one.name == "load")
        elif isinstance(node, ast.Import):
            modules.update(one.asname or one.name for one in node.names if one.name == _RUNTIME)
    return [
        _read_call(f"{place}:{node.lineno}", node)
        for node in nodes
        if isinstance(node, ast.Call) and _is_load(node.func, functions, modules)
    ]


def _read_call(place: str, call: ast.Call) -> Load:
    project, variants = _text(_argument(call, 0, "project")), _argument(call, 1, "variants")
    # The names; what the modules of the variants are called may be computed.
    keys = [*map(_text, variants.keys)] if isinstance(variants, ast.Dict) else [None]
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
