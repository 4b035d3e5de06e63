"""The shapes of TOML values: one description both reads a value and makes its JSON schema.

A shape's ``read`` notes what is wrong, and returns the value with ``None`` in place of that, so
that later code need not check types. A shape's ``schema`` accepts exactly what ``read`` accepts.
Patterns match a whole text, in the syntax that Python, ECMA 262 and Rust share.

Also here: which texts core metadata and messages can hold. Core metadata is lines of ``Name:
value``, so a line break in a value would begin another field, such as ``Requires-Dist``. Readers
disagree on line breaks, so all that `str.splitlines` knows are refused, and all other control
characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from ..errors import did_you_mean
from ..model.problems import Problems

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

# C0 and C1 controls with DEL, the separators of lines and paragraphs, lone surrogates.
_UNFIT_ANYWHERE = "\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNFIT = re.compile(f"[\n{_UNFIT_ANYWHERE}]")
_UNFIT_IN_LINES = re.compile(f"[{_UNFIT_ANYWHERE}]")

# Python's limit of the digits of a number can't be set below 640, and may be off.
_NUMBER = re.compile(r"\d{500}")

# How much of a text a message shows before and after what is wrong.
_AROUND = 60

# No key of `pyproject.toml` is nested deeper; such a value has a wrong type.
_DEEPEST = 10


class Shape(Protocol):
    """What a value may be."""

    #: The type that TOML has for it.
    type: ClassVar[type]

    def read(self, value: Any, key: str, problems: Problems) -> Any:
        """Return ``value`` without what is wrong in it, and note that under its full ``key``."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema (draft 7) of what is read without a problem."""


def describe(value: object) -> str:
    """Return a TOML value as a message names it: ``5 (an integer)``."""
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a float"}
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    if value == "":
        return "an empty string"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if type(value) not in names:
        return f"{value} (a date or time)"
    return f"{value!r} ({names[type(value)]})"


def _wrong(value: object, expected: str) -> str:
    return f"found {describe(value)}, expected {expected}"


@dataclass(frozen=True)
class Text:
    """A text that is not blank and, if there is a ``pattern``, matches it.

    ``closer`` returns a more exact expectation for a text that does not match. ``values`` are all
    texts that match, if there are few.
    """

    type: ClassVar[type] = str

    expected: str = "some text"
    pattern: str = ""
    closer: Callable[[str], str] | None = None
    values: tuple[str, ...] = ()

    def read(self, value: Any, key: str, problems: Problems) -> str | None:
        """Read a text."""
        if not isinstance(value, str) or not value.strip():
            problems.add(key, _wrong(value, self.expected))
            return None
        if not self.pattern or re.fullmatch(self.pattern, value):
            return value
        expected = self.closer(value) if self.closer else self.expected
        problems.add(key, unfit(value) or f"found {value!r}, expected {expected}")
        return None

    def schema(self) -> dict[str, Any]:
        """Return the schema of a text."""
        if self.values:
            return {"type": "string", "enum": [*self.values]}
        return {"type": "string", "pattern": f"^(?:{self.pattern})$" if self.pattern else r"\S"}


def choice(*values: str) -> Text:
    """Return the shape of one of some texts."""
    expected = " or ".join(map(repr, values))
    closer = lambda text: expected + did_you_mean(text, values)  # noqa: E731
    return Text(expected, "|".join(values), closer, values)


@dataclass(frozen=True)
class Flag:
    """``true`` or ``false``."""

    type: ClassVar[type] = bool

    def read(self, value: Any, key: str, problems: Problems) -> bool | None:
        """Read a boolean."""
        if isinstance(value, bool):
            return value
        problems.add(key, _wrong(value, "true or false"))
        return None

    def schema(self) -> dict[str, Any]:
        """Return the schema of a boolean."""
        return {"type": "boolean"}


def _is_container(
    shape: Array | Table | Named, value: object, key: str, problems: Problems
) -> bool:
    """Return whether a value has the type of ``shape``; note a wrong type or an empty value."""
    if not isinstance(value, shape.type):
        problems.add(key, _wrong(value, shape.expected))
        return False
    if shape.empty and not value:
        problems.add(key, shape.empty)
    return True


@dataclass(frozen=True)
class Array:
    """An array of values of one shape; ``empty`` is the message for an empty one, if wrong."""

    type: ClassVar[type] = list

    item: Shape
    expected: str = "an array of strings"
    empty: str = ""

    def read(self, value: Any, key: str, problems: Problems) -> list[Any] | None:
        """Read an array."""
        if not _is_container(self, value, key, problems):
            return None
        return [self.item.read(item, f"{key}[{n}]", problems) for n, item in enumerate(value)]

    def schema(self) -> dict[str, Any]:
        """Return the schema of an array."""
        least = {"minItems": 1} if self.empty else {}
        return {"type": "array", "items": self.item.schema(), **least}


@dataclass(frozen=True)
class Key:
    """A key of a table.

    ``description`` and ``default`` are for people. ``missing`` is the message if it is required
    and missing; ``without`` has the message for each key that excludes it. Some keys are for a
    ``tree`` only.
    """

    name: str
    shape: Shape
    description: str
    default: str = ""
    missing: str = ""
    without: Mapping[str, str] = field(default_factory=dict)
    tree: bool = False

    def schema(self) -> dict[str, Any]:
        """Return the schema of the key's value."""
        scope = "in a source tree: " if self.tree else ""
        default = f" When left out: {self.default}." if self.default else ""
        return {"description": f"{scope}{self.description}.{default}", **self.shape.schema()}


