"""What a family of facts is, and what families share: the time limit, and the host's root."""

from __future__ import annotations

import os

from ..errors import SelectorError
from ..model.values import dataclass
from ..model.variables import ROOT_VARIABLE, TIMEOUT_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from ..model.machine import Fact
    from ..model.table import Scope

#: The time limit of a family of facts, in seconds.
TIMEOUT = 10.0
#: The device through which WSL 2 reaches any GPU; it has no driver for the GPU itself.
WSL_DEVICE = "dev/dxg"


@dataclass(frozen=True)
class Family:
    """A family of facts, which are read together: the ``FAMILY`` of each module.

    ``read`` returns the facts of the names it gets, and may return others of the family. A fact
    that cannot be read is absent, with the reason: ``read`` does not raise for it.

    ``needs`` returns the requirements of reading on this system, and ``needs_to_judge`` those of
    judging facts, read or stated. ``implies`` returns a stated value with everything it implies.
    ``carries`` maps distributions to the modules that reading and judging import from them, for
    self-contained sdists. ``is_64_bit`` is whether a 32-bit Python can use none of the facts.
    """

    read: Callable[[Collection[str], Mapping[str, str], Scope], list[Fact]]
    needs: Callable[[Scope], Sequence[str]] = lambda _: ()
    needs_to_judge: Callable[[Scope], Sequence[str]] = lambda _: ()
    implies: Callable[[Any], Any] = lambda value: value
    carries: Callable[[Scope], Mapping[str, str]] = lambda _: {}
    is_64_bit: bool = False


def read_timeout(environ: Mapping[str, str]) -> float:
    """Return the time limit of a family of facts, in seconds.

    Raises `SelectorError` if ``SELECTOR_PROBE_TIMEOUT`` is not a number above zero.
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


def below_root(environ: Mapping[str, str], path: str) -> str:
    """Return a path in the folder that has ``sys``, ``dev`` and ``opt``."""
    return os.path.join(environ.get(ROOT_VARIABLE) or "/", path)


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Return whether this is WSL 2 with a GPU of any maker."""
    return os.path.exists(below_root(environ, WSL_DEVICE))
