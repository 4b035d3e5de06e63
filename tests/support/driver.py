"""Stand-ins for the NVIDIA driver, compiled from `driver.c` and put on the loader's path."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("driver.c")
LIBRARIES = {"nvml": "libnvidia-ml.so.1", "cuda": "libcuda.so.1"}


def compiler() -> str:
    """Return the C compiler, or say how to get one."""
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return path
    raise AssertionError("the stand-in drivers need a C compiler: install gcc or clang")


@dataclass(frozen=True)
class Driver:
    """A folder with stand-in libraries."""

    folder: Path

    def finding(self) -> dict[str, str]:
        """Return the variables with which a process finds the libraries."""
        return {"LD_LIBRARY_PATH": str(self.folder)}

    def environ(
        self,
        cuda: str = "12.4",
        *,
        gpus: str = "8.6",
        driver: str = "550.54.14",
        nvml_fault: str = "",
        cuda_fault: str = "",
        log: Path | None = None,
    ) -> dict[str, str]:
        """Return the environment variables with which a process finds this driver."""
        major, _, minor = cuda.partition(".")
        variables = {
            **self.finding(),
            "STANDIN_CUDA": str(int(major) * 1000 + int(minor or 0) * 10),
            "STANDIN_GPUS": gpus,
            "STANDIN_DRIVER": driver,
            "STANDIN_NVML_FAULT": nvml_fault,
            "STANDIN_CUDA_FAULT": cuda_fault,
        }
        if log is not None:
            variables["STANDIN_LOG"] = str(log)
        return variables


def compile_driver(folder: Path, *libraries: str, without: tuple[str, ...] = ()) -> Driver:
    """Compile stand-ins (``nvml``, ``cuda``) into ``folder``, lacking the functions ``without``."""
    folder.mkdir(parents=True, exist_ok=True)
    for library in libraries:
        options = [f"-D{library.upper()}", *(f"-DWITHOUT_{name}" for name in without)]
        target = folder / LIBRARIES[library]
        options.append(f"-Wl,-soname,{target.name}")
        command = [compiler(), "-shared", "-fPIC", "-pthread", "-o", str(target), *options]
        subprocess.run([*command, str(SOURCE)], check=True)
    return Driver(folder)
