"""One project, installed by several Pythons: the same metadata and record, byte for byte.

So it is whether the sdist carries its backend or not.

What is installed depends on the sdist and on the facts, which are stated here, and not on the
interpreter that reads them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import require_python
from hypothesis import event, given
from hypothesis import strategies as st
from support.floor import Floor
from support.project import hook_environ
from support.strategies import MARKERS, machines, specifiers, tables, to_toml

from selector_backend.authoring.project import read_project
from selector_backend.authoring.sdist import sdist_files
from selector_backend.installing.files import write_folder
from selector_backend.model.machine import Machine

PYTHONS = ("3.9", "3.13")

# Answers for many sdists, so that a case costs no process.
_WORKER = """\
import contextlib, io, json, os, pathlib, sys, tempfile
sys.path.append(sys.argv[1])
import selector_backend

def installed(source, settings):
    os.chdir(source)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as says:
        try:
            name = selector_backend.prepare_metadata_for_build_wheel(folder, settings)
        except SystemExit:
            return says.getvalue()
        files = sorted(pathlib.Path(folder, name).iterdir())
        return {file.name: file.read_bytes().decode("latin-1") for file in files if file.is_file()}

home = os.getcwd()
for line in sys.stdin:
    answer = installed(*json.loads(line))
    os.chdir(home)  # Windows removes no folder that some process is in
    print(json.dumps(answer), flush=True)
"""


class Worker:
    """A Python that installs from sdists."""

    def __init__(self, python: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [python, "-I", "-S", "-c", _WORKER, str(folder)],
            env=hook_environ(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate()

    def install(self, source: Path, settings: dict[str, str]) -> Any:
        """Return the files that are installed, or the message with which that stops."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([str(source), settings]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Worker]]:
    floor = Floor(tmp_path_factory.mktemp("floor"))
    floor.add("archspec")  # which knows what a stated CPU implies
    pythons = [sys.executable, *map(require_python, PYTHONS)]
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(python, floor.folder)) for python in pythons]


_projects = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from(["Späm", "ほうれん草", "Version: 2"]),
        "requires-python": specifiers,
        "classifiers": st.sampled_from(
            [["Topic :: Utilities"], ["Private :: Do Not Upload", "Typing :: Typed"]]
        ),
        "optional-dependencies": st.dictionaries(
            st.sampled_from(["plot", "Dev_Tools"]),
            st.lists(st.builds("a{}; {}".format, specifiers, st.sampled_from(MARKERS)), max_size=2),
            max_size=2,
        ),
        "readme": st.just({"text": "# Späm\n\nDynamic: x\n", "content-type": "text/markdown"}),
        "scripts": st.just({"spam": "spam.cli:main"}),
    },
)


@given(tables(), machines, _projects, st.none() | st.sampled_from(["v0", "v1", "all", "v0,v1"]))
def test_every_python_installs_the_same_from_one_sdist(
    workers: list[Worker],
    table: dict[str, Any],
    machine: Machine,
    project: dict[str, Any],
    variant: str | None,
) -> None:
    head = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"], **project}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = to_toml({"project": head, "tool": {"selector": table}})
        (folder / "pyproject.toml").write_bytes(text.encode())
        write_folder(folder / "sdist", sdist_files(read_project(folder), "0"))
        (folder / "machine.json").write_text(json.dumps(machine.dump()), encoding="utf-8")
        settings = {"machine": str(folder / "machine.json")}
        if variant is not None:
            settings["variant"] = variant
        here, *others = [one.install(folder / "sdist", settings) for one in workers]
    event("installed" if isinstance(here, dict) else "stopped")
    assert [*others] == [here] * len(others)
    assert here.startswith("error: ") if isinstance(here, str) else "METADATA" in here


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Worker]]:
    """A backend that is installed, and one that an sdist carries."""
    folder = tmp_path_factory.mktemp("carrying")
    (folder / "pyproject.toml").write_text(_CARRYING, encoding="utf-8")
    write_folder(folder / "sdist", sdist_files(read_project(folder), "0.2"))
    floor = Floor(folder / "floor").add("archspec")
    folders = (floor.folder, folder / "sdist/_selector")
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(sys.executable, one)) for one in folders]


_CARRYING = """
[project]
name = "spam"
version = "1.0"
requires-python = ">=3.9"
dynamic = ["dependencies"]
[tool.selector]
self-contained = true
[[tool.selector.variant]]
name = "a"
when = { cpu = "zen3" }
"""


@given(tables(), machines, _projects, st.none() | st.sampled_from(["v0", "v1", "all", "v0,v1"]))
def test_a_carried_backend_installs_the_same_as_one_that_is_fetched(
    carrying: list[Worker],
    table: dict[str, Any],
    machine: Machine,
    project: dict[str, Any],
    variant: str | None,
) -> None:
    head = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"], **project}
    head["requires-python"] = ">=3.10"  # from packaging 26.4 on, it is not for 3.9
    installed = []
    for worker, own in zip(carrying, ({}, {"self-contained": True})):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            text = to_toml({"project": head, "tool": {"selector": {**own, **table}}})
            (folder / "pyproject.toml").write_bytes(text.encode())
            write_folder(folder / "sdist", sdist_files(read_project(folder), "0.2"))
            (folder / "machine.json").write_text(json.dumps(machine.dump()), encoding="utf-8")
            settings = {"machine": str(folder / "machine.json")}
            if variant is not None:
                settings["variant"] = variant
            installed.append(worker.install(folder / "sdist", settings))
    assert installed[0] == installed[1]
