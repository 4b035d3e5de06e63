"""The kinds of value that facts have: how each is written, read, said and judged.

One text, in two distributions: selector-backend judges with it at installation, selector-runtime
at import. So it knows neither of them, and imports as little as it can.

A condition asks one thing of one fact. What it asks, and what a fact's value is:

==============  ==================================  =======================================
kind            value                               what is asked
==============  ==================================  =======================================
`VERSION`       ``"12.4"``                          a specifier: ``">=12,<13"``
`VERSIONS`      ``("7.5", "8.6")``, of the devices  a specifier that one of them is in, or
                                                    after `EVERY`, that all of them are in
`NAMES`         ``frozenset({"avx2", "fma"})``      names, all of which are there; ``gfx94*``
                                                    is any that begins so
`LIBRARIES`     ``frozenset({"libmpi.so.40"})``     likewise, and as they are written
`FEATURES`      ``frozenset({"64-bit"})``           likewise
`PROPERTIES`    ``frozenset({"a :: b :: c"})``      properties (PEP 817), likewise
`DISTRIBUTIONS` ``frozenset({"torch==2.9.1"})``     requirements, all of which are met
`MARKERS`       ``{"sys_platform": "linux"}``       a marker
any             ``None``, where it is absent        ``True`` or ``False``: is it there
==============  ==================================  =======================================

Versions are plain releases: numbers with dots between them. Those of distributions are any that
PEP 440 has, and `packaging`, which compares them, is imported where a requirement has a specifier.
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

#: What begins a specifier that the version of every device has to be in, and not just one.
EVERY = "every "

# A name, such as ``avx2``; PEP 817's form of a property, whose parts may be set apart as one likes.
_NAME = r"(?a)[\w.+-]+"
_PROPERTY = r"(?a)\s*([a-z0-9_]+)\s*::\s*([a-z0-9_]+)\s*::\s*([a-z0-9_.]+)\s*"
# A distribution that is installed, and its version if that is known; and what is asked of one.
_DISTRIBUTION = rf"(?a)({NAME_FORMAT})(?:\s*==\s*({VERSION_FORMAT}))?"
_REQUIREMENT = r"([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)([=<>!~].*)?"


class Kind:
    """A kind of value. ``title`` is what people call it."""

    title = "a value"

    def parse(self, text: str) -> Value:
        """Return the value that ``text`` stands for, as people write it; commas separate lists.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        return self.load([item.strip() for item in text.split(",") if item.strip()])

    def load(self, data: object) -> Value:
        """Return the value that the JSON ``data`` stands for: the inverse of `dump`.

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
        """Return ``value`` as a person reads it: ``7.5, 8.6``."""
        return ", ".join(sorted(value))

    def named(self, value: Any, wanted: Iterable[Wanted]) -> Any:
        """Return what of ``value`` the conditions ``wanted`` name."""
        return value

    def holds(self, fact: str, wanted: Wanted, value: Any, reason: str = "") -> tuple[bool, str]:
        """Return whether the value of the fact so named is as ``wanted``, and the sentence for it.

        ``reason`` says why the fact is absent, or not all of it is known. Raises `CannotTellError`
        where it cannot be told.
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
        """Return a name as names are compared: ``AVX512-VNNI`` is ``avx512_vnni``.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        if not re.fullmatch(_NAME, name):
            raise ValueError(f"{name!r} is not a name" if name else "a name is empty")
        return normalize_name(name)

    def holds(self, fact: str, wanted: Wanted, value: Any, reason: str = "") -> tuple[bool, str]:
        held, sentence = super().holds(fact, wanted, value, reason)
        whole = held or not reason or value is None or isinstance(wanted, bool)
        return held, sentence if whole else f"{sentence} ({reason})"

    def _holds(self, fact: str, wanted: str | tuple[str, ...], value: Any) -> tuple[bool, str]:
        asked = wanted if isinstance(wanted, tuple) else (wanted,)
        answers = {name: self._find(name, value) for name in asked}
        missing = [
            f"{name} ({there} is there)" if there else name
            for name, (there, meets) in answers.items()
            if not meets
        ]
        if missing:
            return False, f"{fact} lacks {', '.join(missing)}"
        return True, f"{fact} has {', '.join(there for there, _ in answers.values())}"

    def _find(self, name: str, value: frozenset[str]) -> tuple[str, bool]:
        """Return what of ``value`` is compared with ``name``, and whether it is what is asked."""
        if name.endswith("*"):
            there = min((one for one in value if one.startswith(name[:-1])), default="")
            return there, bool(there)
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
        asked = (one for some in wanted if isinstance(some, tuple) for one in some)
        named = {*map(distribution_of, asked)}
        return frozenset(one for one in value if distribution_of(one) in named)

    def _find(self, name: str, value: frozenset[str]) -> tuple[str, bool]:
        match = re.fullmatch(_REQUIREMENT, name)
        start = f"{match[1]}==" if match else ""
        there = next((one for one in value if match and f"{one}==".startswith(start)), "")
        return there, bool(there) and _meets(there, name)


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
            except CannotTellError:  # as its verdict says
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
    """Return whether one of the alternatives ``when`` holds, and the sentence that says why.

    Each alternative is what is asked of each of some facts, all of which must hold; without any
    alternative, everything fits. ``facts[name]`` has the ``kind`` and ``value`` of a fact, and the
    ``reason`` why it is absent, or not all of it is known. The sentence names what holds of the
    alternative that does, or what does not hold of each. What cannot be told does not hold.
    """
    failures = []
    for alternative in when:
        answers = [_answer(name, wanted, facts[name]) for name, wanted in alternative.items()]
        if all(held for held, _ in answers):
            return True, " and ".join(sentence for _, sentence in answers)
        failures.append(", ".join(sentence for held, sentence in answers if not held))
    if not failures:
        return True, "it fits every machine"
    return False, "; and ".join(dict.fromkeys(failures))


def _answer(name: str, wanted: Wanted, fact: Any) -> tuple[bool, str]:
    kind: Kind = fact.kind
    try:
        return kind.holds(name, wanted, fact.value, fact.reason)
    except CannotTellError as error:
        asked = ", ".join(wanted) if isinstance(wanted, tuple) else wanted
        return False, f"{name} {asked} cannot be told: {error}"


def _meets(distribution: str, requirement: str) -> bool:
    """Return whether a distribution (``torch==2.9.1``) is what is required.

    A pre-release that is installed counts as well. Raises `CannotTellError`.
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
