"""The hooks of a tree: what each builds, and that the tree stays as it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from support.hooks import Backend
from support.project import hook_environ
from support.tree import (
    KINDS,
    TreeBackend,
    contents,
    failure,
    fields,
    is_unchanged,
    modes,
    patch_tree,
    wheel_metadata,
    write_tree,
)

PURE = ("flit_core", "hatchling", "setuptools")

#: An inner backend that lies in the tree, and says what it was given.
IN_TREE = """\
import json, os, pathlib, sys, time, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return ["tool-of-wheels"]

def get_requires_for_build_sdist(config_settings=None):
    return ["tool-of-sdists"]

def get_requires_for_build_editable(config_settings=None):
    return ["tool-of-editables"]

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if os.environ.get("FAIL_OF_TEST"):
        raise RuntimeError("the compiler is missing")
    if os.environ.get("WAIT_OF_TEST"):
        pathlib.Path(os.environ["WAIT_OF_TEST"]).touch()
        time.sleep(30)
    given = {
        "settings": config_settings,
        "variant": os.environ.get("SPAM_BUILD_VARIANT"),
        "pid": os.getpid(),
    }
    name = "spam-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("spam.json", json.dumps(given))
        info = "spam-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: spam\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", f"spam.json,,\\n{info}/METADATA,,\\n{info}/RECORD,,\\n")
    print("building the wheel")
    return name

build_editable = build_wheel
"""

TABLE = """\
[tool.selector]
backend = "in_tree"
backend-path = ["build tools"]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }
dependencies = ["hypothesis=={built:hypothesis:2}.*", "eggs"]

[[tool.selector.variant]]
name = "rocm"
when = { rocm = ">=6" }
dependencies = ["torch=={built:torch:2}.*"]

