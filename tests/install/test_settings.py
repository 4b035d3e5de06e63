"""What pip and uv hand to the backend, and what they show of what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.index import Index
from support.project import build_sdist, write_carrying, write_wheel

CU12 = '[[tool.selector.variant]]\nname = "cu12"\nwhen = { cuda = ">=12" }\n'
CPU = '[[tool.selector.variant]]\nname = "cpu"\n'
ROCM = '[[tool.selector.variant]]\nname = "rocm6"\nwhen = { rocm = ">=6" }\n'
NAMED = ("spam:variant=cu12", "Eggs:variant=rocm6")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam, eggs, which alone has a variant rocm6, and app, which requires spam."""
    folder = tmp_path_factory.mktemp("index")
    write_wheel(folder / "dist", "app", requires=("spam",))
    for name, table in (("spam", CU12 + CPU), ("eggs", CU12 + ROCM + CPU)):
        for variant in ("cu12", "rocm6", "cpu"):
            write_wheel(folder / "dist", f"{name}-{variant}")
        source = write_carrying(folder / name, table, name=name)
        build_sdist(source, folder / "dist")
    return serve(folder / "dist")


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_a_frontend_that_is_to_say_more_shows_the_choice_once(
    make_environment: MakeEnvironment, index: Index, frontend: str
) -> None:
    environment = make_environment(index)
    call = environment.pip if frontend == "pip" else environment.uv
    install = ("install",) if frontend == "pip" else ("pip", "install")
    environ = {"SELECTOR_CUDA": "12.4", "SELECTOR_ROCM_": "6.4"}
    output = call(*install, "-v", "spam", environ=environ).stdout
    assert output.count("spam 1.0 gets cu12: cuda 12.4 is >=12") == 1
    assert output.count("SELECTOR_ROCM_ is not known, did you mean SELECTOR_ROCM?") == 1
    assert "gets cpu" not in call(*install, "eggs", environ={"SELECTOR_CUDA": ""}).stdout


@pytest.mark.parametrize(
    ("frontend", "settings"),
    [
        ("pip", tuple(f"-C{one}" for one in NAMED)),
        pytest.param("uv", tuple(f"-C{one}" for one in NAMED), marks=pytest.mark.nightly),
        pytest.param(
            "uv",
            tuple(f"--config-settings-package={one}" for one in NAMED),
            marks=pytest.mark.nightly,
        ),
        ("uv", ("-C", "variant=cu12", "-C", "eggs:variant=rocm6")),
    ],
)
def test_two_packages_in_one_command_each_get_the_setting_that_names_them(
    make_environment: MakeEnvironment, index: Index, frontend: str, settings: tuple[str, ...]
) -> None:
    environment = make_environment(index)
    call = environment.pip if frontend == "pip" else environment.uv
    install = ("install",) if frontend == "pip" else ("pip", "install")
    call(*install, *settings, "spam", "eggs")
    assert {"spam-cu12", "eggs-rocm6"} <= {*environment.installed()}
    assert len(environment.installed()) == 4


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_a_setting_without_a_name_reaches_both_and_the_message_says_how_to_name_one(
    make_environment: MakeEnvironment, index: Index, frontend: str
) -> None:
    environment = make_environment(index)
    call = environment.pip if frontend == "pip" else environment.uv
    install = ("install",) if frontend == "pip" else ("pip", "install")
    output = call(*install, "-C", "variant=rocm6", "spam", "eggs", check=False).stdout
    assert "-C variant asks for 'rocm6', which spam does not have" in output
    assert "for spam alone, set SPAM_VARIANT, or write -C spam:variant=NAME" in output
    assert environment.installed() == {}
    output = call(*install, "-C", "spam:varient=cpu", "spam", check=False).stdout
    assert "-C spam:varient is not a setting of spam, did you mean 'variant'?" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(("frontend", "gets"), [("pip", "spam-cpu"), ("uv", "spam-cu12")])
def test_a_dependency_gets_the_setting_from_uv_alone_and_the_variable_from_both(
    make_environment: MakeEnvironment, index: Index, frontend: str, gets: str
) -> None:
    install = ("install",) if frontend == "pip" else ("pip", "install")
    for arguments, environ, expected in (
        (("-C", "spam:variant=cu12"), {"SELECTOR_CUDA": ""}, gets),
        ((), {"SPAM_VARIANT": "cu12"}, "spam-cu12"),
    ):
        environment = make_environment(index)
        call = environment.pip if frontend == "pip" else environment.uv
        call(*install, *arguments, "app", environ=environ)
        assert {*environment.installed()} == {"app", "spam", expected}
