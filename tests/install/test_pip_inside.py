"""A pip that does not install, or that is inside of another program."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from conftest import MakeEnvironment
from support.environment import Environment
from support.index import Index

#: A program that hands its arguments to the pip in it.
PROGRAM = "import sys; from pip._internal.cli.main import main; sys.exit(main(sys.argv[1:]))"
CU12, CPU = {"SPAM_VARIANT": "cu12"}, {"SPAM_VARIANT": "cpu"}


@pytest.fixture
def environment(make_environment: MakeEnvironment, spam_index: Index) -> Environment:
    """An environment that has cu12."""
    environment = make_environment(spam_index)
    environment.pip("install", "spam", environ=CU12)
    return environment


def run(environment: Environment, program: Path, *arguments: str) -> CompletedProcess[str]:
    program.write_text(PROGRAM, encoding="utf-8")
    return environment.run(str(program), *arguments, environ=CPU, check=False)


def test_looking_does_not_stop_at_what_is_installed(
    environment: Environment, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    look = ("install", "--dry-run", "--ignore-installed", "--report", str(report), "spam")
    environment.pip(*look, environ=CPU)
    names = [one["metadata"]["name"] for one in json.loads(report.read_text())["install"]]
    assert "spam-cpu" in names
    environment.pip("download", "-d", str(tmp_path / "files"), "spam", environ=CPU)
    assert list((tmp_path / "files").glob("spam_cpu-1.0-*"))
    environment.pip("wheel", "-w", str(tmp_path / "wheels"), "spam", environ=CPU)
    assert list((tmp_path / "wheels").glob("spam_cpu-1.0-*"))


def test_a_program_that_locks_counts_nothing_of_its_environment(
    environment: Environment, tmp_path: Path
) -> None:
    """As pip-compile does, whose own words are none of pip's."""
    arguments = ("install", "--dry-run", "--ignore-installed", "spam")
    program = tmp_path / "pip-compile"
    program.write_text(PROGRAM.replace("sys.argv[1:]", str([*arguments])), encoding="utf-8")
    process = environment.run(str(program), "requirements.in", environ=CPU, check=False)
    assert process.returncode == 0, process.stdout
    assert "spam-cpu" in process.stdout


@pytest.mark.parametrize("name", ["pex", "deploy.py"])
def test_a_program_that_keeps_wheels_gets_plain_ones(
    environment: Environment, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "wheels"
    process = run(environment, tmp_path / name, "wheel", "--no-deps", "-w", str(folder), "spam")
    assert process.returncode == 0, process.stdout
    assert [path.name for path in folder.iterdir()] == ["spam-1.0-py3-none-any.whl"]


def test_a_program_that_installs_stops_over_another_variant(
    environment: Environment, tmp_path: Path
) -> None:
    process = run(environment, tmp_path / "deploy.py", "install", "--force-reinstall", "spam")
    assert process.returncode != 0
    assert "spam 1.0 cannot be installed over another variant of it." in process.stdout
    assert "spam-cu12" in environment.installed()
