"""What choosing costs: installing a selector package against a wheel and an ordinary sdist.

Usage: python benchmarks/install.py [ROUNDS]

All have the same dependency: the wheel and the ordinary sdist, which flit_core builds, have it
written down, and a selector package has a table; a self-contained one carries its backend. Each is
installed in turn with the real pip and the real uv, ROUNDS times (7 if not given), from a folder,
without caches, into new environments without pip. Figures are CPU seconds of the whole command and
its children, medians, and their ratios in one run; seconds alone mean nothing on a shared machine.
Run it where the tests' requirements are installed.
"""

from __future__ import annotations

import io
import resource
import statistics
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

from support.driver import compile_driver  # noqa: E402
from support.environment import clean_environ, create_environment, find_uv  # noqa: E402
from support.project import (  # noqa: E402
    build_sdist,
    write_carrying,
    write_project,
    write_spam,
    write_wheel,
)

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


def main() -> None:
    """Fetch, build, install in turn, and print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dist = folder / "dist"
        fetch(dist)
        write_spam(dist)
        build_sdist(write_project(folder / "spam"), dist)
        write_spam(dist, "2.0")
        build_sdist(write_carrying(folder / "carrying", version="2.0"), dist)
        write_ordinary_sdist(dist)
        write_wheel(dist, "ready", requires=("spam-cpu==1.0",))
        driver = compile_driver(folder / "driver", "nvml", "cuda")
        hanging = driver.environ(nvml_fault="nvmlInitWithFlags:hang", cuda_fault="cuInit:hang")
        cases: dict[str, tuple[str, dict[str, str]]] = {
            "an ordinary sdist": ("ordinary", {}),
            "a ready wheel": ("ready", {}),
            "a selector package, no driver": ("spam==1.0", {}),
            "a selector package, forced": ("spam==1.0", {"SPAM_VARIANT": "cpu"}),
            "a selector package, a driver": ("spam==1.0", driver.environ("12.4")),
            "the same, hanging for 1 s": ("spam==1.0", {**hanging, "SELECTOR_PROBE_TIMEOUT": "1"}),
            "self-contained, no driver": ("spam==2.0", {}),
            "self-contained, forced": ("spam==2.0", {"SPAM_VARIANT": "cpu"}),
            "self-contained, a driver": ("spam==2.0", driver.environ("12.4")),
        }
        for frontend in ("pip", "uv"):
            report(frontend, measure(frontend, cases, rounds, folder))


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
        self._made = 0
        with zipfile.ZipFile(folder / "dist" / f"pip-{PIP}-py3-none-any.whl") as wheel:
            wheel.extractall(folder / "pip")

    def install(
        self,
        frontend: str,
        projects: Sequence[str],
        home: Path,
        variables: Mapping[str, str],
        *more: str,
    ) -> Cost:
        """Install ``projects`` by pip or uv, and return what it took."""
        self._made += 1
        place = self.folder / "environments" / str(self._made)
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


def measure(
    frontend: str, cases: dict[str, tuple[str, dict[str, str]]], rounds: int, folder: Path
) -> dict[str, list[float]]:
    """Return the CPU seconds that each install of each case took; cases take turns."""
    seconds: dict[str, list[float]] = {case: [] for case in cases}
    installer = Installer(folder, "--no-index", "--find-links", str(folder / "dist"))
    for number in range(rounds):
        for case, (project, variables) in cases.items():
            home = folder / f"{frontend}-{number}-{case}"
            seconds[case].append(installer.install(frontend, [project], home, variables).cpu)
    return seconds


def cpu_seconds() -> float:
    """Return the CPU seconds of all children so far, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(frontend: str, seconds: dict[str, list[float]]) -> None:
    """Print each case's median, and as a multiple of the first's."""
    medians = {case: statistics.median(times) for case, times in seconds.items()}
    first = next(iter(medians.values()))
    print(f"{frontend} install, CPU seconds, and as a multiple of the first:")
    for case, median in medians.items():
        print(f"  {median:5.2f} {median / first:5.2f}  {case}")


if __name__ == "__main__":
    main()
