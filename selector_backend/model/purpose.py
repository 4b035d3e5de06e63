"""The frontend's command that calls the hooks: its purpose, and where it installs to."""

from __future__ import annotations

import enum
import re

from .values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The tag in every wheel's ``WHEEL``, and in the file name of a portable one.
PORTABLE_TAG = "py3-none-any"


class Purpose(enum.Enum):
    """What a hook is called for. One command may have several: uv's locks, and then installs."""

    #: The wheel is installed into an environment.
    INSTALL = "install"
    #: The requirements are locked, to be installed later.
    LOCK = "lock"
    #: The user asks what would be installed.
    LOOK = "look"
    #: The wheel is kept, and has to be one that any installer takes.
    KEEP = "keep"


class Mark(enum.Enum):
    """How a wheel's mark keeps frontends from reusing it from their cache."""

    #: Not at all: a wheel to keep, or an unknown frontend.
    NONE = "none"
    #: A platform tag in the file's name that no machine has. Frontends select a cached wheel by the
    #: tags in its name, but check one that they have just built by its content, or not at all:
    #: pip's `SimpleWheelCache.get` skips wheels that `Wheel.supported` rejects, while `pip check`
    #: reads the file ``WHEEL``, which has ``py3-none-any``. poetry's `ArtifactCache` and pdm's
    #: `WheelCache` check the name in the same way.
    #: https://github.com/pypa/pip/blob/26.0/src/pip/_internal/cache.py
    #: https://github.com/python-poetry/poetry/blob/2.5.1/src/poetry/utils/cache.py
    #: https://github.com/pdm-project/pdm/blob/2.29.3/src/pdm/models/caches.py
    TAG = "tag"
    #: A local version label (PEP 440), except in the name of the ``.dist-info`` folder. uv refuses
    #: a wheel whose tags do not fit the machine, but an sdist of 1.0 may give a wheel of 1.0+label,
    #: and it compares versions exactly in its cache (`CachedMetadata::matches`,
    #: `BuiltWheelFile::matches`). It takes the installed version from the folder's name.
    #: https://github.com/astral-sh/uv/pull/11429
    LABEL = "label"

    def label(self, version: str, variants: Sequence[str]) -> str:
        """Return the label for ``version``, or ``""``.

        A version with a label of its own gets none: PEP 440 allows one label, and uv takes 1.0+own
        for 1.0, but nothing else for 1.0+own.
        """
        if self is not Mark.LABEL or "+" in version:
            return ""
        return _join(".", variants)

    def tag(self, variants: Sequence[str]) -> str:
        """Return the tag in the wheel's file name."""
        if self is not Mark.TAG:
            return PORTABLE_TAG
        return f"py3-none-selected_{_join('_', variants)}"


@dataclass(frozen=True)
class Target:
    """Another platform than this one, which a command states by its ``options``.

    ``marker`` are its marker variables. ``fact`` is the fact of its C library or system, such as
    ``glibc``, and ``version`` that fact's value, if the options have one.
    """

    options: str
    marker: Mapping[str, str]
    fact: str = ""
    version: str = ""


@dataclass(frozen=True)
class Commands:
    """The frontend's commands that change an environment, as their first arguments, for messages.

    ``has_settings`` is whether an option can ask for a variant, and ``names_package`` whether the
    command takes the package's name. ``uninstall`` is empty where there is no such command.
    """

    install: tuple[str, ...] = ("pip", "install")
    uninstall: tuple[str, ...] = ("pip", "uninstall", "--yes")
    has_settings: bool = True
    names_package: bool = True


@dataclass(frozen=True)
class Lock:
    """The lock that a command installs from, or writes.

    It is the first file of the ``names`` in ``folder`` or, if ``of_project``, beside the nearest
    ``pyproject.toml`` from there upwards; if ``of_workspace``, also in the root of uv's workspace.
    ``written_last`` is whether this command writes it after it has installed. ``again`` is the
    command that locks a ``{project}`` of a ``{version}`` anew.
    """

    names: tuple[str, ...]
    folder: str
    of_project: bool = True
    of_workspace: bool = False
    written_last: bool = False
    again: str = ""


@dataclass(frozen=True)
class Installation:
    """The command that calls this hook: the frontend, its purpose, and the environment.

    ``frontend`` and ``command`` are empty if they are not known. ``requirements`` are those on the
    command line, ``files`` its requirements files, relative to the folder ``started_in``, and
    ``reads_more`` is whether the command may have other requirements. ``one_environment`` is
    whether everything that the command builds is for the same environment. ``folders`` are those of
    the environment; empty if it is not known for certain, or does not count. From
    ``folders_removed_last``, the installer removes an old release after it has installed all else.
    ``mark`` is how the wheel is marked, and ``commands`` are for messages. ``stops_late`` is
    whether only the hook that builds the wheel stops for the environment, and ``locked_before``
    whether that hook installs what the hook before it locked. ``lock`` is the lock that the command
    reads or writes, if any.

    ``scratch`` is the frontend's temporary folder for this one build, ``shared`` the one for all
    builds of the command, and ``identity`` identifies the process that calls the command's hooks;
    each is empty if there is none.

    ``everywhere`` is whether this is a lock for all platforms, and ``target`` the platform that the
    command states, if it is not this one.
    """

    frontend: str = ""
    command: str = ""
    purpose: Purpose = Purpose.KEEP
    requirements: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    reads_more: bool = True
    started_in: str = ""
    one_environment: bool = True
    folders: tuple[str, ...] = ()
    folders_removed_last: tuple[str, ...] = ()
    mark: Mark = Mark.NONE
    commands: Commands = Commands()
    stops_late: bool = False
    locked_before: bool = False
    lock: Lock | None = None
    scratch: str = ""
    shared: str = ""
    identity: str = ""
    everywhere: bool = False
    target: Target | None = None

    @property
    def target_marker(self) -> Mapping[str, str]:
        """The marker variables of the platform that the command states, if any."""
        return self.target.marker if self.target else {}

    @property
    def hidden(self) -> str:
        """The note that the environment cannot be seen, or ``""``."""
        if self.folders or not self.frontend or self.purpose is not Purpose.INSTALL:
            return ""
        return f"{self.frontend} does not show its environment, so installed packages do not count"

    def is_only(self, project: str) -> bool:
        """Return whether the command asks for ``project`` and nothing else."""
        from .markers import normalize

        if self.reads_more or len(self.requirements) != 1:
            return False
        target, key = self.requirements[0].partition(" @ ")[0], normalize(project)
        *folders, name = re.split(r"[/\\]", target)
        if folders or ".tar." in name:
            return re.match(rf"{key}-\d", normalize(name)) is not None
        return normalize(re.split(r"[^\w.-]", name)[0]) == key


def _join(separator: str, variants: Sequence[str]) -> str:
    """Return the names of ``variants`` joined, in characters that are valid in tags and labels.

    Cut short, since file names are limited: a mark need not be unique.
    """
    parts = re.findall(r"[a-z0-9]+", " ".join(variants).lower())
    return separator.join(parts)[:80].rstrip(separator)
