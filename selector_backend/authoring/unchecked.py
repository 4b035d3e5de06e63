"""What a ``pyproject.toml`` says, before anybody has checked it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def table_of(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the table of a dotted name, empty if there is none."""
    found: Any = data
    for key in name.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, dict) else {}


def texts_of(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the texts in the array under ``key``, as they are written; none if there is none."""
    given = table.get(key)
    return tuple(one for one in given if isinstance(one, str)) if isinstance(given, list) else ()


def build_requires(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what ``[build-system]`` requires, as it is written: frontends check it."""
    return texts_of(table_of(data, "build-system"), "requires")
