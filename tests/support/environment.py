"""Fresh virtual environments with a real pip or uv, cut off from this machine's configuration."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]

# What a child process may see of this machine's environment. Everything else, such as a pip
# configuration, must not reach it.
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "MSYSTEM")


def clean_environ(home: Path) -> dict[str, str]:
    """Return environment variables under which nothing of this machine's configuration is seen."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_CACHE_DIR": str(home / "pip-cache"),
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(home / "uv-cache"),
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_PROXY": "127.0.0.1",
    }


def run(
    command: list[str], environ: dict[str, str], cwd: Path | None = None, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command, its output captured; with ``check``, an exit status but 0 fails the test."""
    process = subprocess.run(
        command,
        env=environ,
        cwd=cwd,
        check=False,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert not check or process.returncode == 0, f"{command}\n{process.stdout}"
    return process


def find_python(version: str) -> str | None:
    """Return an interpreter of a version (``3.9``), on PATH or among pyenv's, or ``None``."""
    if found := shutil.which(f"python{version}"):
        try:
            subprocess.run([found, "-c", ""], check=True, capture_output=True)
        except subprocess.CalledProcessError:  # a shim of pyenv for a version that is not enabled
            pass
        else:
            return found
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return next(map(str, sorted(root.glob(f"versions/{version}.*/bin/python"))), None)


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the variables that commands in it run with."""

    folder: Path
    environ: dict[str, str] = field(repr=False)

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def path(self) -> str:
        """The variable ``PATH`` where this environment is activated, and uv is there."""
        return os.pathsep.join(
            [str(self.python.parent), str(Path(find_uv()).parent), self.environ["PATH"]]
        )

    @property
    def site_packages(self) -> Path:
        return next(self.folder.glob("[Ll]ib/**/site-packages"))

    def run(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run this environment's Python with ``arguments``, as if it were activated."""
        command = [str(self.python), *arguments]
        variables = {**self.environ, "PATH": self.path, **(environ or {})}
        return run(command, variables, cwd, check=check)

    def pip(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "pip", *arguments, environ=environ, cwd=cwd, check=check)

    def uv(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run uv on this environment (``VIRTUAL_ENV``)."""
        variables = {**self.environ, "VIRTUAL_ENV": str(self.folder), **(environ or {})}
        return run([find_uv(), *arguments], variables, cwd, check=check)

    def installed(self) -> dict[str, str]:
        """Return the installed distributions' versions by their names, pip left out."""
        found = distributions(path=[str(self.site_packages)])
        versions = {one.metadata["Name"]: one.version for one in found}
        return {name: version for name, version in versions.items() if name != "pip"}

    def record(self, project: str = "spam") -> dict[str, Any]:
        """Return the record that ``project`` was installed with."""
        (path,) = self.site_packages.glob(f"{project}-*.dist-info/selector.json")
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record


def create_environment(
    folder: Path, environ: dict[str, str], *, pip: Path | None, python: str = sys.executable
) -> Environment:
    """Make a virtual environment in ``folder``, with pip from a wheel if ``pip`` is given."""
    if python == sys.executable:
        venv.create(folder, symlinks=os.name != "nt")
    else:
        run([python, "-m", "venv", "--without-pip", str(folder)], environ)
    environment = Environment(folder, environ)
    if pip is not None:
        source = _unpacked(pip, python)
        shutil.copytree(source, environment.site_packages, copy_function=_link, dirs_exist_ok=True)
        script = environment.python.with_name("pip")
        script.write_text(f'#!/bin/sh\nexec "{environment.python}" -m pip "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return environment


def _unpacked(wheel: Path, python: str) -> Path:
    """Return a folder beside ``wheel`` with what is in it, compiled, which is made once.

    A pip that compiles itself anew in each environment would take most of the tests' time.
    """
    folder = wheel.with_suffix(f".for{re.sub(r'[^0-9A-Za-z.]+', '-', python)}")
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            partial = Path(f"{folder}.partial")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(partial)
            compile_all = [python, "-I", "-m", "compileall", "-qq", "-s", str(partial)]
            subprocess.run([*compile_all, str(partial)], check=True)
            partial.rename(folder)
    return folder


def _link(source: str, target: str) -> None:
    """Put a file in a second place: nobody writes into those of pip, but replaces them."""
    try:
        os.link(source, target)
    except OSError:  # on another file system
        shutil.copy2(source, target)


def find_uv() -> str:
    """Return the path of the uv that the tests install."""
    from uv import find_uv_bin

    return str(find_uv_bin())


#: What keeps a newest program from starting with the newest of its own dependencies.
PINS = {"pdm": ("hishel<2",)}


def install_program(folder: Path, name: str, version: str = "") -> Path:
    """Install a program into a new environment in ``folder``, and return the environment's Python.

    Without ``version``, it is the newest that this machine's index has.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    what = [f"{name}=={version}" if version else name, *PINS.get(name, ())]
    subprocess.run([str(python), "-m", "pip", "-q", "install", *what], check=True)
    return python
