"""The machines of ``selector-backend matrix``: those that are shipped, and those of profiles."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..authoring import toml
from ..errors import SelectorError
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS
from ..model.machine import Fact, Machine, load_fact, load_machine, parse_profile, stand_in
from ..probes import complete
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_SHIPPED = Path(__file__).with_name("machines.toml")


@dataclass(frozen=True)
class NamedMachine:
    """A machine, its name, and what it is made after: a real machine, a document or a profile."""

    name: str
    after: str
    machine: Machine


def machine_of(profile: object, file: str, names: Collection[str]) -> Machine:
    """Return the machine that a profile's JSON data describe, with the facts ``names``.

    A fact that it says nothing of is absent. Raises `InvalidFileError`, naming ``file``.
    """
    facts = stand_in(load_machine(profile, file), names).facts
    return Machine({name: complete(fact) for name, fact in facts.items()})


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
            profile = parse_profile(content, what, place)
            yield NamedMachine(name, place, machine_of(profile, place, names))
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
