"""Who calls the backend, by what it sees of its caller; the rows are as real callers look."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from selector_backend.installing.caller import (
    Process,
    arguments_of,
    folder_of,
    locked_near,
    start_of,
)
from selector_backend.installing.frontends import Hook
from selector_backend.installing.installation import identify
from selector_backend.model.purpose import Installation, Mark, Purpose

PIP = "/venv/lib/python3.13/site-packages/pip/_vendor/pyproject_hooks/_in_process/_in_process.py"
OLD_PIP = "/venv/lib/python3.9/site-packages/pip/_vendor/pep517/_in_process.py"
WINDOWS_PIP = r"C:\venv\Lib\site-packages\pip\_vendor\pyproject_hooks\_in_process\_in_process.py"
BUILD = "/venv/lib/python3.13/site-packages/pyproject_hooks/_in_process/_in_process.py"
ZIPPED = "/tmp/abc_in_process.py"
PIPENV = "/venv/lib/python3.13/site-packages/pipenv/patched/pip/_vendor/x/_in_process.py"
UV = {"UV": "/usr/bin/uv"}
TRACKER = {"PIP_BUILD_TRACKER": "/tmp/pip-build-tracker-x"}
# Paths of a command line are absolute with a drive on Windows.
DRIVE = "C:" if os.name == "nt" else ""
PYTHON = "/home/a b/venv/bin/python"
PIP_ = [PYTHON, "-m", "pip"]
UV_ENV = "/home/me/.cache/uv/builds-v0/.tmpAb12Cd"
UNPACKED = "/home/me/.cache/uv/sdists-v11/index/0123/spam/1.0/rev/src"


def call(
    script: str,
    environ: dict[str, str] | None,
    arguments: list[str],
    *,
    cwd: str = f"{DRIVE}/caller",
    folder: str = "",
    prefix: str = "/venv",
    identity: str = "7-100",
    locked: tuple[str, ...] = (),
    builds: bool = False,
) -> Installation:
    """Identify the caller of a hook; no ``arguments`` stand for a parent that is not known."""
    parent = Process(tuple(arguments), cwd, identity, locked) if arguments else Process()
    return identify(Hook([script, "hook"], environ or {}, parent, folder, prefix, builds))


CASES = [
    # argv[0], variables, the parent's command line, then the frontend, its command and the mark
    (PIP, TRACKER, [*PIP_, "install", "spam"], "pip", "install", Mark.TAG),
    (PIP, TRACKER, [PYTHON, "-mpip", "wheel", "spam"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [PYTHON, "/v/bin/pip3.13", "install", "a"], "pip", "install", Mark.TAG),
    (
        *(PIP, TRACKER),
        [PYTHON, "-X", "utf8", "-Im", "pip", "--python", "wheel", "install", "spam"],
        *("pip", "install", Mark.TAG),
    ),
    (PIP, TRACKER, [*PIP_, "--cache-dir", "wheel", "install", "a"], "pip", "install", Mark.TAG),
    (PIP, TRACKER, [*PIP_, "--timeout", "60", "install", "-U", "a"], "pip", "install", Mark.TAG),
    (PIP, TRACKER, [*PIP_, "--use-feature", "x", "install", "a"], "pip", "install", Mark.TAG),
    (PIP, TRACKER, [*PIP_, "--retries", "3", "wheel", "spam"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "--retries=3", "wheel", "spam"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "--not-yet-known", "3", "wheel", "a"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "install", "wheel", "spam"], "pip", "install", Mark.TAG),
    (PIP, TRACKER, [*PIP_, "wheel", "install", "spam"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "wheel", "."], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "-v", "--log", "install", "wheel", "a"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "-vr", "wheel", "install"], "pip", "install", Mark.TAG),
    (PIP, TRACKER, [PYTHON, "/l/pip/__pip-runner__.py", "wheel", "a"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [PYTHON, "/l/pip/__main__.py", "wheel", "a"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [*PIP_, "download", "wheel"], "pip", "download", Mark.TAG),
    (PIP, TRACKER, [*PIP_, "lock", "wheel"], "pip", "lock", Mark.TAG),
    (PIP, TRACKER, PIP_, "pip", "", Mark.TAG),
    (PIP, TRACKER, [*PIP_, "something-new", "spam"], "pip", "", Mark.TAG),
    (PIP, TRACKER, [PYTHON, "/venv/bin/pip-compile", "wheel"], "pip-tools", "", Mark.TAG),
    (PIP, TRACKER, [PYTHON, "deploy.py", "wheel"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [PYTHON, "deploy.py", "production"], "pip", "", Mark.TAG),
    (PIP, TRACKER, [PYTHON, "-c", "pip", "wheel"], "pip", "wheel", Mark.NONE),
    (PIP, TRACKER, [PYTHON, "/x/pex", "-q", "--log", "a", "download"], "pex", "", Mark.NONE),
    (PIP, TRACKER, [], "pip", "", Mark.TAG),
    (PIP, UV, [*PIP_, "install", "spam"], "pip", "install", Mark.TAG),
    (PIP, UV, [*PIP_, "wheel", "spam"], "pip", "wheel", Mark.NONE),
    (OLD_PIP, {"PIP_REQ_TRACKER": "/t"}, [*PIP_, "install", "a"], "pip", "install", Mark.TAG),
    (WINDOWS_PIP, TRACKER, [], "pip", "", Mark.TAG),
    (ZIPPED, TRACKER, [PYTHON, "pip.pyz", "install", "a"], "pip", "install", Mark.TAG),
    (ZIPPED, TRACKER, [PYTHON, "/x/pip-26.whl/pip", "wheel"], "pip", "wheel", Mark.NONE),
    (ZIPPED, TRACKER, [], "pip", "", Mark.TAG),
    (
        PIPENV,
        TRACKER,
        [PYTHON, "/p/patched/pip/__main__.py", "install"],
        "pip",
        "install",
        Mark.TAG,
    ),
    (
        PIPENV,
        TRACKER,
        [PYTHON, "/p/pipenv/resolver.py", "--wheel", "wheel"],
        "pipenv",
        "",
        Mark.TAG,
    ),
    ("-c", UV, ["uv", "pip", "install", "build"], "uv", "pip install", Mark.LABEL),
    (
        "-c",
        UV,
        ["/h/a b/uv", "--directory", "build", "pip", "install"],
        "uv",
        "pip install",
        Mark.LABEL,
    ),
    ("-c", UV, ["uv", "sync"], "uv", "sync", Mark.LABEL),
    ("-c", UV, ["uv", "lock"], "uv", "lock", Mark.LABEL),
    ("-c", UV, ["uv", "run", "--with", "build", "spam"], "uv", "run", Mark.LABEL),
    ("-c", UV, ["uv", "tool", "uvx", "build"], "uv", "tool uvx", Mark.LABEL),
    ("-c", UV, ["uv", "build"], "uv", "build", Mark.NONE),
    ("-c", UV, ["uv", "--offline", "-q", "build", "--wheel"], "uv", "build", Mark.NONE),
    ("-c", UV, ["uv", "--color", "never", "build"], "uv", "build", Mark.NONE),
    ("-c", UV, ["uv", "--project", "sync", "build"], "uv", "build", Mark.NONE),
    ("-c", UV, [r"C:\bin\uv.exe", "build"], "uv", "build", Mark.NONE),
    ("-c", UV, [], "uv", "", Mark.LABEL),
    ("-c", {}, ["uv", "pip", "install", "spam"], "uv", "pip install", Mark.LABEL),
    ("-c", UV, ["/bin/sh", "-c", "make"], "", "", Mark.NONE),
    ("-c", {}, [], "", "", Mark.NONE),
    (BUILD, {}, [PYTHON, "-m", "build", "uv"], "build", "", Mark.NONE),
    (BUILD, UV, [PYTHON, "-m", "build", "--installer", "uv"], "build", "", Mark.NONE),
    (BUILD, UV, [], "", "", Mark.NONE),
    (BUILD, {}, [PYTHON, "/venv/bin/tox", "-e", "pip"], "", "", Mark.NONE),
    (BUILD, {}, [PYTHON, "/home/a b/bin/poetry", "install"], "poetry", "install", Mark.TAG),
    (BUILD, {}, [PYTHON, "/p/poetry", "-C", "build", "add", "a"], "poetry", "add", Mark.TAG),
    (BUILD, {}, [PYTHON, "/p/poetry", "-n", "--ansi", "build"], "poetry", "build", Mark.NONE),
    (BUILD, {}, [PYTHON, "-m", "pdm", "sync"], "pdm", "sync", Mark.TAG),
    (BUILD, {}, [PYTHON, "-m", "pdm", "-c", "build", "install"], "pdm", "install", Mark.TAG),
    (BUILD, {}, [PYTHON, "/p/pdm", "build", "--no-sdist"], "pdm", "build", Mark.NONE),
    (BUILD, {}, [PYTHON, "/p/pdm", "publish"], "pdm", "publish", Mark.NONE),
    ("", {}, ["init"], "", "", Mark.NONE),
]


@pytest.mark.parametrize(("script", "environ", "arguments", "name", "command", "mark"), CASES)
def test_the_caller_is_recognised(
    script: str, environ: dict[str, str], arguments: list[str], name: str, command: str, mark: Mark
) -> None:
    found = call(script, environ, arguments, folder=UNPACKED)
    assert (found.frontend, found.command, found.mark) == (name, command, mark)


@pytest.mark.parametrize(
    "arguments",
    [
        ["/home/me/.pixi/bin/pixi", "install"],
        [],  # without /proc, uv does not know its own path, which is the variable's value
    ],
)
@pytest.mark.parametrize(
    ("folder", "mark"),
    [(UNPACKED, Mark.LABEL), ("/home/me/spam", Mark.NONE)],
)
def test_uv_is_recognised_by_what_it_makes(arguments: list[str], folder: str, mark: Mark) -> None:
    found = call("-c", {}, arguments, folder=folder, prefix=UV_ENV)
    assert (found.frontend, found.command, found.mark) == ("uv", "", mark)
    assert call(BUILD, {}, arguments, prefix=UV_ENV).frontend == ""


@pytest.mark.parametrize(
    ("folder", "mark"),
    [
        ("/cache/sdists-v9/pypi/spam/1.0/rev/src", Mark.LABEL),
        (UNPACKED, Mark.LABEL),
        ("/cache/sdists-v9/path/0123/rev/src", Mark.NONE),
        ("C:\\cache\\sdists-v9\\path\\0123\\rev\\src", Mark.NONE),
        ("/cache/sdists-v11/url/0123/rev/src", Mark.NONE),
        ("/cache/git-v0/checkouts/0123/abc", Mark.NONE),
        ("/home/me/path/spam", Mark.NONE),
    ],
)
def test_uv_gets_a_label_by_where_the_source_came_from(folder: str, mark: Mark) -> None:
    assert call("-c", UV, ["uv", "pip", "install", "x.tar.gz"], folder=folder).mark is mark


DEP = (str(Path(f"{DRIVE}/caller/dep")),)
ELSEWHERE = str(Path(f"{DRIVE}/else where/dep"))
# What os.path.expanduser reads.
HOME = {"HOME": "/home/me", "USERPROFILE": "C:/home/me"}
NOBODY = "~nobody-of-that-name/x"
ENVIRONMENT = None


@pytest.mark.parametrize(
    ("environ", "arguments", "expected"),
    [
        ({}, ["install", "spam"], ENVIRONMENT),
        ({}, ["install", "--pre", "--prefer-binary", "spam"], ENVIRONMENT),
        ({}, ["wheel", "spam"], ()),
        ({}, ["download", "spam"], ()),
        ({}, ["install", "--target", "dep", "spam"], DEP),
        ({}, ["install", "--target=dep", "spam"], DEP),
        ({}, ["install", "--target", "./dep", "spam"], DEP),
        ({}, ["install", "--targ=dep", "spam"], DEP),
        ({}, ["install", "-t", "dep", "spam"], DEP),
        ({}, ["install", "-tdep", "spam"], DEP),
        ({}, ["install", "-Ut", "dep", "spam"], DEP),
        ({}, ["install", "-qUtdep", "spam"], DEP),
        ({}, ["--timeout", "60", "install", "spam", "-t", "dep"], DEP),
        ({}, ["install", "-t", "other", "spam", "-t", "dep"], DEP),
        ({}, ["install", "-t", ELSEWHERE, "spam"], (ELSEWHERE,)),
        (HOME, ["install", "--target=~/dep", "spam"], (str(Path(f"{DRIVE}/home/me/dep")),)),
        pytest.param(
            *({}, ["install", f"--target={NOBODY}"], (f"/caller/{NOBODY}",)),
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows takes any name for a user's"),
        ),
        ({"PIP_TARGET": "dep"}, ["install", "spam"], DEP),
        ({"PIP_TARGET": "other"}, ["install", "--target", "dep", "spam"], DEP),
        ({"PIP_TARGET": ""}, ["install", "spam"], ENVIRONMENT),
        # What follows an option is its value.
        ({}, ["install", "-r", "-t", "spam"], ENVIRONMENT),
        ({}, ["install", "-rt", "spam"], ENVIRONMENT),
        ({}, ["install", "-C", "--target=x", "spam"], ENVIRONMENT),
        ({}, ["install", "--prefix", "dep", "spam"], ()),
        ({}, ["install", "--root=dep", "spam"], ()),
        ({"PIP_PREFIX": "dep"}, ["install", "spam"], ()),
        ({"PIP_ROOT": "dep"}, ["install", "spam"], ()),
    ],
)
def test_the_folder_that_pip_installs_into_is_known(
    environ: dict[str, str],
    arguments: list[str],
    expected: tuple[str, ...] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    here = call(PIP, {}, [*PIP_, "install", "spam"]).folders
    packages = os.path.realpath(Path(pytest.__file__).parents[1])
    assert packages in map(os.path.realpath, here)
    assert call(PIP, environ, [*PIP_, *arguments]).folders == (
        here if expected is None else expected
    )


def test_of_a_relative_target_nothing_is_claimed_where_the_caller_is_not_known() -> None:
    arguments = [*PIP_, "install", "-t", "dep", "spam"]
    assert call(PIP, {}, arguments, cwd="").folders == ()
    assert call(PIP, {"PIP_TARGET": "dep"}, []).folders == ()
    assert call(PIP, {"PIP_TARGET": ELSEWHERE}, []).folders == (ELSEWHERE,)


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    """A folder with two virtual environments, a and b, and a folder that is none."""
    for name in ("a", "b", "tools"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / name / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    return tmp_path


def uv(folder: Path, *arguments: str, locked: tuple[str, ...] = (), **keywords: Any) -> str:
    """Return which of the environments in a folder is seen of a uv that has ``locked`` some."""
    paths = tuple(str(folder / name) for name in locked)
    options: dict[str, Any] = {"prefix": UV_ENV, "cwd": str(folder), "locked": paths, **keywords}
    found = call("-c", UV, ["uv", *arguments], **options).folders
    # On Windows, an environment has distributions in two of its folders.
    return " ".join(dict.fromkeys(Path(one).relative_to(folder).parts[0] for one in found))


def test_uv_shows_the_environment_that_it_has_locked(environments: Path) -> None:
    install = ("pip", "install", "spam")
    assert uv(environments, *install, locked=("a", "cache")) == "a"
    assert uv(environments, *install, "--target", "tools", locked=("tools",)) == "tools"
    assert uv(environments, *install, "--prefix=tools", locked=("cache", "tools")) == "tools"
    assert uv(environments, "run", "--", "x", "--target", "b", locked=("a",), builds=True) == "a"
    assert uv(environments, "sync", "--inexact", locked=("a",), builds=True) == "a"


@pytest.mark.parametrize(
    ("arguments", "locked"),
    [
        (("pip", "install"), ()),
        (("pip", "install"), ("a", "b")),
        (("pip", "install", "--target", "b"), ("a",)),
        (("pip", "install", "--dry-run"), ("a",)),
        (("pip", "compile"), ("a",)),
        (("pip", "sync"), ("a",)),  # what is there need not be there afterwards
        (("sync",), ("a",)),
        (("run", "--exact", "x"), ("a",)),
        (("tool", "install", "spam"), ("tools",)),
        (("build",), ("a",)),
    ],
)
def test_in_doubt_uv_shows_nothing(
    environments: Path, arguments: tuple[str, ...], locked: tuple[str, ...]
) -> None:
    assert uv(environments, *arguments, locked=locked, builds=True) == ""


def test_where_open_files_are_not_shown_a_locked_path_of_the_command_line_counts(
    environments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.name == "posix":
        monkeypatch.setattr(sys, "platform", "darwin")
    install = ("pip", "install", "spam")
    ways = {
        **dict.fromkeys((("-p", "a"), ("-p", "a/bin/python")), "a"),
        **dict.fromkeys((("--target", "tools"), ("--prefix", "tools")), "tools"),
    }
    for more, expected in ways.items():
        assert uv(environments, *install, *more) == ""
        with FileLock(environments / expected / ".lock"):
            assert uv(environments, *install, *more) == expected
            assert uv(environments, *install, *more, locked=(expected,)) == expected
            assert uv(environments, *install, "-p", "3.11") == ""


def test_where_open_files_are_not_shown_a_locked_environment_near_at_hand_counts(
    environments: Path,
) -> None:
    below = environments / "x" / "y"
    near, above = below / ".venv", environments / ".venv"
    for folder in (near, above):
        folder.mkdir(parents=True)
    active = f"VIRTUAL_ENV={environments / 'a'}"
    assert locked_near(str(below), [active]) == ()
    with FileLock(environments / "a" / ".lock"):
        assert locked_near(str(below), ["A=1", active, ""]) == (str(environments / "a"),)
        assert locked_near(str(below), []) == ()
        assert locked_near("", [active, "VIRTUAL_ENV=a"]) == (str(environments / "a"),)
    with FileLock(above / ".lock"):
        assert locked_near(str(below), [active]) == (str(above),)
    assert locked_near(str(below), [active]) == ()


def test_uv_without_isolation_shows_its_own_environment() -> None:
    arguments = ["uv", "pip", "install", "spam"]
    assert call("-c", UV, arguments).folders
    assert call("-c", UV, [*arguments, "--prefix", "dep"]).folders == ()
    assert call("-c", UV, ["uv", "build"]).folders == ()


INSTALL, LOCK, LOOK, KEEP = Purpose.INSTALL, Purpose.LOCK, Purpose.LOOK, Purpose.KEEP


@pytest.mark.parametrize(
    ("script", "arguments", "first", "last"),
    [
        (PIP, [*PIP_, "install", "spam"], INSTALL, INSTALL),
        (PIP, [*PIP_, "install", "--dry-run", "spam"], LOOK, LOOK),
        (PIP, [*PIP_, "download", "spam"], LOOK, LOOK),
        (PIP, [*PIP_, "lock", "spam"], LOCK, LOCK),
        (PIP, [*PIP_, "wheel", "spam"], KEEP, KEEP),
        (PIP, [PYTHON, "-m", "piptools", "compile"], LOCK, LOCK),
        (PIP, [PYTHON, "/x/pex", "--log", "a", "download", "spam"], KEEP, KEEP),
        (PIP, [PYTHON, "deploy.py", "install"], INSTALL, INSTALL),
        (PIP, [PYTHON, "deploy.py", "download"], LOOK, LOOK),
        ("-c", ["uv", "pip", "install", "compile"], INSTALL, INSTALL),
        ("-c", ["uv", "pip", "-q", "compile", "x.in"], LOCK, LOCK),
        ("-c", ["uv", "pip", "install", "--dry-run", "spam"], LOOK, LOOK),
        ("-c", ["uv", "lock"], LOCK, LOCK),
        ("-c", ["uv", "add", "spam"], LOCK, INSTALL),
        ("-c", ["uv", "run", "spam", "--dry-run"], LOCK, INSTALL),
        ("-c", ["uv", "tool", "install", "spam"], INSTALL, INSTALL),
        ("-c", ["uv", "build"], KEEP, KEEP),
        (BUILD, [PYTHON, "/p/poetry", "lock"], LOCK, LOCK),
        (BUILD, [PYTHON, "/p/pdm", "sync"], INSTALL, INSTALL),
        (BUILD, [PYTHON, "-m", "build"], KEEP, KEEP),
        (BUILD, [PYTHON, "other.py"], KEEP, KEEP),
    ],
)
def test_what_a_hook_is_called_for(
    script: str, arguments: list[str], first: Purpose, last: Purpose
) -> None:
    assert call(script, TRACKER if script == PIP else UV, arguments).purpose is first
    assert call(script, TRACKER if script == PIP else UV, arguments, builds=True).purpose is last


@pytest.mark.parametrize(
    ("environ", "purpose"),
    [
        ({"PIP_DRY_RUN": "1"}, LOOK),
        ({"PIP_DRY_RUN": "Yes"}, LOOK),
        ({"PIP_DRY_RUN": "off"}, INSTALL),
        ({"PIP_DRY_RUN": ""}, INSTALL),
    ],
)
def test_pips_variables_set_its_options(environ: dict[str, str], purpose: Purpose) -> None:
    environ |= {"PIP_REQUIREMENT": "a.txt b.txt", "PIP_PLATFORM": "win_amd64", "PIP_PYTHON": PYTHON}
    caller = call(PIP, environ, [*PIP_, "install", "spam", "-r", "c.txt"])
    assert caller.purpose is purpose
    assert caller.files == ("a.txt", "b.txt", "c.txt")
    assert not caller.is_only("spam")
    assert caller.target is not None
    assert caller.target.marker["platform_machine"] == "AMD64"
    assert caller.commands.install == ("pip", "--python", PYTHON, "install")
    # They mean nothing to uv.
    assert call("-c", {**UV, **environ}, ["uv", "pip", "install", "spam"]).files == ()


@pytest.mark.parametrize("command", ["wheel", "lock"])
def test_pip_ignores_the_variables_of_a_platform_where_it_has_no_such_option(command: str) -> None:
    environ = {"PIP_PLATFORM": "win_amd64", "PIP_PYTHON_VERSION": "3.9"}
    assert call(PIP, environ, [*PIP_, command, "spam"]).target is None


def test_another_programs_options_are_not_pips() -> None:
    assert call(PIP, TRACKER, [PYTHON, "deploy.py", "-t", "production"]).folders
    # It may hand them on.
    assert call(PIP, TRACKER, [PYTHON, "deploy.py", "install", "-t", "x"]).folders == ()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["install", "spam"], True),
        (["install", "-U", "Spam[plot]>=1,<2", "-c", "x.txt"], True),
        (["install", "--index-url", "http://x/simple", "spam==1.0"], True),
        (["install", "./dist/spam-1.0.tar.gz"], True),
        (["install", "spam @ http://x/spam-1.0.tar.gz"], True),
        (["install", "spam", "eggs"], False),
        (["install", "eggs"], False),
        (["install", "spam-core"], False),
        (["install", "./dist/spam-core-1.0.tar.gz"], False),
        (["install", "spam", "-r", "x.txt"], False),
        (["install", "-e", ".", "spam"], False),
        (["install", "--requirements-from-script=x.py", "spam"], False),
        (["install", "--not-yet-known", "3", "spam"], False),
        (["install", "."], False),
    ],
)
def test_whether_nothing_else_is_asked_for(arguments: list[str], expected: bool) -> None:
    assert call(PIP, {}, [*PIP_, *arguments]).is_only("spam") is expected


PIP_TOOLS = [PYTHON, "/venv/bin/pip-compile"]


@pytest.mark.parametrize(
    ("script", "arguments", "requirements", "files"),
    [
        (PIP, [*PIP_, "install", "a", "-c", "x", "b>1", "-r", "r", "-Urs"], "a b>1", "r s"),
        (PIP, [*PIP_, "lock", "-o", "a", "--requirement=r", "-e", "b"], "a", "r"),
        (PIP, [*PIP_, "download", "-d", "x", "a"], "a", ""),
        (PIP, [PYTHON, "deploy.py", "install", "a", "-r", "r"], "", ""),
        (PIP, [*PIP_TOOLS, "-o", "x", "a.in", "--extra", "y", "-c", "z"], "", "a.in"),
        ("-c", ["uv", "pip", "install", "a", "--overrides", "x", "-r", "r"], "a", "r"),
        ("-c", ["uv", "pip", "sync", "-c", "x", "pylock.toml"], "", "pylock.toml"),
        ("-c", ["uv", "pip", "compile", "a.in", "-o", "x", "--excludes", "y"], "", "a.in"),
        ("-c", ["uv", "add", "a", "--dev", "-r", "r"], "a", "r"),
        ("-c", ["uv", "remove", "a"], "", ""),
        ("-c", ["uv", "tool", "install", "a", "--with", "b,c"], "a b c", ""),
        ("-c", ["uvx", "--with", "b", "a", "--with", "c"], "b", ""),
        ("-c", ["uv", "run", "--with", "b", "--with-requirements", "r", "a", "c"], "b", "r"),
        (BUILD, ["poetry", "add", "a@^1"], "a@^1", ""),
        (BUILD, ["poetry", "update", "a"], "", ""),
    ],
)
def test_what_a_command_asks_for(
    script: str, arguments: list[str], requirements: str, files: str
) -> None:
    arguments = ["uv", "tool", *arguments] if arguments[0] == "uvx" else arguments
    caller = call(script, {}, arguments, prefix=UV_ENV if script == "-c" else "/venv")
    assert caller.requirements == tuple(requirements.split())
    assert caller.files == tuple(files.split())
    assert caller.started_in == f"{DRIVE}/caller"


def test_the_parent_is_read_as_it_is(tmp_path: Path) -> None:
    code = "import selector_backend.installing.caller as p; print(ascii(p.parent()))"
    script = tmp_path / "a (script) with blanks.py"
    script.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])")
    arguments = [sys.executable, str(script), "a b", "", "ü"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    text = subprocess.run(
        arguments, cwd=tmp_path, env=environ, check=True, capture_output=True, encoding="utf-8"
    ).stdout
    process = eval(text, {"Process": Process})
    if sys.platform == "win32" and process.arguments:
        # The launcher of a virtual environment starts another program; uv's names itself.
        assert process.arguments[0] in (sys.executable, getattr(sys, "_base_executable", ""))
        arguments[0] = process.arguments[0]
    if sys.platform in ("linux", "win32"):
        assert process.arguments == tuple(arguments)
    assert process.arguments in (tuple(arguments), ())
    assert process.folder in (str(tmp_path.resolve()), "")
    assert bool(process.identity) == bool(process.arguments)


def procargs2(*arguments: str, path: str, environ: tuple[str, ...] = ("HOME=/x",)) -> bytes:
    """Lay out what macOS tells of a process's arguments, as <sys/sysctl.h> and XNU have it."""
    padded = os.fsencode(path) + b"\0" * (8 - len(os.fsencode(path)) % 8)
    words = b"".join(os.fsencode(word) + b"\0" for word in (*arguments, *environ))
    return struct.pack("=i", len(arguments)) + padded + words


