"""`selector-backend check` in a folder that has core and the variants beside the project."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.command import data, error, lines
from support.environment import ROOT


def example(folder: Path) -> Path:
    shutil.copytree(ROOT / "example-spam", folder)
    return folder / "spam"


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_what_does_not_agree_is_a_warning(tmp_path: Path) -> None:
    project = example(tmp_path / "all")
    assert lines("check", cwd=project) == ["no problems found"]
    replace(project.parent / "spam-core/spam_core/__init__.py", '"cu11"', '"cu10"')
    replace(project.parent / "spam-cu12/pyproject.toml", "spam-core==1.0", "spam-core>=1.0")
    replace(project.parent / "spam-cu11/pyproject.toml", 'version = "1.0"', 'version = "1.1"')
    shutil.rmtree(project.parent / "spam-cpu")
    place = "../spam-core/spam_core/__init__.py:24"
    expected = [
        "warning: tool.selector.variant[2].requires: spam-cpu has no folder beside ../spam-cu12",
        "warning: ../spam-cu11/pyproject.toml: project.version: the version is 1.1, and "
        "tool.selector.variant[1].requires has spam-cu11==1.0",
        "warning: ../spam-cu12/pyproject.toml: project.dependencies: spam-core>=1.0 is not the "
        "version that belongs to it; write 'spam-core==1.0'",
        f"warning: {place}: load is given 'cu10', which is not a variant, did you mean 'cu12'?",
        f"warning: {place}: load is not given 'cu11', which is tool.selector.variant[1], and "
        "would never import it",
    ]
    assert lines("check", cwd=project, status=1) == expected
    assert lines("check", project, status=1) == expected
    elsewhere = tmp_path / "alone" / "spam"
    shutil.copytree(project, elsewhere)
    assert lines("check", elsewhere) == ["no problems found"]
    assert lines("check", elsewhere, "--siblings", elsewhere) == ["no problems found"]
    assert len(lines("check", elsewhere, "--siblings", project.parent, status=1)) == len(expected)
    assert "no such folder" in error("check", elsewhere, "--siblings", tmp_path / "nowhere")


def test_a_note_is_no_problem(tmp_path: Path) -> None:
    project = example(tmp_path / "all")
    (project.parent / "spam-cpu/pyproject.toml").write_text("no toml")
    note, last = lines("check", project)
    assert note.startswith("note: siblings: no pyproject.toml can be read in ../spam-cpu (")
    assert last == "no problems found"
    found = data("check", project)
    assert found["problems"] == []
    assert [one["key"] for one in found["notes"]] == ["siblings"]
