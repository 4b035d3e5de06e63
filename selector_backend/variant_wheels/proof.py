"""Tries whether variant wheels are taken where their table says so, on a machine of each kind.

As in `review`, values are made at and beside what conditions name. But machines that there cannot
be are left out here: a machine has a platform that wheels have tags for, a GPU has a driver that
runs it, and a CPU is one that archspec knows.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from ..authoring.conditions import TooManyError, environments, fact_values
from ..authoring.platforms import (
    ANY,
    OF_A_SYSTEM,
    PLATFORMS,
    of_platform,
    platform_of,
    possible,
    supported_tags,
    version_of,
)
from ..checking.review import variant_key
from ..errors import Problem
from ..model.decision import Environment, NothingFits, Request, decide
from ..model.facts import FACTS, holds, text_of
from ..model.kinds import PROPERTIES
from ..model.machine import Fact, Machine
from ..model.markers import evaluate
from ..model.table import namespace_of
from ..probes.cpu import known_targets, names_of
from .building import NotExpressibleError
from .providers import FIRST_GPU, LEVELS, cuda_versions, gpu_versions, supports

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from ..authoring.platforms import Platform
    from ..model.decision import Decision
    from ..model.kinds import Value
    from ..model.table import Selector, Variant
    from .building import VariantWheel

    Facts = Mapping[str, Value | None]

# More kinds of machine are not tried.
_MOST = 50_000
_NVIDIA = {"cuda", "compute-capability"}
_FAMILIES = {platform.family for platform in PLATFORMS}


class Installer:
    """What an installer takes of a table's variant wheels, by the values of a machine's facts.

    That is PEP 825's filter and order: of the wheels that a machine supports, the first by the
    property that has a row's place in the table, which counts before all others.
    """

    def __init__(self, selector: Selector, wheels: Sequence[VariantWheel]) -> None:
        self._wheels = wheels
        #: Whether some of the wheels are not for every platform.
        self.tells_platforms = any([*wheel.asked.tags] != [ANY] for wheel in wheels)
        self._used: dict[tuple[str, str], dict[str, None]] = {}
        for wheel in wheels:
            for feature, values in wheel.asked.properties.items():
                self._used.setdefault(feature, {}).update(dict.fromkeys(values))
        self._named = {
            text
            for condition in selector.conditions
            if FACTS[condition.fact].kind is PROPERTIES and isinstance(condition.wanted, tuple)
            for text in condition.wanted
        }

    def supported(self, facts: Facts) -> dict[tuple[str, str], list[str]]:
        """Return the properties, of those that the wheels ask for, that a machine supports."""
        return {
            feature: held
            for feature, values in self._used.items()
            if (held := [one for one in values if supports(facts, (*feature, one), self._named)])
        }

    def at(self, facts: Facts) -> list[VariantWheel]:
        """Return the wheels whose tags a machine supports."""
        platform = platform_of(facts)
        tags = supported_tags(platform) if platform else {ANY}
        return [wheel for wheel in self._wheels if not tags.isdisjoint(wheel.asked.tags)]

    def told(self, facts: Facts) -> Hashable:
        """Return what tells a machine from others, to an installer."""
        return repr((self.supported(facts), [wheel.label for wheel in self.at(facts)]))

    def take(self, facts: Facts) -> Variant | None:
        """Return the variant whose wheel is taken on a machine, if one is."""
        supported = self.supported(facts)
        for wheel in self.at(facts):
            asked = wheel.asked.properties.items()
            if all({*values}.intersection(supported.get(key, ())) for key, values in asked):
                return wheel.variant
        return None


def prove(
    selector: Selector, wheels: Sequence[VariantWheel], machines: Iterable[tuple[str, Machine]]
) -> int:
    """Make sure that the wheels are taken as the table says; ``machines`` are tried too.

    Each of those has a name, as the start of a sentence. Where the table chooses nothing, or
    refuses, no wheel may be taken: the installer is then left with the sdist.

    Returns how many machines were tried. Raises `NotExpressibleError`, with a machine of each row
    on which they disagree, or if there are too many machines to try.
    """
    installer = Installer(selector, wheels)
    problems: dict[str, Problem] = {}
    count = 0
    for title, machine in itertools.chain(_told_apart(selector, installer), machines):
        count += 1
        decision = decide(selector, machine, Request(), Environment())
        taken = installer.take({name: fact.value for name, fact in machine.facts.items()})
        if decision.variants != ((taken,) if taken else ()):
            problem = _problem(decision, taken, title)
            problems.setdefault(problem.key, problem)
    if problems:
        raise NotExpressibleError(selector, [*problems.values()])
    return count


def _problem(decision: Decision, taken: Variant | None, title: str) -> Problem:
    refused = decision.stop.refused if isinstance(decision.stop, NothingFits) else None
    of = next(iter(decision.variants), refused)
    gives = f"{refused.name}, which refuses" if refused else " and ".join(decision.names)
    gives = gives or "nothing"
    would = taken.name if taken else "none of them"
    variants = decision.selector.variants
    key = variant_key(variants.index(of)) if of else "tool.selector.variant"
    return Problem(key, f"{title}, the table gives {gives}, and an installer would take {would}")


def _told_apart(selector: Selector, installer: Installer) -> Iterator[tuple[str, Machine]]:
    """Yield a machine of each kind that the table or the wheels tell apart.

    Each with what it is, as the start of a sentence. Raises `NotExpressibleError` if they are too
    many.
    """
    try:
        groups = [_one_each(some, selector, installer) for some in _values(selector, installer)]
    except TooManyError:
        groups = []
    if not groups or math.prod(map(len, groups)) > _MOST:
        message = f"tells more than {_MOST:,} machines apart, and that many cannot be tried"
        raise NotExpressibleError(selector, [Problem("tool.selector", message)])
    for some in itertools.product(*groups):
        facts = {name: value for each in some for name, value in each.items()}
        platform = platform_of(facts)
        if platform is None or _can_be(facts, platform, selector):
            reason = "this machine has none"
            machine = {name: Fact(name, "a kind", one, reason) for name, one in facts.items()}
            yield _title(facts, platform, selector), Machine(machine)


def _title(facts: Facts, platform: Platform | None, selector: Selector) -> str:
    """Return what a machine is, of what the table asks for: ``Where cuda is 12.4``."""
    asked = [name for name in selector.facts if not of_platform(name)]
    told = " and ".join(f"{name} is {text_of(name, facts[name])}" for name in asked)
    on = f"on {platform}" if platform else ""
    return f"Where {told} {on}".rstrip() if told else f"O{on[1:]}"


def _values(selector: Selector, installer: Installer) -> Iterator[Iterable[Facts]]:
    """Yield the values that machines may have, of facts that go together. Raises `TooManyError`."""
    facts = selector.facts
    if not _NVIDIA.isdisjoint(facts):
        drivers = _one_each(({"cuda": one} for one in cuda_versions()), selector, installer)
        yield [dict.fromkeys(_NVIDIA), *_gpus(drivers)]
    for name in facts:
        if name == "cpu":
            yield ({"cpu": one} for one in (None, *_cpus()))
        elif name not in _NVIDIA and not of_platform(name):
            conditions = [one for one in selector.conditions if one.fact == name]
            yield ({name: one} for one in fact_values(name, conditions))
    if installer.tells_platforms or any(name == "cpu" or of_platform(name) for name in facts):
        yield _platforms(selector)


def _gpus(drivers: Iterable[Facts]) -> Iterator[Facts]:
    """Yield drivers with a GPU each. From CUDA 12 on, they run none that is too old for wheels."""
    for driver, gpu in itertools.product(drivers, gpu_versions()):
        if version_of(gpu) >= FIRST_GPU or version_of(str(driver["cuda"])) < (12, 0):
            yield {**driver, "compute-capability": (gpu,)}


def _cpus() -> Iterator[frozenset[str]]:
    """Yield the CPUs of all families that platforms have."""
    return (names_of(one) for one in known_targets() if one.family.name in _FAMILIES)


def _platforms(selector: Selector) -> Iterator[Facts]:
    """Yield the platforms that wheels have tags for, in all their versions if one is asked for."""
    markers = [str(one.wanted) for one in selector.conditions if one.fact == "marker"]
    markers += [one.enable_if for one in selector.providers if one.enable_if]
    others: dict[Hashable, dict[str, str]] = {}
    for variables in environments(markers):
        rest = {name: text for name, text in variables.items() if name not in OF_A_SYSTEM}
        others.setdefault(tuple(rest.values()), rest)
    for base in PLATFORMS:
        for one in base.versions() if base.fact in selector.facts else [base]:
            for rest in others.values():
                yield {**one.facts, "marker": {**rest, **one.marker}}


def _one_each(values: Iterable[Facts], selector: Selector, installer: Installer) -> list[Facts]:
    """Return the first of ``values`` of each kind: for the table, an installer and `_can_be`."""
    kinds: dict[Hashable, Facts] = {}
    conditions, asked = [*selector.conditions], selector.facts
    for facts in values:
        platform = platform_of(facts)
        held = (
            one
            for one in conditions
            if one.fact in facts and holds(one.fact, one.wanted, facts[one.fact])[0]
        )
        families = _FAMILIES.intersection(facts.get("cpu") or ())
        here = platform and (platform.family, *_possible(platform, asked))
        kind = (frozenset(held), installer.told(facts), frozenset(families), here)
        kinds.setdefault(kind, facts)
    return [*kinds.values()]


def _possible(platform: Platform, facts: Iterable[str]) -> list[str]:
    """Return which of some facts machines of a platform can have."""
    return [name for name in facts if of_platform(name) or possible(platform, name)]


def _can_be(facts: Facts, platform: Platform, selector: Selector) -> bool:
    """Return whether machines of a platform can have some facts."""
    family, cpu, told, marker = (
        platform.family,
        *(facts.get(name) for name in ("cpu", "property", "marker")),
    )
    there = [name for name, value in facts.items() if value is not None]
    namespaces = {*map(namespace_of, told)} if isinstance(told, frozenset) else set()
    return (
        _possible(platform, there) == there
        and (not isinstance(cpu, frozenset) or family in cpu)
        and namespaces & LEVELS.keys() <= {family}
        and all(
            one.namespace not in namespaces
            or one.enable_if is None
            or (isinstance(marker, dict) and evaluate(one.enable_if, marker))
            for one in selector.providers
        )
    )
