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
from ..machine import FACTS, Fact, Machine, load_machine
from ..probes import complete
from ..project import read_project
from ..request import Request
from ..selector import CAPABILITY
from .common import FORMAT, JsonOption, SetOption, UsageError, print_table, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    selector = read_project(project).selector
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
    """Yield each profile's name and data."""
    for source in sources:
        path = Path(source)
        if source == "-":
            yield from _lines("standard input", sys.stdin)
        elif path.is_dir():
            for file in sorted(path.glob("*.json")):
                yield str(file), _parse(str(file), _text(file))
        elif not path.is_file():
            raise UsageError(f"{source}: there is no such file or folder")
        elif path.suffix == ".jsonl":
            with path.open(encoding="utf-8-sig", errors="replace") as lines:
                yield from _lines(source, lines)
        else:
            yield source, _parse(source, _text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise SelectorError(f"{path} cannot be read: {error.strerror}") from None


def _lines(source: str, lines: Any) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            name = f"{source}:{number}"
            yield name, _parse(name, line)


def _parse(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SelectorError(f"{name} is not JSON: {error}") from None


def _key(name: str, data: Any, selector: Selector) -> str:
    """Return the facts that count of a profile, as a text. Raises `SelectorError` if it is none."""
    facts = data.get("facts") if isinstance(data, dict) else None
    known = isinstance(facts, dict) and not facts.keys() - FACTS.keys()
    if not known or data.keys() - {"format", "facts"} or data.get("format") != FORMAT:
        load_machine(data, name)  # which says what is wrong
    counting = {one: data["facts"][one] for one in selector.facts if one in data["facts"]}
    return json.dumps(counting)


def _judge(selector: Selector, stated: Mapping[str, Fact], key: str) -> Outcome:
    loaded = load_machine({"format": FORMAT, "facts": json.loads(key)}, "a machine profile").facts
    facts = {}
    for name in selector.facts:
        reason = "the machine profile says nothing of it"
        fact = loaded.get(name) or Fact(name, "machine profile", reason=reason)
        facts[name] = complete(fact)
    machine = Machine(facts).with_facts(stated)
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
    left_out = [group for fitting, group in alike.items() if not fitting & {*image}]
    return {
        "machines": sum(group.count for group in alike.values()),
        "variants": {one.name: counts[one.name] for one in installable},
        "nothing": {"machines": nothing.count, "examples": nothing.names},
        "image": {
            "variants": image,
            "setting": f"{selector.variable}={','.join(image)}",
            "left-out": sum(group.count for group in left_out),
            "examples": list(itertools.chain(*(group.names for group in left_out)))[:_NAMED],
        },
    }


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
        sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{name}  {', '.join(outcome.chosen) or 'nothing'}\n")


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


def _examples(count: int, names: list[str]) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names)}{more}"


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
