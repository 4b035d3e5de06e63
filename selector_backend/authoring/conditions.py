"""The conditions on each kind of value, as authoring needs them: a row of `CONDITIONS` for each.

What the user's machine needs too is in the kind's class, in `selector_backend.model.kinds`. Other
tools load the schema, so importing this needs no installed library.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from ..model.facts import FACTS, FactType
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
    Kind,
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
from ..model.table import Condition
from ..probes import with_implied
from .structure import Array, Either, Flag, Key, Shape, Table, Text

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

    from ..model.kinds import Value

#: Limits, beyond which reachability is not checked: machines,
MOST = 200_000
#: trials of values against conditions, and of machines against variants,
MOST_TRIALS = 1_000_000
# and comparisons of environments with markers.
_MOST_COMPARED = 100_000
#: Versions below and above all that a table names.
OLDEST, NEWEST = "0", "999999"

# A specifier of plain releases. Blank clauses are allowed.
_BOUNDS = (
    rf"~=\s*{RELEASE}\.[0-9]{{1,18}}",
    rf"[=!]=\s*{RELEASE}(?:\.\*)?",
    rf"[<>]=?\s*{RELEASE}",
)
_CLAUSE = rf"\s*(?:{'|'.join(_BOUNDS)})\s*"
_SPECIFIER = rf"(?:\s*,)*{_CLAUSE}(?:,(?:{_CLAUSE}|\s*))*"

# Names, and PEP 817's form of a property, in the syntax that all readers of the schema share.
_NAME = "[A-Za-z0-9_.+-]+"
_PROPERTY = " *[a-z0-9_]+ *:: *[a-z0-9_]+ *:: *[a-z0-9_.]+ *"

# Marker variables that only mean something for a dependency.
_NOT_OF_A_MACHINE = ("extra", "extras", "dependency_groups")
# Compared by order, its values are sometimes versions and mostly not.
_KERNEL = "platform_release"


class TooManyError(Exception):
    """There are too many machines to try."""


@dataclass(frozen=True)
class Conditions:
    """The conditions on facts of a kind.

    A condition is a text that ``pattern`` matches; if ``several``, also an array of them; if
    ``presence``, also ``true`` or ``false``; if ``every``, also a table that asks it of every
    device. ``example`` is one for the documentation, and ``expected`` says in messages what it is,
    with the fact's ``{example}``; ``closer`` returns a more exact ``expected`` for a text without a
    match.

    ``read`` returns a text in its canonical form, or raises ``ValueError``. ``values`` returns
    values that tell some conditions apart.
    """

    example: str
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
    """Yield absence, and values that tell ``conditions`` apart: at and beside those they name.

    Raises `TooManyError`.
    """
    yield None
    asked = [condition.wanted for condition in conditions if not isinstance(condition.wanted, bool)]
    for value in CONDITIONS[FACTS[name].kind].values(asked):
        yield with_implied(name, value)


# --- Versions


def _closer_specifier(expected: str, text: str) -> str:
    """Return what is expected instead of ``text``, which is no specifier of plain releases."""
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
    """Return the versions in specifiers or markers, and some just below and above each, sorted.

    `OLDEST` and `NEWEST` are among them.
    """
    versions: set[tuple[int, ...]] = {(int(OLDEST),), (int(NEWEST),)}
    for text in itertools.chain.from_iterable(re.findall(r"\d+(?:\.\d+)*", text) for text in texts):
        parts = [int(part) for part in text.split(".")]
        for end in range(1, len(parts) + 1):
            head, last = parts[: end - 1], parts[end - 1]
            near = [[*head, last], [*head, last, 1], [*head, last, 0, 1], [*head, last + 1]]
            if last:
                near.append([*head, last - 1, 999999])
            versions.update(map(tuple, near))
    return sorted((".".join(map(str, version)) for version in versions), key=release_key)


def can_agree(first: SpecifierSet, other: SpecifierSet) -> bool:
    """Return whether some version may satisfy both."""
    both = first & other
    texts = [clause.version for clause in both]
    versions = [*versions_beside(texts), *(text.removesuffix(".*") for text in texts)]
    return any(both.contains(version, prereleases=True) for version in versions)


def _devices(specifiers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield versions of one device, and of several if ``specifiers`` tell these apart.

    Each condition on every device may fail by another device, so there are as many devices as such
    conditions, and one more.
    """
    versions = versions_beside(specifiers)
    if len(versions) * len(specifiers) > MOST_TRIALS:
        raise TooManyError
    kinds: dict[tuple[bool, ...], str] = {}
    for version in versions:
        held = tuple(VERSIONS.holds("", specifier, (version,))[0] for specifier in specifiers)
        kinds.setdefault(held, version)
        yield (version,)
    most = min(len(kinds), 1 + sum(specifier.startswith(EVERY) for specifier in {*specifiers}))
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
        for names in itertools.combinations(wanted, count):
            yield frozenset({"other"}).union(*names)


