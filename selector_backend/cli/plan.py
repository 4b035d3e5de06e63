"""``selector-backend plan``: what a fleet of machines gets, and what serves it."""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..errors import SelectorError
from ..installing.messages import message_of
from ..model.decision import Environment, Request, decide
from ..model.machine import Machine, load_machine, parse_profile, stand_in
from ..model.table import CAPABILITY
from ..probes import complete
from .common import FORMAT, JsonOption, SetOption, UsageError, print_table, printable, read_settings
from .source import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..model.decision import Decision
    from ..model.table import Selector

ProfilesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PROFILES...",
        help="Machine profiles: files, folders of *.json, *.jsonl with one profile a line, "
        "or - for such lines on standard input.",
    ),
]
ProjectOption = Annotated[
    Path, typer.Option("--project", metavar="DIR", help="The project's folder.")
]
SummaryOption = Annotated[
    bool, typer.Option("--summary", help="Leave out what each single machine gets.")
]

# How many machines are named as examples.
_NAMED = 5


@dataclass
class Alike:
    """How many machines the same variants fit, and some of their names."""

    count: int = 0
    names: list[str] = field(default_factory=list)


def plan(
    profiles: ProfilesArgument,
    project: ProjectOption = Path(),
    settings: SetOption = None,
    summary: SummaryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show which variant each machine of a fleet gets, and which variants serve the fleet.

    Profiles are read as a stream, so that there may be any number of them.
    """
    selector = read_folder(project).selector
    stated = read_settings(settings)
    counts: Counter[str] = Counter()
    alike: dict[frozenset[str], Alike] = {}
    console = Console(stderr=True)
    hidden = not console.is_terminal or (not summary and sys.stdout.isatty())
    columns = (BarColumn(), TextColumn("{task.completed:.0f} machines"))
    # Not redirected: what is written to standard output stays there while a terminal shows the bar.
    with Progress(
        *columns, console=console, transient=True, disable=hidden, redirect_stdout=False
    ) as progress:
        for name, data in progress.track(_profiles(profiles)):
            facts = stand_in(load_machine(data, name), selector.facts).facts
            machine = Machine({fact.name: complete(fact) for fact in facts.values()})
            decision = decide(selector, machine.with_facts(stated), Request(), Environment())
            counts.update(decision.names)
            group = alike.setdefault(_fitting(decision), Alike())
            group.count += 1
            if len(group.names) < _NAMED:
                group.names.append(name)
            if not summary:
                _show_machine(name, decision, as_json)
    _show_summary(_summary(selector, counts, alike), as_json, alone=summary)
    if frozenset() in alike:
        raise typer.Exit(1)


def _profiles(sources: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield each profile's name and data. Raises `SelectorError` where a source has none."""
    for source in sources:
        in_lines = source == "-" or source.endswith(".jsonl")
        count = 0
        for name, content in _contents(source):
            what = f"{name}, a line that is to be one machine profile," if in_lines else name
            yield name, parse_profile(content, what, name)
            count += 1
        if not count:
            raise SelectorError(f"{source}: there are no machine profiles in it")


def _contents(source: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each profile of a file, a folder or standard input."""
    path = Path(source)
    if source == "-":
        if sys.stdin is None:
            raise UsageError("-: there is no standard input")
        yield from _lines("standard input", sys.stdin.buffer)
    elif path.is_dir():
        for file in sorted(one for one in path.iterdir() if one.suffix == ".json"):
            yield str(file), file.read_bytes()
    elif not path.exists():
        raise UsageError(f"{source}: there is no such file or folder")
    elif path.suffix == ".jsonl":
        with path.open("rb") as lines:
            yield from _lines(source, lines)
    else:
        yield source, path.read_bytes()


def _lines(source: str, lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each line, which is a profile of its own."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{source}:{number}", line


def _fitting(decision: Decision) -> frozenset[str]:
    """Return the names of all the variants that could be installed; none if nothing would be."""
    pairs = zip(decision.selector.variants, decision.verdicts)
    fitting = (one.name for one, verdict in pairs if verdict.fits and one.refuse is None)
    return frozenset(fitting if decision.names else ())


def _summary(
    selector: Selector, counts: Counter[str], alike: dict[frozenset[str], Alike]
) -> dict[str, Any]:
    """Return what the whole fleet gets, and what serves it."""
    names = [one.name for one in selector.variants if one.refuse is None]
    nothing = alike.get(frozenset(), Alike())
    together = selector.kind == CAPABILITY
    image = _serving(names, alike, most=len(names) if together else 1)
    best = _image(selector, [name for name in names if counts[name]]) if together else None
    left_out = [group for fitting, group in alike.items() if not fitting & {*image}]
    return {
        "machines": sum(group.count for group in alike.values()),
        "variants": {name: counts[name] for name in names},
        "nothing": {"machines": nothing.count, "examples": nothing.names},
        "best": best,
        "image": {
            **_image(selector, image),
            "left-out": sum(group.count for group in left_out),
            "examples": list(itertools.chain(*(group.names for group in left_out)))[:_NAMED],
        },
    }


def _image(selector: Selector, names: list[str]) -> dict[str, Any]:
    """Return what to put into an image that is to have the variants ``names``."""
    return {"variants": names, "setting": f"{selector.variable}={','.join(names)}"}


def _serving(names: list[str], alike: Mapping[frozenset[str], Alike], most: int) -> list[str]:
    """Return up to ``most`` variants that serve the machines that any fits.

    Takes one variant after the other: the one that fits the most of the machines left and, of
    several, the one that comes first in the table.
    """
    taken: list[str] = []
    left = {fitting: group.count for fitting, group in alike.items() if fitting}
    while left and len(taken) < most:
        fits: Counter[str] = Counter()
        for fitting, count in left.items():
            fits.update(dict.fromkeys(fitting, count))
        taken.append(max(names, key=lambda name: fits[name]))
        left = {fitting: count for fitting, count in left.items() if taken[-1] not in fitting}
    return sorted(taken, key=names.index)


def _show_machine(name: str, decision: Decision, as_json: bool) -> None:
    if as_json:
        problem = message_of(decision)
        entry = {"machine": name, "variants": decision.names, "problem": problem}
        sys.stdout.write(json.dumps(entry) + "\n")
    else:
        sys.stdout.write(printable(f"{name}  {', '.join(decision.names) or 'nothing'}\n"))


def _show_summary(found: dict[str, Any], as_json: bool, *, alone: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"format": FORMAT, "summary": found}) + "\n")
        return
    if not alone:
        sys.stdout.write("\n")
    nothing, image = found["nothing"], found["image"]
    rows = [(name, str(count)) for name, count in found["variants"].items()]
    print_table(("variant", "machines"), [*rows, ("nothing", str(nothing["machines"]))])
    if nothing["examples"]:
        typer.echo(f"\nnothing for {_examples(nothing['machines'], nothing['examples'])}")
    if image["variants"]:
        typer.echo(f"\nin one image: {image['setting']}")
    if image["left-out"]:
        typer.echo(f"which leaves out {_examples(image['left-out'], image['examples'])}")
    if found["best"] is not None and found["best"]["variants"] != image["variants"]:
        typer.echo(f"so that each has its best: {found['best']['setting']}")


def _examples(count: int, names: list[str]) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return printable(f"{', '.join(names)}{more}")
