"""Whether variant wheels are taken where their table says so, by trying.

Every machine that the table can tell apart is given to both: to the decision's own rule, and to the
ordering of PEP 825 over the metadata that would be written, for what the providers support there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from variantlib.models.variant import VariantProperty
from variantlib.resolver.lib import filter_variants
from variantlib.resolver.sorting import sort_variants_descriptions
from variantlib.variants_json import VariantsJson

from ..errors import SelectorError
from ..installing.decision import decide
from ..installing.environment import Environment
from ..installing.request import Request
from .machines import told_apart
from .platforms import ANY, platform_of
from .properties import supports
from .variant_wheels import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..installing.machine import Machine
    from ..installing.table import Selector
    from .variant_wheels import VariantWheel


class DisagreementError(SelectorError):
    """On some machine, variant wheels give another variant than their table."""


def prove(
    selector: Selector, wheels: Sequence[VariantWheel], machines: Iterable[tuple[str, Machine]]
) -> int:
    """Make sure that the wheels are taken as the table says; ``machines`` are tried by name too.

    Where the table chooses nothing, or refuses, no wheel may be taken: the installer is then left
    with the sdist. Returns how many machines were tried. Raises `DisagreementError`, or
    `machines.TooManyError` where the table tells too many machines apart.
    """
    taken = _Ordering(selector, wheels)
    count = 0
    for title, machine in itertools.chain(told_apart(selector, wheels), machines):
        count += 1
        decision = decide(selector, machine, Request(), Environment())
        expected = decision.variants[0].name if decision.variants else None
        found = taken.on(machine)
        if expected != found:
            raise DisagreementError(
                f"{selector.project} {selector.version} has no variant wheels that say the same, "
                f"and none is written. {title}: the table gives {_named(expected)}, and variant "
                f"wheels would give {_named(found)}"
            )
    return count


def _named(variant: str | None) -> str:
    return variant or "nothing, so that the sdist stops with its message"


class _Ordering:
    """What an installer takes: PEP 825's ordering, as `variantlib` has it."""

    def __init__(self, selector: Selector, wheels: Sequence[VariantWheel]) -> None:
        data = metadata(selector, wheels)
        self.wheels = {one.label: one for one in wheels}
        self.read = VariantsJson(data)
        self.known: dict[tuple[Any, ...], str | None] = {}

    def on(self, machine: Machine) -> str | None:
        """Return the name of the variant whose wheel is taken, if one is."""
        facts = {name: fact.value for name, fact in machine.facts.items()}
        supported = tuple(one for one in self._used() if supports(facts, _parts(one)))
        platform = platform_of(facts)
        tags = set(platform.tags) if platform else set()
        labels = tuple(
            label for label, one in self.wheels.items() if {ANY, *tags} & {*one.asked.tags}
        )
        key = (supported, labels)
        if key not in self.known:
            self.known[key] = self._first(supported, labels)
        return self.known[key]

    def _first(self, supported: Sequence[VariantProperty], labels: Sequence[str]) -> str | None:
        here = [self.read.variants[label] for label in labels]
        ordered = [*self._static(), *supported]
        fitting = [*filter_variants(here, ordered)]
        found = sort_variants_descriptions(fitting, ordered)
        return self.wheels[found[0].label].variant.name if found else None

    def _static(self) -> list[VariantProperty]:
        return [
            VariantProperty(namespace, feature, value)
            for namespace, provider in self.read.providers.items()
            for feature, values in provider.static_properties.items()
            for value in values
        ]

    def _used(self) -> list[VariantProperty]:
        """Return what the wheels ask providers for, in the order of their namespaces."""
        order = self.read.namespace_priorities
        used = {one for each in self.read.variants.values() for one in each.properties}
        return sorted(used, key=lambda one: (order.index(one.namespace), one))


def _parts(one: VariantProperty) -> tuple[str, str, str]:
    return one.namespace, one.feature, one.value
