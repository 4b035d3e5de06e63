"""The unit tests on the oldest Python and on a new one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import require_python
from support.environment import ROOT, run

PYTHONS = ("3.9", "3.13")


@pytest.mark.parametrize("version", PYTHONS)
def test_the_unit_tests_pass(tmp_path: Path, version: str) -> None:
    # What they need comes from the registry as this machine reaches it: it is not under test.
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    python = tmp_path / "venv/bin/python"
    create = [require_python(version), "-m", "venv", str(tmp_path / "venv")]
    run(create, environ)
    tests = ["hypothesis", "installer", "pyproject-hooks", "pytest", "filelock", "pytest-xdist"]
    run([str(python), "-m", "pip", "install", "-q", str(ROOT), *tests], environ)
    run([str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"], environ, ROOT)
