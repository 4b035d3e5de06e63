"""What the benchmarks of installs share: packages, an installer that is timed, what it took."""

from __future__ import annotations

import compileall
import io
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.environment import clean_environ, create_environment, find_uv  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PIP = "26.3"
ORDINARY = """\
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "ordinary"
version = "1.0"
description = "Requires what spam on a machine without a GPU requires"
dependencies = ["spam-cpu==1.0"]
"""


def fetch(dist: Path) -> None:
    """Put the backend's wheel, what it depends on, flit and pip into ``dist``."""
    pip = [sys.executable, "-m", "pip", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(dist), str(ROOT)], check=True)
    (backend,) = dist.glob("selector_backend-*.whl")
    wanted = [str(backend), "flit_core<5", f"pip=={PIP}"]
    subprocess.run([*pip, "download", "--only-binary=:all:", "-d", str(dist), *wanted], check=True)


def write_ordinary_sdist(dist: Path) -> None:
    """Write an sdist of one empty module with the dependency written down."""
    files = {
        "pyproject.toml": ORDINARY,
        "ordinary.py": "",
        "PKG-INFO": "Metadata-Version: 2.1\nName: ordinary\nVersion: 1.0\n",
    }
    with tarfile.open(dist / "ordinary-1.0.tar.gz", "w:gz") as sdist:
        for path, text in files.items():
            info = tarfile.TarInfo(f"ordinary-1.0/{path}")
            info.size, info.mtime = len(text), 1_600_000_000
            sdist.addfile(info, io.BytesIO(text.encode()))


class Cost(NamedTuple):
    """What a command took: CPU seconds of it and its children, and seconds by the clock."""

    cpu: float
    wall: float


class Installer:
    """Installs into new environments that have no pip, each time with the cache of a home."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        if not (folder / "pip").exists():
            with zipfile.ZipFile(folder / "dist" / f"pip-{PIP}-py3-none-any.whl") as wheel:
                wheel.extractall(folder / "pip")
            compileall.compile_dir(folder / "pip", quiet=1)  # or the first install pays for it

    def install(
        self,
        frontend: str,
        projects: Sequence[str],
        home: Path,
        variables: Mapping[str, str],
        *more: str,
    ) -> Cost:
        """Install ``projects`` by pip or uv, and return what it took."""
        place = Path(tempfile.mkdtemp(prefix="environment-", dir=self.folder))
        environment = create_environment(place, clean_environ(home), pip=None)
        python = str(environment.python)
        command = [python, str(self.folder / "pip" / "pip"), "install"]
        if frontend == "uv":
            command = [find_uv(), "pip", "install", "--python", python]
        environ = {**environment.environ, **variables}
        before, start = cpu_seconds(), time.perf_counter()
        done = subprocess.run(
            [*command, *self.options, *more, *projects],
            env=environ,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        cost = Cost(cpu_seconds() - before, time.perf_counter() - start)
        if done.returncode:
            raise SystemExit(f"{frontend} install {' '.join(projects)}:\n{done.stdout}")
        return cost


def cpu_seconds() -> float:
    """Return the CPU seconds of all children so far, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