@dataclass(frozen=True)
class Table:
    """A table of known keys.

    ``unknown`` is the message for any other key, and ``empty`` the one for an empty table.
    """

    type: ClassVar[type] = dict

    keys: tuple[Key, ...]
    expected: str = "a table"
    unknown: str = "not a known key"
    empty: str = ""

    def read(self, value: Any, key: str, problems: Problems) -> dict[str, Any] | None:
        """Read a table; unknown keys are left out."""
        if not _is_container(self, value, key, problems):
            return None
        known = {spec.name: spec for spec in self.keys}
        read = {}
        for name, item in value.items():
            if name in known:
                read[name] = known[name].shape.read(item, f"{key}.{name}", problems)
            else:
                hint = did_you_mean(name, known) or f"; expected one of {', '.join(known)}"
                problems.add(f"{key}.{shown_key(name)}", f"{self.unknown}{hint}")
        for spec in self.keys:
            if spec.missing and spec.name not in value:
                problems.add(f"{key}.{spec.name}", spec.missing)
            for other, message in spec.without.items():
                if spec.name in value and other in value:
                    problems.add(f"{key}.{spec.name}", f"given together with {other!r}{message}")
        return read

    def schema(self) -> dict[str, Any]:
        """Return the schema of a table."""
        required = [spec.name for spec in self.keys if spec.missing]
        without = {
            spec.name: {"not": {"anyOf": [{"required": [other]} for other in spec.without]}}
            for spec in self.keys
            if spec.without
        }
        return {
            "type": "object",
            "properties": {spec.name: spec.schema() for spec in self.keys},
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **({"dependencies": without} if without else {}),
            **({"minProperties": 1} if self.empty else {}),
        }


@dataclass(frozen=True)
class Named:
    """A table of values of one shape under any names, or under names that ``pattern`` matches.

    ``misnamed`` is the message for other names, and ``empty`` the one for an empty table. Names
    that ``normalized`` makes equal are one, and given twice.
    """

    type: ClassVar[type] = dict

    item: Shape
    expected: str
    pattern: str = ""
    misnamed: str = ""
    empty: str = ""
    normalized: Callable[[str], str] = str

    def read(self, value: Any, key: str, problems: Problems) -> dict[str, Any] | None:
        """Read a table; wrong names are left out."""
        if not _is_container(self, value, key, problems):
            return None
        read: dict[str, Any] = {}
        seen: dict[str, str] = {}
        for name, item in value.items():
            below = f"{key}.{shown_key(name)}"
            first = seen.setdefault(self.normalized(name), name)
            if first != name:
                problems.add(below, f"{first!r} and {name!r} are one name")
            if self.pattern and not re.fullmatch(self.pattern, name):
                problems.add(below, self.misnamed)
            else:
                read[name] = self.item.read(item, below, problems)
        return read

    def schema(self) -> dict[str, Any]:
        """Return the schema of a table."""
        return {
            "type": "object",
            "additionalProperties": self.item.schema(),
            **({"propertyNames": {"pattern": f"^(?:{self.pattern})$"}} if self.pattern else {}),
            **({"minProperties": 1} if self.empty else {}),
        }


@dataclass(frozen=True)
class Either:
    """A value of one of some shapes, which differ in type."""

    type: ClassVar[type] = object

    shapes: tuple[Shape, ...]
    expected: str

    def read(self, value: Any, key: str, problems: Problems) -> Any:
        """Read the value by the shape of its type."""
        for shape in self.shapes:
            if isinstance(value, shape.type):
                return shape.read(value, key, problems)
        problems.add(key, _wrong(value, self.expected))
        return None

    def schema(self) -> dict[str, Any]:
        """Return one merged schema: a validator's message about a choice could not tell which.

        Merging works because each other keyword of JSON schema applies to values of one type.
        """
        schemas = [shape.schema() for shape in self.shapes]
        merged = {keyword: value for schema in schemas for keyword, value in schema.items()}
        return {**merged, "type": [schema["type"] for schema in schemas]}


# --- Texts


def unfit(text: str, *, lines: bool = False) -> str | None:
    r"""Return a message if ``text`` is unfit for core metadata.

    ``text`` has to be one line, or with ``lines`` any number of them that end in ``\n``.
    """
    bad = (_UNFIT_IN_LINES if lines else _UNFIT).search(text)
    if bad is not None:
        around = text[max(bad.start() - _AROUND, 0) : bad.end() + _AROUND]
        expected = "no control character but '\\n' at the end of a line" if lines else "one line"
        return f"found {around!r}, which has {bad[0]!r}; expected {expected}"
    if not lines and _NUMBER.search(text):
        return f"found {text[:_AROUND]!r}, which has a number of 500 digits or more; expected fewer"
    return None


def texts(value: object, key: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield every text in a TOML value, names of keys included, by its full key."""
    if isinstance(value, str):
        yield key, value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, dict):
        for name, item in value.items():
            below = f"{key}.{shown_key(name)}"
            yield below, name
            yield from texts(item, below, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, f"{key}[{index}]", depth + 1)


def variant_key(index: int) -> str:
    """Return the full key of a variant."""
    return f"tool.selector.variant[{index}]"


def shown_key(name: str) -> str:
    """Return a part of a key as a message shows it: in quotes if TOML needs them."""
    if _BARE_KEY.fullmatch(name):
        return name
    return json.dumps(name, ensure_ascii=False) if name.isprintable() else repr(name)
