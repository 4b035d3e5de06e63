"""`selector-backend explain`: the decision, before it is made and after."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from support.command import data, error, lines, terminal
from support.environment import ROOT
from support.hooks import Backend
from support.index import Index
from support.matrix import machine_rows
from support.project import CUDA, HEAD, build_sdist, write_project
from support.toolkit import compile_library

from selector_backend.authoring import toml

REFUSING = """
[tool.selector]
advice = "Ask for help."

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "old"
when = { cuda = "<12" }
refuse = "CUDA {cuda} is too old."
"""


def test_a_folder_and_its_sdist(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source")
    sdist = build_sdist(project, tmp_path / "dist")
    for what in (project, sdist):
        found = lines("explain", what, "--set", "cuda=11.8")
        assert found[0] == "spam 1.0, variants of the requirement kind"
        assert "cuda  --set      11.8" in found
        assert "cu12     does not fit  cuda 11.8 is not >=12" in found
        assert "cu11     fits          cuda 11.8 is >=11.2" in found
        assert "chosen: cu11" in found
        assert "installs: spam-cu11==1.0" in found
    assert lines("explain", "--set", "cuda=12.4", cwd=project)[-2] == "chosen: cu12"


def test_it_is_what_the_backend_records(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source")
    for environ in ({"SELECTOR_CUDA": "12.4"}, {"SELECTOR_CUDA": ""}, {"SPAM_VARIANT": "cu11"}):
        made = Backend(project, environ).record(tmp_path / "out")
        found = data("explain", project, environ=environ)
        assert found == {"format": 1, "decision": made, "problem": None, "installed": None}


def test_the_environment_that_is_looked_into_is_the_one_named(
    make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path
) -> None:
    """Not the one that the command runs in: for NVIDIA's wheels, and for what is installed.

    The wheels come before a newer toolkit that the loader finds.
    """
    environment = make_environment(spam_index)
    library = environment.site_packages / "nvidia/cuda_nvrtc/lib/libnvrtc.so.12"
    compile_library(library, 12040)
    table = CUDA.replace("cuda = ", "cuda-toolkit = ")
    table += '[[tool.selector.variant]]\nname = "p"\nwhen = { installed = ["pip", "typer"] }\n'
    table += '[[tool.selector.variant]]\nname = "f"\nwhen = { abi-features = "debug" }\n'
    project = write_project(tmp_path / "source", table)
    loaders = compile_library(tmp_path / "loaders/libnvrtc.so.13", 13000).parent
    environ = {"LD_LIBRARY_PATH": str(loaders)}
    found = data("explain", project, "--python", environment.python, environ=environ)["decision"]
    assert found["facts"]["cuda-toolkit"] == {
        "value": "12.4",
        "source": "NVRTC, found in the environment",
    }
    assert found["verdicts"][-2]["reason"] == "installed lacks typer"
    assert found["facts"]["abi-features"]["source"] == "the named interpreter"
    found = data("explain", project, environ=environ)["decision"]["facts"]
    assert found["cuda-toolkit"]["value"] == "13.0"
    assert found["installed"]["absent"] == (
        "that environment is not shown here; SELECTOR_INSTALLED can state what it has"
    )


def test_where_nothing_is_chosen_the_message_is_the_backends(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", REFUSING)
    found = lines("explain", project, "--set", "cuda=11.8", status=1)
    assert "old      refuses       cuda 11.8 is <12" in found
    assert "CUDA 11.8 is too old." in found
    found = lines("explain", project, "--set", "cuda=", status=1)
    assert "Ask for help." in found
    assert data("explain", project, "--set", "cuda=", status=1)["decision"]["variants"] == []


def test_a_variant_asked_for(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source")
    found = lines("explain", project, "--variant", "cu11")
    assert "cu11     not judged  it was asked for by --variant" in found
    assert "which spam does not have" in error("explain", project, "--variant", "rocm", status=1)


def test_a_shipped_machine_is_named_as_matrix_shows_it(tmp_path: Path) -> None:
    project = build_sdist(write_project(tmp_path / "source"), tmp_path / "dist")
    rows = {row["name"]: row for row in machine_rows(project)}
    for name in ("Mac, Apple M2", "Linux, H100 (Hopper), driver 570"):
        found = data("explain", project, "--machine", name)["decision"]
        assert found["variants"] == rows[name]["variants"]
        assert found["facts"] == rows[name]["facts"]
        (row,) = machine_rows(project, "--no-shipped", "--machine", name)
        assert row == rows[name]
    named = ("explain", project, "--machine", "mac, apple m2")
    assert data(*named, environ={"SELECTOR_CUDA": "12.4"})["decision"]["variants"] == ["cu12"]
    said = error("explain", project, "--machine", "M2")
    assert "matrix shows no such machine, did you mean 'Mac, Apple M2'?" in said


def test_what_cannot_be_explained(tmp_path: Path) -> None:
    assert "neither a folder, nor an sdist, nor a selector" in error("explain", "no-such-package")
    assert "no such file or folder" in error("explain", "dist/spam-1.0.tar.gz")
    assert error("explain", status=1, cwd=tmp_path) == (
        "error: there is no pyproject.toml in .; name a project's folder, an sdist, or a selector "
        "package that is installed: selector-backend explain spam\n"
    )
    (tmp_path / "spam-1.0.tar.gz").write_bytes(b"no sdist")
    message = error("explain", tmp_path / "spam-1.0.tar.gz", status=1)
    assert "is not an sdist that can be read" in message
    project = write_project(tmp_path / "source", "\n[tool.selector]\nvariants = []\n")
    assert "did you mean 'variant'?" in error("explain", project, status=1)


def test_an_sdist_cannot_write_outside(tmp_path: Path) -> None:
    sdist = tmp_path / "evil-1.0.tar.gz"
    table = "[[tool.selector.variant]]\nname = 'cpu'\n"
    contents = {
        "evil-1.0/pyproject.toml": HEAD.format(name="evil", version="1.0") + table,
        "evil-1.0/../../../evil": "outside",
        "evil-1.0/setup.py": "raise SystemExit('it was run')",
    }
    with tarfile.open(sdist, "w:gz") as archive:
        for name, text in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    scratch = tmp_path / "scratch" / "deeper"
    scratch.mkdir(parents=True)
    message = error("explain", sdist, status=1, environ={"TMPDIR": str(scratch)})
    assert "'evil-1.0/../../../evil' is not in the folder 'evil-1.0'" in message
    assert not list((tmp_path / "scratch").rglob("evil"))


def test_an_sdist_that_is_a_trap(tmp_path: Path) -> None:
    sdist = tmp_path / "spam-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("spam-1.0/README")
        info.size = 65 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    assert "it has more than 32 MiB" in error("explain", sdist, status=1)
    with tarfile.open(sdist, "w:gz") as archive:
        archive.add(ROOT / "LICENSE", "spam-1.0/LICENSE")
    assert "is not an sdist: it has no pyproject.toml" in error("explain", sdist, status=1)
    content = sdist.read_bytes()
    sdist.write_bytes(content[:99] + bytes(99) + content[198:])
    assert "is not an sdist that can be read" in error("explain", sdist, status=1)


def header(kind: bytes, size: int, name: str = "spam-1.0/x") -> bytes:
    """Return a member's header in an archive, which may claim any size."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(tarfile.XHDTYPE, 2 << 30), "longer names, than a package without code"),
        (header(tarfile.XGLTYPE, 2 << 30), "longer names, than a package without code"),
        (header(tarfile.GNUTYPE_LONGNAME, 2 << 30), "longer names, than a package without code"),
        ((header(tarfile.GNUTYPE_LONGNAME, 1) + bytes(512)) * 900, "extend one another too often"),
        (header(tarfile.REGTYPE, 0) * 2000, "it has more files, or"),
        (header(tarfile.REGTYPE, -(8**11)), "it has members that no sdist has"),
        (header(tarfile.GNUTYPE_SPARSE, 9), "it has members that no sdist has"),
        (header(tarfile.XHDTYPE, 24) + b"24 GNU.sparse.major=1.0\n", "members that no sdist has"),
        (header(tarfile.XGLTYPE, 70_000) + bytes(71_680), "longer names, than a package"),
    ],
)
def test_an_sdist_whose_headers_are_a_trap(tmp_path: Path, content: bytes, message: str) -> None:
    sdist = tmp_path / "spam-1.0.tar.gz"
    sdist.write_bytes(gzip.compress(content + bytes(1024)))
    found = error("explain", sdist, status=1)
    assert "is not an sdist that can be read: " in found
    assert message in found


