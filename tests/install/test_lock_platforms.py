"""One lock for every machine: what uv, poetry and pdm lock, and what each platform gets of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from packaging.requirements import Requirement
from support.driver import Driver
from support.environment import ROOT, Environment, clean_environ, find_uv, install_program, run
from support.index import Index
from support.project import CUDA, build_sdist, write_carrying, write_spam, write_wheel

from selector_backend.authoring import toml

LOCKS: dict[str, list[tuple[str, ...]]] = {
    "poetry": [("lock", "-n"), ("install", "-n")],
    "pdm": [("lock",), ("sync",)],
    "uv": [("lock",), ("sync",)],
}
#: Platforms as uv calls them, and their marker variables.
PLATFORMS = {
    "x86_64-unknown-linux-gnu": ("linux", "x86_64"),
    "aarch64-unknown-linux-gnu": ("linux", "aarch64"),
    "x86_64-pc-windows-msvc": ("win32", "AMD64"),
    "aarch64-pc-windows-msvc": ("win32", "ARM64"),
    "x86_64-apple-darwin": ("darwin", "x86_64"),
    "aarch64-apple-darwin": ("darwin", "arm64"),
}
ON_GPU = ["spam-cu12", "spam-cu12", "spam-cu12", "spam-cpu", "spam-cpu", "spam-cpu"]
PLATFORM_TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "mps"
when = { marker = "sys_platform == 'darwin' and platform_machine == 'arm64'" }

[[tool.selector.variant]]
name = "none"
when = { marker = "sys_platform == 'win32'" }
refuse = "{project} is not for Windows."

[[tool.selector.variant]]
name = "new"
when = [{ marker = "python_version >= '3.12'" }, { cuda = ">=99" }]

[[tool.selector.variant]]
name = "old"
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam, whose variants CUDA tells apart, and eggs, whose variants markers do.

    And ham, whose variants require something in two versions.
    """
    folder = tmp_path_factory.mktemp("locks")
    dist = folder / "dist"
    write_spam(dist)
    build_sdist(write_carrying(folder / "spam", CUDA), dist)
    for variant in ("mps", "new", "old"):
        write_wheel(dist, f"eggs-{variant}")
    build_sdist(write_carrying(folder / "eggs", PLATFORM_TABLE, name="eggs"), dist)
    for variant, version in (("cu12", "1"), ("cu11", "1"), ("cpu", "2")):
        write_wheel(dist, "aaa", version)
        write_wheel(dist, f"ham-{variant}", requires=(f"aaa=={version}",))
    build_sdist(write_carrying(folder / "ham", CUDA, name="ham"), dist)
    return serve(dist)


