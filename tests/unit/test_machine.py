"""Facts and machines: how they are written down, set by hand, and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import anything, facts, machines

from selector_backend.errors import SelectorError
from selector_backend.model.facts import FACTS
from selector_backend.model.kinds import Kind
from selector_backend.model.machine import Fact, Machine, Origin, load_fact, override
from selector_backend.model.markers import normalize_name
from selector_backend.model.problems import InvalidFileError
from selector_backend.probes.profile import load_machine


def profile(**named: Any) -> dict[str, Any]:
    """A machine profile as people write it; ``compute_capability`` for ``compute-capability``."""
    return {"format": 1, "facts": {name.replace("_", "-"): one for name, one in named.items()}}


def load(data: Any) -> Machine:
    return load_machine(data, "gpu-box.json")


# --- round trips


@given(machines)
def test_a_machine_survives_being_saved_to_a_file(machine: Machine) -> None:
    text = json.dumps(machine.dump())
    again = load_machine(json.loads(text), "gpu-box.json", Origin.READ)
    assert again == machine
    assert json.dumps(again.dump()) == text


@given(st.sampled_from(sorted(FACTS)).flatmap(facts))
def test_a_fact_survives_being_written_into_a_record(fact: Fact) -> None:
    assert load_fact(fact.name, json.loads(json.dumps(fact.dump())), "elsewhere") == fact


@given(st.sampled_from(sorted(set(FACTS) - {"marker"})).flatmap(facts))
def test_the_text_of_a_fact_can_be_set_by_its_variable(fact: Fact) -> None:
    text = "" if fact.value is None else fact.text
    again = override(fact.name, {FACTS[fact.name].variable: text})
    assert again is not None
    assert again.value == fact.value


def test_a_profile_says_where_each_fact_was_read() -> None:
    machine = Machine(
        {
            "cuda": Fact("cuda", "NVML", value="12.4"),
            "glibc": Fact("glibc", "the running interpreter", reason="this is musl"),
        }
    )
    assert machine.dump() == {
        "format": 1,
        "facts": {
            "cuda": {"value": "12.4", "source": "NVML"},
            "glibc": {"absent": "this is musl", "source": "the running interpreter"},
        },
    }


def test_what_was_not_read_is_absent_with_a_reason() -> None:
    fact = Machine()["cuda"]
    assert fact.value is None
    assert fact.reason


# --- the text of a fact


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (Fact("cuda", "", value="12.4"), "12.4"),
        (Fact("compute-capability", "", value=("7.5", "8.6")), "7.5, 8.6"),
        (Fact("cpu", "", value=frozenset({"fma", "avx2"})), "avx2, fma"),
        (Fact("marker", "", value={"os_name": "nt"}), "os_name=nt"),
        (Fact("cuda", "", reason="no GPU"), "absent"),
    ],
)
def test_the_value_of_a_fact_reads_well(fact: Fact, text: str) -> None:
    assert fact.text == text


# --- profiles by hand


def test_plain_values_are_enough_in_a_profile_written_by_hand() -> None:
    machine = load(
        profile(
            cuda="12.4",
            compute_capability=["8.6", "7.5"],
            cpu=["AVX512-VNNI", "zen3"],
            glibc=None,
            marker={"sys_platform": "linux"},
        )
    )
    assert machine["cuda"].value == "12.4"
    assert machine["compute-capability"].value == ("7.5", "8.6")
    assert machine["cpu"].value == frozenset({"avx512_vnni", "zen3"})
    assert machine["glibc"].value is None
    assert "profile" in machine["glibc"].reason
    assert machine["marker"].value == {"sys_platform": "linux"}
    assert "profile" in machine["cuda"].source
    assert {fact.origin for fact in machine.facts.values()} == {Origin.PROFILE}


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        ("compute-capability", "8.6", ("8.6",)),
        ("cpu", "avx2", frozenset({"avx2"})),
        ("cuda", {"value": "12.4"}, "12.4"),
        ("marker", {"value": {"os_name": "nt"}}, {"os_name": "nt"}),
        ("marker", {"value": {"os_name": "nt"}, "source": "x"}, {"os_name": "nt"}),
    ],
)
def test_the_short_forms_of_an_entry_are_understood(
    name: str, entry: object, expected: object
) -> None:
    assert load(profile(**{name: entry}))[name].value == expected


@pytest.mark.parametrize("name", sorted(FACTS))
def test_an_absent_fact_in_a_profile_keeps_its_reason(name: str) -> None:
    fact = load(profile(**{name: {"absent": "it was taken out"}}))[name]
    assert fact.value is None
    assert fact.reason == "it was taken out"


# --- bad profiles


@pytest.mark.parametrize(
    ("name", "entry", "fragments"),
    [
        ("cdua", "12.4", ["not a known fact", "'cuda'"]),
        ("compute_capability", "8", ["not a known fact", "'compute-capability'"]),
        ("cuda", "twelve", ["'twelve'", "version"]),
        ("cuda", "13.0rc1", ["'13.0rc1'", "numbers with dots between them"]),
        ("glibc", "2.28.post1", ["'2.28.post1'", "numbers with dots between them"]),
        ("cuda", 12.4, ["a version as a string", '"12.4"']),
        ("cuda", ["12.4"], ["a version as a string"]),
        ("cuda", {}, ["'value'", "'absent'"]),
        ("cuda", {"value": "12", "absent": "no"}, ["'value'", "'absent'"]),
        ("cuda", {"value": "12", "sorce": "me"}, ["'sorce'", "'source'"]),
        ("cuda", {"value": "12", "source": 5}, ["source", "string"]),
        ("cuda", {"absent": None}, ["absent", "string"]),
        ("compute-capability", [], ["at least one"]),
        ("compute-capability", ["8.6", 9], ["strings"]),
        ("compute-capability", ["8.6", "new"], ["'new'", "version"]),
        ("cpu", 5, ["strings"]),
        ("cpu", ["avx2", ""], ["empty"]),
        ("cpu", "avx2, fma", ["'avx2, fma'"]),
        ("marker", "linux", ["marker variable"]),
        ("marker", {"python_version": 3.11}, ["strings"]),
        ("marker", {"sys_platfrom": "linux"}, ["'sys_platfrom'", "'sys_platform'"]),
    ],
)
def test_what_is_wrong_in_a_profile_is_said_with_its_file_and_key(
    name: str, entry: object, fragments: list[str]
) -> None:
    written = {"format": 1, "facts": {name: entry}}
    with pytest.raises(InvalidFileError) as caught:
        load(written)
    (problem,) = caught.value.problems
    assert problem.key == f"facts.{name}"
    message = str(caught.value)
    assert message.startswith("gpu-box.json has an error:\n")
    for fragment in fragments:
        assert fragment in message


def test_all_that_is_wrong_in_a_profile_is_reported_together() -> None:
    with pytest.raises(InvalidFileError) as caught:
        load(profile(cuda=12, cdua="12", cpu="avx2", glibc="new"))
    assert [one.key for one in caught.value.problems] == ["facts.cuda", "facts.cdua", "facts.glibc"]


@pytest.mark.parametrize("data", [None, [], "12.4", {}, {"facts": []}, {"cuda": "12.4"}])
def test_a_file_that_is_no_profile_is_shown_what_one_looks_like(data: object) -> None:
    with pytest.raises(SelectorError, match=r'gpu-box\.json is not a machine profile.*"facts"'):
        load(data)


@pytest.mark.parametrize("number", [2, "1", None])
def test_a_profile_of_another_format_is_refused(number: object) -> None:
    with pytest.raises(SelectorError, match=r"gpu-box\.json .*format.* reads format 1"):
        load({"format": number, "facts": {}})


@given(
    st.dictionaries(
        st.sampled_from(sorted(FACTS)) | st.text(max_size=5),
        anything("value", "absent", "source", "12.4", "os_name", ""),
        max_size=4,
    )
)
def test_a_profile_of_any_shape_is_read_or_refused_with_a_message(written: dict[str, Any]) -> None:
    message = "gpu-box.json"
    try:
        machine = load({"format": 1, "facts": written})
    except SelectorError as error:
        message = str(error)
    else:
        json.dumps(machine.dump())
        assert all(fact.text for name, fact in machine.facts.items() if name != "marker")
    assert message.startswith("gpu-box.json")


# --- overrides


@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_fact_can_be_set_by_a_variable(name: str) -> None:
    fact = FACTS[name]
    found = override(name, {fact.variable: fact.example})
    value = fact.kind.parse(fact.example)
    assert found == Fact(name, fact.variable, value=value, origin=Origin.STATED)


@pytest.mark.parametrize("name", sorted(FACTS))
@pytest.mark.parametrize("text", ["", " "])
def test_a_variable_set_to_nothing_makes_its_fact_absent(name: str, text: str) -> None:
    variable = FACTS[name].variable
    found = override(name, {variable: text})
    assert found is not None
    assert found.value is None
    assert variable in found.reason
    assert found.source == variable
    assert found.origin is Origin.STATED


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_fact_whose_variable_is_not_set_is_left_to_the_probes(name: str) -> None:
    assert override(name, {"SELECTOR_OTHER": "1"}) is None


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cuda", " 12.4 ", "12.4"),
        ("compute-capability", "8.6,7.5", ("7.5", "8.6")),
        ("compute-capability", "8.6", ("8.6",)),
        ("cpu", "avx2, AVX512-VNNI,", frozenset({"avx2", "avx512_vnni"})),
        ("marker", "sys_platform=win32, os_name=nt", {"sys_platform": "win32", "os_name": "nt"}),
        ("marker", "platform_version=a=b", {"platform_version": "a=b"}),
    ],
)
def test_lists_in_variables_are_separated_by_commas(name: str, text: str, value: object) -> None:
    found = override(name, {FACTS[name].variable: text})
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    ("name", "text", "fragments"),
    [
        *((name, "new!", ["'new!'"]) for name in sorted(set(FACTS) - {"cpu"})),
        ("cuda", "12.4,13", ["'12.4,13'", "version"]),
        ("cuda", "12.4rc1", ["'12.4rc1'", "numbers with dots between them"]),
        ("cuda", "v12.4", ["'v12.4'", "numbers with dots between them"]),
        ("compute-capability", ",", ["at least one"]),
        ("compute-capability", "8.6,x", ["'x'", "version"]),
        ("cpu", ",", ["at least one"]),
        ("cpu", "avx2 fma", ["'avx2 fma'"]),
        ("marker", ",", ["',' is not a list of pairs", "sys_platform=linux"]),
        ("marker", "linux", ["sys_platform=linux"]),
        ("marker", "sys_platfrom=linux", ["'sys_platfrom'", "'sys_platform'"]),
    ],
)
def test_a_variable_that_holds_nonsense_is_named_with_an_example(
    name: str, text: str, fragments: list[str]
) -> None:
    variable = FACTS[name].variable
    with pytest.raises(SelectorError) as caught:
        override(name, {variable: text})
    message = str(caught.value)
    assert repr(text) in message
    assert variable in message
    assert message.endswith(f"for example {FACTS[name].example}")
    for fragment in fragments:
        assert fragment in message


@given(st.sampled_from(sorted(FACTS)), st.text())
def test_a_variable_of_any_text_sets_its_fact_or_is_refused(name: str, text: str) -> None:
    message = FACTS[name].variable
    try:
        found = override(name, {FACTS[name].variable: text})
    except SelectorError as error:
        message = str(error)
    else:
        assert found is not None
        json.dumps(found.dump())
    assert FACTS[name].variable in message


# --- names


@pytest.mark.parametrize("written", ["avx512_vnni", "AVX512_VNNI", "avx512-vnni", " AVX512-vnni "])
def test_names_are_compared_without_case_and_with_hyphens_as_underscores(written: str) -> None:
    assert normalize_name(written) == "avx512_vnni"


@given(st.text())
def test_a_name_that_was_normalized_stays_as_it_is(text: str) -> None:
    assert normalize_name(normalize_name(text)) == normalize_name(text)


def test_every_fact_has_an_example_that_it_can_be() -> None:
    for fact in FACTS.values():
        assert fact.kind.parse(fact.example)
        assert isinstance(fact.kind, Kind)
