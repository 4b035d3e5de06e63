"""Platforms, and which variant each gets, as the shortest markers that say so.

Nobody can list all platforms, so those count that are common, this one, and what markers name. What
comes of them is a tree of tests, of which each platform, listed or not, takes exactly one path: so
the markers that are read off it exclude each other, and leave out none.
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

    #: The variants that a platform gets, by their numbers in the table; of one that refuses, ``~``
    #: of its number.
    Leaf = tuple[int, ...]
    Tree = Union["Branching", Leaf, bool]
    Grown = tuple[int, Tree, dict[Leaf, int]]

#: What the systems that count are called by each marker variable.
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
#: Their common machines. What all of these can have, the others of the system can, too.
MACHINES = {
    "linux": ("x86_64", "aarch64"),
    "darwin": ("arm64", "x86_64"),
    "win32": ("AMD64", "ARM64"),
}
# Those that other systems have, too.
_SHARED = ("x86_64", "aarch64", "arm64")

#: Any value that is not listed.
OTHER = "(another)"
_SYSTEM, _MACHINE, _PYTHON = "sys_platform", "platform_machine", "python_version"
_OF_SYSTEMS = ("platform_system", "os_name")
_OF_PYTHONS = ("implementation_name", "platform_python_implementation")
_TEXTS = (_SYSTEM, _MACHINE, *_OF_SYSTEMS, *_OF_PYTHONS)
#: The other variables count as on this machine. Of `python_full_version < '3.13'` and its negation,
#: 3.13.0rc1 is in neither for some installers; the rest are no fixed texts.
AS_HERE = ("implementation_version", "platform_release", "platform_version", "python_full_version")

# The variables that tests are made of, the first in front.
_ORDER = (*_TEXTS, _PYTHON)

#: More platforms than this are not told apart, nor more sets of them tried for the shortest tree.
MOST_CELLS, _MOST_TRIED = 4000, 2000


# --- Platforms


@dataclass(frozen=True)
class Cell:
    """A platform that counts, with a Python: its marker variables, and what tests see of them.

    ``here`` is whether its system and machine are this machine's.
    """

    marker: Mapping[str, str]
    seen: Mapping[str, Any]
    here: bool = False

    @property
    def system(self) -> tuple[str, ...]:
        """What tells its system and machine from others."""
        return tuple(self.marker[name] for name in (_SYSTEM, _MACHINE, *_OF_SYSTEMS))


def list_cells(markers: Iterable[str], here: Mapping[str, str]) -> list[Cell]:
    """Return the platforms that count, where conditions use ``markers``.

    ``here`` are this machine's marker variables. There are more than `MOST_CELLS` at most by one.
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
            listed = (*named[variable], *(one.get(variable) for one in SYSTEMS.values()))
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
    """Return the systems and machines that count, as marker variables."""
    common = [*itertools.chain(*MACHINES.values())]
    more = [*named[_MACHINE], *(text for name, text in inside if name == _MACHINE)]
    more = [one for one in more if one not in common]
    other = {_SYSTEM: OTHER, "platform_system": OTHER, "os_name": "posix"}
    kinds = [dict(one) for one in SYSTEMS.values()]
    own = {name: here[name] for name in other}
    kinds += [own] if own not in kinds else []
    for name in other:
        texts = [*named[name], *(text for variable, text in inside if variable == name)]
        known = [kind[name] for kind in kinds]
        kinds += [{**other, name: text} for text in dict.fromkeys(texts) if text not in known]
    found = []
    for kind in (*kinds, other):
        machines = [*MACHINES.get(kind[_SYSTEM], _SHARED), *more, OTHER]
        machines += [here[_MACHINE]] if kind == own else []
        found += [{**kind, _MACHINE: machine} for machine in dict.fromkeys(machines)]
    return found


def _minors(text: str) -> Iterator[str]:
    """Yield the versions of Python that a text names, and those beside them: ``3.11``."""
    for major, minor in re.findall(r"(\d{1,4})(?:\.(\d{1,4}))?", text):
        number = int(minor or 0)
        yield from (f"{major}.{one}" for one in range(max(number - 1, 0), number + 2))


def _comparisons(marker: str) -> list[tuple[str, str, str, bool]]:
    try:
        return comparisons(marker)
    except CannotTellError:  # as its verdict says
        return []


def _is_same(marker: Mapping[str, str], here: Mapping[str, str]) -> bool:
    return all(marker[name] == here[name] for name in (_SYSTEM, _MACHINE))


# --- Trees of tests, and markers


@dataclass(frozen=True)
class Test:
    """Whether a variable has a value. Of ``python_version``, whether it is below it.

    What a text has in it is a variable of its own, which is true or not.
    """

    variable: str
    value: Any

    def holds(self, seen: Mapping[str, Any]) -> bool:
        """Return whether it holds on a platform, as tests see that."""
        value = seen[self.variable]
        if self.variable == _PYTHON:
            return release_key(value) < release_key(self.value)
        return bool(value == self.value)

    def text(self, holds: bool) -> str:
        """Return the marker of the platforms that it ``holds`` on, or of all others."""
        if self.value is True:
            return self.variable if holds else self.variable.replace(" in ", " not in ")
        yes, no = ("<", ">=") if self.variable == _PYTHON else ("==", "!=")
        return f"{self.variable} {yes if holds else no} {_quote(self.value)}"


@dataclass(frozen=True)
class Branching:
    """A test, with what follows where it holds, and where it does not."""

    test: Test
    yes: Tree
    no: Tree


