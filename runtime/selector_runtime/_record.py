"""The record of the choice that was made at installation, ``spam-1.0.dist-info/selector.json``.

`importlib.metadata` would find it too, but importing that takes longer than many a variant does.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_NAME = "selector.json"
_FORMAT = 1


class Record:
    """What the record of a project has, as far as it is needed at import."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.version = str(data["version"])
        self.kind = str(data["kind"])
        self.chosen = [str(name) for name in data["variants"]]
        self.table: dict[str, Mapping[str, Any]] = {
            normalize(variant["name"]): variant for variant in data["table"]["variant"]
        }

    def chose(self, name: str) -> bool:
        """Return whether a variant was chosen at installation."""
        return normalize(name) in map(normalize, self.chosen)

    def when(self, name: str) -> Any:
        """Return the condition of a variant as the table has it, or ``None``."""
        return self.table.get(normalize(name), {}).get("when")


def find_record(project: str, *, mentioning: Iterable[str] = ("",)) -> Record | None:
    """Return the record of the project that is installed, or ``None`` if none can be read.

    One that has none of the texts ``mentioning`` in it is not parsed, and counts as none.
    """
    start = f"{normalize(project).replace('-', '_')}-"
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            continue
        for name in names:
            if name.startswith(start) and name.endswith(".dist-info"):
                text = _read(os.path.join(folder, name, _NAME))
                if text:
                    return _parse(text) if any(one in text for one in mentioning) else None
    return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _parse(text: str) -> Record | None:
    import json

    try:
        data = json.loads(text)
        return Record(data) if data["format"] == _FORMAT else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # it is of another time or of somebody else, or broken


def normalize(name: str) -> str:
    """Return a name as names are compared: ``Spam_Eggs`` is ``spam-eggs``."""
    words = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(word for word in words if word)


def default_variable(project: str) -> str:
    """Return the environment variable that forces a variant of ``project``, as the table has it."""
    upper = project.upper()
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in upper) + "_VARIANT"
