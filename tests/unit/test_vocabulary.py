"""What is known of the values that facts have: which words of a table are mistakes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.environment import ROOT
from support.strategies import specifiers, tables

from selector_backend.authoring import toml
from selector_backend.authoring.platforms import (
    Platform,
    cpu_names,
    platform_of,
    possible,
    systems,
)
from selector_backend.authoring.project import read_project
from selector_backend.authoring.selector import parse_selector
from selector_backend.checking.review import review
from selector_backend.checking.vocabulary import (
    doubts_of,
    dropped_gpus,
    find_doubts,
    oldest_gpu,
)
from selector_backend.cli.skeleton import NewProject, NewVariant, files, known_condition
from selector_backend.model import kinds
from selector_backend.model.facts import FACTS
from selector_backend.model.markers import evaluate, normalize, satisfies
from selector_backend.model.problems import NOTE

MACHINES = toml.loads(
    (ROOT / "selector_backend/cli/machines.toml").read_text(encoding="utf-8"),
)
NOBODY = "no machine that is known gets this variant"
DROPPED = "has no code for GPUs below compute capability"


def said(variants: list[dict[str, Any]], *, certain: bool = True, **table: Any) -> list[str]:
    """Return what is said of a table, without what all keys begin with."""
    named = [{"name": f"v{index}", **one} for index, one in enumerate(variants)]
    selector, problems = parse_selector({**table, "variant": named}, project="spam", version="1.0")
    assert problems == []
    return [
        f"{one.key.removeprefix('tool.selector.variant')}: {one.message}"
        for one in find_doubts(selector)
        if (one.severity != NOTE) is certain
    ]


def messages(fact: str, wanted: object) -> list[str]:
    found = said([{"when": {fact: wanted}, "conform": {"mpi": "4"}}])
    assert all(one.startswith(f"[0].when.{fact}: ") for one in found)
    return [one.partition(": ")[2] for one in found]


@pytest.mark.parametrize(
    ("fact", "wanted", "message"),
    [
        ("cpu", "avx-2", "no machine that is known has 'avx_2', did you mean 'avx2'?"),
        ("cpu", "avx22", "no machine that is known has 'avx22', did you mean 'avx2'?"),
        ("cpu", "apple_m1", "no machine that is known has 'apple_m1', did you mean 'm1'?"),
        ("cpu", ["fma", "Intel-Haswell"], "has 'intel_haswell', did you mean 'haswell'?"),
        ("cpu", "amd64", "did you mean 'x86_64'?"),
        ("cpu", "lzcnt", "did you mean 'abm'?"),
        ("cpu", "neoverse", "did you mean 'neoverse_n1'?"),
        ("gfx", "gfx94", "no machine that is known has 'gfx94', did you mean 'gfx942'?"),
        ("gfx", "gfx103", "did you mean 'gfx1030'?"),
        ("gfx", "MI300X", "did you mean 'gfx942'?"),
        ("gfx", "rdna3", "no machine has 'rdna3'; expected a name such as 'gfx1251'"),
        ("gfx", "MI30*", "no name that is known begins as 'mi30*' does"),
        ("library", "libmpi", "did you mean 'libmpi.so.40'?"),
        ("abi-features", "nogil", "has 'nogil', did you mean 'free-threading'?"),
        ("abi-features", "Debug", "has 'Debug', did you mean 'debug'?"),
        ("abi-features", "fast", "no machine has 'fast'; expected a name such as"),
        ("compute-capability", {"every": ">=80"}, f"{NOBODY}; did you mean '>=8.0'?"),
        ("gfx", ["gfx90a", "gfx942"], "write when = [{ gfx = 'gfx90a' }, { gfx = 'gfx942' }]"),
        ("marker", "sys_platform == 'Linux'", "has sys_platform 'Linux', did you mean 'linux'?"),
        ("marker", "sys_platform != 'windows'", "sys_platform 'windows', did you mean 'win32'?"),
        ("marker", "sys_platform in 'linux macos'", "'macos', did you mean 'darwin'?"),
        ("marker", "'Linux' in sys_platform", "did you mean 'linux'?"),
        ("marker", "platform_system == 'linux'", "did you mean 'Linux'?"),
        ("marker", "os_name == 'windows'", "did you mean 'nt'?"),
        ("marker", "platform_machine == 'x86-64'", "'x86-64', did you mean 'x86_64'?"),
        ("marker", "implementation_name == 'CPython'", "did you mean 'cpython'?"),
        ("marker", "python_version >= '310'", "is >=310; did you mean '>=3.10'?"),
        ("marker", "python_version < '314'", "is <314; did you mean '<3.14'?"),
        ("marker", "python_version == '3'", "==3 is only 3.0; write '==3.*'"),
        (
            "marker",
            "sys_platform == 'win32' and platform_machine == 'x86_64'",
            f"{NOBODY}; where sys_platform is 'win32', platform_machine is 'AMD64' or 'ARM64' or ",
        ),
        ("cuda", ">=124", f"{NOBODY}; did you mean '>=12.4'?"),
        ("cuda", ">=11.8,<130", "every cuda that is known is <130; did you mean '>=11.8,<13.0'?"),
        ("cuda", ">=140", f"{NOBODY}; did you mean '>=14.0'?"),
        ("cuda", ">=550.54", "550.54 is a version of nvidia-driver, did you mean nvidia-driver"),
        ("cuda", "==12.10.*", f"{NOBODY}; the versions that are known are 1.0 to "),
        ("cuda", ">=0", "every cuda that is known is >=0; write true to ask whether there is one"),
        ("compute-capability", ">=80", f"{NOBODY}; did you mean '>=8.0'?"),
        ("compute-capability", ">=103", f"{NOBODY}; did you mean '>=10.3'?"),
        ("compute-capability", "==8.4", NOBODY),
        ("glibc", ">=228", f"{NOBODY}; did you mean '>=2.28'?"),
        ("musl", ">=12", f"{NOBODY}; did you mean '>=1.2'?"),
        ("macos", ">=1014", f"{NOBODY}; did you mean '>=10.14'?"),
        ("rocm", ">=60", f"{NOBODY}; did you mean '>=6.0'?"),
        ("cuda-toolkit", "==126.*", f"{NOBODY}; did you mean '==12.6.*'?"),
        (
            "nvidia-driver",
            ">=12.4",
            "every nvidia-driver that is known is >=12.4; 12.4 is a version of cuda, "
            "did you mean cuda = '>=12.4'?",
        ),
        ("nvidia-driver", "<12.4", f"{NOBODY}; 12.4 is a version of cuda"),
        ("cuda", "==12", "==12 is only 12.0; write '==12.*' for every 12, or '==12.0'"),
        ("cuda", "<=12", "<=12 ends at 12.0; write '<13' for every 12, or '<=12.0'"),
        ("macos", "!=14", "!=14 leaves out only 14.0; write '!=14.*' for every 14, or '!=14.0'"),
    ],
)
def test_a_value_that_no_machine_has_is_named_with_the_nearest(
    fact: str, wanted: object, message: str
) -> None:
    (found,) = messages(fact, wanted)
    assert message in found


def test_a_dot_is_not_put_where_no_version_has_one() -> None:
    assert messages("xpu", ">=100") == [NOBODY]  # and not 1.00


@pytest.mark.parametrize(
    ("fact", "wanted", "note"),
    [
        ("gfx", "gfx1260", "'gfx1260' is newer than what selector-backend knows, or a mistake"),
        ("gfx", "gfx13*", "no name that is known begins as 'gfx13*' does"),
        ("cpu", "zen9", "'zen9' is newer than what selector-backend knows, or a mistake"),
        ("cpu", "x86-64-v5", "'x86_64_v5' is newer"),
        (
            "cpu",
            "quantum",
            "'quantum' is not known to selector-backend",
        ),
        ("marker", "sys_platform == 'freebsd17'", "sys_platform 'freebsd17' is newer"),
        ("marker", "platform_machine == 'e2k'", "platform_machine 'e2k' is not known"),
    ],
)
def test_a_name_that_may_be_newer_is_noted_and_is_no_problem(
    fact: str, wanted: str, note: str
) -> None:
    assert messages(fact, wanted) == []
    (found,) = said([{"when": {fact: wanted}}], certain=False)
    assert note in found


@pytest.mark.parametrize(
    ("fact", "wanted"),
    [
        *(("cuda", one) for one in (">=14", "<11.2", ">=13.4", ">13.4", "==14.*", "==12.0", True)),
        *(("compute-capability", one) for one in (">=5.0,<10", ">=13", "<=12.1", "!=8.0")),
        *(("nvidia-driver", one) for one in (">=525", ">=550.54.14", "<600")),
        *(("glibc", one) for one in (">=2.17", ">=2.99", "<2.28")),
        *(("macos", one) for one in (">=11", ">=10.13", "<27")),
        *(("cuda-toolkit", one) for one in (">=13,<14", "<12", "==12.9.*", False)),
        *(("cpu", one) for one in ("avx_vnni", "amx-tile", "hypervisor", "neoverse_v2", "sse4.1")),
        *(("gfx", one) for one in ("gfx94*", "gfx9*")),
        *(("library", one) for one in ("libmpi.so", "libstdc++.so.6", "nvcuda.dll", "a.dylib")),
        *(("abi-features", one) for one in ("free-threading", "gil-enabled", "64-bit")),
        ("marker", "platform_machine == 'AMD64' or platform_machine == 'x86_64'"),
        ("marker", "platform_machine in 'x86_64, amd64' and sys_platform != 'darwin'"),
        ("marker", "'64' in platform_machine and 'linux' in sys_platform"),
        ("marker", "python_version >= '3.9' and python_full_version < '4'"),
        ("marker", "'tegra' in platform_release"),
        ("marker", "sys_platform == 'win32' and os_name == 'nt' and python_version >= '3.9'"),
        ("property", "x86_64 :: level :: v33"),
    ],
)
def test_what_there_is_or_may_be_is_not_complained_of(fact: str, wanted: object) -> None:
    provider = {"provider": {"x86_64": {"requires": ["p"]}}} if fact == "property" else {}
    for certain in (True, False):
        assert said([{"when": {fact: wanted}}], certain=certain, **provider) == []


def test_in_one_of_several_alternatives_no_machine_is_that() -> None:
    when = [{"cuda": ">=12"}, {"rocm": ">=60", "gfx": True}]
    assert said([{"when": when}]) == [
        "[0].when[1].rocm: no machine that is known is this; did you mean '>=6.0'?"
    ]


# --- CUDA and the GPUs that it has code for


OLD: dict[str, Any] = {"cuda": ">=12", "compute-capability": "<7.5"}


@pytest.mark.parametrize(
    ("variants", "place"),
    [
        ([{"when": {"cuda": ">=13"}}], "[0].when"),
        ([{"when": {"cuda": True}, "conform": {"cuda": "13"}}], "[0].when"),
        ([{"when": {"cuda": ">=13", "compute-capability": ">=6"}}], "[0].when"),
        ([{"when": {"cuda": ">=13", "compute-capability": True}}], "[0].when"),
        ([{"when": [{"rocm": ">=6"}, {"cuda": ">=13"}]}], "[0].when[1]"),
        # A condition on something else leaves some of these machines to the next variant.
        ([{"when": {**OLD, "glibc": ">=2.28"}}, {"when": {"cuda": ">=13"}}], "[1].when"),
    ],
)
def test_a_cuda_that_has_dropped_gpus_which_its_drivers_still_run(
    variants: list[dict[str, Any]], place: str
) -> None:
    (found,) = (one for one in said(variants) if DROPPED in one)
    assert found == (
        f"{place}: CUDA 13 {DROPPED} 7.5, and drivers with CUDA 13.0 run them up to 7.2; "
        "write compute-capability = '>=7.5'"
    )


@pytest.mark.parametrize(
    "variants",
    [
        [{"when": {"cuda": ">=13", "compute-capability": ">=7.5"}}],
        [{"when": {"cuda": ">=13.1"}}],  # whose drivers do not run them either
        [{"when": {"cuda": ">=12"}, "conform": {"cuda": "12"}}],
        [{"when": {"cuda": ">=11.2"}, "conform": {"cuda": "11"}}],
        [{"when": {"cuda": ">=13"}, "refuse": "CUDA {cuda} is too new."}],
        [{"when": OLD}, {"when": {"cuda": ">=13"}}],  # an old GPU gets the first
        [{"when": {"cuda-toolkit": ">=13"}}],
        [{"when": {"cuda": False}, "conform": {"cuda": "13"}}],
    ],
)
def test_a_variant_that_no_gpu_gets_without_code_for_it(variants: list[dict[str, Any]]) -> None:
    assert said(variants) == []


def test_rocm_without_a_gpu_is_noted() -> None:
    """An H100's machine had `rocm` 5.7: Open MPI had brought the HIP runtime there."""
    wanted = {"rocm": ">=6"}
    assert said([{"when": wanted}]) == []
    (note,) = said([{"when": wanted}], certain=False)
    assert note.startswith("[0].when: rocm is there without an AMD GPU, too")
    assert note.endswith("add gfx = true")
    for variant in (
        {"when": {**wanted, "gfx": True}},
        {"when": {**wanted, "gfx": ["gfx942"]}},
        {"when": {"rocm": False}},
        {"when": wanted, "refuse": "ROCm {rocm} is too new."},
    ):
        assert said([variant], certain=False) == []


