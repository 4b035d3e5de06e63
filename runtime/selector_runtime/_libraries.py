"""Loads shared libraries of other installed distributions."""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def load_libraries(paths: Iterable[str]) -> None:
    """Load the libraries in order, each by its path relative to a folder of ``sys.path``.

    Raises ``OSError`` for one that is missing or cannot be loaded.
    """
    for path in paths:
        file = _find(path)
        if sys.platform == "win32":
            # Not removed again: the library may load others of the folder later.
            os.add_dll_directory(os.path.dirname(file))
        # Libraries that need a loaded library find it by its soname; RTLD_GLOBAL is for those that
        # were not linked to it. ctypes never unloads.
        ctypes.CDLL(file, mode=ctypes.RTLD_GLOBAL)


def _find(path: str) -> str:
    for folder in sys.path:
        if isinstance(folder, str):  # import ignores others
            file = os.path.abspath(os.path.join(folder or os.curdir, *path.split("/")))
            if os.path.isfile(file):
                return file
    raise OSError(f"the library {path} is not installed")
