"""What choosing costs beside others: packages of the index, ready wheels and variant wheels.

Usage: python benchmarks/peers.py [MINUTES [PAGE]]

Installs each package in turn, by pip and by uv, from an index on loopback that answers as the
public one does (JSON of PEP 691, hashes, metadata files, caching headers), into new environments.
As many rounds are made as begin within MINUTES (6 if not given), one at least. Each figure is the
median of the rounds, with the lowest and the highest. With PAGE, the tables are written there, as
the page ``benchmarks/peers.md``. Run it where the tests' requirements are installed. It
fetches cudaq, cuquantum and install-proper-polars, and what builds them, from the registry that pip
is set up for.
"""

from __future__ import annotations

import functools
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from harness import PIP, Cost, Installer, fetch, write_ordinary_sdist
from support.driver import compile_driver
from support.index import Index
from support.project import (
    CUDA,
    build_sdist,
    write_carrying,
    write_project,
    write_spam,
    write_wheel,
)
from support.toolkit import compile_library, hide_toolkits

DELAY = 0.05
#: Sdists as they are on the index, and what stands in for the distributions that they require.
SDISTS = {
    "cudaq==0.16.0.post1": (
        *("cuda-quantum-cu12==0.16.0.post1", "cuda-quantum-cu13==0.16.0.post1"),
        "cudaq-logical==0.1.1.post1",
    ),
    "cuquantum==26.9.0": ("cuquantum-cu12==26.9.0", "cuquantum-cu13==26.9.0"),
    "install-proper-polars==0.1": ("polars==1.0", "polars-lts-cpu==1.0"),
}
BUILD_WITH = ("hatchling>=1.25", "setuptools", "wheel", "py-cpuinfo", "nvidia-ml-py", "archspec")
PROVIDER = "nvidia-variant-provider"
VARIANT_WHEELS = "variant wheels"


class Package(NamedTuple):
    """A package that is compared, and the options with which it is installed."""

    project: str
    uv_only: tuple[str, ...] = ()


PACKAGES = {
    "a ready wheel": Package("ready"),
    "an ordinary sdist": Package("ordinary"),
    "cudaq": Package("cudaq"),
    "cuquantum": Package("cuquantum"),
    "install-proper-polars": Package("install-proper-polars"),
    "a selector package": Package("spam==1.0"),
    "self-contained": Package("spam==2.0"),
    VARIANT_WHEELS: Package("spam==3.0", ("--preview-features", "wheel-variants")),
}
#: What is compared, by its title: whether there is a driver, whether the cache has been used for
#: the same install before, and the delay of an answer.
SCENES = {
    "Without a driver, with an empty cache": (False, False, 0.0),
    "Without a driver, with the cache of the same install": (False, True, 0.0),
    "With a driver, with an empty cache": (True, False, 0.0),
    "Without a driver, with an empty cache, 50 ms a request": (False, False, DELAY),
}
#: cuquantum asks the toolkit and nothing else, and fails where there is none.
NEEDS_TOOLKIT = "cuquantum"

PAGE = """\
# Beside other packages

<!-- Written by `python benchmarks/peers.py 6 benchmarks/peers.md`. Not to be edited. -->

What it costs to install a selector package, beside packages that choose by their own code,
packages that choose nothing, and variant wheels. `python benchmarks/peers.py` measures it again,
in less than ten minutes. Seconds differ from machine to machine; compare the ratios.

- **CPU** is the processor time, in seconds, of the whole command with all that it starts. It says
  how much work there is, and changes little on a busy machine.
- **Clock** is the time that a person waits, in seconds, also for the index.
- Each figure is a median; the lowest and the highest are in brackets. **Ratio** is the CPU median
  as a multiple of the ready wheel's in the same table.
- An empty cell is something that is not possible: pip reads no variant wheels, and cuquantum stops
  if it finds no CUDA toolkit.

What is installed:

- *a ready wheel* and *an ordinary sdist*, which flit_core builds, have their dependency written
  down.
- *cudaq*, *cuquantum* and *install-proper-polars* are the sdists of the public index, unchanged.
  The distributions that they then require are large, so small wheels of the same names stand in
  for them.
- *a selector package* and *a self-contained one* have a table with three variants.
- *variant wheels* are what `selector-backend variant-wheels` makes of the same table, read by uv's
  preview. It runs no provider's code for them, and does not see the driver that stands in: it
  takes the one without properties in every table.
- A driver, and for the packages that ask for it a toolkit, is a small library that stands in.
"""


