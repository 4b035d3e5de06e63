"""Extras of a variant, and tables that choose every variant that fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.command import data, lines
from support.environment import Environment, clean_environ, find_uv, run
from support.index import Index
from support.installed import run_commands
from support.project import build_sdist, write_carrying, write_wheel

#: Variants that exclude each other, and differ in nothing but what an extra brings.
ONE = """
[tool.selector]
requires = ["spam-core=={version}"]

[[tool.selector.variant]]
name = "gfx942"
when = { gfx = "gfx94*" }
requires = []
extras = { device = ["spam-device-{name}=={version}"] }

[[tool.selector.variant]]
name = "gfx1100"
when = { gfx = "gfx1100" }
requires = []
extras = { device = ["spam-device-{name}=={version}"] }

[[tool.selector.variant]]
name = "cpu"
requires = []
"""
#: Every GPU gets its device package; two of them share a library, whose name is written anyhow.
ALL = """
[tool.selector]
kind = "capability"
choose = "all"

[[tool.selector.variant]]
name = "gfx942"
when = { gfx = "gfx942" }
requires = ["ham-{name}=={version}", "ham-lib=={version}"]
extras = { device = ["ham-device-{name}=={version}", "ham-tools; os_name != 'none'"] }

[[tool.selector.variant]]
name = "gfx1100"
when = { gfx = "gfx1100" }
requires = ["ham-{name}=={version}", "Ham_Lib=={version}"]
extras = { Device = ["ham-device-{name}=={version}", "Ham.Tools; os_name != 'none'"] }

