"""What an sdist has compiled is used, or else it is compiled again: right, or one message.

What compiling takes is asked for then and only then. ``bare`` is the backend with its own
dependencies, as a frontend installs it; ``equipped`` has what compiling takes as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from support.floor import Called, Floor, StoppedError, unpack
from support.project import CUDA, build_sdist, write_project

from selector_backend import authoring

REQUIREMENTS = [*authoring.REQUIREMENTS]
PREPARE = "prepare_metadata_for_build_wheel"
MORE = """
description = "Chooses a späm"
readme = "README.md"
license-files = ["LICENSE"]
"""
PROVIDER = """
[[tool.selector.variant]]
name = "fast"
when = [{ cuda = ">=12" }, { property = "demo::level::v3" }]

[tool.selector.provider.demo]
requires = ["demo-provider>={version}"]
plugin-api = "demo_provider:Plugin"
"""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def patch(sdist: Path) -> None:
    edit(sdist / "pyproject.toml", 'name = "cpu"', 'name = "cpu"\nrequires = ["spam-patched==2"]')


def damage(sdist: Path) -> None:
    edit(sdist / "selector-table.json", '"cu11"', '"cu10"')


def cut_short(sdist: Path) -> None:
    path = sdist / "selector-table.json"
    path.write_bytes(path.read_bytes()[:-100])


def make_newer(sdist: Path) -> None:
    edit(sdist / "selector-table.json", '"format": 2', '"format": 3')


def change_metadata(sdist: Path) -> None:
    edit(sdist / "PKG-INFO", "Summary: Chooses", "Summary: Chose")


#: What may have become of an sdist, and the first words on it.
STATES: dict[str, tuple[Callable[[Path], None], str]] = {
    "patched": (patch, "pyproject.toml was changed after the sdist was built"),
    "damaged": (damage, "selector-table.json or PKG-INFO is damaged"),
    "cut short": (cut_short, "selector-table.json cannot be read"),
    "newer": (make_newer, "selector-table.json is of a format that this version does not read"),
    "metadata changed": (change_metadata, "selector-table.json or PKG-INFO is damaged"),
    "no table": (lambda sdist: (sdist / "selector-table.json").unlink(), "there is no selector-"),
    "no metadata": (lambda sdist: (sdist / "PKG-INFO").unlink(), "there is no PKG-INFO"),
}


def equip(folder: Path) -> Floor:
    return Floor(folder).add_authoring().add("packaging", "pyproject-metadata")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Floor:
    return Floor(tmp_path_factory.mktemp("bare")).add_authoring()


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> Floor:
    return equip(tmp_path_factory.mktemp("equipped"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source", CUDA)


@pytest.fixture
def sdist(source: Path, tmp_path: Path) -> Path:
    return unpack(build_sdist(source, tmp_path / "dist"), tmp_path / "unpacked")


def write_source(folder: Path, table: str) -> Path:
    write_project(folder, table, more=MORE)
    (folder / "README.md").write_text("# Späm\n\nVersion: 3\nDynamic: x\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    return folder


def asked_for(floor: Floor, source: Path, **environ: str) -> list[Any]:
    """Return what is asked for to build a wheel, an editable one and an sdist."""
    hooks = ([f"get_requires_for_build_{kind}"] for kind in ("wheel", "editable", "sdist"))
    return floor.call(source, *hooks, environ=environ).results


def installed(floor: Floor, source: Path, target: Path, **environ: str) -> dict[str, bytes]:
    """Return the files that are installed, the licences left out."""
    target.mkdir()
    called: Called = floor.call(source, [PREPARE, str(target)], environ=environ)
    folder = target / called.results[0]
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_nothing_is_asked_for_that_an_sdist_has_compiled(bare: Floor, sdist: Path) -> None:
    assert asked_for(bare, sdist) == [[], [], REQUIREMENTS]


@pytest.mark.parametrize("state", STATES)
def test_what_compiling_takes_is_asked_for_where_it_is_to_be_done(
    bare: Floor, equipped: Floor, sdist: Path, state: str
) -> None:
    STATES[state][0](sdist)
    assert asked_for(bare, sdist) == [REQUIREMENTS] * 3
    assert asked_for(equipped, sdist) == [[]] * 3


def test_a_source_tree_is_compiled(
    bare: Floor, equipped: Floor, source: Path, sdist: Path, tmp_path: Path
) -> None:
    assert asked_for(bare, source) == [REQUIREMENTS] * 3
    assert asked_for(equipped, source) == [[]] * 3
    of_tree = installed(equipped, source, tmp_path / "one", SELECTOR_CUDA="12.4")
    assert of_tree == installed(bare, sdist, tmp_path / "two", SELECTOR_CUDA="12.4")


@pytest.mark.parametrize("patched", [False, True])
@pytest.mark.parametrize(
    ("table", "environ", "requirements"),
    [
        (PROVIDER, {}, ["demo-provider>=1.0"]),
        (PROVIDER, {"SELECTOR_PROPERTY": "demo :: level :: v3"}, []),
        (PROVIDER + "enable-if = \"sys_platform == 'plan9'\"\n", {}, []),
        (PROVIDER + "enable-if = \"sys_platform != 'plan9'\"\n", {}, ["demo-provider>=1.0"]),
        (PROVIDER.replace(", { property", ', { rocm = ">=6" }] # { property'), {}, []),
        (
            PROVIDER + '[tool.selector.provider.other]\nrequires = ["o"]\n',
            {},
            ["demo-provider>=1.0"],
        ),
    ],
    ids=["provider", "stated", "not for this", "for this", "not asked", "other not asked"],
)
def test_what_a_provider_takes_is_asked_for_as_well(
    bare: Floor,
    equipped: Floor,
    tmp_path: Path,
    table: str,
    environ: dict[str, str],
    requirements: list[str],
    patched: bool,
) -> None:
    """A frontend asks once, so it is read off a table that can't be compiled yet."""
    source = write_source(tmp_path / "source", CUDA + table)
    if patched:
        source = unpack(build_sdist(source, tmp_path / "dist"), tmp_path / "unpacked")
        assert asked_for(bare, source, **environ)[0] == requirements
        patch(source)
    both = [*REQUIREMENTS, *requirements]
    assert asked_for(bare, source, **environ) == [both, both, REQUIREMENTS]
    assert asked_for(equipped, source, **environ) == [requirements, requirements, []]


