"""The facts of a machine, each with its source, and machine profiles.

Nothing here reads the machine that runs it: `selector_backend.probes` does.
"""

from __future__ import annotations

import collections
import enum
import json
import os

from ..errors import InvalidFileError, Problem, SelectorError, did_you_mean
from .facts import FACTS, text_of
from .kinds import MARKERS
from .markers import quoted
from .shapes import has_shape
from .values import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from .kinds import Kind, Value

#: The format number of machine profiles, and of the facts in a record.
FORMAT = 1

_PROFILE = "machine profile"

#: The option of the command that states a fact.
OPTION = "--set"


class Origin(enum.Enum):
    """Where a fact comes from: the machine that runs this, a variable or option, or a profile."""

    READ = "read"
    STATED = "stated"
    PROFILE = "profile"


@dataclass(frozen=True)
class Fact:
    """One fact of a machine.

    ``source`` is where it was read, as text for people. A fact without a ``value`` is absent, and
    ``reason`` says why, to follow "cuda is absent: "; beside a value, it says what is missing.
    ``not_found`` are the libraries of which the loader found none, if that is why it is absent.
    """

    name: str
    source: str
    value: Value | None = None
    reason: str = ""
    origin: Origin = Origin.READ
    not_found: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """The kind of its value."""
        return FACTS[self.name].kind

    @property
    def text(self) -> str:
        """The value as text for people: ``12.4``, ``7.5, 8.6``, or ``absent``."""
        return text_of(self.name, self.value)

    def dump(self) -> dict[str, Any]:
        """Return the fact as JSON data: ``{"value": "12.4", "source": "NVML"}``."""
        if self.value is None:
            data = {"absent": self.reason, "source": self.source}
            return {**data, "not-found": [*self.not_found]} if self.not_found else data
        data = {"value": self.kind.dump(self.value), "source": self.source}
        return {**data, "missing": self.reason} if self.reason else data


@dataclass(frozen=True)
class ProfileFile:
    """The path of a machine profile, and the setting or variable that names it (``source``)."""

    path: str
    source: str


def load_fact(name: str, data: object, source: str, origin: Origin = Origin.READ) -> Fact:
    """Return the fact in JSON ``data``: the inverse of `Fact.dump`.

    In what people write, a plain value is a fact with that value, and ``null`` an absent one.
    ``source`` is used where the data has none.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    kind = FACTS[name].kind
    if data is None:
        return Fact(name, source, None, "the machine profile says so", origin)
    if not isinstance(data, dict):
        return Fact(name, source, kind.load(data), origin=origin)
    if kind is MARKERS and not data.keys() & {"value", "absent"}:
        return Fact(name, source, kind.load(data), origin=origin)
    unknown = sorted(data.keys() - {"value", "absent", "source", "missing", "not-found"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known; expected 'value' or 'absent', and 'source'")
    if ("value" in data) == ("absent" in data):
        raise ValueError("expected one of 'value' and 'absent'")
    for key in ("source", "absent", "missing"):
        if not isinstance(data.get(key, ""), str):
            raise ValueError(f"expected a string as {key!r}")  # noqa: TRY004 - bad data
    source, not_found = data.get("source", source), data.get("not-found", [])
    if not has_shape(not_found, [str]):
        raise ValueError("expected a list of strings as 'not-found'")
    if "value" in data:
        return Fact(name, source, kind.load(data["value"]), data.get("missing", ""), origin)
    return Fact(name, source, None, data["absent"], origin, tuple(not_found))


@dataclass(frozen=True)
class Machine:
    """The facts that are known of a machine, by name."""

    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Fact:
        """Return the fact ``name``, an absent one if it is not known."""
        return self.facts.get(name) or Fact(name, "nothing", reason="it was not read")

    def with_facts(self, facts: Mapping[str, Fact]) -> Machine:
        """Return the machine with its facts replaced by ``facts`` of the same name."""
        return Machine({name: facts.get(name, fact) for name, fact in self.facts.items()})

    def dump(self) -> dict[str, Any]:
        """Return the machine as JSON data: a machine profile."""
        return {"format": FORMAT, "facts": {name: f.dump() for name, f in self.facts.items()}}


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


def override(name: str, environ: Mapping[str, str]) -> Fact | None:
    """Return the fact that ``SELECTOR_<FACT>`` sets in ``environ``, or ``None`` if it is not set.

    Raises `SelectorError` if the variable is not a value of the fact.
    """
    fact = FACTS[name]
    text = environ.get(fact.variable)
    if text is None:
        return None
    try:
        return parse_stated(name, text, fact.variable, absent=f"{fact.variable} is set to nothing")
    except ValueError as error:
        raise SelectorError(
            f"the environment variable {fact.variable} is {quoted(text)}: {error}; "
            f"for example {fact.example}"
        ) from None


def parse_stated(name: str, text: str, source: str, *, absent: str) -> Fact:
    """Return the fact ``name`` from the text that a person writes; empty, it is ``absent`` (why).

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    if not text.strip():
        return Fact(name, source, None, absent, Origin.STATED)
    return Fact(name, source, FACTS[name].kind.parse(text.strip()), origin=Origin.STATED)


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
