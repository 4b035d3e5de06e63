"""`selector-backend check --dist DIR`: whether a folder is a whole release."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from support.command import data, error, lines
from support.project import CUDA, build_sdist, write_project, write_wheel

TABLE = CUDA.replace("[tool.selector]", '[tool.selector]\nrequires = ["spam-core=={version}"]')
VARIANTS = ("cpu", "cu11", "cu12")
ANY = "py3-none-any.whl"


def write_release(folder: Path, table: str = TABLE) -> Path:
    """Write a project, and beside it a folder with all its distributions."""
    project = write_project(folder / "spam", table, more='requires-python = ">=3.9"\n')
    build_sdist(project, folder / "dist")
    write_wheel(folder / "dist", "spam-core")
    for variant in VARIANTS:
        write_wheel(folder / "dist", f"spam-{variant}", requires=("spam-core==1.0",))
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def dist(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built / "dist", tmp_path / "dist")
    return tmp_path / "dist"


def found(dist: Path, *arguments: str | Path) -> list[str]:
    """Return what is wrong, without the beginning that all lines have."""
    written = lines("check", *arguments, "--dist", dist, status=1)
    return [one.removeprefix("error: ") for one in written]


def test_a_whole_release_is_uploaded_with_core_first_and_the_selector_last(built: Path) -> None:
    expected = [
        f"spam_core-1.0-{ANY}",
        *(f"spam_{variant}-1.0-{ANY}" for variant in VARIANTS),
        "spam-1.0.tar.gz",
    ]
    written = lines("check", built / "spam", "--dist", built / "dist")
    assert written == ["no problems found", "upload, in this order:", *(f"  {x}" for x in expected)]
    assert data("check", "--dist", built / "dist") == {
        "format": 1,
        "upload": [expected[:1], expected[1:4], expected[4:]],
        "problems": [],
        "notes": [],
    }


def test_a_part_that_is_missing_is_named(dist: Path) -> None:
    (dist / f"spam_cu11-1.0-{ANY}").unlink()
    (dist / f"spam_core-1.0-{ANY}").unlink()
    assert found(dist) == [
        "spam-cu11: found no wheel; cu11 requires spam-cu11==1.0",
        "spam-core: found no wheel; the table requires spam-core==1.0",
    ]
    assert data("check", "--dist", dist, status=1)["upload"] is None


def test_a_platform_without_a_wheel_is_named(dist: Path) -> None:
    cu12 = dist / f"spam_cu12-1.0-{ANY}"
    for platform in ("win_amd64", "manylinux_2_17_x86_64"):
        shutil.copy(cu12, dist / f"spam_cu12-1.0-py3-none-{platform}.whl")
    cu12.unlink()
    assert found(dist) == [
        "spam-cu12: no wheel for Linux on aarch64 with glibc 2.17; a machine there may get cu12, "
        "and can install cu11 and cpu: build it, or restrict its 'when'"
    ]


def test_a_platform_that_the_public_index_refuses_is_noted(dist: Path) -> None:
    for platform in ("linux_x86_64", "linux_armv7l"):
        shutil.copy(dist / f"spam_cpu-1.0-{ANY}", dist / f"spam_cpu-1.0-py3-none-{platform}.whl")
    assert lines("check", "--dist", dist)[0] == (
        "note: spam_cpu-1.0-py3-none-linux_x86_64.whl: the public index refuses the platform "
        "linux_x86_64; repair it with auditwheel, which makes it manylinux"
    )


def test_a_version_that_differs_is_named(dist: Path) -> None:
    write_wheel(dist, "spam-cpu", "1.1", requires=("spam-core==1.1",))
    write_wheel(dist, "spam-cu12", "1.0.post1", requires=("spam-core==1.0",))
    (dist / f"spam_cu12-1.0-{ANY}").unlink()
    assert found(dist) == [
        f"spam_cpu-1.1-{ANY}: is of version 1.1, and cpu requires spam-cpu==1.0",
        f"spam_cu12-1.0.post1-{ANY}: is of version 1.0.post1, and cu12 requires spam-cu12==1.0",
        "spam-cu12: found no wheel; cu12 requires spam-cu12==1.0",
    ]


def test_an_sdist_that_is_older_than_the_table_is_named(dist: Path, tmp_path: Path) -> None:
    """The table of the sdist is compared with the project's, or else with the wheels that exist."""
    newer = TABLE.replace('"cu11"', '"cu13"').replace(">=11.2", ">=13")
    project = write_project(tmp_path / "newer", newer, more='requires-python = ">=3.9"\n')
    assert found(dist, project) == [
        'spam-1.0.tar.gz: variants: the table says ["cu12", "cu11", "cpu"], pyproject.toml says '
        '["cu12", "cu13", "cpu"]; build it again'
    ]
    (dist / f"spam_cu11-1.0-{ANY}").unlink()
    write_wheel(dist, "spam-cu13", requires=("spam-core==1.0",))
    assert found(dist) == [
        "spam-cu11: found no wheel; cu11 requires spam-cu11==1.0",
        f"note: spam_cu13-1.0-{ANY}: belongs to no part of spam, and is not listed for upload",
    ]


def test_a_wheel_of_the_selector_package_itself_is_never_to_be_uploaded(dist: Path) -> None:
    write_wheel(dist, "spam")
    (problem,) = found(dist)
    assert problem.startswith(f"spam-1.0-{ANY}: is a wheel of spam itself, which must never be")


def test_two_variants_that_stand_side_by_side_may_have_no_file_in_common(tmp_path: Path) -> None:
    table = TABLE.replace("[tool.selector]", '[tool.selector]\nkind = "capability"')
    dist = write_release(tmp_path, table) / "dist"
    for variant in ("cpu", "cu12"):
        write_wheel(dist, f"spam-{variant}", files={"spam/__init__.py": "", f"{variant}.py": ""})
    assert found(dist) == [
        "spam-cu12: has files that spam-cpu also has, and one would be written over the other: "
        "spam/__init__.py"
    ]


