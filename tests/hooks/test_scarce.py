"""A machine that lacks something while the hooks run: one message, and nothing half-written."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from support.driver import Driver
from support.environment import ROOT
from support.project import build_sdist, hook_environ, write_project
from support.scarce import compile_preload, in_own_mounts

# Under one limit from the start of the hooks on; the interpreter's own start is not ours to speak.
HOOKS = """
import os, resource, sys
import selector_backend as backend
limit, number, folder, *hooks = sys.argv[1:]
if limit:
    resource.setrlimit(getattr(resource, limit), (int(number), int(number)))
if "wheel" in hooks:
    backend.get_requires_for_build_wheel()
    info = backend.prepare_metadata_for_build_wheel(folder)
    backend.build_wheel(folder, None, os.path.join(folder, info))
else:
    backend.build_sdist(folder)
"""
# How interpreter and loader end where they find no memory, if they do not end by a signal.
NOT_OURS = ("SystemError: ", "failed to map segment")
MEMORY = "error: there is not enough memory. To fix it: "


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of spam, unpacked."""
    folder = tmp_path_factory.mktemp("scarce")
    sdist = build_sdist(write_project(folder / "source"), folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / "spam-1.0"


def call(
    source: Path,
    target: Path,
    *hooks: str,
    limit: tuple[str, int] = ("", 0),
    prefix: Sequence[str] = (),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str]:
    """Call the hooks; return the exit status and what is said on standard error."""
    target.mkdir(exist_ok=True)
    arguments = [limit[0], str(limit[1]), str(target), *hooks]
    process = subprocess.run(
        [*prefix, sys.executable, "-c", HOOKS, *arguments],
        cwd=source,
        # Python leaves half a compiled module behind where a disk is full.
        env=hook_environ(PYTHONDONTWRITEBYTECODE="1", **environ),
        check=False,
        capture_output=True,
        text=True,
    )
    if process.returncode >= 0 and not any(one in process.stderr for one in NOT_OURS):
        assert "Traceback" not in process.stderr
        assert process.returncode in (0, 1)
    return process.returncode, process.stderr


@pytest.mark.parametrize(
    ("hook", "most", "file"),
    [
        ("wheel", 1, "spam-1.0.dist-info/METADATA"),
        ("wheel", 2000, "spam-1.0-py3-none-any.whl"),
        ("sdist", 200, "spam-1.0.tar.gz"),
    ],
)
def test_a_file_that_cannot_be_written_whole_is_not_there(
    source: Path, tmp_path: Path, hook: str, most: int, file: str
) -> None:
    status, said = call(source, tmp_path / "out", hook, limit=("RLIMIT_FSIZE", most))
    assert status == 1
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    path = tmp_path / "out" / file
    assert line.startswith(f"error: {path} cannot be written: File too large. To fix it: ")
    assert not path.exists()
    assert [one for one in (tmp_path / "out").rglob("*") if "partial" in one.name] == []


def test_a_full_disk_is_one_message(source: Path, tmp_path: Path) -> None:
    prefix = in_own_mounts(f"mount -t tmpfs -o size=8k none {tmp_path}")
    status, said = call(source, tmp_path, "wheel", prefix=prefix)
    assert status == 1
    assert " cannot be written: No space left on device. To fix it: " in said


def test_where_the_room_on_the_disk_is_not_known_all_is_imported(tmp_path: Path) -> None:
    file = shutil.make_archive(str(tmp_path / "code"), "zip", ROOT, "selector_backend")
    code = f"import sys; sys.path.insert(0, {file!r}); import selector_backend as b; print(b)"
    said = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, text=True)
    assert file in said


def test_a_folder_that_cannot_be_written_to_is_one_message(source: Path, tmp_path: Path) -> None:
    prefix = in_own_mounts(f"mount -t tmpfs -o ro none {tmp_path}")
    status, said = call(source, tmp_path, "sdist", prefix=prefix)
    assert status == 1
    assert " cannot be written: Read-only file system. To fix it: " in said


def test_without_proc_a_variant_is_chosen(source: Path, tmp_path: Path, driver: Driver) -> None:
    prefix = in_own_mounts("mount -t tmpfs none /proc")
    status, said = call(source, tmp_path, "wheel", prefix=prefix, environ=driver.environ("12.4"))
    assert (status, said) == (0, "spam 1.0 gets cu12: cuda 12.4 is >=12\n")


def test_the_caller_is_found_in_a_proc_that_counts_processes_otherwise() -> None:
    """A sandbox may count its processes anew, and leave /proc as it is."""
    child = "from selector_backend.installing.caller import parent; print(*parent().arguments)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    prefix = in_own_mounts('set -- unshare --pid --fork --kill-child "$@"')
    said = subprocess.check_output([*prefix, sys.executable, "-c", code, "install"], text=True)
    assert said == f"{sys.executable} -c {code} install\n"


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (3, "error: too many files are open. To fix it: raise ulimit -n\n"),
        (4, "spam 1.0 gets cpu: it fits every machine; not cu12: cuda is absent: NVML: could not"),
    ],
)
def test_too_few_descriptors_are_one_message_or_an_absent_fact(
    source: Path, tmp_path: Path, driver_without_cuda: Driver, most: int, expected: str
) -> None:
    environ = driver_without_cuda.environ()
    _, said = call(
        source, tmp_path / "out", "wheel", limit=("RLIMIT_NOFILE", most), environ=environ
    )
    assert said.startswith(expected)


@pytest.mark.nightly
def test_too_little_memory_is_one_message(source: Path, tmp_path: Path) -> None:
    status, said = call(source, tmp_path / "out", "wheel", limit=("RLIMIT_AS", 1))
    assert (status, said.partition("free")[0]) == (1, MEMORY)


@pytest.mark.nightly
@pytest.mark.parametrize("megabytes", range(1, 64))
def test_however_little_memory_there_is_it_is_one_message_or_a_choice(
    source: Path, tmp_path: Path, driver_without_cuda: Driver, megabytes: int
) -> None:
    limit = ("RLIMIT_AS", megabytes << 20)
    environ = driver_without_cuda.environ()
    status, said = call(source, tmp_path / "out", "wheel", limit=limit, environ=environ)
    assert status == 0 or [*(tmp_path / "out").glob("*.whl")] == []
    if status in (0, 1) and not any(one in said for one in NOT_OURS):
        assert said.splitlines()[-1].startswith(MEMORY if status else "spam 1.0 gets ")


@pytest.mark.parametrize("hook", ["wheel", "sdist"])
def test_in_1970_the_same_bytes_are_built(source: Path, tmp_path: Path, hook: str) -> None:
    preload = {"LD_PRELOAD": str(compile_preload(tmp_path, "clock")), "STANDIN_YEAR": "1970"}
    code = [sys.executable, "-c", "import time; print(time.gmtime().tm_year)"]
    assert subprocess.check_output(code, env=hook_environ(**preload)) == b"1970\n"
    for name, environ in (("now", {}), ("then", preload)):
        assert call(source, tmp_path / name, hook, environ=environ)[0] == 0
    (now,), (then,) = (
        [path for path in (tmp_path / name).iterdir() if path.is_file()] for name in ("now", "then")
    )
    assert now.read_bytes() == then.read_bytes()
    assert call(source, tmp_path / "zero", hook, environ={"SOURCE_DATE_EPOCH": "0"})[0] == 0
