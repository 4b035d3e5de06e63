"""Which texts of a ``pyproject.toml`` core metadata and messages can hold.

Core metadata is lines of ``Name: value``: a line break in a value would begin a field of its own,
such as another ``Requires-Dist``. What breaks a line depends on who reads it, so every line break
that `str.splitlines` knows counts, and every other control character with them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)

# C0 and C1 controls with DEL, the separators of lines and paragraphs, lone surrogates.
_UNFIT_ANYWHERE = "\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNFIT = re.compile(f"[\n{_UNFIT_ANYWHERE}]")
_UNFIT_IN_LINES = re.compile(f"[{_UNFIT_ANYWHERE}]")

# No Python limits the digits of a number to fewer than 640, and some do not limit them.
_NUMBER = re.compile(r"\d{500}")

# How much of a text a message shows on both sides of what is wrong.
_AROUND = 60

# `pyproject.toml` has nothing to read below this; what is nested deeper is of a wrong type.
_DEEPEST = 10


def unfit(text: str, *, lines: bool = False) -> str | None:
    r"""Return what makes ``text`` unfit for core metadata, as a message has it, if anything.

    ``text`` is one line, or with ``lines`` any number of them that end in ``\n``.
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
    """Yield every text in a TOML value, its names of keys included, each with its full key."""
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


def shown_key(name: str) -> str:
    """Return one name of a key as a message shows it: in quotes where TOML has it in quotes."""
    if _BARE_KEY.fullmatch(name):
        return name
    return json.dumps(name, ensure_ascii=False) if name.isprintable() else repr(name)
