"""`selector-backend init --tree`: a new tree, and a tree of a project that is there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from support.command import error, lines
from support.index import Index
from support.tree import TreeBackend, contents

from selector_backend import __version__
from selector_backend.model.backend import bounded

VARIANTS = ("cu12", "cpu")
OWN = f'"{bounded(__version__)}"'.replace("backend", "backend[tree]")
NO_GPU = {"SELECTOR_CUDA": ""}

PROJECT = """\
# The first line.
[project]
name = "Ham.Egg"  # the name
version = "2.0"
requires-python = ">=3.9"

[build-system]
requires = [
    "flit_core<5",  # builds
    "wheel",
]
build-backend = "flit_core.buildapi"  # the inner

[tool.flit.module]
name = "ham_egg"
# The last line.
"""

TREE = """\
# The first line.
[project]
name = "Ham.Egg"  # the name
version = "2.0"
requires-python = ">=3.9"

[build-system]
requires = [
    "selector-backend[tree]>=0.2,<1",
    "flit_core<5",  # builds
    "wheel",
]
build-backend = "selector_backend.variant"  # the inner

[tool.flit.module]
name = "ham_egg"
# The last line.

[tool.selector]
backend = "flit_core.buildapi"

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", compute-capability = ">=5.0" }
conform = { cuda = "12" }

