"""What conditions become as properties and platform tags of a variant wheel, or why nothing."""

from __future__ import annotations

from typing import Any

import pytest

from selector_backend.authoring.platforms import InexpressibleError
from selector_backend.authoring.selector import parse_selector
from selector_backend.model.table import Selector
from selector_backend.variant_wheels.properties import Asked, express

NEWER = [f"{major}0_real" for major in (12, 13, 14, 15, 16, 17, 18, 19)]
PROVIDER = {"x86_64": {"requires": ["provider-variant-x86-64"], "enable-if": "os_name == 'posix'"}}


def selector_of(when: dict[str, Any], provider: dict[str, Any] | None = None) -> Selector:
    table = {"variant": [{"name": "x", "when": when}], "provider": provider or {}}
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    return selector


def asked(when: dict[str, Any], provider: dict[str, Any] | None = None) -> Asked:
    selector = selector_of(when, provider)
    return express(selector.variants[0].when[0], selector)


def properties(when: dict[str, Any], provider: dict[str, Any] | None = None) -> dict[str, Any]:
    """The values of each feature, by ``namespace :: feature``."""
    found = asked(when, provider).properties
    return {" :: ".join(feature): [*values] for feature, values in found.items()}


def reason(when: dict[str, Any], provider: dict[str, Any] | None = None) -> str:
    with pytest.raises(InexpressibleError) as caught:
        asked(when, provider)
    return str(caught.value)


# --- CUDA


@pytest.mark.parametrize(
    ("specifier", "lower", "upper"),
    [
        (">=12", "12.0", None),
        (">=12.1", "12.1", None),
        (">12", "12.1", None),
        (">=11.2,<13", "11.2", "13.0"),
        ("==12.*", "12.0", "13.0"),
        ("==12.4", "12.4", "12.5"),
        ("~=12.4", "12.4", "13.0"),
        (">=11,<=12.4", "11.0", "12.5"),
        (">=11.8,!=11.8", "11.9", None),
        (">=12,<16", "12.0", None),  # the provider knows no driver that is newer
        (">=12.20", "12.20", None),
    ],
)
def test_cuda_is_between_bounds(specifier: str, lower: str, upper: str | None) -> None:
    expected = {"nvidia :: cuda_version_lower_bound": [lower]}
    if upper:
        expected["nvidia :: cuda_version_upper_bound"] = [upper]
    assert properties({"cuda": specifier}) == expected


@pytest.mark.parametrize(
    ("specifier", "why"),
    [
        (">=10.2", "its provider tells CUDA 11.0 and newer; ask for '>=11.0', too"),
        ("<12", "its provider tells CUDA 11.0 and newer; ask for '>=11.0', too"),
        (True, "its provider tells CUDA 11.0 and newer; ask for '>=11.0', too"),
        (">=12,!=12.3", "two bounds say it of versions in a row, and of no others"),
        (">=16", "no driver has such a version"),
        (False, "a property says what is there, and not what is absent"),
    ],
)
def test_other_versions_of_cuda_cannot_be_asked_for(specifier: str | bool, why: str) -> None:
    assert reason({"cuda": specifier}) == f"cuda: {why}"


# --- GPUs


@pytest.mark.parametrize(
    ("specifier", "values"),
    [
        (">=7.5", ["75_real", "80_real", "90_real", "100_real", "110_real", *NEWER]),
        (">=8.6", ["86_real", "90_real", "100_real", "110_real", *NEWER]),
        (">=5.0,<10", ["50_real", "60_real", "70_real", "80_real", "90_real"]),
        ("==9.*", ["90_real"]),
        (">=12.0", NEWER),
        (">=12.1", ["121_real", *NEWER[1:]]),
        ("==9.0", ["90_real"]),  # there is no other of that major version
    ],
)
def test_gpus_are_those_of_each_major_version_from_one_on(
    specifier: str, values: list[str]
) -> None:
    found = properties({"cuda": ">=11", "compute-capability": specifier})
    assert found == {
        "nvidia :: cuda_version_lower_bound": ["11.0"],
        "nvidia :: sm_arch": values,
    }


@pytest.mark.parametrize(
    ("specifier", "why"),
    [
        ("==8.0", "a GPU of 8.6 runs what is for 8.0, and is not asked for; end at a major"),
        (">=7.0,<7.5", "a GPU of 7.5 runs what is for 7.0, and is not asked for; end at a major"),
        (">=3.5", "its provider knows no GPU below 5.0; ask for '>=5.0', too"),
        (True, "its provider knows no GPU below 5.0; ask for '>=5.0', too"),
    ],
)
def test_other_gpus_cannot_be_asked_for(specifier: str | bool, why: str) -> None:
    when = {"cuda": ">=11", "compute-capability": specifier}
    assert reason(when).startswith(f"compute-capability: {why}")