def test_macos_arguments_and_variables_are_read() -> None:
    poetry = "/Users/a b/Library/Application Support/pypoetry/venv/bin/poetry"
    words = ["/usr/bin/python3", poetry, "install", "", "--extras", "a ü"]
    data = procargs2(*words, path="/usr/bin/python3", environ=("HOME=/x", "VIRTUAL_ENV=/ü"))
    assert arguments_of(data) == (words, ["HOME=/x", "VIRTUAL_ENV=/ü", ""])
    assert arguments_of(data + b"\0" * 64)[0] == words
    assert call(BUILD, {}, arguments_of(data)[0]).mark is Mark.TAG
    assert arguments_of(procargs2("uv", path="/7letter", environ=())) == (["uv"], [""])


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\1", b"\0\0\0\0", struct.pack("=i", 3), struct.pack("=i", 1) + b"/bin/sh"),
        procargs2("uv", path="/bin/uv", environ=())[:-1],
        struct.pack("=i", -1) + b"/bin/sh\0\0sh\0",
        struct.pack("=i", 2**31 - 1) + b"/bin/sh\0\0sh\0",
    ],
)
def test_macos_arguments_that_are_none_are_not_known(data: bytes) -> None:
    assert arguments_of(data) == ([], [])


def test_macos_folder_and_start_are_read() -> None:
    paths = b"".join(b"\1" * 152 + path.ljust(1024, b"\0") for path in (b"/a b", b"/"))
    assert folder_of(paths) == "/a b"
    assert folder_of(b"") == folder_of(paths[:-1]) == ""
    start = b"\1" * 120 + struct.pack("=QQ", 1700000000, 42)
    assert start_of(start) == "1700000000.000042"
    assert start_of(b"") == start_of(start[:-1]) == ""


