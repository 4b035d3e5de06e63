"""Checks that installers take variant wheels as the table says, on a machine of each kind.

As in `review`, machines are made from values at and beside those in conditions, but only possible
ones: with a platform that wheels have tags for, a driver that runs the GPU, and a known CPU.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..authoring.conditions import TooManyError, environments, fact_values
from ..authoring.platforms import (
    ANY,
    OF_A_SYSTEM,
    PLATFORMS,
    Platform,
    of_platform,
    platform_of,
    possible,
    supported_tags,
    version_of,
)
from ..authoring.structure import variant_key
from ..model.decision import Decision, Environment, NothingFits, Request, decide
from ..model.facts import FACTS, holds, text_of
from ..model.kinds import PROPERTIES
from ..model.machine import Fact, Machine
from ..model.markers import evaluate
from ..model.problems import Problem
from ..model.table import Selector, Variant, namespace_of
from ..probes.cpu import known_targets, names_of
from .building import NotExpressibleError, VariantWheel
from .properties import FIRST_GPU, LEVELS, cuda_versions, gpu_versions, supports

if TYPE_CHECKING:
    from ..model.kinds import Value

    Facts = Mapping[str, Value | None]

# The most kinds of machine to try.
_MOST = 50_000
_NVIDIA = {"cuda", "compute-capability"}
_FAMILIES = {platform.family for platform in PLATFORMS}


class Installer:
    """A model of an installer, which takes one of a table's variant wheels on a machine.

    By PEP 825, that is the first, in the order of the table, of those that the machine supports.
    """

    def __init__(self, selector: Selector, wheels: Sequence[VariantWheel]) -> None:
        self._wheels = wheels
        #: Whether some wheels are not for every platform.
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
        """Return the properties that the wheels ask for and a machine supports."""
        held = {
            feature: [text for text in texts if supports(facts, (*feature, text), self._named)]
            for feature, texts in self._used.items()
        }
        return {feature: texts for feature, texts in held.items() if texts}

    def at(self, facts: Facts) -> list[VariantWheel]:
        """Return the wheels whose tags a machine supports."""
        platform = platform_of(facts)
        tags = supported_tags(platform) if platform else {ANY}
        return [wheel for wheel in self._wheels if not tags.isdisjoint(wheel.asked.tags)]

    def key(self, facts: Facts) -> Hashable:
        """Return a key that is the same for machines that an installer cannot tell apart."""
        return repr((self.supported(facts), [wheel.label for wheel in self.at(facts)]))

    def take(self, facts: Facts) -> Variant | None:
        """Return the variant whose wheel is taken on a machine, if any."""
        supported = self.supported(facts)
        for wheel in self.at(facts):
            asked = wheel.asked.properties.items()
            if all({*values}.intersection(supported.get(key, ())) for key, values in asked):
                return wheel.variant
        return None


def prove(
    selector: Selector, wheels: Sequence[VariantWheel], machines: Iterable[tuple[str, Machine]]
) -> int:
    """Check that wheels are taken as the table says, and return on how many machines.

    ``machines`` are checked, too. Each has a title, the start of a sentence. Where the table
    chooses nothing, or refuses, no wheel may be taken: then the installer uses the sdist.

    Raises `NotExpressibleError` with a machine for each row that differs, or if there are too many
    machines.
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
    """Yield a machine of each kind that the table or the wheels tell apart, with its title.

    Raises `NotExpressibleError` if there are too many.
    """
    try:
        values = _values(selector, installer)
        groups = [_distinct(group, selector, installer) for group in values]
    except TooManyError:
        groups = []
    if not groups or math.prod(map(len, groups)) > _MOST:
        message = f"tells more than {_MOST:,} machines apart, which is too many to try"
        raise NotExpressibleError(selector, [Problem("tool.selector", message)])
    for parts in itertools.product(*groups):
        facts = {name: value for part in parts for name, value in part.items()}
        platform = platform_of(facts)
        if platform is None or _can_be(facts, platform, selector):
            reason = "this machine has none"
            machine = {name: Fact(name, "a kind", value, reason) for name, value in facts.items()}
            yield _title(facts, platform, selector), Machine(machine)


