"""The unit tests on the oldest Python and on a new one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, find_pip, require_python
from support.environment import ROOT, create_environment

PYTHONS = {"3.9": OLDEST_PIP, "3.13": NEWEST_PIP}


@pytest.mark.nightly
@pytest.mark.parametrize("version", PYTHONS)
def test_the_unit_tests_pass(tmp_path: Path, wheelhouse: Path, version: str) -> None:
    # What they need comes from the registry as this machine reaches it: it is not under test.
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    pip, python = find_pip(wheelhouse, PYTHONS[version]), require_python(version)
    environment = create_environment(tmp_path / "venv", environ, pip=pip, python=python)
    (backend,) = wheelhouse.glob("selector_backend-*.whl")
    tests = ["hypothesis", "installer", "pyproject-hooks", "pytest", "filelock", "pytest-xdist"]
    environment.pip("install", "--no-compile", f"{backend}[cli]", *tests)
    environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit", cwd=ROOT)
