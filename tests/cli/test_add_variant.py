"""`selector-backend add-variant`: one more variant for a project that there is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.command import command, data, error, lines
from support.environment import ROOT
from support.project import write_project


def tree(folder: Path) -> dict[str, str]:
    """Return the texts of all files in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_project_is_as_if_it_had_been_written_with_it(tmp_path: Path) -> None:
    given = ("--name", "spam", "--import-name", "spam", "--version", "1.2")
    lines("init", tmp_path / "whole", "cu13", "cu12", "cpu", *given)
    lines("init", tmp_path / "grown", "cu12", "cpu", *given)
    spam = tmp_path / "grown" / "spam"
    said = lines("add-variant", "cu13", cwd=spam)
    assert said[0] == "cu13 is added to pyproject.toml, before cu12"
    assert {*said[1:3]} == {f"{file} is written" for file in (spam.parent / "spam-cu13").iterdir()}
    place = "../spam-core/spam/__init__.py"
    assert said[3].startswith(f"to do: {place}:21: load is not given 'cu13', which is tool.")
    (warning,) = lines("check", cwd=spam, status=1)
    assert warning.removeprefix("warning: ") == said[3].removeprefix("to do: ")
    # What is left is what it says, and the page on the project.
    core, whole = spam / place, tree(tmp_path / "whole")
    row = '        "cu12"'
    text = core.read_text(encoding="utf-8").replace(row, f'        "cu13": "_spam_cu13",\n{row}')
    core.write_text(text, encoding="utf-8")
    assert lines("check", cwd=spam) == ["no problems found"]
    grown = tree(tmp_path / "grown")
    assert whole.pop("spam/README.md") != grown.pop("spam/README.md")
    assert grown == whole


def test_comments_and_order_stay_and_options_say_where(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "example-spam", tmp_path / "all")
    file = tmp_path / "all" / "spam" / "pyproject.toml"
    file.write_text(f"# mine\n{file.read_text()}# the end\n")
    file.chmod(0o640)
    old = file.read_text()
    found = data("add-variant", "rocm6", file.parent, "--before", "CU12")
    assert found["key"] == "tool.selector.variant[0]"
    assert found["problems"] == []
    assert len(found["files"]) == 3
    row, _, rest = file.read_text().partition('name = "rocm6"\n')[2].partition("\n\n")
    assert (
        file.read_text().replace(f'[[tool.selector.variant]]\nname = "rocm6"\n{row}\n\n', "") == old
    )
    assert rest.startswith('[[tool.selector.variant]]\nname = "cu12"')
    assert file.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in file.parent.iterdir() if one.name.startswith(".")] == []
    # Where it can never be chosen, `check` says so.
    process = command("add-variant", "v3", file.parent, "--after", "cpu")
    assert process.returncode == 1
    assert "tool.selector.variant[4]: v3 is never chosen: wherever it fits" in process.stdout


def test_a_project_of_another_shape_gets_the_row_alone(tmp_path: Path) -> None:
    project = tmp_path / "spam"
    shutil.copytree(ROOT / "example-spam" / "spam", project)
    link = tmp_path / "link"
    shutil.copytree(project, link)
    (link / "pyproject.toml").unlink()
    (link / "pyproject.toml").symlink_to(project / "pyproject.toml")
    said = lines("add-variant", "big: cuda-toolkit = '>=12'", link)
    assert said == [f"big is added to {link / 'pyproject.toml'}, before cpu"]
    assert (link / "pyproject.toml").is_symlink()
    assert 'name = "big"\n' in (project / "pyproject.toml").read_text()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "spam"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cu12",), "spam already has the variant cu12"),
        (("CU12:",), "spam already has the variant cu12"),
        (("core",), "NAME core: core has that name"),
        (("cu13", "--before", "cu112"), "--before cu112: spam has no such variant, did you mean"),
        (("cu13", "--after", "x"), "--after x: spam has no such variant; the variants are cu12"),
        (("cu13", "--after", "cu12", "--before", "cpu"), "give one of them"),
        (("new: property = 'a :: b :: c'",), "which has no table [tool.selector.provider.a]"),
        (("zen3",), "spam-zen3 already exists, and nothing was written"),
    ],
)
def test_bad_input_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    shutil.copytree(ROOT / "example-spam", tmp_path / "all")
    (tmp_path / "all" / "spam-zen3").mkdir()
    before = tree(tmp_path)
    assert message in error("add-variant", arguments[0], tmp_path / "all/spam", *arguments[1:])
    assert tree(tmp_path) == before


def test_a_project_that_has_errors_or_is_none(tmp_path: Path) -> None:
    assert "no such folder" in error("add-variant", "cu13", tmp_path / "nowhere")
    assert "there is no pyproject.toml" in error("add-variant", "cu13", tmp_path, status=1)
    project = write_project(tmp_path, "[tool.selector]\nkind = 'x'\n")
    assert "tool.selector.kind: found 'x'" in error("add-variant", "cu13", project, status=1)
