"""What the first hook decides is copied by those after it, if they would decide the same."""

from __future__ import annotations

import json
import marshal
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from conftest import require_python
from support.floor import Floor
from support.project import CUDA, hook_environ, write_compiled

# A frontend, by what its file is called. It calls a hook, as its standard input says; between two
# of them, it waits.
FRONTEND = """\
import json, os, subprocess, sys
for line in sys.stdin:
    command, environ, folder = json.loads(line)
    ended = subprocess.run([sys.executable, "-S", "-c", *command], env=environ, cwd=folder)
    print(f"ended {ended.returncode}", flush=True)
"""
HOOK = """\
import sys
sys.path.insert(0, sys.argv[1])
import selector_backend
result = getattr(selector_backend, sys.argv[2])(*eval(sys.argv[3]))
modules = sorted(sys.modules)
import json
print(json.dumps([result, modules]))
"""
REQUIRES = "get_requires_for_build_wheel"
PREPARE = "prepare_metadata_for_build_wheel"


@dataclass
class Build:
    """A build by a process that is called pip, in ``folder``."""

    folder: Path
    settings: dict[str, str] | None = None
    environ: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    said: str = ""

    def __post_init__(self) -> None:
        self.source = write_compiled(self.folder / "source", CUDA)
        self.backend = Floor(self.folder / "backend").folder
        self.scratch = self.folder / "pip-build-env-x"
        for path in (self.scratch, self.folder / "meta", self.folder / "out"):
            path.mkdir(mode=0o700)
        self.start()

    def start(self, *words: str, python: str = sys.executable, program: str = "pip") -> None:
        """Start the frontend."""
        file = self.folder / program
        file.write_text(FRONTEND, encoding="utf-8")
        command = [python, "-S", str(file), *(words or ("install", "spam"))]
        self.frontend = subprocess.Popen(
            command, cwd=self.folder, stdin=PIPE, stdout=PIPE, stderr=subprocess.STDOUT
        )

    @property
    def file(self) -> Path:
        """A file that is not there yet."""
        return self.folder / "file.txt"

    def end(self) -> None:
        """End the frontend."""
        self.frontend.communicate()

    def call(self, hook: str, *arguments: Any) -> Any:
        """Call a hook, and note what it said, and which modules of ours it imported."""
        overlay = {"PYTHONPATH": str(self.scratch / "site"), **self.environ}
        command = [HOOK, str(self.backend), hook, repr(arguments)]
        call = json.dumps([command, hook_environ(**overlay), str(self.source)])
        assert self.frontend.stdin
        assert self.frontend.stdout
        self.frontend.stdin.write(f"{call}\n".encode())
        self.frontend.stdin.flush()
        lines: list[str] = []
        while not lines or not lines[-1].startswith("ended "):
            lines.append(self.frontend.stdout.readline().decode())
            assert lines[-1]
        *said, answer, status = lines
        assert status == "ended 0\n", "".join(lines)
        result, modules = json.loads(answer)
        self.modules = {*modules}
        self.said = "".join(said)
        return result

    @property
    def took(self) -> bool:
        """Whether the last hook took what another had left."""
        return "selector_backend.model.table" not in self.modules

    @property
    def left(self) -> Path:
        """The file with what the first hook has decided."""
        (file,) = self.scratch.glob("selector-finished-*")
        return file

    def requires(self) -> None:
        """Call the first hook."""
        assert self.call(REQUIRES, self.settings) == []

    def prepare(self) -> Path:
        """Call the second hook, and return the ``.dist-info``."""
        shutil.rmtree(self.folder / "meta")
        (self.folder / "meta").mkdir()
        name: str = self.call(PREPARE, str(self.folder / "meta"), self.settings)
        return self.folder / "meta" / name

    def build(self, prepared: Path | None = None) -> dict[str, bytes]:
        """Call the third hook, and return the files of the wheel."""
        at = str(prepared) if prepared else None
        name = self.call("build_wheel", str(self.folder / "out"), self.settings, at)
        with zipfile.ZipFile(self.folder / "out" / name) as wheel:
            return {Path(name).name: wheel.read(name) for name in wheel.namelist()}


@pytest.fixture
def build(tmp_path: Path) -> Any:
    build = Build(tmp_path)
    yield build
    build.end()


def variants(record: bytes) -> Any:
    return json.loads(record)["variants"]


