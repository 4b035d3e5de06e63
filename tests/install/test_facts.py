"""Every fact, through a real `pip install`: read, stated by a variable or a profile, and absent."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import NEWEST_PIP, MakeEnvironment
from packaging.markers import default_environment
from support.driver import Driver
from support.environment import Environment
from support.index import Index
from support.plugin import plugin_source
from support.project import build_sdist, write_project, write_wheel
from support.toolkit import compile_library, hide_toolkits, write_kfd, write_pci

TABLE = """
[tool.selector.provider.demo]
requires = ["demo-provider==1.0"]
plugin-api = "demo_provider:Plugin"

[[tool.selector.variant]]
name = "gpu"
when = { cuda = ">=12", nvidia-driver = ">=550", compute-capability = ">=8", \
cuda-toolkit = ">=12", rocm = ">=6", gfx = "gfx942", xpu = ">=1.24", cpu = true, \
installed = "pip>=20", \
marker = "sys_platform == 'linux'", property = "demo :: level :: v3" }

[[tool.selector.variant]]
name = "cpu"
when = { glibc = true }

[[tool.selector.variant]]
name = "musl"
when = { musl = true }

[[tool.selector.variant]]
name = "mac"
when = { macos = true }
"""
FACTS = {
    *("cuda", "nvidia-driver", "compute-capability", "cuda-toolkit", "rocm", "gfx", "cpu"),
    "xpu",
    "installed",
    *("glibc", "musl", "macos", "marker", "property"),
}


@pytest.fixture(scope="session")
def index(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("facts")
    for variant in ("gpu", "cpu", "musl", "mac"):
        write_wheel(folder / "dist", f"spam-{variant}")
    plugin = {"demo_provider.py": plugin_source()}
    write_wheel(folder / "dist", "demo-provider", files=plugin)
    build_sdist(write_project(folder / "source", TABLE), folder / "dist")
    with Index(wheelhouse, folder / "dist") as running:
        yield running


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


def install(environment: Environment, environ: dict[str, str], *options: str) -> dict[str, Any]:
    """Install spam and return its record."""
    environment.pip("install", *options, "spam", environ=environ)
    record = environment.record()
    assert set(record["facts"]) == FACTS
    assert f"spam-{record['variants'][0]}" in environment.installed()
    return record


def test_every_fact_is_read(environment: Environment, driver: Driver, tmp_path: Path) -> None:
    log = tmp_path / "log"
    libraries = tmp_path / "libraries"
    compile_library(libraries / "libnvrtc.so.12", 12040)
    compile_library(libraries / "libcudart.so.12", 12060)
    compile_library(libraries / "libamdhip64.so.6", 60443483)
    compile_library(libraries / "libze_loader.so.1", 12401)
    root = write_kfd(tmp_path / "root", 0, 90402)
    write_pci(root, "xe", "0000:03:00.0")
    environ = driver.environ("12.8", gpus="6.1,9.0", driver="570.26", log=log)
    environ["LD_LIBRARY_PATH"] += f":{libraries}:{hide_toolkits(tmp_path / 'hidden')}"
    environ["SELECTOR_SYSROOT"] = str(root)
    record = install(environment, environ)
    assert record["variants"] == ["gpu"]
    facts = record["facts"]
    read = {name: fact["value"] for name, fact in facts.items() if "value" in fact}
    assert platform.machine().lower() in read.pop("cpu")
    assert facts["cpu"]["source"] == "archspec"
    assert read == {
        "cuda": "12.8",
        "nvidia-driver": "570.26",
        "compute-capability": ["6.1", "9.0"],
        "cuda-toolkit": "12.4",
        "rocm": "6.4",
        "gfx": ["gfx942"],
        "xpu": "1.24.1",
        "installed": [f"pip=={NEWEST_PIP}"],
        "glibc": platform.libc_ver()[1],
        "marker": {"sys_platform": default_environment()["sys_platform"]},
        "property": ["demo :: avx2 :: on", "demo :: level :: v2", "demo :: level :: v3"],
    }
    # Each library, and the plugin, once for an install and not once for each hook.
    lines = log.read_text(encoding="utf-8").splitlines()
    assert sorted(line.split()[0] for line in lines) == [
        "cuda",
        "hip",
        "nvml",
        "nvrtc",
        "plugin",
        "ze",
    ]


@pytest.mark.parametrize(
    ("version", "fact"),
    [
        ("10.1.0a20260909", {"value": "10.1.0", "source": "ROCm's version file"}),
        ("", {"value": "7.16", "source": "the HIP runtime"}),
    ],
)
def test_rocm_of_amds_wheels_in_the_environment(
    environment: Environment, tmp_path: Path, version: str, fact: dict[str, str]
) -> None:
    """`rocm-sdk-core` has a whole ROCm, which programs there use before the machine's."""
    packages = environment.site_packages / "_rocm_sdk_core"
    compile_library(packages / "lib/libamdhip64.so.7", 71626341)
    if version:
        (packages / ".info").mkdir()
        (packages / ".info/version").write_text(version, encoding="utf-8")
        (tmp_path / "opt/rocm/.info").mkdir(parents=True)
        (tmp_path / "opt/rocm/.info/version").write_text("6.4.1", encoding="utf-8")
    record = install(environment, {"SELECTOR_SYSROOT": str(tmp_path)})
    expected = {**fact, "source": f"{fact['source']}, found in the environment"}
    assert record["facts"]["rocm"] == expected


