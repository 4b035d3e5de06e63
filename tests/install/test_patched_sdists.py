"""Real installers on an sdist that somebody has patched, or that came to harm.

A release that is newer or older than the one that built it counts as that, too.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.floor import unpack
from support.index import Index

from selector_backend.authoring import REQUIREMENTS


def patch(sdist: Path) -> None:
    path = sdist / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    other = 'name = "cpu"\nrequires = ["spam-cu11=={version}"]'
    path.write_text(text.replace('name = "cpu"', other), encoding="utf-8")


def damage(sdist: Path) -> None:
    path = sdist / "selector-table.json"
    path.write_bytes(path.read_bytes()[:-100])


def make_newer(sdist: Path) -> None:
    path = sdist / "selector-table.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"format": 2', '"format": 3'), encoding="utf-8")


def remove(sdist: Path) -> None:
    (sdist / "selector-table.json").unlink()


def leave(sdist: Path) -> None:
    """Change nothing."""


#: The hooks are tried with each of them; an installer with some.
OTHERS = [damage, make_newer, remove]


def changed(spam_folder: Path, folder: Path, change: Callable[[Path], None]) -> str:
    """Return the path of spam's sdist after a change to what is in it."""
    inside = unpack(spam_folder / "spam-1.0.tar.gz", folder / "unpacked")
    change(inside)
    path = folder / "spam-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(inside, inside.name)
    return str(path)


@pytest.fixture
def index(spam_index: Index) -> Index:
    """The index, which tells what this test asks of it."""
    spam_index.requests.clear()
    return spam_index


def compiled_with(index: Index) -> bool:
    """Return whether what compiling takes was fetched."""
    return any(request.startswith("/simple/pyproject-metadata") for request in index.requests)


def expected(change: Callable[[Path], None]) -> set[str]:
    return {"spam", "spam-core", "spam-cu11" if change is patch else "spam-cpu"}


@pytest.mark.parametrize(
    "change", [patch, *(pytest.param(one, marks=pytest.mark.nightly) for one in (leave, *OTHERS))]
)
def test_pip_installs_what_the_sdist_says_now(
    make_environment: MakeEnvironment,
    spam_folder: Path,
    index: Index,
    tmp_path: Path,
    change: Callable[[Path], None],
) -> None:
    environment = make_environment(index)
    environment.pip("install", changed(spam_folder, tmp_path, change))
    assert environment.installed().keys() == expected(change)
    assert compiled_with(index) is (change is not leave)


@pytest.mark.parametrize("change", [leave, patch, make_newer])
def test_uv_installs_what_the_sdist_says_now(
    make_environment: MakeEnvironment,
    spam_folder: Path,
    index: Index,
    tmp_path: Path,
    change: Callable[[Path], None],
) -> None:
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", changed(spam_folder, tmp_path, change))
    assert environment.installed().keys() == expected(change)
    assert compiled_with(index) is (change is not leave)


@pytest.mark.parametrize(
    "change", [patch, *(pytest.param(one, marks=pytest.mark.nightly) for one in (leave, *OTHERS))]
)
def test_without_isolation_one_message_or_what_the_sdist_says_now(
    make_environment: MakeEnvironment,
    spam_folder: Path,
    spam_index: Index,
    tmp_path: Path,
    change: Callable[[Path], None],
) -> None:
    """There nobody installs what the hooks ask for."""
    environment = make_environment(spam_index)
    environment.pip("install", "selector-backend")
    sdist = changed(spam_folder, tmp_path, change)
    if change is not leave:
        process = environment.pip("install", "--no-build-isolation", sdist, check=False)
        assert process.returncode == 1
        how = " ".join(["pip install", *(f'"{one}"' for one in REQUIREMENTS)])
        assert process.stdout.count(f"Without build isolation, install it first: {how}") == 1
        assert "Traceback" not in process.stdout
        environment.pip(*how.replace('"', "").split()[1:])
    environment.pip("install", "--no-build-isolation", sdist)
    assert {one for one in environment.installed() if one.startswith("spam")} == expected(change)
