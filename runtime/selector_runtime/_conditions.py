"""The conditions of the table that are checked before a variant is imported.

Those are the ones on the CPU, whose failing kills the process, and the ones that cost nothing: on
the C library, on macOS, and markers. What drivers can do, importing tells.
"""

from __future__ import annotations

import os
import platform
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable


class CannotTellError(Exception):
    """Whether a condition holds cannot be told; ``str()`` is the sentence that says why."""


def judge(when: Any) -> tuple[bool | None, str]:
    """Return whether the condition ``when`` holds here, as far as it is checked, and why not.

    ``None`` is for a condition on the CPU that cannot be told, since what is not known of a CPU may
    kill the process. Others that cannot be told count as holding: importing tells.
    """
    verdicts = [_judge_table(table) for table in (when if isinstance(when, list) else [when])]
    for wanted in (True, None):
        for held, sentence in verdicts:
            if held is wanted:
                return held, sentence
    return False, "; and ".join(dict.fromkeys(sentence for _, sentence in verdicts))


def _judge_table(table: Any) -> tuple[bool | None, str]:
    verdict: tuple[bool | None, str] = (True, "")
    for name, wanted in table.items():
        if name not in _CHECKS:
            continue
        try:
            held, sentence = _CHECKS[name](name, wanted)
        except CannotTellError as error:
            if name == "cpu":
                verdict = (None, str(error))
            continue
        if not held:
            return False, sentence
    return verdict


# The CPU


def _check_cpu(name: str, wanted: Any) -> tuple[bool, str]:
    try:
        names, source = _read_cpu()
    except CannotTellError:
        if wanted is False:
            return True, ""
        raise
    if isinstance(wanted, bool):
        return wanted is bool(names), f"cpu is {'there' if names else 'absent'}, as {source} has it"
    asked = [wanted] if isinstance(wanted, str) else wanted
    missing = [one for one in map(_normalize, asked) if one not in names]
    return not missing, f"cpu lacks {', '.join(missing)}, as {source} has it"


