"""An sdist that carries its backend, installed from a folder with nothing but it and variants.

There is no index: what would be fetched besides stops the install.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment, find_pip, require_python
from support.driver import Driver
from support.environment import Environment, clean_environ, create_environment, run
from support.floor import unpack
from support.index import Index
from support.project import build_sdist, write_carrying, write_spam, write_wheel

FRONTENDS = [pytest.param(OLDEST_PIP, marks=pytest.mark.nightly), NEWEST_PIP, "uv"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder: the sdist and the wheels of what its variants require."""
    folder = tmp_path_factory.mktemp("carrying")
    write_spam(folder / "dist")
    build_sdist(write_carrying(folder / "source"), folder / "dist")
    return folder / "dist"


@pytest.fixture
def sdist(dist: Path) -> Path:
    return dist / "spam-1.0.tar.gz"


class Offline:
    """Fresh environments in which one frontend installs from a folder."""

    def __init__(self, frontend: str, folder: Path, pip: Path | None, dist: Path) -> None:
        self.frontend, self.folder, self.pip, self.dist = frontend, folder, pip, dist
        self.made = 0

    def fresh(self, python: str = sys.executable) -> Environment:
        self.made += 1
        environ = clean_environ(self.folder / "home")
        folder = self.folder / f"venv{self.made}"
        return create_environment(folder, environ, pip=self.pip, python=python)

    def install(
        self, *arguments: str, into: Environment | None = None, check: bool = True, **environ: Any
    ) -> tuple[str, Environment]:
        """Install, and return what was printed and the environment."""
        environment = into or self.fresh()
        more = ("--no-index", "--find-links", str(self.dist), *(arguments or ("spam",)))
        if self.pip:
            process = environment.pip("install", *more, environ=environ, check=check)
        else:
            process = environment.uv(
                "pip", "install", "--offline", *more, environ=environ, check=check
            )
        return process.stdout, environment

    def variant(self, *arguments: str, **environ: Any) -> str:
        """Install and return the variant, which the record has to agree with."""
        _, environment = self.install(*arguments, **environ)
        return variant_of(environment)


def variant_of(environment: Environment) -> str:
    names = environment.installed().keys() - {"spam", "spam-core"}
    assert names == {f"spam-{one}" for one in environment.record()["variants"]}
    return "".join(names).removeprefix("spam-")


@pytest.fixture(params=FRONTENDS)
def offline(
    request: pytest.FixtureRequest, tmp_path: Path, wheelhouse: Path, dist: Path
) -> Offline:
    frontend = request.param
    pip = None if frontend == "uv" else find_pip(wheelhouse, frontend)
    return Offline(frontend, tmp_path, pip, dist)


def test_each_choice_is_right_with_one_warm_cache_and_no_network(
    offline: Offline, driver: Driver
) -> None:
    assert offline.variant(**driver.environ("12.4")) == "cu12"
    assert offline.variant(SPAM_VARIANT="cu11") == "cu11"
    assert offline.variant() == "cpu"


def test_an_unpacked_sdist_is_installed(offline: Offline, sdist: Path, tmp_path: Path) -> None:
    inside = unpack(sdist, tmp_path / "unpacked")
    assert inside.name == "spam-1.0"
    assert offline.variant(str(inside)) == "cpu"
    assert offline.variant(str(inside), SPAM_VARIANT="cu12") == "cu12"
    left = {file for file in inside.rglob("*") if file.is_file() and file.suffix != ".pyc"}
    with tarfile.open(sdist) as archive:
        packed = {*archive.getnames()}
    assert {file.relative_to(inside.parent).as_posix() for file in left} == packed


