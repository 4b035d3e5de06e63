"""`library`: those shared libraries of the table that the dynamic loader finds; none is loaded."""

from __future__ import annotations

from ..model.machine import Fact
from . import Family
from .loader import findable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.table import Scope


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `library`; where none is found, it has no names."""
    names = frozenset(name for name in scope.libraries if findable(name, environ))
    return [Fact("library", "the dynamic loader", names)]


FAMILY = Family(read)
