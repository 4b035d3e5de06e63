"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SelectorError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(path: Path, like: Path) -> Iterator[Path]:
    """Yield a file to write, which takes the place of ``path`` if nothing fails.

    It has the mode of ``like``. Its folder is created if missing.
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


@contextmanager
def all_or_nothing(folder: Path) -> Iterator[Path]:
    """Yield a folder to write files into, which are moved to ``folder`` if nothing fails.

    ``folder`` is created if missing. Files of the same names are replaced; no other is touched.

    Raises `SelectorError` where a file is in the place of the folder, or the other way round.
    """
    if folder.is_file():
        raise SelectorError(f"{folder} is a file; expected a folder to write into")
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".", suffix=".partial", dir=folder))
    try:
        yield partial
        files = {folder / one.name: one for one in sorted(partial.iterdir())}
        for place in filter(Path.is_dir, files):
            raise SelectorError(
                f"{place} is a folder, and a file of that name is to be written. To fix it: move "
                "it away"
            )
        for place, file in files.items():
            file.replace(place)
    finally:
        shutil.rmtree(partial)
        if is_new:
            with suppress(OSError):  # it has the files
                folder.rmdir()