@pytest.mark.parametrize("name", ["C:x", "C:\\x", "..\\..\\x", "a\\..\\..\\x"])
def test_names_that_lead_out_of_the_folder_on_windows_are_refused(
    tmp_path: Path, name: str
) -> None:
    project = write_project(tmp_path / "source", more='license-files = ["*x"]\n')
    sdist = tmp_path / "spam-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        archive.add(project / "pyproject.toml", "spam-1.0/pyproject.toml")
        archive.add(project / "pyproject.toml", f"spam-1.0/{name}")
    assert "is not in the folder 'spam-1.0'" in error("explain", sdist, status=1)


def test_a_provider_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    table = """
[tool.selector.provider.x]
requires = ["plugin"]
[[tool.selector.variant]]
name = "v3"
when = { property = "x :: level :: v3" }
[[tool.selector.variant]]
name = "any"
"""
    project = write_project(tmp_path / "source", table)
    environ = {"PYTHONPATH": str(tmp_path)}
    found = "\n".join(lines("explain", project, environ=environ))
    assert "providers are not asked here" in found
    stated = lines("explain", project, "--set", "property=x :: level :: v3", environ=environ)
    assert "chosen: v3" in stated


def test_what_is_installed_then_and_now(
    make_environment: MakeEnvironment, spam_index: Index
) -> None:
    environment = make_environment(spam_index)
    environment.pip("install", "spam", environ={"SELECTOR_CUDA": "12.4"})
    python = ("--python", environment.python)
    folder = environment.folder / "sources"
    write_project(folder / "spam", REFUSING)  # not what is meant, with an environment
    found = lines("explain", "spam", *python, "--set", "cuda=12.4", cwd=folder)
    assert "installed: cu12, chosen by machine" in found
    assert "because: cuda 12.4 is >=12" in found
    assert not [line for line in found if line.startswith("now: ")]
    found = data("explain", "spam", *python, "--set", "cuda=", status=1)
    assert found["installed"] == environment.record()
    assert "spam-cu12 1.0 is installed" in found["problem"]
    assert found["decision"]["variants"] == []
    inside = lines("explain", "./spam", *python, "--set", "cuda=12.4", cwd=folder)
    assert "Ask for help." not in found["problem"]
    assert "old      does not fit  cuda 12.4 is not <12" in inside


