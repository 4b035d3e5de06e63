"""The record of a choice, ``spam-1.0.dist-info/selector.json``: writes and reads it.

A record is read long after it was written, and by the hooks of other projects too. So reading never
raises: a value that is missing or of the wrong type is passed over and noted, and a record that
cannot be used is an `Unusable`, which says why.
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

#: `Record.decided_by` where no variant was asked for: the machine decided, or the installer, which
#: reads variant wheels (PEP 825).
MACHINE, VARIANT_WHEEL = "machine", "variant wheel"

#: The record's name in the ``.dist-info``, and its format number.
RECORD_NAME = "selector.json"
FORMAT = 1


@dataclass(frozen=True)
class Verdict:
    """Whether a variant fits the machine, and the sentence that says why.

    ``fits`` is ``None`` where the choice was forced, so that the variant was not judged.
    ``clashes`` is whether it fits the machine, but disagrees with an installed package.
    """

    variant: str
    fits: bool | None
    reason: str
    clashes: bool = False


@dataclass(frozen=True)
class Record:
    """A choice as it is written into the installed package, without any folder's name.

    ``variants`` are the names of the chosen variants, and ``distributions`` the normalized names of
    theirs, which are uninstalled to change the choice. ``extras`` are the requirements that each of
    the project's extras adds to ``requires``. ``decided_by`` is the request's source. ``table`` is
    the table's `table.dump`, for choosing again; `table.load_selector` reads it. ``passed_over``
    are notes on invalid values of a record that was read.
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
        """The source of the request for these variants, ``None`` if there was none."""
        return None if self.decided_by in (MACHINE, VARIANT_WHEEL) else self.decided_by

    def dump(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        extras = {name: [*requires] for name, requires in self.extras.items()}
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
                {"name": verdict.variant, "fits": verdict.fits, "reason": verdict.reason}
                for verdict in self.verdicts
            ],
            "notes": [*self.notes],
            "table": self.table,
            "backend": self.backend,
        }

    def to_bytes(self) -> bytes:
        """Return the content of the record's file."""
        text = json.dumps(self.dump(), indent=2, ensure_ascii=False) + "\n"
        # A variable that is not UTF-8 has lone surrogates, which are escaped as in JSON.
        return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Unusable:
    """A record that cannot be used, of a ``project`` and ``version``; ``reason`` is a sentence."""

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
        number = data["format"] if isinstance(data["format"], int) else "another"
        return Unusable(f"its format is {number}, and this version reads {FORMAT}")
    values: tuple[Any, ...] = tuple(map(data.get, ("project", "version", "variants")))
    project, version, variants = values
    if not is_name(project) or not is_version(version):
        return Unusable("it does not name its project and version")
    if not isinstance(variants, list) or not variants or not all(map(is_name, variants)):
        return Unusable("it does not name the chosen variants")
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
    """Takes values out of a record, and notes those of another type than expected."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.passed_over: list[str] = []

    def take(self, name: str, shape: Any, expected: str) -> Any:
        """Return a value, or ``None`` with a note if it does not have the shape."""
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
        extras = self.take("extras", {str: [str]}, "an object of lists of texts") or {}
        return {name: tuple(requires) for name, requires in extras.items()}

    def facts(self) -> dict[str, Fact]:
        """Return the facts, without those that this version does not know."""
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
        items = self.take("verdicts", list, "a list") or ()
        valid = [item for item in items if has_shape(item, shape) and shape.keys() <= item.keys()]
        if len(valid) < len(items):
            self.passed_over.append("not all of its verdicts can be read")
        return tuple(Verdict(item["name"], item["fits"], item["reason"]) for item in valid)


def agree(conform: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether the ``conform`` of two choices agree."""
    return all(other.get(name, text) == text for name, text in conform.items())


def is_version(value: object) -> bool:
    """Return whether a value is a version, which is safe in a command."""
    return isinstance(value, str) and re.fullmatch(VERSION_FORMAT, value) is not None
