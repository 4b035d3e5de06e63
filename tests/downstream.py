"""Run other projects' tests with our backend in place of the one that they are written for.

Usage: python tests/downstream.py [PYTEST OPTIONS]

It installs into the environment that it runs in, so give it one of its own: `nox -s downstream`.
The tests are those of the newest sdists of build and pyproject-hooks. Some of their sample projects
become selector packages, and the tests that use them are run, but for those that ask for what is
the other backend's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[1]

SAMPLE = """\
[build-system]
requires = ["selector-backend"]
build-backend = "selector_backend"

[project]
name = "{name}"
version = "{version}"
description = "hello!"
dynamic = ["dependencies"]

[[tool.selector.variant]]
name = "cpu"
"""


@dataclass(frozen=True)
class Project:
    """A project with tests.

    ``samples`` become selector packages of a name and a version. Of its tests, those with one of
    ``fixtures`` are run, and those that have ``without`` in their names are not.
    """

    samples: dict[str, tuple[str, str]]
    fixtures: tuple[str, ...]
    requires: tuple[str, ...]
    tests: str
    without: tuple[str, ...]


PROJECTS = {
    "build": Project(
        {
            "tests/packages/test-setuptools": ("test_setuptools", "1.0.0"),
            "tests/packages/test-metadata": ("test-metadata", "1.0.0"),
        },
        ("package_test_setuptools", "package_test_metadata"),
        ("--group", "pyproject.toml:test"),
        "tests",
        ("test_logging_output",),  # setuptools is in what they expect
    ),
    "pyproject-hooks": Project(
        {"tests/samples/pkg1": ("pkg1", "0.5")},
        (),
        ("--requirement", "dev-requirements.txt"),
        "tests/test_call_hooks.py",
        # What the sample's backend requires, how it fails, and that it is not to be found.
        ("get_requires", "unsupported", "missing_backend"),
    ),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that have to do with our backend; pytest calls this, by ``-p downstream``."""
    project = PROJECTS[config.rootpath.name.rpartition("-")[0].replace("_", "-")]
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        uses = not project.fixtures or {*project.fixtures} & {*getattr(item, "fixturenames", ())}
        wanted = uses and not any(one in item.name for one in project.without)
        (kept if wanted else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def main() -> int:
    """Run the tests of each project. Returns 1 if one fails."""
    with tempfile.TemporaryDirectory(prefix="selector-backend-downstream-") as folder:
        wheels = Path(folder, "wheels")
        pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
        os.environ["PIP_FIND_LINKS"] = str(wheels)
        return max([run(name, Path(folder, name)) for name in PROJECTS])


def run(name: str, folder: Path) -> int:
    """Run the tests of one project in ``folder``. Returns pytest's exit status."""
    pip("download", "--no-deps", "--no-binary=:all:", "--dest", str(folder), name)
    (sdist,) = folder.iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)
    source = folder / sdist.name.removesuffix(".tar.gz")
    project = PROJECTS[name]
    for sample, (distribution, version) in project.samples.items():
        text = SAMPLE.format(name=distribution, version=version)
        (source / sample / "pyproject.toml").write_text(text, encoding="utf-8")
    version = source.name.rpartition("-")[2]
    pip("install", f"{name}=={version}", *project.requires, "selector-backend[tree]", cwd=source)
    command = [sys.executable, "-m", "pytest", "-p", "downstream", *sys.argv[1:], project.tests]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(command, cwd=source, env=environ, check=False).returncode


def pip(*arguments: str, cwd: Path | None = None) -> None:
    """Run pip for the environment that this runs in."""
    subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], cwd=cwd, check=True)


if __name__ == "__main__":
    sys.exit(main())
