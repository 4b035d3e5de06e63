"""Whether the dynamic loader would find a library, told without loading it.

Loading runs the library's code; finding it needs a look at a few folders only. A library that is
there but does not load is "found": the child process that asks it will say what is wrong.

Most loaders look in the folders that are written down here. glibc's loader is asked itself, which
takes `ctypes` and its milliseconds, where it may look elsewhere, or has loaded a library already.

One text, in two distributions: selector-runtime looks by it at import, so it imports little.
"""

from __future__ import annotations

import os
import sys
from functools import cache, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Callable

# Where loaders look without being told (ld.so(8), and musl's own default path).
_DEFAULT_FOLDERS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_GLIBC_CACHE = "/etc/ld.so.cache"
_PRELOADED = "/etc/ld.so.preload"
_LINUX = sys.platform.startswith("linux")

_SERINFO, _SERINFOSIZE = 4, 5  # of dlinfo(3)


def findable(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether the loader would find the library ``name`` (``libcuda.so.1``)."""
    return is_loaded(name, environ) or any(has(name) for has in places(environ))


def is_loaded(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether all programs have the library loaded already, as what is preloaded.

    The loader knows it by its soname, whatever its file is called.
    """
    if not (_LINUX and (environ.get("LD_PRELOAD") or os.path.exists(_PRELOADED))):
        return False
    try:
        import ctypes

        ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
    except (ImportError, OSError, ValueError):
        return False
    return True


def places(environ: Mapping[str, str]) -> Iterator[Callable[[str], bool]]:
    """Return where the loader looks, in its order.

    Each place is a function that tells whether a library of a name is there.
    """
    loader = _own_loader() if _LINUX else ""
    asked = loader or (_LINUX and "$" in environ.get("LD_LIBRARY_PATH", ""))
    told = _told_folders() if asked else []
    first, default = (told, []) if told else _known_folders(environ)
    for folder in first:
        yield partial(_is_in, folder)
    if _LINUX:
        yield partial(_is_cached, _read_cache(loader))
    for folder in default:
        yield partial(_is_in, folder)


def path_of(name: str, environ: Mapping[str, str]) -> str:
    """Return the path at which Windows finds a library; its name if nowhere."""
    first, then = _known_folders(environ)
    return next(filter(is_file, (os.path.join(one, name) for one in (*first, *then))), name)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether there is such a file. As loaders do, pass over what cannot be looked at."""
    return os.path.isfile(path)


def _is_in(folder: str, name: str) -> bool:
    return is_file(os.path.join(folder, name))


def _known_folders(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the folders that loaders are known to look in: those told of first, then the rest."""
    if sys.platform == "win32":
        windows = environ.get("SystemRoot", r"C:\Windows")
        programs = environ.get("ProgramFiles", r"C:\Program Files")
        # The last is where NVML was before DCH drivers. The current folder comes before PATH by
        # Windows' order, and is left out: in a hook, it is the sdist's.
        own = [sys.base_prefix, rf"{windows}\System32", rf"{windows}\System", windows]
        own.append(rf"{programs}\NVIDIA Corporation\NVSMI")
        return own, [*filter(os.path.isabs, _split(environ.get("PATH", ""), ";"))]
    first = _split(environ.get("LD_LIBRARY_PATH", ""), ":;")  # glibc's loader knows both
    first.append(f"{sys.base_prefix}/lib")  # an interpreter's own run path, as conda's has
    default = [*_DEFAULT_FOLDERS]
    triplet = getattr(sys.implementation, "_multiarch", "")
    if triplet:
        default += [f"/lib/{triplet}", f"/usr/lib/{triplet}"]
    try:
        musl = _read(f"/etc/ld-musl-{os.uname().machine}.path").decode()
    except (OSError, ValueError):
        return first, default
    return first, default + _split(musl, ":\n")


def _split(path: str, separators: str) -> list[str]:
    # An empty entry of a search path means the current folder.
    for other in separators[1:]:
        path = path.replace(other, separators[0])
    entries = path.split(separators[0]) if path else []
    return [entry or os.curdir for entry in entries]


@cache
def _own_loader() -> str:
    """Return the loader that runs this process, if it is not the system's.

    EESSI, Nix and Guix have a C library of their own, whose loader has its own folders and cache.
    """
    try:
        start = _read("/proc/self/exe", 4096)
        name = start[: start.find(b"\0", start.find(b"/ld"))].rpartition(b"\0")[2]
        if b"/ld" not in name:  # patchelf may write it to the end
            import re

            pattern = rb" (/.*/ld(?:64)?[-.][-.\w]+)$"
            mapped = re.search(pattern, _read("/proc/self/maps"), re.MULTILINE)
            name = mapped[1] if mapped else b""
    except OSError:
        return ""
    return "" if name.startswith((b"/lib", b"/usr/lib")) else os.fsdecode(name)


@cache
def _told_folders() -> list[str]:
    """Return the folders in which glibc's loader says that it looks; none where it does not say."""
    try:
        import ctypes

        class Head(ctypes.Structure):
            _fields_ = (("size", ctypes.c_size_t), ("count", ctypes.c_uint))

        class Folder(ctypes.Structure):
            _fields_ = (("name", ctypes.c_char_p), ("flags", ctypes.c_uint))

        program, head = ctypes.CDLL(None), Head()
        handle = ctypes.c_void_p(program._handle)
        if program.dlinfo(handle, _SERINFOSIZE, ctypes.byref(head)):
            return []
        buffer = ctypes.create_string_buffer(bytes(head), head.size)
        if program.dlinfo(handle, _SERINFO, buffer):
            return []
        folders = (Folder * head.count).from_buffer(buffer, ctypes.sizeof(head))
        return [os.fsdecode(folder.name) for folder in folders]
    except (ImportError, OSError, AttributeError, ValueError):
        return []


@cache
def _read_cache(loader: str) -> bytes:
    """Return the cache of glibc's loader. One that is not the system's names its own."""
    file = _GLIBC_CACHE
    try:
        if loader:
            import re

            named = re.search(rb"/[^\0]*/ld\.so\.cache", _read(loader))
            file = os.fsdecode(named[0]) if named else file
        return _read(file)
    except OSError:
        return b""


def _read(file: str, size: int = -1) -> bytes:
    with open(file, "rb") as stream:
        return stream.read(size)


def _is_cached(contents: bytes, name: str) -> bool:
    """Return whether a cache of glibc's loader has a library.

    Names stand in it as plain strings, each ended by a zero byte. Since glibc 2.33, a name that
    ends another string is not written again: it is the end of the path that it is found at.
    """
    return any(before + os.fsencode(name) + b"\0" in contents for before in (b"\0", b"/"))
