"""What a full environment costs: choosing among a thousand installed distributions.

Usage: python benchmarks/environment.py [ROUNDS]

Reads an environment as the hooks do, one with a thousand distributions and one with ten, and, as a
yardstick of the same run, does what any tool does that lists what is installed: asks each of the
thousand for its name. Figures are medians of ROUNDS (20 if not given), as ratios; the seconds of
the difference are printed too, for the one promise that is in seconds.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

from selector_backend.authoring.selector import parse_selector
from selector_backend.installing.environment import read_environment

TABLE = {"variant": [{"name": name, "conform": {"cuda": name}} for name in ("cu12", "cu11")]}
METADATA = "Metadata-Version: 2.1\nName: package-{0}\nVersion: 1.0\n\n" + "A description.\n" * 100


def fill(folder: Path, count: int) -> str:
    """Make ``count`` distributions in ``folder`` and return it as a path to search."""
    for number in range(count):
        info = folder / f"package_{number}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA.format(number), encoding="utf-8")
        (info / "RECORD").touch()
    return str(folder)


def median(function: Callable[[], object], rounds: int) -> float:
    """Return the median of the seconds that ``function`` takes."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Measure, and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    selector, _ = parse_selector(TABLE, project="spam", version="1.0")
    with tempfile.TemporaryDirectory() as name:
        thousand, ten = fill(Path(name, "1000"), 1000), fill(Path(name, "10"), 10)

        def names() -> list[str]:
            found = importlib.metadata.distributions(path=[thousand])
            return [distribution.metadata["Name"] for distribution in found]

        of_ten = median(lambda: read_environment(selector, [ten]), rounds)
        of_thousand = median(lambda: read_environment(selector, [thousand]), rounds)
        of_names = median(names, rounds)
    print(f"{of_thousand / of_names:6.2f}  a thousand distributions, against listing their names")
    print(f"{of_thousand / of_ten:6.2f}  a thousand distributions, against ten")
    print(f"{of_thousand - of_ten:6.3f}  seconds more for a thousand than for ten, in one hook")


if __name__ == "__main__":
    main()
