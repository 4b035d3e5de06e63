"""Whether a selector package and the distributions beside it agree: each rule, and its silence."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import write_project

from selector_backend.authoring.project import read_project
from selector_backend.checking.loads import find_loads
from selector_backend.checking.siblings import parse_sibling
from selector_backend.cli.siblings import review_siblings

TABLE = """
[tool.selector]
requires = ["spam-core=={version}"]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""
# As the README has it: the variants alone tell of core.
TEN_LINES = TABLE.replace('requires = ["spam-core=={version}"]', "")
# As cupy has it: names that do not begin with the project's.
OTHER_NAMES = """
[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }
requires = ["ham-cuda12x=={version}"]

[[tool.selector.variant]]
name = "cpu"
requires = ["ham-cpu=={version}"]
"""

LOAD = 'from selector_runtime import load\nload("spam", {"cu12": "_cu12", "cpu": "_cpu"})\n'
PINNED = ["spam-core==1.0"]


def sibling(
    folder: Path,
    version: str | None = "1.0",
    requires: list[str] | None = None,
    *,
    name: str = "",
    more: str = "",
    source: str = "",
    file: str = "src/spam_core/__init__.py",
) -> Path:
    """Write a distribution's folder; without a version, it is dynamic."""
    said = 'dynamic = ["version"]\n' if version is None else f'version = "{version}"\n'
    dependencies = "" if requires is None else f"dependencies = {requires}\n"
    text = f'[project]\nname = "{name or folder.name}"\n{said}{dependencies}{more}'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    if source:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(source, encoding="utf-8")
    return folder


def family(folder: Path, table: str = TABLE, core: str = LOAD) -> Path:
    """Write a project, its core and its variants, all of which agree, and return the project."""
    sibling(folder / "spam-core", source=core)
    sibling(folder / "spam-cu12", requires=PINNED)
    sibling(folder / "spam-cpu", requires=PINNED)
    return write_project(folder / "spam", table)


def found(project: Path, *places: Path) -> tuple[list[str], list[str]]:
    """Return the problems and the notes, each as ``check`` writes it."""
    selector = read_project(project).selector
    some = review_siblings(project, selector, places or None)
    problems, notes = ([f"{one.key}: {one.message}" for one in each] for each in some)
    return problems, notes


def only(project: Path, *places: Path) -> str:
    """Return the one problem."""
    (problem,), notes = found(project, *places)
    assert notes == []
    return problem


@pytest.mark.parametrize("table", [TABLE, TEN_LINES])
@pytest.mark.parametrize("file", ["src/spam/_impl.py", "spam_core.py", "spam/a/b/c.py"])
def test_nothing_is_said_of_what_agrees(tmp_path: Path, table: str, file: str) -> None:
    project = family(tmp_path, table, core="")
    sibling(tmp_path / "spam-core", source=LOAD, file=file)
    assert found(project) == ([], [])
    text = LOAD.replace("cpu", "cpuu", 1)
    sibling(tmp_path / "spam-core", source=text, file=file)  # so it was read
    assert len(found(project)[0]) == 2


def test_nothing_is_said_where_nobody_is_beside(tmp_path: Path) -> None:
    project = write_project(tmp_path / "spam", TABLE)
    assert found(project) == ([], [])
    for number in range(300):
        sibling(tmp_path / f"project{number}", str(number), ["numpy", "spam==1.0"])
    (tmp_path / "project7" / "pyproject.toml").write_text("not = = toml")
    (tmp_path / "project8" / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "pyproject.toml").write_text("a root\n")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path)
    assert found(project) == ([], [])
    # Nor of a copy of the project itself, or of what only a link leads to.
    write_project(tmp_path / "spam-copy", TABLE, version="0.9")
    assert found(project) == ([], [])


def test_a_version_that_differs(tmp_path: Path) -> None:
    project = family(tmp_path)
    sibling(tmp_path / "spam-cu12", "1.1", PINNED)
    assert only(project) == (
        "../spam-cu12/pyproject.toml: project.version: the version is 1.1, and "
        "tool.selector.variant[0].requires has spam-cu12==1.0"
    )
    sibling(tmp_path / "spam-cu12", "1.0.0+local", PINNED)
    assert found(project) == ([], [])
    sibling(tmp_path / "spam-core", "1.1rc1")
    assert only(project).startswith("../spam-core/pyproject.toml: project.version: the version is")


def test_a_core_with_versions_of_its_own(tmp_path: Path) -> None:
    project = family(tmp_path, TABLE.replace("spam-core=={version}", "spam-core>=3,<4"))
    sibling(tmp_path / "spam-core", "3.2")
    for name in ("cu12", "cpu"):
        sibling(tmp_path / f"spam-{name}", requires=["spam-core~=3.1"])
    assert found(project) == ([], [])
    sibling(tmp_path / "spam-cpu", requires=["spam-core<3.2"])
    assert "spam-core<3.2 is not the version" in only(project)
    sibling(tmp_path / "spam-core", "4.0")
    assert "the version is 4.0, and tool.selector.requires has spam-core<4,>=3" in only(project)


