"""Platforms, the variants that each gets, and the shortest markers for these.

No list has all platforms, so only the common ones, this one, and those in markers are considered.
The result is a decision tree: every platform, listed or not, takes exactly one path. So the markers
of the paths exclude each other, and cover all platforms.
"""

from __future__ import annotations

import itertools
import re

from .markers import CannotTellError, comparisons, release_key
from .standing import as_compared
from .values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Union

    from .table import Variant

    #: The numbers of the variants that a platform gets; ``~`` of the number of one that refuses.
    Leaf = tuple[int, ...]
    Tree = Union["Branching", Leaf, bool]
    Grown = tuple[int, Tree, dict[Leaf, int]]

#: The systems that are considered, and their marker variables.
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
#: Their common machines. What all of these can have, other machines of the system can have too.
MACHINES = {
    "linux": ("x86_64", "aarch64"),
    "darwin": ("arm64", "x86_64"),
    "win32": ("AMD64", "ARM64"),
}
# The common machines of other systems.
_SHARED = ("x86_64", "aarch64", "arm64")

#: Any other value than those listed.
OTHER = "(another)"
_SYSTEM, _MACHINE, _PYTHON = "sys_platform", "platform_machine", "python_version"
_OF_SYSTEMS = ("platform_system", "os_name")
_OF_PYTHONS = ("implementation_name", "platform_python_implementation")
_TEXTS = (_SYSTEM, _MACHINE, *_OF_SYSTEMS, *_OF_PYTHONS)
#: Variables that count as on this machine. For some installers, 3.13.0rc1 is neither in
#: `python_full_version < '3.13'` nor in its negation; the others are not from a fixed list.
AS_HERE = ("implementation_version", "platform_release", "platform_version", "python_full_version")

# The variables of tests, in the order in which markers have them.
_ORDER = (*_TEXTS, _PYTHON)

#: The most platforms that are distinguished, and the most sets of them tried for the shortest tree.
MOST_CELLS, _MOST_TRIED = 4000, 2000


# --- Platforms


@dataclass(frozen=True)
class Cell:
    """A platform with a Python: its marker variables, and their values for tests (``seen``).

    ``here`` is whether its system and machine are this machine's.
    """

    marker: Mapping[str, str]
    seen: Mapping[str, Any]
    here: bool = False

    @property
    def system(self) -> tuple[str, ...]:
        """The values that identify its system and machine."""
        return tuple(self.marker[name] for name in (_SYSTEM, _MACHINE, *_OF_SYSTEMS))


def list_cells(markers: Iterable[str], here: Mapping[str, str]) -> list[Cell]:
    """Return the platforms that conditions with ``markers`` distinguish, `MOST_CELLS` + 1 at most.

    ``here`` are this machine's marker variables.
    """
    compared = [*dict.fromkeys(itertools.chain.from_iterable(map(_comparisons, markers)))]
    named: dict[str, list[str]] = {name: [] for name in _TEXTS}
    inside = []  # such as "'bsd' in sys_platform"
    for variable, operator, text, turned in compared:
        if variable in _TEXTS and "in" in operator and turned:
            inside.append((variable, text))
        elif variable in _TEXTS:
            named[variable] += re.split(r"[\s,;|]+", text) if "in" in operator else [text]
    numbers = [
        release for name, _, text, _ in compared if name == _PYTHON for release in _minors(text)
    ]
    pythons = sorted({here[_PYTHON], *numbers}, key=release_key)
    choices = [
        [*dict.fromkeys([here[name], *named[name], OTHER])] if named[name] else [here[name]]
        for name in _OF_PYTHONS
    ]
    cells = []
    systems = _systems(named, inside, here)
    pairs = itertools.product(systems, itertools.product(pythons, *choices))
    for system, (python, *own) in pairs:
        marker = {**here, **system, _PYTHON: python, **dict(zip(_OF_PYTHONS, own))}
        seen: dict[str, Any] = {name: marker[name] for name in (*_TEXTS, _PYTHON)}
        for variable, text in inside:
            seen[f"{_quote(text)} in {variable}"] = text in marker[variable]
            listed = (*named[variable], *(system.get(variable) for system in SYSTEMS.values()))
            if variable == _MACHINE:
                listed += (here[_MACHINE], *itertools.chain(*MACHINES.values()))
            if marker[variable] == text and text not in listed:
                seen[variable] = OTHER
        cells.append(Cell(marker, seen, _is_same(marker, here)))
        if len(cells) > MOST_CELLS:
            break
    return cells


