"""What only authoring needs of a kind of value: a row of `CONDITIONS` for each.

What is needed on the user's machine as well is the kind's class, in `selector_backend.model.kinds`.
Nothing here needs an installed library before it is called: other tools load the schema.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from ..model.facts import FACTS
from ..model.kinds import (
    DISTRIBUTIONS,
    EVERY,
    FEATURES,
    LIBRARIES,
    MARKERS,
    NAMES,
    PROPERTIES,
    VERSION,
    VERSIONS,
)
from ..model.markers import (
    RELEASE,
    VERSION_VARIABLES,
    CannotTellError,
    compare,
    comparisons,
    is_release,
    normalize,
    normalize_name,
    release_key,
)
from ..probes import with_implied
from .structure import Array, Either, Flag, Key, Shape, Table, Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.specifiers import SpecifierSet

    from ..model.facts import FactType
    from ..model.kinds import Kind, Value
    from ..model.table import Condition

#: More machines than this are not tried, and then nothing is said of what is reachable.
MOST = 200_000
#: And no more than this is tried of them: values with conditions, machines with variants.
MOST_TRIALS = 1_000_000
# Nor more comparisons than this, of environments with what markers compare.
_MOST_COMPARED = 100_000
#: Versions below and above all that a table names.
OLDEST, NEWEST = "0", "999999"

# A specifier of plain releases, of which blank clauses are no part.
_BOUNDS = (
    rf"~=\s*{RELEASE}\.[0-9]{{1,18}}",
    rf"[=!]=\s*{RELEASE}(?:\.\*)?",
    rf"[<>]=?\s*{RELEASE}",
)
_CLAUSE = rf"\s*(?:{'|'.join(_BOUNDS)})\s*"
_SPECIFIER = rf"(?:\s*,)*{_CLAUSE}(?:,(?:{_CLAUSE}|\s*))*"

# Names of facts, and PEP 817's form of a property, as all that read the schema know them.
_NAME = "[A-Za-z0-9_.+-]+"
_PROPERTY = " *[a-z0-9_]+ *:: *[a-z0-9_]+ *:: *[a-z0-9_.]+ *"

# Marker variables that mean something for a dependency only.
_NOT_OF_A_MACHINE = ("extra", "extras", "dependency_groups")
# Compared by order, its values are sometimes versions and mostly not.
_KERNEL = "platform_release"


class TooManyError(Exception):
    """There are more machines than are tried."""


@dataclass(frozen=True)
class Conditions:
    """The conditions on facts of a kind.

    ``meaning`` says for the documentation what one is, ``expected`` for messages, with the
    ``{example}`` of the fact. One is a text that ``pattern`` matches, of ``several`` kinds an array
    of them as well, if ``presence`` can be asked for ``true`` or ``false``, and if there are many
    devices a table that asks of ``every`` one; ``closer`` makes a more exact expectation for a text
    that does not match.

    ``read`` returns a text as it is judged; it raises ``ValueError``. ``values`` returns values
    that tell apart what some conditions ask for.
    """

    meaning: str
    expected: str
    read: Callable[[str], str]
    values: Callable[[Sequence[Any]], Iterable[Value]]
    pattern: str = ""
    closer: Callable[[str, str], str] | None = None
    several: bool = True
    presence: bool = True
    every: bool = False

    def shape(self, fact: FactType) -> Shape:
        """Return what a condition on ``fact`` looks like in TOML."""
        expected = self.expected.format(example=fact.example)
        text = self._text(expected)
        shapes: list[Shape] = [text]
        if self.several:
            shapes.append(Array(text, expected, f"found an empty array, expected {expected}"))
        if self.presence:
            shapes.append(Flag())
        if self.every:
            of_every = self._text(expected.partition(",")[0])
            about = "a specifier that the version of every device has to be in"
            missing = f"missing; it is {of_every.expected}"
            shapes.append(Table((Key("every", of_every, about, missing=missing),)))
        return Either(tuple(shapes), expected) if len(shapes) > 1 else text

    def _text(self, expected: str) -> Text:
        return Text(expected, self.pattern, self.closer and partial(self.closer, expected))


def fact_values(name: str, conditions: Iterable[Condition]) -> Iterator[Value | None]:
    """Yield what tells ``conditions`` apart: nothing, and values at and beside what they name.

    Raises `TooManyError`.
    """
    yield None
    asked = [one.wanted for one in conditions if not isinstance(one.wanted, bool)]
    for value in CONDITIONS[FACTS[name].kind].values(asked):
        yield with_implied(name, value)


# --- Versions


def _closer_specifier(expected: str, text: str) -> str:
    """Return what to write instead of ``text``, which is no specifier of plain releases."""
    if is_release(text.strip()):
        return f"{expected}; for that series write '=={text}.*', for it and newer '>={text}'"
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only messages need it

    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return expected
    plain = "versions that are plain numbers such as 12.4, and no '==='"
    return plain if text.strip(", ") else expected  # an empty set is commas and nothing else


def versions_beside(texts: Iterable[str]) -> list[str]:
    """Return the versions that specifiers or markers name, some just below and above each, ordered.

    `OLDEST` and `NEWEST` are among them.
    """
    versions: set[tuple[int, ...]] = {(int(OLDEST),), (int(NEWEST),)}
    for text in itertools.chain.from_iterable(re.findall(r"\d+(?:\.\d+)*", one) for one in texts):
        parts = [int(part) for part in text.split(".")]
        for end in range(1, len(parts) + 1):
            head, last = parts[: end - 1], parts[end - 1]
            near = [[*head, last], [*head, last, 1], [*head, last, 0, 1], [*head, last + 1]]
            if last:
                near.append([*head, last - 1, 999999])
            versions.update(map(tuple, near))
    return sorted((".".join(map(str, one)) for one in versions), key=release_key)


def _devices(specifiers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the versions of a device, and those of several if ``specifiers`` tell these apart.

    A condition on every device fails by one that it does not hold for, so there have to be as many
    devices as such conditions, and one more.
    """
    versions = versions_beside(specifiers)
    if len(versions) * len(specifiers) > MOST_TRIALS:
        raise TooManyError
    kinds: dict[tuple[bool, ...], str] = {}
    for version in versions:
        held = tuple(VERSIONS.holds("", one, (version,))[0] for one in specifiers)
        kinds.setdefault(held, version)
        yield (version,)
    most = min(len(kinds), 1 + sum(one.startswith(EVERY) for one in {*specifiers}))
    if sum(math.comb(len(kinds), count) for count in range(2, most + 1)) > MOST:
        raise TooManyError
    for count in range(2, most + 1):
        yield from itertools.combinations(kinds.values(), count)


