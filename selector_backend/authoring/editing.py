"""Edits the text of a ``pyproject.toml``, which stays unchanged elsewhere. Needs tomlkit."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..errors import SelectorError
from . import toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Callable, Union

    from tomlkit.items import InlineTable, Table

    AnyTable = Union[Table, InlineTable]


def edit(pyproject: bytes, change: Callable[[str, dict[str, Any]], str], refusal: str) -> bytes:
    """Return ``pyproject``, which is TOML, as ``change`` edits it, with the same line ends.

    ``change`` gets the text and its data. It returns the new text, and changes the data to what
    the new text has to mean.

    Raises `SelectorError` with the text ``refusal`` if ``change`` fails, or the new text means
    something else: tomlkit cannot edit every way to write a file.
    """
    text = pyproject.decode("utf-8")
    crlf = 0 < text.count("\n") == text.count("\r\n")
    text = text.replace("\r\n", "\n") if crlf else text
    expected = toml.loads(text)
    try:
        edited = change(text, expected)
        result = toml.loads(edited)
    except (TOMLKitError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        result = None
    if result != expected:
        raise SelectorError(refusal)
    return (edited.replace("\n", "\r\n") if crlf else edited).encode()


def published_pyproject(
    pyproject: bytes, *, build_system: Mapping[str, Any], version: str | None = None
) -> bytes:
    """Return ``pyproject`` for an sdist: with the keys of ``build_system``, by `edit_pyproject`.

    A dynamic ``version`` is written down, and the tables of its providers are taken out.
    """
    changes: dict[str, Mapping[str, Any]] = {"build-system": build_system} if build_system else {}
    if version is None:
        return edit_pyproject(pyproject, changes)
    dynamic = toml.loads(pyproject.decode("utf-8"))["project"]["dynamic"]
    static = [name for name in dynamic if name != "version"]
    changes["project"] = {"version": version, "dynamic": static}
    return edit_pyproject(pyproject, changes, without="dynamic-metadata")


def edit_pyproject(
    pyproject: bytes, changes: Mapping[str, Mapping[str, Any]], without: str = ""
) -> bytes:
    """Return ``pyproject``, which is TOML, with the values of ``changes``, by names of tables.

    The names may be dotted. ``None`` takes a key out, and ``without`` names a tool whose tables are
    taken out. Comments, order and line ends stay.

    Raises `SelectorError` if it is written in a way that cannot be edited.
    """

    def change(text: str, expected: dict[str, Any]) -> str:
        expected.get("tool", {}).pop(without, None)
        document = tomlkit.parse(_without_tables(text, without) if without else text)
        for name, values in changes.items():
            table = _table(expected, name)
            new = {key: value for key, value in values.items() if value != table.get(key)}
            _change(table, new)
            _edit(_table(document, name), new)
        _take_out(document, without)
        if expected.get("tool") == {}:
            del expected["tool"]
        return tomlkit.dumps(document)

    tables = " and ".join(f"[{name}]" for name in changes)
    refusal = (
        "the sdist's pyproject.toml is the project's with other lines in it, and this one "
        f"cannot be edited; write {tables} as a table of its own, with a line for each key"
    )
    return edit(pyproject, change, refusal)


def _table(data: Any, name: str) -> Any:
    """Return the table of a dotted name; make it if there is none."""
    made = tomlkit.table if isinstance(data, tomlkit.TOMLDocument) else dict
    for key in name.split("."):
        data = data.setdefault(key, made())
    return data


def _take_out(document: Any, tool: str) -> None:
    """Take out a tool that is written as keys of another table."""
    tools = document.get("tool", {})
    if tool in tools:
        _edit(tools, {tool: None})
    if not tools:
        document.pop("tool", None)


def _without_tables(text: str, name: str) -> str:
    """Return ``text`` without the tables of the tool ``name``, but with the comments after them.

    tomlkit takes such a comment for a part of the table.
    """
    lines = [*io.StringIO(text)]  # which knows no line breaks but TOML's
    heads = [number for number, line in enumerate(lines) if _is_head(line, lines[:number])]
    for start, end in reversed([*zip(heads, [*heads[1:], len(lines)])]):
        if name not in toml.loads(lines[start]).get("tool", {}):
            continue
        while not lines[end - 1].partition("#")[0].strip():
            end -= 1
        if not any(map(str.strip, [*lines[start - 1 : start], *lines[end : end + 1]])):
            end += 1  # one blank line is enough
        del lines[start:end]
    return "".join(lines)


def _is_head(line: str, before: list[str]) -> bool:
    """Return whether a line is the head of a table, and not inside a multi-line value."""
    if not line.lstrip().startswith("["):
        return False
    try:
        toml.loads("".join(before))
    except ValueError:
        return False
    return True


def _change(table: dict[str, Any], values: Mapping[str, Any]) -> None:
    table.update(values)
    for key in [key for key, value in table.items() if value is None]:
        del table[key]


def _edit(table: AnyTable, values: Mapping[str, Any]) -> None:
    """Do as `_change`, in the document. What follows the last key stays after added keys."""
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
