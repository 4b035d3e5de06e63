"""An upgrade from a release that has code itself to a selector package: no file is lost.

pip installs what the new release requires, and then removes the old one, with every file that has
the same name; uv removes first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment
from support.command import command
from support.environment import Environment
from support.index import Index
from support.project import CUDA, build_sdist, write_carrying, write_wheel

TABLES = {
    "requirement": CUDA,
    "capability": CUDA.replace("[tool.selector]", '[tool.selector]\nkind = "capability"'),
}


@pytest.fixture(scope="module")
def dists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by the kind of spam 1.0, whose variants have the file that spam 0.9 has.

    spam 0.8 is metadata alone.
    """
    folders = {}
    for kind, table in TABLES.items():
        folder = tmp_path_factory.mktemp(kind)
        metadata = {"spam-0.8.dist-info/INSTALLER": "pip\n"}
        write_wheel(folder / "dist", "spam", "0.8", files=metadata)
        code = {"spam/__init__.py": "of = 'spam 0.9'\n"}
        write_wheel(folder / "dist", "spam", "0.9", files=code)
        write_wheel(folder / "dist", "zlegacy", requires=("spam<1",))
        write_wheel(folder / "dist", "other")
        for variant in ("cpu", "cu11", "cu12"):
            code = {"spam/__init__.py": f"of = 'spam-{variant}'\n"}
            write_wheel(folder / "dist", f"spam-{variant}", files=code)
        build_sdist(write_carrying(folder / "source", table), folder / "dist")
        folders[kind] = folder / "dist"
    return folders


@pytest.fixture(params=["requirement", pytest.param("capability", marks=pytest.mark.nightly)])
def index(
    request: pytest.FixtureRequest, dists: dict[str, Path], serve: Callable[[Path], Index]
) -> Index:
    return serve(dists[request.param])


def imported(environment: Environment) -> str:
    return environment.run("-B", "-c", "import spam; print(spam.of)").stdout.strip()


def is_well(environment: Environment) -> bool:
    return command("doctor", "--python", environment.python).returncode == 0


def test_pip_stops_with_the_commands_that_upgrade(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    environment.pip("install", "spam==0.9")
    process = environment.pip("install", "-U", "spam", check=False)
    assert process.returncode == 1
    assert "Traceback" not in process.stdout
    assert "error: spam 1.0 cannot be installed over spam 0.9.\n" in process.stdout
    assert "spam 0.9 has code itself, such as spam/__init__.py" in process.stdout
    assert imported(environment) == "spam 0.9"
    asked = environment.pip("install", "-U", "spam", "-C", "variant=cu12", check=False).stdout
    assert "  pip install --config-settings spam:variant=cu12 spam==1.0\n" in asked
    commands = [
        line.split()[1:] for line in process.stdout.splitlines() if line.strip()[:4] == "pip "
    ]
    assert [words[0] for words in commands] == ["uninstall", "install"]
    for words in commands:
        environment.pip(*words)
    assert imported(environment) == "spam-cpu"
    assert environment.installed() == {"spam": "1.0", "spam-cpu": "1.0"}
    assert is_well(environment)


def test_a_resolver_may_look_at_it_and_leave_it(
    make_environment: MakeEnvironment, dists: dict[str, Path], serve: Callable[[Path], Index]
) -> None:
    index = serve(dists["requirement"])
    environment = make_environment(index)
    environment.pip("install", "spam==0.9")
    environment.pip("install", "-U", "spam", "zlegacy")
    assert environment.installed() == {"spam": "0.9", "zlegacy": "1.0"}
    index.requests.clear()
    alone = environment.pip("install", "-U", "spam", check=False)
    assert "spam 1.0 cannot be installed over spam 0.9.\n" in alone.stdout
    assert not [path for path in index.requests if "spam_cpu" in path]
    environment.pip("uninstall", "--yes", "zlegacy")
    both = environment.pip("install", "-U", "spam", "other", check=False)
    assert both.returncode != 0
    assert "spam 1.0 cannot be installed over spam 0.9.\n" in both.stdout
    assert environment.installed() == {"spam": "0.9"}


@pytest.mark.nightly
def test_the_oldest_pip_keeps_the_old_release(
    make_environment: MakeEnvironment, dists: dict[str, Path], serve: Callable[[Path], Index]
) -> None:
    """Before pip 22, a release whose metadata cannot be had is passed over for an older one."""
    environment = make_environment(serve(dists["requirement"]), pip=OLDEST_PIP)
    environment.pip("install", "spam==0.9")
    environment.pip("install", "-U", "spam", check=False)
    assert imported(environment) == "spam 0.9"


@pytest.mark.nightly
def test_uv_upgrades(make_environment: MakeEnvironment, index: Index) -> None:
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", "spam==0.9")
    environment.uv("pip", "install", "-U", "spam")
    assert imported(environment) == "spam-cpu"
    assert is_well(environment)


@pytest.mark.nightly
def test_pip_upgrades_where_nothing_can_be_lost(
    make_environment: MakeEnvironment,
    dists: dict[str, Path],
    serve: Callable[[Path], Index],
    tmp_path: Path,
) -> None:
    """Over metadata alone, over a selector package, and into a folder, of which nothing goes."""
    environment = make_environment(serve(dists["requirement"]), pip=NEWEST_PIP)
    environment.pip("install", "spam==0.8")
    environment.pip("install", "-U", "spam")
    environment.pip("install", "--force-reinstall", "spam")
    assert imported(environment) == "spam-cpu"
    target = ("--target", str(tmp_path / "target"))
    environment.pip("install", *target, "spam==0.9")
    environment.pip("install", *target, "-U", "spam")
    text = (tmp_path / "target/spam/__init__.py").read_text(encoding="utf-8")
    assert text == "of = 'spam-cpu'\n"
