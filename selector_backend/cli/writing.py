"""Writes files so that nothing is lost: those that are new, and those that are changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ..installing.wheel import replacing
from .common import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_files(folder: Path, texts: dict[str, str]) -> None:
    """Write files that are new, by their paths in ``folder``."""
    try:
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as new:
                new.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from None


def replace_file(file: Path, content: bytes) -> None:
    """Replace a file, so that whatever happens it is either the old one or the new one."""
    with replacing(file) as new:
        new.write_bytes(content)
        shutil.copymode(file, new)
