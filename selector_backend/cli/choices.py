"""What installed selector packages get if they are chosen anew, alone or together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..decision import decide
from ..environment import Environment
from ..machine import FACTS, Machine
from ..record import Record
from ..request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..decision import Decision
    from .source import Recorded


@dataclass(frozen=True)
class Place:
    """Where packages are chosen: a machine, and the selector packages installed, by their keys."""

    machine: Machine
    selectors: Mapping[str, Record]

    def decide(self, package: Recorded) -> Decision:
        """Return what ``package`` gets here, whatever is installed of it now."""
        facts = {**self.machine.facts}
        # Providers are not asked; what they said at the time is the best that is known, unless it
        # is stated.
        then = package.record.facts.get("property")
        now = facts.get("property")
        if then and now and now.value is None and now.source == FACTS["property"].source:
            facts["property"] = then
        environment = Environment(tuple(self.selectors.values()))
        return decide(package.selector, Machine(facts), Request(), environment)


@dataclass(frozen=True)
class Choice:
    """What is best for a package, and whether that is another variant than it has.

    ``alone`` is what it would get while all the others stay as they are.
    """

    package: Recorded
    decision: Decision
    alone: Decision
    changes: bool

    @property
    def held(self) -> bool:
        """Whether the package can change only if others do."""
        return self.changes and _has(self.package, self.alone)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """The names of the variants that it gets, and the sentence on each."""
        verdicts, names = self.decision.verdicts, self.decision.names
        return [(one.variant, one.reason) for one in verdicts if one.variant in names]


def linked(packages: Sequence[Recorded]) -> list[list[Recorded]]:
    """Return the packages in groups: together those whose choices depend on one another.

    Those are the ones whose tables name the same in ``conform``, be it over a third one.
    """
    groups: list[tuple[set[str], list[Recorded]]] = []
    for package in packages:
        names = {name for variant in package.selector.variants for name in variant.conform}
        apart = [group for group in groups if not group[0] & names]
        members = []
        for theirs, others in groups:
            if theirs & names:
                names |= theirs
                members += others
        groups = [*apart, (names, [*members, package])]
    return [members for _, members in groups]


def choose(packages: Sequence[Recorded], place: Place) -> list[Choice]:
    """Return what is best for packages that are linked, in the order to install them in.

    What is tried is to leave them as they are, to choose one anew, and to choose all anew, with
    each of them as the first; `_Outcome.cost` says which is best.
    """
    alone = [_try([package], packages, place) for package in packages]
    each_first = [sorted(packages, key=lambda one: one is not first) for first in packages]
    together = [_try(order, packages, place) for order in each_first]
    best = min([_try([], packages, place), *alone, *together], key=lambda outcome: outcome.cost)
    decided_alone = {one.order[0].key: one.decisions[one.order[0].key] for one in alone}
    return [
        Choice(
            package,
            decision=best.decisions[package.key],
            alone=decided_alone[package.key],
            changes=package in best.order and not _has(package, best.decisions[package.key]),
        )
        for package in [*best.order, *(one for one in packages if one not in best.order)]
    ]


@dataclass(frozen=True)
class _Outcome:
    """What comes of choosing the packages of ``order`` anew, one after the other.

    ``cost`` compares outcomes. The first thing is that what stays fits, then that each package
    gets something, then that none gets less than now, and last that they get as much as possible.
    """

    order: Sequence[Recorded]
    decisions: Mapping[str, Decision]
    cost: tuple[int, int, int, float]


def _try(order: Sequence[Recorded], packages: Sequence[Recorded], place: Place) -> _Outcome:
    """Choose anew in ``order``, each beside those chosen before it and those that stay."""
    leaving = [package.key for package in order]
    around = {key: one for key, one in place.selectors.items() if key not in leaving}
    decisions: dict[str, Decision] = {}
    for package in order:
        decision = replace(place, selectors=around).decide(package)
        decisions[package.key] = decision
        if decision.names:
            then = package.record
            around[package.key] = Record(then.project, then.version, conform=decision.conform)
    unfit = nothing = less = 0
    depth = 0.0
    for package in packages:
        names = package.variants
        if package.key not in leaving:
            decisions[package.key] = replace(place, selectors=around).decide(package)
            unfit += not _may_stay(package, decisions[package.key])
        else:
            names = decisions[package.key].names
        nothing += not names
        less += _depth(package, names) > _depth(package, package.variants)
        depth += _depth(package, names)
    return _Outcome(order, decisions, (unfit, nothing, less, depth))


def _has(package: Recorded, decision: Decision) -> bool:
    """Return whether what was decided is what is installed."""
    return bool(decision.names) and {*decision.names} <= {*package.variants}


def _may_stay(package: Recorded, decision: Decision) -> bool:
    """Return whether what is installed fits, be it the best or not."""
    fitting = {verdict.variant for verdict in decision.verdicts if verdict.fits}
    return _has(package, decision) or (bool(decision.names) and fitting >= {*package.variants})


def _depth(package: Recorded, names: Sequence[str]) -> float:
    """Return how far down the table a choice is: 0 for its first variant, 1 for nothing at all."""
    table = [variant.name for variant in package.selector.variants]
    return min((table.index(name) for name in names), default=len(table)) / len(table)
