"""Platforms: the facts that they can have, the tags of their wheels, and conditions on them.

A variant wheel has no properties for `marker`, `glibc`, `musl` and `macos`: it has platform tags.
Conditions on these are judged on each platform that an index accepts wheels for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from packaging.tags import mac_platforms

from ..installing.target import OLD_TAGS
from ..model.facts import FACTS, holds
from ..model.kinds import LIBRARIES, MARKERS
from ..model.markers import marker_variables, release_key
from ..model.regions import SYSTEMS
from ..model.table import Condition, Where
from ..probes.cpu import known_targets, names_of
from . import toml

if TYPE_CHECKING:
    from ..model.kinds import Value, Wanted

#: The marker variables that depend on the platform.
OF_A_SYSTEM = ("os_name", "platform_machine", "platform_system", "sys_platform")
#: The tag of a wheel for every platform.
ANY = "any"

#: How the platform tags with the version of a fact begin.
TAGS = {"glibc": "manylinux", "musl": "musllinux", "macos": "macosx"}
_FACT = {name: fact for fact, name in TAGS.items()}
_VERSIONED = re.compile(r"(manylinux|musllinux|macosx)_(\d{1,3})_(\d{1,3})_(\w+)")
# The machines that run 32-bit programs, by platform tag.
_RUNNING = {
    "i686": ("i686", "x86_64"),
    "armv7l": ("armv7l", "aarch64"),
    "win32": ("x86", "AMD64", "ARM64"),
}
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
# The last major version that is tried, and the last minor one of each.
_LAST = {"glibc": (2, 60), "musl": (1, 20), "macos": (35, 16)}
# The systems that have their own suffix of libraries.
_ENDINGS = {".dll": "win32", ".dylib": "darwin"}
_MACS = {"universal2": ("arm64", "x86_64"), "intel": ("x86_64",)}


@functools.cache
def systems() -> dict[str, Any]:
    """Return what is in `systems.toml`."""
    return toml.loads(Path(__file__).with_name("systems.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, order=True)
class Platform:
    """A system on a machine, and the version of one ``fact`` of it: glibc, musl or macOS.

    Without a fact, ``machine`` is the whole platform tag.
    """

    fact: str
    machine: str
    version: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        version = version_text(self.version)
        if self.fact == "macos":
            return f"macOS {version} on {self.machine}"
        if self.fact:
            return f"Linux on {self.machine} with {self.fact} {version}"
        windows = _WINDOWS.get(self.machine)
        return f"Windows on {windows}" if windows else self.machine

    @property
    def tag(self) -> str:
        """The platform tag of wheels for this version and newer ones."""
        major, minor = self.version
        return f"{TAGS[self.fact]}_{major}_{minor}_{self.machine}" if self.fact else self.machine

    @property
    def tags(self) -> list[str]:
        """The platform tags of all wheels that can be installed there."""
        major, minor = self.version
        if self.fact == "macos":
            return [*mac_platforms(self.version, self.machine)]
        if self.fact == "musl":
            return [f"musllinux_{major}_{older}_{self.machine}" for older in range(minor + 1)]
        if self.fact == "glibc":
            old = [name for name, version in OLD_TAGS.items() if version <= self.version]
            names = [*(f"manylinux_{major}_{older}" for older in range(minor + 1)), *old, "linux"]
            return [f"{name}_{self.machine}" for name in names]
        return [self.machine]

    @cached_property
    def marker(self) -> Mapping[str, str]:
        """The marker variables that the platform determines."""
        name, machine = "darwin" if self.fact == "macos" else "linux", self.machine
        if not self.fact:
            if machine not in _WINDOWS:
                return {"sys_platform": machine.partition("_")[0]}
            name, machine = "win32", _WINDOWS[machine]
        return {**SYSTEMS[name], "platform_machine": machine}

    @property
    def machines(self) -> Collection[str]:
        """The possible values of ``platform_machine``: 64-bit machines also run 32-bit programs."""
        machine = self.marker.get("platform_machine")
        return _RUNNING.get(self.machine, (machine,) if machine else ())

    @property
    def family(self) -> str:
        """The family of its machines, as archspec calls it."""
        return family_of(self.marker.get("platform_machine", ""))

    @property
    def facts(self) -> dict[str, Value | None]:
        """The facts of its machines, as far as the platform determines them."""
        facts: dict[str, Value | None] = {"marker": self.marker, **dict.fromkeys(TAGS)}
        return {**facts, self.fact: version_text(self.version)} if self.fact else facts

    def versions(self) -> list[Platform]:
        """Return the platform in its own version and in all newer ones that are tried."""
        last = _LAST.get(self.fact, (0, 0))
        return [
            replace(self, version=(major, minor))
            for major in range(self.version[0], last[0] + 1)
            for minor in range(last[1] + 1)
            if (major, minor) >= self.version
        ]


def parse_platform_tag(tag: str) -> list[Platform]:
    """Return the platforms of a tag other than `ANY`, with its version, if it has one."""
    if match := _VERSIONED.fullmatch(tag):
        version = (int(match[2]), int(match[3]))
        machines = _MACS.get(match[4], (match[4],))
        return [Platform(_FACT[match[1]], machine, version) for machine in machines]
    head, _, machine = tag.partition("_")
    if machine and (head in OLD_TAGS or head == "linux"):
        return [Platform("glibc", machine, OLD_TAGS.get(head, (0, 0)))]
    return [Platform("", tag)]


# The platforms that an index accepts wheels for, each in the oldest version of a tag: by PEP 600,
# PEP 656 and, for macOS, what Python itself runs on.
_FIRST, _LATER = ("x86_64", "i686"), ("aarch64", "armv7l", "ppc64le", "riscv64", "s390x")
PLATFORMS = (
    *(Platform("glibc", machine, (2, 5)) for machine in _FIRST),
    *(Platform("glibc", machine, (2, 17)) for machine in _LATER),
    *(Platform("musl", machine, (1, 0)) for machine in (*_FIRST, *_LATER)),
    Platform("macos", "x86_64", (10, 9)),
    Platform("macos", "arm64", (11, 0)),
    *(Platform("", tag) for tag in _WINDOWS),
)
#: Where a wheel for any platform counts, besides the platforms of other wheels.
COMMON = (
    *(Platform(libc, machine) for libc in ("glibc", "musl") for machine in ("x86_64", "aarch64")),
    *(Platform("macos", machine) for machine in ("x86_64", "arm64")),
    Platform("", "win_amd64"),
)
#: The version of a platform for which there is none, and the ones to use then.
UNNAMED = (0, 0)
USUAL = {"glibc": (2, 17), "musl": (1, 2), "macos": (11, 0)}


def oldest_of(platform: Platform) -> tuple[int, int]:
    """Return the oldest existing version of a platform, `UNNAMED` if any may exist."""
    return (11, 0) if (platform.fact, platform.machine) == ("macos", "arm64") else UNNAMED


class InexpressibleError(ValueError):
    """A condition that no variant wheel can express. ``str()`` is the reason, as a sentence."""


def of_platform(fact: str) -> bool:
    """Return whether platform tags express conditions on ``fact``."""
    return fact in TAGS or of_marker(fact)


def of_marker(fact: str) -> bool:
    """Return whether conditions on ``fact`` are markers."""
    return FACTS[fact].kind is MARKERS


def platform_tags(
    alternative: Mapping[str, Wanted],
    markers: Iterable[str] = (),
    families: Collection[str] = (),
) -> list[str]:
    """Return the platform tags of the wheel for the machines on which ``alternative`` holds.

    ``markers`` have to be true too, and the CPU's family is one of ``families``, if there are any.
    Platforms that cannot have the other facts of ``alternative`` are left out.

    Raises `InexpressibleError` if no tags express it.
    """
    asked = [(fact, wanted) for fact, wanted in alternative.items() if of_platform(fact)]
    asked += [("marker", marker) for marker in markers]
    _check_settled([str(wanted) for fact, wanted in asked if fact == "marker"])
    oldest = {base: _oldest(base, asked) for base in PLATFORMS}
    if all(base is oldest_version for base, oldest_version in oldest.items()):
        return [ANY]
    tags = [
        platform.tag
        for base, platform in oldest.items()
        if platform
        and (not families or base.family in families)
        and all(
            of_platform(fact) or wanted is False or possible(base, fact, wanted)
            for fact, wanted in alternative.items()
        )
    ]
    if not tags:
        raise InexpressibleError("no such machine has a platform that wheels have tags for")
    return tags


def _check_settled(markers: Iterable[str]) -> None:
    for marker in markers:
        others = [variable for variable in marker_variables(marker) if variable not in OF_A_SYSTEM]
        if others:
            raise InexpressibleError(
                f"a platform tag does not tell {' and '.join(others)}; it tells "
                f"{', '.join(OF_A_SYSTEM)}"
            )


def _oldest(base: Platform, asked: Sequence[tuple[str, Wanted]]) -> Platform | None:
    """Return a platform in the oldest version on which the conditions ``asked`` hold, if any."""
    versions = base.versions() if base.fact in dict(asked) else [base]
    held = [
        all(holds(fact, wanted, platform.facts[fact])[0] for fact, wanted in asked)
        for platform in versions
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
    """Return whether machines of a platform can have a fact, and all names that are wanted."""
    system, machine = platform.marker["sys_platform"], platform.marker.get("platform_machine", "")
    for row in systems()["where"]:
        if fact in row["facts"]:
            has_libc = system != "linux" or platform.fact == row.get("libc", platform.fact)
            return has_libc and machine in row.get(system, ())
    if isinstance(wanted, tuple) and FACTS[fact].kind is LIBRARIES:
        of = {_ENDINGS.get(PurePath(library).suffix.lower(), "other") for library in wanted}
        return of == {system if system in _ENDINGS.values() else "other"}
    if not isinstance(wanted, tuple) or fact not in systems()["archspec"]:
        return True
    families = [names for family, names in _families() if family == family_of(machine)]
    known = _have_all([cpu_names()], wanted)
    return not (known and families) or _have_all(families, wanted)


def _have_all(sets: Iterable[Collection[str]], wanted: Iterable[str]) -> bool:
    """Return whether one of some sets of names has all ``wanted`` names or starts (``gfx94*``)."""
    return any(
        all(
            any(own.startswith(name[:-1]) for own in names) if name.endswith("*") else name in names
            for name in wanted
        )
        for names in sets
    )


def where_possible(conditions: Iterable[Condition]) -> tuple[Where, ...]:
    """Return which platforms can have what ``conditions`` ask for, if not all of them can."""
    rows: dict[tuple[str, tuple[Platform, ...]], list[str]] = {}
    for fact, wanted in conditions:
        having = _having(fact)
        if len(having) < len(PLATFORMS):
            rows.setdefault((fact, having), [])
        elif isinstance(wanted, tuple):
            for name in wanted:
                having = _having(fact, (name,))
                if len(having) < len(PLATFORMS):
                    rows.setdefault((fact, having), []).append(name)
    return tuple(_where(fact, having, names) for (fact, having), names in rows.items())


def _having(fact: str, wanted: Wanted = True) -> tuple[Platform, ...]:
    """Return the platforms whose machines can have a fact, and all names that are wanted.

    Of CPU facts, only the platforms whose CPUs archspec knows.
    """
    if fact in TAGS:
        return tuple(base for base in PLATFORMS if base.fact == fact)
    platforms = [*PLATFORMS]
    if fact in systems()["archspec"] and wanted is not True:
        known = {family for family, _ in _families()}
        platforms = [base for base in PLATFORMS if base.family in known]
    return tuple(base for base in platforms if possible(base, fact, wanted))


def _where(fact: str, having: Collection[Platform], names: Iterable[str]) -> Where:
    machines: dict[str, dict[str, None]] = {}
    for platform in having:
        # CPU facts are the same on all systems.
        system = "*" if fact in systems()["archspec"] else platform.marker["sys_platform"]
        machines.setdefault(system, {})[platform.marker["platform_machine"]] = None
    every: dict[str, set[str]] = {}
    for base in PLATFORMS:
        every.setdefault(base.marker["sys_platform"], set()).add(base.marker["platform_machine"])
    platforms = {
        system: ("*",) if own.keys() == every.get(system) else (*own,)
        for system, own in machines.items()
    }
    libcs = {platform.fact for platform in having if platform.marker["sys_platform"] == "linux"}
    libc = libcs.pop() if len(libcs) == 1 else ""
    return Where(fact, platforms, tuple(dict.fromkeys(names)), libc)


def family_of(machine: str) -> str:
    """Return what archspec calls the family of a machine, by ``platform_machine``."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine)


@functools.cache
def _families() -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the family and all names of each microarchitecture that archspec knows."""
    return tuple((target.family.name, names_of(target)) for target in known_targets())


@functools.cache
def cpu_names() -> frozenset[str]:
    """Return the names of the microarchitectures and features that archspec knows."""
    return frozenset().union(*map(names_of, known_targets()))


@functools.cache
def supported_tags(platform: Platform) -> frozenset[str]:
    """Return the platform tags of all wheels that can be installed on a platform."""
    return frozenset((*platform.tags, ANY))


def platform_of(facts: Mapping[str, object]) -> Platform | None:
    """Return the platform of a machine with these facts, if wheels have tags for it."""
    marker = facts.get("marker")
    if isinstance(marker, dict):
        for base in PLATFORMS:
            version = facts.get(base.fact) if base.fact else "0"
            if version and base.marker.items() <= marker.items():
                return replace(base, version=version_of(str(version)))
    return None


@functools.cache
def version_of(text: str) -> tuple[int, int]:
    """Return the first two parts of a version."""
    major, minor, *_ = [*release_key(text), 0]
    return major, minor


def version_text(version: tuple[int, int]) -> str:
    """Return a version as text."""
    return f"{version[0]}.{version[1]}"
