"""What a condition says of the platform, as the platform tags of a wheel.

Conditions on `marker`, `glibc`, `musl` and `macos` are no properties of a variant wheel: wheels
have tags for them. They are judged on each platform that an index takes wheels for, and where they
say just that, a tag stands for it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..checking.places import Platform
from ..checking.systems import can_have, family_of
from ..model.facts import FACTS, holds
from ..model.kinds import MARKERS
from ..model.markers import evaluate, marker_variables
from .providers import version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..model.kinds import Value, Wanted

#: The tag of a wheel for every platform.
ANY = "any"

# The platforms that an index takes wheels for, each in the oldest version that a tag names: PEP 600
# and 656, and for macOS what Python itself runs on.
_OLD_GLIBC, _GLIBC, _MUSL = (2, 5), (2, 17), (1, 0)
PLATFORMS = (
    *(Platform("glibc", machine, _OLD_GLIBC) for machine in ("x86_64", "i686")),
    *(
        Platform("glibc", machine, _GLIBC)
        for machine in ("aarch64", "armv7l", "ppc64le", "riscv64", "s390x")
    ),
    *(
        Platform("musl", machine, _MUSL)
        for machine in ("x86_64", "i686", "aarch64", "armv7l", "ppc64le", "riscv64", "s390x")
    ),
    Platform("macos", "x86_64", (10, 9)),
    Platform("macos", "arm64", (11, 0)),
    *(Platform("", machine) for machine in ("win_amd64", "win_arm64", "win32")),
)

_TAGS = {"glibc": "manylinux", "musl": "musllinux", "macos": "macosx"}
# The versions that are tried, from a platform's oldest on: its major's, and the majors up to one.
_LAST_MAJOR = {"glibc": 2, "musl": 1, "macos": 35}
_LAST_MINOR = {"glibc": 60, "musl": 20, "macos": 16}
# The marker variables that a platform settles.
_SETTLED = ("os_name", "platform_machine", "platform_system", "sys_platform")


class InexpressibleError(ValueError):
    """A condition that no variant wheel can have. ``str()`` is the reason, as a sentence."""


def of_platform(fact: str) -> bool:
    """Return whether a condition on ``fact`` is one on the platform."""
    return fact in _TAGS or of_marker(fact)


def of_marker(fact: str) -> bool:
    """Return whether conditions on ``fact`` are markers."""
    return FACTS[fact].kind is MARKERS


def platform_tags(
    alternative: Mapping[str, Wanted],
    markers: Sequence[str] = (),
    families: Collection[str] = (),
) -> list[str]:
    """Return the platform tags of the wheel for the machines that ``alternative`` holds on.

    ``markers`` have to be true besides, and the CPU is of one of ``families``, if there are any.
    What else is asked for leaves out the platforms that cannot have it.

    Raises `InexpressibleError` where tags cannot say it.
    """
    asked = {fact: wanted for fact, wanted in alternative.items() if of_platform(fact)}
    markers = [*markers, *(str(asked.pop(one)) for one in [*asked] if one not in _TAGS)]
    if not asked and not markers:
        return [ANY]
    for marker in markers:
        _check_settled(marker)
    right = [one for one in PLATFORMS if all(evaluate(each, one.marker) for each in markers)]
    if not asked and len(right) == len(PLATFORMS):
        return [ANY]
    if families:
        right = [one for one in right if family_of(one.marker["platform_machine"]) in families]
    found = [tag for one in right for tag in _tags(one, asked) if _can_be(one, alternative)]
    if not found:
        raise InexpressibleError("no such machine has a platform that wheels have tags for")
    return found


def _check_settled(marker: str) -> None:
    others = [one for one in marker_variables(marker) if one not in _SETTLED]
    if others:
        raise InexpressibleError(
            f"a platform tag does not tell {' and '.join(others)}; it tells {', '.join(_SETTLED)}"
        )


def _tags(platform: Platform, asked: Mapping[str, Wanted]) -> Iterator[str]:
    """Yield the tag of a platform, in the oldest version that is as ``asked``, if one is."""
    if any(not holds(fact, asked[fact], None)[0] for fact in asked if fact != platform.fact):
        return
    if not platform.fact:
        yield platform.machine
        return
    wanted = asked.get(platform.fact, True)
    versions = [*versions_of(platform)]
    held = [holds(platform.fact, wanted, f"{one[0]}.{one[1]}")[0] for one in versions]
    if not any(held):
        return
    first = held.index(True)
    major, minor = versions[first]
    if not all(held[first:]) or (platform.fact == "macos" and major > 10 and minor):
        of = "major version" if platform.fact == "macos" else "version"
        raise InexpressibleError(f"a platform tag stands for a {of} and all that are newer")
    yield f"{_TAGS[platform.fact]}_{major}_{minor}_{platform.machine}"


def versions_of(platform: Platform) -> Iterator[tuple[int, int]]:
    """Yield the versions that machines of a platform may have, from its own on."""
    oldest, fact = platform.version, platform.fact
    for major in range(oldest[0], _LAST_MAJOR[fact] + 1):
        for minor in range(_LAST_MINOR[fact] + 1):
            if (major, minor) >= oldest:
                yield major, minor


def _can_be(platform: Platform, alternative: Mapping[str, Wanted]) -> bool:
    """Return whether machines of a platform can have what else is asked for."""
    return all(
        possible(platform, fact, wanted)
        for fact, wanted in alternative.items()
        if not of_platform(fact) and wanted is not False
    )


@functools.cache
def possible(platform: Platform, fact: str, wanted: Wanted = True) -> bool:
    """Return whether machines of a platform can have a fact that is as ``wanted``."""
    system, machine = platform.marker["sys_platform"], platform.marker["platform_machine"]
    return can_have(fact, wanted, system, machine, platform.fact if system == "linux" else "")


@functools.cache
def supported_tags(platform: Platform) -> frozenset[str]:
    """Return the platform tags of the wheels that can be installed on a platform."""
    return frozenset((*platform.tags, ANY))


def platform_facts(
    platform: Platform, version: tuple[int, int], others: Mapping[str, str]
) -> dict[str, Value | None]:
    """Return the facts of a platform in some version; ``others`` are more marker variables."""
    facts: dict[str, Value | None] = dict.fromkeys(_TAGS)
    if platform.fact:
        facts[platform.fact] = f"{version[0]}.{version[1]}"
    return {"marker": {**others, **platform.marker}, **facts}


def platform_of(facts: Mapping[str, object]) -> Platform | None:
    """Return the platform of a machine by its facts, if wheels have tags for it."""
    marker = facts.get("marker")
    if not isinstance(marker, dict):
        return None
    fact = next((one for one in _TAGS if facts.get(one)), "")
    key = (marker.get("sys_platform", ""), marker.get("platform_machine", ""), fact)
    platform = _BY_MARKER.get(key)
    if platform is None or not fact:
        return platform
    return Platform(fact, platform.machine, version_of(str(facts[fact])))


_BY_MARKER = {
    (one.marker["sys_platform"], one.marker["platform_machine"], one.fact): one for one in PLATFORMS
}
