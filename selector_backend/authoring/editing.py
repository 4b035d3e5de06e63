"""Edits the text of a ``pyproject.toml``, which stays unchanged elsewhere. Needs tomlkit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..errors import SelectorError
from . import toml
from .toml import table_of
from .tree import BACKEND


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
    taken out. Comments, order and line ends stay, unless it is written in a way that cannot be
    edited: then all of it is written anew.
    """

    def apply(data: Any, new: Callable[[], Any]) -> Any:
        for name, values in changes.items():
            table = data
            for key in name.split("."):
                table = table.setdefault(key, new())
            _set(table, values)
        tools = data.get("tool", {})
        if without in tools:
            del tools[without]
        if not tools:
            data.pop("tool", None)
        return data

    def change(text: str, expected: dict[str, Any]) -> str:
        apply(expected, dict)
        document = tomlkit.parse(_without_tables(text, without) if without else text)
        return tomlkit.dumps(apply(document, tomlkit.table))

    try:
        return edit(pyproject, change, "")
    except SelectorError:
        return tomlkit.dumps(apply(toml.loads(pyproject.decode("utf-8")), dict)).encode()


def _without_tables(text: str, name: str) -> str:
    """Return ``text`` without the tables of the tool ``name``, but with the comments after them.

    tomlkit takes such a comment for a part of the table.
    """
    head = rf"(?:^[ \t]*\n)?^[ \t]*\[+\s*tool\s*\.\s*{re.escape(name)}\b.*\n"
    after = r"(?:[ \t]*(?:#.*)?\n)*(?:[ \t]*\[|\Z)"
    return re.sub(rf"(?m){head}(?:.*\n)*?(?={after})", "", f"{text}\n").removesuffix("\n")


def _set(table: Any, values: Mapping[str, Any]) -> None:
    """Set the keys of a table, of a document or not; what follows the last key stays behind it."""
    body = getattr(getattr(table, "value", None), "body", [])  # dotted keys apart have none
    keyed = [index for index, (key, _) in enumerate(body, 1) if key is not None]
    behind = body[keyed[-1] :] if keyed else []
    del body[len(body) - len(behind) :]
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        elif table.get(key) != value:
            table[key] = value
    body += behind


# --- A project into a tree

#: The default ``[build-system]`` (PEP 517).
_REQUIRES, _LEGACY = ["setuptools"], "setuptools.build_meta:__legacy__"


def inner_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a tree's selector table for the inner backend, from ``[build-system]``."""
    system = table_of(data, "build-system")
    keys = {"backend": system.get("build-backend", _LEGACY)}
    if "backend-path" in system:
        keys["backend-path"] = system["backend-path"]
    return keys


def into_tree(pyproject: bytes, table: str, backend: str) -> bytes:
    """Return ``pyproject``, which is TOML, with the selector ``table`` at its end.

    The current requirements stay, after ``backend``, the requirement on this one. Comments, order
    and line ends stay, too.

    Raises `SelectorError` if it is written in a way that cannot be edited.
    """

    def change(text: str, expected: dict[str, Any]) -> str:
        system = expected.setdefault("build-system", {"requires": [*_REQUIRES]})
        system["requires"] = [backend, *system["requires"]]
        system["build-backend"] = BACKEND
        system.pop("backend-path", None)
        expected.setdefault("tool", {})["selector"] = toml.loads(table)["tool"]["selector"]
        document: Any = tomlkit.parse(text)
        if "build-system" in document:
            requires = document["build-system"]["requires"]
            if "\n" in requires.as_string():
                requires.insert(0, backend)
            else:  # there, `insert` leaves out the space
                document["build-system"]["requires"] = [backend, *requires]
        else:
            document["build-system"] = {"requires": system["requires"]}
        document["build-system"]["build-backend"] = BACKEND
        document["build-system"].pop("backend-path", None)
        return f"{tomlkit.dumps(document).rstrip()}\n\n{table.rstrip()}\n"

    refusal = (
        "pyproject.toml is written in a way that cannot be edited; nothing was changed; in "
        f'[build-system], write build-backend = "{BACKEND}" and "{backend}" first in requires, '
        f"and add:\n{table.rstrip()}"
    )
    return edit(pyproject, change, refusal)