@pytest.mark.parametrize("table", [TABLE, TEN_LINES, TABLE.replace("spam-core=", "Spam_Core=")])
@pytest.mark.parametrize(
    ("requires", "said"),
    [
        ([], "spam-core is not required; write 'spam-core==1.0'"),
        (["spam"], "spam-core is not required; write 'spam-core==1.0'"),
        (["spam-core"], "spam-core is not the version that belongs to it"),
        (["spam-core>=1.0"], "spam-core>=1.0 is not the version that belongs to it"),
        (["spam-core==1.*"], "spam-core==1.* is not the version that belongs to it"),
        (["Spam.Core==0.9"], "Spam.Core==0.9 is not the version that belongs to it"),
        (["Spam.Core[x] == 1.0.0 ; os_name != 'java'"], None),
    ],
)
def test_a_variant_that_does_not_require_core_in_its_version(
    tmp_path: Path, table: str, requires: list[str], said: str | None
) -> None:
    project = family(tmp_path, table)
    sibling(tmp_path / "spam-cu12", requires=requires)
    if said is None:
        assert found(project) == ([], [])
    else:
        assert only(project).startswith(
            f"../spam-cu12/pyproject.toml: project.dependencies: {said}"
        )


def test_a_release_whose_pins_were_forgotten_and_one_that_is_half_done(tmp_path: Path) -> None:
    family(tmp_path)
    project = write_project(tmp_path / "spam", TABLE, version="1.1")
    assert [one.partition(": ")[0] for one in found(project)[0]] == [
        "../spam-core/pyproject.toml",
        "../spam-cu12/pyproject.toml",
        "../spam-cpu/pyproject.toml",
    ]  # once for each, and not a second time for what follows from it
    sibling(tmp_path / "spam-core", "1.1")
    for name in ("cu12", "cpu"):
        sibling(tmp_path / f"spam-{name}", "1.1", PINNED)
    problems, _ = found(project)
    assert [one.partition("write ")[2] for one in problems] == ["'spam-core==1.1'"] * 2


def test_a_variant_that_has_no_folder(tmp_path: Path) -> None:
    third = '\n[[tool.selector.variant]]\nname = "cu11"\nwhen = { cuda = ">=11" }\n'
    refusal = '\n[[tool.selector.variant]]\nname = "old"\nwhen = { cuda = "<9" }\nrefuse = "No."\n'
    head, _, last = TABLE.rpartition("\n[[")
    source = LOAD.replace('"cpu"', '"cu11": "_cu11", "cpu"', 1)
    project = family(tmp_path, f"{head}{third}{refusal}\n[[{last}", source)
    said = "tool.selector.variant[1].requires: spam-cu11 has no folder beside ../spam-cu12"
    assert only(project) == said
    sibling(tmp_path / "eleven", name="Spam_CU11", requires=PINNED)
    assert found(project) == ([], [])
    # Where no variant has one, they are built in another way.
    for name in ("eleven", "spam-cu12", "spam-cpu"):
        (tmp_path / name / "pyproject.toml").unlink()
        (tmp_path / name).rmdir()
    assert found(project) == ([], [])


def test_names_that_do_not_begin_with_the_projects(tmp_path: Path) -> None:
    project = write_project(tmp_path / "spam", f"[tool.selector]\n{OTHER_NAMES}")
    sibling(tmp_path / "ham-cuda12x", requires=["ham-base==1.0"])
    sibling(tmp_path / "ham-cpu", requires=["numpy"])
    sibling(tmp_path / "numpy", "0.1")
    sibling(tmp_path / "ham-base", source=LOAD)
    assert only(project).startswith("../ham-cpu/pyproject.toml: project.dependencies: ham-base is")
    sibling(tmp_path / "ham-cuda12x", "2.0", requires=["ham-base==1.0"])
    assert len(found(project)[0]) == 2


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
    problems, notes = found(family(tmp_path, core=source))
    assert notes == []
    assert len(problems) == len(said)
    for problem, text in zip(problems, said):
        assert problem.startswith(f"../spam-core/src/spam_core/__init__.py:4: {text}")


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
    project = family(tmp_path, core=source)
    for place in ("tests/test_a.py", "build/lib/a.py", ".venv/a.py", "other/deep/a.py"):
        sibling(tmp_path / "spam-core", source=LOAD.replace("cu12", "cu10", 1), file=place)
    sibling(tmp_path / "spam-core" / "other")  # a project of its own
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
    problems, (note,) = found(family(tmp_path, core=source))
    assert problems == []
    assert note.startswith(
        "../spam-core/src/spam_core/__init__.py:2: load is called with something"
    )


