"""Platforms, the tags of the wheels for them, and what conditions say of them.

Conditions on `marker`, `glibc`, `musl` and `macos` are no properties of a variant wheel: wheels
have tags for them. They are judged on each platform that an index takes wheels for, and where they
say just that, a tag stands for it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.tags import mac_platforms

from ..checking.vocabulary import cpu_names, vocabulary
from ..model.facts import FACTS, holds
from ..model.kinds import MARKERS
from ..model.markers import evaluate, marker_variables, release_key
from ..probes.cpu import names_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..model.kinds import Value, Wanted

#: The tag of a wheel for every platform.
ANY = "any"

#: What the platform tags with the version of a fact are called.
TAGS = {"glibc": "manylinux", "musl": "musllinux", "macos": "macosx"}
_FACT = {name: fact for fact, name in TAGS.items()}
_VERSIONED = re.compile(r"(manylinux|musllinux|macosx)_(\d{1,3})_(\d{1,3})_(\w+)")
# What manylinux tags were called before PEP 600.
_OLD = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
_MACS = {"universal2": ("arm64", "x86_64"), "intel": ("x86_64",)}


@dataclass(frozen=True, order=True)
class Platform:
    """A system with a machine, and the version of one ``fact`` of it, where it has one.

    Without a fact, ``machine`` is the platform tag.
    """

    fact: str
    machine: str
    version: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        version = ".".join(map(str, self.version))
        if self.fact == "macos":
            return f"macOS {version} on {self.machine}"
        if self.fact:
            return f"Linux on {self.machine} with {self.fact} {version}"
        windows = _WINDOWS.get(self.machine)
        return f"Windows on {windows}" if windows else self.machine

    @property
    def tags(self) -> list[str]:
        """The platform tags of the wheels that can be installed there."""
        major, minor = self.version
        if self.fact == "macos":
            return [*mac_platforms(self.version, self.machine)]
        if self.fact == "musl":
            return [f"musllinux_{major}_{one}_{self.machine}" for one in range(minor + 1)]
        if self.fact == "glibc":
            old = [name for name, version in _OLD.items() if version <= self.version]
            names = [*(f"manylinux_{major}_{one}" for one in range(minor + 1)), *old, "linux"]
            return [f"{name}_{self.machine}" for name in names]
        return [self.machine]

    @cached_property
    def marker(self) -> Mapping[str, str]:
        """The marker variables that the platform settles."""
        name, machine = "darwin" if self.fact == "macos" else "linux", self.machine
        if not self.fact:
            if machine not in _WINDOWS:
                return {"sys_platform": machine.partition("_")[0]}
            name, machine = "win32", _WINDOWS[machine]
        system = next(one for one in vocabulary()["system"] if name in one["sys_platform"])
        settled = {key: system[key][0] for key in ("platform_system", "os_name")}
        return {"sys_platform": name, **settled, "platform_machine": machine}


def parse_platform_tag(tag: str) -> list[Platform]:
    """Return the platforms of a tag other than `ANY`, with the version that it names, if any."""
    if found := _VERSIONED.fullmatch(tag):
        version = (int(found[2]), int(found[3]))
        machines = _MACS.get(found[4], (found[4],))
        return [Platform(_FACT[found[1]], machine, version) for machine in machines]
    head, _, machine = tag.partition("_")
    if machine and (head in _OLD or head == "linux"):
        return [Platform("glibc", machine, _OLD.get(head, (0, 0)))]
    return [Platform("", tag)]


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

# The versions that are tried, from a platform's oldest on: its major's, and the majors up to one.
_LAST_MAJOR = {"glibc": 2, "musl": 1, "macos": 35}
_LAST_MINOR = {"glibc": 60, "musl": 20, "macos": 16}
# The marker variables that a platform settles.
_SETTLED = ("os_name", "platform_machine", "platform_system", "sys_platform")


class InexpressibleError(ValueError):
    """A condition that no variant wheel can have. ``str()`` is the reason, as a sentence."""


def of_platform(fact: str) -> bool:
    """Return whether a condition on ``fact`` is one on the platform."""
    return fact in TAGS or of_marker(fact)


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
    markers = [*markers, *(str(asked.pop(one)) for one in [*asked] if one not in TAGS)]
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
    yield f"{TAGS[platform.fact]}_{major}_{minor}_{platform.machine}"


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
    """Return whether machines of a platform can have a fact, and of names all that are wanted."""
    system, machine = platform.marker["sys_platform"], platform.marker.get("platform_machine", "")
    for one in vocabulary()["where"]:
        if fact in one["facts"]:
            has_libc = system != "linux" or platform.fact == one.get("libc", platform.fact)
            return has_libc and machine in one.get(system, ())
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


@functools.cache
def supported_tags(platform: Platform) -> frozenset[str]:
    """Return the platform tags of the wheels that can be installed on a platform."""
    return frozenset((*platform.tags, ANY))


def platform_facts(
    platform: Platform, version: tuple[int, int], others: Mapping[str, str]
) -> dict[str, Value | None]:
    """Return the facts of a platform in some version; ``others`` are more marker variables."""
    facts: dict[str, Value | None] = dict.fromkeys(TAGS)
    if platform.fact:
        facts[platform.fact] = f"{version[0]}.{version[1]}"
    return {"marker": {**others, **platform.marker}, **facts}


def platform_of(facts: Mapping[str, object]) -> Platform | None:
    """Return the platform of a machine by its facts, if wheels have tags for it."""
    marker = facts.get("marker")
    if not isinstance(marker, dict):
        return None
    fact = next((one for one in TAGS if facts.get(one)), "")
    key = (marker.get("sys_platform", ""), marker.get("platform_machine", ""), fact)
    platform = _BY_MARKER.get(key)
    if platform is None or not fact:
        return platform
    return Platform(fact, platform.machine, version_of(str(facts[fact])))


_BY_MARKER = {
    (one.marker["sys_platform"], one.marker["platform_machine"], one.fact): one for one in PLATFORMS
}


@functools.cache
def version_of(text: str) -> tuple[int, int]:
    """Return the first two parts of a version."""
    major, minor, *_ = [*release_key(text), 0]
    return major, minor
