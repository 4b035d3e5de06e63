"""The C library's version, as the running interpreter has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hooks import Backend
from support.project import write_project
from support.scarce import compile_preload

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "new"
when = { glibc = ">=2.17" }

[[tool.selector.variant]]
name = "old"
"""


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ("glibc 2.31", {"value": "2.31"}),
        ("glibc 2.20-2014.11", {"value": "2.20"}),  # Linaro's; pip reads it so, too
        ("glibc stable", {"absent": "this Python does not run on the GNU C library"}),
        ("", {"absent": "this Python does not run on the GNU C library"}),
    ],
)
def test_the_glibc_that_tells_its_version(tmp_path: Path, told: str, fact: dict[str, str]) -> None:
    environ = {"LD_PRELOAD": str(compile_preload(tmp_path, "confstr")), "STANDIN_GLIBC": told}
    backend = Backend(write_project(tmp_path / "source", TABLE), environ)
    record = backend.record(tmp_path / "out")
    assert record["facts"]["glibc"] == {**fact, "source": "the running interpreter"}
    assert record["variants"] == ["new" if "value" in fact else "old"]
