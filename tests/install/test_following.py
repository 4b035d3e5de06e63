"""Installing follows the project's lock, and locking again keeps what it names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment, require_python
from install.test_environments import CUDA_12, variants, write_requirement_package
from support.command import command
from support.environment import Environment
from support.index import Index
from support.project import build_sdist, write_carrying, write_project, write_wheel

NO_GPU = {"SELECTOR_CUDA": ""}
SCRIPT = '# /// script\n# requires-python = ">=3.9"\n# dependencies = ["spam"]\n# ///\n'

# As JAX: a variant is an extra of what another requires without it.
EXTRAS = """
[tool.selector]

[[tool.selector.variant]]
name = "cuda12"
requires = ["jax[cuda12]=={version}"]
when = { cuda = ">=12", marker = "sys_platform == 'linux'" }

[[tool.selector.variant]]
name = "cpu"
requires = ["jax=={version}"]
"""

# Its first variant cannot be on the platforms of these tests.
WINDOWS = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", marker = "sys_platform == 'win32'" }

[[tool.selector.variant]]
name = "cpu"
"""

# As PyTorch: the variants are labels of one version.
LABELS = """
[tool.selector]

[[tool.selector.variant]]
name = "mac"
requires = ["torch=={version}"]
when = { marker = "sys_platform == 'darwin'" }

[[tool.selector.variant]]
name = "cu126"
requires = ["torch=={version}+cu126"]
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
requires = ["torch=={version}+cpu"]
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam 1.0 and 2.0, other 1.0 and 1.1, and packages as JAX and PyTorch are."""
    dist = tmp_path_factory.mktemp("index") / "dist"
    write_requirement_package(dist, "spam", "1.0", "2.0")
    for version in ("1.0", "1.1"):
        write_wheel(dist, "other", version)
    write_wheel(dist, "jax", extras=("cuda12",), requires=("plugin; extra == 'cuda12'",))
    write_wheel(dist, "plugin")
    for label in ("", "+cu126", "+cpu"):
        write_wheel(dist, "torch", f"1.0{label}")
    for variant in ("cu12", "cpu"):
        write_wheel(dist, f"ham-{variant}")
    for name, table in (("jax-here", EXTRAS), ("torch-here", LABELS), ("ham", WINDOWS)):
        build_sdist(write_carrying(dist.parent / name, table, name=name), dist)
    return serve(dist)


class Project:
    """A project that uv locks and syncs, and its environment."""

    def __init__(self, environment: Environment, folder: Path, *requirements: str) -> None:
        self.uv_environment = environment
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.require(*requirements)

    @property
    def environment(self) -> Environment:
        return Environment(self.folder / ".venv", self.uv_environment.environ)

    def require(self, *requirements: str, more: str = "") -> None:
        (self.folder / "pyproject.toml").write_text(
            '[project]\nname = "project"\nversion = "1.0"\nrequires-python = ">=3.9"\n'
            f"dependencies = {[*requirements]}\n{more}",
            encoding="utf-8",
        )

    def uv(self, *arguments: str, **environ: str) -> str:
        return self.uv_environment.uv(*arguments, cwd=self.folder, environ=environ).stdout

    def fails(self, *arguments: str, **environ: str) -> str:
        call = self.uv_environment.uv
        process = call(*arguments, cwd=self.folder, environ=environ, check=False)
        assert process.returncode != 0
        return process.stdout

    def lock(self) -> str:
        return (self.folder / "uv.lock").read_text(encoding="utf-8")

    def chosen(self, name: str = "spam") -> tuple[list[str], str]:
        """Return the variants that the record names, and who asked for them."""
        record = self.environment.record(name)
        return record["variants"], record["decided-by"]


@pytest.fixture
def with_uv(make_environment: MakeEnvironment, index: Index) -> Environment:
    """What runs uv; the environment itself is nobody's."""
    environment = make_environment(index, pip=None)
    del environment.environ["UV_NO_CONFIG"]  # a project's own has to be read
    return environment


@pytest.fixture
def project(with_uv: Environment, tmp_path: Path) -> Project:
    return Project(with_uv, tmp_path / "project", "spam==1.0", "other==1.0")


@pytest.mark.parametrize(
    ("there", "here", "variant", "python"),
    [
        (CUDA_12, NO_GPU, "cu12", None),
        pytest.param(NO_GPU, CUDA_12, "cpu", "3.10", marks=pytest.mark.nightly),
    ],
)
def test_a_machine_installs_the_variant_that_another_locked(
    project: Project,
    there: dict[str, str],
    here: dict[str, str],
    variant: str,
    python: str | None,
) -> None:
    project.uv_environment.environ["UV_PYTHON"] = (
        require_python(python) if python else sys.executable
    )
    project.uv("lock", **there)
    project.uv("sync", "--locked", "--no-cache", **here)
    assert variants(project.environment) == [variant]
    assert project.chosen() == ([variant], "uv.lock")
    again = project.uv("run", "--locked", "python", "-c", "", **here)
    assert "Built" not in again
    check = ("pip", "check", "--python", str(project.environment.folder))
    assert "compatible" in project.uv(*check)


