"""Where a release lacks a wheel, and which of its files are in each other's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from selector_backend.authoring.selector import parse_selector
from selector_backend.checking.finished import Sdist, Wheel, parse_wheel
from selector_backend.checking.release import Release
from selector_backend.checking.targets import find_targets
from selector_backend.model.problems import NOTE

LINUX, ARM = "manylinux_2_28_x86_64", "manylinux_2_28_aarch64"
ANY = "py3-none-any"


def cp(*minors: int, platforms: Sequence[str] = (LINUX,)) -> list[str]:
    return [f"cp3{minor}-cp3{minor}-{one}" for minor in minors for one in platforms]


def wheel(name: str, tags: str, files: str = "", python: str = "") -> Wheel:
    paths = dict.fromkeys(files.split(), "sha256=x")
    file = f"{name.replace('-', '_')}-1.0-{tags}.whl"
    return Wheel(
        file,
        canonicalize_name(name),
        Version("1.0"),
        parse_tag(tags),
        requires_python=SpecifierSet(python),
        files=paths,
    )


def release(
    cu12: Sequence[str],
    cpu: Sequence[str],
    when: object = None,
    python: str = ">=3.9",
    **top: object,
) -> Release:
    first = {"name": "cu12", "when": {"cuda": ">=12"} if when is None else when}
    selector, problems = parse_selector(
        {"variant": [first, {"name": "cpu"}], **top}, project="spam", version="1.0"
    )
    assert selector is not None
    assert not problems
    wheels = [wheel("spam-cu12", one) for one in cu12] + [wheel("spam-cpu", one) for one in cpu]
    return Release(selector, "spam-1.0.tar.gz", wheels, requires_python=SpecifierSet(python))


def lacks(found: Release) -> list[str]:
    """Return what is lacking, without the reasons."""
    lacking = (one for one in found.review() if one.severity != NOTE)
    return [f"{one.key}: {one.message.partition(';')[0]}" for one in lacking]


@pytest.mark.parametrize(
    ("cu12", "cpu", "expected"),
    [
        ([ANY], [ANY], []),
        (cp(12, 13), cp(12, 13), []),
        (cp(12), cp(12, 13), ["spam-cu12: no wheel of cp313 for Linux on x86_64 with glibc 2.28"]),
        # The last row fits everywhere.
        (cp(12, 13), cp(12), ["spam-cpu: no wheel of cp313 for Linux on x86_64 with glibc 2.28"]),
        # abi3 and py3 go on where no tag ends them.
        ([f"cp39-abi3-{LINUX}"], [f"cp39-abi3-{LINUX}"], []),
        (
            [f"cp39-abi3-{LINUX}"],
            cp(9),
            [
                "spam-cpu: no wheel of cp310, cp311, cp312, cp313, cp314, cp315 for Linux on "
                "x86_64 with glibc 2.28"
            ],
        ),
        ([f"py3-none-{LINUX}"], [f"cp39-abi3-{LINUX}"], []),
        # CUDA is on no Mac, on no musl and not on 32 bits, and the last row need not be old.
        (
            cp(12),
            cp(
                12,
                platforms=[
                    LINUX,
                    "macosx_11_0_arm64",
                    "macosx_10_13_x86_64",
                    "musllinux_1_2_x86_64",
                    "manylinux_2_28_i686",
                    "win_arm64",
                ],
            ),
            [],
        ),
        (
            cp(12),
            cp(12, platforms=[LINUX, "win_amd64"]),
            ["spam-cu12: no wheel for Windows on AMD64"],
        ),
        (
            cp(12),
            cp(12, platforms=[LINUX, ARM]),
            ["spam-cu12: no wheel for Linux on aarch64 with glibc 2.28"],
        ),
        # A wheel for any platform is for those that CUDA is on as well.
        (
            cp(12, platforms=[LINUX, ARM, "win_amd64"]),
            [ANY],
            [
                f"spam-cu12: no wheel of cp39, cp310, cp311, cp313, cp314, cp315 for {one}"
                for one in (
                    "Windows on AMD64",
                    "Linux on aarch64 with glibc 2.28",
                    "Linux on x86_64 with glibc 2.28",
                )
            ],
        ),
        # Wheels for an older glibc are for a newer one, too.
        (
            ["cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"],
            cp(12),
            ["spam-cpu: no wheel for Linux on x86_64 with glibc 2.17"],
        ),
        (
            cp(12),
            ["cp312-cp312-manylinux2014_x86_64"],
            ["spam-cu12: no wheel for Linux on x86_64 with glibc 2.17"],
        ),
        (
            cp(12, platforms=["manylinux_2_5_x86_64"]),
            cp(12, platforms=["manylinux2014_x86_64"]),
            ["spam-cpu: no wheel for Linux on x86_64 with glibc 2.5"],
        ),
        (["cp312-cp312-linux_x86_64"], cp(12), []),
        # Free-threaded and other Pythons are their own.
        (
            cp(13),
            [*cp(13), f"cp313-cp313t-{LINUX}"],
            ["spam-cu12: no wheel of cp313t for Linux on x86_64 with glibc 2.28"],
        ),
        (
            cp(11),
            [*cp(11), f"pp311-pypy311_pp73-{LINUX}"],
            ["spam-cu12: no wheel of pp311 for Linux on x86_64 with glibc 2.28"],
        ),
        # A platform that nobody knows is one by its name.
        (cp(12), cp(12, platforms=[LINUX, "freebsd_14_1_release_amd64"]), []),
        ([], cp(12), ["spam-cu12: found no wheel"]),
    ],
)
def test_a_variant_has_a_wheel_wherever_its_condition_can_hold(
    cu12: list[str], cpu: list[str], expected: list[str]
) -> None:
    assert lacks(release(cu12, cpu)) == expected


EVERYWHERE = [
    "manylinux_2_17_x86_64",
    "manylinux_2_17_aarch64",
    "musllinux_1_2_x86_64",
    "macosx_11_0_universal2",
    "win_amd64",
]


@pytest.mark.parametrize(
    ("when", "has", "lacking"),
    [
        (
            {"marker": "sys_platform == 'linux'"},
            ["manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "musllinux_1_2_x86_64"],
            [],
        ),
        (
            {"marker": "sys_platform == 'linux'"},
            ["manylinux_2_17_x86_64"],
            ["Linux on aarch64 with glibc 2.17", "Linux on x86_64 with musl 1.2"],
        ),
        ({"marker": "sys_platform == 'win32'"}, ["manylinux_2_17_x86_64"], ["Windows on AMD64"]),
        (
            {"marker": "platform_machine in 'x86_64 AMD64'", "musl": False},
            ["win_amd64", "macosx_11_0_x86_64"],
            ["Linux on x86_64 with glibc 2.17"],
        ),
        ({"macos": ">=12"}, ["macosx_12_0_arm64"], ["macOS 12.0 on x86_64"]),
        ({"macos": ">=12"}, ["macosx_12_0_universal2"], []),
        (
            {"macos": ">=12"},
            ["macosx_13_0_universal2"],
            ["macOS 12.0 on arm64", "macOS 12.0 on x86_64"],
        ),
        ({"macos": True}, ["macosx_11_0_x86_64"], ["macOS 11.0 on arm64"]),
        ({"glibc": ">=2.28"}, ["manylinux_2_28_x86_64", ARM], []),
        ({"glibc": ">=2.28"}, ["manylinux_2_28_x86_64"], ["Linux on aarch64 with glibc 2.28"]),
        ({"glibc": ">=2.28"}, ["manylinux_2_31_x86_64", ARM], ["Linux on x86_64 with glibc 2.28"]),
        ({"musl": True}, ["manylinux_2_17_x86_64"], ["Linux on x86_64 with musl 1.2"]),
        ({"cpu": ["x86_64_v3"], "glibc": True}, ["manylinux_2_17_x86_64"], []),
        (
            {"cpu": ["sve"], "glibc": True},
            ["manylinux_2_17_x86_64"],
            ["Linux on aarch64 with glibc 2.17"],
        ),
        (
            {"gfx": ["gfx942"]},
            ["manylinux_2_17_x86_64", "musllinux_1_2_x86_64"],
            ["Windows on AMD64"],
        ),
        (
            {"cuda": False, "macos": True},
            ["manylinux_2_17_x86_64"],
            ["macOS 11.0 on arm64", "macOS 11.0 on x86_64"],
        ),
        (
            [{"macos": True}, {"cuda": ">=12", "marker": "sys_platform == 'linux'"}],
            ["macosx_11_0_universal2", "manylinux_2_17_x86_64"],
            ["Linux on aarch64 with glibc 2.17"],
        ),
        # What a platform does not say may be so.
        ({"marker": "platform_version == '#1' and sys_platform == 'win32'"}, ["win_amd64"], []),
        (
            {"marker": "platform_version == '#1' and sys_platform == 'win32'"},
            ["musllinux_1_2_x86_64"],
            ["Windows on AMD64"],
        ),
    ],
)
def test_where_a_condition_can_hold_is_judged_by_the_platform(
    when: object, has: list[str], lacking: list[str]
) -> None:
    found = release(cp(12, platforms=has), cp(12, platforms=EVERYWHERE), when)
    of_cu12 = [one for one in lacks(found) if one.startswith("spam-cu12")]
    assert [one.removeprefix("spam-cu12: no wheel for ") for one in of_cu12] == lacking


def test_an_arm_mac_has_the_oldest_macos_that_there_is_for_it() -> None:
    """Wheels for both kinds of Mac name what the older kind needs."""
    both, intel = ["macosx_10_13_universal2"], ["macosx_10_13_x86_64"]
    when = {"macos": True}
    (lack,) = lacks(release(cp(12, platforms=intel), cp(12, platforms=both), when))
    assert lack == "spam-cu12: no wheel for macOS 11.0 on arm64"
    arm = ["macosx_10_13_x86_64", "macosx_11_0_arm64"]
    assert lacks(release(cp(12, platforms=arm), cp(12, platforms=both), when)) == []


def test_a_condition_on_the_version_of_python_is_one_on_its_wheels() -> None:
    when = {"cuda": ">=12", "marker": "python_version < '3.13'"}
    assert lacks(release(cp(12), cp(12, 13), when)) == []
    found = lacks(release(cp(12), cp(11, 12, 13), when))
    assert found == ["spam-cu12: no wheel of cp311 for Linux on x86_64 with glibc 2.28"]


def test_a_python_that_the_project_does_not_admit_counts_for_nothing() -> None:
    assert lacks(release(cp(12), cp(11, 12, 13), python="==3.12.*")) == []


def test_a_wheel_that_does_not_admit_a_python_is_none_for_it() -> None:
    found = release([ANY], [ANY])
    narrow = wheel("spam-cu12", ANY, python=">=3.10")
    (problem,) = Release(found.selector, found.sdist, [narrow, found.wheels[1]]).review()[:1]
    assert problem.message.startswith("no wheel of cp39 for Windows on AMD64")


WINDOWS = "win_amd64"
MARKED = [
    "spam-cpu=={version}; sys_platform != 'win32'",
    "spam-intel=={version}; sys_platform == 'win32'",
]


@pytest.mark.parametrize(
    ("wheels", "expected"),
    [
        ({"spam-cpu": LINUX, "spam-intel": WINDOWS, "spam-cu12": LINUX}, []),
        (dict.fromkeys(("spam-cpu", "spam-intel", "spam-cu12"), "any"), []),
        (
            {"spam-cpu": WINDOWS, "spam-intel": WINDOWS, "spam-cu12": LINUX},
            ["spam-cpu: no wheel for Linux on x86_64 with glibc 2.28"],
        ),
    ],
)
def test_what_no_marker_asks_for_on_a_target_is_not_missing_there(
    wheels: dict[str, str], expected: list[str]
) -> None:
    first = {"name": "cu12", "when": {"cuda": ">=12", "marker": "sys_platform == 'linux'"}}
    table = {"variant": [first, {"name": "cpu", "requires": MARKED}]}
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert not problems
    files = "" if "any" not in wheels.values() else "spam.py"
    found = [wheel(name, f"py3-none-{one}", files) for name, one in wheels.items()]
    assert lacks(Release(selector, "spam-1.0.tar.gz", found)) == expected


def with_sdist(found: Release, name: str) -> Release:
    file = f"{name.replace('-', '_')}-1.0.tar.gz"
    sdist = Sdist(file, canonicalize_name(name), Version("1.0"))
    return replace(found, sdists=[*found.sdists, sdist])


LEVEL = {"cpu": "x86_64_v3"}


def test_where_only_an_sdist_can_be_installed_another_variant_is_lacking() -> None:
    wheels = cp(12, 13), cp(12, 13)
    assert lacks(release(*wheels, LEVEL)) == []
    assert lacks(with_sdist(release(*wheels, LEVEL), "spam-cpu")) == [
        "spam-cu12: no wheel for Windows on AMD64",
        "spam-cu12: no wheel for macOS 11.0 on x86_64",
        "spam-cu12: no wheel for Linux on x86_64 with musl 1.2",
    ]
    # Where another variant has a wheel, an sdist does not count.
    assert lacks(with_sdist(release(cp(12, 13), cp(12), LEVEL), "spam-cpu"))[-1] == (
        "spam-cpu: no wheel of cp313 for Linux on x86_64 with glibc 2.28"
    )
    # Of both, neither is lacking.
    both = with_sdist(with_sdist(release(*wheels, LEVEL), "spam-cpu"), "spam-cu12")
    assert lacks(both) == []
    # A condition that asks for what the wheels need.
    asked = {**LEVEL, "glibc": ">=2.28"}
    assert lacks(with_sdist(release(*wheels, asked), "spam-cpu")) == []


def test_an_sdist_without_its_core_can_be_installed_nowhere() -> None:
    found = release(cp(12), cp(12), LEVEL, requires=["spam-core=={version}"])
    found = replace(found, wheels=[*found.wheels, wheel("spam-core", cp(12)[0])])
    assert lacks(with_sdist(found, "spam-cpu")) == []
    (first, *_) = lacks(with_sdist(with_sdist(found, "spam-cpu"), "spam-core"))
    assert first == "spam-cu12: no wheel for Windows on AMD64"


@given(st.data())
def test_variants_with_the_same_wheels_lack_none(data: st.DataObject) -> None:
    tags = data.draw(st.lists(st.sampled_from(TAGS), min_size=1, max_size=6, unique=True))
    assert lacks(release(tags, tags)) == []
    # Without a condition that anything is asked of, a wheel less is one that is lacking,
    # unless another one is for the same targets.
    less = tags[1:]
    found = lacks(release(tags, less)) if less else ["nothing is left"]
    wheels = [wheel("spam-cpu", one) for one in less]
    every = {tag for one in tags for tag in parse_tag(one)}
    alone = [
        target
        for target in find_targets(every, release(tags, less).selector.conditions)
        if wheel("spam", tags[0]).fits(target) and not any(one.fits(target) for one in wheels)
    ]
    assert bool(found) == bool(alone)


def test_a_variant_for_an_abi_is_for_the_pythons_that_have_it() -> None:
    """And one for a library is for the systems that name it so."""
    threaded = ["cp313-cp313t-any"]
    every = [ANY]
    assert lacks(release(threaded, every, {"abi-features": ["free-threading", "64-bit"]})) == []
    (first, *_) = lacks(release(threaded, every, {"abi-features": "64-bit"}))
    assert first.startswith("spam-cu12: no wheel of cp39, ")
    narrow = [*every, "py3-none-win32"]
    assert lacks(release(narrow[1:], narrow, {"abi-features": "32-bit"})) == []
    assert lacks(release([f"py3-none-{LINUX}"], narrow, {"abi-features": "32-bit"}))
    # A Python of 32 bits has the platform_machine of a machine of 64.
    windows = ["py3-none-win_amd64"]
    marker = {"marker": "platform_machine == 'AMD64'"}
    assert lacks(release(windows, narrow, marker)) == ["spam-cu12: no wheel for Windows on x86"]
    assert lacks(release(windows, narrow, {**marker, "abi-features": "64-bit"})) == []
    assert lacks(release(windows, narrow, {"cuda": ">=12", **marker})) == []
    assert lacks(release(windows, every, {"library": "nvcuda.dll"})) == []
    assert lacks(release(windows, every, {"library": "libcuda.so.1"}))


TAGS = [
    ANY,
    f"py3-none-{LINUX}",
    f"cp310-abi3-{LINUX}",
    *cp(9, 10, 12, platforms=[LINUX, ARM, "manylinux2014_x86_64", "musllinux_1_1_aarch64"]),
    *cp(12, platforms=["macosx_10_13_universal2", "macosx_11_0_arm64", "win_amd64", "win32"]),
    f"cp313-cp313t-{LINUX}",
    "pp310-pypy310_pp73-win_amd64",
    "py2.py3-none-any",
    "cp312-cp312-ios_13_0_arm64_iphoneos",
]


# --- Files


def shared(kind: str, *wheels: Wheel) -> list[str]:
    found = release([], [], kind=kind)
    every = [*wheels, *(wheel(f"spam-{one}", ANY, "x.py") for one in ("cu12", "cpu"))]
    wheels = wheels or tuple(every)
    problems = Release(found.selector, found.sdist, wheels).review()
    return [f"{one.key}: {one.message}" for one in problems]


@pytest.mark.parametrize("kind", ["capability", "requirement"])
def test_only_variants_that_exclude_each_other_may_have_the_same_files(kind: str) -> None:
    wheels = [wheel("spam-cu12", ANY, "spam/a.py spam/b.py _cu12.py")]
    wheels.append(wheel("spam-cpu", ANY, "spam/a.py spam/b.py _cpu.py"))
    found = shared(kind, *wheels)
    expected = (
        "spam-cu12: has files that spam-cpu also has, and one would be written over the "
        "other: spam/a.py, spam/b.py"
    )
    assert found == [expected] * (kind == "capability")


def test_wheels_for_different_machines_are_not_in_each_others_way() -> None:
    wheels = [wheel("spam-cu12", f"cp312-cp312-{LINUX}", "spam/a.py")]
    wheels += [wheel("spam-cpu", "cp312-cp312-macosx_11_0_arm64", "spam/a.py")]
    assert not [one for one in shared("capability", *wheels) if "written over" in one]


METADATA = b"Metadata-Version: 2.1\nName: spam-cu12\nVersion: 1.0\n"


def test_files_count_by_where_they_are_installed() -> None:
    info = "spam_cu12-1.0.dist-info"
    record = (
        f"spam_cu12-1.0.data/purelib/a.py,,\nspam_cu12-1.0.data/scripts/a.py,,\n{info}/RECORD,,\n"
    )
    read = parse_wheel(f"spam_cu12-1.0-{ANY}.whl", info, METADATA, record.encode())
    assert sorted(read.files) == ["a.py", "scripts/a.py"]
    assert read.tags == {Tag("py3", "none", "any")}


@pytest.mark.parametrize(
    ("python", "core", "cu12", "cpu", "said"),
    [
        (">=3.9", ">=3.9", ">=3.9", ">=3.9", None),
        (">=3.9", ">=3.10", ">=3.9", "", "admits Python 3.9, and spam_core-1.0-py3-none-any.whl"),
        ("", ">=3.8", "", "", "admits Python 3.7, and spam_core"),
        # Of the variants, one is enough; what it lacks there is said apart.
        (">=3.9", "", ">=3.10", ">=3.9", None),
        (">=3.9", "", ">=3.11", ">=3.10", "admits Python 3.9, and spam_cu12"),
        # What is newer than anybody tried is no reason to take an older release.
        (">=3.9", ">=3.9,<3.13", "", "", None),
    ],
)
def test_no_python_gets_the_selector_that_core_is_not_for(
    python: str, core: str, cu12: str, cpu: str, said: str | None
) -> None:
    found = release([ANY], [ANY], requires=["spam-core=={version}"])
    wheels = [
        wheel(name, ANY, python=asked)
        for name, asked in (("spam-core", core), ("spam-cu12", cu12), ("spam-cpu", cpu))
    ]
    specifier = SpecifierSet(python)
    problems = Release(found.selector, found.sdist, wheels, requires_python=specifier).review()
    messages = [one.message for one in problems if one.key == found.sdist]
    assert [one.startswith(said or "nothing") for one in messages] == [True] * bool(said)
    assert not said or "write requires-python = '>=3." in messages[0]
