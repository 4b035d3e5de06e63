"""Which variant wheels a table has, and which of them an installer takes on a machine."""

from __future__ import annotations

from typing import Any

import pytest

from selector_backend.authoring.selector import parse_selector
from selector_backend.checking.finished import is_variant_file
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.table import Selector
from selector_backend.probes import complete
from selector_backend.variant_wheels.building import (
    NotExpressibleError,
    metadata,
    variant_wheels,
)
from selector_backend.variant_wheels.proof import Installer, prove

CUDA: list[dict[str, Any]] = [
    {"name": "cu12", "when": {"cuda": ">=12"}},
    {"name": "cpu"},
]


def parse(*variants: dict[str, Any], **more: Any) -> Selector:
    table = {"variant": [*variants], **more}
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    return selector


def machine(**values: Any) -> Machine:
    facts = {name.replace("_", "-"): value for name, value in values.items()}
    return Machine({name: complete(Fact(name, "a test", one)) for name, one in facts.items()})


def refused(selector: Selector) -> list[str]:
    with pytest.raises(NotExpressibleError) as caught:
        prove(selector, variant_wheels(selector), [])
    return [f"{one.key}: {one.message}" for one in caught.value.problems]


def test_the_tables_order_counts_whatever_a_provider_prefers() -> None:
    """By itself, NVIDIA's provider prefers the newest CUDA, and a bound to none."""
    selector = parse(
        {"name": "old", "when": {"cuda": ">=11.2,<13"}},
        {"name": "v3", "when": {"cpu": "x86_64_v3"}},
        {"name": "new", "when": {"cuda": ">=12", "compute-capability": ">=9.0"}},
        {"name": "cpu"},
    )
    wheels = variant_wheels(selector)
    assert prove(selector, wheels, []) > 10
    installer = Installer(selector, wheels)
    expected = [
        (machine(cuda="12.4", compute_capability=("9.0",), cpu=frozenset({"zen3"})), "old"),
        (machine(cuda="13.0", compute_capability=("9.0",), cpu=frozenset({"zen3"})), "v3"),
        (machine(cuda="13.0", compute_capability=("9.0",), cpu=frozenset({"nehalem"})), "new"),
        (machine(cuda="13.0", compute_capability=("8.0",), cpu=frozenset({"nehalem"})), "cpu"),
        (machine(), "cpu"),
    ]
    for each, name in expected:
        taken = installer.take({key: fact.value for key, fact in each.facts.items()})
        assert taken is not None
        assert taken.name == name


def test_what_disagrees_is_found() -> None:
    """Of wheels in another order than the table's."""
    selector = parse(
        {"name": "cu11", "when": {"cuda": ">=11"}}, {"name": "cu12", "when": {"cuda": ">=12"}}
    )
    right = variant_wheels(selector)
    assert prove(selector, right, []) == 3
    with pytest.raises(NotExpressibleError) as caught:
        prove(selector, right[::-1], [])
    assert [problem[:2] for problem in caught.value.problems] == [
        (
            "tool.selector.variant[0]",
            "Where cuda is 12.0, the table gives cu11, and an installer would take cu12",
        )
    ]


def test_a_wheel_is_one_variant_where_the_table_chooses_all_that_fit() -> None:
    several = {"kind": "capability", "choose": "all"}
    rows = [
        {"name": "v3", "when": {"cpu": "x86_64_v3"}},
        {"name": "a64", "when": {"cpu": "armv8.2a"}},
    ]
    selector = parse(*rows, **several)
    assert prove(selector, variant_wheels(selector), []) > 2
    problem, _ = refused(parse(*rows, {"name": "any"}, **several))
    assert problem.startswith("tool.selector.variant[0]: Where cpu is ")
    assert "the table gives v3 and any, and an installer would take v3" in problem


def test_levels_that_begin_alike_are_the_lowest_of_them() -> None:
    selector = parse(
        {"name": "x86", "when": {"cpu": "x86-64-v*"}}, {"name": "arm", "when": {"cpu": "armv8.*"}}
    )
    wheels = variant_wheels(selector)
    asked = [*map(str, (wheel.asked for wheel in wheels))]
    assert "x86_64 :: level :: v2" in asked[0]
    assert "aarch64 :: version :: 8.1a" in asked[1]
    assert prove(selector, wheels, []) > 2
    # Not every CPU with a name that begins so is of the level.
    problems = refused(parse({"name": "a", "when": {"cpu": "a*"}}, {"name": "any"}))
    assert any("an installer would take any" in one for one in problems)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"cpu": "zen*"}, "cpu: a property has one value, and not all that begin alike"),
        ({"gfx": "gfx94*"}, "gfx: a property has one value, and not all that begin alike"),
        (
            {"cuda": ">=12", "compute-capability": {"every": ">=7.5"}},
            "compute-capability: one GPU with a property is enough, and this asks it of each",
        ),
    ],
)
def test_what_no_property_says_is_named(when: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotExpressibleError) as caught:
        variant_wheels(parse({"name": "a", "when": when}, {"name": "any"}))
    problems = [problem[:2] for problem in caught.value.problems]
    assert problems == [("tool.selector.variant[0].when", f"a: {reason}")]


