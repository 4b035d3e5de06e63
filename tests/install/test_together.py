"""Several selector packages in one command: they agree, or nothing is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment
from install.test_environments import CUDA_12, TABLE, variants, write_requirement_package
from support.environment import Environment
from support.index import Index
from support.installed import put_wheel, run_commands
from support.project import build_sdist, write_carrying, write_wheel

CU11 = TABLE.format(more="").replace('cuda = ">=12"', 'cuda = ">=99"').replace("cu12", "cu99")
TOGETHER = "cannot be installed into one environment."


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam, and with eggs and ham, which only have cu11 for a GPU of today.

    lib requires spam and eggs. tea 2.0 requires what there is not, so that 1.0 is taken, which
    requires spam.
    """
    dist = tmp_path_factory.mktemp("index") / "dist"
    write_requirement_package(dist, "spam", "1.0")
    for name, version in (("eggs", "2.0"), ("tea", "2.0")):
        write_wheel(dist, f"{name}-cu11", version, requires=("nowhere",) * (name == "tea"))
        source = dist.parent / name
        build_sdist(write_carrying(source, CU11, name=name, version=version), dist)
    write_wheel(dist, "lib", requires=("spam", "eggs"))
    write_wheel(dist, "tea", "1.0")
    return serve(dist)


def fails(environment: Environment, tool: str, *arguments: str, **environ: str) -> str:
    command = environment.pip if tool == "pip" else environment.uv
    process = command(*arguments, environ=environ, check=False)
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    return process.stdout


@pytest.mark.parametrize(
    ("tool", "pip"),
    [
        ("pip", OLDEST_PIP),
        pytest.param("pip", NEWEST_PIP, marks=pytest.mark.nightly),
        ("uv", None),
    ],
)
def test_packages_that_disagree_stop_before_anything_is_installed(
    make_environment: MakeEnvironment, index: Index, tool: str, pip: str | None
) -> None:
    environment = make_environment(index, pip=pip)
    install = ("install", "lib") if tool == "pip" else ("pip", "install", "spam", "eggs")
    output = fails(environment, tool, *install, **CUDA_12)
    assert TOGETHER in output
    assert "spam gets cu12, which needs cuda = 12" in output
    assert "eggs gets cu11, which needs cuda = 11" in output
    assert environment.installed() == {}
    (command,) = run_commands(environment, output, None, **CUDA_12)
    assert command.startswith("SPAM_VARIANT=cu11 ")
    assert command.endswith(" ".join(install[install.index("install") + 1 :]))
    assert variants(environment, "spam") == variants(environment, "eggs") == ["cu11"]


def test_what_an_uninstall_left_behind_is_uninstalled_first(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put_wheel(environment.site_packages, index.folders[-1], "spam-cu12")
    output = fails(environment, "pip", "install", "spam", "eggs", **CUDA_12)
    assert TOGETHER in output
    assert "To get variants that agree, uninstall spam-cu12, and install with:" in output
    assert run_commands(environment, output, None, **CUDA_12) == [
        "pip uninstall --yes spam-cu12",
        "SPAM_VARIANT=cu11 pip install spam eggs",
    ]
    assert variants(environment, "spam") == variants(environment, "eggs") == ["cu11"]


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_release_that_the_resolver_left_counts_for_nothing(
    make_environment: MakeEnvironment, index: Index, tool: str
) -> None:
    environment = make_environment(index)
    install = ("install", "spam", "tea", "-v")
    if tool == "uv":
        output = environment.uv("pip", *install, environ=CUDA_12).stdout
    else:
        output = environment.pip(*install, environ=CUDA_12).stdout
    assert "tea 2.0 gets cu11" in output
    assert environment.installed()["tea"] == "1.0"
    assert variants(environment) == ["cu12"]


def test_wheels_to_keep_may_disagree(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path
) -> None:
    environment = make_environment(index)
    environment.pip("wheel", "-w", str(tmp_path / "wheels"), "spam", "eggs", environ=CUDA_12)
    assert len([*(tmp_path / "wheels").iterdir()]) == 4
