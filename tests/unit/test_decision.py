"""Which variant a machine gets, and the sentences that say why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from support.strategies import (
    environments_of_packages,
    machine_pairs,
    machines,
    rising_when,
    tables,
)

from selector_backend.authoring.selector import parse_selector
from selector_backend.installing.messages import message_of
from selector_backend.model.decision import Code, Decision, Environment, Request, decide
from selector_backend.model.kinds import judge
from selector_backend.model.machine import Fact, Machine, Origin
from selector_backend.model.record import Record, Verdict
from selector_backend.model.table import Selector, fill
from selector_backend.probes.profile import load_machine

NO_DRIVER = Fact("cuda", "NVML", reason="the loader does not find libnvidia-ml.so.1")
CUDA: dict[str, Any] = {
    "variant": [
        {"name": "cu12", "when": {"cuda": ">=12"}},
        {"name": "cu11", "when": {"cuda": ">=11.2"}},
        {"name": "cpu"},
    ]
}
GPU_ONLY: dict[str, Any] = {"variant": CUDA["variant"][:2]}


def parse(table: dict[str, Any]) -> Selector:
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    return selector


def machine(**values: Any) -> Machine:
    """A machine of which ``values`` are known, hyphens in names written as underscores."""
    facts = {name.replace("_", "-"): value for name, value in values.items()}
    return load_machine({"format": 1, "facts": facts}, "a test")


def choose(table: dict[str, Any], known: Machine) -> Decision:
    return decide(parse(table), known, Request(), Environment())


def message(decision: Decision) -> str:
    text = message_of(decision)
    assert text is not None
    return text


def verdict(when: object, known: Machine) -> Verdict:
    (variant,) = parse({"variant": [{"name": "x", "when": when}]}).variants
    fits, reason = judge(variant.when, known)
    return Verdict(variant.name, fits, reason)


# --- what is chosen


@pytest.mark.parametrize(
    ("cuda", "variant"),
    [
        ("13.0", "cu12"),
        ("12.4", "cu12"),
        ("12", "cu12"),
        ("11.8", "cu11"),
        ("11.2", "cu11"),
        ("11.1", "cpu"),
        ("10.2", "cpu"),
        (None, "cpu"),
    ],
)
def test_the_first_variant_that_fits_is_chosen(cuda: str | None, variant: str) -> None:
    decision = choose(CUDA, machine(cuda=cuda))
    assert [one.name for one in decision.variants] == [variant]
    assert list(map(str, decision.requires)) == [f"spam-{variant}==1.0"]
    assert message_of(decision) is None


def test_every_variant_is_judged_even_after_the_one_chosen() -> None:
    decision = choose(CUDA, machine(cuda="12.4"))
    assert decision.verdicts == (
        Verdict("cu12", fits=True, reason="cuda 12.4 is >=12"),
        Verdict("cu11", fits=True, reason="cuda 12.4 is >=11.2"),
        Verdict("cpu", fits=True, reason="it fits every machine"),
    )


def test_what_every_variant_requires_comes_first() -> None:
    decision = choose({**CUDA, "requires": ["spam-core=={version}"]}, machine())
    assert list(map(str, decision.requires)) == ["spam-core==1.0", "spam-cpu==1.0"]
    assert [one.requires for one in decision.variants] == [("spam-cpu==1.0",)]


def test_a_capability_selector_left_to_the_machine_gets_one_variant() -> None:
    table = {"kind": "capability", "variant": [{"name": "a"}, {"name": "b"}]}
    assert [one.name for one in choose(table, machine()).variants] == ["a"]


def test_a_table_may_choose_all_that_fit() -> None:
    rows = [
        {"name": "new", "when": {"cuda": ">=14"}, "refuse": "Too new."},
        {"name": "a", "when": {"cuda": ">=12"}, "requires": ["b", "A.B"]},
        {"name": "old", "when": {"cuda": "<13"}, "refuse": "Too old."},
        {"name": "c", "when": {"gfx": "gfx94*"}},
        {"name": "d", "requires": ["a-b", "b[x]"]},
    ]
    table = {"kind": "capability", "choose": "all", "variant": rows}
    decision = choose(table, machine(cuda="12.4"))
    assert decision.names == ["a", "d"]
    assert decision.requires == ("b", "A.B", "b[x]")
    assert choose(table, machine()).names == ["d"]
    refused = choose(table, machine(cuda="14.1"))
    assert refused.names == []
    assert "Too new." in message(refused)


def test_the_decision_holds_the_facts_that_counted_and_no_others() -> None:
    decision = choose(CUDA, machine(cuda="12.4", glibc="2.31"))
    assert set(decision.facts) == {"cuda"}
    assert decision.facts["cuda"].value == "12.4"


# --- the sentences

LINUX = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.11"}


@pytest.mark.parametrize(
    ("when", "known", "fits", "reason"),
    [
        # specifiers
        ({"cuda": ">=12"}, {"cuda": "12.4"}, True, "cuda 12.4 is >=12"),
        ({"cuda": ">=12"}, {"cuda": "11.8"}, False, "cuda 11.8 is not >=12"),
        ({"cuda": ">=12,<13"}, {"cuda": "13.0"}, False, "cuda 13.0 is not >=12,<13"),
        ({"cuda": " >=12, <13 "}, {"cuda": "11.8"}, False, "cuda 11.8 is not >=12, <13"),
        ({"cuda": "==12.*"}, {"cuda": "12.9"}, True, "cuda 12.9 is ==12.*"),
        ({"glibc": ">=2.28"}, {"glibc": "2.17"}, False, "glibc 2.17 is not >=2.28"),
        ({"cuda": ">12.0,~=12.4"}, {"cuda": "12.5"}, True, "cuda 12.5 is >12.0,~=12.4"),
        ({"cuda": "==12"}, {"cuda": "12.0"}, True, "cuda 12.0 is ==12"),
        # several GPUs: one is enough
        (
            {"compute-capability": ">=8"},
            {"compute_capability": "7.5"},
            False,
            "compute-capability 7.5 is not >=8",
        ),
        (
            {"compute-capability": ">=8"},
            {"compute_capability": ["7.5", "8.6"]},
            True,
            "compute-capability 8.6 is >=8",
        ),
        (
            {"compute-capability": ">=9"},
            {"compute_capability": ["8.6", "7.5"]},
            False,
            "compute-capability 7.5, 8.6 are not >=9",
        ),
        (
            {"compute-capability": ">=8"},
            {"compute_capability": ["12.0", "7.5", "9.0"]},
            True,
            "compute-capability 12.0 is >=8",
        ),
        (
            {"compute-capability": "==7.*"},
            {"compute_capability": ["7.5", "8.6"]},
            True,
            "compute-capability 7.5 is ==7.*",
        ),
        # names: all are needed
        ({"cpu": "avx2"}, {"cpu": ["avx2", "fma"]}, True, "cpu has avx2"),
        ({"cpu": ["avx2", "fma"]}, {"cpu": ["avx2", "fma"]}, True, "cpu has avx2, fma"),
        (
            {"cpu": ["avx2", "AVX512-VNNI", "amx"]},
            {"cpu": ["avx2"]},
            False,
            "cpu lacks avx512_vnni, amx",
        ),
        ({"cpu": "avx512-vnni"}, {"cpu": ["AVX512_VNNI"]}, True, "cpu has avx512_vnni"),
        # there or not
        ({"cuda": True}, {"cuda": "9.0"}, True, "cuda is there (9.0)"),
        ({"cuda": False}, {"cuda": "9.0"}, False, "cuda is there (9.0)"),
        ({"musl": False}, {"musl": None}, True, "musl is absent: the machine profile says so"),
        ({"musl": True}, {"musl": None}, False, "musl is absent: the machine profile says so"),
        (
            {"rocm": ">=6", "glibc": ">=2.28", "cuda": ">=12", "gfx": "gfx942"},
            {"rocm": None, "glibc": "2.17", "cuda": None, "gfx": None},
            False,
            "rocm, cuda and gfx are absent: the machine profile says so, glibc 2.17 is not >=2.28",
        ),
        # markers
        (
            {"marker": "sys_platform == 'linux'"},
            {"marker": LINUX},
            True,
            'marker sys_platform == "linux" is true',
        ),
        (
            {"marker": "sys_platform == 'win32'"},
            {"marker": LINUX},
            False,
            "marker sys_platform == \"win32\" is false: sys_platform is 'linux'",
        ),
        # all conditions of a table, any table of a list
        (
            {"cuda": ">=12", "glibc": ">=2.28"},
            {"cuda": "12.4", "glibc": "2.31"},
            True,
            "cuda 12.4 is >=12 and glibc 2.31 is >=2.28",
        ),
        (
            {"cuda": ">=12", "glibc": ">=2.28"},
            {"cuda": "12.4", "glibc": "2.17"},
            False,
            "glibc 2.17 is not >=2.28",
        ),
        (
            {"cuda": ">=12", "glibc": ">=2.28"},
            {"cuda": "11.8", "glibc": "2.17"},
            False,
            "cuda 11.8 is not >=12, glibc 2.17 is not >=2.28",
        ),
        (
            [{"cuda": ">=12"}, {"glibc": ">=2.28"}],
            {"cuda": "11.8", "glibc": "2.31"},
            True,
            "glibc 2.31 is >=2.28",
        ),
        (
            [{"cuda": ">=12"}, {"glibc": ">=2.28"}],
            {"cuda": "11.8", "glibc": "2.17"},
            False,
            "cuda 11.8 is not >=12; and glibc 2.17 is not >=2.28",
        ),
        (
            [{"cuda": ">=12", "cpu": "avx2"}, {"cuda": ">=12", "cpu": "fma"}],
            {"cuda": "11.8", "cpu": ["avx2", "fma"]},
            False,
            "cuda 11.8 is not >=12",
        ),
    ],
)
def test_a_verdict_says_why(when: object, known: dict[str, Any], fits: bool, reason: str) -> None:
    assert verdict(when, machine(**known)) == Verdict("x", fits=fits, reason=reason)


@pytest.mark.parametrize("operand", [">=12", True])
def test_a_fact_that_could_not_be_read_is_absent_with_the_reason(operand: object) -> None:
    found = verdict({"cuda": operand}, Machine({"cuda": NO_DRIVER}))
    assert not found.fits
    assert found.reason == "cuda is absent: the loader does not find libnvidia-ml.so.1"


def test_absence_can_be_asked_for() -> None:
    found = verdict({"cuda": False}, Machine({"cuda": NO_DRIVER}))
    assert found.fits
    assert found.reason == "cuda is absent: the loader does not find libnvidia-ml.so.1"


# --- markers


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("sys_platform == 'plan9'", True),
        ("sys_platform == 'linux'", False),
        ("python_version >= '4.2'", True),
        ("python_full_version == '4.2.1'", True),
        ("python_full_version == '4.2.*'", True),
        ("'4.2.0' > python_full_version", False),
        ("platform_machine in 'vax pdp11'", True),
        ("'vax' == platform_machine and os_name != 'posix'", True),
        ("sys_platform != 'plan9' or implementation_version >= '4'", True),
    ],
)
def test_markers_are_evaluated_for_the_machine_and_not_for_this_interpreter(
    marker: str, expected: bool
) -> None:
    elsewhere = {
        "implementation_name": "snake",
        "implementation_version": "4.2.1",
        "os_name": "plan9",
        "platform_machine": "vax",
        "python_full_version": "4.2.1",
        "python_version": "4.2",
        "sys_platform": "plan9",
    }
    assert verdict({"marker": marker}, machine(marker=elsewhere)).fits is expected


def test_a_marker_variable_that_is_not_known_is_not_taken_from_this_interpreter() -> None:
    found = verdict({"marker": "os_name != 'x'"}, machine(marker={"sys_platform": "linux"}))
    assert not found.fits
    assert "os_name is not known" in found.reason


def test_a_word_in_a_markers_text_is_not_taken_for_a_variable() -> None:
    found = verdict({"marker": "'os_name' != sys_platform"}, machine(marker=LINUX))
    assert found.fits


@pytest.mark.parametrize(
    "environment",
    [{"python_version": "three"}, {"python_version": ""}, {"python_version": "; rm"}, {}],
)
def test_a_marker_that_cannot_be_evaluated_does_not_hold(environment: dict[str, str]) -> None:
    found = verdict({"marker": "python_version >= '3.9'"}, machine(marker=environment))
    assert not found.fits
    assert 'marker python_version >= "3.9" cannot be told' in found.reason


@pytest.mark.parametrize(
    ("version", "expected"), [("3.13.0rc1", True), ("3.13.0a1+", True), ("3.12.9+", False)]
)
def test_an_interpreter_before_its_release_counts_as_its_release(
    version: str, expected: bool
) -> None:
    known = machine(marker={"python_full_version": version})
    assert verdict({"marker": "python_full_version >= '3.13'"}, known).fits is expected
    assert verdict({"marker": "'3.13' <= python_full_version"}, known).fits is expected
    assert verdict({"marker": "python_full_version < '3.13'"}, known).fits is not expected


def test_the_decision_holds_only_the_marker_variables_that_count() -> None:
    table = {
        "variant": [
            {"name": "a", "when": {"marker": "sys_platform == 'win32'"}},
            {"name": "b", "when": {"marker": "python_version >= '3.9'"}},
        ]
    }
    decision = choose(table, machine(marker={**LINUX, "platform_version": "#1 of my-host"}))
    assert decision.facts["marker"].value == {"sys_platform": "linux", "python_version": "3.11"}


# --- refusals, and machines that nothing fits

REFUSING: dict[str, Any] = {
    "advice": "See https://spam.example/{version} for CUDA {cuda}.",
    "variant": [
        {"name": "cu12", "when": {"cuda": ">=12"}},
        {
            "name": "too-old",
            "when": {"cuda": "<12"},
            "refuse": "The driver supports CUDA {cuda} only; {project} {version} needs {{12}}.",
        },
        {"name": "cpu"},
    ],
}


def test_a_variant_that_refuses_stops_with_its_message() -> None:
    decision = choose(REFUSING, machine(cuda="11.8"))
    assert decision.variants == ()
    assert decision.requires == ()
    lines = message(decision).splitlines()
    assert lines[0] == "spam 1.0 cannot be installed on this machine."
    assert lines[1] == "The driver supports CUDA 11.8 only; spam 1.0 needs {12}."
    assert "  cu12: cuda 11.8 is not >=12" in lines
    assert "See https://spam.example/1.0 for CUDA 11.8." in lines


def test_a_refusal_further_down_does_not_stop_what_fits_before() -> None:
    assert [one.name for one in choose(REFUSING, machine(cuda="12.4")).variants] == ["cu12"]


def test_a_refusal_that_does_not_fit_does_not_stop_what_fits_after() -> None:
    assert [one.name for one in choose(REFUSING, machine()).variants] == ["cpu"]


def test_a_refusal_is_not_presented_as_a_variant_that_fits() -> None:
    problem = message(choose(REFUSING, machine(cuda="11.8")))
    assert "too-old: fits" not in problem


def test_where_nothing_fits_the_message_says_why_and_how_to_force_a_variant() -> None:
    table = {**GPU_ONLY, "advice": "CUDA here is {cuda}; see https://spam.example/{project}."}
    problem = message(choose(table, Machine({"cuda": NO_DRIVER})))
    lines = problem.splitlines()
    assert lines[0] == "spam 1.0 cannot be installed on this machine."
    assert "  cu12: cuda is absent: the loader does not find libnvidia-ml.so.1" in lines
    assert "  cu11: cuda is absent: the loader does not find libnvidia-ml.so.1" in lines
    assert "CUDA here is absent; see https://spam.example/spam." in lines
    assert "set SPAM_VARIANT to cu1" in lines[-1]
    assert [line.split(":")[0].strip() for line in lines if line.startswith("  ")] == [
        "cu12",
        "cu11",
    ]


def test_without_advice_the_message_has_no_empty_line() -> None:
    problem = message(choose(GPU_ONLY, machine(cuda="10.2")))
    assert all(line.strip() for line in problem.splitlines())
    assert "  cu12: cuda 10.2 is not >=12" in problem


def test_the_message_forces_by_the_variable_that_the_table_names() -> None:
    problem = message(choose({**GPU_ONLY, "variable": "SPAM_FLAVOUR"}, machine()))
    assert "set SPAM_FLAVOUR to cu1" in problem
    assert "SPAM_VARIANT" not in problem


def test_a_variant_that_refuses_is_not_offered_for_forcing() -> None:
    variants = [GPU_ONLY["variant"][0], {"name": "old", "when": {"cuda": True}, "refuse": "No."}]
    problem = message(choose({"variant": variants}, machine(cuda="11.8")))
    assert "set SPAM_VARIANT to cu12." in problem
    only_refusing = message(choose({"variant": variants[1:]}, machine(cuda="11.8")))
    assert "SPAM_VARIANT" not in only_refusing


def test_placeholders_of_every_kind_of_fact_are_filled() -> None:
    names = ["cuda", "compute-capability", "cpu", "marker"]
    when = {"cuda": ">=99", "compute-capability": ">=1", "cpu": "avx2", "marker": "os_name == 'x'"}
    table = {
        "variant": [{"name": "x", "when": when}],
        "advice": "; ".join(f"{{{name}}}" for name in names),
    }
    known = machine(
        cuda="12.4", compute_capability=["8.6", "9.0"], cpu=["fma", "avx2"], marker={"os_name": "y"}
    )
    problem = message(choose(table, known))
    assert "12.4; 8.6, 9.0; avx2, fma; os_name=y" in problem


def test_braces_that_are_no_placeholders_stay_as_they_are() -> None:
    values = {"cuda": "12.4"}
    assert fill("{{{cuda}}} {{}} {cuda.x} {0} {} { }", values) == "{12.4} {} {cuda.x} {0} {} { }"


# --- forced variants


def test_what_is_forced_is_had_whatever_the_machine() -> None:
    decision = decide(parse(CUDA), machine(), Request(("cu11",), "SPAM_VARIANT"), Environment())
    assert list(map(str, decision.requires)) == ["spam-cu11==1.0"]
    assert message_of(decision) is None
    assert decision.facts == {}
    assert [one.fits for one in decision.verdicts] == [None, None, None]
    reasons = {one.variant: one.reason for one in decision.verdicts}
    assert reasons["cu11"] == "it was asked for by SPAM_VARIANT"
    assert "SPAM_VARIANT" in reasons["cu12"]


def test_several_forced_capabilities_are_had_in_the_order_of_the_table() -> None:
    table = {**CUDA, "kind": "capability"}
    decision = decide(
        parse(table), machine(), Request(("cpu", "cu12"), "-C variant"), Environment()
    )
    assert [one.name for one in decision.variants] == ["cu12", "cpu"]
    assert list(map(str, decision.requires)) == ["spam-cu12==1.0", "spam-cpu==1.0"]


def test_code_of_an_old_release_is_uninstalled_and_what_was_asked_for_kept() -> None:
    table = {**CUDA, "kind": "capability"}
    environment = Environment(code=Code("spam", "0.9", "spam.py"))
    stopped = decide(parse(table), machine(), Request(("cpu", "cu12"), "-C variant"), environment)
    assert "spam 1.0 cannot be installed over spam 0.9.\n" in message(stopped)
    assert message(stopped).endswith(
        "  pip uninstall --yes spam\n"
        "  pip install --config-settings spam:variant=cu12,cpu spam==1.0"
    )


# --- properties


@given(tables(), machines)
def test_there_is_a_decision_for_every_table_and_machine(
    table: dict[str, Any], known: Machine
) -> None:
    selector = parse(table)
    decision = decide(selector, known, Request(), Environment())
    assert [one.variant for one in decision.verdicts] == [one.name for one in selector.variants]
    assert all(one.reason and "\n" not in one.reason for one in decision.verdicts)
    fitting = [one.variant for one in decision.verdicts if one.fits]
    if not fitting:
        assert decision.variants == ()
    else:
        first, *others = (one for one in selector.variants if one.name in fitting)
        more = (one for one in others if selector.choose and one.refuse is None)
        assert decision.variants == (() if first.refuse is not None else (first, *more))
    assert (message_of(decision) is None) == bool(decision.variants)


@given(tables(), machines)
def test_the_same_machine_gets_the_same_decision(table: dict[str, Any], known: Machine) -> None:
    again = load_machine(known.dump(), "a test", Origin.READ)
    first, second = (decide(parse(table), one, Request(), Environment()) for one in (known, again))
    assert first == second


def test_where_nothing_tells_variants_apart_nothing_is_claimed() -> None:
    own = ["spam-core=={version}", "cuda-toolkit==12.*"]
    table = {"variant": [{"name": name, "requires": own} for name in ("cu12", "cpu")]}
    then = Record("spam", "0.9", ("cu12",), distributions=("spam-cu12", "spam-core"))
    versions = {"spam": "0.9", "spam-core": "0.9", "cuda-toolkit": "12.4"}
    environment = Environment((then,), versions)
    decision = decide(parse(table), machine(), Request(("cpu",), "-C variant"), environment)
    assert decision.names == ["cpu"]


def test_what_stood_for_an_older_variant_of_another_name_is_in_the_way() -> None:
    then = Record("spam", "0.9", ("cu12",), distributions=("spam-cuda12",))
    environment = Environment((then,), {"spam": "0.9", "spam-cuda12": "0.9"})
    stopped = decide(parse(CUDA), machine(), Request(("cpu",), "-C variant"), environment)
    assert "  pip uninstall --yes spam spam-cuda12\n" in message(stopped)


def renamed(**more: Any) -> dict[str, Any]:
    return {"variant": [{"name": "cuda12", "when": {"cuda": ">=12"}, **more}, {"name": "cpu"}]}


@pytest.mark.parametrize("former", [{"formerly": ["cu12"]}, {}])
def test_a_renamed_variant_whose_distribution_stays_is_not_in_the_way(former: Any) -> None:
    then = Record("spam", "0.9", ("cu12",), distributions=("spam-cu12",))
    environment = Environment((then,), {"spam": "0.9", "spam-cu12": "0.9"})
    selector = parse(renamed(requires=["spam-cu12=={version}"], **former))
    decision = decide(selector, machine(cuda="12.4"), Request(), environment)
    assert decision.names == ["cuda12"]


@pytest.mark.parametrize("former", [{"formerly": ["cu12"]}, {}])
def test_what_an_extra_brought_to_a_renamed_variant_goes_and_comes_with_it(former: Any) -> None:
    device = {"device": ("spam-device-cu12==0.9",), "plot": ("spam-cu12[plot]==0.9",)}
    names = "spam-cu12", "spam-device-cu12"
    then = Record("spam", "0.9", ("cu12",), "", names, {}, ("spam-cu12==0.9",), device)
    environment = Environment((then,), dict.fromkeys(("spam", *names), "0.9"))
    table = {"extras": ["plot"], **renamed(extras={"device": ["spam-device-{name}"]}, **former)}
    stopped = decide(parse(table), machine(cuda="12.4"), Request(), environment)
    assert "\nspam-cu12 0.9 and spam-device-cu12 0.9 are installed.\n" in message(stopped)
    assert "  pip uninstall --yes spam spam-cu12 spam-device-cu12\n" in message(stopped)
    assert message(stopped).endswith("  pip install 'spam[device]==1.0'")


MPI: dict[str, Any] = {
    "variant": [
        {"name": "cu12-mpich", "when": {"musl": True}, "conform": {"cuda": "12", "mpi": "mpich"}},
        {"name": "cu12", "when": {"cuda": ">=12"}, "conform": {"cuda": "12"}},
    ]
}


@pytest.mark.parametrize("request_", [Request(), Request(("cu12",), "-C variant")])
def test_only_what_disagrees_with_what_would_do_is_to_be_uninstalled(request_: Request) -> None:
    alpha = Record("alpha", "1.0", ("openmpi",), conform={"mpi": "openmpi"})
    beta = Record("beta", "1.0", ("cu11",), conform={"cuda": "11"})
    environment = Environment((alpha, beta))
    stopped = decide(parse(MPI), machine(cuda="12.4"), request_, environment)
    assert "  pip uninstall --yes beta\n" in message(stopped)


def test_a_package_whose_record_is_of_no_use_is_changed_over_as_well() -> None:
    """Its record is passed over, but it is installed, and would bring its variant back."""
    environment = Environment(versions={"spam": "1.0", "spam-cu12": "1.0"})
    stopped = decide(parse(CUDA), machine(), Request(("cpu",), "-C variant"), environment)
    assert "  pip uninstall --yes spam spam-cu12\n" in message(stopped)


@pytest.mark.parametrize("decided_by", ["machine", "variant wheel", "SPAM_VARIANT"])
def test_a_variant_is_kept_by_asking_for_it_only_if_it_was_asked_for(decided_by: str) -> None:
    then = Record("spam", "1.0", ("cu12",), decided_by, ("spam-cu12",))
    environment = Environment((then,), {"spam": "1.0", "spam-cu12": "1.0"})
    stopped = decide(parse(CUDA), machine(), Request(), environment)
    asked = decided_by == "SPAM_VARIANT"
    assert ("cu12 was asked for by SPAM_VARIANT" in message(stopped)) is asked
    assert ("cu12 no longer fits: " in message(stopped)) is not asked
    assert ("To keep cu12, ask for it again:" in message(stopped)) is asked


@given(tables(), machines, environments_of_packages())
def test_an_environment_never_gets_a_variant_that_disagrees_or_a_second_one(
    table: dict[str, Any], known: Machine, environment: Environment
) -> None:
    selector = parse(table)
    asked = [Request(), *(Request((one.key,), "-C variant") for one in selector.variants)]
    for request in asked:
        decision = decide(selector, known, request, environment)
        assert (message_of(decision) is None) == bool(decision.variants)
        for variant in decision.variants if selector.kind == "requirement" else ():
            for other in environment.others("spam"):
                for name, text in variant.conform.items():
                    assert other.conform.get(name, text) == text
            here = environment.versions.keys()
            others = [one for one in selector.variants if one.key != variant.key]
            owns = [{*one.distributions} for one in others]
            assert not any(own and own <= here for own in owns)


@given(tables(), machines)
def test_a_forced_variant_is_had_on_every_machine(table: dict[str, Any], known: Machine) -> None:
    selector = parse(table)
    for variant in selector.variants:
        if variant.refuse is None:
            decision = decide(selector, known, Request((variant.key,), "-C variant"), Environment())
            assert decision.variants == (variant,)
            assert message_of(decision) is None


@given(tables(rising_when), machine_pairs())
def test_with_lower_bounds_a_machine_that_has_more_never_gets_a_later_variant(
    table: dict[str, Any], pair: tuple[Machine, Machine]
) -> None:
    selector = parse(table)

    def place(known: Machine) -> int:
        fits = [one.fits for one in decide(selector, known, Request(), Environment()).verdicts]
        return fits.index(True) if True in fits else len(fits)

    less, more = pair
    assert place(more) <= place(less)
