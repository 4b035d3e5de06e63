"""``selector-backend matrix``: a project's variants against many machines."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from rich.console import Console
from rich.text import Text

from ..installing.messages import message_of
from ..model.decision import Environment, NothingFits, Request, decide
from ..variant_wheels.building import express_rows
from .common import (
    FORMAT,
    Cell,
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_line,
    print_table,
    printable,
    read_settings,
)
from .fleet import NamedMachine, profiled_machines, read_expectations, shipped_machines
from .source import read_folder, read_sdist

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model.decision import Decision
    from ..model.record import Verdict
    from ..model.table import Selector, Variant
    from .fleet import Wanted

SourceArgument = Annotated[
    Path, typer.Argument(metavar="DIR | SDIST", help="The project's folder, or its sdist.")
]
ProfilesOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--machine",
        metavar="FILE",
        help="A machine profile of your own, a folder of *.json, *.jsonl with a profile on each "
        "line, or - for such lines on standard input. May be repeated.",
    ),
]
ShippedOption = Annotated[
    bool, typer.Option("--shipped/--no-shipped", help="Include the machines that are shipped.")
]
HtmlOption = Annotated[
    Optional[Path],
    typer.Option("--html", metavar="FILE", help="Write the table as a page, in a single file."),
]
ExpectOption = Annotated[
    Optional[Path],
    typer.Option(
        "--expect",
        metavar="FILE",
        help="Compare with this TOML file, of what each should get.",
    ),
]

PropertiesOption = Annotated[
    bool,
    typer.Option("--properties", help="Also show what the variant wheel of each variant asks for."),
]

_STYLES = {"chosen": "green", "refuses": "red"}


def matrix(
    source: SourceArgument = Path(),
    profiles: ProfilesOption = None,
    settings: SetOption = None,
    shipped: ShippedOption = True,
    html: HtmlOption = None,
    expect: ExpectOption = None,
    properties: PropertiesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show which variant each machine gets, and how many get each: those shipped, and your own.

    Profiles are read one by one, so that there may be any number of them. With --expect, show the
    machines that do not get what they should.
    """
    selector = read_sdist(source) if source.is_file() else read_folder(source).selector
    stated = read_settings(settings)
    machines: Iterable[NamedMachine] = itertools.chain(
        profiled_machines(profiles or (), selector.facts),
        shipped_machines(selector.facts) if shipped else (),
    )
    wanted: Mapping[str, Wanted] = {}
    if expect is not None:
        known = [*machines]
        expected = read_expectations(expect, selector, {one.name for one in known})
        wanted, machines = expected.wanted, [*known, *expected.machines]
    page = Console(record=True, file=io.StringIO(), highlight=False)
    table = _Table(selector, [page] if html else [])
    if not (html or expect or as_json):
        table.consoles.append(Console(highlight=False))
    table.write([variant.name for variant in selector.variants], "machine")
    counts: Counter[str | None] = Counter()
    checked, problems = 0, []
    for machine in machines:
        facts = machine.machine.with_facts(stated)
        row = Row(machine, decide(selector, facts, Request(), Environment()))
        for name in row.decision.names or (None,):
            counts[name] += 1
        table.write(row.outcomes, machine.name)
        expectation = {}
        if machine.name in wanted:
            variant, problem = wanted[machine.name], unmet(wanted[machine.name], row)
            checked += 1
            problems += [problem] if problem else []
            found = {"variant": variant or None, "found": row.decided, "problem": problem}
            expectation["expected"] = found
        if as_json:
            typer.echo(json.dumps({**row.dump(), **expectation}))
    if html is not None:
        _write_page(html, page)
    if html is not None and not as_json:
        print_line(f"the table is written to {html}")
    if as_json:
        _write_summary(selector, counts, properties)
    elif expect is not None:
        _show_expected(problems, checked, expect)
    else:
        _show_counts(selector, counts)
    if properties and not as_json:
        _show_properties(selector)
    if problems:
        raise typer.Exit(1)


