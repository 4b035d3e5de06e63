"""The two sdists of a tree: the selector package's, and the code's under a variant's name."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from packaging.metadata import Metadata
from support.hooks import Backend
from support.tree import (
    KINDS,
    TreeBackend,
    contents,
    failure,
    fields,
    is_unchanged,
    metadata,
    wheel_metadata,
    write_tree,
)

from selector_backend.authoring import toml

PURE = ("flit_core", "hatchling", "setuptools")

#: What an inner backend in a tree may be: one that only builds sdists, and never the code.
NO_METADATA = """\
import io, os, tarfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("the code is not to be built")

def build_sdist(sdist_directory, config_settings=None):
    with tarfile.open(os.path.join(sdist_directory, "spam-1.0.tar.gz"), "w:gz") as archive:
        content = PKG_INFO.encode()
        info = tarfile.TarInfo("spam-1.0/PKG-INFO")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return "spam-1.0.tar.gz"
"""


def unpack(sdist: Path, target: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(target)
    (folder,) = target.iterdir()
    assert folder.name == sdist.name.removesuffix(".tar.gz")
    return folder


def members(sdist: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(sdist) as archive:
        return {one.name.partition("/")[2]: one for one in archive if one.isreg()}


def read_toml(folder: Path) -> dict[str, Any]:
    return toml.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", PURE)
def test_the_selector_package_is_what_the_code_says_of_itself(kind: str, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", kind)
    sdist = TreeBackend(tree).build("sdist", tmp_path / "out")
    assert is_unchanged(tree)
    assert sdist.name == "spam-1.0.tar.gz"
    assert sorted(members(sdist)) == [
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "selector-table.json",
    ]
    folder = unpack(sdist, tmp_path / "unpacked")
    of_code = wheel_metadata(TreeBackend(tree).build("wheel", tmp_path / "out"))
    of_selector = metadata((folder / "PKG-INFO").read_bytes())
    Metadata.from_email((folder / "PKG-INFO").read_bytes(), validate=True)
    apart = (
        "metadata-version",
        "dynamic",
        "requires-dist",
        "classifier",
        "provides-extra",
        "import-name",
    )
    of_both = [[one for one in fields(of) if one[0] not in apart] for of in (of_selector, of_code)]
    assert of_both[0] == of_both[1]
    assert len(of_both[0]) > 8
    claimed = of_code.get_all("Import-Name")  # flit_core writes it by itself
    assert (claimed, of_selector.get_all("Import-Name")) in [(["spam"], [""]), (None, None)]
    assert of_selector.get_all("Classifier") == ["Programming Language :: Python :: 3"]
    assert {*of_selector.get_all("Provides-Extra", [])} == {"plot", "all"}
    assert str(of_selector.get_payload()).strip() == str(of_code.get_payload()).strip() == "# spam"
    assert read_toml(folder)["build-system"] == {
        "requires": ["selector-backend>=0.2,<1"],
        "build-backend": "selector_backend",
    }


def test_the_selector_package_of_a_tree_can_carry_its_backend(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("[tool.selector]", "[tool.selector]\nself-contained = true"), "utf-8"
    )
    folder = unpack(TreeBackend(tree).build("sdist", tmp_path / "out"), tmp_path / "unpacked")
    assert read_toml(folder)["build-system"] == {
        "requires": [],
        "build-backend": "selector_backend",
        "backend-path": ["_selector"],
    }
    assert metadata((folder / "PKG-INFO").read_bytes())["Requires-Python"] == ">=3.9"
    names = {one.name for one in (folder / "_selector").iterdir()}
    assert names == {"README.md", "licenses", "pynvml.py", "selector_backend", "tomli"}
    assert not (folder / "_selector/selector_backend/variant.py").exists()
    code = TreeBackend(tree).build("sdist", tmp_path / "out", **{"build-variant": "cpu"})
    assert not [name for name in members(code) if name.startswith("_selector")]


def test_from_the_selector_packages_sdist_wheels_are_the_selector_packages(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    sdist = TreeBackend(tree).build("sdist", tmp_path / "out")
    folder = unpack(sdist, tmp_path / "unpacked")
    backend = Backend(folder, {"SPAM_VARIANT": "cu12", "SPAM_BUILD_VARIANT": "cpu"})
    wheel = tmp_path / "out" / backend.call("build_wheel", str(tmp_path / "out"))
    files = {path.partition("/")[2]: content for path, content in contents(wheel).items()}
    # pipx and uv look for commands in the package that they are asked for.
    assert files["entry_points.txt"] == b"[console_scripts]\nspam = spam:main\n"
    assert "selector.json" in files
    built = wheel_metadata(wheel)
    assert {*built.get_all("Requires-Dist", [])} == {
        'spam-common[all]==1.0; extra == "all"',
        'spam-common[plot]==1.0; extra == "plot"',
        "spam-common==1.0",
        'spam-cu12[all]==1.0; extra == "all"',
        'spam-cu12[plot]==1.0; extra == "plot"',
        "spam-cu12==1.0",
    }
    # Its table is compiled, and says nothing of a tree.
    compiled = json.loads((folder / "selector-table.json").read_text(encoding="utf-8"))
    assert compiled["selector"]["variants"][0]["requires"] == ["spam-common==1.0", "spam-cu12==1.0"]
    assert "nvidia" not in (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert "flit" not in (folder / "pyproject.toml").read_text(encoding="utf-8")


def test_the_same_tree_gives_the_same_sdists(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    backend = TreeBackend(tree, SOURCE_DATE_EPOCH="1700000000")
    for settings in ({}, {"build-variant": "cpu"}):
        one = backend.build("sdist", tmp_path / "one", **settings)
        two = backend.build("sdist", tmp_path / "two", **settings)
        assert one.read_bytes() == two.read_bytes()


def test_a_dynamic_version_is_what_the_inner_backend_finds(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    module, pyproject = tree / "src/spam/__init__.py", tree / "pyproject.toml"
    module.write_text("'''Spam'''\n__version__ = '2.5.0rc1'\n", encoding="utf-8")
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace('version = "1.0"', 'dynamic = ["version"]'), encoding="utf-8")
    backend = TreeBackend(tree)
    assert backend.build("sdist", tmp_path / "out").name == "spam-2.5.0rc1.tar.gz"
    folder = unpack(tmp_path / "out/spam-2.5.0rc1.tar.gz", tmp_path / "unpacked")
    assert read_toml(folder)["project"]["version"] == "2.5.0rc1"
    wheel = backend.build("wheel", tmp_path / "out", **{"build-variant": "cu12"})
    assert wheel.name == "spam_cu12-2.5.0rc1-py3-none-any.whl"
    required = wheel_metadata(wheel).get_all("Requires-Dist", [])
    assert "nvidia-runtime>=2.5.0rc1; sys_platform == 'linux'" in required
    source = backend.build("sdist", tmp_path / "out", **{"build-variant": "cpu"})
    assert source.name == "spam_cpu-2.5.0rc1.tar.gz"


@pytest.mark.parametrize(
    ("pkg_info", "dynamic", "opened"),
    [
        ("Metadata-Version: 2.2\nSummary: spam\n", "", None),
        ("Metadata-Version: 2.2\nDynamic: Summary\n", "", "summary"),
        ("Metadata-Version: 2.5\nSummary: spam\nDynamic: Import-Name\n", "", None),
        # Before 2.2, metadata can't say it, but [project] does.
        ("Metadata-Version: 2.1\nSummary: spam\n", "", None),
        ("Metadata-Version: 2.1\nSummary: spam\n", 'dynamic = ["description"]', "description"),
    ],
)
def test_without_a_hook_for_metadata_the_sdist_says_them_and_the_code_is_never_built(
    tmp_path: Path, pkg_info: str, dynamic: str, opened: str | None
) -> None:
    table = '[tool.selector]\nbackend = "in_tree"\nbackend-path = ["."]\n'
    table += '[[tool.selector.variant]]\nname = "cpu"\n'
    tree = write_tree(tmp_path / "tree", table=table)
    if dynamic:
        pyproject = tree / "pyproject.toml"
        text = pyproject.read_text(encoding="utf-8")
        static = 'description = "A spam for every machine"'
        assert static in text
        pyproject.write_text(text.replace(static, dynamic), encoding="utf-8")
    said_there = f"Name: spam\nVersion: 1.0\n{pkg_info}"
    code = f"PKG_INFO = {said_there!r}\n{NO_METADATA}"
    (tree / "in_tree.py").write_text(code, encoding="utf-8")
    if opened is None:
        sdist = TreeBackend(tree).build("sdist", tmp_path / "out")
        assert b"Summary: spam\n" in (unpack(sdist, tmp_path / "new") / "PKG-INFO").read_bytes()
        return
    said = failure(TreeBackend(tree), "build_sdist", tmp_path)
    assert "in_tree has no prepare_metadata_for_build_wheel" in said
    assert f"has no final {opened}." in said


@pytest.mark.parametrize("kind", [*PURE, "poetry-core"])
def test_the_codes_sdist_builds_the_variant_with_the_inner_backend_alone(
    kind: str, tmp_path: Path
) -> None:
    tree = write_tree(tmp_path / "tree", kind)
    backend = TreeBackend(tree)
    sdist = backend.build("sdist", tmp_path / "out", **{"build-variant": "cu12"})
    assert is_unchanged(tree)
    assert sdist.name == "spam_cu12-1.0.tar.gz"
    folder = unpack(sdist, tmp_path / "unpacked")
    assert read_toml(folder)["build-system"] == {
        "requires": [KINDS[kind].requires.strip('"')],
        "build-backend": KINDS[kind].backend,
    }
    assert "selector" not in (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert metadata((folder / "PKG-INFO").read_bytes())["Name"] == "spam-cu12"

    # Who builds it may know nothing of variants.
    alone = Backend(folder, {"SPAM_BUILD_VARIANT": "cu12"}, backend=KINDS[kind].backend)
    (tmp_path / "alone").mkdir()
    theirs = tmp_path / "alone" / alone.call("build_wheel", str(tmp_path / "alone"))
    ours = backend.build("wheel", tmp_path / "out", **{"build-variant": "cu12"})
    assert theirs.name == ours.name
    assert fields(wheel_metadata(theirs)) == fields(wheel_metadata(ours))
    code = {
        path: one for path, one in contents(ours).items() if "/" in path and "-info/" not in path
    }
    assert code == {path: one for path, one in contents(theirs).items() if "-info/" not in path}


@pytest.mark.parametrize("kind", PURE)
def test_the_codes_sdist_has_every_file_as_it_is(kind: str, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", kind)
    sdist = TreeBackend(tree).build("sdist", tmp_path / "out", **{"build-variant": "cpu"})
    inner = Backend(tree, backend=KINDS[kind].backend)
    (tmp_path / "inner").mkdir()
    theirs = tmp_path / "inner" / inner.call("build_sdist", str(tmp_path / "inner"))
    ours, others = members(sdist), members(theirs)
    assert list(ours) == list(others)
    assert [(i.mode, i.mtime, i.uid) for i in ours.values()] == [
        (i.mode, i.mtime, i.uid) for i in others.values()
    ] or kind == "setuptools"  # which writes some files anew each time
    one, two = unpack(sdist, tmp_path / "one"), unpack(theirs, tmp_path / "two")
    for path in ours:
        same = (one / path).read_bytes() == (two / path).read_bytes()
        assert same == (path not in ("pyproject.toml", "PKG-INFO")), path


def test_links_and_long_names_of_the_codes_sdist_stay(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "setuptools")
    long = "kinds/" + "/".join(["a very long name of a folder"] * 8) + "/Größe.txt"
    (tree / long).parent.mkdir(parents=True)
    (tree / long).write_text("long\n", encoding="utf-8")
    sdist = TreeBackend(tree).build("sdist", tmp_path / "out", **{"build-variant": "cpu"})
    assert (unpack(sdist, tmp_path / "new") / long).read_text(encoding="utf-8") == "long\n"


BUILT = """\
[tool.selector]
backend = "flit_core.buildapi"
[[tool.selector.variant]]
name = "cu12"
dependencies = ["torch=={built:torch:2}.*"]
"""
DYNAMIC = """\
[tool.setuptools.dynamic]
dependencies = { file = "requirements.txt" }
optional-dependencies.all = { file = "all.txt" }

