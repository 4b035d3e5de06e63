"""What choosing costs: installing a selector package against a wheel and an ordinary sdist.

Usage: python benchmarks/install.py [ROUNDS]

All have the same dependency: the wheel and the ordinary sdist, which flit_core builds, have it
written down, and a selector package has a table; a self-contained one carries its backend, and one
has variant wheels beside its sdist, for uv with its preview of them. Each is installed in turn with
the real pip and the real uv, ROUNDS times (7 if not given), from a folder, without caches, into new
environments without pip. Figures are CPU seconds of the whole command and its children, medians,
and their ratios in one run; seconds alone mean nothing on a shared machine. Run it where the tests'
requirements are installed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from harness import Installer, fetch, write_ordinary_sdist
from support.driver import compile_driver
from support.project import build_sdist, write_carrying, write_project, write_spam, write_wheel
from support.variant_wheels import CUDA, PREVIEW, build_variant_wheels


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
        write_spam(dist, "3.0")
        with_wheels = write_project(folder / "with-wheels", version="3.0")
        build_sdist(with_wheels, dist)
        build_variant_wheels(with_wheels, dist)
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
        installer = Installer(folder, "--no-index", "--find-links", str(dist))
        report("pip", measure("pip", cases, rounds, installer))
        wheels = " ".join(("spam==3.0", *PREVIEW))
        cases |= {
            "variant wheels, no driver": (wheels, {}),
            "variant wheels, wheels only": (f"{wheels} --only-binary spam", {}),
            "the same, a driver stated": (f"{wheels} --only-binary spam", {CUDA: "12.4"}),
        }
        report("uv", measure("uv", cases, rounds, installer))


def measure(
    frontend: str, cases: dict[str, tuple[str, dict[str, str]]], rounds: int, installer: Installer
) -> dict[str, list[float]]:
    """Return the CPU seconds that each install of each case took; cases take turns."""
    seconds: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(rounds):
        for case, (project, variables) in cases.items():
            home = installer.folder / f"{frontend}-{number}-{case}"
            seconds[case].append(installer.install(frontend, project.split(), home, variables).cpu)
    return seconds


def report(frontend: str, seconds: dict[str, list[float]]) -> None:
    """Print each case's median, and as a multiple of the first's."""
    medians = {case: statistics.median(times) for case, times in seconds.items()}
    first = next(iter(medians.values()))
    print(f"{frontend} install, CPU seconds, and as a multiple of the first:")
    for case, median in medians.items():
        print(f"  {median:5.2f} {median / first:5.2f}  {case}")


if __name__ == "__main__":
    main()
