"""`selector-backend check`: whether what core gives to `load` is what the table has."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command import data, lines
from support.environment import ROOT
from support.project import write_project

from selector_backend.authoring.project import read_project
from selector_backend.checking import loads
from selector_backend.model.problems import NOTE

TABLE = """
[tool.selector]
requires = ["spam-core=={version}", "numpy"]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""
# As the README has it: the table does not name core.
TEN_LINES = TABLE.replace('requires = ["spam-core=={version}", "numpy"]', "")

LOAD = 'from selector_runtime import load\nload("spam", {"cu12": "_cu12", "cpu": "_cpu"})\n'
CORE = "spam-core/src/spam_core/__init__.py"


def write(file: Path, source: str = LOAD) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    return file


def project_with(folder: Path, source: str = LOAD, *, table: str = TABLE, file: str = CORE) -> Path:
    """Write a project with core beside it, and return the project."""
    write(folder / file, source)
    return write_project(folder / "spam", table)


def found(project: Path) -> tuple[list[str], list[str]]:
    """Return the problems and the notes, each as ``check`` writes it."""
    problems: list[str] = []
    notes: list[str] = []
    for one in loads.review_loads(project, read_project(project).selector):
        (notes if one.severity == NOTE else problems).append(f"{one.key}: {one.message}")
    return problems, notes


def test_what_does_not_agree_is_a_warning(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "example-spam", tmp_path / "all")
    project, core = tmp_path / "all/spam", tmp_path / "all/spam-core/spam_core/__init__.py"
    assert lines("check", cwd=project) == ["no problems found"]
    write(core, core.read_text(encoding="utf-8").replace('"cu11"', '"cu10"'))
    place = "../spam-core/spam_core/__init__.py:24"
    expected = [
        f"warning: {place}: load is given 'cu10', which is not a variant, did you mean 'cu12'?",
        f"warning: {place}: load is not given 'cu11', which is tool.selector.variant[1], and "
        "would never import it",
    ]
    assert lines("check", cwd=project, status=1) == expected
    assert lines("check", project, status=1) == expected
    (tmp_path / "link").symlink_to(project)
    assert lines("check", tmp_path / "link") == ["no problems found"]  # what lies beside the link
    write(core, "from selector_runtime import load\nload(*NAMES)\n")
    note, last = lines("check", project)
    assert note.startswith("note: ../spam-core/spam_core/__init__.py:2: load is called with some")
    assert last == "no problems found"
    assert data("check", project)["problems"] == []


@pytest.mark.parametrize("table", [TABLE, TEN_LINES, TABLE.replace("spam-core=", "Spam_Core=")])
@pytest.mark.parametrize(
    "file", [CORE, "Spam.Core/spam_core.py", "spam-core/src/spam/_impl.py", "spam_core/a/b/c.py"]
)
def test_core_is_the_folder_that_is_called_so(tmp_path: Path, table: str, file: str) -> None:
    project = project_with(tmp_path, table=table, file=file)
    assert found(project) == ([], [])
    write(tmp_path / file, LOAD.replace("cpu", "cpuu", 1))
    assert len(found(project)[0]) == 2


def test_core_may_have_another_name(tmp_path: Path) -> None:
    source = LOAD.replace("cpu", "cpuu", 1)
    table = TABLE.replace("spam-core", "ham-base")
    assert len(found(project_with(tmp_path, source, table=table, file="ham_base/ham.py"))[0]) == 2


def test_other_folders_are_not_read(tmp_path: Path) -> None:
    project = write_project(tmp_path / "spam", TABLE)
    assert found(project) == ([], [])
    source = LOAD.replace("cpu", "cpuu", 1)
    for name in ("spam-cpu", "numpy", "spam", "eggs-core"):
        write(tmp_path / name / "a.py", source)
    write(tmp_path / "a.py", source)
    (tmp_path / "spam-core").symlink_to(tmp_path / "nowhere")
    assert found(project) == ([], [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"cu12": "_a"}', ["load is not given 'cpu', which is tool.selector.variant[1]"]),
        (
            '{"CU12": "_a", "cpu": name(), "cu11": "_c"}',
            ["load is given 'cu11', which is not a variant, did you mean 'cu12'?"],
        ),
        ('{"cu12": "_a", "c.pu": "_b"}', ["load is given 'c.pu'", "load is not given 'cpu'"]),
    ],
)
@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("from selector_runtime import load", 'load("spam", {})'),
        ("from selector_runtime import selected, load as _l", 'x = _l("Spam", variants={})'),
        ("import selector_runtime", 'selector_runtime.load(project="spam", variants={})'),
        ("import os, selector_runtime as s", 'def f(): return s.load("spam", {}, isolate=True)'),
    ],
)
def test_names_that_core_and_the_table_do_not_share(
    tmp_path: Path, given: str, said: list[str], imported: str, call: str
) -> None:
    source = f"# \n{imported}\n\n{call.replace('{}', given)}\n"
    problems, notes = found(project_with(tmp_path, source))
    assert notes == []
    assert len(problems) == len(said)
    for problem, text in zip(problems, said):
        assert problem.startswith(f"../{CORE}:4: {text}")