@dataclass(frozen=True)
class Row:
    """A machine, and what it gets."""

    of: NamedMachine
    decision: Decision

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each variant, in the table's order."""
        variants = self.decision.selector.variants
        chosen = self.decision.names
        return [_outcome(*pair, chosen) for pair in zip(variants, self.decision.verdicts)]

    @property
    def decided(self) -> str | None:
        """The name of the variant that is chosen, or that refuses; ``None`` where none fits."""
        stop = self.decision.stop
        if isinstance(stop, NothingFits) and stop.refused:
            return stop.refused.name
        return next(iter(self.decision.names), None)

    def dump(self) -> dict[str, object]:
        """Return the row as JSON data."""
        decision = self.decision
        return {
            "name": self.of.name,
            "after": self.of.after,
            "variants": decision.names,
            "problem": message_of(decision),
            "facts": {name: fact.dump() for name, fact in decision.facts.items()},
            "verdicts": [
                {"name": one.variant, "fits": one.fits, "reason": one.reason}
                for one in decision.verdicts
            ],
        }


def _outcome(variant: Variant, verdict: Verdict, chosen: list[str]) -> str:
    if variant.name in chosen:
        return "chosen"
    if not verdict.fits:
        return "-"
    return "fits" if variant.refuse is None else "refuses"


def unmet(wanted: Wanted, row: Row) -> str | None:
    """Return why a machine does not get what is wanted, or ``None`` where it does."""
    found = row.decided or False
    if found == wanted:
        return None
    lines = [f"{row.of.name}: expected {_shown(wanted, row)}, found {_shown(found, row)}"]
    for verdict in row.decision.verdicts:
        if verdict.variant in (wanted, found):
            later = verdict.fits and verdict.variant == wanted
            outcome = "fits, but comes later: " if later else ""
            lines.append(f"  {verdict.variant}: {outcome}{verdict.reason}")
    return "\n".join(lines)


def _shown(wanted: Wanted, row: Row) -> str:
    if wanted is False:
        return "that no variant fits" if row.decided else "no variant that fits"
    variants = row.decision.selector.variants
    refuses = any(one.name == wanted and one.refuse is not None for one in variants)
    return f"{wanted}, which refuses" if refuses else str(wanted)


class _Table:
    """A table that is written row by row. The machine's name is last, and so needs no width."""

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


def _show_counts(selector: Selector, counts: Counter[str | None]) -> None:
    """Show how many machines get each variant."""
    print_line()
    rows = [(name, str(count)) for name, count in _by_variant(selector, counts).items()]
    print_table(("variant", "machines"), [*rows, ("nothing", str(counts[None]))])


def _by_variant(selector: Selector, counts: Counter[str | None]) -> dict[str, int]:
    return {one.name: counts[one.name] for one in selector.variants if one.refuse is None}


def _write_summary(selector: Selector, counts: Counter[str | None], properties: bool) -> None:
    """Write the last line of JSON."""
    summary: dict[str, Any] = {
        "format": FORMAT,
        "variants": _by_variant(selector, counts),
        "nothing": counts[None],
    }
    if properties:
        rows = [*express_rows(selector)]
        summary["wheels"] = [wheel.dump() for wheels, _ in rows for wheel in wheels]
        summary["not-expressible"] = [one._asdict() for _, some in rows for one in some]
    typer.echo(json.dumps(summary))


def _show_properties(selector: Selector) -> None:
    """Show what installers that read variant wheels ask for."""
    print_line()
    found: list[tuple[Cell, ...]] = []
    for variant, (wheels, problems) in zip(selector.variants, express_rows(selector)):
        found += [(variant.name, one.label, str(one.asked)) for one in wheels]
        found += [(variant.name, bad("none"), bad(one.message)) for one in problems]
        if not wheels and not problems:
            found.append((variant.name, "none", "it refuses, or is never chosen"))
    print_table(("variant", "variant wheel", "asks for"), found)


def _show_expected(problems: list[str], count: int, file: Path) -> None:
    for problem in problems:
        print_line(bad(problem))
    if problems:
        print_line(f"{len(problems)} of {count} machines do not get what {file} expects")
    else:
        print_line(good(f"{count} machines get what {file} expects"))