[[tool.selector.variant]]
name = "cpu"
"""


@pytest.fixture
def in_tree(tmp_path: Path) -> Path:
    """A tree whose inner backend lies in it."""
    tree = write_tree(tmp_path / "tree", table=TABLE)
    (tree / "build tools").mkdir()
    (tree / "build tools/in_tree.py").write_text(IN_TREE, encoding="utf-8")
    (tree / ".gitignore").write_text("*\n", encoding="utf-8")
    return tree


def given(wheel: Path) -> dict[str, object]:
    answer: dict[str, object] = json.loads(contents(wheel)["spam.json"])
    return answer


@pytest.mark.parametrize("kind", PURE)
def test_a_variant_is_what_the_inner_backend_builds_under_its_name(
    kind: str, tmp_path: Path
) -> None:
    """As if the tree had been patched by hand, and built by the inner backend alone."""
    tree = write_tree(tmp_path / "tree", kind)
    wheel = TreeBackend(tree).build("wheel", tmp_path / "out", **{"build-variant": "cu12"})
    assert wheel.name == "spam_cu12-1.0-py3-none-any.whl"
    assert is_unchanged(tree)

    patched = write_tree(tmp_path / "patched", kind)
    patch_tree(patched, "spam-cu12", "nvidia-runtime>=1.0; sys_platform == 'linux'")
    (tmp_path / "by hand").mkdir()
    alone = Backend(patched, {"SPAM_BUILD_VARIANT": "cu12"}, backend=KINDS[kind].backend)
    by_hand = alone.call("build_wheel", str(tmp_path / "by hand"))
    ours, theirs = contents(wheel), contents(tmp_path / "by hand" / by_hand)
    assert ours.keys() == theirs.keys()
    assert modes(wheel) == modes(tmp_path / "by hand" / by_hand)
    changed = [path for path in ours if ours[path] != theirs[path]]
    assert {path.rpartition("/")[2] for path in changed} <= {"METADATA", "RECORD"}
    mine, other = wheel_metadata(wheel), wheel_metadata(tmp_path / "by hand" / by_hand)
    assert fields(mine) == fields(other)
    assert mine.get_payload() == other.get_payload()


@pytest.mark.parametrize("kind", PURE)
def test_what_is_prepared_is_what_is_built(kind: str, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", kind)
    backend, settings = TreeBackend(tree), {"build-variant": "cu12"}
    (tmp_path / "prepared").mkdir()
    name = backend.call("prepare_metadata_for_build_wheel", str(tmp_path / "prepared"), settings)
    assert name == "spam_cu12-1.0.dist-info"
    prepared = tmp_path / "prepared" / name
    wheel = tmp_path / backend.call("build_wheel", str(tmp_path), settings, str(prepared))
    built = contents(wheel)
    assert (prepared / "METADATA").read_bytes() == built[f"{name}/METADATA"]
    assert is_unchanged(tree)


def test_one_variant_after_the_other_is_built_from_its_own_files(tmp_path: Path) -> None:
    """setuptools keeps what it builds in ``build/``, and takes it again where it is no older."""
    tree = write_tree(tmp_path / "tree", "setuptools")
    backend = TreeBackend(tree)
    os.utime(tree / "kinds/cu12/kind.py", (1, 1))
    for variant in ("cpu", "cu12", "cpu"):
        wheel = backend.build("wheel", tmp_path / "out", **{"build-variant": variant})
        assert contents(wheel)["spam/kind.py"].decode() == f"KIND = {variant!r}\n"


def test_the_inner_backend_gets_its_settings_and_the_variant(in_tree: Path, tmp_path: Path) -> None:
    ours = {"build-variant": "CU12", "variant": "cpu", "machine": "m.json", "portable": "true"}
    theirs = {"setup-args": ["-Da", "-Db"], "cmake.define.A": "1"}
    backend = TreeBackend(in_tree, SPAM_BUILD_VARIANT="cpu")
    wheel = backend.build("wheel", tmp_path / "out", **ours, **theirs)
    got = given(wheel)
    assert (got["settings"], got["variant"]) == (theirs, "cu12")
    assert wheel.name.startswith("spam_cu12-")
    assert "building the wheel" in backend.output

    wheel = backend.build("wheel", tmp_path / "out")
    assert (given(wheel)["variant"], wheel.name) == ("cpu", "spam_cpu-1.0-py3-none-any.whl")
    wheel = backend.build("wheel", tmp_path / "out", **{"build-variant": ""})
    assert (given(wheel)["variant"], wheel.name) == (None, "spam-1.0-py3-none-any.whl")


def test_a_setting_that_names_the_tree_counts_and_goes_no_further(
    in_tree: Path, tmp_path: Path
) -> None:
    """Nor does what names another project: some backends refuse what they do not know."""
    backend = TreeBackend(in_tree)
    ours = {"Spam:build-variant": "cpu", "build-variant": "cu12", "spam:variant": "cu12"}
    settings = {**ours, "eggs:variant": "cu99", "eggs:build-variant": "x", "jobs": "2"}
    wheel = backend.build("wheel", tmp_path, **settings)
    assert wheel.name == "spam_cpu-1.0-py3-none-any.whl"
    assert given(wheel)["settings"] == {"jobs": "2"}
    text = failure(backend, "build_wheel", tmp_path, {"spam:build-varaint": "cu12"})
    assert "-C spam:build-varaint is not a setting of spam, did you mean 'build-variant'?" in text
    text = failure(backend, "build_wheel", tmp_path, {"spam:build-variant": "cu99"})
    assert "-C spam:build-variant" in text


def test_what_a_build_requires_is_what_the_inner_backend_says(in_tree: Path) -> None:
    backend, variant = TreeBackend(in_tree), {"build-variant": "cpu"}

    def requires(kind: str, settings: dict[str, str]) -> list[str]:
        return list(backend.call(f"get_requires_for_build_{kind}", settings))

    assert requires("wheel", variant) == requires("wheel", {}) == ["tool-of-wheels"]
    assert requires("sdist", variant) == ["tool-of-sdists"]
    # Its metadata are asked for, or else its sdist.
    assert requires("sdist", {}) == ["tool-of-wheels", "tool-of-sdists"]
    assert requires("editable", {}) == ["tool-of-editables"]


def test_what_was_built_against_is_required_in_that_version(in_tree: Path, tmp_path: Path) -> None:
    wheel = TreeBackend(in_tree).build("wheel", tmp_path / "out", **{"build-variant": "cu12"})
    two = ".".join(version("hypothesis").split(".")[:2])
    required = wheel_metadata(wheel).get_all("Requires-Dist")
    assert required == [f"hypothesis=={two}.*", "eggs"]


def test_what_was_not_there_to_build_against_is_one_message(in_tree: Path, tmp_path: Path) -> None:
    said = failure(TreeBackend(in_tree), "build_wheel", tmp_path, {"build-variant": "rocm"})
    assert "{built:torch}, and torch is not in the build environment" in said
    assert "[build-system] requires selector-backend[tree]>=0.2,<1, flit_core" in said
    assert not [*tmp_path.glob("*.whl")]


def test_a_plain_wheel_that_is_kept_is_one_that_no_index_takes(
    in_tree: Path, tmp_path: Path
) -> None:
    backend = TreeBackend(in_tree)
    wheel = backend.build("wheel", tmp_path / "out")
    assert wheel_metadata(wheel)["Classifier"] == "Private :: Do Not Upload"
    assert "a variant's is built with -C build-variant=NAME" in backend.output
    variant = backend.build("wheel", tmp_path / "out", **{"build-variant": "cpu"})
    assert wheel_metadata(variant)["Classifier"] is None
    assert "note" not in backend.output


@pytest.mark.parametrize("asked", ["cu13", "none", ["cpu", "cu12"]])
def test_a_variant_that_is_none_is_one_message(
    in_tree: Path, tmp_path: Path, asked: object
) -> None:
    backend = TreeBackend(in_tree)
    for hook in ("build_wheel", "build_sdist", "prepare_metadata_for_build_wheel"):
        said = failure(backend, hook, tmp_path, {"build-variant": asked})
        expected = "cu12, rocm, cpu" if isinstance(asked, str) else "set more than once"
        assert expected in said
        assert "Traceback" not in said


def test_a_build_that_fails_says_so_once_and_leaves_the_tree_as_it_was(
    tmp_path: Path,
) -> None:
    tree = write_tree(tmp_path / "tree", "setuptools")
    (tree / "setup.py").write_text("raise SystemExit('no compiler')\n", encoding="utf-8")
    backend = TreeBackend(tree)
    said = failure(backend, "build_wheel", tmp_path, {"build-variant": "cu12"})
    assert "no compiler" in said
    assert "the inner backend setuptools.build_meta stopped in build_wheel" in said
    assert "selector_backend/variant.py" not in said  # no traceback of ours
    (tree / "setup.py").write_text(KINDS["setuptools"].files["setup.py"], encoding="utf-8")
    assert is_unchanged(tree)
    assert not [*tmp_path.glob("*.whl")]


def test_a_build_that_is_killed_leaves_the_tree_as_it_was(in_tree: Path, tmp_path: Path) -> None:
    (in_tree / ".gitignore").unlink()
    before = {path: path.read_bytes() for path in in_tree.rglob("*") if path.is_file()}
    started = tmp_path / "started"
    code = "import selector_backend.variant as b; b.build_wheel('out', {'build-variant': 'cpu'})"
    environ = hook_environ(WAIT_OF_TEST=str(started), PYTHONDONTWRITEBYTECODE="1")
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=in_tree, env=environ, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while not started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert before == {path: path.read_bytes() for path in in_tree.rglob("*") if path.is_file()}


def test_an_inner_backend_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    table = TABLE.replace("in_tree", "gone.build").replace("backend-path", "# backend-path")
    tree = write_tree(tmp_path / "tree", table=table)
    said = failure(TreeBackend(tree), "build_wheel", tmp_path, {"build-variant": "cpu"})
    assert "'gone.build', which cannot be imported: ModuleNotFoundError: No module" in said
    assert "to [build-system] requires" in said
    assert "Traceback" not in said


def test_without_the_extra_it_says_what_to_write(in_tree: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject_hooks-0.9.dist-info").mkdir()
    (tmp_path / "pyproject_hooks-0.9.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: pyproject-hooks\nVersion: 0.9\n", encoding="utf-8"
    )
    backend = TreeBackend(in_tree, PYTHONPATH=str(tmp_path))
    assert 'write "selector-backend[tree]"' in failure(backend, "get_requires_for_build_wheel")
