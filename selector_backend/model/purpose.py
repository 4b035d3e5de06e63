"""What the backend serves right now: who calls, what for, and where to."""

from __future__ import annotations

import enum
import re

from .values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: The tag that every wheel has inside, and a portable one also in the name of its file.
PORTABLE_TAG = "py3-none-any"


class Purpose(enum.Enum):
    """What a hook is called for. One command may have several: uv's locks, and then installs."""

    #: An environment gets what is built.
    INSTALL = "install"
    #: What is to be installed is written down, to be installed later.
    LOCK = "lock"
    #: Somebody wants to know what would be installed.
    LOOK = "look"
    #: A wheel is built to be carried elsewhere, and has to be one that any installer takes.
    KEEP = "keep"


class Mark(enum.Enum):
    """How a wheel is kept from being reused."""

    #: Not at all: a wheel to keep, or a frontend that is not known.
    NONE = "none"
    #: A platform tag in the file's name that no machine has. Frontends pick a kept wheel by the
    #: tags in its name, and check the one that they have just built by its content or not at all:
    #: pip's `SimpleWheelCache.get` skips what `Wheel.supported` denies, and `pip check` reads the
    #: file ``WHEEL``, which therefore says ``py3-none-any``. poetry's `ArtifactCache` and pdm's
    #: `WheelCache` look at the name in the same way.
    #: https://github.com/pypa/pip/blob/26.0/src/pip/_internal/cache.py
    #: https://github.com/python-poetry/poetry/blob/2.5.1/src/poetry/utils/cache.py
    #: https://github.com/pdm-project/pdm/blob/2.29.3/src/pdm/models/caches.py
    TAG = "tag"
    #: A local version label (PEP 440), but for the name of the ``.dist-info`` folder. uv refuses a
    #: wheel whose name does not fit the machine, but an sdist of 1.0 may give a wheel of 1.0+label,
    #: and compares versions exactly when it looks into its cache (`CachedMetadata::matches`,
    #: `BuiltWheelFile::matches`). The version that is installed it takes from the folder's name.
    #: https://github.com/astral-sh/uv/pull/11429
    LABEL = "label"

    def label(self, version: str, variants: Sequence[str]) -> str:
        """Return the label that ``version`` gets, or ``""``.

        A version that has a label of its own stays unchanged: PEP 440 has one label only, and uv
        takes 1.0+own for 1.0, but nothing else for 1.0+own.
        """
        if self is not Mark.LABEL or "+" in version:
            return ""
        return _join(".", variants)

    def tag(self, variants: Sequence[str]) -> str:
        """Return the tag that ends the name of the wheel's file."""
        if self is not Mark.TAG:
            return PORTABLE_TAG
        return f"py3-none-selected_{_join('_', variants)}"


@dataclass(frozen=True)
class Target:
    """Another platform than this one, which a command states by its ``options``.

    ``marker`` are the marker variables that it settles, and ``fact`` is what it has a version of,
    such as the C library of Linux, with the ``version`` if the options name one.
    """

    options: str
    marker: Mapping[str, str]
    fact: str = ""
    version: str = ""


@dataclass(frozen=True)
class Commands:
    """How the commands that change an environment begin, for people to type: their first words.

    ``has_settings`` is whether there is an option that asks for a variant, and ``names_package``
    whether the package is named, since a project's own command names none. ``uninstall`` is
    empty where no command can do it.
    """

    install: tuple[str, ...] = ("pip", "install")
    uninstall: tuple[str, ...] = ("pip", "uninstall", "--yes")
    has_settings: bool = True
    names_package: bool = True


@dataclass(frozen=True)
class Lock:
    """The lock that a command installs from, or writes.

    It has the first of the ``names`` that lies in ``folder`` or, if it is ``of_project``, beside
    the nearest ``pyproject.toml`` from there upwards; in uv's workspaces also in the root. It is
    ``written_last`` if this command writes it only after it has installed. ``again`` is the command
    that locks a ``{project}`` of a ``{version}`` anew.
    """

    names: tuple[str, ...]
    folder: str
    of_project: bool = True
    of_workspace: bool = False
    written_last: bool = False
    again: str = ""


@dataclass(frozen=True)
class Installation:
    """What the backend serves: who calls, what for, and into which environment.

    ``frontend`` and its ``command`` are empty where they are not known. ``requirements`` are those
    that the command line names, ``files`` the files of them, from the folder that it was
    ``started_in``, and ``reads_more`` is whether the requirements of the command are not all that
    it asks for, or not known. ``one_environment`` is whether all that the command builds is for the
    same environment. ``folders`` are those of the environment that is installed
    into; empty where it cannot be seen for certain, or does not count. From
    ``folders_removed_last``, an old release is removed after all else is installed. ``mark`` is how
    the wheel is marked, and ``commands`` are what people are shown. ``stops_late`` is whether what
    the environment forbids is left to the hook that builds the wheel, and ``locked_before`` whether
    that hook installs what the hook before it locked. ``lock`` is where it reads what to install,
    or writes that, if it does.

    ``scratch`` is the folder that the frontend made for this one build, ``shared`` the one that it
    has for all builds of its command, and ``identity`` tells the process that calls all the hooks
    of a command from any other; each is empty where there is none.

    ``everywhere`` is whether this is a lock for all platforms, and ``target`` the platform that the
    command states, if it is for another than this one.
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
    scratch: Path | None = None
    shared: Path | None = None
    identity: str = ""
    everywhere: bool = False
    target: Target | None = None

    @property
    def stated(self) -> Mapping[str, str]:
        """The marker variables that the command states, if it is for another platform."""
        return self.target.marker if self.target else {}

    @property
    def hidden(self) -> str:
        """The sentence on an environment that cannot be seen, or ``""``."""
        if self.folders or not self.frontend or self.purpose is not Purpose.INSTALL:
            return ""
        return (
            f"what is installed where {self.frontend} installs to is not known here, "
            "and does not count"
        )

    def is_only(self, project: str) -> bool:
        """Return whether the command asks for ``project``, and for nothing else."""
        from .markers import normalize

        if self.reads_more or len(self.requirements) != 1:
            return False
        word, key = self.requirements[0].partition(" @ ")[0], normalize(project)
        *folders, name = re.split(r"[/\\]", word)
        if folders or ".tar." in name:
            return re.match(rf"{key}-\d", normalize(name)) is not None
        return normalize(re.split(r"[^\w.-]", name)[0]) == key


def _join(separator: str, variants: Sequence[str]) -> str:
    """Return the names of ``variants`` joined, in the characters that tags and labels share.

    Cut short where there are many: the mark has to be there, not to be told from others.
    """
    words = re.findall(r"[a-z0-9]+", " ".join(variants).lower())
    return separator.join(words)[:_LONGEST].rstrip(separator)


# A file's name has 255 bytes at most.
_LONGEST = 80