@pytest.mark.parametrize("offline", [NEWEST_PIP], indirect=True)
def test_pip_downloads_all_that_installing_takes(offline: Offline, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    options = ("--no-index", "--find-links", str(offline.dist), "-d", str(folder))
    offline.fresh().pip("download", *options, "spam", environ={"SPAM_VARIANT": "cu12"})
    wheels = {f"spam_{one}-1.0-py3-none-any.whl" for one in ("core", "cu12")}
    assert {path.name for path in folder.iterdir()} == {"spam-1.0.tar.gz", *wheels}
    offline.dist = folder
    assert offline.variant(SELECTOR_CUDA="12.4") == "cu12"


def requirements(folder: Path, dist: Path, *files: str) -> str:
    lines = []
    for file in files:
        stem = file.partition("-py3")[0].removesuffix(".tar.gz")
        name, _, version = stem.rpartition("-")
        digest = hashlib.sha256((dist / file).read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{digest}\n")
    path = folder / "requirements.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def test_hashes_of_the_sdist_and_of_the_variant_are_all(
    offline: Offline, dist: Path, tmp_path: Path
) -> None:
    """Two hashes, and a third for what the variant requires: all code that runs is in them."""
    files = ("spam-1.0.tar.gz", "spam_cu12-1.0-py3-none-any.whl", "spam_core-1.0-py3-none-any.whl")
    file = requirements(tmp_path, dist, *files)
    hashed = ["--require-hashes", "-r", file]
    if offline.frontend == "uv":
        hashed.append("--require-build-hashes")
    assert offline.variant(*hashed, SPAM_VARIANT="cu12") == "cu12"
    # Another variant than the one whose hash is given is not installed, and is not looked for.
    output, environment = offline.install(*hashed, check=False, SPAM_VARIANT="cpu")
    assert "that was compiled for another one is compiled again with one of" in " ".join(
        output.split()
    )
    assert environment.installed() == {}


@pytest.mark.parametrize("fault", [pytest.param("", marks=pytest.mark.nightly), "hang"])
def test_the_driver_is_asked_once_and_nothing_stays_behind(
    offline: Offline, driver: Driver, tmp_path: Path, fault: str
) -> None:
    log, temporary = tmp_path / "log", tmp_path / "temporary"
    temporary.mkdir()
    environ = driver.environ("12.4", nvml_fault=f"nvmlInitWithFlags:{fault}" * bool(fault), log=log)
    if fault:
        environ["SELECTOR_PROBE_TIMEOUT"] = "2"
    assert offline.variant(**environ, TMPDIR=str(temporary)) == ("cpu" if fault else "cu12")
    asked = [line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()]
    assert asked == (["nvml"] if fault else ["nvml", "cuda"])
    assert [*temporary.rglob("*selector*")] == []
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    # uv has no folder that is one command's alone.
    left = [path.parent.name for path in kept if "selector-machine" in path.name]
    assert left == (["builds-v0"] if offline.frontend == "uv" else [])
    sources = [path.relative_to(tmp_path) for path in kept if "_selector" in path.parts]
    with tarfile.open(offline.dist / "spam-1.0.tar.gz") as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    for path in sources:
        inside = "/".join(path.parts[path.parts.index("_selector") :])
        assert inside in packed or path.suffix == ".pyc"


def test_what_is_installed_beside_it_is_not_used(
    make_environment: MakeEnvironment, spam_index: Index, dist: Path, driver: Driver
) -> None:
    """Without build isolation, where another backend and another pynvml are at hand."""
    environment = make_environment(spam_index)
    for module in ("selector_backend", "pynvml", "archspec"):
        (environment.site_packages / f"{module}.py").write_text(
            f"raise SystemExit('the other {module} runs')\n", encoding="utf-8"
        )
    offline = ("--no-build-isolation", "--no-index", "--find-links", str(dist))
    environment.uv("pip", "install", *offline, "spam", environ=driver.environ("12.4"))
    assert variant_of(environment) == "cu12"
    assert environment.record()["facts"]["cuda"]["source"] == "NVML"


def patch(inside: Path) -> None:
    path = inside / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    other = 'name = "cpu"\nrequires = ["spam-cu11=={version}"]'
    path.write_text(text.replace('name = "cpu"', other), encoding="utf-8")


def test_a_patched_one_stops_with_the_lines_that_compile_it(
    offline: Offline, sdist: Path, tmp_path: Path
) -> None:
    inside = unpack(sdist, tmp_path / "unpacked")
    patch(inside)
    output, environment = offline.install(str(inside), check=False)
    assert environment.installed() == {}
    assert "Traceback" not in output
    assert "error: pyproject.toml was changed after the sdist was built. That takes" in output
    for line in ("[build-system]", 'requires = ["selector-backend>=0.2,<1"]'):
        assert line in output


@pytest.mark.parametrize("frontend", [pytest.param("pip", marks=pytest.mark.nightly), "uv"])
def test_with_these_lines_it_compiles_and_needs_no_folder(
    make_environment: MakeEnvironment,
    spam_index: Index,
    sdist: Path,
    tmp_path: Path,
    frontend: str,
) -> None:
    inside = unpack(sdist, tmp_path / "unpacked")
    patch(inside)
    readme = (inside / "_selector/README.md").read_text(encoding="utf-8")
    lines = readme.partition("```toml\n")[2].partition("```")[0]
    path = inside / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{lines}\n[project]{text.partition('[project]')[2]}", encoding="utf-8")
    shutil.rmtree(inside / "_selector")
    environment = make_environment(spam_index, pip=NEWEST_PIP if frontend == "pip" else None)
    if frontend == "pip":
        environment.pip("install", str(inside))
    else:
        environment.uv("pip", "install", str(inside))
    assert environment.installed().keys() == {"spam", "spam-core", "spam-cu11"}


def test_other_line_ends_are_no_change(offline: Offline, sdist: Path, tmp_path: Path) -> None:
    inside = unpack(sdist, tmp_path / "unpacked")
    for path in inside.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert offline.variant(str(inside), SELECTOR_CUDA="12.4") == "cu12"


PYTHONS = {"3.9": "3.13", "3.13": "3.9"}


@pytest.fixture(scope="module")
def built_by(
    wheelhouse: Path, dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """The folders of two Pythons, each with the sdist that it built."""
    folders = {}
    with Index(wheelhouse, dist) as index:
        for version in PYTHONS:
            folder = tmp_path_factory.mktemp(f"built-by-{version}")
            environ = {**clean_environ(folder / "home"), "UV_DEFAULT_INDEX": index.url}
            python = require_python(version)
            environment = create_environment(folder / "venv", environ, pip=None, python=python)
            # The newest one for the oldest Python is what both can carry.
            compiling = ("packaging<26.4", "pyproject-metadata", "tomlkit", "tomli")
            environment.uv("pip", "install", "selector-backend", *compiling)
            write_spam(folder / "dist")
            for number in ("2.1", "3.0"):
                write_wheel(folder / "dist", "eggs", number)
            source = write_carrying(folder / "source", CPU_TOO)
            code = "import selector_backend as b, sys; b.build_sdist(sys.argv[1])"
            environment.run("-c", code, str(folder / "dist"), cwd=source)
            folders[version] = folder / "dist"
        yield folders


CPU_TOO = """
[tool.selector]

[[tool.selector.variant]]
name = "cu11"
when = { installed = "eggs>=2,<3" }

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", compute-capability = ">=7", cpu = true }

[[tool.selector.variant]]
name = "cpu"
"""


@pytest.mark.parametrize("version", ["3.9", pytest.param("3.13", marks=pytest.mark.nightly)])
def test_another_python_installs_it(
    built_by: dict[str, Path], tmp_path: Path, wheelhouse: Path, driver: Driver, version: str
) -> None:
    folder, python = built_by[PYTHONS[version]], require_python(version)
    pip = find_pip(wheelhouse, OLDEST_PIP if version == "3.9" else NEWEST_PIP)
    offline = Offline("pip", tmp_path, pip, folder)
    environment = offline.fresh(python)
    variables: dict[str, Any] = {**driver.environ("12.4")}
    offline.install(into=environment, **variables)
    assert variant_of(environment) == "cu12"
    facts = environment.record()["facts"]
    assert facts["cuda"]["source"] == "NVML"
    assert facts["cpu"]["source"] == "archspec"


@pytest.mark.nightly
@pytest.mark.parametrize("version", PYTHONS)
def test_versions_of_what_is_installed_are_compared_offline(
    built_by: dict[str, Path], tmp_path: Path, wheelhouse: Path, version: str
) -> None:
    """By the packaging that the sdist carries: the environment has none, or is not looked into."""
    folder, python = built_by[PYTHONS[version]], require_python(version)
    pip = find_pip(wheelhouse, OLDEST_PIP if version == "3.9" else NEWEST_PIP)
    offline = Offline("pip", tmp_path, pip, folder)
    for there, variant in (("eggs==2.1", "cu11"), ("eggs==3.0", "cpu")):
        environment = offline.fresh(python)
        offline.install(there, into=environment)
        offline.install(into=environment)
        assert environment.record()["variants"] == [variant]
    # uv shows no environment to an isolated build; what is stated is compared alike.
    offline.pip = None
    environment = offline.fresh(python)
    offline.install(into=environment, SELECTOR_INSTALLED="eggs==2.1")
    assert environment.record()["variants"] == ["cu11"]


def test_every_python_carries_the_same(built_by: dict[str, Path]) -> None:
    """The archives' bytes are zlib's, which differs with the Python; what is in them does not."""
    tars = [(folder / "spam-1.0.tar.gz").read_bytes() for folder in built_by.values()]
    assert len({gzip.decompress(one) for one in tars}) == 1


def test_an_unknown_caller_gets_a_plain_wheel(sdist: Path, tmp_path: Path) -> None:
    inside = unpack(sdist, tmp_path / "unpacked")
    code = (
        "import sys; from pyproject_hooks import BuildBackendHookCaller as C; "
        "c = C(sys.argv[1], 'selector_backend', backend_path=['_selector']); "
        "print(c.get_requires_for_build_wheel(), c.build_wheel(sys.argv[2]))"
    )
    environ = {**clean_environ(tmp_path / "home"), "SPAM_VARIANT": "cu12"}
    process = run([sys.executable, "-c", code, str(inside), str(tmp_path / "out")], environ)
    assert process.stdout.splitlines()[-1].split() == ["[]", "spam-1.0-py3-none-any.whl"]
