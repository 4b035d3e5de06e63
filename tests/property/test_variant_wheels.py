"""Variant wheels give on every machine what their table gives, or are not written."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from selector_backend.authoring.table import parse_selector
from selector_backend.model.decision import Environment, Request, decide
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.table import Selector
from selector_backend.probes import complete
from selector_backend.variant_wheels.building import NotExpressibleError, variant_wheels
from selector_backend.variant_wheels.ordering import Ordering, prove

CUDA = st.sampled_from(
    [">=11.2", ">=12", ">=12.4", ">=12,<13", "==12.*", "~=12.1", ">=13", ">=11,<=12.4", "==12.8"]
)
GPUS = st.sampled_from([">=5.0", ">=7.5", ">=8.6", ">=5.0,<10", ">=9.0,<13", "==12.*", ">=13.0"])
CPUS = st.sampled_from(
    [
        "x86_64_v2",
        "x86_64_v3",
        "x86_64_v4",
        "x86_64",
        "aarch64",
        "armv8.2a",
        ["x86_64", "x86_64_v3"],
    ]
)
MARKERS = st.sampled_from(
    [
        "sys_platform == 'linux'",
        "sys_platform != 'win32'",
        "platform_machine == 'x86_64' or platform_machine == 'AMD64'",
        "os_name == 'posix' and 'arm' not in platform_machine",
    ]
)
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "cuda": CUDA,
    "compute-capability": GPUS,
    "cpu": CPUS,
    "marker": MARKERS,
    "glibc": st.sampled_from([">=2.17", ">=2.28", ">=2.35", True, False]),
    "macos": st.sampled_from([">=11", ">=14", ">=10.15", True, False]),
}
_alternative = st.lists(
    st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=3, unique=True
).flatmap(
    # What NVIDIA's provider tells of a GPU it tells where it knows the driver.
    lambda names: st.fixed_dictionaries(
        {
            name: CONDITIONS[name]
            for name in ({*names, "cuda"} if "compute-capability" in names else names)
        }
    )
)
_when = _alternative | st.lists(_alternative, min_size=1, max_size=3)
_last = st.sampled_from([[], [{"name": "cpu"}], [{"name": "none", "refuse": "no"}]])


@st.composite
def selectors(draw: st.DrawFn) -> Selector:
    rows = [
        {"name": f"v{number}", "when": when}
        for number, when in enumerate(draw(st.lists(_when, min_size=1, max_size=4)))
    ]
    table = {"variant": [*rows, *draw(_last)]}
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    return selector


_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_PLATFORMS: list[dict[str, Any]] = [
    {"marker": {**_LINUX, "platform_machine": "x86_64"}, "glibc": "2.35"},
    {"marker": {**_LINUX, "platform_machine": "x86_64"}, "glibc": "2.17"},
    {"marker": {**_LINUX, "platform_machine": "aarch64"}, "glibc": "2.28"},
]
_ELSEWHERE: list[dict[str, Any]] = [
    {"marker": {**_LINUX, "platform_machine": "x86_64"}, "musl": "1.2"},
    *(
        {
            "marker": {
                "sys_platform": "darwin",
                "platform_system": "Darwin",
                "os_name": "posix",
                "platform_machine": machine,
            },
            "macos": version,
        }
        for machine, version in [("arm64", "14.5"), ("arm64", "11.0"), ("x86_64", "10.15")]
    ),
    {
        "marker": {
            "sys_platform": "win32",
            "platform_system": "Windows",
            "os_name": "nt",
            "platform_machine": "AMD64",
        }
    },
]
_NAMES = {
    "x86_64": ["zen3", "haswell", "nehalem", "x86_64", "sapphirerapids", "x86_64_v3"],
    "arm64": ["m1", "m2", "aarch64"],
    "aarch64": ["neoverse_n1", "neoverse_v2", "aarch64", "a64fx"],
    "AMD64": ["alderlake", "zen2", "x86_64"],
}


@st.composite
def real_machines(draw: st.DrawFn) -> Machine:
    facts = dict(draw(st.sampled_from([*_PLATFORMS, *_ELSEWHERE])))
    if facts.get("glibc") and draw(st.booleans()):
        facts["cuda"] = draw(st.sampled_from(["11.0", "11.4", "12.0", "12.4", "12.8", "13.1"]))
        old = [] if facts["cuda"] == "13.1" else ["5.0", "6.1", "7.0"]
        gpus = [*old, "7.5", "8.0", "8.6", "9.0", "10.0", "12.0", "12.1", "13.4"]
        facts["compute-capability"] = (draw(st.sampled_from(gpus)),)
    if draw(st.booleans()):
        machine = facts["marker"]["platform_machine"]
        facts["cpu"] = frozenset({draw(st.sampled_from(_NAMES[machine]))})
    return Machine({name: complete(Fact(name, "drawn", one)) for name, one in facts.items()})


@settings(max_examples=max(settings().max_examples // 10, 1))
@given(selectors(), st.lists(real_machines(), min_size=1, max_size=30))
def test_what_is_written_is_right_on_machines_that_nobody_chose(
    selector: Selector, machines: list[Machine]
) -> None:
    try:
        wheels = variant_wheels(selector)
    except NotExpressibleError:
        event("a condition is nothing that a wheel says")
        assume(False)
    count = prove(selector, wheels, [])
    event("more than 100 machines" if count > 100 else "up to 100 machines")
    ordering = Ordering(selector, wheels)
    for machine in machines:
        decision = decide(selector, machine, Request(), Environment())
        assert [one.name for one in decision.variants] == [
            one.name for one in [ordering.on(machine)] if one is not None
        ]