def test_it_explains_to_a_terminal(tmp_path: Path) -> None:
    output, status = terminal("explain", write_project(tmp_path), "--set", "cuda=12.4")
    assert status == 0
    assert "\x1b[32mfits" in output


@pytest.mark.parametrize("recipe", sorted((ROOT / "docs/recipes").glob("*/pyproject.toml")))
def test_it_explains_every_recipe(recipe: Path) -> None:
    stated: tuple[str, ...] = ("cuda-toolkit=13.0", "cuda=", "library=libmpi.so.40")
    stated += ("installed=jax-cuda12-plugin,torch==2.8.0+cu128",)
    found = lines("explain", recipe.parent, *(one for fact in stated for one in ("--set", fact)))
    assert [line for line in found if line.startswith("chosen: ")]


def test_what_was_read_beside_a_stated_fact_is_told(tmp_path: Path) -> None:
    table = """
    [[tool.selector.variant]]
    name = "cu12"
    when = { cuda = ">=12", compute-capability = ">=7.5" }

    [[tool.selector.variant]]
    name = "cpu"
    """
    project = write_project(tmp_path / "source", table)
    decision = data("explain", project, "--set", "cuda=12.4")["decision"]
    assert decision["variants"] == ["cu12"]
    found = decision["facts"]["compute-capability"]
    assert found == {"value": ["12.1"], "source": "a new device, as cuda is stated"}
    other = table.replace('compute-capability = ">=7.5"', "nvidia-driver = true")
    project = write_project(tmp_path / "other", other)
    decision = data("explain", project, "--set", "cuda=12.4")["decision"]
    assert decision["verdicts"][0]["reason"].endswith(
        "(it was read here, while cuda is stated; state --set nvidia-driver= too)"
    )


def test_a_variant_that_does_not_exist_is_said_of_the_option(tmp_path: Path) -> None:
    assert error("explain", write_project(tmp_path), "--variant", "nosuch", status=1) == (
        "error: --variant asks for 'nosuch', which spam does not have. "
        "Its variants are cu12, cu11, cpu\n"
    )


def test_extras_name_the_variants_for_a_project_that_uses_them(tmp_path: Path) -> None:
    table = CUDA.replace("[tool.selector]", '[tool.selector]\nrequires = ["spam-core=={version}"]')
    refusal = '[[tool.selector.variant]]\nname = "v1.old"\n'
    project = write_project(tmp_path / "source", table + refusal + "requires = []\n")
    block = toml.loads("\n".join(lines("explain", "--extras", project)))
    extras = block["project"]["optional-dependencies"]
    assert extras["cu11"] == ["spam-core==1.0", "spam-cu11==1.0"]
    assert [*extras] == ["cu12", "cu11", "cpu", "v1.old"]
    assert block["tool"]["uv"]["conflicts"] == [[{"extra": name} for name in extras]]
    beside = table.replace("[tool.selector]", '[tool.selector]\nkind = "capability"')
    block = toml.loads("\n".join(lines("explain", "--extras", write_project(project, beside))))
    assert [*block] == ["project"]
    assert "--extras has all variants" in error("explain", project, "--extras", "--json")


def test_no_extra_names_what_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", REFUSING)
    extras = toml.loads("\n".join(lines("explain", "--extras", project)))
    assert "old" not in extras["project"]["optional-dependencies"]
