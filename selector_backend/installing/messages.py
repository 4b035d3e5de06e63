"""The messages of what stops an install. Imported only then."""

from __future__ import annotations

import itertools
import os

from ..model.backend import CARRIED, plain_build_system
from ..model.decision import AnotherInstalled, Disagreement, OverCode
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS
from ..model.markers import normalize
from ..model.purpose import Commands
from ..model.record import agree
from ..model.standing import with_extras
from ..model.table import fill, load_selector
from ..probes.installed import find_distributions
from .request import AUTO
from .shell import show_command, show_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..model.decision import Decision, NothingFits, Request
    from ..model.purpose import Installation
    from ..model.record import Record, Verdict
    from ..model.table import Selector

_PLAIN = Commands()


def only_installs(why: str, backend: str) -> str:
    """Return the message where a carried backend would have to compile, and ``why``."""
    lines = [
        f"{why}. That takes all of selector-backend, and this sdist carries, in {CARRIED}, only "
        "the part that installs it unchanged. Write these lines in place of [build-system] in "
        f"pyproject.toml, and try again; {CARRIED} may then be deleted:",
        "",
        *plain_build_system(backend),
    ]
    return "\n".join(lines)


def message_of(decision: Decision, commands: Commands = _PLAIN) -> str | None:
    """Return the message of a decision that stops the install, ``None`` if it does not.

    ``commands`` are the frontend's.
    """
    stop = decision.stop
    if stop is None:
        return None
    if isinstance(stop, AnotherInstalled):
        lines = _over_another(decision, stop, commands)
    elif isinstance(stop, OverCode):
        lines = _over_code(decision, stop, commands)
    elif isinstance(stop, Disagreement):
        lines = [
            f"{_title(decision.selector)} cannot be installed into this environment.",
            f"{stop.clash}, and {stop.variant}, which {decision.request.source} asks for, does not "
            "agree.",
            *_ways_out(decision.selector, stop, commands, stop.variant),
        ]
    else:
        lines = _nothing_fits(decision, stop, commands)
    return "\n".join([*lines, *decision.request.notes])


def several_asked(
    selector: Selector, requested: Mapping[str, str], commands: Commands = _PLAIN
) -> str:
    """Return the message where several variants that exclude each other are asked for.

    ``requested`` are their keys, each with its source; ``commands`` are the frontend's.
    """
    names = {variant.key: variant.name for variant in selector.variants}
    lines = [
        f"{_title(selector)} cannot be installed: its variants exclude each other, and "
        f"{len(requested)} of them are asked for.",
        *(f"  {names[key]}, by {source}" for key, source in requested.items()),
        "Ask for only one of them, and name no other variant beside it:",
        *(f"  {_install(selector, commands, names[key])}" for key in requested),
        "A requirements file that was compiled for another one is compiled again with one of:",
        *(f"  {show_variables({selector.variable: names[key]})}" for key in requested),
    ]
    return "\n".join(lines)


def lock_again(selector: Selector, again: str, asked: str = "") -> str:
    """Return the command ``again`` that locks a package anew, and asks for variants by variable."""
    command = again.format(project=selector.project, version=selector.version)
    return show_variables({selector.variable: asked}, command) if asked else command


def not_as_locked(
    selector: Selector, request: Request, locked: Sequence[str], lock: str, again: str
) -> str:
    """Return the message where ``request`` asks for other variants than those ``locked``.

    ``lock`` is the lock's name, and ``again`` the command that locks the package anew.
    """
    names = {variant.key: variant.name for variant in selector.variants}
    kept, asked = (" and ".join(names[key] for key in keys) for keys in (locked, request.variants))
    value = ",".join(names[key] for key in request.variants)
    command = lock_again(selector, again, value if request.source == selector.variable else "")
    lines = [
        f"{_title(selector)} cannot be installed: {lock} has {kept}, and {request.source} asks for "
        f"{asked}.",
        f"To install {kept}, leave {request.source} out. To have {asked} locked instead:",
        f"  {command}",
    ]
    return "\n".join(lines)


def not_together(record: Record, other: Record, installation: Installation) -> str:
    """Return the message where two packages of one command need different things."""
    lines = [
        f"{record.project} {record.version} and {other.project} {other.version} cannot be "
        "installed into one environment.",
        f"{_needs(record)}, and {_needs(other)}.",
        "Nothing was installed.",
    ]
    both = record, other
    pairs = itertools.product(*map(_candidates, both))
    agreeing = [pair for pair in pairs if agree(pair[0][2], pair[1][2])]
    if not agreeing:
        return "\n".join([*lines, "No variants of the two agree."])
    # The pair that changes the fewest; of these, one that keeps what was asked for.
    changes = [
        [item for item, (_, name, _) in zip(both, pair) if name not in item.variants]
        for pair in agreeing
    ]
    costs = [(len(items), sum(bool(item.forced_by) for item in items)) for items in changes]
    best, named = min(zip(costs, agreeing, changes), key=lambda choice: choice[0])[1:]
    # What an uninstall left behind would be in the way of another variant.
    here = find_distributions(installation.folders)
    left = [name for item in named for name in item.distributions if name in here]
    how, commands = "set this and try again; if there is a lock, lock again first", [""]
    if installation.lock and installation.lock.again:
        how, again = "lock again, and then install again", installation.lock.again
        commands = [again.format(project=item.project, version=item.version) for item in named]
    elif installation.requirements and not installation.reads_more:
        how = "install with"
        commands = [show_command([*installation.commands.install, *installation.requirements])]
        # A whole command takes the variables that the other one had, too.
        named = [item for item in both if item in named or item.forced_by]
    variables = {variable: name for item, (variable, name, _) in zip(both, best) if item in named}
    shown = [f"  {show_variables(variables, command)}" for command in dict.fromkeys(commands)]
    if left:
        how = f"uninstall {' and '.join(left)}, and {how}"
        shown.insert(0, _uninstall(installation.commands, left))
    return "\n".join([*lines, f"To get variants that agree, {how}:", *shown])


