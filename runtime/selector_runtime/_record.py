"""The record of the choice that was made at installation, ``spam-1.0.dist-info/selector.json``.

`importlib.metadata` would find it too, but importing that takes longer than many a variant does.
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


# What is longer is no condition that a table has; Python itself refuses numbers of 4,300 digits.
_LONGEST = 4000


class Record:
    """What the record of a project has, as far as it is needed at import.

    What is not as the backend writes it counts as missing. Raises ``ValueError`` if that is the
    version.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.version = _text(data.get("version"))
        if not self.version:
            raise ValueError("it does not name its version")
        table = data.get("table")
        table = table if isinstance(table, dict) else {}
        self.kind = _text(table.get("kind"))
        #: What decided, the names of the variants chosen, and what stands for them.
        self.decided_by = _text(data.get("decided-by"))
        self.chosen = _texts(data.get("variants"))
        self.distributions = _texts(data.get("distributions"))
        facts = data.get("facts")
        absent = {
            name: _texts(fact.get("not-found"))
            for name, fact in (facts if isinstance(facts, dict) else {}).items()
            if isinstance(fact, dict) and "absent" in fact
        }
        #: The facts that were absent, and the libraries of which one would have told each.
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
        """Whether the machine decided, this one or the one that a lock was made on."""
        return self.decided_by == "machine" or self.decided_by.endswith(".lock")

    @property
    def was_forced(self) -> bool:
        """Whether somebody asked for the variants, and neither machine nor installer chose."""
        return self.decided_by not in ("machine", "variant wheel")

    def chose(self, name: str) -> bool:
        """Return whether a variant was chosen at installation."""
        return normalize(name) in map(normalize, self.chosen)

    def requires(self, name: str) -> list[str] | None:
        """Return the requirements of a variant, ``None`` if the record does not know it.

        Without any, they are those that it has with the project's extras.
        """
        variant = self._variants.get(normalize(name), {"requires": None})
        requires = variant.get("requires", [])
        if not isinstance(requires, list):
            return None
        lines = (line for some in _extras(variant).values() for line in some)
        return _texts(requires) or [line.partition(";")[0].strip() for line in lines]

    def variants_among(self, here: set[str]) -> dict[str, list[str]]:
        """Return the variants that are installed, by the distributions ``here``, and what of each.

        As at installation: all that a variant requires has to be there, or something that one of
        the project's extras brings.
        """
        found = {}
        for variant in self._variants.values():
            own = _texts(variant.get("distributions"))
            there = [name for name in own if name in here]
            brought = _brought(variant)
            needed = {*own}.difference(brought)
            if brought.keys() & there or (needed and needed.issubset(there)):
                found[_text(variant.get("name"))] = there
        return found

    def with_extras(self, project: str, gone: Iterable[str]) -> str:
        """Return the project, with those of its extras that bring any of what is ``gone``."""
        here = installed().intersection(gone)
        extras = {
            extra
            for variant in self._variants.values()
            for name, extra in _brought(variant).items()
            if name in here
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
    return {
        name: _texts(some) for name, some in (extras if isinstance(extras, dict) else {}).items()
    }


def _brought(variant: Mapping[str, Any]) -> dict[str, str]:
    """Return the distributions that only the project's extras bring, each with its extra."""
    required = {*map(_distribution, _texts(variant.get("requires")))}
    named = (
        (extra, _distribution(one)) for extra, some in _extras(variant).items() for one in some
    )
    return {name: extra for extra, name in named if name not in required}


def _distribution(requirement: str) -> str:
    """Return the name that a requirement starts with, as names are compared."""
    end = next((at for at, c in enumerate(requirement) if not (c.isalnum() or c in "._-")), None)
    return normalize(requirement[:end])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def find_record(project: str, *, mentioning: Iterable[str] = ("",)) -> Record | None:
    """Return the record of the project that is installed, or ``None`` if none can be read.

    One that has none of the texts ``mentioning`` in it is not parsed, and counts as none.
    """
    text = find_text(project)
    return parse(text) if text and any(one in text for one in mentioning) else None


def find_text(project: str) -> str:
    """Return the text of the record of the project that is installed, ``""`` if there is none."""
    start = f"{normalize(project).replace('-', '_')}-"
    for folder, names in listed():
        for name in names:
            if name.startswith(start) and name.endswith(".dist-info"):
                text = _read(os.path.join(folder, name, _NAME))
                if text:
                    return text
    return ""


def listed() -> Iterator[tuple[str, list[str]]]:
    """Yield the folders of the import path, each with the names of what is in it."""
    for folder in sys.path:
        try:
            folder = os.fsdecode(folder or os.curdir)
            yield folder, os.listdir(folder)
        except (OSError, ValueError, TypeError):  # it is no folder, or no path at all
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
            # The kind of a regular file; `stat` would be another module to import.
            return file.read() if os.fstat(file.fileno()).st_mode & 0o170000 == 0o100000 else ""
    except (OSError, ValueError):
        return ""


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse(text: str) -> Record | None:
    """Return the record that a text is, or ``None`` if it is none that can be read."""
    import json

    try:
        data = json.loads(text)
        known = isinstance(data, dict) and data.get("format") == _FORMAT
        return Record(data) if known else None
    except (ValueError, RecursionError):
        return None  # it is somebody else's, or broken


def normalize(name: str) -> str:
    """Return a name as names are compared: ``Spam_Eggs`` is ``spam-eggs``."""
    words = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(word for word in words if word)


def default_variable(project: str) -> str:
    """Return the environment variable that forces a variant of ``project``, as the table has it."""
    upper = project.upper()
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in upper) + "_VARIANT"
