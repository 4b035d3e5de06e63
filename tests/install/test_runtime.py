"""What `selector-runtime` says to run is run, and mends it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest
from support.environment import Environment
from support.index import Index
from support.project import build_sdist, write_carrying, write_wheel

if TYPE_CHECKING:
    from conftest import MakeEnvironment

CORE = """\
from selector_runtime import load, selected

module = load("spam", {"fast": "_spam_fast", "cpu": "_spam_cpu"})
name = selected("spam")
"""
TABLE = """
[tool.selector]
kind = "{0}"
requires = ["spam-core=={{version}}"]

[[tool.selector.variant]]
name = "fast"
when = {{ cpu = "x86_64_v4" }}

[[tool.selector.variant]]
name = "cpu"
"""


@pytest.fixture
def spam(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    runtime_wheel: Path,
    serve: Callable[[Path], Index],
    make_environment: MakeEnvironment,
) -> Environment:
    """An environment with spam, its variants and core, by the kind that the test asks for."""
    folder = tmp_path / "dist"
    write_wheel(folder, "spam-core", files={"spam_core.py": CORE}, requires=("selector-runtime",))
    for name in ("fast", "cpu"):
        write_wheel(folder, f"spam-{name}", requires=("spam-core==1.0",))
    build_sdist(write_carrying(tmp_path / "source", TABLE.format(request.param)), folder)
    shutil.copy(runtime_wheel, folder)
    return make_environment(serve(folder))


def use(environment: Environment, **variables: str) -> tuple[str, list[str]]:
    """Import spam_core; return what it prints, and the commands that it says to run."""
    code = "import spam_core\nprint('in use:', spam_core.name)"
    output = environment.run("-c", code, environ=variables, check=False).stdout
    commands = [line.strip() for line in output.splitlines() if line.startswith("    pip ")]
    return output, commands


def run(environment: Environment, commands: list[str], **variables: str) -> None:
    for command in commands:
        pip, *arguments = shlex.split(command)
        assert pip == "pip"
        environment.pip(*arguments, environ=variables)


@pytest.mark.parametrize("spam", ["capability"], indirect=True)
def test_a_broken_variant_is_mended(spam: Environment) -> None:
    spam.pip("install", "spam", environ={"SPAM_VARIANT": "all"})
    given = {"SELECTOR_CPU": "x86_64_v4"}
    assert use(spam, **given) == ("in use: fast\n", [])
    (spam.site_packages / "_spam_fast.py").write_text("import nothing_of_the_kind")
    output, commands = use(spam, **given)
    assert "it needs the module nothing_of_the_kind, which is not installed" in output
    assert output.endswith("in use: cpu\n")
    run(spam, commands)
    assert use(spam, **given) == ("in use: fast\n", [])


@pytest.mark.parametrize("spam", ["capability"], indirect=True)
def test_one_that_does_not_fit_is_chosen_anew(spam: Environment) -> None:
    spam.pip("install", "spam", environ={"SELECTOR_CPU": "x86_64_v4"})
    given = {"SELECTOR_CPU": "x86_64_v3"}
    output, commands = use(spam, **given)
    assert "NoVariantError: spam: no variant works here." in output
    assert "fast: cpu lacks x86_64_v4 (as SELECTOR_CPU has it). To fix it:" in output
    assert commands == [
        "pip install --force-reinstall spam==1.0",
        "pip install spam-cpu==1.0",
    ]
    run(spam, commands[:1], **given)
    assert use(spam, **given) == ("in use: cpu\n", [])


@pytest.mark.parametrize("spam", ["requirement"], indirect=True)
def test_changing_over_leaves_one_variant(spam: Environment) -> None:
    spam.pip("install", "spam", environ={"SPAM_VARIANT": "fast"})
    output, commands = use(spam, SPAM_VARIANT="cpu")
    assert "SPAM_VARIANT asks for cpu, which does not work here.\n  cpu: it is not installed" in (
        output
    )
    run(spam, commands)
    assert use(spam, SPAM_VARIANT="cpu") == ("in use: cpu\n", [])
    assert "spam-fast" not in spam.installed()


@pytest.mark.parametrize("spam", ["requirement"], indirect=True)
def test_two_that_exclude_each_other_are_mended(spam: Environment) -> None:
    spam.uv("pip", "install", "spam", environ={"SPAM_VARIANT": "cpu"})
    spam.uv("pip", "install", "spam-fast")  # by name, so nobody is asked
    spam.uv("pip", "check")
    output, commands = use(spam)
    assert "the variants fast and cpu of spam exclude each other, and are installed" in output
    assert commands == [
        "pip uninstall --yes spam spam-fast spam-cpu",
        "pip install --config-settings spam:variant=cpu spam==1.0",
    ]
    run(spam, commands)
    assert use(spam) == ("in use: cpu\n", [])
    assert spam.record()["decided-by"] == "-C spam:variant"
