"""docs/reference/frontends.md, from the results of a run."""

from __future__ import annotations

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

PAGE = ROOT / "docs/reference/frontends.md"

TEXT = """\
# What each installer does

<!-- Written by `python tests/frontends/run.py`, from what came out. Not to be edited. -->

After this page, your installer gives you the variant that you ask for now, and not one from its \
cache. With pip or uv and an index, there is nothing to do. Otherwise find your installer below.

## What to do

**pip**, 21.2 and newer: nothing, to install. To build a wheel for other machines, run \
`pip wheel --no-cache-dir spam`. Without that option pip keeps the wheel in its cache, and a later \
`pip install` takes it; `pip cache remove spam` removes it.

**uv**, 0.8 and newer (`uv pip`, `uv tool`, `uvx`): nothing, from an index and from \
`--find-links`. For an sdist that is given as a file or a URL, add `--no-cache`.

**uv projects** (`uv lock`, `uv sync`, `uv run`): nothing. The variant that the lock names for a \
platform is installed there. For a folder, a file, a URL or a repository as the source, uv keeps \
what it has built: add `--reinstall-package spam` when you change the variable.

For CPU and GPU machines of one platform, depend on the variants' distributions, and install with \
`uv sync --extra cu12`:

```toml
[project.optional-dependencies]
cpu = ["spam-cpu==1.0"]
cu12 = ["spam-cu12==1.0"]

[tool.uv]
conflicts = [[{{ extra = "cpu" }}, {{ extra = "cu12" }}]]
```

**poetry**: set the variable for `poetry lock --no-cache`. `poetry install` installs what is \
locked. For CPU and GPU machines of one platform, depend on the variants' distributions as extras.

**pdm**: the same, with `PDM_NO_CACHE=1 pdm lock` and `pdm sync`.

**pip-tools, `pip lock`, `uv pip compile`**: make one file for each kind of machine, and set the \
same variable when you install it. [Lock the variant](../how-to/locks.md) has examples.

**pipx, pipenv, hatch, tox and nox**: nothing. They install with pip. If hatch or nox use uv, \
they do what uv does. But [tox hides the variable](../how-to/ci.md#tox).

**build, `uv build`, `poetry build`, `pdm build`**: nothing. The wheel is plain, and can be kept.

**pex**: nothing. But it keeps the wheel too; add `--disable-cache` when you change the variable.

**pixi**, and other tools that contain uv's code: as uv.

**Anything else**: the wheel is plain, and a cache may keep the choice. Set the variable, and \
switch the cache off when you change the variable. A program that has pip inside is taken for pip: \
what it does is the first of pip's commands on its command line, or else `install`.

## Why

The variant is chosen when the wheel of spam is built, and installers keep the wheels that they \
build. So every installer would use an old choice again, even after a driver was installed, and \
not ask the backend. The backend finds out which installer calls, and names the wheel so that this \
installer accepts it, but does not use it again:

| who calls | the wheel's file | `list` and `freeze` show |
|---|---|---|
| pip, poetry, pdm, installing | `spam-1.0-py3-none-selected_cu12.whl` | `spam 1.0` |
| uv, from an index or `--find-links` | `spam-1.0+cu12-py3-none-any.whl` | uv's: `spam 1.0`, \
pip's `list`: `spam 1.0+cu12` |
| `pip wheel`, pex, `uv build`, `poetry build`, `pdm build`, `python -m build`, anything unknown; \
uv for a folder, a file, a URL or a repository | `spam-1.0-py3-none-any.whl` | `spam 1.0` |
| anybody, with `-C portable=true` or `SELECTOR_PORTABLE=1` | `spam-1.0-py3-none-any.whl` | \
`spam 1.0` |

`spam==1.0` is satisfied by each of them, and each requires `spam-cu12==1.0`. uv compares the \
label with its cache, in the wheel's name and in `METADATA`; it takes the installed version from \
the name of the `.dist-info` folder, which has no label. pip and `importlib.metadata` read \
`METADATA`.

The backend recognises the installer by what it sets up for the build, and by the command line and \
the working directory of the calling process. The first word of the command line that is one of \
the installer's commands counts, whatever options come before it.

A lock has `spam 1.0` and the variant that was chosen when the lock was made. Installing from it \
does not resolve again, but builds the wheel of spam. So the backend reads \
[what the lock names](../reference/settings.md#what-a-lock-asks-for).

Installers keep a plain wheel that is built by `-C portable=true`, for the same config settings. \
So name the variant in them as well. Installers do not know `SELECTOR_PORTABLE`, so always use it \
together with `--no-cache` (pip: `--no-cache-dir`).

A version with its own label (1.0+own, which the public index refuses) cannot have a second label. \
With uv, the wheel of such a package is plain, so use `--no-cache`.

## Test results

The results are from a run of `python tests/frontends/run.py`, with an index that serves files \
with the headers of the public one. ✓ means that the result is as expected; otherwise the cell has \
the result. An empty cell means that the version does not have the feature. Unless a row says \
otherwise, each install goes into a new environment, from the same cache, on a machine without a \
GPU. `pip check` or `uv pip check` passes after each install. Beside spam's sdist, the index has \
its [variant wheels](../how-to/variant-wheels.md).

### pip

{pip}

### uv

{uv}

### uv with its preview of variant wheels

Each command has `--preview-features wheel-variants`; a driver is stated by uv's own variable.

{uv_preview}

- While it resolves, uv also asks the backend what the sdist would choose, and then takes the \
wheel. `--only-binary spam` leaves that out.
- A variant wheel is picked by the machine alone. `--no-binary spam` takes the sdist, and with it \
the variable and the config settings.
- A lock holds the sdist and no variant wheel, so locks are as without the preview.

### Locks of uv

{uv_locks}

### Locks of poetry and pdm

{poetry_pdm}

### Locks of pip and pip-tools

{pip_locks}

### Building to keep, and tools on top of pip and uv

{others}
"""


def page(results: Mapping[str, Mapping[str, str]], programs: Sequence[Program]) -> str:
    """Return the page. A scenario that a frontend has no result of is left out for it."""

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
