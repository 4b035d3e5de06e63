"""The ``pyproject.toml`` that goes into the sdist, where it is to be another than the project's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..errors import SelectorError
from . import toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    from tomlkit.items import InlineTable, Table

    AnyTable = Union[Table, InlineTable]


def published_pyproject(pyproject: bytes, *, build_system: Mapping[str, Any]) -> bytes:
    """Return ``pyproject`` with other values in its ``[build-system]``, by `edit_pyproject`."""
    return edit_pyproject(pyproject, {"build-system": build_system} if build_system else {})


def edit_pyproject(pyproject: bytes, changes: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return ``pyproject``, which is TOML, with other values in the tables that ``changes`` names.

    A name may be dotted; the empty one is that of the whole file. ``None`` takes a key out. All
    else stays as it is written: comments, order and line ends.

    Raises `SelectorError` where it is written in a way that cannot be edited.
    """
    text = pyproject.decode("utf-8")
    crlf = 0 < text.count("\n") == text.count("\r\n")
    text = text.replace("\r\n", "\n") if crlf else text
    expected = toml.loads(text)
    try:
        document = tomlkit.parse(text)
        for name, values in changes.items():
            table = _table(expected, name)
            new = {key: one for key, one in values.items() if one != table.get(key)}
            _change(table, new)
            _edit(_table(document, name), new)
        edited = tomlkit.dumps(document)
        said = toml.loads(edited)
    except (TOMLKitError, ValueError, TypeError, AttributeError):
        said = None
    if said != expected:
        tables = " and ".join(f"[{name}]" for name in changes if name)
        raise SelectorError(
            "the sdist's pyproject.toml is the project's with other lines in it, and this one "
            f"cannot be edited; write {tables} as a table of its own, with a line for each key"
        )
    return (edited.replace("\n", "\r\n") if crlf else edited).encode()


def _table(data: Any, name: str) -> Any:
    """Return the table of a dotted name, made if there is none."""
    made = tomlkit.table if isinstance(data, tomlkit.TOMLDocument) else dict
    for key in filter(None, name.split(".")):
        data = data.setdefault(key, made())
    return data


def _change(table: dict[str, Any], values: Mapping[str, Any]) -> None:
    table.update(values)
    for key in [key for key, value in table.items() if value is None]:
        del table[key]


def _edit(table: AnyTable, values: Mapping[str, Any]) -> None:
    """Do as `_change` does, in place. What comes after the last key stays behind what is added."""
    body = getattr(table.value, "body", [])  # dotted keys that lie apart have none
    keyed = [index for index, (key, _) in enumerate(body, 1) if key is not None]
    behind = body[keyed[-1] :] if keyed else []
    del body[len(body) - len(behind) :]
    for key, value in values.items():
        if value is not None:
            table[key] = value
        elif key in table:
            del table[key]
    body += behind
