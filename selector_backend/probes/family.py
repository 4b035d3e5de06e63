"""What a family of facts is, and what families share: their time, and the host's files."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import SelectorError
from ..model.values import dataclass
from ..model.variables import ROOT_VARIABLE, TIMEOUT_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from ..model.machine import Fact
    from ..model.table import Scope

#: How long a family of facts may take, in seconds.
TIMEOUT = 10.0
#: The one way to any GPU on WSL 2, which has no driver of the GPU's own.
WSL_DEVICE = "dev/dxg"


def _no_requirements(scope: Scope) -> Sequence[str]:
    return ()


def _no_libraries(scope: Scope) -> Mapping[str, str]:
    return {}


def _itself(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Family:
    """A family of facts: those that are read together. Its module has it as ``FAMILY``.

    ``read`` returns the facts of some names, and may return others of the family that come with
    them. It never raises for what it finds: a fact that cannot be read is absent, with the reason.

    ``needs`` are the requirements that reading takes on this system, and ``needs_to_judge`` those
    that judging takes, whether facts are read or stated. ``implies`` returns a stated value with
    all that follows from it. ``carries`` are the distributions that reading and judging import,
    each with what is imported: a self-contained sdist carries them. ``is_64_bit`` is true if what
    the facts are asked for has 64 bits on every system, as all wheels for GPUs.
    """

    read: Callable[[Collection[str], Mapping[str, str], Scope], list[Fact]]
    needs: Callable[[Scope], Sequence[str]] = _no_requirements
    needs_to_judge: Callable[[Scope], Sequence[str]] = _no_requirements
    implies: Callable[[Any], Any] = _itself
    carries: Callable[[Scope], Mapping[str, str]] = _no_libraries
    is_64_bit: bool = False


def read_timeout(environ: Mapping[str, str]) -> float:
    """Return how many seconds a family of facts may take.

    Raises `SelectorError` if the variable that sets it does not hold a number above zero.
    """
    text = environ.get(TIMEOUT_VARIABLE) or str(TIMEOUT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds < float("inf"):
        return seconds
    raise SelectorError(
        f"the environment variable {TIMEOUT_VARIABLE} is {text!r}; "
        f"expected a number of seconds, for example {TIMEOUT_VARIABLE}=30"
    )


def root(environ: Mapping[str, str]) -> Path:
    """Return the folder in which ``/sys``, ``/dev`` and ``/opt`` are."""
    return Path(environ.get(ROOT_VARIABLE) or "/")


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Return whether this is WSL 2 with a GPU, of whatever maker."""
    return os.path.exists(root(environ) / WSL_DEVICE)  # noqa: PTH110 - `Path.exists` may raise