def _systems(
    named: Mapping[str, list[str]], inside: Sequence[tuple[str, str]], here: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return the systems and machines to consider, as marker variables."""
    common = [*itertools.chain(*MACHINES.values())]
    more = [*named[_MACHINE], *(text for name, text in inside if name == _MACHINE)]
    more = [machine for machine in more if machine not in common]
    other = {_SYSTEM: OTHER, "platform_system": OTHER, "os_name": "posix"}
    systems = [*map(dict, SYSTEMS.values())]
    own = {name: here[name] for name in other}
    systems += [own] if own not in systems else []
    for name in other:
        texts = [*named[name], *(text for variable, text in inside if variable == name)]
        known = [system[name] for system in systems]
        systems += [{**other, name: text} for text in dict.fromkeys(texts) if text not in known]
    platforms = []
    for system in (*systems, other):
        machines = [*MACHINES.get(system[_SYSTEM], _SHARED), *more, OTHER]
        machines += [here[_MACHINE]] if system == own else []
        platforms += [{**system, _MACHINE: machine} for machine in dict.fromkeys(machines)]
    return platforms


def _minors(text: str) -> Iterator[str]:
    """Yield the versions of Python in a text, and those before and after each: ``3.11``."""
    for major, minor in re.findall(r"(\d{1,4})(?:\.(\d{1,4}))?", text):
        number = int(minor or 0)
        yield from (f"{major}.{near}" for near in range(max(number - 1, 0), number + 2))


def _comparisons(marker: str) -> list[tuple[str, str, str, bool]]:
    try:
        return comparisons(marker)
    except CannotTellError:  # the verdict says so
        return []


def _is_same(marker: Mapping[str, str], here: Mapping[str, str]) -> bool:
    return all(marker[name] == here[name] for name in (_SYSTEM, _MACHINE))


# --- Trees of tests, and markers


@dataclass(frozen=True)
class Test:
    """Whether a variable has a value or, for ``python_version``, is below it.

    ``'bsd' in sys_platform`` is a variable of its own, which is true or false.
    """

    variable: str
    value: Any

    def holds(self, seen: Mapping[str, Any]) -> bool:
        """Return whether it holds on a platform with these values."""
        value = seen[self.variable]
        if self.variable == _PYTHON:
            return release_key(value) < release_key(self.value)
        return bool(value == self.value)

    def text(self, holds: bool) -> str:
        """Return the marker of the platforms where it ``holds``, or of all others."""
        if self.value is True:
            return self.variable if holds else self.variable.replace(" in ", " not in ")
        yes, no = ("<", ">=") if self.variable == _PYTHON else ("==", "!=")
        return f"{self.variable} {yes if holds else no} {_quote(self.value)}"


@dataclass(frozen=True)
class Branching:
    """A test, with the tree where it holds, and the one where it does not."""

    test: Test
    yes: Tree
    no: Tree


@dataclass(frozen=True)
class Regions:
    """The ``variants`` of a table, and the tree of those that each platform gets."""

    variants: tuple[Variant, ...]
    tree: Tree

    def marker(self, choose: Callable[[Leaf], bool]) -> str | None:
        """Return the marker of the platforms whose leaf ``choose`` accepts.

        It is ``""`` for all platforms, and ``None`` for none.
        """
        tree = _relabel(self.tree, choose)
        if isinstance(tree, bool):
            return "" if tree else None
        paths = [*dict.fromkeys(map(_path_text, _paths(tree)))]
        if len(paths) > 1:
            paths = [f"({path})" if " and " in path else path for path in paths]
        return " or ".join(paths)

    def marker_of(self, variant: Variant) -> str:
        """Return the marker of the platforms that get a variant, ``""`` if all do."""
        index = [row.key for row in self.variants].index(variant.key)
        return self.marker(having({index})) or ""

    def lines(self, of: Callable[[Variant], Iterable[str]]) -> list[str]:
        """Return the requirements ``of`` the variants, each with its platforms' marker."""
        owners: dict[str, tuple[str, set[int]]] = {}
        for index, variant in enumerate(self.variants):
            for line in of(variant):
                owners.setdefault(as_compared(line), (line, set()))[1].add(index)
        marked = [(line, self.marker(having(own))) for line, own in owners.values()]
        return [with_marker(line, marker) for line, marker in marked if marker is not None]


def having(numbers: Collection[int]) -> Callable[[Leaf], bool]:
    """Return a function that accepts the leaves with one of the numbers."""
    return lambda leaf: any(number in leaf for number in numbers)


def with_marker(requirement: str, marker: str) -> str:
    """Return a requirement that counts only where ``marker`` is true too."""
    if not marker:
        return requirement
    # A URL may contain ";", so a space has to be before the marker's.
    end = " ;" if " @ " in requirement.partition(";")[0] else ";"
    start, _, own = requirement.partition(end)
    markers = [*filter(None, (own.strip(), marker))]
    if len(markers) > 1:
        markers = [f"({text})" if " or " in text else text for text in markers]
    return f"{start}{end} {' and '.join(markers)}"


def shortest_tree(cells: Iterable[Cell], leaves: Iterable[Leaf]) -> Tree:
    """Return the tree that leads each platform to its leaf, with the tests of short markers."""
    rows = [*zip((cell.seen for cell in cells), leaves)]
    names = [*dict.fromkeys((*_ORDER, *rows[0][0]))]
    for name in reversed(_ORDER):  # drop the variables that nothing depends on
        others = [other for other in names if other != name]
        values = {tuple(map(seen.__getitem__, others)) for seen, _ in rows}
        if len({(*map(seen.__getitem__, others), leaf) for seen, leaf in rows}) == len(values):
            names = others
    tests = [
        Test(name, value)
        for name in names
        for value in dict.fromkeys(seen[name] for seen, _ in rows)
        if value not in (OTHER, False)
    ]
    known = {(*(seen[name] for name in names), leaf): (seen, leaf) for seen, leaf in rows}
    return _Search([*known.values()], tests).grow(frozenset(range(len(known))))[1]


class _Search:
    """Searches the tree with the least text on its paths."""

    def __init__(self, rows: Sequence[tuple[Mapping[str, Any], Leaf]], tests: list[Test]) -> None:
        self.leaves = [leaf for _, leaf in rows]
        self.tests = [
            (test, frozenset(at for at, (seen, _) in enumerate(rows) if test.holds(seen)))
            for test in tests
        ]
        self.grown: dict[frozenset[int], Grown] = {}

    def grow(self, numbers: frozenset[int]) -> Grown:
        """Return some platforms' tree, the length of its tests (first), and each leaf's count."""
        if len({self.leaves[at] for at in numbers}) == 1:
            leaf = self.leaves[min(numbers)]
            return 0, leaf, {leaf: 1}
        if numbers not in self.grown:
            options = []
            for test, held in self.tests:
                yes, no = numbers & held, numbers - held
                if yes and no:
                    options.append(self._join(test, yes, no))
                    if len(self.grown) > _MOST_TRIED:
                        break
            self.grown[numbers] = min(options, key=lambda option: option[0])
        return self.grown[numbers]

    def _join(self, test: Test, yes: frozenset[int], no: frozenset[int]) -> Grown:
        (length, tree, paths), (other_length, other, others) = self.grow(yes), self.grow(no)
        length += other_length
        for holds, own, beside in ((True, paths, other), (False, others, tree)):
            # As in `_paths`: beside an equal leaf, a path needs no test.
            count = sum(number for leaf, number in own.items() if leaf != beside)
            length += len(test.text(holds)) * count
        counts = {leaf: paths.get(leaf, 0) + others.get(leaf, 0) for leaf in (*paths, *others)}
        return length, Branching(test, tree, other), counts


def _relabel(tree: Tree, choose: Callable[[Leaf], bool]) -> Tree:
    """Return a tree with ``choose(leaf)`` in place of each leaf."""
    if isinstance(tree, Branching):
        yes, no = _relabel(tree.yes, choose), _relabel(tree.no, choose)
        return yes if yes == no else Branching(tree.test, yes, no)
    return choose(tree) if isinstance(tree, tuple) else tree


def _paths(tree: Tree) -> list[list[tuple[Test, bool]]]:
    """Return the tests on each path to a true leaf, and whether each has to hold.

    Where one side is true as a whole, the other side need not exclude it.
    """
    if not isinstance(tree, Branching):
        return [[]] if tree is True else []
    yes = [[(tree.test, True)] * (tree.no is not True) + path for path in _paths(tree.yes)]
    no = [[(tree.test, False)] * (tree.yes is not True) + path for path in _paths(tree.no)]
    return [*yes, *no]


def _path_text(path: Sequence[tuple[Test, bool]]) -> str:
    """Return the marker of a path, without tests that follow from others of it."""
    known = {test.variable for test, holds in path if holds and test.variable != _PYTHON}
    kept = [(test, holds) for test, holds in path if holds or test.variable not in known]
    for below in (True, False):
        bounds = [step for step in kept if step[0].variable == _PYTHON and step[1] is below]
        bounds.sort(key=lambda step: release_key(step[0].value), reverse=not below)
        kept = [step for step in kept if step not in bounds[1:]]
    order = {name: at for at, name in enumerate(_ORDER)}
    kept.sort(key=lambda step: (order.get(step[0].variable, -1), step[1]))
    return " and ".join(test.text(holds) for test, holds in kept)


def _quote(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"
