"""``selector-backend plan``: what a fleet of machines gets, and what serves it."""

from __future__ import annotations

import contextlib
import functools
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

from ..decision import decide
from ..environment import Environment
from ..errors import SelectorError
from ..machine import FACTS, Machine, load_machine
from ..machine import FORMAT as PROFILE_FORMAT
from ..probes import complete
from ..profile import parse_profile, stand_in
from ..request import Request
from ..selector import CAPABILITY
from .common import (
    FORMAT,
    JsonOption,
    SetOption,
    UsageError,
    print_table,
    printable,
    read_settings,
)
from .source import read_selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..machine import Fact
    from ..selector import Selector, Variant

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

# Machines that are alike in the facts that count are judged once; so many are remembered.
_REMEMBERED = 10_000
# So many machines are named as examples.
_NAMED = 5


@dataclass(frozen=True)
class Outcome:
    """What a machine gets; ``fitting`` are all the variants that could be installed on it."""

    chosen: tuple[str, ...]
    fitting: frozenset[str]
    problem: str | None


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
    selector = read_selector(project)
    stated = read_settings(settings)
    judge = functools.lru_cache(_REMEMBERED)(functools.partial(_judge, selector, stated))
    counts: Counter[str] = Counter()
    alike: dict[frozenset[str], Alike] = {}
    with _progress(hidden=not summary and sys.stdout.isatty()) as advance:
        for name, data in _profiles(profiles):
            try:
                outcome = judge(_key(name, data, selector))
            except SelectorError:
                load_machine(data, name)  # the same error, with the profile's name
                raise
            counts.update(outcome.chosen)
            group = alike.setdefault(outcome.fitting, Alike())
            group.count += 1
            if len(group.names) < _NAMED:
                group.names.append(name)
            if not summary:
                _show_machine(name, outcome, as_json)
            advance()
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


def _key(name: str, data: Any, selector: Selector) -> str:
    """Return the facts that count of a profile, as a text. Raises `SelectorError` if it is none."""
    facts = data.get("facts") if isinstance(data, dict) else None
    known = isinstance(facts, dict) and not facts.keys() - FACTS.keys()
    if not known or data.keys() - {"format", "facts"} or data.get("format") != PROFILE_FORMAT:
        load_machine(data, name)  # which says what is wrong
    counting = {one: data["facts"][one] for one in selector.facts if one in data["facts"]}
    try:
        return json.dumps(counting)
    except RecursionError:
        load_machine(data, name)  # no fact is nested as deep
        raise


def _judge(selector: Selector, stated: Mapping[str, Fact], key: str) -> Outcome:
    profile = load_machine({"format": PROFILE_FORMAT, "facts": json.loads(key)}, "a profile")
    facts = stand_in(profile, selector.facts).facts
    machine = Machine({name: complete(fact) for name, fact in facts.items()}).with_facts(stated)
    decision = decide(selector, machine, Request(), Environment())
    installable = {one.name for one in selector.variants if one.refuse is None}
    fitting = installable & {one.variant for one in decision.verdicts if one.fits}
    served = frozenset(fitting) if decision.names else frozenset()
    return Outcome(tuple(decision.names), served, decision.problem)


def _summary(
    selector: Selector, counts: Counter[str], alike: dict[frozenset[str], Alike]
) -> dict[str, Any]:
    """Return what the whole fleet gets, and what serves it."""
    installable = [one for one in selector.variants if one.refuse is None]
    nothing = alike.get(frozenset(), Alike())
    served = {fitting: group for fitting, group in alike.items() if fitting}
    if selector.kind == CAPABILITY:
        image = _smallest(installable, list(served))
    else:
        image = _most(installable, served)
    best = None
    if selector.kind == CAPABILITY:
        best = _image(selector, [one.name for one in installable if counts[one.name]])
    left_out = [group for fitting, group in alike.items() if not fitting & {*image}]
    return {
        "machines": sum(group.count for group in alike.values()),
        "variants": {one.name: counts[one.name] for one in installable},
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


def _smallest(variants: list[Variant], served: list[frozenset[str]]) -> list[str]:
    """Return the fewest variants of which one fits each machine that any fits."""
    names = [variant.name for variant in variants]
    for count in range(len(names) + 1):
        for some in itertools.combinations(names, count):
            if all(fitting.intersection(some) for fitting in served):
                return list(some)
    return names


def _most(variants: list[Variant], served: dict[frozenset[str], Alike]) -> list[str]:
    """Return the one variant that fits most machines; of several, the one that comes first."""
    fits = {
        variant.name: sum(group.count for names, group in served.items() if variant.name in names)
        for variant in variants
    }
    return [max(fits, key=lambda name: fits[name])] if any(fits.values()) else []


def _show_machine(name: str, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        entry = {"machine": name, "variants": outcome.chosen, "problem": outcome.problem}
        sys.stdout.write(json.dumps(entry) + "\n")
    else:
        sys.stdout.write(printable(f"{name}  {', '.join(outcome.chosen) or 'nothing'}\n"))


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


@contextlib.contextmanager
def _progress(*, hidden: bool) -> Iterator[Any]:
    """Show a bar on standard error, if that is a terminal; yields what moves it on by one."""
    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.completed:.0f} machines"))
    disabled = hidden or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disabled) as progress:
        task = progress.add_task("", total=None)
        done = itertools.count(1)

        def advance() -> None:
            number = next(done)
            if number % 1000 == 0:
                progress.update(task, completed=number)

        yield advance
