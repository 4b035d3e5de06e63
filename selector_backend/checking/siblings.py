"""Whether a selector package and the distributions in the folders beside it agree.

Core and variants are known by their ``pyproject.toml``, core also by its calls of ``load``. Values
in, problems out; folders are read by the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..authoring.table import is_pinned
from ..errors import Problem, did_you_mean
from ..model.markers import normalize
from .review import keyed_requirements, variant_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..model.table import Selector, Variant
    from .loads import Load

#: What a note is about that is not about one file.
_KEY = "siblings"


@dataclass(frozen=True)
class Sibling:
    """A distribution in a folder beside the project's.

    ``folder`` is as messages show it; ``version`` and ``dependencies`` are `None` where its
    ``pyproject.toml`` does not say them, since they are dynamic or written elsewhere.
    """

    folder: str
    name: str
    version: Version | None
    dependencies: tuple[Requirement, ...] | None

    @property
    def file(self) -> str:
        """Its ``pyproject.toml``, as messages show it."""
        return f"{self.folder}/pyproject.toml"

    def requirement_on(self, other: Sibling) -> Requirement | None:
        """Return what it requires of another."""
        mine = self.dependencies or ()
        return next((one for one in mine if canonicalize_name(one.name) == other.name), None)


def parse_sibling(folder: str, data: Mapping[str, Any]) -> Sibling:
    """Return the distribution that the ``pyproject.toml`` in ``folder`` describes.

    What it does not say, or says in a way that its own backend refuses, counts as not said; the
    name is the folder's then.
    """
    project = data.get("project")
    table = project if isinstance(project, dict) else {}
    name = table.get("name")
    if not isinstance(name, str):
        name = _last_part(folder)
    try:
        version = Version(table["version"])
    except (KeyError, TypeError, InvalidVersion):
        version = None
    return Sibling(folder, canonicalize_name(name), version, _dependencies(table))


def _last_part(folder: str) -> str:
    return folder.replace("\\", "/").rpartition("/")[2]


def _dependencies(project: Mapping[str, Any]) -> tuple[Requirement, ...] | None:
    dynamic = project.get("dynamic", [])
    if not project or not isinstance(dynamic, list) or "dependencies" in dynamic:
        return None
    try:
        return tuple(map(Requirement, project.get("dependencies", [])))
    except (TypeError, InvalidRequirement):
        return None


# --- Which of them belong to a project


@dataclass(frozen=True)
class Family:
    """A selector package and the siblings that belong to it, by their names.

    ``ambiguous`` are the names that several folders have: none of them counts.
    """

    selector: Selector
    members: Mapping[str, Sibling]
    ambiguous: Sequence[Sequence[Sibling]] = ()

    @property
    def variants(self) -> list[Sibling]:
        """The siblings that stand for a variant."""
        return [one for variant in self.selector.variants for one in self.of(variant)]

    @property
    def candidates(self) -> list[Sibling]:
        """The siblings that can be core: what another requires, and what stands for no variant."""
        required = {each.name for one in self.members.values() for each in self._needed_by(one)}
        own = {one.name for one in self.variants}
        return [one for name, one in self.members.items() if name in required or name not in own]

    def _needed_by(self, sibling: Sibling) -> list[Sibling]:
        return [one for one in self.members.values() if sibling.requirement_on(one)]

    def of(self, variant: Variant) -> list[Sibling]:
        """Return the siblings that stand for a variant."""
        found = (self.members.get(name) for name in variant.distributions)
        return [one for one in found if one is not None]


def is_own(requirement: Requirement, selector: Selector) -> bool:
    """Return whether a requirement is on a part of the project, and not on somebody else's.

    Such a one has the project's version, or a name that begins with the project's.
    """
    prefix = f"{canonicalize_name(selector.project)}-"
    named_after = canonicalize_name(requirement.name).startswith(prefix)
    return named_after or is_pinned(requirement, selector.version)


def own_names(selector: Selector) -> set[str]:
    """Return the names of all parts of the project that its table tells of, and core's usual."""
    keyed = keyed_requirements(selector)
    own = (one for _, some in keyed for one in some if is_own(one, selector))
    return {usual_core(selector), *(canonicalize_name(one.name) for one in own)}


def usual_core(selector: Selector) -> str:
    """Return the name that core usually has."""
    return canonicalize_name(f"{selector.project}-core")


def find_family(selector: Selector, siblings: Iterable[Sibling]) -> Family:
    """Return those of ``siblings`` that the table names, and the parts that they require."""
    named: dict[str, list[Sibling]] = {}
    for one in siblings:
        named.setdefault(one.name, []).append(one)
    named.pop(canonicalize_name(selector.project), None)
    members: dict[str, Sibling] = {}
    ambiguous = []
    names = sorted(own_names(selector) & named.keys())
    while names:
        several = named.pop(names.pop(0))
        called_so = [one for one in several if normalize(_last_part(one.folder)) == one.name]
        alone = called_so if len(called_so) == 1 else several
        if len(alone) > 1:
            ambiguous.append(several)
            continue
        members[alone[0].name] = alone[0]
        own = (one for one in alone[0].dependencies or () if is_own(one, selector))
        required = {canonicalize_name(one.name) for one in own}
        names += sorted(required.intersection(named).difference(names))
    return Family(selector, members, ambiguous)


# --- What is wrong with them


