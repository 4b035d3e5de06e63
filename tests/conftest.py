"""What the tests share: packages fetched beforehand, stand-in drivers, indexes, environments.

And how many examples Hypothesis tries: few and the same ones, or, by a variable, many others.
`SELECTOR_BACKEND_EXAMPLES=100000 pytest tests/unit` looks for what has not been found yet.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from support.driver import Driver, compile_driver
from support.environment import ROOT, Environment, clean_environ, create_environment, find_python
from support.index import Index
from support.project import build_sdist, write_project, write_spam

if TYPE_CHECKING:
    from collections.abc import Iterator

if os.name == "nt":
    # Tests expect commands as Bash takes them; those of `test_shell.py` name their shell.
    os.environ["MSYSTEM"] = "MINGW64"

#: The oldest pip that the backend promises to work with, and the newest for this Python.
OLDEST_PIP, NEWEST_PIP = "21.2.4", "26.3" if sys.version_info >= (3, 10) else "26.0.1"

#: What reads PEP 825 by variantlib, which takes Python 3.10.
collect_ignore = ["property/test_variant_wheels.py"] if sys.version_info < (3, 10) else []

_EXAMPLES = os.environ.get("SELECTOR_BACKEND_EXAMPLES")
settings.register_profile(
    "tests",
    max_examples=int(_EXAMPLES or 25),
    deadline=None,
    derandomize=not _EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of pytest-xdist share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def wheelhouse(shared_folder: Path) -> Path:
    """Everything that the tests need from a registry, and this checkout's own wheels.

    The one of selector-runtime is in the folder `runtime`, which no index serves by itself.
    It is fetched with this machine's configuration; what is under test sees only loopback.
    SELECTOR_BACKEND_WHEELHOUSE names the one of another run.
    """
    if ready := os.environ.get("SELECTOR_BACKEND_WHEELHOUSE"):
        return Path(ready)
    folder = shared_folder / "wheelhouse"
    with FileLock(str(folder) + ".lock"):
        if not folder.exists():
            _fetch(folder.with_name("wheelhouse-partial"))
            folder.with_name("wheelhouse-partial").rename(folder)
    return folder


def _fetch(folder: Path) -> None:
    def pip(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], check=True)

    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    pip("wheel", "--no-deps", "--wheel-dir", str(folder / "runtime"), str(ROOT / "runtime"))
    (backend,) = folder.glob("selector_backend-*.whl")
    download = ("download", "--only-binary=:all:", "--dest", str(folder))
    versions = ("dynamic-metadata", "vcs-versioning", "setuptools-scm", "setuptools", "build")
    pip(*download, f"{backend}[cli,tree]", "flit_core<5", f"pip=={NEWEST_PIP}", *versions)
    pip(*download, "--no-deps", f"pip=={OLDEST_PIP}", "py-cpuinfo")
    pip(*download, "--python-version=3.9", f"{backend}[cli,tree]")


def find_pip(wheelhouse: Path, version: str) -> Path:
    """Return the wheel of a pip."""
    return next(wheelhouse.glob(f"pip-{version}-*.whl"))


@pytest.fixture(scope="session")
def runtime_wheel(wheelhouse: Path) -> Path:
    """The wheel of this checkout's selector-runtime."""
    return next((wheelhouse / "runtime").iterdir())


@pytest.fixture(scope="session")
def spam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of spam, a selector package, and its variants' wheels."""
    folder = tmp_path_factory.mktemp("spam")
    write_spam(folder / "dist")
    build_sdist(write_project(folder / "source"), folder / "dist")
    return folder / "dist"


@pytest.fixture(scope="session")
def spam_index(wheelhouse: Path, spam_folder: Path) -> Iterator[Index]:
    """An index that has spam and all that it takes to install it."""
    with Index(wheelhouse, spam_folder) as index:
        yield index


@pytest.fixture(scope="session")
def serve(wheelhouse: Path) -> Iterator[Callable[[Path], Index]]:
    """Serve a folder of distributions, together with what it takes to install them."""
    running = []

    def start(folder: Path) -> Index:
        index = Index(wheelhouse, folder)
        running.append(index)
        return index.__enter__()

    yield start
    for index in running:
        index.__exit__()


MakeEnvironment = Callable[..., Environment]


@pytest.fixture
def make_environment(tmp_path: Path, wheelhouse: Path) -> MakeEnvironment:
    """Make fresh environments that know no index but the one given."""
    made = 0

    def make(
        index: Index, *, pip: str | None = NEWEST_PIP, python: str | None = None, name: str = "venv"
    ) -> Environment:
        nonlocal made
        made += 1
        environ = clean_environ(tmp_path / "home")
        environ |= {"PIP_INDEX_URL": index.url, "UV_DEFAULT_INDEX": index.url}
        wheel = find_pip(wheelhouse, pip) if pip else None
        interpreter = require_python(python) if python else sys.executable
        return create_environment(
            tmp_path / f"{name}{made}", environ, pip=wheel, python=interpreter
        )

    return make


def require_python(version: str) -> str:
    """Return an interpreter of a version, or skip the test, saying how to get one."""
    python = find_python(version)
    if python is None:
        pytest.skip(
            f"needs Python {version}: put python{version} on PATH or `pyenv install {version}`"
        )
    return python


def require_links(folder: Path) -> None:
    """Skip the test where no symbolic link can be made in a folder, or where it leads nowhere."""
    link = folder / "link-that-is-tried"
    with contextlib.suppress(OSError):
        link.symlink_to(".", target_is_directory=True)
    leads = link.is_dir()
    link.unlink(missing_ok=True)
    if not leads:
        pytest.skip("takes symbolic links, which Windows makes for developers, and wine does not")


def require_name(folder: Path, name: str) -> None:
    """Skip the test where no file in a folder can have a name."""
    with contextlib.suppress(OSError):
        (folder / name).touch()
    if name not in os.listdir(folder):  # noqa: PTH208 - the name as it is, not as a path
        pytest.skip(f"no file can have the name {name!r} on this system")


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """A stand-in driver that is whole: NVML and the CUDA driver library."""
    return compile_driver(tmp_path_factory.mktemp("driver"), "nvml", "cuda")


@pytest.fixture(scope="session")
def driver_without_nvml(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """A stand-in driver as on Jetson."""
    return compile_driver(tmp_path_factory.mktemp("driver-cuda"), "cuda")


@pytest.fixture(scope="session")
def driver_without_cuda(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """A stand-in driver that has NVML only, as in a container for utilities."""
    return compile_driver(tmp_path_factory.mktemp("driver-nvml"), "nvml")