def _needs(record: Record) -> str:
    conform = " and ".join(f"{name} = {text}" for name, text in record.conform.items())
    return f"{record.project} gets {' and '.join(record.variants)}, which needs {conform}"


def _candidates(record: Record) -> list[tuple[str, str, Mapping[str, str]]]:
    """Return the variants that a package may get here: the variable, its value, and ``conform``.

    The one that it has comes first. One that was not judged may fit.
    """
    own = next(iter(record.variants), "")
    try:
        selector = load_selector(record.table)
    except ValueError:
        return [("", own, record.conform)]
    unfit = {verdict.variant for verdict in record.verdicts if verdict.fits is False}
    return [
        (selector.variable, own, record.conform),
        *(
            (selector.variable, variant.name, variant.conform)
            for variant in selector.variants
            if variant.refuse is None and variant.name not in (*unfit, *record.variants)
        ),
    ]


def _title(selector: Selector) -> str:
    return f"{selector.project} {selector.version}"


def _nothing_fits(decision: Decision, stop: NothingFits, commands: Commands) -> list[str]:
    """Return the lines for a machine, or an environment, that no variant fits."""
    selector = decision.selector
    texts = {name: fact.text for name, fact in decision.facts.items()}
    values = {**texts, "project": selector.project, "version": selector.version}
    ways_out = _ways_out(selector, stop, commands) if stop.in_the_way else []
    forcing = [variant.name for variant in selector.variants if not variant.refuse]
    lines = [
        f"{_title(selector)} cannot be installed "
        f"{'into this environment' if ways_out else 'on this machine'}."
    ]
    if stop.refused is not None:
        lines += [fill(stop.refused.refuse or "", values), "Its variants:"]
    else:
        lines.append("No variant fits:")
    for variant, verdict in zip(selector.variants, decision.verdicts):
        outcome = ("refuses: " if variant.refuse else "fits: ") if verdict.fits else ""
        lines.append(f"  {variant.name}: {outcome}{verdict.reason}")
    lines += ways_out
    if selector.advice:
        lines.append(fill(selector.advice, values))
    # A variant that is forced does not help where the environment is refused.
    refused = stop.refused.when if stop.refused else ()
    environment = any(FACTS[name].kind is DISTRIBUTIONS for when in refused for name in when)
    if forcing and not ways_out and not environment:
        lines.append(f"To force a variant, set {selector.variable} to {' or '.join(forcing)}.")
    return lines


def _ways_out(
    selector: Selector, stop: NothingFits | Disagreement, commands: Commands, asked: str = ""
) -> list[str]:
    """Return the lines with the fix of a disagreement with other installed packages.

    The package's own variant is uninstalled too, since it would be in the way of another. The
    others are installed after the package, to agree with it; in one command, each would choose
    alone.
    """
    projects = [other.project for other in stop.in_the_way]
    gone, others = " and ".join([*projects, *stop.own[:1]]), " and ".join(projects)
    names = [*_all_of(stop.in_the_way), *stop.own]
    return [
        f"Uninstall {gone}, then install {selector.project} first and {others} after it, or do "
        f"without {others}:",
        *_change_over(selector, commands, names, asked, stop.in_the_way),
    ]


def _change_over(
    selector: Selector,
    commands: Commands,
    gone: list[str],
    asked: str,
    others: Sequence[Record],
    record: Record | None = None,
) -> list[str]:
    """Return the commands that uninstall ``gone``, and install the package and then ``others``.

    ``asked`` is the variant to ask for, if any.
    """
    return [
        _uninstall(commands, gone),
        f"  {_install(selector, commands, asked, gone, record)}",
        *(f"  {_install_anew(other, commands)}" for other in others if commands.names_package),
    ]


def _install_anew(record: Record, commands: Commands) -> str:
    """Return the command that installs a package to agree with what is installed by then.

    A variable that asks for the variant that was in the way would stop it.
    """
    variable = _candidates(record)[0][0]
    kept = normalize(os.environ.get(variable, "")) in map(normalize, record.variants)
    return _ask(commands, record.project, record.project, variable, AUTO if kept else "")


