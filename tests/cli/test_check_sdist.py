"""`selector-backend check SDIST`: whether what was compiled is what its pyproject.toml says."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any, Callable

import pytest
from support.command import data, error, lines
from support.environment import ROOT
from support.index import Index
from support.project import CUDA, build_sdist, write_library, write_project, write_wheel
from support.sdist import Member, files_of, read_members, repack, sealed, write_members

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
            'license-files: the table says [], pyproject.toml says ["LICENSE"]',
        ),
        (
            lambda table: table["places"].update({"metadata-version": "2.1"}),
            'places: metadata-version: the table says "2.1", pyproject.toml says "2.4"',
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)
def test_each_difference_is_named_with_its_variant_and_key(
    sdist: Path, change: Callable[[Any], object], expected: str
) -> None:
    (problem,) = found(change_table(sdist, change))
    assert problem.startswith(f"error: {TABLE}: {expected}")


def test_all_differences_are_named(sdist: Path) -> None:
    assert len(found(change_table(sdist, edit_variant(0, when=[], refuse="No.")))) == 2


def test_what_another_release_built_is_not_compared_and_the_command_that_does_it_is_told(
    sdist: Path,
) -> None:
    assert found(change_table(sdist, lambda table: table.update(backend="0.1.9"))) == [
        f"error: {sdist.name}: could not be compared: other versions built it. To compare it: "
        "uvx --from 'selector-backend[cli]==0.1.9' selector-backend check spam-1.0.tar.gz"
    ]
    for version in ("0.1.9; evil", 1):

        def change(table: Any, version: object = version) -> None:
            table["backend"] = version

        (problem,) = found(change_table(sdist, change))
        assert problem.startswith(f"error: {TABLE}: backend: the table says {json.dumps(version)}")


def test_metadata_that_say_something_else_are_named(sdist: Path) -> None:
    pkg_info = files_of(sdist)["PKG-INFO"]
    start, first, second, rest = pkg_info.split(b"\n", 3)
    for other, expected in (
        (pkg_info.replace(b"a spam", b"eggs"), "'Summary: Chooses eggs'"),
        (pkg_info + b"A body.\n", "'A body.'; pyproject.toml makes it ''"),
        (b"\n".join([start, second, first, rest]), "'Version: 1.0'"),
        (pkg_info.replace(first, first + b"\n" + first, 1), "'Name: spam'"),
    ):
        (problem,) = found(repack(sdist, {"PKG-INFO": other}))
        assert problem.startswith("error: PKG-INFO: line ")
        assert expected in problem


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
        "error: _selector/pynvml.py: line 1 is 'import evil'",
        f"error: {CARRIED}/errors.py: line 1 is 'import evil'",
        f"error: {CARRIED}/evil.py: is not a file that an sdist carries",
        f"error: {CARRIED}/model/facts.py: is missing",
    ]


def compares(name: str, *libraries: str) -> str:
    """Return the error that says how to compare an sdist with what built it."""
    listed = "".join(f" --with {library}" for library in libraries)
    return (
        f"error: {name}: could not be compared: other versions built it. To compare it: uvx --from "
        f"'selector-backend[cli]=={__version__}'{listed} selector-backend check {name}"
    )


def test_libraries_of_other_versions_are_not_compared_and_this_is_told(carrying: Path) -> None:
    readme = files_of(carrying)["_selector/README.md"]
    version = importlib.metadata.version("nvidia-ml-py")
    other = readme.replace(version.encode(), b"1.2.3")
    assert other != readme
    assert found(repack(carrying, {"_selector/README.md": other, "_selector/pynvml.py": b""})) == [
        compares(carrying.name, "nvidia-ml-py==1.2.3")
    ]


def test_what_is_no_library_of_ours_is_not_put_into_a_command(carrying: Path) -> None:
    readme = files_of(carrying)["_selector/README.md"].replace(b"| nvidia-ml-py |", b"| evil |")
    (problem,) = found(repack(carrying, {"_selector/README.md": readme}))
    assert problem.startswith("error: _selector/README.md: line ")


def test_a_newer_library_beside_the_command_is_told(carrying: Path, tmp_path: Path) -> None:
    """It may be for fewer Pythons than the project is."""
    version = importlib.metadata.version("nvidia-ml-py")
    write_library(tmp_path / "site", requires_python=f">=3.{sys.version_info[1]},!=3.9.999")
    (tmp_path / "site/pynvml.py").write_text("# Redistribution is allowed.\n", encoding="utf-8")
    environ = {"PYTHONPATH": str(tmp_path / "site")}
    written = lines("check", carrying, environ=environ, status=1)
    assert written[1:] == [compares(carrying.name, f"nvidia-ml-py=={version}")]


def test_another_backend_than_what_is_carried_is_named(carrying: Path) -> None:
    text = files_of(carrying)["pyproject.toml"]
    other = re.sub(rb"(?m)^backend-path.*$", b'backend-path = ["other", "_selector"]', text)
    assert other != text
    _, problem = found(repack(carrying, {"pyproject.toml": other}))
    assert problem.startswith("error: pyproject.toml: line ")
    for change in ({"pyproject.toml": text}, {"pyproject.toml": text, "_selector/evil.py": b""}):
        renamed = text.replace(b'"selector_backend"', b'"evil"')
        (problem,) = found(repack(carrying, {**change, "pyproject.toml": renamed}))
        assert "[build-system] names another backend" in problem


def test_an_old_backend_that_is_carried_is_told(carrying: Path) -> None:
    changes = {f"{CARRIED}/__init__.py": of_version("0.1.2")}
    (problem,) = found(repack(carrying, changes))
    assert problem.startswith(f"error: {CARRIED}/__init__.py: line ")
    (problem,) = found(change_table(carrying, lambda table: table.update(backend="0.1.2")))
    assert "selector-backend[cli]==0.1.2" in problem
    assert lines("check", carrying, status=1)[0] == "carries selector-backend 0.1.2"


# --- what is not a file's content


def test_a_variant_twice_is_refused(sdist: Path) -> None:
    def twice(table: Any) -> None:
        variants = table["selector"]["variants"]
        variants.insert(0, {**variants[-1], "name": "CU12"})

    (problem,) = found(change_table(sdist, twice))
    assert "it has two variants of one name; so every install compiles it" in problem


def rewrite(sdist: Path, change: Callable[[list[Member]], object]) -> Path:
    """Change the members of an sdist, by hand."""
    members = read_members(sdist)
    change(members)
    return write_members(sdist, members)


def member(name: str, content: bytes = b"", **fields: object) -> Member:
    info = tarfile.TarInfo(name)
    for field, value in {"size": len(content), **fields}.items():
        setattr(info, field, value)
    return info, content


LINK: Any = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
HARD: Any = {"type": tarfile.LNKTYPE, "linkname": "spam-1.0/PKG-INFO"}


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (member("eggs-1.0/pyproject.toml"), "'eggs-1.0/pyproject.toml' is not in the folder"),
        (member("./spam-1.0/evil"), "'./spam-1.0/evil' is not in the folder 'spam-1.0'"),
        (member("/spam-1.0/evil"), "'/spam-1.0/evil' is not in the folder 'spam-1.0'"),
        (member("spam-1.0/../evil"), "'spam-1.0/../evil' is not in the folder 'spam-1.0'"),
        (member("spam-1.0/./LICENSE"), "'spam-1.0/./LICENSE' is not in the folder 'spam-1.0'"),
        (member("spam-1.0/LICENSE", **LINK), "'spam-1.0/LICENSE' is a link"),
        (member("spam-1.0/_selector/a.py", **HARD), "'spam-1.0/_selector/a.py' is a link"),
        (member("spam-1.0/pipe", type=tarfile.FIFOTYPE), "'spam-1.0/pipe' is a link, a folder or"),
        (member("spam-1.0/new", type=tarfile.DIRTYPE), "'spam-1.0/new' is a link, a folder or"),
        (member("spam-1.0/LICENSE", b"No.\n"), "'spam-1.0/LICENSE' is there twice"),
    ],
)
def test_members_that_no_sdist_has_are_errors(sdist: Path, added: Member, expected: str) -> None:
    rewrite(sdist, lambda members: members.append(added))
    assert f"{sdist.name} is not an sdist that can be read: {expected}" in error(
        "check", sdist, status=1
    )


def test_a_file_that_the_project_does_not_have_is_named(sdist: Path) -> None:
    rewrite(sdist, lambda members: members.append(member("spam-1.0/zebra")))
    (problem,) = found(sdist)
    assert problem.startswith("error: zebra: is not a file that an sdist carries")


def test_the_order_the_modes_and_what_follows_the_end_count(sdist: Path) -> None:
    original = sdist.read_bytes()

    def executable(members: list[Member]) -> None:
        members[1][0].mode = 0o755

    def dated(members: list[Member]) -> None:
        members[1][0].mtime = 1

    def named(members: list[Member]) -> None:
        members[1][0].pax_headers = {"comment": "evil"}

    for change in (list.reverse, executable, dated, named):
        sdist.write_bytes(original)
        (problem,) = found(rewrite(sdist, change))
        assert problem.startswith(f"error: {sdist.name}: is not packed as selector-backend")
    more = zlib.compress(b"evil", wbits=31)
    sdist.write_bytes(original + more)
    assert "it goes on behind its end" in error("check", sdist, status=1)
    sdist.write_bytes(zlib.compress(zlib.decompress(original, wbits=31) + bytes(512), wbits=31))
    (problem,) = found(sdist)
    assert "modes, dates or more data" in problem


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
