"""The part of spam that is the same on every machine.

The part that differs is a module of its own, which one of the variant
distributions (``spam-cu12``, ``spam-cu11``, ``spam-cpu``) installs.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

__all__ = ["dot", "variant"]

# In order of priority: the first that is installed is used.
_MODULES = {"cu12": "_spam_cu12", "cu11": "_spam_cu11", "cpu": "_spam_cpu"}


class _Implementation(Protocol):
    """What the module of a variant offers."""

    def dot(self, a: Sequence[float], b: Sequence[float]) -> float: ...


def _installed_variant() -> tuple[str, _Implementation]:
    """Return the name and the module of the first variant that is installed."""
    for name, module in _MODULES.items():
        if find_spec(module):
            return name, cast("_Implementation", import_module(module))
    raise ImportError(
        "spam-core is installed, but none of its variants is "
        f"({', '.join(_MODULES)}): install the one for this machine with `pip install spam`"
    )


variant, _implementation = _installed_variant()


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors of the same length."""
    if len(a) != len(b):
        raise ValueError(f"the vectors differ in length: {len(a)} and {len(b)}")
    return _implementation.dot(a, b)
