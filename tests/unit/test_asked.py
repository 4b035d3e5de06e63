"""What a command asks for beside the package, by its words and its files, whatever is there."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selector_backend.installing.asked import LARGEST_FILE, read_asked, read_text, with_asked
from selector_backend.model.decision import Request
from selector_backend.model.purpose import Installation, Purpose
from selector_backend.model.table import REQUIREMENT, Selector, Variant

NAMES = {"spam-cpu", "spam-cu12"}
HERE = f"sys_platform == {sys.platform!r}"


def asked(*words: str, files: tuple[str, ...] = (), folder: str | Path = "") -> list[str]:
    """Return who asks for what, without the command line's own words for it."""
    installation = Installation(requirements=words, files=files, started_in=str(folder))
    sources = [one.source for one in read_asked(installation, NAMES)]
    return [one.replace("the command line: ", "") for one in sources]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("spam-cpu", "spam-cpu"),
        ("Spam_CPU", "Spam_CPU"),
        ("spam.cpu[plot]  >=1, <2", "spam.cpu[plot] >=1, <2"),
        ("spam-cpu[a,b]==1.0", "spam-cpu[a,b]==1.0"),
        (f"spam-cpu==1.0 ; {HERE}", "spam-cpu==1.0"),
        ("spam-cpu @ https://me:secret@host/x.whl", "spam-cpu"),
        (f"spam-cpu@file:///a;b ; {HERE}", "spam-cpu"),
        ("spam-cpu[plot] @ https://host/x.whl", "spam-cpu[plot]"),
        ("./dist/spam_cpu-1.0-py3-none-any.whl", "spam_cpu"),
        ("spam_cpu-1.0-py3-none-any.whl[plot]", "spam_cpu"),
        ("https://me:secret@host/spam-cpu-1.0.tar.gz#sha256=0", "spam-cpu"),
        ("git+https://host/x.git@v1#subdirectory=y&egg=spam-cpu", "spam-cpu"),
    ],
)
def test_a_requirement_is_read_however_it_is_written(word: str, expected: str) -> None:
    assert asked(word) == [expected]


@pytest.mark.parametrize(
    "word",
    [
        *("spam", "spam-core", "spam-cpu-extra", "spam-cu11", ".", "-", "", "./spam-cpu"),
        *("spam-cpu; sys_platform == 'plan9'", "spam-cpu; extra == 'x'", "spam-cpu; not a marker"),
        *("spam-cpu @ https://host/x ; sys_platform == 'plan9'", "spam-cpu" + " " * 2000),
        *("https://host/spam-cpu", "spam-cpu=1 or so & more", "-spam-cpu"),
    ],
)
def test_what_is_not_asked_for_here_asks_for_nothing(word: str) -> None:
    assert asked(word) == []


