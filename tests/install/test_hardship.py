"""Real installs that are killed, that run beside each other, and on whose machine things break."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeEnvironment
from support.driver import Driver
from support.environment import Environment, find_uv, run
from support.index import Index
from support.project import build_sdist, write_carrying, write_spam
from support.scarce import compile_preload, in_own_mounts

pytestmark = pytest.mark.nightly

#: The faults that an installer could feel: of the process group, of descriptors, of memory, and one
#: that no signal but one ends.
WORST = ("kill-group", "close-all", "no-memory", "hang-ignoring-signals")


def command(environment: Environment, installer: str, target: Path) -> list[str]:
    """Return a command that installs spam into ``target``, whatever is there."""
    pip = [str(environment.python), "-m", "pip", "install", "--quiet", "--upgrade"]
    uv = [find_uv(), "pip", "install", "--quiet", "--python", str(environment.python)]
    return [*(pip if installer == "pip" else uv), "--target", str(target), "spam"]


def start(line: list[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        line,
        env={**environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """Return what a process says, which has to end well."""
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def record(target: Path) -> dict[str, Any]:
    """Return the record, after looking whether all that it names is there."""
    (info,) = target.glob("spam-1.0*.dist-info")
    found: dict[str, Any] = json.loads((info / "selector.json").read_text(encoding="utf-8"))
    (variant,) = found["variants"]
    (requirement,) = [
        line.partition(": ")[2]
        for line in (info / "METADATA").read_text(encoding="utf-8").splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    assert requirement == f"spam-{variant}==1.0"
    assert (target / f"_spam_{variant}.py").is_file()
    assert (target / f"spam_{variant}-1.0.dist-info/RECORD").is_file()
    return found


def running(mark: str) -> list[int]:
    """Return the processes in whose environment ``mark`` is."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended, or is not ours
            continue
    return found


