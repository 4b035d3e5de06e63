"""The kinds of value that facts have: how each is parsed, written, shown and judged.

selector-backend judges with it at installation; selector-runtime has a copy, and judges with that
at import. So it imports neither of them, and as little as possible.

A condition asks one thing of one fact. The values, and what is asked of them:

==============  ==================================  =======================================
kind            value                               what is asked
==============  ==================================  =======================================
`VERSION`       ``"12.4"``                          a specifier: ``">=12,<13"``
`VERSIONS`      ``("7.5", "8.6")``, of the devices  a specifier that one of them is in, or
                                                    after `EVERY`, that all of them are in
`NAMES`         ``frozenset({"avx2", "fma"})``      names that all are in it; ``gfx94*`` is
                                                    any with that prefix
`LIBRARIES`     ``frozenset({"libmpi.so.40"})``     likewise, not normalized
`FEATURES`      ``frozenset({"64-bit"})``           likewise
`PROPERTIES`    ``frozenset({"a :: b :: c"})``      properties (PEP 817), likewise
`DISTRIBUTIONS` ``frozenset({"torch==2.9.1"})``     requirements, all of which are met
`MARKERS`       ``{"sys_platform": "linux"}``       a marker
any             ``None``, where it is absent        ``True`` or ``False``: is it present
==============  ==================================  =======================================

Versions are plain releases: numbers with dots between them. Those of distributions are any of
PEP 440; `packaging`, which compares them, is imported where a requirement has a specifier.
"""

from __future__ import annotations

import re

from .markers import (
    MARKER_VARIABLES,
    NAME_FORMAT,
    VERSION_FORMAT,
    CannotTellError,
    distribution_of,
    evaluate,
    is_release,
    marker_variables,
    normalize,
    normalize_name,
    quoted,
    release_key,
    satisfies,
)

TYPE_CHECKING = False  # `typing` takes long to import; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Union

    Wanted = Union[bool, str, tuple[str, ...]]
    Value = Union[str, tuple[str, ...], frozenset[str], Mapping[str, str]]

#: The prefix of a specifier that the version of every device has to be in, not just of one.
EVERY = "every "

# A name, such as ``avx2``; PEP 817's form of a property, with any spaces between its parts.
_NAME = r"(?a)[\w.+-]+"
_PROPERTY = r"(?a)\s*([a-z0-9_]+)\s*::\s*([a-z0-9_]+)\s*::\s*([a-z0-9_.]+)\s*"
# An installed distribution, with its version if that is known; and a requirement on one.
_DISTRIBUTION = rf"(?a)({NAME_FORMAT})(?:\s*==\s*({VERSION_FORMAT}))?"
_REQUIREMENT = r"([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)([=<>!~].*)?"


class Kind:
    """A kind of value. ``title`` is what people call it."""

    title = "a value"

    def parse(self, text: str) -> Value:
        """Return the value in ``text``, as people write it; commas separate lists.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        return self.load([item.strip() for item in text.split(",") if item.strip()])

    def load(self, data: object) -> Value:
        """Return the value from JSON ``data``: the inverse of `dump`.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        items = [data] if isinstance(data, str) else data
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return self._of(items)
        raise ValueError("expected a list of strings")

    def dump(self, value: Any) -> Any:
        """Return ``value`` as JSON data."""
        return sorted(value)

    def text(self, value: Any) -> str:
        """Return ``value`` as text for people: ``7.5, 8.6``."""
        return ", ".join(sorted(value))

    def named(self, value: Any, wanted: Iterable[Wanted]) -> Any:
        """Return the part of ``value`` that the conditions ``wanted`` name."""
        return value

    def holds(self, fact: str, wanted: Wanted, value: Any, reason: str = "") -> tuple[bool, str]:
        """Return whether the value of ``fact`` is as ``wanted``, and a sentence that says so.

        ``reason`` says why the fact is absent, or not wholly known. Raises `CannotTellError` where
        it cannot be judged.
        """
        if value is None:
            return wanted is False, f"{fact} is absent: {reason}"
        if isinstance(wanted, bool):
            return wanted, f"{fact} is there ({self.text(value)})"
        return self._holds(fact, wanted, value)

    def _of(self, items: list[str]) -> Value:
        raise NotImplementedError

    def _holds(self, fact: str, wanted: str | tuple[str, ...], value: Any) -> tuple[bool, str]:
        raise NotImplementedError


class _Version(Kind):
    title = "a version"

    def parse(self, text: str) -> str:
        return _version(text)

    def load(self, data: object) -> str:
        if isinstance(data, str):
            return _version(data)
        raise ValueError('expected a version as a string, such as "12.4"')

    def dump(self, value: Any) -> Any:
        return value

    def text(self, value: Any) -> str:
        return str(value)

    def _holds(self, fact: str, wanted: str | tuple[str, ...], value: Any) -> tuple[bool, str]:
        held = satisfies(value, str(wanted))
        return held, f"{fact} {value} is {'' if held else 'not '}{wanted}"


