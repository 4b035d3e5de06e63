"""The rule of rooms: what may import what, and where a fact's name may stand.

It is read off the source, so that imports which only type checkers see count as well.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.environment import ROOT

from selector_backend.model.facts import FACTS

PACKAGE = ROOT / "selector_backend"
HOOKS, INSTALLING, AUTHORING, CLI = (
    "selector_backend",
    *(f"selector_backend.{room}" for room in ("installing", "authoring", "cli")),
)

#: Where a fact's name stands besides `FACTS` and the probes, and what it is there.
NAMED_ON_PURPOSE = {
    # What goes together of a machine, and what variant wheels and the providers of properties tell.
    "authoring/proof.py": {"compute-capability", "cpu", "cuda", "marker", "property"},
    "authoring/platforms.py": {"glibc", "macos", "marker", "musl"},
    "authoring/places.py": {"glibc", "macos", "musl"},  # what tags of wheels have a version of
    "authoring/properties.py": {"compute-capability", "cpu", "cuda"},
    "authoring/providers.py": {"compute-capability", "cpu", "cuda", "property"},
    "authoring/review.py": {"cuda", "cuda-toolkit"},  # what packages have to agree on
    "authoring/vocabulary.py": {"cuda"},  # a key of vocabulary.toml
    # A build, and the GPUs it has code for.
    "checking/words.py": {"compute-capability", "cuda", "gfx", "rocm"},
    "cli/common.py": {"marker", "property"},  # `--python`'s, and what the command does not ask
    "cli/explain.py": {"installed"},  # a key of what `--json` writes
    "cli/fleet.py": {"marker"},  # a key of machines.toml
    # The conditions that names stand for.
    "cli/skeleton.py": {"compute-capability", "cpu", "cuda", "gfx", "rocm", "xpu"},
    "cli/interpreter.py": {"marker"},  # a key of what an interpreter answers
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield the modules that one imports, those only type checkers see included, and the lines."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{start}.{alias.name}" for alias in node.names]
            # `from . import toml` is about that module, and about the package only if it is none.
            yield from ((name if name in MODULES else start, node.lineno) for name in names)


def is_in(module: str, room: str) -> bool:
    """Return whether a module is in a room. The hooks' module is a room of its own."""
    return module == room or (room != HOOKS and module.startswith(f"{room}."))


@pytest.mark.parametrize(
    ("room", "above"), [(INSTALLING, (AUTHORING, CLI, HOOKS)), (AUTHORING, (CLI, HOOKS))]
)
def test_a_room_knows_nothing_of_those_above_it(room: str, above: tuple[str, ...]) -> None:
    within = [module for module in MODULES if is_in(module, room)]
    assert len(within) > 5
    wrong = [
        f"{MODULES[module]}:{line} imports {imported}"
        for module in within
        for imported, line in imports(module)
        if any(is_in(imported, one) for one in above)
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {one for one, _ in imports(module) if one in MODULES and one != module}
        for module in MODULES
    }
    assert sum(map(len, graph.values())) > len(MODULES)
    graphlib.TopologicalSorter(graph).prepare()  # which raises `CycleError`, with the circle


def test_a_fact_is_named_where_it_is_defined_and_read_and_nowhere_else() -> None:
    found: dict[str, set[str]] = {}
    for path in MODULES.values():
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        if named := FACTS.keys() & texts:
            found[path.relative_to(PACKAGE).as_posix()] = {*named}
    assert found.pop("model/facts.py") == FACTS.keys()
    probes = [file for file in found if file.startswith("installing/probes/")]
    read = set().union(*(found.pop(file) for file in probes))
    assert read == FACTS.keys()
    assert found == NAMED_ON_PURPOSE