@pytest.mark.parametrize(
    ("asked", "environ", "requirements"),
    [
        ("torch >= 2.9", {}, ["packaging>=22"]),
        ("torch >= 2.9", {"SELECTOR_INSTALLED": "torch==2.9.1"}, ["packaging>=22"]),
        ("torch", {}, []),
    ],
    ids=["version", "stated", "name"],
)
def test_what_compares_versions_is_asked_for_where_one_is_to_be_compared(
    bare: Floor,
    equipped: Floor,
    tmp_path: Path,
    asked: str,
    environ: dict[str, str],
    requirements: list[str],
) -> None:
    """Be they read or stated: it is judging that takes it. Compiling takes packaging anyway."""
    table = CUDA + f'[[tool.selector.variant]]\nname = "x"\nwhen = {{ installed = "{asked}" }}\n'
    source = write_source(tmp_path / "source", table)
    sdist = unpack(build_sdist(source, tmp_path / "dist"), tmp_path / "unpacked")
    assert asked_for(bare, sdist, **environ)[0] == requirements
    assert asked_for(bare, sdist, **environ, SPAM_VARIANT="cpu")[0] == []
    patch(sdist)
    assert asked_for(bare, sdist, **environ)[0] == [*REQUIREMENTS, *requirements]
    assert asked_for(equipped, sdist, **environ)[0] == []


