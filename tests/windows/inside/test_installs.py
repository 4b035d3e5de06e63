"""`pip install spam` and `uv pip install spam` on Windows, against an index on loopback."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.dlls import finding
from support.environment import Environment
from support.index import Index
from support.project import build_sdist, write_carrying, write_spam

FRONTENDS = ("pip", "uv")
#: What ten machines with one cache have, and the variant that each is to get.
MACHINES = [
    ({"SELECTOR_CUDA": "12.4"}, "cu12"),
    ({"SELECTOR_CUDA": ""}, "cpu"),
    ({"SELECTOR_CUDA": "11.8"}, "cu11"),
    ({}, "cpu"),
    ({"SPAM_VARIANT": "cu12"}, "cu12"),
    ({"SPAM_VARIANT": "cpu", "SELECTOR_CUDA": "12.4"}, "cpu"),
    ({"SELECTOR_CUDA": "12.4"}, "cu12"),
    ({"SELECTOR_CUDA": "11.1"}, "cpu"),
    ({"SELECTOR_CUDA": "13.0"}, "cu12"),
    ({"SELECTOR_CUDA": "11.2"}, "cu11"),
]


@pytest.fixture(scope="session")
def carrying_index(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]
) -> Index:
    """An index that has a spam whose sdist carries its backend."""
    folder = tmp_path_factory.mktemp("carrying")
    write_spam(folder / "dist")
    build_sdist(write_carrying(folder / "source"), folder / "dist")
    return serve(folder / "dist")


@pytest.fixture(params=["plain", "self-contained"])
def index(request: pytest.FixtureRequest) -> Index:
    """An index with spam, of one kind of sdist."""
    kinds = {"plain": "spam_index", "self-contained": "carrying_index"}
    found: Index = request.getfixturevalue(kinds[request.param])
    return found


def install(environment: Environment, frontend: str, **environ: str) -> str:
    """Install spam, and return the variant that is there, which the record has to agree with."""
    call = environment.pip if frontend == "pip" else environment.uv
    words = () if frontend == "pip" else ("pip",)
    call(*words, "install", "spam", environ=environ)
    call(*words, "check")
    (variant,) = (
        name.removeprefix("spam-")
        for name in environment.installed()
        if name.startswith("spam-") and name != "spam-core"
    )
    assert environment.record()["variants"] == [variant]
    return variant


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_the_variant_for_the_driver_is_installed(
    make_environment: MakeEnvironment, index: Index, frontend: str, dlls: Path
) -> None:
    environment = make_environment(index)
    path = {"PATH": finding(dlls, "nvidia")["PATH"]}
    variant = install(environment, frontend, **path, STANDIN_CUDA="12040", STANDIN_GPUS="8.6")
    assert variant == "cu12"
    cuda = environment.record()["facts"]["cuda"]
    assert cuda == {"value": "12.4", "source": "CUDA driver library"}
    version = environment.run("-c", "import sys; print(sys.version_info[:2])").stdout
    assert version.strip() == str(sys.version_info[:2])


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_ten_machines_that_share_a_cache_get_each_their_own_variant(
    make_environment: MakeEnvironment, index: Index, frontend: str
) -> None:
    assert [install(make_environment(index), frontend, **environ) for environ, _ in MACHINES] == [
        variant for _, variant in MACHINES
    ]
