"""What CUDA toolkits, ROCm and Level Zero tell, read through the hooks from stand-in libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.driver import Driver
from support.hooks import Backend
from support.project import write_compiled
from support.toolkit import (
    TOOLKIT_NAMES,
    compile_library,
    hide_toolkits,
    write_device,
    write_kfd,
    write_pci,
)

from selector_backend.probes.loader import findable

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "any"
when = {{ {fact} = true }}

[[tool.selector.variant]]
name = "none"
"""


def read(folder: Path, fact: str, environ: dict[str, str]) -> dict[str, Any]:
    """Return one fact of the record that a project gets under ``environ``."""
    backend = Backend(write_compiled(folder / "source", TABLE.format(fact=fact)), environ)
    facts = backend.record(folder / "out")["facts"]
    assert list(facts) == [fact]
    one: dict[str, Any] = facts[fact]
    assert str(folder) not in str(one)
    return one


@pytest.fixture
def hidden(tmp_path: Path) -> str:
    return hide_toolkits(tmp_path / "hidden")


def toolkit(folder: Path, *libraries: tuple[str, int]) -> str:
    """Return a folder with stand-ins for libraries of CUDA."""
    for name, version in libraries:
        compile_library(folder / name, version)
    return str(folder)


NVRTC_12, RUNTIME_13 = ("libnvrtc.so.12", 12040), ("libcudart.so.13", 13000)


@pytest.mark.parametrize(
    ("libraries", "version", "source"),
    [
        ([NVRTC_12], "12.4", "NVRTC"),
        ([RUNTIME_13], "13.0", "CUDA runtime"),
        ([NVRTC_12, RUNTIME_13], "12.4", "NVRTC"),
        ([("libnvrtc.so.11.2", 11080)], "11.8", "NVRTC"),
        ([("libcudart.so.11.0", 11080)], "11.8", "CUDA runtime"),
        ([("libnvrtc.so", 14010)], "14.1", "NVRTC"),
    ],
)
def test_the_toolkit_that_the_loader_finds(
    tmp_path: Path, hidden: str, libraries: list[tuple[str, int]], version: str, source: str
) -> None:
    folder = toolkit(tmp_path / "toolkit", *libraries)
    fact = read(tmp_path, "cuda-toolkit", {"LD_LIBRARY_PATH": f"{folder}:{hidden}"})
    assert fact == {"value": version, "source": f"{source}, found by the dynamic loader"}


@pytest.mark.parametrize(
    ("variable", "folder"), [("CUDA_HOME", "lib64"), ("CUDA_HOME", "lib"), ("CUDA_PATH", "lib64")]
)
def test_the_toolkit_that_a_variable_names(
    tmp_path: Path, hidden: str, variable: str, folder: str
) -> None:
    toolkit(tmp_path / "cuda" / folder, NVRTC_12)
    environ = {"LD_LIBRARY_PATH": hidden, variable: str(tmp_path / "cuda")}
    fact = read(tmp_path, "cuda-toolkit", environ)
    assert fact == {"value": "12.4", "source": f"NVRTC, found in {variable}"}


def test_one_folder_after_another_in_their_order(tmp_path: Path, hidden: str) -> None:
    """What somebody puts first is what their programs load, be it older, or the runtime alone."""
    folders = [
        toolkit(tmp_path / "first", ("libcudart.so.12", 12040)),
        toolkit(tmp_path / "second", ("libnvrtc.so.12", 12060)),
        toolkit(tmp_path / "third", ("libnvrtc.so.13", 13000)),
        hidden,
    ]
    expected = [("12.4", "CUDA runtime"), ("12.6", "NVRTC"), ("13.0", "NVRTC")]
    for index, (version, source) in enumerate(expected):
        environ = {"LD_LIBRARY_PATH": ":".join(folders[index:])}
        fact = read(tmp_path / str(index), "cuda-toolkit", environ)
        assert fact == {"value": version, "source": f"{source}, found by the dynamic loader"}


def test_the_toolkit_that_a_variable_names_comes_before_the_loaders(
    tmp_path: Path, hidden: str
) -> None:
    toolkit(tmp_path / "cuda/lib64", NVRTC_12)
    newer = toolkit(tmp_path / "newer", ("libnvrtc.so.13", 13000))
    environ = {"LD_LIBRARY_PATH": f"{newer}:{hidden}", "CUDA_HOME": str(tmp_path / "cuda")}
    fact = read(tmp_path, "cuda-toolkit", environ)
    assert fact == {"value": "12.4", "source": "NVRTC, found in CUDA_HOME"}


