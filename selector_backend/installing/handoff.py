"""What one hook reads of the machine, left in a file for the hooks after it.

A driver that hangs costs its whole time limit whenever it is asked, and each hook is a process of
its own. Both places are folders that the frontend makes for itself, and throws away:

- one build's, where one hook of a package leaves everything for the next;
- one command's, where it leaves what has nothing to do with the package for all the others that
  the command builds, and each package that is to be installed leaves its choice.

Neither is read by another command: the files are named after the process that calls the hooks.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time

from ..errors import SelectorError
from ..model.facts import FACTS
from ..model.machine import Machine, Origin, load_machine
from ..model.record import Record, parse_record
from ..model.values import dataclass
from ..probes import Memory
from ..probes.folders import read_regular
from .wheel import write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..model.machine import Fact
    from ..model.purpose import Installation

_START = "selector-"
#: A command takes no longer. What is older is of none that runs, and is removed.
_LONGEST_SECONDS = 3600
#: The variables that differ from build to build, or begin so.
_OF_ONE_BUILD = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "UV_", "PEP517_", "_PYPROJECT_HOOKS_")


@dataclass(frozen=True)
class Handoff(Memory):
    """The files of ``build`` and of the whole ``command``; ``None`` where there is no place."""

    build: Path | None = None
    command: Path | None = None

    def recall(self) -> Machine:
        """Return what hooks of before have read; nothing of a file that is no machine profile."""
        facts: dict[str, Fact] = {}
        if self.command and _is_private(self.command.parent) and not _is_old(self.command):
            facts.update(_read(self.command).facts)
        if self.build:
            facts.update(_read(self.build).facts)
        return Machine(facts)

    def remember(self, machine: Machine) -> None:
        """Leave ``machine`` for the next hooks. A folder that can't be written to is no error."""
        if self.build:
            _write(self.build, _bytes_of(machine))
        facts = machine.facts.items()
        shared = {name: fact for name, fact in facts if FACTS[name].shared}
        if shared and self.command and _is_private(self.command.parent):
            _write(self.command, _bytes_of(Machine(shared)))
            _remove_old(self.command.parent)


def handoff_of(installation: Installation, environ: Mapping[str, str], backend: str) -> Handoff:
    """Return where the hooks of an installation leave what they read.

    ``backend`` is our own version: another reads a machine in its own way. So may a build with
    variables of its own, as uv gives them (``extra-build-variables``), and another Python: one of
    musl's loads no driver for glibc.
    """
    identity, build = installation.identity, installation.scratch
    if build is None or not identity:
        return Handoff()
    name, command = f"{_START}machine-{identity}", installation.shared
    if command is None:
        return Handoff(build / f"{name}.json")
    import hashlib

    kept = {name: text for name, text in environ.items() if not name.startswith(_OF_ONE_BUILD)}
    text = json.dumps([backend, sys.base_prefix, sorted(kept.items())])
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Handoff(build / f"{name}.json", command / f"{name}-{digest}.json")


def exchange(installation: Installation, record: Record) -> list[Record]:
    """Leave the choice of a package that is to be installed, and return those of others.

    Installers may build two packages at once. Since each writes before it reads, at least one of
    them sees the other. Nothing is seen where the command has no folder of its own, or may install
    into several environments.
    """
    folder = installation.shared
    if not (folder and installation.identity and installation.one_environment):
        return []
    if not _is_private(folder):
        return []
    start = f"{_START}choice-{installation.identity}-"
    own = folder / f"{start}{record.key}.json"
    _write(own, record.to_bytes())
    _remove_old(folder)
    others = []
    for file in sorted(folder.glob(f"{start}*.json")):
        with contextlib.suppress(OSError):
            other = None if file == own else parse_record(read_regular(file, own=True))
            if isinstance(other, Record):
                others.append(other)
    return others


def _remove_old(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for file in filter(_is_old, folder.glob(f"{_START}*")):
            file.unlink(missing_ok=True)


def _is_private(folder: Path) -> bool:
    """Return whether a folder is this user's. What lies in it is believed.

    The group is left out: where it may write into uv's cache, it may also replace the Python there
    that runs this.
    """
    if os.name != "posix":
        return True
    try:
        found = folder.lstat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not found.st_mode & 0o002


def _is_old(file: Path) -> bool:
    try:
        return abs(time.time() - file.lstat().st_mtime) > _LONGEST_SECONDS
    except OSError:
        return False


def _read(file: Path) -> Machine:
    try:
        data = json.loads(read_regular(file, own=True))
        return load_machine(data, file.name, Origin.READ)
    except (OSError, ValueError, RecursionError, SelectorError):
        return Machine()


def _bytes_of(machine: Machine) -> bytes:
    return json.dumps(machine.dump()).encode()


def _write(file: Path, content: bytes) -> None:
    with contextlib.suppress(SelectorError):
        write_file(file.parent, file.name, content)
