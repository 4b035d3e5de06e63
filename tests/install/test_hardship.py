"""Real installs that are killed, that run beside each other, and on whose machine things break."""

from __future__ import annotations

import json
import random
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeEnvironment
from support.driver import Driver
from support.environment import Environment, find_uv
from support.index import Index

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
