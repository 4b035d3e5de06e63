"""Commands in any order on one environment: its variants never get mixed, and each stop has a way.

A sequence follows from its number alone. `SELECTOR_BACKEND_EXAMPLES` sets how many the night tries.
"""

from __future__ import annotations

import os
import random
import re
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from install.test_environments import variants, write_requirement_package
from support.command import data
from support.environment import Environment
from support.index import Index
from support.installed import run_commands
from support.project import write_wheel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others do not show open files")

#: In those by day, pip and uv each stop a command, and their messages have commands that work.
BY_DAY, BY_NIGHT = (13, 22), range(int(os.environ.get("SELECTOR_BACKEND_EXAMPLES") or 100))
SHORT, LONG = 4, 10
INSTALLS = (
    *("spam", "spam==1.0", "spam==2.0", "eggs", "eggs==1.0", "lib", "spam eggs", "lib eggs==2.0"),
    *("spam spam-cpu", "spam spam-cu12", "spam==1.0 spam-cu11==1.0", "eggs eggs-cu11"),
)
UNINSTALLS = (
    *("spam", "spam spam-cu12", "spam spam-cpu spam-cu11", "spam-cu12", "spam-cpu"),
    *("eggs", "eggs eggs-cu12 eggs-cu11 eggs-cpu", "lib"),
)
PROJECTS = ("spam", "eggs")
SETTINGS = ("SPAM_VARIANT", "EGGS_VARIANT")


@dataclass(frozen=True)
class Step:
    """A command, with the variables that it runs with, and the lines of the file that it reads."""

    tool: str
    words: tuple[str, ...]
    environ: dict[str, str]
    lines: tuple[str, ...] = ()
    #: Whether the variables are there for the commands of a message, too.
    exported: bool = True

    def __str__(self) -> str:
        variables = [f"{name}={value}" for name, value in self.environ.items()]
        file = f"  # {', '.join(self.lines)}" if self.lines else ""
        return shlex.join([*variables, *self.tool.split(), *self.words]) + file

    def names_variant_of(self, project: str) -> bool:
        return any(word.startswith(f"{project}-c") for word in (*self.words, *self.lines))


def steps(number: int, count: int) -> list[Step]:
    """Return the commands of a sequence."""
    chance = random.Random(number)
    return [random_step(chance) for _ in range(count)]


