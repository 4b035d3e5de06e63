"""Run every scenario with every frontend, and write benchmarks/frontends.md from what came out.

Usage: python tests/frontends/run.py [--only pip-24.0] [--scenario one_cache] [--jobs 2]

Needs what the tests need, and Python 3.9 to 3.13. The frontends are fetched as this machine
is configured, into a folder that SELECTOR_BACKEND_FRONTENDS names or else a temporary one, unless
SELECTOR_BACKEND_WHEELHOUSE names a wheelhouse in a folder that has them, as on Windows; what
they do is done with an index on loopback, and with homes and caches of their own. The exit status
is 1 if something came out that is neither right nor known.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from frontends.lab import WINDOWS, Lab, NotHereError, Program, Shelf, World, make_world  # noqa: E402
from frontends.page import MATRIX, PAGE, matrix, page  # noqa: E402
from frontends.scenarios import SCENARIOS, Scenario  # noqa: E402

#: pip as old systems have it, on the Python that they have it with; uv as far back as it is
#: supported; of the others the newest.
PROGRAMS = [
    Program("pip", "21.3.1", "3.9"),
    Program("pip", "22.0.2", "3.10"),
    Program("pip", "23.0.1", "3.11"),
    Program("pip", "23.2.1", "3.11"),
    Program("pip", "24.0", "3.12"),
    Program("pip", "25.0", "3.13"),
    Program("pip", "26.3", "3.13"),
    Program("uv", "0.8.24"),
    Program("uv", "0.9.30"),
    Program("uv", "0.10.12"),
    Program("uv", "0.11.7"),
    Program("uv", "0.13.9"),
    Program("pipx", "1.18.4"),
    Program("pip-tools", "7.6.2"),
    Program("build", "1.6.1"),
    Program("poetry", "2.5.1"),
    Program("pdm", "2.29.4"),
    Program("pipenv", "2026.10.3"),
    Program("hatch", "1.18.2"),
    Program("tox", "4.67.15"),
    Program("nox", "2026.10.20"),
    Program("pip", "26.3", windows=True),
    Program("uv", "0.13.9", windows=True),
    Program("poetry", "2.5.1", windows=True),
    Program("pdm", "2.29.4", windows=True),
]
#: Those that this system can run; Windows' are run below wine (`tests/windows`).
RUNNABLE = [program for program in PROGRAMS if program.windows == WINDOWS]
RESULTS = HERE / "results.json"
MISSING, FAILED = "-", "failed"

Results = dict[str, dict[str, str]]


def load(file: Path) -> Results:
    """Return the results that were written earlier, by scenario and frontend."""
    results: Results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return results


def write(file: Path, text: str) -> None:
    """Write a file with the line ends that it has in the repository, on every system."""
    file.write_bytes(text.encode())


def observe(scenario: Scenario, world: World, program: Program, folder: Path) -> str:
    """Run a scenario and return what was seen."""
    folder.mkdir(parents=True)
    lab = Lab(world, program, folder)
    try:
        return scenario.run(lab)
    except NotHereError:
        return MISSING
    except Exception:  # noqa: BLE001 - one that breaks must not take the others down
        print(*lab.log[-1:], traceback.format_exc(), sep="\n", file=sys.stderr)
        return FAILED


def judge(scenario: Scenario, program: Program, seen: str) -> bool:
    """Return whether what was seen is right, or known."""
    if seen in (scenario.expect, MISSING):
        return True
    return program.kind in scenario.short and seen != FAILED


def run_all(world: World, folder: Path, jobs: list[tuple[Scenario, Program]], workers: int) -> int:
    """Run ``jobs``, add what was seen to the results, and return how many are not in order."""
    new: Results = {}

    def one(job: tuple[Scenario, Program]) -> bool:
        scenario, program = job
        name = f"{program.kind}-{program.version}-{scenario.name}"
        seen = observe(scenario, world, program, folder / name)
        new.setdefault(scenario.name, {})[program.title] = seen
        good = judge(scenario, program, seen)
        mark = "ok" if seen == scenario.expect else "--" if good else "BAD"
        print(f"{mark:4}{program.title:25}{scenario.name:30}{seen}", flush=True)
        return good

    with ThreadPoolExecutor(workers) as pool:
        wrong = sum(not good for good in pool.map(one, jobs))
    old, known = load(RESULTS), {program.title for program in PROGRAMS}
    results = {name: {**old.get(name, {}), **new.get(name, {})} for name in {*old, *new}}
    kept = {
        scenario.name: {
            title: seen for title, seen in sorted(results[scenario.name].items()) if title in known
        }
        for scenario in SCENARIOS
        if scenario.name in results
    }
    write(RESULTS, json.dumps(kept, indent=1) + "\n")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", metavar="FRONTEND", help="pip, or pip-24.0")
    parser.add_argument("--scenario", action="append", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument(
        "--page", action="store_true", help="only write the pages, from the results"
    )
    given = parser.parse_args()
    wrong = 0
    if not given.page:
        chosen = [
            program
            for program in RUNNABLE
            if not given.only
            or {program.kind, f"{program.kind}-{program.version}"} & set(given.only)
        ]
        jobs = [
            (scenario, program)
            for program in chosen
            for scenario in SCENARIOS
            if program.kind in scenario.kinds
            and (not given.scenario or scenario.name in given.scenario)
        ]
        with tempfile.TemporaryDirectory(prefix="frontends-") as folder:
            if ready := os.environ.get("SELECTOR_BACKEND_WHEELHOUSE"):
                shelf = Shelf(Path(ready).parent)
            else:
                kept = os.environ.get("SELECTOR_BACKEND_FRONTENDS")
                shelf = Shelf(Path(kept or f"{folder}/shelf"))
                shelf.fetch(chosen)
            with make_world(shelf, Path(folder, "world")) as world:
                wrong = run_all(world, Path(folder), jobs, given.jobs)
            if wrong:
                print(f"{wrong} came out otherwise than expected", file=sys.stderr)
    write(MATRIX, matrix(load(RESULTS), PROGRAMS))
    write(PAGE, page(PAGE.read_text(encoding="utf-8")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
