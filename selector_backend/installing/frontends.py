"""Who calls the backend, what it has set up for the call, and what to name the wheel for it.

Installers keep the wheel that they build from an sdist, and the metadata, and give them to the next
who asks for that name and version: another request, or a machine that has a driver by now, gets the
choice of before. No standard lets a backend say that a wheel is not to be kept. So the wheel is
marked in the one way that each frontend installs but does not reuse; `Mark` has the ways.
``benchmarks/frontends.md`` shows what comes of it, from a run of ``tests/frontends``.

What would make the marks unnecessary: wheel variants (PEP 817), or frontends that ask the backend
before they reuse what it built. Keying by config settings, as uv has it and pip may get it
(https://github.com/pypa/pip/issues/11164), is not enough, since the machine and the table's
variable also choose.

Everything about a frontend is in its row of `FRONTENDS`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..model.purpose import Mark, Purpose
from ..model.values import dataclass, field
from .caller import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable, Literal


@dataclass(frozen=True)
class Hook:
    """What the process of a hook sees of who started it.

    ``argv`` and ``environ`` are its own, ``parent`` is the process that started it, ``folder`` the
    project's and ``prefix`` that of its Python. ``builds`` is whether the hook builds the wheel.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    parent: Process = Process()
    folder: str = ""
    prefix: str = ""
    builds: bool = False

    @property
    def script(self) -> str:
        """The script that runs, ``-c`` if it is none."""
        return self.argv[0] if self.argv else ""

    @property
    def knows_its_parent(self) -> bool:
        """Whether the command line is known that this was called by."""
        return bool(self.parent.arguments)


@dataclass(frozen=True)
class Locking:
    """Where a frontend keeps what it locks, and the ``commands`` that read it, or write it.

    The lock has one of ``names``, or the one that an option of ``file`` or ``file_variable`` gives.
    The options ``project`` and ``project_variable`` name the project's folder. ``apart`` are the
    options with which another environment than the project's may be meant; with ``never``, it is.
    The others are as `Lock` has them.
    """

    names: tuple[str, ...]
    commands: tuple[str, ...]
    again: str
    #: The command that installs what is locked.
    sync: tuple[str, ...]
    project: tuple[str, ...] = ()
    project_variable: str = ""
    file: tuple[str, ...] = ()
    file_variable: str = ""
    apart: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    #: The options that name a script with a lock of its own, and the command that runs one.
    script: tuple[str, ...] = ()
    runs: str = ""
    of_workspace: bool = False
    #: The commands that write it only after they have installed.
    written_last: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frontend:
    """A row of `FRONTENDS`. A frontend that is not known has the row `UNKNOWN`."""

    name: str = ""
    #: What its program is called: the pattern of a script's or a module's name, without a suffix.
    programs: str = ""
    #: Whether a hook was started by it: by what it sets up, and by whether the parent's program is
    #: called so. ``None`` where the name is all.
    recognises: Callable[[Hook, bool], bool] | None = None
    #: Whether the words of a program that has it inside are taken for its own.
    embedded: bool = False
    #: How a wheel is marked that is not to be kept, and how where the project lies in a folder that
    #: has one of these patterns.
    mark: Mark = Mark.NONE
    marks: Mapping[str, Mark] = field(default_factory=dict)
    #: Its commands, the longer of two that begin alike, such as ``pip compile``, without the
    #: options between. The first is what it does where none is known.
    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    #: The commands of ``purposes`` that lock first, and install when the wheel is built.
    locking_first: tuple[str, ...] = ()
    #: How it locks projects, for all platforms, and the options that make other locks so.
    locking: Locking | None = None
    universal: tuple[str, ...] = ()
    #: The options that state another platform, and the Python on it.
    platform: tuple[str, ...] = ()
    python_version: tuple[str, ...] = ()
    #: The commands that remove from an environment what is not asked for.
    exact: tuple[str, ...] = ()
    #: The options with which every command does, and those with which none does.
    all_exact: tuple[str, ...] = ()
    inexact: tuple[str, ...] = ()
    #: The commands that hand all that follows the first other word to what they run.
    running: tuple[str, ...] = ()
    #: The options, but those below, that are followed by a value: it may look like a command, or
    #: like an option.
    valued: tuple[str, ...] = ()
    #: The commands whose other words are requirements, and those whose words are files of them.
    naming: tuple[str, ...] = ()
    listing: tuple[str, ...] = ()
    #: The options that name a requirement, those that name a file of them, and those that ask in
    #: another way for something to be installed.
    requirements: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    #: The commands that may install into several environments.
    several: tuple[str, ...] = ()
    #: The options with which nothing is installed.
    dry: tuple[str, ...] = ("--dry-run",)
    #: The options that name the environment's Python.
    python: tuple[str, ...] = ()
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
    #: Whether it locks the environment that it installs into, by a file ``.lock`` in its folder.
    locks_environment: bool = False
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


