"""Write the parts of the documentation that are made from the code.

Usage: python docs/make.py [--check]

These are the table in reference/facts.md, from `selector_backend.installing.facts.FACTS`, and in
reference/command-line.md each command's description, arguments and options, from the command. With
--check nothing is written, and the exit status is 1 if a page is not what the code says.
"""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main

from selector_backend.cli.app import app
from selector_backend.installing.facts import FACTS, FactType, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REFERENCE = Path(__file__).with_name("reference")
PART = re.compile(
    r"(<!-- made by docs/make.py: begin (\S+) -->\n).*?(<!-- .*?: end -->\n)", re.DOTALL
)

OPERANDS = {
    Kind.VERSION: "a specifier",
    Kind.VERSIONS: "a specifier, in which one of the versions is enough",
    Kind.NAMES: "a name, or a list of names that are all there",
    Kind.ENVIRONMENT: "a marker",
    Kind.DISTRIBUTIONS: "a requirement, or a list of requirements that are all met",
    Kind.PROPERTIES: "a property, or a list of properties that are all supported",
}


def table_of_facts() -> str:
    """Return the table of all facts."""
    head = "| key | is | a condition on it is | read from | stated by |\n|---|---|---|---|---|\n"
    return head + "".join(map(row_of_fact, FACTS.values()))


def row_of_fact(fact: FactType) -> str:
    """Return the table's row for one fact."""
    cells = (
        f"`{fact.name}`",
        fact.meaning,
        OPERANDS[fact.kind],
        fact.source,
        f"`{fact.variable}={shlex.quote(fact.example)}`",
    )
    return f"| {' | '.join(cells)} |\n"


def describe(name: str, command: Any) -> str:
    """Return a command's description, its usage, and a table of its arguments and options."""
    paragraphs = [" ".join(text.split()) for text in inspect.cleandoc(command.help).split("\n\n")]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join(["selector-backend", name, "[OPTIONS]", *map(spell_argument, arguments)])
    rows = [(spell_argument(one), say(one)) for one in arguments]
    rows += [(spell_option(one), say(one)) for one in options]
    return (
        "\n\n".join(map(mark_options, paragraphs))
        + f"\n\n```\n{usage}\n```\n\n| | |\n|---|---|\n"
        + "".join(f"| `{spelled}` | {said} |\n" for spelled, said in rows)
    )


def spell_argument(argument: Any) -> str:
    """Return an argument as the usage has it: ``[DIR]``, ``WHEEL...``."""
    name = argument.metavar.strip("[].")
    name = name if argument.required else f"[{name}]"
    return f"{name}..." if argument.nargs == -1 else name


def spell_option(option: Any) -> str:
    """Return an option with its value: ``--name NAME``."""
    value = f" {option.metavar}" if option.metavar else ""
    return " / ".join((*option.opts, *option.secondary_opts)) + value


def say(parameter: Any) -> str:
    """Return what an argument or option says, whether it has to be given, and what it is else."""
    said = mark_options(parameter.help.replace("|", "\\|"))
    variables = parameter.envvar or ()
    if variables:
        said += f" Or by `{'`, `'.join([variables] if isinstance(variables, str) else variables)}`."
    if parameter.required and parameter.param_type_name == "option":
        said += " Required."
    if isinstance(parameter.default, (str, Path)) and str(parameter.default):
        said += f" Default: `{parameter.default}`."
    return said


def mark_options(text: str) -> str:
    """Return a text of the command with what is typed marked as code."""
    typed = r"--[a-z][a-z-]*|-C \S+?=[A-Z]+|\{[a-z:]+\}|\*\.\w+|'(?=\S+: )[^']+'|\bSELECTOR_[A-Z]+"
    return re.sub(typed, lambda found: f"`{found[0].strip(chr(39))}`", text)


def parts() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Return the pages, each with its parts by their names."""
    yield "facts.md", {"facts": table_of_facts()}
    commands = typer.main.get_group(app).commands
    yield "command-line.md", {name: describe(name, one) for name, one in commands.items()}


def written(text: str, made: Mapping[str, str]) -> str:
    """Return a page with its parts as the code says.

    Raises `KeyError` with what the page has no place for.
    """
    places = [found[2] for found in PART.finditer(text)]
    if missing := made.keys() - {*places}:
        raise KeyError(*sorted(missing))
    return PART.sub(lambda found: f"{found[1]}{made[found[2]]}{found[3]}", text)


def main() -> int:
    """Write the pages, or check them."""
    status = 0
    for name, made in parts():
        page = REFERENCE / name
        text = page.read_text(encoding="utf-8")
        new = written(text, made)
        if sys.argv[1:] != ["--check"]:
            page.write_text(new, encoding="utf-8")
        elif new != text:
            print(f"{name} is not what the code says: run python docs/make.py")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