def left_running(mark: str, seconds: float = 15) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := running(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize("fault", WORST)
def test_an_install_survives_the_worst_drivers(
    make_environment: MakeEnvironment,
    spam_index: Index,
    driver_without_cuda: Driver,
    tmp_path: Path,
    installer: str,
    fault: str,
) -> None:
    environment = make_environment(spam_index)
    broken = driver_without_cuda.environ(nvml_fault=f"nvmlInitWithFlags:{fault}")
    mark = uuid.uuid4().hex
    environ = {**environment.environ, **broken, "STANDIN_MARK": mark, "SELECTOR_PROBE_TIMEOUT": "5"}
    finished(start(command(environment, installer, tmp_path / "target"), environ))
    assert record(tmp_path / "target")["variants"] == ["cpu"]
    assert left_running(mark) == []


@pytest.mark.parametrize(("installer", "times"), [("pip", 30), ("uv", 70)])
def test_an_install_that_is_killed_at_any_moment_can_be_repeated(
    make_environment: MakeEnvironment,
    spam_index: Index,
    driver: Driver,
    tmp_path: Path,
    installer: str,
    times: int,
) -> None:
    """All of them share the caches, in which something half-written would be found."""
    environment = make_environment(spam_index)
    mark = uuid.uuid4().hex
    # A driver that takes a second, so that many moments are the hooks'.
    environ = {**environment.environ, **driver.environ(nvml_fault="nvmlInitWithFlags:slow")}
    environ["STANDIN_MARK"] = mark
    begun = time.monotonic()
    finished(start(command(environment, installer, tmp_path / "first"), environ))
    took, moments, killed = time.monotonic() - begun, random.Random(1), 0
    for number in range(times):
        line = command(environment, installer, tmp_path / f"target{number}")
        process = start(line, environ)
        try:
            process.communicate(timeout=moments.uniform(0, took))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
        assert left_running(mark) == [], number
        output = finished(start(line, environ))
        assert record(tmp_path / f"target{number}")["variants"] == ["cu12"], output
        if number % 10 == 0:  # what the caches have by now is nobody else's choice
            line = command(environment, installer, tmp_path / f"other{number}")
            output = finished(start(line, {**environ, "SELECTOR_CUDA": "11.8"}))
            assert record(tmp_path / f"other{number}")["variants"] == ["cu11"], output
    assert killed > times // 2


def test_twenty_installs_beside_each_other_each_get_their_own(
    make_environment: MakeEnvironment, spam_index: Index, driver: Driver, tmp_path: Path
) -> None:
    environment = make_environment(spam_index)
    asked = [{}, {"SPAM_VARIANT": "cpu"}, {"SELECTOR_CUDA": "11.8"}, {"SELECTOR_CUDA": ""}]
    expected = ["cu12", "cpu", "cu11", "cpu"]
    processes = [
        start(
            command(environment, ("pip", "uv")[number % 2], tmp_path / f"target{number}"),
            {**environment.environ, **driver.environ("12.4"), **asked[number // 2 % 4]},
        )
        for number in range(20)
    ]
    for number, process in enumerate(processes):
        finished(process)
        found = record(tmp_path / f"target{number}")
        assert found["variants"] == [expected[number // 2 % 4]], number


@dataclass(frozen=True)
class Scarcity:
    """What a machine lacks, while it can still install.

    ``before`` is a shell's commands, which may mount something, and ``environ`` more variables;
    ``{folder}`` stands for a folder and ``{clock}`` for the library by which the clock is wrong.
    ``installers`` are those that can do with it.
    """

    before: str = "true"
    environ: Mapping[str, str] = field(default_factory=dict)
    installers: Sequence[str] = ("pip", "uv")


#: The shell sets what no variable sets, and an installer takes.
SCARCE = {
    "the year 1970": Scarcity(environ={"LD_PRELOAD": "{clock}", "STANDIN_YEAR": "1970"}),
    "the year 2108": Scarcity(environ={"LD_PRELOAD": "{clock}", "STANDIN_YEAR": "2108"}),
    "archives of 1970": Scarcity(environ={"SOURCE_DATE_EPOCH": "0"}),
    "no /proc": Scarcity("mount -t tmpfs none /proc"),
    "a /proc of other numbers": Scarcity('set -- unshare --pid --fork --kill-child "$@"'),
    "24 descriptors": Scarcity("ulimit -n 24"),
    # uv itself takes more, for its threads: how much differs from run to run.
    "128 MiB": Scarcity("ulimit -v 131072", installers=("pip",)),
    "no home": Scarcity("unset HOME"),
    "a home that is read-only": Scarcity("mount -t tmpfs -o ro none '{folder}'; HOME='{folder}'"),
    "odd folders": Scarcity(
        environ={
            "TMPDIR": "{folder}",
            "LC_ALL": "C",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0",
        }
    ),
}


@pytest.fixture(scope="module")
def carrying_index(
    serve: Callable[[Path], Index], tmp_path_factory: pytest.TempPathFactory
) -> Index:
    """An index whose spam is self-contained."""
    folder = tmp_path_factory.mktemp("carrying")
    write_spam(folder / "dist")
    build_sdist(write_carrying(folder / "source"), folder / "dist")
    return serve(folder / "dist")


@pytest.fixture(params=["plain", "self-contained"])
def either_index(request: pytest.FixtureRequest, spam_index: Index, carrying_index: Index) -> Index:
    return spam_index if request.param == "plain" else carrying_index


@pytest.mark.parametrize(
    ("name", "installer"),
    [(name, installer) for name, scarce in SCARCE.items() for installer in scarce.installers],
)
def test_on_a_machine_that_lacks_something_each_choice_is_right(
    make_environment: MakeEnvironment,
    either_index: Index,
    driver: Driver,
    tmp_path: Path,
    name: str,
    installer: str,
) -> None:
    """With one cache, so that a wheel without its mark is found, too."""
    folder = tmp_path / "my ürgh"
    folder.mkdir()
    places = {"folder": folder, "clock": compile_preload(tmp_path, "clock")}
    environment = make_environment(either_index)
    variables = {key: text.format(**places) for key, text in SCARCE[name].environ.items()}
    prefix = in_own_mounts(SCARCE[name].before.format(**places))
    asked = {"cu12": driver.environ("12.4"), "cpu": {}, "cu11": {"SPAM_VARIANT": "cu11"}}
    for variant, environ in asked.items():
        line = [*prefix, *command(environment, installer, tmp_path / variant)]
        run(line, {**environment.environ, **variables, **environ})
        assert record(tmp_path / variant)["variants"] == [variant]
    assert [*folder.iterdir()] == []


#: What fills up, and by how many KiB it has more room each time.
FULL = [
    ("pip", "TMPDIR", "plain", 300),
    ("pip", "TMPDIR", "self-contained", 100),
    ("uv", "UV_CACHE_DIR", "plain", 150),
    ("uv", "UV_CACHE_DIR", "self-contained", 40),
]


@pytest.mark.parametrize(
    ("installer", "place", "either_index", "step"), FULL, indirect=["either_index"]
)
def test_what_a_full_disk_stopped_succeeds_when_there_is_room(
    make_environment: MakeEnvironment,
    either_index: Index,
    driver_without_cuda: Driver,
    tmp_path: Path,
    installer: str,
    place: str,
    step: int,
) -> None:
    """From a disk without any room to one on which all goes well three times."""
    environment = make_environment(either_index)
    small = tmp_path / "small"
    small.mkdir()
    environ = {**environment.environ, **driver_without_cuda.environ(), place: str(small)}
    ended: list[bool] = []
    while ended[-3:] != [True] * 3:
        target = tmp_path / f"target{len(ended)}"
        # What is mounted ends with the shell, so both installs are in it.
        script = 'if "$@"; then echo ENDED WELL; fi; ls -A $TARGET; echo ENOUGH ROOM; '
        script += f'mount -o remount,size=1g {small} && exec "$@"'
        size = 1 + step * len(ended)
        prefix = in_own_mounts(f"mount -t tmpfs -o size={size}k none {small}")
        line = [*prefix, "sh", "-c", script, "sh", *command(environment, installer, target)]
        output = run(line, {**environ, "TARGET": str(target)}).stdout
        first = output.partition("ENOUGH ROOM\n")[0]
        assert re.findall(r'File ".*/selector_backend/.*', output) == []
        assert record(target)["variants"] == ["cu12"]
        ended.append("ENDED WELL" in first)
        if not ended[-1]:
            assert "rror" in first, "nothing is said"
            assert "spam" not in first.splitlines()[-1], "something is installed"
    assert not ended[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to run as a user with a limit")
def test_where_no_process_can_be_started_the_reason_is_in_the_record(
    make_environment: MakeEnvironment, carrying_index: Index, driver: Driver, tmp_path: Path
) -> None:
    """pip and its hook are two; a third would ask the driver."""
    environment = make_environment(carrying_index)
    environ = {**environment.environ, **driver.environ("12.4")}
    run(["chown", "-R", "54321", str(tmp_path)], environ)
    user = ["setpriv", "--reuid=54321", "--clear-groups"]
    user += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    absent = {}
    for most, variant in (("2", "cpu"), ("40", "cu12")):
        line = command(environment, "pip", tmp_path / variant)
        run(["prlimit", f"--nproc={most}", *user, *line], environ)
        found = record(tmp_path / variant)
        assert found["variants"] == [variant]
        absent[most] = found["facts"]["cuda"].get("absent", "")
    assert absent["2"].startswith("NVML: could not be asked: Resource temporarily unavailable")