def main() -> None:
    """Fetch, build, install in turn, and print the tables."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dist = folder / "dist"
        prepare(folder, dist)
        costs, rounds = measure(folder, dist, minutes * 60)
    text = "\n".join([about(rounds), *(table(title, costs) for title in SCENES)])
    print(text)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(f"{PAGE}\n{text}", encoding="utf-8")


def prepare(folder: Path, dist: Path) -> None:
    """Put all that is installed, and all that this takes, into ``dist``."""
    fetch(dist)
    pip = [sys.executable, "-m", "pip", "-q", "download", "-d", str(dist)]
    subprocess.run([*pip, "--only-binary=:all:", *BUILD_WITH, PROVIDER], check=True)
    for sdist, stand_ins in SDISTS.items():
        name = sdist.partition("==")[0]
        # Without its dependencies, but pip asks the sdist for its name; cuquantum needs a toolkit.
        toolkit = compile_library(folder / "fetching" / "libcudart.so.12", 12040).parent
        environ = {**os.environ, "LD_LIBRARY_PATH": str(toolkit)}
        only = [f"--no-binary={name}", "--no-deps", sdist]
        subprocess.run([*pip, *only], check=True, env=environ)
        for stand_in in stand_ins:
            write_wheel(dist, *stand_in.split("=="))
    for version in ("1.0", "2.0", "3.0"):
        write_spam(dist, version)
    build_sdist(write_project(folder / "spam"), dist)
    build_sdist(write_carrying(folder / "carrying", version="2.0"), dist)
    variants = write_project(folder / "variants", CUDA, version="3.0")
    command = [str(Path(sys.executable).with_name("selector-backend")), "variant-wheels"]
    subprocess.run(
        [*command, str(variants), "--outdir", str(dist)], check=True, stdout=subprocess.DEVNULL
    )
    write_ordinary_sdist(dist)
    write_wheel(dist, "ready", requires=("spam-cpu==1.0",))


Costs = dict[tuple[str, str, str], list[Cost]]


def measure(folder: Path, dist: Path, seconds: float) -> tuple[Costs, int]:
    """Return what each install took, by scene, frontend and package, and the number of rounds."""
    driver = compile_driver(folder / "driver", "nvml", "cuda")
    compile_library(folder / "driver" / "libcudart.so.12", 12040)
    without = {"LD_LIBRARY_PATH": hide_toolkits(folder / "hidden")}
    costs: Costs = {}
    installer = Installer(folder)
    rounds, end = 0, time.monotonic() + seconds
    with Index(dist) as near, Index(dist, delay=DELAY) as far:
        while not rounds or time.monotonic() < end:
            rounds += 1
            for scene, (with_driver, warm, delay) in SCENES.items():
                url = (far if delay else near).url
                variables = {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url}
                variables |= driver.environ("12.4") if with_driver else without
                for name, frontend in itertools.product(PACKAGES, ("pip", "uv")):
                    if not fits(name, frontend, with_driver=with_driver):
                        continue
                    project, options = PACKAGES[name]
                    cache = scene if warm else f"{scene} {rounds}"
                    home = folder / "homes" / frontend / name / cache
                    install = functools.partial(
                        installer.install, frontend, [project], home, variables, *options
                    )
                    if warm and not home.exists():
                        install()
                    costs.setdefault((scene, frontend, name), []).append(install())
    return costs, rounds


def fits(name: str, frontend: str, *, with_driver: bool) -> bool:
    """Return whether a package can be installed at all."""
    if name == NEEDS_TOOLKIT:
        return with_driver
    return frontend == "uv" or not PACKAGES[name].uv_only


def about(rounds: int) -> str:
    """Return what was run, and on what: a machine is named by its processors only."""
    from importlib.metadata import version

    done = "one round" if rounds == 1 else f"{rounds} rounds"
    python = platform.python_version()
    return (
        f"One run of {done}, with pip {PIP}, uv {version('uv')} and Python {python}, "
        f"on {os.cpu_count()} processors ({processor()}).\n"
    )


def processor() -> str:
    """Return the processor's model, or else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def table(title: str, costs: Costs) -> str:
    """Return the table of a scene."""
    lines = [
        f"## {title}\n",
        "| | pip, CPU | ratio | pip, clock | uv, CPU | ratio | uv, clock |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in PACKAGES:
        cells = [name]
        for frontend in ("pip", "uv"):
            here, first = (costs.get((title, frontend, one), []) for one in (name, "a ready wheel"))
            if not here:
                cells += ["", "", ""]
                continue
            cpu = [cost.cpu for cost in here]
            ratio = statistics.median(cpu) / statistics.median(cost.cpu for cost in first)
            cells += [spread(cpu), f"{ratio:.2f}", spread([cost.wall for cost in here])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def spread(seconds: list[float]) -> str:
    """Return the median, and the lowest and the highest."""
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    main()
