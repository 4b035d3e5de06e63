"""Who calls the backend, what it has set up for the call, and what to name the wheel for it.

Installers keep the wheel that they build from an sdist, and the metadata, and give them to the next
who asks for that name and version: another request, or a machine that has a driver by now, gets the
choice of before. No standard lets a backend say that a wheel is not to be kept. So the wheel is
marked in the one way that each frontend installs but does not reuse; `Mark` has the ways.
``docs/reference/frontends.md`` shows what comes of it, from a run of ``tests/frontends``.

What would make the marks unnecessary: wheel variants (PEP 817), or frontends that ask the backend
before they reuse what it built. Keying by config settings, as uv has it and pip may get it
(https://github.com/pypa/pip/issues/11164), is not enough, since the machine and the table's
variable also choose.

Everything about a frontend is in its row of `FRONTENDS`.
"""

from __future__ import annotations

import enum
import os
import re
from pathlib import Path

from ..model.values import dataclass
from .caller import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable, Literal


#: The tag that every wheel has inside, and a portable one also in the name of its file.
PORTABLE_TAG = "py3-none-any"


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
    #: A local version label (PEP 440). uv refuses a wheel whose name does not fit the machine, but
    #: lets an sdist of 1.0 give a wheel of 1.0+label, and compares versions exactly when it looks
    #: into its cache (`CachedMetadata::matches`, `BuiltWheelFile::matches`).
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
class Hook:
    """What the process of a hook sees of who started it.

    ``argv`` and ``environ`` are its own, ``parent`` is the process that started it, ``folder`` the
    project's and ``prefix`` that of its Python.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    parent: Process = Process()
    folder: str = ""
    prefix: str = ""

    @property
    def script(self) -> str:
        """The script that runs, ``-c`` if it is none."""
        return self.argv[0] if self.argv else ""

    @property
    def knows_its_parent(self) -> bool:
        """Whether the command line is known that this was called by."""
        return bool(self.parent.arguments)


@dataclass(frozen=True)
class Commands:
    """How the commands of a frontend begin, for people to type."""

    install: str = "pip install"
    uninstall: str = "pip uninstall --yes"
    #: Whether there is an option that asks for a variant.
    has_settings: bool = True


@dataclass(frozen=True)
class Frontend:
    """A row of `FRONTENDS`. A frontend that is not known has the row `UNKNOWN`."""

    name: str = ""
    #: What its program is called: the pattern of a script's or a module's name, without a suffix.
    programs: str = ""
    #: Whether a hook was started by it: by what it sets up, and by whether the parent's program is
    #: called so. ``None`` where the name is all.
    recognises: Callable[[Hook, bool], bool] | None = None
    #: How a wheel is marked that it installs.
    mark: Mark = Mark.NONE
    #: Where a project lies that it installs a wheel of only if that has no mark.
    unmarked: str = "(?!)"
    #: The commands that install, or write down what is to be installed.
    installing: tuple[str, ...] = ()
    #: The commands that ask for metadata, and install nothing.
    asking: tuple[str, ...] = ()
    #: The commands that build a wheel for its own sake. It is carried elsewhere, and has to be one
    #: that any installer takes.
    keeping: tuple[str, ...] = ()
    #: The options, but those below, that are followed by a value: it may look like a command, or
    #: like an option.
    valued: tuple[str, ...] = ()
    #: The options that install into a folder, and those that install elsewhere; the variables of
    #: either.
    target: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    target_variable: str = ""
    elsewhere_variables: tuple[str, ...] = ()
    #: The folder that it makes for one build and throws away after it, if this runs in one.
    scratch: Callable[[Hook], Path | None] | None = None
    #: The variables that name a folder that each command has for itself.
    trackers: tuple[str, ...] = ()
    #: The folder of its own that all builds of a command share.
    shared: Callable[[Hook], Path | None] | None = None
    #: When the hooks' Python is the one of the environment that is installed into.
    shows_environment: Literal["never", "without isolation", "always"] = "never"
    #: What installs into an environment that it shows, and what uninstalls without a question.
    commands: Commands = Commands()
    #: A variable that those versions set that have no option ``--config-settings``.
    without_settings: str = ""
    #: Whether an upgrade installs what the new release requires before it removes the old release.
    removes_last: bool = False


# pip ------------------------------------------------------------------------------------------

# pip runs its own copy of the script that calls hooks, from a temporary file if pip itself is run
# from a zip file. The variables are for the pips that pip starts; those before 22.1 set the second.
_SCRIPT_OF_PIP = r"[/\\]pip[/\\]_vendor[/\\]"
_BEFORE_22_1 = "PIP_REQ_TRACKER"
_VARIABLES_OF_PIP = ("PIP_BUILD_TRACKER", _BEFORE_22_1)


def _by_pip(hook: Hook, named: bool) -> bool:
    if named or re.search(_SCRIPT_OF_PIP, hook.script):
        return True
    tracked = any(name in hook.environ for name in _VARIABLES_OF_PIP)
    return tracked and not hook.knows_its_parent and hook.script != "-c"


def _tracker_of_pip(hook: Hook) -> Path | None:
    """Return the folder in which a pip, and those that it starts, note what they build."""
    found = (hook.environ.get(name) for name in _VARIABLES_OF_PIP)
    return next((Path(folder) for folder in found if folder), None)


def _overlay(name: str) -> Callable[[Hook], Path | None]:
    """Return what finds a build environment that is an overlay beside the interpreter.

    It has a folder ``site``, which is put on the import path by a variable.
    """

    def find(hook: Hook) -> Path | None:
        for entry in hook.environ.get("PYTHONPATH", "").split(os.pathsep):
            path = Path(entry)
            if path.name == "site" and re.fullmatch(name, path.parent.name):
                return path.parent
        return None

    return find


# uv -------------------------------------------------------------------------------------------

# uv's cache: where it builds (an environment for each build), and where it unpacks sdists. Of an
# sdist that was given as a file it compares the version of kept metadata, but not of a kept wheel:
# with a label the two would differ, without it they agree.
_UV_BUILDS = r"builds-v\d+"
_UV_FILE = r"[/\\]sdists-v\d+[/\\]path[/\\]"


def _by_uv(hook: Hook, named: bool) -> bool:
    """Return whether this is uv, or something else that has uv's code in it.

    uv hands the hook to ``python -c``; the others run a script. uv sets the variable, but where it
    can't find its own path: on Linux without ``/proc``. pixi does not set it.
    https://github.com/astral-sh/uv/pull/11326
    """
    told = "UV" in hook.environ and not hook.knows_its_parent
    return hook.script == "-c" and (named or told or _uv_build(hook) is not None)


def _uv_build(hook: Hook) -> Path | None:
    folder = Path(hook.prefix)
    made = folder.name.startswith(".tmp") and re.fullmatch(_UV_BUILDS, folder.parent.name)
    return folder if made else None


def _uv_builds(hook: Hook) -> Path | None:
    build = _uv_build(hook)
    return build.parent if build else None


# build ----------------------------------------------------------------------------------------


def _build_env(hook: Hook) -> Path | None:
    """Return the environment that build makes; one of the user's may be called much like it."""
    import tempfile

    folder = Path(hook.prefix)
    made = re.fullmatch(r"build-env-[a-z0-9_]{8}", folder.name)
    temporary = folder.parent == Path(os.path.realpath(tempfile.gettempdir()))
    return folder if made and temporary else None


