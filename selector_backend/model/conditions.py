"""Whether a condition of the table holds, and the sentence that says why.

One text, in two distributions: selector-backend judges with it at installation, selector-runtime
at import. So it knows neither of them, and imports as little as it can.

A condition asks one thing of one fact. What it asks, and what a fact's value is:

=====================  ==================================  =================================
the fact is            the value                           what is asked
=====================  ==================================  =================================
a version              ``"12.4"``                          a specifier: ``">=12,<13"``
versions               ``("7.5", "8.6")``, of the devices  a specifier that one of them is in
names                  ``frozenset({"avx2", "fma"})``      names, all of which are there
distributions          ``frozenset({"torch==2.9.1"})``     requirements, all of which are met
the marker variables   ``{"sys_platform": "linux"}``       a marker
any                    ``None``, where it is absent        ``True`` or ``False``: is it there
=====================  ==================================  =================================

Versions are plain releases: numbers with dots between them. Those of distributions are any that
PEP 440 has, and `packaging`, which compares them, is imported where a requirement has a specifier.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # `typing` takes long to import; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Union

    Wanted = Union[bool, str, tuple[str, ...]]
    Value = Union[str, tuple[str, ...], frozenset[str], Mapping[str, str]]

# Longer numbers are nobody's version; Python itself refuses those of thousands of digits.
_RELEASE = r"[0-9]{1,18}(?:\.[0-9]{1,18})*"
_CLAUSE = rf"\s*(~=|==|!=|<=|>=|<|>)\s*({_RELEASE})(\.\*)?\s*"
_TERM = r"""([a-z_]+|"[^"]*"|'[^']*')"""
_COMPARISON = rf"\s*{_TERM}\s*(not\s+in\b|in\b|[<>=!~]+)\s*{_TERM}\s*"
_JOINT = r"\s*(and\b|or\b|[()])\s*"

# What is asked of distributions (``torch>=2.9``), and how one that is there is written.
_REQUIREMENT = r"([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)([=<>!~].*)?"

#: The marker variables whose values are versions. An interpreter before its final release counts
#: as its release.
VERSION_VARIABLES = ("implementation_version", "python_full_version", "python_version")


class CannotTellError(ValueError):
    """Whether a condition holds cannot be told; ``str()`` says why."""


def judge(when: Iterable[Mapping[str, Wanted]], facts: Any) -> tuple[bool, str]:
    """Return whether one of the alternatives ``when`` holds, and the sentence that says why.

    Each alternative is what is asked of each of some facts, all of which must hold; without any
    alternative, everything fits. ``facts[name]`` has the ``value`` of a fact and the ``reason`` why
    it is absent, or not all of it is known. The sentence names what holds of the alternative that
    does, or what does not hold of each. What cannot be told does not hold.
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
    try:
        return holds(name, wanted, fact.value, fact.reason)
    except CannotTellError as error:
        asked = ", ".join(wanted) if isinstance(wanted, tuple) else wanted
        return False, f"{name} {asked} cannot be told: {error}"


def holds(name: str, wanted: Wanted, value: Value | None, reason: str = "") -> tuple[bool, str]:
    """Return whether the fact ``name`` is as ``wanted``, and the sentence that says so.

    Raises `CannotTellError` where that cannot be told.
    """
    if value is None:
        return wanted is False, f"{name} is absent: {reason}"
    if isinstance(wanted, bool):
        return wanted, f"{name} is there ({text_of(value)})"
    if isinstance(value, frozenset):
        return _all_there(name, wanted, value, reason)
    wanted = str(wanted)
    if isinstance(value, str):
        held = satisfies(value, wanted)
        return held, f"{name} {value} is {'' if held else 'not '}{wanted}"
    if isinstance(value, tuple):
        return _one_satisfies(name, wanted, value)
    held = evaluate(wanted, value)
    known = ", ".join(f"{one} is {value[one]!r}" for one in marker_variables(wanted))
    return held, f"{name} {wanted} is {'true' if held else f'false: {known}'}"


def _one_satisfies(name: str, specifier: str, versions: tuple[str, ...]) -> tuple[bool, str]:
    fitting = [version for version in versions if satisfies(version, specifier)]
    if fitting:
        return True, f"{name} {fitting[-1]} is {specifier}"
    either = "is not" if len(versions) == 1 else "are not"
    return False, f"{name} {text_of(versions)} {either} {specifier}"


def _all_there(name: str, wanted: Wanted, names: frozenset[str], reason: str) -> tuple[bool, str]:
    asked = wanted if isinstance(wanted, tuple) else (str(wanted),)
    found = {one: one if one in names else _distribution(one, names) for one in asked}
    missing = [
        f"{one} ({there} is there)" if there else one
        for one, there in found.items()
        if there != one and not _meets(there, one)
    ]
    if missing:
        return False, f"{name} lacks {', '.join(missing)}{reason and f' ({reason})'}"
    return True, f"{name} has {', '.join(found.values())}"


def _distribution(requirement: str, names: frozenset[str]) -> str:
    """Return which of ``names`` is of the distribution that a requirement names, ``""`` if none."""
    found = re.fullmatch(_REQUIREMENT, requirement)
    start = f"{found[1]}==" if found else ""
    return next((one for one in names if found and f"{one}==".startswith(start)), "")


def _meets(distribution: str, requirement: str) -> bool:
    """Return whether a distribution that is there (``torch==2.9.1``) is what is required.

    A pre-release that is installed counts as well. Raises `CannotTellError`.
    """
    name, _, version = distribution.partition("==")
    specifier = requirement[len(name) :]
    if not name or not specifier:
        return bool(name)
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


def text_of(value: Value | None) -> str:
    """Return a fact's value as a person reads it: ``12.4``, ``7.5, 8.6``, or ``absent``."""
    if value is None or isinstance(value, str):
        return value or "absent"
    if isinstance(value, (tuple, frozenset)):
        texts = value if isinstance(value, tuple) else sorted(value)
        return ", ".join(texts) or "none of those asked for"
    return ", ".join(f"{name}={text}" for name, text in value.items())


