"""Makes a project a tree: adds the selector table and this backend to ``pyproject.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import tomlkit

from ..authoring import toml
from ..authoring.editing import edit
from ..authoring.tree import BACKEND

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The default ``[build-system]`` (PEP 517).
_REQUIRES, _LEGACY = ["setuptools"], "setuptools.build_meta:__legacy__"


def inner_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a tree's selector table for the inner backend, from ``[build-system]``."""
    system = toml.table_of(data, "build-system")
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
        document = cast("Any", tomlkit.parse(text))
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
