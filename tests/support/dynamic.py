"""Selector packages whose version is not written in their `pyproject.toml`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .project import CUDA

#: What makes git a version's source that depends on nothing of this machine.
GIT = {
    **{f"GIT_{one}_NAME": "Zoe" for one in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{one}_EMAIL": "zoe@spam.example" for one in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

REGEX = """
[[tool.dynamic-metadata]]
provider = "dynamic_metadata.regex"
field = "version"
input = "_version.py"
"""
FROM_GIT = """
[[tool.dynamic-metadata]]
provider = "vcs_versioning"
"""
REQUIRES = ("selector-backend>=0.2,<1", "dynamic-metadata>=0.6")
LINES = {
    "regex": (REGEX, REQUIRES),
    "git": (FROM_GIT, (*REQUIRES, "vcs-versioning")),
}


def write_dynamic(
    folder: Path,
    found: str = REGEX,
    requires: tuple[str, ...] = REQUIRES,
    *,
    table: str = CUDA,
    version: str = "1.4",
) -> Path:
    """Write a selector package whose version ``found`` finds."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{one}"' for one in requires)
    (folder / "pyproject.toml").write_text(
        f"[build-system]\nrequires = [{listed}]  # what builds it\n"
        'build-backend = "selector_backend"\n\n[project]\nname = "spam"\n'
        'dynamic = ["dependencies", "version"]  # by the table\n'
        f"{found}\n# which variant\n{table}",
        encoding="utf-8",
    )
    (folder / "_version.py").write_text(f'__version__ = "{version}"\n', encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, env={**os.environ, **GIT})


def commit(folder: Path, tag: str | None = None) -> Path:
    """Put a folder under git, with a commit of all that is in it, and a tag."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "All")
    if tag is not None:
        git(folder, "tag", tag)
    return folder
