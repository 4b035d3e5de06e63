"""GPUs without CUDA, and CUDA that is another than NVML's: a row for each sort of machine.

Each row names where it was seen, or what says that it is right so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.driver import Driver
from support.hooks import Backend
from support.project import write_project

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "gpu"
when = [{ cuda = true, nvidia-driver = true }, { compute-capability = true }]

[[tool.selector.variant]]
name = "cpu"
"""


@dataclass(frozen=True)
class Row:
    """A machine, as settings of the stand-in driver, and what is right for it.

    ``cuda`` is the value of the fact, or how the reason begins why it is absent;
    ``compute-capability`` is absent with it, for the same reason.
    """

    source: str
    cuda: str
    nvml: str = ""
    library: str = ""
    gpus: str = "8.0"
    environ: dict[str, str] = field(default_factory=dict)
    read_by: str = "NVML"


HANDLE = "nvmlDeviceGetHandleByIndex_v2"
CUDA = "CUDA driver library: "
NVML_CODES = "docs.nvidia.com/deploy/nvml-api: nvmlReturn_t, nvmlDeviceGetHandleByIndex"
CUDA_CODES = "docs.nvidia.com/cuda/cuda-driver-api: CUresult"

#: GPUs that NVML counts and that give no handle; with CUDA's own library and without it.
NO_HANDLE = {
    "no permission": Row(NVML_CODES, "NVML: no permission", f"{HANDLE}:4", gpus="8.0,8.0,9.0"),
    "lost": Row(NVML_CODES, "NVML: the GPU has fallen off the bus", f"{HANDLE}:15"),
    "to be reset": Row(NVML_CODES, "NVML: the GPU needs a reset", f"{HANDLE}:16"),
    "another": Row(NVML_CODES, "NVML: Unknown Error", f"{HANDLE}:999"),
}

MACHINES = {
    "MIG without an instance": Row(
        # "Without creating GPU instances (and corresponding compute instances), CUDA workloads
        # cannot be run on the GPU." NVML shows the GPU all the same.
        "docs.nvidia.com/datacenter/tesla/mig-user-guide: Creating GPU Instances",
        f"{CUDA}no GPU is visible to CUDA; one in MIG mode needs an instance",
        library="cuInit:100",
    ),
    "MIG without an instance on one of several": Row(
        "github.com/wilicc/gpu-burn/issues/122",
        f"{CUDA}it returned error 3; a GPU in MIG mode",
        library="cuInit:3",
        gpus="8.0,8.0",
    ),
    "exclusive mode, and another process has the GPU": Row(
        # Only a context takes the GPU, and a program that is installed now runs later.
        "docs.nvidia.com/cuda/cuda-driver-api: CU_COMPUTEMODE_EXCLUSIVE_PROCESS",
        "12.4",
        library="cuDevicePrimaryCtxRetain:46",
    ),
    "an ECC error that a context meets": Row(
        # It is gone after a reset, and CUDA starts.
        "github.com/nagadit/DeepFaceLab_Linux/issues/89",
        "12.4",
        library="cuDevicePrimaryCtxRetain:214",
    ),
    "an ECC error that CUDA meets": Row(
        CUDA_CODES,
        f"{CUDA}it returned error 214: a GPU has an uncorrectable ECC error",
        library="cuInit:214",
    ),
    "a compatibility library that the GPU may not use": Row(
        # NVML's version is that library's; the driver 525 itself runs 12.0.
        "github.com/NVIDIA/nvidia-docker/issues/1515",
        f"{CUDA}it returned error 804: it is a compatibility library",
        library="cuInit:804",
    ),
    "Fabric Manager not started": Row(
        "github.com/pytorch/pytorch/issues/35710",
        f"{CUDA}it returned error 802: the system is not ready yet; a machine with NVSwitch",
        library="cuInit:802",
        gpus="9.0,9.0",
    ),
    "the driver was updated": Row(
        CUDA_CODES, f"{CUDA}driver/library version mismatch", library="cuInit:803"
    ),
    "after the machine slept": Row(
        "github.com/pop-os/default-settings/pull/64",
        f"{CUDA}it returned error 999; often the kernel's module nvidia-uvm",
        library="cuInit:999",
    ),
    "a device that may not be used": Row(
        "github.com/wilicc/gpu-burn/issues/92",
        f"{CUDA}it returned error 304: a call of the operating system failed",
        library="cuInit:304",
    ),
    "an error without a known meaning": Row(
        CUDA_CODES, f"{CUDA}it returned error 77", library="cuInit:77"
    ),
    "no GPU after all": Row(CUDA_CODES, f"{CUDA}no GPU is visible", library="cuDeviceGetCount:100"),
    "a library that crashes": Row(
        CUDA_CODES, f"{CUDA}crashed the process that asked it (SIGSEGV)", library="cuInit:crash"
    ),
    "a library that hangs": Row(
        CUDA_CODES,
        f"{CUDA}did not answer within 3 s",
        library="cuInit:hang",
        environ={"SELECTOR_PROBE_TIMEOUT": "3"},
    ),
    "another version than NVML's": Row(
        # Programs go through the CUDA driver library; NVML's version may be another library's.
        "docs.nvidia.com/deploy/nvml-api: nvmlSystemGetCudaDriverVersion",
        "12.0",
        environ={"STANDIN_LIBCUDA": "12000"},
        read_by="CUDA driver library",
    ),
    "NVML does not find the CUDA that programs find": Row(
        "github.com/anduril/jetpack-nixos/pull/371",
        "12.4",
        nvml="nvmlSystemGetCudaDriverVersion_v2:12",
        read_by="CUDA driver library",
    ),
    "Jetson with JetPack 6, whose NVML answers": Row(
        "github.com/ultralytics/ultralytics/pull/20680", "12.4", gpus="8.7"
    ),
}


