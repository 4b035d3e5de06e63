"""The machines that commands look at: this one, profiles and shipped ones; and expectations."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Annotated, Optional, cast

import typer

from ..authoring import toml
from ..authoring.structure import describe, shown_key
from ..errors import SelectorError, did_you_mean
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS
from ..model.machine import Fact, Machine, ProfileFile, load_fact
from ..model.markers import normalize
from ..model.problems import InvalidFileError, Problem
from ..model.table import Scope, Selector
from ..model.variables import MACHINE_VARIABLE
from ..probes import NO_TABLE, complete, read_machine
from ..probes.profile import load_machine, parse_profile, stand_in
from .common import UsageError, read_stated

_SHIPPED = Path(__file__).with_name("machines.toml")

MachineOption = Annotated[
    Optional[str],
    typer.Option(
        "--machine",
        metavar="FILE | NAME",
        help="A profile, or the name of a machine in matrix, to look at instead of this machine.",
    ),
]


def look_at_machine(
    names: Collection[str],
    source: str | None,
    stated: Sequence[str] | None,
    told: Mapping[str, Fact] | None = None,
    scope: Scope = NO_TABLE,
) -> Machine:
    """Return the facts ``names`` of this machine, or of the profile or shipped machine ``source``.

    ``told`` has the facts of another interpreter on this machine, and ``scope`` says what to look
    up in its environment and in the loader. Variant providers are not asked for properties, since
    they are code that the package names.
    """
    known = read_stated(stated)
    if source is not None and Path(source).is_dir():
        raise UsageError(f"--machine {source}: it is a folder; expected a machine profile")
    named = None if source is None else next(profiled_machines([source], names))
    path = os.environ.get(MACHINE_VARIABLE) if source is None else None
    file = ProfileFile(path, MACHINE_VARIABLE) if path else None
    facts = {}
    if "property" in names and not (file or FACTS["property"].variable in os.environ):
        reason = "providers are not asked here, since they are code that the package names"
        facts["property"] = Fact("property", FACTS["property"].source, reason=reason)
    if file is None:
        in_place = named.machine.facts if named else told or {}
        stated_here = {name for name, fact in FACTS.items() if fact.variable in os.environ}
        facts.update((name, fact) for name, fact in in_place.items() if name not in stated_here)
    facts.update(known)
    wanted = [name for name in names if name not in facts]
    facts.update(read_machine(wanted, os.environ, scope=scope, profile=file).facts)
    return Machine({name: facts[name] for name in names})


def _shipped_machine(name: str, names: Collection[str]) -> NamedMachine:
    """Return the shipped machine called ``name``, in any case, with the facts ``names``."""
    shipped = {machine.name: machine for machine in shipped_machines(names)}
    for machine in shipped.values():
        if machine.name.lower() == name.lower():
            return machine
    raise UsageError(
        f"--machine {name}: there is no such file or folder, and matrix shows no such machine"
        f"{_similar(name, shipped)}"
    )


@dataclass(frozen=True)
class NamedMachine:
    """A machine, its name, and its source: a real machine, a document or a profile."""

    name: str
    after: str
    machine: Machine


def shipped_machines(names: Collection[str]) -> Iterator[NamedMachine]:
    """Yield the machines that are shipped, with the facts ``names``."""
    data = toml.loads(_SHIPPED.read_text(encoding="utf-8"))
    for row in data["machine"]:
        system, machine = row["system"].split()
        marker = {**data["marker"], **data["system"][system], "platform_machine": machine}
        values = {**row["facts"], "marker": marker}
        facts = {}
        for name in names:
            in_environment = FACTS[name].kind is DISTRIBUTIONS
            reason = "its environment is not known" if in_environment else "such a machine has none"
            fact = Fact(name, "this machine", reason=reason)
            if name in values:
                fact = load_fact(name, values[name], row["after"])
            facts[name] = complete(fact)
        yield NamedMachine(row["name"], row["after"], Machine(facts))


def profiled_machines(sources: Sequence[str], names: Collection[str]) -> Iterator[NamedMachine]:
    """Yield the machines of profiles, with the facts ``names``.

    A source is a profile, a folder with profiles, a file with a profile on each line (``*.jsonl``),
    ``-`` for such lines on standard input, or the name of a shipped machine. Raises `UsageError` at
    once if a source does not exist, and `SelectorError` later, for a source without profiles and
    for a profile that cannot be read.
    """
    for source in sources:
        if source == "-" and sys.stdin is None:
            raise UsageError("--machine -: there is no standard input")
        if source != "-" and not Path(source).exists():
            _shipped_machine(source, ())
    return _read(sources, names)


def _read(sources: Sequence[str], names: Collection[str]) -> Iterator[NamedMachine]:
    for source in sources:
        in_lines = source == "-" or source.endswith(".jsonl")
        if source != "-" and not Path(source).exists():
            yield _shipped_machine(source, names)
            continue
        empty = True
        for name, origin, content in _contents(source):
            what = f"{origin}, a line that has to be one machine profile," if in_lines else origin
            profile = load_machine(parse_profile(content, what, origin), origin)
            facts = stand_in(profile, names).facts.values()
            machine = Machine({fact.name: complete(fact) for fact in facts})
            yield NamedMachine(name, origin, machine)
            empty = False
        if empty:
            raise SelectorError(f"{source}: there are no machine profiles in it")


def _contents(source: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, the origin (for messages) and the content of each profile of a source."""
    path = Path(source)
    if source == "-":
        yield from _lines(
            "standard input", "standard input", cast("BufferedReader", sys.stdin.buffer)
        )
    elif path.is_dir():
        for file in sorted(path.glob("*.json")):
            yield file.stem, str(file), file.read_bytes()
    elif path.suffix == ".jsonl":
        with path.open("rb") as lines:
            yield from _lines(path.name, source, lines)
    else:
        yield path.stem, source, path.read_bytes()


