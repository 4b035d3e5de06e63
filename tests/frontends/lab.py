"""The frontends in environments of their own, and what a scenario can do with them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.dlls import Dlls
from support.driver import Driver, compile_driver
from support.environment import (
    ROOT,
    Environment,
    clean_environ,
    create_environment,
    find_python,
    install_program,
    run,
)
from support.index import Index
from support.project import CUDA, build_sdist, write_project, write_spam, write_wheel
from support.variant_wheels import build_variant_wheels

TABLE = CUDA.replace("[tool.selector]", '[tool.selector]\nextras = ["plot"]')
WINDOWS = sys.platform == "win32"


class NotHereError(Exception):
    """A scenario that a frontend cannot have; the message says why."""


@dataclass(frozen=True)
class Program:
    """A frontend of one version, the Python that it installs for, and whether it is Windows'."""

    kind: str
    version: str
    python: str = ""
    windows: bool = False

    @property
    def title(self) -> str:
        return f"{self.kind} {self.version}{' on Windows' if self.windows else ''}"

    @property
    def number(self) -> tuple[int, ...]:
        return tuple(map(int, re.findall(r"\d+", self.version)))


@dataclass(frozen=True)
class Shelf:
    """What was fetched: a wheelhouse, the wheels of pips, and the programs in environments."""

    folder: Path

    @property
    def wheelhouse(self) -> Path:
        return self.folder / "wheelhouse"

    def pip(self, version: str) -> Path:
        return next(self.folder.glob(f"*/pip-{version}-*.whl"))

    def script(self, program: Program, name: str) -> str:
        """Return the path of a program's script."""
        folder = self.folder / f"{program.kind}-{program.version}"
        return str(folder / ("Scripts" if WINDOWS else "bin") / name)

    def fetch(self, programs: list[Program]) -> None:
        """Fetch what is missing, with this machine's configuration of pip."""
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]

        def call(*arguments: str) -> None:
            subprocess.run([*pip, *arguments], check=True)

        download = ("download", "--only-binary=:all:", "--dest")
        house = self.wheelhouse
        for old in house.glob("selector_backend-*"):
            old.unlink()
        call("wheel", "--no-deps", "--wheel-dir", str(house), str(ROOT))
        (backend,) = house.glob("selector_backend-*.whl")
        compiling = f"{backend}[tree]"  # a source tree is compiled by what that extra has
        call(*download, str(house), compiling, "flit_core<5", "pip")
        call(*download, str(house), "--python-version=3.9", compiling)
        for program in programs:
            if program.kind == "pip":
                if not list(self.folder.glob(f"pips/pip-{program.version}-*.whl")):
                    call(
                        *download, str(self.folder / "pips"), "--no-deps", f"pip=={program.version}"
                    )
            elif not Path(self.script(program, "python")).exists():
                folder = self.folder / f"{program.kind}-{program.version}"
                install_program(folder, program.kind, program.version)


@dataclass
class World:
    """What all scenarios share: the index with spam, its variant wheels too, and a driver."""

    index: Index
    dist: Path
    driver: Driver
    shelf: Shelf


@contextmanager
def make_world(shelf: Shelf, folder: Path) -> Iterator[World]:
    dist = folder / "dist"
    write_spam(dist)
    source = write_project(folder / "spam", TABLE)
    build_sdist(source, dist)
    build_variant_wheels(source, dist)
    write_wheel(
        dist,
        "app",
        requires=("spam==1.0",),
        files={"app.py": APP, "app-1.0.dist-info/entry_points.txt": ENTRY},
    )
    for recipe in ("pytorch", "jax"):
        build_sdist(ROOT / "docs/recipes" / recipe, dist)
    for label in ("", "+cu128", "+cpu"):
        write_wheel(dist, "torch", f"2.9.1{label}")
    plugin = "jax-cuda12-plugin"
    write_wheel(dist, plugin)
    write_wheel(
        dist, "jax", "0.10.2", extras=("cuda12",), requires=(f"{plugin}; extra == 'cuda12'",)
    )
    if dlls := os.environ.get("SELECTOR_BACKEND_DLLS"):
        driver: Driver = Dlls(Path(dlls))
    else:
        driver = compile_driver(folder / "driver", "nvml", "cuda")
    with Index(shelf.wheelhouse, dist) as index:
        yield World(index, dist, driver, shelf)


