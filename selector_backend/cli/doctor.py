"""``selector-backend doctor``: whether the installed packages still fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..errors import did_you_mean
from ..model.markers import normalize
from ..model.record import Unusable
from ..model.table import Scope
from .common import (
    FORMAT,
    JsonOption,
    MachineOption,
    SetOption,
    UsageError,
    bad,
    good,
    look_at_machine,
    print_command,
    print_json,
    print_line,
)
from .findings import choose, find_problems, unusable_record
from .interpreter import read_installed
from .source import PythonOption, Recorded, read_interpreter, read_packages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .findings import Finding
    from .source import Interpreter

NamesArgument = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="NAME...", help="Selector packages; all of them if none is named."),
]


def doctor(
    names: NamesArgument = None,
    python: PythonOption = None,
    profile: MachineOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check whether the selector packages that are installed still fit this machine.

    The output ends with the commands that fix what was found.
    """
    interpreter = read_interpreter(python)
    here = read_packages(interpreter.folders)
    named = _named(names or (), here, interpreter)
    packages = [one for one in named if isinstance(one, Recorded)]
    facts = dict.fromkeys(name for package in packages for name in package.selector.facts)
    requirements = (one for package in packages for one in package.selector.named_requirements)
    scope = Scope(requirements=tuple(requirements), folders=interpreter.folders)
    machine = look_at_machine(facts, profile, settings, interpreter.marker, scope)
    records = [one.record for one in here if isinstance(one, Recorded)]
    installed = read_installed(interpreter)
    stated = profile is not None or bool(settings)
    findings = [unusable_record(one, installed) for one in named if isinstance(one, Unusable)]
    findings += find_problems(choose(packages, machine, records), installed, stated=stated)
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "python": interpreter.path,
                "packages": [_package(one) for one in packages],
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        _show(packages, findings, interpreter)
    if findings:
        raise typer.Exit(1)


def _named(
    names: Sequence[str], here: Sequence[Recorded | Unusable], interpreter: Interpreter
) -> list[Recorded | Unusable]:
    """Return the selector packages that are installed, or those of them that are named."""
    known = [one.key for one in here]
    for name in names:
        if normalize(name) not in known:
            hint = did_you_mean(name, known)
            raise UsageError(
                f"{name} is not a selector package that is installed with {interpreter.path}{hint}"
            )
    keys = [normalize(name) for name in names] or known
    return sorted((one for one in here if one.key in keys), key=lambda one: one.key)


def _show(
    packages: Sequence[Recorded], findings: Sequence[Finding], interpreter: Interpreter
) -> None:
    troubled = [project for finding in findings for project in finding.projects]
    for package in packages:
        if package.selector.project not in troubled:
            print_line(
                good(f"{package.title}: {' and '.join(package.record.variants)} fits this machine")
            )
    for finding in findings:
        for message in finding.messages:
            print_line(bad(message))
        print_line("To fix it:")
        for command in finding.commands:
            print_command(command)
    if not packages and not findings:
        path = interpreter.path
        print_line(f"no selector package is installed with {path}; name another one with --python")


def _package(package: Recorded) -> dict[str, object]:
    return {
        "project": package.selector.project,
        "version": package.selector.version,
        "variants": package.record.variants,
        "decided-by": package.record.decided_by,
    }
