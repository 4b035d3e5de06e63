"""Where hooks leave what they read, and what of it they believe."""

from __future__ import annotations

import builtins
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import require_links

from selector_backend.installing.caller import _PARENT, Process, parent
from selector_backend.installing.files import PARTIAL, replacing, write_file
from selector_backend.installing.frontends import Hook
from selector_backend.installing.handoff import Handoff, exchange, handoff_of
from selector_backend.installing.installation import identify
from selector_backend.installing.messages import not_together
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.purpose import Commands, Installation, Lock
from selector_backend.model.record import Record, Verdict
from selector_backend.model.table import REQUIREMENT, Selector, Variant, dump
from selector_backend.model.values import replace

PIP = "/venv/lib/python3.13/site-packages/pip/_vendor/pyproject_hooks/_in_process/_in_process.py"
BUILD = "/venv/lib/python3.13/site-packages/pyproject_hooks/_in_process/_in_process.py"
UV = {"UV": "/usr/bin/uv"}
PIP_INSTALL, UV_INSTALL = ["/venv/bin/python", "-m", "pip", "install"], ["uv", "pip", "install"]
CACHE = "/home/me/.cache/uv/builds-v0"
UV_ENV = f"{CACHE}/.tmpAb12Cd"
TRACKER = {"PIP_BUILD_TRACKER": "/tmp/pip-build-tracker-x"}
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
OVERLAY = {"PYTHONPATH": os.pathsep.join(["/mine", "/tmp/pip-build-env-ab/site"])}


def call(
    script: str,
    environ: dict[str, str],
    arguments: list[str],
    *,
    prefix: str = "/venv",
    identity: str = "7-100",
) -> Installation:
    parent = Process(tuple(arguments), "/caller", identity) if arguments else Process()
    return identify(Hook([script, "build_wheel"], environ, parent, "", prefix))


def memory(
    script: str,
    environ: dict[str, str],
    arguments: list[str],
    *,
    version: str = "1",
    **keywords: str,
) -> Handoff:
    return handoff_of(call(script, environ, arguments, **keywords), environ, version)


def build(script: str, environ: dict[str, str], arguments: list[str], **keywords: str) -> Path:
    return Path(memory(script, environ, arguments, **keywords).build)


def test_what_a_hook_leaves_lies_in_a_folder_that_the_frontend_throws_away() -> None:
    name = "selector-machine-7-100.json"
    assert build(PIP, OVERLAY, PIP_INSTALL) == Path("/tmp/pip-build-env-ab", name)
    assert build("-c", UV, UV_INSTALL, prefix=UV_ENV) == Path(UV_ENV, name)
    made = str(Path(os.path.realpath(tempfile.gettempdir()), "build-env-ab12_xyz"))
    assert build(BUILD, {}, ["python", "-m", "build"], prefix=made) == Path(made, name)
    pdm = {"PYTHONPATH": "/tmp/pdm-build-env-ab-overlay/site"}
    assert build(BUILD, pdm, ["pdm", "add", "a"]) == Path("/tmp/pdm-build-env-ab-overlay", name)


def test_it_is_left_nowhere_else() -> None:
    for prefix in ("/srv/build-env-prod", "/srv/build-env-ab12_xyz", "/srv/pip-build-env-x"):
        assert memory(PIP, TRACKER, PIP_INSTALL, prefix=prefix) == Handoff()
        assert memory("-c", UV, UV_INSTALL, prefix=prefix) == Handoff()
        assert memory(BUILD, {}, ["python", "-m", "build"], prefix=prefix) == Handoff()
    assert memory("-c", {**UV, **OVERLAY}, UV_INSTALL) == Handoff()
    assert memory("-c", {}, ["python"], prefix="/home/me/.tmpvenv") == Handoff()
    assert memory(PIP, OVERLAY, []) == Handoff()


def test_another_install_does_not_read_it() -> None:
    names = {build(PIP, OVERLAY, PIP_INSTALL, identity=one) for one in ("7-1", "7-2", "8-1")}
    assert len(names) == 3
    tracked = build(PIP, {**OVERLAY, **TRACKER}, [])
    assert tracked == Path("/tmp/pip-build-env-ab/selector-machine-pip-build-tracker-x.json")


