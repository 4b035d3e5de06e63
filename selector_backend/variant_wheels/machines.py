"""The kinds of machine that a table, or its variant wheels, can tell apart.

As in `review`, values are made at and beside what conditions name. But machines that there cannot
be are left out here: a machine has a platform that wheels have tags for, a GPU has a driver that
runs it, and a CPU has no features that no CPU of its family has.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import TYPE_CHECKING, cast

from ..checking.platforms import (
    ANY,
    PLATFORMS,
    family_of,
    of_marker,
    of_platform,
    platform_facts,
    platform_of,
    possible,
    supported_tags,
    versions_of,
)
from ..checking.samples import TooManyError, environments, fact_values
from ..checking.vocabulary import dropped_gpus, oldest_gpu
from ..errors import Problem
from ..model.facts import holds, text_of
from ..model.machine import Fact, Machine
from ..model.markers import CannotTellError, evaluate, release_key
from ..model.table import namespace_of
from ..probes.cpu import names_of, with_implied
from .building import NotExpressibleError
from .providers import cuda_versions, gpu_versions, supports

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeVar

    from ..checking.platforms import Platform
    from ..model.kinds import Value
    from ..model.table import Provider, Selector
    from .building import VariantWheel

    T = TypeVar("T")
    Facts = Mapping[str, Value | None]

# More kinds of machine are not tried.
_MOST = 50_000


def told_apart(selector: Selector, wheels: Sequence[VariantWheel]) -> Iterator[tuple[str, Machine]]:
    """Yield a machine of each kind, and what it is, as the start of a sentence.

    Raises `NotExpressibleError` if they are too many.
    """
    try:
        groups = _groups(selector, _Kinds(selector, wheels))
    except TooManyError:
        raise _too_many(selector) from None
    if math.prod(map(len, groups)) > _MOST:
        raise _too_many(selector)
    for some in itertools.product(*groups):
        facts = {name: value for each in some for name, value in each.items()}
        if _can_be(facts, selector):
            yield _title(facts, selector.facts), _machine(facts)


def _groups(selector: Selector, kinds: _Kinds) -> list[list[Facts]]:
    """Return what machines have of the facts that go together, one of each kind.

    Raises `TooManyError`.
    """
    groups: list[list[Facts]] = []
    if not _NVIDIA.isdisjoint(selector.facts):
        groups.append(_one_each(_gpus(kinds), kinds.of))
    if kinds.tags or any(map(_of_computer, selector.facts)):
        groups.append(_one_each(_computers(selector, kinds), kinds.of))
    for name in selector.facts:
        if name not in _NVIDIA and not _of_computer(name):
            conditions = [one for one in kinds.conditions if one.fact == name]
            machines = ({name: one} for one in fact_values(name, conditions))
            groups.append(_one_each(machines, kinds.of))
    return groups


def _too_many(selector: Selector) -> NotExpressibleError:
    message = f"tells more than {_MOST:,} machines apart, and that many cannot be tried"
    return NotExpressibleError(selector, [Problem("tool.selector", message)])


class _Kinds:
    """Tells machines apart by what holds of the table there, and by what the wheels ask for."""

    def __init__(self, selector: Selector, wheels: Sequence[VariantWheel]) -> None:
        self.facts = selector.facts
        self.conditions = [*dict.fromkeys(selector.conditions)]
        self.used = {
            (*key, value)
            for wheel in wheels
            for key, values in wheel.asked.properties.items()
            for value in values
        }
        self.tags = frozenset(tag for wheel in wheels for tag in wheel.asked.tags) - {ANY}

    def of(self, facts: Facts) -> Hashable:
        """Return what tells a machine from others."""
        held = frozenset(
            one
            for one in self.conditions
            if one.fact in facts and holds(one.fact, one.wanted, facts[one.fact])[0]
        )
        told = frozenset(one for one in self.used if supports(facts, *one))
        platform = platform_of(facts)
        if platform is None:
            return held, told
        here = tuple(possible(platform, name) for name in self.facts)
        return held, told, here, self.tags & supported_tags(platform)


def _one_each(values: Iterable[T], kind: Callable[[T], Hashable]) -> list[T]:
    """Return the first of ``values`` of each kind."""
    found: dict[Hashable, T] = {}
    for one in values:
        found.setdefault(kind(one), one)
    return [*found.values()]


# --- GPUs

_NVIDIA = {"cuda", "compute-capability"}


def _gpus(kinds: _Kinds) -> Iterator[Facts]:
    """Yield a machine without NVIDIA's driver, and drivers with a GPU that they run."""
    yield dict.fromkeys(_NVIDIA)
    drivers = _one_each(
        cuda_versions(),
        lambda one: (kinds.of({"cuda": one}), _oldest(one), one in _dropped()),
    )
    gpus = _one_each(
        gpu_versions(),
        lambda one: (
            kinds.of({"cuda": "13.0", "compute-capability": (one,)}),
            tuple(_runs(driver, one) for driver in drivers),
        ),
    )
    for driver, gpu in itertools.product(drivers, gpus):
        if _runs(driver, gpu):
            yield {"cuda": driver, "compute-capability": (gpu,)}


