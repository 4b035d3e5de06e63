"""Reads the record of the choice at installation, ``spam-1.0.dist-info/selector.json``.

Without `importlib.metadata`, which is slow to import.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

_NAME = "selector.json"
_FORMAT = 1

# No condition of a table is longer; Python refuses numbers of 4,300 digits.
_LONGEST = 4000


class Record:
    """The parts of a project's record that are needed at import.

    A value of another type than the backend writes counts as missing. Raises ``ValueError`` without
    a version.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.version = _text(data.get("version"))
        if not self.version:
            raise ValueError("it does not name its version")
        table = data.get("table")
        table = table if isinstance(table, dict) else {}
        self.kind = _text(table.get("kind"))
        #: What decided, the names of the chosen variants, and their distributions.
        self.decided_by = _text(data.get("decided-by"))
        self.chosen = _texts(data.get("variants"))
        self.distributions = _texts(data.get("distributions"))
        facts = data.get("facts")
        absent = {
            name: _texts(fact.get("not-found"))
            for name, fact in (facts if isinstance(facts, dict) else {}).items()
            if isinstance(fact, dict) and "absent" in fact
        }
        #: The facts that were absent, and the libraries that were searched for each.
        self.absent = frozenset(absent)
        self.not_found = {name: libraries for name, libraries in absent.items() if libraries}
        variants = table.get("variants")
        self._variants: dict[str, Mapping[str, Any]] = {
            normalize(_text(variant.get("name"))): variant
            for variant in (variants if isinstance(variants, list) else [])
            if isinstance(variant, dict)
        }

    @property
    def follows_machine(self) -> bool:
        """Whether a machine decided: this one, or the one that made a lock."""
        return self.decided_by == "machine" or self.decided_by.endswith(".lock")

    @property
    def was_forced(self) -> bool:
        """Whether somebody forced the variants, and neither the machine nor the installer chose."""
        return self.decided_by not in ("machine", "variant wheel")

    def chose(self, name: str) -> bool:
        """Return whether a variant was chosen at installation."""
        return normalize(name) in map(normalize, self.chosen)

    def requires(self, name: str) -> list[str] | None:
        """Return the requirements of a variant, or those of its extras if it has no others.

        ``None`` if the record does not have the variant.
        """
        variant = self._variants.get(normalize(name), {"requires": None})
        requires = variant.get("requires", [])
        if not isinstance(requires, list):
            return None
        lines = (line for lines in _extras(variant).values() for line in lines)
        return _texts(requires) or [line.partition(";")[0].strip() for line in lines]

    def variants_among(self, installed: set[str]) -> dict[str, list[str]]:
        """Return the installed variants, each with its distributions that are ``installed``.

        As at installation: all that a variant requires has to be installed, or a distribution of
        one of the project's extras.
        """
        variants = {}
        for variant in self._variants.values():
            names = _texts(variant.get("distributions"))
            present = [name for name in names if name in installed]
            from_extras = _from_extras(variant)
            required = {*names}.difference(from_extras)
            if from_extras.keys() & present or (required and required.issubset(present)):
                variants[_text(variant.get("name"))] = present
        return variants

    def with_extras(self, project: str, gone: Iterable[str]) -> str:
        """Return the project with those of its extras that require distributions of ``gone``."""
        removed = installed().intersection(gone)
        extras = {
            extra
            for variant in self._variants.values()
            for name, extra in _from_extras(variant).items()
            if name in removed
        }
        return f"{project}[{','.join(sorted(extras))}]" if extras else project

    def when(self, name: str) -> Any:
        """Return the alternatives of a variant's condition, ``None`` if it has none."""
        when = self._variants.get(normalize(name), {}).get("when")
        known = isinstance(when, list) and when and all(map(_is_conjunction, when))
        return when if known else None


def _is_conjunction(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_operand, value.values()))


def _is_operand(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    short = all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
    return isinstance(value, bool) or (bool(texts) and short)


def _extras(variant: Mapping[str, Any]) -> dict[str, list[str]]:
    extras = variant.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    return {name: _texts(lines) for name, lines in extras.items()}


def _from_extras(variant: Mapping[str, Any]) -> dict[str, str]:
    """Return the distributions that only the project's extras require, each with its extra."""
    required = {*map(_distribution, _texts(variant.get("requires")))}
    return {
        name: extra
        for extra, lines in _extras(variant).items()
        for name in map(_distribution, lines)
        if name not in required
    }


def _distribution(requirement: str) -> str:
    """Return the name that a requirement starts with, as names are compared."""
    end = next((at for at, c in enumerate(requirement) if not (c.isalnum() or c in "._-")), None)
    return normalize(requirement[:end])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def find_record(project: str, *, mentioning: Iterable[str] = ("",)) -> Record | None:
    """Return the record of the installed project, or ``None`` if there is none, or it is invalid.

    A record without any of the texts ``mentioning`` is not parsed, and counts as none.
    """
    text = find_text(project)
    return parse(text) if text and any(part in text for part in mentioning) else None


def find_text(project: str) -> str:
    """Return the text of the installed project's record, ``""`` if there is none."""
    start = f"{normalize(project).replace('-', '_')}-"
    for folder, names in listed():
        for name in names:
            if name.startswith(start) and name.endswith(".dist-info"):
                text = _read(os.path.join(folder, name, _NAME))
                if text:
                    return text
    return ""


def listed() -> Iterator[tuple[str, list[str]]]:
    """Yield the folders of the import path, each with the names of its entries."""
    for folder in sys.path:
        try:
            folder = os.fsdecode(folder or os.curdir)
            yield folder, os.listdir(folder)
        except (OSError, ValueError, TypeError):  # not a folder, or not a path
            continue


def installed() -> set[str]:
    """Return the names of the distributions on the import path, as names are compared."""
    return {
        normalize(name.partition("-")[0])
        for _, names in listed()
        for name in names
        if name.endswith((".dist-info", ".egg-info"))
    }


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", opener=_open_without_waiting) as file:
            # Whether it is a regular file, without importing `stat`.
            return file.read() if os.fstat(file.fileno()).st_mode & 0o170000 == 0o100000 else ""
    except (OSError, ValueError):
        return ""


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse(text: str) -> Record | None:
    """Return the record in ``text``, or ``None`` if it is invalid."""
    import json

    try:
        data = json.loads(text)
        known = isinstance(data, dict) and data.get("format") == _FORMAT
        return Record(data) if known else None
    except (ValueError, RecursionError):
        return None


def normalize(name: str) -> str:
    """Return a name as names are compared: ``Spam_Eggs`` is ``spam-eggs``."""
    parts = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(filter(None, parts))


def default_variable(project: str) -> str:
    """Return the environment variable that forces a variant of ``project``, as the table has it."""
    upper = project.upper()
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in upper) + "_VARIANT"
