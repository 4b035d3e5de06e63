"""Every property test with examples that nobody has tried yet."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.environment import ROOT


@pytest.mark.nightly
def test_many_other_examples_find_nothing() -> None:
    environ = {"SELECTOR_BACKEND_EXAMPLES": "5000", **os.environ}
    options = ("-m", "hypothesis and not nightly", "-q", "-p", "no:cacheprovider")
    subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, env=environ, check=True)
