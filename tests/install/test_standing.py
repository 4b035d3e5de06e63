"""What stands for a variant: by markers, in a re-release, as extras or labels of one project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.command import data
from support.environment import Environment
from support.index import Index
from support.installed import check_files, run_commands
from support.project import build_sdist, write_carrying, write_wheel

GPU, NONE = {"SELECTOR_CUDA": "12.4"}, {"SELECTOR_CUDA": ""}

#: cpu is another distribution on Windows.
MARKED = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
requires = [
    "spam-cpu=={version}; sys_platform != 'win32'",
    "spam-intel=={version}; sys_platform == 'win32'",
]
"""
CPU = "spam-intel" if os.name == "nt" else "spam-cpu"

#: The selector alone was released again; its variants are those of 1.0.
AGAIN = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
requires = ["spam-cu12==1.0", "nvidia-runtime-cu12"]
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
requires = ["spam-cpu==1.0"]
"""

EXTRAS = """
[tool.selector]

[[tool.selector.variant]]
name = "cuda12"
requires = ["jacks[cuda12]==1.0"]
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cuda11"
requires = ["jacks[cuda11]==1.0"]
when = { cuda = ">=11" }

[[tool.selector.variant]]
name = "cpu"
requires = ["jacks==1.0"]
"""

LABELS = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
requires = ["torsh==1.0+cu12"]
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
requires = ["torsh==1.0+cpu"]
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    folder = tmp_path_factory.mktemp("standing")
    dist = folder / "dist"
    for name in ("spam-cu12", "spam-cpu", "spam-intel"):
        write_wheel(dist, name, files={"_native.py": f"name = {name!r}\n"})
    write_wheel(dist, "nvidia-runtime-cu12")
    write_wheel(dist, "lib", requires=("nvidia-runtime-cu12",))
    for cuda in ("cuda11", "cuda12"):
        write_wheel(dist, f"jacks-{cuda}-plugin")
    plugins = (f"jacks-{cuda}-plugin; extra == {cuda!r}" for cuda in ("cuda11", "cuda12"))
    write_wheel(dist, "jacks", requires=("lib", *plugins), extras=("cuda11", "cuda12"))
    for label in ("cu12", "cpu"):
        write_wheel(dist, "torsh", f"1.0+{label}", files={"torsh.py": f"label = {label!r}\n"})
    for name, table, version in (
        ("spam", MARKED, "1.0"),
        ("spam", AGAIN, "1.0.post1"),
        ("jacks-here", EXTRAS, "1.0"),
        ("torsh-here", LABELS, "1.0"),
    ):
        source = write_carrying(folder / f"{name}{version}", table, name=name, version=version)
        build_sdist(source, dist)
    return serve(dist)


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


def names(environment: Environment) -> set[str]:
    return {*environment.installed()}


def stop(environment: Environment, *words: str, environ: Mapping[str, str]) -> str:
    """Run a command of pip that stops, and return what it prints."""
    process = environment.pip(*words, environ=environ, check=False)
    assert process.returncode != 0, process.stdout
    return process.stdout


def test_a_variant_whose_requirements_have_markers_is_seen(environment: Environment) -> None:
    environment.pip("install", "spam==1.0", environ=NONE)
    assert names(environment) == {"spam", CPU}
    assert environment.record()["distributions"] == [CPU]
    again = ("install", "--force-reinstall", "spam==1.0")
    output = stop(environment, *again, environ={"SPAM_VARIANT": "cu12"})
    assert f"{CPU} 1.0 is installed." in output
    run_commands(environment, output)
    assert names(environment) == {"spam", "spam-cu12"}
    check_files(environment)
    # By hand, as an installer that does not show the environment leaves it.
    environment.pip("install", CPU)
    (finding,) = data("doctor", "--python", environment.python, status=1)["findings"]
    assert f"spam-cu12, {CPU} are installed side by side" in str(finding["messages"])


def test_a_variant_that_markers_ask_for_is_kept(environment: Environment) -> None:
    environment.pip("install", CPU)
    environment.pip("install", "spam==1.0", environ=GPU)
    assert names(environment) == {"spam", CPU}


def test_a_variant_that_markers_ask_for_is_asked_for_beside_it(environment: Environment) -> None:
    environment.pip("install", "spam==1.0", CPU, environ=GPU)
    assert names(environment) == {"spam", CPU}
    assert environment.record()["decided-by"] == f"the command line: {CPU}"


def test_a_selector_that_is_released_alone_knows_its_variants(environment: Environment) -> None:
    environment.pip("install", "spam", "lib", environ=GPU)
    assert environment.record()["distributions"] == ["spam-cu12"]
    environ = {"SPAM_VARIANT": "cpu"}
    output = stop(environment, "install", "--force-reinstall", "spam", environ=environ)
    assert run_commands(environment, output)[0] == "pip uninstall --yes spam spam-cu12"
    assert names(environment) == {"spam", "spam-cpu", "lib", "nvidia-runtime-cu12"}
    check_files(environment)


def test_a_variant_by_hand_is_kept_by_a_selector_that_is_released_alone(
    environment: Environment,
) -> None:
    environment.pip("install", "spam-cu12==1.0")
    output = stop(environment, "install", "spam", environ=NONE)
    assert "spam-cu12 1.0 is installed." in output
    environment.pip("install", "spam", environ=GPU)
    assert names(environment) == {"spam", "spam-cu12", "nvidia-runtime-cu12"}


def test_extras_of_one_distribution_are_told_apart(environment: Environment) -> None:
    environment.pip("install", "jacks")
    environment.pip("install", "jacks-here", environ=NONE)
    assert names(environment) >= {"jacks", "jacks-here"}
    # Nothing of plain jacks would be left behind.
    environment.pip("install", "--force-reinstall", "jacks-here", environ=GPU)
    assert "cpu is installed already" in str(environment.record("jacks_here")["notes"])
    forced = {"JACKS_HERE_VARIANT": "cuda12"}
    environment.pip("install", "--force-reinstall", "jacks-here", environ=forced)
    assert "jacks-cuda12-plugin" in names(environment)
    output = stop(environment, "install", "--force-reinstall", "jacks-here", environ=NONE)
    assert "jacks-cuda12-plugin 1.0 is installed." in output
    assert "cpu would leave jacks-cuda12-plugin behind. To switch:" in output
    assert "mixed" not in output
    run_commands(environment, output, **NONE)
    assert names(environment) >= {"jacks", "jacks-here"}
    assert "jacks-cuda12-plugin" not in names(environment)


def test_plain_and_unrecorded_it_does_not_keep_a_better_extra_away(
    environment: Environment,
) -> None:
    environment.pip("install", "jacks")
    environment.pip("install", "jacks-here", environ=GPU)
    assert "jacks-cuda12-plugin" in names(environment)


def test_doctor_takes_out_what_only_an_extra_requires(environment: Environment) -> None:
    environment.pip("install", "jacks-here", environ=GPU)
    report = data("doctor", "--python", environment.python, "--set", "cuda=11.8", status=1)
    (finding,) = report["findings"]
    for command in finding["commands"]:
        environment.run(*command[1:])
    assert "jacks-cuda11-plugin" in names(environment)
    assert "jacks-cuda12-plugin" not in names(environment)
    assert "lib" in names(environment)
    environment.pip("install", "jacks[cuda12]")
    (finding,) = data("doctor", "--python", environment.python, status=1)["findings"]
    assert "are installed side by side" in str(finding["messages"])


def test_a_label_takes_the_place_of_another(environment: Environment) -> None:
    environment.pip("install", "torsh-here", environ=NONE)
    assert environment.installed()["torsh"] == "1.0+cpu"
    environment.pip("install", "--force-reinstall", "torsh-here", environ=GPU)
    assert environment.installed()["torsh"] == "1.0+cpu"  # what is installed, and fits, stays
    forced = {"TORSH_HERE_VARIANT": "cu12"}
    environment.pip("install", "--force-reinstall", "torsh-here", environ=forced)
    assert environment.installed()["torsh"] == "1.0+cu12"
    assert data("doctor", "--python", environment.python, "--set", "cuda=12.4")["findings"] == []
