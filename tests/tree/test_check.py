"""`selector-backend check` on a tree: what fails once the code is a variant's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command import data, lines
from support.tree import KINDS, write_tree

from selector_backend.checking.own_name import find_own_calls

CODE = """\
import importlib.metadata
import importlib.metadata as told
import importlib.resources
from importlib import metadata
from importlib.metadata import PackageNotFoundError, distribution, files, version as get_version

NAME = "Spam"
a = importlib.metadata.version("spam")
b = told.metadata("spam")
c = metadata.requires(distribution_name="SPAM")
d = distribution(NAME)
e = files("spam")
f = get_version(__package__)
g = get_version(__name__.partition(".")[0])
try:
    h = get_version("spam")
except PackageNotFoundError:
    h = "unknown"
try:
    i = get_version("spam")
except KeyError:
    i = "unknown"
j = get_version("spam-cu12")
k = importlib.resources.files("spam")
l = told.packages_distributions()
m = print("version", "spam")
"""


def test_calls_that_ask_for_the_project_itself_are_named(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "src/spam/about.py").write_text(CODE, encoding="utf-8")
    (tree / "src/spam/broken.py").write_text("import importlib.metadata as", encoding="utf-8")
    (tree / "tests").mkdir()
    (tree / "tests/about.py").write_text(CODE, encoding="utf-8")
    found = data("check", tree, status=1)
    calls = [
        (8, "importlib.metadata.version('spam')"),
        (9, "told.metadata('spam')"),
        (10, "metadata.requires(distribution_name='SPAM')"),
        (11, "distribution(NAME)"),
        (12, "files('spam')"),
        (13, "get_version(__package__)"),
        (14, "get_version(__name__.partition('.')[0])"),
        (20, "get_version('spam')"),
    ]
    named = {one["key"]: one["message"] for one in found["problems"]}
    named = {key: message for key, message in named.items() if key.startswith("src/")}
    assert [*named] == [f"src/spam/about.py:{line}" for line, _ in calls]
    for (_, call), message in zip(calls, named.values()):
        assert message.startswith(f"{call} fails where cu12 is installed without spam; ")
    notes = {one["key"]: one["message"] for one in found["notes"]}
    caught = "get_version('spam') finds nothing where cu12 is installed without spam"
    assert notes["src/spam/about.py:16"] == caught
    assert "it cannot be read as Python" in notes["src/spam/broken.py"]


@pytest.mark.parametrize("kind", ["flit_core", "setuptools", "meson-python"])
def test_a_tree_whose_variants_own_the_same_files_is_not_of_the_capability_kind(
    tmp_path: Path, kind: str
) -> None:
    table = f"""[tool.selector]
backend = "{KINDS[kind].backend}"
kind = "capability"

[[tool.selector.variant]]
name = "v3"
when = {{ cpu = "x86_64_v3" }}

[[tool.selector.variant]]
name = "cpu"
"""
    tree = write_tree(tmp_path / "tree", kind, table=table)
    if kind == "setuptools":  # its variants may have other modules, which cannot be told
        assert lines("check", tree) == ["no problems found"]
        return
    (said,) = lines("check", tree, status=1)
    assert said.startswith("warning: tool.selector.kind: found 'capability'")
    assert "each variant of this tree has src/spam/__init__.py" in said
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8").replace('"capability"', '"requirement"')
    path.write_text(text, encoding="utf-8")
    assert lines("check", tree) == ["no problems found"]


parts = st.text() | st.sampled_from(
    ["(", ")", ".", "version", "'spam'", "__name__", "\n", "=", ":"]
)


@given(st.lists(parts))
def test_any_code_is_read_or_is_no_python(parts: list[str]) -> None:
    source = "from importlib.metadata import version\nversion(" + "".join(parts)
    try:
        found = find_own_calls("spam/a.py", source.encode("utf-8", "surrogatepass"), "spam")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    assert all(one.place.startswith("spam/a.py:") for one in found)
