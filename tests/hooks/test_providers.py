"""`property` conditions: wheel-variant providers, asked through the hooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.hooks import Backend, HookFailedError
from support.plugin import CURRENT, MODULE, NAMELESS, OLDER, write_plugin
from support.project import hook_environ, write_project

PROVIDER = """
[tool.selector.provider.demo]
requires = ["demo-provider>=1"]
plugin-api = "demo_provider:Plugin"
"""
TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "fast"
when = { property = ["demo :: level :: v3", "demo::avx2::on"] }

[[tool.selector.variant]]
name = "slow"
"""


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """The hooks of a table that asks a provider, whose plugin can be imported."""
    folder = write_plugin(tmp_path / "plugin")
    source = write_project(tmp_path / "source", TABLE + PROVIDER)
    return Backend(source, {"PYTHONPATH": str(folder), "STANDIN_LOG": str(tmp_path / "log")})


def asked(tmp_path: Path) -> int:
    """Return how often the plugin was imported."""
    log = tmp_path / "log"
    return log.read_text(encoding="utf-8").count("\n") if log.exists() else 0


def test_the_providers_requirements_are_asked_for(backend: Backend, tmp_path: Path) -> None:
    assert backend.call("get_requires_for_build_wheel") == ["demo-provider>=1"]
    assert asked(tmp_path) == 0


@pytest.mark.parametrize("code", [NAMELESS, CURRENT, OLDER, MODULE])
def test_what_the_plugin_supports_is_the_fact(backend: Backend, tmp_path: Path, code: str) -> None:
    write_plugin(tmp_path / "plugin", code)
    if code == MODULE:
        table = (TABLE + PROVIDER).replace("demo_provider:Plugin", "demo_provider")
        write_project(tmp_path / "source", table)
    record = backend.record(tmp_path / "out")
    assert record["variants"] == ["fast"]
    (fact,) = record["facts"].values()
    assert fact["value"] == ["demo :: avx2 :: on", "demo :: level :: v2", "demo :: level :: v3"]
    assert fact["source"].startswith("demo: demo_provider")
    assert asked(tmp_path) == 1


def test_the_plugins_place_is_the_requirements_name_unless_it_is_given(
    backend: Backend, tmp_path: Path
) -> None:
    write_plugin(tmp_path / "plugin", MODULE)
    table = (TABLE + PROVIDER).replace('plugin-api = "demo_provider:Plugin"\n', "")
    write_project(tmp_path / "source", table)
    assert backend.record(tmp_path / "out")["variants"] == ["fast"]


def test_a_property_that_is_not_supported_is_named(backend: Backend, tmp_path: Path) -> None:
    table = (TABLE + PROVIDER).replace("v3", "v4")
    write_project(tmp_path / "source", table)
    record = backend.record(tmp_path / "out")
    assert record["variants"] == ["slow"]
    assert record["verdicts"][0]["reason"] == "property lacks demo :: level :: v4"
    assert record["facts"]["property"]["source"] == "demo: demo_provider:Plugin"


@pytest.mark.parametrize("how", ["override", "forced", "profile", "marker", "not named"])
def test_nothing_is_asked_for_that_is_not_needed(
    backend: Backend, tmp_path: Path, how: str
) -> None:
    table, environ = TABLE + PROVIDER, dict(backend.environ)
    if how == "override":
        environ["SELECTOR_PROPERTY"] = "demo :: level :: v3, demo :: avx2 :: on"
    elif how == "forced":
        environ["SPAM_VARIANT"] = "fast"
    elif how == "profile":
        profile = tmp_path / "machine.json"
        profile.write_text('{"format": 1, "facts": {}}', encoding="utf-8")
        environ["SELECTOR_MACHINE"] = str(profile)
    elif how == "marker":
        table += "enable-if = \"sys_platform == 'plan9'\"\n"
    else:
        table = table.replace('["demo :: level :: v3", "demo::avx2::on"]', '"other :: a :: b"')
        table += '[tool.selector.provider.other]\nrequires = ["other"]\n'
    write_project(tmp_path / "source", table)
    backend.environ = environ
    requirements = ["other"] if how == "not named" else []
    assert backend.call("get_requires_for_build_wheel") == requirements
    record = backend.record(tmp_path / "out")
    assert record["variants"] == (["fast"] if how in ("override", "forced") else ["slow"])
    assert asked(tmp_path) == 0


