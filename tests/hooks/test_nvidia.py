"""What the NVIDIA driver tells, read through the hooks from stand-ins of its libraries."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest
from support.driver import Driver, compile_driver
from support.hooks import Backend, HookFailedError
from support.processes import running_after, wait_for
from support.project import hook_environ, write_compiled

ALL_FACTS = """
[tool.selector]

[[tool.selector.variant]]
name = "gpu"
when = { cuda = true, nvidia-driver = true, compute-capability = true }

[[tool.selector.variant]]
name = "cpu"
"""


def facts(tmp_path: Path, environ: dict[str, str], table: str = ALL_FACTS) -> dict[str, Any]:
    """Return the facts of the record that a project gets under ``environ``.

    What this machine's kernel tells of a driver is hidden.
    """
    environ = {"SELECTOR_SYSROOT": str(tmp_path / "root"), **environ}
    backend = Backend(write_compiled(tmp_path / "source", table), environ)
    record = backend.metadata(tmp_path / "out") / "selector.json"
    read: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))["facts"]
    return read


def test_all_facts_come_from_nvml(tmp_path: Path, driver: Driver) -> None:
    environ = driver.environ("12.4", gpus="8.6,6.1", driver="550.54.14")
    assert facts(tmp_path, environ) == {
        "cuda": {"value": "12.4", "source": "NVML"},
        "nvidia-driver": {"value": "550.54.14", "source": "NVML"},
        "compute-capability": {"value": ["6.1", "8.6"], "source": "NVML"},
    }


@pytest.mark.parametrize(
    ("old", "new", "whole"),
    [
        ("class c_nvmlValue_t(", "import not_there\nclass c_nvmlValue_t(", False),
        ("class c_nvmlValue_t(", "class Unneeded(not_there.x): pass\nclass c_nvmlValue_t(", False),
        ("class c_nvmlValue_t(", 'X = """\nclass Y:\n"""\nX.lower()\nclass c_nvmlValue_t(', True),
        ("    nvmlInitWithFlags(0)", '    globals()["nvmlInitWith" + "Flags"](0)', True),
    ],
)
def test_of_pynvml_no_more_is_run_than_is_called_and_suffices(
    tmp_path: Path, driver: Driver, old: str, new: str, whole: bool
) -> None:
    """Where it can't be told what is called, or that does not suffice, all of it is run."""
    source = Path(pynvml.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1
    (tmp_path / "path").mkdir()
    noted = f"\ndef noted():\n    open({str(tmp_path / 'whole')!r}, 'w')\nunneeded = noted()\n"
    changed = source.replace(old, new) + noted
    (tmp_path / "path/pynvml.py").write_text(changed, encoding="utf-8")
    environ = {**driver.environ("12.4"), "PYTHONPATH": str(tmp_path / "path")}
    assert facts(tmp_path, environ)["cuda"] == {"value": "12.4", "source": "NVML"}
    assert (tmp_path / "whole").exists() is whole


def test_without_a_driver_every_fact_is_absent_and_says_why(tmp_path: Path) -> None:
    for fact in facts(tmp_path, {}).values():
        assert fact["absent"] == "the loader does not find libnvidia-ml.so.1"


def test_a_driver_that_sees_no_gpu_says_so(tmp_path: Path, driver: Driver) -> None:
    read = facts(tmp_path, driver.environ("12.4", gpus=""))
    assert read["cuda"]["absent"] == "the NVIDIA driver sees no GPU"


def test_where_there_is_no_nvml_the_cuda_driver_library_is_asked(
    tmp_path: Path, driver_without_nvml: Driver
) -> None:
    read = facts(tmp_path, driver_without_nvml.environ("11.4", gpus="8.7"))
    assert read["cuda"] == {"value": "11.4", "source": "CUDA driver library"}
    assert read["compute-capability"] == {"value": ["8.7"], "source": "CUDA driver library"}
    assert read["nvidia-driver"]["absent"] == "the loader does not find libnvidia-ml.so.1"


def test_where_nvml_fails_the_cuda_driver_library_is_asked(tmp_path: Path, driver: Driver) -> None:
    read = facts(tmp_path, driver.environ("12.2", nvml_fault="nvmlInitWithFlags:9"))
    assert read["cuda"] == {"value": "12.2", "source": "CUDA driver library"}


def test_a_gpu_hidden_from_one_run_counts(tmp_path: Path, driver_without_nvml: Driver) -> None:
    """`CUDA_VISIBLE_DEVICES` is a setting of one run; NVML does not know it either."""
    environ = {**driver_without_nvml.environ("12.2"), "CUDA_VISIBLE_DEVICES": ""}
    assert facts(tmp_path, environ)["cuda"]["value"] == "12.2"


FAULTS = [
    ("nvmlInitWithFlags:18", "NVML: driver/library version mismatch: the driver was updated"),
    ("nvmlInitWithFlags:9", "NVML: the NVIDIA kernel driver is not loaded"),
    ("nvmlInitWithFlags:77", "NVML: an error of the stand-in"),
    ("nvmlInitWithFlags:abort", "NVML: crashed the process that asked it (SIGABRT)"),
    ("nvmlInitWithFlags:crash", "NVML: crashed the process that asked it (SIGSEGV)"),
    ("nvmlInitWithFlags:exit", "NVML: ended the process that asked it, with exit status 0"),
    ("nvmlInitWithFlags:hang", "NVML: did not answer within "),
    ("nvmlDeviceGetCount_v2:999", "NVML: Unknown Error"),
    ("nvmlSystemGetCudaDriverVersion_v2:12", "NVML: the driver does not find libcuda.so.1; a cont"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_broken_driver_makes_cuda_absent_with_the_reason(
    tmp_path: Path, driver_without_cuda: Driver, fault: str, reason: str
) -> None:
    environ = driver_without_cuda.environ("12.4", nvml_fault=fault)
    if fault.endswith(":hang"):
        environ["SELECTOR_PROBE_TIMEOUT"] = "2"
    read = facts(tmp_path, environ)
    assert read["cuda"]["absent"].startswith(reason)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("cuInit:803", "CUDA driver library: driver/library version mismatch"),
        ("cuInit:34", "CUDA driver library: it is a stub that only serves for linking"),
        ("cuInit:100", "CUDA driver library: no GPU is visible"),
        ("cuInit:abort", "CUDA driver library: crashed the process that asked it (SIGABRT)"),
        ("cuDriverGetVersion:999", "CUDA driver library: it returned error 999"),
    ],
)
def test_both_libraries_reasons_are_given(
    tmp_path: Path, driver: Driver, fault: str, reason: str
) -> None:
    environ = driver.environ(nvml_fault="nvmlInitWithFlags:18", cuda_fault=fault)
    absent = facts(tmp_path, environ)["cuda"]["absent"]
    assert absent.startswith("NVML: driver/library version mismatch")
    assert f"; {reason}" in absent


def test_a_driver_that_hangs_takes_one_time_limit_for_both_libraries(
    tmp_path: Path, driver: Driver
) -> None:
    log = tmp_path / "log"
    environ = driver.environ(nvml_fault="nvmlInitWithFlags:hang", cuda_fault="cuInit:hang", log=log)
    read = facts(tmp_path, {**environ, "SELECTOR_PROBE_TIMEOUT": "3"})
    assert "was not asked, since no time was left" in read["cuda"]["absent"]
    assert log.read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.parametrize("fault", ["hang", "spin", "fork-hang"])
def test_nothing_that_hangs_is_left_running(tmp_path: Path, driver: Driver, fault: str) -> None:
    log = tmp_path / "log"
    environ = driver.environ(nvml_fault=f"nvmlInitWithFlags:{fault}", log=log)
    facts(tmp_path, {**environ, "SELECTOR_PROBE_TIMEOUT": "3"})
    assert running_after(wait_for(log)) == []


def test_a_driver_that_leaves_a_fork_behind_is_heard_and_the_fork_ends(
    tmp_path: Path, driver: Driver
) -> None:
    log = tmp_path / "log"
    environ = driver.environ("12.4", nvml_fault="nvmlInitWithFlags:fork-0", log=log)
    assert facts(tmp_path, environ)["cuda"] == {"value": "12.4", "source": "NVML"}
    assert running_after(wait_for(log, 2)) == []


def test_a_driver_that_crashes_beside_its_fork_is_not_waited_for(
    tmp_path: Path, driver_without_cuda: Driver
) -> None:
    log = tmp_path / "log"
    environ = driver_without_cuda.environ(nvml_fault="nvmlInitWithFlags:fork-abort", log=log)
    read = facts(tmp_path, {**environ, "SELECTOR_PROBE_TIMEOUT": "300"})
    assert read["cuda"]["absent"] == "NVML: crashed the process that asked it (SIGABRT)"
    assert running_after(wait_for(log, 2)) == []


HOOK = "import selector_backend as b, sys; b.prepare_metadata_for_build_wheel(sys.argv[1])"


@pytest.mark.parametrize("fault", ["nvmlInitWithFlags:hang", "load:spin", "load:fork-spin"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL", "SIGSTOP"])
def test_a_probe_ends_with_the_hook_that_is_killed_or_at_its_limit(
    tmp_path: Path, driver: Driver, fault: str, name: str
) -> None:
    log = tmp_path / "log"
    source = write_compiled(tmp_path / "source", ALL_FACTS)
    limit = {"SELECTOR_PROBE_TIMEOUT": "3" if name == "SIGSTOP" else "300"}
    environ = hook_environ(**driver.environ(nvml_fault=fault, log=log), **limit)
    process = subprocess.Popen([sys.executable, "-c", HOOK, tmp_path], cwd=source, env=environ)
    try:
        pids = wait_for(log, 2 if "fork" in fault else 1)
        process.send_signal(getattr(signal, name))
        assert running_after(pids, 10) == []
    finally:
        process.kill()
        process.wait()


def test_a_library_that_prints_does_not_spoil_the_answer(tmp_path: Path, driver: Driver) -> None:
    environ = driver.environ("12.4", nvml_fault="nvmlInitWithFlags:print")
    assert facts(tmp_path, environ)["cuda"]["value"] == "12.4"


def test_a_library_that_lacks_a_function(tmp_path: Path) -> None:
    both = ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion")
    broken = compile_driver(tmp_path / "broken", "nvml", without=both)
    read = facts(tmp_path, broken.environ())
    assert read["cuda"]["absent"].startswith("NVML: the driver's library lacks a function")
    assert read["compute-capability"]["value"] == ["8.6"]


def test_an_old_driver_has_the_older_function_only(tmp_path: Path) -> None:
    old = compile_driver(tmp_path / "old", "nvml", without=("nvmlSystemGetCudaDriverVersion_v2",))
    assert facts(tmp_path, old.environ("10.0"))["cuda"]["value"] == "10.0"


def test_a_cuda_driver_library_that_lacks_a_function_is_named(tmp_path: Path) -> None:
    broken = compile_driver(tmp_path / "broken", "cuda", without=("cuDriverGetVersion",))
    assert "cuDriverGetVersion" in facts(tmp_path, broken.environ())["cuda"]["absent"]


def test_a_library_that_does_not_load(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "libnvidia-ml.so.1").touch()
    read = facts(tmp_path, {"LD_LIBRARY_PATH": str(folder)})
    assert read["cuda"]["absent"].endswith("a library it needs does not load")


def test_one_lost_gpu_does_not_hide_the_others(tmp_path: Path, driver: Driver) -> None:
    environ = {**driver.environ(gpus="8.0,9.0"), "STANDIN_FIRST_GPU_LOST": "1"}
    assert facts(tmp_path, environ)["compute-capability"]["value"] == ["9.0"]


@pytest.mark.parametrize(
    ("driver_version", "reason"),
    [
        (
            "550.54.14-tegra",
            "NVML: '550.54.14-tegra' is not a version; expected numbers with dots between them",
        ),
        ("", "NVML: '' is not a version; expected numbers with dots between them"),
        ("550.\udcff", "NVML: its answer is not text"),
    ],
)
def test_a_driver_version_that_is_none_hides_no_other_fact(
    tmp_path: Path, driver: Driver, driver_version: str, reason: str
) -> None:
    assert facts(tmp_path, driver.environ("12.4", driver=driver_version)) == {
        "cuda": {"value": "12.4", "source": "NVML"},
        "nvidia-driver": {"absent": reason, "source": "NVML"},
        "compute-capability": {"value": ["8.6"], "source": "NVML"},
    }


@pytest.mark.parametrize("library", ["NVML", "CUDA driver library"])
@pytest.mark.parametrize("number", ["0", "-1"])
def test_a_cuda_version_that_is_none_hides_no_other_fact(
    tmp_path: Path, driver: Driver, driver_without_nvml: Driver, library: str, number: str
) -> None:
    stand_in = driver if library == "NVML" else driver_without_nvml
    read = facts(tmp_path, {**stand_in.environ(), "STANDIN_CUDA": number})
    assert f"{library}: reports the version {number}" in read["cuda"]["absent"]
    assert read["compute-capability"] == {"value": ["8.6"], "source": library}


@pytest.mark.parametrize("library", ["NVML", "CUDA driver library"])
def test_one_gpus_nonsense_hides_nothing_else(
    tmp_path: Path, driver: Driver, driver_without_nvml: Driver, library: str
) -> None:
    stand_in = driver if library == "NVML" else driver_without_nvml
    read = facts(tmp_path, stand_in.environ("12.4", gpus="0.0,-1.5,9.0"))
    assert read["cuda"] == {"value": "12.4", "source": library}
    assert read["compute-capability"] == {"value": ["9.0"], "source": library}
    read = facts(tmp_path / "only", stand_in.environ("12.4", gpus="0.0"))
    assert read["cuda"]["value"] == "12.4"
    assert (
        f"{library}: a GPU has the compute capability 0.0" in read["compute-capability"]["absent"]
    )


@pytest.mark.parametrize(
    "before",
    ["{tmp}/closed", "/{long}", "{tmp}/closed;{tmp}/nowhere;", "/\udcff:{tmp}/closed/a-file"],
)
def test_a_search_path_that_cannot_all_be_looked_at_hides_no_gpu(
    tmp_path: Path, driver: Driver, before: str
) -> None:
    """As the loader, which passes over such an entry, and knows `;` too."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a-file").touch()
    entries = before.format(tmp=tmp_path, long="x" * 5000)
    environ = driver.environ("12.4")
    separator = "" if entries.endswith(";") else ":"
    environ["LD_LIBRARY_PATH"] = f"{entries}{separator}{environ['LD_LIBRARY_PATH']}"
    closed.chmod(0)
    try:
        read = facts(tmp_path, environ)
    finally:
        closed.chmod(0o700)
    assert read["cuda"] == {"value": "12.4", "source": "NVML"}


def test_an_override_spares_the_driver(tmp_path: Path, driver: Driver) -> None:
    log = tmp_path / "log"
    environ = {
        **driver.environ("11.8", log=log),
        "SELECTOR_CUDA": "12.4",
        "SELECTOR_NVIDIA_DRIVER": "",
        "SELECTOR_COMPUTE_CAPABILITY": "7.0,9.0",
    }
    assert facts(tmp_path, environ) == {
        "cuda": {"value": "12.4", "source": "SELECTOR_CUDA"},
        "nvidia-driver": {
            "absent": "SELECTOR_NVIDIA_DRIVER is set to nothing",
            "source": "SELECTOR_NVIDIA_DRIVER",
        },
        "compute-capability": {
            "value": ["7.0", "9.0"],
            "source": "SELECTOR_COMPUTE_CAPABILITY",
        },
    }
    assert not log.exists()


@pytest.mark.parametrize("forced", ["variable", "setting"])
def test_a_forced_variant_asks_no_driver(tmp_path: Path, driver: Driver, forced: str) -> None:
    log = tmp_path / "log"
    environ = driver.environ(log=log)
    if forced == "variable":
        environ["SPAM_VARIANT"] = "gpu"
    settings = {"variant": "gpu"} if forced == "setting" else {}
    backend = Backend(write_compiled(tmp_path / "source", ALL_FACTS), environ)
    assert backend.call("get_requires_for_build_wheel", settings) == []
    record = backend.metadata(tmp_path / "out", config_settings=settings) / "selector.json"
    data = json.loads(record.read_text(encoding="utf-8"))
    assert data["variants"] == ["gpu"]
    assert data["decided-by"] == ("SPAM_VARIANT" if forced == "variable" else "-C variant")
    assert not log.exists()


def test_a_table_that_does_not_name_the_driver_does_not_ask_it(
    tmp_path: Path, driver: Driver
) -> None:
    log = tmp_path / "log"
    table = ALL_FACTS.replace(
        "cuda = true, nvidia-driver = true, compute-capability = true", 'cpu = "avx2"'
    )
    assert list(facts(tmp_path, driver.environ(log=log), table)) == ["cpu"]
    assert not log.exists()


@pytest.mark.parametrize("value", ["2147484", "1e300"])
def test_a_time_limit_that_is_never_reached(tmp_path: Path, driver: Driver, value: str) -> None:
    environ = {**driver.environ("12.4"), "SELECTOR_PROBE_TIMEOUT": value}
    assert facts(tmp_path, environ)["cuda"] == {"value": "12.4", "source": "NVML"}


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_limit_that_is_none_is_an_error(tmp_path: Path, value: str) -> None:
    with pytest.raises(HookFailedError) as failed:
        facts(tmp_path, {"SELECTOR_PROBE_TIMEOUT": value})
    assert failed.value.status == 1
    assert f"SELECTOR_PROBE_TIMEOUT is '{value}'; expected a number of seconds" in str(failed.value)


def test_a_python_of_32_bits_has_no_gpu_that_wheels_are_for(tmp_path: Path, driver: Driver) -> None:
    """Though the driver answers it, as on Windows, which has its libraries for both."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.maxsize = 2**31 - 1\n", "utf-8")
    for fact in facts(tmp_path, {**driver.environ(), "PYTHONPATH": str(tmp_path)}).values():
        assert fact["absent"] == "this Python is 32-bit, and programs for GPUs are 64-bit"