def test_what_does_not_load_is_passed_over(tmp_path: Path, hidden: str) -> None:
    folder = toolkit(tmp_path / "toolkit", NVRTC_12)
    (Path(folder) / "libnvrtc.so.13").touch()
    fact = read(tmp_path, "cuda-toolkit", {"LD_LIBRARY_PATH": f"{folder}:{hidden}"})
    assert fact["value"] == "12.4"


def test_what_does_not_load_is_the_reason_where_nothing_else_does(
    tmp_path: Path, hidden: str
) -> None:
    (Path(hidden) / "libcudart.so.13").touch()
    fact = read(tmp_path, "cuda-toolkit", {"LD_LIBRARY_PATH": hidden})
    assert "libcudart.so.13: does not load: file too short" in fact["absent"]


@pytest.mark.skipif(
    any(findable(name, {}) for name in TOOLKIT_NAMES), reason="this machine has a CUDA toolkit"
)
@pytest.mark.parametrize(
    ("variable", "end"),
    [("CUDA_HOME", "the folder that CUDA_HOME names has neither"), ("", "CUDA_HOME is not set")],
)
def test_without_a_toolkit_the_fact_says_where_it_was_looked_for(
    tmp_path: Path, variable: str, end: str
) -> None:
    absent = read(tmp_path, "cuda-toolkit", {variable: str(tmp_path)} if variable else {})["absent"]
    assert absent == f"the dynamic loader finds neither NVRTC nor the CUDA runtime, and {end}"


ARC = "0000:03:00.0"
FAULTS = [
    ("abort", "crashed the process that asked it (SIGABRT)"),
    ("crash", "crashed the process that asked it (SIGSEGV)"),
    ("exit", "ended the process that asked it, with exit status 0"),
    ("hang", "did not answer within"),
    ("3", "{function} returned error {error}"),
]
LIBRARIES = [
    ("cuda-toolkit", "libnvrtc.so.12", "NVRTC", "nvrtcVersion"),
    ("cuda-toolkit", "libcudart.so.12", "RUNTIME", "cudaRuntimeGetVersion"),
    ("rocm", "libamdhip64.so.6", "HIP", "hipRuntimeGetVersion"),
    ("xpu", "libze_loader.so.1", "ZE", "zeInit"),
    ("xpu", "libze_loader.so.1", "ZE", "zelLoaderGetVersions"),
]
#: What a stand-in of each kind is compiled to say, and the version that it is read as.
SAYS = {"NVRTC": (12040, "12.4"), "RUNTIME": (12040, "12.4")}
SAYS |= {"HIP": (60443483, "6.4"), "ZE": (12401, "1.24.1")}


@pytest.mark.parametrize(("fact", "file", "kind", "function"), LIBRARIES)
@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_broken_library_makes_the_fact_absent_with_the_reason(
    tmp_path: Path,
    hidden: str,
    fact: str,
    file: str,
    kind: str,
    function: str,
    fault: str,
    reason: str,
) -> None:
    folder = compile_library(tmp_path / "broken" / file, SAYS[kind][0]).parent
    environ = {
        "LD_LIBRARY_PATH": f"{folder}:{hidden}",
        "SELECTOR_SYSROOT": str(write_pci(tmp_path / "root", "xe", ARC)),
        f"STANDIN_{kind}_FAULT": f"{function}:{fault}",
        **({"SELECTOR_PROBE_TIMEOUT": "2"} if fault == "hang" else {}),
    }
    error = "0x3" if kind == "ZE" else "3"
    absent = read(tmp_path, fact, environ)["absent"]
    assert f"{file}: {reason.format(function=function, error=error)}" in absent


@pytest.mark.parametrize(("fact", "file", "kind", "function"), LIBRARIES)
def test_a_library_that_prints_does_not_spoil_the_answer(
    tmp_path: Path, hidden: str, fact: str, file: str, kind: str, function: str
) -> None:
    version, text = SAYS[kind]
    folder = compile_library(tmp_path / "loud" / file, version).parent
    environ = {
        "LD_LIBRARY_PATH": f"{folder}:{hidden}",
        "SELECTOR_SYSROOT": str(write_pci(tmp_path / "root", "xe", ARC)),
        f"STANDIN_{kind}_FAULT": f"{function}:print",
    }
    assert read(tmp_path, fact, environ)["value"] == text


