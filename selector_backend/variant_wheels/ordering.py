"""Whether variant wheels are taken where their table says so, by trying.

Every machine that the table can tell apart is given to both: to the decision's own rule, and to the
ordering of PEP 825 over the metadata that would be written, for what the providers support there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from variantlib.models.variant import VariantProperty
from variantlib.resolver.lib import filter_variants
from variantlib.resolver.sorting import sort_variants_descriptions
from variantlib.variants_json import VariantsJson

from ..checking.platforms import ANY, platform_of, supported_tags
from ..checking.review import variant_key
from ..errors import Problem
from ..model.decision import Environment, NothingFits, Request, decide
from .building import NotExpressibleError, metadata
from .machines import told_apart
from .providers import supports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.decision import Decision
    from ..model.machine import Machine
    from ..model.table import Selector, Variant
    from .building import VariantWheel


def prove(
    selector: Selector, wheels: Sequence[VariantWheel], machines: Iterable[tuple[str, Machine]]
) -> int:
    """Make sure that the wheels are taken as the table says; ``machines`` are tried too.

    Each of those has a name, as the start of a sentence. Where the table chooses nothing, or
    refuses, no wheel may be taken: the installer is then left with the sdist.

    Returns how many machines were tried. Raises `NotExpressibleError`, with a machine of each row
    on which they disagree.
    """
    ordering = Ordering(selector, wheels)
    problems: dict[str, Problem] = {}
    count = 0
    for title, machine in itertools.chain(told_apart(selector, wheels), machines):
        count += 1
        decision = decide(selector, machine, Request(), Environment())
        expected = decision.variants[0] if decision.variants else None
        found = ordering.on(machine)
        if expected is not found:
            problem = _problem(decision, expected, found, title)
            problems.setdefault(problem.key, problem)
    if problems:
        raise NotExpressibleError(selector, [*problems.values()])
    return count


def _problem(
    decision: Decision, expected: Variant | None, found: Variant | None, title: str
) -> Problem:
    refused = decision.stop.refused if isinstance(decision.stop, NothingFits) else None
    of = expected or refused
    gives = f"{refused.name}, which refuses" if refused else getattr(expected, "name", "nothing")
    would = found.name if found else "none of them"
    variants = decision.selector.variants
    key = variant_key(variants.index(of)) if of else "tool.selector.variant"
    return Problem(key, f"{title}, the table gives {gives}, and an installer would take {would}")


class Ordering:
    """What an installer takes: PEP 825's ordering, as `variantlib` has it."""

    def __init__(self, selector: Selector, wheels: Sequence[VariantWheel]) -> None:
        self.wheels = {one.label: one for one in wheels}
        self.read = VariantsJson(metadata(selector, wheels))
        # What the wheels ask providers for, in the order of their namespaces.
        order = self.read.namespace_priorities
        used = {one for each in self.read.variants.values() for one in each.properties}
        self.used = sorted(used, key=lambda one: (order.index(one.namespace), one))
        self.static = [
            VariantProperty(namespace, feature, value)
            for namespace, provider in self.read.providers.items()
            for feature, values in provider.static_properties.items()
            for value in values
        ]
        self.known: dict[object, Variant | None] = {}

    def on(self, machine: Machine) -> Variant | None:
        """Return the variant whose wheel is taken on a machine, if one is."""
        facts = {name: fact.value for name, fact in machine.facts.items()}
        supported = tuple(
            one for one in self.used if supports(facts, one.namespace, one.feature, one.value)
        )
        platform = platform_of(facts)
        tags = supported_tags(platform) if platform else {ANY}
        labels = tuple(
            label for label, one in self.wheels.items() if not tags.isdisjoint(one.asked.tags)
        )
        key = (supported, labels)
        if key not in self.known:
            self.known[key] = self._first(supported, labels)
        return self.known[key]

    def _first(self, supported: Sequence[VariantProperty], labels: Sequence[str]) -> Variant | None:
        here = [self.read.variants[label] for label in labels]
        ordered = [*self.static, *supported]
        fitting = [*filter_variants(here, ordered)]
        found = sort_variants_descriptions(fitting, ordered)
        return self.wheels[found[0].label].variant if found else None
