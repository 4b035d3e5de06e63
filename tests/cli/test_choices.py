"""What packages of one environment get if they are chosen again together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.strategies import conforms

from selector_backend.authoring.table import parse_selector
from selector_backend.cli.doctor.choices import Place, choose, linked
from selector_backend.cli.source import Recorded
from selector_backend.installing.dist_info import record_of
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


def place(machine: Machine, packages: list[Recorded]) -> Place:
    return Place(machine, {one.key: one.record for one in packages})


def changes(*packages: Recorded) -> dict[str, list[str]]:
    choices = choose(packages, place(GPU, [*packages]))
    return {one.package.selector.project: one.decision.names for one in choices if one.changes}


def test_all_that_hold_one_another_change_together() -> None:
    table = cuda_table("cu12", "cu11", "cpu")
    held = [install(name, table, "cu11") for name in ("spam", "eggs", "ham")]
    assert changes(*held) == {"spam": ["cu12"], "eggs": ["cu12"], "ham": ["cu12"]}
    # A package that agrees with both changes nothing, and stays.
    assert changes(*held, install("bacon", cuda_table("cpu"), "cpu")).keys() == {
        *("spam", "eggs", "ham")
    }
    # One that has nothing for CUDA 12 would get less than it has.
    assert changes(*held, install("bacon", cuda_table("cu11", "cpu"), "cu11")) == {}


def test_the_order_is_one_in_which_none_gets_less() -> None:
    both = {"cuda": "12", "mpi": "4"}
    choosy = {"variant": [{"name": "new", "conform": both}, {"name": "old"}]}
    table = {"variant": [{"name": "new", "conform": {"mpi": "3"}}, *choosy["variant"][1:]]}
    packages = [install("spam", choosy, "old"), install("eggs", table, "new")]
    # Chosen first, spam would take what eggs cannot have beside it.
    assert changes(*packages) == {}
    assert changes(packages[0]) == {"spam": ["new"]}


def test_all_are_chosen_anew_in_the_order_of_their_names() -> None:
    flexible = {"variant": [{"name": "a", "conform": {"cuda": "1"}}, {"name": "b"}]}
    both = {"variant": [{"name": name, "conform": {"cuda": "2"}} for name in ("a", "b")]}
    packages = [install("spam", flexible, "a"), install("eggs", both, "b")]
    assert changes(*packages) == {"eggs": ["a"], "spam": ["b"]}
    # The other way round spam, which comes last, would get nothing; it is enough that eggs yields.
    packages = [install("spam", both, "b"), install("eggs", flexible, "a")]
    assert changes(*packages) == {"eggs": ["b"]}


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
        choices = choose([spam], place(now, [spam]))
        assert [one.decision.names for one in choices if one.changes] == [names] * bool(names)


def test_packages_are_linked_by_what_their_tables_name() -> None:
    def names(*conform: str) -> dict[str, Any]:
        return {"variant": [{"name": "v", "conform": dict.fromkeys(conform, "1")}, {"name": "w"}]}

    spam = install("spam", names("cuda"), "w")
    eggs = install("eggs", names("mpi"), "w")
    ham = install("ham", names("cuda", "mpi"), "w")
    assert linked([spam, eggs]) == [[spam], [eggs]]
    assert linked([spam, eggs, ham]) == [[spam, eggs, ham]]


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
def test_what_is_best_is_what_installs_in_that_order_give(
    packages: list[Recorded], machine: Machine
) -> None:
    choices = choose(packages, place(machine, packages))
    changing = [one for one in choices if one.changes]
    now = {one.package.key: one.package for one in choices if not one.changes}
    for choice in changing:
        got = place(machine, [*now.values()]).decide(choice.package)
        assert got.names == choice.decision.names
        if got.names:
            selector = choice.package.selector
            now[choice.package.key] = Recorded(selector, record(got))
    if not is_well(packages, machine):
        assert changing
    elif changing:
        assert all(depth(one.package, one.decision) <= depth(one.package) for one in changing)
    assert is_well([*now.values()], machine)
    if len(packages) <= 2 and len(now) == len(packages):
        again = choose([now[one.key] for one in packages], place(machine, [*now.values()]))
        assert not any(choice.changes for choice in again)


def is_well(packages: list[Recorded], machine: Machine) -> bool:
    """Return whether each package fits the machine, and the others."""
    decisions = [place(machine, packages).decide(one) for one in packages]
    return all(
        verdict.fits
        for package, decision in zip(packages, decisions)
        for verdict in decision.verdicts
        if verdict.variant in package.record.variants
    ) and all(decision.names for decision in decisions)


def depth(package: Recorded, decision: Decision | None = None) -> int:
    names = [variant.name for variant in package.selector.variants]
    (name,) = decision.names if decision else package.record.variants
    return names.index(name)
