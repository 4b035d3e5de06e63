"""`installed`: the distributions in the environment that conditions name, and no others."""

from __future__ import annotations

import importlib.util

from ..model.facts import FACTS
from ..model.machine import Fact
from ..model.markers import distribution_of
from .family import Family
from .folders import find_distributions, versions_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.table import Scope

_REQUIREMENT = "packaging>=22"

_SOURCE = "the environment that is installed into"
_HIDDEN = f"that environment is not shown here; {FACTS['installed'].variable} can state what it has"


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `installed`. An invalid version is left out, with the reason."""
    if not scope.folders:
        return [Fact("installed", _SOURCE, reason=_HIDDEN)]
    distributions: set[str] = set()
    unknown = []
    names = dict.fromkeys(map(distribution_of, scope.requirements))
    folders = scope.distributions
    if folders is None:
        folders = find_distributions(scope.folders)
    for name, version in versions_of(names, folders).items():
        try:
            distributions.update(FACTS["installed"].kind.load([f"{name}=={version}"]))
        except ValueError:
            distributions.add(name)
            unknown.append(name)
    reason = f"no version can be read of {', '.join(unknown)}" if unknown else ""
    return [Fact("installed", _SOURCE, frozenset(distributions), reason)]


def needs_to_judge(scope: Scope) -> list[str]:
    """Return the requirement of comparing versions, if conditions have any and it is missing."""
    return [_REQUIREMENT] if libraries(scope) and not importlib.util.find_spec("packaging") else []


def libraries(scope: Scope) -> dict[str, str]:
    """Return the library that compares versions, if a requirement has a specifier (`kinds`)."""
    compared = any(set("<>=!~").intersection(text) for text in scope.requirements)
    return {"packaging": "packaging"} if compared else {}


FAMILY = Family(read, needs_to_judge=needs_to_judge, carries=libraries)