MANY = [f"variant-{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("variants", "tag", "label"),
    [
        (["cu12"], "selected_cu12", "cu12"),
        (["cpu-avx2"], "selected_cpu_avx2", "cpu.avx2"),
        (["cpu", "avx2"], "selected_cpu_avx2", "cpu.avx2"),
        (["CU_12.4"], "selected_cu_12_4", "cu.12.4"),
    ],
)
def test_names_become_valid_tags_and_labels(variants: list[str], tag: str, label: str) -> None:
    assert Mark.TAG.tag(variants) == f"py3-none-{tag}"
    assert Mark.LABEL.label("1.0", variants) == label
    assert str(Version(f"1.0+{label}")) == f"1.0+{label}"


def test_many_variants_still_make_a_file_name() -> None:
    tag = Mark.TAG.tag(MANY)
    label = Mark.LABEL.label("1.0", MANY)
    parse_wheel_filename(f"spam-1.0+{label}-{tag}.whl")
    assert len(tag) < 200 > len(label)


def test_a_version_with_a_label_of_its_own_gets_no_other() -> None:
    assert Mark.LABEL.label("1.0+own", ["cu12"]) == ""


IN_PROJECT = ("/caller/.venv",)


@pytest.mark.parametrize(
    ("arguments", "environ", "locked", "expected"),
    [
        (["uv", "sync"], {}, (), "/caller: uv.lock"),
        (["uv", "add", "spam"], {}, IN_PROJECT, "/caller: uv.lock"),
        (["uv", "lock"], {}, (), "/caller: uv.lock"),
        (["uv", "sync", "--project", "../p"], {}, (), "/caller/../p: uv.lock"),
        (["uv", "sync"], {"UV_PROJECT": "/p"}, (), "/p: uv.lock"),
        (["uv", "run", "--env-file", "x.py", "a"], {}, (), "/caller: uv.lock"),
        (["uv", "run", "-m", "spam", "--with"], {}, (), "/caller: uv.lock"),
        (["uv", "run", "--with", "spam", "a"], {}, (), None),
        (["uv", "run", "-"], {}, IN_PROJECT, None),
        (["uv", "run", "https://host/s.py"], {}, IN_PROJECT, None),
        (["uv", "run", "--no-project", "a"], {}, (), None),
        (["uv", "run", "--script", "a/s"], {}, (), None),
        (["uv", "sync", "--script", "a/s.py"], {}, (), None),
        (["uv", "add", "--script=s.py", "spam"], {}, (), None),
        (["uv", "lock", "--script", "a/s.py"], {}, (), "/caller/a: s.py.lock"),
        (["uv", "sync"], {}, ("/c/environments-v2/s-0",), None),
        (["uv", "pip", "install", "spam"], {}, IN_PROJECT, None),
        (["uv", "pip", "sync", "pylock.toml"], {}, IN_PROJECT, None),
        (["uv", "pip", "compile", "in.txt"], {}, (), None),
        (["uv", "tool", "install", "spam"], {}, (), None),
        (["uv", "tool", "uvx", "spam"], {}, (), None),
        ([PYTHON, "/p/poetry", "install"], {}, (), "/caller: poetry.lock"),
        ([PYTHON, "/p/poetry", "update", "-P", "/p"], {}, (), "/p: poetry.lock"),
        ([PYTHON, "/p/poetry", "self", "add", "spam"], {}, (), None),
        ([PYTHON, "/p/pdm", "sync"], {}, (), "/caller: pdm.lock pylock.toml"),
        ([PYTHON, "/p/pdm", "sync", "-p", "/p", "-L", "x.lock"], {}, (), "/p: x.lock"),
        ([PYTHON, "/p/pdm", "lock"], {"PDM_LOCKFILE": "x.lock"}, (), "/caller: x.lock"),
        ([*PIP_, "install", "spam"], {}, (), None),
    ],
)
def test_a_lock_counts_for_the_commands_that_install_from_it(
    arguments: list[str],
    environ: dict[str, str],
    locked: tuple[str, ...],
    expected: str | None,
    tmp_path: Path,
) -> None:
    # The folder of an environment has to be one.
    folders = {one: tmp_path / one[1:] for one in locked}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "pyvenv.cfg").touch()
    script = "-c" if arguments[0] == "uv" else BUILD
    environ = {**environ, **(UV if script == "-c" else {})}
    own = tuple(map(str, folders.values()))
    lock = call(script, environ, arguments, locked=own, builds=True).lock
    project = str(lock.folder).replace("\\", "/").removeprefix(DRIVE) if lock else ""
    found = f"{project}: {' '.join(lock.names)}" if lock else None
    assert found == expected


