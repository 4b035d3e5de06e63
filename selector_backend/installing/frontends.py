"""The frontends that call the backend: how to recognise them, their commands, and their marks.

Installers cache the wheel and the metadata that they build from an sdist, and reuse them for that
name and version: another request, or a machine that has a driver by now, would get the old choice.
No standard lets a backend forbid that. So the wheel is marked in a way that the frontend installs
but does not reuse; `Mark` has the ways. ``benchmarks/frontends.md`` has the results of a run of
``tests/frontends``.

Marks would be unnecessary with wheel variants (PEP 817), or with frontends that ask the backend
before they reuse a wheel. A cache by config settings, as in uv and maybe in pip
(https://github.com/pypa/pip/issues/11164), is not enough, since the machine and the table's
variable also choose.

Everything about a frontend is in its row of `FRONTENDS`.
"""

from __future__ import annotations

import os
import re

from ..model.purpose import Mark, Purpose
from ..model.values import dataclass, field
from .caller import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable, Literal


@dataclass(frozen=True)
class Hook:
    """The process of a hook.

    ``argv`` and ``environ`` are its own, ``parent`` is the process that started it, ``folder`` the
    project's and ``prefix`` its Python's. ``builds`` is whether the hook builds the wheel.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    parent: Process = Process()
    folder: str = ""
    prefix: str = ""
    builds: bool = False

    @property
    def script(self) -> str:
        """The script that runs, or ``-c``."""
        return self.argv[0] if self.argv else ""

    @property
    def knows_its_parent(self) -> bool:
        """Whether the parent's command line is known."""
        return bool(self.parent.arguments)


@dataclass(frozen=True)
class Locking:
    """A frontend's lock, and the ``commands`` that read or write it.

    Its name is one of ``names``, or the value of an option of ``file`` or of ``file_variable``. The
    options ``project`` and the ``project_variable`` have the project's folder. With an option of
    ``apart``, the environment may be another than the project's; with one of ``never``, it is. The
    others are as in `Lock`.
    """

    names: tuple[str, ...]
    commands: tuple[str, ...]
    again: str
    #: The command that installs from the lock.
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
    """A row of `FRONTENDS`."""

    name: str = ""
    #: The pattern of its program's name: a script's or a module's, without a suffix.
    programs: str = ""
    #: Whether it started a hook, by its setup and by whether the parent's program has its name.
    #: ``None`` if the name alone decides.
    recognises: Callable[[Hook, bool], bool] | None = None
    #: Whether the arguments of a program that contains it are parsed as its own.
    embedded: bool = False
    #: The mark of a wheel that is not to be kept, and those for projects in a folder with one of
    #: these patterns.
    mark: Mark = Mark.NONE
    marks: Mapping[str, Mark] = field(default_factory=dict)
    #: Its commands, without options in between, such as ``pip compile``; the longest counts. The
    #: first is the default.
    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    #: The commands of ``purposes`` that lock first, and install when the wheel is built.
    locking_first: tuple[str, ...] = ()
    #: How it locks projects, for all platforms, and the options that make other locks universal.
    locking: Locking | None = None
    universal: tuple[str, ...] = ()
    #: The options that state another platform, and its Python; and the commands without them.
    platform: tuple[str, ...] = ()
    python_version: tuple[str, ...] = ()
    for_this_platform: tuple[str, ...] = ()
    #: The commands that remove other packages from the environment.
    exact: tuple[str, ...] = ()
    #: The options with which every command does so, and those with which none does.
    all_exact: tuple[str, ...] = ()
    inexact: tuple[str, ...] = ()
    #: The commands that run a program, and pass it all arguments after its name.
    running: tuple[str, ...] = ()
    #: The options with a value in the next argument, besides those below.
    valued: tuple[str, ...] = ()
    #: The commands whose arguments are requirements, and those whose arguments are files of them.
    naming: tuple[str, ...] = ()
    listing: tuple[str, ...] = ()
    #: The options with a requirement, those with a file of them, and others that install something.
    requirements: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    #: The commands that may install into several environments.
    several: tuple[str, ...] = ()
    #: The options with which nothing is installed.
    dry: tuple[str, ...] = ("--dry-run",)
    #: The options with the environment's Python.
    python: tuple[str, ...] = ()
    #: The options that install into a folder, and those that install elsewhere.
    target: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    #: How the variables begin that set its options, such as ``PIP_TARGET``.
    variables: str = ""
    #: Its temporary folder for one build, if this runs in one.
    scratch: Callable[[Hook], str] | None = None
    #: The variables with a temporary folder for one command.
    trackers: tuple[str, ...] = ()
    #: Its folder that all builds of a command share.
    shared: Callable[[Hook], str] | None = None
    #: When the hooks run on the Python of the environment that is installed into.
    shows_environment: Literal["never", "without isolation", "always"] = "never"
    #: Whether it locks the environment that it installs into, by a file ``.lock`` in its folder.
    locks_environment: bool = False
    #: A variable that versions without the option ``--config-settings`` set.
    without_settings: str = ""
    #: Whether an upgrade installs what the new release requires before it removes the old release.
    removes_last: bool = False


# pip ------------------------------------------------------------------------------------------