def test_a_lock_that_changed_its_variant_is_found_and_followed(project: Project) -> None:
    """uv, poetry and pdm build nothing again whose version stays."""
    project.uv("lock", **CUDA_12)
    project.uv("sync")
    python = project.environment.python
    ask = ("doctor", "--json", "--python", str(python))
    (misfit,) = json.loads(command(*ask, environ=NO_GPU).stdout)["findings"]
    assert misfit["commands"] == []
    assert misfit["messages"][-1].endswith(
        "locked: SPAM_VARIANT=auto uv sync --upgrade-package spam==1.0 --reinstall-package spam"
    )
    assert json.loads(command(*ask, environ=CUDA_12).stdout)["findings"] == []
    project.uv("lock", "--upgrade-package", "spam==1.0", SPAM_VARIANT="cpu")
    project.uv("sync", "--locked")
    assert project.chosen() == (["cu12"], "uv.lock")
    (stale,) = json.loads(command(*ask, environ=NO_GPU).stdout)["findings"]
    assert "spam 1.0: spam-cpu is installed in place of the variant cu12" in stale["messages"]
    for program, *words in stale["commands"]:
        assert program == "uv"
        project.uv(*words)
    assert project.chosen() == (["cpu"], "uv.lock")
    assert variants(project.environment) == ["cpu"]
    assert json.loads(command(*ask, environ=NO_GPU).stdout)["findings"] == []


def test_the_record_is_of_this_install_and_not_of_uvs_cache(project: Project) -> None:
    """uv unpacks a wheel that it builds only if it has none of that name."""
    project.uv("lock", **CUDA_12)
    project.uv("sync", "--locked")
    assert project.chosen() == (["cu12"], "uv.lock")
    environment = project.uv_environment
    for environ, source in ((CUDA_12, "machine"), ({"SPAM_VARIANT": "cu12"}, "SPAM_VARIANT")):
        environment.uv("pip", "install", "spam==1.0", environ=environ)
        assert environment.record()["decided-by"] == source
        environment.uv("pip", "uninstall", "spam", "spam-cu12")
    project.uv("sync", "--locked", "--reinstall")
    assert project.chosen() == (["cu12"], "uv.lock")


def test_a_python_without_tomllib_reads_the_lock_too(project: Project) -> None:
    python = ("--python", require_python("3.9"))
    project.uv("lock", *python, **CUDA_12)
    before = project.lock()
    project.uv("sync", "--locked", "--no-cache", *python, **NO_GPU)
    assert variants(project.environment) == ["cu12"]
    assert project.chosen() == (["cu12"], "uv.lock")
    project.uv("lock", "--upgrade", *python, **NO_GPU)
    assert project.lock() == before


def test_what_disagrees_with_the_lock_stops_with_a_command_that_works(project: Project) -> None:
    project.uv("lock", **CUDA_12)
    before = project.lock()
    output = project.fails("sync", SPAM_VARIANT="cpu")
    assert "spam 1.0 cannot be installed: uv.lock has cu12, and SPAM_VARIANT asks for cpu." in (
        output
    )
    assert "Traceback" not in output
    command = "uv sync --upgrade-package spam==1.0 --reinstall-package spam"
    assert f"  SPAM_VARIANT=cpu {command}\n" in output
    assert project.lock() == before
    project.uv(*command.split()[1:], SPAM_VARIANT="cpu")
    assert project.chosen() == (["cpu"], "uv.lock")
    assert variants(project.environment) == ["cpu"]
    assert 'name = "other"\nversion = "1.0"' in project.lock()


@pytest.mark.skipif(sys.platform == "win32", reason="the table's first variant is for Windows")
def test_what_a_project_asks_for_stops_nobody_whose_platform_cannot_have_it(
    project: Project,
) -> None:
    """The lock has it for other platforms, and for this one another variant."""
    setting = '[tool.uv]\nconfig-settings-package = { ham = { variant = "cu12" } }\n'
    project.require("ham", more=setting)
    project.uv("lock")
    assert 'name = "ham-cu12"' in project.lock()
    project.uv("sync", "--locked")
    assert project.chosen("ham") == (["cpu"], "uv.lock")
    project.require("ham")
    project.uv("lock", "--upgrade", HAM_VARIANT="cpu")
    assert "ham-cu12" not in project.lock()
    project.require("ham", more=setting)
    output = project.fails("sync", "--locked", "--reinstall")
    assert "uv.lock has cpu, and -C variant asks for cu12." in output


