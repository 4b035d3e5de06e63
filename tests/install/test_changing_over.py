"""Which variant do I have, how do I switch, how do I remove it: with pip, and with uv."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.command import data
from support.environment import ROOT, Environment
from support.index import Index
from support.installed import run_commands
from support.project import CUDA, build_sdist, write_carrying, write_spam, write_wheel

PAGE = ROOT / "docs/how-to/switching.md"
CU12, CPU = {"SPAM_VARIANT": "cu12"}, {"SPAM_VARIANT": "cpu"}


@pytest.fixture(params=["pip", "uv"])
def frontend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam, which carries its backend, so that an install is quick."""
    folder = tmp_path_factory.mktemp("carrying")
    write_spam(folder / "dist")
    build_sdist(write_carrying(folder / "source"), folder / "dist")
    return serve(folder / "dist")


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


def run(environment: Environment, command: str) -> str:
    """Run a command as it is written, and return what it prints."""
    words = shlex.split(command)
    variables = {}
    while "=" in words[0]:
        name, _, variables[name] = words.pop(0).partition("=")
    call = environment.uv if words.pop(0) == "uv" else environment.pip
    return call(*words, environ=variables).stdout


def commands_of(page: Path, frontend: str) -> list[str]:
    """Return the commands that a page begins with, as they are for a frontend."""
    block = re.search(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    lines = [line.removeprefix("$ ").partition("#")[0] for line in block[1].splitlines()]
    return [re.sub(r"\bpip\b", "uv pip" if frontend == "uv" else "pip", line) for line in lines]


def variants(environment: Environment) -> list[str]:
    return sorted(name for name in environment.installed() if name != "spam-core")


def test_the_three_commands_show_remove_and_switch(environment: Environment, frontend: str) -> None:
    show, remove, switch = commands_of(PAGE, frontend)
    run(environment, switch.replace("=cpu", "=cu12"))
    assert "Requires: spam-cu12\n" in run(environment, show)
    run(environment, remove)
    assert variants(environment) == []
    run(environment, switch)
    assert variants(environment) == ["spam", "spam-cpu"]
    assert "Requires: spam-cpu\n" in run(environment, show)


def test_over_an_installed_variant_an_install_changes_nothing(
    environment: Environment, frontend: str
) -> None:
    install = f"{'uv pip' if frontend == 'uv' else 'pip'} install spam"
    run(environment, f"SPAM_VARIANT=cu12 {install}")
    run(environment, f"SPAM_VARIANT=cpu {install}")
    assert variants(environment) == ["spam", "spam-cu12"]


@pytest.mark.parametrize("frontend", ["pip", pytest.param("uv", marks=pytest.mark.nightly)])
def test_a_renamed_variant_is_not_installed_over_the_old_one(
    make_environment: MakeEnvironment,
    serve: Callable[[Path], Index],
    tmp_path: Path,
    frontend: str,
) -> None:
    table = CUDA.replace('name = "cu12"', 'name = "cuda12"\nformerly = ["cu12"]')
    for version, variant in (("1.0", "cu12"), ("1.1", "cuda12")):
        write_wheel(tmp_path / "dist", f"spam-{variant}", version, files={"spam.py": "x = 1\n"})
    build_sdist(write_carrying(tmp_path / "new", table, version="1.1"), tmp_path / "dist")
    environment = make_environment(serve(tmp_path / "dist"))
    program = "uv pip" if frontend == "uv" else "pip"
    run(environment, f"{program} install spam-cu12")
    call = environment.uv if frontend == "uv" else environment.pip
    words = ("pip", "install", "spam") if frontend == "uv" else ("install", "spam")
    failed = call(*words, environ={"SELECTOR_CUDA": "12.4"}, check=False)
    said = " ".join(word for word in failed.stdout.split() if word not in "│╰─>")
    assert "spam 1.1 cannot be installed over another variant of it." in said
    assert "cu12 no longer fits: this version has cuda12 in its place." in said
    run_commands(environment, failed.stdout, SELECTOR_CUDA="12.4")
    assert variants(environment) == ["spam", "spam-cuda12"]
    failed = call(*words, "--force-reinstall", environ=CU12, check=False)
    asked = "SPAM_VARIANT asks for 'cu12', which cuda12 replaces in this version."
    assert asked in failed.stdout


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("yanked", "by_pip", "by_uv"),
    [
        ("spam-1.1.tar.gz", "1.0", "1.0"),
        ("spam_cpu-1.1-py3-none-any.whl", "1.1", "1.0"),
    ],
)
def test_a_release_is_yanked_by_its_sdist(
    make_environment: MakeEnvironment,
    serve: Callable[[Path], Index],
    tmp_path: Path,
    frontend: str,
    yanked: str,
    by_pip: str,
    by_uv: str,
) -> None:
    """As docs/how-to/after-the-release.md says: pip takes a yanked wheel that `==` names."""
    for version in ("1.0", "1.1"):
        write_spam(tmp_path / "dist", version)
        source = write_carrying(tmp_path / version, version=version)
        build_sdist(source, tmp_path / "dist")
    index = serve(tmp_path / "dist")
    index.yanked.add(yanked)
    environment = make_environment(index)
    run(environment, f"SELECTOR_CUDA= {'uv pip' if frontend == 'uv' else 'pip'} install spam")
    expected = by_uv if frontend == "uv" else by_pip
    assert environment.installed()["spam-cpu"] == expected


def test_an_uninstalled_package_leaves_its_variant_which_stays(
    environment: Environment, frontend: str
) -> None:
    program = "uv pip" if frontend == "uv" else "pip"
    run(environment, f"SPAM_VARIANT=cu11 {program} install spam")
    run(environment, commands_of(PAGE, frontend)[1].replace(" spam-cu12", ""))
    assert variants(environment) == ["spam-cu11"]
    run(environment, f"SELECTOR_CUDA=12.4 {program} install spam")
    beside = ["spam-cu12"] if frontend == "uv" and sys.platform != "linux" else []
    assert variants(environment) == ["spam", "spam-cu11", *beside]


def test_two_variants_side_by_side_are_found_by_doctor(environment: Environment) -> None:
    environment.uv("pip", "install", "spam", environ=CPU)
    environment.uv("pip", "install", "spam-cu12")
    assert variants(environment) == ["spam", "spam-cpu", "spam-cu12"]
    assert "All installed packages are compatible" in environment.uv("pip", "check").stdout
    (finding,) = data("doctor", "--python", environment.python, status=1)["findings"]
    assert "spam-cu12, spam-cpu are installed side by side" in str(finding["messages"])
    for command in finding["commands"]:
        environment.run(*command[1:])
    assert variants(environment) == ["spam", "spam-cpu"]


def test_uv_without_isolation_stops_with_its_own_commands_which_work(
    environment: Environment,
) -> None:
    environment.uv("pip", "install", "spam", environ=CU12)
    again = ("pip", "install", "--no-build-isolation", "--reinstall", "spam")
    process = environment.uv(*again, environ=CPU, check=False)
    assert process.returncode != 0
    assert "spam 1.0 cannot be installed over another variant of it." in process.stdout
    commands = [line.strip() for line in process.stdout.splitlines() if "  uv pip " in line]
    assert len(commands) == 2
    assert "--no-build-isolation --config-settings spam:variant=cpu spam==1.0" in commands[1]
    for command in commands:
        run(environment, command)
    assert [name for name in variants(environment) if "spam" in name] == ["spam", "spam-cpu"]
