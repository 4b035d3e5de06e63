"""Packages put into an environment by hand, as pip leaves them there; and whether all is well."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import shlex
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement

from .environment import Environment, run
from .hooks import Backend
from .sdist import files_of


def put_package(
    site: Path, folder: Path, name: str, environ: Mapping[str, str], version: str = "1.0"
) -> None:
    """Put a selector package into ``site``, and all that it requires, from the files in ``folder``.

    It is chosen by the hook that installers call, which sees nothing of the environment.
    """
    with tempfile.TemporaryDirectory() as source:
        for path, content in files_of(folder / f"{name}-{version}.tar.gz").items():
            file = Path(source, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        info = Backend(Path(source), environ).metadata(site)
    files = [f"{path.relative_to(info.parent).as_posix()},,\n" for path in info.rglob("*")]
    (info / "RECORD").write_text("".join([*files, f"{info.name}/RECORD,,\n"]), encoding="utf-8")
    _sign(info)
    for requirement in map(Requirement, Distribution.at(info).requires or ()):
        (specifier,) = requirement.specifier
        put_wheel(site, folder, requirement.name, specifier.version)


def put_wheel(site: Path, folder: Path, name: str, version: str = "1.0") -> None:
    """Put an ordinary wheel into ``site``, from its file in ``folder``."""
    stem = f"{name.replace('-', '_')}-{version}"
    (file,) = folder.glob(f"{stem}-*.whl")
    with zipfile.ZipFile(file) as wheel:
        wheel.extractall(site)
    _sign(site / f"{stem}.dist-info")


def _sign(info: Path) -> None:
    """Write which installer left it there, as pip does."""
    (info / "INSTALLER").write_text("pip\n", encoding="utf-8")
    with (info / "RECORD").open("a", encoding="utf-8") as record:
        record.write(f"{info.name}/INSTALLER,,\n")


def remove(site: Path, name: str) -> None:
    """Remove what was put there."""
    (info,) = site.glob(f"{name.replace('-', '_')}-*.dist-info")
    for file in Distribution.at(info).files or ():
        Path(str(file.locate())).unlink(missing_ok=True)
    info.rmdir()


def check_files(environment: Environment) -> None:
    """Check that every file that an installed distribution lists is there, and whole."""
    environment.pip("check")
    for record in environment.site_packages.glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as file:
            for path, digest, _ in csv.reader(file):
                if digest.startswith("sha256="):
                    data = (environment.site_packages / path).read_bytes()
                    found = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
                    assert digest == f"sha256={found.decode().rstrip('=')}", path


def run_commands(
    environment: Environment, output: str, cwd: Path | None = None, /, **environ: str
) -> list[str]:
    """Run exactly the commands that a message ends with, as a shell would."""
    lines = [line.strip(" │╰─>").strip() for line in output.splitlines()]
    program = r"(pip|uv pip|uv sync|\S+python\S* -m pip)"
    commands = [line for line in lines if re.match(rf"(\w+_VARIANT=\S+ )?{program} ", line)]
    assert commands, output
    variables = {**environment.environ, "PATH": environment.path, **environ}
    for command in commands:
        shell = ["/bin/sh", "-c", command]
        run(shlex.split(command) if os.name == "nt" else shell, variables, cwd)
    return commands
