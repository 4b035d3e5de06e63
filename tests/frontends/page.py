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
# What each frontend does

<!-- Written by `python tests/frontends/run.py`, from what came out. Not to be edited. -->

A selector package is chosen when it is built, and installers keep what they build. Left alone, \
every one of them hands the choice of before to the next request, and to the same machine after a \
driver was installed, without asking the backend. So the backend finds out who calls, and marks \
the wheel in the one way that this frontend installs but does not reuse:

| who calls | the wheel's file | `list` and `freeze` show |
|---|---|---|
| pip, poetry, pdm, installing | `spam-1.0-py3-none-selected_cu12.whl` | `spam 1.0` |
| uv, installing | `spam-1.0+cu12-py3-none-any.whl` | `spam 1.0+cu12` |
| `pip wheel`, `uv build`, `poetry build`, `pdm build`, `python -m build`, anything unknown; uv \
for an sdist that is given as a file | `spam-1.0-py3-none-any.whl` | `spam 1.0` |
| anybody, with `-C portable=true` or `SELECTOR_PORTABLE=1` | `spam-1.0-py3-none-any.whl` | \
`spam 1.0` |

What is required stays the same: `spam==1.0` is satisfied by each of them, and each requires \
`spam-cu12==1.0`.

Who calls is known from what the frontend sets up for the build, and from the argument list and \
the working directory of the process that calls. The first word of it that is one of the \
frontend's commands counts, whatever options come before. What has uv's code in it (pixi) is \
known by the folder in which it builds.

Windows does not tell of the process that calls. There:

- poetry and pdm are not recognised, so the wheel has no mark, and their caches give back the \
choice of before. Set `PDM_NO_CACHE=1`, or `POETRY_CACHE_DIR` to a folder for each choice: \
`poetry install --no-cache` still takes the kept wheel.
- `pip wheel` and `uv build` cannot be told from an install, and mark the wheel: pass \
`-C portable=true` when building to keep.
- `--target`, `--prefix` and `--root` are not seen, and pip's own environment is taken for the one \
that is installed into. `PIP_PREFIX`, `PIP_ROOT`, and `PIP_TARGET` with a whole path, are seen. \
[Variants in one environment](../how-to/one-environment.md) says what depends on it.
- uv's hooks each ask the driver, instead of once an install.

In the tables below, each cell is what \
was seen in a run against an index that serves files with \
the headers of the public one; ✓ is what has to come out, anything else is what came out instead, \
and an empty cell is something that the version does not have. Unless a row says otherwise, each \
install goes into a new environment, from the same cache, on a machine without a GPU, and is \
followed by `pip check` or `uv pip check`, which pass. The index has spam's \
[variant wheels](../how-to/variant-wheels.md) beside its sdist.

## pip

{pip}

- `pip wheel` has to give a wheel that can be carried, and pip keeps a copy of it in its cache, \
which a later `pip install` takes. Build with `pip wheel --no-cache-dir`, or run \
`pip cache remove spam` afterwards. `-C portable=true` is the same: give it together with \
`--no-cache-dir`.

## uv

{uv}

- An sdist that is given as a file or a URL is kept whatever its version, so a later choice is not \
seen: install it with `--no-cache`. From an index, and from `--find-links`, nothing is needed.
- A version that has a label of its own (1.0+own, which the public index refuses anyway) cannot \
carry a second one, and uv accepts no other version from that sdist: such a selector package is \
built plain under uv, and takes `--no-cache` as well.
- `uv pip freeze` shows the label, and no index has that version. Cut it off before the file is \
installed from, as the row shows; or compile the file (`uv pip compile`), which has no labels.
- `portable=true` makes a plain wheel, and uv keeps that one, for the same config settings. So \
name the variant in them as well, as the row does. `SELECTOR_PORTABLE` is nothing that uv knows \
of: always give it together with `--no-cache`.

### uv with its preview of variant wheels

Each command has `--preview-features wheel-variants`; a driver is stated by uv's own variable.

{uv_preview}

- While it resolves, uv also asks the backend what the sdist would choose, and then takes the \
wheel. `--only-binary spam` leaves that out.
- A variant wheel is picked by the machine alone. `--no-binary spam` takes the sdist, and with it \
the variable and the config settings.
- A lock holds the sdist and no variant wheel, so what is said of locks below holds with the \
preview as well.

## What a lock holds

A lock or a compiled file holds `spam 1.0` together with the variant that was chosen when it was \
made, and installing from it does not resolve again. The wheel of spam is built when it is \
installed, so the same choice has to be made then; otherwise spam is there with a record of one \
variant beside the distributions of another, or with both, as the rows show. Either lock for one \
kind of machine and name the variant in both steps, or leave spam out and let the lock hold the \
variant distributions as extras.

### uv

{uv_locks}

- For a project that is locked for one kind of machine, name the variant in its \
`pyproject.toml`, so that the lock and the wheel agree, and ask for the portable wheel, whose \
version is the one in the lock: otherwise some versions of uv, which find `1.0+cu12` where the \
lock says `1.0`, build it again at every `uv sync` and `uv run`. uv keeps this wheel for this \
project's settings, and nobody else gets it.

  ```toml
  [tool.uv]
  config-settings-package = {{ spam = {{ variant = "cu12", portable = "true" }} }}
  ```

  Older versions have `config-settings = {{ variant = "cu12", portable = "true" }}`, which goes to \
every package that is built; uv 0.6 was run with that.
- For several kinds of machine, depend on the variant distributions:

  ```toml
  [project.optional-dependencies]
  cpu = ["spam-cpu==1.0"]
  cu12 = ["spam-cu12==1.0"]

  [tool.uv]
  conflicts = [[{{ extra = "cpu" }}, {{ extra = "cu12" }}]]
  ```

  and install with `uv sync --extra cu12`. Or compile one file for each kind of machine, and set \
the variable when it is installed too.

### poetry and pdm

{poetry_pdm}

- Both remember the dependencies of the first choice they saw. Lock with `poetry lock --no-cache` \
or `PDM_NO_CACHE=1 pdm lock`, with the variable set, and set the same variable for \
`poetry install` or `pdm sync`.
- For several kinds of machine, depend on the variant distributions as extras, as above without \
`conflicts`.

### pip and pip-tools

{pip_locks}

- Make one file for each kind of machine, and set the same variable when it is installed.

## Building to keep, and tools on top of pip and uv

{others}

- pipenv, hatch, tox and nox install by pip: pipenv by a copy that it carries, the others by the \
environment's own. That pip is the process that calls, so what is said of pip holds for them. \
hatch and nox can be told to use uv, and then it is uv.
- What tox builds itself, to test the project that it is in, is plain, as from anything unknown. \
It is used once.
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
