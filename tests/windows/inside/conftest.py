"""These tests run on Windows: `tests/windows/test_all.py` starts them below wine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

collect_ignore_glob = [] if sys.platform == "win32" else ["test_*.py"]


@pytest.fixture(scope="session")
def dlls() -> Path:
    """The folder of the stand-ins that `support.dlls` has compiled."""
    return Path(os.environ["SELECTOR_BACKEND_DLLS"])


@pytest.fixture
def nvml(dlls: Path, tmp_path: Path) -> dict[str, str]:
    """Put NVML where it was before DCH drivers, and return the variable that names the folder.

    What asks NVML does not look on ``PATH``.
    """
    folder = tmp_path / "Program Files" / "NVIDIA Corporation" / "NVSMI"
    folder.mkdir(parents=True)
    shutil.copy(dlls / "nvml" / "nvml.dll", folder)
    return {"PROGRAMFILES": str(tmp_path / "Program Files")}
