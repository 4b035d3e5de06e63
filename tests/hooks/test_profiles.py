"""Machine profiles, which stand in for the machine, through the hooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.driver import Driver
from support.hooks import Backend, HookFailedError
from support.project import CUDA, write_compiled

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "zen"
when = { cpu = "avx2", marker = "sys_platform == 'win32'" }

[[tool.selector.variant]]
name = "amd"
when = { gfx = "gfx942", rocm = ">=6" }

[[tool.selector.variant]]
name = "none"
"""


def write_profile(folder: Path, **facts: Any) -> str:
    """Write a machine profile and return its path; ``_`` in a name stands for ``-``."""
    file = folder / "machine.json"
    data = {"format": 1, "facts": {name.replace("_", "-"): one for name, one in facts.items()}}
    file.write_text(json.dumps(data), encoding="utf-8")
    return str(file)


def record(folder: Path, environ: dict[str, str], table: str = CUDA, **keywords: Any) -> Any:
    return Backend(write_compiled(folder / "source", table), environ).record(
        folder / "out", **keywords
    )


def error(folder: Path, environ: dict[str, str]) -> str:
    """Return the message with which a hook stops."""
    with pytest.raises(HookFailedError) as failed:
        record(folder, environ)
    assert failed.value.status == 1
    assert "Traceback" not in str(failed.value)
    return str(failed.value)


def test_a_profile_stands_in_for_the_machine(tmp_path: Path, driver: Driver) -> None:
    log = tmp_path / "log"
    environ = driver.environ("12.4", log=log)
    environ["SELECTOR_MACHINE"] = write_profile(tmp_path, cuda="11.8")
    made = record(tmp_path, environ)
    assert made["variants"] == ["cu11"]
    assert made["facts"] == {"cuda": {"value": "11.8", "source": "machine profile"}}
    assert not log.exists()


def test_a_config_setting_wins_over_the_variable(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    environ = {"SELECTOR_MACHINE": write_profile(tmp_path / "one", cuda="11.8")}
    settings = {"machine": write_profile(tmp_path, cuda="12.4")}
    made = record(tmp_path, environ, config_settings=settings)
    assert made["variants"] == ["cu12"]


def test_a_variable_of_one_fact_wins_over_the_profile(tmp_path: Path) -> None:
    environ = {"SELECTOR_MACHINE": write_profile(tmp_path, cuda="11.8"), "SELECTOR_CUDA": "12.4"}
    made = record(tmp_path, environ)
    assert made["variants"] == ["cu12"]
    assert made["facts"]["cuda"]["source"] == "SELECTOR_CUDA"


def test_a_fact_that_the_profile_does_not_have_is_absent_and_not_read(
    tmp_path: Path, driver: Driver
) -> None:
    log = tmp_path / "log"
    environ = driver.environ("12.4", log=log)
    environ["SELECTOR_MACHINE"] = write_profile(tmp_path)
    made = record(tmp_path, environ)
    assert made["variants"] == ["cpu"]
    assert made["facts"]["cuda"]["absent"] == "the machine profile says nothing of it"
    assert not log.exists()


def test_what_one_machine_reads_another_takes_as_its_profile(
    tmp_path: Path, driver: Driver
) -> None:
    read = record(tmp_path, driver.environ("12.4"))
    profile = write_profile(tmp_path, **read["facts"])
    taken = record(tmp_path, {"SELECTOR_MACHINE": profile})
    assert taken["facts"]["cuda"] == {"value": "12.4", "source": "machine profile: NVML"}


def test_every_kind_of_fact_can_be_written_by_hand(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"rocm": "6.4", "gfx": ["gfx942"], "cpu": "zen3"}
    facts["marker"] = {"sys_platform": "win32"}
    profile = write_profile(tmp_path, **facts)
    assert record(tmp_path, {"SELECTOR_MACHINE": profile}, TABLE)["variants"] == ["zen"]
    facts |= {"cpu": None, "marker": {"absent": "unknown", "source": "me"}}
    profile = write_profile(tmp_path, **facts)
    assert record(tmp_path, {"SELECTOR_MACHINE": profile}, TABLE)["variants"] == ["amd"]


def test_a_forced_variant_wins_over_a_profile(tmp_path: Path) -> None:
    environ = {"SELECTOR_MACHINE": str(tmp_path / "missing.json"), "SPAM_VARIANT": "cu11"}
    assert record(tmp_path, environ)["variants"] == ["cu11"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "which is not JSON: Expecting value, line 1, column 1"),
        ('{"format": 1,\n "facts": {,}}', "which is not JSON: "),
        ("[]", "is not a machine profile: expected an object such as"),
        ('{"facts": {}}', "is a machine profile of format None; this version reads format 1"),
        ('{"format": 9, "facts": {}}', "is a machine profile of format 9"),
        ('{"format": 1, "facts": {"cdua": "12"}}', "facts.cdua: not a known fact, did you mean"),
        ('{"format": 1, "facts": {"cuda": 12.4}}', "facts.cuda: expected a version as a string"),
        ('{"format": 1, "facts": {"cuda": "new"}}', "facts.cuda: 'new' is not a version"),
        ('{"format": 1, "facts": {"cpu": []}}', "facts.cpu: expected at least one"),
        ('{"format": 1, "facts": {"property": ["x"]}}', "facts.property: 'x' is not a property"),
        ('{"format": 1, "facts": {"cuda": {"vlaue": "1"}}}', "facts.cuda: 'vlaue' is not known"),
        ('{"format": 1, "facts": {"cuda": "12", "cuda": "13"}}', "cuda: is given more than once"),
        ("\udcff", "which is not UTF-8 text"),
    ],
)
def test_a_bad_profile_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "machine.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    output = error(tmp_path, {"SELECTOR_MACHINE": str(file)})
    assert message in output
    assert str(file) in output


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    file = str(tmp_path / "missing.json")
    output = error(tmp_path, {"SELECTOR_MACHINE": file})
    assert f"SELECTOR_MACHINE names the machine profile {file}, which does not exist" in output
    assert "give the absolute path" not in output
    assert "give the absolute path" in error(tmp_path, {"SELECTOR_MACHINE": "missing.json"})
    assert "cannot be read" in error(tmp_path, {"SELECTOR_MACHINE": str(tmp_path)})