[[tool.selector.variant]]
name = "none"
when = { gfx = false }
requires = []
"""
INSTINCT, RADEON, NONE = ({"SELECTOR_GFX": one} for one in ("gfx942", "gfx1100", ""))
BOTH = {"SELECTOR_GFX": "gfx942,gfx1100"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    folder = tmp_path_factory.mktemp("extras")
    for name in ("spam-core", "spam-device-gfx942", "spam-device-gfx1100"):
        write_wheel(folder / "dist", name)
        write_wheel(folder / "dist", name, "1.1")
    for name in ("lib", "tools", *(f"{d}gfx{n}" for d in ("", "device-") for n in (942, 1100))):
        write_wheel(folder / "dist", f"ham-{name}")
    for version in ("1.0", "1.1"):
        source = write_carrying(folder / f"spam-{version}", ONE, version=version)
        build_sdist(source, folder / "dist")
    build_sdist(write_carrying(folder / "ham", ALL, name="ham"), folder / "dist")
    return serve(folder / "dist")


@pytest.fixture
def environment(make_environment: MakeEnvironment, index: Index) -> Environment:
    return make_environment(index)


def required(environment: Environment, project: str) -> list[str]:
    (file,) = environment.site_packages.glob(f"{project}-*.dist-info/METADATA")
    text = file.read_text(encoding="utf-8")
    return [line[15:] for line in text.splitlines() if line.startswith("Requires-Dist: ")]


def test_an_extra_brings_what_the_variant_has_for_it(
    environment: Environment, make_environment: MakeEnvironment, index: Index
) -> None:
    environment.pip("install", "spam==1.0", environ=INSTINCT)
    assert environment.installed().keys() == {"spam", "spam-core"}
    environment.pip("install", "spam[device]==1.0", environ=INSTINCT)
    assert environment.installed().keys() == {"spam", "spam-core", "spam-device-gfx942"}
    record = environment.record()
    assert record["extras"] == {"device": ["spam-device-gfx942==1.0"]}
    assert record["distributions"] == ["spam-device-gfx942"]
    other = make_environment(index, pip=None)
    other.uv("pip", "install", "spam[device]==1.0", environ=RADEON)
    assert other.installed().keys() == {"spam", "spam-core", "spam-device-gfx1100"}


def test_what_an_extra_brought_stays_or_stops_another(environment: Environment) -> None:
    environment.pip("install", "spam[device]==1.0", environ=INSTINCT)
    environment.pip("install", "--upgrade", "spam[device]", environ=BOTH)
    assert environment.installed()["spam-device-gfx942"] == "1.1"
    process = environment.pip("install", "spam[device]==1.0", environ=RADEON, check=False)
    assert "spam-device-gfx942 1.1 is installed." in process.stdout
    assert environment.installed()["spam"] == "1.1"
    run_commands(environment, process.stdout, **RADEON)
    assert environment.installed().keys() == {"spam", "spam-core", "spam-device-gfx1100"}


def test_doctor_names_and_replaces_what_an_extra_brought(environment: Environment) -> None:
    environment.pip("install", "spam[device]==1.0", environ=INSTINCT)
    environment.pip("install", "--no-deps", "--upgrade", "spam", environ=INSTINCT)
    python = ("--python", str(environment.python))
    found = lines("doctor", *python, environ=INSTINCT, status=1)
    assert "spam 1.1 requires spam-device-gfx942==1.1; 1.0 is installed" in found
    assert f"  {environment.python} -m pip install spam-core==1.1 spam-device-gfx942==1.1" in found
    (finding,) = data("doctor", "--json", *python, environ=RADEON, status=1)["findings"]
    uninstall, install = finding["commands"]
    assert uninstall[4:] == ["--yes", "spam", "spam-device-gfx942"]
    assert install[-1] == "spam[device]==1.1"
    for words in (uninstall, install):
        environment.run(*words[1:], environ=RADEON)
    assert environment.installed()["spam-device-gfx1100"] == "1.1"
    lines("doctor", *python, environ=RADEON)


def test_every_variant_that_fits_is_chosen(environment: Environment) -> None:
    environment.pip("install", "ham[device]", environ=BOTH)
    whole = {"ham", "ham-lib", "ham-tools", "ham-gfx942", "ham-gfx1100"}
    whole |= {"ham-device-gfx942", "ham-device-gfx1100"}
    assert environment.installed().keys() == whole
    assert required(environment, "ham") == [
        "ham-gfx942==1.0",
        "ham-lib==1.0",
        "ham-gfx1100==1.0",
        'ham-device-gfx942==1.0; extra == "device"',
        'ham-tools; os_name != "none" and extra == "device"',
        'ham-device-gfx1100==1.0; extra == "device"',
    ]
    record = environment.record("ham")
    assert record["variants"] == ["gfx942", "gfx1100"]
    assert [one["fits"] for one in record["verdicts"]] == [True, True, False]
    shown = lines("explain", "ham", "--python", environment.python, environ=BOTH)
    assert "chosen: gfx942, gfx1100" in shown
    assert "installs: ham-gfx942==1.0, ham-lib==1.0, ham-gfx1100==1.0" in shown


def test_doctor_finds_a_gpu_that_was_added_or_is_gone(environment: Environment) -> None:
    environment.pip("install", "ham[device]", environ=INSTINCT)
    python = ("--python", str(environment.python))
    lines("doctor", *python, environ=INSTINCT)
    found = data("doctor", "--json", *python, environ=BOTH, status=1)["findings"]
    assert found[0]["messages"][0] == (
        "ham 1.0: gfx942 fits this machine, but is not all that fits it; "
        "this machine gets gfx1100: gfx has gfx1100"
    )
    for words in found[0]["commands"]:
        environment.run(*words[1:], environ=BOTH)
    lines("doctor", *python, environ=BOTH)
    assert environment.installed().keys() >= {"ham-device-gfx942", "ham-device-gfx1100"}
    found = data("doctor", "--json", *python, environ=RADEON, status=1)["findings"]
    assert found[0]["messages"][0] == (
        "ham 1.0: gfx942 does not fit this machine: gfx lacks gfx942; this machine gets gfx1100"
    )


@pytest.mark.parametrize(
    ("asked", "variants"),
    [
        ("gfx1100,GFX942", ["gfx942", "gfx1100"]),
        pytest.param("gfx1100", ["gfx1100"], marks=pytest.mark.nightly),
        pytest.param("all", ["gfx942", "gfx1100", "none"], marks=pytest.mark.nightly),
    ],
)
def test_a_list_forces_several(
    make_environment: MakeEnvironment, index: Index, asked: str, variants: list[str]
) -> None:
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", "ham", environ={"HAM_VARIANT": asked, **NONE})
    assert environment.record("ham")["variants"] == variants


def test_uv_follows_and_keeps_what_a_lock_has_of_an_extra(index: Index, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["spam[device]==1.0"]\n',
        encoding="utf-8",
    )

    def uv(*words: str, environ: dict[str, str]) -> None:
        own = {**clean_environ(tmp_path / "home"), "UV_DEFAULT_INDEX": index.url}
        run([find_uv(), *words], {**own, **environ}, tmp_path)

    uv("lock", environ=INSTINCT)
    uv("sync", environ=RADEON)
    (record,) = tmp_path.glob(".venv/lib/*/site-packages/spam-1.0.dist-info/selector.json")
    written = json.loads(record.read_text(encoding="utf-8"))
    assert (written["variants"], written["decided-by"]) == (["gfx942"], "uv.lock")
    uv("lock", "--upgrade", environ=RADEON)
    text = (tmp_path / "uv.lock").read_text(encoding="utf-8")
    assert "spam-device-gfx942" in text
    assert "spam-device-gfx1100" not in text
