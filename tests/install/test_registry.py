"""What needs real packages from the registry: NVIDIA's libraries, providers, and Polars.

They are fetched beforehand; what is under test sees only loopback.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from filelock import FileLock
from packaging.version import Version
from support.environment import ROOT, Environment
from support.index import Index
from support.project import build_sdist, write_project, write_wheel
from support.toolkit import hide_toolkits

from selector_backend.probes import read_machine

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64",
        reason="the libraries are those for Linux on x86_64",
    ),
]

POLARS = ("polars", "polars-lts-cpu")
PROVIDERS = ("provider-variant-x86-64", "ascend-variant-provider")
NVIDIA = tuple(
    f"nvidia-cuda-{library}{version}"
    for library in ("runtime", "nvrtc")
    for version in ("-cu12==12.*", ">=13")
)

TOOLKIT = """
[tool.selector]

[[tool.selector.variant]]
name = "cu13"
when = { cuda-toolkit = ">=13" }

[[tool.selector.variant]]
name = "cu12"
when = { cuda-toolkit = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""
VARIANTS = """
[tool.selector.provider.x86_64]
requires = ["provider-variant-x86-64"]
plugin-api = "provider_variant_x86_64.plugin:X8664Plugin"
enable-if = "platform_machine == 'x86_64' or platform_machine == 'AMD64'"

[tool.selector.provider.ascend]
requires = ["ascend-variant-provider"]
plugin-api = "ascend_variant_provider.plugin:AscendVariantPlugin"

[[tool.selector.variant]]
name = "npu"
when = { property = "ascend :: npu_type :: 910b" }

[[tool.selector.variant]]
name = "x86"
when = { property = "x86_64 :: level :: v1" }

[[tool.selector.variant]]
name = "any"
"""


@pytest.fixture(scope="session")
def fetched(shared_folder: Path) -> Path:
    """The packages, fetched with this machine's configuration."""
    folder = shared_folder / "registry"
    command = [sys.executable, "-m", "pip", "-q", "download"]
    with FileLock(str(folder) + ".lock"):
        if not folder.exists():
            partial = folder.with_name("registry-partial")
            options = ["--only-binary=:all:", "--dest", str(partial)]
            for package in POLARS:
                subprocess.run([*command, *options, package], check=True)
            subprocess.run([*command, *options, "--no-deps", *PROVIDERS, *NVIDIA], check=True)
            partial.rename(folder)
    return folder


@pytest.fixture(scope="session")
def index(
    wheelhouse: Path, fetched: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("registry")
    for variant in ("cu13", "cu12", "cpu"):
        write_wheel(folder / "dist", f"spam-{variant}")
    for variant in ("npu", "x86", "any"):
        write_wheel(folder / "dist", f"eggs-{variant}")
    build_sdist(write_project(folder / "spam", TOOLKIT), folder / "dist")
    build_sdist(write_project(folder / "eggs", VARIANTS, name="eggs"), folder / "dist")
    with Index(wheelhouse, fetched, folder / "dist") as running:
        yield running


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


@pytest.mark.parametrize(
    ("libraries", "source", "variant"),
    [
        (("nvidia-cuda-runtime-cu12",), "CUDA runtime", "cu12"),
        (("nvidia-cuda-runtime-cu12", "nvidia-cuda-nvrtc-cu12"), "NVRTC", "cu12"),
        (("nvidia-cuda-runtime",), "CUDA runtime", "cu13"),
        (("nvidia-cuda-runtime", "nvidia-cuda-nvrtc-cu12"), "NVRTC", "cu12"),
        (("nvidia-cuda-nvrtc",), "NVRTC", "cu13"),
    ],
)
def test_nvidias_own_libraries_tell_their_version(
    environment: Environment,
    tmp_path: Path,
    libraries: tuple[str, ...],
    source: str,
    variant: str,
) -> None:
    environment.pip("install", "--no-deps", "--no-compile", *libraries)
    hidden = hide_toolkits(tmp_path / "hidden")
    environment.pip("install", "spam", environ={"LD_LIBRARY_PATH": hidden})
    fact = environment.record()["facts"]["cuda-toolkit"]
    version = Version(environment.installed()[libraries[-1]])
    expected = f"{version.major}.{version.minor}"
    assert fact == {"value": expected, "source": f"{source}, found in the environment"}
    assert f"spam-{variant}" in environment.installed()


def test_the_providers_that_are_published_are_asked(environment: Environment) -> None:
    environment.pip("install", "eggs")
    record = environment.record("eggs")
    fact = record["facts"]["property"]
    assert "x86_64 :: level :: v1" in fact["value"]
    assert "x86_64: provider_variant_x86_64" in fact["source"]
    assert "ascend: ascend_variant_provider" in fact["source"]
    assert record["variants"] == ["x86"]
    # They were there for the build only.
    assert set(environment.installed()) == {"eggs", "eggs-x86"}


def test_a_provider_is_told_by_its_own_variables(environment: Environment) -> None:
    folder = environment.folder.parent / "bin"
    folder.mkdir()
    (folder / "npu-smi").write_text("#!/bin/sh\necho '| 0     910B3 | OK |'\necho Version: 24.1\n")
    (folder / "npu-smi").chmod(0o755)
    path = f"{folder}:{environment.environ['PATH']}"
    environ = {"PATH": path, "ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE": "910b"}
    environment.pip("install", "eggs", environ=environ)
    assert environment.record("eggs")["variants"] == ["npu"]


def test_uv_asks_the_providers_too(make_environment: MakeEnvironment, index: Index) -> None:
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", "eggs")
    assert environment.record("eggs")["variants"] == ["x86"]


@pytest.mark.parametrize(
    ("cpu", "expected"), [("haswell", "polars"), ("x86_64_v2", "polars-lts-cpu")]
)
def test_the_recipe_for_polars_installs_polars(
    environment: Environment, cpu: str, expected: str
) -> None:
    if expected not in runs_here():
        pytest.skip("this CPU does not run Polars' own build")
    recipe = str(ROOT / "docs/recipes/polars")
    environment.pip("install", recipe, environ={"SELECTOR_CPU": cpu})
    assert {"polars", "polars-lts-cpu"} & set(environment.installed()) == {expected}
    environment.pip("check")
    code = "import polars; print(polars.DataFrame({'a': [1, 2]})['a'].sum())"
    assert environment.run("-c", code).stdout.strip() == "3"


def runs_here() -> set[str]:
    fact = read_machine(["cpu"], {})["cpu"]
    able = isinstance(fact.value, frozenset) and {"avx2", "bmi2", "movbe"} <= fact.value
    return {"polars-lts-cpu", "polars"} if able else {"polars-lts-cpu"}