OVERRIDES = {
    "cuda": ("12.4", "12.4"),
    "nvidia-driver": ("550.54", "550.54"),
    "compute-capability": ("8.6,7.5", ["7.5", "8.6"]),
    "cuda-toolkit": ("12.4", "12.4"),
    "rocm": ("6.4", "6.4"),
    "gfx": ("gfx942, gfx90a", ["gfx90a", "gfx942"]),
    "cpu": ("avx2", ["avx2"]),
    "glibc": ("2.28", "2.28"),
    "musl": ("1.2", "1.2"),
    "macos": ("14.5", "14.5"),
    "marker": ("os_name=nt", {"os_name": "nt"}),
    "property": ("demo::a::b,demo :: c :: d", ["demo :: a :: b", "demo :: c :: d"]),
}
EVERY_FACT = """
[tool.selector.provider.demo]
requires = ["demo-provider"]

[[tool.selector.variant]]
name = "every"
when = { cuda = true, nvidia-driver = true, compute-capability = true, cuda-toolkit = true, \
rocm = true, gfx = true, cpu = true, glibc = true, musl = true, macos = true, \
marker = "os_name == 'nt'", property = "demo :: a :: b" }

[[tool.selector.variant]]
name = "none"
"""


def variable(fact: str) -> str:
    return "SELECTOR_" + fact.upper().replace("-", "_")


def test_every_fact_can_be_overridden(tmp_path: Path, driver: Driver) -> None:
    log = tmp_path / "log"
    environ = {variable(fact): text for fact, (text, _) in OVERRIDES.items()}
    made = record(tmp_path, {**driver.environ(log=log), **environ}, EVERY_FACT)
    assert made["variants"] == ["every"]
    expected = {
        fact: {"value": value, "source": variable(fact)} for fact, (_, value) in OVERRIDES.items()
    }
    assert made["facts"] == expected
    assert not log.exists()


def test_every_fact_can_be_made_absent(tmp_path: Path, driver: Driver) -> None:
    log = tmp_path / "log"
    environ = dict.fromkeys(map(variable, OVERRIDES), "")
    made = record(tmp_path, {**driver.environ(log=log), **environ}, EVERY_FACT)
    assert made["variants"] == ["none"]
    for fact, one in made["facts"].items():
        assert one["absent"] == f"{variable(fact)} is set to nothing"
    assert not log.exists()


def test_a_variable_that_is_not_utf_8_is_recorded_as_it_is(tmp_path: Path) -> None:
    table = """
[tool.selector]

[[tool.selector.variant]]
name = "new"
when = { marker = "platform_release == '7.x'" }

[[tool.selector.variant]]
name = "any"
"""
    made = record(tmp_path, {"SELECTOR_MARKER": "platform_release=\udcff"}, table)
    assert made["variants"] == ["any"]
    assert made["facts"]["marker"]["value"] == {"platform_release": "\udcff"}


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_profile_whose_name_no_file_can_have(tmp_path: Path, path: str) -> None:
    with pytest.raises(HookFailedError) as failed:
        record(tmp_path, {}, config_settings={"machine": path})
    assert "Traceback" not in failed.value.output
    assert "expected the path of a machine profile" in failed.value.output


def test_a_version_of_many_digits_is_one_message(tmp_path: Path) -> None:
    digits = "1" * 5000
    assert "and so on is not a version" in error(tmp_path, {"SELECTOR_CUDA": digits})
    message = error(tmp_path, {"SELECTOR_MACHINE": write_profile(tmp_path, cuda=digits)})
    assert "and so on is not a version" in message
    assert len(message) < 500


def test_a_profile_that_is_nested_deep_is_one_message(tmp_path: Path) -> None:
    profile = tmp_path / "machine.json"
    for text in ('{"format": %s, "facts": {}}', '{"format": 1, "facts": {"cuda": %s}}'):
        profile.write_text(text % ("[" * 900 + "]" * 900), encoding="utf-8")
        assert "error: " in error(tmp_path, {"SELECTOR_MACHINE": str(profile)})