def test_a_release_of_cuda_that_is_not_known_yet_drops_no_less() -> None:
    assert [oldest_gpu(one) for one in (5, 8, 11, 12, 13, 14, 99)] == [
        *("2.0", "2.0", "3.5", "5.0", "7.5", "7.5", "7.5")
    ]
    assert ("13.0", "6.1") in dropped_gpus()


@pytest.mark.parametrize(
    ("when", "conform", "message"),
    [
        (
            {"cuda": ">=12"},
            {"cuda": "13"},
            "[0].conform.cuda: found '13', but the condition cuda = '>=12' is for 12; give both ",
        ),
        ({"cuda": ">=13.1"}, {"cuda": "12"}, "cuda = '>=13.1' is for 13"),
        ({"cuda-toolkit": ">=13,<14"}, {"cuda": "12.6"}, "cuda-toolkit = '>=13,<14' is for 13"),
        ({"cuda-toolkit": "<13"}, {"cuda": "13"}, "cuda-toolkit = '<13' is for another"),
        ({"rocm": "==6.4.*"}, {"rocm": "7"}, "rocm = '==6.4.*' is for 6"),
        ([{"gfx": True}, {"rocm": "~=6.4"}], {"rocm": "7"}, "is for 6"),
    ],
)
def test_what_conform_says_and_the_condition_does_not(
    when: Any, conform: dict[str, str], message: str
) -> None:
    found = [one for one in said([{"when": when, "conform": conform}]) if DROPPED not in one]
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("when", "conform"),
    [
        ({"cuda": ">=12.4"}, {"cuda": "12"}),
        ({"cuda": ">=12,<14"}, {"cuda": "12.4"}),
        ({"cuda": "<13"}, {"cuda": "12"}),
        ({"cuda": ">=13.1"}, {"cuda": "thirteen", "mpi": "4"}),
        ({"cuda": ">=13.1"}, {"rocm": "6"}),
        ({"cuda": True}, {"cuda": "12"}),
    ],
)
def test_what_conform_says_with_its_condition(when: Any, conform: dict[str, str]) -> None:
    assert said([{"when": when, "conform": conform}]) == []


