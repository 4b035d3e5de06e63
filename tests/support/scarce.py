"""Machines that lack something: room, a right clock, parts of the file system, root's rights."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .driver import compiler


def compile_preload(folder: Path, name: str) -> Path:
    """Compile ``NAME.c`` of this folder, a library to preload: ``clock``, ``cpuinfo``, ..."""
    library, source = folder / f"{name}.so", Path(__file__).with_name(f"{name}.c")
    if not library.exists():
        command = [compiler(), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
    return library


def in_own_mounts(command: str) -> list[str]:
    """Return what runs a command with mounts of its own, after a shell's ``command``.

    The test is skipped, with the reason, where nothing can be mounted.
    """
    prefix = ["unshare", "--mount", "sh", "-c", f'{command} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("needs mounts of its own: run it as root, or in a container that may mount")
    return prefix


def give_to_others(file: Path) -> list[str]:
    """Let a file be used by a user and a group that this process does not belong to.

    Returns what runs a command that may not use it either: root may use every file. Who is not
    root can give nothing away, so nobody may use the file then.
    """
    if os.geteuid():
        file.chmod(0)
        return []
    os.chown(file, 65534, 65534)
    file.chmod(0o660)
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