@pytest.mark.parametrize(("command", "last"), [("install", False), ("sync", False), ("add", True)])
def test_poetry_writes_the_lock_last_where_it_changes_it(command: str, last: bool) -> None:
    lock = call(BUILD, {}, [PYTHON, "/p/poetry", command], builds=True).lock
    assert lock
    assert lock.written_last == last


@pytest.mark.parametrize("script", ["s.py", "./s.py"])
def test_a_script_with_requirements_of_its_own_has_a_lock_of_its_own(
    tmp_path: Path, script: str
) -> None:
    def lock_of(*words: str) -> tuple[str, ...] | None:
        found = call("-c", UV, ["uv", *words], cwd=str(tmp_path), builds=True).lock
        return found.names if found else None

    (tmp_path / "s.py").write_text("print('no header')\n", encoding="utf-8")
    assert lock_of("run", script) == ("uv.lock",)
    (tmp_path / "s.py").write_text("#!/usr/bin/env -S uv run\n# /// script\n# ///\n", "utf-8")
    assert lock_of("run", script) is None
    (tmp_path / "s.py.lock").touch()
    assert lock_of("run", script, "lock") == ("s.py.lock",)
    assert lock_of("sync", "--script", script) == ("s.py.lock",)


@pytest.mark.parametrize(
    ("script", "arguments", "everywhere"),
    [
        ("-c", ["uv", "lock"], True),
        ("-c", ["uv", "add", "spam"], True),
        ("-c", ["uv", "--project", "x", "run", "lock"], True),
        ("-c", ["uv", "export", "--python-version", "lock"], True),
        ("-c", ["uv", "pip", "compile", "--universal", "x.in"], True),
        ("-c", ["uv", "pip", "compile", "x.in"], False),
        ("-c", ["uv", "pip", "install", "spam"], False),
        ("-c", ["uv", "tool", "install", "lock"], False),
        (BUILD, [PYTHON, "/p/poetry", "update", "spam", "--lock"], True),
        (BUILD, [PYTHON, "/p/poetry", "install"], True),  # which locks where there is no lock
        (BUILD, [PYTHON, "/p/poetry", "run", "install"], False),
        (BUILD, [PYTHON, "/p/pdm", "lock"], True),
        (BUILD, [PYTHON, "/p/pdm", "install"], True),
        (BUILD, [PYTHON, "/p/pdm", "sync"], False),
        (PIP, [*PIP_, "lock", "spam"], False),
        (PIP, [PYTHON, "-m", "piptools", "compile"], False),
    ],
)
def test_some_locks_are_for_all_platforms(
    script: str, arguments: list[str], everywhere: bool
) -> None:
    environ = UV if script == "-c" else {}
    assert call(script, environ, arguments).everywhere is everywhere
    assert not call(script, environ, arguments, builds=True).everywhere or "add" not in arguments
    here = {**environ, "SELECTOR_PLATFORMS": " Here"}
    assert not call(script, here, arguments).everywhere
    assert (
        call(script, {**environ, "SELECTOR_PLATFORMS": "all"}, arguments).everywhere is everywhere
    )