# --- Machines that there are


def shipped() -> Iterator[tuple[str, dict[str, Any]]]:
    for machine in MACHINES["machine"]:
        system, architecture = machine["system"].split()
        marker = {**MACHINES["marker"], **MACHINES["system"][system]}
        marker["platform_machine"] = architecture
        yield machine["name"], {**machine["facts"], "marker": marker}


VERSIONS = sorted(
    {
        (fact, value)
        for _, facts in shipped()
        for fact, values in facts.items()
        if FACTS[fact].kind in (kinds.VERSION, kinds.VERSIONS)
        for value in ([values] if isinstance(values, str) else values)
    }
)


@pytest.mark.parametrize(("name", "facts"), [*shipped()])
def test_what_a_shipped_machine_has_such_machines_can_have(
    name: str, facts: dict[str, Any]
) -> None:
    platform = platform_of(facts)
    assert platform is not None
    assert {**facts["marker"], **platform.marker} == facts["marker"]
    for fact, value in facts.items():
        wanted = tuple(value) if FACTS[fact].kind is kinds.NAMES else True
        assert possible(platform, fact, wanted), (name, fact)


def test_what_only_some_machines_can_have_others_cannot() -> None:
    assert all(fact in FACTS for one in systems()["where"] for fact in one["facts"])
    intel, arm = Platform("glibc", "x86_64"), Platform("glibc", "aarch64")
    assert not possible(Platform("macos", "arm64"), "cuda")
    assert not possible(Platform("musl", "x86_64"), "cuda")
    assert not possible(Platform("", "win_arm64"), "cuda")
    assert not possible(arm, "cpu", ("avx2",))
    assert not possible(intel, "cpu", ("avx2", "sve"))
    assert possible(arm, "cpu", ("not_known_yet",))
    windows, mac = Platform("", "win_amd64"), Platform("macos", "arm64")
    for library, where in (("libmpi.so.40", arm), ("NVCUDA.DLL", windows), ("libx.1.dylib", mac)):
        assert [possible(one, "library", (library,)) for one in (arm, windows, mac)] == [
            one is where for one in (arm, windows, mac)
        ]
    assert not possible(arm, "library", ("libmpi.so.40", "nvcuda.dll"))


