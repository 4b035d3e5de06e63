"""Trees in the hands of pip, uv and build: installs are plain spam, builds are variants."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest
from support.environment import Environment, clean_environ, find_uv, run
from support.index import Index
from support.project import write_wheel
from support.tree import is_unchanged, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIANT = {"SPAM_BUILD_VARIANT": "cu12"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the code of the trees requires."""
    folder = tmp_path_factory.mktemp("dist")
    for name in ("spam-core", "spam-plot", "spam-common", "nvidia-runtime"):
        write_wheel(folder, name)
    return folder


@pytest.fixture(scope="module")
def index(wheelhouse: Path, folder: Path) -> Iterator[Index]:
    with Index(wheelhouse, folder) as index:
        yield index


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


Make = Callable[..., Environment]
Install = Callable[..., str]


def install(
    frontend: str,
    environment: Environment,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    check: bool = True,
) -> str:
    """Install with pip or uv, and return what it says."""
    call, words = (
        (environment.pip, ("install",))
        if frontend == "pip"
        else (environment.uv, ("pip", "install"))
    )
    process = call(*words, *arguments, environ=environ, check=check)
    assert check or process.returncode
    return process.stdout


def says(environment: Environment) -> str:
    """Return where the installed module lies."""
    process = environment.run("-B", "-c", "import spam; spam.main(); print(spam.__file__)")
    spam, path = process.stdout.splitlines()
    assert spam == "spam"
    return path


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_an_install_from_the_tree_is_plain_spam_and_with_a_variant_it_stops(
    frontend: str, tree: Path, index: Index, make_environment: Make
) -> None:
    environment = make_environment(index)
    setting = ("--config-settings=build-variant=cu12",)
    if frontend == "uv":
        stops = install(frontend, environment, *setting, "--editable", str(tree), check=False)
    else:
        stops = install(frontend, environment, str(tree), environ=VARIANT, check=False)
    said = " ".join(stops.split())  # in a box, lines are broken
    named = "-C build-variant" if frontend == "uv" else "SPAM_BUILD_VARIANT"
    assert f"error: {named} is 'cu12', but an install from the source tree gives" in said
    assert "python -m build --wheel -C build-variant=cu12" in said
    assert environment.installed() == {}
    if frontend == "uv":
        install(frontend, environment, "--editable", str(tree))
        assert environment.installed() == {"spam": "1.0", "spam-core": "1.0"}
        assert Path(says(environment)).is_relative_to(tree)
    install(frontend, environment, f"{tree}[all]")
    assert environment.installed() == {"spam": "1.0", "spam-core": "1.0", "spam-plot": "1.0"}
    assert not Path(says(environment)).is_relative_to(tree)
    assert is_unchanged(tree)


def test_pip_wheel_and_uv_build_and_build_keep_a_variant(
    tree: Path, index: Index, make_environment: Make, tmp_path: Path
) -> None:
    """With isolation: the extra ``tree`` brings what it takes."""
    environment = make_environment(index)
    variables = {**environment.environ, **VARIANT}
    expected = "spam_cu12-1.0-py3-none-any.whl"

    out = tmp_path / "pip"
    environment.pip("wheel", "--no-deps", "-w", str(out), str(tree), environ=VARIANT)
    assert [one.name for one in out.iterdir()] == [expected]
    pip = (out / expected).read_bytes()

    out = tmp_path / "uv"
    environment.uv("build", "--wheel", "-o", str(out), str(tree), environ=VARIANT)
    assert (out / expected).read_bytes() == pip

    out = tmp_path / "build"
    command = [sys.executable, "-m", "build", "--installer", "uv"]
    command += ["-C", "build-variant=cu12", "-o", str(out)]
    run([*command, "--wheel", "--sdist", str(tree)], variables | {"SPAM_BUILD_VARIANT": "cpu"})
    assert {one.name for one in out.iterdir()} == {expected, "spam_cu12-1.0.tar.gz"}
    assert (out / expected).read_bytes() == pip

    run([*command[:-4], "-o", str(tmp_path / "all"), str(tree)], environment.environ)
    assert {one.name for one in (tmp_path / "all").iterdir()} == {
        "spam-1.0.tar.gz",
        "spam-1.0-py3-none-any.whl",  # built of that sdist: the selector package's
    }
    assert is_unchanged(tree)