@dataclass(frozen=True)
class Regions:
    """Which of the ``variants`` of a table each platform gets."""

    variants: tuple[Variant, ...]
    tree: Tree

    def marker(self, choose: Callable[[Leaf], bool]) -> str | None:
        """Return the marker of the platforms whose variants are as ``choose`` says.

        It is ``""`` where that is all of them, and ``None`` where it is none.
        """
        tree = _relabel(self.tree, choose)
        if isinstance(tree, bool):
            return "" if tree else None
        paths = [*dict.fromkeys(map(_path_text, _paths(tree)))]
        if len(paths) > 1:
            paths = [f"({path})" if " and " in path else path for path in paths]
        return " or ".join(paths)

    def marker_of(self, variant: Variant) -> str:
        """Return the marker of the platforms that get a variant, ``""`` where all do."""
        index = [one.key for one in self.variants].index(variant.key)
        return self.marker(having({index})) or ""

    def lines(self, of: Callable[[Variant], Iterable[str]]) -> list[str]:
        """Return the requirements ``of`` the variants, each with the marker of where it counts."""
        owners: dict[str, tuple[str, set[int]]] = {}
        for index, variant in enumerate(self.variants):
            for line in of(variant):
                owners.setdefault(as_compared(line), (line, set()))[1].add(index)
        marked = [(line, self.marker(having(own))) for line, own in owners.values()]
        return [with_marker(line, marker) for line, marker in marked if marker is not None]


def having(numbers: Collection[int]) -> Callable[[Leaf], bool]:
    """Return what chooses the leaves that have one of some numbers."""
    return lambda leaf: any(number in leaf for number in numbers)


def with_marker(requirement: str, marker: str) -> str:
    """Return a requirement that counts only where ``marker`` is true, too."""
    if not marker:
        return requirement
    # Behind a URL, only a blank tells the marker from it.
    end = " ;" if " @ " in requirement.partition(";")[0] else ";"
    written, _, own = requirement.partition(end)
    both = [one for one in (own.strip(), marker) if one]
    if len(both) > 1:
        both = [f"({one})" if " or " in one else one for one in both]
    return f"{written}{end} {' and '.join(both)}"


def shortest_tree(cells: Iterable[Cell], leaves: Iterable[Leaf]) -> Tree:
    """Return a tree that leads each platform to its leaf, by tests that make short markers."""
    rows = [*zip((cell.seen for cell in cells), leaves)]
    names = [*dict.fromkeys((*_ORDER, *rows[0][0]))]
    for name in reversed(_ORDER):  # without the variables that nothing depends on
        others = [one for one in names if one != name]
        if len({(*(seen[one] for one in others), leaf) for seen, leaf in rows}) == len(
            {(*(seen[one] for one in others),) for seen, _ in rows}
        ):
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
    """Looks for the tree with the least text on its paths."""

    def __init__(self, rows: Sequence[tuple[Mapping[str, Any], Leaf]], tests: list[Test]) -> None:
        self.leaves = [leaf for _, leaf in rows]
        self.tests = [
            (test, frozenset(at for at, (seen, _) in enumerate(rows) if test.holds(seen)))
            for test in tests
        ]
        self.grown: dict[frozenset[int], Grown] = {}

    def grow(self, numbers: frozenset[int]) -> Grown:
        """Return for some platforms the length of the tests, the tree, and how often a leaf is."""
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
            self.grown[numbers] = min(options, key=lambda one: one[0])
        return self.grown[numbers]

    def _join(self, test: Test, yes: frozenset[int], no: frozenset[int]) -> Grown:
        (length, tree, paths), (other_length, other, others) = self.grow(yes), self.grow(no)
        length += other_length
        for holds, own, beside in ((True, paths, other), (False, others, tree)):
            # As `_paths` has it: what is beside a leaf need not exclude it from others of its kind.
            count = sum(number for leaf, number in own.items() if leaf != beside)
            length += len(test.text(holds)) * count
        counts = {leaf: paths.get(leaf, 0) + others.get(leaf, 0) for leaf in (*paths, *others)}
        return length, Branching(test, tree, other), counts


def _relabel(tree: Tree, choose: Callable[[Leaf], bool]) -> Tree:
    """Return a tree with whether ``choose`` takes a leaf in its place."""
    if isinstance(tree, Branching):
        yes, no = _relabel(tree.yes, choose), _relabel(tree.no, choose)
        return yes if yes == no else Branching(tree.test, yes, no)
    return choose(tree) if isinstance(tree, tuple) else tree


def _paths(tree: Tree) -> list[list[tuple[Test, bool]]]:
    """Return the tests on each way to a leaf that is true, and whether they have to hold.

    Where all of one side is true, the other side need not exclude it.
    """
    if not isinstance(tree, Branching):
        return [[]] if tree is True else []
    yes = [[(tree.test, True)] * (tree.no is not True) + path for path in _paths(tree.yes)]
    no = [[(tree.test, False)] * (tree.yes is not True) + path for path in _paths(tree.no)]
    return [*yes, *no]


def _path_text(path: Sequence[tuple[Test, bool]]) -> str:
    """Return the marker of a path, without what follows from the rest of it."""
    settled = {test.variable for test, holds in path if holds and test.variable != _PYTHON}
    kept = [one for one in path if one[1] or one[0].variable not in settled]
    for below in (True, False):
        bounds = [one for one in kept if one[0].variable == _PYTHON and one[1] is below]
        bounds.sort(key=lambda one: release_key(one[0].value), reverse=not below)
        kept = [one for one in kept if one not in bounds[1:]]
    order = {name: at for at, name in enumerate(_ORDER)}
    kept.sort(key=lambda one: (order.get(one[0].variable, -1), one[1]))
    return " and ".join(test.text(holds) for test, holds in kept)


def _quote(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"
