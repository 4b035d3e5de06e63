"""Variants of a tree own the same files: changing over, and what is found where they are mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.command import command, data
from support.environment import Environment
from support.index import Index
from support.project import write_wheel
from support.tree import TreeBackend, write_tree

TABLE = """\
[tool.selector]
backend = "setuptools.build_meta"

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""
GPU = {"SELECTOR_CUDA": "12.4"}
CPU = {**GPU, "SPAM_VARIANT": "cpu"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The selector package and both variants of a tree; `spam.kind` differs in them."""
    folder = tmp_path_factory.mktemp("release")
    backend = TreeBackend(write_tree(folder / "tree", "setuptools", table=TABLE))
    backend.build("sdist", folder / "dist")
    for variant in ("cu12", "cpu"):
        backend.build("wheel", folder / "dist", **{"build-variant": variant})
    write_wheel(folder / "dist", "spam-core")
    return folder / "dist"


@pytest.fixture
def index(serve: Callable[[Path], Index], dist: Path) -> Index:
    return serve(dist)


def imported(environment: Environment) -> str:
    code = "import spam, spam.kind; spam.main(); print(spam.kind.KIND)"
    spam, kind = environment.run("-B", "-c", code).stdout.split()
    assert spam == "spam"
    return kind


def variants(environment: Environment) -> set[str]:
    return {*environment.installed()} & {"spam-cu12", "spam-cpu"}


def mend(environment: Environment) -> str:
    """Run the commands that `doctor` shows, and then `doctor` again. Returns what it had found."""
    python = ("--python", environment.python)
    (finding,) = data("doctor", *python, environ=GPU, status=1)["findings"]
    for program, *arguments in finding["commands"]:
        if program == "uv":
            environment.uv(*arguments, environ=GPU)
        else:
            assert program == str(environment.python)
            environment.run(*arguments, environ=GPU)
    well = command("doctor", *python, environ=GPU)
    assert well.returncode == 0, well.stdout
    return "\n".join(finding["messages"])


@pytest.mark.nightly
@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_changing_over_leaves_the_files_of_one_variant(
    frontend: str, index: Index, make_environment: MakeEnvironment
) -> None:
    environment = make_environment(index)
    call = environment.pip if frontend == "pip" else environment.uv
    words = () if frontend == "pip" else ("pip",)
    yes = ("--yes",) if frontend == "pip" else ()
    call(*words, "install", "spam", environ=GPU)
    assert (variants(environment), imported(environment)) == ({"spam-cu12"}, "cu12")

    call(*words, "uninstall", *yes, "spam", "spam-cu12")
    assert not (environment.site_packages / "spam").exists()
    call(*words, "install", "spam", environ=CPU)
    assert (variants(environment), imported(environment)) == ({"spam-cpu"}, "cpu")

    # Each variant is whole without the selector package.
    call(*words, "uninstall", *yes, "spam")
    assert imported(environment) == "cpu"
    call(*words, "uninstall", *yes, "spam-cpu")
    call(*words, "install", "spam-cu12")
    assert "spam" not in environment.installed()
    assert imported(environment) == "cu12"


@pytest.mark.parametrize("has_pip", [True, pytest.param(False, marks=pytest.mark.nightly)])
def test_variants_that_somebody_mixed_are_found_and_one_is_left(
    has_pip: bool, index: Index, make_environment: MakeEnvironment
) -> None:
    environment = make_environment(index) if has_pip else make_environment(index, pip=None)
    environment.uv("pip", "install", "spam", environ=GPU)
    environment.uv("pip", "install", "spam-cpu")  # by name, so nobody is asked
    assert variants(environment) == {"spam-cu12", "spam-cpu"}
    assert imported(environment) == "cpu"
    found = mend(environment)
    assert "spam-cu12, spam-cpu are installed side by side" in found
    assert (variants(environment), imported(environment)) == ({"spam-cu12"}, "cu12")
