"""`xpu`: the version of the Level Zero loader, by which programs reach Intel's GPUs.

Where the kernel shows an Intel GPU, the loader is asked in a child process, first for a GPU that
may be used from here, then for its version. Windows and WSL 2 have no such files; there the loader
is always asked.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from ..model.machine import Fact
from . import Family, below_root, is_wsl, read_timeout
from .child import NoAnswerError
from .library import Library, ask_in_turn, load
from .loader import findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.table import Scope

_WINDOWS = sys.platform == "win32"
_LIBRARY = "ze_loader.dll" if _WINDOWS else "libze_loader.so.1"
_SOURCE = "the Level Zero loader"
# The folder of each kernel driver has a link for each of its devices, such as 0000:03:00.0.
_DEVICES = tuple(f"sys/bus/pci/drivers/{driver}/*:*:*.*" for driver in ("xe", "i915"))

# https://oneapi-src.github.io/level-zero-spec/level-zero/latest/core/api.html
_GPU_ONLY = 1
_UNINITIALIZED = 0x78000001


class _Component(ctypes.Structure):
    """``zel_component_version_t`` of ``loader/ze_loader.h``."""

    _fields_ = (
        ("name", ctypes.c_char * 64),
        ("api", ctypes.c_uint32),
        ("major", ctypes.c_int),
        ("minor", ctypes.c_int),
        ("patch", ctypes.c_int),
    )


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `xpu`."""
    if not (_WINDOWS or _is_shown(environ) or is_wsl(environ)):
        return [_absent("the kernel's drivers xe and i915 show no Intel GPU")]
    if not findable(_LIBRARY, environ):
        reason = f"the Level Zero loader ({_LIBRARY}) is not installed"
        return [Fact("xpu", _SOURCE, reason=reason, not_found=(_LIBRARY,))]
    library = Library(_LIBRARY, f"{__name__}:loader", _SOURCE)
    # A setting of one run, which hides GPUs.
    unset = {name: value for name, value in environ.items() if name != "ZE_AFFINITY_MASK"}
    fact, failures = ask_in_turn("xpu", [library], unset, read_timeout(environ))
    return [fact or _absent("; ".join(failures))]


def loader(file: str) -> str:
    """Ask the loader for its version. Runs in a child process.

    It is initialized first, to find the drivers; old loaders have no version before that.
    """
    library, count = load(file), ctypes.c_size_t()
    try:
        status = library.zeInit(ctypes.c_uint32(_GPU_ONLY)) & 0xFFFFFFFF
        if status == _UNINITIALIZED:
            raise NoAnswerError("finds no Intel GPU with a driver that may be used from here")
        if status:
            raise NoAnswerError(f"zeInit returned error {status:#x}")
        status = library.zelLoaderGetVersions(ctypes.byref(count), None)
        components = (_Component * min(count.value, 64))()
        count.value = len(components)
        status = status or library.zelLoaderGetVersions(ctypes.byref(count), components)
        if status:
            raise NoAnswerError(f"zelLoaderGetVersions returned error {status & 0xFFFFFFFF:#x}")
    except AttributeError:
        raise NoAnswerError("lacks zeInit or zelLoaderGetVersions") from None
    for component in components:
        if component.name == b"loader":
            return f"{component.major}.{component.minor}.{component.patch}"
    raise NoAnswerError("does not report its version")


def _is_shown(environ: Mapping[str, str]) -> bool:
    root = Path(below_root(environ, ""))
    try:
        return any(any(root.glob(pattern)) for pattern in _DEVICES)
    except OSError:
        return False


def _absent(reason: str) -> Fact:
    return Fact("xpu", _SOURCE, reason=reason)


FAMILY = Family(read, is_64_bit=True)
