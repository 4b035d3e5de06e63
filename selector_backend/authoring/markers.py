"""Environment markers that say something certain of every machine."""

from __future__ import annotations

from packaging.markers import Marker
from packaging.version import InvalidVersion, Version

from ..model.markers import VERSION_VARIABLES, CannotTellError, compare, comparisons

# Marker variables that mean something for a dependency only.
_NOT_OF_A_MACHINE = ("extra", "extras", "dependency_groups")
# Compared by order, its values are sometimes versions and mostly not.
_KERNEL = "platform_release"


def canonical_marker(text: str) -> str:
    """Return a marker in its canonical form.

    Raises ``ValueError`` for what is no marker, and for one that cannot be told on every machine.
    """
    marker = str(Marker(text))
    for comparison in comparisons(marker):
        _check(*comparison)
    return marker


def _check(variable: str, operator: str, text: str, turned: bool) -> None:
    """Raise `CannotTellError` for a comparison that says nothing certain of a machine."""
    if variable in _NOT_OF_A_MACHINE:
        raise CannotTellError("extras and groups say nothing about a machine")
    if variable == _KERNEL and operator in ("==", "!=") and _is_version(text):
        raise CannotTellError(f"{variable} is a version on some systems only")
    sample = "1" if variable in VERSION_VARIABLES else ""
    compare(variable, operator, text, turned, {variable: sample})


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
