"""The hooks of PEP 517 and 660, called in child processes as frontends call them."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.hooks import Backend, HookFailedError
from support.project import CUDA, hook_environ, write_project

import selector_backend
from selector_backend.authoring import REQUIREMENTS

NOTHING_FITS = """
[tool.selector]
advice = "See the install page; cuda is {cuda} here."

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "old"
when = { cuda = "<10" }
refuse = "CUDA {cuda} is too old for spam."
"""

CPU = """
[tool.selector]

[[tool.selector.variant]]
name = "fast"
when = { cpu = "x86-64-v3" }

[[tool.selector.variant]]
name = "slow"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_project(tmp_path / "source")


def test_nothing_has_to_be_installed_to_build(source: Path) -> None:
    backend = Backend(source)
    for artifact in ("wheel", "editable", "sdist"):
        assert backend.call(f"get_requires_for_build_{artifact}") == []


def test_the_wheel_has_exactly_the_metadata_that_was_prepared(source: Path, tmp_path: Path) -> None:
    prepared = Backend(source, {"SELECTOR_CUDA": "12.4"}).metadata(tmp_path / "prepared")
    later = Backend(source, {"SELECTOR_CUDA": "11.8"})
    name = later.call("build_wheel", str(tmp_path), metadata_directory=str(prepared))
    with zipfile.ZipFile(tmp_path / name) as wheel:
        for path in prepared.rglob("*"):
            if path.is_file():
                member = f"{prepared.name}/{path.relative_to(prepared).as_posix()}"
                assert wheel.read(member) == path.read_bytes()
        assert b"Requires-Dist: spam-cu12==1.0" in wheel.read(f"{prepared.name}/METADATA")


def test_a_wheel_has_the_version_that_was_prepared(source: Path, tmp_path: Path) -> None:
    """uv's label stays, even where another process builds than the one that prepared."""
    prepared = Backend(source, {"SPAM_VARIANT": "cpu"}).metadata(tmp_path / "prepared")
    metadata = prepared / "METADATA"
    text = metadata.read_text(encoding="utf-8")
    metadata.write_text(text.replace("Version: 1.0\n", "Version: 1.0+cpu\n"), encoding="utf-8")
    later = Backend(source, {"SPAM_VARIANT": "cu12"})
    name = later.call("build_wheel", str(tmp_path), metadata_directory=str(prepared))
    assert name == "spam-1.0+cpu-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert {one.partition("/")[0] for one in wheel.namelist()} == {"spam-1.0.dist-info"}


def test_a_caller_that_is_not_known_gets_a_plain_wheel(source: Path, tmp_path: Path) -> None:
    for environ in ({}, {"UV": "uv"}, {"PIP_BUILD_TRACKER": "folder"}):
        name = Backend(source, environ).call("build_wheel", str(tmp_path))
        assert name == "spam-1.0-py3-none-any.whl"


