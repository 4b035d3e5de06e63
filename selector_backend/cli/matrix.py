"""``selector-backend matrix``: a project's variants against many machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..authoring import toml
from ..installing.decision import decide
from ..installing.environment import Environment
from ..installing.machine import Fact, Machine, load_fact
from ..installing.messages import message_of
from ..installing.probes import complete, read_machine
from ..installing.request import Request
from .check import FolderArgument
from .common import (
    FORMAT,
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_json,
    print_table,
    profile_file,
    read_settings,
    with_facts,
)
from .html import page
from .source import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..installing.decision import Decision
    from ..installing.record import Verdict
    from ..installing.table import Selector, Variant

ProfilesOption = Annotated[
    Optional[list[Path]],
    typer.Option(
        "--machine", metavar="FILE", help="A machine profile of your own. May be repeated."
    ),
]
ShippedOption = Annotated[
    bool, typer.Option("--shipped/--no-shipped", help="With the machines that are shipped.")
]
HtmlOption = Annotated[
    Optional[Path],
    typer.Option("--html", metavar="FILE", help="Write a page to publish, that needs no other."),
]

_MACHINES = Path(__file__).with_name("machines.toml")


@dataclass(frozen=True)
class Row:
    """A machine: its name, which real machine or document it is after, and what it gets."""

    name: str
    after: str
    decision: Decision

    @property
    def outcomes(self) -> list[str]:
        """What comes of each variant, in the table's order."""
        variants = self.decision.selector.variants
        chosen = self.decision.names
        return [_outcome(*pair, chosen) for pair in zip(variants, self.decision.verdicts)]


def matrix(
    folder: FolderArgument = Path(),
    profiles: ProfilesOption = None,
    settings: SetOption = None,
    shipped: ShippedOption = True,
    html: HtmlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which variant each of many machines gets, those that are shipped and your own."""
    selector = read_folder(folder).selector
    machines = [*_given(profiles or (), selector), *(_shipped(selector) if shipped else ())]
    stated = read_settings(settings)
    rows = [
        Row(name, after, decide(selector, with_facts(machine, stated), Request(), Environment()))
        for name, after, machine in machines
    ]
    if html is not None:
        cells = [(row.name, row.after, row.outcomes, row.decision) for row in rows]
        try:
            html.write_text(page(selector, cells), encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"--html {html}: {error.strerror}") from None
    if as_json:
        print_json({"format": FORMAT, "machines": [_dump(row) for row in rows]})
    elif html is None:
        colours = {"chosen": good, "refuses": bad}
        print_table(
            ("machine", *(variant.name for variant in selector.variants)),
            [(row.name, *(colours.get(one, str)(one) for one in row.outcomes)) for row in rows],
        )


def _outcome(variant: Variant, verdict: Verdict, chosen: list[str]) -> str:
    if variant.name in chosen:
        return "chosen"
    if not verdict.fits:
        return "-"
    return "fits" if variant.refuse is None else "refuses"


def _dump(row: Row) -> dict[str, object]:
    decision = row.decision
    return {
        "name": row.name,
        "after": row.after,
        "variants": decision.names,
        "problem": message_of(decision),
        "facts": {name: fact.dump() for name, fact in decision.facts.items()},
        "verdicts": [
            {"name": one.variant, "fits": one.fits, "reason": one.reason}
            for one in decision.verdicts
        ],
    }


def _given(paths: list[Path] | tuple[()], selector: Selector) -> Iterator[tuple[str, str, Machine]]:
    for path in paths:
        machine = read_machine(selector.facts, {}, profile=profile_file(path))
        yield path.stem, str(path), machine


def _shipped(selector: Selector) -> Iterator[tuple[str, str, Machine]]:
    """Yield the machines that are shipped: the name, what it is after, and its facts."""
    data = toml.loads(_MACHINES.read_text(encoding="utf-8"))
    for one in data["machine"]:
        system, machine = one["system"].split()
        marker = {**data["marker"], **data["system"][system], "platform_machine": machine}
        values = {**one["facts"], "marker": marker}
        facts = {}
        for name in selector.facts:
            fact = Fact(name, "this machine", reason="such a machine has none")
            if name in values:
                fact = load_fact(name, values[name], one["after"])
            facts[name] = complete(fact)
        yield one["name"], one["after"], Machine(facts)
