"""`cuda-toolkit`, from the libraries of a CUDA toolkit: NVRTC, or else the CUDA runtime.

They are looked for where a program that needs them would find them: by the dynamic loader, in
``CUDA_HOME`` and ``CUDA_PATH``, and among NVIDIA's wheels in the environment, where the frontend
lets it be seen. The first that loads is asked, each in a child process of its own; all of them
together have one time limit.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..model.machine import Fact
from .family import Family, read_timeout
from .library import Library, ask_in_turn, cuda_version, integers
from .loader import findable, is_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..model.table import Scope

# The libraries' names, newest first, and last the one that a toolkit for developers has.
_WINDOWS = sys.platform == "win32"
_NVRTC = (
    "nvrtc64_130_0.dll nvrtc64_120_0.dll nvrtc64_112_0.dll nvrtc64_111_0.dll nvrtc64_110_0.dll"
    if _WINDOWS
    else "libnvrtc.so.13 libnvrtc.so.12 libnvrtc.so.11.2 libnvrtc.so.11.1 libnvrtc.so.11.0 "
    "libnvrtc.so"
).split()
_RUNTIME = (
    "cudart64_13.dll cudart64_12.dll cudart64_110.dll"
    if _WINDOWS
    else "libcudart.so.13 libcudart.so.12 libcudart.so.11.0 libcudart.so"
).split()
# Where a toolkit, and a wheel of NVIDIA's, keep them.
_TOOLKIT_FOLDERS = ("bin/x64", "bin") if _WINDOWS else ("lib64", "lib")
_WHEEL_FOLDERS = (
    ("nvidia/*/bin/x86_64", "nvidia/*/bin") if _WINDOWS else ("nvidia/cu[0-9]*/lib", "nvidia/*/lib")
)
_VARIABLES = ("CUDA_HOME", "CUDA_PATH")


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the one fact of this family."""
    if sys.platform == "darwin":
        return [_absent("there is no CUDA for macOS")]
    fact, failures = ask_in_turn(
        "cuda-toolkit", _libraries(environ, scope), environ, read_timeout(environ)
    )
    return [fact or _absent("; ".join(failures) or _nothing_found(environ))]


def nvrtc(file: str) -> str:
    """Ask NVRTC for its version. Runs in a child process."""
    major, minor = integers(file, "nvrtcVersion", 2)
    return cuda_version(major * 1000 + minor * 10)


def runtime(file: str) -> str:
    """Ask the CUDA runtime for its version. Runs in a child process."""
    (number,) = integers(file, "cudaRuntimeGetVersion", 1)
    return cuda_version(number)


def _libraries(environ: Mapping[str, str], scope: Scope) -> Iterator[Library]:
    """Return the libraries that are there. Where the two kinds differ, it is NVRTC that counts."""
    for reader, title, names in (("nvrtc", "NVRTC", _NVRTC), ("runtime", "CUDA runtime", _RUNTIME)):
        for name in names:
            if findable(name, environ):
                source = f"{title}, found by the dynamic loader"
                yield Library(name, f"{__name__}:{reader}", source)
        for folder, place in _folders(environ, scope):
            for file in (folder / name for name in names):
                if is_file(file):
                    yield Library(str(file), f"{__name__}:{reader}", f"{title}, found {place}")


def _folders(environ: Mapping[str, str], scope: Scope) -> Iterator[tuple[Path, str]]:
    for variable in _VARIABLES:
        if environ.get(variable):
            for name in _TOOLKIT_FOLDERS:
                yield Path(environ[variable], name), f"in {variable}"
    for packages in map(Path, scope.folders):
        for pattern in _WHEEL_FOLDERS:
            for folder in sorted(packages.glob(pattern), reverse=True):
                yield folder, "in the environment"


def _nothing_found(environ: Mapping[str, str]) -> str:
    reason = "the dynamic loader finds neither NVRTC nor the CUDA runtime"
    named = [variable for variable in _VARIABLES if environ.get(variable)]
    if named:
        return f"{reason}, and the folder that {named[0]} names has neither"
    return f"{reason}, and CUDA_HOME is not set"


def _absent(reason: str) -> Fact:
    return Fact("cuda-toolkit", "NVRTC and the CUDA runtime", reason=reason)


FAMILY = Family(read)
