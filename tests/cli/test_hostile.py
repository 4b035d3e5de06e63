"""Files that mean no good: each command ends with one message, in little memory and time."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.command import COMMAND, command, data, error, lines
from support.index import Index
from support.project import CUDA, build_sdist, hook_environ, write_project, write_wheel
from support.tree import write_tree

from selector_backend.checking import index as client
from selector_backend.installing.environment import read_records
from selector_backend.model.record import Unusable

MIB = 1 << 20
WHEEL = "spam_cpu-1.0-py3-none-any.whl"
# Runs a command, and says what the most memory was that it had, in KiB, and its processor time.
MEASURE = """
import resource, subprocess, sys
process = subprocess.run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(process.returncode)
"""


def info_of(wheel: Path, name: str) -> str:
    """Return the path in a wheel of a file of its ``.dist-info``."""
    return f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/{name}"


def write_zeros(wheel: Path, member: str, mib: int, compression: int, start: bytes = b"") -> None:
    """Write a wheel again with another content of a member: so many zeros, in a few bytes.

    A name without a folder is one in its ``.dist-info``.
    """
    member = member if "." in member else info_of(wheel, member)
    with zipfile.ZipFile(wheel) as old:
        files = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in files.items():
            if name != member:
                new.writestr(name, content)
        info = zipfile.ZipInfo(member)
        info.compress_type = compression
        with new.open(info, "w", force_zip64=True) as file:
            file.write(start)
            for _ in range(mib):
                file.write(bytes(MIB))


def many_fields(wheel: Path) -> None:
    fields = "".join(f"A{number}: b\n" for number in range(200_000)).encode()
    start = b"Metadata-Version: 2.1\nName: spam-cpu\nVersion: 1.0\n"
    write_zeros(wheel, "METADATA", 0, zipfile.ZIP_DEFLATED, start + fields)


def many_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        for number in range(80_000):
            archive.writestr(f"{number}" + "x" * 200, b"")


BOMBS = {
    "metadata-bzip2": lambda at: write_zeros(at, "METADATA", 64, zipfile.ZIP_BZIP2),
    "metadata-lzma": lambda at: write_zeros(at, "METADATA", 320, zipfile.ZIP_LZMA),
    "metadata-deflate": lambda at: write_zeros(at, "METADATA", 320, zipfile.ZIP_DEFLATED),
    "record-deflate": lambda at: write_zeros(at, "RECORD", 320, zipfile.ZIP_DEFLATED),
    "record-lines": lambda at: write_zeros(
        at, "RECORD", 0, zipfile.ZIP_DEFLATED, "\n".join(f"{n:x}" for n in range(MIB)).encode()
    ),
    "code-deflate": lambda at: write_zeros(at, "spam.py", 1200, zipfile.ZIP_DEFLATED),
    "fields": many_fields,
    "files": many_files,
}


# What takes long to write, so that it is left to the night.
SLOW = ("metadata-lzma", "record-lines", "code-deflate", "files")


def traps(*kinds: str) -> list[Any]:
    """Return kinds of traps as parameters."""
    nightly = pytest.mark.nightly
    return [pytest.param(one, marks=nightly if one in SLOW else ()) for one in sorted(kinds)]


def sdist_of(*members: tuple[tarfile.TarInfo, int]) -> Iterator[bytes]:
    """Yield an archive of members, each with so many MiB of zeros."""
    for member, mib in members:
        member.size = mib * MIB
        yield member.tobuf(tarfile.GNU_FORMAT)
        yield from (bytes(MIB) for _ in range(mib))
    yield bytes(1024)


def long_name() -> tuple[tarfile.TarInfo, int]:
    member = tarfile.TarInfo("././@LongLink")
    member.type = tarfile.GNUTYPE_LONGNAME
    return member, 320


SDISTS = {
    "long-name": lambda: sdist_of(long_name(), (tarfile.TarInfo("spam-1.0/x"), 0)),
    "large-file": lambda: sdist_of((tarfile.TarInfo("spam-1.0/pyproject.toml"), 320)),
}


def write_sdist(path: Path, kind: str) -> None:
    pack = zlib.compressobj(1, wbits=31)
    with path.open("wb") as file:
        for part in SDISTS[kind]():
            file.write(pack.compress(part))
        file.write(pack.flush())


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    build_sdist(write_project(folder / "spam", CUDA), folder / "dist")
    for name in ("cpu", "cu11", "cu12"):
        write_wheel(folder / "dist", f"spam-{name}")
    write_tree(folder / "tree")
    return folder


@pytest.fixture
def dist(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release / "dist", tmp_path / "dist"))


def measured(*arguments: str | Path) -> str:
    """Return what a command says, once it is seen to take less than 300 MB and ten seconds."""
    process = subprocess.run(
        [sys.executable, "-c", MEASURE, *COMMAND, *map(str, arguments)],
        env=hook_environ(),
        check=False,
        text=True,
        capture_output=True,
    )
    *said, last = process.stderr.splitlines()
    memory, seconds = last.split()
    print(f"{arguments[0]:10} {int(memory) / 1000:6.0f} MB {float(seconds):5.1f} s")
    assert process.returncode == 1, (said, process.stdout)
    assert "Traceback" not in process.stderr
    assert int(memory) < 300_000
    assert float(seconds) < 10
    return "\n".join([process.stdout, *said])


@pytest.mark.parametrize("kind", traps(*BOMBS))
def test_a_wheel_that_is_a_trap_for_check(dist: Path, kind: str) -> None:
    (dist / "spam_cu12-1.0-py3-none-any.whl").unlink()  # a problem in any case
    BOMBS[kind](dist / WHEEL)
    said = measured("check", "--dist", dist)
    assert (f"{WHEEL}: cannot be read: " in said) is (kind != "record-lines")


@pytest.mark.parametrize("kind", traps(*BOMBS.keys() - {"fields", "record-lines"}))
def test_a_wheel_that_is_a_trap_for_rename(release: Path, tmp_path: Path, kind: str) -> None:
    wheel = write_wheel(tmp_path, "spam")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("spam.py", b"")
    BOMBS[kind](wheel)
    out = ("--outdir", tmp_path / "out", "--variant", "cpu", "--project", release / "tree")
    assert "is not a wheel that can be renamed" in measured("rename", wheel, *out)


@pytest.mark.parametrize("kind", SDISTS)
@pytest.mark.parametrize("way", ["check", "explain", "dist"])
def test_an_sdist_that_is_a_trap(dist: Path, kind: str, way: str) -> None:
    sdist = dist / "spam-1.0.tar.gz"
    write_sdist(sdist, kind)
    said = measured("check", "--dist", dist) if way == "dist" else measured(way, sdist)
    assert ("found no sdist" if way == "dist" else "it has more than 32 MiB") in said


def test_a_marker_of_a_thousand_comparisons_is_checked(tmp_path: Path) -> None:
    marker = " or ".join(f"python_version == '3.{number}'" for number in range(1000))
    cpu = f"[[tool.selector.variant]]\nname = 'cpu'\nwhen = {{ marker = \"{marker}\" }}\n"
    table = f"[tool.selector]\nkind = 'spam'\n{cpu}"  # an error, so that the status is 1
    assert "tool.selector.kind" in measured("check", write_project(tmp_path / "wrong", table))
    right = write_project(tmp_path / "right", table.replace("'spam'", "'capability'"))
    assert lines("check", right, status=1)


def test_names_of_files_cannot_be_taken_for_what_check_says(dist: Path) -> None:
    evil = "spam_cpu-1.0-1\nerror: evil\n-py3-none-any.whl"
    (dist / evil).write_bytes(b"")
    written = lines("check", "--dist", dist, status=1)
    assert not any(line.startswith("error: evil") for line in written)
    (dist / evil).unlink()
    for name in ("cpu", "cu12"):
        write_wheel(dist, f"spam-{name}", files={"a\nno problems found\nb": ""})
    table = CUDA.replace("[tool.selector]\n", '[tool.selector]\nkind = "capability"\n')
    build_sdist(write_project(dist.parent / "capability", table), dist)
    written = lines("check", "--dist", dist, status=1)
    assert "no problems found" not in written
    assert any("no problems found" in line for line in written)


def test_a_wheel_with_two_files_of_one_name_is_an_error(dist: Path) -> None:
    second = b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n"
    with zipfile.ZipFile(dist / WHEEL, "a") as archive, pytest.warns(match="Duplicate"):
        archive.writestr(info_of(dist / WHEEL, "METADATA"), second)
    (problem,) = data("check", "--dist", dist, status=1)["problems"][:1]
    assert problem["message"] == (
        "cannot be read: it has several files of the name 'spam_cpu-1.0.dist-info/METADATA'"
    )


@pytest.mark.parametrize("pattern", ["LICENSE\\u0000", "LI\\u0000*"])
def test_a_nul_in_a_name_is_one_message(tmp_path: Path, pattern: str) -> None:
    project = write_project(tmp_path / "spam", more=f'license-files = ["{pattern}"]\n')
    (problem,) = data("check", project, status=1)["problems"]
    assert problem["key"].startswith("project.license-files")


def test_a_lone_surrogate_in_an_archive_is_one_message(dist: Path) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as file:
        file.addfile(tarfile.TarInfo("spam-1.0/\xff"))
    sdist = dist / "spam-1.0.tar.gz"
    sdist.write_bytes(zlib.compress(tar.getvalue(), wbits=31))
    assert "it has no pyproject.toml" in error("check", sdist, status=1)
    assert command("check", "--dist", dist).returncode == 1


class Answer(BaseHTTPRequestHandler):
    """Answers without an end, a byte now and then, or with a redirect to another protocol."""

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        self.send_response(302 if kind == "ftp" else 200)
        self.send_header("Content-Type", "text/html")
        if kind == "ftp":
            self.send_header("Location", "ftp://127.0.0.1/spam/")
        self.end_headers()
        with contextlib.suppress(OSError):
            while kind in ("endless", "slow"):
                self.wfile.write(b"<a>" if kind == "slow" else b"<a>x</a>\n" * 9999)
                time.sleep(0.1 if kind == "slow" else 0)

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("endless", "has more than 10 MiB"),
        ("slow", "is not answered within 1 seconds"),
        ("ftp", "it redirects to 'ftp://127.0.0.1/spam/', which is not HTTP"),
    ],
)
def test_an_index_that_is_a_trap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, expected: str
) -> None:
    if kind == "slow":
        monkeypatch.setattr(client, "_LONGEST", 1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{kind}/"
        assert expected in error("check", write_project(tmp_path), "--index", url, status=1)
        server.shutdown()


def test_an_sdist_on_an_index_that_is_too_large_is_told(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "spam-0.9.tar.gz").write_bytes(random.Random(0).randbytes(33 * MIB))
    with Index(dist) as index:
        written = lines("check", write_project(tmp_path / "spam"), "--index", index.url, status=1)
    assert any("spam-0.9.tar.gz on the index has more than 32 MiB" in line for line in written)


def test_a_record_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "spam-1.0.dist-info"
    folder.mkdir()
    os.mkfifo(folder / "selector.json")
    (record,) = read_records([str(tmp_path)])
    assert isinstance(record, Unusable)
    assert record.reason == "it is no regular file, or too large"


# A hook whose frontend is gone: process 1 is its parent now.
ORPHAN = """
import os, time
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    time.sleep(0.01)
from selector_backend.installing.caller import parent
print(os.getppid(), repr(parent().identity))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_process_1_is_no_frontend_that_files_are_named_after() -> None:
    pid, identity = subprocess.check_output([sys.executable, "-c", ORPHAN], text=True).split()
    if pid != "1":
        pytest.skip("another process takes over orphans here")
    assert identity == "''"