def test_the_hooks_after_the_first_copy_what_it_decided(build: Build) -> None:
    build.requires()
    assert (build.said, build.took) == ("", False)
    prepared = build.prepare()
    assert build.said.startswith("spam 1.0 gets cpu: ")
    check_little_is_imported(build.modules)
    wheel = build.build(prepared)
    assert build.said == ""
    check_little_is_imported(build.modules)
    copied = {path.name: path.read_bytes() for path in prepared.iterdir()}
    assert copied == {name: data for name, data in wheel.items() if name != "RECORD"}


#: What the first hook imports of ours, for a table that asks for CUDA, where there is no driver.
FIRST = {
    *("errors", "model", "probes", "installing"),
    *("model.decision", "model.facts", "model.kinds", "model.machine", "model.markers"),
    *("model.purpose", "model.record", "model.shapes", "model.standing", "model.table"),
    *("model.values", "model.variables"),
    *("probes.installed", "probes.loader", "probes.nvidia"),
    *("installing.caller", "installing.environment", "installing.files", "installing.finishing"),
    *("installing.frontends", "installing.handoff", "installing.installation"),
    *("installing.request", "installing.wheel"),
}
#: And of the standard library, without what these import.
OTHERS = {"__future__", "binascii", "contextlib", "errno", "json", "site", "struct"}
HASHES = {"_sha2", "_sha256"}  # which of them there is depends on the Python


@pytest.mark.parametrize(
    "version", [None, *(pytest.param(one, marks=pytest.mark.nightly) for one in ("3.9", "3.13"))]
)
def test_the_first_hook_imports_what_is_listed(build: Build, version: str | None) -> None:
    python = require_python(version) if version else sys.executable
    count = "import sys; {}; print(*{{one.partition('.')[0] for one in sys.modules}})"

    def names(imported: set[str]) -> set[str]:
        command = [python, "-S", "-c", count.format(f"import sys, {', '.join(imported)}")]
        return {*subprocess.run(command, check=True, stdout=PIPE, text=True).stdout.split()}

    build.end()
    build.start(python=python)
    build.requires()
    ours = {one for one in build.modules if one.startswith("selector_backend")}
    assert ours == {"selector_backend", *(f"selector_backend.{one}" for one in FIRST)}
    others = {one.partition(".")[0] for one in build.modules - ours}
    assert others <= names(OTHERS) | HASHES | {"selector_backend"}


def check_little_is_imported(modules: set[str]) -> None:
    """Check the modules of a hook that copies what was left."""
    ours = {name.partition(".")[2] for name in modules if name.startswith("selector_backend.")}
    assert ours == {
        *("errors", "installing", "installing.caller", "installing.files", "installing.handoff"),
        *("model", "model.values"),
    }
    assert not modules & {"re", "json", "pathlib", "zipfile", "hashlib", "enum", "typing"}


def test_it_is_copied_where_other_files_are_read_and_stay(build: Build) -> None:
    build.end()
    build.file.write_text("spam\nspam-cu11\n", encoding="utf-8")
    build.start("install", "-r", str(build.file))
    build.requires()
    prepared = build.prepare()
    assert build.took
    assert "spam-cu11" in build.said
    assert variants(build.build(prepared)["selector.json"]) == ["cu11"]
    assert build.took


LOCK = """\
[[package]]
name = "spam"
version = "1.0"
dependencies = ["spam-{}==1.0"]
"""


def test_it_is_copied_where_a_lock_stays_the_same(build: Build) -> None:
    build.end()
    build.scratch = build.scratch.rename(build.folder / "pdm-build-env-x-overlay")
    (build.folder / "pyproject.toml").touch()
    lock = build.folder / "pdm.lock"
    lock.write_text(LOCK.format("cu11"), encoding="utf-8")
    build.start("sync", program="pdm")
    build.requires()
    for variant, took in (("cu11", True), ("cu12", False)):
        lock.write_text(LOCK.format(variant), encoding="utf-8")
        record = build.prepare() / "selector.json"
        assert (variants(record.read_bytes()), build.took) == ([variant], took)
    lock.unlink()
    build.requires()
    lock.write_text(LOCK.format("cu12"), encoding="utf-8")
    assert variants((build.prepare() / "selector.json").read_bytes()) == ["cu12"]


def test_they_give_the_same_bytes_as_hooks_that_decide(build: Build, tmp_path: Path) -> None:
    build.requires()
    alone = build.build()
    assert build.took
    assert build.said.startswith("spam 1.0 gets cpu: ")
    name = next((tmp_path / "out").iterdir())
    copied = name.read_bytes()
    build.left.unlink()
    assert build.build() == alone
    assert not build.took
    assert name.read_bytes() == copied


