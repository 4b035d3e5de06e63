"""`pip install spam` and `uv pip install spam`, for real, against an index on loopback.

Each way is tried once by each of them. What drivers may do, and what stops an install, is tried
through the hooks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment
from support.driver import Driver
from support.environment import Environment, find_uv, run
from support.index import Index
from support.processes import logged
from support.project import build_sdist, write_project, write_spam, write_wheel

Install = Callable[..., "Environment"]


@pytest.fixture(params=["pip", "uv"])
def install(
    request: pytest.FixtureRequest, make_environment: MakeEnvironment, spam_index: Index
) -> Install:
    """Install spam into a fresh environment by the frontend that the test runs with."""

    def install(*requirements: str, **environ: str) -> Environment:
        environment = make_environment(
            spam_index, pip=NEWEST_PIP if request.param == "pip" else None
        )
        arguments = ("install", *(requirements or ("spam",)))
        if request.param == "pip":
            environment.pip(*arguments, environ=environ)
            environment.pip("check")
        else:
            environment.uv("pip", *arguments, environ=environ)
            environment.uv("pip", "check")
        return environment

    return install


def version_of(environment: Environment) -> str:
    return environment.installed()["spam"]


def variant_of(environment: Environment) -> str:
    """Return the variant of spam that is installed, which the record has to agree with."""
    (variant,) = (
        name.removeprefix("spam-")
        for name in environment.installed()
        if name.startswith("spam-") and name not in ("spam-core", "spam-plot")
    )
    assert environment.record()["variants"] == [variant]
    return variant


def test_the_variant_that_suits_the_driver_is_installed(install: Install, driver: Driver) -> None:
    environment = install(**driver.environ("12.4"))
    assert variant_of(environment) == "cu12"
    record = environment.record()
    assert record["facts"]["cuda"] == {"value": "12.4", "source": "NVML"}
    # It names no place.
    for path in (str(environment.folder), environment.environ["HOME"]):
        assert path not in str(record)


def test_a_driver_that_hangs_gives_cpu_and_is_asked_once(
    install: Install, driver: Driver, tmp_path: Path
) -> None:
    """Once for an install, not once for each hook: it costs one time limit."""
    log = tmp_path / "log"
    environ = driver.environ(
        "12.4", nvml_fault="nvmlInitWithFlags:hang", cuda_fault="cuInit:hang", log=log
    )
    environment = install(**environ, SELECTOR_PROBE_TIMEOUT="3")
    assert variant_of(environment) == "cpu"
    assert environment.record()["facts"]["cuda"]["absent"]
    asked = [line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()]
    assert asked == ["nvml"]


def test_a_variable_forces_a_variant(install: Install, driver: Driver, tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = install(SPAM_VARIANT="cu11", **driver.environ("12.4", log=log))
    assert variant_of(environment) == "cu11"
    assert environment.record()["decided-by"] == "SPAM_VARIANT"
    assert not log.exists()


def fails(environment: Environment, frontend: str, *arguments: str, **environ: str) -> str:
    """Return what an install that has to fail prints."""
    call = environment.pip if frontend == "pip" else environment.uv
    arguments = ("install", *arguments) if frontend == "pip" else ("pip", "install", *arguments)
    process = call(*arguments, check=False, environ=environ)
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    return process.stdout


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_what_either_has_installed_both_list_check_and_remove(
    make_environment: MakeEnvironment, spam_index: Index, frontend: str
) -> None:
    """uv sees the version that the index has; the label is in the metadata alone."""
    environment = make_environment(spam_index)
    if frontend == "pip":
        environment.pip("install", "spam", environ={"SPAM_VARIANT": "cu12"})
    else:
        environment.uv("pip", "install", "spam", environ={"SPAM_VARIANT": "cu12"})
    assert [path.name for path in environment.site_packages.glob("spam-*")] == [
        "spam-1.0.dist-info"
    ]
    shown = "1.0" if frontend == "pip" else "1.0+cu12"
    assert f"spam {shown}\n" in re.sub(" +", " ", environment.pip("list").stdout)
    assert f"Version: {shown}\n" in environment.pip("show", "spam").stdout
    assert "No broken requirements" in environment.pip("check").stdout
    assert "spam==1.0\n" in environment.uv("pip", "freeze").stdout
    assert "Version: 1.0\n" in environment.uv("pip", "show", "spam").stdout
    assert "compatible" in environment.uv("pip", "check").stdout
    assert "satisfied" in environment.pip("install", "spam==1.0").stdout
    assert "spam" not in environment.uv("pip", "install", "--dry-run", "spam==1.0").stdout
    if frontend == "uv":
        environment.pip("uninstall", "--yes", "spam")
    else:
        environment.uv("pip", "uninstall", "spam")
    assert not list(environment.site_packages.glob("spam-*"))


def test_what_uv_freezes_is_installed_again(
    make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path
) -> None:
    first, second = (make_environment(spam_index, pip=None) for _ in range(2))
    first.uv("pip", "install", "spam")
    frozen = tmp_path / "requirements.txt"
    frozen.write_text(first.uv("pip", "freeze", "--quiet").stdout, encoding="utf-8")
    second.uv("pip", "install", "-r", str(frozen))
    assert variant_of(second) == "cpu"


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_a_config_setting_forces_a_variant(
    make_environment: MakeEnvironment, spam_index: Index, frontend: str
) -> None:
    environment = make_environment(spam_index)
    arguments = ("install", "spam", "-C", "variant=cu11")
    if frontend == "pip":
        environment.pip(*arguments, environ={"SPAM_VARIANT": "cpu"})
    else:
        environment.uv("pip", *arguments, environ={"SPAM_VARIANT": "cpu"})
    assert variant_of(environment) == "cu11"
    assert environment.record()["decided-by"] == "-C variant"


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_where_nothing_fits_the_frontend_shows_why(
    make_environment: MakeEnvironment,
    serve: Callable[[Path], Index],
    tmp_path: Path,
    frontend: str,
) -> None:
    table = """
