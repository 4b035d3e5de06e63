"""`cpu`: what the CPU can do, from archspec, or py-cpuinfo on systems that archspec cannot read."""

from __future__ import annotations

import platform
import warnings

from ..model.machine import Fact
from ..model.markers import normalize_name
from .child import NoAnswerError, ask
from .family import read_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Scope

_READ_BY_ARCHSPEC = ("Linux", "Darwin", "Windows")


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


def libraries(scope: Scope) -> dict[str, str]:
    """Return what is imported here, but where it is asked for."""
    return {"archspec": "archspec"}


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
    return Fact("cpu", "archspec", value=names_of(best) | names_of(info))
