"""Which variables are nearly one of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selector_backend.model.facts import FACTS
from selector_backend.model.variables import near_misses

OURS = (
    *(fact.variable for fact in FACTS.values()),
    *("SELECTOR_MACHINE", "SELECTOR_PORTABLE", "SELECTOR_PROBE_TIMEOUT", "SELECTOR_SYSROOT"),
    "SELECTOR_ADVICE",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SELECTOR_CDUA", "SELECTOR_CUDA"),
        ("SELECTOR_cuda", "SELECTOR_CUDA"),
        ("SELECTOR_CPUS", "SELECTOR_CPU"),
        ("SELECTOR_COMPUTE_CAPABILITIES", "SELECTOR_COMPUTE_CAPABILITY"),
        ("SELECTOR_COMPUTE-CAPABILITY", "SELECTOR_COMPUTE_CAPABILITY"),
        ("SELECTOR_NVIDA_DRIVER", "SELECTOR_NVIDIA_DRIVER"),
        ("SELECTOR_MACHIEN", "SELECTOR_MACHINE"),
        ("SELECTOR_PORTABEL", "SELECTOR_PORTABLE"),
        ("SELECTOR_PROBE_TIMEOUTS", "SELECTOR_PROBE_TIMEOUT"),
        ("SELECTOR_SYS_ROOT", "SELECTOR_SYSROOT"),
        ("SELECTOR_ADVISE", "SELECTOR_ADVICE"),
        ("SELECTOR_LIBRARIES", "SELECTOR_LIBRARY"),
    ],
)
def test_a_variable_that_is_nearly_one_of_ours_is_told_which(name: str, meant: str) -> None:
    (sentence,) = near_misses([*OURS, name, "PATH"])
    assert sentence == f"the environment variable {name} is not known, did you mean {meant}?"


@pytest.mark.parametrize(
    "name",
    [
        *OURS,
        "SELECTOR_BACKEND_CUDA",
        "SELECTOR_GPU",
        "SELECTOR_CUDA_VERSION",
        "SELECTOR_",
        "SELECTOR_THEME",
        "SELECTORS_CUDA",
        "SPAM_CDUA",
        "CUDA",
    ],
)
def test_what_is_ours_or_somebody_elses_is_none(name: str) -> None:
    assert near_misses([name]) == ()


def test_the_tables_variable_may_be_nearly_one() -> None:
    assert near_misses(["SELECTOR_CUDAS"], "SELECTOR_CUDAS") == ()


@given(st.lists(st.text().map("SELECTOR_{}".format) | st.sampled_from(OURS)))
def test_whatever_is_set_each_variable_is_named_once_and_ours_never(names: list[str]) -> None:
    found = near_misses(names)
    assert len(found) <= len({*names} - {*OURS})
    assert len({*found}) == len(found)