def test_a_variant_that_refuses_is_not_loaded(tmp_path: Path) -> None:
    refusal = '[[tool.selector.variant]]\nname = "old"\nwhen = { cuda = "<9" }\nrefuse = "No."\n\n'
    head, _, last = TABLE.rpartition("[[")
    assert found(project_with(tmp_path, table=f"{head}{refusal}[[{last}")) == ([], [])


def test_calls_that_are_no_business_of_the_table(tmp_path: Path) -> None:
    source = """
import json
from other import load as load_other
from selector_runtime import load
json.load("spam", {"x": "y"})
load_other("spam", {"x": "y"})
load("eggs", {"x": "y"})
if json:
    load("spam", {"cu12": "_a"})
else:
    load("spam", {"cpu": "_b"})
"""
    project = project_with(tmp_path, source)
    for place in ("tests/test_a.py", "build/lib/a.py", ".venv/a.py", "other/deep/a.py"):
        write(tmp_path / "spam-core" / place, LOAD.replace("cu12", "cu10", 1))
    write(tmp_path / "spam-core/other/pyproject.toml")  # a project of its own
    (tmp_path / "spam-core" / "round").symlink_to(tmp_path)
    assert found(project) == ([], [])


@pytest.mark.parametrize(
    "call",
    [
        *('load("spam", NAMES)', 'load("spam", {**NAMES})', 'load("spam", {NAME: "x"})'),
        *('load(NAME, {"x": "y"})', "load(*NAMES)", "load(**NAMES)", 'load("spam")'),
        'load("spam", dict(cu12="_a"))',
    ],
)
def test_a_call_that_is_not_literal_is_passed_over_with_a_note(tmp_path: Path, call: str) -> None:
    source = f"from selector_runtime import load\n{call}\n"
    problems, (note,) = found(project_with(tmp_path, source))
    assert problems == []
    assert note.startswith(f"../{CORE}:2: load is called with something")


def test_core_is_never_run(tmp_path: Path) -> None:
    source = f"{LOAD}\nopen({str(tmp_path / 'run')!r}, 'w')\nprint('run')\n"
    project = project_with(tmp_path, source)
    write(tmp_path / "spam-core/setup.py", source)
    assert found(project) == ([], [])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("source", ["print 'selector_runtime'\n", "selector_runtime\0", "(" * 9999])
def test_a_module_that_cannot_be_read(tmp_path: Path, source: str) -> None:
    project = project_with(tmp_path)
    write(tmp_path / "spam-core/a/old.py", f"# selector_runtime\n{source}")
    problems, (note,) = found(project)
    assert problems == []
    assert note.startswith("../spam-core/a/old.py: it cannot be read as Python, and is skipped")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    project = project_with(tmp_path)
    os.mkfifo(tmp_path / "spam-core/pipe.py")
    problems, (note,) = found(project)
    assert problems == []
    assert note.startswith("../spam-core/pipe.py: it cannot be read as Python, and is skipped")


@given(
    st.lists(st.text() | st.sampled_from("(){},*=.'\"\n") | st.sampled_from(["load", "spam", ":"]))
)
def test_any_source_is_read_or_is_no_python(parts: list[str]) -> None:
    source = "from selector_runtime import load\nload(" + "".join(parts)
    try:
        calls = loads.find_loads("a.py", source.encode("utf-8", "surrogatepass"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    assert all(re.fullmatch(r"a\.py:\d+", call.line) for call in calls)
