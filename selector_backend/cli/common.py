"""What the commands share: options, the machine that they look at, and output.

Tables and colours are for terminals; a pipe gets plain text of aligned columns, whose lines are
never broken.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, Union

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import SelectorError
from ..installing.shell import show_command
from ..model.facts import FACTS
from ..model.machine import Fact, Machine, ProfileFile, parse_setting
from ..model.variables import MACHINE_VARIABLE, near_misses
from ..probes import NO_TABLE, complete, read_machine

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..model.table import Scope

#: The format number of everything that ``--json`` writes, machine profiles and records aside.
FORMAT = 1

# What typer reads at run time has to be written for the oldest Python.
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, in its documented form.")]
MachineOption = Annotated[
    Optional[Path],
    typer.Option(
        "--machine", metavar="FILE", help="Look at this machine profile, not at the machine."
    ),
]
SetOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        metavar="FACT=VALUE",
        autocompletion=lambda: [f"{name}=" for name in FACTS],
        help="State a fact, such as cuda=12.4; with nothing after the =, it is absent. "
        "May be repeated.",
    ),
]

OutdirOption = Annotated[
    Path, typer.Option("--outdir", metavar="DIR", help="Where to write the wheels.")
]

Cell = Union[str, Text]

# Control characters except line ends and tabs, and those that end a line otherwise or change the
# direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class UsageError(SelectorError):
    """A mistake in the command line."""


def look_at_machine(
    names: Collection[str],
    profile: Path | None,
    stated: Sequence[str] | None,
    told: Mapping[str, Fact] | None = None,
    scope: Scope = NO_TABLE,
) -> Machine:
    """Return the facts ``names`` of this machine, or of what stands in for it.

    ``told`` is what another interpreter of this machine tells of itself, and ``scope`` what is
    asked of its environment and of the loader. Variant providers are not asked for properties:
    they are code that the package names.
    """
    known = read_stated(stated)
    file = _profile(profile)
    facts = {}
    asked = file is not None or FACTS["property"].variable in os.environ
    if "property" in names and not asked:
        reason = "providers are not asked here, since they are code that the package names"
        facts["property"] = Fact("property", FACTS["property"].source, reason=reason)
    if file is None:
        stated_here = {name for name, fact in FACTS.items() if fact.variable in os.environ}
        facts.update((name, fact) for name, fact in (told or {}).items() if name not in stated_here)
    facts.update(known)
    wanted = [name for name in names if name not in facts]
    facts.update(read_machine(wanted, os.environ, scope=scope, profile=file).facts)
    return Machine({name: facts[name] for name in names})


def read_stated(stated: Sequence[str] | None) -> dict[str, Fact]:
    """Return the facts that ``--set`` states, which win over all that is read.

    Warns of a variable whose name is close to one that states a fact, as installing notes it.
    """
    for sentence in near_misses(os.environ):
        print(f"warning: {sentence}", file=sys.stderr)
    facts = {}
    for setting in stated or ():
        try:
            fact = complete(parse_setting(setting))
        except ValueError as error:
            raise UsageError(f"--set {setting}: {error}") from None
        facts[fact.name] = fact
    return facts


def _profile(path: Path | None) -> ProfileFile | None:
    """Return the profile that ``--machine`` names, or else the variable."""
    if path is None:
        named = os.environ.get(MACHINE_VARIABLE)
        return ProfileFile(named, MACHINE_VARIABLE) if named else None
    # It may be a pipe.
    if path.is_dir():
        raise UsageError(f"--machine {path}: it is a folder; expected a machine profile")
    if not path.exists():
        raise UsageError(f"--machine {path}: there is no such file")
    return ProfileFile(str(path), "--machine")


def print_json(data: Mapping[str, Any]) -> None:
    """Write ``data`` as JSON."""
    typer.echo(json.dumps(data, indent=2))  # in ASCII, whatever the output's encoding


def print_line(text: Cell = "") -> None:
    """Write one line, or several; on a terminal long ones are broken between words."""
    console = _console()
    console.print(_clean(text), markup=False, emoji=False, soft_wrap=not console.is_terminal)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table."""
    console = _console()
    if not console.is_terminal:
        texts = [[one_line(str(cell)) for cell in row] for row in (columns, *rows)]
        widths = [max(map(len, column)) for column in zip(*texts)]
        for line in texts:
            typer.echo("  ".join(map(str.ljust, line, widths)).rstrip())
        return
    table = Table(header_style="cyan", border_style="bright_black")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_clean, row))
    console.print(table)


def print_command(words: Sequence[str]) -> None:
    """Write a command to copy: its line is never broken."""
    typer.echo(f"  {one_line(show_command(words))}")


def printable(text: str) -> str:
    """Return ``text`` with what would control a terminal escaped: it may be a stranger's."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Return `printable` text without line breaks: as a name of a stranger's file is shown."""
    return printable(text).replace("\n", "\\n")


def _clean(cell: Cell) -> Text:
    if isinstance(cell, str):
        return Text(printable(cell))
    return Text(printable(cell.plain), style=cell.style)


def good(text: str) -> Text:
    """Return ``text`` in the colour for what is fine."""
    return Text(text, style="green")


def bad(text: str) -> Text:
    """Return ``text`` in the colour for what is not."""
    return Text(text, style="red")


def _console() -> Console:
    return Console(highlight=False)