def test_a_gpu_is_asked_for_with_its_driver() -> None:
    assert reason({"cuda": ">=12", "compute-capability": {"every": ">=8.0"}}) == (
        "compute-capability: one GPU with a property is enough, and this asks it of each"
    )
    assert reason({"library": "libmpi.so.40"}) == (
        "library: no provider tells which libraries the loader finds"
    )
    assert reason({"abi-features": "free-threading"}) == (
        "abi-features: a wheel's ABI tag says it, such as cp313t, and no property"
    )
    assert reason({"gfx": "gfx94*"}) == reason({"gfx": ["gfx942", "gfx94*"]})
    assert reason({"compute-capability": ">=8.0"}) == (
        "compute-capability: its provider tells nothing of a GPU whose driver's CUDA is below "
        "11.0; ask for cuda = '>=11.0', too"
    )


def test_drivers_of_cuda_12_run_no_gpus_that_the_provider_leaves_out() -> None:
    found = properties({"cuda": ">=12", "compute-capability": True})
    assert found["nvidia :: cuda_version_lower_bound"] == ["12.0"]
    assert found["nvidia :: sm_arch"][:2] == ["50_real", "60_real"]
    assert "its provider knows no GPU below 5.0" in reason(
        {"cuda": ">=11", "compute-capability": True}
    )


# --- CPUs


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("x86-64-v3", {"x86_64 :: level": ["v3"]}),
        ("x86_64", {"x86_64 :: level": ["v1"]}),
        (["x86_64_v2", "x86_64_v4", "x86_64"], {"x86_64 :: level": ["v4"]}),
        ("aarch64", {"aarch64 :: version": ["8a"]}),
        (["aarch64", "armv8.2a"], {"aarch64 :: version": ["8.2a"]}),
        ("armv9.0a", {"aarch64 :: version": ["9.0a"]}),
    ],
)
def test_the_level_of_a_cpu(names: str | list[str], expected: dict[str, Any]) -> None:
    assert properties({"cpu": names}) == expected


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("avx2", "providers tell the level of a CPU; avx2 is in every CPU of x86_64_v3; ask for"),
        ("sve", "providers tell the level of a CPU; sve is none"),
        ("zen3", "providers tell the level of a CPU; zen3 is none"),
        (["x86_64_v3", "zen3"], "providers tell the level of a CPU; zen3 is none"),
        (["x86_64", "aarch64"], "no CPU is of two families"),
        (True, "a property says which CPU, and not that there is one"),
    ],
)
def test_other_cpus_cannot_be_asked_for(names: Any, why: str) -> None:
    assert reason({"cpu": names}).startswith(f"cpu: {why}")


def test_a_feature_is_a_property_of_the_provider_that_the_table_names() -> None:
    found = properties({"cpu": ["avx2", "x86_64_v2"]}, PROVIDER)
    assert found == {"x86_64 :: avx2": ["on"], "x86_64 :: level": ["v2"]}
    assert reason({"cpu": "sve"}, PROVIDER) == (
        "cpu: providers tell the level of a CPU; sve is none"
    )


# --- Properties


def test_properties_stay_as_they_are_where_their_provider_is_asked() -> None:
    names = ["x86_64 :: level :: v3", "x86_64 :: avx2 :: on"]
    found = asked({"property": names}, PROVIDER)
    assert found.properties == {("x86_64", "level"): ["v3"], ("x86_64", "avx2"): ["on"]}
    assert "win_amd64" not in found.tags
    assert {"macosx_10_9_x86_64", "manylinux_2_5_x86_64"} <= {*found.tags}


def test_two_values_of_a_feature_are_no_property() -> None:
    names = ["x86_64 :: level :: v3", "x86_64 :: level :: v2"]
    assert reason({"property": names}, PROVIDER) == (
        "property: of two values of x86_64 :: level a wheel takes either, and this asks for both"
    )


def test_two_conditions_cannot_ask_for_one_feature() -> None:
    when = {"cpu": "x86_64_v2", "property": "x86_64 :: level :: v3"}
    assert reason(when, PROVIDER) == "property: another condition asks for the same feature"


# --- Platforms


