"""Reads TOML with ``tomllib`` (below Python 3.11, with ``tomli``), and unchecked values from it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..errors import SelectorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def loads(text: str) -> dict[str, Any]:
    """Return the data of a TOML document. Raises ``ValueError`` if it is invalid."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def read(path: Path, name: str) -> dict[str, Any]:
    """Return the data of a TOML file. Raises `SelectorError`, which calls it ``name``."""
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SelectorError(f"there is no {path.name} in {path.parent}") from None
    except OSError as error:
        raise SelectorError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SelectorError(
            f"{name} is not UTF-8: line {line} has the byte "
            f"0x{error.object[error.start]:02x}; save it as UTF-8, as TOML requires"
        ) from None
    if text.startswith("\ufeff"):
        raise SelectorError(
            f"{name} begins with a byte order mark (BOM), which TOML does not have; "
            "save it as UTF-8 without one"
        )
    try:
        data = loads(text)
    except ValueError as error:  # `TOMLDecodeError` is one, and so is a number of too many digits
        raise SelectorError(f"{name} is not TOML: {error}") from None
    except RecursionError:
        raise SelectorError(f"{name} is not TOML: it is nested too deep") from None
    # TOML has integers of 64 bits; larger ones may have more digits than Python writes.
    values: list[Any] = [data]
    for value in values:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise SelectorError(f"{name} is not TOML: it has an integer beyond 64 bits")
        values += value.values() if isinstance(value, dict) else ()
        values += value if isinstance(value, list) else ()
    return data


def table_of(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the table with a dotted name, or an empty one."""
    table: Any = data
    for key in name.split("."):
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def texts_of(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the texts in the array under ``key``, none if there is no array."""
    array = table.get(key)
    return tuple(text for text in array if isinstance(text, str)) if isinstance(array, list) else ()


def build_requires(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return ``requires`` of ``[build-system]``, unchecked: frontends check it."""
    return texts_of(table_of(data, "build-system"), "requires")
