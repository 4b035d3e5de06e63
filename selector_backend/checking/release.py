"""Whether wheels and sdists are a complete release of a selector package.

Takes what their names and metadata say, and returns problems; it reads no files.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from ..authoring.conditions import can_agree
from ..authoring.platforms import Platform
from ..authoring.selector import is_own, is_pinned
from ..model.markers import normalize
from ..model.problems import NOTE, Problem
from ..model.standing import requirements_of
from ..model.table import CAPABILITY, Selector, Variant
from .finished import Sdist, Wheel
from .targets import Target, find_targets

if TYPE_CHECKING:
    from ..model.kinds import Wanted

# The most platforms, or files, that a message names.
_MOST_NAMED = 5
# Platform tags that do not say which Linux. The public index accepts two of them.
_PLAIN_LINUX, _ACCEPTED = "linux_", ("linux_armv6l", "linux_armv7l")
# A minor version of Python that nobody requires yet.
_NEWEST = 30


@dataclass(frozen=True)
class _Need:
    """A distribution that the release has to have: what requires it, in which version, and where.

    ``by`` is a variant, with its condition ``when``; the table; or the file of ``wheel``.
    """

    by: str
    requirement: Requirement
    when: tuple[Mapping[str, Wanted], ...] = ()
    wheel: Wheel | None = None

    def admits(self, distribution: Wheel | Sdist) -> bool:
        """Return whether a distribution has the required version."""
        return self.requirement.specifier.contains(distribution.version, prereleases=True)

    def is_needed_on(self, target: Target) -> bool:
        """Return whether some machine of a target needs it."""
        if self.wheel is not None and not self.wheel.fits(target):
            return False
        return target.can_fit(self.when) and self.is_asked(target)

    def is_asked(self, target: Target) -> bool:
        """Return whether its marker is true on some machine of a target."""
        marker = self.requirement.marker
        return marker is None or target.can_be(str(marker))


@dataclass(frozen=True)
class Release:
    """A selector package's table, and the files of a folder that may belong to its release.

    ``sdist`` is the file of the selector package itself, ``sdists`` are the others, and
    ``variant_files`` are the variant wheels and their metadata.
    """

    selector: Selector
    sdist: str
    wheels: Sequence[Wheel]
    sdists: Sequence[Sdist] = ()
    requires_python: SpecifierSet = field(default_factory=SpecifierSet)
    variant_files: Sequence[str] = ()

    @cached_property
    def name(self) -> str:
        """The project's normalized name."""
        return normalize(self.selector.project)

    @cached_property
    def needs(self) -> Mapping[str, Sequence[_Need]]:
        """The needs of the release by the names of their distributions: the table's, then core's.

        Core is what wheels require in the project's own version, and what is named after the
        project and is in the folder.
        """
        needs: dict[str, list[_Need]] = {}
        there = {wheel.name for wheel in self.wheels}
        left = [need for need in self._asked() if is_own(need.requirement, self.selector)]
        while left:
            need = left.pop(0)
            name = normalize(need.requirement.name)
            if name == self.name:
                continue
            if name not in needs:
                for wheel in self.wheels:
                    if wheel.name == name and need.admits(wheel):
                        parts = (item for item in wheel.requires if self._is_part(item, there))
                        left += [_Need(wheel.file, item, wheel=wheel) for item in parts]
            needs.setdefault(name, []).append(need)
        return needs

    def _asked(self) -> Iterator[_Need]:
        """Yield the needs of the table."""
        for variant in self.selector.variants:
            for text, _ in requirements_of(variant):
                yield _Need(variant.name, Requirement(text), variant.when)
        for requirement in map(Requirement, self.selector.requires):
            yield _Need("the table", requirement)

    def _is_part(self, requirement: Requirement, there: set[str]) -> bool:
        if is_pinned(requirement, self.selector.version):
            return True
        return is_own(requirement, self.selector) and normalize(requirement.name) in there

    @cached_property
    def variants(self) -> Mapping[str, set[str]]:
        """The names of the variants that each distribution stands for."""
        variants: dict[str, set[str]] = {}
        for variant in self.selector.variants:
            for name in variant.distributions:
                if name in self.needs:
                    variants.setdefault(name, set()).add(variant.name)
        return variants

    @cached_property
    def targets(self) -> Mapping[Target, set[str]]:
        """The targets on which some variant can be installed, and which distributions can be there.

        Where no variant has a wheel, one with an sdist counts, if core can be installed too and
        other targets with the same Python have wheels.
        """
        tags = {tag for wheel in self.wheels if wheel.name in self.variants for tag in wheel.tags}
        ready = {
            target: {name for name in self.needs if self._has_wheel(name, target)}
            for target in find_targets(tags, self.selector.conditions)
            if self.requires_python.contains(target.release)
        }
        usable = {target: names for target, names in ready.items() if self._whole(names, target)}
        pythons = {target.python for target in usable}
        core = self.needs.keys() - self.variants.keys()
        sources = {sdist.name for sdist in self.sdists}
        for target in ready.keys() - usable.keys():
            names = ready[target] | sources
            if target.python in pythons and core <= names and self._whole(names, target):
                usable[target] = names
        return {target: usable[target] for target in ready if target in usable}

    def _whole(self, names: Collection[str], target: Target) -> list[str]:
        """Return the variants of which all distributions are among ``names``.

        Distributions without any wheel do not count (`_missing` reports them), nor do those whose
        markers are false on the target.
        """
        parts: dict[str, list[bool]] = {}
        for name, needs in self.needs.items():
            by = {need.by for need in needs if need.is_asked(target)}
            for variant in by & self.variants.get(name, set()) if self._of(name) else ():
                parts.setdefault(variant, []).append(name in names)
        return [variant for variant, present in parts.items() if all(present)]

    @cached_property
    def _admitted(self) -> Mapping[str, list[Wheel]]:
        """The wheels of each distribution in the required version."""
        admitted: dict[str, list[Wheel]] = {}
        for wheel in self.wheels:
            if all(need.admits(wheel) for need in self.needs.get(wheel.name, ())):
                admitted.setdefault(wheel.name, []).append(wheel)
        return admitted

    def _of(self, name: str) -> list[Wheel]:
        return self._admitted.get(name, [])

    def _has_wheel(self, name: str, target: Target) -> bool:
        return any(wheel.fits(target) for wheel in self._of(name))

    @property
    def _files(self) -> list[Wheel | Sdist]:
        return [*self.wheels, *self.sdists]

    @property
    def upload(self) -> list[list[str]]:
        """The files in the order of upload: core, the variants, the selector."""
        parts = [part for part in self._files if part.name in self.needs]
        core = [part.file for part in parts if part.name not in self.variants]
        variants = [part.file for part in parts if part.name in self.variants]
        groups = (core, variants, self.variant_files, [self.sdist])
        return [sorted(group) for group in groups if group]

    def review(self) -> list[Problem]:
        """Return what the release lacks, and what it has and must not."""
        return [
            *self._own_wheels(),
            *self._pythons(),
            *self._versions(),
            *self._missing(),
            *self._platforms(),
            *self._shared(),
            *self._duplicates(),
            *self._refused(),
            *self._strangers(),
            *self._disagreements(),
        ]

    def _refused(self) -> Iterator[Problem]:
        """Yield what the public index refuses, and a private one may accept."""
        for wheel in self.wheels:
            if refused := sorted({tag.platform for tag in wheel.tags if _is_refused(tag)}):
                yield Problem(
                    wheel.file,
                    f"the public index refuses the platform {' and '.join(refused)}; repair it "
                    "with auditwheel, which makes it manylinux",
                    NOTE,
                )

    def _strangers(self) -> Iterator[Problem]:
        """Yield the files that belong to no part of the project."""
        what = f"belongs to no part of {self.selector.project}, and is not listed for upload"
        for part in sorted(self._files, key=lambda part: part.file):
            if part.name not in (self.name, *self.needs):
                yield Problem(part.file, what, NOTE)

    def _own_wheels(self) -> Iterator[Problem]:
        for wheel in self._of(self.name):
            yield Problem(
                wheel.file,
                f"is a wheel of {self.name} itself, which must never be uploaded: it is one "
                "machine's choice, and everybody would get it; delete it",
            )

    def _pythons(self) -> Iterator[Problem]:
        """Yield that the selector package admits an older Python than core, or every variant, does.

        On that Python, pip would otherwise take an older release.
        """
        core = [name for name in self.needs if name not in self.variants]
        groups = [[name] for name in core] + [[*self.variants]]
        for names in groups:
            wheels = [wheel for name in names for wheel in self._of(name)]
            admitted = [
                any(wheel.requires_python.contains(f"3.{minor}.99") for wheel in wheels)
                for minor in range(_NEWEST)
            ]
            first = admitted.index(True) if True in admitted else 0
            older = [n for n in range(first) if self.requires_python.contains(f"3.{n}.99")]
            if older:
                asked = str(wheels[0].requires_python)
                yield Problem(
                    self.sdist,
                    f"admits Python 3.{older[-1]}, and {wheels[0].file} requires Python {asked}; "
                    f"write requires-python = '{asked}' in [project], since pip takes an older "
                    "release on an older Python only if this one does not admit it",
                )
                return

    def _versions(self) -> Iterator[Problem]:
        for part in self._files:
            for need in self.needs.get(part.name, ()):
                if not need.admits(part):
                    text = f"is of version {part.version}, and {need.by} requires"
                    yield Problem(part.file, f"{text} {need.requirement}")
                    break

    def _missing(self) -> Iterator[Problem]:
        for name, needs in self.needs.items():
            if not self._of(name):
                asked = f"{needs[0].by} requires {needs[0].requirement}"
                there = any(sdist.name == name for sdist in self.sdists)
                what = "found its sdist, but no wheel of it" if there else "found no wheel"
                yield Problem(name, f"{what}; {asked}")

    def _platforms(self) -> Iterator[Problem]:
        """Yield where a needed distribution is missing, though a variant can be chosen."""
        for name, needs in self.needs.items():
            lacks: dict[Platform, list[Target]] = {}
            for target, there in self.targets.items() if self._of(name) else ():
                if name not in there and any(need.is_needed_on(target) for need in needs):
                    lacks.setdefault(target.platform, []).append(target)
            # Of the versions of a platform, only the oldest is reported.
            oldest: dict[tuple[str, str], Platform] = {}
            for platform in sorted(lacks):
                oldest.setdefault((platform.fact, platform.machine), platform)
            first = [*oldest.values()]
            for platform in first[:_MOST_NAMED]:
                targets = lacks[platform]
                every = len(targets) == sum(target.platform == platform for target in self.targets)
                which = "" if every else f" of {', '.join(map(str, targets))}"
                by = next(need.by for need in needs if need.is_needed_on(targets[0]))
                has = " and ".join(self._whole(self.targets[targets[0]], targets[0]))
                why, fix = f"{by} requires it", "build it"
                if name in self.variants:
                    why, fix = f"a machine there may get {by}", f"{fix}, or restrict its 'when'"
                why += f", and can install {has}: {fix}"
                yield Problem(name, f"no wheel{which} for {platform}; {why}")
            if len(first) > _MOST_NAMED:
                yield Problem(name, f"no wheel for {len(first) - _MOST_NAMED} more platforms")

    def _shared(self) -> Iterator[Problem]:
        """Yield the files that two distributions share which can be in one environment."""
        for first, other in itertools.combinations(self.needs, 2):
            if not self._are_together(first, other):
                continue
            mine, theirs = self._of(first), self._of(other)
            both = set[str]().union(*(wheel.files for wheel in mine))
            both &= set[str]().union(*(wheel.files for wheel in theirs))
            shared = {path for path in both if self._meet(path, mine, theirs)}
            if shared:
                more = len(shared) - _MOST_NAMED
                paths = ", ".join(sorted(shared)[:_MOST_NAMED]) + (f", {more} more" * (more > 0))
                yield Problem(
                    first,
                    f"has files that {other} also has, and one would be written over the "
                    f"other: {paths}",
                )

    def _meet(self, path: str, mine: Sequence[Wheel], theirs: Sequence[Wheel]) -> bool:
        """Return whether two wheels with a file can be installed on one target."""
        return any(
            wheel.fits(target) and other.fits(target)
            for wheel, other in itertools.product(mine, theirs)
            if path in wheel.files and path in other.files
            for target in self.targets
            if self._is_asked(wheel.name, target) and self._is_asked(other.name, target)
        )

    def _is_asked(self, name: str, target: Target) -> bool:
        return any(need.is_asked(target) for need in self.needs[name])

    def _are_together(self, first: str, other: str) -> bool:
        """Return whether two distributions can be in one environment, as far as the table says."""
        mine, theirs = self.variants.get(first), self.variants.get(other)
        if not mine or not theirs or self.selector.kind == CAPABILITY:
            return True
        return not mine.isdisjoint(theirs)

    def _disagreements(self) -> Iterator[Problem]:
        """Yield requirements of two variants that no lock for all platforms can satisfy.

        On some platform, only one of the two can be chosen.
        """
        if self.selector.kind == CAPABILITY:
            return
        variants = [variant for variant in self.selector.variants if variant.refuse is None]
        for first, other in itertools.combinations(variants, 2):
            mine, theirs = self._beyond(first), self._beyond(other)
            for name in sorted(mine.keys() & theirs.keys()):
                if not can_agree(mine[name], theirs[name]) and self._are_apart(first, other):
                    yield Problem(
                        first.name,
                        f"requires {name}{mine[name]}, and {other.name} {name}{theirs[name]}: uv "
                        "and pdm cannot lock both for all platforms. Who locks sets "
                        "SELECTOR_PLATFORMS=here, or tool.uv.environments",
                        NOTE,
                    )
                    break

    def _are_apart(self, first: Variant, other: Variant) -> bool:
        """Return whether on some target only one of two variants can be chosen."""
        return any(
            target.can_fit(first.when) != target.can_fit(other.when) for target in self.targets
        )

    def _beyond(self, variant: Variant) -> dict[str, SpecifierSet]:
        """Return what a variant's wheels require besides the project's own distributions."""
        required: dict[str, SpecifierSet] = {}
        wheels = itertools.chain.from_iterable(map(self._of, variant.distributions))
        for requirement in itertools.chain.from_iterable(wheel.requires for wheel in wheels):
            name = normalize(requirement.name)
            if name not in self.needs and "extra" not in str(requirement.marker):
                required[name] = required.get(name, SpecifierSet()) & requirement.specifier
        return required

    def _duplicates(self) -> Iterator[Problem]:
        for first, other in itertools.combinations(self.wheels, 2):
            if (first.name, first.version) != (other.name, other.version):
                continue
            alike = (first.files, first.metadata) == (other.files, other.metadata)
            if not alike and not first.tags.isdisjoint(other.tags):
                what = f"is {first.name} {first.version} for the same machines, with other contents"
                yield Problem(other.file, f"{what} than {first.file}; keep one of them")


def _is_refused(tag: Tag) -> bool:
    return tag.platform.startswith(_PLAIN_LINUX) and tag.platform not in _ACCEPTED