@pytest.mark.parametrize(("name", "facts"), [*shipped()])
def test_nothing_that_a_shipped_machine_has_is_complained_of(
    name: str, facts: dict[str, Any]
) -> None:
    for fact, value in facts.items():
        kind = FACTS[fact].kind
        if kind is kinds.MARKERS:
            asked: list[Any] = [f"{key} == '{text}'" for key, text in value.items() if text]
            asked = [one for one in asked if not one.startswith("python_version")]
            asked.append(" and ".join(one for one in asked if "version" not in one))
        elif kind is kinds.NAMES:
            asked = [(one,) for one in value]
        else:
            each = [value] if isinstance(value, str) else value
            asked = [f"{how}{one}" for one in each for how in ("==", ">=", "<=", "~=", ">", "<")]
        assert [doubts_of(fact, one) for one in asked] == [()] * len(asked), (name, asked)


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # most ranges have no such version
@given(st.sampled_from(VERSIONS), specifiers)
def test_a_range_that_a_shipped_machine_is_in_is_somebodys(
    found: tuple[str, str], specifier: str
) -> None:
    fact, version = found
    assume(satisfies(version, specifier))
    assert not any(
        word.message.startswith("nobody") for word in doubts_of(fact, specifier, "nobody")
    )


_SYSTEM = ("sys_platform", "platform_system", "os_name", "platform_machine")
_COMPARISONS = st.sampled_from(
    [
        f"{name} {how} '{facts['marker'][name]}'"
        for (_, facts), name, how in itertools.product(shipped(), _SYSTEM, ("==", "!=", "in"))
    ]
)


