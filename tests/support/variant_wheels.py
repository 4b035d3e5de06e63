"""Variant wheels (PEP 825) for a test, and machines for uv's preview of them.

A machine is stated to uv by its options and variables, or stands there: a program `nvidia-smi`
beside the stand-in driver, and a library with which `/proc/cpuinfo` is another file. uv reads
NVIDIA's driver by that program, and a CPU by that file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.cpu import TARGETS

from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import read_project
from selector_backend.variant_wheels.building import variant_wheels, write_variant_wheels

from .scarce import compile_preload

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What turns the preview on, and how a driver and a GPU are stated to it.
PREVIEW = ("--preview-features", "wheel-variants")
CUDA = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
GPU = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"

_SMI = """\
#!{python} -S
import os, sys

asked = [one.partition("=")[2].split(",") for one in sys.argv[1:] if one.startswith("--query-gpu=")]
cuda = int(os.environ["STANDIN_CUDA"])
if not asked:
    print("    CUDA Version                          : %d.%d" % (cuda // 1000, cuda % 1000 // 10))
for gpu in os.environ["STANDIN_GPUS"].split(",") if asked else ():
    says = {{"driver_version": os.environ["STANDIN_DRIVER"], "compute_cap": gpu}}
    print(", ".join(says[name] for name in asked[0]))
"""
# What every 64-bit CPU has, which archspec does not list, and what Linux calls by another name.
_EVERY = {"fpu", "cx8", "cmov", "fxsr", "syscall", "lm"}
_FLAGS = {"sse3": "pni"}
# uv's names for platforms, and for the machines that it can be told to install for.
_MACHINES = {"arm64": "aarch64", "AMD64": "x86_64", "ARM64": "aarch64"}
_PLATFORMS = {"linux": "unknown-linux", "darwin": "apple-darwin", "win32": "pc-windows-msvc"}


def build_variant_wheels(project: Path, target: Path) -> list[str]:
    """Write a project's variant wheels, without the proof that the command asks for."""
    compiled = compile_project(read_project(project))
    wheels = variant_wheels(compiled.selector)
    return write_variant_wheels(target, project, compiled, wheels, "0")


def can_be_stated(facts: Mapping[str, Any]) -> bool:
    """Return whether uv can be told of a machine's platform."""
    machine = (facts.get("marker") or {}).get("platform_machine", "x86_64")
    return _MACHINES.get(machine, machine) in ("x86_64", "aarch64")


def stated(facts: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Return the options and the variables that state a machine to uv, by its facts' values.

    A CPU can't be stated. Of several GPUs, the newest is, since uv asks for that.
    """
    options, variables = [], {}
    marker = facts.get("marker") or {}
    if system := marker.get("sys_platform"):
        machine = marker.get("platform_machine", "x86_64")
        machine = _MACHINES.get(machine, machine)
        libc = "-musl" if facts.get("musl") else "-gnu" if system == "linux" else ""
        options = ["--python-platform", f"{machine}-{_PLATFORMS[system]}{libc}"]
    if cuda := facts.get("cuda"):
        variables[CUDA] = cuda
        if gpus := facts.get("compute-capability"):
            variables[GPU] = max(gpus, key=lambda one: [*map(int, one.split("."))])
    return options, variables


def write_nvidia_smi(folder: Path) -> Path:
    """Write `nvidia-smi` into ``folder``, which says what the stand-in driver is told to say."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "nvidia-smi"
    program.write_text(_SMI.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    return folder


def write_cpu(folder: Path, name: str) -> dict[str, str]:
    """Return the variables with which a process finds another CPU, one that archspec knows.

    They have a cache of uv's for each CPU: uv keeps what it read of one, with the interpreter.
    """
    library, file = compile_preload(folder, "cpuinfo"), folder / name
    target = TARGETS[name]
    flags = sorted(_EVERY.union(_FLAGS.get(one, one) for one in target.features))
    lines = ["processor\t: 0", f"vendor_id\t: {target.vendor}", f"flags\t\t: {' '.join(flags)}"]
    file.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    cache = str(folder / f"uv-cache-{name}")
    return {"LD_PRELOAD": str(library), "STANDIN_CPUINFO": str(file), "UV_CACHE_DIR": cache}


def on_path(folder: Path) -> dict[str, str]:
    """Return the variable with which programs of ``folder`` are found before others."""
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
