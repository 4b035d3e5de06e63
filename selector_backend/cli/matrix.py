"""``selector-backend matrix``: a project's variants against many machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..authoring.variant_wheels import express_rows
from ..installing.decision import decide
from ..installing.environment import Environment
from ..installing.probes import read_machine
from ..installing.request import Request
from .check import FolderArgument
from .common import (
    FORMAT,
    Cell,
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_json,
    print_line,
    print_table,
    profile_file,
    read_settings,
)
from .expect import Expectations, read_expectations, unmet
from .html import page
from .named_machines import NamedMachine, shipped_machines
from .picker import PICKED_BY
from .rows import Row
from .source import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..installing.table import Selector
    from .expect import Wanted

ProfilesOption = Annotated[
    Optional[list[Path]],
    typer.Option(
        "--machine", metavar="FILE", help="A machine profile of your own. May be repeated."
    ),
]
ShippedOption = Annotated[
    bool, typer.Option("--shipped/--no-shipped", help="Include the machines that are shipped.")
]
HtmlOption = Annotated[
    Optional[Path],
    typer.Option("--html", metavar="FILE", help="Write a page to publish, in a single file."),
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


def matrix(
    folder: FolderArgument = Path(),
    profiles: ProfilesOption = None,
    settings: SetOption = None,
    shipped: ShippedOption = True,
    html: HtmlOption = None,
    expect: ExpectOption = None,
    properties: PropertiesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show which variant each machine gets: those that are shipped, and your own.

    With --expect, show the machines that do not get what they should.
    """
    selector = read_folder(folder).selector
    names = tuple(dict.fromkeys((*selector.facts, *PICKED_BY)))
    machines = [*_given(profiles or (), names), *(shipped_machines(names) if shipped else ())]
    expected = Expectations({}, ())
    if expect is not None:
        expected = read_expectations(expect, selector, {one.name for one in machines}, names)
    stated = read_settings(settings)
    rows = [
        Row(one, decide(selector, one.machine, Request(), Environment()))
        for one in (each.with_facts(stated) for each in (*machines, *expected.machines))
    ]
    wanted = expected.wanted
    checked = [(wanted[row.of.name], row) for row in rows if row.of.name in wanted]
    problems = [problem for pair in checked if (problem := unmet(*pair))]
    if html is not None:
        try:
            html.write_text(page(selector, rows), encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"--html {html}: {error.strerror}") from None
    if as_json:
        found = {"format": FORMAT, "machines": [row.dump() for row in rows]}
        if expect is not None:
            found["expected"] = [_dump(*pair) for pair in checked]
        if properties:
            rows_of = [*express_rows(selector)]
            found["wheels"] = [wheel.dump() for wheels, _ in rows_of for wheel in wheels]
            found["not-expressible"] = [one._asdict() for _, some in rows_of for one in some]
        print_json(found)
    else:
        if html is not None:
            print_line(f"{len(rows)} machines are written to {html}")
        if expect is not None:
            _show_expected(problems, len(checked), expect)
        elif html is None:
            _show(selector, rows)
        if properties:
            _show_properties(selector)
    if problems:
        raise typer.Exit(1)


def _show(selector: Selector, rows: list[Row]) -> None:
    colours = {"chosen": good, "refuses": bad}
    print_table(
        ("machine", *(variant.name for variant in selector.variants)),
        [(row.of.name, *(colours.get(one, str)(one) for one in row.outcomes)) for row in rows],
    )


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


def _dump(wanted: Wanted, row: Row) -> dict[str, object]:
    return {
        "machine": row.of.name,
        "expected": wanted or None,
        "found": row.decided,
        "problem": unmet(wanted, row),
    }


def _given(paths: list[Path] | tuple[()], names: tuple[str, ...]) -> Iterator[NamedMachine]:
    for path in paths:
        machine = read_machine(names, {}, profile=profile_file(path))
        yield NamedMachine(path.stem, str(path), machine)
