"""The fast part of the matrix, and nightly the whole, which `run.py` writes down."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import NEWEST_PIP
from filelock import FileLock
from frontends.lab import Lab, Program, Shelf, World, make_world
from frontends.page import MATRIX, PAGE, matrix, page
from frontends.run import PROGRAMS, RESULTS, RUNNABLE, judge, load, observe
from frontends.scenarios import SCENARIOS, WITH_WHEELS, Scenario
from support.environment import find_uv

UV = Program("uv", "newest")
FAST = [Program("pip", NEWEST_PIP), UV]
CASES = [
    pytest.param(scenario, program, id=f"{scenario.name}-{program.title}")
    for scenario in SCENARIOS
    for program in FAST
    if program.kind in scenario.fast
]


@pytest.fixture(scope="module")
def world(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    shelf = Shelf(wheelhouse.parent)
    for name in ("uv", "uvx"):
        script = Path(shelf.script(UV, name))
        script.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            script.symlink_to(Path(find_uv()).with_name(name))
    with make_world(shelf, tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.mark.parametrize(("scenario", "program"), CASES)
def test_the_choice_stays_right_under_caches(
    world: World, tmp_path: Path, scenario: Scenario, program: Program
) -> None:
    assert scenario.run(Lab(world, program, tmp_path)) == scenario.expect


@pytest.fixture(scope="module")
def every_frontend(
    shared_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    kept = os.environ.get("SELECTOR_BACKEND_FRONTENDS")
    shelf = Shelf(Path(kept) if kept else shared_folder / "frontends")
    fetched = shared_folder / "frontends-fetched"
    with FileLock(f"{fetched}.lock"):
        if not fetched.exists():
            shelf.fetch(RUNNABLE)
            fetched.touch()
    with make_world(shelf, tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.mark.nightly
@pytest.mark.parametrize("program", RUNNABLE, ids=lambda program: program.title)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_frontend_is_right_or_known(
    every_frontend: World, tmp_path: Path, scenario: Scenario, program: Program
) -> None:
    if program.kind in scenario.kinds:
        seen = observe(scenario, every_frontend, program, tmp_path / "lab")
        assert judge(scenario, program, seen), f"{seen}, expected {scenario.expect}"


def test_the_pages_say_what_the_results_say() -> None:
    assert MATRIX.read_text(encoding="utf-8") == matrix(load(RESULTS), PROGRAMS)
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_what_fails_is_on_the_page_with_what_to_do(scenario: Scenario) -> None:
    """The preview of variant wheels has a page of its own."""
    seen = load(RESULTS).get(scenario.name, {})
    kinds = {name.split()[0] for name, text in seen.items() if text not in (scenario.expect, "-")}
    assert kinds == {*scenario.short}
    assert len(scenario.advice) == (3 if kinds and scenario.group != WITH_WHEELS else 0)
