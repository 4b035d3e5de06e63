"""Where wheels can be installed: the machines that their tags and a table's conditions tell apart.

A place is one Python on one platform. Of a platform, a machine at exactly the version that its tag
names counts (``manylinux_2_28_x86_64``: glibc 2.28), and one beside each version that a condition
names. Of Pythons, those that tags name count, each with the next one, since a wheel for ``abi3`` or
``py3`` fits that too.
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.tags import (
    Tag,
    compatible_tags,
    cpython_tags,
    generic_tags,
    mac_platforms,
)

from ..model.facts import FACTS, holds
from ..model.kinds import MARKERS
from ..model.markers import CannotTellError, evaluate, release_key
from .samples import TooManyError, environments, named_versions
from .systems import can_have, system_variables
from .vocabulary import is_plausible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.specifiers import SpecifierSet

    from ..model.kinds import Wanted
    from ..model.table import Condition

# The families of platform tags that have the version of a fact, and the version that is taken where
# nothing names one.
_FACT = {"manylinux": "glibc", "musllinux": "musl", "macosx": "macos"}
_USUAL = {"glibc": (2, 17), "musl": (1, 2), "macos": (11, 0)}
_VERSIONED = re.compile(r"(manylinux|musllinux|macosx)_(\d{1,3})_(\d{1,3})_(\w+)")
# What manylinux tags were called before PEP 600.
_OLD = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
_MACS = {"universal2": ("arm64", "x86_64"), "intel": ("x86_64",)}
# Where a wheel for any platform counts, besides the platforms that other wheels name.
_COMMON = {
    "glibc": {"x86_64", "aarch64"},
    "musl": {"x86_64", "aarch64"},
    "macos": {"x86_64", "arm64"},
    "": {"win_amd64"},
}
_OLDEST_MINOR = 9
_INTERPRETER = re.compile(r"(cp|pp|py)3(\d{1,2})")


@dataclass(frozen=True)
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
        if self.fact:
            system = "darwin" if self.fact == "macos" else "linux"
            return {**system_variables(system), "platform_machine": self.machine}
        if self.machine in _WINDOWS:
            return {**system_variables("win32"), "platform_machine": _WINDOWS[self.machine]}
        return {"sys_platform": self.machine.partition("_")[0]}


@dataclass(frozen=True)
class Python:
    """An interpreter: ``cp312``, and its ABI, ``cp312`` or ``cp312t``."""

    interpreter: str
    minor: int
    abi: str

    def __str__(self) -> str:
        return f"pp3{self.minor}" if self.interpreter == "pp" else self.abi

    @functools.cache  # noqa: B019 - there are few
    def tags(self, platform: Platform) -> frozenset[Tag]:
        """Return the tags of the wheels that it can install on a platform."""
        platforms = platform.tags
        version, name = (3, self.minor), f"{self.interpreter}3{self.minor}"
        own = (
            cpython_tags(version, [self.abi], platforms)
            if self.interpreter == "cp"
            else generic_tags(name, [self.abi], platforms)
        )
        return frozenset([*own, *compatible_tags(version, name, platforms)])

    @cached_property
    def markers(self) -> list[dict[str, str]]:
        """The marker variables of its first and of a late release."""
        is_pypy = self.interpreter == "pp"
        return [
            {
                "python_version": f"3.{self.minor}",
                "python_full_version": f"3.{self.minor}.{micro}",
                "implementation_name": "pypy" if is_pypy else "cpython",
                "platform_python_implementation": "PyPy" if is_pypy else "CPython",
            }
            for micro in (0, 99)
        ]


@dataclass(frozen=True)
class Place:
    """A Python on a platform, and the tags of the wheels that can be installed there."""

    python: Python
    platform: Platform
    tags: frozenset[Tag]

    def can_fit(self, when: Sequence[Mapping[str, Wanted]]) -> bool:
        """Return whether some machine there is as one of the alternatives ``when`` asks."""
        return not when or any(
            all(self._can_hold(fact, wanted) for fact, wanted in one.items()) for one in when
        )

    def _can_hold(self, fact: str, wanted: Wanted) -> bool:
        kind = FACTS[fact].kind
        if kind is MARKERS and isinstance(wanted, str):
            return self.can_be(wanted)
        if fact in _USUAL:
            version = ".".join(map(str, self.platform.version))
            return holds(fact, wanted, version if fact == self.platform.fact else None)[0]
        known = self.platform.marker
        system, machine = known["sys_platform"], known.get("platform_machine", "")
        libc = self.platform.fact if system == "linux" else ""
        # What GPUs and drivers there are, and what is installed, a platform does not say.
        return wanted is False or can_have(fact, wanted, system, machine, libc)

    def can_be(self, marker: str) -> bool:
        """Return whether a marker is true on some machine there."""
        try:
            return any(
                evaluate(marker, {**one, **self.platform.marker, **python})
                for one in environments([marker])
                for python in self.python.markers
            )
        except (CannotTellError, TooManyError):
            return True


def find_places(
    tags: Iterable[Tag], conditions: Iterable[Condition], pythons: Iterable[SpecifierSet] = ()
) -> Iterator[Place]:
    """Yield the places that wheels with these ``tags``, and what is asked, tell apart.

    ``pythons`` are what is asked of Python itself.
    """
    tags, conditions = [*tags], [*conditions]
    named = [one.version for some in pythons for one in some]
    for one in conditions:
        if FACTS[one.fact].kind is MARKERS and isinstance(one.wanted, str):
            named += named_versions(one.wanted)
    interpreters = [*_pythons(tags, named)]
    for platform in _platforms({one.platform for one in tags}, conditions):
        for python in interpreters:
            yield Place(python, platform, python.tags(platform))


def _platforms(tags: set[str], conditions: Iterable[Condition]) -> list[Platform]:
    machines = {fact: {*some} for fact, some in _COMMON.items()}
    versions: dict[str, set[tuple[int, int]]] = {fact: set() for fact in _USUAL}
    for tag in tags - {"any"}:
        fact, names, version = _parse(tag)
        machines[fact].update(names)
        if version:
            versions[fact].add(version)
    for one in conditions:
        if one.fact in versions and isinstance(one.wanted, str):
            versions[one.fact].update(_near(one.fact, one.wanted))
    found = {Platform("", machine) for machine in machines.pop("")}
    for fact, some in machines.items():
        for machine, version in itertools.product(some, versions[fact] or {_USUAL[fact]}):
            first = (11, 0) if (fact, machine) == ("macos", "arm64") else version
            found.add(Platform(fact, machine, max(version, first)))
    return sorted(found, key=lambda one: (one.fact, one.machine, one.version))


def _parse(tag: str) -> tuple[str, tuple[str, ...], tuple[int, int] | None]:
    """Return the fact that a platform tag has a version of, its machines, and that version."""
    if found := _VERSIONED.fullmatch(tag):
        version = (int(found[2]), int(found[3]))
        return _FACT[found[1]], _MACS.get(found[4], (found[4],)), version
    head, _, machine = tag.partition("_")
    if machine and (head in _OLD or head == "linux"):
        return "glibc", (machine,), _OLD.get(head)
    return "", (tag,), None


def _near(fact: str, specifier: str) -> Iterator[tuple[int, int]]:
    """Yield the versions that a specifier names, and those beside them."""
    for text in named_versions(specifier):
        major, minor, *_ = [*release_key(text), 0]
        beside = [(major, minor), (major, minor + 1), (major, minor - 1)]
        if "." not in text:
            beside = [(major, 0), (major + 1, 0), (major - 1, 0)]
        yield from (
            one for one in beside if min(one) >= 0 and is_plausible(fact, f"{one[0]}.{one[1]}")
        )


def _pythons(tags: Iterable[Tag], named: Iterable[str]) -> Iterator[Python]:
    minors, others = {_OLDEST_MINOR}, set()
    for tag in tags:
        if found := _INTERPRETER.fullmatch(tag.interpreter):
            minor = int(found[2])
            if found[1] == "pp":
                others.add(Python("pp", minor, tag.abi))
                continue
            minors.update((minor, minor + 1))
            if tag.abi == f"cp3{minor}t":
                others.add(Python("cp", minor, tag.abi))
    for text in named:
        if found := re.match(r"3\.(\d{1,2})\b", text):
            minor = int(found[1])
            minors.update((max(minor - 1, 0), minor, minor + 1))
    for minor in range(min(minors), max(minors) + 1):
        yield Python("cp", minor, f"cp3{minor}")
    yield from sorted(others, key=lambda one: (one.interpreter, one.minor, one.abi))