def is_release(text: str) -> bool:
    """Return whether ``text`` is a plain release, such as ``12.4``."""
    return re.fullmatch(_RELEASE, text) is not None


def release_key(text: str) -> list[int]:
    """Return what plain releases are ordered by; 1.0 is 1.0.0. Of others, their release counts.

    Raises `CannotTellError` for a text that does not begin with one.
    """
    found = re.match(_RELEASE, text)
    if found is None:
        raise CannotTellError(f"{text!r} is not a version")
    numbers = [int(part) for part in found[0].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        del numbers[-1]
    return numbers


def satisfies(version: str, specifier: str) -> bool:
    """Return whether a version is in a specifier (PEP 440) of plain releases.

    Raises `CannotTellError` for one that is no such specifier.
    """
    clauses = [re.fullmatch(_CLAUSE, clause) for clause in specifier.split(",") if clause.strip()]
    if not clauses:
        raise CannotTellError(f"{specifier!r} is not a specifier")
    found = release_key(version)
    answers = [_is_in(found, clause, specifier) for clause in clauses]
    return all(answers)


def _is_in(version: list[int], clause: re.Match[str] | None, specifier: str) -> bool:
    if clause is None:
        raise CannotTellError(f"{specifier!r} is not a specifier of plain releases")
    operator, text, series = clause.groups()
    bound, parts = release_key(text), text.count(".") + 1
    if (series and operator not in ("==", "!=")) or (operator == "~=" and parts == 1):
        raise CannotTellError(f"{specifier!r} is not a specifier")
    # In a series, so many parts of a version have to be those that are written.
    length = parts if series else parts - 1
    in_series = _padded(version, length) == _padded(bound, length)
    if series:
        return in_series is (operator == "==")
    if operator == "~=":
        return version >= bound and in_series
    return {
        "==": version == bound,
        "!=": version != bound,
        "<=": version <= bound,
        ">=": version >= bound,
        "<": version < bound,
        ">": version > bound,
    }[operator]


def _padded(version: list[int], length: int) -> list[int]:
    return [*version, *[0] * length][:length]


def evaluate(marker: str, environment: Mapping[str, str]) -> bool:
    """Evaluate an environment marker of the dependency specifiers specification.

    Raises `CannotTellError` for what is not known here: a variable that ``environment`` does not
    have, an order of texts, ``~=``, ``===``.
    """
    # The levels of parentheses that are open, each of groups with "or" between them.
    levels: list[list[list[bool]]] = [[[]]]
    for token in _tokens(marker):
        if isinstance(token, tuple):
            levels[-1][-1].append(compare(*token, environment))
        elif token == "or":
            levels[-1].append([])
        elif token == "(":
            levels.append([[]])
        elif token == ")":
            groups = levels.pop()
            if not levels:
                raise CannotTellError("a parenthesis is closed that was not opened")
            levels[-1][-1].append(any(map(all, groups)))
    if len(levels) > 1 or not all(levels[0]):
        raise CannotTellError("it is not a marker")
    return any(map(all, levels[0]))


def compare(
    variable: str, operator: str, text: str, turned: bool, environment: Mapping[str, str]
) -> bool:
    """Return whether a comparison of a marker holds. ``turned`` is for ``"linux" in variable``."""
    if variable not in environment:
        raise CannotTellError(f"{variable} is not known")
    value = environment[variable]
    if operator in ("in", "not in"):
        inside = value in text if not turned else text in value
        return inside is (operator == "in")
    if operator == "~=":
        raise CannotTellError("~= is not known in markers; expected >= and ==, as in '3.*'")
    if variable in VERSION_VARIABLES:
        if turned and not is_release(text):
            raise CannotTellError(f"{text!r} is not a version")
        if turned:
            return satisfies(text, operator + ".".join(map(str, release_key(value))))
        return satisfies(value, operator + text)
    if operator in ("==", "!="):
        return (value == text) is (operator == "==")
    raise CannotTellError(f"texts such as {variable} have no order; expected == or !=")


def marker_variables(marker: str) -> tuple[str, ...]:
    """Return the names of the marker variables that ``marker`` uses, in its order.

    Raises `CannotTellError` if it is not a marker.
    """
    return tuple(dict.fromkeys(one[0] for one in comparisons(marker)))


def comparisons(marker: str) -> list[tuple[str, str, str, bool]]:
    """Return the comparisons in ``marker``, as the first arguments of `compare`."""
    return [one for one in _tokens(marker) if isinstance(one, tuple)]


def _tokens(marker: str) -> Iterator[str | tuple[str, str, str, bool]]:
    """Yield the comparisons of a marker, and what joins them."""
    joints, compared = re.compile(_JOINT), re.compile(_COMPARISON)
    position = 0
    while position < len(marker):
        joint = joints.match(marker, position)
        found = joint or compared.match(marker, position)
        if found is None:
            raise CannotTellError(f"{marker!r} is not a marker")
        position = found.end()
        if joint:
            yield joint[1]
            continue
        left, operator, right = found.groups()
        turned = left[0] in "\"'"
        variable, text = (right, left) if turned else (left, right)
        if variable[0] in "\"'" or text[0] not in "\"'":
            raise CannotTellError(f"{found[0].strip()} does not compare a variable with a text")
        yield variable, " ".join(operator.split()), text[1:-1], turned
