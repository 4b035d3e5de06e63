"""What uv installs into: seen by the lock that uv has there, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from install.test_environments import (
    CUDA_12,
    EGGS_11,
    variants,
    write_requirement_package,
)
from support.environment import Environment
from support.index import Index
from support.installed import run_commands

UNKNOWN = "uv does not show its environment, so installed packages do not count"
PROJECT = """
[project]
name = "project"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["spam"]
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam 1.0 and 1.1, and eggs 2.0."""
    dist = tmp_path_factory.mktemp("index") / "dist"
    write_requirement_package(dist, "spam", "1.0", "1.1")
    write_requirement_package(dist, "eggs", "2.0")
    return serve(dist)


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index, pip=None)


def install(environment: Environment, *arguments: str, **environ: str) -> str:
    return environment.uv("pip", "install", *arguments, environ=environ).stdout


def fails(
    environment: Environment, *arguments: str, cwd: Path | None = None, **environ: str
) -> str:
    process = environment.uv(*arguments, environ=environ, cwd=cwd, check=False)
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    return process.stdout


def test_another_packages_choice_is_followed(environment: Environment) -> None:
    install(environment, "eggs", **EGGS_11)
    output = install(environment, "-v", "spam", **CUDA_12)
    assert variants(environment) == ["cu11"]
    assert UNKNOWN not in output
    reasons = [one["reason"] for one in environment.record()["verdicts"]]
    assert reasons[0] == "eggs 2.0 is installed with cuda = 11"


def test_an_upgrade_keeps_the_variant(environment: Environment) -> None:
    install(environment, "spam==1.0", SELECTOR_CUDA="11.8")
    install(environment, "--upgrade", "spam", **CUDA_12)
    assert environment.installed()["spam-cu11"] == "1.1"
    assert variants(environment) == ["cu11"]


@pytest.mark.parametrize("how", ["alone", "with another", "into a prefix", "into a target"])
def test_forcing_another_variant_stops_with_commands_that_work(
    environment: Environment, tmp_path: Path, how: str
) -> None:
    options: tuple[str, ...] = ()
    here = ("--python", str(environment.folder))
    if how == "into a target":
        options = here = ("--target", str(tmp_path / "a target"))
    elif how == "into a prefix":
        options = here = ("--prefix", str(tmp_path / "prefix"))
    more = ("eggs",) if how == "with another" else ()
    install(environment, *options, "spam==1.0", **CUDA_12)
    again = ("pip", "install", *options, "--reinstall", "spam==1.0", *more)
    output = fails(environment, *again, SPAM_VARIANT="cpu")
    assert "spam 1.0 cannot be installed over another variant of it." in output
    there = environment.uv("pip", "freeze", *here).stdout
    assert "spam-cu12==1.0" in there
    assert "spam-cpu" not in there
    assert "eggs" not in there
    run_commands(environment, output)
    there = environment.uv("pip", "freeze", *here).stdout
    assert "spam==1.0\nspam-cpu==1.0\n" in there
    assert "spam-cu12" not in there


def test_a_variant_that_no_longer_fits_stops(environment: Environment) -> None:
    install(environment, "spam==1.0", **CUDA_12)
    output = fails(environment, "pip", "install", "-U", "spam", "eggs", SELECTOR_CUDA="")
    assert "cu12 no longer fits" in output
    assert environment.installed() == {"spam": "1.0+cu12", "spam-cu12": "1.0"}
    run_commands(environment, output, SELECTOR_CUDA="")
    assert variants(environment) == ["cpu"]


def test_a_projects_environment_is_seen_by_what_adds_to_it(
    environment: Environment, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    own = Environment(project / ".venv", environment.environ)
    environment.uv("sync", cwd=project, environ=CUDA_12)
    assert variants(own) == ["cu12"]
    # What a sync removes does not stand in the way.
    environment.uv("lock", "--upgrade", "--no-cache", cwd=project, environ={"SPAM_VARIANT": "cpu"})
    again = ("run", "--reinstall-package", "spam", "python", "-c", "")
    output = fails(environment, *again, cwd=project, SPAM_VARIANT="cpu")
    assert "spam 1.1 cannot be installed over another variant of it." in output
    assert variants(own) == ["cu12"]
    assert "  uv pip uninstall --python .venv spam spam-cu12" in output
    environment.uv("sync", cwd=project, environ={"SPAM_VARIANT": "cpu"})
    assert variants(own) == ["cpu"]


def test_a_tools_environment_is_not_seen_and_said_not_to_be(environment: Environment) -> None:
    output = environment.uv("tool", "run", "-v", "--from", "spam", "python", "-c", "").stdout
    assert UNKNOWN in output


def test_locking_and_looking_do_not_count_what_is_installed(
    environment: Environment, tmp_path: Path
) -> None:
    install(environment, "spam==1.0", **CUDA_12)
    wanted = tmp_path / "requirements.in"
    wanted.write_text("spam==1.0", encoding="utf-8")
    compile_ = ("pip", "compile", "--no-cache", str(wanted))
    locked = environment.uv(*compile_, environ={"SPAM_VARIANT": "cpu"}).stdout
    assert "spam-cpu==1.0" in locked
    look = ("pip", "install", "--dry-run", "--reinstall", "spam==1.0")
    seen = environment.uv(*look, environ={"SPAM_VARIANT": "cpu"}).stdout
    assert "spam-cpu==1.0" in seen
    assert variants(environment) == ["cu12"]