class Project:
    """A project that requires selector packages, and the tool that locks it."""

    def __init__(self, folder: Path, index: Index, tool: str, program: str, *requires: str) -> None:
        self.folder, self.tool, self.program = folder / "app", tool, program
        self.folder.mkdir()
        (self.folder / "pyproject.toml").write_text(
            '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\n'
            f"dependencies = {[*requires]}\n"
            "[tool.poetry]\npackage-mode = false\n"
            f'[[tool.poetry.source]]\nname = "local"\nurl = "{index.url}"\npriority = "primary"\n'
            f'[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = "pypi"\n'
            f'url = "{index.url}"\nverify_ssl = false\n',
            encoding="utf-8",
        )
        self.environ = {
            **clean_environ(folder / "home"),
            "PIP_INDEX_URL": index.url,
            "UV_DEFAULT_INDEX": index.url,
            "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            "PDM_CHECK_UPDATE": "0",
            # Or poetry asks a Python that takes long to start where many do.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        del self.environ["UV_NO_CONFIG"]

    def run(self, *words: str, check: bool = True, environ: Mapping[str, str] | None = None) -> str:
        variables = {**self.environ, **(environ or {})}
        return run([self.program, *words], variables, self.folder, check=check).stdout

    def lock(self, **environ: str) -> list[Requirement]:
        """Lock, and return what the lock says that the selector package requires."""
        self.run(*LOCKS[self.tool][0], environ=environ)
        return self.locked()

    def locked(self) -> list[Requirement]:
        """Return what the lock says that the selector package requires."""
        (path,) = self.folder.glob("*.lock")
        data = toml.loads(path.read_text(encoding="utf-8"))
        selector = next(one for one in data["package"] if "sdist" in one or is_source(one))
        found = selector.get("dependencies", ())
        if isinstance(found, dict):  # poetry's
            found = [{"name": name, **_table(one)} for name, one in found.items()]
        return [*map(_requirement, found)]


def is_source(package: dict[str, list[dict[str, str]]]) -> bool:
    return any(one["file"].endswith(".tar.gz") for one in package.get("files", ()))


def _table(value: str | dict[str, str]) -> dict[str, str]:
    return value if isinstance(value, dict) else {}


def _requirement(one: str | dict[str, str]) -> Requirement:
    if isinstance(one, str):
        return Requirement(one)
    marker = one.get("marker") or one.get("markers")
    return Requirement(f"{one['name']}; {marker}" if marker else one["name"])


def on_each(requirements: list[Requirement], **more: str) -> list[str]:
    """Return what is required on each platform, joined."""
    found = []
    for system, machine in PLATFORMS.values():
        os_name = "nt" if system == "win32" else "posix"
        here = {"sys_platform": system, "platform_machine": machine, "os_name": os_name, **more}
        names = [one.name for one in requirements if not one.marker or one.marker.evaluate(here)]
        found.append(" ".join(names))
    return found


@pytest.fixture(
    params=["uv", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("poetry", "pdm"))]
)
def make(request: pytest.FixtureRequest, tmp_path: Path, index: Index) -> Callable[..., Project]:
    """Make a project whose tool is uv, poetry or pdm; all but uv are fetched by pip."""
    name = str(request.param)
    if name == "uv":
        program = find_uv()
    else:
        program = str(install_program(tmp_path / name, name).with_name(name))
    return lambda *requires: Project(tmp_path, index, name, program, *requires)


def test_a_lock_made_with_a_gpu_serves_each_platform(
    make: Callable[..., Project], driver: Driver
) -> None:
    project = make("spam")
    cuda = driver.environ("12.4")
    required = project.lock(**cuda)
    assert on_each(required) == ON_GPU
    assert [len(str(one.marker)) < 70 for one in required] == [True, True]
    project.run(*LOCKS[project.tool][1], environ=cuda)
    environment = Environment(project.folder / ".venv", project.environ)
    assert environment.installed().keys() >= {"spam", "spam-core", "spam-cu12"}
    assert "spam-cpu" not in environment.installed()
    assert environment.record()["variants"] == ["cu12"]
    if project.tool == "uv":
        for platform, variant in zip(PLATFORMS, ON_GPU):
            sync = ("sync", "--locked", "--dry-run", "--python-platform", platform)
            planned = project.run(*sync)
            assert (" + spam-cpu==1.0" in planned) == (variant == "spam-cpu"), platform
        # Another platform gets what the lock names there, and its record says so.
        again = ("--python-platform", "macos", "--reinstall-package", "spam")
        project.run("sync", "--locked", *again, environ=cuda)
        assert environment.record()["variants"] == ["cpu"]
        assert "spam-cpu" in environment.installed()


def test_a_lock_made_without_a_gpu_asks_for_one_variant_everywhere(
    make: Callable[..., Project],
) -> None:
    (required,) = make("spam").lock(SELECTOR_CUDA="")
    assert (required.name, required.marker) == ("spam-cpu", None)


@pytest.mark.nightly
@pytest.mark.parametrize("make", ["poetry", "pdm"], indirect=True)
def test_what_disagrees_with_a_lock_stops_before_it_is_installed(
    make: Callable[..., Project],
) -> None:
    project = make("spam")
    project.lock(SELECTOR_CUDA="12.4")
    install = LOCKS[project.tool][1]
    output = project.run(*install, check=False, environ={"SPAM_VARIANT": "cpu"})
    words = " ".join(output.replace("|", " ").split())
    assert f"{project.tool}.lock has cu12, and SPAM_VARIANT asks for cpu." in words
    project.run(*install, environ={"SPAM_VARIANT": "cu12"})
    environment = Environment(project.folder / ".venv", project.environ)
    assert environment.record()["decided-by"] == f"{project.tool}.lock"


