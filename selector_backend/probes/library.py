"""Asking shared libraries for their versions, each in a child process of its own."""

from __future__ import annotations

import os
import sys
import time

from ..model.facts import FACTS
from ..model.machine import Fact
from ..model.values import dataclass
from .child import NoAnswerError, ask, without_folders
from .loader import path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Library:
    """A library that may know a fact.

    ``file`` is its name or path, ``reader`` the function that asks it, called with the file (see
    `child.ask`), and ``source`` that of the fact.
    """

    file: str
    reader: str
    source: str


def ask_in_turn(
    name: str, libraries: Iterable[Library], environ: Mapping[str, str], seconds: float
) -> tuple[Fact | None, list[str]]:
    """Return the fact ``name`` from the first library that answers, and the others' failures.

    A library that does not load, or gives no valid value, is passed over for the next. ``seconds``
    is the limit for all of them together.
    """
    deadline = time.monotonic() + seconds
    failures = []
    for library in libraries:
        try:
            answer = ask(library.reader, environ, deadline - time.monotonic(), library.file)
            value = FACTS[name].kind.load(answer)
        except (NoAnswerError, ValueError) as error:
            failures.append(f"{os.path.basename(library.file)}: {error}")
        else:
            return Fact(name, library.source, value=value), failures
    return None, list(dict.fromkeys(failures))


def load(file: str) -> ctypes.CDLL:
    """Load a library. Runs in a child process.

    Raises `NoAnswerError` with the loader's message, without folders.
    """
    import ctypes

    try:
        if sys.platform == "win32":
            # By its path, since Windows searches the current folder before PATH. The libraries that
            # it needs are searched in its own folder first: LOAD_WITH_ALTERED_SEARCH_PATH.
            return ctypes.CDLL(path_of(file, os.environ), winmode=0x8)
        return ctypes.CDLL(file)
    except OSError as error:
        message = without_folders(str(error)).removeprefix(f"{os.path.basename(file)}: ")
        raise NoAnswerError(f"does not load: {message}") from None


def integers(file: str, function: str, count: int) -> list[int]:
    """Return the integers that a library's function writes to its ``count`` pointer arguments.

    Runs in a child process. Raises `NoAnswerError`.
    """
    import ctypes

    numbers = [ctypes.c_int() for _ in range(count)]
    try:
        status = getattr(load(file), function)(*map(ctypes.byref, numbers))
    except AttributeError:
        raise NoAnswerError(f"lacks {function}") from None
    if status != 0:
        raise NoAnswerError(f"{function} returned error {status}")
    return [number.value for number in numbers]


def cuda_version(number: int) -> str:
    """Return CUDA's integer version as text: 12040 is 12.4. Raises `NoAnswerError` for nonsense."""
    if number < 1000:
        raise NoAnswerError(f"reports the version {number}, which is none of CUDA's")
    return f"{number // 1000}.{number % 1000 // 10}"
