"""What a run writes: benchmarks/frontends.md, and of docs/reference/frontends.md what fails."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from frontends.lab import Program
from frontends.scenarios import (
    INSTALL,
    KEEP,
    LOCKS,
    SCENARIOS,
    TOOLS,
    WITH_WHEELS,
    Scenario,
)
from support.environment import ROOT

MATRIX = ROOT / "benchmarks/frontends.md"
PAGE = ROOT / "docs/reference/frontends.md"
PART = re.compile(r"(<!-- made by tests/frontends/run.py -->\n).*?(<!-- end -->\n)", re.DOTALL)

TEXT = """\
# Installers, tried

<!-- Written by `python tests/frontends/run.py`, from what came out. Not to be edited. -->

[What each installer does](../docs/reference/frontends.md) has in short what users need of this.

The results are from a run of `python tests/frontends/run.py`, with an index that serves files \
with the headers of the public one. ✓ means that the result is as expected; otherwise the cell has \
the result. An empty cell means that the version does not have the feature. Unless a row says \
otherwise, each install goes into a new environment, from the same cache, on a machine without a \
GPU. `pip check` or `uv pip check` passes after each install. Beside spam's sdist, the index has \
its [variant wheels](../docs/how-to/variant-wheels.md). What is on Windows ran below wine.

## pip

{pip}

## uv

{uv}

## uv with its preview of variant wheels

Each command has `--preview-features wheel-variants`; a driver is stated by uv's own variable.

{uv_preview}

- While it resolves, uv also asks the backend what the sdist would choose, and then takes the \
wheel. `--only-binary spam` avoids that.
- The machine alone picks a variant wheel. `--no-binary spam` takes the sdist, and with it the \
variable and the config settings.
- A lock has the sdist and no variant wheel, so locks are as without the preview.

## Locks of uv

{uv_locks}

## Locks of poetry and pdm

{poetry_pdm}

## Locks of pip and pip-tools

{pip_locks}

## Building to keep, and tools on top of pip and uv

{others}
"""


def matrix(results: Mapping[str, Mapping[str, str]], programs: Sequence[Program]) -> str:
    """Return all results. A scenario that a frontend has no result of is left out for it."""

    def of(kinds: str, *groups: str) -> str:
        columns = [program for program in programs if program.kind in kinds.split()]
        rows = [one for one in SCENARIOS if one.group in groups and {*kinds.split()} & {*one.kinds}]
        return table(rows, columns, results)

    return TEXT.format(
        pip=of("pip", INSTALL),
        uv=of("uv", INSTALL),
        uv_preview=of("uv", WITH_WHEELS),
        uv_locks=of("uv", LOCKS),
        poetry_pdm=of("poetry pdm", LOCKS),
        pip_locks=of("pip pip-tools", LOCKS),
        others=of("pip uv poetry pdm build pipx pipenv hatch tox nox", KEEP, TOOLS),
    )


def page(text: str) -> str:
    """Return the page of users with its table of what is known to fail."""
    failing = dict.fromkeys(  # the same advice is given once
        (f"{', '.join(row.short)}: {row.advice[0]}", *row.advice[1:])
        for row in SCENARIOS
        if row.advice
    )
    rows = [("you run", "it gives", "do instead"), ("---",) * 3, *failing]
    made = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return PART.sub(lambda part: f"{part[1]}{made}{part[2]}", text)


def table(
    rows: Sequence[Scenario],
    columns: Sequence[Program],
    results: Mapping[str, Mapping[str, str]],
) -> str:
    shown = [
        one
        for one in columns
        if any(results.get(row.name, {}).get(one.title, "-") != "-" for row in rows)
    ]
    lines = [
        "| action | expected result | " + " | ".join(one.title for one in shown) + " |",
        "|---" * (2 + len(shown)) + "|",
    ]
    for row in rows:
        seen = results.get(row.name, {})
        cells = [cell(row, seen.get(one.title, "")) for one in shown]
        if any(cells):
            lines.append(f"| {row.title} | {row.expect} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(row: Scenario, seen: str) -> str:
    return "✓" if seen == row.expect else "" if seen in ("", "-") else f"**{seen}**"
