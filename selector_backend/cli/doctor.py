"""``selector-backend doctor``: whether what is installed still suits."""

from __future__ import annotations

import importlib.metadata
import itertools
import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..decision import decide
from ..environment import Environment, read_environment
from ..errors import did_you_mean
from ..machine import FACTS, Machine, load_fact
from ..request import Request
from ..selector import REQUIREMENT
from .common import (
    FORMAT,
    JsonOption,
    MachineOption,
    SetOption,
    UsageError,
    bad,
    good,
    look_at_machine,
    print_json,
    print_line,
)
from .source import PythonOption, read_interpreter, read_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import Distribution
    from pathlib import Path

    from ..decision import Decision
    from ..machine import Fact
    from .source import Interpreter, Recorded

NamesArgument = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="[NAME...]", help="Selector packages; all of them if none is named."),
]

# More files than these are counted, not named.
_FILES_NAMED = 3


@dataclass
class Finding:
    """Something that is not well with packages of an environment, and the commands that mend it."""

    packages: list[Recorded]
    messages: list[str] = field(default_factory=list)
    #: Whether the packages have to be chosen anew, together with their variants.
    anew: bool = False
    #: Whether what is kept of earlier builds is not to be used again.
    stale: bool = False
    #: What is missing, where that alone is to be installed.
    wanted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Inspection:
    """What `doctor` looks at: an environment, and the machine with its stand-ins."""

    interpreter: Interpreter
    distributions: Mapping[str, Distribution]
    profile: Path | None
    settings: Sequence[str] | None


