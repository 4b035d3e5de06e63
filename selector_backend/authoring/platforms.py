"""What a condition says of the platform, as the platform tags of a wheel.

Conditions on `marker`, `glibc`, `musl` and `macos` are no properties of a variant wheel: wheels
have tags for them. They are judged on each platform that an index takes wheels for, and where they
say just that, a tag stands for it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..installing.conditions import holds, marker_variables
from ..installing.facts import FACTS, Kind
from .providers import text_of, version_of
from .systems import can_have, family_of, system_variables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ..installing.conditions import Value, Wanted

#: The tag of a wheel for every platform.
ANY = "any"

_TAGS = {"glibc": "manylinux", "musl": "musllinux", "macos": "macosx"}
_WINDOWS = {"AMD64": "win_amd64", "ARM64": "win_arm64", "x86": "win32"}
# The last versions that are tried: a major one, and a minor one of each.
_LAST = {"glibc": (2, 60), "musl": (1, 20), "macos": (35, 16)}
#: The marker variables that a platform settles.
SETTLED = ("os_name", "platform_machine", "platform_system", "sys_platform")


@dataclass(frozen=True)
class Platform:
    """A system on a machine, in one version of its ``fact``: glibc, musl or macos.

    ``machine`` is what ``platform_machine`` calls it. Windows has no such fact.
    """

    fact: str
    machine: str
    version: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        version = text_of(self.version)
        if self.fact == "macos":
            return f"macOS {version} on {self.machine}"
        if self.fact:
            return f"Linux on {self.machine} with {self.fact} {version}"
        return f"Windows on {self.machine}"

    @property
    def tag(self) -> str:
        """The platform tag of the wheels that are for this version and newer ones."""
        if not self.fact:
            return _WINDOWS[self.machine]
        return f"{_TAGS[self.fact]}_{'_'.join(map(str, self.version))}_{self.machine}"

    @cached_property
    def marker(self) -> Mapping[str, str]:
        """The marker variables that the platform settles."""
        system = {"macos": "darwin", "": "win32"}.get(self.fact, "linux")
        return {**system_variables(system), "platform_machine": self.machine}

    @property
    def facts(self) -> dict[str, Value | None]:
        """The facts that machines of it have."""
        facts: dict[str, Value | None] = {"marker": self.marker, **dict.fromkeys(_TAGS)}
        return {**facts, self.fact: text_of(self.version)} if self.fact else facts

    def versions(self) -> list[Platform]:
        """Return the platform in the versions that machines may have, from its own on."""
        last = _LAST.get(self.fact, (0, 0))
        return [
            replace(self, version=(major, minor))
            for major in range(self.version[0], last[0] + 1)
            for minor in range(last[1] + 1)
            if (major, minor) >= self.version
        ]


# The platforms that an index takes wheels for, each in the oldest version that a tag names: PEP 600
# and 656, and for macOS what Python itself runs on.
_OLD, _OTHER = ("x86_64", "i686"), ("aarch64", "armv7l", "ppc64le", "riscv64", "s390x")
PLATFORMS = (
    *(Platform("glibc", machine, (2, 5)) for machine in _OLD),
    *(Platform("glibc", machine, (2, 17)) for machine in _OTHER),
    *(Platform("musl", machine, (1, 0)) for machine in (*_OLD, *_OTHER)),
    Platform("macos", "x86_64", (10, 9)),
    Platform("macos", "arm64", (11, 0)),
    *(Platform("", machine) for machine in _WINDOWS),
)


class InexpressibleError(ValueError):
    """A condition that no variant wheel can have. ``str()`` is the reason, as a sentence."""


def of_platform(fact: str) -> bool:
    """Return whether a condition on ``fact`` is one on the platform."""
    return fact in _TAGS or FACTS[fact].kind is Kind.ENVIRONMENT


def platform_tags(
    alternative: Mapping[str, Wanted],
    markers: Iterable[str] = (),
    families: Collection[str] = (),
) -> list[str]:
    """Return the platform tags of the wheel for the machines that ``alternative`` holds on.

    ``markers`` have to be true besides, and the CPU is of one of ``families``, if there are any.
    What else is asked for leaves out the platforms that cannot have it.

    Raises `InexpressibleError` where tags cannot say it.
    """
    asked = [(fact, wanted) for fact, wanted in alternative.items() if of_platform(fact)]
    asked += [("marker", one) for one in markers]
    _check_settled([str(wanted) for fact, wanted in asked if fact == "marker"])
    oldest = {base: _oldest(base, asked) for base in PLATFORMS}
    if all(base is one for base, one in oldest.items()):
        return [ANY]
    found = [
        one.tag
        for base, one in oldest.items()
        if one
        and (not families or family_of(base.machine) in families)
        and all(
            of_platform(fact) or wanted is False or possible(base, fact, wanted)
            for fact, wanted in alternative.items()
        )
    ]
    if not found:
        raise InexpressibleError("no such machine has a platform that wheels have tags for")
    return found


def _check_settled(markers: Iterable[str]) -> None:
    for marker in markers:
        others = [one for one in marker_variables(marker) if one not in SETTLED]
        if others:
            raise InexpressibleError(
                f"a platform tag does not tell {' and '.join(others)}; it tells "
                f"{', '.join(SETTLED)}"
            )


def _oldest(base: Platform, asked: Sequence[tuple[str, Wanted]]) -> Platform | None:
    """Return a platform in the oldest version that is as ``asked``, if one is."""
    versions = base.versions() if base.fact in dict(asked) else [base]
    held = [
        all(holds(fact, wanted, one.facts[fact])[0] for fact, wanted in asked) for one in versions
    ]
    if not any(held):
        return None
    first = held.index(True)
    oldest = versions[first] if first else base
    of_macos = base.fact == "macos"
    if not all(held[first:]) or (of_macos and oldest.version[0] > 10 and oldest.version[1]):
        of = "major version" if of_macos else "version"
        raise InexpressibleError(f"a platform tag stands for a {of} and all that are newer")
    return oldest


@functools.cache
def possible(platform: Platform, fact: str, wanted: Wanted = True) -> bool:
    """Return whether machines of a platform can have a fact that is as ``wanted``."""
    system, libc = platform.marker["sys_platform"], platform.fact
    return can_have(fact, wanted, system, platform.machine, libc if system == "linux" else "")


@functools.cache
def supported_tags(platform: Platform | None) -> frozenset[str]:
    """Return which of the platform tags that our wheels have can be installed on a platform."""
    if platform is None:
        return frozenset({ANY})
    older = (
        one.tag
        for base in PLATFORMS
        if (base.fact, base.machine) == (platform.fact, platform.machine)
        for one in base.versions()
        if one.version <= platform.version
    )
    return frozenset((ANY, *older))


def platform_of(facts: Mapping[str, object]) -> Platform | None:
    """Return the platform of a machine by its facts, if wheels have tags for it."""
    marker = facts.get("marker")
    if isinstance(marker, dict):
        for base in PLATFORMS:
            version = facts.get(base.fact) if base.fact else "0"
            if version and base.marker.items() <= marker.items():
                return replace(base, version=version_of(str(version)))
    return None
