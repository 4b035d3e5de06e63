"""`pyproject.toml` of any shape is read, or refused with one message."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st
from support.strategies import anything, changed, tables, to_toml

from selector_backend.authoring.project import read_project
from selector_backend.authoring.selector import parse_selector
from selector_backend.authoring.structure import unfit
from selector_backend.errors import SelectorError

LONG = "1" * 5000
HEAD = {
    "name": "spam",
    "version": "1.0",
    "dynamic": ["dependencies"],
    "description": "Spam for all",
    "readme": {"text": "Spam", "content-type": "text/markdown"},
    "requires-python": ">=3.9",
    "license": "MIT",
    "license-files": ["LICENSE*"],
    "authors": [{"name": "Zoë", "email": "zoe@spam.example"}],
    "keywords": ["spam"],
    "classifiers": ["Topic :: Utilities"],
    "urls": {"Homepage": "https://spam.example"},
    "scripts": {"spam": "spam_core.cli:main"},
    "entry-points": {"spam.plugins": {"plain": "spam_core.plain"}},
    "optional-dependencies": {"docs": ["sphinx>=7; os_name == 'nt'"]},
    "import-names": ["spam"],
}
_BAD_TEXTS = (
    *("", " ", "\r", "a\rb", "\n", "\x00", "\u2028", "\x85", "a" * 300, "(" * 2000, "{", "{}"),
    *("{version", "{cuda}", "..", "../x", "/etc/motd", "C:\\x", "**", "[", "{a,b}", "[z-a]", "\\"),
    *(f">={LONG}", LONG, f"spam=={LONG}", f"python_version >= '{LONG}'", "===a b", "a; 'b", "~=1"),
    *("spam @ https://spam.example", "text/plain; x*", "MIT AND", "*/**/" * 500, "LICENSE*"),
)


def _mutated() -> st.SearchStrategy[dict[str, Any]]:
    """A valid document in which up to three values, or keys, are others."""
    documents = tables().map(lambda table: {"project": HEAD, "tool": {"selector": table}})
    return changed(documents, *_BAD_TEXTS)


def _inside(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return {"a": value}


@given(_mutated() | st.fixed_dictionaries({"project": anything("name"), "tool": anything()}))
def test_a_valid_file_with_something_changed_is_read_or_refused(document: dict[str, Any]) -> None:
    event("read" if _is_read(to_toml(_without_none(document))) else "refused")


@given(st.text(max_size=50))
@example("tool = 0\n")
@example(f"[project.urls.{'a.' * 3000}a]\n")
@example(f"project.dynamic = {{ {'a.' * 3000}a = 1 }}\n")
@example(f"project.dynamic = [0x{'f' * 5000}]\n")
@example(f"[tool.selector]\nkind = 0x{'f' * 5000}\n")
@example(f"[project]\nversion = '{LONG}'\n")
@example(f"[tool.selector]\nrequires = ['a; {'(' * 2000}']\n")
def test_a_file_of_any_text_is_read_or_refused(text: str) -> None:
    _is_read(f"{text}\n{to_toml({'x': 1})}")


def _is_read(text: str) -> bool:
    message = ""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_bytes(text.encode())
        Path(folder, "LICENSE").write_bytes(b"Do as you like.")
        try:
            read_project(Path(folder))
        except SelectorError as error:
            message = str(error)
            assert message.strip()
    assert unfit(message, lines=True) is None
    return not message


@given(
    st.dictionaries(
        st.sampled_from(["variant", "kind", "requires", "provider", "extras", "advice", "\ud800"]),
        anything("\udcff", "name", "when", "cuda", "conform", *_BAD_TEXTS),
    )
    | _mutated().map(lambda document: _inside(document, "tool", "selector")),
)
@example({"variant": [{"name": "a", "conform": {"\ud800": "1"}}]})
@example({"variant": [{"name": "a", "when": {"cuda": f">={LONG}"}}]})
def test_a_table_of_any_data_is_read_or_its_problems_are_named(table: Any) -> None:
    if isinstance(table, dict):
        _names_its_problems(table)


def test_a_table_that_is_nested_very_deep_is_read_or_its_problems_are_named() -> None:
    _names_its_problems(_nested(3000))  # which Hypothesis cannot print


def _names_its_problems(table: dict[str, Any]) -> None:
    _, problems = parse_selector(table, project="spam", version="1.0")
    for problem in problems:
        assert problem.key.startswith("tool.selector.")
        assert unfit(str(problem), lines=True) is None


def _without_none(value: Any) -> Any:
    """`value` as TOML can hold it."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value
