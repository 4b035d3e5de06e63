"""An sdist that was built by an earlier release is installed as it was then.

The sdists are in `support/formats`, one for each format of ``selector-table.json``, with what each
installs. Here there is nothing to compile with.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.floor import Floor, StoppedError

from selector_backend import __version__
from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import read_project
from selector_backend.model.standing import with_standing
from selector_backend.model.table import FORMAT, read_compiled
from selector_backend.model.values import replace

FORMATS = Path(__file__).parents[1] / "support/formats"
CASES = sorted(FORMATS.glob("*/installs/*"))


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    floor = Floor(tmp_path / "floor")
    floor.add("archspec")
    return floor


def settings_of(case: Path, tmp_path: Path) -> dict[str, Any]:
    """Return the config settings that a case stands for."""
    asked: dict[str, Any] = json.loads((case / "case.json").read_text(encoding="utf-8"))
    if "facts" not in asked:
        return asked
    profile = tmp_path / "machine.json"
    profile.write_text(json.dumps({"format": 1, **asked}), encoding="utf-8")
    return {"machine": str(profile)}


def installed(folder: Path) -> dict[str, bytes]:
    """Return the files of a ``.dist-info`` as if the release of then had written them."""
    then = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return {
        name: content.replace(
            f'"backend": "{__version__}"'.encode(), b'"backend": "0.2.0"'
        ).replace(f"selector-backend {__version__}".encode(), b"selector-backend 0.2.0")
        for name, content in then.items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parents[1].name}-{case.name}")
def test_an_sdist_of_each_format_is_installed_as_it_was(
    floor: Floor, tmp_path: Path, case: Path
) -> None:
    source = shutil.copytree(case.parents[1] / "sdist", tmp_path / "sdist")
    settings = settings_of(case, tmp_path)
    message = case / "error.txt"
    target = tmp_path / "out"
    target.mkdir()
    calls = [
        ["get_requires_for_build_wheel", settings],
        ["prepare_metadata_for_build_wheel", str(target), settings],
    ]
    if message.exists():
        with pytest.raises(StoppedError) as stopped:
            floor.call(source, *calls)
        assert str(stopped.value) == message.read_text(encoding="utf-8")
        return
    requires, name = floor.call(source, *calls).results
    assert requires == []
    expected = {path.name: path.read_bytes() for path in case.iterdir()}
    del expected["case.json"]
    if platform.machine() != "x86_64":  # as a marker in the table has it
        kernels = rb',\s+"spam-kernels"(?=\s+\])'
        expected["selector.json"] = re.sub(kernels, b"", expected["selector.json"])
    assert installed(target / name) == expected


def test_every_format_has_an_sdist() -> None:
    named = sorted(int(path.name) for path in FORMATS.iterdir() if path.is_dir())
    assert named == list(range(1, FORMAT + 1))
    assert {case.parents[1].name for case in CASES} == {*map(str, named)}


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_an_sdist_of_each_format_says_what_compiling_it_anew_says(number: int) -> None:
    """Or a format would have come to mean something else without a number of its own."""
    folder = FORMATS / str(number) / "sdist"
    read, anew = read_compiled(folder), compile_project(read_project(folder))
    # What stands for a variant is found anew wherever it is asked for.
    selector = anew.selector if number > 1 else replace(anew.selector, where=())
    assert with_standing(read.selector) == selector
    assert (read.name, read.license_files) == (anew.name, anew.license_files)
    assert read.entry_points == anew.entry_points
    assert number == 1 or read.requires == anew.requires
