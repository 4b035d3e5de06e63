"""Reads the `Installation`: the command that calls this process, its purpose and environment."""

from __future__ import annotations

import os
import re
import site
import sys

from ..errors import SelectorError
from ..model.purpose import Commands, Installation, Lock, Mark, Purpose
from ..model.values import dataclass
from ..model.variables import PLATFORMS_VARIABLE
from .caller import is_locked, parent
from .frontends import FRONTENDS, Frontend, Hook, Locking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..model.purpose import Target


def read_installation(*, builds: bool = False) -> Installation:
    """Return this process's installation. ``builds`` is whether its hook builds the wheel."""
    return identify(Hook(sys.argv, os.environ, parent(), os.getcwd(), sys.prefix, builds))


def identify(hook: Hook) -> Installation:
    """Return the installation of a hook's process."""
    program, arguments = _program(hook.parent.arguments)
    for row in FRONTENDS:
        named = re.fullmatch(row.programs, program) is not None
        if row.recognises(hook, named) if row.recognises else named:
            line = _parse(row, arguments if named or row.embedded else (), hook.environ)
            return _installation(row, hook, line, named=named)
    return Installation()


@dataclass(frozen=True)
class _Line:
    """A command line: its command, positional arguments, and options with their values."""

    command: str = ""
    positional: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def values(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the values of the options ``names``."""
        return tuple(value for name, value in self.options if name in names)

    def value(self, names: Sequence[str]) -> str:
        """Return the value of the last of the options ``names``, ``""`` without any."""
        return ("", *self.values(names))[-1]

    def has(self, names: Sequence[str]) -> bool:
        """Return whether the command line has one of the options ``names``."""
        return any(name in names for name, _ in self.options)


def _parse(row: Frontend, arguments: Sequence[str], environ: Mapping[str, str]) -> _Line:
    """Parse the arguments of a frontend; its command is the first that is one of its commands.

    Options that variables set come first, so that those of the command line win.
    """
    firsts = {name.partition(" ")[0] for name in row.purposes}
    valued = (*row.valued, *row.requirements, *row.files, *row.more)
    valued += (*row.python, *row.target, *row.elsewhere, *row.platform, *row.python_version)
    command, positional, options = "", list[str](), [*_of_variables(row, environ)]
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            positional += rest
            break
        option, value = _option(argument, valued)
        if option:
            options.append((option, (next(rest, "") if value is None else value) or ""))
        elif argument.startswith("--"):
            options.append((argument, ""))
        elif not argument.startswith("-"):
            if not command and argument in firsts:
                command = argument
            elif command and f"{command} {argument}" in row.purposes and not positional:
                command = f"{command} {argument}"
            elif command in row.running:
                positional.append(argument)
                break
            elif command or "" in row.listing:
                positional.append(argument)
    return _Line(command, tuple(positional), tuple(options))


def _of_variables(row: Frontend, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the options that variables set, such as ``PIP_TARGET``, and their values."""
    for name, value in environ.items() if row.variables else ():
        option = f"--{name[len(row.variables) :].lower().replace('_', '-')}"
        if not name.startswith(row.variables) or (option in row.dry and value.lower() in _FALSE):
            continue
        several = option in (*row.files, *row.platform, *row.more)
        for item in value.split() if several else filter(None, [value]):
            yield option, item


def _installation(row: Frontend, hook: Hook, line: _Line, *, named: bool) -> Installation:
    purpose = _purpose(row, hook, line)
    scratch = row.scratch(hook) if row.scratch else ""
    target = line.value(row.target)
    environment, folders = "", list[str]()
    if purpose is Purpose.INSTALL and (named or not line.command or not _redirects(row, line)):
        environment, folders = _environment(row, hook, line, target, isolated=bool(scratch))
    trackers = [os.path.basename(hook.environ.get(name, "")) for name in row.trackers]
    marks = [mark for pattern, mark in row.marks.items() if re.search(pattern, hook.folder)]
    asking = line if named else _Line()
    requirements = [*(asking.positional if line.command in row.naming else ())]
    requirements += [item for text in asking.values(row.requirements) for item in text.split(",")]
    listed = asking.positional if line.command in row.listing else ()
    return Installation(
        frontend=row.name,
        command=line.command,
        purpose=purpose,
        requirements=tuple(requirements),
        files=(*asking.values(row.files), *listed),
        reads_more=not named or line.has((*row.requirements, *row.files, *row.more)),
        started_in=hook.parent.folder,
        folders=tuple(folders),
        folders_removed_last=tuple(
            _removed_last(folders) if row.removes_last and not target else ()
        ),
        mark=Mark.NONE if purpose is Purpose.KEEP else [*marks, row.mark][0],
        commands=_commands(row, hook, line, environment, target, scratch),
        # The wheel is built before the environment changes, except by uv without isolation.
        stops_late=bool(folders) and (row.shows_environment == "always" or bool(scratch)),
        locked_before=hook.builds and row.locks_environment and line.command in row.locking_first,
        lock=_lock(row, hook, line),
        one_environment=line.command not in row.several,
        scratch=scratch,
        shared=row.shared(hook) if row.shared else "",
        # Where the process is not known, the name of pip's tracker folder identifies the command.
        identity=next(filter(None, (hook.parent.identity, *trackers)), ""),
        everywhere=purpose is Purpose.LOCK and _is_everywhere(row, hook, line),
        target=_target(row, line),
    )


def _is_everywhere(row: Frontend, hook: Hook, line: _Line) -> bool:
    """Return whether a lock is for all platforms. Raises `SelectorError` for a bad variable."""
    locks = row.locking is not None and line.command in row.locking.commands
    if not locks and not line.has(row.universal):
        return False
    wanted = hook.environ.get(PLATFORMS_VARIABLE, "").strip().lower()
    if wanted not in ("", "all", "here"):
        raise SelectorError(
            f"the environment variable {PLATFORMS_VARIABLE} is {wanted!r}; expected 'here', for a "
            "lock of this machine's platform alone, or 'all'"
        )
    return wanted != "here"


def _target(row: Frontend, line: _Line) -> Target | None:
    """Return the platform that the options state, if any. pip takes the first of several."""
    platforms, python = line.values(row.platform), line.value(row.python_version)
    if line.command in row.for_this_platform or not (platforms or python):
        return None
    from .target import read_target

    stating = (*row.platform, *row.python_version)
    options = " ".join(f"{name} {value}" for name, value in line.options if name in stating)
    return read_target(options, platforms[0] if platforms else "", python)


def _purpose(row: Frontend, hook: Hook, line: _Line) -> Purpose:
    if not row.purposes:
        return Purpose.KEEP
    purpose = row.purposes.get(line.command) or next(iter(row.purposes.values()))
    if purpose is Purpose.INSTALL and line.has(row.dry):
        return Purpose.LOOK
    if line.command in row.locking_first and not hook.builds:
        return Purpose.LOCK
    return purpose


def _redirects(row: Frontend, line: _Line) -> bool:
    return line.has((*row.target, *row.elsewhere))


def _environment(
    row: Frontend, hook: Hook, line: _Line, target: str, *, isolated: bool
) -> tuple[str, list[str]]:
    """Return the environment that is installed into, and the folders of its distributions.

    Both are empty if they are not known for certain, or the command removes other packages.
    """
    exact = line.command in row.exact and not line.has(row.inexact)
    if exact or line.has(row.all_exact):
        return "", []
    if row.locks_environment:
        folder = _locked(row, hook, line)
        if folder:
            return folder, [folder] if line.has(row.target) else _site_packages(folder)
    shown = {"never": False, "without isolation": not isolated, "always": True}
    if not shown[row.shows_environment] or (row.locks_environment and _redirects(row, line)):
        return "", []
    if target:
        folder = _absolute(target, hook)
        return folder, [folder] if folder else []
    return ("", []) if line.has(row.elsewhere) else (sys.prefix, _site_packages(sys.prefix))


def _locked(row: Frontend, hook: Hook, line: _Line) -> str:
    """Return the folder of the environment that a frontend has locked, ``""`` in any doubt.

    uv locks the environment before it resolves. Other locked folders are that of all its tools, or
    a cache. Where open files cannot be seen, the path on the command line may be locked, too.
    """
    named = line.value((*row.target, *row.elsewhere))
    folders = list(hook.parent.locked)
    if sys.platform != "linux":
        if row.locking and line.has(row.locking.apart):
            return ""
        path = _absolute(named or line.value(row.python), hook)
        of_interpreter = os.path.dirname(os.path.dirname(path))
        folders += [folder for folder in (path, of_interpreter) if folder and is_locked(folder)]
    if named:
        wanted = os.path.realpath(_absolute(named, hook) or os.devnull)
        matching = [folder for folder in folders if os.path.realpath(folder) == wanted]
    else:
        matching = [path for path in folders if os.path.isfile(_settings_of(path))]
    return matching[0] if len({*map(os.path.realpath, matching)}) == 1 else ""


def _lock(row: Frontend, hook: Hook, line: _Line) -> Lock | None:
    """Return the lock that the command reads or writes, ``None`` in any doubt."""
    locking = row.locking
    if locking is None or line.command not in locking.commands or line.has(locking.never):
        return None
    from .shell import quote

    named = (pair for pair in line.options if pair[0] in locking.project)
    again = " ".join([locking.again, *(f"{name} {quote(value)}" for name, value in named)])
    if script := _script(locking, hook, line):
        above, name = os.path.split(script)
        again = f"{locking.again} --script {quote(script)}"
        folder = _absolute(above or os.curdir, hook)
        written = os.path.isfile(os.path.join(folder, f"{name}.lock"))
        if line.command in row.locking_first and not written:
            return None  # only `uv lock` writes it
        return Lock((f"{name}.lock",), folder, of_project=False, again=again)
    if script is None or not _is_of_project(row, hook, line):
        return None
    project = line.value(locking.project) or hook.environ.get(locking.project_variable, "")
    file = line.value(locking.file) or hook.environ.get(locking.file_variable, "")
    return Lock(
        (file,) if file else locking.names,
        _absolute(project or ".", hook),
        of_workspace=locking.of_workspace,
        written_last=line.command in locking.written_last,
        again=again,
    )


def _is_of_project(row: Frontend, hook: Hook, line: _Line) -> bool:
    """Return whether the command installs into the environment of a project.

    If uv has it locked, its path shows whether it is one for a script or ``--with``.
    """
    environment = _locked(row, hook, line) if hook.parent.locked else ""
    if re.search(r"[/\\]environments-v\d+[/\\]", environment):
        return False
    return bool(environment) or not (row.locking and line.has(row.locking.apart))


def _script(locking: Locking, hook: Hook, line: _Line) -> str | None:
    """Return the script whose environment this is (PEP 723), ``""`` for a project's.

    ``None`` is for a script that cannot be read again, such as standard input.
    """
    arguments, named = hook.parent.arguments, [*line.positional]
    marked = line.has(locking.script)
    if line.command != locking.runs:
        pairs = zip(arguments, arguments[1:])
        named = [value for option, value in pairs if option in locking.script]
        named += [text.partition("=")[2] for text in arguments if text.startswith("--script=")]
        return named[0] if named else ""
    if not named:
        return None if "-" in arguments else ""
    if marked:
        return named[0]
    if "://" in named[0]:
        return None
    path = _absolute(named[0], hook)
    if not path.endswith((".py", ".pyw")) or not os.path.isfile(path):
        return ""
    from .asked import read_text

    return named[0] if re.search(r"(?m)^# /// script\s*$", read_text(path)) else ""


def _absolute(written: str, hook: Hook) -> str:
    """Return the absolute path of one on the command line, ``""`` if its folder is not known.

    The hooks run in the project's folder, not where the frontend was started.
    """
    from pathlib import Path  # it takes 5 ms, and few commands name a path

    path = Path(hook.parent.folder, os.path.expanduser(written))
    return str(path) if written and path.is_absolute() else ""


def _removed_last(folders: Sequence[str]) -> list[str]:
    """Return the folders from which the installer removes an old release after all else.

    From folders outside of a virtual environment, or of other users, it removes nothing.
    """
    own = sys.prefix if sys.prefix != sys.base_prefix else ""
    return [path for path in folders if path.startswith(own) and os.access(path, os.W_OK)]


def _commands(
    row: Frontend, hook: Hook, line: _Line, environment: str, target: str, scratch: str
) -> Commands:
    """Return the first arguments of commands that install into this environment, and uninstall."""
    has_settings = row.without_settings not in hook.environ
    if row.shows_environment == "always":
        pip = _pip(hook, line.value(row.python), scratch)
        if target:
            return Commands((*pip, "install", "--target", target), (), has_settings)
        return Commands((*pip, "install"), (*pip, "uninstall", "--yes"), has_settings)
    if not row.locks_environment:
        return Commands()
    where: tuple[str, ...] = ()
    for option, value in line.options:
        if option in (*row.target, *row.elsewhere):
            where = (option, value)
    if environment and not where:
        start = f"{hook.parent.folder}{os.sep}"
        where = ("--python", environment[len(start) * environment.startswith(start) :])
    uninstall = ("uv", "pip", "uninstall", *where)
    if line.command in row.locking_first:
        sync = ("uv", "sync", "--inexact")
        return Commands(sync, uninstall, has_settings=False, names_package=False)
    isolation = () if scratch else ("--no-build-isolation",)
    return Commands(("uv", "pip", "install", *where, *isolation), uninstall)


def _pip(hook: Hook, python: str, scratch: str) -> tuple[str, ...]:
    """Return the first arguments of the pip that installs for this Python."""
    if python:
        return "pip", "--python", python
    own = _normalized(os.path.dirname(sys.executable))
    for folder in hook.environ.get("PATH", "").split(os.pathsep):
        if scratch and folder.startswith(scratch):
            continue  # the build environment's
        if any(os.path.exists(os.path.join(folder, name)) for name in ("pip", "pip.exe")):
            if _normalized(folder) == own:
                return ("pip",)
            break
    return sys.executable, "-m", "pip"


def _normalized(folder: str) -> str:
    return os.path.normcase(os.path.normpath(folder))


def _option(argument: str, valued: Sequence[str]) -> tuple[str, str | None]:
    """Return the option of ``valued`` in an argument, and its value if the argument has that too.

    Short options may be joined: ``-Ut dep``, ``-Utdep``.
    """
    if argument.startswith("--"):
        name, equals, value = argument.partition("=")
        return (name, value if equals else None) if name in valued else ("", None)
    if argument.startswith("-"):
        for index, letter in enumerate(argument[1:], start=2):
            if f"-{letter}" in valued:
                return f"-{letter}", argument[index:] or None
    return "", None


# The values with which pip takes a variable of an option without a value for false.
_FALSE = ("n", "no", "f", "false", "off", "0")
_INTERPRETER = r"(?i)(python|pypy|graalpy)[\d.t]*w?(\.exe)?"
_SUFFIX = r"(?i)\.(py|pyz|exe)$"


def _program(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the script or module that a command line runs, and that program's arguments."""
    rest = list(arguments)
    if rest and re.fullmatch(_INTERPRETER, _parts(rest[0])[-1]):
        del rest[0]
        while rest and rest[0].startswith("-"):
            valued = ("-c", "-m", "-W", "-X", "--check-hash-based-pycs")
            option, value = _option(rest.pop(0), valued)
            if option and value is None and rest:
                value = rest.pop(0)
            if option in ("-c", "-m"):
                return (value or "") if option == "-m" else "", rest
    if not rest:
        return "", []
    *folders, name = (re.sub(_SUFFIX, "", part) for part in _parts(rest[0]))
    return folders[-1] if name == "__main__" and folders else name, rest[1:]


def _parts(path: str) -> list[str]:
    return re.split(r"[/\\]", path)


def _site_packages(prefix: str) -> list[str]:
    """Return the folders with the distributions of an environment, the user's first.

    pip removes them from the hooks' import path, but `site` still has them. Another environment
    than this one has the same interpreter.
    """
    sees_system = _sees_system(prefix)
    users = [site.getusersitepackages()] if sees_system else []
    system = [sys.base_prefix] if sees_system else []
    return list(dict.fromkeys([*users, *site.getsitepackages([prefix, *system])]))


def _settings_of(prefix: str) -> str:
    return os.path.join(prefix, "pyvenv.cfg")


def _sees_system(prefix: str) -> bool:
    """Return whether the system's and the user's folders belong to an environment.

    In a virtual environment, only its settings can include them (PEP 405).
    """
    if prefix == sys.base_prefix:
        return True
    try:
        with open(_settings_of(prefix), encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        return False
    pairs = (line.partition("=") for line in text.lower().splitlines())
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    return settings.get("include-system-site-packages") == "true"