def test_a_process_that_calls_a_hook_still_writes_bytecode(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tox calls all hooks of a build in a process, and a test may call one in its own."""
    monkeypatch.chdir(source)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setenv("SPAM_VARIANT", "cpu")
    assert selector_backend.get_requires_for_build_wheel() == []
    assert not sys.dont_write_bytecode


@pytest.mark.parametrize(
    ("environ", "settings", "message"),
    [
        ({"SELECTOR_PORTABLE": "maybe"}, {}, "the environment variable SELECTOR_PORTABLE is 'mayb"),
        ({}, {"portable": "maybe"}, "-C portable is 'maybe'; expected true or"),
    ],
)
def test_portable_is_yes_or_no(
    source: Path, tmp_path: Path, environ: dict[str, str], settings: dict[str, str], message: str
) -> None:
    with pytest.raises(HookFailedError) as failed:
        Backend(source, environ).call("build_wheel", str(tmp_path), settings)
    assert failed.value.output.startswith(f"error: {message}")
    assert len(failed.value.output.splitlines()) == 1


def test_a_wheel_without_prepared_metadata_is_the_same(source: Path, tmp_path: Path) -> None:
    backend = Backend(source, {"SELECTOR_CUDA": "12.4"})
    prepared = backend.metadata(tmp_path / "prepared")
    wheels = []
    for folder, metadata in (("one", str(prepared)), ("two", None)):
        (tmp_path / folder).mkdir()
        name = backend.call("build_wheel", str(tmp_path / folder), metadata_directory=metadata)
        wheels.append((tmp_path / folder / name).read_bytes())
    assert wheels[0] == wheels[1]


def test_an_editable_wheel_is_the_same(source: Path, tmp_path: Path) -> None:
    backend = Backend(source)
    contents = []
    for hook in ("build_wheel", "build_editable"):
        folder = tmp_path / hook
        folder.mkdir()
        contents.append((folder / str(backend.call(hook, str(folder)))).read_bytes())
    assert contents[0] == contents[1]
    folder = tmp_path / "prepared"
    folder.mkdir()
    hook = "prepare_metadata_for_build_editable"
    assert backend.call(hook, str(folder), _allow_fallback=False) == "spam-1.0.dist-info"


def test_a_licence_outside_the_project_is_left_out_of_the_sdist_with_a_warning(
    tmp_path: Path,
) -> None:
    source = write_project(tmp_path / "repository" / "source")
    (tmp_path / "repository" / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    (source / "LICENSE").symlink_to("../LICENSE")
    (source / "NOTICE").symlink_to("/proc/self/environ")
    (source / "COPYING").write_text("Copy as you like.\n", encoding="utf-8")
    backend = Backend(source, {"A_SECRET": "of the builder"})
    with tarfile.open(tmp_path / str(backend.call("build_sdist", str(tmp_path)))) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    assert sorted(names) == ["COPYING", "PKG-INFO", "pyproject.toml", "selector-table.json"]
    why = "which is a link out of the project's folder; put a copy of the file in its place"
    for name in ("LICENSE", "NOTICE"):
        assert f"warning: left out '{name}', {why}" in backend.output


def test_nothing_is_written_into_the_source(source: Path, tmp_path: Path) -> None:
    before = sorted(source.rglob("*"))
    backend = Backend(source)
    backend.call("get_requires_for_build_wheel")
    backend.call("build_wheel", str(tmp_path))
    backend.call("build_sdist", str(tmp_path))
    assert sorted(source.rglob("*")) == before


@pytest.mark.parametrize(
    "hook",
    ["get_requires_for_build_wheel", "prepare_metadata_for_build_wheel", "build_wheel"],
)
def test_where_nothing_fits_each_variant_says_why(tmp_path: Path, hook: str) -> None:
    backend = Backend(write_project(tmp_path / "source", NOTHING_FITS), {"SELECTOR_CUDA": "11.8"})
    arguments = [] if hook.startswith("get") else [str(tmp_path)]
    with pytest.raises(HookFailedError) as failed:
        backend.call(hook, *arguments)
    assert failed.value.status == 1
    assert failed.value.output.splitlines() == [
        "error: spam 1.0 cannot be installed on this machine.",
        "No variant fits:",
        "  cu12: cuda 11.8 is not >=12",
        "  old: cuda 11.8 is not <10",
        "See the install page; cuda is 11.8 here.",
        "To force a variant, set SPAM_VARIANT to cu12.",
    ]


def test_a_variant_that_refuses_stops_with_its_message(tmp_path: Path) -> None:
    backend = Backend(write_project(tmp_path / "source", NOTHING_FITS), {"SELECTOR_CUDA": "9.2"})
    with pytest.raises(HookFailedError) as failed:
        backend.call("get_requires_for_build_wheel")
    assert "CUDA 9.2 is too old for spam." in failed.value.output
    assert "  old: refuses: cuda 9.2 is <10" in failed.value.output


def test_a_defect_keeps_its_traceback(source: Path) -> None:
    with pytest.raises(HookFailedError) as failed:
        Backend(source).call("get_requires_for_build_wheel", ["no", "mapping"])
    assert "Traceback" in failed.value.output


def test_a_folder_that_is_none_is_one_message(source: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(HookFailedError) as failed:
        Backend(source).call("build_sdist", str(blocked / "below"))
    sdist = blocked / "below/spam-1.0.tar.gz"
    assert failed.value.output.startswith(f"error: {sdist} cannot be written: Not a directory. To")


def test_a_non_ascii_message_passes_an_ascii_locale(tmp_path: Path) -> None:
    table = NOTHING_FITS.replace("See the install page", "Voilà")
    environ = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}
    with pytest.raises(HookFailedError) as failed:
        Backend(write_project(tmp_path / "source", table), environ).call(
            "get_requires_for_build_wheel"
        )
    assert "Voil\\xe0" in failed.value.output


def modules_of_a_build(source: Path, **environ: str) -> set[str]:
    """Return the modules that a process has imported after it ran all hooks."""
    code = (
        "import selector_backend as b, sys, tempfile\n"
        "b.get_requires_for_build_wheel()\n"
        "with tempfile.TemporaryDirectory() as d:\n"
        "    b.build_wheel(d); b.build_sdist(d)\n"
        "print(*sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        env=hook_environ(**environ),
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    return set(process.stdout.split())


def test_a_table_without_conditions_imports_no_probe(tmp_path: Path) -> None:
    table = '[tool.selector]\n[[tool.selector.variant]]\nname = "cpu"\n'
    modules = modules_of_a_build(write_project(tmp_path / "source", table))
    assert not modules & {
        "pynvml",
        "archspec",
        "ctypes",
        "selector_backend.probes.nvidia",
    }


def test_a_driver_is_never_loaded_into_the_installers_process(source: Path) -> None:
    modules = modules_of_a_build(source)
    assert not modules & {"pynvml", "archspec"}


def test_importing_the_backend_costs_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import selector_backend; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, text=True, stdout=subprocess.PIPE
    ).stdout.split()
    ours = {name for name in output if name.startswith("selector_backend")}
    assert ours == {"selector_backend", "selector_backend.errors"}
    assert "packaging" not in output


def test_the_cpu_is_read_by_archspec(tmp_path: Path) -> None:
    backend = Backend(write_project(tmp_path / "source", CPU))
    record = backend.metadata(tmp_path / "out") / "selector.json"
    fact = json.loads(record.read_text(encoding="utf-8"))["facts"]["cpu"]
    assert fact["source"] == "archspec"
    assert fact["value"] == sorted(fact["value"])
    assert all(fact["value"])


def test_a_given_microarchitecture_has_what_it_descends_from(tmp_path: Path) -> None:
    table = CPU.replace('"x86-64-v3"', '["x86_64_v2", "AVX2"]')
    backend = Backend(write_project(tmp_path / "source", table), {"SELECTOR_CPU": "zen3"})
    record = backend.metadata(tmp_path / "out") / "selector.json"
    assert json.loads(record.read_text(encoding="utf-8"))["variants"] == ["fast"]


SITECUSTOMIZE = "import platform\nplatform.system = lambda: 'FreeBSD'\n"


@pytest.fixture
def freebsd(tmp_path: Path) -> dict[str, str]:
    """The environment of a system that archspec cannot read."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def test_py_cpuinfo_is_asked_for_only_where_archspec_cannot_read_the_system(
    tmp_path: Path, freebsd: dict[str, str]
) -> None:
    source = write_project(tmp_path / "cpu", CPU)
    hook = "get_requires_for_build_wheel"
    assert Backend(source).call(hook) == []
    assert Backend(source, freebsd).call(hook) == ["py-cpuinfo>=9"]
    assert Backend(source, {**freebsd, "SPAM_VARIANT": "slow"}).call(hook) == []
    assert Backend(source, {**freebsd, "SELECTOR_CPU": "avx2"}).call(hook) == []
    assert Backend(write_project(tmp_path / "cuda", CUDA), freebsd).call(hook) == []