LINUX, MAC, WINDOWS = "linux", "darwin", "win32"


@pytest.mark.parametrize(
    ("options", "system", "machine", "fact", "version"),
    [
        ("--python-platform windows", WINDOWS, "AMD64", "", ""),
        ("--python-platform linux", LINUX, "x86_64", "glibc", ""),
        ("--python-platform macos", MAC, "arm64", "macos", ""),
        ("--python-platform aarch64-pc-windows-msvc", WINDOWS, "ARM64", "", ""),
        ("--python-platform i686-pc-windows-msvc", WINDOWS, "x86", "", ""),
        ("--python-platform x86_64-apple-darwin", MAC, "x86_64", "macos", ""),
        ("--python-platform aarch64-unknown-linux-musl", LINUX, "aarch64", "musl", ""),
        ("--python-platform riscv64-unknown-linux", LINUX, "riscv64", "glibc", ""),
        ("--python-platform x86_64-manylinux2014", LINUX, "x86_64", "glibc", "2.17"),
        ("--python-platform aarch64-manylinux_2_28", LINUX, "aarch64", "glibc", "2.28"),
        ("--python-platform wasm32-pyodide2024", None, None, "", ""),
        ("--platform manylinux_2_28_x86_64", LINUX, "x86_64", "glibc", "2.28"),
        ("--platform manylinux2014_aarch64", LINUX, "aarch64", "glibc", "2.17"),
        ("--platform manylinux1_i686", LINUX, "i686", "glibc", "2.5"),
        ("--platform musllinux_1_2_aarch64", LINUX, "aarch64", "musl", "1.2"),
        ("--platform win_amd64", WINDOWS, "AMD64", "", ""),
        ("--platform win_arm64", WINDOWS, "ARM64", "", ""),
        ("--platform win32", WINDOWS, "x86", "", ""),
        ("--platform macosx_14_0_arm64", MAC, "arm64", "macos", "14.0"),
        ("--platform any", None, None, "", ""),
    ],
)
def test_a_platform_that_a_command_states_is_read(
    options: str, system: str | None, machine: str | None, fact: str, version: str
) -> None:
    pip = options.startswith("--platform")
    script, start = (PIP, [*PIP_, "download"]) if pip else ("-c", ["uv", "pip", "install"])
    target = call(script, {} if pip else UV, [*start, *options.split(), "spam"]).target
    assert target is not None
    assert target.options == options
    assert target.marker.get("sys_platform") == system
    assert target.marker.get("platform_machine") == machine
    assert (target.fact, target.version) == (fact, version)


@pytest.mark.parametrize(
    ("version", "short", "full"),
    [("3.12", "3.12", "3.12.0"), ("3.9.21", "3.9", "3.9.21"), ("312", "3.12", "3.12.0")],
)
def test_a_python_that_a_command_states_is_read(version: str, short: str, full: str) -> None:
    arguments = [*PIP_, "download", "--python-version", version, "--no-deps", "spam"]
    target = call(PIP, {}, arguments).target
    assert target is not None
    assert target.options == f"--python-version {version}"
    assert target.marker == {"python_version": short, "python_full_version": full}


def test_without_such_options_this_machine_is_meant() -> None:
    assert call(PIP, {}, [*PIP_, "install", "spam"]).target is None
    assert call("-c", UV, ["uv", "pip", "install", "spam"]).target is None
