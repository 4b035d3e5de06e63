"""A table's project that has extras of its own: each installer locks and installs it whole."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment
from support.environment import Environment, clean_environ, find_uv, install_program, run
from support.index import Index
from support.project import CUDA, build_sdist, write_carrying, write_spam, write_wheel

EXTRAS = "[project.optional-dependencies]\nDocs = [\"sphinx-like>=1; os_name != 'none'\"]\n"
WHOLE = {"spam", "spam-core", "spam-cu12", "sphinx-like"}

LOCKS: dict[str, list[tuple[str, ...]]] = {
    "poetry": [("lock", "-n"), ("install", "-n")],
    "pdm": [("lock",), ("sync",)],
    "uv": [("lock",), ("sync",)],
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    folder = tmp_path_factory.mktemp("extras")
    write_spam(folder / "dist")
    write_wheel(folder / "dist", "sphinx-like")
    build_sdist(write_carrying(folder / "source", CUDA, more=EXTRAS), folder / "dist")
    return serve(folder / "dist")


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(NEWEST_PIP, id="pip"),
        pytest.param(OLDEST_PIP, id="old pip", marks=pytest.mark.nightly),
        "uv",
    ],
)
def test_an_extra_is_installed_beside_the_variant(
    make_environment: MakeEnvironment, index: Index, call: str
) -> None:
    environment = make_environment(index, pip=None if call == "uv" else call)
    install = environment.pip if call != "uv" else environment.uv
    words = ("install",) if call != "uv" else ("pip", "install")
    install(*words, "spam[docs]", environ={"SPAM_VARIANT": "cu12"})
    assert environment.installed().keys() == WHOLE


@pytest.fixture(
    params=["uv", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("poetry", "pdm"))]
)
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """An installer that locks, and its path: fetched by pip, but for uv."""
    name = str(request.param)
    if name == "uv":
        return name, find_uv()
    return name, str(install_program(tmp_path / name, name).with_name(name))


def test_a_lock_has_the_variant_and_the_extra(
    index: Index, tmp_path: Path, tool: tuple[str, str]
) -> None:
    name, program = tool
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["spam[docs]"]\n'
        "[tool.poetry]\npackage-mode = false\n"
        f'[[tool.poetry.source]]\nname = "local"\nurl = "{index.url}"\npriority = "primary"\n'
        f'[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = "pypi"\n'
        f'url = "{index.url}"\nverify_ssl = false\n',
        encoding="utf-8",
    )
    environ = clean_environ(tmp_path / "home")
    del environ["UV_NO_CONFIG"]
    environ |= {
        "SPAM_VARIANT": "cu12",
        "PIP_INDEX_URL": index.url,
        "UV_DEFAULT_INDEX": index.url,
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "PDM_CHECK_UPDATE": "0",
    }
    for words in LOCKS[name]:
        run([program, *words], environ, folder)
    (lock,) = folder.glob("*.lock")
    assert "spam-cu12" in lock.read_text(encoding="utf-8")
    installed = Environment(folder / ".venv", environ).installed()
    assert installed.keys() >= WHOLE
    assert "spam-cpu" not in installed
