"""Decides for an installation, and makes the `Finished` files that hooks give to a frontend."""

from __future__ import annotations

import os

from ..errors import SelectorError
from ..model.decision import Environment, decide
from ..model.facts import FACTS
from ..model.kinds import MARKERS, judge
from ..model.machine import Machine
from ..model.purpose import Mark, Purpose
from ..model.values import replace
from ..probes import needs, read_machine
from ..probes.installed import find_distributions
from .environment import read_environment
from .handoff import Finished, handoff_of, leave
from .installation import read_installation
from .request import read_request
from .wheel import STOP_NAME, dist_info, finish_wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model.decision import Decision, Request
    from ..model.kinds import Wanted
    from ..model.purpose import Installation
    from ..model.record import Verdict
    from ..model.table import Compiled, Selector


def decide_first(compiled: Compiled, settings: Mapping[str, Any] | None, backend: str) -> list[str]:
    """Decide, leave the finished files for the next hooks, if possible, and return no requirements.

    If reading the facts takes requirements, return these instead. ``backend`` is this version.
    Nothing is left if the table was compiled just now, from unknown files. The wheel is left too,
    if the hook that builds it has nothing to decide or check.

    Raises `SelectorError` if the install stops.
    """
    selector, installation = compiled.selector, read_installation()
    request = request_of(selector, settings, installation)
    if request.automatic:
        profiled = request.profile is not None
        requires = needs(selector.facts, os.environ, selector.scope(), profiled=profiled)
        if requires:
            return requires
    if not compiled.files or not installation.scratch:
        _choose(selector, request, installation, backend)
        return []
    finished, decision = _finish(compiled, request, installation, backend)
    installs = installation.purpose is Purpose.INSTALL and not decision.conform
    wheel, content = "", b""
    if (installs or installation.purpose is Purpose.KEEP) and STOP_NAME not in finished.files:
        wheel, content = finish_wheel(finished.folder, finished.files, settings, installation)
    finished = replace(finished, wheel=wheel, content=content)
    leave(finished, installation, (*compiled.files, *request.files), settings, backend)
    return []


def finish(
    compiled: Compiled,
    settings: Mapping[str, Any] | None,
    installation: Installation,
    backend: str,
    request: Request | None = None,
) -> Finished:
    """Decide, and return the finished ``.dist-info``; ``backend`` is this version.

    ``request`` is that of `request_of`, if it was read before. Raises `SelectorError` if the
    install stops.
    """
    request = request or request_of(compiled.selector, settings, installation)
    return _finish(compiled, request, installation, backend)[0]


def request_of(
    selector: Selector, settings: Mapping[str, Any] | None, installation: Installation
) -> Request:
    """Return what settings, variables and the rest of the command ask for."""
    request = read_request(selector, settings, os.environ)
    named = installation.requirements and not installation.is_only(selector.project)
    if named or installation.files:
        from .asked import with_asked

        request = with_asked(selector, request, installation)
    if installation.lock:
        from .locks import with_locked

        request = with_locked(selector, request, installation)
    return request


def _finish(
    compiled: Compiled, request: Request, installation: Installation, backend: str
) -> tuple[Finished, Decision]:
    selector = compiled.selector
    decision, stop = _choose(selector, request, installation, backend)
    hidden = installation.hidden if selector.sees_environment else ""
    lines = (_choice_of(decision), *decision.notes, *filter(None, [hidden]))
    label = installation.mark.label(selector.version, decision.names)
    version = f"{selector.version}+{label}" if label else selector.version
    files = dist_info(os.getcwd(), compiled, decision, version, backend)
    if stop:
        files[STOP_NAME] = stop.encode()
    shown = selector.version if installation.mark is Mark.LABEL else version
    message = "".join(f"{line}\n" for line in lines)
    return Finished(f"{compiled.name}-{shown}.dist-info", files, message), decision


