"""``selector-backend doctor``: checks whether the installed packages still fit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Optional

import typer
from packaging.requirements import Requirement

from ..errors import did_you_mean
from ..installing.finishing import expected
from ..installing.frontends import FRONTENDS, Locking
from ..installing.messages import lock_again
from ..model.decision import Decision, Environment, Request, decide
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS, PROPERTIES
from ..model.machine import Machine, Origin
from ..model.markers import distribution_of, normalize
from ..model.record import Record, Unusable
from ..model.standing import requirements_of, with_extras
from ..model.table import Scope
from .common import (
    FORMAT,
    JsonOption,
    SetOption,
    UsageError,
    bad,
    good,
    print_command,
    print_json,
    print_line,
)
from .fleet import MachineOption, look_at_machine
from .interpreter import (
    Installed,
    Interpreter,
    PythonOption,
    Recorded,
    describe,
    read_installed,
    read_interpreter,
    read_packages,
)

NamesArgument = Annotated[
    Optional[list[str]],
    typer.Argument(metavar="NAME...", help="Selector packages; by default all."),
]


def doctor(
    names: NamesArgument = None,
    python: PythonOption = None,
    profile: MachineOption = None,
    stated: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check whether installed selector packages fit this machine; show the commands that fix it."""
    interpreter = read_interpreter(python)
    here = read_packages(interpreter.folders)
    named = _named(names or (), here, interpreter)
    packages = [item for item in named if isinstance(item, Recorded)]
    facts = dict.fromkeys(name for package in packages for name in package.selector.facts)
    scopes = [package.selector.scope() for package in packages]
    scope = Scope(
        requirements=tuple(name for own in scopes for name in own.requirements),
        folders=interpreter.folders,
        libraries=tuple(name for own in scopes for name in own.libraries),
    )
    machine = look_at_machine(facts, profile, stated, interpreter.facts, scope)
    records = [item.record for item in here if isinstance(item, Recorded)]
    installed = read_installed(interpreter)
    findings = [unusable_record(item, installed) for item in named if isinstance(item, Unusable)]
    required = {package.key: installed.required(package) for package in packages}
    outcomes = choose(packages, machine, records, required)
    findings += find_problems(outcomes, installed, assumed=bool(profile or stated))
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "python": interpreter.path,
                "packages": [_package(package) for package in packages],
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        _show(outcomes, findings, interpreter)
    if findings:
        raise typer.Exit(1)


def _named(
    names: Sequence[str], here: Sequence[Recorded | Unusable], interpreter: Interpreter
) -> list[Recorded | Unusable]:
    """Return the installed selector packages, or only those in ``names``."""
    known = [item.key for item in here]
    for name in names:
        if normalize(name) not in known:
            hint = did_you_mean(name, known)
            raise UsageError(
                f"{name} is not a selector package that is installed with {interpreter.path}{hint}"
            )
    keys = [normalize(name) for name in names] or known
    return sorted((item for item in here if item.key in keys), key=lambda item: item.key)


def _show(
    outcomes: Sequence[Outcome], findings: Sequence[Finding], interpreter: Interpreter
) -> None:
    troubled = [project for finding in findings for project in finding.projects]
    for outcome in outcomes:
        package, other = outcome.package, expected(outcome.alone)
        if package.selector.project not in troubled:
            text = f"{package.title}: {' and '.join(package.record.variants)} fits this machine"
            if other and not package.record.forced_by:
                text += f"; not {other.variant}: {other.reason}"
            print_line(good(text))
    for finding in findings:
        for message in finding.messages:
            print_line(bad(message))
        if finding.commands:
            print_line("To fix it:")
        for command in finding.commands:
            print_command(command)
    if not outcomes and not findings:
        path = interpreter.path
        print_line(f"no selector package is installed with {path}; name another one with --python")


def _package(package: Recorded) -> dict[str, object]:
    return {
        "project": package.selector.project,
        "version": package.selector.version,
        "variants": package.record.variants,
        "decided-by": package.record.decided_by,
    }


