"""What JSON data have to look like before anything is made of them.

A compiled table is written by `dump_compiled`, and anybody who writes one by hand can give it the
right hash. So what becomes a path or a line of metadata is checked again where it is read.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_VARIANT = {
    "name": str,
    "requires": [str],
    "extras": {str: [str]},
    "distributions": [str],
    "when": [{str: (bool, str, [str])}],
    "conform": {str: str},
    "refuse": str,
    "formerly": [str],
}
_WHERE = {"fact": str, "platforms": {str: [str]}, "names": [str], "libc": str}
_PROVIDER = {"namespace": str, "requires": [str], "plugin-api": str, "enable-if": str}

#: The shapes of a selector, and of what ``selector-table.json`` holds besides.
SELECTOR = {
    **dict.fromkeys(("project", "version", "kind", "variable", "choose", "advice"), str),
    "requires": [str],
    "extras": [str],
    "variants": [_VARIANT],
    "providers": [_PROVIDER],
    "where": [_WHERE],
}
COMPILED = {
    **dict.fromkeys(("name", "entry-points"), str),
    "places": {"metadata-version": str},
    "license-files": [str],
    "requires": [str],
}

# Of what a name and a version are, as the names of an sdist's and a wheel's files begin.
_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_OF_VERSIONS = _OF_NAMES | {*".!+"}


def has_shape(value: object, shape: Any) -> bool:
    """Return whether JSON data have a shape.

    That is a type, a list of such data, an object of them (under `str`, or by their keys, none of
    which has to be there), or one of several in a tuple.
    """
    if isinstance(shape, tuple):
        return any(has_shape(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(has_shape(one, shape[0]) for one in value)
    if not isinstance(shape, dict) or not isinstance(value, dict):
        return isinstance(shape, type) and isinstance(value, shape)
    shapes = ((one, shape.get(key, shape.get(str, object))) for key, one in value.items())
    return all(has_shape(one, expected) for one, expected in shapes)


def leads_outside(path: str) -> bool:
    """Return whether a relative path, or a pattern, leads out of its folder, on any system."""
    plain = path.replace("\\", "/")
    return plain.startswith("/") or plain[1:2] == ":" or ".." in plain.split("/")


def check_compiled(data: Mapping[str, Any]) -> None:
    """Check what becomes a path or a line of a wheel. Raises `ValueError` with what is wrong.

    So does text that is not UTF-8, a lone surrogate.

    ``data`` is a compiled table whose selector was read.
    """
    if not has_shape(data, COMPILED):
        raise ValueError("it is not of the form that this version knows")
    version = data["selector"]["version"]
    if not _OF_NAMES.issuperset(data["name"]) or not _OF_VERSIONS.issuperset(version):
        raise ValueError("its name or version cannot begin a file's name")
    for path in data["license-files"]:
        if leads_outside(path) or "\\" in path:
            raise ValueError(f"the licence file {path!r} lies outside the sdist")
    if r"\u0000" in json.dumps(data, ensure_ascii=False).encode().decode():
        raise ValueError("it has a NUL")
    for text in _lines(data):
        if text.splitlines() != [text]:  # for any reader of core metadata
            raise ValueError(f"expected one line, found {text!r}")


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that go into a line of metadata."""
    selector = data["selector"]
    yield from (selector["project"], data["places"]["metadata-version"], *data["license-files"])
    yield from (*selector.get("requires", ()), *data.get("requires", ()))
    for variant in selector["variants"]:
        yield from (variant["name"], *variant.get("requires", ()))
        for lines in variant.get("extras", {}).values():
            yield from lines