def test_files_name_files(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "a.txt").write_text(
        "# spam-cpu\n-r more/b.txt  # others\n-c pins.txt\n--constraint=pins.txt\n"
        "-r a.txt\n--index-url https://host/spam-cpu\n-e ./spam-cpu\n"
    )
    (tmp_path / "pins.txt").write_text("spam-cpu==1.0\n")
    (tmp_path / "more/b.txt").write_text("--requirement 'c d.txt'\n-r ../a.txt\n")
    (tmp_path / "more/c d.txt").write_text(
        "spam-cu12==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    )
    assert asked(files=("a.txt",), folder=tmp_path) == ["c d.txt: spam-cu12==1.0"]
    assert asked(files=(str(tmp_path / "a.txt"),)) == ["c d.txt: spam-cu12==1.0"]
    assert asked(files=("a.txt",)) == []  # where the command was started is not known


def test_the_locks_of_a_standard_are_read(tmp_path: Path) -> None:
    (tmp_path / "pylock.gpu.toml").write_text(
        '[[packages]]\nname = "spam-cpu"\nversion = "1.0"\nmarker = "sys_platform == \'plan9\'"\n'
        '[[packages]]\nname = "spam-cu12"\nversion = "1.1"\n[[packages]]\nname = "spam"\n'
    )
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["spam", "spam-cpu"]\n')
    files = ("pylock.gpu.toml", "pyproject.toml")
    expected = ["pylock.gpu.toml: spam-cu12==1.1", "pyproject.toml: spam-cpu"]
    assert asked(files=files, folder=tmp_path) == expected


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such files")
def test_what_could_wait_or_is_somebody_elses_is_not_read(tmp_path: Path) -> None:
    requirement = b"spam-cpu\n"
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large.txt").write_bytes(requirement + b"#" * LARGEST_FILE)
    (tmp_path / "stdin").symlink_to("/dev/stdin")
    file = tmp_path / "there.txt"
    file.write_bytes(requirement)
    (tmp_path / "link.txt").symlink_to(file)
    (tmp_path / "loop").symlink_to("loop")
    with file.open("rb") as opened:
        descriptor = opened.fileno()
        paths = [f"/dev/fd/{descriptor}", f"/proc/self/fd/{descriptor}", "/dev/stdin", "/dev/zero"]
        paths += [
            "fifo",
            "large.txt",
            "stdin",
            "loop",
            "missing",
            ".",
            "-",
            "a\0b",
            f"file://{file}",
        ]
        assert asked(files=tuple(paths), folder=tmp_path) == []
    assert asked(files=("link.txt",), folder=tmp_path) == ["link.txt: spam-cpu"]


_WORDS = st.sampled_from(
    [
        *("spam-cpu", "-r", "--requirement=", "spam", " ", "\n", "\\", "#", ";", "@", "[", "]"),
        *("'", '"', "==1.0", "-1.0", ".whl", "egg=", "/", "[[packages]]", "name", "=", "--x"),
    ]
)


@given(st.lists(_WORDS | st.text(max_size=8), max_size=40).map("".join), st.booleans())
@example("#egg=" * 200 + "-1.whl" * 200, False)
@example("spam-cpu" + "[" * 900, False)
@example("-r " + "a" * 5000, False)
@example("packages = " + "[" * 5000, True)
def test_no_text_breaks_it(text: str, toml: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        name = "pylock.toml" if toml else "requirements.txt"
        Path(folder, name).write_bytes(text.encode("utf-8", "surrogatepass"))
        asked(text, files=(name, text), folder=folder)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])  # PowerShell 5.1 writes the second
def test_a_mark_of_the_encoding_is_no_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_text("spam-cpu", encoding=encoding)
    assert read_text(str(tmp_path / "a.txt")) == "spam-cpu"


def table(*requirements: str) -> Selector:
    """Return a table with a variant for each requirement, or for each several."""
    variants = [
        Variant(f"v{number}", tuple(text.split(" & "))) for number, text in enumerate(requirements)
    ]
    return Selector("spam", "1.0", REQUIREMENT, "SPAM_VARIANT", tuple(variants))


@pytest.mark.parametrize(
    ("requirements", "words", "expected"),
    [
        (("jax[cuda12]==1.0", "jax==1.0"), ("jax[CUDA12]",), ("v0",)),
        (("jax[cuda12]==1.0", "jax==1.0"), ("jax",), ()),
        (("torch==2.9+cu128", "torch==2.9+cpu"), ("torch==2.9+cpu",), ("v1",)),
        (("torch==2.9+cu128", "torch==2.9+cpu"), ("torch==2.9",), ()),
        (("spam-gpu & cublas", "spam-cpu"), ("cublas", "spam-cpu"), ("v1",)),
        (("plugin & cublas", "other"), ("cublas",), ()),
        (("plugin & cublas", "other"), ("cublas", "plugin"), ("v0",)),
        (("spam-cpu; extra == 'x'", "spam-gpu"), ("spam-cpu",), ()),
        (("spam-a; sys_platform == 'plan9' & spam-b", "spam-gpu"), ("spam-b",), ("v0",)),
    ],
)
def test_a_variant_is_asked_for_by_all_that_stands_for_it(
    requirements: tuple[str, ...], words: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    installation = Installation(purpose=Purpose.INSTALL, requirements=("spam", *words))
    assert with_asked(table(*requirements), Request(), installation).variants == expected
