"""``selector-backend machine``: shows the facts of this machine."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from ..errors import did_you_mean
from ..model.facts import FACTS
from .common import (
    JsonOption,
    SetOption,
    UsageError,
    print_facts,
    print_json,
    printable,
)
from .fleet import MachineOption, look_at_machine

FactOption = Annotated[
    Optional[str],
    typer.Option(
        "--fact",
        metavar="FACT",
        autocompletion=lambda: [*FACTS],
        help="Write this fact's value alone; exit status 1 if it is absent.",
    ),
]


def machine(
    fact: FactOption = None,
    profile: MachineOption = None,
    stated: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every fact: its value, or why it is absent, and where it was read.

    With --json, write a machine profile, for SELECTOR_MACHINE and --machine.
    """
    if fact is not None and fact not in FACTS:
        hint = did_you_mean(fact, FACTS) or f"; the facts are {', '.join(FACTS)}"
        raise UsageError(f"--fact {fact}: not a fact{hint}")
    facts = look_at_machine([fact] if fact else [*FACTS], profile, stated)
    if as_json:
        print_json(facts.dump())
    elif fact is None:
        print_facts(facts.facts)
    elif facts[fact].value is not None:
        typer.echo(printable(facts[fact].text))
    if fact is not None and facts[fact].value is None:
        if not as_json:
            typer.echo(printable(f"{fact} is absent: {facts[fact].reason}"), err=True)
        raise typer.Exit(1)