@functools.cache
def _oldest(cuda: str) -> str:
    return oldest_gpu(int(cuda.partition(".")[0]))


@functools.cache
def _dropped() -> dict[str, set[str]]:
    """Return the GPUs that a driver runs although its CUDA has no code for them."""
    found: dict[str, set[str]] = {}
    for cuda, gpu in dropped_gpus():
        found.setdefault(cuda, set()).add(gpu)
    return found


def _runs(cuda: str, gpu: str) -> bool:
    """Return whether a driver runs a GPU."""
    return release_key(gpu) >= release_key(_oldest(cuda)) or gpu in _dropped().get(cuda, ())


# --- CPUs and platforms


def _of_computer(name: str) -> bool:
    return name == "cpu" or of_platform(name)


def _computers(selector: Selector, kinds: _Kinds) -> Iterator[Facts]:
    """Yield machines of all platforms that wheels have tags for, with CPUs of their family."""
    markers = [str(one.wanted) for one in kinds.conditions if of_marker(one.fact)]
    others = [*environments(markers)] if markers else [{}]
    named = [one for one in kinds.conditions if one.fact == "cpu"]
    partly = [one for one in fact_values("cpu", named) if isinstance(one, frozenset)]
    for base in PLATFORMS:
        cpus: list[Value | None] = [None, *(_cpus(base, partly) if named else ())]
        versions = versions_of(base) if base.fact in selector.facts else [base.version]
        systems = (
            platform_facts(base, version, other)
            for version, other in itertools.product(versions, others)
        )
        for system, cpu in itertools.product(
            _one_each(systems, kinds.of), _one_each(({"cpu": one} for one in cpus), kinds.of)
        ):
            yield {**system, **cpu}


def _cpus(platform: Platform, partly: Iterable[frozenset[str]]) -> Iterator[frozenset[str]]:
    """Yield the CPUs of a platform's machines that archspec knows, and some with less features."""
    from archspec.cpu import TARGETS

    family = family_of(str(platform.marker["platform_machine"]))
    known = [names_of(one) for one in TARGETS.values() if one.family.name == family]
    yield from known
    for names in partly:
        some = with_implied(names | {family})
        if any(some - {"other"} <= one for one in known):
            yield some


# --- Machines


def _can_be(facts: Facts, selector: Selector) -> bool:
    """Return whether there may be such a machine: whether its platform can have its facts."""
    platform = platform_of(facts)
    if platform is None:
        return True
    told = facts.get("property")
    properties = told if isinstance(told, frozenset) else ()
    namespaces = {*map(namespace_of, properties)}
    return all(
        possible(platform, name)
        for name, value in facts.items()
        if value is not None and not of_platform(name)
    ) and all(_is_asked(one, facts) for one in selector.providers if one.namespace in namespaces)


def _is_asked(provider: Provider, facts: Facts) -> bool:
    """Return whether a provider is asked on a machine whose marker variables are known."""
    try:
        marker = cast("Mapping[str, str]", facts["marker"])
        return provider.enable_if is None or evaluate(provider.enable_if, marker)
    except CannotTellError:
        return True


def _machine(facts: Facts) -> Machine:
    reason = "this machine has none"
    return Machine(
        {name: Fact(name, "a kind of machine", one, reason) for name, one in facts.items()}
    )


def _title(facts: Facts, asked: Sequence[str]) -> str:
    """Return what a machine is, of what the table asks for: ``Where cuda is 12.4``."""
    platform = platform_of(facts)
    told = [
        f"{name} is {text_of(name, facts[name])}"
        for name in asked
        if name in facts and not of_platform(name)
    ]
    on = f" on {platform}" if platform else ""
    return f"Where {' and '.join(told)}{on}" if told else f"On {platform}"
