"""Decides for all platforms, for a lock, or for another platform than this one."""

from __future__ import annotations

import re

from .decision import Environment, decide, partly_stated
from .facts import FACTS
from .kinds import MARKERS, judge
from .machine import Fact, Machine, Origin
from .markers import CannotTellError, evaluate, marker_variables
from .regions import (
    AS_HERE,
    MACHINES,
    MOST_CELLS,
    OTHER,
    Regions,
    having,
    list_cells,
    shortest_tree,
)
from .standing import with_standing
from .table import REQUIREMENT
from .values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .decision import Decision, Request
    from .kinds import Wanted
    from .purpose import Target
    from .regions import Cell, Leaf
    from .table import Selector, Where

_TITLES = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


def machine_on(
    machine: Machine,
    selector: Selector,
    marker: Mapping[str, str],
    libc: str = "",
    *,
    here: bool = False,
) -> Machine:
    """Return ``machine`` as one of a platform with the marker variables ``marker``.

    Facts that the platform cannot have are absent, except those read ``here``, if it is this one.
    ``libc`` is the C library of a Linux, if it is known.
    """
    facts = {**machine.facts}
    title = _TITLES.get(marker["sys_platform"], marker["sys_platform"])
    reason = f"{title} on {marker['platform_machine']} cannot have it"
    for row in selector.where:
        fact = facts.get(row.fact)
        if fact is None or fact.value is None or _has(row, marker, libc):
            continue
        if here and fact.origin is Origin.READ:
            continue
        if row.names and isinstance(fact.value, frozenset):
            names = (name for name in fact.value if not row.is_of_name(name))
            facts[row.fact] = replace(fact, value=frozenset(names))
        else:
            facts[row.fact] = Fact(row.fact, fact.source, reason=reason)
    for name in filter(_is_marker, selector.facts):
        facts[name] = Fact(name, machine[name].source, marker)
    return Machine(facts)


def _has(row: Where, marker: Mapping[str, str], libc: str = "") -> bool:
    """Return whether a row has a platform; `OTHER` machines count if it has all common ones."""
    machines = MACHINES.get(marker["sys_platform"], ())
    if marker["platform_machine"] != OTHER or not machines:
        return row.has(marker, libc)
    return all(row.has({**marker, "platform_machine": name}, libc) for name in machines)


def _is_marker(fact: str) -> bool:
    return FACTS[fact].kind is MARKERS


def on_target(
    machine: Machine, selector: Selector, target: Target, here: Mapping[str, str]
) -> tuple[Machine, tuple[str, ...]]:
    """Return the machine that a command states, and the notes on it.

    It has what ``target`` states, lacks the facts that the platform cannot have, and is otherwise
    as ``machine``, whose marker variables are ``here``.
    """
    marker = {**here, **target.marker}
    there = machine_on(machine, selector, marker, target.fact)
    facts = {**there.facts}
    own = facts.get(target.fact)
    if own and target.version and own.origin is Origin.READ:
        facts[target.fact] = Fact(target.fact, target.options, target.version)
    taken = [
        name
        for name, fact in facts.items()
        if not _is_marker(name)
        and fact.source != target.options
        and fact == machine[name]
        and fact.origin is Origin.READ
    ]
    note = f"decided for {target.options}"
    if taken:
        note += f", and as on this machine: {', '.join(taken)}"
    return Machine(facts), (note,)


def decide_everywhere(
    selector: Selector, machine: Machine, request: Request, here: Mapping[str, str]
) -> Decision:
    """Return the decision on ``request`` for each platform: a `Decision` with `Regions`.

    A platform lacks the facts that it cannot have, markers are judged there, and all else is as on
    ``machine``, whose marker variables are ``here``. A variant that is asked for is taken on all
    platforms that can have it, or everywhere if none can. The variants that a lock keeps come next.
    Otherwise the first that fits is chosen, or all that fit.

    It stops only if no platform gets a variant.
    """
    selector = with_standing(selector)
    decision = decide(selector, machine, replace(request, kept=()), Environment())
    numbers = {
        variant.key: index
        for index, variant in enumerate(selector.variants)
        if variant.refuse is None
    }
    kept = [(row.variant, _with_python_version(row.marker)) for row in request.kept]
    kept = [(key, marker) for key, marker in kept if key in numbers]
    cells = list_cells([*_markers(selector), *(text for _, text in kept)], here)
    if len(cells) > MOST_CELLS:
        note = "its markers distinguish too many platforms, so the lock is for this one alone"
        return replace(decision, notes=(*decision.notes, note))
    machine = partly_stated(machine, selector)
    can_be = _possible(selector, cells)
    somewhere = {key: any(can_be(numbers[key], cell) for cell in cells) for key in request.variants}
    leaves: list[Leaf] = []
    for cell in cells:
        wanted = [
            numbers[key]
            for key, is_somewhere in somewhere.items()
            if can_be(numbers[key], cell) or not is_somewhere
        ] or [
            numbers[key]
            for key, marker in kept
            if _is_kept(marker, cell, can_be(numbers[key], cell))
        ]
        if not wanted:
            on = machine_on(machine, selector, cell.marker, here=cell.here)
            wanted = _fitting(selector, on)
        leaves.append(tuple(sorted({*wanted})) if selector.kind != REQUIREMENT else (*wanted[:1],))
    used = {index for leaf in leaves for index in leaf if index >= 0}
    if not used:
        return decision
    regions = Regions(selector.variants, shortest_tree(cells, leaves))
    notes = [*decision.notes, *_notes(decision, request, regions)]
    variants = tuple(row for index, row in enumerate(selector.variants) if index in used)
    return replace(decision, variants=variants, stop=None, notes=tuple(notes), regions=regions)


