"""Which variant wheel an installer takes on a machine: the filter and the order of PEP 825."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checking.platforms import ANY, platform_of, supported_tags
from ..model.facts import FACTS
from ..model.kinds import PROPERTIES
from .building import ORDER, ROW, rows_of
from .providers import supports

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from ..model.kinds import Value
    from ..model.table import Selector, Variant
    from .building import VariantWheel

    Feature = tuple[str, str]


def pick(
    variants: Mapping[str, Mapping[Feature, Sequence[str]]],
    supported: Mapping[Feature, Sequence[str]],
) -> str | None:
    """Return the label of the variant that is taken, ``None`` if none can be.

    ``variants`` are the properties of each label, ``supported`` those of a machine: both by feature
    (namespace and name), ``supported`` with the features, and the values of each, in the order in
    which they are preferred.
    """
    ranks = {label: _rank(properties, supported) for label, properties in variants.items()}
    fitting = [(rank, label) for label, rank in ranks.items() if rank is not None]
    return min(fitting)[1] if fitting else None


def _rank(
    properties: Mapping[Feature, Sequence[str]], supported: Mapping[Feature, Sequence[str]]
) -> list[int] | None:
    """Return the place of a variant's best value of each feature, the last where it has none.

    ``None`` if a feature of it has no value that is supported: then it is left out.
    """
    ranks = {feature: len(values) for feature, values in supported.items()}
    for feature, values in properties.items():
        places = [at for at, one in enumerate(supported.get(feature, ())) if one in values]
        if not places:
            return None
        ranks[feature] = places[0]
    return [*ranks.values()]


class Installer:
    """What an installer takes of a table's variant wheels, by the values of a machine's facts."""

    def __init__(self, selector: Selector, wheels: Sequence[VariantWheel]) -> None:
        self.wheels = {wheel.label: wheel for wheel in wheels}
        #: Whether some of the wheels are not for every platform.
        self.tells_platforms = any([*wheel.asked.tags] != [ANY] for wheel in wheels)
        self._rows = rows_of(wheels)
        self._used: dict[Feature, dict[str, None]] = {}
        for wheel in wheels:
            for feature, values in wheel.asked.properties.items():
                self._used.setdefault(feature, {}).update(dict.fromkeys(values))
        self._named = {
            text
            for condition in selector.conditions
            if FACTS[condition.fact].kind is PROPERTIES and isinstance(condition.wanted, tuple)
            for text in condition.wanted
        }

    def supported(self, facts: Mapping[str, Value | None]) -> dict[Feature, list[str]]:
        """Return the properties, of those that the wheels have, that a machine supports."""
        found = {(ORDER, ROW): self._rows}
        for feature, values in self._used.items():
            some = [one for one in values if supports(facts, (*feature, one), self._named)]
            if some:
                found[feature] = some
        return found

    def at(self, facts: Mapping[str, Value | None]) -> list[str]:
        """Return the labels of the wheels whose tags a machine supports."""
        platform = platform_of(facts)
        tags = supported_tags(platform) if platform else {ANY}
        return [one.label for one in self.wheels.values() if not tags.isdisjoint(one.asked.tags)]

    def told(self, facts: Mapping[str, Value | None]) -> Hashable:
        """Return what tells a machine from others, to an installer."""
        return repr((self.supported(facts), self.at(facts)))

    def take(self, facts: Mapping[str, Value | None]) -> Variant | None:
        """Return the variant whose wheel is taken on a machine, if one is."""
        here = {label: self.wheels[label].properties for label in self.at(facts)}
        label = pick(here, self.supported(facts))
        return None if label is None else self.wheels[label].variant
