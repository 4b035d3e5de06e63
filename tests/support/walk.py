"""Walking a page of the documentation: its commands run in a shell, as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .blocks import HOW_TO, Block, blocks
from .environment import Environment, find_uv

#: The pages that are walked so, in places made for them.
WALKED = (
    *("from-what-you-have.md", "wheel-only-policy.md", "ci.md", "offline-and-hashes.md"),
    *("containers.md", "clusters.md", "locks.md"),
)


@dataclass(frozen=True)
class Walk:
    """A folder in which somebody follows a page, with an environment that is active.

    ``tools`` is a folder with further commands.
    """

    page: str
    folder: Path
    environment: Environment
    tools: Path

    def follow(
        self, heading: str, environ: Mapping[str, str] | None = None, *, uv: bool = False
    ) -> str:
        """Write the files and run the commands below a heading; return what they print.

        With ``uv``, `uv pip` runs what is shown for `pip`.
        """
        below = blocks(HOW_TO / self.page, heading)
        return "".join(self.step(block, environ, uv=uv) for block in below)

    def step(
        self, block: Block, environ: Mapping[str, str] | None = None, *, uv: bool = False
    ) -> str:
        """Do what one block says."""
        if block.mark == "file":
            path = self.folder / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.language != "console":
            return ""
        script = block.script
        if uv:
            script = re.sub(r"\bpip (install|uninstall --yes)", _by_uv, script)
        return self.run(script, environ, status=block.status)

    def run(self, script: str, environ: Mapping[str, str] | None = None, *, status: int = 0) -> str:
        """Run commands, of which only the last may fail; return what they print."""
        process = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self._environ(environ or {}),
            check=False,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.returncode == status, f"{script}\n{process.stdout}"
        return process.stdout

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        venv = self.environment.folder
        path = [str(venv / "bin"), str(self.tools), self.environment.environ["PATH"]]
        ours = {"PATH": os.pathsep.join(path), "VIRTUAL_ENV": str(venv)}
        return {**self.environment.environ, **ours, **environ}


def _by_uv(found: re.Match[str]) -> str:
    return "uv pip " + found[1].removesuffix(" --yes")


def write_tools(folder: Path) -> Path:
    """Write a folder with the commands that pages call: this checkout's, uv, and pip's.

    The environments of the tests have pip, and no script that starts it.
    """
    folder.mkdir()
    (folder / "uv").symlink_to(find_uv())
    scripts = {
        "selector-backend": f"#!{sys.executable}\nfrom selector_backend.cli import main\nmain()\n",
        "pip": '#!/bin/sh\nexec "$VIRTUAL_ENV/bin/python" -m pip "$@"\n',
    }
    for name, text in scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder
