"""The record of a choice, ``spam-1.0.dist-info/selector.json``: written here, and read here.

A record is read long after it was written, and by the hooks of other projects too. So reading never
raises: what is missing in a record, or of a wrong type, is passed over and noted, and a record that
is of no use at all is an `Unusable`, which says why.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from .machine import FACTS, Fact, load_fact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The record's name in the ``.dist-info``, and its format number.
NAME = "selector.json"
FORMAT = 1

#: What a condition asks of a fact, as the table has it: to be there or not, a text, or several.
Operand = Union[bool, str, "tuple[str, ...]"]

# What is longer is no condition that a table has; Python itself refuses numbers of 4,300 digits.
_LONGEST = 4000

# Names and versions end up in commands. The formats are those of the packaging specifications.
_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(r"[A-Z0-9][A-Z0-9.!+_-]*", re.IGNORECASE | re.ASCII)


def canonical(name: str) -> str:
    """Return a distribution's or a variant's name as names are compared: ``spam-eggs``."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class RecordedVariant:
    """A variant of the table, with its defaults filled in, and what was decided of it.

    ``when`` is a choice of alternatives, each with conditions as they were written, by their facts.
    ``refuse`` is empty for a variant that can be installed.
    """

    name: str
    fits: bool | None
    reason: str
    requires: tuple[str, ...] = ()
    when: tuple[Mapping[str, Operand], ...] = ()
    conform: Mapping[str, str] = field(default_factory=dict)
    refuse: str = ""

    def dump(self) -> dict[str, Any]:
        """Return the variant as JSON data; what the table may leave out is left out."""
        alternatives = [
            {fact: [*one] if isinstance(one, tuple) else one for fact, one in conditions.items()}
            for conditions in self.when
        ]
        optional = {
            "when": alternatives[0] if len(alternatives) == 1 else alternatives,
            "conform": dict(self.conform),
            "refuse": self.refuse,
        }
        return {
            "name": self.name,
            "fits": self.fits,
            "reason": self.reason,
            "requires": [*self.requires],
            **{key: value for key, value in optional.items() if value},
        }


@dataclass(frozen=True)
class Record:
    """A choice as it is written into the installed package.

    It names nobody and no place: what is in it is in every wheel that this machine would build.

    ``variants`` are the names of the variants chosen, and ``distributions`` what stands for them,
    by names as names are compared: what goes if the choice is to change. ``requires`` are all the
    requirements that follow, ``shared`` those of every variant. ``variable`` and ``advice`` are
    the table's. ``passed_over`` says what was wrong in a record that was read.
    """

    project: str
    version: str
    kind: str = "requirement"
    variable: str = ""
    advice: str = ""
    variants: tuple[str, ...] = ()
    decided_by: str = ""
    distributions: tuple[str, ...] = ()
    conform: Mapping[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    verdicts: tuple[RecordedVariant, ...] = ()
    notes: tuple[str, ...] = ()
    backend: str = ""
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """The project's name as names are compared."""
        return canonical(self.project)

    def dump(self) -> dict[str, Any]:
        """Return the record as JSON data."""
        return {
            "format": FORMAT,
            "project": self.project,
            "version": self.version,
            "kind": self.kind,
            "variable": self.variable,
            "advice": self.advice,
            "variants": [*self.variants],
            "decided-by": self.decided_by,
            "distributions": [*self.distributions],
            "conform": dict(self.conform),
            "requires": [*self.requires],
            "shared": [*self.shared],
            "facts": {name: fact.dump() for name, fact in self.facts.items()},
            "verdicts": [verdict.dump() for verdict in self.verdicts],
            "notes": [*self.notes],
            "backend": self.backend,
        }

    def to_bytes(self) -> bytes:
        """Return the content of the record's file."""
        text = json.dumps(self.dump(), indent=2, ensure_ascii=False) + "\n"
        # A variable that is not UTF-8 has lone surrogates; escaped like this they are JSON.
        return text.encode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Unusable:
    """A record that is of no use. ``reason`` is a sentence on it, the others name its package."""

    reason: str
    project: str = ""
    version: str = ""

    @property
    def key(self) -> str:
        """The project's name as names are compared."""
        return canonical(self.project)


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
    reader = _Reader(data)
    project, version, variants = (reader.take(key) for key in ("project", "version", "variants"))
    if not _is_like(_NAME, project) or not _is_like(_VERSION, version):
        return Unusable("it does not say of which project and version it is")
    if not isinstance(variants, list) or not variants or not all(map(_is_name, variants)):
        return Unusable("it does not say which variants were chosen")
    return Record(
        project=project,
        version=version,
        kind=reader.text("kind"),
        variable=reader.text("variable"),
        advice=reader.text("advice"),
        variants=tuple(variants),
        decided_by=reader.text("decided-by"),
        distributions=tuple(filter(_is_name, reader.texts("distributions"))),
        conform=reader.pairs("conform"),
        requires=reader.texts("requires"),
        shared=reader.texts("shared"),
        facts=_facts(reader),
        verdicts=_verdicts(reader),
        notes=reader.texts("notes"),
        backend=reader.text("backend"),
        passed_over=tuple(reader.passed_over),
    )


class _Reader:
    """Takes values out of a JSON object, and notes those that are not of the type wanted."""

    def __init__(
        self, data: Mapping[str, Any], key: str = "", passed_over: list[str] | None = None
    ) -> None:
        self.data = data
        self.key = key
        self.passed_over = [] if passed_over is None else passed_over

    def take(self, name: str) -> Any:
        """Return a value of any type, ``None`` if it is missing."""
        return self.data.get(name)

    def text(self, name: str) -> str:
        value = self.take(name)
        if isinstance(value, str):
            return value
        self.pass_over(name, "a text")
        return ""

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.take(name)
        if _are_texts(value):
            return tuple(value)
        self.pass_over(name, "a list of texts")
        return ()

    def pairs(self, name: str) -> Mapping[str, str]:
        """Return an object of texts; where there is none, it is empty."""
        value = self.take(name)
        if isinstance(value, dict) and _are_texts([*value.values()]):
            return value
        self.pass_over(name, "an object of texts")
        return {}

    def objects(self, name: str) -> list[_Reader]:
        value = self.take(name)
        if not isinstance(value, list):
            self.pass_over(name, "a list")
            return []
        readers = []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                readers.append(_Reader(item, f"{name}[{index}].", self.passed_over))
            else:
                self.pass_over(f"{name}[{index}]", "an object")
        return readers

    def pass_over(self, name: str, expected: str) -> None:
        self.passed_over.append(f"{self.key}{name} is not {expected}")


def _facts(reader: _Reader) -> dict[str, Fact]:
    """Return the facts; those that this version does not know are no fault of the record."""
    facts: dict[str, Fact] = {}
    data = reader.take("facts")
    if not isinstance(data, dict):
        reader.pass_over("facts", "an object")
        return facts
    for name in data:
        if name in FACTS:
            try:
                facts[name] = load_fact(name, data[name], "the record")
            except ValueError:
                reader.pass_over(f"facts.{name}", "a fact")
    return facts


def _verdicts(reader: _Reader) -> tuple[RecordedVariant, ...]:
    """Return the variants of the table. One that is wrong anywhere is passed over as a whole."""
    variants = []
    for one in reader.objects("verdicts"):
        before = len(one.passed_over)
        variant = RecordedVariant(
            name=one.text("name"),
            fits=one.take("fits"),
            reason=one.text("reason"),
            requires=one.texts("requires"),
            when=_alternatives(one),
            conform=one.pairs("conform") if "conform" in one.data else {},
            refuse=one.text("refuse") if "refuse" in one.data else "",
        )
        if not isinstance(variant.fits, (bool, type(None))):
            one.pass_over("fits", "true, false or null")
        if len(one.passed_over) == before:
            variants.append(variant)
    return tuple(variants)


def _alternatives(reader: _Reader) -> tuple[Mapping[str, Operand], ...]:
    if "when" not in reader.data:
        return ()
    when = reader.take("when")
    alternatives: Sequence[Any] = when if isinstance(when, list) else [when]
    if not alternatives or not all(map(_is_conjunction, alternatives)):
        reader.pass_over("when", "an object of conditions, or a list of them")
        return ()
    return tuple(
        {fact: tuple(one) if isinstance(one, list) else one for fact, one in conditions.items()}
        for conditions in alternatives
    )


def _is_conjunction(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_operand, value.values()))


def _is_operand(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    short = all(isinstance(one, str) and len(one) <= _LONGEST for one in texts)
    return isinstance(value, bool) or (bool(texts) and short)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_name(value: object) -> bool:
    return _is_like(_NAME, value)


def _is_like(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
