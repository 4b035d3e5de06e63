"""The process that called this one, as far as the system shows it.

Linux has ``/proc``, macOS `sysctl` and `proc_pidinfo`, Windows `windows_caller`. Whatever fails is
not known.
"""

from __future__ import annotations

import os
import sys

from ..model.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Process:
    """A process: its command line, its working directory, and its unique ``identity``.

    The identity is PID and start time, because PIDs are reused, and on Linux the PID namespace and
    the boot. ``locked`` are the folders whose file ``.lock`` it has open; where open files are not
    shown, those of its virtual environments near at hand that are locked. Each is empty where it is
    not known.
    """

    arguments: tuple[str, ...] = ()
    folder: str = ""
    identity: str = ""
    locked: tuple[str, ...] = ()


#: What `parent` has read.
_PARENT: list[Process] = []


def parent() -> Process:
    """Return this process's parent, which is read once."""
    if not _PARENT:
        read = {"linux": _linux, "darwin": _macos, "win32": _windows}.get(sys.platform)
        _PARENT.append(read() if read else Process())
    return _PARENT[0]


def _linux() -> Process:
    # In a sandbox, `os.getppid` may differ from the /proc that it sees.
    pid = _stat("self", 1) or "0"
    arguments = os.fsdecode(_read(f"/proc/{pid}/cmdline"))
    folder, locked = _link(f"/proc/{pid}/cwd"), _open_locks(pid)
    start = _stat(pid, 19)  # in ticks since the boot
    boot = _read("/proc/sys/kernel/random/boot_id").decode()[:8]
    try:  # containers have PIDs of their own, and may share a cache: pid_namespaces(7)
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = 0
    # All parts or none: some of them alone are not unique. The parent of hooks whose frontend has
    # died is 1.
    known = start and boot and namespace and pid != "1"
    identity = f"{pid}-{start}-{namespace}-{boot}" if known else ""
    if _stat("self", 1) not in ("", pid):  # it has ended, and its PID may be reused
        return Process()
    return Process(tuple(arguments.split("\0")[:-1]), folder, identity, locked)


def _open_locks(pid: str) -> tuple[str, ...]:
    """Return the folders whose file ``.lock`` a process has open; none for another user's."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return ()
    paths = (os.path.split(_link(f"/proc/{pid}/fd/{number}")) for number in numbers)
    return tuple(sorted({folder for folder, name in paths if name == ".lock"}))


def locked_near(folder: str, variables: Iterable[str]) -> tuple[str, ...]:
    """Return the environments that a process finds and that are locked.

    It finds that of ``VIRTUAL_ENV``, and ``.venv`` in its ``folder`` and in those above.
    """
    found = [text.partition("=")[2] for text in variables if text.startswith("VIRTUAL_ENV=")]
    while folder:
        found.append(os.path.join(folder, ".venv"))
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
    return tuple(path for path in found if os.path.isabs(path) and is_locked(path))


def is_locked(folder: str) -> bool:
    """Return whether a process has locked the file ``.lock`` in a folder."""
    try:
        with open(os.path.join(folder, ".lock"), "rb+") as file:
            return not _can_lock(file.fileno())
    except OSError:
        return False


def _can_lock(file: int) -> bool:
    """Lock an open file until it is closed, and return whether that can be done."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _stat(pid: str, number: int) -> str:
    """Return a field of proc_pid_stat(5), counted from the third, ``""`` if it is not known.

    The second, the program's name in brackets, may itself have spaces and brackets.
    """
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].decode().split()
    return fields[number] if number < len(fields) else ""


def _read(file: str) -> bytes:
    """Return the content of a file, none if it cannot be read."""
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _link(path: str) -> str:
    """Return the target of a link, ``""`` if it cannot be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


# <sys/sysctl.h> and <sys/proc_info.h>
_CTL_KERN, _KERN_PROCARGS2 = 1, 49
_PROC_PIDTBSDINFO, _PROC_PIDVNODEPATHINFO = 3, 9


def _macos() -> Process:
    import ctypes

    pid, library = os.getppid(), ctypes.CDLL(None)

    def info(flavor: int, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        written = library.proc_pidinfo(pid, flavor, ctypes.c_uint64(0), buffer, size)
        return buffer.raw[: max(written, 0)]

    def arguments() -> bytes:
        size = ctypes.c_size_t(os.sysconf("SC_ARG_MAX"))
        buffer = ctypes.create_string_buffer(size.value)
        name = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, pid)
        if library.sysctl(name, 3, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
            return b""
        return buffer.raw[: size.value]

    try:
        start = start_of(info(_PROC_PIDTBSDINFO, 136))
        words, variables = arguments_of(arguments())
        folder = folder_of(info(_PROC_PIDVNODEPATHINFO, 2352))
        identity = f"{pid}-{start}" if start else ""
        return Process(tuple(words), folder, identity, locked_near(folder, variables))
    except (OSError, AttributeError, ValueError):
        return Process()


def arguments_of(data: bytes) -> tuple[list[str], list[str]]:
    """Return the arguments and variables in the data of KERN_PROCARGS2, none if it is invalid.

    The arguments' count is a native int. The path of the program follows, padded with NULs; then
    the arguments and the variables, each ended by a NUL.
    """
    count = int.from_bytes(data[:4], sys.byteorder)
    _, _, rest = data[4:].partition(b"\0")
    texts = [*map(os.fsdecode, rest.lstrip(b"\0").split(b"\0"))]
    return (texts[:count], texts[count:]) if 0 < count < len(texts) else ([], [])


def folder_of(data: bytes) -> str:
    """Return the working directory, the first path in a ``proc_vnodepathinfo``, or ``""``.

    It has 1024 bytes, after 152 bytes of other fields.
    """
    return os.fsdecode(data[152 : 152 + 1024].partition(b"\0")[0]) if len(data) == 2352 else ""


def start_of(data: bytes) -> str:
    """Return the start in a ``proc_bsdinfo``, which ends with its seconds and microseconds."""
    if len(data) != 136:
        return ""
    seconds, micros = (int.from_bytes(part, sys.byteorder) for part in (data[120:128], data[128:]))
    return f"{seconds}.{micros:06}"


def _windows() -> Process:
    from .windows_caller import calling_process

    try:
        arguments, folder, identity, variables = calling_process()
        return Process(arguments, folder, identity, locked_near(folder, variables))
    except (ImportError, AttributeError, OSError, ValueError):
        return Process()
