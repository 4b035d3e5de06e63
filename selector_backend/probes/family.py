"""What a family of facts has to tell, and how long it may take."""

from __future__ import annotations

from ..errors import SelectorError
from ..model.variables import TIMEOUT_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: How long a family of facts may take, in seconds.
TIMEOUT = 10.0


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