def test_core_is_never_run(tmp_path: Path) -> None:
    source = f"{LOAD}\nopen({str(tmp_path / 'run')!r}, 'w')\nprint('run')\n"
    project = family(tmp_path, core=source)
    (tmp_path / "spam-core" / "setup.py").write_text(source)
    assert found(project) == ([], [])
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_read_is_noted_once(tmp_path: Path) -> None:
    project = family(tmp_path)
    (tmp_path / "spam-cu12" / "pyproject.toml").write_text("[project\n")
    (tmp_path / "eggs").mkdir()
    (tmp_path / "eggs" / "pyproject.toml").write_bytes(b"name = '\xff'")
    (tmp_path / "nest").mkdir()
    (tmp_path / "nest" / "pyproject.toml").write_text("a = " + "[" * 100_000)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "pyproject.toml")
    (tmp_path / "huge").mkdir()
    (tmp_path / "huge" / "pyproject.toml").write_text("# \n" * (2 << 20))
    problems, (note,) = found(project)
    assert problems == []
    assert note.startswith("siblings: no pyproject.toml can be read in ../spam-cu12 (")
    assert all(f"../{name} (" in note for name in ("eggs", "nest", "pipe", "huge"))
    (tmp_path / "spam-cu12" / "pyproject.toml").unlink()
    problems, (note,) = found(project)
    assert problems == []
    assert "../spam-cu12 (there is none)" in note


def test_what_is_dynamic_is_noted(tmp_path: Path) -> None:
    project = family(tmp_path)
    sibling(tmp_path / "spam-core", None)
    assert found(project) == (
        [],
        [
            "siblings: ../spam-core: no version can be read from pyproject.toml, so what depends "
            "on it is not checked"
        ],
    )
    (tmp_path / "spam-cu12" / "pyproject.toml").write_text("[tool.poetry]\nname = 'x'\n")
    problems, notes = found(project)
    assert problems == []
    assert ["../spam-core, ../spam-cu12: no version" in one for one in notes] == [True, False]
    assert notes[1].startswith("siblings: ../spam-cu12: no dependencies")


@pytest.mark.parametrize("source", ["print 'selector_runtime'\n", "selector_runtime\0", "(" * 9999])
def test_a_module_that_cannot_be_read(tmp_path: Path, source: str) -> None:
    text = f"# selector_runtime\n{source}"
    sibling(tmp_path / "spam-core", source=text, file="a/old.py")
    problems, (note,) = found(family(tmp_path))
    assert problems == []
    assert note.startswith("../spam-core/a/old.py: it cannot be read as Python, and is skipped")


def test_one_name_in_several_folders(tmp_path: Path) -> None:
    project = family(tmp_path)
    sibling(tmp_path / "old", "0.1", name="spam-cu12")
    (tmp_path / "link").symlink_to(tmp_path / "spam-cpu")
    assert found(project) == ([], [])  # the folder that is called so
    (tmp_path / "spam-cu12").rename(tmp_path / "new")
    problems, (note,) = found(project)
    assert problems == []
    assert note == "siblings: ../new, ../old: all are called spam-cu12; none is checked"


def test_other_folders_are_looked_into(tmp_path: Path) -> None:
    project = family(tmp_path / "here")
    sibling(tmp_path / "core" / "spam-core", source=LOAD)
    sibling(tmp_path / "variants" / "spam-cu12", requires=PINNED)
    sibling(tmp_path / "variants" / "a", "1.1", PINNED, name="spam-cpu")
    said = only(project, tmp_path / "core", tmp_path / "variants")
    assert said.startswith("../../variants/a/pyproject.toml: project.version: the version is 1.1")
    link = tmp_path / "link"
    link.symlink_to(project)
    assert found(link) == ([], [])  # what lies beside the link


def test_a_large_tree_is_not_looked_at_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selector_backend.checking.reading._MOST_FILES", 3)
    monkeypatch.setattr("selector_backend.cli.siblings._MOST_FOLDERS", 5)
    project = family(tmp_path)
    for number in range(9):
        sibling(tmp_path / f"a{number}")
        sibling(tmp_path / "spam-core", source="x = 1\n", file=f"a/{number}.py")
    problems, notes = found(project)
    assert problems == []
    assert notes[0] == "siblings: there are 13 folders, and 5 were looked at"
    assert notes[1].startswith("../spam-core: it has more than 3 files")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["dynamic", "1.0"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
keys = st.sampled_from(["name", "version", "dependencies", "dynamic"])


@given(st.dictionaries(keys, values) | values)
def test_any_project_table_is_read(table: object) -> None:
    parse_sibling("../a", {"project": table})


@given(
    st.lists(st.text() | st.sampled_from("(){},*=.'\"\n") | st.sampled_from(["load", "spam", ":"]))
)
def test_any_source_is_read_or_is_no_python(parts: list[str]) -> None:
    source = "from selector_runtime import load\nload(" + "".join(parts)
    try:
        loads = find_loads("a.py", source.encode("utf-8", "surrogatepass"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    assert all(re.fullmatch(r"a\.py:\d+", one.place) for one in loads)