def test_a_bot_without_a_gpu_changes_no_variant(project: Project) -> None:
    def locked() -> list[str]:
        return [one for one in ("cu12", "cu11", "cpu") if f'name = "spam-{one}"' in project.lock()]

    project.uv("lock", **CUDA_12)
    there = locked()
    assert "cu12" in there
    project.require("spam", "other")
    bot = {**NO_GPU, "UV_CACHE_DIR": str(project.folder.parent / "bot")}
    project.uv("lock", "--upgrade-package", "other", **bot)
    assert 'name = "other"\nversion = "1.1"' in project.lock()
    assert locked() == there
    project.uv("lock", "--upgrade-package", "spam", **bot)
    assert 'name = "spam-cu12"\nversion = "2.0"' in project.lock()
    assert locked() == there
    project.uv("lock", "--upgrade-package", "spam", SPAM_VARIANT="auto", **bot)
    assert locked() == ["cpu"]


@pytest.mark.parametrize("how", [pytest.param("path", marks=pytest.mark.nightly), "workspace"])
@pytest.mark.parametrize("portable", ["", pytest.param("true", marks=pytest.mark.nightly)])
def test_lock_and_sync_of_a_folder_agree_and_stay_so(
    with_uv: Environment, tmp_path: Path, how: str, portable: str
) -> None:
    project = Project(with_uv, tmp_path / "project", "spam")
    source = project.folder / "spam" if how == "workspace" else tmp_path / "spam"
    write_project(source)
    uses = '{ path = "../spam" }' if how == "path" else "{ workspace = true }"
    members = '[tool.uv.workspace]\nmembers = ["spam"]\n' if how == "workspace" else ""
    settings = "config-settings-package = { spam = { portable = 'true' } }\n" if portable else ""
    project.require(
        "spam", more=f"[tool.uv]\n{settings}[tool.uv.sources]\nspam = {uses}\n{members}"
    )
    project.uv("sync", **CUDA_12)
    before = project.lock()
    for _ in range(2):
        assert "Built" not in project.uv("sync", "--locked", **CUDA_12)
    other = {**NO_GPU, "UV_CACHE_DIR": str(tmp_path / "other")}
    folder = source if how == "workspace" else project.folder
    sync = ("sync", "--locked", "--reinstall", "--project", str(folder))
    project.uv(*sync, "--all-packages", **other)
    assert "Built" not in project.uv("sync", "--locked", **other)
    assert project.chosen() == (["cu12"], "uv.lock")
    project.uv("lock", "--upgrade", **other)
    assert project.lock() == before


@pytest.mark.nightly
def test_a_lock_that_lies_around_does_not_count(project: Project, tmp_path: Path) -> None:
    project.uv("lock", **CUDA_12)
    environment = project.uv_environment
    cwd = project.folder
    environment.uv("pip", "install", "spam==1.0", cwd=cwd, environ=NO_GPU)
    assert environment.record()["decided-by"] == "machine"
    target = tmp_path / "record"
    copy = (
        "import importlib.metadata as m, pathlib, sys\n"
        "(file,) = [f for f in m.distribution('spam').files if f.name == 'selector.json']\n"
        "pathlib.Path(sys.argv[1]).write_text(file.read_text())\n"
    )
    (cwd / "copy.py").write_text(copy, encoding="utf-8")
    (cwd / "own.py").write_text(SCRIPT + copy, encoding="utf-8")
    for words in (
        ("run", "own.py"),
        ("run", "--with", "spam==2.0", "copy.py"),
        ("tool", "run", "--with", "spam==1.0", "python", "copy.py"),
    ):
        for _ in range(2):
            output = project.uv(*words, str(target), **NO_GPU)
        assert "Built" not in output
        assert '"decided-by": "machine"' in target.read_text(encoding="utf-8")
    project.uv("lock", "--script", "own.py", **CUDA_12)
    project.uv("sync", "--script", "own.py", "--reinstall", **NO_GPU)
    project.uv("run", "own.py", str(target), **NO_GPU)
    assert '"decided-by": "own.py.lock"' in target.read_text(encoding="utf-8")


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="the tables name CUDA for Linux alone")
def test_extras_and_labels_are_told_apart(with_uv: Environment, tmp_path: Path) -> None:
    project = Project(with_uv, tmp_path / "project", "jax-here", "torch-here")
    for machine, jax, torch in ((CUDA_12, "cuda12", "cu126"), (NO_GPU, "cpu", "cpu")):
        (project.folder / "uv.lock").unlink(missing_ok=True)
        project.uv("lock", **machine)
        project.uv("sync", "--locked", "--reinstall", "--no-cache", SELECTOR_CUDA="11.2")
        assert project.chosen("jax_here") == ([jax], "uv.lock")
        assert project.chosen("torch_here") == ([torch], "uv.lock")
        before = project.lock()
        project.uv("lock", "--upgrade", SELECTOR_CUDA="11.2")
        assert [one for one in before.splitlines() if " extra = " in one or "+" in one] == [
            one for one in project.lock().splitlines() if " extra = " in one or "+" in one
        ]