# pip runs its copy of the script that calls hooks, from a temporary file if pip is run from a zip
# file. The variables are for the pips that pip starts; those before 22.1 set the second.
_SCRIPT_OF_PIP = r"[/\\]pip[/\\]_vendor[/\\]"
_BEFORE_22_1 = "PIP_REQ_TRACKER"
_VARIABLES_OF_PIP = ("PIP_BUILD_TRACKER", _BEFORE_22_1)


def _by_pip(hook: Hook, named: bool) -> bool:
    if named or re.search(_SCRIPT_OF_PIP, hook.script):
        return True
    tracked = any(name in hook.environ for name in _VARIABLES_OF_PIP)
    return tracked and not hook.knows_its_parent and hook.script != "-c"


def _with_pip(hook: Hook, named: bool) -> bool:
    """Return whether this is a program with the row's name that contains pip."""
    return named and _by_pip(hook, named=False)


def _tracker_of_pip(hook: Hook) -> str:
    """Return the folder in which a pip, and those that it starts, track their builds."""
    return next(filter(None, map(hook.environ.get, _VARIABLES_OF_PIP)), "")


def _overlay(name: str) -> Callable[[Hook], str]:
    """Return a function that finds a build environment whose folder ``site`` is in ``PYTHONPATH``.

    ``name`` is the pattern of the environment's name.
    """

    def find(hook: Hook) -> str:
        for entry in hook.environ.get("PYTHONPATH", "").split(os.pathsep):
            folder, site = os.path.split(entry)
            if site == "site" and re.fullmatch(name, os.path.basename(folder)):
                return folder
        return ""

    return find


# uv -------------------------------------------------------------------------------------------

# Folders in uv's cache: of its build environments, and of sdists from an index or --find-links. For
# sdists from a folder, a file, a URL or a repository, a label is of no use: uv reuses them whatever
# the version is. And since it compares the version with its lock, pyproject.toml and the installed
# version, it would build again, or find the lock outdated.
_UV_BUILDS = r"builds-v\d+"
_UV_INDEX = r"[/\\]sdists-v\d+[/\\](index|pypi)[/\\]"


def _by_uv(hook: Hook, named: bool) -> bool:
    """Return whether this is uv, or another program with uv's code.

    uv runs hooks by ``python -c``, other frontends by a script. uv sets the variable, except where
    it can't find its own path: on Linux without ``/proc``. pixi does not set it.
    https://github.com/astral-sh/uv/pull/11326
    """
    set_by_uv = "UV" in hook.environ and not hook.knows_its_parent
    return hook.script == "-c" and (named or set_by_uv or bool(_uv_build(hook)))


def _uv_build(hook: Hook) -> str:
    folder, name = os.path.split(hook.prefix)
    made = name.startswith(".tmp") and re.fullmatch(_UV_BUILDS, os.path.basename(folder))
    return hook.prefix if made else ""


def _uv_builds(hook: Hook) -> str:
    return os.path.dirname(_uv_build(hook))


# build ----------------------------------------------------------------------------------------


def _build_env(hook: Hook) -> str:
    """Return build's environment. In another folder, one of that name is the user's."""
    import tempfile

    folder, name = os.path.split(hook.prefix)
    made = re.fullmatch(r"build-env-[a-z0-9_]{8}", name)
    return hook.prefix if made and folder == os.path.realpath(tempfile.gettempdir()) else ""


INSTALL, LOCK, LOOK, KEEP = Purpose.INSTALL, Purpose.LOCK, Purpose.LOOK, Purpose.KEEP

#: The known frontends. The order matters where a hook looks like that of two: a pip that `uv run`
#: starts inherits uv's variables, and other programs contain pip.
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
        # pip caches the wheel, which cannot be prevented here:
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
        more=("-e", "--editable", "--group", "--requirements-from-script"),
        # pip accepts abbreviated options, and so does this: --t is also --timeout, and
        # --pref is --prefer-binary.
        dry=("--dr", "--dry", "--dry-", "--dry-r", "--dry-ru", "--dry-run"),
        platform=("--platform",),
        python_version=("--python-version",),
        for_this_platform=("lock", "wheel"),  # they ignore the variables
        python=("--python",),
        target=("-t", "--ta", "--tar", "--targ", "--targe", "--target"),
        elsewhere=("--prefi", "--prefix", "--roo", "--root"),
        variables="PIP_",
        scratch=_overlay("pip-build-env-.+"),
        trackers=_VARIABLES_OF_PIP,
        shared=_tracker_of_pip,
        # pip runs the environment's interpreter, without the environment's folders.
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
    # poetry and pdm install the requirements of the wheel before they build it.
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
        # Without a lock, it locks before it installs.
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
        # It locks what is not locked yet before it installs.
        locking_first=("install", "add", "remove", "update"),
        naming=("add",),
        valued=("-c", "--config", "-p", "--project", "-L", "--lockfile"),
        locking=Locking(
            names=("pdm.lock", "pylock.toml"),
            commands=(
                *("install", "sync", "add", "remove", "update"),
                *("lock", "import", "fix", "outdated", "export"),
            ),
            # It takes a package's requirements from the lock if the version is the same.
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