def _with_pip(hook: Hook, named: bool) -> bool:
    """Return whether this is a program that is called so, and has a pip inside."""
    return named and _by_pip(hook, named=False)


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

# uv's cache: where it builds (an environment for each build), and where it unpacks what comes from
# an index or from --find-links. From a folder, a file, a URL or a repository, it takes what it kept
# whatever the version is, so a label would keep nothing from being reused. And it compares the
# version with that of its lock, of pyproject.toml and of what is installed, so it would build anew,
# or find the lock outdated.
_UV_BUILDS = r"builds-v\d+"
_UV_INDEX = r"[/\\]sdists-v\d+[/\\](index|pypi)[/\\]"


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


INSTALL, LOCK, LOOK, KEEP = Purpose.INSTALL, Purpose.LOCK, Purpose.LOOK, Purpose.KEEP

UNKNOWN = Frontend(programs="(?!)")

#: All that are known. The order matters where a hook looks like two: what `uv run` starts inherits
#: uv's variables, and that may be a pip; and other programs have a pip inside.
FRONTENDS = (
    # It resolves by `pip download`, and then keeps what `pip wheel` builds.
    Frontend("pex", "pex", _with_pip, purposes={"": KEEP}),
    Frontend(
        name="pip-tools",
        programs="pip-compile|piptools",
        recognises=_with_pip,
        mark=Mark.TAG,
        purposes={"": LOCK},
        listing=("",),
        valued=(
            *("-o", "--output-file", "--extra", "-f", "--find-links", "-i", "--index-url"),
            *("--extra-index-url", "--cert", "--client-cert", "--trusted-host", "--cache-dir"),
            *("-P", "--upgrade-package", "--unsafe-package", "--pip-args", "--resolver"),
            *("-c", "--constraint", "--config", "--annotation-style", "--build-deps-for"),
        ),
    ),
    Frontend("pipenv", "resolver", _with_pip, mark=Mark.TAG, purposes={"": LOCK}),
    Frontend(
        name="pip",
        programs=r"pip[\d.]*|__pip-runner__",
        recognises=_by_pip,
        embedded=True,
        mark=Mark.TAG,
        # pip keeps a copy of the wheel, and nothing can be done about that from here:
        # https://github.com/pypa/pip/issues/6852
        purposes={"install": INSTALL, "download": LOOK, "lock": LOCK, "wheel": KEEP},
        valued=(
            *("--log", "--log-file", "--local-log", "--keyring-provider", "--proxy", "--retries"),
            *("--timeout", "--default-timeout", "--exists-action", "--trusted-host", "--cert"),
            *("--client-cert", "--cache-dir", "--use-feature", "--use-deprecated", "--constraint"),
            *("--index-url", "--extra-index-url", "--find-links", "--no-binary", "--only-binary"),
            *("--config-settings", "--config-setting", "--progress-bar", "--upgrade-strategy"),
            *("--report", "--src", "-c", "-i", "-f", "-C", "-d", "-w"),
            *("--global-option", "--install-option", "--build-option"),
        ),
        naming=("install", "download", "lock", "wheel"),
        files=("-r", "--requirement"),
        more=("-e", "--editable", "--group"),
        # pip accepts abbreviated options, and so does this: --t is also --timeout, and
        # --pref is --prefer-binary.
        dry=("--dr", "--dry", "--dry-", "--dry-r", "--dry-ru", "--dry-run"),
        platform=("--platform",),
        python_version=("--python-version",),
        python=("--python",),
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
        marks={_UV_INDEX: Mark.LABEL},
        purposes={
            **dict.fromkeys(("pip", "pip install", "pip sync", "venv", "init"), INSTALL),
            **dict.fromkeys(("tool", "tool install", "tool upgrade"), INSTALL),
            **dict.fromkeys(("tool run", "tool uvx"), INSTALL),
            **dict.fromkeys(("sync", "add", "remove", "run", "version"), INSTALL),
            **dict.fromkeys(("pip compile", "lock", "export", "tree", "audit", "check"), LOCK),
            "build": KEEP,
        },
        locking_first=("sync", "add", "remove", "run", "version"),
        locking=Locking(
            names=("uv.lock",),
            commands=(
                *("sync", "add", "remove", "run", "version"),
                *("lock", "export", "tree", "audit", "check"),
            ),
            again="uv sync --upgrade-package {project}=={version} --reinstall-package {project}",
            sync=("uv", "sync"),
            project=("--project",),
            project_variable="UV_PROJECT",
            apart=("--with", "-w", "--with-requirements", "--with-editable"),
            never=("--no-project",),
            script=("--script", "-s", "--gui-script"),
            runs="run",
            of_workspace=True,
        ),
        universal=("--universal",),
        platform=("--python-platform",),
        python_version=("--python-version",),
        running=("run", "tool run", "tool uvx"),
        exact=("sync", "remove", "pip sync"),
        all_exact=("--exact",),
        inexact=("--inexact",),
        valued=(
            *("--color", "--allow-insecure-host", "--directory", "--project", "--config-file"),
            *("--cache-dir", "--index", "--default-index", "--index-url", "--extra-index-url"),
            *("--find-links", "--constraints", "--constraint", "--overrides", "--override"),
            *("--config-setting", "--config-settings", "--config-settings-package", "--no-binary"),
            *("--only-binary", "--upgrade-package", "--reinstall-package", "--refresh-package"),
            *("--link-mode", "--resolution", "--prerelease", "--exclude-newer"),
            *("--torch-backend", "--preview-features", "--extra"),
            *("--excludes", "--exclude", "--build-constraints", "--build-constraint", "--from"),
            *("--output-file", "--no-emit-package", "--unsafe-package", "--annotation-style"),
            *("--env-file", "--package", "--no-extra", "--no-group", "--only-group", "--prune"),
            *("--no-binary-package", "--no-build-package", "--no-editable-package"),
            *("--no-install-package", "--no-sources-package", "--no-build-isolation-package"),
            *("--fork-strategy", "--index-strategy", "--keyring-provider", "--upgrade-group"),
            *("--exclude-newer-package", "--prerelease-package", "--with-executables-from"),
            *("--optional", "--bounds", "--rev", "--tag", "--branch", "--marker", "--bump"),
            *("--format", "--output-format", "--depth"),
            *("-c", "-b", "-i", "-f", "-o", "-P", "-C"),
        ),
        naming=("pip install", "tool install", "add"),
        listing=("pip sync", "pip compile"),
        requirements=("--with", "-w"),
        files=("-r", "--requirements", "--requirement", "--with-requirements"),
        more=("-e", "--editable", "--group", "--with-editable"),
        several=("tool upgrade",),
        python=("-p", "--python"),
        target=("-t", "--target"),
        elsewhere=("--prefix", "--root"),
        scratch=_uv_build,
        shared=_uv_builds,
        shows_environment="without isolation",
        locks_environment=True,
    ),
    # They install what the wheel requires before they build it.
    Frontend(
        name="poetry",
        programs="poetry",
        mark=Mark.TAG,
        purposes={
            **dict.fromkeys(("install", "add", "remove", "update", "sync"), INSTALL),
            **dict.fromkeys(("self", "run", "debug"), INSTALL),
            "lock": LOCK,
            **dict.fromkeys(("build", "publish"), KEEP),
        },
        # To install, it locks where there is no lock.
        locking_first=("install", "sync", "add", "remove", "update"),
        naming=("add",),
        valued=("-C", "--directory", "-P", "--project"),
        locking=Locking(
            names=("poetry.lock",),
            commands=("install", "sync", "add", "remove", "update", "lock"),
            again="poetry update --lock --no-cache {project}",
            sync=("poetry", "install"),
            project=("-P", "--project"),
            written_last=("add", "remove", "update"),
        ),
    ),
    Frontend(
        name="pdm",
        programs="pdm",
        mark=Mark.TAG,
        purposes={
            **dict.fromkeys(("install", "add", "remove", "update", "sync"), INSTALL),
            **dict.fromkeys(("self", "plugin", "run", "use", "init", "new"), INSTALL),
            **dict.fromkeys(("lock", "import", "fix", "outdated", "export"), LOCK),
            **dict.fromkeys(("build", "publish"), KEEP),
        },
        # To install, it locks what is not locked yet.
        locking_first=("install", "add", "remove", "update"),
        naming=("add",),
        valued=("-c", "--config", "-p", "--project", "-L", "--lockfile"),
        locking=Locking(
            names=("pdm.lock", "pylock.toml"),
            commands=(
                *("install", "sync", "add", "remove", "update"),
                *("lock", "import", "fix", "outdated", "export"),
            ),
            # It takes what a package requires from the lock, as long as the version stays.
            again="PDM_NO_CACHE=1 pdm lock",
            sync=("pdm", "sync"),
            project=("-p", "--project"),
            project_variable="PDM_PROJECT",
            file=("-L", "--lockfile"),
            file_variable="PDM_LOCKFILE",
        ),
        scratch=_overlay("pdm-build-env-.+-overlay"),
    ),
    Frontend(name="build", programs="build|pyproject-build", scratch=_build_env),
)