[tool.selector]
advice = "Ask on the forum."

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2" }
"""
    build_sdist(write_project(tmp_path / "source", table), tmp_path / "dist")
    environment = make_environment(serve(tmp_path / "dist"))
    output = fails(environment, frontend, "spam", SELECTOR_CUDA="10.2")
    for line in (
        "spam 1.0 cannot be installed on this machine.",
        "cu12: cuda 10.2 is not >=12",
        "cu11: cuda 10.2 is not >=11.2",
        "Ask on the forum.",
        "set SPAM_VARIANT to cu12 or cu11.",
    ):
        assert line in output


def test_an_extra_of_the_table_installs_what_the_variant_says(
    make_environment: MakeEnvironment, serve: Callable[[Path], Index], tmp_path: Path
) -> None:
    table = """
[tool.selector]
requires = ["spam-core=={version}"]
extras = ["plot"]

[[tool.selector.variant]]
name = "cpu"
"""
    write_spam(tmp_path / "dist")
    build_sdist(write_project(tmp_path / "source", table), tmp_path / "dist")
    environment = make_environment(serve(tmp_path / "dist"))
    environment.pip("install", "spam[plot]")
    assert set(environment.installed()) == {"spam", "spam-core", "spam-cpu", "spam-plot"}
    environment.pip("check")


def test_a_project_folder_is_installed_and_installed_editable(
    make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path
) -> None:
    source = write_project(tmp_path / "ordner mit ä")
    by_pip, by_uv = make_environment(spam_index), make_environment(spam_index, pip=None)
    by_pip.pip("install", str(source))
    by_uv.uv("pip", "install", "--editable", str(source))
    assert variant_of(by_pip) == variant_of(by_uv) == "cpu"


def test_a_wheel_is_marked_in_the_way_that_each_frontend_shows(
    make_environment: MakeEnvironment, spam_index: Index
) -> None:
    by_pip, by_uv = make_environment(spam_index), make_environment(spam_index, pip=None)
    by_pip.pip("install", "spam", environ={"SPAM_VARIANT": "cu12"})
    by_uv.uv("pip", "install", "spam", environ={"SPAM_VARIANT": "cu12"})
    assert version_of(by_pip) == "1.0"
    assert version_of(by_uv) == "1.0+cu12"
    assert "selected_cu12" in by_pip.pip("cache", "list", "--format=abspath").stdout
    (wheel,) = by_pip.site_packages.glob("spam-1.0.dist-info/WHEEL")
    assert "Tag: py3-none-any\n" in wheel.read_text(encoding="utf-8")


def test_a_portable_wheel_is_plain(make_environment: MakeEnvironment, spam_index: Index) -> None:
    by_uv = make_environment(spam_index, pip=None)
    by_uv.uv("pip", "install", "spam", environ={"SELECTOR_PORTABLE": "1"})
    assert version_of(by_uv) == "1.0"
    by_pip = make_environment(spam_index)
    # Where uv started this, and its variable is inherited, pip is pip.
    environ = {"UV": "inherited", "SPAM_VARIANT": "cpu"}
    by_pip.pip("install", "spam", "-C", "portable=true", environ=environ)
    assert "spam-1.0-py3-none-any" in by_pip.pip("cache", "list", "--format=abspath").stdout


@pytest.mark.nightly
def test_a_list_of_variants_makes_one_valid_mark(
    make_environment: MakeEnvironment, serve: Callable[[Path], Index], tmp_path: Path
) -> None:
    table = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "cpu-avx2"

[[tool.selector.variant]]
name = "cpu"
"""
    write_spam(tmp_path / "dist")
    write_wheel(tmp_path / "dist", "spam-cpu-avx2")
    build_sdist(write_project(tmp_path / "source", table), tmp_path / "dist")
    index = serve(tmp_path / "dist")
    by_pip, by_uv = make_environment(index), make_environment(index, pip=None)
    by_pip.pip("install", "spam", environ={"SPAM_VARIANT": "all"})
    by_uv.uv("pip", "install", "spam", environ={"SPAM_VARIANT": "all"})
    assert "selected_cpu_avx2_cpu" in by_pip.pip("cache", "list", "--format=abspath").stdout
    assert version_of(by_uv) == "1.0+cpu.avx2.cpu"


