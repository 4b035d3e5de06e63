"""`selector-backend check SDIST`: whether what was compiled is what its pyproject.toml says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support.command import data, error, lines
from support.environment import ROOT
from support.index import Index
from support.project import CUDA, build_sdist, write_library, write_project, write_wheel
from support.sdist import files_of, repack, sealed

from selector_backend import __version__

MORE = """
description = "Chooses a spam"
license-files = ["LICENSE"]
scripts = { spam = "spam_core:main" }
optional-dependencies = { plot = ["matplotlib"] }
"""
TABLE = "selector-table.json"
CARRIED = "_selector/selector_backend"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("built")
    source = write_project(folder / "source", CUDA, more=MORE)
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace('["selector-backend"]', '["selector-backend>=0.2,<1"]')
    text = text.replace("[tool.selector]\n", "[tool.selector]\nextras = ['plot']\n")
    text = text.replace('name = "cu12"', 'name = "cu12"\nconform = { cuda = "12" }')
    (source / "pyproject.toml").write_text(text, encoding="utf-8")
    (source / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    return build_sdist(source, folder / "dist").read_bytes()


@pytest.fixture
def sdist(built: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "spam-1.0.tar.gz"
    path.write_bytes(built)
    return path


def found(sdist: Path) -> list[str]:
    problems = data("check", sdist, status=1)["problems"]
    return [f"{one['severity']}: {one['key']}: {one['message']}" for one in problems]


def change_table(sdist: Path, change: Callable[[Any], object]) -> Path:
    table = json.loads(files_of(sdist)[TABLE])
    change(table)
    return repack(sdist, {TABLE: sealed(table)})


def test_an_sdist_as_it_was_built_has_nothing_to_mend(sdist: Path) -> None:
    assert lines("check", sdist) == ["no problems found"]
    assert data("check", sdist) == {"format": 1, "carries": None, "problems": [], "notes": []}


def edit_variant(index: int, **keys: object) -> Callable[[Any], object]:
    return lambda table: table["selector"]["variants"][index].update(keys)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            edit_variant(0, when=[{"cuda": ">=11"}]),
            'variant cu12: when: the table says [{"cuda": ">=11"}], pyproject.toml says '
            '[{"cuda": ">=12"}]',
        ),
        (
            edit_variant(2, requires=["evil==1.0"]),
            'variant cpu: requires: the table says ["evil==1.0"], pyproject.toml says '
            '["spam-cpu==1.0"]',
        ),
        (
            lambda table: table["selector"]["variants"][0].pop("conform"),
            'variant cu12: conform: the table says nothing, pyproject.toml says {"cuda": "12"}',
        ),
        (
            lambda table: table["selector"]["variants"].reverse(),
            'variants: the table says ["cpu", "cu11", "cu12"], pyproject.toml says '
            '["cu12", "cu11", "cpu"]',
        ),
        (
            lambda table: table["selector"]["variants"].pop(1),
            'variants: the table says ["cu12", "cpu"], pyproject.toml says ["cu12", "cu11", "cpu"]',
        ),
        (
            lambda table: table["selector"]["variants"].insert(0, {"name": "evil"}),
            'variants: the table says ["evil", "cu12", "cu11", "cpu"], pyproject.toml says '
            '["cu12", "cu11", "cpu"]',
        ),
        (
            lambda table: table["selector"].update(requires=["evil"]),
            'requires: the table says ["evil"], pyproject.toml says nothing',
        ),
        (
            lambda table: table["selector"].update(variable="EVIL"),
            'variable: the table says "EVIL", pyproject.toml says "SPAM_VARIANT"',
        ),
        (
            lambda table: table.update({"entry-points": "[console_scripts]\npip = evil:main\n"}),
            r'entry-points: the table says "[console_scripts]\npip = evil:main\n", pyproject.toml '
            r'says "[console_scripts]\nspam = spam_core:main\n"',
        ),
        (
            lambda table: table.update({"license-files": []}),
            'license-files: the table says nothing, pyproject.toml says ["LICENSE"]',
        ),
        (
            lambda table: table["places"].update({"metadata-version": "2.1"}),
            'metadata-version: the table says "2.1", pyproject.toml says "2.4"',
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)
def test_each_difference_is_named_with_its_variant_and_key(
    sdist: Path, change: Callable[[Any], object], expected: str
) -> None:
    (problem,) = found(change_table(sdist, change))
    assert problem.startswith(f"error: {TABLE}: {expected}")


def test_all_differences_are_named_and_the_version_that_compiled_it(sdist: Path) -> None:
    def change(table: Any) -> None:
        edit_variant(0, when=[], refuse="No.")(table)
        table["backend"] = "0.1.9"

    assert len(found(change_table(sdist, change))) == 3
    (*_, last) = found(sdist)
    assert f"selector-backend 0.1.9 compiled it, and this is {__version__}" in last


def test_metadata_that_say_something_else_are_named(sdist: Path) -> None:
    pkg_info = files_of(sdist)["PKG-INFO"]
    other = pkg_info.replace(b"Chooses a spam", b"Chooses eggs") + b"\nA body.\n"
    assert found(repack(sdist, {"PKG-INFO": other})) == [
        "error: PKG-INFO: has 'Summary: Chooses eggs', which pyproject.toml does not say",
        "error: PKG-INFO: lacks 'Summary: Chooses a spam', which pyproject.toml says",
        "error: PKG-INFO: has a description that is not the readme",
    ]


def test_what_no_install_would_use_is_told(sdist: Path) -> None:
    """Such an sdist is compiled by everybody who installs it, with what that takes."""
    text = files_of(sdist)["pyproject.toml"].replace(b'cuda = ">=12"', b'cuda = ">=12.1"')
    (problem,) = found(repack(sdist, {"pyproject.toml": text}))
    assert problem == (
        f"error: {TABLE}: pyproject.toml was changed after the sdist was built; so every install "
        "compiles it; build the sdist again: python -m build --sdist"
    )
    (problem,) = found(repack(sdist, {TABLE: None}))
    assert problem.startswith(f"error: {TABLE}: there is no {TABLE}; so every install")
    wrong = text.replace(b"cuda =", b"cdua =")
    assert "when.cdua: not a fact" in found(repack(sdist, {"pyproject.toml": wrong}))[0]


def test_what_is_no_sdist_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "spam-1.0.tar.gz"
    assert "no such folder" in error("check", path)
    path.write_bytes(b"no sdist")
    assert "spam-1.0.tar.gz is not an sdist that can be read" in error("check", path, status=1)
    (problem,) = data("check", path, status=1)["problems"]
    assert problem["key"] == path.name


# --- what an sdist carries


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A self-contained sdist."""
    folder = tmp_path_factory.mktemp("whole")
    more = "requires-python = '>=3.9'\n"
    table = CUDA.replace("[tool.selector]\n", "[tool.selector]\nself-contained = true\n")
    table = table.replace('name = "cu12"', 'name = "cu12"\nconform = { cuda = "12" }')
    source = write_project(folder / "source", table, more=more)
    return build_sdist(source, folder / "dist").read_bytes()


