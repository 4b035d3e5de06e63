"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .check import check
from .doctor import doctor
from .explain import explain
from .machine import machine
from .matrix import matrix
from .plan import plan

app = typer.Typer(
    name="selector-backend",
    help="Look at selector packages before they are published, before they are installed, "
    "and afterwards.",
    epilog="Exit status: 0 fine, 1 a problem was found, 2 a mistake in the command line.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"selector-backend {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    pass


app.command(epilog="Example: selector-backend check --index https://index.example/simple/")(check)
app.command(
    epilog="Examples: selector-backend explain --set cuda=12.4; "
    "selector-backend explain spam-1.0.tar.gz"
)(explain)
app.command(
    epilog="Examples: selector-backend machine --json > here.json; "
    "selector-backend machine --fact cuda"
)(machine)
app.command(epilog="Example: selector-backend doctor --python .venv/bin/python")(doctor)
app.command(epilog="Example: selector-backend matrix --html machines.html")(matrix)
app.command(epilog="Example: selector-backend plan nodes/ --project spam")(plan)