@pytest.mark.nightly
def test_pip_inside_uv_run_is_taken_for_pip(
    make_environment: MakeEnvironment, spam_index: Index
) -> None:
    environment = make_environment(spam_index)
    inside = ("run", "--no-project", "--", str(environment.python), "-m", "pip", "install", "spam")
    environment.uv(*inside)
    assert version_of(environment) == "1.0"


def test_without_build_isolation_the_users_environment_is_not_written_to(
    make_environment: MakeEnvironment, spam_index: Index, driver: Driver
) -> None:
    environment = make_environment(spam_index)
    environment.pip("install", "selector-backend")

    def files() -> set[Path]:
        every = environment.folder.rglob("*")
        return {path for path in every if "__pycache__" not in path.parts and path.is_file()}

    before = files()
    environ = driver.environ("12.4")
    environment.pip("install", "--no-build-isolation", "spam", environ=environ)
    assert variant_of(environment) == "cu12"
    ours = {
        path for path in files() - before if "spam" not in str(path.relative_to(environment.folder))
    }
    assert not ours


@pytest.mark.nightly
@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_an_environment_that_is_called_like_a_build_environment_keeps_no_facts(
    make_environment: MakeEnvironment, spam_index: Index, driver: Driver, frontend: str
) -> None:
    environment = make_environment(spam_index, name="build-env-prod")
    environment.pip("install", "selector-backend")
    call = environment.pip if frontend == "pip" else environment.uv
    command = ("install",) if frontend == "pip" else ("pip", "install")
    call(*command, "--no-build-isolation", "spam")
    assert variant_of(environment) == "cpu"
    environment.pip("uninstall", "--yes", "spam", "spam-cpu")
    call(*command, "--no-build-isolation", "spam", environ=driver.environ("12.4"))
    assert variant_of(environment) == "cu12"
    assert not list(environment.folder.rglob("selector-machine*"))


def test_what_carries_uv_under_another_name_does_not_give_back_an_old_choice(
    make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path
) -> None:
    """As pixi does."""
    program = tmp_path / "pixi"
    program.symlink_to(find_uv())
    for variant in ("cpu", "cu12"):
        environment = make_environment(spam_index, pip=None)
        variables = {"VIRTUAL_ENV": str(environment.folder), "SPAM_VARIANT": variant}
        command = [str(program), "pip", "install", "spam"]
        run(command, {**environment.environ, **variables})
        assert variant_of(environment) == variant


def test_a_wheel_that_is_built_to_keep_is_plain_whatever_comes_before_the_command(
    make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path
) -> None:
    environment = make_environment(spam_index)
    environment.pip("--retries", "3", "wheel", "--no-deps", "-w", str(tmp_path / "pip"), "spam")
    source, out = write_project(tmp_path / "source"), tmp_path / "uv"
    environment.uv("--color", "never", "build", "--wheel", "-o", str(out), str(source))
    for folder in (tmp_path / "pip", out):
        assert [path.name for path in folder.glob("*.whl")] == ["spam-1.0-py3-none-any.whl"]


def test_a_home_that_cannot_be_written_to_and_an_ascii_locale(
    make_environment: MakeEnvironment, spam_index: Index
) -> None:
    environment = make_environment(spam_index)
    environ = {"HOME": "/nonexistent", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    environment.pip("install", "--no-cache-dir", "spam", environ=environ)
    assert variant_of(environment) == "cpu"


def test_an_environment_and_a_temporary_folder_with_spaces_and_non_ascii_names(
    make_environment: MakeEnvironment, spam_index: Index, driver: Driver, tmp_path: Path
) -> None:
    environment = make_environment(spam_index, name="umgebung mit ü und € ")
    temporary = tmp_path / "größere temporäre dateien"
    temporary.mkdir()
    log = tmp_path / "log"
    environ = {**driver.environ("12.4", log=log), "TMPDIR": str(temporary)}
    environment.pip("install", "spam", environ=environ)
    assert variant_of(environment) == "cu12"
    assert len(set(logged(log))) == 1


@pytest.mark.parametrize(
    ("version", "pip"),
    [("3.9", OLDEST_PIP), pytest.param("3.13", NEWEST_PIP, marks=pytest.mark.nightly)],
)
def test_other_pythons_and_the_oldest_pip(
    make_environment: MakeEnvironment, spam_index: Index, driver: Driver, version: str, pip: str
) -> None:
    environment = make_environment(spam_index, pip=pip, python=version)
    environment.pip("install", "spam", environ=driver.environ("11.8"))
    assert variant_of(environment) == "cu11"
    environment.pip("check")
