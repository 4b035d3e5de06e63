"""`selector-backend init`: what it writes is a project that works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import MakeEnvironment
from support.command import command, error, lines
from support.environment import ROOT
from support.index import Index
from support.matrix import machine_rows
from support.project import build_sdist

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# With the newest driver that runs it, whose CUDA has no code for it.
GTX_1080_TI = {"SELECTOR_CUDA": "13.0", "SELECTOR_COMPUTE_CAPABILITY": "6.1"}
USUAL = ("cu12", "cpu")


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
    ("given", "machine", "chosen", "package"),
    [
        (
            "cu13 cu12 cpu --import-name spam --name spam",
            GTX_1080_TI,
            "cu12",
            "spam",
        ),
        pytest.param(
            "--name spam --kind capability x86-64-v3 avx2 cpu",
            {"SELECTOR_CPU": "haswell"},
            "x86-64-v3",
            "spam_core",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_what_is_written_is_checked_built_installed_and_imported(
    tmp_path: Path,
    runtime_wheel: Path,
    serve: Callable[[Path], Index],
    make_environment: MakeEnvironment,
    given: str,
    machine: dict[str, str],
    chosen: str,
    package: str,
) -> None:
    folder = tmp_path / "my späm"
    written = lines("init", folder, *given.split())
    assert lines("check", folder / "spam") == ["no problems found"]
    assert table(folder)["kind"] == ("capability" if "capability" in given else "requirement")
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
    names = {
        one.metadata["Name"]: one.metadata.get_all("Import-Name")
        for one in distributions(path=[str(environment.site_packages)])
    }
    module = chosen.replace("-", "_")
    assert names["spam-core"] == [package]
    assert names[f"spam-{chosen}"] == [f"_spam_{module}; private"]
    assert names["spam"] is None

    # And as its users get it, from an index.
    build_sdist(folder / "spam", folder / "dist")
    shutil.copy(runtime_wheel, folder / "dist")
    other = make_environment(serve(folder / "dist"), pip=None)
    other.uv("pip", "install", "spam", environ={"SPAM_VARIANT": "cpu"})
    code = f"import {package} as it; print(it.variant, it.dot([1, 2], [3, 4]))"
    assert other.run("-c", code).stdout == "cpu 11\n"


def test_every_file_is_sound(tmp_path: Path) -> None:
    given = ("--name", "Spam.Eggs", *USUAL, "generic")
    assert command("init", tmp_path, *given).returncode == 1  # two that fit every machine
    strict = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    modules = [str(path) for path in tmp_path.glob("*/**/*.py")]
    assert len(modules) == 4
    subprocess.run([*strict, *modules], cwd=ROOT / "runtime", check=True)


def test_names_stand_for_conditions(tmp_path: Path) -> None:
    names = [
        "cu13",
        "cu1210",
        "cuda12x",
        "cu118",
        "cu92",
        "rocm10-1",
        "rocm10",
        "rocm7.15x",
        "rocm714",
        "rocm6",
        "rocm-5.7",
        "xpu",
        "sapphirerapids",
        "x86_64_v3",
        "V2",
    ]
    lines("init", tmp_path, "--name", "spam", *names, "avx", "cpu")
    variants = table(tmp_path)["variant"]
    assert {one["name"]: (one.get("when"), one.get("conform")) for one in variants} == {
        "cu13": ({"cuda": ">=13", "compute-capability": ">=7.5"}, {"cuda": "13"}),
        "cuda12x": ({"cuda": ">=12", "compute-capability": ">=5.0"}, {"cuda": "12"}),
        "cu118": ({"cuda": ">=11.8", "compute-capability": ">=3.5"}, {"cuda": "11"}),
        "cu92": ({"cuda": ">=9.2", "compute-capability": ">=3.0"}, {"cuda": "9"}),
        "cu1210": ({"cuda": ">=12.10", "compute-capability": ">=5.0"}, {"cuda": "12"}),
        "rocm10": ({"rocm": ">=10,<11", "gfx": True}, {"rocm": "10"}),
        "rocm10-1": ({"rocm": ">=10.1,<11", "gfx": True}, {"rocm": "10"}),
        "rocm714": ({"rocm": ">=7.14,<8", "gfx": True}, {"rocm": "7"}),
        "rocm7.15x": ({"rocm": ">=7.15,<8", "gfx": True}, {"rocm": "7"}),
        "rocm6": ({"rocm": ">=6,<7", "gfx": True}, {"rocm": "6"}),
        "rocm-5.7": ({"rocm": ">=5.7,<6", "gfx": True}, {"rocm": "5"}),
        "xpu": ({"xpu": True}, None),
        "sapphirerapids": ({"cpu": "sapphirerapids"}, None),
        "x86_64_v3": ({"cpu": "x86_64_v3"}, None),
        "V2": ({"cpu": "x86_64_v2"}, None),
        "avx": ({"cpu": "avx"}, None),
        "cpu": (None, None),
    }


def test_no_machine_gets_a_build_that_has_no_code_for_it(tmp_path: Path) -> None:
    # The oldest GPU that each CUDA has code for, and the names that stand for it.
    oldest = {13: 7.5, 12: 5.0, 11: 3.5}
    cuda = {"cu13": 13, "cu131": 13.1, "cu12": 12, "cuda12x": 12, "cu128": 12.8, "cu118": 11.8}
    rocm = {"rocm7": 7, "rocm6": 6, "rocm-6-4": 6.4, "rocm5": 5}
    cpus = ["v2", "v3", "v4", "zen3", "avx2", "neoverse-n1", "m1"]
    names = [*cuda, *rocm, "xpu", *cpus, "cpu"]
    process = command("init", tmp_path, "--name", "spam", *names)
    assert process.returncode == 1  # since some are never chosen beside the others

    fits: dict[str, set[str]] = {}
    for machine in machine_rows(tmp_path / "spam"):
        facts = {name: fact.get("value") for name, fact in machine["facts"].items()}
        for name in (one["name"] for one in machine["verdicts"] if one["fits"]):
            fits.setdefault(name, set()).add(machine["name"])
            if name in cuda:
                assert max(map(float, facts["compute-capability"])) >= oldest[int(cuda[name])]
                assert float(facts["cuda"]) >= cuda[name]
            elif name in rocm:
                assert facts["gfx"]
                assert rocm[name] <= float(facts["rocm"]) < int(rocm[name]) + 1
            elif name == "xpu":
                assert facts["xpu"]
            elif name in cpus:
                level = name in ("v2", "v3", "v4")
                assert (f"x86_64_{name}" if level else name.replace("-", "_")) in facts["cpu"]
    # And whoever can have one does.
    assert "Linux, GTX 1080 Ti (Pascal), driver 580" in fits["cu12"] - fits["cu13"]
    assert "Linux, B200 (Blackwell), driver 580" in fits["cu13"] & fits["cu12"]
    assert fits.keys() >= {"cu13", "cu118", "rocm7", "rocm6", "xpu", "zen3", "m1"}


def test_core_reads_the_cpu_where_a_variant_is_for_one(tmp_path: Path) -> None:
    lines("init", tmp_path, "--name", "spam", "avx2", "cpu")
    core = (tmp_path / "spam-core" / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(core)["project"]["dependencies"] == ["selector-runtime[cpu]>=0.1"]


def test_an_order_that_check_warns_of(tmp_path: Path) -> None:
    process = command("init", tmp_path / "spam", "cpu", "cu12")
    assert process.returncode == 1
    (warning,) = lines("check", tmp_path / "spam" / "spam", status=1)
    assert "cu12 is never chosen: wherever it fits, cpu comes first" in warning
    assert warning in process.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the variants are missing; name each, the best first, as in selector-backend init"),
        (("--name", "späm", *USUAL), "--name späm: expected ASCII letters and digits"),
        (("--name", "3to2", *USUAL), "--name 3to2: a variable and modules are named after it"),
        (("--kind", "capabilty", *USUAL), "did you mean 'capability'?"),
        (("c u",), "variant c u: expected ASCII letters"),
        (("big",), "variant big: the name does not say when it fits; give one that does"),
        (("core",), "variant core: the name does not say when it fits"),
        (("rocm624",), "variant rocm624: the name does not say when it fits"),
        (("cu12", "CU12"), "found 'CU12', but tool.selector.variant[0]"),
        (("--import-name", "my-spam", *USUAL), "expected a name that can be imported"),
        (("--import-name", "class", *USUAL), "--import-name class: expected a name"),
        (("--import-name", "späm", *USUAL), "--import-name späm: expected a name"),
        (("--import-name", "selector_runtime", *USUAL), "it would hide the module of that name"),
        (
            ("--import-name", "_spam_cpu", *USUAL),
            "--import-name _spam_cpu: the module of a variant",
        ),
        (("auto",), "variant auto: the name does not say when it fits"),
    ],
)
def test_bad_input_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in error("init", tmp_path / "spam", *arguments)
    assert not (tmp_path / "spam").exists()


def test_a_folder_that_is_a_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'spam'\n")
    message = error("init", tmp_path, *USUAL)
    assert "already exists, so this is a project, and nothing was written; name another" in message
    into = (
        f"to make one tree of this one, for all variants: selector-backend init --tree {tmp_path}"
    )
    assert into in message
    assert [*tree(tmp_path)] == ["pyproject.toml"]
    lines("init", tmp_path / "packages", "cu12", "cpu", "--name", "spam")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "spam-cpu").mkdir()
    (tmp_path / "spam-cpu" / "pyproject.toml").write_text("# mine\n")
    before = tree(tmp_path)
    message = error("init", tmp_path, "--name", "spam", *USUAL)
    assert (
        f"{tmp_path / 'spam-cpu' / 'pyproject.toml'} already exists, and nothing was written"
        in message
    )
    assert tree(tmp_path) == before
    (tmp_path / "file").write_text("a file, no folder")
    assert "Not a directory" in error("init", tmp_path / "file" / "spam", *USUAL)
    if os.name == "posix":
        (tmp_path / "loop").symlink_to("loop")
        assert "Too many levels of symbolic links" in error("init", tmp_path / "loop", *USUAL)
