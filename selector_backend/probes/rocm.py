"""`rocm` and `gfx`: AMD's HIP runtime, and the AMD GPUs that the kernel shows.

The HIP runtime is asked in a child process, where it can be found; otherwise the files in which a
ROCm installation notes its version are read. The GPUs are read from the topology of KFD, the
kernel's driver for computing on AMD GPUs: files, and no library of anybody's.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from ..model.facts import FACTS
from ..model.machine import Fact
from ..model.variables import ROOT_VARIABLE
from .child import NoAnswerError
from .family import read_timeout
from .library import Library, ask_in_turn, integers
from .loader import findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..model.table import Scope

_WINDOWS = sys.platform == "win32"
_LIBRARIES = (
    ("amdhip64_7.dll", "amdhip64_6.dll", "amdhip64.dll")
    if _WINDOWS
    else ("libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so")
)
_VERSION_FILES = (".info/version", ".info/version-dev")
_TOPOLOGY = "sys/class/kfd/kfd/topology/nodes"
_DEVICE = "dev/kfd"


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the facts ``names`` of this family."""
    readers = {"rocm": _rocm, "gfx": _gfx}
    return [readers[name](environ) for name in names]


def _rocm(environ: Mapping[str, str]) -> Fact:
    libraries = (
        Library(name, f"{__name__}:hip", "the HIP runtime")
        for name in _LIBRARIES
        if findable(name, environ)
    )
    fact, failures = ask_in_turn("rocm", libraries, environ, read_timeout(environ))
    if fact is not None:
        return fact
    for file in _version_files(environ):
        try:
            found = re.match(r"\d+(\.\d+)+", file.read_text(encoding="utf-8"), re.ASCII)
            if found:
                version = FACTS["rocm"].kind.load(found[0])
                return Fact("rocm", "ROCm's version file", value=version)
        except (OSError, ValueError):
            continue
    reason = "; ".join(failures) or "neither the HIP runtime (libamdhip64) nor ROCm is installed"
    return Fact("rocm", "the HIP runtime", reason=reason)


def hip(file: str) -> str:
    """Ask the HIP runtime for its version. Runs in a child process.

    The last part of that is a build's number and none of ROCm's, so the first two are given.
    """
    (number,) = integers(file, "hipRuntimeGetVersion", 1)
    if number < 10_000_000:
        raise NoAnswerError("is older than ROCm 4.3")
    return f"{number // 10_000_000}.{number // 100_000 % 100}"


def _version_files(environ: Mapping[str, str]) -> Iterator[Path]:
    folders = [Path(environ[name]) for name in ("ROCM_PATH", "ROCM_HOME") if environ.get(name)]
    for folder in (*folders, root(environ) / "opt/rocm"):
        for name in _VERSION_FILES:
            yield folder / name


def _gfx(environ: Mapping[str, str]) -> Fact:
    source = "the kernel's KFD topology"
    try:
        nodes = sorted((root(environ) / _TOPOLOGY).glob("*/properties"))
    except OSError:
        nodes = []
    targets, hidden = set(), 0
    for file in nodes:
        try:
            target = _target(file.read_text(encoding="utf-8"))
        except PermissionError:  # KFD's answer where a container was not given the GPU
            hidden += 1
        except (OSError, ValueError):
            continue
        else:
            if target:
                targets.add(target)
    if not sys.platform.startswith("linux"):
        reason = "it is read on Linux only"
    elif not nodes:
        reason = "the kernel has no driver for AMD GPUs loaded (amdgpu with KFD)"
    elif not targets:
        reason = "no AMD GPU is visible"
        if hidden:
            reason += f"; {hidden} there may not be used from here"
    elif not os.access(root(environ) / _DEVICE, os.F_OK):
        reason = "there is an AMD GPU, but /dev/kfd is not here: hand it to the container"
    else:
        return Fact("gfx", source, value=frozenset(targets))
    return Fact("gfx", source, reason=reason)


def _target(properties: str) -> str | None:
    """Return a node's target (``gfx90a`` for 90010), or ``None`` for a CPU."""
    found = re.search(r"^gfx_target_version (\d+)$", properties, re.MULTILINE)
    number = int(found[1]) if found else 0
    if number == 0:
        return None
    return f"gfx{number // 10000}{number // 100 % 100:x}{number % 100:x}"


def root(environ: Mapping[str, str]) -> Path:
    """Return the folder in which ``/sys``, ``/dev`` and ``/opt`` are."""
    return Path(environ.get(ROOT_VARIABLE) or "/")
