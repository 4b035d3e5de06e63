"""`python -m build`, and what its sdist and wheel look like to other people's tools."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from support.environment import clean_environ, run
from support.project import CUDA, write_project
from trove_classifiers import classifiers

MORE = """\
description = "Chooses a spam"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE", "licenses/*.txt"]
classifiers = ["Programming Language :: Python :: 3"]
keywords = ["spam", "Größe"]

[project.scripts]
spam = "spam_core.cli:main"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A selector package with all that belongs in an sdist, and much that does not."""
    folder = write_project(tmp_path / "source with ü", CUDA, more=MORE)
    (folder / "README.md").write_text("# spam\n\nGrüße aus der Küche\n", encoding="utf-8")
    (folder / "LICENSE").write_text("MIT\n", encoding="utf-8")
    (folder / "licenses").mkdir()
    (folder / "licenses/other.txt").write_text("Other\n", encoding="utf-8")
    for name in ("notes.txt", "module.py", "setup.py", ".gitignore", "dist/old.whl"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("not part of it\n", encoding="utf-8")
    return folder


def build(source: Path, target: Path, *options: str, **environ: str) -> None:
    """Run `python -m build` with the backend that the tests run with."""
    home = target.with_name("home")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *options]
    run([*command, str(source)], {**clean_environ(home), **environ})


def test_sdist_and_wheel_hold_only_what_they_should(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path / "out")
    with tarfile.open(tmp_path / "out/spam-1.0.tar.gz") as sdist:
        assert sdist.getnames() == [
            "spam-1.0/LICENSE",
            "spam-1.0/PKG-INFO",
            "spam-1.0/README.md",
            "spam-1.0/licenses/other.txt",
            "spam-1.0/pyproject.toml",
            "spam-1.0/selector-table.json",
        ]
    with zipfile.ZipFile(tmp_path / "out/spam-1.0-py3-none-any.whl") as wheel:
        assert wheel.namelist() == [
            "spam-1.0.dist-info/METADATA",
            "spam-1.0.dist-info/WHEEL",
            "spam-1.0.dist-info/entry_points.txt",
            "spam-1.0.dist-info/licenses/LICENSE",
            "spam-1.0.dist-info/licenses/licenses/other.txt",
            "spam-1.0.dist-info/selector.json",
            "spam-1.0.dist-info/RECORD",
        ]


def test_a_setting_that_names_the_project_is_handed_on(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path / "out", "--wheel", "-C", "spam:variant=cu12", "-C", "eggs:variant=x")
    with zipfile.ZipFile(tmp_path / "out/spam-1.0-py3-none-any.whl") as wheel:
        record = json.loads(wheel.read("spam-1.0.dist-info/selector.json"))
    assert (record["variants"], record["decided-by"]) == (["cu12"], "-C spam:variant")


def test_two_builds_are_the_same_to_the_byte(source: Path, tmp_path: Path) -> None:
    """Whatever the folder, the order of the files in it, the clock, the umask or the locale."""
    other = tmp_path / "elsewhere"
    shutil.copytree(source, other)
    for path in sorted(other.rglob("*"), reverse=True):
        if path.is_file():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
            path.chmod(0o600)
    build(source, tmp_path / "one")
    build(other, tmp_path / "two", LC_ALL="C", TZ="Asia/Tokyo", PYTHONHASHSEED="7")
    for name in ("spam-1.0.tar.gz", "spam-1.0-py3-none-any.whl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_sdist_alone_builds_the_same_wheel_and_sdist(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path / "out", "--sdist", "--wheel")
    with tarfile.open(tmp_path / "out/spam-1.0.tar.gz") as sdist:
        sdist.extractall(tmp_path / "unpacked")
    build(tmp_path / "unpacked/spam-1.0", tmp_path / "again", "--sdist", "--wheel")
    for name in ("spam-1.0.tar.gz", "spam-1.0-py3-none-any.whl"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_sdist_can_be_uploaded_and_the_wheel_cannot(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path / "out")
    sdist, wheel = tmp_path / "out/spam-1.0.tar.gz", tmp_path / "out/spam-1.0-py3-none-any.whl"
    with tarfile.open(sdist) as archive:
        member = archive.extractfile("spam-1.0/PKG-INFO")
        assert member is not None
        of_sdist = Metadata.from_email(member.read(), validate=True)
    with zipfile.ZipFile(wheel) as zipped:
        of_wheel = Metadata.from_email(zipped.read("spam-1.0.dist-info/METADATA"), validate=True)
    assert set(of_sdist.classifiers or ()) <= classifiers
    assert not set(of_wheel.classifiers or ()) <= classifiers
    assert of_sdist.dynamic == ["requires-dist", "classifier"]
    assert not of_sdist.requires_dist
    command = [sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel)]
    run(command, clean_environ(tmp_path / "home"))


def test_check_wheel_contents_finds_nothing_but_that_there_is_no_library(
    source: Path, tmp_path: Path
) -> None:
    build(source, tmp_path / "out", "--wheel")
    wheel = str(tmp_path / "out/spam-1.0-py3-none-any.whl")
    # W007 and W008 say that the wheel is empty, which is what it is meant to be.
    command = [sys.executable, "-m", "check_wheel_contents", "--ignore=W007,W008", wheel]
    run(command, clean_environ(tmp_path / "home"))
