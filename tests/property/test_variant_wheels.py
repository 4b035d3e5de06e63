"""Variant wheels give on every machine what their table gives, or are not written.

What an installer takes there, `proof` says; here it is held against variantlib, which has the
filter and the order of PEP 825, and reads what is written.
"""

from __future__ import annotations

import itertools
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from support.environment import ROOT
from variantlib.models.variant import VariantDescription, VariantProperty
from variantlib.resolver.lib import filter_variants
from variantlib.resolver.sorting import sort_variants_descriptions
from variantlib.variant_dist_info import VariantDistInfo
from variantlib.variants_json import VariantsJson

from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import read_project
from selector_backend.authoring.selector import parse_selector
from selector_backend.cli.fleet import shipped_machines
from selector_backend.model.decision import Environment, Request, decide
from selector_backend.model.facts import FACTS
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.table import Selector
from selector_backend.probes import complete
from selector_backend.variant_wheels.building import (
    NotExpressibleError,
    VariantWheel,
    express_rows,
    metadata,
    variant_wheels,
    write_variant_wheels,
)
from selector_backend.variant_wheels.proof import Installer, prove

if TYPE_CHECKING:
    from selector_backend.model.kinds import Value

Feature = tuple[str, str]

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


def facts_of(machine: Machine) -> dict[str, Value | None]:
    return {name: fact.value for name, fact in machine.facts.items()}


# --- By variantlib


def picked(
    variants: Sequence[VariantDescription], supported: Mapping[Feature, Sequence[str]]
) -> str | None:
    """Return the label of the variant that variantlib puts first."""
    ordered = [VariantProperty(*key, one) for key, some in supported.items() for one in some]
    fitting = [*filter_variants([*variants], ordered)]
    return next((one.label for one in sort_variants_descriptions(fitting, ordered)), None)


def taken(selector: Selector, wheels: Sequence[VariantWheel], machine: Machine) -> str | None:
    """Return the label of the wheel that variantlib picks by the metadata that are written."""
    installer, read = Installer(selector, wheels), VariantsJson(metadata(selector, wheels))
    facts = facts_of(machine)
    # Its own order of the rows, as it read it.
    supported: dict[Feature, Sequence[str]] = {
        (namespace, feature): values
        for namespace, provider in read.providers.items()
        for feature, values in provider.static_properties.items()
    }
    supported = {**supported, **installer.supported(facts)}
    return picked([read.variants[wheel.label] for wheel in installer.at(facts)], supported)


def variant_of(wheels: Sequence[VariantWheel], label: str | None) -> str | None:
    return next((one.variant.name for one in wheels if one.label == label), None)


#: The recipes that have variant wheels, of all rows or of some.
RECIPES = ["faiss", "jax", "onnxruntime", "polars", "pytorch"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_shipped_machines_get_from_recipes_what_variantlib_picks(recipe: str) -> None:
    selector = read_project(ROOT / "docs/recipes" / recipe).selector
    wheels = [*itertools.chain.from_iterable(some for some, _ in express_rows(selector))]
    found = set()
    for named in shipped_machines(tuple(FACTS)):
        variant = Installer(selector, wheels).take(facts_of(named.machine))
        found.add(variant and variant.name)
        expected = variant_of(wheels, taken(selector, wheels, named.machine))
        assert (variant and variant.name) == expected, named.name
    assert len(found) > 1


@pytest.mark.parametrize("project", ["example-spam/spam", "docs/recipes/faiss"])
def test_what_variantlib_reads_of_the_files(tmp_path: Path, project: str) -> None:
    compiled = compile_project(read_project(ROOT / project))
    wheels = variant_wheels(compiled.selector)
    names = write_variant_wheels(tmp_path, ROOT / project, compiled, wheels, "0")
    whole = VariantsJson(json.loads((tmp_path / names[-1]).read_bytes()))
    merged: Any = None
    for name in names[:-1]:
        label = name.removesuffix(".whl").rpartition("-")[2]
        with zipfile.ZipFile(tmp_path / name) as archive:
            (file,) = (one for one in archive.namelist() if one.endswith("/variant.json"))
            one = VariantDistInfo(archive.read(file).decode(), label)
        assert one.variants[label] == whole.variants[label]
        merged = merged or VariantsJson(one)
        merged.merge(one)
    assert {*merged.variants} == {*whole.variants}
    assert merged.namespace_priorities == whole.namespace_priorities


# --- By the table


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
    installer = Installer(selector, wheels)
    for machine in machines:
        decision = decide(selector, machine, Request(), Environment())
        variant = installer.take(facts_of(machine))
        assert [*decision.variants] == [one for one in [variant] if one is not None]
        label = taken(selector, wheels, machine)
        assert variant_of(wheels, label) == (variant and variant.name)
