"""What packages of one environment get if they are chosen again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.strategies import conforms

from selector_backend.authoring.selector import parse_selector
from selector_backend.cli.doctor import Outcome, choose
from selector_backend.cli.interpreter import Recorded
from selector_backend.installing.wheel import record_of
from selector_backend.model.decision import Decision, Environment, Request, decide
from selector_backend.model.machine import Fact, Machine, Origin
from selector_backend.model.record import Record
from selector_backend.model.values import replace

GPU = Machine({"cuda": Fact("cuda", "a test", value="12.4")})
CUDA = {"cu12": ">=12", "cu11": ">=11.2", "cpu": None}


def cuda_table(*names: str) -> dict[str, Any]:
    """Return a table of variants for CUDA, or for any machine."""
    variants = [
        {"name": name, "when": {"cuda": CUDA[name]}, "conform": {"cuda": name[2:]}}
        if CUDA[name]
        else {"name": name}
        for name in names
    ]
    return {"variant": variants}


def record(decision: Decision) -> Record:
    return record_of(decision, "0")


def install(project: str, table: dict[str, Any], *variants: str) -> Recorded:
    """Return a package as it is after an install that asked for ``variants``."""
    selector, problems = parse_selector(table, project=project, version="1.0")
    assert problems == []
    request = Request(variants, "-C variant")
    return Recorded(selector, record(decide(selector, Machine(), request, Environment())))


def chosen(packages: list[Recorded], machine: Machine) -> list[Outcome]:
    return choose(packages, machine, [package.record for package in packages])


def changes(*packages: Recorded) -> dict[str, list[str]]:
    choices = chosen([*packages], GPU)
    return {one.package.selector.project: one.decision.names for one in choices if one.changes}


def test_what_is_to_change_holds_nobody_back() -> None:
    table = cuda_table("cu12", "cu11", "cpu")
    held = [install(name, table, "cu11") for name in ("spam", "eggs")]
    assert changes(*held) == {}  # they agree, and each fits
    disagree = [install("spam", cuda_table("cu11", "cpu"), "cu11"), install("eggs", table, "cu12")]
    # Beside the other as it is, each would get cpu, or CUDA 11.
    assert changes(*disagree) == {"eggs": ["cu11"]}
    assert changes(*reversed(disagree)) == {"spam": ["cpu"]}


def test_what_can_stay_stays_when_another_has_to_change() -> None:
    agreeing, other = {"conform": {"cuda": "12"}}, {"conform": {"cuda": "11"}}
    spam = install("spam", {"variant": [{"name": "cu11", **other}, {"name": "cpu"}]}, "cpu")
    rows = [{"name": "old", "when": {"cuda": "<12"}, **agreeing}, {"name": "new", **agreeing}]
    eggs = install("eggs", {"variant": rows}, "old")
    # Without eggs as it is, spam would get cu11; then nothing of eggs would fit.
    assert changes(spam, eggs) == {"eggs": ["new"]}


def test_a_variant_that_the_table_does_not_have_is_chosen_anew() -> None:
    spam = install("spam", cuda_table("cu12", "cpu"), "cu12")
    gone = Recorded(spam.selector, replace(spam.record, variants=("rocm",)))
    assert changes(gone) == {"spam": ["cu12"]}


def test_what_is_stated_wins_over_what_providers_said_then() -> None:
    v3 = {"name": "v3", "when": {"property": "x :: level :: v3"}}
    table = {"provider": {"x": {"requires": ["x"]}}, "variant": [v3, {"name": "any"}]}
    selector, _ = parse_selector(table, project="spam", version="1.0")
    value = frozenset({"x :: level :: v3"})
    then = Machine({"property": Fact("property", "x", value=value)})
    spam = Recorded(selector, record(decide(selector, then, Request(), Environment())))
    for origin, names in ((Origin.READ, []), (Origin.STATED, ["any"]), (Origin.PROFILE, ["any"])):
        absent = Fact("property", "a test", reason="a test says so", origin=origin)
        now = Machine({"property": absent})
        choices = chosen([spam], now)
        assert [one.decision.names for one in choices if one.changes] == [names] * bool(names)


@st.composite
def installs(draw: st.DrawFn) -> list[Recorded]:
    """Up to four packages whose variants exclude each other, each with any of its own."""
    variants = st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "conform": conforms,
                "when": st.sampled_from([{"cuda": ">=12"}, {"cuda": "<12"}]),
            },
        ),
        min_size=1,
        max_size=4,
    )
    packages = []
    for project in ("spam", "eggs", "ham", "bacon")[: draw(st.integers(1, 4))]:
        table = [{"name": f"v{index}", **one} for index, one in enumerate(draw(variants))]
        index = draw(st.integers(0, len(table) - 1))
        packages.append(install(project, {"variant": table}, f"v{index}"))
    return packages


@given(installs(), st.sampled_from([GPU, Machine()]))
def test_what_installs_in_that_order_give_agrees(
    packages: list[Recorded], machine: Machine
) -> None:
    choices = chosen(packages, machine)
    now = {one.package.key: one.package for one in choices if not one.changes}
    for choice in choices:
        if choice.changes:
            around = [package.record for package in now.values()]
            (got,) = choose([choice.package], machine, [choice.package.record, *around])
            assert got.decision.names == choice.decision.names
            if got.decision.names:
                selector = choice.package.selector
                now[choice.package.key] = Recorded(selector, record(got.decision))
    assert is_well([*now.values()], machine)


def is_well(packages: list[Recorded], machine: Machine) -> bool:
    """Return whether each package fits the machine, and the others."""
    return all(
        verdict.fits
        for choice in chosen(packages, machine)
        for verdict in choice.alone.verdicts
        if verdict.variant in choice.package.record.variants
    )
