"""``selector-backend machine``: the facts of this machine."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from ..errors import did_you_mean
from ..model.facts import FACTS
from .common import (
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_json,
    print_table,
    printable,
)
from .fleet import MachineOption, look_at_machine

FactOption = Annotated[
    Optional[str],
    typer.Option(
        "--fact",
        metavar="FACT",
        autocompletion=lambda: [*FACTS],
        help="Write only this fact's value; exit status 1 if it is absent.",
    ),
]


def machine(
    fact: FactOption = None,
    profile: MachineOption = None,
    stated: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every fact, its value or why it is absent, and where it was read.

    With --json, write a machine profile, for SELECTOR_MACHINE and --machine on other machines.
    """
    if fact is not None and fact not in FACTS:
        hint = did_you_mean(fact, FACTS) or f"; the facts are {', '.join(FACTS)}"
        raise UsageError(f"--fact {fact}: not a fact{hint}")
    found = look_at_machine([fact] if fact else [*FACTS], profile, stated)
    if as_json:
        print_json(found.dump())
    elif fact is None:
        rows = [
            (
                one.name,
                one.source,
                bad(f"absent: {one.reason}") if one.value is None else good(one.text),
            )
            for one in found.facts.values()
        ]
        print_table(("fact", "read from", "value"), rows)
    elif found[fact].value is not None:
        typer.echo(printable(found[fact].text))
    if fact is not None and found[fact].value is None:
        if not as_json:
            typer.echo(printable(f"{fact} is absent: {found[fact].reason}"), err=True)
        raise typer.Exit(1)
