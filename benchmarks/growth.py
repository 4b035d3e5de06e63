"""How costs grow: with the packages of one install, the rows of a table, and the environment.

Usage: python benchmarks/growth.py [PACKAGES [ROWS [DISTRIBUTIONS]]]

Each part is measured at full size and at a quarter of it; time that is linear has a ratio of about
4, or less where starting is most of it. PACKAGES (40 if not given) are self-contained selector
packages in one install by pip and by uv, with a driver; how often it was asked is printed, too.
ROWS (10,000) are the variants of a table: its check, its sdist, and an install from that.
DISTRIBUTIONS (5,000) are in the environment that pip installs into. Figures are CPU seconds of
whole commands. ``benchmarks/matrix.py`` has the fleet, and ``tests/unit/test_growth.py`` holds what
is linear by counting calls.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import Installer, cpu_seconds, fetch
from support.driver import compile_driver
from support.environment import clean_environ, create_environment
from support.processes import logged
from support.project import CUDA, build_sdist, write_carrying, write_project, write_wheel

COMMAND = str(Path(sys.executable).with_name("selector-backend"))
ROW = '\n[[tool.selector.variant]]\nname = "v{0}"\nwhen = {{ cuda = ">={0}", glibc = ">=2.{0}" }}\n'
LAST = '\n[[tool.selector.variant]]\nname = "cpu"\n'


def main() -> None:
    """Measure each part, and print it."""
    sizes = [int(text) for text in sys.argv[1:]]
    packages, rows, distributions = [*sizes, *(40, 10_000, 5_000)[len(sizes) :]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch(folder / "dist")
        for number in range(packages):
            write_package(folder, f"spam{number}")
        for frontend in ("pip", "uv"):
            report(
                f"{frontend} install of {packages:,} packages",
                *(install_many(folder, frontend, count) for count in (packages, packages // 4)),
            )
        for title, few, many in zip(
            ("check", "build an sdist", "install from it by uv"),
            of_table(folder, rows // 4),
            of_table(folder, rows),
        ):
            report(f"a table of {rows:,} rows: {title}", many, few)
        counts = (distributions, distributions // 4)
        report(
            f"pip install into an environment of {distributions:,} distributions",
            *(install_into(folder, count) for count in counts),
        )


def report(what: str, many: float, few: float) -> None:
    """Print what the full size took, and as a multiple of a quarter of it."""
    print(f"{many:7.2f} s {many / few:6.2f}  {what}", flush=True)


def write_package(folder: Path, name: str) -> None:
    """Write a self-contained selector package, and its variants' wheels."""
    table = CUDA.replace("[tool.selector]", "[tool.selector]\nself-contained = true")
    more = 'requires-python = ">=3.9"\n'
    build_sdist(write_project(folder / name, table, name=name, more=more), folder / "dist")
    for variant in ("cu12", "cu11", "cpu"):
        write_wheel(folder / "dist", f"{name}-{variant}")


def install_many(folder: Path, frontend: str, count: int) -> float:
    """Install packages together; print how often the driver was asked. Returns CPU seconds."""
    driver = compile_driver(folder / "driver", "nvml", "cuda")
    log = folder / f"asked-{frontend}-{count}"
    names = [f"spam{number}" for number in range(count)]
    options = ("--no-index", "--find-links", str(folder / "dist"))
    home = folder / f"home-{frontend}-{count}"
    variables = driver.environ("12.4", log=log)
    cost = Installer(folder, *options).install(frontend, names, home, variables)
    asked = len({*logged(log)})
    print(f"{asked:7}           times a driver is asked by {frontend}, {count} packages")
    return cost.cpu


def of_table(folder: Path, rows: int) -> list[float]:
    """Return the CPU seconds of a check, of building an sdist, and of an install from it."""
    place = folder / f"table-{rows}"
    table = "".join(ROW.format(number) for number in range(rows)) + LAST
    project = write_carrying(place / "source", f"\n[tool.selector]\n{table}")
    write_wheel(place / "dist", "spam-cpu")
    start = cpu_seconds()
    subprocess.run([COMMAND, "check", str(project)], check=False, stdout=subprocess.DEVNULL)
    checked = cpu_seconds() - start
    start = time.process_time()
    build_sdist(project, place / "dist")
    built = time.process_time() - start
    options = ("--no-index", "--find-links", str(place / "dist"))
    cost = Installer(folder, *options).install(
        "uv", ["spam"], place / "home", {"SELECTOR_CUDA": ""}
    )
    return [checked, built, cost.cpu]


def install_into(folder: Path, distributions: int) -> float:
    """Return the CPU seconds of an install into an environment that holds so many."""
    place = folder / f"environment-{distributions}"
    environment = create_environment(place / "venv", clean_environ(place), pip=None)
    for number in range(distributions):
        info = environment.site_packages / f"package_{number}-1.0.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.0\n"
        (info / "METADATA").write_text(text, encoding="utf-8")
    pip = [str(environment.python), str(folder / "pip" / "pip"), "install", "--no-deps"]
    options = ["--no-index", "--find-links", str(folder / "dist"), "spam0"]
    before = cpu_seconds()
    subprocess.run([*pip, *options], env=environment.environ, check=True, capture_output=True)
    return cpu_seconds() - before


if __name__ == "__main__":
    main()
