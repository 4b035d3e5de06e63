"""The recipe for rocm against what `rocm`'s own `setup.py` decides, said again in other words."""

from __future__ import annotations

import pytest
from support.environment import ROOT

from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import read_project
from selector_backend.errors import SelectorError
from selector_backend.installing.request import read_request
from selector_backend.installing.wheel import metadata
from selector_backend.model.decision import Environment, decide
from selector_backend.probes import read_machine

RECIPE = ROOT / "docs/recipes/rocm"
VERSION = "7.13.0"
#: What a release has packages for, by the systems that it has them for.
ANYWHERE = ("gfx103X-all", "gfx110X-all", "gfx1150", "gfx1151", "gfx120X-all")
LINUX = ("gfx908", "gfx90a", "gfx942", "gfx950")
FAMILIES = sorted((*ANYWHERE, *LINUX))
DEFAULT = ANYWHERE[0]


def family_of(target: str) -> str | None:
    """Return what a release has for a target: a family that leaves its last digit open, or it."""
    kinds = (f"{target[:-1]}X-{kind}" for kind in ("all", "dgpu", "igpu", "dcgpu"))
    return next((one for one in (*kinds, target) if one in FAMILIES), None)


def required_by(family: str) -> set[str]:
    """Return what the metadata require for a family: core, and each extra's."""
    found = {f"rocm-sdk-core=={VERSION}"}
    found |= {f'{name}=={VERSION}; extra == "{extra}"' for extra, name in TOOLS.items()}
    for kind in ("libraries", "device"):
        found.add(f'rocm-sdk-{kind}-{family}=={VERSION}; extra == "{kind}"')
        for one in FAMILIES:
            system = 'sys_platform == "linux" and ' if one in LINUX else ""
            own = f"rocm-sdk-{kind}-{one}=={VERSION}; {system}"
            found.add(f'{own}extra == "{kind}-{one.lower()}"')
            found.add(f'{own}extra == "{kind}-all"')
    return found


TOOLS = {"devel": "rocm-sdk-devel", "profiler": "rocm-profiler"}


def lines(targets: str, asked: str = "") -> list[str]:
    """Return what the recipe's wheel requires on a machine with GPUs of these targets."""
    compiled = compile_project(read_project(RECIPE))
    selector = compiled.selector
    environ = {"SELECTOR_GFX": targets, "ROCM_SDK_TARGET_FAMILY": asked}
    request = read_request(selector, {}, environ)
    decision = decide(selector, read_machine(selector.facts, environ), request, Environment())
    text = metadata(compiled, decision, VERSION).decode()
    return [one[15:] for one in text.splitlines() if one.startswith("Requires-Dist: ")]


@pytest.mark.parametrize(
    ("targets", "asked"),
    [
        *((target, "") for target in ("gfx1030", "gfx1036", "gfx1100", "gfx1103", "gfx1150")),
        *((target, "") for target in ("gfx1151", "gfx1200", "gfx1201", "gfx908", "gfx90a")),
        *((target, "") for target in ("gfx942", "gfx950", "gfx1100,gfx1101", "")),
        *((target, "") for target in ("gfx803", "gfx906", "gfx90c", "gfx1012", "gfx1152")),
        *(("", "gfx942"), ("gfx1100", "gfx950"), ("gfx1036,gfx1100", "gfx110X-all")),
    ],
)
def test_a_machine_gets_what_setup_py_gives_it(targets: str, asked: str) -> None:
    known = (family_of(target) for target in targets.split(","))
    family = asked or next(filter(None, known), DEFAULT)
    found = lines(targets, asked)
    assert {*found} == required_by(family)
    assert len(found) == len({*found})


def test_two_gpus_get_both_device_packages_where_setup_py_gives_one() -> None:
    found = lines("gfx1036,gfx1100")
    assert {*found} == required_by("gfx103X-all") | required_by("gfx110X-all")
    assert len(found) == len({*found})
    assert lines("gfx1100,gfx1036") == found


def test_a_family_that_the_release_does_not_have_is_an_error_as_there() -> None:
    with pytest.raises(SelectorError, match="ROCM_SDK_TARGET_FAMILY asks for 'gfx906'"):
        lines("gfx1100", "gfx906")
