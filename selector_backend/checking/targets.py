"""Targets: Pythons on platforms, as the tags of wheels and a table's conditions tell them apart.

The Pythons are 3.9 and newer, and those that a tag names. A platform counts in exactly the versions
that tags (``manylinux_2_28_x86_64``: glibc 2.28) and conditions name.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

from ..authoring.conditions import TooManyError, environments, versions_beside
from ..authoring.platforms import (
    ANY,
    COMMON,
    TAGS,
    UNNAMED,
    USUAL,
    Platform,
    of_marker,
    oldest_of,
    parse_platform_tag,
    possible,
    supported_tags,
    version_of,
)
from ..model.facts import FACTS, holds
from ..model.kinds import FEATURES
from ..model.markers import CannotTellError, evaluate
from ..model.table import Condition
from .vocabulary import is_plausible

if TYPE_CHECKING:
    from ..model.kinds import Wanted

_OF_32_BITS = ("i686", "armv7l", "win32")
# The minor versions of the Pythons that always count: 3.9 to 3.15.
_MINORS = range(9, 16)


@dataclass(frozen=True)
class Target:
    """A Python, by its interpreter and its ABI (``cp313`` and ``cp313t``), on a platform."""

    python: tuple[str, str]
    platform: Platform

    def __str__(self) -> str:
        interpreter, abi = self.python
        return abi if interpreter.startswith("cp") else interpreter

    @property
    def minor(self) -> int:
        """The minor version of the Python."""
        return int(self.python[0][len("cp3") :])

    @property
    def release(self) -> str:
        """A late release of the Python, such as ``3.12.99``."""
        return f"3.{self.minor}.99"

    @property
    def missing_features(self) -> frozenset[str]:
        """The ABI features that the Python does not have, by its tags."""
        interpreter, abi = self.python
        missing = {"free-threading", "gil-enabled"}
        if interpreter.startswith("cp"):
            missing = {"gil-enabled" if abi.endswith("t") else "free-threading"}
        return frozenset({*missing, "64-bit" if self.platform.machine in _OF_32_BITS else "32-bit"})

    def takes(self, tags: Iterable[Tag]) -> bool:
        """Return whether a wheel with these tags can be installed there."""
        pythons, platforms = _python_tags(*self.python), supported_tags(self.platform)
        return any(
            (tag.interpreter, tag.abi) in pythons and tag.platform in platforms for tag in tags
        )

    def can_fit(self, when: Sequence[Mapping[str, Wanted]]) -> bool:
        """Return whether an alternative of ``when`` holds on some machine there."""
        return not when or any(
            all(self._can_hold(fact, wanted) for fact, wanted in alternative.items())
            for alternative in when
        )

    def _can_hold(self, fact: str, wanted: Wanted) -> bool:
        if of_marker(fact):
            return self.can_be(str(wanted))
        if fact in TAGS:
            version = ".".join(map(str, self.platform.version))
            return holds(fact, wanted, version if fact == self.platform.fact else None)[0]
        if FACTS[fact].kind is FEATURES:
            return isinstance(wanted, bool) or self.missing_features.isdisjoint(wanted)
        # A platform does not say which GPUs, drivers and distributions there are.
        return wanted is False or possible(self.platform, fact, wanted)

    def can_be(self, marker: str) -> bool:
        """Return whether a marker is true on some machine there, on a late release of Python."""
        name = "PyPy" if self.python[0].startswith("pp") else "CPython"
        known = {
            **self.platform.marker,
            "python_version": f"3.{self.minor}",
            "python_full_version": self.release,
            "implementation_name": name.lower(),
            "platform_python_implementation": name,
        }
        machines = [{"platform_machine": machine} for machine in self.platform.machines] or [{}]
        try:
            return any(
                evaluate(marker, {**environment, **known, **machine})
                for environment in environments([marker])
                for machine in machines
            )
        except (CannotTellError, TooManyError):
            return True


@functools.cache
def _python_tags(interpreter: str, abi: str) -> frozenset[tuple[str, str]]:
    """Return the interpreters and ABIs of the wheels that a Python can install."""
    version = (3, int(interpreter[len("cp3") :]))
    own = (
        cpython_tags(version, [abi], [ANY])
        if interpreter.startswith("cp")
        else generic_tags(interpreter, [abi], [ANY])
    )
    every = (*own, *compatible_tags(version, interpreter, [ANY]))
    return frozenset((tag.interpreter, tag.abi) for tag in every)


def find_targets(tags: Collection[Tag], conditions: Iterable[Condition]) -> list[Target]:
    """Return the targets that the ``tags`` of wheels, and ``conditions``, tell apart."""
    pythons = {(f"cp3{minor}", f"cp3{minor}") for minor in _MINORS}
    for tag in tags:
        if re.fullmatch(r"[cp]p3\d+", tag.interpreter) and tag.abi not in ("abi3", "none"):
            pythons.add((tag.interpreter, tag.abi))
    ordered = sorted(pythons, key=lambda python: (len(python[0]), python))
    platforms = _platforms({tag.platform for tag in tags} - {ANY}, conditions)
    return [Target(python, platform) for platform in platforms for python in ordered]


def _platforms(tags: Iterable[str], conditions: Iterable[Condition]) -> list[Platform]:
    """Return the platforms of ``tags``, and the common ones, in each version that is named."""
    platforms = {*COMMON, *itertools.chain.from_iterable(map(parse_platform_tag, tags))}
    named = {fact: {base.version for base in platforms if base.fact == fact} for fact in USUAL}
    for fact, wanted in conditions:
        if fact in named and isinstance(wanted, str):
            near = (version for version in versions_beside([wanted]) if is_plausible(fact, version))
            named[fact].update(map(version_of, near))
    versions = {fact: some - {UNNAMED} or {USUAL[fact]} for fact, some in named.items()}
    return sorted(
        {
            replace(platform, version=max(version, oldest_of(platform)))
            for platform in platforms
            for version in versions.get(platform.fact, {UNNAMED})
        }
    )
