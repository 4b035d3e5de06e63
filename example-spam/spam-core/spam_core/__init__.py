"""The part of spam that is the same on every machine.

The part that differs is a module of its own, which one of the variant
distributions (``spam-cu12``, ``spam-cu11``, ``spam-cpu``) installs.
"""

from collections.abc import Sequence
from typing import Protocol, cast

from selector_runtime import load, selected

__all__ = ["dot", "variant"]


class _Implementation(Protocol):
    """What the module of a variant offers."""

    def dot(self, a: Sequence[float], b: Sequence[float]) -> float: ...


# In order of priority: the first that is installed and works is used.
_implementation = cast(
    "_Implementation",
    load("spam", {"cu12": "_spam_cu12", "cu11": "_spam_cu11", "cpu": "_spam_cpu"}),
)
variant = selected("spam")


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors of the same length."""
    if len(a) != len(b):
        raise ValueError(f"the vectors differ in length: {len(a)} and {len(b)}")
    return _implementation.dot(a, b)
