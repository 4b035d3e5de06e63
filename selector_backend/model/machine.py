"""The facts of a machine, each with its source.

Nothing here reads the machine that runs it: `selector_backend.probes` does.
"""

from __future__ import annotations

import enum

from ..errors import SelectorError
from .facts import FACTS, text_of
from .kinds import MARKERS
from .markers import quoted
from .shapes import has_shape
from .values import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .kinds import Kind, Value

#: The format number of machine profiles, and of the facts in a record.
FORMAT = 1

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
