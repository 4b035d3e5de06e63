"""`selector-backend check` on a tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import lines
from support.tree import KINDS, write_tree


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


def test_a_tree_that_admits_an_older_python_is_told_to_admit_fewer(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "tree", "flit_core") / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('requires-python = ">=3.9"', 'requires-python = ">=3.7"'), "utf-8")
    said = lines("check", path.parent, status=1)
    assert "found '>=3.7', which admits 3.7; write '>=3.9' or narrower: pip on" in said[0]
