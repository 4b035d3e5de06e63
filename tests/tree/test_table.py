"""The keys of the selector table that only a tree has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import data, error, lines
from support.environment import ROOT
from support.project import write_project
from support.tree import TreeBackend, failure, wheel_metadata, write_tree

from selector_backend.authoring import REQUIREMENTS, TREE, toml

TOP = '[tool.selector]\nbackend = "flit_core.buildapi"\n'
VARIANT = '[[tool.selector.variant]]\nname = "cu12"\n'


def errors(tree: Path) -> str:
    """Return the errors of a tree, which all that reads it says."""
    said = failure(TreeBackend(tree), "get_requires_for_build_wheel")
    checked = "\n".join(lines("check", tree, status=1))
    for line in said.splitlines()[1:]:
        assert line.strip().partition(": ")[2] in checked
    return said


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (f"[tool.selector]\n{VARIANT}", "tool.selector.backend: missing; expected what builds"),
        (
            f"[tool.selector]\nbackend = 5\n{VARIANT}",
            "tool.selector.backend: found 5 (an integer), expected what builds",
        ),
        (
            f'[tool.selector]\nbackend = "a b"\n{VARIANT}',
            "tool.selector.backend: found 'a b', expected what builds",
        ),
        (
            f'[tool.selector]\nbackend = "selector_backend"\n{VARIANT}',
            "tool.selector.backend: found 'selector_backend', which builds no code",
        ),
        (
            f'{TOP}backend-path = "."\n{VARIANT}',
            "tool.selector.backend-path: found '.' (a string), expected an array",
        ),
        (f'{TOP}backend-path = ["../a"]\n{VARIANT}', "backend-path: paths must be inside"),
        (f"{TOP}bakend = 1\n{VARIANT}", "tool.selector.bakend: not a known key, did you mean 'ba"),
        (
            f"{TOP}{VARIANT}dependencies = [1]\n",
            "variant[0].dependencies[0]: found 1 (an integer), expected a requirement",
        ),
        (
            f"{TOP}{VARIANT}dependencies = 'eggs'\n",
            "variant[0].dependencies: found 'eggs' (a string), expected an array",
        ),
        (
            f"{TOP}{VARIANT}dependencies = ['eggs', 'a b c']\n",
            "variant[0].dependencies[1]: found 'a b c': ",
        ),
        (
            TOP + VARIANT + "dependencies = ['eggs=={verison}']\n",
            "the placeholders are {project}, {name}, {version} and {built:torch}",
        ),
        (
            TOP + VARIANT + "dependencies = ['torch=={built:torch:0}']\n",
            "how many numbers of its version if not all: {built:torch}, {built:torch:2}",
        ),
        (
            TOP + VARIANT + "dependencies = ['torch=={built:}']\n",
            "expected a distribution, and how many numbers",
        ),
        (
            f'{TOP}{VARIANT}dependencies = ["eggs\\nName: other"]\n',
            "variant[0].dependencies[0]: found 'eggs\\nName: other', which has '\\n'",
        ),
        (
            f"{TOP}{VARIANT}refuse = 'no'\ndependencies = []\n",
            "variant[0].dependencies: given together with 'refuse', which builds nothing",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_key(tmp_path: Path, table: str, expected: str) -> None:
    tree = write_tree(tmp_path / "tree", table=table)
    if "../a" in table:  # which is looked at where the backend is called
        assert expected in failure(TreeBackend(tree), "get_requires_for_build_wheel")
    else:
        assert expected in errors(tree)


@pytest.mark.parametrize("python", ["", 'requires-python = ">=3.8"'])
def test_a_tree_whose_sdist_would_meet_other_pythons_is_told_before_it_is_built(
    tmp_path: Path, python: str
) -> None:
    tree = write_tree(tmp_path / "tree", table=f"{TOP}self-contained = true\n{VARIANT}")
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8").replace('requires-python = ">=3.9"', python)
    path.write_text(text, encoding="utf-8")
    (warning,) = lines("check", tree, status=1)
    assert warning.startswith("warning: project.requires-python: ")
    # The inner backend may find it.
    text = text.replace("[project]", '[project]\ndynamic = ["requires-python"]')
    path.write_text(text.replace('requires-python = ">=3.8"', ""), encoding="utf-8")
    lines("check", tree, status=0)


def test_only_a_tree_has_these_keys(tmp_path: Path) -> None:
    table = f"{TOP}backend-path = []\n{VARIANT}dependencies = []\n"
    said = "\n".join(lines("check", write_project(tmp_path, table), status=1))
    for key in ("backend", "backend-path", "variant[0].dependencies"):
        only = "given, but only a tree has it, whose build-backend is 'selector_backend.variant'"
        assert f"error: tool.selector.{key}: {only}" in said


def test_the_backends_path_is_not_the_inner_ones(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[project]", 'backend-path = ["."]\n\n[project]'), "utf-8")
    said = "\n".join(lines("check", tree, status=1))
    assert "build-system.backend-path: given, but frontends would look there for" in said


def test_a_tree_that_admits_an_older_python_is_told_to_admit_fewer(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "tree", "flit_core") / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('requires-python = ">=3.9"', 'requires-python = ">=3.7"'), "utf-8")
    said = lines("check", path.parent, status=1)
    assert "found '>=3.7', which admits 3.7; write '>=3.9' or narrower: pip on" in said[0]


def test_the_commands_read_a_tree(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    assert "cu12" in "\n".join(lines("explain", tree, "--set", "cuda=12.4"))
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8").replace('version = "1.0"', 'dynamic = ["version"]')
    path.write_text(text, encoding="utf-8")
    shown = lines("explain", tree, "--set", "cuda=")
    assert shown[1] == "{version} is only known when it is built"
    assert "is only known when it is built; name its sdist" in error("explain", tree, "--extras")
    assert shown[-1] == "installs: spam-common=={version}, spam-cpu=={version}"
    assert data("explain", tree, "--set", "cuda=")["decision"]["version"] == "{version}"
    *rows, _ = map(json.loads, lines("matrix", tree, "--json"))
    assert "spam 0" not in str(rows)
    said = error("check", tree, "--index", "http://localhost:1/")
    assert "is only known when it is built; name its sdist" in said


def test_a_tree_without_a_name_or_a_version_says_so(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('name = "spam"\n', "").replace('version = "1.0"', ""), "utf-8")
    said = failure(TreeBackend(tree), "build_wheel", tmp_path, {"build-variant": "cpu"})
    assert "project.version: missing" in said
    assert "project.name" in said


@pytest.mark.parametrize(
    ("requires", "name"),
    [
        (["spam-core=={version}", "spam-cuda12=={version}", "numpy"], "spam-cuda12"),
        (["Spam.CU12=={version}", "spam-other=={version}"], "Spam.CU12"),
        (["eggs-cu12=={version}"], "eggs-cu12"),
    ],
)
def test_a_variant_is_called_what_the_table_requires(
    tmp_path: Path, requires: list[str], name: str
) -> None:
    table = f"{TOP}requires = ['spam-core=={{version}}']\n{VARIANT}requires = {requires}\n"
    tree = write_tree(tmp_path / "tree", table=table)
    wheel = TreeBackend(tree).build("wheel", tmp_path / "out", **{"build-variant": "cu12"})
    assert wheel_metadata(wheel)["Name"] == name
    # What the table requires is not what the variant requires.
    assert not any("numpy" in one for one in wheel_metadata(wheel).get_all("Requires-Dist", []))


@pytest.mark.parametrize("requires", [["spam-cuda12>=1"], ["a=={version}", "b=={version}"]])
def test_a_variant_that_is_no_one_distribution_cannot_be_built(
    tmp_path: Path, requires: list[str]
) -> None:
    tree = write_tree(tmp_path / "tree", table=f"{TOP}{VARIANT}requires = {requires}\n")
    said = failure(TreeBackend(tree), "build_wheel", tmp_path, {"build-variant": "cu12"})
    assert "expected one requirement that is '=={version}'" in said


def test_the_extra_brings_what_the_code_asks_for() -> None:
    project = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = [one.partition(";")[0] for one in project["dependencies"]]
    extra = project["optional-dependencies"]["tree"]
    assert {*extra} | {*own} >= {*REQUIREMENTS, *TREE}
    assert {*extra} <= {*REQUIREMENTS, *TREE}
