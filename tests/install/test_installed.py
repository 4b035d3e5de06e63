"""`installed`: a package that follows what is in the environment, through real pip and uv."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.command import command, data, lines
from support.environment import Environment
from support.index import Index
from support.installed import put_wheel
from support.project import build_sdist, write_carrying, write_project, write_wheel

# Like the recipe of Transformer Engine.
PLUGIN = """
[[tool.selector.variant]]
name = "cu13"
when = [{ installed = "jax-cuda13-plugin" }, { installed = false, cuda = ">=13" }]

[[tool.selector.variant]]
name = "cu12"
when = [{ installed = "Jax_CUDA12.plugin" }, { installed = false, cuda = ">=12" }]

[[tool.selector.variant]]
name = "cpu"
"""
LABEL = """
[[tool.selector.variant]]
name = "cu12"
when = { installed = ["torch==2.9.1+cu128", "numpy>=1"] }

[[tool.selector.variant]]
name = "cpu"
when = { installed = "torch>=2.9,<3" }

[[tool.selector.variant]]
name = "none"
"""
nightly = pytest.mark.nightly
#: A machine whose driver alone would give another variant than what is installed does.
NEW = {"SELECTOR_CUDA": "13.0"}
SHOW = "from importlib.metadata import distributions as d; print(*(one.name for one in d()))"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam, which follows JAX's plugin, and eggs, which follows PyTorch."""
    folder = tmp_path_factory.mktemp("installed")
    for name, table, write in (("spam", PLUGIN, write_carrying), ("eggs", LABEL, write_project)):
        build_sdist(write(folder / name, table, name=name), folder / "dist")
        for variant in ("cu13", "cu12", "cpu", "none"):
            write_wheel(folder / "dist", f"{name}-{variant}")
    write_wheel(folder / "dist", "jax-cuda12-plugin", "0.10.2")
    write_wheel(folder / "dist", "secret-project", "1.0")
    write_wheel(folder / "dist", "numpy", "2.4.0rc1")
    for version in ("2.8.0", "2.9.1", "2.9.1+cu128", "2.10.0rc1"):
        write_wheel(folder / "dist", "torch", version)
    return serve(folder / "dist")


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


def put(environment: Environment, index: Index, *pins: str) -> None:
    """Put distributions there as pip would leave them."""
    for name, _, version in (pin.partition("==") for pin in pins):
        put_wheel(environment.site_packages, index.folders[-1], name, version)


def test_the_variant_follows_what_is_installed_and_not_the_driver(
    environment: Environment, index: Index
) -> None:
    put(environment, index, "jax-cuda12-plugin==0.10.2", "secret-project==1.0")
    environment.pip("install", "spam", environ=NEW)
    record = environment.record()
    assert record["variants"] == ["cu12"]
    assert record["facts"]["installed"] == {
        "value": ["jax-cuda12-plugin==0.10.2"],
        "source": "the environment that is installed into",
    }
    assert record["verdicts"][1]["reason"] == "installed has jax-cuda12-plugin==0.10.2"
    assert "secret" not in str(record)
    shown = lines("explain", "spam", "--python", environment.python, environ=NEW)
    assert "installed: cu12, chosen by machine" in shown
    assert "chosen: cu12" in shown
    assert command("doctor", "--python", environment.python, environ=NEW).returncode == 0
    # What was followed is gone.
    environment.pip("uninstall", "--yes", "jax-cuda12-plugin")
    (finding,) = data("doctor", "--python", environment.python, environ=NEW, status=1)["findings"]
    assert (
        "cu12 does not fit this machine: installed lacks jax-cuda12-plugin"
        in (finding["messages"][0])
    )
    assert (
        "installed was jax-cuda12-plugin==0.10.2, here it is none of those asked for"
        in (finding["messages"][1])
    )