[tool.selector]
backend = "setuptools.build_meta"
[[tool.selector.variant]]
name = "cu12"
dependencies = ["nvidia-runtime>={version}"]
[[tool.selector.variant]]
name = "cpu"
"""


def test_an_sdist_cannot_say_what_its_code_will_be_built_against(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", table=BUILT)
    said = failure(TreeBackend(tree), "build_sdist", tmp_path, {"build-variant": "cu12"})
    assert "{built:...}, which is known only after the code is built" in said


def test_dependencies_that_cannot_be_written_into_an_sdist_are_one_message(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "setuptools")
    text = (tree / "pyproject.toml").read_text(encoding="utf-8")
    head = text.partition("dependencies = [")[0] + 'dynamic = ["dependencies"]\n'
    head += text.partition("[tool.selector]")[0].rpartition("[project.urls]")[2]
    (tree / "pyproject.toml").write_text(
        head.replace('Homepage = "https://spam.example"\n', "") + DYNAMIC.replace("optional", "#"),
        encoding="utf-8",
    )
    (tree / "requirements.txt").write_text("eggs\n", encoding="utf-8")
    backend = TreeBackend(tree)
    said = failure(backend, "build_sdist", tmp_path, {"build-variant": "cu12"})
    assert "nvidia-runtime>=1.0" in said
    assert "project.dependencies is dynamic" in said
    # A wheel is no problem, and neither is a variant that requires nothing more.
    wheel = backend.build("wheel", tmp_path / "out", **{"build-variant": "cu12"})
    assert wheel_metadata(wheel).get_all("Requires-Dist") == ["eggs", "nvidia-runtime>=1.0"]
    backend.build("sdist", tmp_path / "out", **{"build-variant": "cpu"})
    (tree / "requirements.txt").write_text("eggs\nSpam[plot]\n", encoding="utf-8")
    said = failure(backend, "build_sdist", tmp_path, {"build-variant": "cpu"})
    assert "'Spam[plot]', itself" in said
    assert "it is dynamic" in said