def facts(folder: Path, environ: dict[str, str]) -> dict[str, Any]:
    """Return the facts of the record that a project gets under ``environ``."""
    backend = Backend(write_project(folder / "source", TABLE), environ)
    record = backend.record(folder / "out")
    read: dict[str, Any] = record["facts"]
    chosen = "gpu" if "value" in read["compute-capability"] else "cpu"
    assert record["variants"] == [chosen]
    return read


def check(folder: Path, driver: Driver, row: Row) -> None:
    environ = driver.environ(nvml_fault=row.nvml, cuda_fault=row.library, gpus=row.gpus)
    read = facts(folder, {"SELECTOR_SYSROOT": str(folder), **environ, **row.environ})
    assert read["nvidia-driver"] == {"value": "550.54.14", "source": "NVML"}
    if row.cuda[0].isdigit():
        assert read["cuda"] == {"value": row.cuda, "source": row.read_by}
        assert read["compute-capability"]["value"] == sorted(set(row.gpus.split(",")))
    else:
        assert read["cuda"]["absent"].startswith(row.cuda)
        assert read["compute-capability"] == read["cuda"]


@pytest.mark.parametrize("machine", MACHINES)
def test_cuda_is_there_if_it_starts(tmp_path: Path, driver: Driver, machine: str) -> None:
    check(tmp_path, driver, MACHINES[machine])


@pytest.mark.parametrize("machine", NO_HANDLE)
@pytest.mark.parametrize("whole", [True, False], ids=["whole driver", "NVML alone"])
def test_a_gpu_that_gives_no_handle_is_none(
    tmp_path: Path, driver: Driver, driver_without_cuda: Driver, machine: str, whole: bool
) -> None:
    check(tmp_path, driver if whole else driver_without_cuda, NO_HANDLE[machine])


def test_a_container_without_the_capability_compute(
    tmp_path: Path, driver_without_cuda: Driver
) -> None:
    """NVML tells by the CUDA driver library, and `NVIDIA_DRIVER_CAPABILITIES=utility` has none."""
    fault = "nvmlSystemGetCudaDriverVersion_v2:12"
    read = facts(tmp_path, driver_without_cuda.environ(nvml_fault=fault))
    assert read["cuda"]["absent"] == (
        "NVML: the driver does not find libcuda.so.1; a container needs the capability `compute`, "
        "too (NVIDIA_DRIVER_CAPABILITIES=compute,utility)"
    )
    assert read["compute-capability"] == read["cuda"]
    assert read["nvidia-driver"]["value"] == "550.54.14"


