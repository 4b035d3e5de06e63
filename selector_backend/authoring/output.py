"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path, like: Path) -> Iterator[Path]:
    """Give a file to write, which is in the place of ``path`` once all has gone well.

    It has the mode of ``like``. Its folder is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)
    os.close(handle)
    written = Path(name)
    try:
        yield written
        shutil.copymode(like, written)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