# A command that says which variants are installed beside it.
APP = """\
from importlib.metadata import distributions


def main():
    names = {d.metadata["Name"] for d in distributions()}
    print("variant:", *sorted(n[5:] for n in names if n in ("spam-cpu", "spam-cu11", "spam-cu12")))
"""
ENTRY = "[console_scripts]\napp = app:main\n"


@dataclass
class Lab:
    """One frontend, one scenario: a folder with a home and caches of its own."""

    world: World
    program: Program
    folder: Path
    made: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """What commands run with: the index, and no configuration of this machine's."""
        url, home = self.world.index.url, self.folder / "home"
        environ = clean_environ(home)
        del environ["UV_NO_CONFIG"]  # a project's own has to be read
        return {
            **environ,
            "XDG_CONFIG_DIRS": str(home),
            "PIP_INDEX_URL": url,
            "UV_DEFAULT_INDEX": url,
            "UV_TOOL_DIR": str(home / "uv-tools"),
            "POETRY_CACHE_DIR": str(home / "poetry-cache"),
            "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            "PDM_CACHE_DIR": str(home / "pdm-cache"),
            "PDM_CHECK_UPDATE": "0",
            "PIPX_HOME": str(self.folder / "pipx"),
            "PIPX_BIN_DIR": str(self.folder / "bin"),
        }

    @property
    def driver(self) -> dict[str, Any]:
        """The variables with which a command finds the driver: keywords, so of any type."""
        return dict(self.world.driver.environ("12.4"))

    def fresh(self, python: str | None = None) -> Environment:
        """Make a new environment; the caches stay."""
        self.made += 1
        python = python or self.program.python
        interpreter = find_python(python) if python else sys.executable
        if interpreter is None:
            raise NotHereError(f"needs Python {python}")
        pip = self.world.shelf.pip(self.program.version) if self.program.kind == "pip" else None
        return create_environment(
            self.folder / f"env{self.made}", self.environ, pip=pip, python=interpreter
        )

    def call(
        self,
        *arguments: str,
        environment: Environment | None = None,
        cwd: Path | None = None,
        check: bool = True,
        **environ: Any,
    ) -> str:
        """Run the program and return what it prints. Without ``check``, a failure is no error."""
        variables = {**self.environ, **environ}
        if self.program.kind == "pip":
            assert environment is not None
            command = [str(environment.python), "-m", "pip", *arguments]
        else:
            name, *rest = arguments
            command = [self.world.shelf.script(self.program, name), *rest]
            if environment is not None:
                variables["VIRTUAL_ENV"] = str(environment.folder)
        process = run(command, variables, cwd or self.folder, check=check)
        self.log.append(f"$ {' '.join(command)}\n{process.stdout}")
        return process.stdout

    def run(self, *command: str) -> str:
        """Run a command that is not the frontend's."""
        return run(list(command), self.environ).stdout

    def pip(self, environment: Environment, *arguments: str, **keywords: Any) -> str:
        """Run `pip` or `uv pip`."""
        head = () if self.program.kind == "pip" else ("uv", "pip")
        return self.call(*head, *arguments, environment=environment, **keywords)

    def install(self, *arguments: str, into: Environment | None = None, **environ: Any) -> str:
        """Install spam, or what ``arguments`` say, into a fresh environment; return the variant."""
        environment = into or self.fresh()
        self.pip(environment, "install", *(arguments or ("spam",)), **environ)
        self.pip(environment, "check")
        return variants(environment)


def variants(environment: Environment, project: str = "spam") -> str:
    """Return the variants that an environment has; the record's as well, where they differ."""
    found = sorted(
        name.removeprefix(f"{project}-")
        for name in environment.installed()
        if name in (f"{project}-{one}" for one in ("cpu", "cu11", "cu12"))
    )
    text = " and ".join(found) or "none"
    recorded = " and ".join(environment.record(project)["variants"])
    return text if text == recorded else f"{text} (the record says {recorded})"


def wheels(folder: Path) -> str:
    return ", ".join(path.name for path in sorted(folder.glob("spam-1*.whl")))