def test_py_cpuinfo_reads_what_archspec_cannot(tmp_path: Path, freebsd: dict[str, str]) -> None:
    package = Path(freebsd["PYTHONPATH"], "cpuinfo.py")
    backend = Backend(write_project(tmp_path / "cpu", CPU), freebsd)

    def fact() -> dict[str, object]:
        record = backend.metadata(tmp_path / "out") / "selector.json"
        read: dict[str, object] = json.loads(record.read_text(encoding="utf-8"))["facts"]["cpu"]
        return read

    assert "cpuinfo" in str(fact()["absent"])
    package.write_text("get_cpu_info = lambda: {'flags': ['avx2'], 'arch': 'X86_64'}\n")
    assert fact() == {"value": ["avx2", "x86_64"], "source": "py-cpuinfo"}
    package.write_text("import os; os.abort()\n")
    assert fact()["absent"] == "py-cpuinfo: crashed the process that asked it (SIGABRT)"


def test_a_leftover_of_a_library_is_no_library(tmp_path: Path) -> None:
    """What is left of packaging has no version; it does not end in a traceback."""
    leftover = tmp_path / "site" / "packaging-25.0.dist-info" / "METADATA"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    backend = Backend(write_project(tmp_path / "source"), {"PYTHONPATH": str(tmp_path / "site")})
    requirements = backend.call("get_requires_for_build_wheel")
    assert {*REQUIREMENTS} <= {*requirements}