@pytest.mark.parametrize("state", STATES)
def test_without_what_compiling_takes_one_message_says_what_to_install(
    bare: Floor, sdist: Path, tmp_path: Path, state: str
) -> None:
    """As without build isolation, where nobody installs what is asked for."""
    change, why = STATES[state]
    change(sdist)
    for hook in (PREPARE, "build_wheel", "build_editable", "build_sdist"):
        with pytest.raises(StoppedError) as stopped:
            bare.call(sdist, [hook, str(tmp_path)])
        (message,) = str(stopped.value).splitlines()
        assert message.startswith("error: " if hook == "build_sdist" else f"error: {why}")
        how = " ".join(["pip install", *(f'"{one}"' for one in REQUIREMENTS)])
        assert message.endswith(f"Without build isolation, install it first: {how}")


@pytest.mark.parametrize("state", STATES)
def test_with_what_compiling_takes_the_install_is_right(
    bare: Floor, equipped: Floor, sdist: Path, tmp_path: Path, state: str
) -> None:
    before = installed(bare, sdist, tmp_path / "before")
    STATES[state][0](sdist)
    after = installed(equipped, sdist, tmp_path / "after")
    if state == "patched":
        old, new = b"Requires-Dist: spam-cpu==1.0", b"Requires-Dist: spam-patched==2"
        assert old in before["METADATA"]
        assert after["METADATA"] == before["METADATA"].replace(old, new)
        assert json.loads(after["selector.json"])["requires"] == ["spam-patched==2"]
    else:
        assert after == before


def test_what_is_too_old_to_compile_with_is_as_if_it_were_missing(
    source: Path, tmp_path: Path
) -> None:
    floor = equip(tmp_path / "floor")
    (metadata,) = floor.folder.glob("packaging-*.dist-info/METADATA")
    metadata.write_text("Metadata-Version: 2.1\nName: packaging\nVersion: 23.2\n")
    assert asked_for(floor, source) == [REQUIREMENTS] * 3
    why = "error: there is no selector-table.json, so the selector table has to be compiled, and "
    with pytest.raises(StoppedError, match=f"^{why}what compiles it is not installed, or too old"):
        floor.call(source, [PREPARE, str(tmp_path)])


def test_a_patch_that_is_wrong_is_named_with_its_key(
    equipped: Floor, sdist: Path, tmp_path: Path
) -> None:
    edit(sdist / "pyproject.toml", 'cuda = ">=12"', 'cdua = ">=12"')
    with pytest.raises(StoppedError) as stopped:
        equipped.call(sdist, [PREPARE, str(tmp_path)])
    assert "tool.selector.variant[0].when.cdua: not a fact, did you mean 'cuda'?" in str(
        stopped.value
    )
    assert "Traceback" not in str(stopped.value)


def test_other_line_ends_are_no_patch(bare: Floor, sdist: Path, tmp_path: Path) -> None:
    """Of an sdist that is kept in git, for one. The body has lines that look like fields."""
    before = installed(bare, sdist, tmp_path / "before", SELECTOR_CUDA="12.4")
    for path in sdist.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert asked_for(bare, sdist)[:2] == [[], []]
    assert installed(bare, sdist, tmp_path / "after", SELECTOR_CUDA="12.4") == before
    assert b"\n\n# Sp\xc3\xa4m\n\nVersion: 3\nDynamic: x\n" in before["METADATA"]


def test_the_sdist_of_a_patched_sdist_is_compiled(
    bare: Floor, equipped: Floor, sdist: Path, tmp_path: Path
) -> None:
    patch(sdist)
    (name,) = equipped.call(sdist, ["build_sdist", str(tmp_path)]).results
    again = unpack(tmp_path / name, tmp_path / "again")
    assert asked_for(bare, again)[:2] == [[], []]
    assert b"spam-patched==2" in installed(bare, again, tmp_path / "out")["METADATA"]
