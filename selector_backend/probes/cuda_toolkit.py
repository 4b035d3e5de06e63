"""`cuda-toolkit`, from the libraries of a CUDA toolkit: NVRTC, or else the CUDA runtime.

They are searched in the order in which programs find them: libraries that are preloaded, NVIDIA's
wheels in the environment, if the frontend shows it, ``CUDA_HOME`` and ``CUDA_PATH``, and the
dynamic loader's folders. The first that loads is asked, each in its own child process, within one
time limit for all.

Most machines have no toolkit, so the modules that ask it are imported late.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import chain
from pathlib import Path

from ..model.machine import Fact
from . import Family, read_timeout
from .loader import is_file, is_loaded, locations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Callable

    from ..model.table import Scope

# The libraries' names, newest first, and last the one of a toolkit for developers.
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
# Where a folder has both, NVRTC's version counts.
_LIBRARIES = (("nvrtc", "NVRTC", _NVRTC), ("runtime", "CUDA runtime", _RUNTIME))
# The folders of a toolkit and of NVIDIA's wheels that have them.
_TOOLKIT_FOLDERS = ("bin/x64", "bin") if _WINDOWS else ("lib64", "lib")
_WHEEL_FOLDERS = (
    ("nvidia/*/bin/x86_64", "nvidia/*/bin") if _WINDOWS else ("nvidia/cu[0-9]*/lib", "nvidia/*/lib")
)
_VARIABLES = ("CUDA_HOME", "CUDA_PATH")


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `cuda-toolkit`."""
    if sys.platform == "darwin":
        return [_absent("there is no CUDA for macOS")]
    sources: dict[str, list[str]] = {}
    for file, *source in _libraries(environ, scope):
        sources.setdefault(file, source)
    if not sources:
        return [_absent(_nothing_found(environ))]
    from .library import Library, ask_in_turn

    libraries = [Library(file, *source) for file, source in sources.items()]
    fact, failures = ask_in_turn("cuda-toolkit", libraries, environ, read_timeout(environ))
    return [fact or _absent("; ".join(failures))]


def nvrtc(file: str) -> str:
    """Ask NVRTC for its version. Runs in a child process."""
    from .library import cuda_version, integers

    major, minor = integers(file, "nvrtcVersion", 2)
    return cuda_version(major * 1000 + minor * 10)


def runtime(file: str) -> str:
    """Ask the CUDA runtime for its version. Runs in a child process."""
    from .library import cuda_version, integers

    (number,) = integers(file, "cudaRuntimeGetVersion", 1)
    return cuda_version(number)


def _libraries(environ: Mapping[str, str], scope: Scope) -> Iterator[tuple[str, str, str]]:
    """Yield the file, reader and source of each library that exists, for `Library`."""
    for find, origin in _locations(environ, scope):
        for reader, title, names in _LIBRARIES:
            for name in names:
                for file in find(name):
                    yield file, f"{__name__}:{reader}", f"{title}, {origin}"


def _locations(
    environ: Mapping[str, str], scope: Scope
) -> Iterator[tuple[Callable[[str], list[str]], str]]:
    """Yield the search locations, each as a function that finds a library's files there."""
    yield partial(_by_loader, partial(is_loaded, environ=environ)), "loaded already"
    for packages in map(Path, scope.folders):
        wheels = [sorted(packages.glob(pattern), reverse=True) for pattern in _WHEEL_FOLDERS]
        yield partial(_in_folders, [*chain(*wheels)]), "found in the environment"
    for variable in _VARIABLES:
        if environ.get(variable):
            folders = [Path(environ[variable], name) for name in _TOOLKIT_FOLDERS]
            yield partial(_in_folders, folders), f"found in {variable}"
    for has in locations(environ):
        yield partial(_by_loader, has), "found by the dynamic loader"


def _by_loader(has: Callable[[str], bool], name: str) -> list[str]:
    return [name] if has(name) else []


def _in_folders(folders: list[Path], name: str) -> list[str]:
    return [str(folder / name) for folder in folders if is_file(folder / name)]


def _nothing_found(environ: Mapping[str, str]) -> str:
    reason = "the dynamic loader finds neither NVRTC nor the CUDA runtime"
    named = [variable for variable in _VARIABLES if environ.get(variable)]
    if named:
        return f"{reason}, and the folder that {named[0]} names has neither"
    return f"{reason}, and CUDA_HOME is not set"


def _absent(reason: str) -> Fact:
    return Fact("cuda-toolkit", "NVRTC and the CUDA runtime", reason=reason)


FAMILY = Family(read, is_64_bit=True)
