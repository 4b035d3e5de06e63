"""A lock for all platforms: on each, exactly the variant that a machine there would get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import event, given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from support.strategies import any_when, machines, tables

from selector_backend.authoring.platforms import PLATFORMS, TAGS, possible, where_possible
from selector_backend.authoring.selector import parse_selector
from selector_backend.model.decision import Kept, Request
from selector_backend.model.everywhere import decide_everywhere
from selector_backend.model.facts import FACTS
from selector_backend.model.kinds import LIBRARIES, MARKERS, NAMES, judge
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.table import REQUIREMENT
from selector_backend.model.values import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from selector_backend.authoring.platforms import Platform
    from selector_backend.model.table import Selector

HERE = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.7",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1.0-13-amd64",
    "platform_system": "Linux",
    "platform_version": "#1 SMP",
    "python_full_version": "3.11.7",
    "python_version": "3.11",
    "sys_platform": "linux",
}
#: The platforms that a lock tells apart by itself; others get what their system has in common.
COMMON = {
    *(("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64")),
    *(("win32", "AMD64"), ("win32", "ARM64")),
}
PYTHONS = (
    *(("3.8", "cpython"), ("3.9", "pypy"), ("3.11", "cpython")),
    *(("3.12", "pypy"), ("3.13", "cpython"), ("3.15", "cpython")),
)
UNKNOWN = (
    {"sys_platform": "freebsd14", "platform_system": "FreeBSD", "platform_machine": "amd64"},
    {"sys_platform": "ios", "platform_system": "iOS", "platform_machine": "arm64"},
    {"sys_platform": "cygwin", "platform_system": "CYGWIN_NT", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "loongarch64"},
    {"sys_platform": "emscripten", "platform_system": "Emscripten", "platform_machine": "wasm32"},
)


def environments() -> Iterator[tuple[Platform | None, dict[str, str]]]:
    """Yield the platforms that there are wheels for, and some others, each with some Pythons."""
    named = {
        (one.marker["sys_platform"], one.marker["platform_machine"]): one
        for one in reversed(PLATFORMS)  # glibc's come first
    }
    kinds: list[tuple[Platform | None, Mapping[str, str]]] = [
        (one if key in COMMON else None, one.marker) for key, one in named.items()
    ]
    kinds += [(None, {"os_name": "posix", **one}) for one in UNKNOWN]
    for platform, marker in kinds:
        for version, name in PYTHONS:
            own = {"python_version": version, "implementation_name": name}
            yield platform, {**HERE, **marker, **own}


ENVIRONMENTS = [*environments()]


def names_in(requires: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    """Return what is required there, as installers judge it."""
    parsed = map(Requirement, requires)
    return [one.name for one in parsed if not one.marker or one.marker.evaluate({**environment})]


def expected(
    selector: Selector, machine: Machine, platform: Platform, environment: Mapping[str, str]
) -> list[str]:
    """Return the variants that a machine of a platform gets, which else is as ``machine``."""
    found: list[str] = []
    for variant in selector.variants:
        for alternative in variant.when or ({},):
            facts = {
                name: there(name, wanted, machine[name], platform, environment)
                for name, wanted in alternative.items()
            }
            if judge([alternative], facts)[0]:
                own = [] if variant.refuse else [f"spam-{variant.name}"]
                if not found and (variant.refuse or not selector.choose):
                    return own
                found += [one for one in own if one not in found]
    return found


def there(
    name: str, wanted: Any, fact: Fact, platform: Platform, environment: Mapping[str, str]
) -> Fact:
    kind = FACTS[name].kind
    if kind is MARKERS:
        return Fact(name, "there", {**environment})
    if platform.marker.items() <= HERE.items() and fact.value is not None:
        return fact  # what was read is there
    if name in TAGS:
        # A marker does not tell the C libraries of Linux apart.
        system = {"macos": "darwin"}.get(name, "linux")
        is_there = platform.marker["sys_platform"] == system
        return fact if is_there else Fact(name, "there", reason="no")
    if not possible(platform, name):
        return Fact(name, "there", reason="no")
    named = kind in (NAMES, LIBRARIES) and isinstance(wanted, tuple) and fact.value is not None
    if named and not all(possible(platform, name, (one,)) for one in wanted):
        return Fact(name, "there", frozenset())
    return fact


@given(tables(any_when), machines)
def test_each_platform_gets_what_a_machine_there_would(
    table: dict[str, Any], machine: Machine
) -> None:
    selector = parse(table)
    decision = decide_everywhere(selector, known(machine, selector), Request(), HERE)
    event("nothing" if decision.stop else f"{len(decision.variants)} variants")
    requires = () if decision.stop else decision.requires
    for platform, environment in ENVIRONMENTS:
        names = [one for one in names_in(requires, environment) if one != "spam-core"]
        assert len(names) <= 1 or selector.choose, environment
        if platform is not None:
            assert names == expected(selector, machine, platform, environment), environment
    again = decide_everywhere(selector, known(machine, selector), Request(), HERE)
    assert again.requires == decision.requires


def parse(table: dict[str, Any]) -> Selector:
    selector, _ = parse_selector(table, project="spam", version="1.0")
    return replace(selector, where=where_possible(selector.conditions))


def known(machine: Machine, selector: Selector) -> Machine:
    """Return what is read of a machine for a table: its marker variables are `HERE`."""
    facts = {name: machine[name] for name in selector.facts}
    return Machine({**facts, "marker": Fact("marker", "a test", HERE)})


KEPT = (
    "",
    "sys_platform == 'linux'",
    "platform_machine == 'aarch64' and sys_platform == 'linux'",
    "python_full_version < '3.12' or sys_platform == 'win32'",
    "python_version >= '3.12'",
)
MARKERS_OF = {text: Marker(text) for text in KEPT if text}


@given(tables(any_when), machines, st.sampled_from(KEPT), st.sampled_from(KEPT))
def test_what_a_lock_names_is_kept(
    table: dict[str, Any], machine: Machine, first: str, last: str
) -> None:
    selector = parse(table)
    facts = known(machine, selector)
    kept = (Kept("v0", first, "uv.lock"), Kept("gone", "", "uv.lock"), Kept("v1", last, "uv.lock"))
    decision = decide_everywhere(selector, facts, Request(kept=kept), HERE)
    plain = decide_everywhere(selector, facts, Request(), HERE)
    variants = {one.key: f"spam-{one.name}" for one in selector.variants if one.refuse is None}
    if not (first and last) or decision.stop or plain.stop:
        return  # where it can be at all, as a variant that is asked for
    for _, environment in ENVIRONMENTS:
        full = {**environment, "python_full_version": f"{environment['python_version']}.1"}
        named = [
            one.variant for one in kept if one.marker and MARKERS_OF[one.marker].evaluate(full)
        ]
        wanted = [variants[key] for key in named if key in variants]
        if wanted and selector.kind == REQUIREMENT:
            wanted = wanted[:1]
        own = [one for one in names_in(decision.requires, environment) if one != "spam-core"]
        without = [one for one in names_in(plain.requires, environment) if one != "spam-core"]
        assert own == (wanted or without), environment
