"""Fresh virtual environments with a real pip or uv, cut off from this machine's configuration."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]

# What a child process may see of this machine's environment. Everything else, such as a pip
# configuration, must not reach it.
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL")


def clean_environ(home: Path) -> dict[str, str]:
    """Return environment variables under which nothing of this machine's configuration is seen."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
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
    def site_packages(self) -> Path:
        return next(self.folder.glob("[Ll]ib/**/site-packages"))

    def run(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run this environment's Python with ``arguments``."""
        command = [str(self.python), *arguments]
        return run(command, {**self.environ, **(environ or {})}, cwd, check=check)

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
        code = (
            "import importlib.metadata as m, json; "
            "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
        )
        found: dict[str, str] = json.loads(self.run("-I", "-c", code).stdout)
        return {name: version for name, version in found.items() if name != "pip"}

    def record(self, project: str = "spam") -> dict[str, Any]:
        """Return the record that ``project`` was installed with."""
        (path,) = self.site_packages.glob(f"{project}-*.dist-info/selector.json")
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record


def create_environment(
    folder: Path, environ: dict[str, str], *, pip: Path | None, python: str = sys.executable
) -> Environment:
    """Make a virtual environment in ``folder``, with pip from a wheel if ``pip`` is given."""
    run([python, "-m", "venv", "--without-pip", str(folder)], environ)
    environment = Environment(folder, environ)
    if pip is not None:
        shutil.copytree(_unpacked(pip), environment.site_packages, dirs_exist_ok=True)
    return environment


def _unpacked(wheel: Path) -> Path:
    """Return a folder beside ``wheel`` with what is in it, compiled, which is made once.

    A pip that compiles itself anew in each environment would take most of the tests' time.
    """
    folder = wheel.with_suffix(".unpacked")
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(partial)
            compileall.compile_dir(partial, quiet=2, stripdir=str(partial))
            partial.rename(folder)
    return folder


def find_uv() -> str:
    """Return the path of the uv that the tests install."""
    from uv import find_uv_bin

    return str(find_uv_bin())
