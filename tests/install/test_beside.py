"""What a command asks for beside the package: it is the variant, or installing stops."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment
from install.test_environments import CUDA_12, variants, write_requirement_package
from support.environment import Environment
from support.index import Index
from support.project import build_sdist, write_carrying, write_wheel

CAPABILITY = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""
EXCLUDE = "its variants exclude each other, and 2 of them are asked for."


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam 1.0 and 1.1, lib, which requires spam, and ham, of the capability kind."""
    dist = tmp_path_factory.mktemp("index") / "dist"
    write_requirement_package(dist, "spam", "1.0", "1.1")
    write_wheel(dist, "lib", requires=("spam",))
    for variant in ("cu12", "cpu"):
        write_wheel(dist, f"ham-{variant}")
    build_sdist(write_carrying(dist.parent / "ham", CAPABILITY, name="ham"), dist)
    return serve(dist)


@pytest.fixture
def with_pip(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


@pytest.fixture
def with_uv(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index, pip=None)


def decided_by(environment: Environment, project: str = "spam") -> str:
    return str(environment.record(project)["decided-by"])


@pytest.mark.parametrize("pip", [OLDEST_PIP, pytest.param(NEWEST_PIP, marks=pytest.mark.nightly)])
def test_pip_installs_the_variant_that_the_command_names(
    make_environment: MakeEnvironment, index: Index, pip: str
) -> None:
    environment = make_environment(index, pip=pip)
    environment.pip("install", "lib", "Spam_CPU[plot]<2", environ=CUDA_12)
    assert variants(environment) == ["cpu"]
    assert decided_by(environment) == "the command line: Spam_CPU[plot]<2"
    reasons = [one["reason"] for one in environment.record()["verdicts"]]
    assert reasons[2] == "it was asked for by the command line: Spam_CPU[plot]<2"


def test_pip_installs_the_variant_that_a_file_in_its_variables_names(
    with_pip: Environment, tmp_path: Path
) -> None:
    (tmp_path / "locked.txt").write_text("spam==1.0\nspam-cpu==1.0\n")
    environ = {**CUDA_12, "PIP_REQUIREMENT": "locked.txt"}
    with_pip.pip("install", cwd=tmp_path, environ=environ)
    assert decided_by(with_pip) == "locked.txt: spam-cpu==1.0"
    # A dry run does not stop at what is installed.
    looking = {"SPAM_VARIANT": "cu12", "PIP_DRY_RUN": "1"}
    assert "Would install" in with_pip.pip("install", "spam==1.1", environ=looking).stdout
    installing = {**looking, "PIP_DRY_RUN": "no"}
    assert (
        "spam-cpu" in with_pip.pip("install", "spam==1.1", environ=installing, check=False).stdout
    )
    assert variants(with_pip) == ["cpu"]


def test_uv_installs_the_variant_that_the_command_names(with_uv: Environment) -> None:
    with_uv.uv("pip", "install", "spam", "spam-cpu", environ=CUDA_12)
    assert variants(with_uv) == ["cpu"]
    assert decided_by(with_uv) == "the command line: spam-cpu"


def test_a_compiled_file_gives_what_it_was_compiled_for(
    with_pip: Environment, tmp_path: Path
) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all/requirements.txt").write_text("-r locked.txt\n-c pins.txt\n")
    (tmp_path / "all/locked.txt").write_text("spam==1.0\nspam-cpu==1.0  # via spam\n")
    (tmp_path / "all/pins.txt").write_text("spam-cu12==1.1\n")
    install = ("install", "-r", "all/requirements.txt")
    output = with_pip.pip(
        *install, environ={"SPAM_VARIANT": "cu12"}, cwd=tmp_path, check=False
    ).stdout
    assert f"spam 1.0 cannot be installed: {EXCLUDE}" in output
    assert "cu12, by SPAM_VARIANT" in output
    assert "cpu, by locked.txt: spam-cpu==1.0" in output
    assert "Traceback" not in output
    assert with_pip.installed() == {}
    with_pip.pip(*install, environ=CUDA_12, cwd=tmp_path)
    assert variants(with_pip) == ["cpu"]
    assert decided_by(with_pip) == "locked.txt: spam-cpu==1.0"


@pytest.mark.parametrize("command", ["install -r", "sync"])
def test_uv_follows_files_and_locks(with_uv: Environment, tmp_path: Path, command: str) -> None:
    (tmp_path / "in.txt").write_text("spam==1.0\n")
    compiled = ("pip", "compile", "in.txt", "-o", "requirements.txt")
    with_uv.uv(*compiled, environ={"SPAM_VARIANT": "cu11"}, cwd=tmp_path)
    files = ["requirements.txt"]
    if sys.version_info >= (3, 11):
        lock = ("pip", "compile", "in.txt", "-o", "pylock.toml", "--no-cache")
        with_uv.uv(*lock, environ={"SPAM_VARIANT": "cu11"}, cwd=tmp_path)
        files.append("pylock.toml")
    for file in files:
        with_uv.uv("pip", *command.split(), file, environ=CUDA_12, cwd=tmp_path)
        assert variants(with_uv) == ["cu11"]
        assert decided_by(with_uv) == f"{file}: spam-cu11==1.0"
        stops = ("pip", *command.split(), file, "--reinstall")
        output = with_uv.uv(
            *stops, environ={"SPAM_VARIANT": "cpu"}, cwd=tmp_path, check=False
        ).stdout
        assert f"cu11, by {file}: spam-cu11==1.0" in output
        with_uv.uv("pip", "uninstall", "spam", "spam-cu11")


def test_several_that_exclude_each_other_stop_with_their_names(
    with_pip: Environment, tmp_path: Path
) -> None:
    (tmp_path / "more.txt").write_text("spam-cu12\nspam-cu11; sys_platform == 'plan9'\n")
    install = ("spam", "spam-cpu", "--requirement=more.txt")
    output = with_pip.pip("install", *install, cwd=tmp_path, check=False).stdout
    assert "cpu, by the command line: spam-cpu" in output
    assert "cu12, by more.txt: spam-cu12" in output
    assert "cu11, by" not in output
    assert with_pip.installed() == {}
    shown = [line.strip(" │╰─>") for line in output.splitlines()]
    at = shown.index("Ask for only one of them, and name no other variant beside it:")
    commands = [words.split() for words in shown[at + 1 : at + 3]]
    for command, variant in zip(commands, ("cu12", "cpu")):
        setting = f"spam:variant={variant}"
        assert command == ["pip", "install", "--config-settings", setting, "spam==1.1"]
    assert shown[at + 4 : at + 6] == ["SPAM_VARIANT=cu12", "SPAM_VARIANT=cpu"]
    with_pip.pip(*commands[1][1:], environ=CUDA_12)
    assert variants(with_pip) == ["cpu"]
    with_pip.pip("uninstall", "--yes", "spam", "spam-cpu")
    # What is only fetched may be for several environments.
    with_pip.pip("download", "-d", "files", *install, environ=CUDA_12, cwd=tmp_path)
    assert len([*(tmp_path / "files").glob("spam_c*.whl")]) == 2


def test_variants_that_can_stand_side_by_side_may_be_named_together(with_pip: Environment) -> None:
    with_pip.pip("install", "ham", "ham-cpu", "ham-cu12")
    assert with_pip.record("ham")["variants"] == ["cu12", "cpu"]
    again = ("install", "--force-reinstall", "ham", "ham-cpu")
    with_pip.pip(*again, environ={"HAM_VARIANT": "cu12"})
    assert with_pip.record("ham")["variants"] == ["cu12"]


def test_a_pipe_is_not_read_a_second_time(with_pip: Environment, tmp_path: Path) -> None:
    """It would wait for ever: nobody writes into it again."""
    pipe = tmp_path / "requirements.txt"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("spam==1.0\n",), daemon=True)
    writer.start()
    with_pip.pip("install", "-r", str(pipe), environ=CUDA_12)
    assert variants(with_pip) == ["cu12"]
    assert decided_by(with_pip) == "machine"