@pytest.fixture(scope="module")
def release(
    folder: Path, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    """A release of a tree: cu12 is there as a wheel, cpu as an sdist only."""
    place = tmp_path_factory.mktemp("release")
    dist = shutil.copytree(folder, place / "dist")
    tree = str(write_tree(place / "tree"))
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", str(dist), tree]
    environ = clean_environ(place / "home")
    run([*command, "--sdist"], environ)
    run([*command, "--wheel", "-C", "build-variant=cu12"], environ)
    run([*command, "--sdist", "-C", "build-variant=cpu"], environ)
    with Index(wheelhouse, dist) as index:
        yield index


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_a_release_of_a_tree_installs(
    frontend: str, release: Index, make_environment: Make
) -> None:
    """The selector package chooses."""
    environment = make_environment(release)
    install(frontend, environment, "spam[all]", environ={"SELECTOR_CUDA": "12.4"})
    installed = environment.installed()
    assert installed.pop("spam").partition("+")[0] == "1.0"
    names = ("nvidia-runtime", "spam-common", "spam-core", "spam-cu12", "spam-plot")
    assert installed == dict.fromkeys(names, "1.0")
    assert environment.record()["variants"] == ["cu12"]
    assert Path(says(environment)).is_relative_to(environment.folder)

    other = make_environment(release)
    install(frontend, other, "spam", environ={"SELECTOR_CUDA": ""})
    installed = other.installed()
    assert {*installed} == {"spam", "spam-common", "spam-core", "spam-cpu"}
    assert Path(says(other)).is_relative_to(other.folder)


@pytest.fixture(scope="module")
def after_code(
    release: Index, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Index, Index]]:
    """An index with a release of spam that has code and a script, and one with a tree's, too."""
    dist = tmp_path_factory.mktemp("code") / "dist"
    files = {
        "spam/__init__.py": "def main():\n    print('spam of before')\n",
        "spam-0.9.dist-info/entry_points.txt": "[console_scripts]\nspam = spam:main\n",
    }
    write_wheel(dist, "spam", "0.9", files=files)
    with Index(wheelhouse, dist) as before, Index(*release.folders, dist) as after:
        yield before, after


TOOLS = {
    "uv": (("tool", "install", "spam"), ("tool", "upgrade", "spam")),
    "pipx": (("install", "spam"), ("upgrade", "spam")),
}


@pytest.mark.parametrize("tool", ["uv", pytest.param("pipx", marks=pytest.mark.nightly)])
def test_pipx_and_uv_tool_find_the_command_and_an_upgrade_keeps_it(
    after_code: tuple[Index, Index], tmp_path: Path, tool: str
) -> None:
    program = find_uv()
    if tool == "pipx":
        program = str(tmp_path / "pipx/bin/pipx")
        for arguments in (["-m", "venv", str(tmp_path / "pipx")], ["-m", "pip"]):
            python = sys.executable if "venv" in arguments else str(tmp_path / "pipx/bin/python")
            more = ["-q", "install", "pipx"] if "pip" in arguments else []
            subprocess.run([python, *arguments, *more], check=True)
    environ = clean_environ(tmp_path / "home")
    environ |= {"PIPX_HOME": str(tmp_path / "home/pipx"), "UV_TOOL_DIR": str(tmp_path / "tools")}
    environ |= dict.fromkeys(("PIPX_BIN_DIR", "UV_TOOL_BIN_DIR"), str(tmp_path / "bin"))
    environ["SELECTOR_CUDA"] = "12.4"
    install, upgrade = TOOLS[tool]
    for first, then in (after_code, after_code[1:] * 2):
        urls = [{"PIP_INDEX_URL": one.url, "UV_DEFAULT_INDEX": one.url} for one in (first, then)]
        run([program, *install], environ | urls[0])
        process = run([program, *upgrade], environ | urls[1], check=False)
        said = run([str(tmp_path / "bin/spam")], environ).stdout
        # Where pip would take the new files with the old, it stops, and the old command stays.
        stops = first is not then and tool == "pipx"
        assert (process.returncode != 0, said) == (
            stops,
            "spam of before\n" if stops else "spam\n",
        ), process.stdout
        run([program, *(("tool",) if tool == "uv" else ()), "uninstall", "spam"], environ)