[[tool.selector.variant]]
name = "cpu"
""".replace('"selector-backend[tree]>=0.2,<1"', OWN)


def shown(written: list[str]) -> list[list[str]]:
    return [shlex.split(line) for line in written if line.startswith("  ")]


@pytest.mark.nightly
def test_a_new_tree_is_built_and_installed_by_the_commands_that_are_shown(
    tmp_path: Path, wheelhouse: Path, make_environment: MakeEnvironment
) -> None:
    folder = tmp_path / "späm eggs"
    written = lines("init", "--tree", folder, *VARIANTS, "--name", "spam")
    assert lines("check", folder) == ["no problems found"]
    commands = shown(written)
    assert commands.pop(0) == ["cd", str(folder)]
    with Index(wheelhouse) as index:
        environment = make_environment(index)
        for program, *arguments in commands:
            assert program == "python"
            output = environment.run(*arguments, cwd=folder, environ=NO_GPU).stdout
    assert output == "11\n"
    built = {"spam_cu12-0.1-py3-none-any.whl", "spam_cpu-0.1-py3-none-any.whl", "spam-0.1.tar.gz"}
    assert {one.name for one in (folder / "dist").iterdir()} == built
    assert environment.record()["variants"] == ["cpu"]

    # And without the selector package, as somebody has it who names the variant.
    environment.pip("uninstall", "--yes", "spam")
    commands[-1][0] = str(environment.python)
    assert environment.run(*commands[-1][1:]).stdout == "11\n"


def test_a_new_tree_has_the_name_of_its_project(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    lines("init", "--tree", tree, *VARIANTS, "--name", "Spam.Eggs")
    hooks = TreeBackend(tree)
    wheel = hooks.build("wheel", tmp_path / "dist", **{"build-variant": "cu12"})
    assert wheel.name == "spam_eggs_cu12-0.1-py3-none-any.whl"
    code = {name for name in contents(wheel) if ".dist-info/" not in name}
    assert code == {"spam_eggs/__init__.py", "spam_eggs/py.typed"}
    assert hooks.build("sdist", tmp_path / "dist").name == "spam_eggs-0.1.tar.gz"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_project_becomes_a_tree_and_keeps_what_is_written(tmp_path: Path, line_end: str) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(PROJECT.replace("\n", line_end).encode())
    written = lines("init", "--tree", tmp_path, *VARIANTS)
    assert file.read_bytes().decode() == TREE.replace("\n", line_end)
    assert written[:2] == [
        f"{file}: [build-system] also requires {OWN}, and its build-backend is "
        '"selector_backend.variant"',
        f"{file}: [tool.selector] is added, with the variants cu12, cpu, and the backend "
        '"flit_core.buildapi", which builds the code',
    ]
    assert written[2].startswith("To do: if the code asks for its own version, as by importlib")
    assert written[2].endswith("; Ham.Egg-cu12 can be installed without Ham.Egg")
    commands = shown(written)
    assert commands[-1] == shlex.split("python -m pip install --find-links dist Ham.Egg==2.0")
    assert [*tmp_path.iterdir()] == [file]

    # Once more, it stops.
    message = error("init", "--tree", tmp_path, *VARIANTS)
    assert "has a [tool.selector] table already, and nothing was changed; to add a" in message
    assert file.read_bytes().decode() == TREE.replace("\n", line_end)


def test_what_a_project_does_not_say_is_what_frontends_take(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('[project]\nname = "spam"\nrequires-python = ">=3.9"\ndynamic = ["version"]')
    written = lines("init", "--tree", tmp_path, *VARIANTS)
    assert shown(written)[-1] == shlex.split("python -m pip install --find-links dist spam")
    text = file.read_text()
    assert f'requires = [{OWN}, "setuptools"]' in text
    assert 'backend = "setuptools.build_meta:__legacy__"' in text

    file.write_text(
        PROJECT.replace('build-backend = "flit', 'backend-path = ["."]\nbuild-backend = "flit')
    )
    lines("init", "--tree", tmp_path, *VARIANTS)
    assert file.read_text() == TREE.replace(
        'backend = "flit_core.buildapi"\n', 'backend = "flit_core.buildapi"\nbackend-path = ["."]\n'
    )


def test_requirements_in_one_line_stay_in_one(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    written = "requires = ['flit_core<5', \"wheel\"]  # builds"
    project = 'name = "spam"\nversion = "1.0"\nrequires-python = ">=3.9"\n'
    file.write_text(f"[build-system]\n{written}\n[project]\n{project}")
    lines("init", "--tree", tmp_path, *VARIANTS)
    assert written.replace("[", f"[{OWN}, ") in file.read_text()


def test_a_readme_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    lines("init", "--tree", tmp_path, *VARIANTS, "--name", "spam")
    assert (tmp_path / "README.md").read_text() == "mine"
    assert lines("check", tmp_path) == ["no problems found"]


@pytest.mark.parametrize(
    ("pyproject", "options", "message"),
    [
        (PROJECT, ("--name", "spam"), "--name spam: the project in"),
        (PROJECT, ("--kind", "capability"), "--kind capability: the variants of a tree have"),
        (PROJECT, ("--import-name", "ham"), "--import-name ham: it names core"),
        (PROJECT, ("CPU",), "nothing was written, since the new pyproject.toml"),
        (PROJECT.replace("Ham.Egg", "3to2"), (), "project.name 3to2: a variable and modules"),
        ("[tool.poetry]\nname = 'spam'\n", (), "has no name under [project], and nothing was"),
        ("[project", (), "is not TOML"),
        (PROJECT.replace("flit_core.buildapi", "selector_backend"), (), "which builds no code"),
        (
            "build-system = 1\n[project]\nname = 'spam'\nversion = '1'\n",
            (),
            "in a way that cannot be edited",
        ),
        (
            "tool = {}\n[project]\nname = 'spam'\nversion = '1'\n",
            (),
            "in a way that cannot be edited",
        ),
        ("project = { name = 'spam' }\n[build-system]\n", (), "in a way that cannot be edited"),
        (None, (), "setup.py exists, but no pyproject.toml; nothing was written"),
    ],
)
def test_bad_input_changes_nothing(
    tmp_path: Path, pyproject: str | None, options: tuple[str, ...], message: str
) -> None:
    file = tmp_path / ("setup.py" if pyproject is None else "pyproject.toml")
    file.write_text(pyproject or "")
    status = 1 if "TOML" in message or "edited" in message else 2
    assert message in error("init", "--tree", tmp_path, *VARIANTS, *options, status=status)
    assert file.read_text() == (pyproject or "")
    assert [*tmp_path.iterdir()] == [file]


def test_a_read_only_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(PROJECT)
    file.chmod(0o444)
    message = error("init", "--tree", tmp_path, *VARIANTS)
    assert f"{file} is read-only, and nothing was changed; make it writable first" in message
    assert file.read_text() == PROJECT
    assert [*tmp_path.iterdir()] == [file]


def test_nothing_is_overwritten_by_a_new_tree(tmp_path: Path) -> None:
    code = tmp_path / "src/spam/__init__.py"
    code.parent.mkdir(parents=True)
    code.write_text("mine = 1\n")
    message = error("init", "--tree", tmp_path, *VARIANTS, "--name", "spam")
    assert f"{code} already exists, and nothing was written" in message
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [code]
