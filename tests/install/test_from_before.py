"""The ways from a release of before to a selector package, walked as the page has them.

The commands of each case are run on a small project, and then those of the users who have the old
one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, find_pip
from support.blocks import HOW_TO, blocks
from support.command import command, lines
from support.environment import ROOT, Environment, clean_environ, create_environment
from support.index import Index
from support.walk import Walk, write_tools

PAGE = "from-what-you-have.md"
NAMES, FOLDERS, WHEEL = "names-in-ci", "folders", "one-wheel"
NAMES_CASE = "## Names patched in CI"
FOLDERS_CASE = "## Folders, one for each variant"
WHEEL_CASE = "## One big wheel"
OLD_NAME = "### From a variant's own name"
REQUIRED = "### From a spam that required one variant"
CODE = "### From a spam with code"

#: How each sample was released before, and what its maintainer then changes without a command.
BEFORE = {
    NAMES: """
        sed -i 's/^name = "spam"/name = "spam-cu12"/' pyproject.toml
        SPAM_CUDA=12 python -m build --wheel --outdir old
        sed -i 's/^name = "spam-cu12"/name = "spam"/' pyproject.toml
        rm -rf build
        python -m build --wheel --outdir old
        sed -i 's/^version = "0.9"/version = "1.0"/' pyproject.toml
        sed -i 's/"SPAM_CUDA", ""/"SPAM_BUILD_VARIANT", "cpu"/; s/cu{cuda}/{cuda}/' setup.py
        """,
    FOLDERS: """
        for folder in spam-core spam-cu12 spam-cpu spam
        do python -m build --wheel $folder --outdir old
        done
        sed -i 's/0\\.9/1.0/' spam-c*/pyproject.toml
        """,
    WHEEL: "python -m build --wheel --outdir old",
}
DISTRIBUTION = """
[build-system]
requires = ["flit_core>=3.11,<5"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "1.0"
description = "A part of spam"
dependencies = ["{requires}"]

[tool.flit.module]
name = "{module}"
"""

GPU = {"SELECTOR_CUDA": "12.4", "SELECTOR_COMPUTE_CAPABILITY": "8.0"}
NO_GPU = {"SELECTOR_CUDA": "", "SELECTOR_COMPUTE_CAPABILITY": ""}

pytestmark = pytest.mark.nightly

Release = Callable[[str, str], Walk]


@pytest.fixture(scope="module")
def release(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """Follow a page with its project up to the release, once; return a walk for its users.

    They have an index with both releases, and a fresh environment.
    """
    done: dict[str, tuple[Path, Index]] = {}
    base = tmp_path_factory.mktemp("before")
    tools = write_tools(base / "tools")
    users = 0

    def environment(folder: Path, index: Index) -> Environment:
        environ = clean_environ(base / "home")
        environ |= {"PIP_INDEX_URL": index.url, "UV_DEFAULT_INDEX": index.url}
        return create_environment(folder, environ, pip=find_pip(wheelhouse, NEWEST_PIP))

    def walk(case: str, user: str) -> Walk:
        nonlocal users
        if case not in done:
            project = base / case
            shutil.copytree(ROOT / "tests/samples" / case, project)
            for folder in ("old", "dist"):
                (project / folder).mkdir()
            index = Index(wheelhouse, wheelhouse / "runtime", project / "old", project / "dist")
            index.__enter__()
            done[case] = (project, index)
            maintainer = environment(base / f"{case}-maintainer", index)
            maintainer.pip("install", "build")
            here = Walk(PAGE, project, maintainer, tools)
            here.run(BEFORE[case])
            if case == WHEEL:
                here.follow(WHEEL_CASE)
                write_distributions(project)
            here.follow(NAMES_CASE if case == NAMES else FOLDERS_CASE)
        users += 1
        project, index = done[case]
        place = base / f"user{users}"
        place.mkdir()
        made = environment(place / ".venv", index)
        made.pip("install", *user.split())
        return Walk(PAGE, place, made, tools)

    yield walk
    for _, index in done.values():
        index.__exit__()


def write_distributions(project: Path) -> None:
    """Write the `pyproject.toml` of core and of each variant, as the page's table has them."""
    for name, requires, module in (
        ("spam-core", "selector-runtime", "spam"),
        ("spam-cu12", "spam-core==1.0", "_spam_cu12"),
        ("spam-cpu", "spam-core==1.0", "_spam_cpu"),
    ):
        text = DISTRIBUTION.format(name=name, requires=requires, module=module)
        (project / name / "pyproject.toml").write_text(text, encoding="utf-8")


def built_for(walk: Walk, module: str = "spam") -> str:
    """Return what the installed code was built for."""
    return walk.run(f"python -B -c 'import {module} as m; print(m.built_for())'").strip()


def is_well(walk: Walk, machine: dict[str, str]) -> bool:
    """Whether neither pip nor `doctor` finds anything."""
    walk.run("pip check", machine)
    found = command("doctor", "--python", walk.environment.python, environ=machine)
    return found.returncode == 0


@pytest.mark.parametrize("uv", [False, True])
def test_an_old_name_is_upgraded_and_stays_when_the_machine_chooses(
    release: Release, uv: bool
) -> None:
    walk = release(NAMES, "spam-cu12==0.9")
    upgrade, choose = blocks(HOW_TO / PAGE, OLD_NAME)
    walk.step(upgrade, uv=uv)
    assert (walk.environment.installed(), built_for(walk)) == ({"spam-cu12": "1.0"}, "cu12")
    walk.step(choose, GPU, uv=uv)
    assert walk.environment.installed().keys() == {"spam", "spam-cu12"}
    assert built_for(walk) == "cu12"
    assert is_well(walk, GPU)


@pytest.mark.parametrize("uv", [False, True])
def test_an_old_name_is_upgraded_as_the_selector_package_is_installed(
    release: Release, uv: bool
) -> None:
    walk = release(NAMES, "spam-cu12==0.9")
    walk.step(blocks(HOW_TO / PAGE, OLD_NAME)[1], GPU, uv=uv)
    assert walk.environment.installed().keys() == {"spam", "spam-cu12"}
    assert walk.environment.installed()["spam-cu12"] == "1.0"
    assert built_for(walk) == "cu12"
    assert is_well(walk, GPU)


@pytest.mark.parametrize("case", [NAMES, WHEEL])
def test_code_that_spam_had_is_replaced_and_not_lost(release: Release, case: str) -> None:
    by_uv, *by_pip = blocks(HOW_TO / PAGE, CODE)
    walk = release(case, "spam==0.9")
    walk.step(by_uv, NO_GPU)
    assert built_for(walk) == "cpu"
    assert "spam-cpu" in walk.environment.installed()
    assert is_well(walk, NO_GPU)

    walk = release(case, "spam==0.9")
    for number, block in enumerate(by_pip):
        output = walk.step(block, GPU)
        if block.mark == "status":
            (_, commands) = by_pip
            shown = [
                line.strip() for line in output.splitlines() if line.startswith("        pip ")
            ]
            assert [one.removesuffix("==1.0") for one in shown] == commands.script.splitlines()
            assert (number, built_for(walk)) == (0, "cpu")
    assert built_for(walk) == "cu12"
    assert is_well(walk, GPU)


@pytest.mark.parametrize("uv", [False, True])
def test_a_name_that_required_one_variant_chooses(release: Release, uv: bool) -> None:
    for machine, installed in ((NO_GPU, {"spam-cpu"}), (GPU, {"spam-cpu", "spam-cu12"})):
        walk = release(FOLDERS, "spam==0.9")
        assert built_for(walk, "spam_core") == "cpu"
        upgrade, tidy = blocks(HOW_TO / PAGE, REQUIRED)
        walk.step(upgrade, machine, uv=uv)
        assert walk.environment.installed().keys() == {"spam", "spam-core", *installed}
        assert walk.environment.installed()["spam-core"] == "1.0"
        assert built_for(walk, "spam_core") == ("cu12" if machine is GPU else "cpu")
        if machine is NO_GPU:
            assert is_well(walk, machine)
    walk.run("pip check", GPU, status=1)  # of spam-cpu 0.9
    walk.step(tidy, uv=uv)
    assert built_for(walk, "spam_core") == "cu12"
    assert is_well(walk, GPU)


def test_a_variant_that_was_installed_alone_stays_so(release: Release) -> None:
    walk = release(FOLDERS, "spam-cu12==0.9")
    walk.run("pip install -U spam-cu12")
    assert walk.environment.installed() == {"spam-cu12": "1.0", "spam-core": "1.0"}
    assert built_for(walk, "spam_core") == "cu12"


def test_empty_extras_leave_nothing_to_warn_of(tmp_path: Path) -> None:
    (table, *_) = blocks(HOW_TO / PAGE, FOLDERS_CASE)
    (extras,) = blocks(HOW_TO / PAGE, "## Extras that name a build")
    (tmp_path / "pyproject.toml").write_text(f"{table.text}\n{extras.text}", encoding="utf-8")
    assert lines("check", tmp_path) == ["no problems found"]


def test_each_part_of_the_one_wheel_is_loaded_where_it_works(release: Release) -> None:
    walk = release(WHEEL, "spam-core")
    walk.run("pip install spam", {"SPAM_VARIANT": "all"})
    assert walk.environment.installed().keys() >= {"spam-cu12", "spam-cpu", "selector-runtime"}
    assert walk.run(
        "python -c 'import spam; print(spam.built_for())'", {"SPAM_VARIANT": "cpu"}
    ) == ("cpu\n")
