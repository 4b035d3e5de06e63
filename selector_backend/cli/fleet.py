"""The machines of ``selector-backend matrix``, by their names, and what they should get."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from ..authoring import toml
from ..authoring.structure import describe
from ..authoring.texts import shown_key
from ..errors import InvalidFileError, Problem, SelectorError, did_you_mean
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS
from ..model.machine import FORMAT, Fact, Machine, load_fact, load_machine, parse_profile, stand_in
from ..model.markers import normalize
from ..probes import complete
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..model.table import Selector

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


# --- What machines should get

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
