"""Which machines there are of each system, and which facts they can have, by `vocabulary.toml`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..probes.cpu import names_of
from .vocabulary import cpu_names, vocabulary

if TYPE_CHECKING:
    from ..model.kinds import Wanted


def system_variables(sys_platform: str) -> dict[str, str]:
    """Return the marker variables that a known ``sys_platform`` settles, itself included."""
    system = next(one for one in vocabulary()["system"] if sys_platform in one["sys_platform"])
    return {
        "sys_platform": sys_platform,
        **{name: system[name][0] for name in ("platform_system", "os_name")},
    }


def can_have(fact: str, wanted: Wanted, sys_platform: str, machine: str, libc: str) -> bool:
    """Return whether a machine of this kind can have a fact, and of names all that are wanted.

    ``libc`` is ``glibc`` or ``musl`` on Linux, and empty elsewhere.
    """
    for one in vocabulary()["where"]:
        if fact in one["facts"]:
            found = machine in one.get(sys_platform, ())
            return found and libc == (one.get("libc", libc) if libc else "")
    if not isinstance(wanted, tuple) or not vocabulary()["names"].get(fact, {}).get("archspec"):
        return True
    families = [names for family, names in _families() if family == family_of(machine)]
    known = cpu_names().issuperset(wanted)
    return not (known and families) or any(names.issuperset(wanted) for names in families)


def family_of(machine: str) -> str:
    """Return what archspec calls the family of a machine, by ``platform_machine``."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine)


@functools.cache
def _families() -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the family of each microarchitecture that archspec knows, and all its names."""
    from archspec.cpu import TARGETS

    return tuple((one.family.name, names_of(one)) for one in TARGETS.values())