def test_all_builds_of_a_command_share_a_folder_of_the_frontends() -> None:
    pip = memory(PIP, {**OVERLAY, **TRACKER}, PIP_INSTALL).command
    old = memory(PIP, {**OVERLAY, "PIP_REQ_TRACKER": "/tmp/pip-req-x"}, PIP_INSTALL).command
    uv = memory("-c", UV, UV_INSTALL, prefix=UV_ENV).command
    folders = [Path(path).parent for path in (pip, old, uv)]
    assert folders == [Path(TRACKER["PIP_BUILD_TRACKER"]), Path("/tmp/pip-req-x"), Path(CACHE)]
    assert memory(PIP, OVERLAY, PIP_INSTALL).command == ""
    pdm = memory(BUILD, {"PYTHONPATH": "/tmp/pdm-build-env-ab-overlay/site"}, ["pdm", "add"])
    assert pdm.build
    assert pdm.command == ""


def test_a_build_shares_with_those_that_would_read_the_same() -> None:
    def command(version: str = "1", identity: str = "7-100", **variables: str) -> object:
        environ = {**OVERLAY, **TRACKER, **variables}
        return memory(PIP, environ, PIP_INSTALL, version=version, identity=identity).command

    first = command()
    assert command(PATH="/tmp/pip-build-env-cd/bin", PEP517_BUILD_BACKEND="other") == first
    assert command(_PYPROJECT_HOOKS_BUILD_BACKEND="other", VIRTUAL_ENV="/other") == first
    assert command(UV_INTERNAL__BUILD_DIR="/other") == first
    others = [command("2"), command(identity="8-100"), command(LD_LIBRARY_PATH="/opt")]
    assert len({first, *others}) == 4


def test_a_build_shares_with_those_of_the_same_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of another C library, or of 32 bits, loads no driver that this one loads."""
    environ = {**OVERLAY, **TRACKER}
    first = memory(PIP, environ, PIP_INSTALL)
    monkeypatch.setattr(sys, "base_prefix", "/opt/cpython-3.13-linux-x86_64-musl")
    other = memory(PIP, environ, PIP_INSTALL)
    assert other.build == first.build
    assert other.command != first.command


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell it all at once")
@pytest.mark.parametrize("hidden", ["/proc/self/ns/pid", "/proc/sys/kernel/random/boot_id"])
def test_a_process_that_is_half_known_is_not_known(
    monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    """By number and start alone, those of two containers that share a cache may be the same."""

    def hiding(read: Callable[..., Any]) -> Callable[..., Any]:
        def seen(path: str, *arguments: Any, **options: Any) -> Any:
            if path == hidden:
                raise PermissionError(13, "Permission denied")
            return read(path, *arguments, **options)

        return seen

    monkeypatch.setattr(os, "stat", hiding(os.stat))
    monkeypatch.setattr(builtins, "open", hiding(open))
    _PARENT.clear()
    try:
        assert parent().arguments
        assert not parent().identity
    finally:
        _PARENT.clear()


CUDA = Fact("cuda", "NVML", "12.4")
GLIBC = Fact("glibc", "the running interpreter", "2.36")
MUSL = Fact("musl", "the running interpreter", None, "this Python does not run on it")


@pytest.fixture
def files(tmp_path: Path) -> Handoff:
    for name in ("build", "command"):
        (tmp_path / name).mkdir(mode=0o700)
    names = ("build/selector-machine-7.json", "command/selector-machine-7-a.json")
    return Handoff(*(str(tmp_path / name) for name in names))


def test_another_build_gets_what_is_the_machines_alone(files: Handoff) -> None:
    files.remember(Machine({"cuda": CUDA, "glibc": GLIBC, "musl": MUSL}))
    assert files.recall().facts == {"cuda": CUDA, "glibc": GLIBC, "musl": MUSL}
    assert Handoff("", files.command).recall().facts == {"cuda": CUDA}
    assert Handoff().recall().facts == {}
    Handoff().remember(Machine({"cuda": CUDA}))


@pytest.mark.parametrize("text", ["", "[", "[]", '{"format": 1, "facts": {"cuda": 1}}', "[" * 9999])
def test_what_is_no_profile_is_not_believed(files: Handoff, text: str) -> None:
    Path(files.command).write_text(text, encoding="utf-8")
    assert files.recall().facts == {}
    files.remember(Machine({"cuda": CUDA}))
    assert Handoff("", files.command).recall().facts == {"cuda": CUDA}


@pytest.mark.parametrize("kind", ["link", "pipe", "another user's", "folder"])
def test_what_is_no_file_of_this_user_is_not_believed_and_not_waited_for(
    files: Handoff, kind: str, tmp_path: Path
) -> None:
    if kind == "another user's" and not ROOT:
        pytest.skip("takes root")
    if kind == "pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("no folder has pipes on Windows")
    if kind == "link":
        require_links(tmp_path)
    files.remember(Machine({"cuda": CUDA}))
    profile = Path(files.build).read_bytes()
    Path(files.build).unlink()
    target = tmp_path / "target"
    target.write_bytes(profile)
    if kind == "link":
        Path(files.build).symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(files.build)
    elif kind == "folder":
        Path(files.build).mkdir()
    else:
        Path(files.build).write_bytes(profile)
        os.chown(files.build, 12345, 12345)
    alone = Handoff(files.build)
    assert alone.recall().facts == {}
    if kind != "folder":
        alone.remember(Machine({"glibc": GLIBC}))
        assert alone.recall().facts == {"glibc": GLIBC}
        assert target.read_bytes() == profile


def test_two_that_write_into_a_folder_do_not_meet(tmp_path: Path) -> None:
    """In two containers that share uv's cache, processes have the same numbers."""
    with replacing(tmp_path / "first") as partial:
        Path(partial).write_bytes(b"1")
        write_file(tmp_path, "second", b"2")
    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert left == {"first": b"1", "second": b"2"}