def test_a_library_that_crashes_as_it_loads_is_passed_over(tmp_path: Path, hidden: str) -> None:
    folder = toolkit(tmp_path / "toolkit", ("libnvrtc.so.12", 12040), ("libcudart.so.12", 12060))
    environ = {"LD_LIBRARY_PATH": f"{folder}:{hidden}", "STANDIN_NVRTC_FAULT": "load:abort"}
    assert read(tmp_path, "cuda-toolkit", environ)["value"] == "12.6"


def test_all_libraries_of_a_family_have_one_time_limit(tmp_path: Path, hidden: str) -> None:
    names = [(f"libnvrtc.so.{major}", 12000) for major in (12, 13)]
    folder = toolkit(tmp_path / "toolkit", *names)
    log = tmp_path / "log"
    environ = {
        "LD_LIBRARY_PATH": f"{folder}:{hidden}",
        "SELECTOR_PROBE_TIMEOUT": "3",
        "STANDIN_NVRTC_FAULT": "load:hang",
        "STANDIN_LOG": str(log),
    }
    absent = read(tmp_path, "cuda-toolkit", environ)["absent"]
    assert "libnvrtc.so.12: was not asked, since no time was left" in absent
    assert log.read_text(encoding="utf-8").count("\n") == 1


def test_the_hip_runtime_tells_rocm(tmp_path: Path) -> None:
    folder = compile_library(tmp_path / "rocm/libamdhip64.so.6", 60443483).parent
    fact = read(tmp_path, "rocm", {"LD_LIBRARY_PATH": str(folder)})
    assert fact == {"value": "6.4", "source": "the HIP runtime"}


def test_a_hip_runtime_of_before_rocm_4_3_does_not_tell(tmp_path: Path) -> None:
    folder = compile_library(tmp_path / "rocm/libamdhip64.so", 3275).parent
    fact = read(tmp_path, "rocm", {"LD_LIBRARY_PATH": str(folder)})
    assert fact["absent"] == "libamdhip64.so: is older than ROCm 4.3"


def test_a_library_that_lacks_the_function(tmp_path: Path) -> None:
    file = tmp_path / "rocm/libamdhip64.so"
    folder = compile_library(file, 0, "-DWITHOUT_FUNCTION").parent
    fact = read(tmp_path, "rocm", {"LD_LIBRARY_PATH": str(folder)})
    assert fact["absent"] == "libamdhip64.so: lacks hipRuntimeGetVersion"


@pytest.mark.parametrize("variable", ["SELECTOR_SYSROOT", "ROCM_PATH"])
def test_where_the_hip_runtime_is_not_found_rocms_files_tell(tmp_path: Path, variable: str) -> None:
    place = "opt/rocm/.info" if variable == "SELECTOR_SYSROOT" else ".info"
    (tmp_path / "root" / place).mkdir(parents=True)
    (tmp_path / "root" / place / "version").write_text("6.4.1-83\n", encoding="utf-8")
    fact = read(tmp_path, "rocm", {variable: str(tmp_path / "root")})
    assert fact == {"value": "6.4.1", "source": "ROCm's version file"}


def test_without_rocm(tmp_path: Path) -> None:
    fact = read(tmp_path, "rocm", {"SELECTOR_SYSROOT": str(tmp_path)})
    assert fact["absent"] == "neither the HIP runtime (libamdhip64) nor ROCm is installed"


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ([0, 90402], ["gfx942"]),
        ([0, 0, 90010, 90010], ["gfx90a"]),
        ([0, 110000, 100306], ["gfx1036", "gfx1100"]),
        ([0, 90006], ["gfx906"]),
        ([0, 120001], ["gfx1201"]),
    ],
)
def test_the_kernel_tells_the_gpus(tmp_path: Path, targets: list[int], names: list[str]) -> None:
    root = write_kfd(tmp_path / "root", *targets)
    fact = read(tmp_path, "gfx", {"SELECTOR_SYSROOT": str(root)})
    assert fact == {"value": names, "source": "the kernel's KFD topology"}


