"""Run the tests in a virtual environment of their own.

Usage: python tests/run.py [PYTEST OPTIONS]

Needs Python 3.9 or newer, its pip, and a C compiler for the stand-in drivers. The environment is
made in a temporary folder and removed afterwards, unless SELECTOR_BACKEND_TEST_VENV names a folder:
an environment that is there is used as it is (remove it when pyproject.toml wants other packages),
and otherwise one is made there and kept.

What is marked nightly is left out; `python tests/run.py -m nightly` runs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Make the environment, run pytest, and return its exit status."""
    kept = os.environ.get("SELECTOR_BACKEND_TEST_VENV")
    if kept:
        return run_in(Path(kept).resolve())
    with tempfile.TemporaryDirectory(prefix="selector-backend-tests-") as folder:
        return run_in(Path(folder))


def run_in(folder: Path) -> int:
    """Run pytest in the environment in ``folder``, which is created if missing."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = [str(python), "-c", "import pytest"]
    if not python.exists() or subprocess.run(ready, check=False, capture_output=True).returncode:
        make_environment(folder, python)
    # More processes than processors, since many a test waits: for a time limit, or for an index.
    options = sys.argv[1:] or ["-n", str((os.cpu_count() or 2) + 2), "--dist", "worksteal"]
    return subprocess.run([str(python), "-m", "pytest", *options], check=False, cwd=ROOT).returncode


def make_environment(folder: Path, python: Path) -> None:
    """Make an environment that has what the tests need, and this checkout, editable."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)  # dependency groups need 25.1
    ours = ["--editable", f"{ROOT}[cli]", "--editable", str(ROOT / "runtime")]
    subprocess.run([*pip, *ours, "--group", "test"], check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