@pytest.mark.parametrize(
    ("there", "variant", "reason"),
    [
        (["torch==2.9.1+cu128", "numpy==2.4.0rc1"], "cu12", "torch==2.9.1+cu128, numpy==2.4.0rc1"),
        pytest.param(["torch==2.9.1+cu128"], "cpu", "torch==2.9.1+cu128", marks=nightly),
        pytest.param(["torch==2.10.0rc1"], "cpu", "torch==2.10.0rc1", marks=nightly),
        pytest.param(["torch==2.9.1", "numpy==2.4.0rc1"], "cpu", "torch==2.9.1", marks=nightly),
        (["torch==2.8.0"], "none", ""),
    ],
    ids=["label", "label without the other", "pre-release", "no label", "old"],
)
def test_versions_are_compared_as_requirements_are(
    environment: Environment, index: Index, there: list[str], variant: str, reason: str
) -> None:
    """packaging is fetched for the build, since a version is to be compared."""
    put(environment, index, *there)
    environment.pip("install", "eggs")
    record = environment.record("eggs")
    assert record["variants"] == [variant]
    if reason:
        verdicts = {one["name"]: one["reason"] for one in record["verdicts"]}
        assert verdicts[variant] == f"installed has {reason}"
    else:
        assert record["verdicts"][1]["reason"] == (
            "installed lacks torch<3,>=2.9 (torch==2.8.0 is there)"
        )


def test_what_is_stated_is_not_read(environment: Environment) -> None:
    environ = {"SELECTOR_INSTALLED": "torch==2.9.1+cu128,numpy,secret-project"}
    environment.pip("install", "eggs", environ=environ)
    record = environment.record("eggs")
    assert record["variants"] == ["cpu"]
    reason = "installed torch==2.9.1+cu128, numpy>=1 cannot be told: the version of numpy is not "
    assert record["verdicts"][0]["reason"] == f"{reason}known"
    assert record["facts"]["installed"] == {
        "value": ["numpy", "torch==2.9.1+cu128"],
        "source": "SELECTOR_INSTALLED",
    }


def test_metadata_of_others_that_is_broken_is_passed_over(
    environment: Environment, index: Index
) -> None:
    put(environment, index, "jax-cuda12-plugin==0.10.2", "torch==2.8.0")
    folder = environment.site_packages
    for path in folder.glob("*-*.dist-info/METADATA"):
        if not path.parent.name.startswith("pip-"):
            path.write_bytes(b"\xff\x00 nothing of use")
    (folder / "numpy-.dist-info").mkdir()
    (folder / "other-1.0.dist-info").write_text("no folder", encoding="utf-8")
    # pip itself stops at them, when all is installed and it wants to say what was.
    environment.pip("install", "spam", "eggs", environ=NEW, check=False)
    assert environment.record()["variants"] == ["cu12"]
    assert environment.record("eggs")["facts"]["installed"] == {
        "value": ["numpy", "torch==2.8.0"],
        "source": "the environment that is installed into",
        "missing": "no version can be read of numpy",
    }


def test_a_target_is_the_environment(
    environment: Environment, index: Index, tmp_path: Path
) -> None:
    target = ("--target", str(tmp_path / "target"))
    put_wheel(tmp_path / "target", index.folders[-1], "jax-cuda12-plugin", "0.10.2")
    environment.pip("install", *target, "spam", environ=NEW)
    assert (tmp_path / "target/spam_cu12-1.0.dist-info").exists()


def test_a_wheel_to_keep_is_made_for_no_environment(
    environment: Environment, index: Index, tmp_path: Path
) -> None:
    put(environment, index, "jax-cuda12-plugin==0.10.2")
    environment.pip("wheel", "--no-cache-dir", "-w", str(tmp_path), "spam", environ=NEW)
    assert list(tmp_path.glob("spam_cu13-1.0-*.whl"))


@pytest.mark.skipif(sys.platform != "linux", reason="others do not show open files")
def test_uv_follows_what_is_installed_too(make_environment: MakeEnvironment, index: Index) -> None:
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", "jax-cuda12-plugin")
    environment.uv("pip", "install", "spam", environ=NEW)
    record = environment.record()
    assert record["variants"] == ["cu12"]
    assert record["facts"]["installed"]["value"] == ["jax-cuda12-plugin==0.10.2"]


def test_where_uv_hides_the_environment_it_can_be_stated(
    make_environment: MakeEnvironment, index: Index
) -> None:
    """As of its tools, and on other systems than Linux."""
    environment = make_environment(index, pip=None)
    tool = ("tool", "run", "--no-cache", "--from", "spam", "python", "-c", SHOW)
    hidden = environment.uv(*tool, environ=NEW).stdout
    assert "spam-cu13" in hidden
    stated = {**NEW, "SELECTOR_INSTALLED": "jax-cuda12-plugin"}
    assert "spam-cu12" in environment.uv(*tool, environ=stated).stdout
