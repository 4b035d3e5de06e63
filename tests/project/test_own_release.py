"""This project's own distributions, built and installed by the commands of its release workflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, find_pip, require_python
from support.environment import ROOT, create_environment
from support.workflow import Runner, Step, Workflow

WORKFLOW = Workflow(ROOT / ".github/workflows/release.yml")
NOT_SOURCE = (".git", ".venv*", ".nox", ".hypothesis", ".*_cache", "build", "dist")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the tests have run."""
    folder = tmp_path_factory.mktemp("checkout") / "source"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    for package in ("selector_backend", "tests/unit", "runtime/selector_runtime"):
        (folder / package / "__pycache__").mkdir(exist_ok=True)
        (folder / package / "__pycache__/errors.cpython-313.pyc").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("project", "files"),
    [
        (
            ".",
            {
                "selector_backend/__init__.py",
                "tests/conftest.py",
                "tests/support/driver.c",
                "docs/workflows/release.yml",
                "docs/recipes/jax/pyproject.toml",
                "example-spam/demo.py",
                "runtime/selector_runtime/__init__.py",
                "benchmarks/install.py",
                ".github/workflows/release.yml",
                "noxfile.py",
                "CHANGELOG.md",
                "SECURITY.md",
            },
        ),
        ("runtime", {"selector_runtime/__init__.py", "selector_runtime/py.typed", "README.md"}),
    ],
)
def test_an_sdist_has_what_its_tests_need_and_nothing_that_running_them_left(
    checkout: Path, tmp_path: Path, project: str, files: set[str]
) -> None:
    code = "import flit_core.buildapi as b, sys; b.build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, cwd=checkout / project, check=True)
    (sdist,) = tmp_path.iterdir()
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert files <= names
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


@pytest.fixture(scope="module")
def released(checkout: Path, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what the workflow's job `build` builds."""
    folder = tmp_path_factory.mktemp("build")
    pip = find_pip(wheelhouse, NEWEST_PIP)
    runner = Runner(create_environment(folder / "venv", dict(os.environ), pip=pip))
    for step in WORKFLOW.steps("build"):
        runner.run(step, checkout)
    shutil.move(checkout / "dist", folder)
    return folder / "dist"


@pytest.mark.nightly
@pytest.mark.parametrize(("python", "pip"), [("3.9", OLDEST_PIP), ("3.13", NEWEST_PIP)])
@pytest.mark.parametrize("kind", ["whl", "tar.gz"])
def test_the_release_installs_and_works_in_a_clean_environment(
    released: Path, wheelhouse: Path, tmp_path: Path, python: str, pip: str, kind: str
) -> None:
    assert kind in WORKFLOW.jobs["install"]["strategy"]["matrix"]["kind"]
    wheel, interpreter = find_pip(wheelhouse, pip), require_python(python)
    environment = create_environment(
        tmp_path / "venv", dict(os.environ), pip=wheel, python=interpreter
    )
    environment.pip("install", "-q", "--upgrade", "pip")
    runner = Runner(environment)
    shutil.copytree(released, tmp_path / "dist")
    for step in WORKFLOW.steps("install"):
        runner.run(Step(step.run, {"KIND": kind}), tmp_path)
    assert (tmp_path / "eggs/eggs/dist/eggs-0.1.tar.gz").is_file()


@pytest.mark.nightly
def test_the_tests_run_from_the_sdist(released: Path, wheelhouse: Path, tmp_path: Path) -> None:
    (sdist,) = released.glob("selector-backend/*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path)
    source = tmp_path / sdist.name.removesuffix(".tar.gz")
    environment = create_environment(
        tmp_path / "venv", dict(os.environ), pip=find_pip(wheelhouse, NEWEST_PIP)
    )
    options = ("-q", "--editable", ".[cli]", "--editable", "./runtime", "--group", "test")
    environment.pip("install", *options, cwd=source)
    said = environment.run("-m", "pytest", "-q", "tests/unit", "tests/hooks", cwd=source).stdout
    assert " passed" in said
