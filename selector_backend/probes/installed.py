"""`installed`: the distributions that conditions name, as the environment has them.

Only those are looked up, and the record tells of no other.
"""

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
    """Return the one fact of this family. A version that is none is left out, and noted."""
    if not scope.folders:
        return [Fact("installed", _SOURCE, reason=_HIDDEN)]
    found: set[str] = set()
    unknown = []
    names = dict.fromkeys(map(distribution_of, scope.requirements))
    there = scope.distributions
    if there is None:
        there = find_distributions(scope.folders)
    for name, version in versions_of(names, there).items():
        try:
            found.update(FACTS["installed"].kind.load([f"{name}=={version}"]))
        except ValueError:
            found.add(name)
            unknown.append(name)
    reason = f"no version can be read of {', '.join(unknown)}" if unknown else ""
    return [Fact("installed", _SOURCE, frozenset(found), reason)]


def needs_to_judge(scope: Scope) -> list[str]:
    """Return what comparing versions takes, if one is to be compared and it is not here already."""
    return [_REQUIREMENT] if libraries(scope) and not importlib.util.find_spec("packaging") else []


def libraries(scope: Scope) -> dict[str, str]:
    """Return what compares versions, if a requirement has a specifier (`kinds`)."""
    compared = any(set("<>=!~").intersection(one) for one in scope.requirements)
    return {"packaging": "packaging"} if compared else {}


FAMILY = Family(read, needs_to_judge=needs_to_judge, carries=libraries)
