"""What the commands share: options, stated facts, and output.

A terminal gets tables and colours; a pipe gets aligned plain text, without line wrapping.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import SelectorError
from ..installing.shell import show_command
from ..model.facts import FACTS
from ..model.machine import Fact
from ..model.variables import near_misses
from ..probes import complete
from ..probes.profile import parse_setting

#: The format number of everything that ``--json`` writes, machine profiles and records aside.
FORMAT = 1

# typer reads these at run time, so they are written for the oldest Python.
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]
SetOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        metavar="FACT=VALUE",
        autocompletion=lambda: [f"{name}=" for name in FACTS],
        help="State a fact, such as cuda=12.4; cuda= makes it absent. May be repeated.",
    ),
]

OutdirOption = Annotated[
    Path, typer.Option("--outdir", metavar="DIR", help="Where to write the wheels.")
]

Cell = Union[str, Text]

# Control characters except newlines and tabs, other line ends, and characters that change the
# direction of text.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class UsageError(SelectorError):
    """A mistake in the command line."""


def read_stated(stated: Sequence[str] | None) -> dict[str, Fact]:
    """Return the facts of ``--set``, which take precedence over those that are read.

    Warns of environment variables with names like those that state facts.
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


def print_json(data: Mapping[str, Any]) -> None:
    """Write ``data`` as JSON."""
    typer.echo(json.dumps(data, indent=2))  # in ASCII, whatever the output's encoding


def print_line(text: Cell = "") -> None:
    """Write one line, or several; a terminal wraps long ones between words."""
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


def print_facts(facts: Mapping[str, Fact]) -> None:
    """Write a table of facts: each with its value, or why it is absent."""
    rows = [
        (
            fact.name,
            fact.source,
            bad(f"absent: {fact.reason}") if fact.value is None else good(fact.text),
        )
        for fact in facts.values()
    ]
    print_table(("fact", "read from", "value"), rows)


def print_command(arguments: Sequence[str]) -> None:
    """Write a command to copy, without wrapping."""
    typer.echo(f"  {one_line(show_command(arguments))}")


def printable(text: str) -> str:
    """Return ``text``, which others may have written, with terminal controls escaped."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Return `printable` text with line breaks escaped, too."""
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
