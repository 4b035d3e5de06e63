"""What the dynamic loader finds, and how: told by the driver's facts, through the hooks."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.driver import LIBRARIES, Driver
from support.hooks import Backend
from support.project import write_project
from support.toolkit import compile_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are glibc's ways")

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "gpu"
when = { cuda = true, cuda-toolkit = true }

[[tool.selector.variant]]
name = "any"
when = [{ cuda = true }, { cuda-toolkit = true }]

[[tool.selector.variant]]
name = "cpu"
"""

BY_NVML = {"value": "12.4", "source": "NVML"}


def facts(
    tmp_path: Path, environ: Mapping[str, str], python: str = sys.executable
) -> dict[str, Any]:
    """Return the facts of the record that a project gets under ``environ``."""
    backend = Backend(write_project(tmp_path / "source", TABLE), environ, python)
    read: dict[str, Any] = backend.record(tmp_path / "out")["facts"]
    return read


def renamed(driver: Driver, folder: Path) -> list[str]:
    """Return the libraries of a driver under names that nobody asks for."""
    folder.mkdir()
    files = [folder / f"{name}-of-somebody.so" for name in LIBRARIES]
    for file, name in zip(files, LIBRARIES.values()):
        shutil.copy(driver.folder / name, file)
    return [str(file) for file in files]


def test_what_is_preloaded_is_found_by_its_soname(tmp_path: Path, driver: Driver) -> None:
    environ = driver.environ("12.4")
    environ["LD_PRELOAD"] = ":".join(renamed(driver, tmp_path / "preload"))
    del environ["LD_LIBRARY_PATH"]
    assert facts(tmp_path, environ)["cuda"] == BY_NVML


def test_a_toolkit_that_is_preloaded_comes_first(tmp_path: Path) -> None:
    first = compile_library(tmp_path / "first/libnvrtc.so.12", 12040)
    preloaded = first.rename(tmp_path / "first/nvrtc-of-somebody.so")
    newer = compile_library(tmp_path / "newer/libnvrtc.so.13", 13000).parent
    environ = {"LD_PRELOAD": str(preloaded), "LD_LIBRARY_PATH": str(newer)}
    fact = facts(tmp_path, environ)["cuda-toolkit"]
    assert fact == {"value": "12.4", "source": "NVRTC, loaded already"}


TOKENS = {
    "$LIB": ("lib", "lib64", f"lib/{getattr(sys.implementation, '_multiarch', 'lib')}"),
    "${PLATFORM}": (os.uname().machine, "haswell", "xeon_phi"),
}


@pytest.mark.parametrize("token", TOKENS)
def test_the_loaders_words_in_its_search_path(tmp_path: Path, driver: Driver, token: str) -> None:
    """Which folder each stands for is the loader's own to know."""
    for name in TOKENS[token]:
        shutil.copytree(driver.folder, tmp_path / "driver" / name)
    environ = {**driver.environ("12.4"), "LD_LIBRARY_PATH": f"{tmp_path}/driver/{token}"}
    assert facts(tmp_path, environ)["cuda"] == BY_NVML


def test_a_search_path_from_where_the_interpreter_is(tmp_path: Path, driver: Driver) -> None:
    origin = Path(sys.executable).resolve().parent
    environ = driver.environ("12.4")
    environ["LD_LIBRARY_PATH"] = f"$ORIGIN/{os.path.relpath(driver.folder, origin)}"
    assert facts(tmp_path, environ)["cuda"] == BY_NVML


LOADER, FOLDER = b"/lib64/ld-linux-x86-64.so.2", b"/usr/lib/x86_64-linux-gnu/"


@pytest.fixture
def other_system() -> Iterator[Path]:
    """A Python whose loader has a folder of its own in place of one of this system's.

    That of EESSI, Nix or Guix was built so; here, the names are written into copies.
    """
    interpreter = Path(sys.executable).resolve().read_bytes()
    loader = Path(os.fsdecode(LOADER)).read_bytes() if Path(os.fsdecode(LOADER)).exists() else b""
    if LOADER + b"\0" not in interpreter or b"\0" + FOLDER + b"\0" not in loader:
        pytest.skip("needs Debian or Ubuntu on x86-64, whose names are long enough to be replaced")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # a short path
        folder = Path(name)
        (folder / "bin").mkdir()
        own = os.fsencode(f"{folder}/ld-own.so")
        python, copy = folder / "bin/python3", Path(os.fsdecode(own))
        python.write_bytes(interpreter.replace(LOADER, own.ljust(len(LOADER), b"\0"), 1))
        copy.write_bytes(loader.replace(FOLDER, os.fsencode(folder).ljust(len(FOLDER), b"/")))
        python.chmod(0o755)
        copy.chmod(0o755)
        home = f"home = {Path(sys.executable).resolve().parent}\n"
        (folder / "pyvenv.cfg").write_text(home, encoding="utf-8")
        yield folder


def test_a_python_whose_loader_has_folders_of_its_own(
    tmp_path: Path, driver: Driver, other_system: Path
) -> None:
    python = str(other_system / "bin/python3")
    environ = {**driver.environ("12.4"), "PYTHONPATH": os.pathsep.join(sys.path)}
    del environ["LD_LIBRARY_PATH"]
    absent = facts(tmp_path, environ, python)["cuda"]["absent"]
    assert absent == "the loader does not find libnvidia-ml.so.1"
    for name in LIBRARIES.values():
        shutil.copy(driver.folder / name, other_system)
    assert facts(tmp_path / "again", environ, python)["cuda"] == BY_NVML