@pytest.fixture
def carrying(whole: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "spam-1.0.tar.gz"
    path.write_bytes(whole)
    return path


def of_version(version: str) -> bytes:
    """Return the file that says which version of the backend is carried."""
    text = (ROOT / "selector_backend/__init__.py").read_bytes()
    ours = f'__version__ = "{__version__}"'.encode()
    assert ours in text
    return text.replace(ours, f'__version__ = "{version}"'.encode())


def test_an_sdist_that_carries_this_backend_says_so(carrying: Path) -> None:
    assert lines("check", carrying) == [
        f"carries selector-backend {__version__}",
        "no problems found",
    ]
    assert data("check", carrying)["carries"] == __version__


def test_a_carried_file_that_is_not_of_that_version_is_named(carrying: Path) -> None:
    """What shadows a module of the standard library is among them."""
    changes = {
        f"{CARRIED}/errors.py": b"import evil\n",
        f"{CARRIED}/evil.py": b"",
        f"{CARRIED}/model/facts.py": None,
        "_selector/json.py": b"import evil\n",
        "_selector/pynvml.py": b"import evil\n",
    }
    assert [one.partition("; ")[0] for one in found(repack(carrying, changes))] == [
        "error: _selector/json.py: is not a file that an sdist carries",
        "error: _selector/pynvml.py: is not the file that is installed here",
        f"error: {CARRIED}/errors.py: is not the file of selector-backend {__version__}",
        f"error: {CARRIED}/evil.py: is not a file that an sdist carries",
        f"error: {CARRIED}/model/facts.py: is missing",
    ]


def test_libraries_of_other_versions_are_not_compared(carrying: Path) -> None:
    readme = files_of(carrying)["_selector/README.md"].replace(b"| nvidia-ml-py |", b"| other |")
    changes = {"_selector/README.md": readme, "_selector/pynvml.py": b"# another\n"}
    assert lines("check", repack(carrying, changes))[-1] == "no problems found"


def test_a_newer_library_beside_the_command_is_no_fault_of_the_sdist(
    carrying: Path, tmp_path: Path
) -> None:
    """It may be for fewer Pythons than the project is."""
    newer = f">=3.{sys.version_info[1]},!=3.9.999"
    write_library(tmp_path / "site", requires_python=newer)
    (tmp_path / "site/pynvml.py").write_text("# Redistribution is allowed.\n", encoding="utf-8")
    environ = {"PYTHONPATH": str(tmp_path / "site")}
    assert lines("check", carrying, environ=environ)[-1] == "no problems found"


def test_an_old_backend_that_is_carried_is_told(carrying: Path) -> None:
    changes = {f"{CARRIED}/__init__.py": of_version("0.1.2"), f"{CARRIED}/errors.py": b"then"}
    (problem,) = found(repack(carrying, changes))
    assert f"{CARRIED}: is selector-backend 0.1.2, and this is {__version__}" in problem
    (problem,) = found(repack(carrying, {f"{CARRIED}/__init__.py": b"__version__ = 'x'"}))
    assert f"{CARRIED}/__init__.py: does not say which version it is" in problem


def test_published_sdists_that_carry_an_old_backend_are_told_of(
    sdist: Path, wheelhouse: Path, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    for name in ("cpu", "cu11", "cu12"):
        write_wheel(dist, f"spam-{name}")
    project = write_project(tmp_path / "source")
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    (project / "pyproject.toml").write_text(
        text.replace('"selector-backend"', '"selector-backend<1"').replace(
            'name = "cu12"', 'name = "cu12"\nconform = { cuda = "12" }'
        ),
        encoding="utf-8",
    )
    for version, changes in (
        (
            "0.7",
            {f"{CARRIED}/__init__.py": of_version("0.0.9")},
        ),  # older than what follows, which is no selector package
        ("0.8", {TABLE: None}),
        ("0.9", {f"{CARRIED}/__init__.py": of_version("0.1.2")}),
        ("0.9.1", {f"{CARRIED}/__init__.py": of_version("0.1.3rc1")}),
        ("1.0", {}),
        ("1.1", {f"{CARRIED}/__init__.py": of_version(__version__)}),
        ("1.2", {f"{CARRIED}/__init__.py": of_version("99")}),
    ):
        path = dist / f"spam-{version}.tar.gz"
        path.write_bytes(sdist.read_bytes())
        repack(path, changes)
    with Index(wheelhouse, dist) as index:
        problems = data("check", project, "--index", index.url, status=1)["problems"]
    assert [one["message"].partition(";")[0] for one in problems] == [
        "the index has spam-0.9.1.tar.gz, which carries selector-backend 0.1.3rc1",
        "the index has spam-0.9.tar.gz, which carries selector-backend 0.1.2",
    ]
    assert "/files/spam-0.7.tar.gz" not in index.requests
