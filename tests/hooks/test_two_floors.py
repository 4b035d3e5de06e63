"""Installing takes the standard library and nothing else, whatever is asked for.

The hooks run from an sdist with the lower floor alone. What they import besides is noted, even if
the import is guarded, and must be what a condition asks for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from support.driver import Driver
from support.floor import Floor, StoppedError, unpack
from support.plugin import write_plugin
from support.project import CUDA, build_sdist, hook_environ, write_project

from selector_backend.model.facts import FACTS, FactType
from selector_backend.model.kinds import (
    DISTRIBUTIONS,
    FEATURES,
    LIBRARIES,
    MARKERS,
    NAMES,
    PROPERTIES,
)

PROVIDER = """
[tool.selector.provider.demo]
requires = ["demo-provider"]
plugin-api = "demo_provider:Plugin"
enable-if = "python_version >= '3'"
"""
MORE = """
license-files = ["LICENSE"]
scripts = { spam = "spam_core:main" }
optional-dependencies = { plot = ["matplotlib"] }
"""
PLAIN = '[tool.selector]\n[[tool.selector.variant]]\nname = "cpu"\n'


def asked_of(fact: FactType) -> str:
    """Return something that can be asked of a fact, and that hardly a machine has."""
    if fact.kind is MARKERS:
        return "sys_platform == 'plan9'"
    if fact.kind is PROPERTIES:
        return "demo :: level :: v9"
    if fact.kind is DISTRIBUTIONS:
        return "nobody-has-this"
    return "none_has_it" if fact.kind in (NAMES, LIBRARIES, FEATURES) else "<0.1"


def table_of(kind: str, *without: str) -> str:
    """Return a table that asks for every fact, and has what else a table can have."""
    variants = [
        f'[[tool.selector.variant]]\nname = "{name}"\nwhen = {{ {name} = "{asked_of(fact)}" }}'
        for name, fact in FACTS.items()
        if name not in without
    ]
    conform = "conform = { cuda = '12' }\n" if kind == "requirement" else ""
    return "\n".join(
        [
            f'[tool.selector]\nkind = "{kind}"\nextras = ["plot"]\n{PROVIDER}',
            '[[tool.selector.variant]]\nname = "old"\nrefuse = "No."\nwhen = { cuda = "<10" }',
            *variants,
            f'[[tool.selector.variant]]\nname = "last"\n{conform}',
        ]
    )


def sdist_of(folder: Path, table: str) -> Path:
    """Return what is in the sdist of a project with ``table``."""
    source = write_project(folder / "source", table, more=MORE)
    (source / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    return unpack(build_sdist(source, folder / "dist"), folder / "unpacked")


def all_hooks(folder: Path, settings: dict[str, str] | None = None) -> list[list[Any]]:
    """Return the calls of an install, and of an editable one."""
    calls = []
    for kind in ("wheel", "editable"):
        prepared, built, alone = (folder / f"{kind}-{what}" for what in ("meta", "built", "alone"))
        for path in (prepared, built, alone):
            path.mkdir(parents=True)
        calls += [
            [f"get_requires_for_build_{kind}", settings],
            [f"prepare_metadata_for_build_{kind}", str(prepared), settings],
            [f"build_{kind}", str(built), settings, str(prepared / "spam-1.0.dist-info")],
            [f"build_{kind}", str(alone), settings],
        ]
    return calls


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(tmp_path / "floor")


def of_the_upper_floor(modules: set[str]) -> set[str]:
    """Return what only reading what people write takes."""
    return {one for one in modules if one.partition(".")[0] in ("tomllib", "tomli", "email")} | {
        one for one in modules if one.startswith(("selector_backend.authoring", "packaging"))
    }


@pytest.mark.parametrize("how", ["automatic", "forced by a setting", "forced by a variable"])
@pytest.mark.parametrize("kind", ["requirement", "capability"])
def test_all_hooks_import_the_standard_library_and_nothing_else(
    floor: Floor, tmp_path: Path, driver: Driver, kind: str, how: str
) -> None:
    source = sdist_of(tmp_path, table_of(kind, "cpu", "property"))
    environ = driver.environ("12.4")
    settings = {"variant": "glibc"} if how == "forced by a setting" else None
    if how == "forced by a variable":
        environ["SPAM_VARIANT"] = "musl"
    called = floor.call(source, *all_hooks(tmp_path, settings), environ=environ)
    assert called.tried == []
    assert of_the_upper_floor(called.modules) == set()
    prepared, *wheels = (called.results[at] for at in (1, 2, 3, 6, 7))
    assert prepared == "spam-1.0.dist-info"
    assert {*wheels} == {"spam-1.0-py3-none-any.whl"}
    files = [path.read_bytes() for path in sorted(tmp_path.glob("*-*/*.whl"))]
    assert len(files) == 4
    assert {*files} == {files[0]}
    with zipfile.ZipFile(tmp_path / "wheel-built/spam-1.0-py3-none-any.whl") as wheel:
        record = json.loads(wheel.read("spam-1.0.dist-info/selector.json"))
    if how == "automatic":  # without its binding, the driver is asked by `ctypes`
        assert record["facts"]["cuda"]["value"] == "12.4"
        assert record["facts"].keys() == FACTS.keys() - {"cpu", "property"}


def test_nvmls_binding_is_imported_where_a_condition_asks_for_the_driver(
    floor: Floor, tmp_path: Path, driver: Driver
) -> None:
    floor.add("nvidia-ml-py")
    source = sdist_of(tmp_path, CUDA)
    called = floor.call(source, *all_hooks(tmp_path), environ=driver.environ("12.4"))
    assert called.tried == []
    assert "pynvml" not in called.modules  # a child process asks the driver
    path = tmp_path / "wheel-meta/spam-1.0.dist-info/selector.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["facts"]["cuda"] == {"value": "12.4", "source": "NVML"}
    assert record["variants"] == ["cu12"]


def test_archspec_is_imported_where_a_condition_asks_for_the_cpu(
    floor: Floor, tmp_path: Path
) -> None:
    floor.add("archspec")
    source = sdist_of(tmp_path, table_of("capability", "property"))
    called = floor.call(source, *all_hooks(tmp_path))
    assert called.tried == []
    assert "archspec" in called.modules
    path = tmp_path / "wheel-meta/spam-1.0.dist-info/selector.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["facts"]["cpu"]["source"] == "archspec"
    assert record["facts"]["cpu"]["value"]


def test_no_library_is_imported_that_no_condition_asks_for(floor: Floor, tmp_path: Path) -> None:
    floor.add("archspec")
    floor.add("nvidia-ml-py")
    called = floor.call(sdist_of(tmp_path, PLAIN), *all_hooks(tmp_path))
    assert called.tried == []
    assert not called.modules & {"archspec", "pynvml", "ctypes"}
    probes = {one for one in called.modules if "probes." in one}
    assert probes == {"selector_backend.probes.installed"}


@pytest.mark.parametrize("stated", [False, True])
def test_a_library_that_is_missing_hides_what_it_tells_alone(
    floor: Floor, tmp_path: Path, stated: bool
) -> None:
    source = sdist_of(tmp_path, table_of("capability", "property"))
    environ = {"SELECTOR_CPU": "zen3"} if stated else {}
    called = floor.call(source, *all_hooks(tmp_path), environ=environ)
    assert {one.partition(".")[0] for one in called.tried} == {"archspec"}
    path = tmp_path / "wheel-meta/spam-1.0.dist-info/selector.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    why = record["facts"]["cpu"]["missing" if stated else "absent"]
    assert "No module named 'archspec'" in why
    assert "value" in record["facts"]["marker"]


def test_a_version_that_nothing_here_compares_is_said_to_be_so(
    floor: Floor, tmp_path: Path
) -> None:
    """As without build isolation, where nobody installs what is asked for. A name needs nothing."""
    variant = '[[tool.selector.variant]]\nname = "{}"\nwhen = {{ installed = "{}" }}\n'
    table = variant.format("new", "torch>=2.9") + variant.format("any", "torch")
    environ = {"SELECTOR_INSTALLED": "torch==2.9.1"}
    target = tmp_path / "meta"
    target.mkdir()
    call = ["prepare_metadata_for_build_wheel", str(target)]
    called = floor.call(sdist_of(tmp_path, table), call, environ=environ)
    assert {one.partition(".")[0] for one in called.tried} == {"packaging"}
    record = json.loads((target / "spam-1.0.dist-info/selector.json").read_text(encoding="utf-8"))
    assert [one["reason"] for one in record["verdicts"]] == [
        "installed torch>=2.9 cannot be told: packaging, which compares its version, is not "
        "installed",
        "installed has torch==2.9.1",
    ]


def test_a_provider_is_all_that_is_asked_for_besides(floor: Floor, tmp_path: Path) -> None:
    write_plugin(floor.folder)
    source = sdist_of(tmp_path, table_of("capability", "cpu"))
    called = floor.call(source, *all_hooks(tmp_path))
    assert called.tried == []
    assert called.results[0] == called.results[4] == ["demo-provider"]
    assert "demo_provider" not in called.modules
    path = tmp_path / "wheel-meta/spam-1.0.dist-info/selector.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert "demo :: level :: v3" in record["facts"]["property"]["value"]


@pytest.mark.parametrize("stated", ["by a profile", "by variables"])
def test_stated_facts_take_nothing_more(floor: Floor, tmp_path: Path, stated: str) -> None:
    source = sdist_of(tmp_path, table_of("requirement", "cpu"))
    environ, settings = {}, None
    if stated == "by a profile":
        profile = {"format": 1, "facts": {"cuda": "12.4", "marker": {"sys_platform": "win32"}}}
        (tmp_path / "machine.json").write_text(json.dumps(profile), encoding="utf-8")
        settings = {"machine": str(tmp_path / "machine.json")}
    else:
        environ = {fact.variable: fact.example for fact in FACTS.values()}
    called = floor.call(source, *all_hooks(tmp_path, settings), environ=environ)
    assert called.tried == []
    assert of_the_upper_floor(called.modules) == set()


def test_an_install_that_stops_takes_nothing_more(floor: Floor, tmp_path: Path) -> None:
    table = CUDA.replace('name = "cpu"', 'name = "cpu"\nwhen = { cuda = false }\nrefuse = "No."')
    with pytest.raises(StoppedError) as stopped:
        floor.call(sdist_of(tmp_path, table), *all_hooks(tmp_path))
    assert str(stopped.value).startswith("error: spam 1.0 cannot be installed on this machine.")
    assert "Traceback" not in str(stopped.value)


def test_packing_what_was_prepared_imports_neither_the_table_nor_the_machine(
    floor: Floor, tmp_path: Path
) -> None:
    source = sdist_of(tmp_path, PLAIN)
    _, prepare, build, _ = all_hooks(tmp_path)[:4]
    floor.call(source, prepare)
    packed = floor.call(source, build)
    assert packed.results == ["spam-1.0-py3-none-any.whl"]
    rooms = ("installing", "model", "probes")
    ours = {one.split(".", 1)[1] for one in packed.modules if one.startswith("selector_backend.")}
    assert {one for one in ours if one.startswith(rooms) and "." in one} == {
        *("installing.caller", "installing.files", "installing.frontends"),
        *("installing.handoff", "installing.installation", "installing.packing"),
        *("installing.request", "installing.wheel"),
        *("model.purpose", "model.values", "model.variables"),
    }


def test_an_environment_is_looked_through_without_reading_what_does_not_matter(
    floor: Floor, tmp_path: Path
) -> None:
    environment = tmp_path / "site-packages"
    for name in ("eggs-1.0", "spam_core-1.0", "Spam_CPU-1.5"):
        info = environment / f"{name}.dist-info"
        info.mkdir(parents=True)
        version = f"Name: {name[:-4]}\nVersion: {name[-3:]}\n"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{version}", encoding="utf-8")
    code = """
import json, sys
from pathlib import Path
from selector_backend.installing.environment import read_environment
from selector_backend.model.table import read_compiled
selector = read_compiled(Path(sys.argv[1])).selector
versions = read_environment(selector, sys.argv[2:]).versions
json.dump([versions, "importlib.metadata" in sys.modules], sys.stdout)
"""

    def read(folder: Path) -> Any:
        arguments = [str(sdist), str(tmp_path / "not-there"), str(folder)]
        command = [sys.executable, "-S", "-c", code, *arguments]
        environ = hook_environ(PYTHONPATH=str(floor.folder))
        return json.loads(subprocess.run(command, env=environ, check=True, stdout=PIPE).stdout)

    sdist = sdist_of(tmp_path, PLAIN)
    assert read(environment) == [{"spam-cpu": "1.5"}, True]
    (environment / "Spam_CPU-1.5.dist-info").rename(tmp_path / "elsewhere")
    assert read(environment) == [{}, False]
