"""Who calls this process, what for, and into which environment: the `Installation`, read once."""

from __future__ import annotations

import os
import re
import site
import sys
from pathlib import Path

from ..errors import SelectorError
from ..model.purpose import Commands, Installation, Lock, Mark, Purpose
from ..model.values import dataclass
from ..model.variables import PLATFORMS_VARIABLE
from .caller import parent
from .frontends import FRONTENDS, Frontend, Hook, Locking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.purpose import Target


def read_installation(*, builds: bool = False) -> Installation:
    """Return what this process serves. ``builds`` is whether its hook builds the wheel."""
    return identify(Hook(sys.argv, os.environ, parent(), str(Path.cwd()), sys.prefix, builds))


def identify(hook: Hook) -> Installation:
    """Return what the hook of a process serves."""
    program, words = _program(hook.parent.arguments)
    for row in FRONTENDS:
        named = re.fullmatch(row.programs, program) is not None
        if row.recognises(hook, named) if row.recognises else named:
            line = _parse(row, words if named or row.embedded else ())
            return _installation(row, hook, line, named=named)
    return Installation()


@dataclass(frozen=True)
class _Line:
    """A command line: its command, the words after that, and its options, with their values."""

    command: str = ""
    words: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def values(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what the options ``names`` were given."""
        return tuple(value for name, value in self.options if name in names)

    def value(self, names: Sequence[str]) -> str:
        """Return what the last of the options ``names`` was given, ``""`` if none is there."""
        return ("", *self.values(names))[-1]

    def has(self, names: Sequence[str]) -> bool:
        """Return whether one of the options ``names`` is there."""
        return any(name in names for name, _ in self.options)


def _parse(row: Frontend, words: Sequence[str]) -> _Line:
    """Return the command line of a frontend; the command is the first word that is one of its."""
    firsts = {name.partition(" ")[0] for name in row.purposes}
    valued = (*row.valued, *row.requirements, *row.files, *row.more)
    valued += (*row.python, *row.target, *row.elsewhere, *row.platform, *row.python_version)
    command, others, options = "", list[str](), list[tuple[str, str]]()
    rest = iter(words)
    for word in rest:
        if word == "--":
            others += rest
            break
        option, value = _option(word, valued)
        if option:
            options.append((option, (next(rest, "") if value is None else value) or ""))
        elif word.startswith("--"):
            options.append((word, ""))
        elif not word.startswith("-"):
            if not command and word in firsts:
                command = word
            elif command and f"{command} {word}" in row.purposes and not others:
                command = f"{command} {word}"
            elif command in row.running:
                others.append(word)
                break
            elif command or "" in row.listing:
                others.append(word)
    return _Line(command, tuple(others), tuple(options))


def _installation(row: Frontend, hook: Hook, line: _Line, *, named: bool) -> Installation:
    purpose = _purpose(row, hook, line)
    scratch = row.scratch(hook) if row.scratch else None
    target = line.value(row.target) or hook.environ.get(row.target_variable, "")
    environment, folders = "", list[str]()
    if purpose is Purpose.INSTALL and (named or not line.command or not _redirects(row, line)):
        environment, folders = _environment(row, hook, line, target, isolated=scratch is not None)
    names = [Path(hook.environ.get(one, "")).name for one in row.trackers]
    marks = [mark for pattern, mark in row.marks.items() if re.search(pattern, hook.folder)]
    asking = line if named else _Line()
    words = asking.words if line.command in row.naming else ()
    others = [one for text in asking.values(row.requirements) for one in text.split(",")]
    listed = asking.words if line.command in row.listing else ()
    return Installation(
        frontend=row.name,
        command=line.command,
        purpose=purpose,
        requirements=(*words, *others),
        files=(*asking.values(row.files), *listed),
        reads_more=not named or line.has((*row.requirements, *row.files, *row.more)),
        started_in=hook.parent.folder,
        folders=tuple(folders),
        folders_removed_last=tuple(
            _removed_last(folders) if row.removes_last and not target else ()
        ),
        mark=Mark.NONE if purpose is Purpose.KEEP else [*marks, row.mark][0],
        commands=_commands(row, hook, line, environment, target, scratch),
        # What is chosen is built before anything is changed, but by uv without isolation.
        stops_late=bool(folders) and (row.shows_environment == "always" or scratch is not None),
        locked_before=hook.builds and row.locks_environment and line.command in row.locking_first,
        lock=_lock(row, hook, line),
        one_environment=line.command not in row.several,
        scratch=scratch,
        shared=row.shared(hook) if row.shared else None,
        # pip has a folder's name for this, which does where the process is not known.
        identity=next(filter(None, (hook.parent.identity, *names)), ""),
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
    if not platforms and not python:
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

    Both are empty where they are not known for certain, or do not stay as they are.
    """
    exact = line.command in row.exact and not line.has(row.inexact)
    if exact or line.has(row.all_exact):
        return "", []
    if row.locks_environment:
        folder = _locked(row, hook, line)
        if folder:
            return folder, [folder] if line.has(row.target) else _site_packages(folder)
    shown = {"never": False, "without isolation": not isolated, "always": True}
    elsewhere = line.has(row.elsewhere) or any(map(hook.environ.get, row.elsewhere_variables))
    if not shown[row.shows_environment] or (row.locks_environment and _redirects(row, line)):
        return "", []
    if target:
        folder = _absolute(target, hook)
        return folder, [folder] if folder else []
    return ("", []) if elsewhere else (sys.prefix, _site_packages(sys.prefix))


def _locked(row: Frontend, hook: Hook, line: _Line) -> str:
    """Return the folder of the environment that a frontend has locked, ``""`` in any doubt.

    uv locks the environment before it resolves. A folder that is none is the one of all its tools,
    or of a cache. Where open files cannot be seen, what the command line names by a path is all.
    """
    named = line.value((*row.target, *row.elsewhere))
    folders = list(hook.parent.locked)
    if sys.platform != "linux":
        folders = [_absolute(named or line.value(row.python), hook)]
        folders += [str(Path(one).parent.parent) for one in folders if one]  # of an interpreter
    if named:
        wanted = os.path.realpath(_absolute(named, hook) or os.devnull)
        found = [one for one in folders if os.path.realpath(one) == wanted]
    else:
        found = [one for one in folders if one and Path(one, "pyvenv.cfg").is_file()]
    return found[0] if len(found) == 1 else ""


def _lock(row: Frontend, hook: Hook, line: _Line) -> Lock | None:
    """Return where the command reads or writes what it installs, ``None`` in any doubt."""
    locking = row.locking
    if locking is None or line.command not in locking.commands or line.has(locking.never):
        return None
    from .shell import quote

    named = (pair for pair in line.options if pair[0] in locking.project)
    again = " ".join([locking.again, *(f"{name} {quote(value)}" for name, value in named)])
    if script := _script(locking, hook, line):
        name = Path(script).name
        again = f"{locking.again} --script {quote(script)}"
        folder = _absolute(str(Path(script).parent), hook)
        if line.command in row.locking_first and not Path(folder, f"{name}.lock").is_file():
            return None  # only `uv lock` makes it
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
    """Return whether what is installed is for the environment of a project.

    Open locks tell it, where there are some, from one that uv makes for a script or for ``--with``.
    """
    environment = _locked(row, hook, line) if hook.parent.locked else ""
    if re.search(r"[/\\]environments-v\d+[/\\]", environment):
        return False
    return bool(environment) or not (row.locking and line.has(row.locking.apart))


def _script(locking: Locking, hook: Hook, line: _Line) -> str | None:
    """Return the script whose environment this is (PEP 723), ``""`` for a project's.

    ``None`` stands for one that cannot be read again.
    """
    arguments, named = hook.parent.arguments, [*line.words]
    marked = line.has(locking.script)
    if line.command != locking.runs:
        pairs = zip(arguments, arguments[1:])
        named = [value for option, value in pairs if option in locking.script]
        named += [one.partition("=")[2] for one in arguments if one.startswith("--script=")]
        return named[0] if named else ""
    if not named:
        return None if "-" in arguments else ""
    if marked:
        return named[0]
    if "://" in named[0]:
        return None
    path = _absolute(named[0], hook)
    if not path.endswith((".py", ".pyw")) or not Path(path).is_file():
        return ""
    from .asked import read_text

    return named[0] if re.search(r"(?m)^# /// script\s*$", read_text(path)) else ""


def _absolute(written: str, hook: Hook) -> str:
    """Return a path of the command line, ``""`` where its folder is not known.

    The hooks run in the project's folder, not where the frontend was called.
    """
    path = Path(hook.parent.folder, os.path.expanduser(written))  # noqa: PTH111 - Path's raises for `~nobody`
    return str(path) if written and path.is_absolute() else ""


def _removed_last(folders: Sequence[str]) -> list[str]:
    """Return the folders from which an old release is removed after all else is installed.

    Into the folder of ``--target``, an installer puts files over those that are there. From
    folders outside of a virtual environment, and those of others, it removes nothing.
    """
    own = sys.prefix if sys.prefix != sys.base_prefix else ""
    return [one for one in folders if one.startswith(own) and os.access(one, os.W_OK)]


def _commands(
    row: Frontend, hook: Hook, line: _Line, environment: str, target: str, scratch: Path | None
) -> Commands:
    """Return how commands begin that install into this environment, and uninstall from it."""
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


def _pip(hook: Hook, python: str, scratch: Path | None) -> tuple[str, ...]:
    """Return how to call the pip that installs for this Python."""
    if python:
        return "pip", "--python", python
    own = Path(sys.executable).parent
    for folder in hook.environ.get("PATH", "").split(os.pathsep):
        if scratch and folder.startswith(str(scratch)):
            continue  # what the build needs
        if any(Path(folder, name).exists() for name in ("pip", "pip.exe")):
            if Path(folder) == own:
                return ("pip",)
            break
    return sys.executable, "-m", "pip"


def _option(word: str, valued: Sequence[str]) -> tuple[str, str | None]:
    """Return which of the options ``valued`` is in a word, and its value if it is in there, too.

    Short ones may be written together: ``-Ut dep``, ``-Utdep``.
    """
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value if equals else None) if name in valued else ("", None)
    if word.startswith("-"):
        for index, letter in enumerate(word[1:], start=2):
            if f"-{letter}" in valued:
                return f"-{letter}", word[index:] or None
    return "", None


