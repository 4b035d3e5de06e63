"""The walls: what may import what, how large a room and a file may be, and where facts are named.

Imports are read off the source, so that those which only type checkers see count as well.
"""

from __future__ import annotations

import ast
import collections
import graphlib
from collections.abc import Iterator
from pathlib import Path

from support.environment import ROOT

from selector_backend.cli.app import COMMANDS
from selector_backend.model.facts import FACTS

PACKAGE = ROOT / "selector_backend"

#: From the ground up: the modules of a room import those of rooms further down, and their own.
#: The two that have the hooks are beside the rooms; ``""`` is the package itself.
FLOORS = (
    ("errors",),
    ("model",),
    ("probes",),
    ("installing",),
    ("authoring",),
    ("checking",),
    ("trees", "variant_wheels"),
    ("",),
    ("variant",),
    ("cli",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

#: Where a fact is named besides `FACTS` and the probes, and why.
NAMED_ON_PURPOSE = {
    "authoring/platforms.py": {"glibc", "macos", "marker", "musl"},  # what tags of wheels tell
    # Builds, and the GPUs that they have code for.
    "checking/vocabulary.py": {"compute-capability", "cuda", "gfx", "rocm"},
    "cli/explain.py": {"installed"},  # a key of what `--json` writes
    "cli/fleet.py": {"marker", "property"},  # a key of machines.toml; what no command asks
    "cli/init.py": {"cpu"},  # a variant in an example
    # The conditions that names stand for.
    "cli/skeleton.py": {"compute-capability", "cpu", "cuda", "gfx", "library", "rocm", "xpu"},
    "cli/interpreter.py": {"abi-features", "marker"},  # what an interpreter decides
    "installing/asked.py": {"marker"},  # a key of pylock.toml
    "installing/locks.py": {"marker"},  # a key of uv.lock
    "installing/target.py": {"glibc", "macos", "musl"},  # what uv and pip call platforms
    # What goes together of a machine, and what variant wheels and the providers of properties tell.
    "variant_wheels/proof.py": {"compute-capability", "cpu", "cuda", "marker", "property"},
    "variant_wheels/properties.py": {"compute-capability", "cpu", "cuda", "property"},
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield the modules of ours that a module imports, and the lines."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            # `from . import toml` is about that module, and about the package only if it is none.
            full = [f"{start}.{name}" for name in names]
            names = [name if name in MODULES else start for name in full]
        yield from ((name, node.lineno) for name in names if name in MODULES)


def test_every_room_has_its_floor_and_imports_only_from_those_below() -> None:
    assert {*map(room_of, MODULES)} == FLOOR_OF.keys()
    wrong = [
        f"{MODULES[module]}:{line} imports {imported}"
        for module in MODULES
        for imported, line in imports(module)
        if (there := room_of(imported)) != (here := room_of(module))
        if FLOOR_OF[there] >= FLOOR_OF[here]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {imported for imported, _ in imports(module) if imported != module}
        for module in MODULES
    }
    assert sum(map(len, graph.values())) > len(MODULES)
    graphlib.TopologicalSorter(graph).prepare()  # which raises `CycleError`, with the circle


def test_rooms_and_files_are_small_enough_to_be_read() -> None:
    rooms = collections.Counter(path.parent for path in MODULES.values())
    assert {room for room, modules in rooms.items() if modules > 16 + 1} == set()  # `__init__`
    lines = {path: path.read_bytes().count(b"\n") for path in MODULES.values()}
    assert {path for path, count in lines.items() if count > 500} == set()


def test_a_name_of_a_file_is_of_one_file() -> None:
    """But for the modules that are called as a command is."""
    commands = {PACKAGE / f"cli/{name.replace('-', '_')}.py" for name in COMMANDS}
    stems = [path.stem for path in {*MODULES.values()} - commands if path.stem != "__init__"]
    assert [stem for stem, count in collections.Counter(stems).items() if count > 1] == []


def test_a_fact_is_named_where_it_is_defined_and_read_and_nowhere_else() -> None:
    named: dict[str, set[str]] = {}
    for path in MODULES.values():
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        if names := FACTS.keys() & texts:
            named[path.relative_to(PACKAGE).as_posix()] = {*names}
    assert named.pop("model/facts.py") == FACTS.keys()
    probes = [file for file in named if file.startswith("probes/")]
    assert set().union(*map(named.pop, probes)) == FACTS.keys()
    assert named == NAMED_ON_PURPOSE
