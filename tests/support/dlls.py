"""Stand-ins for the drivers' libraries on Windows: compiled here, and found by a process there."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import driver, toolkit

#: The folder of each library, its name, its source, and what that is compiled with.
LIBRARIES = (
    ("nvml", "nvml.dll", driver.SOURCE, ("-DNVML",)),
    ("nvidia", "nvcuda.dll", driver.SOURCE, ("-DCUDA",)),
    ("toolkit", "nvrtc64_120_0.dll", toolkit.SOURCE, ("-DNVRTC", "-DVERSION=12040")),
    ("toolkit", "cudart64_12.dll", toolkit.SOURCE, ("-DRUNTIME", "-DVERSION=12040")),
    ("rocm", "amdhip64_6.dll", toolkit.SOURCE, ("-DHIP", "-DVERSION=60241000")),
    ("xpu", "ze_loader.dll", toolkit.SOURCE, ("-DZE", "-DVERSION=11700")),
)


@dataclass(frozen=True)
class Dlls(driver.Driver):
    """The driver of a machine with Windows, in a folder that `compile_dlls` has filled."""

    def finding(self) -> dict[str, str]:
        return finding(self.folder, "nvidia")


def compile_dlls(folder: Path) -> None:
    """Compile all stand-ins into folders of ``folder``, by Debian's compiler for Windows."""
    for name, file, source, options in LIBRARIES:
        target = folder / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        command = ["x86_64-w64-mingw32-gcc", "-shared", "-O1", "-static", "-o", str(target)]
        subprocess.run([*command, *options, str(source)], check=True)


def finding(folder: Path, *names: str) -> dict[str, str]:
    """Return the variables of a process that finds the libraries in these folders of ``folder``."""
    return {"PATH": os.pathsep.join([*(str(folder / name) for name in names), os.environ["PATH"]])}
