"""A shared package of which only one version can be installed makes the resolver refuse a mix."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.index import Index
from support.project import build_sdist, write_carrying, write_wheel

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
requires = ["{project}-{name}=={version}", "toolkit==12.*"]
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cu11"
requires = ["{project}-{name}=={version}", "toolkit==11.*"]
when = { cuda = ">=11.2" }
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam and eggs, and bacon, an ordinary package that needs toolkit 11."""
    folder = tmp_path_factory.mktemp("resolver")
    for version in ("11.8", "12.4"):
        write_wheel(folder / "dist", "toolkit", version)
    for name in ("spam", "eggs"):
        for variant in ("cu12", "cu11"):
            write_wheel(folder / "dist", f"{name}-{variant}")
        build_sdist(write_carrying(folder / name, TABLE, name=name), folder / "dist")
    write_wheel(folder / "dist", "bacon", requires=("toolkit==11.*",))
    return serve(folder / "dist")


@pytest.mark.parametrize(
    ("frontend", "other", "environ"),
    [("pip", "eggs", {"EGGS_VARIANT": "cu11"}), ("uv", "bacon", {})],
)
def test_a_mix_is_an_error_that_names_both(
    make_environment: MakeEnvironment,
    index: Index,
    frontend: str,
    other: str,
    environ: dict[str, str],
) -> None:
    environment = make_environment(index)
    call = environment.pip if frontend == "pip" else environment.uv
    command = ("install",) if frontend == "pip" else ("pip", "install")
    variables = {"SPAM_VARIANT": "cu12", **environ}
    process = call(*command, "spam", other, environ=variables, check=False)
    assert process.returncode != 0
    for name in ("spam", other, "toolkit"):
        assert name in process.stdout
    assert environment.installed() == {}
    call(*command, "spam", other, environ={"SELECTOR_CUDA": "11.8"})
    assert environment.installed()["toolkit"] == "11.8"
