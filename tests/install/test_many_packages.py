"""Several selector packages in one install, as a suite of GPU libraries has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.processes import logged
from support.project import CUDA, build_sdist, write_project, write_wheel

if TYPE_CHECKING:
    from conftest import MakeEnvironment
    from support.driver import Driver
    from support.environment import Environment
    from support.index import Index

TABLE = CUDA.replace("[tool.selector]", "[tool.selector]\nself-contained = true")
#: Not all ask for the same facts.
NAMES = {
    "spam": TABLE,
    "ham": TABLE,
    "eggs": TABLE.replace("when = {", "when = { nvidia-driver = true,"),
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    more = 'requires-python = ">=3.9"\n'
    for name, table in NAMES.items():
        build_sdist(write_project(folder / name, table, name=name, more=more), folder / "dist")
        for variant in ("cu12", "cu11", "cpu"):
            write_wheel(folder / "dist", f"{name}-{variant}")
    return folder / "dist"


def install(frontend: str, environment: Environment, dist: Path, environ: dict[str, str]) -> str:
    """Install all, and return which variant they got; all get the same."""
    options = ("--no-index", "--find-links", str(dist), *NAMES)
    # One build after the other: those that run at once can't tell each other anything.
    environ = {**environ, "UV_CONCURRENT_BUILDS": "1"}
    if frontend == "pip":
        environment.pip("install", *options, environ=environ)
    else:
        environment.uv("pip", "install", *options, environ=environ)
    (variants,) = {tuple(environment.record(name)["variants"]) for name in NAMES}
    return " ".join(variants)


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_the_driver_is_asked_once_for_all_and_anew_by_the_next_command(
    make_environment: MakeEnvironment,
    spam_index: Index,
    driver: Driver,
    dist: Path,
    tmp_path: Path,
    frontend: str,
) -> None:
    """A driver that hangs costs its limit once, and not once for each package."""
    log = tmp_path / "log"
    hanging = driver.environ("12.4", nvml_fault="nvmlInitWithFlags:hang", log=log)
    environ = {**hanging, "SELECTOR_PROBE_TIMEOUT": "1.5"}
    environment = make_environment(spam_index)
    assert install(frontend, environment, dist, environ) == "cpu"
    assert len(logged(log)) == 1
    for name in ("spam", "eggs"):
        assert "did not answer" in environment.record(name)["facts"]["cuda"]["absent"]
    again = install(frontend, make_environment(spam_index), dist, driver.environ("12.4", log=log))
    assert again == "cu12"
    assert len(set(logged(log))) == 2  # processes, of which one has both libraries


def test_uv_asks_anew_for_a_package_that_has_variables_of_its_own(
    make_environment: MakeEnvironment,
    spam_index: Index,
    driver: Driver,
    dist: Path,
    tmp_path: Path,
) -> None:
    environment = make_environment(spam_index)
    names = ", ".join(f'"{name}"' for name in NAMES)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\n'
        f"dependencies = [{names}]\n"
        '[tool.uv]\nextra-build-variables = { ham = { STANDIN_CUDA = "11080" } }\n',
        encoding="utf-8",
    )
    environ = {
        **driver.environ("12.4"),
        "UV_CONCURRENT_BUILDS": "1",
        "UV_PROJECT_ENVIRONMENT": str(environment.folder),
        "UV_NO_CONFIG": "0",
    }
    command = ("sync", "--no-index", "--find-links", str(dist), "--python", str(environment.python))
    environment.uv(*command, environ=environ, cwd=tmp_path)
    found = {name: environment.record(name)["variants"] for name in NAMES}
    assert found == {"spam": ["cu12"], "ham": ["cu11"], "eggs": ["cu12"]}
