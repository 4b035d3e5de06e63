"""What the child process that asks a library leaves behind, and which library it loads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selector_backend.probes.child import NoAnswerError, ask
from selector_backend.probes.loader import findable

READERS = """
import ctypes, os, subprocess, sys, time
from selector_backend.probes.library import load

GROW = '''
import sys, time
for _ in range(600):
    with open(sys.argv[1], "a") as stream:
        stream.write("x")
    time.sleep(0.05)
'''

def start(file, then, flags):
    subprocess.Popen([sys.executable, "-c", GROW, file], creationflags=int(flags))
    while not os.path.exists(file):
        time.sleep(0.01)
    if then == "hang":
        time.sleep(100)
    if then == "end":
        os._exit(3)

def end(status):
    os._exit(int(status))

def crash(code):
    ctypes.WinDLL("kernel32").RaiseException(int(code, 16), 0, 0, None)

def loaded(name):
    path = ctypes.create_unicode_buffer(1000)
    handle = ctypes.c_void_p(load(name)._handle)
    ctypes.WinDLL("kernel32").GetModuleFileNameW(handle, path, 1000)
    return path.value
"""
ON_WINDOWS = pytest.mark.skipif(sys.platform != "win32", reason="only Windows does so")
#: CREATE_NEW_PROCESS_GROUP and DETACHED_PROCESS
DAEMON = 0x200 | 0x8
PARENT = """
import os, sys
from selector_backend.probes.child import ask
ask("readers:start", os.environ, 100, sys.argv[1], "hang", "0")
"""


@pytest.fixture(autouse=True)
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "readers.py").write_text(READERS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def is_growing(file: Path) -> bool:
    size = file.stat().st_size
    time.sleep(0.5)
    return file.stat().st_size > size


@pytest.mark.parametrize("then", ["answer", "end", pytest.param("hang", marks=ON_WINDOWS)])
@pytest.mark.parametrize("flags", [0, pytest.param(DAEMON, marks=ON_WINDOWS)])
def test_what_a_library_starts_ends_with_the_child(tmp_path: Path, then: str, flags: int) -> None:
    file = tmp_path / "grows"
    if then == "answer":
        assert ask("readers:start", os.environ, 60, str(file), then, str(flags)) is None
    else:
        with pytest.raises(NoAnswerError, match="did not answer" if then == "hang" else "status 3"):
            ask("readers:start", os.environ, 10, str(file), then, str(flags))
    assert not is_growing(file)


def test_what_a_library_starts_ends_with_the_installer(tmp_path: Path) -> None:
    file = tmp_path / "grows"
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environ = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(
        [getattr(sys, "_base_executable", sys.executable), "-c", PARENT, str(file)], env=environ
    ) as parent:
        while not file.exists():
            assert parent.poll() is None
            time.sleep(0.01)
        parent.kill()
    time.sleep(0.5)
    assert not is_growing(file)


def test_the_child_compiles_nothing(tmp_path: Path) -> None:
    """On a full disk, some Pythons compile half a module."""
    environ = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    with pytest.raises(NoAnswerError, match="status 3"):
        ask("readers:end", environ, 60, "3")
    assert not (tmp_path / "__pycache__").exists()


@ON_WINDOWS
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("-1073740791", "crashed the process that asked it (0xC0000409)"),
        ("-529697949", "crashed the process that asked it (0xE06D7363)"),
        ("-1", "ended the process that asked it, with exit status 4294967295"),
    ],
)
def test_windows_exceptions_are_crashes(status: str, reason: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        ask("readers:end", os.environ, 60, status)
    assert str(caught.value) == reason


@ON_WINDOWS
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0xC000001D", "0xC000001D"),
        ("0xE06D7363", "0xE06D7363"),
        ("0xC0000005", "access violation"),
        ("0xC0000094", "integer divide by zero"),
    ],
)
def test_exceptions_of_a_function_are_crashes(code: str, reason: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        ask("readers:crash", os.environ, 60, code)
    assert str(caught.value) == f"crashed ({reason})"


@ON_WINDOWS
def test_no_library_is_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the sdist's. Any library does, under a name of its own."""
    library = Path(sys.base_prefix, "vcruntime140.dll")
    for folder in ("sdist", "on path"):
        (tmp_path / folder).mkdir()
        shutil.copy(library, tmp_path / folder / "of-a-driver.dll")
    shutil.copy(library, tmp_path / "sdist/of-an-sdist.dll")
    monkeypatch.chdir(tmp_path / "sdist")
    environ = {**os.environ, "PATH": f".;;{os.environ['PATH']};{tmp_path / 'on path'}"}
    expected = str(tmp_path / "on path" / "of-a-driver.dll")
    assert ask("readers:loaded", environ, 60, "of-a-driver.dll").lower() == expected.lower()
    with pytest.raises(NoAnswerError, match="does not load"):
        ask("readers:loaded", environ, 60, "of-an-sdist.dll")
    assert findable("of-a-driver.dll", environ)
    assert not findable("of-an-sdist.dll", environ)
