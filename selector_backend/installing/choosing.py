"""Decides for an installation, and stops it if the machine or the environment forbids it."""

from __future__ import annotations

import os

from ..errors import SelectorError
from ..model.decision import Environment, Request, decide
from ..model.kinds import MARKERS
from ..model.machine import Machine
from ..model.markers import normalize
from ..model.values import replace
from ..probes import read_machine
from ..probes.folders import find_distributions
from .environment import read_environment
from .handoff import handoff_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.decision import Decision
    from ..model.purpose import Installation
    from ..model.table import Selector


def choose(
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


def check_locked(selector: Selector, variants: Sequence[str], installation: Installation) -> None:
    """Raise `SelectorError` if the environment forbids the locked ``variants``."""
    if not installation.folders:
        return
    environment = read_environment(selector, installation.folders)
    request = Request(tuple(map(normalize, variants)), "the lock")
    decision = decide(selector, Machine(), request, environment)
    if message := _message(decision, installation):
        raise SelectorError(message)


def _message(decision: Decision, installation: Installation) -> str:
    """Return the message of a decision that stops the install, else ``""``."""
    if decision.stop is None:
        return ""
    from .messages import message_of

    return message_of(decision, installation.commands) or ""


def check_together(files: Mapping[str, bytes], installation: Installation) -> None:
    """Raise `SelectorError` if another package of the same command needs other ``conform`` values.

    ``files`` are those of the ``.dist-info``.
    """
    from ..model.record import RECORD_NAME, Record, agree, parse_record
    from .handoff import exchange
    from .messages import not_together

    record = parse_record(files[RECORD_NAME])
    if not isinstance(record, Record):
        return
    for other in exchange(installation, record):
        if not agree(record.conform, other.conform):
            raise SelectorError(not_together(record, other, installation))
