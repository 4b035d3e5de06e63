"""Whether the dynamic loader would find a library, without loading it, which would run its code.

A library that exists but does not load counts as found: the child process that asks it reports why.

Most loaders search the folders listed here. glibc's loader is asked, by `ctypes`, which is slower,
where it may search others or have preloaded a library.

selector-runtime has a copy of this module, and runs it at import: keep it cheap to import.
"""

from __future__ import annotations

import os
import sys
from functools import cache, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Callable

# The default search path of loaders (ld.so(8), and musl's).
_DEFAULT_FOLDERS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_GLIBC_CACHE = "/etc/ld.so.cache"
_PRELOADED = "/etc/ld.so.preload"
_LINUX = sys.platform.startswith("linux")

_SERINFO, _SERINFOSIZE = 4, 5  # of dlinfo(3)


def findable(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether the loader would find the library ``name`` (``libcuda.so.1``)."""
    return is_loaded(name, environ) or any(has(name) for has in locations(environ))


def is_loaded(name: str, environ: Mapping[str, str]) -> bool:
    """Return whether the library is preloaded into all programs.

    The loader knows it by its soname, whatever its file's name.
    """
    if not (_LINUX and (environ.get("LD_PRELOAD") or os.path.exists(_PRELOADED))):
        return False
    try:
        import ctypes

        ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
    except (ImportError, OSError, ValueError):
        return False
    return True


def locations(environ: Mapping[str, str]) -> Iterator[Callable[[str], bool]]:
    """Yield the locations that the loader searches, in its order.

    Each is a function that returns whether it has a library of the name.
    """
    loader = _own_loader() if _LINUX else ""
    asks = loader or (_LINUX and "$" in environ.get("LD_LIBRARY_PATH", ""))
    folders = _folders_of_glibc() if asks else []
    first, default = (folders, []) if folders else _known_folders(environ)
    for folder in first:
        yield partial(_is_in, folder)
    if _LINUX:
        yield partial(_is_cached, _read_cache(loader))
    for folder in default:
        yield partial(_is_in, folder)


def path_of(name: str, environ: Mapping[str, str]) -> str:
    """Return the path at which Windows finds a library; its name if nowhere."""
    first, default = _known_folders(environ)
    paths = (os.path.join(folder, name) for folder in (*first, *default))
    return next(filter(is_file, paths), name)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file exists and is accessible."""
    return os.path.isfile(path)


def _is_in(folder: str, name: str) -> bool:
    return is_file(os.path.join(folder, name))


def _known_folders(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the folders that loaders search: those before the cache, and those after it."""
    if sys.platform == "win32":
        windows = environ.get("SystemRoot", r"C:\Windows")
        programs = environ.get("ProgramFiles", r"C:\Program Files")
        # The last had NVML before DCH drivers. The current folder, which Windows searches before
        # PATH, is left out: in a hook, it is the sdist's.
        own = [sys.base_prefix, rf"{windows}\System32", rf"{windows}\System", windows]
        own.append(rf"{programs}\NVIDIA Corporation\NVSMI")
        return own, [*filter(os.path.isabs, _split(environ.get("PATH", ""), ";"))]
    first = _split(environ.get("LD_LIBRARY_PATH", ""), ":;")  # glibc splits at both
    first.append(f"{sys.base_prefix}/lib")  # the RPATH of an interpreter such as conda's
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
    """Return the path of this process's loader, ``""`` if it is the system's.

    EESSI, Nix and Guix have a C library whose loader has its own folders and cache.
    """
    try:
        start = _read("/proc/self/exe", 4096)
        name = start[: start.find(b"\0", start.find(b"/ld"))].rpartition(b"\0")[2]
        if b"/ld" not in name:  # patchelf may write it to the file's end
            import re

            pattern = rb" (/.*/ld(?:64)?[-.][-.\w]+)$"
            mapped = re.search(pattern, _read("/proc/self/maps"), re.MULTILINE)
            name = mapped[1] if mapped else b""
    except OSError:
        return ""
    return "" if name.startswith((b"/lib", b"/usr/lib")) else os.fsdecode(name)


@cache
def _folders_of_glibc() -> list[str]:
    """Return the folders that glibc's loader searches, as it reports them; none if it does not."""
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
    """Return the content of the cache of glibc's loader; another ``loader`` has its path in it."""
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
    """Return whether the content of a cache of glibc's loader has a library.

    It has names as strings that end with a zero byte. Since glibc 2.33, a name may also be just the
    end of a path.
    """
    return any(before + os.fsencode(name) + b"\0" in contents for before in (b"\0", b"/"))