def _title(facts: Facts, platform: Platform | None, selector: Selector) -> str:
    """Return the title of a machine, by the facts in the table: ``Where cuda is 12.4``."""
    asked = [name for name in selector.facts if not of_platform(name)]
    told = " and ".join(f"{name} is {text_of(name, facts[name])}" for name in asked)
    on = f"on {platform}" if platform else ""
    return f"Where {told} {on}".rstrip() if told else f"O{on[1:]}"


def _values(selector: Selector, installer: Installer) -> Iterator[Iterable[Facts]]:
    """Yield possible values for each group of dependent facts. Raises `TooManyError`."""
    facts = selector.facts
    if not _NVIDIA.isdisjoint(facts):
        drivers = _distinct(({"cuda": version} for version in cuda_versions()), selector, installer)
        yield [dict.fromkeys(_NVIDIA), *_gpus(drivers)]
    for name in facts:
        if name == "cpu":
            yield ({"cpu": names} for names in (None, *_cpus()))
        elif name not in _NVIDIA and not of_platform(name):
            conditions = [condition for condition in selector.conditions if condition.fact == name]
            yield ({name: value} for value in fact_values(name, conditions))
    if installer.tells_platforms or any(name == "cpu" or of_platform(name) for name in facts):
        yield _platforms(selector)


def _gpus(drivers: Iterable[Facts]) -> Iterator[Facts]:
    """Yield drivers with a GPU each; those since CUDA 12 run no GPU below `FIRST_GPU`."""
    for driver, gpu in itertools.product(drivers, gpu_versions()):
        if version_of(gpu) >= FIRST_GPU or version_of(str(driver["cuda"])) < (12, 0):
            yield {**driver, "compute-capability": (gpu,)}


def _cpus() -> Iterator[frozenset[str]]:
    """Return the CPUs of all families that platforms have."""
    return (names_of(target) for target in known_targets() if target.family.name in _FAMILIES)


def _platforms(selector: Selector) -> Iterator[Facts]:
    """Yield the platforms with wheel tags, in all versions if a condition is on these."""
    markers = [str(test.wanted) for test in selector.conditions if test.fact == "marker"]
    markers += [provider.enable_if for provider in selector.providers if provider.enable_if]
    others: dict[Hashable, dict[str, str]] = {}
    for variables in environments(markers):
        rest = {name: text for name, text in variables.items() if name not in OF_A_SYSTEM}
        others.setdefault(tuple(rest.values()), rest)
    for base in PLATFORMS:
        for version in base.versions() if base.fact in selector.facts else [base]:
            for rest in others.values():
                yield {**version.facts, "marker": {**rest, **version.marker}}


def _distinct(values: Iterable[Facts], selector: Selector, installer: Installer) -> list[Facts]:
    """Return the first of ``values`` of each kind that the table or an installer tell apart."""
    kinds: dict[Hashable, Facts] = {}
    conditions, asked = [*selector.conditions], selector.facts
    for facts in values:
        platform = platform_of(facts)
        asked_here = [test for test in conditions if test.fact in facts]
        held = (test for test in asked_here if holds(test.fact, test.wanted, facts[test.fact])[0])
        families = _FAMILIES.intersection(facts.get("cpu") or ())
        here = platform and (platform.family, *_possible(platform, asked))
        kind = (frozenset(held), installer.key(facts), frozenset(families), here)
        kinds.setdefault(kind, facts)
    return [*kinds.values()]


def _possible(platform: Platform, facts: Iterable[str]) -> list[str]:
    """Return the facts that machines of a platform can have, of some."""
    return [name for name in facts if of_platform(name) or possible(platform, name)]


def _can_be(facts: Facts, platform: Platform, selector: Selector) -> bool:
    """Return whether machines of a platform can have all of some facts."""
    family = platform.family
    cpu, told, marker = (facts.get(name) for name in ("cpu", "property", "marker"))
    there = [name for name, value in facts.items() if value is not None]
    namespaces = {*map(namespace_of, told)} if isinstance(told, frozenset) else set()
    return (
        _possible(platform, there) == there
        and (not isinstance(cpu, frozenset) or family in cpu)
        and namespaces & LEVELS.keys() <= {family}
        and all(
            provider.namespace not in namespaces
            or provider.enable_if is None
            or (isinstance(marker, dict) and evaluate(provider.enable_if, marker))
            for provider in selector.providers
        )
    )
