"""`selector-backend init`: what it writes is a project that works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import MakeEnvironment
from support.command import command, data, error, lines, terminal
from support.environment import ROOT
from support.index import Index
from support.project import build_sdist

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

USUAL = ("--variant", "cu12", "--variant", "cpu")


def tree(folder: Path) -> dict[str, str]:
    """Return the texts of all files in a folder."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(folder: Path, name: str = "spam") -> Any:
    text = (folder / name / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["tool"]["selector"]


@pytest.mark.parametrize(
    ("kind", "variants", "machine", "chosen"),
    [
        ("requirement", ["cu13", "cu12", "cpu"], {"SELECTOR_CUDA": "12.4"}, "cu12"),
        ("capability", ["x86-64-v3", "avx2", "cpu"], {"SELECTOR_CPU": "haswell"}, "x86-64-v3"),
    ],
)
def test_what_is_written_is_checked_built_installed_and_imported(
    tmp_path: Path,
    runtime_wheel: Path,
    serve: Callable[[Path], Index],
    make_environment: MakeEnvironment,
    kind: str,
    variants: list[str],
    machine: dict[str, str],
    chosen: str,
) -> None:
    folder = tmp_path / "my späm"
    options = [option for variant in variants for option in ("--variant", variant)]
    written = lines("init", folder, "--name", "spam", "--kind", kind, *options)
    assert lines("check", folder / "spam") == ["nothing to mend"]
    assert table(folder)["kind"] == kind
    text = (folder / "spam" / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^requires = \["selector-backend>=\d+\.\d+,<\d+"\]$', text, re.MULTILINE)

    # The commands that it ends with, as they stand there.
    environment = make_environment(serve(runtime_wheel.parent))
    shown = [shlex.split(line) for line in written if line.startswith("  ")]
    assert shown.pop(0) == ["cd", str(folder)]
    for program, *arguments in shown:
        assert program == "python"
        output = environment.run(*arguments, cwd=folder, environ=machine).stdout
    assert output == f"{chosen}\n"
    assert environment.record()["variants"] == [chosen]

    # And as its users get it, from an index.
    build_sdist(folder / "spam", folder / "dist")
    shutil.copy(runtime_wheel, folder / "dist")
    other = make_environment(serve(folder / "dist"), pip=None)
    other.uv("pip", "install", "spam", environ={"SPAM_VARIANT": "cpu"})
    code = "import spam_core; print(spam_core.variant, spam_core.dot([1, 2], [3, 4]))"
    assert other.run("-c", code).stdout == "cpu 11\n"


def test_every_file_is_sound(tmp_path: Path) -> None:
    given = ("--name", "Spam.Eggs", *USUAL, "--variant", "x86-64-v3:")
    assert command("init", tmp_path, *given).returncode == 1  # two that fit every machine
    strict = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    modules = [str(path) for path in tmp_path.glob("*/**/*.py")]
    assert len(modules) == 4
    subprocess.run([*strict, *modules], cwd=ROOT / "runtime", check=True)


def test_names_stand_for_conditions(tmp_path: Path) -> None:
    names = ["cu13", "cuda12x", "cu118", "rocm6", "rocm-5.7", "sapphirerapids", "x86_64_v3", "V2"]
    options = [option for name in [*names, "avx", "cpu"] for option in ("--variant", name)]
    lines("init", tmp_path, "--name", "spam", *options)
    variants = table(tmp_path)["variant"]
    assert {one["name"]: (one.get("when"), one.get("conform")) for one in variants} == {
        "cu13": ({"cuda": ">=13"}, {"cuda": "13"}),
        "cuda12x": ({"cuda": ">=12"}, {"cuda": "12"}),
        "cu118": ({"cuda": ">=11.8"}, {"cuda": "11"}),
        "rocm6": ({"rocm": ">=6,<7"}, {"rocm": "6"}),
        "rocm-5.7": ({"rocm": ">=5.7,<6"}, {"rocm": "5"}),
        "sapphirerapids": ({"cpu": "sapphirerapids"}, None),
        "x86_64_v3": ({"cpu": "x86_64_v3"}, None),
        "V2": ({"cpu": "x86_64_v2"}, None),
        "avx": ({"cpu": "avx"}, None),
        "cpu": (None, None),
    }


def test_conditions_of_ones_own(tmp_path: Path) -> None:
    condition = "cuda-toolkit = '<13,>=12.2', cpu = ['avx2', \"fma\"], marker = 'os_name == \"nt\"'"
    lines("init", tmp_path, "--name", "spam", "--variant", f"big: {condition}", "--variant", "own:")
    big, own = table(tmp_path)["variant"]
    assert big["when"] == tomllib.loads(f"when = {{ {condition} }}")["when"]
    assert big["conform"] == {"cuda": "12"}
    assert own == {"name": "own"}
    core = (tmp_path / "spam-core" / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(core)["project"]["dependencies"] == ["selector-runtime[cpu]>=0.1"]


def test_a_terminal_is_asked(tmp_path: Path) -> None:
    answers = "\nvertical\ncapability\nbig cpu\ncuad = '>=9'\ncuda = '>=9'\n"
    output, status = terminal("init", tmp_path / "spam", answers=answers)
    assert status == 0, output
    assert "Name [spam]:" in output
    assert "Error: expected 'requirement' or 'capability'" in output
    assert "Error: cuad: not a fact, did you mean 'cuda'?" in output
    big, cpu = table(tmp_path / "spam")["variant"]
    assert big == {"name": "big", "when": {"cuda": ">=9"}}
    assert cpu == {"name": "cpu"}

    output, status = terminal("init", tmp_path / "3", answers="no good\nham\n\n,\n\n")
    assert status == 0, output
    assert "Error: expected ASCII letters and digits" in output
    assert "Error: expected one name or more" in output
    assert table(tmp_path / "3", "ham")["kind"] == "requirement"
    assert [one["name"] for one in table(tmp_path / "3", "ham")["variant"]] == [
        "cu13",
        "cu12",
        "cpu",
    ]


def test_an_order_that_check_warns_of(tmp_path: Path) -> None:
    given = ("--variant", "cpu", "--variant", "cu12")
    process = command("init", tmp_path / "spam", *given)
    assert process.returncode == 1
    (warning,) = lines("check", tmp_path / "spam" / "spam", status=1)
    assert "cu12 is never chosen: wherever it fits, cpu comes first" in warning
    assert warning in process.stdout.splitlines()


def test_advice_in_place_of_a_variant_for_every_machine(tmp_path: Path) -> None:
    given = ("--variant", "cu12", "--advice", 'spam is for "GPUs" only.')
    assert data("init", tmp_path / "spam", *given)["problems"] == []
    assert lines("check", tmp_path / "spam" / "spam") == ["nothing to mend"]


def test_json(tmp_path: Path) -> None:
    folder = tmp_path / "spam"
    found = data("init", folder, *USUAL)
    assert found == {
        "format": 1,
        "folder": str(folder),
        "distributions": ["spam", "spam-core", "spam-cu12", "spam-cpu"],
        "files": found["files"],
        "problems": [],
    }
    assert {str(Path(file)) for file in found["files"]} == set(tree(folder))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--variant is missing; give each, such as --variant cu13 --variant cu12"),
        (("--name", "späm", *USUAL), "--name späm: expected ASCII letters and digits"),
        (("--name", "3to2", *USUAL), "--name 3to2: a variable and modules are called after it"),
        (("--kind", "capabilty", *USUAL), "did you mean 'capability'?"),
        (("--variant", "core"), "--variant core: the core is called so"),
        (("--variant", "c u"), "--variant c u: expected a name of ASCII letters"),
        (("--variant", "big"), "--variant big: the name does not say when it fits; write 'big: "),
        (("--variant", "big: cuda >= 12"), "big: cuda >= 12: not a condition in TOML"),
        (("--variant", "big: cdua = '>=12'"), "cdua: not a fact, did you mean 'cuda'?"),
        (("--variant", "big: cuda = 12"), "cuda: found 12 (an integer)"),
        (("--variant", "big: cuda = '>=12' }\nx = { "), "big: cuda = '>=12'"),
        (("--variant", "cu12", "--variant", "CU12"), "found 'CU12', but tool.selector.variant[0]"),
        (("--variant", "auto"), "--variant auto: a request says so to have it chosen"),
        (("--variant", "cu12", "--advice", "See {cdua}."), "tool.selector.advice"),
    ],
)
def test_bad_input_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in error("init", tmp_path / "spam", *arguments)
    assert not (tmp_path / "spam").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "spam-cpu").mkdir()
    (tmp_path / "spam-cpu" / "mine.c").write_text("int mine;\n")
    before = tree(tmp_path)
    message = error("init", tmp_path, "--name", "spam", *USUAL)
    assert f"{tmp_path / 'spam-cpu'} is there already, and nothing was written" in message
    assert tree(tmp_path) == before
    (tmp_path / "file").write_text("a file, no folder")
    assert "Not a directory" in error("init", tmp_path / "file" / "spam", *USUAL)


def test_an_sdist_that_carries_its_backend_is_asked_for(tmp_path: Path) -> None:
    lines("init", tmp_path, "--name", "spam", *USUAL, "--self-contained")
    assert table(tmp_path)["self-contained"] is True
    assert lines("check", tmp_path / "spam") == ["nothing to mend"]
    sdist = build_sdist(tmp_path / "spam", tmp_path / "dist")
    with tarfile.open(sdist) as archive:
        assert "spam-0.1/_selector/selector_backend/__init__.py" in archive.getnames()


def test_without_being_asked_no_backend_is_carried(tmp_path: Path) -> None:
    lines("init", tmp_path, "--name", "spam", *USUAL)
    assert "self-contained" not in table(tmp_path)