def test_what_is_old_is_not_believed_and_removed_by_the_next(files: Handoff) -> None:
    files.remember(Machine({"cuda": CUDA}))
    names = ("selector-machine-6-a.json.12", f"{PARTIAL}12.partial")
    left = [Path(files.command), *map(Path(files.command).with_name, names)]
    for file in left[1:]:
        file.touch()
    for file in left:
        os.utime(file, (time.time() - 7200,) * 2)
    other = Path(files.command).with_name("cuda.json")
    other.touch()
    os.utime(other, (0, 0))
    later = Handoff("", files.command)
    assert later.recall().facts == {}
    another = Path(files.command).with_name("selector-machine-8-a.json")
    Handoff("", str(another)).remember(Machine({"cuda": CUDA}))
    there = sorted(file.name for file in Path(files.command).parent.iterdir())
    assert there == ["cuda.json", "selector-machine-8-a.json"]


def test_a_folder_that_cannot_be_listed_stops_nothing(
    files: Handoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "listdir", fail)
    files.remember(Machine({"cuda": CUDA}))
    assert files.recall().facts == {"cuda": CUDA}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no limits of this kind")
def test_a_file_that_cannot_be_written_whole_leaves_nothing(files: Handoff) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        files.remember(Machine({"cuda": CUDA}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [*Path(files.command).parent.iterdir()] == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no owners of this kind")
def test_a_folder_that_others_may_write_to_is_neither_read_nor_written(files: Handoff) -> None:
    alone = Handoff("", files.command)
    alone.remember(Machine({"cuda": CUDA}))
    Path(files.command).parent.chmod(0o777)
    assert alone.recall().facts == {}
    Path(files.command).unlink()
    alone.remember(Machine({"cuda": CUDA}))
    assert not Path(files.command).exists()


@pytest.mark.skipif(not ROOT, reason="takes root")
def test_a_folder_of_another_user_is_neither_read_nor_written(files: Handoff) -> None:
    alone = Handoff("", files.command)
    alone.remember(Machine({"cuda": CUDA}))
    os.chown(Path(files.command).parent, 1234, 1234)
    assert alone.recall().facts == {}
    Path(files.command).unlink()
    alone.remember(Machine({"cuda": CUDA}))
    assert not Path(files.command).exists()


def choice(project: str, cuda: str = "12") -> Record:
    return Record(project, "1.0", (f"cu{cuda}",), "machine", conform={"cuda": cuda})


def test_packages_of_a_command_see_the_choices_of_each_other(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    spam, eggs = choice("spam"), choice("Eggs", "11")
    ours = Installation(shared=str(tmp_path), identity="7-100")
    assert exchange(ours, spam) == []
    assert [one.project for one in exchange(ours, eggs)] == ["spam"]
    assert [one.conform for one in exchange(ours, spam)] == [{"cuda": "11"}]
    for other in (
        Installation(shared=str(tmp_path), identity="7-101"),
        Installation(shared=str(tmp_path), identity="7-100", one_environment=False),
        Installation(shared=str(tmp_path)),
        Installation(identity="7-100"),
    ):
        assert exchange(other, choice("ham")) == []
    (eggs_file,) = tmp_path.glob("*eggs*")
    eggs_file.write_text("[", encoding="utf-8")
    assert exchange(ours, spam) == []


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_choices_that_anybody_may_have_written_are_not_believed(tmp_path: Path) -> None:
    ours = Installation(shared=str(tmp_path), identity="7-100")
    exchange(ours, choice("eggs"))
    tmp_path.chmod(0o777)
    assert exchange(ours, choice("spam")) == []
    tmp_path.chmod(0o700)
    (file,) = tmp_path.iterdir()
    os.utime(file, (0, time.time() - 4000))
    assert exchange(ours, choice("spam")) == []
    assert not file.exists()


def test_variants_that_agree_are_named_if_there_are_any() -> None:
    eggs, spam = choice("eggs", "11"), choice("spam")
    pip = Installation()
    text = not_together(spam, eggs, pip)
    assert text.endswith("Nothing was installed.\nNo variants of the two agree.")
    variants = (
        Variant("cu12", conform={"cuda": "12"}),
        Variant("cu11", conform={"cuda": "11"}),
        Variant("cpu"),
    )
    table = dump(Selector("spam", "1.0", REQUIREMENT, "SPAM_VARIANT", variants))
    spam = replace(spam, table=table)
    assert not_together(spam, eggs, pip).endswith("lock again first:\n  SPAM_VARIANT=cu11")
    # A command that is known, and one that installs from a lock.
    commands = Commands(("uv", "pip", "install"))
    uv = Installation(requirements=("spam", "eggs"), reads_more=False, commands=commands)
    assert not_together(spam, eggs, uv).endswith(
        "\nTo get variants that agree, install with:\n  SPAM_VARIANT=cu11 uv pip install spam eggs"
    )
    locked = replace(uv, lock=Lock(("a.lock",), "", again="uv lock -P {project}=={version}"))
    assert not_together(spam, eggs, locked).endswith(
        "\nTo get variants that agree, lock again, and then install again:\n"
        "  SPAM_VARIANT=cu11 uv lock -P spam==1.0"
    )
    # What somebody asked for stays, if another package can follow.
    asked = replace(spam, decided_by="SPAM_VARIANT")
    free = replace(eggs, table=dump(Selector("eggs", "1.0", REQUIREMENT, "EGGS_VARIANT", variants)))
    for first, second in ((asked, free), (free, asked)):
        assert not_together(first, second, pip).endswith("\n  EGGS_VARIANT=cu12")
    # A whole command has the variables of the one that stopped, too.
    whole = "  SPAM_VARIANT=cu12 EGGS_VARIANT=cu12 uv pip install spam eggs"
    assert not_together(asked, free, uv).endswith(f"\n{whole}")
    unfit = (Verdict("cu11", fits=False, reason="cuda is absent"),)
    spam = replace(spam, verdicts=unfit)
    assert not_together(spam, eggs, pip).endswith("\n  SPAM_VARIANT=cpu")
