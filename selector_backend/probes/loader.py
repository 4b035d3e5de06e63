"""Whether the dynamic loader would find a library, told without loading it.

Loading runs the library's code; finding it needs a look at a few folders only. A library that is
there but does not load is "found": the child process that asks it will say what is wrong.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where loaders look without being told (ld.so(8), and musl's own default path).
_DEFAULT_FOLDERS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_GLIBC_CACHE = Path("/etc/ld.so.cache")


def findable(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether the loader would find the library ``name`` (``libcuda.so.1``)."""
    if any(is_file(folder / name) for folder in _folders(environ)):
        return True
    return sys.platform.startswith("linux") and _in_glibc_cache(name)


def is_file(path: Path) -> bool:
    """Return whether there is such a file. As loaders do, pass over what cannot be looked at."""
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises, before Python 3.14


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "win32":
        windows = Path(environ.get("SystemRoot", r"C:\Windows"))
        programs = Path(environ.get("ProgramFiles", r"C:\Program Files"))
        yield windows / "System32"
        yield programs / "NVIDIA Corporation" / "NVSMI"  # where NVML was before DCH drivers
        yield from _split(environ.get("PATH", ""), ";")
        return
    yield from _split(environ.get("LD_LIBRARY_PATH", ""), ":;")  # glibc's loader knows both
    yield from map(Path, _DEFAULT_FOLDERS)
    yield Path(sys.base_prefix, "lib")  # an interpreter's own run path, as conda's has
    triplet = getattr(sys.implementation, "_multiarch", "")
    if triplet:
        yield Path("/lib", triplet)
        yield Path("/usr/lib", triplet)
    try:
        musl = Path(f"/etc/ld-musl-{os.uname().machine}.path").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    yield from _split(musl, ":\n")


def _split(path: str, separators: str) -> Iterator[Path]:
    # An empty entry of a search path means the current folder.
    entries = re.split(f"[{separators}]", path) if path else []
    return (Path(entry or os.curdir) for entry in entries)


def _in_glibc_cache(name: str) -> bool:
    """Names stand in the cache as plain strings, each ended by a zero byte.

    Since glibc 2.33, a name that ends another string is not written again: it is the end of the
    path that it is found at.
    """
    try:
        cache = _GLIBC_CACHE.read_bytes()
    except OSError:
        return False
    return any(before + os.fsencode(name) + b"\0" in cache for before in (b"\0", b"/"))