@pytest.mark.parametrize(
    ("cu12", "cu11", "cpu", "noted"),
    [
        ("aaa==3", "aaa==3", "aaa==4", ["cu12", "cu11"]),
        ("aaa<2", "aaa", "aaa>=2,<3", ["cu12"]),
        # Where one of them can be chosen, so can the other; or a version is in both.
        ("aaa==3", "aaa==4", "bbb==3", []),
        ("aaa==3.*", "aaa>=1", "aaa>=3.5", []),
        ("aaa==3; extra == 'x'", "aaa", "aaa==4", []),
    ],
)
def test_requirements_that_one_lock_cannot_have_are_noted(
    tmp_path: Path, cu12: str, cu11: str, cpu: str, noted: list[str]
) -> None:
    dist = write_release(tmp_path) / "dist"
    for variant, required in (("cu12", cu12), ("cu11", cu11), ("cpu", cpu)):
        write_wheel(dist, f"spam-{variant}", requires=("spam-core==1.0", required))
    written = lines("check", "--dist", dist)
    notes = [one for one in written if one.startswith("note: ")]
    assert [one.split(": ")[1] for one in notes] == noted
    for note in notes:
        assert "cannot lock both for all platforms" in note
        assert "SELECTOR_PLATFORMS=here" in note


def test_two_files_of_one_distribution_are_the_same(dist: Path, tmp_path: Path) -> None:
    first = dist / f"spam_cpu-1.0-{ANY}"
    shutil.copy(first, dist / f"spam_cpu-1.0-1-{ANY}")
    assert lines("check", "--dist", dist)[0] == "no problems found"
    other = write_wheel(tmp_path, "spam-cpu", files={"_spam_cpu.py": "another"})
    other.replace(dist / f"spam_cpu-1.0-1-{ANY}")
    assert found(dist) == [
        f"spam_cpu-1.0-{ANY}: is spam-cpu 1.0 for the same machines, with other contents than "
        f"spam_cpu-1.0-1-{ANY}; keep one of them"
    ]


def rewrite(wheel: Path, *, without: str = "", **changes: bytes) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if not without or not name.endswith(without):
                archive.writestr(name, changes.get(name.rpartition("/")[2], content))


def test_files_that_cannot_be_what_they_are_called_are_named_in_a_line_each(dist: Path) -> None:
    cpu = dist / f"spam_cpu-1.0-{ANY}"
    names = ("a", "b", "c", "d", "e", "g", "h")
    wheels = {name: dist / f"spam_cpu-1.0-1{name}-{ANY}" for name in names}
    for wheel in wheels.values():
        shutil.copy(cpu, wheel)
    wheels["a"].write_bytes(b"not a zip")
    rewrite(wheels["b"], METADATA=b"Metadata-Version: 2.1\nName: spam-cu12\nVersion: 1.0\n")
    rewrite(wheels["c"], METADATA=b"Metadata-Version: 2.1\nName: spam-cpu\nVersion: 1.1\n")
    rewrite(wheels["d"], without="RECORD")
    rewrite(wheels["e"], without=".dist-info/METADATA")
    rewrite(wheels["g"], RECORD=b"\xff\xff")
    rewrite(wheels["h"], METADATA=b"Name: spam-cpu\nVersion: 1.0\nRequires-Dist: ??\n")
    shutil.copy(cpu, dist / f"spam_gpu-1.0-{ANY}")
    (dist / "spam-cpu.whl").write_bytes(b"")
    (dist / "spam_cpu-1.0.tar.gz").write_bytes(b"not gzip")
    os.mkfifo(dist / "spam_pipe.whl")
    written = found(dist)
    beginnings = {
        wheels["a"].name: "File is not a zip file",
        wheels["b"].name: "METADATA says spam-cu12 1.0, and the file's name spam-cpu 1.0;",
        wheels["c"].name: "METADATA says spam-cpu 1.1, and the file's name spam-cpu 1.0;",
        wheels["d"].name: "its .dist-info has no RECORD",
        wheels["e"].name: "its .dist-info has no METADATA",
        wheels["g"].name: "'utf-8' codec can't decode",
        wheels["h"].name: "Expected",
        f"spam_gpu-1.0-{ANY}": "METADATA says spam-cpu 1.0, and the file's name spam-gpu 1.0;",
        "spam-cpu.whl": "",
        "spam_cpu-1.0.tar.gz": "not a gzip file",
        "spam_pipe.whl": "it is not a file",
    }
    assert len(written) == len(beginnings), written
    for file, beginning in beginnings.items():
        assert (
            sum(one.startswith(f"{file}: cannot be read: {beginning}") for one in written) == 1
        ), (
            file,
            written,
        )


def test_a_damaged_sdist_is_named(dist: Path, built: Path) -> None:
    sdist = dist / "spam-1.0.tar.gz"
    sdist.write_bytes(sdist.read_bytes()[:-200])
    _, damaged = found(dist, built / "spam")
    assert damaged == "spam-1.0.tar.gz: cannot be read: it ends too early"
    sdist.unlink()
    (second,) = found(dist)
    assert second.endswith(
        "found no sdist of the selector package; build it: python -m build --sdist"
    )


def test_what_is_no_folder_of_a_release_is_a_mistake_in_the_command(tmp_path: Path) -> None:
    assert "no such folder" in error("check", "--dist", tmp_path / "none")
    index = ("--index", "https://index.example/")
    assert "leave out --index" in error("check", "--dist", tmp_path, *index)
