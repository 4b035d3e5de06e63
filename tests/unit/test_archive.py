"""Sdist and wheel files: the same bytes from the same input, in the form that is specified."""

from __future__ import annotations

import base64
import calendar
import csv
import gzip
import hashlib
import io
import os
import random
import stat
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selector_backend.authoring.sdist import write_sdist
from selector_backend.errors import SelectorError
from selector_backend.installing.files import write_folder
from selector_backend.installing.wheel import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TAG = "py3-none-any"
FILES = {
    "METADATA": b"Metadata-Version: 2.1\nName: spam\nVersion: 1.0\n",
    "WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "licenses/LICENSE": "Grüße\r\n".encode(),
    "licenses/deep/a, b.txt": b"",
    "licenses/größe.txt": b"\x00\xff",
    "selector.json": b"{}\n",
}

Write = Callable[[Path, "Mapping[str, bytes]"], str]


def sdist(folder: Path, files: Mapping[str, bytes]) -> str:
    return write_sdist(folder, "spam-1.0", files)


def wheel(folder: Path, files: Mapping[str, bytes]) -> str:
    return write_wheel(folder, "spam-1.0", TAG, files)


@pytest.fixture(autouse=True)
def _no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture(params=[sdist, wheel], ids=["sdist", "wheel"])
def write(request: pytest.FixtureRequest) -> Write:
    chosen: Write = request.param
    return chosen


def build(write: Write, files: Mapping[str, bytes] = FILES) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return (Path(folder) / write(Path(folder), files)).read_bytes()


