"""The command as a process of its own does what it does in the process of the tests."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
from support.command import child, command
from support.project import CUDA, write_project

GPU = {"SELECTOR_CUDA": "12.4", "COLUMNS": "60"}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("explain", "--set", "compute-capability=8.6"), 0),
        (("check", "--json"), 1),
        (("check", "wrong"), 1),
        (("explain", "--set", "cdua=12"), 2),
        (("check", "--nonsense"), 2),
        (("check", "--help"), 0),
        ((), 2),
    ],
)
def test_a_child_writes_the_same_and_ends_with_the_same_status(
    tmp_path: Path, arguments: tuple[str, ...], status: int
) -> None:
    write_project(tmp_path)
    write_project(tmp_path / "wrong", CUDA.replace("cuda =", "cdua ="))
    before = state()
    here = command(*arguments, environ=GPU, cwd=tmp_path)
    assert state() == before
    apart = child(*arguments, environ=GPU, cwd=tmp_path)
    assert (here.returncode, here.stdout, here.stderr) == (status, apart.stdout, apart.stderr)
    assert apart.returncode == status


def state() -> list[object]:
    """Return what a command might leave changed in this process."""
    streams = [sys.stdin, sys.stdout, sys.stderr, *(os.fstat(number) for number in range(3))]
    shared = [sys.argv, [*sys.path], sys.modules["__main__"], tempfile.tempdir]
    return [*streams, *shared, Path.cwd(), {**os.environ}, [*warnings.filters]]
