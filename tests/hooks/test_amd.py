"""ROCm as it is laid out since 7.13, and AMD's GPUs as its runtime can use them, by the hooks."""

from __future__ import annotations

import grp
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.hooks import Backend
from support.project import write_project
from support.scarce import give_to_others
from support.toolkit import compile_library, write_device, write_kfd

from selector_backend.probes.child import NoAnswerError, ask
from selector_backend.probes.loader import findable

TABLE = """
[tool.selector]
advice = "none fits"

[[tool.selector.variant]]
name = "rocm10"
when = { rocm = ">=10,<11" }

[[tool.selector.variant]]
name = "rocm7"
when = { rocm = ">=7,<8" }

[[tool.selector.variant]]
name = "gpu"
when = { rocm = ">=1", gfx = true }

[[tool.selector.variant]]
name = "cpu"
"""
FILE = "ROCm's version file"
#: What the runtime of ROCm 10.1 says of itself, which is HIP 7.16.
HIP_7_16 = 71626341


def record(folder: Path, environ: dict[str, str], prefix: Sequence[str] = ()) -> dict[str, Any]:
    """Return the record that a project gets under ``environ``, from hooks run by ``prefix``."""
    backend = Backend(write_project(folder / "source", TABLE), environ, prefix=prefix)
    found = backend.record(folder / "out")
    assert str(folder) not in str(found["facts"])
    return found


def rocm(folder: Path, **environ: Path) -> dict[str, Any]:
    variables = {name: str(path) for name, path in environ.items()}
    fact: dict[str, Any] = record(folder, {"SELECTOR_SYSROOT": str(folder), **variables})["facts"][
        "rocm"
    ]
    return fact


def gfx(folder: Path, **environ: str) -> dict[str, Any]:
    fact: dict[str, Any] = record(folder, {"SELECTOR_SYSROOT": str(folder / "root"), **environ})[
        "facts"
    ]["gfx"]
    return fact


def write_rocm(folder: Path, version: str = "") -> Path:
    """Write an installation of ROCm, with a version file only if there is a ``version``."""
    compile_library(folder / "lib/libamdhip64.so.7", HIP_7_16)
    if version:
        (folder / ".info").mkdir()
        (folder / ".info/version").write_text(f"{version}\n", encoding="utf-8")
    return folder


# --- ROCm's version


@pytest.mark.parametrize("place", ["opt/rocm", "elsewhere"])
def test_rocms_version_is_not_its_hip_runtimes(tmp_path: Path, place: str) -> None:
    folder = write_rocm(tmp_path / place, "10.1.0")
    environ = {"SELECTOR_SYSROOT": str(tmp_path), "LD_LIBRARY_PATH": str(folder / "lib")}
    found = record(tmp_path, environ)
    assert found["facts"]["rocm"] == {"value": "10.1.0", "source": FILE}
    assert found["variants"] == ["rocm10"]


def test_without_a_version_file_the_hip_runtime_tells(tmp_path: Path) -> None:
    folder = write_rocm(tmp_path / "opt/rocm")
    fact = rocm(tmp_path, LD_LIBRARY_PATH=folder / "lib")
    assert fact == {"value": "7.16", "source": "the HIP runtime"}


def write_links(base: Path, core: str) -> None:
    """Write the links that AMD's package `amdrocm` makes, to one of the releases that are there."""
    major = core.partition(".")[0]
    for link, target in {"core": core, major: core, "lib": f"{core}/lib"}.items():
        (base / link).symlink_to(target)


@pytest.mark.parametrize("variable", ["SELECTOR_SYSROOT", "ROCM_PATH"])
@pytest.mark.parametrize(
    ("linked", "version"), [("core-10.1", "10.1.0"), ("core-7.14", "7.14.0"), ("", "10.1.0")]
)
def test_rocm_below_a_folder_for_each_release(
    tmp_path: Path, variable: str, linked: str, version: str
) -> None:
    """The links tell which is in use; packages for a single GPU come without them."""
    base = tmp_path / "opt/rocm"
    for name in ("core-7.14", "core-10.1", "core-9.2"):
        write_rocm(base / name, f"{name.partition('-')[2]}.0")
    if linked:
        write_links(base, linked)
    place = tmp_path if variable == "SELECTOR_SYSROOT" else base
    fact = rocm(tmp_path / "project", **{variable: place})
    assert fact == {"value": version, "source": FILE}


def test_the_release_that_the_loader_finds_counts_before_the_linked_one(tmp_path: Path) -> None:
    base = tmp_path / "opt/rocm"
    older = write_rocm(base / "core-7.14", "7.14.0")
    write_rocm(base / "core-10.1", "10.1.0")
    write_links(base, "core-10.1")
    assert rocm(tmp_path, LD_LIBRARY_PATH=older / "lib")["value"] == "7.14.0"
    assert rocm(tmp_path, LD_LIBRARY_PATH=base / "lib")["value"] == "10.1.0"
    assert rocm(tmp_path, LD_LIBRARY_PATH=base / "lib", ROCM_PATH=older)["value"] == "7.14.0"


def test_the_runtime_of_a_folder_that_a_variable_names_counts_first(tmp_path: Path) -> None:
    named = tmp_path / "named"
    compile_library(named / "lib/libamdhip64.so.6", 60443483)
    found = compile_library(tmp_path / "found/libamdhip64.so.7", HIP_7_16).parent
    assert rocm(tmp_path, LD_LIBRARY_PATH=found)["value"] == "7.16"
    assert rocm(tmp_path, LD_LIBRARY_PATH=found, ROCM_HOME=named)["value"] == "6.4"


