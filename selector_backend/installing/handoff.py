"""Files that one hook leaves for later hooks, in temporary folders of the frontend.

- In the folder of one build: the facts that were read, and the finished files once it is decided.
  The next hooks copy these, and import no more than this module does at its top.
- In the folder of one command, for all packages that it builds: the facts of drivers, and the
  choice of each package that is to be installed.

No other command reads them: the files are named after the process that calls the hooks.
"""

from __future__ import annotations

import marshal
import os
import sys

from ..errors import SelectorError
from ..model.values import dataclass, sha256
from .caller import parent
from .files import PARTIAL, is_private, read_regular, remove, write_file, write_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..model.machine import Fact, Machine
    from ..model.purpose import Installation
    from ..model.record import Record

_START = "selector-"
#: Older files belong to no running command, and are removed.
_LONGEST_SECONDS = 3600
#: Names, or prefixes, of variables that differ between the builds of a command.
_OF_ONE_BUILD = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "UV_", "PEP517_", "_PYPROJECT_HOOKS_")


@dataclass(frozen=True)
class Finished:
    """The result of a build: the ``.dist-info`` and the wheel, each with its name.

    ``wheel`` is empty if the hook that builds it has to decide or check more. ``message`` is for
    the user.
    """

    folder: str
    files: Mapping[str, bytes]
    message: str = ""
    wheel: str = ""
    content: bytes = b""

    def prepare(self, directory: str) -> str:
        """Print the message, and write the ``.dist-info`` into a folder. Returns its name."""
        self.say()
        return write_folder(os.path.join(directory, self.folder), self.files)

    def build(self, directory: str, prepared: str | None) -> str:
        """Write the wheel into a folder, and return its name.

        It is ``""`` if there is no wheel, or the ``.dist-info`` that was ``prepared`` is another.
        """
        if not self.wheel or not (prepared is None or self._is_at(prepared)):
            return ""
        if prepared is None:
            self.say()
        return write_file(directory, self.wheel, self.content)

    def say(self) -> None:
        """Print the message. Frontends show it with ``-v``."""
        print(self.message, end="", file=sys.stderr, flush=True)

    def _is_at(self, prepared: str) -> bool:
        if os.path.basename(prepared) != self.folder:
            return False
        count = sum(len(names) for _, _, names in os.walk(prepared))
        try:
            return count == len(self.files) and all(
                read_regular(os.path.join(prepared, name)) == data
                for name, data in self.files.items()
            )
        except OSError:
            return False


def leave(
    finished: Finished,
    installation: Installation,
    decided_from: Sequence[str],
    settings: Mapping[str, Any] | None,
    backend: str,
) -> None:
    """Leave the result of a build for later hooks, if the frontend has a folder for it.

    ``decided_from`` are the files that the decision depends on, ``settings`` the config settings,
    and ``backend`` is this version.
    """
    folder, identity = installation.scratch, installation.identity
    if not folder or identity != parent().identity or not is_private(folder):
        return
    fields = {**vars(finished), "files": {**finished.files}}
    try:
        hashed = _hash_all(decided_from, settings, backend)
    except OSError:
        return
    data = marshal.dumps((hashed, [*decided_from], fields))
    _write(os.path.join(folder, f"{_START}finished-{identity}"), sha256(data) + data)