def random_step(chance: random.Random) -> Step:
    tool = chance.choice(("pip", "uv pip"))
    if chance.random() < 0.2:
        names = chance.choice(UNINSTALLS).split()
        yes = ("--yes",) if tool == "pip" else ()
        return Step(tool, ("uninstall", *yes, *names), {})
    environ = {}
    cuda = chance.choice((None, "", "11.8", "12.4", "12.4"))
    if cuda is not None:
        environ["SELECTOR_CUDA"] = cuda
    if chance.random() < 0.4:
        environ["SPAM_VARIANT"] = chance.choice(("cu12", "cu11", "cpu"))
    force = "--force-reinstall" if tool == "pip" else "--reinstall"
    options = chance.choice(((), ("-U",), (force,), ("-U", force)))
    names = chance.choice(INSTALLS).split()
    exported = chance.random() < 0.5
    if chance.random() < 0.25:
        words = ("install", *options, "-r", "requirements.txt")
        return Step(tool, words, environ, tuple(names), exported)
    return Step(tool, ("install", *options, *names), environ, (), exported)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam and eggs, whose variants exclude each other, and lib, which needs spam."""
    dist = tmp_path_factory.mktemp("index") / "dist"
    for name in PROJECTS:
        write_requirement_package(dist, name, "1.0", "2.0")
    write_wheel(dist, "lib", requires=("spam",))
    return serve(dist)


@pytest.mark.parametrize(
    ("number", "count"),
    [
        *((number, SHORT) for number in BY_DAY),
        *(pytest.param(number, LONG, marks=pytest.mark.nightly) for number in BY_NIGHT),
    ],
)
def test_no_sequence_of_commands_mixes_variants_or_stops_without_a_way(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path, number: int, count: int
) -> None:
    environment = make_environment(index)
    for step in steps(number, count):
        print(step)  # which pytest shows of a test that fails
        take(environment, step, tmp_path)


def take(environment: Environment, step: Step, folder: Path) -> None:
    """Run a command, and the commands of the message that it stops with; check the environment."""
    before, records = environment.installed(), {name: built(environment, name) for name in PROJECTS}
    output = run_step(environment, step, folder)
    if output:
        assert environment.installed() == before, output
        follow(environment, step, output, folder)
    for project in PROJECTS:
        names_both = step.names_variant_of(project) and len(variants(environment, project)) > 1
        if names_both and built(environment, project) == records[project]:
            separate(environment)  # the installer built nothing, so nobody could stop it
    check(environment)


def run_step(environment: Environment, step: Step, folder: Path, **more: str) -> str:
    """Run a command, and return the message that it stops with, or nothing."""
    (folder / "requirements.txt").write_text("\n".join(step.lines), encoding="utf-8")
    call = environment.pip if step.tool == "pip" else environment.uv
    words = [*step.tool.split()[1:], *step.words]
    process = call(*words, environ={**step.environ, **more}, cwd=folder, check=False)
    assert "Traceback" not in process.stdout
    if process.returncode == 0:
        return ""
    assert "cannot be installed" in process.stdout, process.stdout
    return process.stdout


def follow(environment: Environment, step: Step, output: str, folder: Path) -> None:
    """Do what the message of a stop says."""
    if "its variants exclude each other" in output:
        return  # what was asked for cannot be had
    if "cannot be installed into one environment." in output:
        lines = [line.strip(" │╰─>") for line in output.splitlines()]
        if gone := [line for line in lines if re.match("(uv )?pip uninstall ", line)]:
            run_commands(environment, "\n".join(gone), folder)
        (line,) = {line for line in lines if line.startswith(("SPAM_VARIANT=", "EGGS_VARIANT="))}
        asked = dict(re.findall(r"(\w+)=(\w+)(?: |$)", line))
        if " install " in line:  # the whole command, which a user may copy
            kept = {name: text for name, text in step.environ.items() if name not in SETTINGS}
            step = replace(step, environ=kept)
        assert run_step(environment, step, folder, **asked) == ""
        return
    machine = {name: value for name, value in step.environ.items() if name == "SELECTOR_CUDA"}
    variables = step.environ if step.exported else machine
    for command in run_commands(environment, output, folder, **variables):
        print(f"  {command}")


def built(environment: Environment, project: str) -> list[int]:
    """Return what tells whether the record of a project is the one that was there before."""
    records = environment.site_packages.glob(f"{project}-*.dist-info/selector.json")
    return [record.stat().st_ino for record in records]


def separate(environment: Environment) -> None:
    """Run the commands of ``doctor`` for variants that are side by side."""
    for finding in data("doctor", "--python", environment.python, status=1)["findings"]:
        if "side by side" in str(finding["messages"]):
            for command in finding["commands"]:
                environment.run(*command[1:])


def check(environment: Environment) -> None:
    """Check that an environment has one variant of each package, whole, and that they agree."""
    conforms = []
    for project in PROJECTS:
        present = variants(environment, project)
        assert len(present) <= 1
        files = sorted(environment.site_packages.glob(f"_{project}_native/*.py"))
        assert [file.stem for file in files] == [*(["__init__"] * len(present)), *present]
        for file in files[:1]:
            assert file.read_text(encoding="utf-8") == f"variant = {present[0]!r}\n"
        if project in environment.installed():
            record = environment.record(project)
            assert present in ([], record["variants"])
            conforms.append(record["conform"].get("cuda"))
    assert len({*filter(None, conforms)}) <= 1, conforms
