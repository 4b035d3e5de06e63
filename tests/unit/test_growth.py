"""Ten times the rows take ten times the work, counted in calls: time is never asserted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support.project import write_project

from selector_backend.authoring import conditions
from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import read_project
from selector_backend.authoring.sdist import sdist_files
from selector_backend.checking.review import review
from selector_backend.errors import SelectorError
from selector_backend.installing.environment import read_environment
from selector_backend.installing.files import write_folder
from selector_backend.installing.wheel import dist_info
from selector_backend.model.decision import Request, decide
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.standing import variants_here
from selector_backend.model.table import read_compiled

pytestmark = pytest.mark.nightly

FEW, MANY = 30, 300


def counted(function: Callable[[], object]) -> int:
    """Return how many functions are called, those of C included."""
    calls = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def grows_linearly(work: Callable[[int], Callable[[], object]]) -> None:
    for rows in (FEW, MANY):
        work(rows)()  # what is imported, or looked up once for a value, is no growth
    few, many = counted(work(FEW)), counted(work(MANY))
    assert few < many < few * (MANY / FEW) * 1.3


WHEN = {
    "versions": 'cuda = ">={0}"',
    "one version": 'cuda = ">=12"',
    "devices": 'compute-capability = ">={0}.0"',
    "names": 'gfx = "gfx{0}"',
    "markers": "marker = \"python_version >= '3.{0}'\"",
    "specifiers of one distribution": 'installed = "torch>={0}"',
    "labels of one distribution": 'installed = "torch==2.9.{0}+cu128"',
    "distributions": 'installed = "torch{0}>=2"',
    "several facts": 'cuda = ">={0}", glibc = ">=2.{0}", cpu = "x86_64_v3"',
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, int], Path]:
    def project(when: str, rows: int) -> Path:
        each = '\n[[tool.selector.variant]]\nname = "v{0}"\nwhen = {{ ' + when + " }}\n"
        table = "".join(
            each.format(number) for number in range(100, 100 + rows)
        )  # none that a machine has
        return write_project(
            tmp_path / f"{rows}", f'{table}\n[[tool.selector.variant]]\nname = "cpu"\n'
        )

    return project


@pytest.mark.parametrize("when", WHEN.values(), ids=WHEN)
def test_checking_and_compiling_a_table(
    write: Callable[[str, int], Path], when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Up to a limit, all machines are tried that a table can tell apart. It is constant: a million
    # trials, which take seconds.
    monkeypatch.setattr(conditions, "MOST_TRIALS", 1000)

    def work(rows: int) -> Callable[[], object]:
        folder = write(when, rows)

        def check() -> None:
            project = read_project(folder)
            review(project, "0.2.0")
            compile_project(project)

        return check

    grows_linearly(work)


def test_the_trials_of_all_distributions_together_are_limited(
    write: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty distributions with a few specifiers each are no reason to try for minutes."""
    monkeypatch.setattr(conditions, "MOST_TRIALS", 1000)
    project = read_project(write('installed = ["torch>={0}", "jax>={0}", "cupy>={0}"]', 8))
    few = counted(lambda: review(project, "0.2.0"))
    monkeypatch.setattr(conditions, "MOST_TRIALS", 3000)
    assert counted(lambda: review(project, "0.2.0")) > 2 * few


@pytest.mark.parametrize("when", WHEN.values(), ids=WHEN)
def test_installing_from_a_table(
    write: Callable[[str, int], Path], when: str, tmp_path: Path
) -> None:
    facts = {
        "cuda": Fact("cuda", "NVML", "0.1"),
        "installed": Fact("installed", "the environment", frozenset({"torch==0.1"})),
    }

    def work(rows: int) -> Callable[[], object]:
        unpacked = tmp_path / f"unpacked-{rows}"
        write_folder(unpacked, sdist_files(read_project(write(when, rows)), "0.2.0"))

        def install() -> None:
            compiled = read_compiled(unpacked)
            environment = read_environment(compiled.selector, [str(tmp_path)])
            decision = decide(compiled.selector, Machine(facts), Request(), environment)
            dist_info(unpacked, compiled, decision, "1.0", "0.2.0")

        return install

    grows_linearly(work)


def test_the_errors_of_a_table(write: Callable[[str, int], Path]) -> None:
    def work(rows: int) -> Callable[[], object]:
        folder = write('cuda{0} = ">=12", cuda = ">=twelve"', rows)

        def check() -> None:
            with pytest.raises(SelectorError):
                read_project(folder)

        return check

    grows_linearly(work)


def test_an_environment(write: Callable[[str, int], Path], tmp_path: Path) -> None:
    folder = write(WHEN["versions"], 3)
    selector = read_project(folder).selector

    def work(distributions: int) -> Callable[[], object]:
        site = tmp_path / f"site-{distributions}"
        for number in range(distributions):
            (site / f"package_{number}-1.0.dist-info").mkdir(parents=True, exist_ok=True)
        return lambda: read_environment(selector, [str(site)])

    grows_linearly(work)


def test_variants_of_one_distribution(tmp_path: Path) -> None:
    def work(rows: int) -> Callable[[], object]:
        each = '[[tool.selector.variant]]\nname = "v{0}"\nrequires = ["torch==2.9+v{0}"]\n'
        folder = write_project(tmp_path / f"{rows}", "".join(map(each.format, range(rows))))
        selector = read_project(folder).selector
        return lambda: variants_here(selector, {"torch": "2.9+v7"}, {})

    grows_linearly(work)
