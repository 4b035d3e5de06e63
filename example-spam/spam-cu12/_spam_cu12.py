"""spam for NVIDIA GPUs with CUDA 12.

A real one would hold code compiled for CUDA 12; the example has to run anywhere.
"""

from collections.abc import Sequence


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors of the same length."""
    return sum(x * y for x, y in zip(a, b))