def _normalize(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _read_cpu() -> tuple[frozenset[str], str]:
    """Return the CPU's features and the microarchitectures it is or descends from, and the source.

    Raises `CannotTellError` where nothing tells.
    """
    given = os.environ.get("SELECTOR_CPU")
    if given is not None:
        names = frozenset(_normalize(one) for one in given.split(",") if one.strip())
        return _implied(names), "SELECTOR_CPU"
    try:
        return _from_archspec(), "archspec"
    except ImportError:
        return _from_cpuinfo(), "/proc/cpuinfo"


def _from_archspec() -> frozenset[str]:
    import warnings

    from archspec.cpu import detect, host

    # archspec warns, and goes on with a CPU that can do nothing, where it cannot read the system.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            read, best = detect.detected_info(), host()
        except Exception as error:
            raise CannotTellError(f"archspec cannot read the CPU: {error}") from error
    if caught:
        raise CannotTellError(f"archspec cannot read the CPU: {caught[0].message}")
    return _names_of(read) | _names_of(best)


def _names_of(target: Any) -> frozenset[str]:
    """Return the names that archspec's microarchitecture ``target`` answers to."""
    family = [target, *target.ancestors]
    names = {one.name for one in family if one.name}
    names |= {feature for one in family for feature in one.features}
    return frozenset(
        map(_normalize, names | {one for one in target.feature_aliases if one in target})
    )


def _implied(names: frozenset[str]) -> frozenset[str]:
    """Return ``names`` with all that the microarchitectures among them have."""
    try:
        from archspec.cpu import TARGETS
    except ImportError:
        return names.union(*(_LEVELS[name] for name in names if name in _LEVELS))
    return names.union(*(_names_of(TARGETS[name]) for name in names if name in TARGETS))


# The levels of the x86-64 psABI by the names that the Linux kernel has for their features, which
# the next level has too. The kernel calls SSE3 pni, and LZCNT abm.
_V2 = {"x86_64", "mmx", "sse", "sse2", "sse3", "ssse3", "sse4_1", "sse4_2"}
_V2 |= {"cx16", "lahf_lm", "popcnt"}
_V3 = {"x86_64_v2", *_V2, "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
_V4 = {"x86_64_v3", *_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_LEVELS = {"x86_64": {"x86_64"}, "x86_64_v2": _V2, "x86_64_v3": _V3, "x86_64_v4": _V4}


def _from_cpuinfo() -> frozenset[str]:
    machine = platform.machine().lower()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = (line.partition(":") for line in file)
            flags = next(text for key, _, text in lines if key.strip() in ("flags", "Features"))
    except (OSError, StopIteration):
        raise CannotTellError("what the CPU can do cannot be read here without archspec") from None
    names = {_normalize(flag) for flag in flags.split()} | {machine}
    if "pni" in names:
        names.add("sse3")
    if "asimd" in names:
        names.add("neon")
    for level, needed in _LEVELS.items():
        if machine == "x86_64" and needed <= names:
            names.add(level)
    return frozenset(names)


# Versions


def _check_version(name: str, wanted: Any) -> tuple[bool, str]:
    version = _VERSIONS[name]()
    if isinstance(wanted, bool):
        return wanted is (version is not None), f"{name} is {'there' if version else 'absent'}"
    if version is None:
        return False, f"{name} is absent"
    return satisfies(version, wanted), f"{name} {version} is not {wanted}"


def _glibc() -> str | None:
    try:
        library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, OSError, ValueError):  # not POSIX, or another C library
        return None
    return version if library == "glibc" else None


def _musl() -> str | None:
    """Return something that is no version: musl tells its own to nobody but its loader."""
    return "of unknown version" if "musl" in getattr(sys.implementation, "_multiarch", "") else None


def _macos() -> str | None:
    if sys.platform != "darwin":
        return None
    version = platform.mac_ver()[0]
    # 10.16 is what an interpreter built for an old SDK is told instead of 11 and newer.
    return "newer than 10.15" if version == "10.16" else version


_VERSIONS = {"glibc": _glibc, "musl": _musl, "macos": _macos}

_CLAUSE = re.compile(r"\s*(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?\s*", re.ASCII)
_VERSION = re.compile(r"\d+(\.\d+)*", re.ASCII)


def satisfies(version: str, specifier: str) -> bool:
    """Return whether a version is in a specifier (PEP 440), both of plain release numbers.

    Raises `CannotTellError` for any other.
    """
    if not _VERSION.fullmatch(version):
        raise CannotTellError(f"{version} is not a plain version")
    clauses = [_CLAUSE.fullmatch(clause) for clause in specifier.split(",") if clause.strip()]
    return all(_is_in(_numbers(version), clause) for clause in clauses)


def _is_in(version: list[int], clause: re.Match[str] | None) -> bool:
    if clause is None:
        raise CannotTellError("it is not a specifier of plain versions")
    operator, bound, series = clause[1], _numbers(clause[2]), clause[3]
    if (series and operator not in ("==", "!=")) or (operator == "~=" and len(bound) == 1):
        raise CannotTellError(f"{clause[0]} is not a specifier")
    length = max(len(version), len(bound))
    padded = version + [0] * (length - len(version))
    in_series = padded[: len(bound)] == bound
    bound_padded = bound + [0] * (length - len(bound))
    if series:
        return in_series is (operator == "==")
    if operator == "~=":
        return padded >= bound_padded and padded[: len(bound) - 1] == bound[:-1]
    return {
        "==": padded == bound_padded,
        "!=": padded != bound_padded,
        "<=": padded <= bound_padded,
        ">=": padded >= bound_padded,
        "<": padded < bound_padded,
        ">": padded > bound_padded,
    }[operator]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


# Markers


def _check_marker(name: str, wanted: Any) -> tuple[bool, str]:
    return evaluate(wanted), f"marker {wanted} is false"


def evaluate(marker: str) -> bool:
    """Evaluate an environment marker (PEP 508), whose syntax is a part of Python's.

    Raises `CannotTellError` for what it does not know: an order of texts, ``~=``, ``===``.
    """
    import ast

    try:
        tree = ast.parse(marker.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise CannotTellError(f"marker {marker} cannot be evaluated") from None
    return _evaluate(tree)


def _evaluate(node: Any) -> bool:
    kind = type(node).__name__
    if kind == "BoolOp":
        values = [_evaluate(value) for value in node.values]
        return all(values) if type(node.op).__name__ == "And" else any(values)
    if kind == "Compare" and len(node.ops) == 1:
        return _compare(node.left, type(node.ops[0]).__name__, node.comparators[0])
    raise CannotTellError("it is not a marker")


_OPERATORS = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">="}
# These compare as versions or as texts, by what they are compared with, and are seldom versions.
_KERNEL_VARIABLES = ("platform_release", "platform_version")
_VERSION_VARIABLES = ("python_version", "python_full_version", "implementation_version")


def _compare(left: Any, operator: str, right: Any) -> bool:
    if operator in ("In", "NotIn"):
        return (_text(left) in _text(right)) is (operator == "In")
    if operator in _OPERATORS and getattr(left, "id", None) in _VERSION_VARIABLES:
        return satisfies(_text(left), _OPERATORS[operator] + _text(right))
    names = {getattr(left, "id", None), getattr(right, "id", None)}
    if operator in ("Eq", "NotEq") and names.isdisjoint((*_VERSION_VARIABLES, *_KERNEL_VARIABLES)):
        return (_text(left) == _text(right)) is (operator == "Eq")
    raise CannotTellError("it compares what has no order")


def _text(node: Any) -> str:
    """Return what a quoted text or a marker variable stands for."""
    value = getattr(node, "value", None)
    if isinstance(value, str):
        return value
    variables: dict[str, Callable[[], str]] = {
        "implementation_name": lambda: sys.implementation.name,
        "implementation_version": lambda: _of(sys.implementation.version),
        "os_name": lambda: os.name,
        "platform_machine": platform.machine,
        "platform_python_implementation": platform.python_implementation,
        "platform_release": platform.release,
        "platform_system": platform.system,
        "platform_version": platform.version,
        "python_full_version": lambda: _of(sys.version_info),
        "python_version": lambda: _of(sys.version_info[:2]),
        "sys_platform": lambda: sys.platform,
    }
    if getattr(node, "id", None) not in variables:
        raise CannotTellError("it is not a marker")
    return variables[node.id]()


def _of(version: Iterable[Any]) -> str:
    """Return a version as text; one before its final release is no plain version."""
    parts = [*version]
    final = len(parts) < 4 or parts[3] == "final"
    return ".".join(map(str, parts[:3])) + ("" if final else f"-{parts[3]}")


_CHECKS = {
    "cpu": _check_cpu,
    "marker": _check_marker,
    "glibc": _check_version,
    "musl": _check_version,
    "macos": _check_version,
}
