"""What reads locks below Python 3.11 reads them as `tomllib` does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import to_toml

from selector_backend.authoring import toml
from selector_backend.model.toml_reader import loads

HARD = (
    r'''
version = 1 # a comment, "quoted"
at = 2026-11-30 16:54:17.5Z
"a key" . 'x.y' = +1_000
hex = 0xf_f
[[package]] # one
name = 'C:\new "x"'
lines = """
one \
   two\u00e4\U0001F600 \"""" # four quotes end it
raw = '''
    + "'''\n\\d''\n'''"
    + r"""
dependencies = [
    { name = "a", marker = "os_name == 'nt'" }, # and one more
    { name = "b" },
]
[package.optional-dependencies]
plot = []
[[package]]
source = { registry = "https://host/simple", hashes = {} }
[package.tool . pdm]
locked = true
[[package.wheels]]
size = 0
"""
)


def plain(value: Any) -> Any:
    """Return a value of `tomllib` as the reader has it, without numbers that it takes for texts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value if isinstance(value, (str, int)) else None


def without_texts(value: Any, known: Any) -> Any:
    """Return a value of the reader, with ``None`` where ``known`` has one."""
    if isinstance(value, dict) and isinstance(known, dict):
        return {key: without_texts(one, known.get(key, "")) for key, one in value.items()}
    if isinstance(value, list) and isinstance(known, list) and len(value) == len(known):
        return [without_texts(*pair) for pair in zip(value, known)]
    return None if known is None else value


def agrees(text: str) -> bool:
    known = plain(toml.loads(text))
    return bool(without_texts(loads(text), known) == known)


def test_a_document_that_has_all_that_toml_has() -> None:
    assert agrees(HARD)
    assert agrees(HARD.replace("\n", "\r\n"))


values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values))
def test_it_reads_what_is_written(data: dict[str, Any]) -> None:
    try:
        text = to_toml(data)
        toml.loads(text)
    except ValueError:  # lone surrogates
        return
    assert agrees(text)


TOKENS = ['"', '"""', "'", "\\", "\n", "[", "]", "[[", "{", "}", "=", ",", ".", "a", "1", "#", " "]


@given(st.lists(st.sampled_from([*TOKENS, "\\Uffffffff", "\\q", "1e5", "0x"])).map("".join))
def test_a_mistake_is_an_error_that_is_expected(text: str) -> None:
    try:
        found = loads(text)
    except (ValueError, LookupError, TypeError):
        with pytest.raises(ValueError):  # noqa: PT011 - so is what a wrong TOML gives rise to
            toml.loads(text)
    else:
        assert isinstance(found, dict)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, 'a = "' + "\\" * 100_001])
def test_what_never_ends_is_a_mistake(text: str) -> None:
    with pytest.raises((ValueError, LookupError, RecursionError)):
        loads(text)