def _all_of(records: Iterable[Record]) -> list[str]:
    """Return the names of installed packages and their variants."""
    return [name for record in records for name in (record.project, *record.distributions)]


def _over_another(decision: Decision, stop: AnotherInstalled, commands: Commands) -> list[str]:
    """Return the lines for an environment with another variant of the same project."""
    selector, request = decision.selector, decision.request
    verdicts = {
        variant.key: verdict for variant, verdict in zip(selector.variants, decision.verdicts)
    }
    installed = [
        " and ".join(f"{name} {stop.versions[name]}" for name in names)
        for names in stop.others.values()
    ]
    left = [name for names in stop.others.values() for name in names]
    lines = [
        f"{_title(selector)} cannot be installed over another variant of it.",
        f"{' and '.join(installed)} {'is' if len(left) == 1 else 'are'} installed.",
    ]
    if request.automatic:
        kept: list[str] = []
        for key in stop.others:
            verdict = verdicts.get(key)
            instead = selector.instead_of(key)
            lines.append(f"{key} {_why_not_kept(key, verdict, stop.record, instead)}.")
            unfit = verdict and not (verdict.fits or verdict.clashes)
            if verdict and unfit and _was_forced(key, stop.record):
                kept += [
                    f"To keep {key}, ask for it again:",
                    f"  {_install(selector, commands, verdict.variant, stop.others[key])}",
                ]
        if stop.better:
            lines.append(f"{stop.better.variant} fits this machine, but {stop.better.reason}.")
        else:
            lines.append(f"{stop.chosen.name} fits: {verdicts[stop.chosen.key].reason}.")
        lines += kept
    else:
        lines.append(f"{request.source} asks for {stop.chosen.name}.")
    own = [selector.project] if normalize(selector.project) in stop.versions else []
    gone = [*own, *left, *_all_of(stop.in_the_way)]
    asked = "" if request.automatic else stop.chosen.name
    why = "The files of two variants must not get mixed"
    if not stop.mixed:
        why = f"{stop.chosen.name} would leave {' and '.join(left)} behind"
    projects = [other.project for other in stop.in_the_way]
    also = f", and choose again for {' and '.join(projects)}, too" if projects else ""
    return [
        *lines,
        f"{why}. To switch{also}:",
        *_change_over(selector, commands, gone, asked, stop.in_the_way, stop.record),
    ]


def _over_code(decision: Decision, stop: OverCode, commands: Commands) -> list[str]:
    """Return the lines for an upgrade from a release with own code."""
    title, old = _title(decision.selector), f"{stop.code.project} {stop.code.version}"
    asked = "" if decision.request.automatic else ",".join(variant.name for variant in stop.chosen)
    return [
        f"{title} cannot be installed over {old}.",
        f"{old} has code itself, such as {stop.code.file}, which {title} gets from other "
        "distributions. The installer would remove the old files last, and with them the new files "
        "of the same names. Uninstall it first:",
        _uninstall(commands, [stop.code.project]),
        f"  {_install(decision.selector, commands, asked)}",
    ]


def _uninstall(commands: Commands, names: Iterable[str]) -> str:
    """Return the line with the command that uninstalls distributions, or what to do instead."""
    if not commands.uninstall:
        return "  (pip cannot uninstall from the folder of --target: delete it)"
    return f"  {show_command([*commands.uninstall, *names])}"


def _install(
    selector: Selector,
    commands: Commands,
    asked: str = "",
    gone: Iterable[str] = (),
    record: Record | None = None,
) -> str:
    """Return the command that installs this release, and asks for the variants ``asked``.

    It has the extras that require distributions of ``gone``, also by the installed release's
    ``record``.
    """
    named = f"{with_extras(selector, gone, record)}=={selector.version}"
    return _ask(commands, selector.project, named, selector.variable, asked)


def _ask(commands: Commands, project: str, named: str, variable: str, asked: str) -> str:
    """Return the command that installs the requirement ``named``, and asks for ``asked``, if any.

    The option has the project's name, so that it is not for other projects.
    """
    arguments = [named] if commands.names_package else []
    if asked and commands.has_settings:
        arguments = ["--config-settings", f"{project}:variant={asked}", *arguments]
    command = show_command([*commands.install, *arguments])
    if not asked or commands.has_settings:
        return command
    return show_variables({variable: asked}, command)


def _why_not_kept(key: str, verdict: Verdict | None, record: Record | None, instead: str) -> str:
    """Return why the installed variant ``key`` does not stay.

    ``instead`` is the variant that replaces it, if it is a former one.
    """
    if verdict is None:
        has = f"has {instead} in its place" if instead else "does not have it"
        return f"no longer fits: this version {has}"
    if verdict.fits:
        return f"fits too, and comes later: {verdict.reason}"
    if record and _was_forced(key, record):
        by = f"was asked for by {record.forced_by} when it was installed"
        return f"{by}, and does not fit by itself: {verdict.reason}"
    return f"no longer fits: {verdict.reason}"


def _was_forced(key: str, record: Record | None) -> bool:
    """Return whether the installed variant ``key`` was asked for, by its record."""
    return bool(record and record.forced_by and key in map(normalize, record.variants))