def take(settings: Mapping[str, Any] | None, backend: str) -> Finished | None:
    """Return the result that an earlier hook left, if nothing that it depends on has changed."""
    identity = parent().identity
    overlays = map(os.path.split, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    for folder in (sys.prefix, *(above for above, name in overlays if name == "site")):
        file = os.path.join(folder, f"{_START}finished-{identity}")
        if identity and os.path.lexists(file) and is_private(folder):
            try:
                content = read_regular(file, own=True)
                if sha256(content[32:]) != content[:32]:
                    continue  # `marshal` may hang on damaged data
                hashed, decided_from, fields = marshal.loads(content[32:])
                if hashed == _hash_all(decided_from, settings, backend):
                    return Finished(**fields)
            except (OSError, ValueError, EOFError, TypeError):
                continue
    return None


def _hash_all(files: Sequence[str], settings: Mapping[str, Any] | None, backend: str) -> bytes:
    """Return a hash of everything that the decision on a build depends on.

    Only the hash is written, since variables may be secrets.
    """
    caller, variables = parent(), sorted(os.environ.items())
    own = __file__, backend, sys.version, sys.executable, sys.prefix, sys.argv[:1], os.getcwd()
    called = caller.arguments, caller.folder, caller.identity, caller.locked
    contents = [*map(read_regular, files)]
    decided_from = repr((own, called, variables, settings or {}, contents))
    return sha256(decided_from.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Handoff:
    """The files with the machine's facts: of one ``build``, and of the whole ``command``.

    Each is ``""`` if there is no folder for it.
    """

    build: str = ""
    command: str = ""

    def recall(self) -> Machine:
        """Return the facts that earlier hooks have read; none of an invalid file."""
        from ..model.machine import Machine

        facts: dict[str, Fact] = {}
        if self._shares and not _is_old(self.command):
            facts.update(_read(self.command).facts)
        if self.build:
            facts.update(_read(self.build).facts)
        return Machine(facts)

    def remember(self, machine: Machine) -> None:
        """Leave ``machine`` for later hooks, if the folder can be written."""
        from ..model.facts import FACTS
        from ..model.machine import Machine

        if self.build:
            _write(self.build, _bytes_of(machine))
        facts = machine.facts.items()
        shared = {name: fact for name, fact in facts if FACTS[name].shared}
        if shared and self._shares:
            _write(self.command, _bytes_of(Machine(shared)))
            _remove_old(os.path.dirname(self.command))

    @property
    def _shares(self) -> bool:
        return bool(self.command) and is_private(os.path.dirname(self.command))


def handoff_of(installation: Installation, environ: Mapping[str, str], backend: str) -> Handoff:
    """Return the files in which the hooks of an installation leave facts.

    The command's is not shared with another version of this backend (``backend``), with a build
    that has other variables, as uv sets by ``extra-build-variables``, or with another Python, since
    one for musl loads no driver for glibc.
    """
    identity, build = installation.identity, installation.scratch
    if not build or not identity:
        return Handoff()
    start = f"{_START}machine-{identity}"
    own = os.path.join(build, f"{start}.json")
    if not installation.shared:
        return Handoff(own)
    import json

    kept = {name: text for name, text in environ.items() if not name.startswith(_OF_ONE_BUILD)}
    text = json.dumps([backend, sys.base_prefix, sorted(kept.items())])
    digest = sha256(text.encode("utf-8", "surrogateescape")).hex()[:16]
    return Handoff(own, os.path.join(installation.shared, f"{start}-{digest}.json"))


def exchange(installation: Installation, record: Record) -> list[Record]:
    """Leave the choice of a package that is to be installed, and return those of other packages.

    Installers may build two packages at the same time. Since each writes before it reads, at least
    one of them reads the other's. Returns none if the command has no folder of its own, or may
    install into several environments.
    """
    from ..model.record import Record, parse_record

    folder = installation.shared
    if not (folder and installation.identity and installation.one_environment):
        return []
    if not is_private(folder):
        return []
    start = f"{_START}choice-{installation.identity}-"
    own = f"{start}{record.key}.json"
    _write(os.path.join(folder, own), record.to_bytes())
    _remove_old(folder)
    others = []
    for name in sorted(os.listdir(folder)):
        if name.startswith(start) and name.endswith(".json") and name != own:
            try:
                other = parse_record(read_regular(os.path.join(folder, name), own=True))
            except OSError:
                continue
            if isinstance(other, Record):
                others.append(other)
    return others


def _remove_old(folder: str) -> None:
    try:
        for name in os.listdir(folder):
            file = os.path.join(folder, name)
            if name.startswith((_START, PARTIAL)) and _is_old(file):
                remove(file)
    except OSError:
        pass


def _is_old(file: str) -> bool:
    import time

    try:
        return abs(time.time() - os.lstat(file).st_mtime) > _LONGEST_SECONDS
    except OSError:
        return False


def _read(file: str) -> Machine:
    """Return the machine in a file of ours, without facts if there is none."""
    from ..model.machine import Machine, Origin

    try:
        content = read_regular(file, own=True)
    except OSError:
        return Machine()
    import json

    from ..probes.profile import load_machine

    try:
        return load_machine(json.loads(content), os.path.basename(file), Origin.READ)
    except (ValueError, RecursionError, SelectorError):
        return Machine()


def _bytes_of(machine: Machine) -> bytes:
    import json

    return json.dumps(machine.dump()).encode()


def _write(file: str, content: bytes) -> None:
    try:
        write_file(*os.path.split(file), content)
    except SelectorError:
        pass
