"""Write the parts of the documentation that are made from the code.

Usage: python docs/make.py [--check]

They are the tables of keys in reference/table.md, from `selector_backend.authoring.keys`, the table
of facts in reference/facts.md, from `selector_backend.model.facts.FACTS`, and in
reference/command-line.md each command's description, arguments and options, from the command. With
--check nothing is written, and the exit status is 1 if a page is not what the code says.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selector_backend.authoring.conditions import CONDITIONS
from selector_backend.authoring.keys import TABLE, VARIANT
from selector_backend.cli.app import COMMANDS, load_command
from selector_backend.model.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from selector_backend.authoring.structure import Key

REFERENCE = Path(__file__).with_name("reference")
PART = re.compile(r"(<!-- made by docs/make.py: (\S+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

#: Where a page says more of a key.
MORE = {
    "backend": "../how-to/one-tree.md",
    "conform": "../how-to/one-environment.md#variants-that-exclude-each-other",
    "dependencies": "../how-to/one-tree.md#built-against",
    "kind": "../how-to/one-environment.md",
    "provider": "facts.md#properties-of-wheel-variants-property",
    "self-contained": "../how-to/self-contained.md",
    "variable": "settings.md#asking-for-a-variant",
    "when": "#conditions",
}


def facts() -> str:
    """Return the table of all facts, each with an example of a condition on it."""
    rows = []
    for fact in FACTS.values():
        example = CONDITIONS[fact.kind].example.format(example=fact.example)
        rows.append(f"| `{fact.name}` | {fact.meaning} | `{example}` |\n")
    return "| fact | is | a condition |\n|---|---|---|\n" + "".join(rows)


def keys(some: Iterable[tuple[str, Key]]) -> str:
    """Return a table of keys, each with the text that follows its name."""
    rows = ["| key | means | default |\n|---|---|---|\n"]
    for place, key in some:
        name = f"[`{key.name}`]({MORE[key.name]})" if key.name in MORE else f"`{key.name}`"
        default = key.default or ("required" if key.missing else "")
        rows.append(f"| {name}{place} | {key.description} | {default} |\n")
    return "".join(rows)


def describe(command: Any, shared: Mapping[str, str]) -> str:
    """Return a command's description, and a table of its arguments and options."""
    paragraphs = [" ".join(text.split()) for text in inspect.cleandoc(command.help).split("\n\n")]
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    rows = {spell_argument(argument): say(argument) for argument in arguments}
    rows |= options(command)
    also = ", ".join(f"`{option.split()[0]}`" for option in rows if option in shared)
    own = table((option, said) for option, said in rows.items() if option not in shared)
    also = f"Also {also}.\n" if also else ""
    return "\n\n".join(filter(None, (*map(mark_options, paragraphs), own[:-1], also[:-1]))) + "\n"


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of arguments and options, or nothing if there are none."""
    made = "".join(f"| `{escape(spelled)}` | {said} |\n" for spelled, said in rows)
    return f"| | |\n|---|---|\n{made}" if made else ""


def options(command: Any) -> dict[str, str]:
    """Return what each option of a command says."""
    params = [param for param in command.params if param.param_type_name == "option"]
    return {spell_option(param): say(param) for param in params}


def shared_options(commands: Iterable[Any]) -> dict[str, str]:
    """Return the options that several commands have in the same words, without required ones."""
    seen: Counter[tuple[str, str]] = Counter()
    for command in commands:
        seen.update(options(command).items())
    return {
        option: said
        for (option, said), times in seen.items()
        if times > 1 and not said.endswith("Required.")
    }


def spell_argument(argument: Any) -> str:
    """Return an argument as `--help` has it: ``[DIR]``, ``WHEEL...``."""
    name = argument.metavar.removesuffix("...")
    if not argument.required:
        name = f"[{name.strip('[].')}]"
    return f"{name}..." if argument.nargs == -1 else name


def spell_option(option: Any) -> str:
    """Return an option with its value: ``--name NAME``."""
    value = f" {option.metavar}" if option.metavar else ""
    return " / ".join((*option.opts, *option.secondary_opts)) + value


def say(parameter: Any) -> str:
    """Return what an argument or option says, whether it has to be given, and what it is else."""
    said = mark_options(escape(parameter.help))
    variables = parameter.envvar or ()
    if variables:
        said += f" Or by `{'`, `'.join([variables] if isinstance(variables, str) else variables)}`."
    if parameter.required and parameter.param_type_name == "option":
        said += " Required."
    if isinstance(parameter.default, (str, Path)) and str(parameter.default):
        said += f" Default: `{parameter.default}`."
    return said


def escape(text: str) -> str:
    """Return a text as a cell of a table has it."""
    return text.replace("|", "\\|")


def mark_options(text: str) -> str:
    """Return a text of the command with what is typed marked as code."""
    typed = r"--[a-z][a-z-]*|-C \S+?=[A-Z]+|\{[a-z:]+\}|\*\.\w+|'(?=\S+: )[^']+'|\bSELECTOR_[A-Z]+"
    return re.sub(typed, lambda found: f"`{found[0].strip(chr(39))}`", text)


def parts() -> Mapping[str, str]:
    """Return all that is made, by the names that pages call it by."""
    own = [("", key) for key in TABLE.keys if not key.tree]
    variant = [("", key) for key in VARIANT.keys if not key.tree]
    tree = [(", in `[tool.selector]`", key) for key in TABLE.keys if key.tree]
    tree += [(", in a variant", key) for key in VARIANT.keys if key.tree]
    tables = {"table": own, "variant": variant, "tree": tree}
    commands = {name: load_command(name) for name in COMMANDS}
    shared = shared_options(commands.values())
    return {
        "facts": facts(),
        **{name: keys(some) for name, some in tables.items()},
        "shared": table(shared.items()),
        **{name: describe(command, shared) for name, command in commands.items()},
    }


def main() -> int:
    """Write the pages, or check them."""
    status, made, placed = 0, parts(), set()
    for path in sorted(REFERENCE.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        placed |= {found[2] for found in PART.finditer(page)}
        new = PART.sub(lambda found: f"{found[1]}{made[found[2]]}{found[3]}", page)
        if sys.argv[1:] != ["--check"]:
            path.write_text(new, encoding="utf-8")
        elif new != page:
            print(f"{path.name} is not what the code says: run python docs/make.py")
            status = 1
    if missing := made.keys() - placed:
        print(f"no page has a place for {', '.join(sorted(missing))}")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