def names_and_times(data: bytes) -> list[tuple[str, int]]:
    """The files of an archive and the time of each."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [
                (one.filename, calendar.timegm((*one.date_time, 0, 0, 0)))
                for one in archive.infolist()
            ]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(one.name, int(one.mtime)) for one in archive.getmembers()]


# --- the same bytes from the same input


def test_the_clock_makes_no_difference(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(write)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.5)
    assert build(write) == before


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone cannot be changed here")
def test_the_time_zone_makes_no_difference(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def build_in(zone: str) -> bytes:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        return build(write)

    try:
        assert build_in("Pacific/Kiritimati") == build_in("America/Los_Angeles")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_the_umask_makes_no_difference(write: Write, umask: Callable[[int], int]) -> None:
    before = build(write)
    umask(0o077)
    assert build(write) == before


def test_the_working_directory_makes_no_difference(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build(write)
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / write(Path("dist"), FILES)).name == write(tmp_path, FILES)
    assert (tmp_path / "dist" / write(Path("dist"), FILES)).read_bytes() == before


@given(st.randoms(use_true_random=False))
def test_the_order_of_files_makes_no_difference(shuffle: random.Random) -> None:
    items = list(FILES.items())
    shuffle.shuffle(items)
    for one in (sdist, wheel):
        assert build(one, dict(items)) == build(one)


def test_what_is_in_a_file_makes_a_difference(write: Write) -> None:
    assert build(write, {**FILES, "selector.json": b"{ }"}) != build(write)


# --- SOURCE_DATE_EPOCH


@pytest.mark.parametrize("epoch", [315532800, 1700000000, 4294967294])
def test_the_time_that_was_asked_for_is_in_the_archive(
    write: Write, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(epoch))
    data = build(write)
    assert {found for _, found in names_and_times(data)} == {epoch}
    if write is sdist:
        assert struct.unpack("<I", data[4:8]) == (epoch,)


def test_a_time_that_a_zip_file_cannot_hold_becomes_the_first_that_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert {found for _, found in names_and_times(build(wheel))} == {315532800}
    assert {found for _, found in names_and_times(build(sdist))} == {0}


def test_an_empty_time_is_as_good_as_none(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(write)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert build(write) == before


@pytest.mark.parametrize("text", ["yesterday", "-1", "1.5", "99999999999999999999", "1e9", "0x10"])
def test_a_time_that_is_none_is_an_error_that_names_the_variable(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(SelectorError, match=r"SOURCE_DATE_EPOCH.*seconds since 1970") as caught:
        write(tmp_path, FILES)
    assert repr(text) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


# --- sdists


def test_an_sdist_is_a_folder_called_after_it(tmp_path: Path) -> None:
    name = sdist(tmp_path / "new" / "dist", FILES)
    assert name == "spam-1.0.tar.gz"
    with tarfile.open(tmp_path / "new" / "dist" / name) as archive:
        contents = {}
        for member in archive.getmembers():
            assert member.isfile()
            assert member.mode == 0o644
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            file = archive.extractfile(member)
            assert file is not None
            contents[member.name] = file.read()
    assert contents == {f"spam-1.0/{path}": data for path, data in FILES.items()}


def test_an_sdist_does_not_say_what_it_was_called_when_it_was_compressed(tmp_path: Path) -> None:
    data = (tmp_path / sdist(tmp_path, FILES)).read_bytes()
    assert data[3] & 0x08 == 0  # FNAME of RFC 1952
    assert gzip.decompress(data)


def test_a_path_of_any_length_is_kept_in_an_sdist(tmp_path: Path) -> None:
    path = "/".join(["a-long-folder"] * 20) + "/LICENSE"
    with tarfile.open(tmp_path / sdist(tmp_path, {path: b"x"})) as archive:
        assert archive.getnames() == [f"spam-1.0/{path}"]


# --- wheels


def test_a_wheel_holds_nothing_but_a_dist_info(tmp_path: Path) -> None:
    name = wheel(tmp_path, FILES)
    assert name == "spam-1.0-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert archive.testzip() is None
        expected = {f"spam-1.0.dist-info/{path}": data for path, data in FILES.items()}
        found = {path: archive.read(path) for path in archive.namelist()}
        record = found.pop("spam-1.0.dist-info/RECORD")
        assert found == expected
        for info in archive.infolist():
            assert stat.S_IMODE(info.external_attr >> 16) == 0o644
            assert stat.S_ISREG(info.external_attr >> 16)
    assert record


def _check_record(record: bytes, files: Mapping[str, bytes]) -> None:
    rows = list(csv.reader(io.StringIO(record.decode("utf-8"))))
    assert [row[0] for row in rows if row[1:] == ["", ""]] == ["spam-1.0.dist-info/RECORD"]
    assert len(rows) == len(files)
    for path, digest, size in rows:
        if path == "spam-1.0.dist-info/RECORD":
            continue
        algorithm, _, encoded = digest.partition("=")
        assert algorithm == "sha256"
        assert "=" not in encoded
        padded = encoded + "=" * (-len(encoded) % 4)
        assert base64.urlsafe_b64decode(padded) == hashlib.sha256(files[path]).digest()
        assert int(size) == len(files[path])


def test_the_record_of_a_wheel_has_the_hash_and_size_of_every_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / wheel(tmp_path, FILES)) as archive:
        files = {path: archive.read(path) for path in archive.namelist()}
    _check_record(files["spam-1.0.dist-info/RECORD"], files)


_paths = st.lists(
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='/\\:*?"<>|'),
        min_size=1,
        max_size=8,
    ).filter(lambda name: name.strip(". ") == name and name.upper() != "RECORD"),
    min_size=1,
    max_size=3,
).map("/".join)


@given(st.dictionaries(_paths, st.binary(max_size=20), max_size=4))
def test_files_of_any_name_and_content_are_recorded(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(build(wheel, files))) as archive:
        found = {path: archive.read(path) for path in archive.namelist()}
    _check_record(found["spam-1.0.dist-info/RECORD"], found)
    assert len(found) == len(files) + 1


def test_the_tag_in_the_files_name_can_differ(tmp_path: Path) -> None:
    name = write_wheel(tmp_path, "spam-1.0", "py3-none-selected_cu12", FILES)
    assert name == "spam-1.0-py3-none-selected_cu12.whl"


def test_an_installer_accepts_the_wheel(tmp_path: Path) -> None:
    sources = pytest.importorskip("installer.sources")
    name = wheel(tmp_path, FILES)
    with sources.WheelFile.open(tmp_path / name) as source:
        source.validate_record()
        assert (source.distribution, source.version) == ("spam", "1.0")
        assert set(source.dist_info_filenames) == {*FILES, "RECORD"}
        for (path, digest, size), stream, executable in source.get_contents():
            data = stream.read()
            assert not executable
            assert path.startswith("spam-1.0.dist-info/")
            assert digest == "" or int(size) == len(data)


def test_an_installer_installs_the_wheel(tmp_path: Path) -> None:
    installer = pytest.importorskip("installer")
    destinations = pytest.importorskip("installer.destinations")
    sources = pytest.importorskip("installer.sources")
    files = {**FILES, "entry_points.txt": b"[console_scripts]\nspam = spam_core.cli:main\n"}
    name = wheel(tmp_path, files)
    site = tmp_path / "site"
    schemes = ("purelib", "platlib", "headers", "scripts", "data")
    destination = destinations.SchemeDictionaryDestination(
        {**dict.fromkeys(schemes, str(site)), "scripts": str(tmp_path / "bin")},
        interpreter=sys.executable,
        script_kind="posix",
    )
    with sources.WheelFile.open(tmp_path / name) as source:
        installer.install(source, destination, additional_metadata={"INSTALLER": b"test"})
    for path, data in files.items():
        assert (site / "spam-1.0.dist-info" / path).read_bytes() == data
    assert (tmp_path / "bin" / "spam").is_file()


# --- folders


def test_a_folder_is_written_with_its_folders(tmp_path: Path) -> None:
    folder = tmp_path / "metadata" / "spam-1.0.dist-info"
    assert write_folder(folder, FILES) == "spam-1.0.dist-info"
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == FILES