def _lines(name: str, source: str, stream: BufferedReader) -> Iterator[tuple[str, str, bytes]]:
    """Yield each line as a profile."""
    lines: Iterable[bytes] = stream
    encoding = json.detect_encoding(stream.peek(4)[:4])
    if not encoding.startswith("utf-8"):
        lines = map(str.encode, TextIOWrapper(stream, encoding, newline="\n"))
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"{name}:{number}", f"{source}:{number}", line
    except UnicodeError:
        raise SelectorError(f"{source} is not {encoding.upper()} text") from None


# --- What machines should get


def read_expectations(
    file: Path, selector: Selector, machines: Sequence[str]
) -> dict[str, str | None]:
    """Return the variants that each machine should get, ``None`` where none should fit.

    ``machines`` are the names of the known machines.

    Raises `SelectorError` for a file that cannot be read, and `InvalidFileError` with all errors
    in it.
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
            hint = _similar(name, machines) or "; give its profile with --machine"
            problems.append(Problem(key, f"there is no such machine{hint}"))
    if not wanted and not problems:
        problems = [Problem("the file", 'is empty; expected lines such as "MACHINE" = "VARIANT"')]
    if problems:
        raise InvalidFileError(str(file), problems)
    return wanted


def _similar(name: str, machines: Collection[str]) -> str:
    """Return a hint at a machine whose name is like ``name``, or contains it."""
    within = [other for other in machines if name.lower() in other.lower()]
    return did_you_mean(name, machines) or did_you_mean(name, within, closeness=0)


def _variant(value: object, selector: Selector) -> str | None:
    """Return the expected variants, in the table's order and separated by commas.

    Raises ``ValueError`` with what was found and what was expected.
    """
    if value is False:
        return None
    if not isinstance(value, str):
        expected = "a variant's name, or false where no variant should fit"
        raise ValueError(f"found {describe(value)}; expected {expected}")  # noqa: TRY004 - bad data
    names = {variant.key: variant.name for variant in selector.variants}
    asked = {normalize(name.strip()): name.strip() for name in value.split(",")}
    for key, text in asked.items():
        if key not in names:
            known = f"; the variants are {', '.join(names.values())}"
            hint = did_you_mean(text, names.values()) or known
            raise ValueError(f"found {text!r}, which is not a variant{hint}")
    return ",".join(name for key, name in names.items() if key in asked)
