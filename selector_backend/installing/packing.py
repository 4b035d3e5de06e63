"""Builds the wheel where no hook before has left it: from prepared metadata, or after deciding."""

from __future__ import annotations

import os

from ..errors import SelectorError
from ..model.purpose import Mark, Purpose
from ..model.values import replace
from .files import write_file
from .installation import read_installation
from .wheel import STOP_NAME, finish_wheel, read_dist_info, recorded_choice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Callable

    from ..model.purpose import Installation
    from ..model.table import Compiled, Selector
    from .handoff import Finished


def build(
    read: Callable[[], Compiled],
    directory: str,
    settings: Mapping[str, Any] | None,
    prepared: str | None,
    backend: str,
) -> str:
    """Build the wheel in ``directory``, and return its name.

    ``prepared`` is the folder of a prepared ``.dist-info``, which is used unchanged, or of one
    prepared for a lock, this platform's part. Without one, ``read`` returns the project to decide
    for. ``backend`` is this version.

    Raises `SelectorError` if the machine or the environment forbids it.
    """
    installation = read_installation(builds=True)
    if prepared is None or installation.locked_before:
        from .finishing import finish

        finishing = _finish_locked if installation.locked_before else finish
        finished = finishing(read(), settings, installation, backend)
        finished.say()
        folder, files = finished.folder, finished.files
    else:
        folder, files = os.path.basename(os.path.normpath(prepared)), read_dist_info(prepared)
    if STOP_NAME in files:
        raise SelectorError(files[STOP_NAME].decode())
    *_, conforms = recorded_choice(files)
    if conforms and installation.purpose is Purpose.INSTALL:
        _check_together(files, installation)
    wheel, content = finish_wheel(folder, files, settings, installation)
    return write_file(directory, wheel, content)


def _finish_locked(
    compiled: Compiled,
    settings: Mapping[str, Any] | None,
    installation: Installation,
    backend: str,
) -> Finished:
    """Return the finished ``.dist-info`` of what the previous hook locked."""
    from .finishing import finish, request_of

    locking = read_installation()
    request = request_of(compiled.selector, settings, installation)
    if not request.locked:
        # Nothing says what was locked, so the decision is made again.
        finished = finish(compiled, settings, replace(locking, everywhere=False), backend)
        _, _, variants, _ = recorded_choice(finished.files)
        _check_locked(compiled.selector, variants, installation)
        return finished
    finished = finish(compiled, settings, installation, backend, request)
    if installation.mark is Mark.NONE:
        # uv takes what a folder or a file requires from the wheel that it has built, and compares
        # that with the lock.
        metadata = finish(compiled, settings, locking, backend).files["METADATA"]
        finished = replace(finished, files={**finished.files, "METADATA": metadata})
    return finished


def _check_locked(selector: Selector, variants: Sequence[str], installation: Installation) -> None:
    """Raise `SelectorError` if the environment forbids the locked ``variants``."""
    if not installation.folders:
        return
    from ..model.decision import Request, decide
    from ..model.machine import Machine
    from ..model.markers import normalize
    from .environment import read_environment
    from .messages import message_of

    environment = read_environment(selector, installation.folders)
    request = Request(tuple(map(normalize, variants)), "the lock")
    decision = decide(selector, Machine(), request, environment)
    if message := message_of(decision, installation.commands):
        raise SelectorError(message)


def _check_together(files: Mapping[str, bytes], installation: Installation) -> None:
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
