"""``selector-backend doctor``: whether the installed packages still fit."""

from __future__ import annotations

import importlib.metadata
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from packaging.requirements import Requirement
from packaging.version import Version

from ...errors import did_you_mean
from ...installing.environment import identify
from ...installing.facts import FACTS, Kind
from ...installing.machine import Fact
from ...installing.record import RECORD_NAME, Unusable
from ...installing.table import REQUIREMENT, Scope, normalize
from ..common import (
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
from ..source import PythonOption, Recorded, describe, read_interpreter, read_packages
from .choices import Place, choose, linked
from .files import Damage, find_damage, name_files, recorded_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import Distribution

    from ...installing.machine import Machine
    from ..source import Interpreter
    from .choices import Choice

NamesArgument = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="NAME...", help="Selector packages; all of them if none is named."),
]


@dataclass(frozen=True)
class Inspection:
    """What `doctor` looks at: an environment, and where its packages would be chosen again."""

    interpreter: Interpreter
    #: The versions of the installed distributions, by normalized name.
    distributions: Mapping[str, Distribution]
    versions: Mapping[str, str]
    place: Place
    #: Whether facts were stated in place of this machine's, which installs know nothing of.
    stated: bool


@dataclass
class Finding:
    """A problem with packages of an environment, and what it takes to fix it."""

    choices: list[Choice]
    messages: list[str] = field(default_factory=list)
    #: Whether the packages have to be chosen again, together with their variants, in this order.
    choose_again: bool = False
    #: Whether the builds that are kept must not be used again.
    stale: bool = False
    #: What is missing, where that alone is to be installed.
    wanted: list[str] = field(default_factory=list)
    #: What has to be installed once more, by its requirement.
    damaged: dict[str, Damage] = field(default_factory=dict)
    #: The project whose record cannot be used, if the finding is about one.
    unusable: str = ""

    @property
    def packages(self) -> list[Recorded]:
        """The packages that it is about."""
        return [choice.package for choice in self.choices]

    @property
    def projects(self) -> list[str]:
        """The names of the projects that it is about."""
        named = [self.unusable] if self.unusable else []
        return [*named, *(package.selector.project for package in self.packages)]


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
    packages, unusable = _named(names or (), here, interpreter)
    facts = dict.fromkeys(name for package in packages for name in package.selector.facts)
    requirements = (one for package in packages for one in package.selector.named_requirements)
    scope = Scope(requirements=tuple(requirements), folders=interpreter.folders)
    machine = look_at_machine(facts, profile, settings, interpreter.marker, scope)
    distributions: dict[str, Distribution] = {}
    versions: dict[str, str] = {}
    for one in importlib.metadata.distributions(path=list(interpreter.folders)):
        name, version = identify(one)
        if normalize(name) not in distributions:  # the first is what Python sees
            distributions[normalize(name)], versions[normalize(name)] = one, version
    records = {one.key: one.record for one in here if isinstance(one, Recorded)}
    stated = profile is not None or bool(settings)
    place = Place(machine, records)
    inspection = Inspection(interpreter, distributions, versions, place, stated)
    findings = [_unusable(one) for one in unusable]
    findings += [finding for group in linked(packages) for finding in _inspect(group, inspection)]
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "python": interpreter.path,
                "packages": [_package(one) for one in packages],
                "findings": [
                    {
                        "projects": finding.projects,
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


def _named(
    names: Sequence[str], here: Sequence[Recorded | Unusable], interpreter: Interpreter
) -> tuple[list[Recorded], list[Unusable]]:
    """Return the selector packages that are installed, or those of them that are named."""
    known = [one.key for one in here]
    for name in names:
        if normalize(name) not in known:
            hint = did_you_mean(name, known)
            raise UsageError(
                f"{name} is not a selector package that is installed with {interpreter.path}{hint}"
            )
    keys = [normalize(name) for name in names] or known
    named = sorted((one for one in here if one.key in keys), key=lambda one: one.key)
    return (
        [one for one in named if isinstance(one, Recorded)],
        [one for one in named if isinstance(one, Unusable)],
    )


def _unusable(package: Unusable) -> Finding:
    """Return the finding of a record that cannot be used; its package has to be built again."""
    version = package.version.partition("+")[0]  # without the label that uv's wheels have
    again = {f"{package.project}=={version}": Damage((), (RECORD_NAME,))}
    return Finding([], [describe(package)], damaged=again, unusable=package.project)


def _inspect(packages: Sequence[Recorded], inspection: Inspection) -> list[Finding]:
    """Return the findings of linked packages: first of those that are to change."""
    choices = choose(packages, inspection.place)
    groups = [[one for one in choices if one.changes]]
    groups += [[one] for one in choices if not one.changes]
    findings = [Finding(group) for group in groups]
    for finding in findings:
        _inspect_choices(finding, inspection)
        for package in finding.packages:
            _inspect_neighbours(package, finding, inspection)
        for package in finding.packages:
            _inspect_requirements(package, finding, inspection)
    return [finding for finding in findings if finding.messages]


def _inspect_choices(finding: Finding, inspection: Inspection) -> None:
    """Note what is to be another variant."""
    changing = [one for one in finding.choices if one.changes]
    if not changing:
        return
    finding.choose_again = True
    if all(choice.held for choice in changing):
        finding.messages.append(_held(changing))
    else:
        finding.messages += [_other_choice(one, finding) for one in changing]
    finding.stale = inspection.stated  # nobody can tell whether a kept build would be right
    for choice in changing:
        then = [] if inspection.stated else [*_changed(choice)]
        if then:
            finding.stale = True
            finding.messages.append(
                f"{choice.package.title} was chosen where {' and '.join(then)}: the machine has "
                "changed since, or the choice came from another machine, by a cache or a copy"
            )


def _held(choices: Sequence[Choice]) -> str:
    """Return the sentence for packages that keep one another from what they can have together."""
    now = {k: text for one in choices for k, text in one.package.record.conform.items()}
    then = {k: text for one in choices for k, text in one.decision.conform.items()}
    keep = [f"{name} = {text}" for name, text in now.items() if then.get(name, text) != text]
    can_have = [f"{name} = {text}" for name, text in then.items() if now.get(name, text) != text]
    *others, last = (one.package.title for one in choices)
    message = f"{', '.join(others)} and {last} keep each other at {' and '.join(keep)}"
    gains = []
    for choice in choices:
        project, by = choice.package.selector.project, choice.package.record.forced_by
        asked = f", where {choice.package.record.variants[0]} was asked for by {by}," if by else ""
        gains += [f"{project}{asked} gets {name}: {reason}" for name, reason in choice.reasons]
    return f"{message}; together they can have {' and '.join(can_have)}: {'; '.join(gains)}"


def _other_choice(choice: Choice, finding: Finding) -> str:
    """Return the sentence for a package that is to have another variant."""
    package = choice.package
    verdicts = {verdict.variant: verdict for verdict in choice.alone.verdicts}
    unfit = [verdicts[name] for name in package.record.variants if name in verdicts]
    misfits = [
        f"does not fit this {'environment' if one.clashes else 'machine'}: {one.reason}"
        for one in unfit
        if not one.fits
    ]
    message = f"{package.title}: {' and '.join(package.record.variants)} "
    if package.record.forced_by:
        message += ", and ".join([f"was asked for by {package.record.forced_by}", *misfits[:1]])
    elif misfits:
        message += misfits[0]
    elif choice.held:
        others = [one.title for one in finding.packages if one is not package]
        message += f"fits this machine, but is not the best together with {' and '.join(others)}"
    else:
        message += "fits this machine, but is not the best for it"
    for name, reason in choice.reasons:
        message += f"; this machine gets {name}: {reason}"
    return message if choice.reasons else f"{message}; this machine gets nothing"


def _changed(choice: Choice) -> Iterator[str]:
    """Yield the facts that differ from those of the machine on which the choice was made."""
    for name, then in choice.package.record.facts.items():
        now: Fact | None = choice.decision.facts.get(name)
        if now is not None and then.value != now.value:
            yield f"{name} was {then.text}, here it is {now.text}"


def _inspect_neighbours(package: Recorded, finding: Finding, inspection: Inspection) -> None:
    """Note if variants are installed side by side that exclude each other, or share files."""
    selector = package.selector
    here = {
        variant.name: sorted(own)
        for variant in selector.variants
        if (own := {*variant.distributions}) and own <= inspection.distributions.keys()
    }
    names = list(dict.fromkeys(name for own in here.values() for name in own))
    files = {name: {*recorded_files(inspection.distributions[name])} for name in names}
    both = sorted(
        {
            file
            for one, other in itertools.combinations(here.values(), 2)
            for mine, its in itertools.product(one, other)
            if mine != its
            for file in files[mine] & files[its]
        }
    )
    exclude = selector.kind == REQUIREMENT and not here.keys() <= {*package.record.variants}
    if not exclude and not both:
        return
    if len(here) == 1:
        where = f"in place of the variant {' and '.join(package.record.variants)}"
        message = f"{package.title}: {' and '.join(names)} is installed {where}"
    else:
        message = f"{package.title}: {', '.join(names)} are installed side by side"
    if both:
        message += f", and more than one of them has {name_files(both)}"
    finding.messages.append(message)
    finding.choose_again = True


def _inspect_requirements(package: Recorded, finding: Finding, inspection: Inspection) -> None:
    """Note what the package requires and the environment lacks, or has damaged."""
    present = {}
    for requirement in map(Requirement, package.record.requires):
        name = normalize(requirement.name)
        if not _applies(requirement, inspection.interpreter.marker):
            continue
        if name not in inspection.distributions:
            message = f"{package.title}: {requirement} is not installed"
        elif not _is_met(requirement, inspection.versions[name]):
            version = inspection.versions[name]
            message = f"{package.title} requires {requirement}; {version} is installed"
        else:
            present[name] = inspection.distributions[name]
            continue
        finding.messages.append(message)
        finding.wanted.append(str(requirement))
    leaving = _leaving(package, inspection) if finding.choose_again else ()
    for name, distribution in present.items():
        if name in leaving:
            continue
        if damage := find_damage(distribution, present.values()):
            version = inspection.versions[name]
            finding.messages.append(f"{package.title}: {name} {version} is damaged: {damage}")
            finding.damaged[f"{name}=={version}"] = damage


def _applies(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    marker = requirement.marker
    try:
        return marker is None or marker.evaluate({**environment, "extra": ""})
    except ValueError:  # what cannot be told counts as false
        return False


def _is_met(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except ValueError:  # it is not a version
        return False


def _leaving(package: Recorded, inspection: Inspection) -> list[str]:
    """Return what is uninstalled if the package is chosen again: itself and all its variants."""
    selector = package.selector
    variants = [name for one in selector.variants for name in one.distributions]
    return [selector.project, *(name for name in variants if name in inspection.distributions)]


def _commands(finding: Finding, inspection: Inspection) -> list[list[str]]:
    """Return the commands that fix what was found, each as a list of words."""
    python = inspection.interpreter.path
    if "pip" in inspection.distributions:
        uninstall = [python, "-m", "pip", "uninstall", "--yes"]
        install, afresh = [python, "-m", "pip", "install"], ["--no-cache-dir"]
        again = ["--force-reinstall", "--no-deps"]
    else:
        uninstall = ["uv", "pip", "uninstall", "--python", python]
        install, afresh = ["uv", "pip", "install", "--python", python], ["--no-cache"]
        again = ["--reinstall", "--no-deps"]
        if any(damage.changed for damage in finding.damaged.values()):
            # uv links files to its cache: what was overwritten here may be overwritten there.
            again += afresh
    commands = []
    if finding.choose_again:
        leaving = [name for one in finding.packages for name in _leaving(one, inspection)]
        commands.append([*uninstall, *dict.fromkeys(leaving)])
        for choice in finding.choices:
            if not choice.decision.names:
                continue  # the message says that nothing fits
            selector = choice.package.selector
            options = [*(afresh if finding.stale else []), *_request(choice, inspection)]
            # One by one, so that each sees what was chosen before it.
            commands.append([*install, *options, f"{selector.project}=={selector.version}"])
    elif finding.wanted:
        commands.append([*install, *finding.wanted])
    if finding.damaged:
        commands.append([*install, *again, *finding.damaged])
    return commands


def _request(choice: Choice, inspection: Inspection) -> list[str]:
    """Return the options with which an install makes this choice."""
    named = inspection.stated
    if "pip" not in inspection.distributions:
        # uv shows the backend nothing of the environment.
        unseen = Place(_hidden(inspection.place.machine), {}).decide(choice.package)
        named = named or unseen.names != choice.decision.names
    if not named and not choice.package.record.forced_by:
        return []
    # pip has the short form, -C, since 23.1 only.
    asked = ",".join(choice.decision.names) if named else "auto"
    return ["--config-settings", f"{choice.package.selector.project}:variant={asked}"]


def _hidden(machine: Machine) -> Machine:
    """Return the machine as an install knows it that cannot see the environment."""
    kinds = {name: FACTS[name].kind for name in machine.facts}
    environment = (name for name, kind in kinds.items() if kind is Kind.DISTRIBUTIONS)
    return machine.with_facts({name: Fact(name, "nothing") for name in environment})


def _show(
    packages: Sequence[Recorded], findings: Sequence[Finding], inspection: Inspection
) -> None:
    troubled = [package for finding in findings for package in finding.packages]
    for package in packages:
        if package not in troubled:
            print_line(
                good(f"{package.title}: {' and '.join(package.record.variants)} fits this machine")
            )
    for finding in findings:
        for message in finding.messages:
            print_line(bad(message))
        print_line("To fix it:")
        for command in _commands(finding, inspection):
            print_command(command)
    if not packages and not findings:
        path = inspection.interpreter.path
        print_line(f"no selector package is installed with {path}; name another one with --python")


def _package(package: Recorded) -> dict[str, object]:
    return {
        "project": package.selector.project,
        "version": package.selector.version,
        "variants": package.record.variants,
        "decided-by": package.record.decided_by,
    }