def test_a_runtime_below_such_a_folder_is_asked_where_no_file_tells(tmp_path: Path) -> None:
    write_rocm(tmp_path / "opt/rocm/core-10.1")
    assert rocm(tmp_path) == {"value": "7.16", "source": "the HIP runtime"}


# --- GPUs


@pytest.mark.parametrize("device", ["dev/kfd", "dev/dri/renderD129"])
def test_a_device_that_may_not_be_opened(tmp_path: Path, device: str) -> None:
    root = write_kfd(tmp_path / "root", 0, 90402)
    prefix = give_to_others(root / device)
    absent = record(tmp_path, {"SELECTOR_SYSROOT": str(root)}, prefix)["facts"]["gfx"]["absent"]
    reason = "cannot be opened: Permission denied"
    if prefix:
        group = grp.getgrgid((root / device).stat().st_gid).gr_name
        reason = f"is for the group {group}, which this user is not in: sudo usermod -a -G {group}"
    assert f"there is an AMD GPU, but /{device} {reason}" in absent


def test_a_gpu_whose_device_is_not_here_is_not_among_the_targets(tmp_path: Path) -> None:
    """As in a container that was given one of two."""
    root = write_kfd(tmp_path / "root", 0, 90402, 90010)
    (root / "dev/dri/renderD129").unlink()
    assert gfx(tmp_path)["value"] == ["gfx90a"]
    (root / "dev/dri/renderD130").unlink()
    assert gfx(tmp_path)["absent"] == (
        "no AMD GPU is visible; 2 may not be used from here: give /dev/dri to the container"
    )


def test_a_kernel_that_does_not_tell_targets(tmp_path: Path) -> None:
    write_kfd(tmp_path / "root", 0, None)
    absent = gfx(tmp_path)["absent"]
    assert absent == "there is an AMD GPU, but the kernel does not show the target of a GPU"


def test_a_gpu_of_which_the_target_is_not_told_does_not_hide_another(tmp_path: Path) -> None:
    write_kfd(tmp_path / "root", 0, None, 110000)
    assert gfx(tmp_path) == {
        "value": ["gfx1100"],
        "source": "the kernel's KFD topology",
        "missing": "the kernel does not show the target of a GPU",
    }


def test_a_variable_of_one_run_changes_no_target(tmp_path: Path) -> None:
    write_kfd(tmp_path / "root", 0, 100302)
    assert gfx(tmp_path, HSA_OVERRIDE_GFX_VERSION="10.3.0")["value"] == ["gfx1032"]


# --- Without KFD: WSL 2 and Windows


@pytest.mark.skipif(findable("libamdhip64.so.7", {}), reason="this machine has a HIP runtime")
def test_on_wsl_2_the_reason_is_not_that_there_is_no_gpu(tmp_path: Path) -> None:
    write_device(tmp_path / "root/dev/dxg")
    assert gfx(tmp_path)["absent"] == (
        "WSL 2 has only /dev/dxg, which does not show the GPUs' targets; "
        "the loader does not find the HIP runtime (libamdhip64.so.7)"
    )


@pytest.mark.parametrize("hip", [(HIP_7_16,), (50731921, "-DBEFORE_HIP_6")])
def test_on_wsl_2_the_hip_runtime_tells_the_targets(tmp_path: Path, hip: tuple[Any, ...]) -> None:
    write_device(tmp_path / "root/dev/dxg")
    library = compile_library(tmp_path / "lib/libamdhip64.so.6", *hip)
    environ = {"LD_LIBRARY_PATH": str(library.parent), "STANDIN_GFX": "gfx1100,gfx90a:sramecc+"}
    expected = {"value": ["gfx1100", "gfx90a"], "source": "the HIP runtime"}
    assert gfx(tmp_path, **environ) == expected
    names = ("HIP_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "ROCR_VISIBLE_DEVICES")
    assert gfx(tmp_path, **environ, **dict.fromkeys(names, "1")) == expected
    assert gfx(tmp_path, **{**environ, "STANDIN_GFX": ""})["absent"].endswith(
        "libamdhip64.so.6: finds no AMD GPU"
    )


@pytest.mark.parametrize(
    ("gpus", "fault", "reason"),
    [
        ("", "", "finds no AMD GPU"),
        ("gfx1100", "hipGetDeviceCount:35", "hipGetDeviceCount returned error 35"),
        (
            "gfx1100",
            "hipGetDevicePropertiesR0600:1",
            "hipGetDevicePropertiesR0600 returned no target",
        ),
        ("Radeon", "", "hipGetDevicePropertiesR0600 returned no target"),
        ("gfx1100", "hipGetDeviceCount:abort", "crashed the process that asked it (SIGABRT)"),
    ],
)
def test_why_the_runtime_tells_no_targets(
    tmp_path: Path, gpus: str, fault: str, reason: str
) -> None:
    """What Windows' `amdhip64_7.dll` is asked, too: there nothing else tells."""
    library = str(compile_library(tmp_path / "libamdhip64.so.7", HIP_7_16))
    environ = {**os.environ, "STANDIN_GFX": gpus, "STANDIN_HIP_FAULT": fault}
    with pytest.raises(NoAnswerError) as error:
        ask("selector_backend.probes.rocm:targets", environ, 10, library)
    assert str(error.value) == reason
