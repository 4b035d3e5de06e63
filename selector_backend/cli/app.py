"""The commands, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Callable

import typer

from .. import __version__
from .check import check
from .doctor import doctor
from .explain import explain
from .init import init
from .machine import machine
from .matrix import matrix
from .rename import rename
from .schema import schema
from .variant_wheels import variant_wheels

app = typer.Typer(
    name="selector-backend",
    help="Write a selector package, and look at one before it is published, before it is "
    "installed, and afterwards.",
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


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    pass


def _readable(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``command`` with evaluated annotations: Python 3.9's typer reads no strings."""
    hints = command.__annotations__
    command.__annotations__ = {
        name: eval(hint, command.__globals__) for name, hint in hints.items()
    }
    return command


_EXAMPLES: Mapping[Callable[..., Any], str] = {
    init: "selector-backend init spam --variant cu12 --variant cpu",
    machine: "selector-backend machine --json > here.json; selector-backend machine --fact cuda",
    explain: "selector-backend explain --set cuda=12.4; selector-backend explain spam-1.0.tar.gz",
    check: "selector-backend check --index https://index.example/simple/",
    matrix: "selector-backend matrix spam --machine nodes/ --no-shipped",
    rename: "selector-backend rename wheelhouse/*.whl --variant cu12 --outdir dist",
    variant_wheels: "selector-backend variant-wheels dist/spam-1.0.tar.gz --outdir dist",
    doctor: "selector-backend doctor --python .venv/bin/python",
    schema: "selector-backend schema > selector.schema.json",
}

app.callback()(_readable(_options))
for _command, _examples in _EXAMPLES.items():
    app.command(epilog=f"Examples: {_examples}")(_readable(_command))