def test_what_was_prepared_is_packed_whatever_was_left(build: Build) -> None:
    build.requires()
    prepared = build.prepare()
    with (prepared / "METADATA").open("ab") as file:
        file.write(b"\nOf a frontend.\n")
    assert build.build(prepared)["METADATA"].endswith(b"\nOf a frontend.\n")
    assert build.said == ""


def another_command(build: Build) -> None:
    build.end()
    build.start()


def another_command_whose_name_it_has(build: Build) -> None:
    """As if the process were the same: only what it was decided from tells."""
    left = build.left.read_bytes()
    build.end()
    build.start("install", "spam", "eggs")
    build.requires()
    for file in build.scratch.glob("selector-finished-*"):
        file.write_bytes(left)


def another_setting(build: Build) -> None:
    build.settings = {"variant": "cu12"}


def another_variable(build: Build) -> None:
    build.environ["SPAM_VARIANT"] = "cu12"


def another_machine(build: Build) -> None:
    build.environ["SELECTOR_CUDA"] = "12.4"


def another_requirement_file(build: Build) -> None:
    build.end()
    build.file.write_text("spam\n", encoding="utf-8")
    build.start("install", "-r", str(build.file))
    build.requires()
    build.file.write_text("spam\nspam-cu12\n", encoding="utf-8")


def another_nested_file(build: Build) -> None:
    build.end()
    (build.folder / "more.txt").write_text("eggs\n", encoding="utf-8")
    build.file.write_text("-r more.txt\n", encoding="utf-8")
    build.start("install", "-r", str(build.file))
    build.requires()
    (build.folder / "more.txt").write_text("spam-cu12\n", encoding="utf-8")


def another_profile(build: Build) -> None:
    build.environ["SELECTOR_MACHINE"] = str(build.file)
    build.file.write_text('{"format": 1, "facts": {"cuda": null}}', encoding="utf-8")
    build.requires()
    build.file.write_text('{"format": 1, "facts": {"cuda": "12.4"}}', encoding="utf-8")


def another_table(build: Build) -> None:
    table = CUDA.replace('name = "cu12"\nwhen = { cuda = ">=12" }', 'name = "cu12"')
    write_compiled(build.source, table)


def another_release(build: Build) -> None:
    file = build.backend / "selector_backend/__init__.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('__version__ = "', '__version__ = "9'), encoding="utf-8")


def a_link(build: Build) -> None:
    file = build.left
    file.rename(build.folder / "elsewhere")
    file.symlink_to(build.folder / "elsewhere")


def a_pipe(build: Build) -> None:
    file = build.left
    file.unlink()
    os.mkfifo(file)


def half_of_it(build: Build) -> None:
    build.left.write_bytes(build.left.read_bytes()[:-9])


def something_else(build: Build) -> None:
    build.left.write_bytes(b"[]")


def something_damaged(build: Build) -> None:
    build.left.write_bytes(marshal.dumps((b"", [1], {})))


def a_folder_of_everybody(build: Build) -> None:
    build.scratch.chmod(0o777)


def another_users_file(build: Build) -> None:
    os.chown(build.left, 12345, -1)


def another_users_folder(build: Build) -> None:
    os.chown(build.scratch, 12345, -1)


@pytest.mark.skipif(sys.platform != "linux", reason="takes links, pipes, users and /proc")
@pytest.mark.parametrize(
    ("change", "gets"),
    [
        (another_command, "cpu"),
        (another_command_whose_name_it_has, "cpu"),
        (another_setting, "cu12"),
        (another_variable, "cu12"),
        (another_machine, "cu12"),
        (another_requirement_file, "cu12"),
        (another_nested_file, "cu12"),
        (another_profile, "cu12"),
        (another_table, "cu12"),
        (another_release, "cpu"),
        (a_link, "cpu"),
        (a_pipe, "cpu"),
        (half_of_it, "cpu"),
        (something_else, "cpu"),
        (something_damaged, "cpu"),
        (a_folder_of_everybody, "cpu"),
        (another_users_file, "cpu"),
        (another_users_folder, "cpu"),
    ],
)
def test_what_is_not_for_this_hook_is_not_taken(build: Build, change: Any, gets: str) -> None:
    if "users" in change.__name__ and os.geteuid() != 0:
        pytest.skip("needs root")
    build.requires()
    change(build)
    prepared = build.prepare()
    assert not build.took
    assert variants((prepared / "selector.json").read_bytes()) == [gets]
    assert variants(build.build(prepared)["selector.json"]) == [gets]
    assert variants(build.build()["selector.json"]) == [gets]
    assert not build.took
