"""Edits a ``pyproject.toml`` in place: everything else stays unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tomlkit.exceptions import TOMLKitError

from ..errors import SelectorError
from . import toml

if TYPE_CHECKING:
    from typing import Callable


def edit(pyproject: bytes, change: Callable[[str, dict[str, Any]], str], refusal: str) -> bytes:
    """Return ``pyproject``, which is TOML, as ``change`` writes it, with the line ends that it has.

    ``change`` is given the text and what it says. It returns the new text, and makes of the data
    what that text has to say.

    Raises `SelectorError` with the text ``refusal`` where the new text says something else, or
    cannot be made: the file is written in a way that tomlkit cannot edit.
    """
    text = pyproject.decode("utf-8")
    crlf = 0 < text.count("\n") == text.count("\r\n")
    text = text.replace("\r\n", "\n") if crlf else text
    expected = toml.loads(text)
    try:
        edited = change(text, expected)
        said = toml.loads(edited)
    except (TOMLKitError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        said = None
    if said != expected:
        raise SelectorError(refusal)
    return (edited.replace("\n", "\r\n") if crlf else edited).encode()
