"""The file of ``selector-backend matrix --expect``: what a maintainer wants machines to get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from ..authoring import toml
from ..authoring.structure import describe, shown_key
from ..errors import InvalidFileError, Problem, did_you_mean
from ..model.machine import FORMAT
from ..model.markers import normalize
from .common import UsageError
from .fleet import NamedMachine, machine_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from ..model.machine import Machine
    from ..model.table import Selector
    from .rows import Row

#: A variant's name as the table has it, or ``False``: no variant fits.
Wanted = Union[str, bool]

_FORMS = "a variant's name, or false where no variant should fit"
_KEYS = ("variant", "facts")


@dataclass(frozen=True)
class Expectations:
    """What each machine should get, by its name, and the machines that the file describes."""

    wanted: Mapping[str, Wanted]
    machines: Sequence[NamedMachine]


def read_expectations(file: Path, selector: Selector, known: Collection[str]) -> Expectations:
    """Read what is expected of the machines that are ``known`` by name, and of the file's own.

    Raises `SelectorError` for a file that cannot be read, and `InvalidFileError` with everything
    that is wrong in it.
    """
    if file.is_dir():
        raise UsageError(f"--expect {file}: it is a folder; expected a TOML file")
    if not file.exists():
        raise UsageError(f"--expect {file}: there is no such file")
    data = toml.read(file, str(file))
    wanted: dict[str, Wanted] = {}
    machines: list[NamedMachine] = []
    problems: list[Problem] = []
    for name, value in data.items():
        key = shown_key(name)
        entry = value if isinstance(value, dict) else {"variant": value}
        variant_key = f"{key}.variant" if entry is value else key
        for unknown in sorted(entry.keys() - {*_KEYS}):
            hint = did_you_mean(unknown, _KEYS) or "; expected 'variant' and 'facts'"
            problems.append(Problem(f"{key}.{shown_key(unknown)}", f"not a known key{hint}"))
        try:
            wanted[name] = _variant(entry.get("variant"), selector)
        except ValueError as error:
            problems.append(Problem(variant_key, str(error)))
        if "facts" not in entry:
            if name not in known:
                problems.append(Problem(key, _unknown(name, known)))
        elif name in known:
            text = "a machine of this name already exists: leave out the facts, or rename it"
            problems.append(Problem(key, text))
        else:
            try:
                machine = _machine(entry["facts"], selector.facts)
                machines.append(NamedMachine(name, str(file), machine))
            except InvalidFileError as error:
                problems += [Problem(f"{key}.{one.key}", one.message) for one in error.problems]
    if problems or not data:
        empty = Problem("the file", 'is empty; expected lines such as "MACHINE" = "VARIANT"')
        raise InvalidFileError(str(file), problems or [empty])
    return Expectations(wanted, machines)


def unmet(wanted: Wanted, row: Row) -> str | None:
    """Return why a machine does not get what is wanted, or ``None`` where it does."""
    found = row.decided or False
    if found == wanted:
        return None
    lines = [f"{row.of.name}: expected {_shown(wanted, row)}, found {_shown(found, row)}"]
    for verdict in row.decision.verdicts:
        if verdict.variant in (wanted, found):
            later = verdict.fits and verdict.variant == wanted
            outcome = "fits, but comes later: " if later else ""
            lines.append(f"  {verdict.variant}: {outcome}{verdict.reason}")
    return "\n".join(lines)


def _shown(wanted: Wanted, row: Row) -> str:
    if wanted is False:
        return "that no variant fits" if row.decided else "no variant that fits"
    variants = row.decision.selector.variants
    refuses = any(one.name == wanted and one.refuse is not None for one in variants)
    return f"{wanted}, which refuses" if refuses else str(wanted)


def _variant(value: object, selector: Selector) -> Wanted:
    """Return what is wanted. Raises ``ValueError`` with a sentence that says what was expected."""
    if value is False:
        return False
    names = {variant.key: variant.name for variant in selector.variants}
    if not isinstance(value, str):
        found = "missing" if value is None else f"found {describe(value)}"
        raise ValueError(f"{found}; expected {_FORMS}")  # noqa: TRY004 - bad data
    if normalize(value) in names:
        return names[normalize(value)]
    hint = did_you_mean(value, names.values()) or f"; the variants are {', '.join(names.values())}"
    raise ValueError(f"found {value!r}, which is not a variant{hint}")


def _unknown(name: str, known: Collection[str]) -> str:
    within = [one for one in known if name.lower() in one.lower()]
    hint = did_you_mean(name, known) or did_you_mean(name, within, closeness=0)
    other = '; state what it is, such as { facts = { cuda = "12.4" }, variant = "cu12" }'
    return f"there is no such machine{hint or other}"


def _machine(facts: Any, names: Collection[str]) -> Machine:
    if not isinstance(facts, dict):
        found = f"found {describe(facts)}"
        problem = Problem("facts", f'{found}, expected a table such as {{ cuda = "12.4" }}')
        raise InvalidFileError("", [problem])
    return machine_of({"format": FORMAT, "facts": facts}, "", names)
