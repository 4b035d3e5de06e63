"""What is decided for a lock that is for all platforms, or for another one than this."""

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

_CALLED = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}


def machine_on(
    machine: Machine,
    selector: Selector,
    marker: Mapping[str, str],
    libc: str = "",
    *,
    here: bool = False,
) -> Machine:
    """Return ``machine`` as far as it can be a platform that has the variables ``marker``.

    What its machines cannot have is absent, but not what was read ``here``. ``libc`` is that of
    Linux, if it is known.
    """
    facts = {**machine.facts}
    called = _CALLED.get(marker["sys_platform"], marker["sys_platform"])
    reason = f"{called} on {marker['platform_machine']} cannot have it"
    for row in selector.where:
        fact = facts.get(row.fact)
        if fact is None or fact.value is None or _has(row, marker, libc):
            continue
        if here and fact.origin is Origin.READ:
            continue
        if row.names and isinstance(fact.value, frozenset):
            left = (one for one in fact.value if not row.is_of_name(one))
            facts[row.fact] = replace(fact, value=frozenset(left))
        else:
            facts[row.fact] = Fact(row.fact, fact.source, reason=reason)
    for name in filter(_is_marker, selector.facts):
        facts[name] = Fact(name, machine[name].source, marker)
    return Machine(facts)


def _has(row: Where, marker: Mapping[str, str], libc: str = "") -> bool:
    """Return whether a platform is one of a row's; of others, what the common ones all are."""
    machines = MACHINES.get(marker["sys_platform"], ())
    if marker["platform_machine"] != OTHER or not machines:
        return row.has(marker, libc)
    return all(row.has({**marker, "platform_machine": one}, libc) for one in machines)


def _is_marker(fact: str) -> bool:
    return FACTS[fact].kind is MARKERS


def on_target(
    machine: Machine, selector: Selector, target: Target, here: Mapping[str, str]
) -> tuple[Machine, tuple[str, ...]]:
    """Return the machine that a command states, and what to note of it.

    What ``target`` settles is as it says, what its machines cannot have is absent, and all else is
    as on ``machine``, whose marker variables are ``here``.
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
    """Return what ``request`` gets on each platform: a `Decision` that has `Regions`.

    Facts that a platform cannot have are absent there, markers are judged there, and all else is as
    on ``machine``. ``here`` are this machine's marker variables. A variant that is asked for is
    taken where it can be at all, or everywhere if it can be nowhere. On other platforms the choice
    is that of a machine of which nothing else is known. What a lock is to keep is kept.

    It stops only where no platform gets a variant.
    """
    selector = with_standing(selector)
    decision = decide(selector, machine, replace(request, kept=()), Environment())
    numbers = {
        variant.key: index
        for index, variant in enumerate(selector.variants)
        if variant.refuse is None
    }
    kept = [(one.variant, _told_apart(one.marker)) for one in request.kept]
    kept = [(key, marker) for key, marker in kept if key in numbers]
    cells = list_cells([*_markers(selector), *(text for _, text in kept)], here)
    if len(cells) > MOST_CELLS:
        note = "its markers tell too many platforms apart, so the lock is for this one alone"
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
    variants = tuple(one for index, one in enumerate(selector.variants) if index in used)
    return replace(decision, variants=variants, stop=None, notes=tuple(notes), regions=regions)


def _fitting(selector: Selector, machine: Machine) -> list[int]:
    """Return what a machine gets: the first variant that fits, or all that do."""
    fitting: list[int] = []
    for index, variant in enumerate(selector.variants):
        if judge(variant.when, machine)[0]:
            if not fitting and (variant.refuse is not None or not selector.choose):
                return [index if variant.refuse is None else ~index]
            fitting += [index] if variant.refuse is None else []
    return fitting


def can_be_on(selector: Selector, variant: str, here: Mapping[str, str]) -> bool:
    """Return whether a variant, by its key, can be at all where the markers are ``here``."""
    cells = [cell for cell in list_cells(_markers(selector), here) if cell.here]
    can_be = _possible(selector, cells)
    index = [one.key for one in selector.variants].index(variant)
    return any(can_be(index, cell) for cell in cells)


def _markers(selector: Selector) -> list[str]:
    return [str(one.wanted) for one in selector.conditions if _is_marker(one.fact)]


def _possible(selector: Selector, cells: Iterable[Cell]) -> Callable[[int, Cell], bool]:
    """Return what says whether a variant, by its number, can be on a platform at all."""
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
                all(can_hold(fact, wanted, one) for fact, wanted in alternative.items())
                for alternative in when
                for one in alike[cell.system]
            )
        return known[key]

    return can_be


def _is_kept(marker: str, cell: Cell, can_be: bool) -> bool:
    """Return whether a lock names a variant on a platform; without a marker, where it can be."""
    try:
        return evaluate(marker, cell.marker) if marker else can_be
    except CannotTellError:
        return False


def _told_apart(marker: str) -> str:
    """Return a lock's marker with ``python_version``, where it has the full one for that.

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
