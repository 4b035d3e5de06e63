"""What builds for CPU levels give: hnswlib as generic, x86-64-v3 and x86-64-v4, from one tree.

Usage: python benchmarks/cpu_levels.py [ROUNDS]

hnswlib's sdist is fetched and made a tree, as `docs/how-to/one-tree.md` describes. Its variants and
its selector package are built, and pip installs what this machine gets. Then each variant that runs
here indexes the same vectors, and is asked for the nearest ones of others. The variants take turns,
ROUNDS times (9 if not given), each time in a new process. Figures are CPU seconds on one
thread, medians with the least and the most, and how many times as fast as generic in that round;
seconds alone mean nothing on a shared machine. What the variants find has to be equal.

Run it where the tests' requirements are installed, with a C++ compiler. It takes a few minutes.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VERSION = "0.8.0"
VARIANTS = ("generic", "x86-64-v3", "x86-64-v4")
WHERE = "compiler_flag_native = '-march=native'"
FLAG = "compiler_flag_native = '-march=' + os.environ.get('HNSWLIB_BUILD_VARIANT', 'native')"
PROJECT = """
[project]
name = "hnswlib"
requires-python = ">=3.9"
dynamic = ["version", "description", "readme", "authors", "urls", "dependencies"]

[tool.setuptools]
packages = []
"""
ROOT = Path(__file__).resolve().parents[1]

# Vectors of whole numbers up to 255, as SIFT's are: sums of their squares are exact in any order.
WORK = """
import hashlib, json, sys, time
import hnswlib, numpy
random = numpy.random.default_rng(0)
centres = random.integers(0, 256, (200, 128))
def vectors(count):
    near = centres[random.integers(0, len(centres), count)] + random.normal(0, 40, (count, 128))
    return near.clip(0, 255).round().astype("float32")
data, asked = vectors(10_000), vectors(2_000)
index = hnswlib.Index("l2", 128)
index.init_index(len(data), M=16, ef_construction=200, random_seed=1)
index.set_ef(100)
start = time.process_time()
index.add_items(data, num_threads=1)
indexed = time.process_time()
labels, distances = index.knn_query(asked, k=10, num_threads=1)
asked_at = time.process_time()
found = hashlib.sha256(labels.tobytes() + distances.tobytes()).hexdigest()
print(json.dumps({"index": indexed - start, "query": asked_at - indexed, "found": found}))
"""


def main() -> None:
    """Build, install, measure in turn, and print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dist = folder / "dist"
        tree = make_tree(folder)
        for variant in VARIANTS:
            build(tree, dist, "--wheel", "-C", f"build-variant={variant}")
        build(tree, dist, "--sdist")
        for path in sorted(dist.iterdir()):
            print(f"{path.stat().st_size:>10,} bytes  {path.name}")
        # With the numpy that it requires, which the others use too.
        chosen = folder / "chosen"
        links = ["--find-links", str(dist), "--find-links", str(folder / "own")]
        pip("install", "--target", str(chosen), *links, str(dist / f"hnswlib-{VERSION}.tar.gz"))
        (record,) = chosen.glob("hnswlib-*.dist-info/selector.json")
        (best,) = json.loads(record.read_text(encoding="utf-8"))["variants"]
        print(f"pip install hnswlib: {best}")
        runs_here = VARIANTS[: VARIANTS.index(best) + 1]
        sites = {}
        for variant in runs_here:
            sites[variant] = folder / variant
            (wheel,) = dist.glob(f"hnswlib_{variant.replace('-', '_')}-*.whl")
            pip("install", "--no-deps", "--target", str(sites[variant]), str(wheel))
        report(measure(sites, chosen, rounds))
        if len(runs_here) < len(VARIANTS):
            print(f"this machine does not run {', '.join(VARIANTS[len(runs_here) :])}")


def pip(*arguments: str) -> None:
    """Run this environment's pip."""
    subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], check=True)


def make_tree(folder: Path) -> Path:
    """Fetch hnswlib's sdist, make a tree of it as a maintainer does, and print what changed."""
    pip("wheel", "--no-deps", "--wheel-dir", str(folder / "own"), str(ROOT))
    fetch = ("download", "--no-deps", "--no-binary", "hnswlib", "--dest", str(folder / "sdist"))
    pip(*fetch, f"hnswlib=={VERSION}")
    with tarfile.open(folder / "sdist" / f"hnswlib-{VERSION}.tar.gz") as archive:
        archive.extractall(folder)
    tree = folder / f"hnswlib-{VERSION}"
    files = [tree / "pyproject.toml", tree / "setup.py"]
    before = [file.read_text(encoding="utf-8") for file in files]
    setup = before[1].replace(WHERE, FLAG)
    if setup == before[1]:
        raise SystemExit(f"setup.py of hnswlib {VERSION} has no {WHERE}")
    files[0].write_text(before[0] + PROJECT, encoding="utf-8")
    files[1].write_text(setup, encoding="utf-8")
    command = [sys.executable, "-c", "from selector_backend.cli import main; main()"]
    best_first = [*reversed(VARIANTS[1:]), f"{VARIANTS[0]}:"]
    options = ["init", "--tree", str(tree), *best_first]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    for file, old in zip(files, before):
        new = file.read_text(encoding="utf-8")
        print(*difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""), sep="\n")
    return tree


def build(tree: Path, dist: Path, *options: str) -> None:
    """Run `python -m build` in isolation, with this checkout as selector-backend."""
    links = " ".join([os.environ.get("PIP_FIND_LINKS", ""), str(dist.with_name("own"))]).strip()
    command = [sys.executable, "-m", "build", "--outdir", str(dist), *options, str(tree)]
    made = subprocess.run(
        command,
        env={**os.environ, "PIP_FIND_LINKS": links},
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if made.returncode:
        raise SystemExit(made.stdout)
    shutil.rmtree(tree / "build", ignore_errors=True)


def measure(sites: dict[str, Path], shared: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each round of each variant took, and found; the variants take turns."""
    measured: dict[str, list[dict[str, Any]]] = {variant: [] for variant in sites}
    for _ in range(rounds):
        for variant, site in sites.items():
            path = os.pathsep.join([str(site), str(shared)])
            environ = {**os.environ, "PYTHONPATH": path}
            said = subprocess.run(
                [sys.executable, "-c", WORK],
                env=environ,
                check=True,
                capture_output=True,
                text=True,
            )
            measured[variant].append(json.loads(said.stdout))
    return measured


def report(measured: dict[str, list[dict[str, Any]]]) -> None:
    """Print each variant's figures. Stops if the variants found something else."""
    if len({one["found"] for runs in measured.values() for one in runs}) != 1:
        raise SystemExit("the variants found something else")
    first = measured[VARIANTS[0]]
    print(f"{len(first)} rounds; CPU seconds, and how many times as fast: median (least to most)")
    for what in ("index", "query"):
        for variant, runs in measured.items():
            seconds = [one[what] for one in runs]
            ratios = [base[what] / one[what] for base, one in zip(first, runs)]
            print(f"  {what}  {variant:<9}  {spread(seconds)}  {spread(ratios)}")
    print("what they found is equal")


def spread(values: list[float]) -> str:
    """Return a median, with the least and the most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
