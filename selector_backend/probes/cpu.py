"""`cpu`: the CPU's features, from archspec, or py-cpuinfo on systems that archspec cannot read."""

from __future__ import annotations

import platform
import sys
import warnings

from ..model.machine import Fact
from ..model.markers import normalize_name
from . import Family, read_timeout
from .child import NoAnswerError, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Scope

_READ_BY_ARCHSPEC = ("Linux", "Darwin", "Windows")
#: The 32-bit family of each 64-bit one.
_NARROW = {"x86_64": "i686", "aarch64": "arm"}


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `cpu`: the CPU's features, its microarchitecture and its ancestors."""
    if platform.system() in _READ_BY_ARCHSPEC:
        return [_from_archspec()]
    try:
        flags = ask(f"{__name__}:flags", environ, read_timeout(environ))
    except NoAnswerError as error:
        return [Fact("cpu", "py-cpuinfo", reason=f"py-cpuinfo: {error}")]
    return [Fact("cpu", "py-cpuinfo", value=frozenset(map(normalize_name, flags)))]


def needs(scope: Scope) -> list[str]:
    """Return the requirements of reading the CPU on this system."""
    return [] if platform.system() in _READ_BY_ARCHSPEC else ["py-cpuinfo>=9"]


def known_targets() -> list[Any]:
    """Return archspec's microarchitectures, the same on every system.

    Without the one that archspec adds for this system's own name of its CPU, such as ``AMD64``.
    """
    from archspec.cpu import TARGETS
    from archspec.cpu.schema import TARGETS_JSON

    return [TARGETS[name] for name in TARGETS_JSON["microarchitectures"]]


def with_implied(names: frozenset[str]) -> frozenset[str]:
    """Return ``names`` with the features and ancestors of the microarchitectures among them."""
    from archspec.cpu import TARGETS

    known = [names_of(TARGETS[name]) for name in names if name in TARGETS]
    return names.union(*known)


def names_of(target: Any) -> frozenset[str]:
    """Return the names and features of archspec's ``target`` and its ancestors."""
    lineage = [target, *target.ancestors]
    names = {ancestor.name for ancestor in lineage if ancestor.name}  # a detected CPU has none
    names.update(feature for ancestor in lineage for feature in ancestor.features)
    names.update(alias for alias in target.feature_aliases if alias in target)
    return frozenset(map(normalize_name, names))


def flags() -> list[str]:
    """Ask py-cpuinfo, which runs generated machine code. Runs in a child process."""
    import cpuinfo

    info = cpuinfo.get_cpu_info()
    return [*info.get("flags", ()), info.get("arch", "").lower()]


def _from_archspec() -> Fact:
    from archspec.cpu import detect, host

    # Where archspec cannot read the system, it warns and returns a CPU without features.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        info, best = detect.detected_info(), host()
    if caught:
        return Fact("cpu", "archspec", reason=f"archspec: {caught[0].message}")
    names, reason = names_of(best) | names_of(info), ""
    if not (info.name or info.features or info.generation):
        reason = "/proc/cpuinfo does not list this CPU's features"
    if sys.maxsize < 2**32 and best.family.name in _NARROW:
        names, reason = _of_32_bits(names, best.family.name)
    return Fact("cpu", "archspec", names, reason)


def _of_32_bits(names: frozenset[str], family: str) -> tuple[frozenset[str], str]:
    """Return the features of a 64-bit CPU for a 32-bit program, and why others are missing.

    The features of x86 are the same for both; for Arm, the kernel has other names.
    """
    from archspec.cpu import TARGETS

    known = names if family == "x86_64" else frozenset()
    features = known.difference(map(normalize_name, TARGETS))
    reason = f"this Python is 32-bit, so features that need {family} do not count"
    return features | names_of(TARGETS[_NARROW[family]]), reason


FAMILY = Family(read, needs=needs, implies=with_implied, carries=lambda _: {"archspec": "archspec"})