class _Versions(Kind):
    title = "versions, one for each device"

    def dump(self, value: Any) -> Any:
        return [*value]

    def text(self, value: Any) -> str:
        return ", ".join(value)

    def _of(self, items: list[str]) -> Value:
        if not items:
            raise ValueError("expected at least one")
        return tuple(sorted(map(_version, items), key=release_key))

    def _holds(self, fact: str, wanted: str | tuple[str, ...], value: Any) -> tuple[bool, str]:
        specifier = str(wanted).removeprefix(EVERY)
        fitting = [version for version in value if satisfies(version, specifier)]
        others = [version for version in value if version not in fitting]
        if specifier != wanted:
            held, shown, but = not others, others or value, ", and each has to be" if others else ""
        else:
            held, shown, but = bool(fitting), fitting[-1:] or value, ""
        verb = ("is" if len(shown) == 1 else "are") + ("" if held else " not")
        return held, f"{fact} {self.text(shown)} {verb} {specifier}{but}"


class _Names(Kind):
    title = "names"

    def text(self, value: Any) -> str:
        return super().text(value) or "none of those asked for"

    def _of(self, items: list[str]) -> Value:
        if not items:
            raise ValueError("expected at least one")
        return frozenset(map(self.normalize, items))

    def normalize(self, name: str) -> str:
        """Return the normalized name: ``avx512_vnni`` for ``AVX512-VNNI``.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        if not re.fullmatch(_NAME, name):
            raise ValueError(f"{name!r} is not a name" if name else "a name is empty")
        return normalize_name(name)

    def holds(self, fact: str, wanted: Wanted, value: Any, reason: str = "") -> tuple[bool, str]:
        held, sentence = super().holds(fact, wanted, value, reason)
        complete = held or not reason or value is None or isinstance(wanted, bool)
        return held, sentence if complete else f"{sentence} ({reason})"

    def _holds(self, fact: str, wanted: str | tuple[str, ...], value: Any) -> tuple[bool, str]:
        asked = wanted if isinstance(wanted, tuple) else (wanted,)
        matches = {name: self._match(name, value) for name in asked}
        missing = [
            f"{name} ({match} is there)" if match else name
            for name, (match, meets) in matches.items()
            if not meets
        ]
        if missing:
            return False, f"{fact} lacks {', '.join(missing)}"
        return True, f"{fact} has {', '.join(match for match, _ in matches.values())}"

    def _match(self, name: str, value: frozenset[str]) -> tuple[str, bool]:
        """Return the item of ``value`` to compare with ``name``, ``""`` if none, and the result."""
        if name.endswith("*"):
            match = min((item for item in value if item.startswith(name[:-1])), default="")
            return match, bool(match)
        return (name, True) if name in value else ("", False)


class _ExactNames(_Names):
    title = "names, as they are written"

    def _of(self, items: list[str]) -> Value:
        return frozenset(map(self.normalize, items))

    def normalize(self, name: str) -> str:
        super().normalize(name)
        return name


class _Properties(_Names):
    title = "properties of wheel variants"

    def normalize(self, name: str) -> str:
        match = re.fullmatch(_PROPERTY, name)
        if match is None:
            raise ValueError(
                f"{name!r} is not a property; expected 'namespace :: feature :: value', "
                "of small letters, digits and '_'"
            )
        return " :: ".join(match.groups())


class _Distributions(_Names):
    title = "distributions, with their versions"

    def _of(self, items: list[str]) -> Value:
        distributions: dict[str, str] = {}
        for item in map(self.normalize, items):
            if distributions.setdefault(distribution_of(item), item) != item:
                raise ValueError(f"{distribution_of(item)} is named more than once")
        return frozenset(distributions.values())

    def normalize(self, name: str) -> str:
        match = re.fullmatch(_DISTRIBUTION, name.strip())
        if match is None:
            raise ValueError(f"{quoted(name)} is not a distribution such as torch==2.9.1, or torch")
        return normalize(match[1]) + (f"=={match[2]}" if match[2] else "")

    def named(self, value: Any, wanted: Iterable[Wanted]) -> Any:
        asked = (text for texts in wanted if isinstance(texts, tuple) for text in texts)
        named = {*map(distribution_of, asked)}
        return frozenset(item for item in value if distribution_of(item) in named)

    def _match(self, name: str, value: frozenset[str]) -> tuple[str, bool]:
        parsed = re.fullmatch(_REQUIREMENT, name)
        if parsed is None:
            return "", False
        start = f"{parsed[1]}=="
        match = next((item for item in value if f"{item}==".startswith(start)), "")
        return match, bool(match) and _meets(match, name)


class _Markers(Kind):
    title = "marker variables"

    def parse(self, text: str) -> Value:
        pairs = [item.partition("=") for item in text.split(",") if item.strip()]
        if not pairs or not all(equals for _, equals, _ in pairs):
            raise ValueError(f"{text!r} is not a list of pairs such as sys_platform=linux")
        return self.load({name.strip(): value.strip() for name, _, value in pairs})

    def load(self, data: object) -> Value:
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            raise ValueError("expected an object of strings, one for each marker variable")
        for name in data:
            if name not in MARKER_VARIABLES:
                import difflib

                near = difflib.get_close_matches(name, MARKER_VARIABLES, n=1)
                hint = f", did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{name!r} is not a marker variable{hint}")
        return dict(data)

    def dump(self, value: Any) -> Any:
        return dict(value)

    def text(self, value: Any) -> str:
        return ", ".join(f"{name}={text}" for name, text in value.items())

    def named(self, value: Any, wanted: Iterable[Wanted]) -> Any:
        used: set[str] = set()
        for marker in wanted:
            try:
                used.update(marker_variables(str(marker)))
            except CannotTellError:  # the verdict says so
                continue
        return {name: text for name, text in value.items() if name in used}

    def _holds(self, fact: str, wanted: str | tuple[str, ...], value: Any) -> tuple[bool, str]:
        held = evaluate(str(wanted), value)
        known = ", ".join(f"{name} is {value[name]!r}" for name in marker_variables(str(wanted)))
        return held, f"{fact} {wanted} is {'true' if held else f'false: {known}'}"


VERSION, VERSIONS, NAMES, LIBRARIES, FEATURES, PROPERTIES, DISTRIBUTIONS, MARKERS = (
    _Version(),
    _Versions(),
    _Names(),
    _ExactNames(),
    _ExactNames(),
    _Properties(),
    _Distributions(),
    _Markers(),
)


def judge(when: Iterable[Mapping[str, Wanted]], facts: Any) -> tuple[bool, str]:
    """Return whether one of the alternatives ``when`` holds, and a sentence that says why.

    An alternative holds if all of its conditions do; without any alternative, everything fits.
    ``facts[name]`` has the ``kind`` and ``value`` of a fact, and the ``reason`` why it is absent,
    or not wholly known. The sentence has the conditions of the alternative that holds, or those
    that fail of each. A condition that cannot be judged fails.
    """
    failures = []
    for alternative in when:
        answers = {name: _answer(name, wanted, facts[name]) for name, wanted in alternative.items()}
        if all(held for held, _ in answers.values()):
            return True, " and ".join(sentence for _, sentence in answers.values())
        failed = {name: sentence for name, (held, sentence) in answers.items() if not held}
        failures.append(", ".join(_with_absent_together(failed, facts)))
    if not failures:
        return True, "it fits every machine"
    return False, "; and ".join(dict.fromkeys(failures))


def _with_absent_together(failed: Mapping[str, str], facts: Any) -> Iterable[str]:
    """Return the sentences, with one for all facts that are absent for the same reason."""
    absent: dict[str, list[str]] = {}
    for name in failed:
        if facts[name].value is None:
            absent.setdefault(facts[name].reason, []).append(name)
    sentences = dict(failed)
    for reason, (*names, last) in absent.items():
        if names:
            together = f"{', '.join(names)} and {last} are absent: {reason}"
            sentences.update(dict.fromkeys([*names, last], together))
    return dict.fromkeys(sentences.values())


def _answer(name: str, wanted: Wanted, fact: Any) -> tuple[bool, str]:
    kind: Kind = fact.kind
    try:
        return kind.holds(name, wanted, fact.value, fact.reason)
    except CannotTellError as error:
        asked = ", ".join(wanted) if isinstance(wanted, tuple) else wanted
        return False, f"{name} {asked} cannot be told: {error}"


def _meets(distribution: str, requirement: str) -> bool:
    """Return whether a distribution (``torch==2.9.1``) meets a requirement on it.

    Pre-releases count too. Raises `CannotTellError` where that is not known.
    """
    name, _, version = distribution.partition("==")
    specifier = requirement[len(name) :]
    if not specifier:
        return True
    if not version:
        raise CannotTellError(f"the version of {name} is not known")
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        raise CannotTellError("packaging, which compares its version, is not installed") from None
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except ValueError as error:
        raise CannotTellError(str(error)) from None


def _version(text: str) -> str:
    if is_release(text.strip()):
        return text.strip()
    raise ValueError(f"{quoted(text)} is not a version; expected numbers with dots between them")
