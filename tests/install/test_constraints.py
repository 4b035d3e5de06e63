"""`selector-backend constraints`: the build is what was pinned, with pip and uv, or it stops."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from support.command import command, data, error
from support.index import Index
from support.project import build_sdist, write_project, write_wheel

from selector_backend import __version__
from selector_backend.model.markers import normalize

FRONTENDS = {
    "pip": ("install", "--no-cache-dir", "--force-reinstall", "--build-constraint"),
    "uv": ("pip", "install", "--no-cache", "--reinstall", "--build-constraints"),
}


def write_pins(path: Path, *arguments: str | Path) -> Path:
    process = command("constraints", *arguments)
    assert process.returncode == 0, process.stderr
    path.write_text(process.stdout, encoding="utf-8")
    return path


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_an_install_takes_what_was_pinned_and_nothing_else(
    frontend: str, make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path
) -> None:
    environment = make_environment(spam_index)
    arguments = FRONTENDS[frontend]
    run = environment.pip if frontend == "pip" else environment.uv
    pins = write_pins(tmp_path / "pins.txt", "--index-url", spam_index.url)
    run(*arguments, str(pins), "spam")
    assert environment.record()["variants"] == ["cpu"]

    wrong = re.sub("sha256:[0-9a-f]{8}", "sha256:00000000", pins.read_text(encoding="utf-8"))
    (tmp_path / "wrong.txt").write_text(wrong, encoding="utf-8")
    process = run(*arguments, str(tmp_path / "wrong.txt"), "spam", check=False)
    assert process.returncode != 0
    assert "hash" in process.stdout.lower()

    source = write_project(tmp_path / "source")
    pins = write_pins(tmp_path / "more.txt", "--index-url", spam_index.url, "--compiling")
    run(*arguments, str(pins), str(source))
    assert environment.record()["variants"] == ["cpu"]


def test_what_is_pinned_is_this_backend_and_all_that_it_takes(
    spam_index: Index, wheelhouse: Path
) -> None:
    pins = data("constraints", "--index-url", spam_index.url)
    assert pins["format"] == 1
    found = {one["name"]: one for one in pins["constraints"]}
    assert [*found] == ["selector-backend", "archspec", "nvidia-ml-py", "tomli", "packaging"]
    assert found["selector-backend"]["version"] == __version__
    assert found["tomli"]["marker"] == 'python_version < "3.11"'
    more = data("constraints", "--compiling", "--find-links", wheelhouse)["constraints"]
    assert more[:-1] == pins["constraints"]
    assert more[-1]["name"] == "pyproject-metadata"
    # All the files of the version, since other systems take others.
    for one in more:
        files = [
            path
            for path in wheelhouse.glob(f"*-{one['version']}-*.whl")
            if normalize(path.name.partition("-")[0]) == one["name"]
        ]
        assert len(one["hashes"]) == len(files) > 0


def test_what_is_not_there_is_named_and_nothing_is_printed(
    wheelhouse: Path, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    write_wheel(dist, "archspec", "0.2.4")
    message = error("constraints", "--find-links", dist, "--also", "flit_core<5", status=1)
    assert message == (
        f"error: {dist} has no selector-backend=={__version__}, no archspec>=0.2.5, no "
        'nvidia-ml-py>=12, no tomli>=2; python_version < "3.11", no packaging>=24.2, '
        "no flit_core<5\n"
    )
    with Index(wheelhouse) as index:
        message = error("constraints", "--index-url", index.url, "--also", "eggs", status=1)
        assert message == f"error: {index.url.rstrip('/')} has no eggs\n"
        environ = {"PIP_INDEX_URL": index.url}
        pins = data("constraints", "--also", "flit-core<5", environ=environ)["constraints"]
        assert pins[-1]["name"] == "flit-core"
    assert "cannot be reached" in error("constraints", "--index-url", index.url, status=1)


def test_mistakes_in_the_command_line(tmp_path: Path) -> None:
    assert "Give --index-url, or --find-links" in error("constraints")
    assert "expected an address" in error("constraints", "--index-url", "simple")
    assert "there is no such folder" in error("constraints", "--find-links", tmp_path / "x")
    given = ("constraints", "--find-links", tmp_path, "--also", "=1")
    assert "--also =1: " in error(*given)


def test_a_table_that_compares_what_is_installed_is_pinned_too(
    make_environment: MakeEnvironment, wheelhouse: Path, tmp_path: Path
) -> None:
    """Its hooks ask for what compares versions."""
    table = '\n[[tool.selector.variant]]\nname = "cpu"\nwhen = { installed = "pip>=1" }\n'
    build_sdist(write_project(tmp_path / "source", table), tmp_path / "dist")
    write_wheel(tmp_path / "dist", "spam-cpu")
    with Index(wheelhouse, tmp_path / "dist") as index:
        environment = make_environment(index)
        pins = write_pins(tmp_path / "pins.txt", "--index-url", index.url)
        environment.pip(*FRONTENDS["pip"], str(pins), "spam")
    assert environment.record()["variants"] == ["cpu"]
