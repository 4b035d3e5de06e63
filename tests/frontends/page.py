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

Find your installer below: its paragraph says what to do so that everybody gets the variant that \
is asked for now, and not one of before. From an index, with pip or uv, that is nothing.

## What to do

**pip**: nothing, to install. To build a wheel to carry elsewhere, run \
`pip wheel --no-cache-dir spam`: without that option pip keeps the wheel in its cache, and a later \
`pip install` takes it. `pip cache remove spam` helps afterwards.

**uv** (`uv pip`, `uv tool`, `uvx`): nothing, from an index and from `--find-links`. For an sdist \
that is given as a file or a URL, add `--no-cache`. `uv pip freeze` shows `spam==1.0+cu12`, which \
no index has: cut the label off before you install from that file, or write it with \
`uv pip compile`.

**uv projects** (`uv lock`, `uv sync`, `uv run`): for one kind of machine, name the variant in \
`pyproject.toml`, and ask for the plain wheel, whose version is the one in the lock:

```toml
[tool.uv]
config-settings-package = {{ spam = {{ variant = "cu12", portable = "true" }} }}
```

Older versions have `config-settings = {{ variant = "cu12", portable = "true" }}`, which goes to \
every package that is built. For several kinds of machine, depend on the variants' distributions, \
and install with `uv sync --extra cu12`:

```toml
[project.optional-dependencies]
cpu = ["spam-cpu==1.0"]
cu12 = ["spam-cu12==1.0"]

[tool.uv]
conflicts = [[{{ extra = "cpu" }}, {{ extra = "cu12" }}]]
```

**poetry**: lock with `poetry lock --no-cache` and the variable set, and set the same variable for \
`poetry install`. For several kinds of machine, depend on the variants' distributions as extras.

**pdm**: the same, with `PDM_NO_CACHE=1 pdm lock` and `pdm sync`.

**pip-tools, `pip lock`, `uv pip compile`**: make one file for each kind of machine, and set the \
same variable when it is installed.

**pipx, pipenv, hatch, tox and nox**: nothing. They install by pip: pipenv by a copy that it \
carries, the others by the environment's own. hatch and nox can be told to use uv, and then they \
do what uv does. What tox builds itself, to test its own project, is plain and is used once.

**build, `uv build`, `poetry build`, `pdm build`**: nothing. The wheel is plain, to be kept.

**pixi**, and what else has uv's code in it: as uv.

**Anything else**: the wheel is plain, and a cache may hand the choice on. Set the variable, and \
switch the cache off where you change it.

**On Windows**, a backend cannot see the process that calls it. There:

- poetry and pdm are not recognised. Set `PDM_NO_CACHE=1`, or `POETRY_CACHE_DIR` to a folder for \
each choice: `poetry install --no-cache` still takes the kept wheel.
- `pip wheel` and `uv build` cannot be told from an install: pass `-C portable=true` when you \
build to keep.
- `--target`, `--prefix` and `--root` are not seen, and pip's own environment is taken for the one \
that is installed into. `PIP_PREFIX`, `PIP_ROOT`, and `PIP_TARGET` with a whole path, are seen. \
[Variants in one environment](../how-to/one-environment.md) says what depends on it.
- uv's hooks each ask the driver, instead of once an install.

## Why

A selector package is chosen when it is built, and installers keep what they build. Left alone, \
every one of them would hand the choice of before to the next request, and to the same machine \
after a driver was installed, without asking the backend. So the backend finds out who calls, and \
marks the wheel in the one way that this installer takes but does not use again:

| who calls | the wheel's file | `list` and `freeze` show |
|---|---|---|
| pip, poetry, pdm, installing | `spam-1.0-py3-none-selected_cu12.whl` | `spam 1.0` |
| uv, installing | `spam-1.0+cu12-py3-none-any.whl` | `spam 1.0+cu12` |
| `pip wheel`, `uv build`, `poetry build`, `pdm build`, `python -m build`, anything unknown; uv \
for an sdist that is given as a file | `spam-1.0-py3-none-any.whl` | `spam 1.0` |
| anybody, with `-C portable=true` or `SELECTOR_PORTABLE=1` | `spam-1.0-py3-none-any.whl` | \
`spam 1.0` |

`spam==1.0` is satisfied by each of them, and each requires `spam-cu12==1.0`.

Who calls is known from what the installer sets up for the build, and from the argument list and \
the working directory of the process that calls. The first word of it that is one of the \
installer's commands counts, whatever options come before.

A lock holds `spam 1.0` together with the variant that was chosen when it was made, and installing \
from it does not resolve again. The wheel of spam is built when it is installed, so the same \
choice has to be made then. Otherwise spam is there with a record of one variant beside the \
distributions of another, or with both.

A plain wheel that is built by `-C portable=true` is kept as any wheel is, for the same config \
settings: so name the variant in them as well. `SELECTOR_PORTABLE` is nothing that an installer \
knows of, so always give it together with `--no-cache` (pip: `--no-cache-dir`).

A version that has a label of its own (1.0+own, which the public index refuses anyway) cannot \
carry a second one. Under uv such a package is built plain, and takes `--no-cache` as well.

## What was seen

Each cell is what was seen in a run against an index that serves files with the headers of the \
public one. ✓ is what has to come out, anything else is what came out instead, and an empty cell \
is something that the version does not have. Unless a row says otherwise, each install goes into a \
new environment, from the same cache, on a machine without a GPU, and is followed by `pip check` \
or `uv pip check`, which pass.

### pip

{pip}

### uv

{uv}

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
        "| what is done | has to come out | " + " | ".join(one.title for one in shown) + " |",
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
