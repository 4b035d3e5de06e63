"""What the loader finds, and what the interpreter's ABI is, as conditions ask for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import sys_tags
from support.hooks import Backend
from support.project import write_project

from .test_loader import pytestmark as on_linux

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "both"
when = { library = ["libspam-mpi.so.40", "libspam-cudnn.so.9"] }

[[tool.selector.variant]]
name = "openmpi"
when = { library = "libspam-mpi.so.40" }

[[tool.selector.variant]]
name = "none"
"""
MPI, CUDNN = "libspam-mpi.so.40", "libspam-cudnn.so.9"
SOURCE = "the dynamic loader"


def record_of(tmp_path: Path, table: str = TABLE, **environ: str) -> dict[str, Any]:
    backend = Backend(write_project(tmp_path / "source", table), environ)
    return backend.record(tmp_path / "out")


def put(folder: Path, *names: str) -> str:
    """Put files that would not load where the loader looks, and return that folder."""
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"no library")
    return str(folder)


@on_linux
@pytest.mark.parametrize(
    ("there", "variant", "fact"),
    [
        ((MPI, CUDNN), "both", {"value": [CUDNN, MPI]}),
        ((MPI,), "openmpi", {"value": [MPI]}),
        ((CUDNN,), "none", {"value": [CUDNN]}),
        ((), "none", {"value": []}),
        # As programs ask for it: the loader takes case as it is, and no link in its place.
        (("LIBSPAM-MPI.so.40", "libspam-mpi.so"), "none", None),
    ],
)
def test_a_library_is_found_as_the_loader_finds_it_and_not_loaded(
    tmp_path: Path, there: tuple[str, ...], variant: str, fact: dict[str, Any] | None
) -> None:
    record = record_of(tmp_path, LD_LIBRARY_PATH=put(tmp_path / "libraries", *there))
    assert record["variants"] == [variant]
    if fact is not None:
        assert record["facts"]["library"] == {**fact, "source": SOURCE}


def test_the_verdict_names_the_libraries(tmp_path: Path) -> None:
    verdicts = record_of(tmp_path, SELECTOR_LIBRARY=CUDNN)["verdicts"]
    assert [one["reason"] for one in verdicts[:2]] == [f"library lacks {MPI}"] * 2
    verdicts = record_of(tmp_path, SELECTOR_LIBRARY=f"{MPI}, {CUDNN}")["verdicts"]
    assert verdicts[0] == {"name": "both", "fits": True, "reason": f"library has {MPI}, {CUDNN}"}


def test_a_profile_lists_the_libraries_that_there_are(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    facts = {"library": ["libother.so.1", MPI]}
    profile.write_text(json.dumps({"format": 1, "facts": facts}), encoding="utf-8")
    libraries = put(tmp_path / "libraries", MPI, CUDNN)
    record = record_of(tmp_path, SELECTOR_MACHINE=str(profile), LD_LIBRARY_PATH=libraries)
    assert record["variants"] == ["openmpi"]


def abi(wanted: str) -> str:
    condition = f'[[tool.selector.variant]]\nname = "asked"\nwhen = {{ abi-features = {wanted} }}\n'
    return f'{condition}[[tool.selector.variant]]\nname = "other"\n'


def test_the_abi_features_are_those_of_the_interpreter(tmp_path: Path) -> None:
    tag = next(sys_tags())  # packaging reads them in its own way
    record = record_of(tmp_path, abi('"free-threading"'))
    assert record["variants"] == ["asked" if tag.abi.endswith("t") else "other"]
    told = set(record["facts"]["abi-features"]["value"])
    narrow = tag.platform.endswith(("i686", "armv7l", "win32"))
    assert ("32-bit" if narrow else "64-bit") in told
    assert len(told & {"32-bit", "64-bit"}) == 1
    assert len(told & {"free-threading", "gil-enabled"}) == (tag.interpreter[:2] == "cp")


def test_the_abi_features_can_be_stated(tmp_path: Path) -> None:
    table = abi('["free-threading", "64-bit"]')
    stated = {"SELECTOR_ABI_FEATURES": "free-threading,debug,64-bit"}
    assert record_of(tmp_path, table, **stated)["variants"] == ["asked"]
    verdict = record_of(tmp_path, table, SELECTOR_ABI_FEATURES="64-bit")["verdicts"][0]
    assert verdict["reason"] == "abi-features lacks free-threading"


GPUS = """
[tool.selector]

[[tool.selector.variant]]
name = "every"
when = { compute-capability = { every = ">=7.5" } }

[[tool.selector.variant]]
name = "some"
when = { compute-capability = ">=7.5" }

[[tool.selector.variant]]
name = "instinct"
when = { gfx = "gfx94*" }

[[tool.selector.variant]]
name = "rest"
"""


@pytest.mark.parametrize(
    ("capability", "gfx", "variant", "reason"),
    [
        ("8.6,9.0", "", "every", "compute-capability 8.6, 9.0 are >=7.5"),
        ("7.5", "", "every", "compute-capability 7.5 is >=7.5"),
        ("6.1,9.0", "", "some", "compute-capability 9.0 is >=7.5"),
        ("6.1", "gfx942", "instinct", "gfx has gfx942"),
        ("", "gfx90a", "rest", "it fits every machine"),
    ],
)
def test_one_gpu_or_every_gpu_and_all_of_a_family(
    tmp_path: Path, capability: str, gfx: str, variant: str, reason: str
) -> None:
    environ = {"SELECTOR_COMPUTE_CAPABILITY": capability, "SELECTOR_GFX": gfx}
    record = record_of(tmp_path, GPUS, **environ)
    assert record["variants"] == [variant]
    verdicts = {one["name"]: one["reason"] for one in record["verdicts"]}
    assert verdicts[variant] == reason
    if variant == "some":
        assert verdicts["every"] == "compute-capability 6.1 is not >=7.5, and each has to be"
    if gfx == "gfx90a":
        assert verdicts["instinct"] == "gfx lacks gfx94*"


@on_linux
def test_the_record_has_the_libraries_of_drivers_that_were_not_found(tmp_path: Path) -> None:
    """By which `selector_runtime` advises to choose again."""
    table = '[[tool.selector.variant]]\nname = "gpu"\nwhen = { rocm = true, xpu = true }\n'
    (tmp_path / "sys/bus/pci/drivers/xe/0000:03:00.0").mkdir(parents=True)
    record = record_of(
        tmp_path,
        f'{table}[[tool.selector.variant]]\nname = "cpu"\n',
        SELECTOR_SYSROOT=str(tmp_path),
    )
    assert record["facts"]["xpu"]["not-found"] == ["libze_loader.so.1"]
    assert "libamdhip64.so.6" in record["facts"]["rocm"]["not-found"]