def test_every_target_asked_for_has_to_be_there(tmp_path: Path) -> None:
    root = write_kfd(tmp_path / "root", 0, 90402)
    table = TABLE.format(fact="gfx").replace("true", '["gfx942", "gfx90a"]')
    backend = Backend(write_compiled(tmp_path / "source", table), {"SELECTOR_SYSROOT": str(root)})
    record = backend.record(tmp_path / "out")
    assert record["verdicts"][0]["reason"] == "gfx lacks gfx90a"


@pytest.mark.parametrize(
    ("targets", "device", "reason"),
    [
        ([], False, "the kernel has no driver for AMD GPUs loaded"),
        ([0], True, "no AMD GPU is visible"),
        ([0, 90402], False, "there is an AMD GPU, but /dev/kfd does not exist here"),
    ],
)
def test_without_an_amd_gpu_gfx_is_absent(
    tmp_path: Path, targets: list[int], device: bool, reason: str
) -> None:
    root = write_kfd(tmp_path / "root", *targets, device=device)
    fact = read(tmp_path, "gfx", {"SELECTOR_SYSROOT": str(root)})
    assert fact["absent"].startswith(reason)


@pytest.mark.parametrize("kernel_driver", ["xe", "i915"])
def test_an_intel_gpu_and_its_loader_tell_xpu(tmp_path: Path, kernel_driver: str) -> None:
    folder = compile_library(tmp_path / "lib/libze_loader.so.1", 12401).parent
    root = write_pci(tmp_path / "root", kernel_driver, ARC)
    environ = {"LD_LIBRARY_PATH": str(folder), "SELECTOR_SYSROOT": str(root)}
    fact = read(tmp_path, "xpu", environ)
    assert fact == {"value": "1.24.1", "source": "the Level Zero loader"}


@pytest.mark.parametrize("kernel_drivers", [(), ("xe", "i915")], ids=["not loaded", "no device"])
def test_without_an_intel_gpu_the_loader_is_not_even_loaded(
    tmp_path: Path, kernel_drivers: tuple[str, ...]
) -> None:
    folder = compile_library(tmp_path / "lib/libze_loader.so.1", 12401).parent
    for name in kernel_drivers:
        write_pci(tmp_path / "root", name)
    log = tmp_path / "log"
    environ = {"LD_LIBRARY_PATH": str(folder), "STANDIN_LOG": str(log)}
    absent = read(tmp_path, "xpu", {**environ, "SELECTOR_SYSROOT": str(tmp_path / "root")})
    assert absent["absent"] == "the kernel's drivers xe and i915 show no Intel GPU"
    assert not log.exists()


@pytest.mark.skipif(findable("libze_loader.so.1", {}), reason="this machine has the loader")
def test_an_intel_gpu_without_the_loader(tmp_path: Path) -> None:
    root = write_pci(tmp_path / "root", "xe", ARC)
    fact = read(tmp_path, "xpu", {"SELECTOR_SYSROOT": str(root)})
    assert fact["absent"] == "the Level Zero loader (libze_loader.so.1) is not installed"


def test_on_wsl_2_the_loader_tells_xpu_alone(tmp_path: Path) -> None:
    folder = compile_library(tmp_path / "lib/libze_loader.so.1", 12401).parent
    write_device(tmp_path / "root/dev/dxg")
    environ = {"LD_LIBRARY_PATH": str(folder), "SELECTOR_SYSROOT": str(tmp_path / "root")}
    assert read(tmp_path, "xpu", environ)["value"] == "1.24.1"


def test_a_variable_that_hides_intels_gpus_from_one_run_is_ignored(tmp_path: Path) -> None:
    folder = compile_library(tmp_path / "lib/libze_loader.so.1", 12401).parent
    root = write_pci(tmp_path / "root", "xe", ARC)
    environ = {"LD_LIBRARY_PATH": str(folder), "SELECTOR_SYSROOT": str(root)}
    assert read(tmp_path, "xpu", {**environ, "ZE_AFFINITY_MASK": "9"})["value"] == "1.24.1"


@pytest.mark.parametrize(
    ("fault", "options", "reason"),
    [
        # What it returns without Intel's driver for it, or where /dev/dri may not be opened.
        (f"zeInit:{0x78000001}", (), "finds no Intel GPU with a driver that may be used from here"),
        ("", ("-DWITHOUT_FUNCTION",), "lacks zeInit or zelLoaderGetVersions"),
    ],
)
def test_an_intel_gpu_that_cannot_be_used(
    tmp_path: Path, fault: str, options: tuple[str, ...], reason: str
) -> None:
    folder = compile_library(tmp_path / "lib/libze_loader.so.1", 12401, *options).parent
    root = write_pci(tmp_path / "root", "xe", ARC)
    environ = {"LD_LIBRARY_PATH": str(folder), "SELECTOR_SYSROOT": str(root)}
    fact = read(tmp_path, "xpu", {**environ, "STANDIN_ZE_FAULT": fault})
    assert fact["absent"] == f"libze_loader.so.1: {reason}"


