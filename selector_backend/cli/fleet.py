"""The machines of ``selector-backend matrix``, by their names, and what they should get."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..authoring import toml
from ..authoring.structure import describe, shown_key
from ..errors import InvalidFileError, Problem, SelectorError, did_you_mean
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS
from ..model.machine import Fact, Machine, load_fact, load_machine, parse_profile, stand_in
from ..model.markers import normalize
from ..probes import complete
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..model.table import Selector

_SHIPPED = Path(__file__).with_name("machines.toml")


@dataclass(frozen=True)
class NamedMachine:
    """A machine, its name, and what it is made after: a real machine, a document or a profile."""

    name: str
    after: str
    machine: Machine


def shipped_machines(names: Collection[str]) -> Iterator[NamedMachine]:
    """Yield the machines that are shipped, with the facts ``names``."""
    data = toml.loads(_SHIPPED.read_text(encoding="utf-8"))
    for one in data["machine"]:
        system, machine = one["system"].split()
        marker = {**data["marker"], **data["system"][system], "platform_machine": machine}
        values = {**one["facts"], "marker": marker}
        facts = {}
        for name in names:
            in_environment = FACTS[name].kind is DISTRIBUTIONS
            reason = "its environment is not known" if in_environment else "such a machine has none"
            fact = Fact(name, "this machine", reason=reason)
            if name in values:
                fact = load_fact(name, values[name], one["after"])
            facts[name] = complete(fact)
        yield NamedMachine(one["name"], one["after"], Machine(facts))


def profiled_machines(sources: Sequence[str], names: Collection[str]) -> Iterator[NamedMachine]:
    """Return the machines of profiles, with the facts ``names``; each is read when it is asked for.

    A source is a profile, a folder with profiles, a file with a profile on each line (``*.jsonl``),
    or ``-``, for such lines on standard input. Raises `UsageError` at once if a source does not
    exist, and `SelectorError`, later, for a profile that cannot be read, and for a source without
    one.
    """
    for source in sources:
        if source == "-" and sys.stdin is None:
            raise UsageError("--machine -: there is no standard input")
        if source != "-" and not Path(source).exists():
            raise UsageError(f"--machine {source}: there is no such file or folder")
    return _read(sources, names)


def _read(sources: Sequence[str], names: Collection[str]) -> Iterator[NamedMachine]:
    for source in sources:
        in_lines = source == "-" or source.endswith(".jsonl")
        empty = True
        for name, place, content in _contents(source):
            what = f"{place}, a line that is to be one machine profile," if in_lines else place
            profile = load_machine(parse_profile(content, what, place), place)
            facts = stand_in(profile, names).facts.values()
            machine = Machine({fact.name: complete(fact) for fact in facts})
            yield NamedMachine(name, place, machine)
            empty = False
        if empty:
            raise SelectorError(f"{source}: there are no machine profiles in it")


def _contents(source: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, the place and the content of each profile of a source."""
    path = Path(source)
    if source == "-":
        yield from _lines("standard input", "standard input", sys.stdin.buffer)
    elif path.is_dir():
        for file in sorted(path.glob("*.json")):
            yield file.stem, str(file), file.read_bytes()
    elif path.suffix == ".jsonl":
        with path.open("rb") as lines:
            yield from _lines(path.name, source, lines)
    else:
        yield path.stem, source, path.read_bytes()


def _lines(name: str, place: str, lines: Iterable[bytes]) -> Iterator[tuple[str, str, bytes]]:
    """Yield each line, which is a profile of its own."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{name}:{number}", f"{place}:{number}", line


# --- What machines should get


def read_expectations(
    file: Path, selector: Selector, machines: Sequence[str]
) -> dict[str, str | None]:
    """Return the variants that each machine should get, ``None`` where none should fit.

    ``machines`` are the names of those that there are.

    Raises `SelectorError` for a file that cannot be read, and `InvalidFileError` with everything
    that is wrong in it.
    """
    if not file.is_file():
        what = "it is a folder; expected a TOML file" if file.exists() else "there is no such file"
        raise UsageError(f"--expect {file}: {what}")
    wanted: dict[str, str | None] = {}
    problems: list[Problem] = []
    for name, value in toml.read(file, str(file)).items():
        key = shown_key(name)
        try:
            wanted[name] = _variant(value, selector)
        except ValueError as error:
            problems.append(Problem(key, str(error)))
        if name not in machines:
            within = [other for other in machines if name.lower() in other.lower()]
            hint = did_you_mean(name, machines) or did_you_mean(name, within, closeness=0)
            instead = "; give its profile with --machine"
            problems.append(Problem(key, f"there is no such machine{hint or instead}"))
    if not wanted and not problems:
        problems = [Problem("the file", 'is empty; expected lines such as "MACHINE" = "VARIANT"')]
    if problems:
        raise InvalidFileError(str(file), problems)
    return wanted


def _variant(value: object, selector: Selector) -> str | None:
    """Return what is wanted, in the table's order.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    if value is False:
        return None
    if not isinstance(value, str):
        expected = "a variant's name, or false where no variant should fit"
        raise ValueError(f"found {describe(value)}; expected {expected}")  # noqa: TRY004 - bad data
    names = {variant.key: variant.name for variant in selector.variants}
    asked = {normalize(one.strip()): one.strip() for one in value.split(",")}
    for key, one in asked.items():
        if key not in names:
            known = f"; the variants are {', '.join(names.values())}"
            hint = did_you_mean(one, names.values()) or known
            raise ValueError(f"found {one!r}, which is not a variant{hint}")
    return ",".join(name for key, name in names.items() if key in asked)
