"""Shared libraries that live in other installed distributions."""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def load_libraries(paths: Iterable[str]) -> None:
    """Load the libraries in order, each by its path from a folder of ``sys.path``.

    Raises ``OSError`` for one that is missing or cannot be loaded.
    """
    for path in paths:
        found = _find(path)
        if sys.platform == "win32":
            # The folder stays: what the library needs may be looked for later.
            os.add_dll_directory(os.path.dirname(found))
        # By its name, a library that was loaded is found by all that need it. RTLD_GLOBAL is for
        # those that were linked without saying what they need. ctypes never unloads.
        ctypes.CDLL(found, mode=ctypes.RTLD_GLOBAL)


def _find(path: str) -> str:
    for folder in (one for one in sys.path if isinstance(one, str)):  # import sees no others
        found = os.path.abspath(os.path.join(folder or os.curdir, *path.split("/")))
        if os.path.isfile(found):
            return found
    raise OSError(f"the library {path} is not installed")
