"""What the CPU can do: on this machine read twice, on others from what they tell of themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import archspec
import pytest
from archspec.cpu import TARGETS
from support import other_cpu
from support.hooks import Backend
from support.project import hook_environ, write_compiled

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "any"
when = { cpu = true }
"""
#: The samples that archspec publishes.
SAMPLES = Path(archspec.__file__).parent / "json/tests/targets"


def test_archspec_and_py_cpuinfo_agree_on_this_machine(tmp_path: Path, wheelhouse: Path) -> None:
    backend = Backend(write_compiled(tmp_path / "source", TABLE))
    names = set(backend.record(tmp_path / "out")["facts"]["cpu"]["value"])
    code = "import cpuinfo, json; print(json.dumps(cpuinfo.get_cpu_info()['flags']))"
    (wheel,) = wheelhouse.glob("py_cpuinfo-*.whl")
    with zipfile.ZipFile(wheel) as archive:  # it runs its own file, and so needs one
        archive.extractall(tmp_path / "cpuinfo")
    environ = hook_environ(PYTHONPATH=str(tmp_path / "cpuinfo"))
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, check=True, capture_output=True, env=environ).stdout
    flags = set(json.loads(output))
    flags |= {"sse3"} if "pni" in flags else set()  # Linux' name for it
    features = {feature for target in TARGETS.values() for feature in target.features}
    assert names & features
    assert names & features <= flags
    # py-cpuinfo asks the CPU besides, which has features that the kernel has switched off.
    assert not (flags - names) & features & shown_by_the_kernel()


def read_other(system: str, machine: str, sample: Path, bits: str = "64") -> dict[str, Any]:
    """Return the fact as another machine would read it."""
    command = [sys.executable, other_cpu.__file__, system, machine, str(sample), bits]
    output = subprocess.run(command, check=True, capture_output=True, env=hook_environ()).stdout
    fact: dict[str, Any] = json.loads(output)
    return fact


def shown_by_the_kernel() -> set[str]:
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return set(lines[0].partition(":")[2].split()) if lines else set()


@pytest.mark.parametrize(
    ("system", "machine", "sample", "has", "lacks"),
    [
        ("Linux", "x86_64", "linux-rhel7-haswell", "haswell x86_64_v3 avx2 movbe", "avx512f"),
        ("Linux", "x86_64", "linux-rhel7-ivybridge", "ivybridge x86_64_v2 avx", "avx2 x86_64_v3"),
        ("Linux", "x86_64", "linux-unknown-sapphirerapids", "sapphirerapids x86_64_v4", "zen4"),
        ("Linux", "x86_64", "linux-ubuntu20.04-zen3", "zen3 zen2 x86_64_v3 bmi2", "avx512f"),
        ("Linux", "x86_64", "linux-rocky8.5-zen4", "zen4 x86_64_v4 avx512f", "sapphirerapids"),
        ("Linux", "aarch64", "linux-amazon-neoverse_n1", "neoverse_n1 asimd", "sve avx2"),
        ("Linux", "aarch64", "linux-rhel9-neoverse_v2", "neoverse_v2 neoverse_n1 sve2", "avx2"),
        ("Linux", "aarch64", "linux-asahi-m2", "m2 m1 aarch64", "sve"),
        ("Linux", "ppc64le", "linux-rhel8-power9", "power9le power8le ppc64le", "power10le avx"),
        ("Darwin", "arm64", "darwin-monterey-m2", "m2 m1 aarch64", "x86_64"),
        ("Darwin", "x86_64", "darwin-monterey-m2", "m2 m1 aarch64", "x86_64"),
        ("Darwin", "x86_64", "darwin-mojave-haswell", "haswell x86_64_v3 avx2", "aarch64"),
        ("Windows", "AMD64", "windows-cpuid-icelake", "icelake x86_64_v4 avx512f", "zen4"),
        ("Windows", "AMD64", "windows-cpuid-broadwell", "broadwell x86_64_v3", "x86_64_v4"),
    ],
)
def test_other_systems(system: str, machine: str, sample: str, has: str, lacks: str) -> None:
    if not (SAMPLES / sample).exists():
        pytest.skip(f"this archspec has no sample {sample}")
    fact = read_other(system, machine, SAMPLES / sample)
    assert fact["source"] == "archspec"
    assert set(has.split()) <= set(fact["value"])
    assert not set(lacks.split()) & set(fact["value"])
    assert "missing" not in fact


@pytest.mark.parametrize(
    ("machine", "sample", "has", "lacks"),
    [
        (
            "x86_64",
            "linux-rhel7-haswell",
            "avx2 bmi2 i686 x86",
            "haswell x86_64_v3 x86_64_v2 x86_64",
        ),
        ("aarch64", "linux-rhel9-neoverse_v2", "arm", "neoverse_v2 aarch64 sve2 asimd neon"),
    ],
)
def test_a_python_of_32_bits_on_a_kernel_of_64(
    machine: str, sample: str, has: str, lacks: str
) -> None:
    fact = read_other("Linux", machine, SAMPLES / sample, "32")
    assert set(has.split()) <= set(fact["value"])
    assert not set(lacks.split()) & set(fact["value"])
    assert fact["missing"] == f"this Python is 32-bit, so features that need {machine} do not count"


@pytest.mark.parametrize(
    ("machine", "sample"),
    [
        ("x86_64", ""),
        ("x86_64", "linux-amazon-neoverse_n1"),
        ("aarch64", "linux-rhel7-haswell"),
        ("ppc64le", "linux-rhel7-haswell"),
    ],
)
def test_a_file_that_is_empty_or_of_another_processor(machine: str, sample: str) -> None:
    """Below an emulator, the file is that of the real machine."""
    fact = read_other("Linux", machine, SAMPLES / sample if sample else Path(os.devnull))
    assert machine in fact["value"]
    assert not {"avx2", "asimd", "power9le"} & set(fact["value"])
    assert fact["missing"] == "/proc/cpuinfo does not list this CPU's features"


def test_a_cpu_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    fact = read_other("Linux", "x86_64", tmp_path / "missing")
    assert "archspec: " in fact["absent"]
