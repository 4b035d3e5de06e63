"""These tests run on Windows: `tests/windows/test_all.py` starts them below wine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from support.dlls import finding

collect_ignore_glob = [] if sys.platform == "win32" else ["test_*.py"]


@pytest.fixture(scope="session")
def dlls() -> Path:
    """The folder of the stand-ins that `support.dlls` has compiled."""
    return Path(os.environ["SELECTOR_BACKEND_DLLS"])


@pytest.fixture
def nvml(dlls: Path, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a process that finds NVML.

    `pynvml` loads it from ``%WINDIR%`` alone, whatever is on ``PATH``.
    """
    folder = tmp_path / "windows" / "System32"
    folder.mkdir(parents=True)
    shutil.copy(dlls / "nvml" / "nvml.dll", folder)
    return {"WINDIR": str(folder.parent), **finding(folder.parent, "System32")}
