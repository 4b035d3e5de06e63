"""`cpu`: what the CPU can do, from archspec, or py-cpuinfo on systems that archspec cannot read."""

from __future__ import annotations

import platform
import sys
import warnings

from ..model.machine import Fact
from ..model.markers import normalize_name
from .child import NoAnswerError, ask
from .family import Family, read_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Scope

_READ_BY_ARCHSPEC = ("Linux", "Darwin", "Windows")
#: What a program of 32 bits runs on, where the machine is of 64.
_NARROW = {"x86_64": "i686", "aarch64": "arm"}


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the one fact of this family.

    Its names are the CPU's features, its microarchitecture and those that it descends from.
    """
    if platform.system() in _READ_BY_ARCHSPEC:
        return [_from_archspec()]
    try:
        flags = ask(f"{__name__}:flags", environ, read_timeout(environ))
    except NoAnswerError as error:
        return [Fact("cpu", "py-cpuinfo", reason=f"py-cpuinfo: {error}")]
    return [Fact("cpu", "py-cpuinfo", value=frozenset(map(normalize_name, flags)))]


def needs(scope: Scope) -> list[str]:
    """Return the requirements that reading the CPU takes on this system."""
    return [] if platform.system() in _READ_BY_ARCHSPEC else ["py-cpuinfo>=9"]


def known_targets() -> list[Any]:
    """Return archspec's microarchitectures, the same on every system.

    archspec adds one that is called as this system calls its own processor, such as ``AMD64``.
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
    """Return the names that archspec's microarchitecture ``target`` answers to."""
    targets = [target, *target.ancestors]
    features = {feature for one in targets for feature in one.features}
    aliases = {alias for alias in target.feature_aliases if alias in target}
    # What archspec reads off the system has no name of its own.
    named = {one.name for one in targets if one.name}
    return frozenset(map(normalize_name, named | features | aliases))


def flags() -> list[str]:
    """Ask py-cpuinfo, which runs machine code of its own making. Runs in a child process."""
    import cpuinfo

    info = cpuinfo.get_cpu_info()
    return [*info.get("flags", ()), info.get("arch", "").lower()]


def _from_archspec() -> Fact:
    from archspec.cpu import detect, host

    # archspec warns, and goes on with a CPU that can do nothing, where it cannot read the system.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        info, best = detect.detected_info(), host()
    if caught:
        return Fact("cpu", "archspec", reason=f"archspec: {caught[0].message}")
    names, reason = names_of(best) | names_of(info), ""
    if not (info.name or info.features or info.generation):
        reason = "/proc/cpuinfo does not tell what this CPU can do"
    if sys.maxsize < 2**32 and best.family.name in _NARROW:
        names, reason = _of_32_bits(names, best.family.name)
    return Fact("cpu", "archspec", names, reason)


def _of_32_bits(names: frozenset[str], family: str) -> tuple[frozenset[str], str]:
    """Return what of a CPU of 64 bits a program of 32 bits can use, and what is missing.

    The features of x86 are the same for both; those of Arm, as the kernel tells them, are not.
    """
    from archspec.cpu import TARGETS

    known = names if family == "x86_64" else frozenset()
    features = known.difference(map(normalize_name, TARGETS))
    reason = f"this Python has 32 bits, so nothing counts that takes {family}"
    return features | names_of(TARGETS[_NARROW[family]]), reason


FAMILY = Family(read, needs=needs, implies=with_implied, carries=lambda _: {"archspec": "archspec"})
