"""These tests run on Windows: `tests/windows/test_windows.py` starts them below wine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

collect_ignore_glob = [] if sys.platform == "win32" else ["test_*.py"]


@pytest.fixture(scope="session")
def dlls() -> Path:
    """The folder of the stand-ins that `support.dlls` has compiled."""
    return Path(os.environ["SELECTOR_BACKEND_DLLS"])


@pytest.fixture
def nvml(dlls: Path) -> Iterator[None]:
    """Put NVML where it was before DCH drivers; what asks it does not look on ``PATH``."""
    folder = Path(os.environ["PROGRAMFILES"], "NVIDIA Corporation", "NVSMI")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(dlls / "nvml" / "nvml.dll", folder)
    yield
    (folder / "nvml.dll").unlink()
