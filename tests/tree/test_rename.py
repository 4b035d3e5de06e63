"""`selector-backend rename`: finished wheels, of which nothing but the name changes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename
from support.command import COMMAND, error, lines
from support.environment import clean_environ, run
from support.project import hook_environ, write_wheel
from support.tree import contents, wheel_metadata, write_tree

TREE = """\
[tool.selector]
backend = "flit_core.buildapi"

[[tool.selector.variant]]
name = "cu12"
dependencies = [
  "nvidia-runtime>={version}; sys_platform == 'linux'",
  "torch=={built:torch:2}.*",
  "eggs[large]>={built:torch}",
]

[[tool.selector.variant]]
name = "cpu"

[[tool.selector.variant]]
name = "none"
refuse = "There is no spam for this."
"""

METADATA = """\
Metadata-Version: 2.4
NAME: Spam
Version: 1.0
Summary: Späm,
        in two lines
Requires-Dist: spam[plot]
Requires-Dist: spamalot>=1
Requires-Dist: spam-core
Provides-Extra: plot
Requires-Dist: eggs; extra == 'plot'
Provides-Extra: all
Requires-Dist: SPAM [plot,all] >=1 ; python_version > '3' and extra == 'all'

Name: spam
Requires-Dist: spam
"""

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: cp312-abi3-linux\n"


def digest(content: bytes) -> str:
    text = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
    return f"sha256={text.rstrip('=')}"


def write(
    folder: Path,
    file: str = "spam-1.0-1local-cp312-abi3-manylinux_2_28_x86_64.manylinux_2_17_x86_64.whl",
    *,
    stem: str = "spam-1.0",
    more: dict[str, str] | None = None,
    without: str = "",
    text: str = METADATA,
) -> Path:
    """Write a wheel with all that a wheel may have."""
    files = {
        "spam/__init__.py": b"import sys\n",
        "spam/_native.abi3.so": b"\x7fELF" + bytes(range(256)) * 40,
        "spam.libs/libspam-1.0.so": b"library",
        f"{stem}.data/scripts/spam": b"#!python\n",
        f"{stem}.data/purelib/a, b.py": b"",
        f"{stem}.dist-info/METADATA": text.encode(),
        f"{stem}.dist-info/WHEEL": WHEEL.encode(),
        f"{stem}.dist-info/entry_points.txt": b"[console_scripts]\nspam = spam:main\n",
        f"{stem}.dist-info/licenses/spam-1.0.dist-info/LICENSE": b"MIT\n",
        **{path: content.encode() for path, content in (more or {}).items()},
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    rows.writerows((path, digest(content), len(content)) for path, content in files.items())
    rows.writerow((f"{stem}.dist-info/RECORD", "", ""))
    files[f"{stem}.dist-info/RECORD"] = record.getvalue().encode()
    files.pop(without, None)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / file, "w") as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path, (2021, 5, 4, 3, 2, 0))
            info.external_attr = (0o100755 if path.endswith((".so", "/spam")) else 0o100644) << 16
            info.compress_type = zipfile.ZIP_STORED if "libs" in path else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return folder / file


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree") / "spam", table=TREE)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def rename(tree: Path, out: Path, *arguments: str | Path) -> list[Path]:
    built = ("--built", "Torch=2.9.1+cu128")
    options = ("--project", tree, "--outdir", out, *built)
    return [Path(line) for line in lines("rename", *arguments, *options)]


def test_the_name_changes_in_the_file_the_folders_and_the_metadata(
    tree: Path, tmp_path: Path, out: Path
) -> None:
    wheel = write(tmp_path)
    (renamed,) = rename(tree, out, wheel, "--variant", "cu12")
    assert renamed == out / wheel.name.replace("spam", "spam_cu12", 1)
    assert [*out.iterdir()] == [renamed]
    was, now = contents(wheel), contents(renamed)
    assert list(now) == [
        path.replace("spam-1.0.", "spam_cu12-1.0.", 1) if path.startswith("spam-1.0.") else path
        for path in was
    ]
    for path, other in zip(was, now):
        if not path.endswith(("dist-info/METADATA", "dist-info/RECORD")):
            assert now[other] == was[path]
    assert now["spam_cu12-1.0.dist-info/METADATA"].decode() == (
        METADATA.replace("NAME: Spam", "NAME: spam-cu12")
        .replace("Requires-Dist: spam[plot]", "Requires-Dist: spam-cu12[plot]", 1)
        .replace("SPAM [plot", "spam-cu12 [plot")
        .replace(
            "\n\n",
            "\nRequires-Dist: nvidia-runtime>=1.0; sys_platform == 'linux'\n"
            "Requires-Dist: torch==2.9.*\n"
            "Requires-Dist: eggs[large]>=2.9.1\n\n",
        )
    )


def test_the_record_is_true(tree: Path, tmp_path: Path, out: Path) -> None:
    (renamed,) = rename(tree, out, write(tmp_path), "--variant", "cu12")
    files = contents(renamed)
    (record,) = (files.pop(path) for path in list(files) if path.endswith("RECORD"))
    *rows, own = csv.reader(io.StringIO(record.decode()))
    assert own == ["spam_cu12-1.0.dist-info/RECORD", "", ""]
    assert rows == [[path, digest(one), str(len(one))] for path, one in files.items()]


def test_modes_dates_and_compression_stay(tree: Path, tmp_path: Path, out: Path) -> None:
    wheel = write(tmp_path)
    (renamed,) = rename(tree, out, wheel, "--variant", "cu12")

    def kept(path: Path) -> list[tuple[object, ...]]:
        with zipfile.ZipFile(path) as archive:
            return [(i.external_attr, i.date_time, i.compress_type) for i in archive.infolist()]

    assert kept(renamed) == kept(wheel)
    assert (renamed.stat().st_mode & 0o777) == (wheel.stat().st_mode & 0o777)


def test_line_ends_of_the_metadata_stay(tree: Path, tmp_path: Path, out: Path) -> None:
    wheel = write(tmp_path, text=METADATA.replace("\n", "\r\n"))
    (renamed,) = rename(tree, out, wheel, "--variant", "cu12")
    content = contents(renamed)["spam_cu12-1.0.dist-info/METADATA"]
    assert content.count(b"\n") == content.count(b"\r\n") == METADATA.count("\n") + 3


def test_metadata_without_a_description_or_requirements_get_them(
    tree: Path, tmp_path: Path, out: Path
) -> None:
    wheel = write(tmp_path, text="Metadata-Version: 2.1\nName: spam\nVersion: 1.0")
    (renamed,) = rename(tree, out, wheel, "--variant", "cu12")
    required = wheel_metadata(renamed).get_all("Requires-Dist")
    assert required is not None
    assert required[1:] == ["torch==2.9.*", "eggs[large]>=2.9.1"]


def test_several_wheels_at_once(tree: Path, tmp_path: Path, out: Path) -> None:
    names = [f"spam-1.0-cp31{n}-cp31{n}-{p}.whl" for n in (1, 2) for p in ("win_amd64", "any")]
    wheels = [write(tmp_path, name) for name in names]
    written = lines("rename", *wheels, "--variant=CPU", "--project", tree, "--outdir", out)
    assert written == [str(out / name.replace("spam", "spam_cpu", 1)) for name in names]
    for path in written:
        name, version, _, _ = parse_wheel_filename(Path(path).name)
        assert (name, str(version)) == ("spam-cpu", "1.0")


def test_a_variant_without_dependencies_gets_none_and_needs_no_built(
    tree: Path, tmp_path: Path, out: Path
) -> None:
    wheel = write(tmp_path)
    lines("rename", wheel, "--variant", "cpu", "--project", tree, "--outdir", out)
    (renamed,) = out.iterdir()
    was, now = wheel_metadata(wheel), wheel_metadata(renamed)
    assert now["Name"] == "spam-cpu"
    assert len(now.get_all("Requires-Dist") or []) == len(was.get_all("Requires-Dist") or [])


def test_an_installer_takes_it_and_each_file_of_its_record_is_there(
    tree: Path, tmp_path: Path, out: Path
) -> None:
    (renamed,) = rename(
        tree, out, write_wheel(tmp_path, "spam", files={"spam.py": "a = 1\n"}), "--variant", "cu12"
    )
    target = tmp_path / "target"
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", *options, str(renamed)]
    run(command, clean_environ(tmp_path / "home"))
    assert (target / "spam.py").is_file()
    assert (target / "spam_cu12-1.0.dist-info/RECORD").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stem": "spam-2.0"}, "its spam-2.0.dist-info is not of spam 1.0"),
        ({"stem": "eggs-1.0"}, "its eggs-1.0.dist-info is not of spam 1.0"),
        ({"text": METADATA.replace("Spam", "eggs")}, "is of eggs; expected one of spam"),
        ({"text": "Summary: nothing\n"}, "no core metadata"),
        ({"more": {"eggs-1.0.dist-info/METADATA": ""}}, "found eggs-1.0.dist-info, spam-1.0"),
        (
            {"more": {"spam_cu12-1.0.data/x": "", "Spam-1.0.data/x": "", "spam-1.0.data/x": ""}},
            "one name",
        ),
        ({"without": "spam-1.0.dist-info/METADATA"}, "no METADATA"),
        ({"without": "spam-1.0.dist-info/WHEEL"}, "no WHEEL"),
        ({"without": "spam-1.0.dist-info/RECORD"}, "no RECORD"),
        ({"file": "eggs-1.0-py3-none-any.whl"}, "is of eggs; expected one of spam"),
        ({"file": "spam_cu12-1.0-py3-none-any.whl"}, "is of spam_cu12 already"),
        ({"file": "spam.whl"}, "is not named as wheels are"),
    ],
)
def test_what_is_no_wheel_of_the_project_is_one_message_and_nothing_is_written(
    tree: Path, tmp_path: Path, out: Path, change: dict[str, object], message: str
) -> None:
    options = ("--variant", "cu12", "--project", tree, "--outdir", out, "--built", "torch=2")
    wheel = write(tmp_path, **change)  # type: ignore[arg-type]
    there = out / "spam_cu12-1.0-py3-none-any.whl"
    out.mkdir()
    there.write_bytes(b"of before")
    said = error("rename", wheel, *options, status=1)
    assert message in said
    assert said.count("\n") == 1
    assert [*out.iterdir()] == [there]
    assert there.read_bytes() == b"of before"


def test_a_wheel_that_is_damaged_or_none_is_one_message(
    tree: Path, tmp_path: Path, out: Path
) -> None:
    whole = write(tmp_path, "spam-1.0-py3-none-any.whl").read_bytes()
    position = whole.index(b"spam/_native.abi3.so") + 60
    flipped = whole[:position] + bytes([whole[position] ^ 255]) + whole[position + 1 :]
    options = ("--variant", "cpu", "--project", tree, "--outdir", out)
    for content in (b"", b"not a zip", whole[: len(whole) // 2], flipped):
        wheel = tmp_path / "spam-1.0-py3-none-any.whl"
        wheel.write_bytes(content)
        assert "not a wheel that can be renamed" in error("rename", wheel, *options, status=1)
        assert not out.exists() or not [*out.iterdir()]


def test_a_name_twice_in_the_archive_is_one_message(tree: Path, tmp_path: Path, out: Path) -> None:
    wheel = write(tmp_path, "spam-1.0-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("spam/__init__.py", b"another")
    options = ("--variant", "cpu", "--project", tree, "--outdir", out)
    assert "several files of the name" in error("rename", wheel, *options, status=1)


def test_what_cannot_be_done_says_what_can(tree: Path, tmp_path: Path, out: Path) -> None:
    wheel, options = write(tmp_path), ("--project", tree, "--outdir", out)
    said = error("rename", wheel, "--variant", "cu12", *options, status=1)
    assert "--built torch=1.0" in said
    said = error("rename", wheel, "--variant", "cu21", *options, status=1)
    assert "did you mean 'cu12'? Its variants are cu12, cpu" in said
    assert "is not a variant" in error("rename", wheel, "--variant", "none", *options, status=1)
    said = error("rename", wheel, "--variant", "cu12", *options, "--built", "torch")
    assert "torch=2.9.1" in said
    said = error("rename", wheel, "--variant", "cu12", *options, "--built", "torch=x", status=1)
    assert "'x' is not a version" in said
    gone = tmp_path / "gone.whl"
    assert "no such file" in error("rename", gone, "--variant", "cpu", *options)


def test_a_file_that_cannot_be_replaced_is_the_one_named(
    tree: Path, tmp_path: Path, out: Path
) -> None:
    there = out / "spam_cpu-1.0-py3-none-any.whl"
    there.mkdir(parents=True)
    options = ("--variant", "cpu", "--project", tree, "--outdir", out)
    wheel = write(tmp_path, "spam-1.0-py3-none-any.whl")
    assert error("rename", wheel, *options, status=1) == f"error: {there}: Is a directory\n"
    assert [*out.iterdir()] == [there]


@pytest.mark.nightly
@pytest.mark.parametrize(("size", "limit"), [(300, 250), (5 << 10, 1 << 10)])
def test_a_wheel_larger_than_memory_is_renamed(
    tree: Path, tmp_path: Path, out: Path, size: int, limit: int
) -> None:
    """By a process that may have ``limit`` MiB, where the wheel has ``size``."""
    wheel = write(tmp_path, "spam-1.0-py3-none-any.whl")
    with (
        zipfile.ZipFile(wheel, "a") as archive,
        archive.open("spam/large.bin", "w", force_zip64=True) as file,
    ):
        for _ in range(size):
            file.write(bytes(1 << 20))
    process = subprocess.run(
        [*COMMAND, "rename", wheel, "--variant", "cpu", "--project", tree, "--outdir", out],
        env=hook_environ(),
        check=False,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit << 20, limit << 20)),
    )
    assert process.returncode == 0, process.stderr
    renamed = out / "spam_cpu-1.0-py3-none-any.whl"
    with zipfile.ZipFile(renamed) as archive:
        assert archive.getinfo("spam/large.bin").file_size == size << 20
    wheel.unlink()
    renamed.unlink()