def _read_distribution(text: str) -> str:
    """Return a requirement that an environment can meet. Raises ``ValueError``."""
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker or requirement.url or requirement.extras:
        raise ValueError("expected a name and versions, without a marker, a URL or extras")
    return f"{normalize(requirement.name)}{requirement.specifier}"


def _environments_of(asked: Sequence[tuple[str, ...]]) -> Iterator[frozenset[str]]:
    """Yield environments that tell requirements apart, as sets of pins."""
    from packaging.requirements import Requirement

    specifiers: dict[str, set[SpecifierSet]] = {}
    for requirement in map(Requirement, itertools.chain.from_iterable(asked)):
        specifiers.setdefault(requirement.name, set()).add(requirement.specifier)
    candidates = {name: _candidates(group) for name, group in specifiers.items()}
    if sum(len(candidates[name]) * len(group) for name, group in specifiers.items()) > MOST_TRIALS:
        raise TooManyError
    choices = [_choices(name, group, candidates[name]) for name, group in specifiers.items()]
    if math.prod(map(len, choices)) > MOST:
        raise TooManyError
    for pins in itertools.product(*choices):
        yield frozenset(filter(None, pins))


def _candidates(specifiers: Collection[SpecifierSet]) -> list[str]:
    """Return versions at and beside those in ``specifiers``, also with another local label."""
    named = [specifier.version.removesuffix(".*") for group in specifiers for specifier in group]
    return [*versions_beside(named), *named, *(f"{text.partition('+')[0]}+other" for text in named)]


def _choices(name: str, specifiers: Collection[SpecifierSet], versions: Iterable[str]) -> list[str]:
    """Return "" (absent), and a pin for each set of ``specifiers`` that one version can meet."""
    by_met: dict[frozenset[SpecifierSet], str] = {}
    for version in versions:
        with contextlib.suppress(ValueError):  # `===` takes any text
            met = frozenset(item for item in specifiers if item.contains(version, prereleases=True))
            by_met.setdefault(met, f"{name}=={version}")
    return ["", *by_met.values()]


# --- Markers


def canonical_marker(text: str) -> str:
    """Return a marker in its canonical form.

    Raises ``ValueError`` for an invalid marker, and for one that not every machine can evaluate.
    """
    from packaging.markers import Marker

    marker = str(Marker(text))
    for comparison in comparisons(marker):
        _check(*comparison)
    return marker


def _check(variable: str, operator: str, text: str, turned: bool) -> None:
    """Raise `CannotTellError` for a comparison that not every machine can evaluate."""
    from packaging.version import InvalidVersion, Version

    if variable in _NOT_OF_A_MACHINE:
        raise CannotTellError("extras and groups say nothing about a machine")
    if variable == _KERNEL and operator in ("==", "!="):
        with contextlib.suppress(InvalidVersion):
            Version(text)
            raise CannotTellError(f"{variable} is a version on some systems only")
    value = "1" if variable in VERSION_VARIABLES else ""
    compare(variable, operator, text, turned, {variable: value})


def environments(markers: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield values of the variables that ``markers`` use, which tell the markers apart.

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
    '">={example}"',
    "a specifier (PEP 440) such as '>={example}', or true or false",
    str.strip,
    versions_beside,
    _SPECIFIER,
    _closer_specifier,
    several=False,
)
_EXACT = Conditions(
    '"{example}"',
    "a name such as {example!r}, or an array of names",
    str,
    _sets_of_names,
    _NAME,
    presence=False,
)
#: The conditions on each kind.
CONDITIONS: Mapping[Kind, Conditions] = {
    VERSION: _SPECIFIERS,
    VERSIONS: replace(
        _SPECIFIERS,
        values=_devices,
        every=True,
    ),
    NAMES: Conditions(
        '"{example}"',
        "a name such as {example!r}, an array of names, true or false",
        normalize_name,
        _sets_of_names,
        rf"{_NAME}\*?",
    ),
    LIBRARIES: _EXACT,
    FEATURES: _EXACT,
    PROPERTIES: Conditions(
        '"{example}"',
        "a property such as {example!r}, or an array of them",
        PROPERTIES.normalize,
        _sets_of_names,
        _PROPERTY,
        presence=False,
    ),
    DISTRIBUTIONS: Conditions(
        '"torch>=2.9"',
        "a requirement such as 'torch>=2.9', an array of them, true or false",
        _read_distribution,
        _environments_of,
    ),
    MARKERS: Conditions(
        "\"sys_platform == 'linux'\"",
        "a marker such as \"sys_platform == 'linux'\"",
        canonical_marker,
        environments,
        several=False,
        presence=False,
    ),
}
