"""A system with Windows' own Python, pip and uv, below wine, and what the tests need in it.

SELECTOR_BACKEND_WINDOWS names the folder of `system.sh`, to be used again; without it, the system
is made for these tests alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.dlls import compile_dlls
from support.environment import ROOT, find_uv

HERE = Path(__file__).parent
DEBIAN = Path("/etc/debian_version")
TAGS = ("--only-binary=:all:", "--platform=win_amd64")


def there(path: Path) -> str:
    """Return what Windows calls a folder or file of this machine."""
    return "Z:" + str(path).replace("/", "\\")


@dataclass(frozen=True)
class Windows:
    """A system, and folders with wheels for it: one for each Python, and the tests' own."""

    system: Path
    folder: Path
    wheelhouse: Path
    dlls: Path

    def run(self, version: str, *command: str | Path, **environ: str) -> str:
        """Run a program with the variables that it needs for a Python; return its output."""
        wheels = self.wheels(version)
        config = wheels / "uv.toml"
        config.write_text(f"no-index = true\nfind-links = ['{there(wheels)}']\n", encoding="utf-8")
        variables = {
            "PATH": os.environ["PATH"],
            "WINEPATH": rf"C:\tools;C:\Python{version.replace('.', '')}",
            "PIP_FIND_LINKS": there(wheels),
            "PIP_NO_INDEX": "1",
            "SELECTOR_BACKEND_DLLS": there(self.dlls),
            "SELECTOR_BACKEND_WHEELHOUSE": there(self.wheelhouse),
            "UV_CACHE_DIR": there(self.folder / "uv-cache"),
            "UV_CONFIG_FILE": there(config),
            "UV_PYTHON_DOWNLOADS": "never",
            **environ,
        }
        words = [there(word) if isinstance(word, Path) else word for word in command]
        process = subprocess.run(
            [str(HERE / "win"), str(self.system), *words],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
        assert process.returncode == 0, process.stdout
        return process.stdout

    def wheels(self, version: str) -> Path:
        """Return a folder with the wheels of all that the tests take on a Python."""
        groups = ["--group=pyproject.toml:test", "--group=pyproject.toml:lint"]
        folder = self.folder / f"wheels{version}"
        return self.fetch(folder, version, *groups, "--all-extras", "pyproject.toml")

    def fetch(self, folder: Path, version: str, *requirements: str) -> Path:
        """Put wheels for a Python into a folder, if it is not there, and return it."""
        if not folder.exists():
            options = ["-q", "--no-config", "--python-platform=windows", f"--python={version}"]
            locked = Path(f"{folder}.txt")
            compile_ = [find_uv(), "pip", "compile", *options, *requirements]
            subprocess.run([*compile_, "-o", locked], cwd=ROOT, check=True)
            partial = folder.with_name(f"{folder.name}-partial")
            download(partial, f"--python-version={version}", "--requirement", str(locked))
            partial.rename(folder)
        return folder

    def install_program(self, version: str, name: str, *requirements: str) -> None:
        """Install a program into an environment of its own, as `frontends.lab.Shelf` has it."""
        wheels = self.folder / f"wheels-{name}"
        wanted = Path(f"{wheels}.in")
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        self.fetch(wheels, version, str(wanted))
        self.create_environment(version, name, "-f", wheels, *requirements)

    def create_environment(self, version: str, name: str, *arguments: str | Path) -> Path:
        """Make an environment by what `uv pip install` is given; return its Python."""
        python = self.folder / name / "Scripts/python.exe"
        if not python.exists():
            base = rf"C:\Python{version.replace('.', '')}\python.exe"
            self.run(version, r"C:\tools\uv.exe", "venv", "-q", "-p", base, self.folder / name)
            install = (r"C:\tools\uv.exe", "pip", "install", "-q", "-p", python)
            self.run(version, *install, *arguments)
        return python

    def python(self, version: str) -> Path:
        """Return the Python of an environment with this checkout and all that its tests take."""
        checkout = ("--editable", ".[cli]", "--editable", "./runtime", "--group", "test", "nox")
        return self.create_environment(version, f"environment{version}", *checkout)

    def pytest(self, version: str, *arguments: str) -> str:
        """Run tests there; return the line that counts them."""
        # Below wine, the last filelock for Python 3.9 fails where another process has the lock.
        processes = "0" if version == "3.9" else "2"
        options = ("-q", "-n", processes, "-p", "no:cacheprovider", "--tb=short")
        output = self.run(version, self.python(version), "-m", "pytest", *options, *arguments)
        counts = output.rstrip().splitlines()[-1]
        print(f"Python {version}: {' '.join(arguments)}: {counts}")
        return counts


def download(folder: Path, *arguments: str) -> None:
    """Fetch wheels for Windows, as this machine's pip is configured."""
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", *TAGS]
    subprocess.run([*pip, "--dest", str(folder), *arguments], check=True)


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path) -> Iterator[Windows]:
    """A system to run Windows' programs in, which is made if there is none."""
    if not DEBIAN.exists() or os.geteuid() != 0:
        pytest.skip("takes root on Debian, for a system with wine")
    folder = tmp_path_factory.mktemp("windows")
    kept = os.environ.get("SELECTOR_BACKEND_WINDOWS")
    system = Path(kept).resolve() if kept else folder / "system"
    subprocess.run([str(HERE / "system.sh"), str(system)], check=True)
    own = folder / "wheelhouse"
    shutil.copytree(wheelhouse, own, copy_function=os.link)
    for file in own.glob("tomli-*"):
        file.unlink()
    download(own, "--python-version=3.9", "tomli", "pip")
    compile_dlls(folder / "dlls")
    yield Windows(system, folder, own, folder / "dlls")
    if not kept:
        shutil.rmtree(system)
