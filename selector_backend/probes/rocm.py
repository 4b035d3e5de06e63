"""`rocm` and `gfx`: AMD's ROCm, and the AMD GPUs that programs can use.

ROCm's version is not that of its HIP runtime (ROCm 10.1 has HIP 7.16), so the version files of an
installation are read first, and the HIP runtime is asked only where there are none. The GPUs are
read from the files of KFD, the kernel's driver for computing on AMD GPUs, without any library.
Windows and WSL 2 have no KFD; there the HIP runtime is asked for them.

``HIP_VISIBLE_DEVICES`` and the like are ignored: they are settings of one run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import sys
from pathlib import Path

from ..model.facts import FACTS
from ..model.machine import Fact
from ..model.markers import is_release, release_key
from . import WSL_DEVICE, Family, below_root, is_wsl, read_timeout
from .child import NoAnswerError
from .library import Library, ask_in_turn, integers, load
from .loader import findable, is_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ..model.table import Scope

_WINDOWS = sys.platform == "win32"
_LIBRARIES = (
    ("amdhip64_7.dll", "amdhip64_6.dll", "amdhip64.dll")
    if _WINDOWS
    else ("libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so")
)
_LIBRARY_FOLDER = "bin" if _WINDOWS else "lib"
_HIP = "the HIP runtime"
_VARIABLES = ("ROCM_PATH", "ROCM_HOME")
_VERSION_FILES = (".info/version", ".info/version-dev")
#: The folder of ROCm in ``site-packages``, from AMD's wheel `rocm-sdk-core`.
_WHEEL_FOLDER = "_rocm_sdk_core"

_KFD = "the kernel's KFD topology"
_TOPOLOGY = "sys/class/kfd/kfd/topology/nodes"
#: Variables that hide GPUs from one run, or change what they are.
_OF_ONE_RUN = (
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HIP_VISIBLE_DEVICES",
    "HSA_OVERRIDE_GFX_VERSION",
    "ROCR_VISIBLE_DEVICES",
)

_HIP_NO_DEVICE = 100
#: The function that describes a GPU, and the target's offset in its structure; HIP 6 changed both.
_PROPERTIES = (
    ("hipGetDevicePropertiesR0600", 1160),
    ("hipGetDevicePropertiesR0000", 396),
    ("hipGetDeviceProperties", 396),
)
#: Larger than either structure.
_PROPERTIES_SIZE = 8192
_TARGET = re.compile(r"gfx[0-9a-f]+", re.ASCII)


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the facts ``names`` of this family."""
    readers = {"rocm": lambda: _rocm(environ, scope), "gfx": lambda: _gfx(environ)}
    return [readers[name]() for name in names]


# ROCm


def _rocm(environ: Mapping[str, str], scope: Scope) -> Fact:
    """Return ROCm's version from the first installation that programs find.

    They search the environment, the folders that variables name, the loader's and ``/opt/rocm``.
    """
    environment = ", found in the environment"
    folders = [(Path(folder, _WHEEL_FOLDER), environment) for folder in scope.folders]
    named = [Path(environ[name]) for name in _VARIABLES if environ.get(name)]
    folders += [(folder, "") for base in named for folder in _installations(base)]
    default = [(folder, "") for folder in _installations(Path(below_root(environ, "opt/rocm")))]
    loaded = [(folder, "") for folder in _on_library_path(environ)]
    for folder, origin in (*folders, *loaded, *default):
        for file in (folder / name for name in _VERSION_FILES):
            try:
                match = re.match(r"\d+(\.\d+)+", file.read_text(encoding="utf-8"), re.ASCII)
                if match:
                    version = FACTS["rocm"].kind.load(match[0])
                    return Fact("rocm", f"ROCm's version file{origin}", value=version)
            except (OSError, ValueError):
                continue
    libraries = (
        Library(file, f"{__name__}:hip", f"{_HIP}{origin}")
        for file, origin in (
            *_libraries(folders),
            *((name, "") for name in _LIBRARIES if findable(name, environ)),
            *_libraries(default),
        )
    )
    fact, failures = ask_in_turn("rocm", libraries, environ, read_timeout(environ))
    if failures:
        return fact or Fact("rocm", _HIP, reason="; ".join(failures))
    reason = f"neither the HIP runtime ({_LIBRARIES[-1].removesuffix('.so')}) nor ROCm is installed"
    return fact or Fact("rocm", _HIP, reason=reason, not_found=_LIBRARIES)


