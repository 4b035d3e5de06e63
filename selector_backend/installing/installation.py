"""Who calls this process: its row of `FRONTENDS`, its command, and where that installs to."""

from __future__ import annotations

import os
import re
import site
import sys
from pathlib import Path

from ..model.values import dataclass, replace
from .caller import parent
from .frontends import FRONTENDS, UNKNOWN, Commands, Frontend, Hook, Mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Caller:
    """Who calls a hook: the frontend, the command that it runs, and where that installs to.

    ``command`` is empty where it is not known: then it installs. ``target`` is the folder that it
    installs into, as it is written; ``elsewhere`` is whether it installs into no environment.
    """

    frontend: Frontend
    hook: Hook
    command: str = ""
    target: str = ""
    elsewhere: bool = False

    @property
    def mark(self) -> Mark:
        """How the wheel is marked that it gets."""
        row = self.frontend
        if self.command in row.keeping or re.search(row.unmarked, self.hook.folder):
            return Mark.NONE
        return row.mark

    @property
    def scratch(self) -> Path | None:
        """The folder that the frontend made for this one build, if there is one."""
        find = self.frontend.scratch
        return find(self.hook) if find else None

    @property
    def shared(self) -> Path | None:
        """The folder that the frontend has for all builds of its command, if there is one."""
        find = self.frontend.shared
        return find(self.hook) if find else None

    @property
    def commands(self) -> Commands:
        """What people are shown who are to install, or to uninstall."""
        row = self.frontend
        has_settings = row.without_settings not in self.hook.environ
        return replace(row.commands, has_settings=has_settings)

    @property
    def identity(self) -> str:
        """What tells the process that calls all the hooks of a command from any other.

        pip has a folder's name for this, which does where the process is not known. ``""`` where
        there is neither.
        """
        names = [Path(self.hook.environ.get(one, "")).name for one in self.frontend.trackers]
        return next(filter(None, (self.hook.parent.identity, *names)), "")

    @property
    def installs(self) -> bool:
        """Whether what is built is for an install, and not to be kept."""
        row = self.frontend
        return bool(row.installing) and self.command in ("", *row.installing)

    @property
    def folders(self) -> list[str]:
        """The folders of the environment that is being installed into.

        Empty where the frontend does not let the backend see it, or installs nothing.
        """
        row = self.frontend
        shown = {"never": False, "without isolation": self.scratch is None, "always": True}
        if not self.installs or self.elsewhere or not shown[row.shows_environment]:
            return []
        if not self.target:
            return _site_packages()
        # The hooks run in the project's folder, not where the frontend was called.
        written = os.path.expanduser(self.target)  # noqa: PTH111 - Path's raises for `~nobody`
        path = Path(self.hook.parent.folder, written)
        return [str(path)] if path.is_absolute() else []

    @property
    def folders_removed_last(self) -> list[str]:
        """Those of the folders from which an old release is removed after all else is installed.

        Into the folder of ``--target``, an installer puts files over those that are there. From
        folders outside of a virtual environment, and those of others, it removes nothing.
        """
        if not self.frontend.removes_last or self.target:
            return []
        own = sys.prefix if sys.prefix != sys.base_prefix else ""
        return [one for one in self.folders if one.startswith(own) and os.access(one, os.W_OK)]


def caller() -> Caller:
    """Return who calls this process."""
    return identify(Hook(sys.argv, os.environ, parent(), str(Path.cwd()), sys.prefix))


def identify(hook: Hook) -> Caller:
    """Return who started a hook's process."""
    program, words = _program(hook.parent.arguments)
    for row in FRONTENDS:
        named = re.fullmatch(row.programs, program) is not None
        if row.recognises(hook, named) if row.recognises else named:
            return _call(row, hook, words if named else ())
    return Caller(UNKNOWN, hook)


def _call(row: Frontend, hook: Hook, words: Sequence[str]) -> Caller:
    """Return the caller that has the arguments ``words``.

    The command is the first of them that is one of the row's.
    """
    commands = (*row.installing, *row.asking, *row.keeping)
    valued = (*row.valued, *row.target, *row.elsewhere)
    command, target = "", hook.environ.get(row.target_variable, "")
    elsewhere = any(hook.environ.get(name) for name in row.elsewhere_variables)
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        option, value = _option(word, valued)
        if option and value is None:
            value = next(rest, "")
        if option in row.target:
            target = value or ""
        elif option in row.elsewhere:
            elsewhere = True
        elif not option and not command and word in commands:
            command = word
    return Caller(row, hook, command, target, elsewhere and not target)


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


def _site_packages() -> list[str]:
    """Return the folders that hold this interpreter's distributions, as it is without a frontend.

    The user's own comes first, as on the import path. pip takes them off that for the hooks;
    `site` still names them.
    """
    users = [site.getusersitepackages()] if _sees_user_site() else []
    return list(dict.fromkeys([*users, *site.getsitepackages()]))


def _sees_user_site() -> bool:
    """Return whether the user's own folder belongs to the environment.

    It does not in a virtual environment, unless that sees the system's folders too (PEP 405).
    """
    if sys.prefix == sys.base_prefix:
        return True
    try:
        text = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    pairs = (line.partition("=") for line in text.lower().splitlines())
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    return settings.get("include-system-site-packages") == "true"