@given(
    st.sampled_from([facts["marker"] for _, facts in shipped()]),
    st.lists(_COMPARISONS, min_size=1, max_size=3),
    st.sampled_from([" and ", " or "]),
)
def test_a_marker_that_holds_on_a_shipped_machine_is_somebodys(
    environment: dict[str, str], compared: list[str], joint: str
) -> None:
    marker = joint.join(compared)
    assume(evaluate(marker, environment))
    assert doubts_of("marker", marker) == ()


@given(tables())
def test_every_table_can_be_looked_at(table: dict[str, Any]) -> None:
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    for one in find_doubts(selector):
        assert one.key.startswith("tool.selector.variant[")
        assert one.message


# --- What `init` writes


NAMES = {
    normalize(name): name
    for name in (
        *("cpu", "cu7", "cu75", "cu80", "cu9", "cu92", "cu10", "cu102", "cu11", "cu118", "cu12"),
        *("cuda12x", "cu-12", "cu129", "cu13", "cuda13x", "cu130", "cu14", "rocm5", "rocm-5-7"),
        *("cu1210", "cu-12-10", "rocm714", "rocm7-14", "rocm10", "rocm10-1", "rocm101"),
        *("rocm6", "rocm64", "rocm-7-0", "rocm7x", "gfx942", "gfx94x", "openmpi", "mpich"),
        *("v2", "v3", "v4", "x86-64-v3", *cpu_names()),
    )
}


def written(folder: Path, name: str) -> Any:
    when = known_condition(name)
    assert when is not None, name
    rest = [NewVariant("rest", {})] if when else []
    project = NewProject("spam", "requirement", [NewVariant(name, when), *rest])
    for path, text in files(project).items():
        if path.startswith("spam/"):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    return read_project(folder / "spam")


def test_what_init_writes_for_each_name_that_it_knows_has_nothing_to_mend(tmp_path: Path) -> None:
    for name in NAMES.values():
        project = written(tmp_path, name)
        assert (name, review(project, "0.2.0")) == (name, [])


def test_a_new_gpu_has_what_the_newest_that_is_known_has() -> None:
    file = ROOT / "selector_backend/checking/vocabulary.toml"
    known = toml.loads(file.read_text(encoding="utf-8"))["versions"]["compute-capability"]["known"]
    assert FACTS["compute-capability"].newest == known[-1]
