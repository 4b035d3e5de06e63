"""A folder with a core and variants in it, which fresh interpreters import."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from support.driver import compiler
from support.environment import ROOT
from support.hooks import Backend
from support.project import hook_environ, write_project

CPU = "name = 'cpu'\n"
#: A module that ends the process where it is imported.
KILLER = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"


@dataclass(frozen=True)
class Site:
    """A folder on the path of the interpreters that `run` starts."""

    folder: Path

    def write(self, file: str, text: str) -> Path:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def write_core(self, arguments: str = "", variants: tuple[str, ...] = ("cu12", "cpu")) -> None:
        """Write a core that is like the ones in the documentation."""
        modules = {name: f"_spam_{name}" for name in variants}
        text = f"""\
            from selector_runtime import load

            early = "core"
            implementation = load("spam", {modules!r}, {arguments})
            name = implementation.name
            """
        self.write("spam_core/__init__.py", text)

    def write_variants(self, **modules: str) -> None:
        """Write the modules of variants, in this order: ``cu12="raise ValueError('no')"``."""
        for name, text in modules.items():
            self.write(f"_spam_{name}.py", f"{dedent(text)}\nname = {name!r}\n")

    def install(self, table: str, **environ: str) -> None:
        """Install spam's metadata, as the backend makes it, with the table ``[tool.selector]``."""
        source = write_project(self.folder / "source", dedent(table))
        Backend(source, environ).metadata(self.folder)

    def compile(self, file: str, code: str, *options: str) -> Path:
        """Compile a shared library, or an extension module."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [compiler(), "-shared", "-fPIC", "-o", str(path), "-xc", "-", "-xnone", *options]
        subprocess.run(command, input=code, text=True, check=True)
        return path

    def run(
        self,
        code: str = "import spam_core\nprint(spam_core.name)\n",
        *options: str,
        python: str = sys.executable,
        site: bool = False,
        check: bool = True,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``main.py`` with ``code``; without ``site``, no other distribution is to be seen."""
        path = self.write("main.py", code)
        paths = [str(self.folder), str(ROOT / "runtime")]
        process = subprocess.run(
            [python, *([] if site else ["-S"]), *options, str(path)],
            env=hook_environ(PYTHONPATH=os.pathsep.join(paths), **environ),
            check=False,
            text=True,
            capture_output=True,
        )
        assert not check or process.returncode == 0, process.stderr
        assert not check or "Traceback" not in process.stderr, process.stderr
        return process


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with spam's core and the variants cu12 and cpu, both of which work."""
    site = Site(tmp_path / "site")
    site.write_core()
    site.write_variants(cu12="", cpu="")
    return site