def doctor(
    names: NamesArgument = None,
    python: PythonOption = None,
    profile: MachineOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at the selector packages that are installed: whether they still suit this machine.

    What is found ends with the commands that mend it.
    """
    interpreter = read_interpreter(python)
    packages = _packages(names or (), interpreter)
    distributions: dict[str, Distribution] = {
        canonicalize_name(name): one
        for one in importlib.metadata.distributions(path=list(interpreter.folders))
        if (name := one.metadata["Name"])
    }
    inspection = Inspection(interpreter, distributions, profile, settings)
    findings = [one for group in _groups(packages) if (one := _inspect(group, inspection)).messages]
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "python": interpreter.path,
                "packages": [_package(one) for one in packages],
                "findings": [
                    {
                        "projects": [one.selector.project for one in finding.packages],
                        "messages": finding.messages,
                        "commands": _commands(finding, inspection),
                    }
                    for finding in findings
                ],
            }
        )
    else:
        _show(packages, findings, inspection)
    if findings:
        raise typer.Exit(1)


def _packages(names: Sequence[str], interpreter: Interpreter) -> list[Recorded]:
    """Return the selector packages that are installed, or those of them that are named."""
    found = {
        canonicalize_name(one.selector.project): one for one in read_records(interpreter.folders)
    }
    for name in names:
        if canonicalize_name(name) not in found:
            hint = did_you_mean(name, found)
            raise UsageError(
                f"{name} is not a selector package that is installed with {interpreter.path}{hint}"
            )
    keys = [canonicalize_name(name) for name in names] or sorted(found)
    return [found[key] for key in dict.fromkeys(keys)]


def _groups(packages: Sequence[Recorded]) -> list[list[Recorded]]:
    """Return the packages in groups: those together that disagree, to be mended together."""
    groups = [[one] for one in packages]
    for one, other in itertools.combinations(packages, 2):
        mine, theirs = (next(g for g in groups if each in g) for each in (one, other))
        if mine is not theirs and _disagreement(one, other):
            mine += theirs
            groups.remove(theirs)
    return groups


def _disagreement(one: Recorded, other: Recorded) -> str | None:
    """Return the sentence for two packages that need different things of their environment."""
    for name, text in one.record["conform"].items():
        theirs = other.record["conform"].get(name, text)
        if theirs != text:
            here = f"{_title(one)} is installed with {name} = {text}"
            return f"{here}, {_title(other)} with {name} = {theirs}"
    return None


def _inspect(group: list[Recorded], inspection: Inspection) -> Finding:
    finding = Finding(group)
    for one, other in itertools.combinations(group, 2):
        if message := _disagreement(one, other):
            finding.messages.append(message)
            finding.anew = True
    for package in group:
        _inspect_choice(package, finding, inspection)
        _inspect_neighbours(package, finding, inspection)
    for package in group:
        _inspect_requirements(package, finding, inspection)
    return finding


def _inspect_choice(package: Recorded, finding: Finding, inspection: Inspection) -> None:
    """Note if this machine would get another variant."""
    decision = _decide(package, finding.packages, inspection)
    chosen: list[str] = package.record["variants"]
    if decision.names and set(decision.names) <= set(chosen):
        return
    verdicts = {verdict.variant: verdict for verdict in decision.verdicts}
    names = " and ".join(chosen)
    unfit = [
        verdicts[name].reason for name in chosen if name in verdicts and not verdicts[name].fits
    ]
    message = f"{_title(package)}: {names} "
    if package.record["decided-by"] != Request().source:
        message += f"was asked for by {package.record['decided-by']}"
        message += f", and does not fit this machine: {unfit[0]}" if unfit else ""
    elif unfit:
        message += f"does not fit this machine: {unfit[0]}"
    else:
        message += "fits this machine, but is not the best for it"
    for name in decision.names:
        message += f"; {name} is what this machine gets: {verdicts[name].reason}"
    if not decision.names:
        message += "; nothing is what this machine gets"
    finding.messages.append(message)
    finding.anew = True
    changed = [*_changed(package, decision)]
    if changed:
        finding.stale = True
        finding.messages.append(
            f"{_title(package)} was chosen where {' and '.join(changed)}: the machine has changed "
            "since, or the choice came from another machine, by a cache or a copy"
        )


def _decide(package: Recorded, group: Sequence[Recorded], inspection: Inspection) -> Decision:
    """Return what this machine gets, beside the packages that stay as they are."""
    selector = package.selector
    machine = look_at_machine(
        selector.facts, inspection.profile, inspection.settings, inspection.interpreter.marker
    )
    facts = {**machine.facts}
    # Providers are not asked; what they said at the time is the best that is known.
    then = package.record["facts"].get("property")
    if then and "property" in facts and facts["property"].value is None:
        facts["property"] = load_fact("property", then, "the record")
    environment = Environment()
    if selector.kind == REQUIREMENT:
        leaving = {canonicalize_name(one.selector.project) for one in group}
        around = read_environment(selector, inspection.interpreter.folders)
        staying = tuple(one for one in around.selectors if one.key not in leaving)
        environment = replace(around, selectors=staying, versions={})
    return decide(selector, Machine(facts), Request(), environment)


def _changed(package: Recorded, decision: Decision) -> Iterator[str]:
    """Yield what was read when the choice was made, and is not so here."""
    for name, data in package.record["facts"].items():
        now: Fact | None = decision.facts.get(name)
        if name not in FACTS or now is None or now.source == "--set":
            continue
        then = load_fact(name, data, "the record")
        if then.value != now.value:
            yield f"{name} was {then.text}, here it is {now.text}"


def _inspect_neighbours(package: Recorded, finding: Finding, inspection: Inspection) -> None:
    """Note if variants that exclude each other are installed side by side."""
    selector = package.selector
    here = [
        sorted(own)
        for variant in selector.variants
        if (own := selector.distributions_of(variant)) and own <= inspection.distributions.keys()
    ]
    if selector.kind != REQUIREMENT or len(here) < 2:
        return
    names = [name for own in here for name in own]
    message = f"{_title(package)}: {', '.join(names)} are installed side by side"
    files = [{*_files(inspection.distributions[name])} for name in names]
    both = sorted(set().union(*(a & b for a, b in itertools.combinations(files, 2))))
    if both:
        named = ", ".join(both[:_FILES_NAMED])
        more = f" and {len(both) - _FILES_NAMED} more" if len(both) > _FILES_NAMED else ""
        message += f", and more than one of them has {named}{more}"
    finding.messages.append(message)
    finding.anew = True


def _files(distribution: Distribution) -> Iterator[str]:
    for path in distribution.files or ():
        if not path.parts[0].endswith(".dist-info") and "__pycache__" not in path.parts:
            yield str(path)


def _inspect_requirements(package: Recorded, finding: Finding, inspection: Inspection) -> None:
    """Note what the package requires and the environment does not have."""
    for text in package.record["requires"]:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker and not marker.evaluate({**inspection.interpreter.marker, "extra": ""}):
            continue
        found = inspection.distributions.get(canonicalize_name(requirement.name))
        if found is None:
            message = f"{_title(package)}: {requirement} is not installed"
        elif not requirement.specifier.contains(found.version, prereleases=True):
            message = f"{_title(package)} requires {requirement}; {found.version} is installed"
        else:
            continue
        finding.messages.append(message)
        finding.wanted.append(str(requirement))


def _commands(finding: Finding, inspection: Inspection) -> list[list[str]]:
    """Return the commands that mend what was found, each as the words of one."""
    python = inspection.interpreter.path
    if "pip" in inspection.distributions:
        uninstall = [python, "-m", "pip", "uninstall", "--yes"]
        install, afresh = [python, "-m", "pip", "install"], ["--no-cache-dir"]
    else:
        uninstall = ["uv", "pip", "uninstall", "--python", python]
        install, afresh = ["uv", "pip", "install", "--python", python], ["--no-cache"]
    if not finding.anew:
        return [[*install, *finding.wanted]]
    leaving, commands = [], []
    for package in finding.packages:
        selector = package.selector
        leaving.append(selector.project)
        for variant in selector.variants:
            own = sorted(selector.distributions_of(variant))
            leaving += [name for name in own if name in inspection.distributions]
        if not _decide(package, finding.packages, inspection).names:
            continue  # the message says that nothing fits
        forced = package.record["decided-by"] != Request().source
        options = [*(afresh if finding.stale else []), *(["-C", "variant=auto"] if forced else [])]
        # One by one, so that each sees what was chosen before it.
        commands.append([*install, *options, f"{selector.project}=={selector.version}"])
    return [[*uninstall, *dict.fromkeys(leaving)], *commands]


def _show(
    packages: Sequence[Recorded], findings: Sequence[Finding], inspection: Inspection
) -> None:
    troubled = [package for finding in findings for package in finding.packages]
    for package in packages:
        if package not in troubled:
            names = " and ".join(package.record["variants"])
            print_line(good(f"{_title(package)}: {names} suits this machine"))
    for finding in findings:
        for message in finding.messages:
            print_line(bad(message))
        print_line("To mend it:")
        for command in _commands(finding, inspection):
            typer.echo(f"  {shlex.join(command)}")  # never broken, to be copied
    if not packages:
        print_line(f"no selector package is installed with {inspection.interpreter.path}")


def _package(package: Recorded) -> dict[str, object]:
    selector, record = package.selector, package.record
    return {
        "project": selector.project,
        "version": selector.version,
        "variants": record["variants"],
        "decided-by": record["decided-by"],
    }


def _title(package: Recorded) -> str:
    return f"{package.selector.project} {package.selector.version}"