@pytest.mark.nightly
@pytest.mark.parametrize("make", ["poetry", "pdm"], indirect=True)
def test_the_page_changes_the_variant_of_a_lock(make: Callable[..., Project]) -> None:
    project = make("spam")
    assert on_each(project.lock(SELECTOR_CUDA="")) == ["spam-cpu"] * len(PLATFORMS)
    page = (ROOT / "docs/how-to/locks.md").read_text(encoding="utf-8")
    lines = page.partition("## Change the variant")[2].splitlines()
    (line,) = (line for line in lines if line.startswith("$ ") and f" {project.tool} " in line)
    variables, _, words = line[2:].partition(f" {project.tool} ")
    project.run(*words.split(), environ=dict(text.split("=") for text in variables.split()))
    assert on_each(project.locked()) == ON_GPU


def test_markers_and_refusals_stay_what_they_say(make: Callable[..., Project]) -> None:
    required = make("eggs").lock()
    for version, last in (("3.11", "old"), ("3.12", "new"), ("3.14", "new")):
        names = on_each(required, python_version=version, python_full_version=f"{version}.1")
        other = f"eggs-{last}"
        assert names == [other, other, "", "", other, "eggs-mps"]


@pytest.mark.parametrize("make", ["uv"], indirect=True)
def test_where_requirements_disagree_one_platform_can_be_locked_alone(
    make: Callable[..., Project],
) -> None:
    project = make("ham")
    both = {"SELECTOR_CUDA": "12.4"}
    assert "No solution found" in project.run("lock", check=False, environ=both)
    here = project.lock(SELECTOR_PLATFORMS="here", **both)
    assert [*map(str, here)] == ["ham-cu12"]
    output = project.run(
        "lock", "--upgrade", check=False, environ={**both, "SELECTOR_PLATFORMS": "linux"}
    )
    assert "SELECTOR_PLATFORMS is 'linux'; expected 'here'" in output


def test_uv_takes_no_lock_for_an_install_and_no_install_for_a_lock(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path
) -> None:
    environment = make_environment(index, pip=None)
    wanted = tmp_path / "requirements.in"
    wanted.write_text("spam", encoding="utf-8")
    lock = ("pip", "compile", "-q", "--no-header", "--universal", str(wanted))
    first = environment.uv(*lock, environ={"SELECTOR_CUDA": "12.4"}).stdout
    assert "spam-cu12==1.0 ; " in first
    assert "spam-cpu==1.0 ; " in first
    environment.uv("pip", "install", "spam", environ={"SELECTOR_CUDA": "11.8"})
    (info,) = environment.site_packages.glob("spam-*.dist-info")
    required = [
        line
        for line in (info / "METADATA").read_text(encoding="utf-8").splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    assert required == ["Requires-Dist: spam-cu11==1.0"]
    assert environment.uv(*lock, environ={"SELECTOR_CUDA": "12.4"}).stdout == first


@pytest.mark.parametrize(
    ("options", "variant", "note"),
    [
        (("--python-platform", "macos"), "cpu", "decided for --python-platform macos"),
        (
            ("--python-platform", "windows", "--python-version", "3.12"),
            "cu12",
            "decided for --python-platform windows --python-version 3.12, "
            "and as on this machine: cuda",
        ),
        (("--python-platform", "x86_64-unknown-linux-musl"), "cpu", ""),
        (("--python-platform=aarch64-manylinux_2_28",), "cu12", "as on this machine: cuda"),
    ],
)
def test_another_platform_is_not_judged_as_this_machine(
    make_environment: MakeEnvironment,
    index: Index,
    driver: Driver,
    tmp_path: Path,
    options: tuple[str, ...],
    variant: str,
    note: str,
) -> None:
    environment = make_environment(index, pip=None)
    target = tmp_path / "target"
    install = ("pip", "install", "-v", "--target", str(target), *options, "spam")
    output = environment.uv(*install, environ=driver.environ("12.4")).stdout
    assert [path.name for path in target.glob("_spam_c[pu]*.py")] == [f"_spam_{variant}.py"]
    assert note in output
