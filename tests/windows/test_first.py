"""The short part: the unit tests, and an install by pip and uv, on Windows' newest Python here."""

from __future__ import annotations

import pytest

from .conftest import Windows

pytestmark = pytest.mark.nightly


def test_the_unit_tests_pass(windows: Windows) -> None:
    assert " passed" in windows.pytest("3.13", "tests/unit")


def test_pip_and_uv_install_the_variant_for_the_driver(windows: Windows) -> None:
    tests = ("tests/windows/inside/test_installs.py", "-k", "driver and plain")
    assert windows.pytest("3.13", *tests).startswith("2 passed")
