"""What installed selector packages get if they are chosen again, alone or together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.decision import Environment, Request, decide
from ...model.facts import FACTS
from ...model.kinds import PROPERTIES
from ...model.machine import Machine, Origin
from ...model.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...model.decision import Decision
    from ..source import Recorded


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
        for name, then in package.record.facts.items():
            now = facts.get(name)
            asked = FACTS[name].kind is not PROPERTIES
            if not asked and now and now.value is None and now.origin is Origin.READ:
                facts[name] = then
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

    Packages depend on one another if their tables have a key of ``conform`` in common, directly or
    through a third package.
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

    Three ways are tried: to leave them as they are, to choose one again, and to choose all again in
    the order of their names; `_cost` says which is best.
    """
    orders = [[], *([one] for one in packages), sorted(packages, key=lambda one: one.key)]
    outcomes = [(order, _decide(order, packages, place)) for order in orders]
    anew, decisions = min(outcomes, key=lambda outcome: _cost(packages, *outcome))
    return [
        Choice(
            package,
            decision=decisions[package.key],
            alone=place.decide(package),
            changes=package in anew and not _has(package, decisions[package.key]),
        )
        for package in [*anew, *(one for one in packages if one not in anew)]
    ]


def _decide(
    anew: Sequence[Recorded], packages: Sequence[Recorded], place: Place
) -> dict[str, Decision]:
    """Choose ``anew`` one after the other, each beside those before it and those that stay."""
    leaving = {package.key for package in anew}
    around = {key: one for key, one in place.selectors.items() if key not in leaving}
    decisions: dict[str, Decision] = {}
    for package in [*anew, *(one for one in packages if one not in anew)]:
        decision = decisions[package.key] = Place(place.machine, around).decide(package)
        if package.key in leaving and decision.names:
            then = package.record
            around[package.key] = Record(then.project, then.version, conform=decision.conform)
    return decisions


def _cost(
    packages: Sequence[Recorded], anew: Sequence[Recorded], decisions: Mapping[str, Decision]
) -> tuple[int, int, int, float]:
    """Return what outcomes are compared by.

    First, what stays has to fit; then, each package should get something; then, none should get
    less than now; last, they should get as much as possible.
    """
    stay = [one for one in packages if one not in anew]
    unfit = sum(not _may_stay(one, decisions[one.key]) for one in stay)
    now = [_depth(one, one.record.variants) for one in anew]
    then = [_depth(one, decisions[one.key].names) for one in anew]
    less = sum(new > old for new, old in zip(then, now))
    return unfit, then.count(1), less, sum(then) - sum(now)


def _has(package: Recorded, decision: Decision) -> bool:
    """Return whether what was decided is what is installed."""
    return bool(decision.names) and {*decision.names} <= {*package.record.variants}


def _may_stay(package: Recorded, decision: Decision) -> bool:
    """Return whether what is installed fits, even if it is not the best."""
    fitting = {verdict.variant for verdict in decision.verdicts if verdict.fits}
    stays = bool(decision.names) and fitting >= {*package.record.variants}
    return stays or _has(package, decision)


def _depth(package: Recorded, names: Sequence[str]) -> float:
    """Return how far down the table a choice is: 0 for its first variant, 1 for nothing at all."""
    table = package.selector.variants
    found = (index for index, variant in enumerate(table) if variant.name in names)
    return next(found, len(table)) / len(table)