# --- Names and distributions


def _sets_of_names(asked: Sequence[tuple[str, ...]]) -> Iterator[frozenset[str]]:
    wanted = dict.fromkeys(map(frozenset, asked))
    if 2 ** len(wanted) > MOST:
        raise TooManyError
    for count in range(len(wanted) + 1):
        for some in itertools.combinations(wanted, count):
            yield frozenset({"other"}).union(*some)


def _read_distribution(text: str) -> str:
    """Return a requirement that an environment can meet. Raises ``ValueError``."""
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker or requirement.url or requirement.extras:
        raise ValueError("expected a name and versions, without a marker, a URL or extras")
    return f"{normalize(requirement.name)}{requirement.specifier}"


def _environments_of(asked: Sequence[tuple[str, ...]]) -> Iterator[frozenset[str]]:
    """Yield distributions that tell requirements apart, each with some version of some."""
    from packaging.requirements import Requirement

    specifiers: dict[str, set[SpecifierSet]] = {}
    for one in map(Requirement, itertools.chain.from_iterable(asked)):
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
    return [*versions_beside(named), *named, *(f"{one.partition('+')[0]}+other" for one in named)]


def _some(name: str, specifiers: Collection[SpecifierSet], versions: Iterable[str]) -> list[str]:
    """Return nothing, and a distribution for each set of ``specifiers`` that a version can meet."""
    found: dict[frozenset[SpecifierSet], str] = {}
    for version in versions:
        with contextlib.suppress(ValueError):  # `===` takes any text
            met = frozenset(one for one in specifiers if one.contains(version, prereleases=True))
            found.setdefault(met, f"{name}=={version}")
    return ["", *found.values()]


# --- Markers


def canonical_marker(text: str) -> str:
    """Return a marker in its canonical form.

    Raises ``ValueError`` for what is no marker, and for one that cannot be told on every machine.
    """
    from packaging.markers import Marker

    marker = str(Marker(text))
    for comparison in comparisons(marker):
        _check(*comparison)
    return marker


def _check(variable: str, operator: str, text: str, turned: bool) -> None:
    """Raise `CannotTellError` for a comparison that says nothing certain of a machine."""
    from packaging.version import InvalidVersion, Version

    if variable in _NOT_OF_A_MACHINE:
        raise CannotTellError("extras and groups say nothing about a machine")
    if variable == _KERNEL and operator in ("==", "!="):
        with contextlib.suppress(InvalidVersion):
            Version(text)
            raise CannotTellError(f"{variable} is a version on some systems only")
    sample = "1" if variable in VERSION_VARIABLES else ""
    compare(variable, operator, text, turned, {variable: sample})


def environments(markers: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield environments of the variables that ``markers`` use, from the texts beside each.

    Raises `TooManyError`.
    """
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
        return versions_beside(beside)
    return [*beside, " ".join(beside), "other"]


_SPECIFIERS = Conditions(
    "a specifier",
    "a specifier (PEP 440) such as '>={example}', or true or false",
    str.strip,
    versions_beside,
    _SPECIFIER,
    _closer_specifier,
    several=False,
)
_EXACT = Conditions(
    "a name, or a list of them",
    "a name such as {example!r}, or an array of names",
    str,
    _sets_of_names,
    _NAME,
    presence=False,
)
#: What there is to say of each kind.
CONDITIONS: Mapping[Kind, Conditions] = {
    VERSION: _SPECIFIERS,
    VERSIONS: replace(
        _SPECIFIERS,
        meaning="a specifier that one version is in, or `{ every = … }`",
        values=_devices,
        every=True,
    ),
    NAMES: Conditions(
        "a name, or a list of them; a `*` at the end stands for anything",
        "a name such as {example!r}, an array of names, true or false",
        normalize_name,
        _sets_of_names,
        rf"{_NAME}\*?",
    ),
    LIBRARIES: _EXACT,
    FEATURES: _EXACT,
    PROPERTIES: Conditions(
        "a property, or a list of them",
        "a property such as {example!r}, or an array of them",
        PROPERTIES.normalize,
        _sets_of_names,
        _PROPERTY,
        presence=False,
    ),
    DISTRIBUTIONS: Conditions(
        "a requirement, or a list of them",
        "a requirement such as 'torch>=2.9', an array of them, true or false",
        _read_distribution,
        _environments_of,
    ),
    MARKERS: Conditions(
        "a marker",
        "a marker such as \"sys_platform == 'linux'\"",
        canonical_marker,
        environments,
        several=False,
        presence=False,
    ),
}