def _on_library_path(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the parents of the folders in ``LD_LIBRARY_PATH`` that have a HIP runtime."""
    for entry in filter(None, environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        if any(is_file(Path(entry, name)) for name in _LIBRARIES):
            yield Path(entry, os.pardir)


def _libraries(folders: Iterable[tuple[Path, str]]) -> Iterator[tuple[str, str]]:
    for folder, origin in folders:
        for file in (folder / _LIBRARY_FOLDER / name for name in _LIBRARIES):
            if is_file(file):
                yield str(file), origin


def _installations(base: Path) -> list[Path]:
    """Return the folders of ROCm at ``base``: itself, or since ROCm 7.13 ``core-10.1`` in it.

    The links ``lib`` and ``core`` lead to the one in use. Without these, as with packages for a
    single GPU, it is the newest.
    """
    if not os.path.isdir(base):  # `Path.is_dir` may raise
        return []
    try:
        cores = {file.name.partition("-")[2]: file for file in base.glob("core-*")}
    except OSError:
        cores = {}
    numbers = sorted(filter(is_release, cores), key=release_key, reverse=True)
    folders = [base, base / "lib" / os.pardir, base / "core", *map(cores.__getitem__, numbers)]
    return [Path(folder) for folder in dict.fromkeys(map(os.path.realpath, folders))]


def hip(file: str) -> str:
    """Ask the HIP runtime for its version. Runs in a child process.

    Only the first two parts, since the last is a build number.
    """
    (number,) = integers(file, "hipRuntimeGetVersion", 1)
    if number < 10_000_000:
        raise NoAnswerError("is older than ROCm 4.3")
    return f"{number // 10_000_000}.{number // 100_000 % 100}"


# The GPUs


def _gfx(environ: Mapping[str, str]) -> Fact:
    if _WINDOWS:
        return _from_hip(environ, "")
    if not sys.platform.startswith("linux"):
        return Fact("gfx", _KFD, reason="it is read on Linux and Windows only")
    try:
        nodes = sorted(Path(below_root(environ, _TOPOLOGY)).glob("*/properties"))
    except OSError:
        nodes = []
    if nodes:
        return _from_kfd(nodes, environ)
    if is_wsl(environ):
        return _from_hip(
            environ, f"WSL 2 has only /{WSL_DEVICE}, which does not show the GPUs' targets; "
        )
    reason = "the kernel has no driver for AMD GPUs loaded (amdgpu with KFD)"
    return Fact("gfx", _KFD, reason=reason)


def _from_kfd(nodes: list[Path], environ: Mapping[str, str]) -> Fact:
    """Return the targets of the GPUs among ``nodes`` that the HIP runtime can use.

    That opens KFD's device, and that of each GPU. It skips a GPU whose device is missing or denied
    to this container, but finds no GPU at all if the user lacks permission for one.
    """
    gpus, hidden = _gpus(nodes)
    refusal = _refusal("dev/kfd", environ) if gpus or hidden else None
    usable = []
    for gpu in gpus:
        minor = gpu.get("drm_render_minor")
        refused = _refusal(f"dev/dri/renderD{minor}", environ) if minor else None
        if refused and refused.errno in (errno.ENOENT, errno.EPERM):
            hidden += 1
        else:
            usable.append(gpu)
            refusal = refusal or refused
    targets = frozenset(map(_target, usable)) - {""}
    unknown = "" if all(map(_target, usable)) else "the kernel does not show the target of a GPU"
    if refusal:
        return Fact("gfx", _KFD, reason=f"there is an AMD GPU, but {refusal.strerror}")
    if targets:
        return Fact("gfx", _KFD, targets, unknown)
    reason = f"there is an AMD GPU, but {unknown}" if unknown else "no AMD GPU is visible"
    if hidden:
        reason += f"; {hidden} may not be used from here: give /dev/dri to the container"
    return Fact("gfx", _KFD, reason=reason)


def _gpus(nodes: list[Path]) -> tuple[list[dict[str, int]], int]:
    """Return the properties of the nodes that are GPUs, and how many nodes may not be read."""
    gpus, hidden = [], 0
    for file in nodes:
        try:
            text = file.read_text(encoding="utf-8")
        except PermissionError:  # in a container that does not have the GPU
            hidden += 1
        except (OSError, ValueError):
            continue
        else:
            pairs = re.findall(r"(?am)^(\w+) (\d{1,20})$", text)
            properties = {name: int(number) for name, number in pairs}
            if properties.get("simd_count") or _target(properties):
                gpus.append(properties)
    return gpus, hidden


def _target(properties: Mapping[str, int]) -> str:
    """Return a node's target (``gfx90a`` for 90010); ``""`` for a CPU, or on an old kernel."""
    number = properties.get("gfx_target_version", 0)
    return f"gfx{number // 10000}{number // 100 % 100:x}{number % 100:x}" if number else ""


def _refusal(device: str, environ: Mapping[str, str]) -> OSError | None:
    """Return the error of opening a device as the HIP runtime does, with a clearer message."""
    file = below_root(environ, device)
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        message = f"/{device} cannot be opened: {error.strerror}"
        if error.errno == errno.ENOENT:
            message = f"/{device} does not exist here: give it to the container"
        elif error.errno == errno.EACCES and (group := _other_group(file)):
            message = (
                f"/{device} is for the group {group}, which this user is not in: "
                f"sudo usermod -a -G {group} $USER, and log in again"
            )
        return OSError(error.errno, message)
    return None


def _other_group(file: str) -> str:
    """Return the group that may read and write a file, ``""`` if the user is in it."""
    import grp

    status = os.stat(file)
    if status.st_mode & 0o060 != 0o060 or status.st_gid in (os.getegid(), *os.getgroups()):
        return ""
    try:
        return grp.getgrgid(status.st_gid).gr_name
    except KeyError:  # a container does not know the host's groups
        return str(status.st_gid)


def _from_hip(environ: Mapping[str, str], why: str) -> Fact:
    """Return the targets from the HIP runtime; ``why`` begins the reason if it has none."""
    libraries = (
        Library(name, f"{__name__}:targets", _HIP) for name in _LIBRARIES if findable(name, environ)
    )
    unset = {name: value for name, value in environ.items() if name not in _OF_ONE_RUN}
    fact, failures = ask_in_turn("gfx", libraries, unset, read_timeout(environ))
    reason = "; ".join(failures) or f"the loader does not find {_HIP} ({_LIBRARIES[0]})"
    return fact or Fact("gfx", _HIP, reason=why + reason)


def targets(file: str) -> list[str]:
    """Ask the HIP runtime for the targets of its GPUs. Runs in a child process."""
    library, count = load(file), ctypes.c_int()
    try:
        status = library.hipGetDeviceCount(ctypes.byref(count))
    except AttributeError:
        raise NoAnswerError("lacks hipGetDeviceCount") from None
    if status == _HIP_NO_DEVICE or (status == 0 and count.value == 0):
        raise NoAnswerError("finds no AMD GPU")
    if status:
        raise NoAnswerError(f"hipGetDeviceCount returned error {status}")
    known = [(name, offset) for name, offset in _PROPERTIES if hasattr(library, name)]
    if not known:
        raise NoAnswerError(f"lacks {_PROPERTIES[0][0]}")
    name, offset = known[0]
    names = []
    for index in range(count.value):
        answer = ctypes.create_string_buffer(_PROPERTIES_SIZE)
        status = getattr(library, name)(answer, index)
        target = _TARGET.match(answer.raw[offset:].decode("ascii", "replace"))
        if status == 0 and target:  # ``gfx90a:sramecc+:xnack-``
            names.append(target[0])
    if not names:
        raise NoAnswerError(f"{name} returned no target")
    return names


FAMILY = Family(read, is_64_bit=True)
