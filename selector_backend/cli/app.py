"""The command line: all commands, each imported when it is called."""

from __future__ import annotations

import functools
import importlib
from typing import Annotated, Any, Callable, NamedTuple

import typer.core
import typer.main

from .. import __version__

_SETTINGS: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


class Command(NamedTuple):
    """A short summary of a command, and examples."""

    summary: str
    examples: str


#: The commands. Each is a function of its name, in a module of its name.
COMMANDS = {
    "init": Command(
        "Write a new selector package, its core and its variants.",
        "selector-backend init spam cu12 cpu",
    ),
    "machine": Command(
        "Show every fact of this machine.",
        "selector-backend machine --json > here.json; selector-backend machine --fact cuda",
    ),
    "explain": Command(
        "Show what would be chosen here, and why not the others.",
        "selector-backend explain --set cuda=12.4; selector-backend explain spam-1.0.tar.gz",
    ),
    "check": Command(
        "Look for errors in a project, its sdist or a release.",
        "selector-backend check --index https://index.example/simple/",
    ),
    "matrix": Command(
        "Show which variant each machine gets.",
        "selector-backend matrix --html machines.html",
    ),
    "rename": Command(
        "Rename finished wheels to a variant's name.",
        "selector-backend rename wheelhouse/*.whl --variant cu12 --outdir dist",
    ),
    "variant-wheels": Command(
        "Write the table as variant wheels (PEP 825).",
        "selector-backend variant-wheels dist/spam-1.0.tar.gz --outdir dist",
    ),
    "doctor": Command(
        "Check whether what is installed still fits this machine.",
        "selector-backend doctor --python .venv/bin/python",
    ),
    "schema": Command(
        "Write the JSON schema of the table, for editors.",
        "selector-backend schema > selector.schema.json",
    ),
}


class Commands(typer.core.TyperGroup):
    """The commands; `COMMANDS` has what a list of them shows."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return what is called: its name, the command itself, and its arguments."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and load_command(str(listed.name)), rest


@functools.cache
def load_command(name: str) -> Any:
    """Import the command ``name``, and return it as a command of typer.

    Raises `ModuleNotFoundError` if a library that it needs is missing.
    """
    module = importlib.import_module(f".{name.replace('-', '_')}", __package__)
    function = _readable(getattr(module, name.replace("-", "_")))
    single = typer.Typer(add_completion=False, **_SETTINGS)
    single.command(name, epilog=f"Examples: {COMMANDS[name].examples}")(function)
    return typer.main.get_command(single)


def _readable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with evaluated annotations: Python 3.9's typer reads no strings."""
    hints = function.__annotations__
    function.__annotations__ = {k: eval(hint, function.__globals__) for k, hint in hints.items()}
    return function


app = typer.Typer(
    name="selector-backend",
    cls=Commands,
    help="Write a selector package, and look at one before it is published, before it is "
    "installed, and afterwards.",
    epilog="Exit status: 0 fine, 1 a problem was found, 2 a mistake in the command line.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **_SETTINGS,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"selector-backend {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    pass


app.callback()(_readable(_options))
for _name, _command in COMMANDS.items():
    app.command(_name, short_help=_command.summary)(lambda: None)
