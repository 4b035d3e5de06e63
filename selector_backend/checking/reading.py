"""Reads the modules in a folder's source as text, for ``check``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Callable, TypeVar

from ..errors import Problem, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

# Limits: files of a folder, and bytes of one file.
_MOST_FILES, _LARGEST = 20_000, 4 << 20
# Folders of a distribution that do not have its source, besides the hidden ones.
_NOT_SOURCE = {"build", "dist", "docs", "examples", "node_modules", "test", "tests", "venv"}


def find_in_modules(
    folder: Path,
    project: Path,
    find: Callable[[str, bytes], Iterable[T]],
    noted: list[Problem],
) -> Iterator[T]:
    """Yield what ``find`` returns for the path and the source of each module in ``folder``.

    Paths are as messages show them, from the folder ``project``. What cannot be read is noted.
    """
    count = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in sorted(folders) if _has_source(Path(parent, name))]
        count += len(files)
        if count > _MOST_FILES:
            what = f"it has more than {_MOST_FILES} files, and not all of its modules were read"
            noted.append(Problem(shown_from(project, folder), what))
            return
        for name in sorted(files):
            if not name.endswith(".py"):
                continue
            place = shown_from(project, Path(parent, name))
            try:
                found = [*find(place, read_file(Path(parent, name)))]
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
                what = f"it cannot be read as Python, and is skipped: {shorten(str(error))}"
                noted.append(Problem(place, what))
            else:
                yield from found


def _has_source(folder: Path) -> bool:
    """Return whether a folder may have source of the distribution, and is no project of its own."""
    if folder.name.startswith(".") or folder.name in _NOT_SOURCE:
        return False
    others = ("pyproject.toml", "pyvenv.cfg")
    return not any(os.path.lexists(folder / name) for name in others)


def read_file(file: Path) -> bytes:
    """Return a file's content. A pipe, which may never end, is an error, and so is a large file."""
    if file.exists() and not file.is_file():
        raise ValueError("it is not a file")
    with file.open("rb") as opened:
        content = opened.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
    return content


def shown_from(project: Path, path: Path) -> str:
    """Return a path relative to the project's folder."""
    try:
        return os.path.relpath(path, project).replace(os.sep, "/")
    except ValueError:  # on another drive
        return path.as_posix()
