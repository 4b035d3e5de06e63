"""Whether a folder of wheels and sdists is a whole release of a selector package.

What their names and their metadata say in, problems out; the command reads the files.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ..authoring.conditions import versions_beside
from ..authoring.selector import is_own, is_pinned
from ..errors import Problem
from ..model.markers import normalize
from ..model.standing import requirements_of
from ..model.table import CAPABILITY
from .places import find_places

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from packaging.tags import Tag

    from ..authoring.platforms import Platform
    from ..model.kinds import Wanted
    from ..model.table import Selector, Variant
    from .finished import Sdist, Wheel
    from .places import Place

# So many places of one distribution, and files of two, are named.
_MOST_NAMED = 5
# What is for a Linux, and does not say which. Of these, the public index takes two.
_PLAIN_LINUX, _TAKEN = "linux_", ("linux_armv6l", "linux_armv7l")
# The second number of no Python's version that anybody requires yet.
_NEWEST = 30


@dataclass(frozen=True)
class _Need:
    """A distribution that has to be there: who asks for it, in which version, and where.

    It is a variant, under its condition, the table, or a ``wheel``.
    """

    by: str
    requirement: Requirement
    when: tuple[Mapping[str, Wanted], ...] = ()
    wheel: Wheel | None = None

    def admits(self, found: Wheel | Sdist) -> bool:
        """Return whether a distribution is of the version that is required."""
        return self.requirement.specifier.contains(found.version, prereleases=True)

    def is_at(self, place: Place) -> bool:
        """Return whether it is needed on some machine in a place."""
        if self.wheel is not None and not self.wheel.fits(place):
            return False
        return place.can_fit(self.when) and self.is_asked(place)

    def is_asked(self, place: Place) -> bool:
        """Return whether its marker is true on some machine in a place."""
        marker = self.requirement.marker
        return marker is None or place.can_be(str(marker))


@dataclass(frozen=True)
class Release:
    """The files of a folder that belong to one selector package, and its table.

    ``sdist`` is the file of the selector package itself, and ``sdists`` are those of the others;
    ``variant_files`` are its variant wheels, and their metadata.
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
        """What has to be there, by the names of the distributions: the table's, and then core's.

        Core is what wheels require in the project's own version, or what is called after it and is
        there as well.
        """
        needs: dict[str, list[_Need]] = {}
        there = {wheel.name for wheel in self.wheels}
        left = [one for one in self._asked() if is_own(one.requirement, self.selector)]
        while left:
            need = left.pop(0)
            name = normalize(need.requirement.name)
            if name == self.name:
                continue
            if name not in needs:
                here = [one for one in self.wheels if one.name == name and need.admits(one)]
                some = [(one, each) for one in here for each in one.requires]
                asked = [_Need(one.file, each, wheel=one) for one, each in some]
                left += [one for one in asked if self._is_part(one.requirement, there)]
            needs.setdefault(name, []).append(need)
        return needs

    def _asked(self) -> Iterator[_Need]:
        """Yield what the table requires."""
        for variant in self.selector.variants:
            for text, _ in requirements_of(variant):
                yield _Need(variant.name, Requirement(text), variant.when)
        for one in map(Requirement, self.selector.requires):
            yield _Need("the table", one)

    def _is_part(self, requirement: Requirement, there: set[str]) -> bool:
        if is_pinned(requirement, self.selector.version):
            return True
        return is_own(requirement, self.selector) and normalize(requirement.name) in there

    @cached_property
    def variants(self) -> Mapping[str, set[str]]:
        """The names of the variants that each of their distributions stands for."""
        found: dict[str, set[str]] = {}
        for variant in self.selector.variants:
            for name in variant.distributions:
                if name in self.needs:
                    found.setdefault(name, set()).add(variant.name)
        return found

    @cached_property
    def places(self) -> Mapping[Place, set[str]]:
        """The places that some variant can be installed in, and the distributions that can be.

        Where no variant has a wheel, one that has an sdist counts, on the Pythons that others have
        wheels for, if all of core can be installed too.
        """
        tags = {tag for one in self.wheels if one.name in self.variants for tag in one.tags}
        ready = {
            place: {name for name in self.needs if any(one.fits(place) for one in self._of(name))}
            for place in find_places(tags, self.selector.conditions)
            if self.requires_python.contains(place.release)
        }
        found = {place: names for place, names in ready.items() if self._whole(names, place)}
        known = {place.python for place in found}
        core, sources = self.needs.keys() - self.variants.keys(), {one.name for one in self.sdists}
        for place in ready.keys() - found.keys():
            names = ready[place] | sources
            if place.python in known and core <= names and self._whole(names, place):
                found[place] = names
        return {place: found[place] for place in ready if place in found}

    def _whole(self, names: Collection[str], place: Place) -> list[str]:
        """Return the variants of which all distributions that have a wheel are among ``names``.

        One that has none at all is said apart, and what no marker asks for in a place is not
        missing there.
        """
        parts: dict[str, list[bool]] = {}
        for name, needs in self.needs.items():
            asked = {one.by for one in needs if one.is_asked(place)} & self.variants.get(
                name, set()
            )
            for variant in asked if self._of(name) else ():
                parts.setdefault(variant, []).append(name in names)
        return [variant for variant, here in parts.items() if all(here)]

    @cached_property
    def _admitted(self) -> Mapping[str, list[Wheel]]:
        """The wheels of each distribution, but those of another version than is required."""
        found: dict[str, list[Wheel]] = {}
        for one in self.wheels:
            if all(need.admits(one) for need in self.needs.get(one.name, ())):
                found.setdefault(one.name, []).append(one)
        return found

    def _of(self, name: str) -> list[Wheel]:
        return self._admitted.get(name, [])

    @property
    def _files(self) -> list[Wheel | Sdist]:
        return [*self.wheels, *self.sdists]

    @property
    def strangers(self) -> list[str]:
        """The files that belong to no part of the project."""
        known = {self.name, *self.needs}
        return sorted(one.file for one in self._files if one.name not in known)

    @property
    def upload(self) -> list[list[str]]:
        """The files in the order in which to upload them: core, the variants, the selector."""
        parts = [one for one in self._files if one.name in self.needs]
        core = [one.file for one in parts if one.name not in self.variants]
        variants = [one.file for one in parts if one.name in self.variants]
        groups = (core, variants, self.variant_files, [self.sdist])
        return [sorted(some) for some in groups if some]

    def review(self) -> list[Problem]:
        """Return what the release lacks, and what it must not have."""
        return [
            *self._own_wheels(),
            *self._pythons(),
            *self._versions(),
            *self._missing(),
            *self._platforms(),
            *self._shared(),
            *self._duplicates(),
        ]

    def notes(self) -> list[Problem]:
        """Return what an index of one's own may take, and the public one does not."""
        return [
            Problem(
                wheel.file,
                f"the public index refuses the platform {' and '.join(refused)}; repair it with "
                "auditwheel, which makes it manylinux",
            )
            for wheel in self.wheels
            if (refused := sorted({tag.platform for tag in wheel.tags if _is_refused(tag)}))
        ]

    def _own_wheels(self) -> Iterator[Problem]:
        for wheel in self._of(self.name):
            yield Problem(
                wheel.file,
                f"is a wheel of {self.name} itself, which must never be uploaded: it is one "
                "machine's choice, and everybody would get it; delete it",
            )

    def _pythons(self) -> Iterator[Problem]:
        """Yield that the selector package admits a Python that core, or every variant, does not.

        Only one that is older than those that they admit: pip would take an older release there.
        """
        core = [name for name in self.needs if name not in self.variants]
        groups = [[name] for name in core] + [[*self.variants]]
        for wheels in filter(
            None, ([one for name in names for one in self._of(name)] for names in groups)
        ):
            admitted = [
                any(one.requires_python.contains(f"3.{minor}.99") for one in wheels)
                for minor in range(_NEWEST)
            ]
            first = admitted.index(True) if True in admitted else 0
            older = [one for one in range(first) if self.requires_python.contains(f"3.{one}.99")]
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
        for one in self._files:
            for need in self.needs.get(one.name, ()):
                if not need.admits(one):
                    said = f"is of version {one.version}, and {need.by} requires"
                    yield Problem(one.file, f"{said} {need.requirement}")
                    break

    def _missing(self) -> Iterator[Problem]:
        for name, needs in self.needs.items():
            if not self._of(name):
                asked = f"{needs[0].by} requires {needs[0].requirement}"
                there = any(one.name == name for one in self.sdists)
                found = "found its sdist, but no wheel of it" if there else "found no wheel"
                yield Problem(name, f"{found}; {asked}")

    def _platforms(self) -> Iterator[Problem]:
        """Yield where a distribution is needed and missing, though a variant can be installed."""
        for name, needs in self.needs.items():
            lacks: dict[Platform, list[Place]] = {}
            for place, there in self.places.items() if self._of(name) else ():
                if name not in there and any(need.is_at(place) for need in needs):
                    lacks.setdefault(place.platform, []).append(place)
            # Of a platform's versions, the oldest says it.
            oldest = {(one.fact, one.machine): one for one in sorted(lacks, reverse=True)}
            first = sorted(oldest.values())
            for platform in first[:_MOST_NAMED]:
                places = lacks[platform]
                every = len(places) == sum(one.platform == platform for one in self.places)
                which = "" if every else f" of {', '.join(map(str, places))}"
                by = next(need.by for need in needs if need.is_at(places[0]))
                has = " and ".join(self._whole(self.places[places[0]], places[0]))
                why, fix = f"{by} requires it", "build it"
                if name in self.variants:
                    why, fix = f"a machine there may get {by}", f"{fix}, or restrict its 'when'"
                why += f", and can install {has}: {fix}"
                yield Problem(name, f"no wheel{which} for {platform}; {why}")
            if len(first) > _MOST_NAMED:
                yield Problem(name, f"no wheel for {len(first) - _MOST_NAMED} more platforms")

    def _shared(self) -> Iterator[Problem]:
        """Yield the files that two distributions have which can be in one environment."""
        for one, other in itertools.combinations(self.needs, 2):
            if not self._are_together(one, other):
                continue
            mine, theirs = self._of(one), self._of(other)
            both = set[str]().union(*(wheel.files for wheel in mine))
            both &= set[str]().union(*(wheel.files for wheel in theirs))
            shared = {path for path in both if self._meet(path, mine, theirs)}
            if shared:
                more = len(shared) - _MOST_NAMED
                paths = ", ".join(sorted(shared)[:_MOST_NAMED]) + (f", {more} more" * (more > 0))
                yield Problem(
                    one,
                    f"has files that {other} also has, and one would be written over the "
                    f"other: {paths}",
                )

    def _meet(self, path: str, mine: Sequence[Wheel], theirs: Sequence[Wheel]) -> bool:
        """Return whether two wheels that have a file are for one place."""
        return any(
            one.fits(place) and other.fits(place)
            for one, other in itertools.product(mine, theirs)
            if path in one.files and path in other.files
            for place in self.places
            if self._is_asked(one.name, place) and self._is_asked(other.name, place)
        )

    def _is_asked(self, name: str, place: Place) -> bool:
        return any(need.is_asked(place) for need in self.needs[name])

    def _are_together(self, one: str, other: str) -> bool:
        """Return whether two distributions can be in one environment, as far as the table says."""
        mine, theirs = self.variants.get(one), self.variants.get(other)
        if not mine or not theirs or self.selector.kind == CAPABILITY:
            return True
        return not mine.isdisjoint(theirs)

    def disagreements(self) -> Iterator[Problem]:
        """Yield what variants require that one lock for all platforms cannot have.

        That takes two variants of which only one can be chosen on some platform.
        """
        if self.selector.kind == CAPABILITY:
            return
        variants = [one for one in self.selector.variants if one.refuse is None]
        for one, other in itertools.combinations(variants, 2):
            mine, theirs = self._beyond(one), self._beyond(other)
            for name in sorted(mine.keys() & theirs.keys()):
                if not _can_agree(mine[name], theirs[name]) and self._are_apart(one, other):
                    yield Problem(
                        one.name,
                        f"requires {name}{mine[name]}, and {other.name} {name}{theirs[name]}: uv "
                        "and pdm cannot lock both for all platforms. Who locks sets "
                        "SELECTOR_PLATFORMS=here, or tool.uv.environments",
                    )
                    break

    def _are_apart(self, one: Variant, other: Variant) -> bool:
        """Return whether only one of two variants can be chosen somewhere."""
        return any(place.can_fit(one.when) != place.can_fit(other.when) for place in self.places)

    def _beyond(self, variant: Variant) -> dict[str, SpecifierSet]:
        """Return what the wheels of a variant's distributions require of others' distributions."""
        found: dict[str, SpecifierSet] = {}
        wheels = itertools.chain.from_iterable(map(self._of, variant.distributions))
        for requirement in itertools.chain.from_iterable(one.requires for one in wheels):
            name = normalize(requirement.name)
            if name not in self.needs and "extra" not in str(requirement.marker):
                found[name] = found.get(name, SpecifierSet()) & requirement.specifier
        return found

    def _duplicates(self) -> Iterator[Problem]:
        for one, other in itertools.combinations(self.wheels, 2):
            if (one.name, one.version) != (other.name, other.version):
                continue
            alike = (one.files, one.metadata) == (other.files, other.metadata)
            if not alike and not one.tags.isdisjoint(other.tags):
                yield _duplicate(one, other)
        for each, another in itertools.combinations(self.sdists, 2):
            same = (each.name, each.version) == (another.name, another.version)
            if same and each.sha256 != another.sha256:
                yield _duplicate(each, another)


def _is_refused(tag: Tag) -> bool:
    return tag.platform.startswith(_PLAIN_LINUX) and tag.platform not in _TAKEN


def _can_agree(one: SpecifierSet, other: SpecifierSet) -> bool:
    """Return whether some version may be in both."""
    both = one & other
    texts = [clause.version for clause in both]
    versions = [*versions_beside(texts), *(text.removesuffix(".*") for text in texts)]
    return any(both.contains(version, prereleases=True) for version in versions)


def _duplicate(one: Wheel | Sdist, other: Wheel | Sdist) -> Problem:
    what = f"is {one.name} {one.version} for the same machines, with other contents"
    return Problem(other.file, f"{what} than {one.file}; keep one of them")