def _choose(
    selector: Selector, request: Request, installation: Installation, backend: str
) -> tuple[Decision, str]:
    """Return the decision, and the message of a stop that is left to the hook that builds.

    A resolver may read the metadata of a release that it does not install. So what the environment
    forbids stops later, unless the command asks for nothing else. ``backend`` is this version.

    Raises `SelectorError` where it stops at once.
    """
    machine, folders = Machine(), installation.folders
    distributions = find_distributions(folders) if selector.sees_environment else None
    if request.automatic:
        machine = read_machine(
            selector.facts,
            os.environ,
            handoff_of(installation, os.environ, backend),
            scope=selector.scope(folders, distributions),
            profile=request.profile,
        )
    if installation.everywhere:
        from ..model.everywhere import decide_everywhere

        decision = decide_everywhere(selector, machine, request, _marker(machine))
        if message := _message(decision, installation):
            raise SelectorError(message)
        return decision, ""
    if installation.target:
        from ..model.everywhere import on_target

        machine, notes = on_target(machine, selector, installation.target, _marker(machine))
        request = replace(request, notes=(*request.notes, *notes))
    last = installation.folders_removed_last
    environment = read_environment(selector, folders, last, distributions=distributions)
    decision = decide(selector, machine, request, environment)
    message = _message(decision, installation)
    waits = installation.stops_late and not installation.is_only(selector.project)
    if message and decision.stops_for_environment and waits:
        alone = decide(selector, machine, request, Environment(marker=environment.marker))
        if not alone.stop:
            return alone, message
    if message:
        raise SelectorError(message)
    return decision, ""


def _marker(machine: Machine) -> Mapping[str, str]:
    """Return the marker variables of this machine, or those that are stated."""
    from ..probes.marker import environment

    marker = next((fact.value for fact in machine.facts.values() if fact.kind is MARKERS), None)
    return {**environment(), **(marker if isinstance(marker, dict) else {})}


def _message(decision: Decision, installation: Installation) -> str:
    """Return the message of a decision that stops the install, else ``""``."""
    if decision.stop is None:
        return ""
    from .messages import message_of

    return message_of(decision, installation.commands) or ""


def _choice_of(decision: Decision) -> str:
    """Return the line with the choice, its reason, and why not the variant that was expected."""
    names, regions = decision.names, decision.regions
    title = f"{decision.selector.project} {decision.selector.version}"
    if regions and (markers := [*map(regions.marker_of, decision.variants)]) != [""]:
        names = [f"{name} where {marker}" for name, marker in zip(names, markers)]
        return f"{title} gets {', and '.join(names)}"
    what = f"{title} gets {' and '.join(names)}"
    if not decision.request.automatic:
        return f"{what}, as {decision.request.source} asks"
    verdicts = decision.verdicts
    reasons = [verdict.reason for verdict in verdicts if verdict.variant in decision.names]
    if other := expected(decision):
        reasons.append(f"not {other.variant}: {other.reason}")
    # A library's error message may have several lines.
    return " ".join(f"{what}: {'; '.join(reasons)}".split())


def expected(decision: Decision) -> Verdict | None:
    """Return the verdict on the variant that the user may have expected instead, if any.

    That is one that another package forbids; else the last of those whose facts the machine has,
    which asks least of them; else the first. Variants of other platforms do not count.
    """
    facts = decision.facts
    near: list[Verdict] = []
    others: list[Verdict] = []
    for variant, verdict in zip(decision.selector.variants, decision.verdicts):
        if verdict.variant in decision.names:
            break
        if verdict.fits or variant.refuse:
            continue
        if verdict.clashes:
            return verdict
        here = [when for when in variant.when if judge([_markers(when)], facts)[0]]
        present = [
            all(wanted is False or facts[name].value is not None for name, wanted in when.items())
            for when in here
        ]
        if here:
            (near if any(present) else others).append(verdict)
    return next(iter(near[-1:] or others), None)


def _markers(alternative: Mapping[str, Wanted]) -> dict[str, Wanted]:
    return {name: wanted for name, wanted in alternative.items() if FACTS[name].kind is MARKERS}