@pytest.mark.parametrize(("version", "said"), [(0, "0"), (-1, "-1")])
def test_a_version_that_is_none_is_passed_over(
    tmp_path: Path, hidden: str, version: int, said: str
) -> None:
    folder = toolkit(tmp_path / "toolkit", ("libcudart.so.13", version))
    environ = {"LD_LIBRARY_PATH": f"{folder}:{hidden}"}
    absent = read(tmp_path, "cuda-toolkit", environ)["absent"]
    assert f"libcudart.so.13: reports the version {said}" in absent
    toolkit(tmp_path / "toolkit", ("libnvrtc.so.13", -1), ("libcudart.so.12", 12040))
    assert read(tmp_path / "more", "cuda-toolkit", environ)["value"] == "12.4"


@pytest.mark.parametrize("text", ["\u0663.\u0664", "6." + "9" * 5000])
def test_a_version_file_with_no_version_in_it_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "root/opt/rocm/.info").mkdir(parents=True)
    (tmp_path / "root/opt/rocm/.info/version").write_text(text, encoding="utf-8")
    (tmp_path / "root/opt/rocm/.info/version-dev").write_text("6.4.1-83", encoding="utf-8")
    fact = read(tmp_path, "rocm", {"SELECTOR_SYSROOT": str(tmp_path / "root")})
    assert fact == {"value": "6.4.1", "source": "ROCm's version file"}


@pytest.mark.parametrize("fact", ["rocm", "gfx", "cuda-toolkit", "xpu"])
def test_a_folder_that_cannot_be_looked_at_is_in_no_record(
    tmp_path: Path, hidden: str, fact: str
) -> None:
    secret = "/" + "x" * 5000
    names = ("SELECTOR_SYSROOT", "ROCM_PATH", "CUDA_HOME")
    environ = {"LD_LIBRARY_PATH": f"{secret}:{hidden}", **dict.fromkeys(names, secret)}
    absent = read(tmp_path, fact, environ)["absent"]
    assert "xxx" not in absent
    assert "could not be read" not in absent


EVERYTHING = {
    "cuda": ["nvml", "cuda"],
    "nvidia-driver": ["nvml", "cuda"],
    "compute-capability": ["nvml", "cuda"],
    "cuda-toolkit": ["nvrtc"],
    "rocm": ["hip"],
    "xpu": ["ze"],
}


@pytest.mark.parametrize("fact", [*EVERYTHING, "gfx", "cpu", "glibc", "musl", "macos", "installed"])
def test_only_the_libraries_of_the_fact_that_is_named_are_loaded(
    tmp_path: Path, driver: Driver, fact: str
) -> None:
    log = tmp_path / "log"
    folder = toolkit(tmp_path / "toolkit", NVRTC_12, ("libcudart.so.12", 12040))
    compile_library(Path(folder) / "libamdhip64.so", 60443483)
    compile_library(Path(folder) / "libze_loader.so.1", 12401)
    environ = driver.environ(log=log)
    environ["SELECTOR_SYSROOT"] = str(write_pci(tmp_path / "root", "i915", ARC))
    environ["LD_LIBRARY_PATH"] += f":{folder}"
    read(tmp_path, fact, environ)
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    assert [line.split()[0] for line in lines] == EVERYTHING.get(fact, [])


@pytest.mark.parametrize("name", ["json", "re", "ctypes", "selector_backend"])
def test_what_lies_beside_the_table_is_not_run(tmp_path: Path, hidden: str, name: str) -> None:
    source = write_compiled(tmp_path / "source", TABLE.format(fact="cuda-toolkit"))
    (source / f"{name}.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    libraries = f"{toolkit(tmp_path / 'lib', NVRTC_12)}:{hidden}"
    backend = Backend(source, {"LD_LIBRARY_PATH": libraries})
    assert backend.record(tmp_path / "out")["facts"]["cuda-toolkit"]["value"] == "12.4"
