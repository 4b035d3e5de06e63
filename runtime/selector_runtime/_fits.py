"""Checks the table's conditions that are checked before a variant is imported.

These are conditions on the CPU, since the wrong code kills the process, and cheap ones: on the C
library, macOS, libraries, the interpreter's ABI, installed distributions, and markers. Conditions
on drivers are not checked: importing shows whether they work.
"""

from __future__ import annotations

import os
import platform
import sys

from ._loader import findable
from ._model.kinds import DISTRIBUTIONS, FEATURES, LIBRARIES, MARKERS, NAMES, VERSION
from ._model.markers import CannotTellError, normalize_name
from ._record import listed, normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Callable

    from ._model.kinds import Kind, Value


def fits(when: Iterable[Mapping[str, Any]]) -> tuple[bool | None, str]:
    """Return whether one of the alternatives ``when`` of a record holds here, and why not.

    It is ``None`` for a condition on the CPU that cannot be checked, since the variant may kill the
    process. Other conditions that cannot be checked count as true: importing shows it.
    """
    verdicts = [*map(_judge, when)]
    for wanted in (True, None):
        for held, sentence in verdicts:
            if held is wanted:
                return held, sentence
    return False, "; and ".join(dict.fromkeys(sentence for _, sentence in verdicts))


def _judge(alternative: Mapping[str, Any]) -> tuple[bool | None, str]:
    verdict: tuple[bool | None, str] = (True, "")
    for name, wanted in alternative.items():
        if name not in READERS or (name == "installed" and isinstance(wanted, bool)):
            continue  # that is about what the installer showed, not this environment
        try:
            kind, read = READERS[name]
            value, reason = read()
            asked = tuple(map(str, wanted)) if isinstance(wanted, list) else wanted
            held, sentence = kind.holds(name, asked, value, reason)
        except Exception as error:  # noqa: BLE001 - archspec may raise anything
            if name == "cpu" and wanted is not False:
                known = isinstance(error, CannotTellError)
                verdict = (None, str(error) if known else f"archspec cannot read the CPU: {error}")
            continue
        if not held:
            return False, sentence
    return verdict


# The CPU


def _cpu() -> tuple[frozenset[str] | None, str]:
    """Return the CPU's features, its microarchitecture and its ancestors, with their source."""
    stated = os.environ.get("SELECTOR_CPU")
    if stated is not None:
        names = frozenset(normalize_name(name) for name in stated.split(",") if name.strip())
        if not names:
            return None, "SELECTOR_CPU is set to nothing"
        return _implied(names), "as SELECTOR_CPU has it"
    suffix = " for a 32-bit Python" if sys.maxsize < 2**32 else ""
    try:
        return _from_archspec(), f"as archspec has it{suffix}"
    except ImportError:
        return _from_cpuinfo(), f"as /proc/cpuinfo has it{suffix}"


def _from_archspec() -> frozenset[str]:
    import warnings

    from archspec.cpu import TARGETS, detect, host

    # Where archspec cannot read the system, it warns and returns a CPU without features.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read, best = detect.detected_info(), host()
    if caught:
        raise CannotTellError(f"archspec cannot read the CPU: {caught[0].message}")
    if not (read.name or read.features or read.generation):
        raise CannotTellError(_UNKNOWN)
    names = _names_of(read) | _names_of(best)
    if sys.maxsize < 2**32 and best.family.name in _NARROW:
        return _of_32_bits(names.difference(map(normalize_name, TARGETS)), best.family.name)
    return names


def _names_of(target: Any) -> frozenset[str]:
    """Return the names and features of archspec's ``target`` and its ancestors."""
    lineage = [target, *target.ancestors]
    names = {ancestor.name for ancestor in lineage if ancestor.name}
    names.update(feature for ancestor in lineage for feature in ancestor.features)
    names.update(alias for alias in target.feature_aliases if alias in target)
    return frozenset(map(normalize_name, names))


def _implied(names: frozenset[str]) -> frozenset[str]:
    """Return ``names`` with the features and ancestors of the microarchitectures among them."""
    try:
        from archspec.cpu import TARGETS
    except ImportError:
        return names.union(*(_LEVELS[name] for name in names if name in _LEVELS))
    return names.union(*(_names_of(TARGETS[name]) for name in names if name in TARGETS))


