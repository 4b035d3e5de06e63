"""What `selector_runtime.load` costs, against importing the same module by its name.

Usage: python benchmarks/runtime.py [ROUNDS]

Each measurement is a fresh interpreter's, of the import alone, and `selector_runtime` itself is
part of what `load` costs. The two take turns, ROUNDS times (30 if not given); figures are ratios
of medians.
The variants are a package of twenty modules with a hundred functions each, which is little for a
real one, and, as the worst case, an empty module. Run it where the tests' requirements are
installed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.hooks import Backend  # noqa: E402
from support.project import write_project  # noqa: E402

PLAIN = "import {0} as module"
LOAD = "from selector_runtime import load; module = load('spam', {{'a': '{0}', 'b': 'b'}}{1})"
TIMED = "import os, time; start = time.perf_counter(); {0}; print(time.perf_counter() - start)"
TABLE = """
[[tool.selector.variant]]
name = "a"
when = {{ {0} }}

[[tool.selector.variant]]
name = "b"
"""
SITES = {
    "nothing but the variant installed": ("", 0),
    "a thousand other distributions": ("", 1000),
    "spam's record, with a condition on the driver": ("cuda = '>=12'", 0),
    "spam's record, with a condition on glibc": ("glibc = '>=2.1'", 0),
    "spam's record, with a condition on the CPU": ("cpu = true", 0),
}


def write_site(folder: Path, condition: str, others: int) -> None:
    """Write the variants, spam's record if it has a condition, and other distributions."""
    functions = "".join(f"def f{n}(a, b={n}):\n    return a + b\n" for n in range(100))
    (folder / "real").mkdir(parents=True)
    for number in range(20):
        (folder / f"real/m{number}.py").write_text(functions, encoding="utf-8")
    imports = "".join(f"from . import m{number}\n" for number in range(20))
    (folder / "real/__init__.py").write_text(imports, encoding="utf-8")
    (folder / "empty.py").touch()
    for number in range(others):
        (folder / f"other_{number}-1.0.dist-info").mkdir()
    if condition:
        source = write_project(folder.with_name(f"{folder.name}-source"), TABLE.format(condition))
        Backend(source, {"SPAM_VARIANT": "a"}).metadata(folder)


def seconds(code: str, site: Path) -> float:
    """Return how long ``code`` takes in a fresh interpreter."""
    paths = [str(site), str(ROOT / "runtime")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-S", "-c", TIMED.format(code)]
    return float(subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Measure, and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as name:
        sites = {what: Path(name, str(number)) for number, what in enumerate(SITES)}
        for what, site in sites.items():
            write_site(site, *SITES[what])
        for module, title in (("real", "twenty modules"), ("empty", "an empty module")):
            plain = PLAIN.format(module)
            cases = [(what, site, LOAD.format(module, "")) for what, site in sites.items()]
            (first, *_) = sites.values()
            cases.append(("isolate=True", first, LOAD.format(module, ", isolate=True")))
            report(title, plain, cases, rounds)


def report(title: str, plain: str, cases: list[tuple[str, Path, str]], rounds: int) -> None:
    """Print each case as a multiple of a plain import from the same site."""
    print(f"{title}, as a multiple of a plain import:")
    for what, site, code in cases:
        pairs = [(seconds(plain, site), seconds(code, site)) for _ in range(rounds + 1)][1:]
        plains, loads = zip(*pairs)
        print(f"  {statistics.median(loads) / statistics.median(plains):6.2f}  {what}", flush=True)


if __name__ == "__main__":
    main()