def test_several_gpus_and_a_machine_that_is_given() -> None:
    """Of several GPUs, the newest counts for a provider, and any for a table."""
    selector = parse(
        {"name": "old", "when": {"cuda": ">=12", "compute-capability": ">=5.0,<9"}},
        {"name": "cpu"},
    )
    wheels = variant_wheels(selector)
    two = machine(cuda="13.0", compute_capability=("6.1", "12.0"))
    with pytest.raises(NotExpressibleError, match="On mine, the table gives old, and an installer"):
        prove(selector, wheels, [("On mine", two)])


def test_providers_are_asked_where_the_table_asks_them() -> None:
    """Where `enable-if` is false, no property is supported, so no wheel may be taken there."""
    selector = parse(
        {"name": "fast", "when": {"property": "chip :: speed :: 2"}},
        {"name": "cpu"},
        provider={"chip": {"requires": ["chip"], "enable-if": "sys_platform == 'linux'"}},
    )
    wheels = variant_wheels(selector)
    assert all("linux" in tag for tag in wheels[0].asked.tags)
    assert prove(selector, wheels, []) >= 3


def test_a_property_is_tried_on_machines_of_its_family_and_told_by_its_provider_alone() -> None:
    """No i686 supports it, and a machine whose provider is not asked does not, whatever its CPU."""
    selector = parse(
        {"name": "v3", "when": {"property": "x86_64 :: level :: v3"}},
        {"name": "cpu"},
        provider={"x86_64": {"requires": ["p"], "enable-if": "os_name == 'posix'"}},
    )
    zen3 = machine(cpu=frozenset({"zen3"}), property=None)
    assert prove(selector, variant_wheels(selector), [("On mine", zen3)]) > 5


def test_a_refusal_of_old_gpus_stops_where_a_later_row_is_for_their_driver() -> None:
    selector = parse(
        {"name": "old", "when": {"compute-capability": "<5.0"}, "refuse": "no"},
        {"name": "cu11", "when": {"cuda": ">=11"}},
    )
    assert refused(selector) == [
        "tool.selector.variant[0]: Where cuda is 11.0 and compute-capability is 1.0, the table "
        "gives old, which refuses, and an installer would take cu11"
    ]


def test_one_row_that_always_fits_ends_the_table() -> None:
    selector = parse(*CUDA, {"name": "more", "when": {"cuda": ">=11"}})
    assert [one.label for one in variant_wheels(selector)] == ["cu12", "null"]


def test_long_names_are_several_files() -> None:
    selector = parse({"name": "x", "when": {"marker": "sys_platform != 'win32'"}}, {"name": "y"})
    (wheel, _) = variant_wheels(selector)
    tags = [*wheel.tags]
    assert len(tags) > 1
    assert all(len(one) < 140 for one in tags)
    assert [part for one in tags for part in one.split("-")[2].split(".")] == [*wheel.asked.tags]


def test_values_are_sorted_as_the_format_wants_them() -> None:
    selector = parse({"name": "x", "when": {"cuda": ">=12", "compute-capability": ">=9"}}, CUDA[1])
    values = metadata(selector, variant_wheels(selector))["variants"]["x"]["nvidia"]["sm_arch"]
    assert values == sorted(values)
    assert values[-1] == "90_real"


def test_a_table_that_does_not_depend_on_the_machine() -> None:
    assert refused(parse(CUDA[1])) == [
        "tool.selector.variant: no row depends on the machine; publish an ordinary wheel"
    ]


def test_the_orders_own_namespace_is_taken() -> None:
    assert refused(parse(*CUDA, provider={"selector": {"requires": ["x"]}})) == [
        "tool.selector.provider.selector: variant wheels have the table's order in the namespace "
        "'selector'"
    ]


def test_too_many_kinds_of_machine_are_not_tried() -> None:
    rows = [
        {"name": f"r{one}", "when": {"gfx": f"gfx9{one}", "cpu": [f"a{one}", "b"]}, "refuse": "no"}
        for one in range(10, 30)
    ]
    assert refused(parse(*rows, *CUDA)) == [
        "tool.selector: tells more than 50,000 machines apart, which is too many to try"
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spam-1.0-py3-none-any-cu12.whl", True),
        ("spam-1.0-1-py3-none-any-cu12.whl", True),
        ("spam-1.0-variants.json", True),
        ("spam-1.0-py3-none-any.whl", False),
        ("spam-1.0-1-py3-none-any.whl", False),
        ("spam-1.0.tar.gz", False),
    ],
)
def test_variant_files_are_known_by_their_names(name: str, expected: bool) -> None:
    assert is_variant_file(name) is expected
