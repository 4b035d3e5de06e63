"""What an installation gets, and when what forbids it stops the install."""

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
    """Return what is decided, and the message of what forbids it, if that can wait.

    What the machine forbids stops here. What the environment forbids is left to the hook that
    builds the wheel, since a resolver may look at a release that it then leaves; but not where the
    command asks for nothing else. ``backend`` is our own version.

    Raises `SelectorError` where it stops.
    """
    machine, folders = Machine(), installation.folders
    there = find_distributions(folders) if selector.sees_environment else None
    if request.automatic:
        machine = read_machine(
            selector.facts,
            os.environ,
            handoff_of(installation, os.environ, backend),
            scope=selector.scope(folders, there),
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
    environment = read_environment(selector, folders, last, there=there)
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
    """Return the marker variables of this machine, as they are or as they are stated."""
    from ..probes.marker import environment

    stated = next((fact.value for fact in machine.facts.values() if fact.kind is MARKERS), None)
    return {**environment(), **(stated if isinstance(stated, dict) else {})}


def check_locked(selector: Selector, variants: Sequence[str], installation: Installation) -> None:
    """Raise `SelectorError` where the environment forbids the ``variants`` that were locked."""
    if not installation.folders:
        return
    environment = read_environment(selector, installation.folders)
    request = Request(tuple(map(normalize, variants)), "the lock")
    decision = decide(selector, Machine(), request, environment)
    if message := _message(decision, installation):
        raise SelectorError(message)


def _message(decision: Decision, installation: Installation) -> str:
    """Return what stops an install, ``""`` if nothing does. Only then is the text imported."""
    if decision.stop is None:
        return ""
    from .messages import message_of

    return message_of(decision, installation.commands) or ""


def check_together(files: Mapping[str, bytes], installation: Installation) -> None:
    """Stop where another package that the same command installs needs something else.

    ``files`` are those of the ``.dist-info``. Raises `SelectorError`.
    """
    from ..model.record import RECORD_NAME, Record, agree, parse_record
    from .handoff import exchange
    from .messages import not_together

    record = parse_record(files[RECORD_NAME])
    if not isinstance(record, Record):
        return
    for other in exchange(installation, record):
        if not agree(record.conform, other.conform):
            raise SelectorError(not_together(record, other))