def test_every_fact_is_absent_with_its_reason(environment: Environment, tmp_path: Path) -> None:
    environ = {
        "LD_LIBRARY_PATH": hide_toolkits(tmp_path / "hidden"),
        "SELECTOR_SYSROOT": str(tmp_path),
        # What this machine has, whichever it is.
        "SELECTOR_CPU": "",
        "SELECTOR_MARKER": "",
        "SELECTOR_PROPERTY": "",
        "SELECTOR_INSTALLED": "",
    }
    record = install(environment, environ)
    assert record["variants"] == ["cpu"]
    absent = {name: fact["absent"] for name, fact in record["facts"].items() if "absent" in fact}
    reasons = ("does not load", "finds neither NVRTC nor the CUDA runtime")
    assert any(reason in absent["cuda-toolkit"] for reason in reasons)
    del absent["cuda-toolkit"]
    assert absent == {
        **dict.fromkeys(
            ("cuda", "nvidia-driver", "compute-capability"),
            "the loader does not find libnvidia-ml.so.1",
        ),
        "rocm": "neither the HIP runtime (libamdhip64) nor ROCm is installed",
        "xpu": "the kernel's drivers xe and i915 show no Intel GPU",
        "installed": "SELECTOR_INSTALLED is set to nothing",
        "gfx": "the kernel has no driver for AMD GPUs loaded (amdgpu with KFD)",
        "cpu": "SELECTOR_CPU is set to nothing",
        "marker": "SELECTOR_MARKER is set to nothing",
        "property": "SELECTOR_PROPERTY is set to nothing",
        "musl": "this Python does not run on the musl C library",
        "macos": "this is not macOS",
    }


STATED: dict[str, Any] = {
    "cuda": "12.4",
    "nvidia-driver": "550.54.14",
    "compute-capability": ["8.0"],
    "cuda-toolkit": "12.4",
    "rocm": "6.4",
    "gfx": ["gfx942"],
    "xpu": "1.24.1",
    "installed": ["pip==26.3"],
    "cpu": ["zen3"],
    "marker": {"sys_platform": "linux"},
    "property": ["demo :: level :: v3"],
}


def test_a_container_image_is_built_for_another_machine(
    environment: Environment, driver: Driver, tmp_path: Path
) -> None:
    """As a Dockerfile does it: a variable for each fact, and whatever builds is not looked at."""
    log = tmp_path / "log"
    environ = driver.environ("11.4", log=log)
    for name, value in STATED.items():
        variable = "SELECTOR_" + name.upper().replace("-", "_")
        text = ",".join(value) if isinstance(value, list) else value
        environ[variable] = "sys_platform=linux" if isinstance(text, dict) else text
    record = install(environment, environ)
    assert record["variants"] == ["gpu"]
    assert record["facts"]["cuda"] == {"value": "12.4", "source": "SELECTOR_CUDA"}
    assert not log.exists()
    assert "demo-provider" not in environment.pip("list").stdout


def test_a_login_node_installs_for_the_compute_nodes(
    make_environment: MakeEnvironment, index: Index, driver: Driver, tmp_path: Path
) -> None:
    """As on a cluster: one file for each kind of node, and one fact that differs after all."""
    log = tmp_path / "log"
    folder = tmp_path / "größere knoten"
    folder.mkdir()
    profile = folder / "compute.json"
    text = json.dumps({"format": 1, "facts": {**STATED, "glibc": "2.28"}}, indent=2)
    profile.write_text(text, encoding="utf-8")
    environ = {**driver.environ("11.4", log=log), "SELECTOR_MACHINE": str(profile)}
    record = install(make_environment(index), environ)
    assert record["variants"] == ["gpu"]
    assert "avx2" in record["facts"]["cpu"]["value"]  # zen3 has it
    assert record["facts"]["glibc"] == {"value": "2.28", "source": "machine profile"}
    assert str(folder) not in str(record)
    settings = ("--no-cache-dir", "-C", f"machine={profile}")
    environ = {"SELECTOR_MACHINE": os.devnull, "SELECTOR_GFX": ""}
    by_uv = make_environment(index, pip=None)
    by_uv.uv("pip", "install", *settings, "spam", environ=environ)
    assert by_uv.record()["variants"] == ["cpu"]
    assert not log.exists()


def test_a_profile_that_is_not_found_stops_the_install(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "compute.json").write_text('{"format": 1, "facts": {}}', encoding="utf-8")
    environ = {"SELECTOR_MACHINE": "compute.json"}
    process = environment.pip("install", "spam", cwd=tmp_path, environ=environ, check=False)
    assert process.returncode != 0
    assert "the machine profile compute.json, which does not exist; a relative" in process.stdout
    assert "give the absolute path" in process.stdout
    assert "Traceback" not in process.stdout