def test_both_libraries_are_asked_in_one_process(tmp_path: Path, driver: Driver) -> None:
    log = tmp_path / "log"
    facts(tmp_path, driver.environ(log=log))
    (nvml, first), (cuda, second) = map(str.split, log.read_text(encoding="utf-8").splitlines())
    assert (nvml, cuda, first) == ("nvml", "cuda", second)


def test_nvml_that_crashes_takes_cuda_not_along(tmp_path: Path, driver: Driver) -> None:
    log = tmp_path / "log"
    environ = driver.environ("12.4", nvml_fault="nvmlInitWithFlags:abort", log=log)
    assert facts(tmp_path, environ)["cuda"] == {"value": "12.4", "source": "CUDA driver library"}
    assert log.read_text(encoding="utf-8").count("\n") == 2


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sys/module/nvidia/version", "550.54.14\n"),
        (
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC "
            "2024\nGCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
        ),
        (
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  "
            "(builder@host)  Thu Feb 22 01:44:30 UTC 2024\n",
        ),
    ],
)
def test_where_nvml_is_missing_the_kernel_tells_the_drivers_version(
    tmp_path: Path, driver_without_nvml: Driver, file: str, text: str
) -> None:
    (tmp_path / "root" / file).parent.mkdir(parents=True)
    (tmp_path / "root" / file).write_text(text, encoding="utf-8")
    environ = {**driver_without_nvml.environ(), "SELECTOR_SYSROOT": str(tmp_path / "root")}
    read = facts(tmp_path, environ)
    assert read["nvidia-driver"] == {"value": "550.54.14", "source": "the kernel's NVIDIA driver"}
    # A container that was not given the GPU sees the host's kernel, too.
    absent = facts(tmp_path / "container", {"SELECTOR_SYSROOT": str(tmp_path / "root")})
    missing = "the loader does not find libnvidia-ml.so.1"
    assert {fact["absent"] for fact in absent.values()} == {missing}
    environ["STANDIN_CUDA_FAULT"] = "cuInit:100"
    assert facts(tmp_path / "no-gpu", environ)["nvidia-driver"]["absent"] == missing


#: As much of it as counts: NVML's functions of CUDA 7.5, with bytes for text.
NVIDIA_ML_PY3 = """
import ctypes

class NVMLError(Exception):
    pass

class NVMLError_FunctionNotFound(NVMLError):
    pass

class NVMLError_LibraryNotFound(NVMLError):
    pass

def nvmlInit():
    global library
    library = ctypes.CDLL("libnvidia-ml.so.1")
    library.nvmlInitWithFlags(0)

def nvmlSystemGetDriverVersion():
    text = ctypes.create_string_buffer(81)
    library.nvmlSystemGetDriverVersion(text, 81)
    return text.value

def nvmlDeviceGetCount():
    number = ctypes.c_uint()
    library.nvmlDeviceGetCount_v2(ctypes.byref(number))
    return number.value

def nvmlDeviceGetHandleByIndex(index):
    handle = ctypes.c_void_p()
    library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
    return handle
"""


def test_a_module_in_the_way_of_pynvml_is_named(
    tmp_path: Path, driver: Driver, driver_without_cuda: Driver
) -> None:
    """nvidia-ml-py3 has a module of the same name, and pip lets both be installed."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/pynvml.py").write_text(NVIDIA_ML_PY3, encoding="utf-8")
    environ = {**driver_without_cuda.environ(), "PYTHONPATH": str(tmp_path / "path")}
    read = facts(tmp_path, environ)
    assert read["cuda"]["absent"].startswith("NVML: the module pynvml is not from nvidia-ml-py")
    assert read["compute-capability"] == read["cuda"]
    assert read["nvidia-driver"] == {"value": "550.54.14", "source": "NVML"}
    environ["LD_LIBRARY_PATH"] = str(driver.folder)
    read = facts(tmp_path / "whole", environ)
    assert read["cuda"] == {"value": "12.4", "source": "CUDA driver library"}