UNKNOWN = Frontend(programs="(?!)")

#: All that are known. The order matters where a hook looks like two: what `uv run` starts inherits
#: uv's variables, and that may be a pip.
FRONTENDS = (
    Frontend(
        name="pip",
        programs=r"pip[\d.]*|__pip-runner__",
        recognises=_by_pip,
        mark=Mark.TAG,
        installing=("install",),
        asking=("download", "lock"),
        # pip keeps a copy of its own, and nothing can be done about that from here:
        # https://github.com/pypa/pip/issues/6852
        keeping=("wheel",),
        valued=(
            *("--python", "--log", "--log-file", "--local-log", "--keyring-provider", "--proxy"),
            *("--retries", "--timeout", "--default-timeout", "--exists-action", "--trusted-host"),
            *("--cert", "--client-cert", "--cache-dir", "--use-feature", "--use-deprecated"),
            *("-r", "-c", "-e", "-i", "-f", "-C", "-d", "-w"),
            *("--global-option", "--install-option", "--build-option"),
        ),
        # pip accepts abbreviated options, and so does this: --t is also --timeout, and
        # --pref is --prefer-binary.
        target=("-t", "--ta", "--tar", "--targ", "--targe", "--target"),
        elsewhere=("--prefi", "--prefix", "--roo", "--root"),
        target_variable="PIP_TARGET",
        elsewhere_variables=("PIP_PREFIX", "PIP_ROOT"),
        scratch=_overlay("pip-build-env-.+"),
        trackers=_VARIABLES_OF_PIP,
        shared=_tracker_of_pip,
        # By the environment's interpreter, of whose import path only its folders are taken away.
        shows_environment="always",
        # `install_given_reqs` takes the requirements in the order of what they require.
        # https://github.com/pypa/pip/blob/26.0/src/pip/_internal/req/__init__.py
        removes_last=True,
        without_settings=_BEFORE_22_1,
    ),
    Frontend(
        name="uv",
        programs="uv",
        recognises=_by_uv,
        mark=Mark.LABEL,
        unmarked=_UV_FILE,
        installing=(
            *("pip", "sync", "add", "remove", "run", "tool", "venv", "version", "init"),
            # What is installed from a lock has to be what the lock was made for.
            *("lock", "export", "tree", "audit", "check"),
        ),
        keeping=("build",),
        valued=(
            *("--color", "--allow-insecure-host", "--directory", "--project", "--config-file"),
            *("--cache-dir", "--python", "-r", "-e", "-c", "-b", "-i", "-f", "-P", "-C", "-p"),
        ),
        target=("-t", "--target"),
        elsewhere=("--prefix", "--root"),
        scratch=_uv_build,
        shared=_uv_builds,
        shows_environment="without isolation",
        commands=Commands("uv pip install --no-build-isolation", "uv pip uninstall"),
    ),
    Frontend(
        name="poetry",
        programs="poetry",
        mark=Mark.TAG,
        installing=("install", "add", "remove", "update", "sync", "lock", "self", "run", "debug"),
        keeping=("build", "publish"),
        valued=("-C", "--directory", "-P", "--project"),
    ),
    Frontend(
        name="pdm",
        programs="pdm",
        mark=Mark.TAG,
        installing=(
            *("install", "add", "remove", "update", "sync", "lock", "self", "plugin", "run", "use"),
            *("init", "new", "import", "fix", "outdated", "export"),
        ),
        keeping=("build", "publish"),
        valued=("-c", "--config", "-p", "--project"),
        scratch=_overlay("pdm-build-env-.+-overlay"),
    ),
    Frontend(name="build", programs="build|pyproject-build", scratch=_build_env),
)


def _join(separator: str, variants: Sequence[str]) -> str:
    """Return the names of ``variants`` joined, in the characters that tags and labels share.

    Cut short where there are many: the mark has to be there, not to be told from others.
    """
    words = re.findall(r"[a-z0-9]+", " ".join(variants).lower())
    return separator.join(words)[:_LONGEST].rstrip(separator)


# A file's name has 255 bytes at most.
_LONGEST = 80