# The levels of the x86-64 psABI, each with the level below it and its features, by the Linux
# kernel's names: SSE3 is pni there, and LZCNT abm.
_V2 = {"x86_64", "mmx", "sse", "sse2", "sse3", "ssse3", "sse4_1", "sse4_2"}
_V2 |= {"cx16", "lahf_lm", "popcnt"}
_V3 = {"x86_64_v2", *_V2, "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
_V4 = {"x86_64_v3", *_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_LEVELS = {"x86_64": {"x86_64"}, "x86_64_v2": _V2, "x86_64_v3": _V3, "x86_64_v4": _V4}
#: The 32-bit names of each 64-bit machine.
_NARROW = {"x86_64": ("i686", "x86"), "aarch64": ("arm",)}
_UNKNOWN = "/proc/cpuinfo does not list this CPU's features"


def _of_32_bits(features: Iterable[str], machine: str) -> frozenset[str]:
    """Return the features of a 64-bit CPU that a 32-bit program can use.

    The features of x86 are the same for both; for Arm, the kernel has other names.
    """
    return frozenset([*(features if machine == "x86_64" else ()), *_NARROW[machine]])


def _from_cpuinfo() -> frozenset[str]:
    machine = platform.machine().lower()
    # Under emulation, the file may be that of the real processor.
    wanted = "flags" if machine in ("x86_64", "i386", "i486", "i586", "i686") else "Features"
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = (line.partition(":") for line in file)
            flags = next((text for key, _, text in lines if key.strip() == wanted), "")
    except OSError:
        raise CannotTellError("the CPU's features cannot be read here without archspec") from None
    names = {normalize_name(flag) for flag in flags.split()}
    if not names:
        raise CannotTellError(_UNKNOWN)
    if "pni" in names:
        names.add("sse3")
    if "asimd" in names:
        names.add("neon")
    if sys.maxsize < 2**32 and machine in _NARROW:
        return _of_32_bits(names, machine)
    names.add(machine)
    for level, needed in _LEVELS.items():
        if machine == "x86_64" and needed <= names:
            names.add(level)
    return frozenset(names)


# The rest


def _glibc() -> tuple[str | None, str]:
    try:
        library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, OSError, ValueError):  # not POSIX, or another C library
        library = ""
    return version if library == "glibc" else None, "this Python does not run on the GNU C library"


def _musl() -> tuple[str | None, str]:
    if "musl" in getattr(sys.implementation, "_multiarch", ""):
        raise CannotTellError("only musl's loader knows its version")
    return None, "this Python does not run on the musl C library"


def _macos() -> tuple[str | None, str]:
    version = platform.mac_ver()[0] if sys.platform == "darwin" else ""
    if version == "10.16":
        raise CannotTellError(
            "an interpreter built for an old SDK is told this instead of 11 and newer"
        )
    return version or None, "this is not macOS"


class _Libraries(frozenset[str]):
    """The libraries that the dynamic loader finds; membership searches for each."""

    def __contains__(self, name: object) -> bool:
        return findable(str(name), os.environ) or _is_loaded(str(name))


def _is_loaded(name: str) -> bool:
    """Return whether this process has loaded the library."""
    try:
        import ctypes

        ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
    except (ImportError, AttributeError, OSError, ValueError):  # Windows has no such flag
        return False
    return True


def _abi_features() -> tuple[frozenset[str], str]:
    """Return this interpreter's ABI features (PEP 780)."""
    import sysconfig

    features = {"64-bit" if sys.maxsize > 2**32 else "32-bit"}
    if sys.implementation.name == "cpython":
        free = sysconfig.get_config_var("Py_GIL_DISABLED")
        features.add("free-threading" if free else "gil-enabled")
        if hasattr(sys, "gettotalrefcount"):
            features.add("debug")
    return frozenset(features), ""


def _marker() -> tuple[Mapping[str, str], str]:
    """Return the marker variables (dependency specifiers specification) of this interpreter."""
    values = {
        "implementation_name": sys.implementation.name,
        "implementation_version": _release(sys.implementation.version),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": _release(sys.version_info),
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "sys_platform": sys.platform,
    }
    return values, ""


def _installed() -> tuple[frozenset[str], str]:
    """Return the installed distributions, by the names of the first folder of each."""
    versions: dict[str, str] = {}
    for _, names in listed():
        for file in names:
            stem, suffix = os.path.splitext(file)
            if suffix in (".dist-info", ".egg-info"):
                name, version, *_ = [*stem.split("-"), ""]
                versions.setdefault(normalize(name), version)
    return frozenset(
        f"{name}=={version}" if version else name for name, version in versions.items()
    ), ""


def _release(version: Iterable[Any]) -> str:
    return ".".join(map(str, [*version][:3]))


#: The kind and the reader of each fact that is checked.
READERS: dict[str, tuple[Kind, Callable[[], tuple[Value | None, str]]]] = {
    "cpu": (NAMES, _cpu),
    "marker": (MARKERS, _marker),
    "installed": (DISTRIBUTIONS, _installed),
    "glibc": (VERSION, _glibc),
    "musl": (VERSION, _musl),
    "macos": (VERSION, _macos),
    "library": (LIBRARIES, lambda: (_Libraries(), "")),
    "abi-features": (FEATURES, _abi_features),
}
