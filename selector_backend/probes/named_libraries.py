"""`library`: the shared libraries of some names that the dynamic loader finds; none is loaded."""

from __future__ import annotations

from ..model.machine import Fact
from .family import Family
from .loader import findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.table import Scope

_SOURCE = "the dynamic loader"


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the one fact of this family."""
    there = frozenset(name for name in scope.libraries if findable(name, environ))
    if there:
        return [Fact("library", _SOURCE, there)]
    reason = f"the loader does not find {' or '.join(scope.libraries)}"
    return [Fact("library", _SOURCE, reason=reason if scope.libraries else "no table names any")]


FAMILY = Family(read)