_INTERPRETER = r"(?i)(python|pypy|graalpy)[\d.t]*w?(\.exe)?"
_SUFFIX = r"(?i)\.(py|pyz|exe)$"


def _program(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return what a command line runs, a script's or a module's name, and the arguments of that."""
    words = list(arguments)
    if words and re.fullmatch(_INTERPRETER, _parts(words[0])[-1]):
        del words[0]
        while words and words[0].startswith("-"):
            valued = ("-c", "-m", "-W", "-X", "--check-hash-based-pycs")
            option, value = _option(words.pop(0), valued)
            if option and value is None and words:
                value = words.pop(0)
            if option in ("-c", "-m"):
                return (value or "") if option == "-m" else "", words
    if not words:
        return "", []
    *folders, name = (re.sub(_SUFFIX, "", part) for part in _parts(words[0]))
    return folders[-1] if name == "__main__" and folders else name, words[1:]


def _parts(path: str) -> list[str]:
    return re.split(r"[/\\]", path)


def _site_packages(prefix: str) -> list[str]:
    """Return the folders that hold the distributions of an environment, as it is by itself.

    The user's own comes first, as on the import path. pip takes them off that for the hooks;
    `site` still names them. Another environment than this one is of the same interpreter.
    """
    sees_system = _sees_system(prefix)
    users = [site.getusersitepackages()] if sees_system else []
    system = [sys.base_prefix] if sees_system else []
    return list(dict.fromkeys([*users, *site.getsitepackages([prefix, *system])]))


def _sees_system(prefix: str) -> bool:
    """Return whether the system's folders, and the user's own, belong to an environment.

    They do not in a virtual environment, unless its settings say so (PEP 405).
    """
    if prefix == sys.base_prefix:
        return True
    try:
        text = Path(prefix, "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    pairs = (line.partition("=") for line in text.lower().splitlines())
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    return settings.get("include-system-site-packages") == "true"