def _fitting(selector: Selector, machine: Machine) -> list[int]:
    """Return the numbers of the first variant that fits, or all that do; ``~`` if it refuses."""
    variants = selector.variants
    fitting = (at for at, variant in enumerate(variants) if judge(variant.when, machine)[0])
    chosen = selector.chosen(fitting)
    return [at if variants[at].refuse is None else ~at for at in chosen]


def can_be_on(selector: Selector, variant: str, here: Mapping[str, str]) -> bool:
    """Return whether a platform with the markers ``here`` can have a variant, by its key."""
    cells = [cell for cell in list_cells(_markers(selector), here) if cell.here]
    can_be = _possible(selector, cells)
    index = [row.key for row in selector.variants].index(variant)
    return any(can_be(index, cell) for cell in cells)


def _markers(selector: Selector) -> list[str]:
    return [str(wanted) for fact, wanted in selector.conditions if _is_marker(fact)]


def _possible(selector: Selector, cells: Iterable[Cell]) -> Callable[[int, Cell], bool]:
    """Return a function that says whether a platform can have a variant, by its number."""
    alike: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        alike.setdefault(cell.system, []).append(cell)
    known: dict[tuple[int, tuple[str, ...]], bool] = {}

    def can_hold(fact: str, wanted: Wanted, cell: Cell) -> bool:
        if not _is_marker(fact):
            rows = (row for row in selector.where if row.fact == fact and row.is_of(wanted))
            return wanted is False or all(_has(row, cell.marker) for row in rows)
        try:
            as_here = not {*AS_HERE}.isdisjoint(marker_variables(str(wanted)))
            return as_here or evaluate(str(wanted), cell.marker)
        except CannotTellError:
            return True

    def can_be(index: int, cell: Cell) -> bool:
        key = index, cell.system
        if key not in known:
            when = selector.variants[index].when
            known[key] = not when or any(
                all(can_hold(fact, wanted, other) for fact, wanted in alternative.items())
                for alternative in when
                for other in alike[cell.system]
            )
        return known[key]

    return can_be


def _is_kept(marker: str, cell: Cell, can_be: bool) -> bool:
    """Return whether a lock has a variant on a platform: without a marker, if that can have it."""
    try:
        return evaluate(marker, cell.marker) if marker else can_be
    except CannotTellError:
        return False


def _with_python_version(marker: str) -> str:
    """Return a lock's marker with ``python_version`` for ``python_full_version`` where they agree.

    uv writes ``python_full_version >= '3.12'`` for either.
    """
    return re.sub(
        r"python_full_version(\s*(?:<|>=)\s*)(['\"]\d+\.\d+)(?:\.0)?(['\"])",
        r"python_version\1\2\3",
        marker,
    )


def _notes(decision: Decision, request: Request, regions: Regions) -> Iterator[str]:
    for index, variant in enumerate(regions.variants):
        where = regions.marker(having({~index}))
        if where is not None:
            yield f"no variant{_on(where)}: {variant.name} refuses it"
    where = regions.marker(lambda leaf: not leaf)
    if where is not None:
        yield f"no variant fits{_on(where)}"
    everything = {*range(-len(regions.variants), len(regions.variants))}
    for index, variant in enumerate(regions.variants):
        taken = regions.marker(having({index}))
        if variant.key in request.variants and taken != "":
            where = regions.marker(having(everything - {index}))
            yield f"{variant.name}, which {request.source} asks for, cannot be{_on(where or '')}"
    as_here = [name for name in decision.facts if not _is_marker(name)]
    if as_here:
        names = ", ".join(as_here)
        yield f"{names}: as on this machine, or as stated, on all platforms that can have it"


def _on(marker: str) -> str:
    return f" where {marker}" if marker else ""
