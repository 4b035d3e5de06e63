"""Machine profiles: the facts of a machine as a file, and one fact as a setting."""

from __future__ import annotations

import collections
import json
import os

from ..errors import SelectorError, did_you_mean
from ..model.facts import FACTS
from ..model.machine import FORMAT, OPTION, Fact, Machine, Origin, load_fact, parse_stated
from ..model.problems import InvalidFileError, Problem
from ..model.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from ..model.machine import ProfileFile

_PROFILE = "machine profile"


def load_machine(data: object, file: str, origin: Origin = Origin.PROFILE) -> Machine:
    """Return the machine of a profile's JSON data: the inverse of `Machine.dump`.

    Raises `InvalidFileError` on ``file`` with every problem of the profile, or `SelectorError` if
    it is not a profile of this format.
    """
    if not isinstance(data, dict) or not isinstance(data.get("facts"), dict):
        raise SelectorError(
            f"{file} is not a machine profile: expected an object "
            'such as {"format": 1, "facts": {"cuda": "12.4"}}'
        )
    number = data.get("format")
    if number != FORMAT:
        known = number is None or isinstance(number, int)
        which = f"format {number}" if known else "an unknown format"
        raise SelectorError(
            f"{file} is a machine profile of {which}; this version reads format {FORMAT}"
        )
    facts: dict[str, Fact] = {}
    problems = [
        Problem(str(key), "not a known key; expected 'format' and 'facts'")
        for key in sorted(data.keys() - {"format", "facts"})
    ]
    for name, entry in data["facts"].items():
        if name not in FACTS:
            hint = did_you_mean(name, FACTS)
            problems.append(Problem(f"facts.{name}", f"not a known fact{hint}"))
            continue
        try:
            facts[name] = load_fact(name, entry, _PROFILE, origin)
        except ValueError as error:
            problems.append(Problem(f"facts.{name}", str(error)))
    if problems:
        raise InvalidFileError(file, problems)
    return Machine(facts)


def parse_setting(setting: str) -> Fact:
    """Return the fact of a setting such as ``cuda=12.4``; absent with nothing after the ``=``.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    name, equals, text = setting.partition("=")
    name = name.strip()
    if name not in FACTS:
        hint = did_you_mean(name, FACTS) or f"; the facts are {', '.join(FACTS)}"
        raise ValueError(f"{name!r} is not a fact{hint}")
    example = f"--set {name}={FACTS[name].example}"
    if not equals:
        raise ValueError(f"expected a value, for example {example}")
    try:
        return parse_stated(name, text, OPTION, absent=f"{OPTION} says so")
    except ValueError as error:
        raise ValueError(f"{error}; for example {example}") from None


def read_profile(file: ProfileFile, names: Collection[str]) -> Machine:
    """Return the machine of a profile's file, with the facts ``names`` and no others.

    A fact that the profile does not have is absent. Raises `SelectorError` if the file cannot be
    read, or is not a profile.
    """
    named = f"{file.source} names the machine profile {file.path}"
    try:
        with open(file.path, "rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        hint = ""
        if not os.path.isabs(file.path):
            hint = (
                "; a relative path starts at the folder of the package's source, not where the "
                "installer was started: give the absolute path"
            )
        raise SelectorError(f"{named}, which does not exist{hint}") from None
    except OSError as error:
        raise SelectorError(f"{named}, which cannot be read: {error.strerror}") from None
    except ValueError:
        raise SelectorError(
            f"{file.source} is {file.path!r}; expected the path of a machine profile"
        ) from None
    data = parse_profile(content, f"{named}, which", file.path)
    return stand_in(load_machine(data, file.path), names)


def parse_profile(content: bytes, what: str, file: str) -> Any:
    """Return the JSON data of a profile.

    Raises `SelectorError`, which begins with ``what``, or `InvalidFileError` on ``file`` if an
    object has a key more than once.
    """
    try:
        # Windows PowerShell's `>` writes UTF-16.
        text = content.decode(json.detect_encoding(content))
        return json.loads(text, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise SelectorError(f"{what} is not {error.encoding.upper()} text") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SelectorError(f"{what} is not JSON: {error.msg}, {where}") from None
    except ValueError:
        raise SelectorError(f"{what} has a number of too many digits") from None
    except RecursionError:
        raise SelectorError(f"{what} is nested too deep") from None
    except _TwiceError as error:
        raise InvalidFileError(file, [Problem(str(error), "is given more than once")]) from None


def stand_in(profile: Machine, names: Collection[str]) -> Machine:
    """Return the machine of a profile with the facts ``names``.

    A fact that it does not have is absent; the sources of the others begin with "machine profile".
    """
    facts = {}
    for name in names:
        fact = profile.facts.get(name)
        if fact is None:
            reason = "the machine profile says nothing of it"
            facts[name] = Fact(name, _PROFILE, None, reason, Origin.PROFILE)
        else:
            source = fact.source if fact.source == _PROFILE else f"{_PROFILE}: {fact.source}"
            facts[name] = replace(fact, source=source)
    return Machine(facts)


class _TwiceError(Exception):
    """An object has a key more than once. ``str()`` is the key."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        counts = collections.Counter(key for key, _ in pairs)
        raise _TwiceError(next(key for key, count in counts.items() if count > 1))
    return data
