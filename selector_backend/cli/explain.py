"""``selector-backend explain``: shows what would be chosen, and why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.text import Text

from .. import __version__
from ..errors import SelectorError
from ..installing.environment import read_environment
from ..installing.messages import message_of
from ..installing.request import read_request
from ..installing.wheel import record_of
from ..model.decision import Decision, Environment, Request, decide
from ..model.machine import Machine
from ..model.record import Record, Verdict
from ..model.table import REQUIREMENT, Selector, Variant
from ..model.values import replace
from .common import (
    FORMAT,
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_facts,
    print_json,
    print_line,
    print_table,
)
from .fleet import MachineOption, look_at_machine
from .interpreter import Interpreter, PythonOption, find_record, read_interpreter
from .source import VERSION, read_selector

WhatArgument = Annotated[
    str,
    typer.Argument(
        metavar="DIR | SDIST | NAME",
        help="A project's folder, an sdist, or the name of an installed selector package.",
    ),
]
VariantOption = Annotated[
    Optional[str],
    typer.Option("--variant", metavar="NAME", help="Ask for this variant."),
]
ExtrasOption = Annotated[
    bool,
    typer.Option(
        "--extras",
        help="Write extras that name the variants, for the pyproject.toml of a project that uses "
        "them.",
    ),
]


def explain(
    what: WhatArgument = ".",
    profile: MachineOption = None,
    stated: SetOption = None,
    variant: VariantOption = None,
    python: PythonOption = None,
    as_json: JsonOption = False,
    extras: ExtrasOption = False,
) -> None:
    """Show which variant would be chosen here, and why not the others.

    For an installed package, also show what was decided then. The environment counts as empty,
    unless --python names it.
    """
    if extras and (profile or stated or variant is not None or as_json):
        raise UsageError("--extras has all variants, for any machine, and is TOML")
    interpreter = read_interpreter(python) if python else None
    try:
        selector, then = _read(what, interpreter)
    except SelectorError as error:
        if not as_json or isinstance(error, UsageError):
            raise
        print_json({"format": FORMAT, "decision": None, "problem": str(error), "installed": None})
        raise typer.Exit(1) from None
    if extras:
        typer.echo(_extras_block(selector))
        return
    environment = Environment()
    if interpreter is not None:
        environment = read_environment(selector, interpreter.folders, marker=interpreter.marker)
    asked = {} if variant is None else {"variant": variant}
    option = "--variant" if asked else ""
    request = read_request(selector, asked, os.environ, option)
    facts = selector.facts if request.automatic else ()
    told = interpreter.facts if interpreter else None
    scope = selector.scope(interpreter.folders if interpreter else ())
    machine = look_at_machine(facts, profile, stated, told, scope)
    decision = decide(selector, machine, replace(request, profile=None), environment)
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "decision": record_of(decision, __version__).dump(),
                "problem": message_of(decision),
                "installed": then and then.dump(),
            }
        )
    else:
        _show(decision, then)
    if decision.stop is not None:
        raise typer.Exit(1)


def _read(what: str, interpreter: Interpreter | None) -> tuple[Selector, Record | None]:
    """Return the table that ``what`` names, and its record if it is an installed package."""
    path = Path(what)
    is_name = path.name == what and not what.endswith(".tar.gz")
    is_project = path.is_file() or (path / "pyproject.toml").exists()
    if is_project and not (is_name and interpreter and path.is_dir()):
        return read_selector(path), None
    if is_name:
        interpreter = interpreter or read_interpreter(None)
        installed = find_record(what, interpreter.folders)
        if installed is not None:
            return installed.selector, installed.record
    if is_project:
        return read_selector(path), None
    if path.is_dir():
        raise SelectorError(
            f"there is no pyproject.toml in {path}; name a project's folder, an sdist, or a "
            "selector package that is installed: selector-backend explain spam"
        )
    if interpreter is None or not is_name:
        raise UsageError(f"{what}: there is no such file or folder")
    raise UsageError(
        f"{what} is neither a folder, nor an sdist, nor a selector package that is "
        f"installed with {interpreter.path}"
    )


def _extras_block(selector: Selector) -> str:
    """Return an extra for each variant as TOML, with uv's conflicts if they exclude each other."""
    from .skeleton import as_key, as_toml

    if selector.version == VERSION:
        raise UsageError(f"{VERSION} is only known when it is built; name its sdist")
    lines, names = ["[project.optional-dependencies]"], []
    for variant in selector.variants:
        if variant.refuse is None:
            chosen = decide(selector, Machine(), Request((variant.key,), "--extras"), Environment())
            lines.append(f"{as_key(variant.name)} = {as_toml([*chosen.requires])}")
            names.append({"extra": variant.name})
    if selector.kind == REQUIREMENT and len(names) > 1:
        conflicts = [f"    {as_toml(name)}," for name in names]
        lines += ["", "[tool.uv]", "conflicts = [[", *conflicts, "]]"]
    return "\n".join(lines)


def _show(decision: Decision, then: Record | None) -> None:
    selector = decision.selector
    what = f"{selector.project} {selector.version}, variants of the {selector.kind} kind"
    print_line(f"{what}, of which all that fit are chosen" if selector.choose else what)
    if selector.version == VERSION:
        print_line(f"{VERSION} is only known when it is built")
    if decision.facts:
        print_line()
        print_facts(decision.facts)
    print_line()
    judged = [
        (verdict.variant, _outcome(verdict, variant), verdict.reason)
        for verdict, variant in zip(decision.verdicts, selector.variants)
    ]
    print_table(("variant", "here", "because"), judged)
    print_line()
    for note in decision.notes:
        print_line(note)
    problem = message_of(decision)
    if problem is not None:
        print_line(bad(problem))
    else:
        print_line(f"chosen: {', '.join(decision.names)}")
        print_line(f"installs: {', '.join(decision.requires) or 'nothing more'}")
        for extra, more in decision.extras.items():
            print_line(f"with [{extra}]: {', '.join(more)}")
    if then is not None:
        _show_then(decision, then)


def _show_then(decision: Decision, then: Record) -> None:
    print_line()
    print_line(f"installed: {', '.join(then.variants)}, chosen by {then.decided_by}")
    for verdict in then.verdicts:
        if verdict.variant in then.variants:
            print_line(f"because: {verdict.reason}")
    if [*then.variants] != decision.names:
        print_line(bad(f"now: {', '.join(decision.names) or 'nothing'}"))


def _outcome(verdict: Verdict, variant: Variant) -> Text:
    if verdict.fits is None:
        return Text("not judged")
    if verdict.fits and variant.refuse is not None:
        return bad("refuses")
    return good("fits") if verdict.fits else bad("does not fit")
