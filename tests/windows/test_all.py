"""The long part: all that was tried on Windows, on three of its Pythons."""

from __future__ import annotations

import pytest
from frontends.run import PROGRAMS
from support.environment import PINS

from .conftest import Windows

pytestmark = pytest.mark.nightly
INSIDE = "tests/windows/inside"


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_pip_and_uv_choose_right_from_one_cache(windows: Windows, version: str) -> None:
    assert windows.pytest(version, f"{INSIDE}/test_installs.py").startswith("8 passed")


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_uv_follows_its_lock_and_shows_its_environment(windows: Windows, version: str) -> None:
    files = (f"tests/install/test_{name}.py" for name in ("following", "uv_environments"))
    assert " passed" in windows.pytest(version, *files, "-m", "")


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_the_facts_are_told_and_faults_do_no_harm(windows: Windows, version: str) -> None:
    assert " passed" in windows.pytest(version, f"{INSIDE}/test_libraries_told.py")


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_the_command_works_in_each_code_page(windows: Windows, version: str) -> None:
    assert " passed" in windows.pytest(version, f"{INSIDE}/test_commands.py")


@pytest.mark.parametrize("arguments", [(), ("--set", "cuda=12.4", "--frontend", "uv")])
def test_the_demonstration_runs(windows: Windows, arguments: tuple[str, ...]) -> None:
    output = windows.run("3.11", windows.python("3.11"), "example-spam/demo.py", *arguments)
    assert f"it runs on {'cu12' if arguments else 'cpu'}" in output


def test_frontends_do_what_they_do_elsewhere(windows: Windows) -> None:
    """This writes what they do into the pages of all frontends."""
    for program in PROGRAMS:
        if program.windows and program.kind != "pip":
            name, pins = f"{program.kind}-{program.version}", PINS.get(program.kind, ())
            wanted = f"{program.kind}=={program.version}"
            windows.install_program("3.13", name, wanted, *pins)
    print(windows.run("3.13", windows.python("3.13"), "tests/frontends/run.py"))


def test_nox_runs_what_any_system_can_run(windows: Windows) -> None:
    nox = (windows.python("3.13").with_name("nox.exe"), "-s", "anywhere-3.13")
    output = windows.run(
        *("3.13", *nox, "--envdir", windows.folder / "nox", "--"), "-n", "2", "-q", "--tb=short"
    )
    print(*(line for line in output.splitlines() if " passed" in line), sep="\n")
    assert "Session anywhere-3.13 was successful" in output