FAULTS = [
    ("import time\ntime.sleep(60)", "did not answer within 2 s"),
    ("import os\nos.abort()", "crashed the process that asked it (SIGABRT)"),
    ("import sys\nsys.exit(0)", "ended the process that asked it, with exit status"),
    ("import os\nos._exit(3)", "ended the process that asked it, with exit status 3"),
    ("raise RuntimeError('broken')", "could not be asked: RuntimeError: broken"),
    ("import nothing_of_this_name", "could not be asked: ModuleNotFoundError"),
    (CURRENT.replace('"demo"', '"other"'), "has the namespace 'other'"),
    (CURRENT.replace("return CONFIGS", "return 5"), "could not be asked: TypeError"),
]


@pytest.mark.parametrize(("code", "reason"), FAULTS)
def test_a_broken_plugin_makes_the_fact_absent_with_the_reason(
    backend: Backend, tmp_path: Path, code: str, reason: str
) -> None:
    write_plugin(tmp_path / "plugin", code)
    if "did not answer" in reason:
        backend.environ = {**backend.environ, "SELECTOR_PROBE_TIMEOUT": "2"}
    record = backend.record(tmp_path / "out")
    assert record["variants"] == ["slow"]
    assert f"demo: its provider {reason}" in record["facts"]["property"]["absent"]


def test_a_provider_that_supports_nothing_is_asked_once(backend: Backend, tmp_path: Path) -> None:
    """What one hook read is left to the next, an absent fact too."""
    write_plugin(tmp_path / "plugin", CURRENT.replace("return CONFIGS", "return []"))
    code = (
        "import os\n"
        "from selector_backend.installing.handoff import Handoff\n"
        "from selector_backend.probes import read_machine\n"
        "from selector_backend.model.table import Provider, Scope\n"
        "provider = Provider('demo', ('demo-provider',), 'demo_provider:Plugin')\n"
        "memory = Handoff(os.path.abspath('memory.json'))\n"
        "for _ in range(2):\n"
        "    machine = read_machine(['property'], os.environ, memory, scope=Scope((provider,)))\n"
        "    print(machine['property'].reason)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=hook_environ(**backend.environ),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert output == "none is supported (demo: demo_provider:Plugin)\n" * 2
    assert asked(tmp_path) == 1


def test_a_plugin_that_prints_does_not_spoil_the_answer(backend: Backend, tmp_path: Path) -> None:
    loud = "import os\nprint('loud', flush=True)\nos.write(1, b'louder')" + CURRENT
    write_plugin(tmp_path / "plugin", loud)
    assert backend.record(tmp_path / "out")["variants"] == ["fast"]


TWO = """
[[tool.selector.variant]]
name = "broken"
when = { property = "broken :: a :: b" }

[[tool.selector.variant]]
name = "demo"
when = { property = "demo :: level :: v3" }

[tool.selector.provider.broken]
requires = ["broken"]
plugin-api = "nothing_of_this_name"
"""


def test_one_providers_fault_does_not_hide_anothers_answer(
    backend: Backend, tmp_path: Path
) -> None:
    write_project(tmp_path / "source", TWO + PROVIDER)
    record = backend.record(tmp_path / "out")
    assert record["variants"] == ["demo"]
    assert "broken: its provider could not be asked" in record["verdicts"][0]["reason"]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("provider.demo]", "provider.dmo]", "variant[0].when.property: names the namespace 'demo'"),
        (
            '"demo :: level :: v3"',
            '"demo level v3"',
            "variant[0].when.property[0]: found 'demo lev",
        ),
        ('"demo :: level :: v3"', "5", "variant[0].when.property[0]: found 5 (an int"),
        ('["demo :: level :: v3", "demo::avx2::on"]', "true", "variant[0].when.property: found tr"),
        ("plugin-api", "plugin_api", "provider.demo.plugin_api: not a known key, did you mean"),
        ('"demo_provider:Plugin"', '"demo provider"', "provider.demo.plugin-api: found 'demo pro"),
        ('requires = ["demo-provider>=1"]', "", "provider.demo.requires: missing"),
        ('"demo-provider>=1"', '"demo provider"', "provider.demo.requires[0]: found 'demo prov"),
        ("plugin-api", 'enable-if = "nonsense"\nplugin-api', "provider.demo.enable-if: found 'non"),
        ("provider.demo]", "provider.Demo]", "provider.Demo: is not a namespace"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(tmp_path: Path, old: str, new: str, error: str) -> None:
    source = write_project(tmp_path / "source", (TABLE + PROVIDER).replace(old, new))
    with pytest.raises(HookFailedError) as failed:
        Backend(source).call("get_requires_for_build_wheel")
    assert failed.value.status == 1
    assert f"tool.selector.{error}" in str(failed.value)
