"""The values that tell the conditions of a table apart: at and beside those that they name."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS, MARKERS, VERSION, VERSIONS
from ..model.markers import VERSION_VARIABLES, comparisons, release_key
from ..probes import with_implied

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from packaging.specifiers import SpecifierSet

    from ..model.kinds import Value
    from ..model.table import Condition

#: More machines than this are not tried, and then nothing is said of what is reachable.
MOST = 200_000
#: And no more than this is tried of them: values with conditions, machines with variants.
MOST_TRIALS = 1_000_000
# Nor more comparisons than this, of environments with what markers compare.
_MOST_COMPARED = 100_000
#: Versions below and above all that a table names.
OLDEST, NEWEST = "0", "999999"
_VERSIONS = re.compile(r"\d+(?:\.\d+)*")


class TooManyError(Exception):
    """There are more machines than are tried."""


def fact_values(name: str, conditions: Sequence[Condition]) -> Iterator[Value | None]:
    """Yield what tells ``conditions`` apart: nothing, and values at and beside what they name."""
    yield None
    kind, asked = FACTS[name].kind, [condition.wanted for condition in conditions]
    texts = [one for one in asked if isinstance(one, str)]
    if kind is MARKERS:
        yield from environments(texts)
    elif kind in (VERSION, VERSIONS):
        for version in _versions(texts):
            yield version if kind is VERSION else (version,)
    elif kind is DISTRIBUTIONS:
        yield from _distributions(one for some in asked if isinstance(some, tuple) for one in some)
    else:
        wanted = dict.fromkeys(frozenset(one) for one in asked if isinstance(one, tuple))
        if 2 ** len(wanted) > MOST:
            raise TooManyError
        for count in range(len(wanted) + 1):
            for some in itertools.combinations(wanted, count):
                names = frozenset({"other"}).union(*some)
                yield with_implied(name, names)


def _versions(texts: Iterable[str]) -> list[str]:
    """Return the versions that ``texts`` name, and some just below and above each."""
    found: set[tuple[int, ...]] = {(int(OLDEST),), (int(NEWEST),)}
    for text in itertools.chain.from_iterable(map(named_versions, texts)):
        parts = [int(part) for part in text.split(".")]
        for end in range(1, len(parts) + 1):
            head, last = parts[: end - 1], parts[end - 1]
            near = [[*head, last], [*head, last, 1], [*head, last, 0, 1], [*head, last + 1]]
            if last:
                near.append([*head, last - 1, 999999])
            found.update(tuple(one) for one in near)
    return sorted((".".join(map(str, one)) for one in found), key=release_key)


def named_versions(text: str) -> list[str]:
    """Return the versions that a specifier, or a marker, names."""
    return _VERSIONS.findall(text)


def _distributions(requirements: Iterable[str]) -> Iterator[frozenset[str]]:
    """Yield environments that tell ``requirements`` apart, each with some version of some."""
    specifiers: dict[str, set[SpecifierSet]] = {}
    for one in map(Requirement, requirements):
        specifiers.setdefault(one.name, set()).add(one.specifier)
    candidates = {name: _candidates(some) for name, some in specifiers.items()}
    if sum(len(candidates[name]) * len(some) for name, some in specifiers.items()) > MOST_TRIALS:
        raise TooManyError
    choices = [_some(name, some, candidates[name]) for name, some in specifiers.items()]
    if math.prod(map(len, choices)) > MOST:
        raise TooManyError
    for pins in itertools.product(*choices):
        yield frozenset(filter(None, pins))


def _candidates(specifiers: Collection[SpecifierSet]) -> list[str]:
    """Return versions at and beside those that ``specifiers`` name, and with another label."""
    named = [one.version.removesuffix(".*") for some in specifiers for one in some]
    return [*_versions(named), *named, *(f"{one.partition('+')[0]}+other" for one in named)]


def _some(name: str, specifiers: Collection[SpecifierSet], versions: Iterable[str]) -> list[str]:
    """Return nothing, and a distribution for each set of ``specifiers`` that a version can meet."""
    found: dict[frozenset[SpecifierSet], str] = {}
    for version in versions:
        with contextlib.suppress(ValueError):  # `===` takes any text
            met = frozenset(one for one in specifiers if one.contains(version, prereleases=True))
            found.setdefault(met, f"{name}=={version}")
    return ["", *found.values()]


def environments(markers: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield environments of the variables that ``markers`` use, from the texts beside each."""
    compared = [*itertools.chain.from_iterable(map(comparisons, markers))]
    texts: dict[str, list[str]] = {}
    for variable, _, text, _ in compared:
        texts.setdefault(variable, []).append(text)
    choices = [_texts(name, [*dict.fromkeys(beside)]) for name, beside in texts.items()]
    count = math.prod(map(len, choices))
    if count > MOST or count * len(compared) > _MOST_COMPARED:
        raise TooManyError
    for values in itertools.product(*choices):
        yield dict(zip(texts, values))


def _texts(name: str, beside: list[str]) -> list[str]:
    """Return values that tell apart what the marker variable ``name`` is compared with."""
    if name in VERSION_VARIABLES:
        return _versions(beside)
    return [*beside, " ".join(beside), "other"]