LINUX = [
    *("manylinux_2_5_x86_64", "manylinux_2_5_i686"),
    *(f"manylinux_2_17_{one}" for one in ("aarch64", "armv7l", "ppc64le", "riscv64", "s390x")),
    *(f"musllinux_1_0_{one}" for one in ("x86_64", "i686", "aarch64", "armv7l", "ppc64le")),
    *("musllinux_1_0_riscv64", "musllinux_1_0_s390x"),
]
MAC = ["macosx_10_9_x86_64", "macosx_11_0_arm64"]
WINDOWS = ["win_amd64", "win_arm64", "win32"]


@pytest.mark.parametrize(
    ("when", "tags"),
    [
        ({"marker": "sys_platform == 'linux'"}, LINUX),
        ({"marker": "platform_system == 'Darwin'"}, MAC),
        ({"marker": "os_name == 'nt'"}, WINDOWS),
        ({"marker": "sys_platform != 'linux'"}, MAC + WINDOWS),
        ({"marker": "'64' in platform_machine and os_name == 'nt'"}, WINDOWS[:2]),
        ({"marker": "os_name == 'nt' or os_name == 'posix'"}, ["any"]),
        (
            {"marker": "sys_platform == 'linux' and platform_machine == 'x86_64'"},
            ["manylinux_2_5_x86_64", "musllinux_1_0_x86_64"],
        ),
        ({"macos": ">=14"}, ["macosx_14_0_x86_64", "macosx_14_0_arm64"]),
        ({"macos": ">=10.15"}, ["macosx_10_15_x86_64", "macosx_11_0_arm64"]),
        ({"macos": True}, MAC),
        ({"macos": False, "musl": False, "glibc": False}, WINDOWS),
        ({"musl": ">=1.2", "marker": "platform_machine == 'x86_64'"}, ["musllinux_1_2_x86_64"]),
        (
            {"glibc": ">=2.28", "marker": "platform_machine == 'aarch64'"},
            ["manylinux_2_28_aarch64"],
        ),
        # NVIDIA's driver is on these only.
        (
            {"cuda": ">=12", "marker": "sys_platform == 'linux'"},
            ["manylinux_2_5_x86_64", "manylinux_2_17_aarch64", "manylinux_2_17_ppc64le"],
        ),
        ({"cuda": ">=12"}, ["any"]),
        (
            {"cpu": "x86_64_v3", "marker": "sys_platform == 'linux'"},
            ["manylinux_2_5_x86_64", "musllinux_1_0_x86_64"],
        ),
    ],
)
def test_what_is_said_of_the_platform_is_a_tag(when: dict[str, Any], tags: list[str]) -> None:
    assert [*asked(when).tags] == tags


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (
            {"marker": "python_version >= '3.10' and os_name == 'nt'"},
            "marker: a platform tag does not tell python_version; it tells os_name, "
            "platform_machine, platform_system, sys_platform",
        ),
        ({"marker": "sys_platform == 'sunos5'"}, "marker: no such machine has a platform"),
        ({"glibc": "<2.28"}, "glibc: a platform tag stands for a version and all that are newer"),
        ({"glibc": "==2.28"}, "glibc: a platform tag stands for a version and all that are newer"),
        ({"macos": ">=14.5"}, "macos: a platform tag stands for a major version and all that are"),
        ({"cuda": ">=12", "macos": True}, "macos: no such machine has a platform that wheels"),
    ],
)
def test_what_tags_do_not_say_of_the_platform(when: dict[str, Any], why: str) -> None:
    assert reason(when).startswith(why)


# --- What nothing says


@pytest.mark.parametrize(
    "when",
    [
        {"cuda-toolkit": ">=12"},
        {"nvidia-driver": ">=550"},
        {"rocm": ">=6"},
        {"gfx": "gfx942"},
        {"xpu": True},
    ],
)
def test_facts_that_no_provider_tells(when: dict[str, Any]) -> None:
    assert reason(when) == (
        f"{next(iter(when))}: no provider that installers know tells it; name one in "
        "tool.selector.provider, and ask for its properties"
    )


def test_what_is_installed_is_no_property() -> None:
    assert reason({"installed": "torch==2.9.1"}) == (
        "installed: what else is installed is no property of a machine"
    )


def test_every_reason_is_told() -> None:
    when = {"cuda": "<12", "gfx": "gfx942", "marker": "python_version > '3.9'"}
    found = reason(when)
    assert [one.partition(":")[0] for one in found.split("; ") if ": " in one] == [
        *("cuda", "gfx", "marker")
    ]
