"""Adds a row to the table of a ``pyproject.toml``, and leaves everything else unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import tomlkit
from packaging.specifiers import SpecifierSet
from tomlkit.items import AoT, Array, Table

from ..checking.review import is_never_chosen
from ..model.facts import FACTS
from ..model.kinds import VERSION, VERSIONS
from ..model.markers import release_key
from . import toml
from .editing import edit

if TYPE_CHECKING:
    from ..model.table import Selector, Variant


def place_of(variant: Variant, selector: Selector) -> int:
    """Return the index at which a new variant goes into the table.

    That is before the first one that would always be chosen in its place, such as the one that fits
    every machine, and before the first that asks for older versions of the same fact.
    """
    behind = (
        index
        for index, other in enumerate(selector.variants)
        if _is_newer(variant, other) or is_never_chosen(variant, other)
    )
    return next(behind, len(selector.variants))


def _is_newer(variant: Variant, other: Variant) -> bool:
    for fact, kind in ((name, one.kind) for name, one in FACTS.items()):
        if kind in (VERSION, VERSIONS):
            mine, its = _least(variant, fact), _least(other, fact)
            if mine and its and mine != its:
                return mine > its
    return False


def _least(variant: Variant, fact: str) -> list[int]:
    """Return the least version of a fact that a variant asks for, if it asks for one."""
    bounds = [
        release_key(one.version.removesuffix(".*"))
        for alternative in variant.when
        if isinstance(wanted := alternative.get(fact), str)
        for one in SpecifierSet(wanted)
        if one.operator in (">=", ">", "==", "~=")
    ]
    return min(bounds, default=[])


def insert_row(pyproject: bytes, index: int, row: str) -> bytes:
    """Return ``pyproject``, which is TOML, with the variant ``row`` at ``index`` of its table.

    Raises `SelectorError` where it is written in a way that cannot be edited.
    """
    new = toml.loads(row)["tool"]["selector"]["variant"]

    def change(text: str, expected: dict[str, Any]) -> str:
        expected["tool"]["selector"]["variant"][index:index] = new
        document = tomlkit.parse(text if text.endswith("\n") else f"{text}\n")
        _insert(cast("Any", document)["tool"]["selector"]["variant"], index, row)
        return tomlkit.dumps(document)

    refusal = (
        "pyproject.toml is written in a way that cannot be edited; nothing was changed; add this "
        f"row to it, as number {index + 1} of the variants:\n{row}"
    )
    return edit(pyproject, change, refusal)


def _insert(rows: AoT | Array, index: int, row: str) -> None:
    """Insert a row before another, and before the comments and blank lines that stand above it."""
    new = cast("Any", tomlkit.parse(f"{row}\n"))["tool"]["selector"]["variant"][0]
    if isinstance(rows, Array):
        inline = tomlkit.inline_table()
        inline.update(new)
        rows.insert(index, inline)
        return
    blank = tomlkit.ws("\n")
    behind: list[Any] = []
    if index:
        body = _last_body(rows[index - 1])
        # What is said right below the last key, without a blank line, is still about that row.
        keyed = max((at for at, (key, _) in enumerate(body) if key is not None), default=-1)
        blanks = (at for at in range(keyed + 1, len(body)) if not body[at][1].as_string().strip())
        first = next(blanks, len(body))
        behind = body[first:]
        body[first:] = [(None, blank)]
    new.value.body.extend(behind or ([(None, blank)] if index < len(rows) else []))
    rows.insert(index, new)


def _last_body(table: Table) -> list[Any]:
    """Return the body of the last table in a row, where what follows the row is kept."""
    body = table.value.body
    key, last = body[-1] if body else (None, None)
    if isinstance(last, Table) and key is not None and not key.is_dotted():
        return _last_body(last)
    return body
