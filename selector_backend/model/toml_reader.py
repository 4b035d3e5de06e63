"""Reads the TOML of locks and projects, for Pythons without `tomllib`.

What may have to be read is anybody's, and an sdist that carries its backend cannot have `tomli`.
Correct TOML gives the same as there, but for numbers other than integers, and for dates: they are
texts. Some mistakes are not seen.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TOKEN = re.compile(
    r"""
    (?:[ \t\r]|\#[^\n]*)*
    ( "{3}(?:\\.|[^\\])*?"{3,5}(?!") | '{3}.*?'{3,5}(?!')
    | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
    | [\w+:-]+ | [][{}=,.\n] | \Z )
    """,
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U00([01][0-9A-Fa-f]{5})|[ \t]*\n\s*|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def loads(text: str) -> dict[str, Any]:
    """Return what TOML says. Raises ``ValueError``, ``LookupError`` or ``TypeError`` if it is bad.

    As `tomllib` does, it raises ``RecursionError`` for what is nested too deeply.
    """
    tokens = _tokens(text.replace("\r\n", "\n"))
    root: dict[str, Any] = {}
    table = root
    while tokens[-1]:
        if tokens[-1] == "[":
            brackets = 2 if tokens[-2] == "[" else 1
            del tokens[-brackets:]
            path = _key(tokens)
            for _ in range(brackets):
                _take(tokens, "]")
            table = _descend(root, path[:-1])
            if brackets == 2:
                table.setdefault(path[-1], []).append({})
            table = _descend(table, path[-1:])
        elif tokens[-1] != "\n":
            _pair(tokens, table)
        _take(tokens, "\n")
    return root


def _tokens(text: str) -> list[str]:
    """Return the tokens of a text, the last first, and before that an end of line, and ``""``."""
    tokens, at = list[str](), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"this is no TOML: {text[at : at + 20]!r}")
        at = match.end()
        tokens.append(match[1])
    return ["", "\n", *(token for token in reversed(tokens) if token)]


def _take(tokens: list[str], expected: str) -> None:
    if tokens.pop() != expected:
        raise ValueError(f"expected {expected!r}")


def _descend(table: dict[str, Any], path: list[str]) -> dict[str, Any]:
    for name in path:
        inner = table.setdefault(name, {})
        table = inner[-1] if isinstance(inner, list) else inner
        if not isinstance(table, dict):
            raise TypeError(f"{name} is not a table")
    return table


def _pair(tokens: list[str], table: dict[str, Any]) -> None:
    """Take ``key = value`` into a table."""
    *path, name = _key(tokens)
    _take(tokens, "=")
    table = _descend(table, path)
    if name in table:
        raise ValueError(f"{name} is there twice")
    table[name] = _value(tokens)


def _key(tokens: list[str]) -> list[str]:
    path = [_text(tokens.pop())]
    while tokens[-1] == ".":
        del tokens[-1]
        path.append(_text(tokens.pop()))
    return path


def _value(tokens: list[str]) -> Any:
    token = tokens.pop()
    if token in ("[", "{"):
        items: list[Any] = []
        table: dict[str, Any] = {}
        end = "]" if token == "[" else "}"
        while _next(tokens) != end:
            if token == "[":
                items.append(_value(tokens))
            else:
                _pair(tokens, table)
            if _next(tokens) != end:
                _take(tokens, ",")
        del tokens[-1]
        return items if token == "[" else table
    if token[:1] in ('"', "'"):
        return _text(token)
    while tokens[-1] == "." or re.match(r"[\w+:-]", tokens[-1]):  # a float, or a date
        token += tokens.pop()
    if token in ("true", "false"):
        return token == "true"
    return int(token, 0) if re.fullmatch(r"[+-]?\d[\d_]*|0[xob]\w+", token) else _text(token)


def _next(tokens: list[str]) -> str:
    while tokens[-1] == "\n":
        del tokens[-1]
    return tokens[-1]


def _text(token: str) -> str:
    """Return the text of a token: a string with its quotes, or anything but punctuation."""
    if not token or token in "[]{}=,.\n":
        raise ValueError(f"expected a text, not {token!r}")
    quote = token[0]
    if quote not in ('"', "'"):
        return token
    count = 3 if token.startswith(quote * 3) else 1
    text = token[count:-count].removeprefix("\n" * (count == 3))
    return _ESCAPE.sub(_unescape, text) if quote == '"' else text


def _unescape(match: re.Match[str]) -> str:
    short, long, letter = match.groups()
    if letter:
        return _ESCAPED[letter]
    return chr(int(short or long, 16)) if short or long else ""
