"""What was asked for: config settings, the table's variable, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import anything

from selector_backend.authoring.selector import parse_selector
from selector_backend.errors import SelectorError
from selector_backend.installing.request import read_portable, read_request
from selector_backend.model.decision import Request
from selector_backend.model.machine import ProfileFile
from selector_backend.model.table import Selector


def make(kind: str = "requirement", *names: str, variable: str | None = None) -> Selector:
    variants: list[dict[str, Any]] = [{"name": name} for name in names or ("cu12", "cu11", "cpu")]
    table: dict[str, Any] = {"kind": kind, "variant": variants}
    variants.insert(1, {"name": "too-old", "refuse": "Too old."})
    if variable is not None:
        table["variable"] = variable
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    return selector


def ask(
    selector: Selector, settings: dict[str, Any] | None = None, **environ: str
) -> tuple[str, ...]:
    return read_request(selector, settings, environ).variants


def refusal(selector: Selector, settings: dict[str, Any] | None = None, **environ: str) -> str:
    with pytest.raises(SelectorError) as caught:
        read_request(selector, settings, environ)
    return str(caught.value)


# --- who asks


@pytest.mark.parametrize(
    ("settings", "environ", "expected"),
    [
        (None, {}, Request()),
        ({}, {"OTHER_VARIANT": "cu11"}, Request()),
        (None, {"SPAM_VARIANT": "cu11"}, Request(("cu11",), "SPAM_VARIANT")),
        ({"variant": "cu12"}, {}, Request(("cu12",), "-C variant")),
        ({"variant": "cu12"}, {"SPAM_VARIANT": "cu11"}, Request(("cu12",), "-C variant")),
        ({"variant": "auto"}, {"SPAM_VARIANT": "cu11"}, Request(anew=True)),
        ({"variant": ""}, {"SPAM_VARIANT": "cu11"}, Request()),
        ({"variant": "cu12"}, {"SPAM_VARIANT": "cu99"}, Request(("cu12",), "-C variant")),
    ],
)
def test_a_config_setting_wins_over_the_variable_and_that_over_the_machine(
    settings: dict[str, Any] | None, environ: dict[str, str], expected: Request
) -> None:
    assert read_request(make(), settings, environ) == expected


@pytest.mark.parametrize("written", ["spam:variant", "Spam:variant"])
def test_a_setting_that_names_the_project_wins_over_one_that_does_not(written: str) -> None:
    named = {written: "cu12", "eggs:variant": "cu99", "eggs:varient": "x", ":variant": "x"}
    for settings in (named, {"variant": "cpu", **named}, {**named, "variant": "cu99"}):
        request = read_request(make(), settings, {"SPAM_VARIANT": "cu11"})
        assert request == Request(("cu12",), f"-C {written}")
    assert ask(make(), {"spam:variant": "auto", "variant": "cu12"}) == ()
    assert "-C spam:variant asks for 'cu99'" in refusal(make(), {"spam:variant": "cu99"})


@pytest.mark.parametrize("name", ["spam-eggs", "spam_eggs", "Spam.Eggs", "SPAM-_eggs"])
def test_a_project_is_named_as_names_are_compared(name: str) -> None:
    table = {"variant": [{"name": "cu12"}, {"name": "cpu"}]}
    selector, _ = parse_selector(table, project="spam-eggs", version="1.0")
    assert ask(selector, {f"{name}:variant": "cpu"}) == ("cpu",)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("varient", ", did you mean 'variant'?"),
        ("Machine", ", did you mean 'machine'?"),
        ("--build-option", "; expected one of variant, machine, portable"),
        ("variant:cu12", "did you mean 'variant'?"),
        ("", "; expected one of"),
    ],
)
def test_a_setting_of_this_project_that_there_is_not_is_an_error(key: str, hint: str) -> None:
    settings = {f"spam:{key}": "x"}
    message = refusal(make(), settings)
    assert message.startswith(f"-C spam:{key} is not a setting of spam")
    assert hint in message
    with pytest.raises(SelectorError, match="is not a setting of spam"):
        read_portable("spam", settings, {})
    assert ask(make(), {f"eggs:{key}": "x"}) == ()


def test_the_other_settings_can_name_the_project_too() -> None:
    request = read_request(make(), {"machine": "/a.json", "spam:machine": "/b.json"}, {})
    assert request.profile == ProfileFile("/b.json", "-C spam:machine")
    assert read_portable("spam", {"portable": "no", "spam:portable": "yes"}, {})
    assert not read_portable("spam", {"eggs:portable": "yes"}, {})


@pytest.mark.parametrize("text", ["", " ", "auto", "AUTO", ","])
def test_nothing_and_auto_leave_the_choice_to_the_machine(text: str) -> None:
    for request in (
        read_request(make(), {"variant": text}, {}),
        read_request(make(), None, {"SPAM_VARIANT": text}),
    ):
        assert request.automatic
        assert request.source == "machine"


def test_the_variable_that_a_table_names_takes_the_place_of_the_usual_one() -> None:
    selector = make(variable="SPAM_FLAVOUR")
    assert ask(selector, SPAM_FLAVOUR="cu11", SPAM_VARIANT="cu12") == ("cu11",)
    assert ask(selector, SPAM_VARIANT="cu12") == ()


@pytest.mark.parametrize("written", ["cu-12.a", "CU_12_A", " cu.12--a ", "Cu-12-A"])
def test_names_are_compared_as_names_of_projects(written: str) -> None:
    assert ask(make("requirement", "Cu_12.A", "cpu"), SPAM_VARIANT=written) == ("cu-12-a",)


# --- what cannot be had


def test_an_unknown_name_is_told_the_known_ones_and_the_nearest() -> None:
    message = refusal(make(), SPAM_VARIANT="cu13")
    assert "SPAM_VARIANT" in message
    assert "'cu13'" in message
    assert "did you mean 'cu12'?" in message
    assert "cu12, cu11, cpu" in message
    assert "too-old" not in message


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert "did you mean 'CU12'?" in refusal(
        make("requirement", "CU12", "CPU"), {"variant": "cu13"}
    )


def test_an_unknown_name_from_a_config_setting_is_said_to_be_from_there() -> None:
    message = refusal(make(), {"variant": "rocm"}, SPAM_VARIANT="cu12")
    assert "-C variant" in message
    assert "'rocm'" in message
    assert "goes to every selector package that is built" in message
    assert message.endswith("for spam alone, set SPAM_VARIANT, or write -C spam:variant=NAME")
    assert "did you mean" not in message


@pytest.mark.parametrize("kind", ["requirement", "capability"])
def test_a_variant_that_refuses_cannot_be_forced(kind: str) -> None:
    message = refusal(make(kind), SPAM_VARIANT="Too_Old")
    assert "'Too_Old'" in message
    assert "does not support" in message
    assert "cu12, cu11, cpu" in message


@pytest.mark.parametrize("asked", ["cu12,cpu", "all", "ALL", "cu12,all", "cu12,cu99", "auto,cpu"])
def test_variants_that_exclude_each_other_cannot_be_had_together(asked: str) -> None:
    message = refusal(make(), SPAM_VARIANT=asked)
    assert "exclude each other" in message
    assert "cu12, cu11, cpu" in message


@pytest.mark.parametrize("asked", ["cpu", "old", "all", "cpu,old"])
def test_a_table_of_refusals_only_says_that_nothing_can_be_forced(asked: str) -> None:
    table = {"variant": [{"name": "old", "refuse": "Too old."}]}
    selector, _ = parse_selector(table, project="spam", version="1.0")
    message = refusal(selector, SPAM_VARIANT=asked)
    assert not message.rstrip().endswith(("are", "of"))
    assert "None of its can" not in message


# --- several at once


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("cpu", ("cpu",)),
        ("cpu,cu12", ("cu12", "cpu")),
        (" cpu , CU12 ,", ("cu12", "cpu")),
        ("cpu,cpu", ("cpu",)),
        ("all", ("cu12", "cu11", "cpu")),
        ("All", ("cu12", "cu11", "cpu")),
        (["cpu", "cu12"], ("cu12", "cpu")),
        (["cpu,cu11", "cu12"], ("cu12", "cu11", "cpu")),
        ([], ()),
        (["auto"], ()),
        ("auto,auto", ()),
    ],
)
def test_capabilities_can_be_had_together_in_the_order_of_the_table(
    asked: Any, expected: tuple[str, ...]
) -> None:
    assert ask(make("capability"), {"variant": asked}) == expected


@pytest.mark.parametrize("asked", ["auto,cpu", "all,cpu", "cpu,all"])
def test_a_list_that_says_everything_and_something_is_refused(asked: str) -> None:
    message = refusal(make("capability"), SPAM_VARIANT=asked)
    assert "together with" in message
    assert "cu12, cu11, cpu" in message


def test_one_name_given_twice_is_one_variant() -> None:
    assert ask(make(), {"variant": ["cu12", "CU12"]}) == ("cu12",)


# --- config settings


@pytest.mark.parametrize(
    "name",
    [
        "--build-option",
        "--global-option",
        "--python-tag",
        "editable_mode",
        "builddir",
        "setup-args",
        "compile-args",
        "cmake.define.SPAM_VARIANT",
        "wheel.py-api",
        "build-args",
        "variant-label",  # scikit-build-core's
    ],
)
def test_config_settings_of_other_backends_are_none_of_ours(name: str) -> None:
    assert ask(make(), {name: "x", "variant": "cu12"}) == ("cu12",)


@given(
    st.dictionaries(
        st.sampled_from(["variant", "varient", "spam:variant", "spam:machine", "eggs:variant"]),
        anything("cu12", "cpu", "all", "auto", "cpu,cu12", "too-old"),
        max_size=2,
    ),
    st.sampled_from(["requirement", "capability"]),
)
def test_a_request_of_any_shape_is_understood_or_refused_with_a_message(
    settings: dict[str, Any], kind: str
) -> None:
    message = ""
    try:
        request = read_request(make(kind), settings, {})
    except SelectorError as error:
        message = str(error)
    else:
        assert set(request.variants) <= {"cu12", "cu11", "cpu"}
        assert request.automatic == (request.source == "machine")
    assert message == message.strip()
