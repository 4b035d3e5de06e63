"""The record of a choice, ``spam-1.0.dist-info/selector.json``: written here, and read here.

A record is read long after it was written, and by the hooks of other projects too. So reading never
raises: what is missing in a record, or of a wrong type, is passed over and noted, and a record that
cannot be used at all is an `Unusable`, which says why.
"""

from __future__ import annotations

import json
import re

from .facts import FACTS
from .machine import Fact, load_fact
from .markers import VERSION_FORMAT, is_name, normalize
from .shapes import has_shape
from .values import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: What decides where nothing was asked for: the machine or, where the installer reads variant
#: wheels (PEP 825), the one that it took by its properties.
MACHINE, VARIANT_WHEEL = "machine", "variant wheel"

#: The record's name in the ``.dist-info``, and its format number.
RECORD_NAME = "selector.json"
FORMAT = 1


@dataclass(frozen=True)
class Verdict:
    """Whether a variant fits the machine, and the sentence that says why.

    ``fits`` is ``None`` where the variant was not judged, since the choice was forced. ``clashes``
    is whether the machine would do, and what else is installed does not.
    """

    variant: str
    fits: bool | None
    reason: str
    clashes: bool = False


@dataclass(frozen=True)
class Record:
    """A choice as it is written into the installed package.

    It names no place. ``variants`` are the names of the variants chosen, and ``distributions`` what
    stands for them, by normalized name: what goes if the choice is to change. ``extras`` are what
    each of the project's extras adds to ``requires``, if it adds anything.
    ``decided_by`` is the request's source. ``table`` is the table's `table.dump`, for choosing
    again; `table.load_selector` reads it. ``passed_over`` says what was wrong in a record that was
    read.
    """

    project: str
    version: str
    variants: tuple[str, ...] = ()
    decided_by: str = ""
    distributions: tuple[str, ...] = ()
    conform: Mapping[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    backend: str = ""
    table: Any = None
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """The project's normalized name."""
        return normalize(self.project)

    @property
    def forced_by(self) -> str | None:
        """What asked for those variants, ``None`` where nobody did."""
        return None if self.decided_by in (MACHINE, VARIANT_WHEEL) else self.decided_by

    def dump(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        extras = {name: [*some] for name, some in self.extras.items()}
        return {
            "format": FORMAT,
            "project": self.project,
            "version": self.version,
            "variants": [*self.variants],
            "decided-by": self.decided_by,
            "distributions": [*self.distributions],
            "conform": dict(self.conform),
            "requires": [*self.requires],
            **({"extras": extras} if extras else {}),
            "facts": {name: fact.dump() for name, fact in self.facts.items()},
            "verdicts": [
                {"name": one.variant, "fits": one.fits, "reason": one.reason}
                for one in self.verdicts
            ],
            "notes": [*self.notes],
            "table": self.table,
            "backend": self.backend,
        }

    def to_bytes(self) -> bytes:
        """Return the content of the record's file."""
        text = json.dumps(self.dump(), indent=2, ensure_ascii=False) + "\n"
        # A variable that is not UTF-8 has lone surrogates; escaped like this they are JSON.
        return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Unusable:
    """A record that cannot be used. ``reason`` is a sentence on it, the others name its package."""

    reason: str
    project: str = ""
    version: str = ""

    @property
    def key(self) -> str:
        """The project's normalized name."""
        return normalize(self.project)


def parse_record(content: str | bytes) -> Record | Unusable:
    """Return the record in a file's content: the inverse of `Record.to_bytes`."""
    try:
        data = json.loads(content)
    except UnicodeDecodeError:
        return Unusable("it is not UTF-8 text")
    except (ValueError, RecursionError):
        return Unusable("it is not JSON")
    if not isinstance(data, dict) or "format" not in data:
        return Unusable("it is not a record of selector-backend")
    if data["format"] != FORMAT:
        found = data["format"] if isinstance(data["format"], int) else "another"
        return Unusable(f"its format is {found}, and this version reads {FORMAT}")
    values: tuple[Any, ...] = tuple(map(data.get, ("project", "version", "variants")))
    project, version, variants = values
    if not is_name(project) or not is_version(version):
        return Unusable("it does not name its project and version")
    if not isinstance(variants, list) or not variants or not all(map(is_name, variants)):
        return Unusable("it does not say which variants were chosen")
    reader = _Reader(data)
    return Record(
        project=project,
        version=version,
        variants=tuple(variants),
        decided_by=reader.text("decided-by"),
        distributions=tuple(filter(is_name, reader.texts("distributions"))),
        conform=reader.pairs("conform"),
        requires=reader.texts("requires"),
        extras=reader.extras() if "extras" in data else {},
        facts=reader.facts(),
        verdicts=reader.verdicts(),
        notes=reader.texts("notes"),
        backend=reader.text("backend"),
        table=data.get("table"),
        passed_over=tuple(reader.passed_over),
    )


class _Reader:
    """Takes values out of a record, and notes those that are not of the type wanted."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.passed_over: list[str] = []

    def take(self, name: str, shape: Any, expected: str) -> Any:
        """Return a value, or ``None`` and a note where there is none of this shape."""
        value = self.data.get(name)
        if has_shape(value, shape):
            return value
        self.passed_over.append(f"{name} is not {expected}")
        return None

    def text(self, name: str) -> str:
        return self.take(name, str, "a text") or ""

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.take(name, [str], "a list of texts") or ())

    def pairs(self, name: str) -> Mapping[str, str]:
        return self.take(name, {str: str}, "an object of texts") or {}

    def extras(self) -> dict[str, tuple[str, ...]]:
        found = self.take("extras", {str: [str]}, "an object of lists of texts") or {}
        return {name: tuple(some) for name, some in found.items()}

    def facts(self) -> dict[str, Fact]:
        """Return the facts; those that this version does not know are no fault of the record."""
        facts: dict[str, Fact] = {}
        for name, data in (self.take("facts", dict, "an object") or {}).items():
            if name in FACTS:
                try:
                    facts[name] = load_fact(name, data, "the record")
                except ValueError:
                    self.passed_over.append(f"facts.{name} is not a fact")
        return facts

    def verdicts(self) -> tuple[Verdict, ...]:
        shape = {"name": str, "fits": (bool, type(None)), "reason": str}
        found = self.take("verdicts", list, "a list") or ()
        whole = [one for one in found if has_shape(one, shape) and shape.keys() <= one.keys()]
        if len(whole) < len(found):
            self.passed_over.append("not all of its verdicts can be read")
        return tuple(Verdict(one["name"], one["fits"], one["reason"]) for one in whole)


def agree(conform: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two choices agree on what a whole environment has to agree on."""
    return all(other.get(name, text) == text for name, text in conform.items())


def is_version(value: object) -> bool:
    """Return whether a value is a version, safe in a command."""
    return isinstance(value, str) and re.fullmatch(VERSION_FORMAT, value) is not None