def review_family(
    family: Family, loads: Mapping[str, Sequence[Load]], unread: Iterable[str] = ()
) -> list[Problem]:
    """Return what does not agree.

    ``loads`` are the calls of ``load`` in each sibling that can be core, by its name, and
    ``unread`` the names of folders about which nothing is known.
    """
    loads = {name: _own_calls(calls, family.selector) for name, calls in loads.items()}
    usual = usual_core(family.selector)
    loading = {name for name, calls in loads.items() if any(one.project for one in calls)}
    cores = [one for one in family.candidates if one.name == usual or one.name in loading]
    versions = dict(_versions(family))
    return [
        *_missing(family, {*map(normalize, unread)}),
        *versions.values(),
        *(problem for core in cores for problem in _pins(family, core, core.name in versions)),
        *(problem for calls in loads.values() for problem in _loads(family.selector, calls)),
    ]


def notes(family: Family, loads: Mapping[str, Sequence[Load]]) -> list[Problem]:
    """Return what was passed over."""
    found = []
    for key, some in (("version", family.members.values()), ("dependencies", family.variants)):
        unsaid = [one.folder for one in some if getattr(one, key) is None]
        if unsaid:
            what = f"{', '.join(unsaid)}: no {key} can be read from pyproject.toml"
            found.append(Problem(_KEY, f"{what}, so what depends on it is not checked"))
    for several in family.ambiguous:
        folders = ", ".join(one.folder for one in several)
        found.append(Problem(_KEY, f"{folders}: all are called {several[0].name}; none is checked"))
    calls = (call for some in loads.values() for call in _own_calls(some, family.selector))
    text = "load is called with something that is not a literal; its names are not checked"
    found += [Problem(call.place, text) for call in calls if call.variants is None]
    return found


def _own_calls(calls: Sequence[Load], selector: Selector) -> list[Load]:
    """Return the calls for the project; one whose project is not literal may be for it."""
    own = normalize(selector.project)
    return [one for one in calls if one.project is None or normalize(one.project) == own]


def _missing(family: Family, unread: set[str]) -> Iterator[Problem]:
    """Yield the parts that have no folder, where a variant has one."""
    if not family.variants:
        return
    ambiguous = {some[0].name for some in family.ambiguous}
    seen = {*family.members, *unread, *ambiguous}
    for key, requirements in keyed_requirements(family.selector):
        for one in requirements:
            name = canonicalize_name(one.name)
            if name not in seen and is_pinned(one, family.selector.version):
                seen.add(name)
                beside = family.variants[0].folder
                yield Problem(key, f"{name} has no folder beside {beside}")


def _versions(family: Family) -> Iterator[tuple[str, Problem]]:
    """Yield the siblings whose version the table does not admit."""
    for key, requirements in keyed_requirements(family.selector):
        for one in requirements:
            sibling = family.members.get(canonicalize_name(one.name))
            version = sibling.version if sibling and is_own(one, family.selector) else None
            if sibling and version and not one.specifier.contains(version, prereleases=True):
                what = f"the version is {version}, and {key} has {one}"
                yield sibling.name, Problem(f"{sibling.file}: project.version", what)


def _pins(family: Family, core: Sibling, differs: bool) -> Iterator[Problem]:
    """Yield the variants that do not require core in its version.

    Where core's version ``differs`` from the table's, which is a problem of its own, the variant's
    is taken for it. A core that the table itself does not pin has versions of its own; then a
    variant has to admit the one that is there.
    """
    table = [one for _, some in keyed_requirements(family.selector) for one in some]
    named = [one for one in table if canonicalize_name(one.name) == core.name]
    loose = named and not any(is_pinned(one, family.selector.version) for one in named)
    for variant in family.selector.variants:
        siblings = [one for one in family.of(variant) if one is not core]
        asked = {one: one.requirement_on(core) for one in siblings}
        if any(one.dependencies is None for one in siblings):
            continue
        if siblings and not any(asked.values()):
            pin = f"{core.name}=={core.version or family.selector.version}"
            what = f"{core.name} is not required; write '{pin}'"
            yield Problem(f"{siblings[0].file}: project.dependencies", what)
        for sibling, requirement in asked.items():
            version = (None if differs else core.version) or (None if loose else sibling.version)
            if not requirement or not version:
                continue
            admits = requirement.specifier.contains(version, prereleases=True)
            if not (admits if loose else is_pinned(requirement, version.public)):
                pin = f"{core.name}=={version.public}"
                what = f"{requirement} is not the version that belongs to it; write '{pin}'"
                yield Problem(f"{sibling.file}: project.dependencies", what)


def _loads(selector: Selector, calls: Sequence[Load]) -> Iterator[Problem]:
    """Yield the names that the table has and core does not know, and the other way round."""
    names = {one.key: one.name for one in selector.variants}
    for call in calls:
        for name in call.variants or ():
            if normalize(name) not in names:
                hint = did_you_mean(name, names.values())
                yield Problem(call.place, f"load is given {name!r}, which is not a variant{hint}")
    if not calls or any(call.variants is None for call in calls):
        return
    given = {normalize(name) for call in calls for name in call.variants or ()}
    for index, variant in enumerate(selector.variants):
        if variant.key not in given and variant.requires:
            what = f"load is not given {variant.name!r}, which is {variant_key(index)}"
            yield Problem(calls[0].place, f"{what}, and would never import it")
