"""Checks JSON data before values are made of them.

Anybody can write a compiled table by hand, with the right hash. So values that become a path or a
line of metadata are checked again when they are read.
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

#: The shapes of a selector, and of the other keys of ``selector-table.json``.
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

# The characters of a name and a version in the file name of an sdist or a wheel.
_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_OF_VERSIONS = _OF_NAMES | {*".!+"}


def has_shape(value: object, shape: Any) -> bool:
    """Return whether JSON data have a shape.

    A shape is a type, a list with the shape of the items, an object with the shapes of some keys
    (`str` for all others; no key is required), or a tuple of alternatives.
    """
    if isinstance(shape, tuple):
        return any(has_shape(value, alternative) for alternative in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(has_shape(item, shape[0]) for item in value)
    if not isinstance(shape, dict) or not isinstance(value, dict):
        return isinstance(shape, type) and isinstance(value, shape)
    default = shape.get(str, object)
    return all(has_shape(item, shape.get(key, default)) for key, item in value.items())


def leads_outside(path: str) -> bool:
    """Return whether a relative path or pattern leads out of its folder, on any system."""
    plain = path.replace("\\", "/")
    return plain.startswith("/") or plain[1:2] == ":" or ".." in plain.split("/")


def check_compiled(data: Mapping[str, Any]) -> None:
    """Check the values of a compiled table that become a path or a line of a wheel.

    Its selector was read before. Raises `ValueError` with what is wrong; a lone surrogate raises it
    too, as `UnicodeEncodeError`.
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
