"""``selector-backend matrix``: shows which variant of a project each of many machines gets."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.text import Text

from ..installing.messages import message_of
from ..model.decision import Decision, Environment, NothingFits, Request, decide
from ..model.record import Verdict
from ..model.table import Selector, Variant
from .common import (
    FORMAT,
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_line,
    print_table,
    printable,
    read_stated,
)
from .fleet import NamedMachine, profiled_machines, read_expectations, shipped_machines
from .source import SourceArgument, read_selector

ProfilesOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--machine",
        metavar="FILE",
        help="Your own profiles: a file, a folder of *.json, a *.jsonl with one on each line, or - "
        "for standard input. May be repeated.",
    ),
]
ShippedOption = Annotated[
    bool,
    typer.Option("--shipped/--no-shipped", help="Include the machines that the command knows."),
]
HtmlOption = Annotated[
    Optional[Path],
    typer.Option("--html", metavar="FILE", help="Write the table as an HTML page."),
]
ExpectOption = Annotated[
    Optional[Path],
    typer.Option(
        "--expect",
        metavar="FILE",
        help="Show the machines that do not get what this TOML file says.",
    ),
]

_STYLES = {"chosen": "green", "refuses": "red"}


def matrix(
    source: SourceArgument = Path(),
    profiles: ProfilesOption = None,
    stated: SetOption = None,
    shipped: ShippedOption = True,
    html: HtmlOption = None,
    expect: ExpectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which variant each machine gets, and how many get each."""
    selector = read_selector(source)
    stated_facts = read_stated(stated)
    machines: Iterable[NamedMachine] = itertools.chain(
        profiled_machines(profiles or (), selector.facts),
        shipped_machines(selector.facts) if shipped else (),
    )
    wanted: Mapping[str, str | None] = {}
    if expect is not None:
        machines = [*machines]
        wanted = read_expectations(expect, selector, [machine.name for machine in machines])
    page = Console(record=True, file=io.StringIO(), highlight=False)
    table = _Table(selector, [page] if html else [])
    if not (html or expect or as_json):
        table.consoles.append(Console(highlight=False))
    table.write([variant.name for variant in selector.variants], "machine")
    counts: Counter[str | None] = Counter()
    problems = []
    for machine in machines:
        facts = machine.machine.with_facts(stated_facts)
        decision = decide(selector, facts, Request(), Environment())
        for name in decision.names or (None,):
            counts[name] += 1
        table.write(_outcomes(decision), machine.name)
        row = _row(machine, decision) if as_json else {}
        if machine.name in wanted:
            asked = wanted[machine.name]
            problem = _unmet(machine.name, asked, decision)
            problems += [problem] if problem else []
            actual = _chosen_or_refusing(decision)
            row["expected"] = {"variant": asked, "found": actual, "problem": problem}
        if as_json:
            typer.echo(json.dumps(row))
    if html is not None:
        _write_page(html, page)
    names = (variant.name for variant in selector.variants if variant.refuse is None)
    by_variant = {name: counts[name] for name in names}
    if as_json:
        summary = {"format": FORMAT, "variants": by_variant, "nothing": counts[None]}
        typer.echo(json.dumps(summary))
    else:
        if html is not None:
            print_line(f"the table is written to {html}")
        if expect is not None:
            _show_expected(problems, len(wanted), expect)
        else:
            print_line()
            rows = [*by_variant.items(), ("nothing", counts[None])]
            print_table(("variant", "machines"), [(name, str(count)) for name, count in rows])
    if problems:
        raise typer.Exit(1)


class _Table:
    """A table that is written row by row, the machine's name last, whose width is not known."""

    def __init__(self, selector: Selector, consoles: list[Console]) -> None:
        self.consoles = consoles
        self._widths = [
            max(len(variant.name), len("chosen" if variant.refuse is None else "refuses"))
            for variant in selector.variants
        ]

    def write(self, outcomes: Iterable[str], name: str) -> None:
        cells = [
            Text(outcome.ljust(width), style=_STYLES.get(outcome, ""))
            for outcome, width in zip(outcomes, self._widths)
        ]
        for console in self.consoles:
            console.print(Text("  ").join([*cells, Text(printable(name))]), soft_wrap=True)


def _write_page(file: Path, console: Console) -> None:
    try:
        file.write_text(console.export_html(), encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"--html {file}: {error.strerror}") from None


def _outcomes(decision: Decision) -> list[str]:
    """Return the outcome of each variant, in the table's order."""
    pairs = zip(decision.selector.variants, decision.verdicts)
    return [_outcome(*pair, decision.names) for pair in pairs]


def _outcome(variant: Variant, verdict: Verdict, chosen: Sequence[str]) -> str:
    if variant.name in chosen:
        return "chosen"
    if not verdict.fits:
        return "-"
    return "fits" if variant.refuse is None else "refuses"


def _row(machine: NamedMachine, decision: Decision) -> dict[str, object]:
    """Return what a machine gets, as JSON data."""
    return {
        "name": machine.name,
        "after": machine.after,
        "variants": decision.names,
        "problem": message_of(decision),
        "facts": {name: fact.dump() for name, fact in decision.facts.items()},
        "verdicts": [
            {"name": verdict.variant, "fits": verdict.fits, "reason": verdict.reason}
            for verdict in decision.verdicts
        ],
    }


# --- What is expected


def _chosen_or_refusing(decision: Decision) -> str | None:
    """Return the variants that are chosen, or the one that refuses; ``None`` if none fits."""
    stop = decision.stop
    if isinstance(stop, NothingFits) and stop.refused:
        return stop.refused.name
    return ",".join(decision.names) or None


def _unmet(name: str, wanted: str | None, decision: Decision) -> str | None:
    """Return why a machine does not get what is ``wanted``, or ``None`` if it does."""
    actual = _chosen_or_refusing(decision)
    if actual == wanted:
        return None
    shown = [
        "that no variant fits" if wanted is None else _named(wanted, decision),
        "no variant that fits" if actual is None else _named(actual, decision),
    ]
    lines = [f"{name}: expected {shown[0]}, found {shown[1]}"]
    asked, there = ((names or "").split(",") for names in (wanted, actual))
    for verdict in decision.verdicts:
        if verdict.variant in (*asked, *there):
            later = verdict.fits and verdict.variant not in there
            outcome = "fits, but comes later: " if later else ""
            lines.append(f"  {verdict.variant}: {outcome}{verdict.reason}")
    return "\n".join(lines)


def _named(name: str, decision: Decision) -> str:
    variants = decision.selector.variants
    refuses = any(variant.name == name and variant.refuse is not None for variant in variants)
    return f"{name}, which refuses" if refuses else name


def _show_expected(problems: Sequence[str], count: int, file: Path) -> None:
    for problem in problems:
        print_line(bad(problem))
    if problems:
        print_line(f"{len(problems)} of {count} machines do not get what {file} expects")
    else:
        print_line(good(f"{count} machines get what {file} expects"))