# --- What is wrong, and the commands that fix it

# pip has this option since 22.1, and its short form, -C, since 23.1 only.
_SETTINGS, _PIP = "--config-settings", Requirement("pip>=22.1")


#: The default of ``required``: no package requires a variant.
NOTHING: Mapping[str, Mapping[str, str]] = {}


@dataclass(frozen=True)
class Finding:
    """A problem with some projects, and the commands that fix it, as lists of arguments."""

    projects: list[str]
    messages: list[str]
    commands: list[list[str]]


@dataclass(frozen=True)
class Outcome:
    """What a package gets if it is chosen again.

    ``alone`` is the decision beside all that is installed now, and ``decision`` the one beside
    packages that stay, and those chosen again before it. ``required`` has a sentence for each of
    its variants that another package requires, by the variant's key.
    """

    package: Recorded
    alone: Decision
    decision: Decision
    required: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether it gets another variant than it has."""
        return _is_other(self.package, self.decision)

    @property
    def kept(self) -> str:
        """The sentence on what requires the variant that it gets, and only that; else ``""``."""
        names = [*map(normalize, self.decision.names)]
        return self.required[names[0]] if [*self.required] == names != [] else ""

    @property
    def blocked(self) -> str:
        """The sentence on why no choice satisfies the packages that require its variants."""
        if not self.required or self.kept:
            return ""
        why = [
            f"{normalize(verdict.variant)} does not fit: {verdict.reason}"
            for verdict in self.alone.verdicts
            if not verdict.fits and normalize(verdict.variant) in self.required
        ]
        reasons = " and ".join(self.required.values())
        return "; ".join([f"no variant is right for all: {reasons}", *why])


def unusable_record(package: Unusable, installed: Installed) -> Finding:
    """Return the finding of a record that cannot be used."""
    project, version = package.project, package.version.partition("+")[0]  # uv's wheels have labels
    commands = [
        installed.uninstall(*installed.with_pinned(project, version)),
        installed.install(installed.request(project, version), afresh=True),
    ]
    return Finding([project], [describe(package)], commands)


def find_problems(
    outcomes: Iterable[Outcome], installed: Installed, *, assumed: bool
) -> Iterator[Finding]:
    """Yield the findings; the first is on all packages that have to be chosen again.

    ``assumed`` is whether some facts are not this machine's own, but come from a profile or
    ``--set``, which an install does not see.
    """
    again: list[Outcome] = []
    messages: list[str] = []
    unmet: list[Finding] = []
    for outcome in outcomes:
        package = outcome.package
        beside = [*_side_by_side(package, installed)]
        wrong = [*_other_variant(outcome, assumed=assumed), *beside]
        wanted = dict(_unmet(package, installed))
        locking = _locking_of(package)
        if locking and (wrong or wanted):
            # It is a project's environment, so the lock of the project says what is installed.
            commands = [installed.uninstall(*installed.with_variants(package)), [*locking.sync]]
            if not beside and not wanted:
                wanted, commands = {"": _how_to_lock(package, locking)}, []
            yield Finding([package.selector.project], [*wrong, *wanted.values()], commands)
        elif wrong and outcome.blocked:
            what = f"{package.title}: {outcome.blocked}; uninstall, or replace, what requires it"
            yield Finding([package.selector.project], [*wrong, what], [])
        elif wrong:
            again.append(outcome)
            messages += [*wrong, *wanted.values()]
        elif wanted:
            commands = [installed.install(*wanted)]
            unmet.append(Finding([package.selector.project], [*wanted.values()], commands))
    if again:
        projects = [outcome.package.selector.project for outcome in again]
        yield Finding(projects, messages, _choose_again(again, installed, assumed=assumed))
    yield from unmet


def choose(
    packages: Sequence[Recorded],
    machine: Machine,
    installed: Iterable[Record],
    required: Mapping[str, Mapping[str, str]] = NOTHING,
) -> list[Outcome]:
    """Return what each of ``packages`` gets on ``machine``, beside the ``installed`` ones.

    Packages that have to change do not constrain others: each is chosen beside those that stay, and
    those before it. A variant that another package requires is kept, if it fits: ``required`` has
    `Installed.required` of each package.
    """
    around = {record.key: record for record in installed}
    alone = {package.key: _decide(package, machine, around) for package in packages}
    asked = {
        key: Request(tuple(wanted), next(iter(wanted.values())))
        for key, wanted in required.items()
        if len(wanted) == 1
        and any(item.fits and normalize(item.variant) in wanted for item in alone[key].verdicts)
    }
    decisions = {
        package.key: _decide(package, machine, around, asked.get(package.key))
        for package in packages
    }
    changing = [package for package in packages if _is_other(package, decisions[package.key])]
    for package in changing:
        del around[package.key]
    for package in changing:
        key = package.key
        decision = decisions[key] = _decide(package, machine, around, asked.get(key))
        if decision.names:
            then = package.record
            around[key] = Record(then.project, then.version, conform=decision.conform)
    return [
        Outcome(package, alone[key], decision, required.get(key, {}))
        for package, (key, decision) in zip(packages, decisions.items())
    ]


def _decide(
    package: Recorded,
    machine: Machine,
    around: Mapping[str, Record],
    request: Request | None = None,
) -> Decision:
    """Return what ``package`` gets, whichever variant is installed now."""
    facts = {**machine.facts}
    # Providers are not asked here. Unless properties are stated, those of the install are used.
    for name, then in package.record.facts.items():
        now = facts.get(name)
        asked = FACTS[name].kind is not PROPERTIES
        if not asked and now and now.value is None and now.origin is Origin.READ:
            facts[name] = then
    environment = Environment(tuple(around.values()))
    return decide(package.selector, Machine(facts), request or Request(), environment)


def _is_other(package: Recorded, decision: Decision) -> bool:
    """Return whether ``decision`` differs from the installed variants."""
    names, then = {*decision.names}, {*package.record.variants}
    if package.selector.choose and not package.record.forced_by:
        return names != then
    return not names or not names <= then


def _other_variant(outcome: Outcome, *, assumed: bool) -> Iterator[str]:
    """Yield why a package needs another variant, and which facts changed since the install."""
    if not outcome.changes:
        return
    package, record, decision = outcome.package, outcome.package.record, outcome.decision
    if outcome.kept:
        stays = f"{outcome.kept}, so {' and '.join(decision.names)} stays"
        yield f"{package.title}: {' and '.join(record.variants)} was chosen; {stays}"
        return
    unfit = [
        verdict
        for verdict in outcome.alone.verdicts
        if verdict.variant in record.variants and not verdict.fits
    ]
    misfits = [
        f"does not fit this {'environment' if verdict.clashes else 'machine'}: {verdict.reason}"
        for verdict in unfit
    ]
    why = [f"was asked for by {record.forced_by}"] if record.forced_by else []
    why += misfits[:1]
    gains = [
        f"this machine gets {verdict.variant}: {verdict.reason}"
        for verdict in decision.verdicts
        if verdict.variant in decision.names and verdict.variant not in record.variants
    ]
    alone = package.selector.choose and not record.forced_by
    about = [verdict.variant for verdict in unfit[:1]] if alone else []
    message = f"{package.title}: {' and '.join(about or record.variants)} "
    fits = "is not all that fits it" if package.selector.choose else "is not the best for it"
    message += ", and ".join(why) or f"fits this machine, but {fits}"
    gets = f"this machine gets {' and '.join(decision.names) or 'nothing'}"
    yield "; ".join([message, *(gains or [gets])])
    differing = [
        f"{name} was {then.text}, here it is {decision.facts[name].text}"
        for name, then in record.facts.items()
        if name in decision.facts and then.value != decision.facts[name].value
    ]
    if differing and not assumed:
        yield (
            f"{package.title} was chosen where {' and '.join(differing)}: the machine "
            "has changed since, or the choice came from another machine, by a cache or a copy"
        )


def _side_by_side(package: Recorded, installed: Installed) -> Iterator[str]:
    """Yield the installed variants that exclude the chosen one."""
    chosen = package.record.variants
    here = installed.variants(package)
    if not here.keys() <= {*map(normalize, chosen)}:
        names = ", ".join(dict.fromkeys(name for own in here.values() for name in own))
        if len(here) == 1:
            where = f"is installed in place of the variant {' and '.join(chosen)}"
        else:
            where = "are installed side by side"
        yield f"{package.title}: {names} {where}"
    for name, file in installed.overlapping(package).items():
        if not any(name in own for own in here.values()):
            yield f"{package.title}: {name} is installed, too, and has the same {file}"


def _unmet(package: Recorded, installed: Installed) -> Iterator[tuple[str, str]]:
    """Yield each unmet requirement of a package, with the sentence on it."""
    chosen = [
        variant for variant in package.selector.variants if variant.name in package.record.variants
    ]
    brought = [
        Requirement(text)
        for variant in chosen
        for text, extra in requirements_of(variant)
        if extra and distribution_of(text) in installed.distributions
    ]
    own = [item for item in brought if normalize(item.name) in package.record.distributions]
    for requirement in (*map(Requirement, package.record.requires), *own):
        name = normalize(requirement.name)
        if not installed.needs(requirement):
            continue
        if name not in installed.distributions:
            yield str(requirement), f"{package.title}: {requirement} is not installed"
        elif not installed.meets(requirement):
            has = f"{installed.version(name)} is installed"
            yield str(requirement), f"{package.title} requires {requirement}; {has}"


def _locking_of(package: Recorded) -> Locking | None:
    """Return the kind of lock that decided what a package got, ``None`` if no lock did."""
    source = package.record.decided_by
    rows = (row.locking for row in FRONTENDS if row.locking)
    return next((locking for locking in rows if source in locking.names), None)


def _how_to_lock(package: Recorded, locking: Locking) -> str:
    command = lock_again(package.selector, locking.again, "auto")
    return f"{package.title}: to have a variant for this machine locked: {command}"


def _choose_again(
    outcomes: Sequence[Outcome], installed: Installed, *, assumed: bool
) -> list[list[str]]:
    """Return the commands that uninstall packages with their variants, and install each again.

    One by one, so that each sees what was chosen before it.
    """
    going = [name for outcome in outcomes for name in installed.with_variants(outcome.package)]
    commands = [installed.uninstall(*dict.fromkeys(going))]
    for outcome in outcomes:
        if not outcome.decision.names:
            continue  # the message says that nothing fits
        selector = outcome.package.selector
        named = with_extras(selector, going)
        request = installed.request(selector.project, selector.version, named)
        settings = _settings(outcome, installed, assumed=assumed)
        # A cached build may be of the current variant.
        afresh = outcome.changes or "@" in request
        commands.append(installed.install(*settings, request, afresh=afresh))
    asked = any(_SETTINGS in command for command in commands)
    if asked and installed.has_pip and not installed.meets(_PIP):
        commands.insert(0, installed.install(str(_PIP)))
    return commands


def _settings(outcome: Outcome, installed: Installed, *, assumed: bool) -> list[str]:
    """Return the options that make an install give this outcome."""
    selector, decision = outcome.package.selector, outcome.decision
    # The backend sees only a virtual environment of uv's.
    unseen = not installed.has_pip and (
        any(verdict.clashes for verdict in decision.verdicts)
        or any(FACTS[name].kind is DISTRIBUTIONS for name in selector.facts)
    )
    if assumed or unseen or outcome.kept:
        asked = ",".join(decision.names)
    elif outcome.package.record.forced_by or os.environ.get(selector.variable):
        asked = "auto"
    else:
        return []
    return [_SETTINGS, f"{selector.project}:variant={asked}"]
