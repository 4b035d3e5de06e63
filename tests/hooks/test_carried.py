"""What an sdist carries of its backend, through the hooks."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.driver import Driver
from support.environment import ROOT, clean_environ, run
from support.floor import INSTALLING, Floor, StoppedError, unpack
from support.project import CUDA, build_sdist, write_carrying, write_library, write_project

from selector_backend.authoring import CARRYING, PUBLISHING, REQUIREMENTS, toml
from selector_backend.authoring.carried import PYTHONS, unsupported_python
from selector_backend.model.facts import FACTS
from selector_backend.model.table import Scope
from selector_backend.probes import families

COMPILING = [*REQUIREMENTS]
PROVIDER = """
[[tool.selector.variant]]
name = "fast"
when = { property = "demo::level::v3" }

[tool.selector.provider.demo]
requires = ["demo-provider"]
"""
PLAIN = '\n[tool.selector]\n\n[[tool.selector.variant]]\nname = "cpu"\n'


def table_of(*facts: str) -> str:
    """Return a table that asks for facts, as their examples are."""
    return "\n[tool.selector]\n" + "".join(
        f'\n[[tool.selector.variant]]\nname = "v{number}"\nwhen = {{ {fact} = true }}\n'
        for number, fact in enumerate(facts)
    )


def carried_by(folder: Path, table: str, python: str = ">=3.9") -> Path:
    """Return the folder `_selector` of a project's sdist."""
    source = write_carrying(folder / "source", table, python=python)
    sdist = build_sdist(source, folder / "dist")
    return unpack(sdist, folder / "unpacked") / "_selector"


@pytest.mark.parametrize(
    ("facts", "libraries"),
    [
        (["glibc", "rocm", "cuda-toolkit", "gfx"], set()),
        (["compute-capability"], {"pynvml.py"}),
        (["cuda", "nvidia-driver"], {"pynvml.py"}),
        (["cpu"], {"archspec"}),
        (["cpu", "cuda"], {"archspec", "pynvml.py"}),
    ],
)
def test_only_what_the_tables_facts_need_is_carried(
    tmp_path: Path, facts: list[str], libraries: set[str]
) -> None:
    folder = carried_by(tmp_path, table_of(*facts))
    common = {"README.md", "licenses", "selector_backend", "tomli"}
    assert {path.name for path in folder.iterdir()} == {*common, *libraries}
    ours = {path.name for path in (folder / "selector_backend").iterdir()}
    assert ours == {*INSTALLING, "__pycache__"}
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {
        ".py",
        ".json",
        ".md",
        "",
    }
    assert not [path for path in folder.rglob("*") if path.name == "tests"]
    # Where a file is, Python makes no folder for compiled modules.
    assert [*folder.rglob("__pycache__")] == [folder / "selector_backend/__pycache__"]
    assert (folder / "selector_backend/__pycache__").is_file()


@pytest.mark.parametrize(
    ("asked", "carried"), [('"torch"', False), ('["jax", "torch>=2.9"]', True)]
)
def test_what_compares_versions_is_carried_where_versions_are_compared(
    tmp_path: Path, asked: str, carried: bool
) -> None:
    table = table_of("installed").replace("installed = true", f"installed = {asked}")
    # From packaging 26.4 on, it is not for Python 3.9.
    assert (carried_by(tmp_path, table, ">=3.10") / "packaging").exists() is carried


@pytest.mark.parametrize(
    ("python", "carried"), [(">=3.10.2", True), ("~=3.10.0", True), (">=3.11", False)]
)
def test_what_reads_locks_is_carried_for_pythons_that_lack_it(
    tmp_path: Path, python: str, carried: bool
) -> None:
    folder = carried_by(tmp_path, PLAIN, python) / "tomli"
    assert folder.exists() is carried
    if carried:  # of a compiled wheel, the modules that were compiled
        assert {"__init__.py", "_parser.py"} <= {path.name for path in folder.iterdir()}


def test_each_has_its_name_its_version_and_its_licence(tmp_path: Path) -> None:
    folder = carried_by(tmp_path, table_of("cuda", "cpu"))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in readme.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[1:]] == [
        "selector-backend",
        "nvidia-ml-py",
        "archspec",
        "tomli",
    ]
    assert [row[2] for row in rows[1:]] == ["MIT", "BSD", "Apache-2.0 OR MIT", "MIT"]
    assert all(row[1][0].isdigit() for row in rows[1:])
    for row in rows[1:]:
        place = row[3].split("`")[1]
        text = "".join(
            path.read_text(encoding="utf-8")
            for path in ([folder / place] if place.endswith(".py") else (folder / place).iterdir())
        )
        assert "Copyright" in text


def test_all_else_of_the_sdist_is_what_it_is_without(tmp_path: Path) -> None:
    source = write_carrying(tmp_path / "one")
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace("[project]", "# why\n[project] # ä")
    (source / "pyproject.toml").write_text(text, encoding="utf-8")
    (source / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    carrying = unpack(build_sdist(source, tmp_path / "dist1"), tmp_path / "unpacked1")
    (source / "pyproject.toml").write_text(text.replace("self-contained = true\n", ""), "utf-8")
    plain = unpack(build_sdist(source, tmp_path / "dist2"), tmp_path / "unpacked2")
    names = {path.name for path in plain.iterdir()}
    assert {path.name for path in carrying.iterdir()} == {*names, "_selector"}
    assert (carrying / "PKG-INFO").read_bytes() == (plain / "PKG-INFO").read_bytes()
    published = (carrying / "pyproject.toml").read_text(encoding="utf-8")
    assert published.partition("\n\n")[2] == text.partition("\n\n")[2]
    assert toml.loads(published)["build-system"] == {
        "requires": [],
        "build-backend": "selector_backend",
        "backend-path": ["_selector"],
    }
    of_carrying, of_plain = (
        json.loads((folder / "selector-table.json").read_bytes()) for folder in (carrying, plain)
    )
    assert of_carrying["selector"] == of_plain["selector"]
    # What it was compiled of is what lies beside it.
    assert Floor(tmp_path / "floor").call(carrying, *ASKING).results == [[], []]


ASKING = (["get_requires_for_build_wheel"], ["get_requires_for_build_editable"])


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one = build_sdist(write_carrying(tmp_path / "a"), tmp_path / "one").read_bytes()
    assert build_sdist(write_carrying(tmp_path / "b"), tmp_path / "two").read_bytes() == one


def test_it_is_small(tmp_path: Path) -> None:
    table = table_of("cuda", "compute-capability", "cpu")
    sdist = build_sdist(write_carrying(tmp_path / "source", table), tmp_path / "dist")
    assert sdist.stat().st_size < 220_000


def test_what_editing_takes_is_asked_for_by_such_a_project_only(tmp_path: Path) -> None:
    floor = Floor(tmp_path / "floor").add_authoring()
    hook = ["get_requires_for_build_sdist"]
    plain, carrying = write_project(tmp_path / "plain"), write_carrying(tmp_path / "carrying")
    assert floor.call(plain, hook).results == [COMPILING]
    assert floor.call(carrying, hook, *ASKING).results == [
        [*dict.fromkeys((*COMPILING, *PUBLISHING, *CARRYING))],
        COMPILING,
        COMPILING,
    ]
    with pytest.raises(StoppedError, match=f'pip install .* "{PUBLISHING[0]}"'):
        floor.add("packaging", "pyproject-metadata").call(carrying, ["build_sdist", str(tmp_path)])


def test_a_source_tree_installs_as_without(tmp_path: Path) -> None:
    """It is compiled there, and nothing is carried."""
    floor = Floor(tmp_path / "floor").add_authoring().add("packaging", "pyproject-metadata")
    names = floor.call(write_carrying(tmp_path / "source"), ["build_wheel", str(tmp_path)]).results
    with zipfile.ZipFile(tmp_path / names[0]) as wheel:
        assert not [name for name in wheel.namelist() if "_selector" in name]


def hooks_of(inside: Path, *calls: list[Any], **environ: str) -> str:
    """Call hooks as frontends do, with the backend that the sdist carries, and nothing besides."""
    code = (
        "import json, sys; from pyproject_hooks import BuildBackendHookCaller as C\n"
        "c = C(sys.argv[1], 'selector_backend', backend_path=['_selector'],"
        " python_executable=sys.executable)\n"
        "for hook, *arguments in json.loads(sys.argv[2]):\n"
        "    print(json.dumps(getattr(c, hook)(*arguments)), flush=True)"
    )
    command = [sys.executable, "-c", code, str(inside), json.dumps(calls)]
    home = inside.parent / "home"
    return run(command, {**clean_environ(home), **environ}, check=False).stdout


@pytest.mark.parametrize("change", ["patched", "damaged", "gone"])
@pytest.mark.parametrize("hook", ["get_requires_for_build_wheel", "build_wheel"])
def test_what_has_to_be_compiled_stops_with_one_message(
    tmp_path: Path, change: str, hook: str
) -> None:
    inside = carried_by(tmp_path, CUDA).parent
    file = inside / ("pyproject.toml" if change == "patched" else "selector-table.json")
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes().replace(b"cu11", b"cu10"))
    output = hooks_of(inside, [hook, *([str(tmp_path)] * (hook == "build_wheel"))])
    why = {
        "patched": "pyproject.toml was changed after the sdist was built",
        "damaged": "selector-table.json or PKG-INFO is damaged",
        "gone": "there is no selector-table.json",
    }
    assert output.startswith(f"error: {why[change]}. That takes all of selector-backend")
    message = output.partition("Traceback")[0]  # of pyproject-hooks in the process that calls
    assert message.endswith(
        "in place of [build-system] in pyproject.toml, and try again; _selector may then be "
        'deleted:\n\n[build-system]\nrequires = ["selector-backend>=0.2,<1"]\n'
        'build-backend = "selector_backend"\n'
    )


@pytest.mark.parametrize("hook", ["get_requires_for_build_sdist", "build_sdist"])
def test_an_sdist_of_the_sdist_takes_the_whole_backend(tmp_path: Path, hook: str) -> None:
    inside = carried_by(tmp_path, CUDA).parent
    output = hooks_of(inside, [hook, *([str(tmp_path)] * (hook == "build_sdist"))])
    assert output.startswith("error: An sdist is to be built. That takes all of selector-backend")
    assert 'requires = ["selector-backend>=0.2,<1"]\n' in output


def test_with_plain_lines_and_without_the_folder_the_same_sdist_is_built(tmp_path: Path) -> None:
    inside = carried_by(tmp_path, CUDA).parent
    first = (tmp_path / "dist/spam-1.0.tar.gz").read_bytes()
    path = inside / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    plain = '[build-system]\nrequires = ["selector-backend"]\nbuild-backend = "selector_backend"\n'
    path.write_text(f"{plain}\n[project]{text.partition('[project]')[2]}", encoding="utf-8")
    shutil.rmtree(inside / "_selector")
    assert build_sdist(inside, tmp_path / "again").read_bytes() == first


def test_the_driver_is_asked_with_the_library_that_is_carried(
    tmp_path: Path, driver: Driver
) -> None:
    """In a child process, which has to find it where the frontend's own finder does."""
    inside = carried_by(tmp_path, CUDA).parent
    calls = ["prepare_metadata_for_build_wheel", str(tmp_path / "out")]
    mark = inside / "_selector/pynvml.py"
    mark.write_bytes(b"import os\nopen(os.environ['MARK'], 'w').close()\n" + mark.read_bytes())
    environ = {**driver.environ("12.4"), "MARK": str(tmp_path / "mark")}
    hooks_of(inside, calls, **environ)
    (path,) = (tmp_path / "out").glob("*/selector.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["facts"]["cuda"] == {"value": "12.4", "source": "NVML"}
    assert (tmp_path / "mark").exists()


def test_what_a_provider_takes_is_asked_for_still(tmp_path: Path) -> None:
    inside = carried_by(tmp_path, CUDA + PROVIDER).parent
    assert hooks_of(inside, ["get_requires_for_build_wheel"]) == '["demo-provider"]\n'


# --- Which Pythons


@pytest.mark.parametrize(
    ("requires_python", "message"),
    [
        ("", "for Python >=3.9, and project.requires-python is '', which admits 3.0"),
        ('requires-python = ">=3.8"\n', "requires-python is '>=3.8', which admits 3.8"),
        ('requires-python = "<3.12"\n', "requires-python is '<3.12', which admits 3.0"),
    ],
)
def test_a_project_has_to_say_which_pythons_it_is_for(
    tmp_path: Path, requires_python: str, message: str
) -> None:
    source = write_carrying(tmp_path / "source")
    path = source / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('requires-python = ">=3.9"\n', requires_python), "utf-8")
    output = stopped(source)
    assert message in output
    assert "Traceback" not in output


@pytest.mark.parametrize("value", ['"yes"', "1", "[]"])
def test_the_key_is_true_or_false(tmp_path: Path, value: str) -> None:
    table = PLAIN.replace("[tool.selector]", f"[tool.selector]\nself-contained = {value}")
    output = stopped(write_project(tmp_path / "source", table))
    assert "tool.selector.self-contained: found" in output
    assert "expected true or false" in output


def stopped(source: Path, folder: Path | None = None) -> str:
    """Return what building the sdist prints, which stops; ``folder`` comes first on the path."""
    code = "import selector_backend as b, sys; b.build_sdist(sys.argv[1])"
    environ = {**clean_environ(source.parent / "home"), "PYTHONPATH": str(folder or "")}
    command = [sys.executable, "-c", code, str(source / "dist")]
    process = run(command, environ, source, check=False)
    assert process.returncode == 1
    assert not (source / "dist").exists()
    return process.stdout


@pytest.mark.parametrize(
    ("requires_python", "file", "message"),
    [
        (">=3.10", "pynvml.py", "it is for Python >=3.10, and project.requires-python is '>=3.9'"),
        ("!=3.11.4,>=3.6", "pynvml.py", "which admits 3.11.4"),
        ("", "pynvml/_native.so", "it is not Python only, but has pynvml/_native.so"),
        ("", "pynvml/__init__.cp311.pyd", "it is not Python only, but has pynvml/__init__.cp"),
        ("", "other.py", "its files are not where an installed wheel has them"),
        ("", "pynvml.py", "it has no licence that can be carried"),
    ],
)
def test_a_library_that_cannot_be_carried_stops_the_build(
    tmp_path: Path, requires_python: str, file: str, message: str
) -> None:
    write_library(tmp_path / "site", requires_python=requires_python, file=file)
    output = stopped(write_carrying(tmp_path / "source"), tmp_path / "site")
    assert output.startswith("error: a self-contained sdist can't carry nvidia-ml-py 99: ")
    assert message in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("wanted", "supported", "python"),
    [
        (">=3.9", ">=3.6, !=2.7.*, !=3.0.*", None),
        (">=3.9", ">=3.6,<4.0", None),  # there is no Python 4
        (">=3.9", "", None),
        (">=3.9,<3.14", "<3.14", None),
        (">=3.9", "<3.14", "3.14"),
        (">=3.10.2", ">=3.10.4", "3.10.2"),
        ("~=3.11", "!=3.12.*,>=3.9", "3.12"),
        ("==3.11.*", ">=3.11", None),
    ],
)
def test_which_python_is_not_supported(wanted: str, supported: str, python: str | None) -> None:
    assert unsupported_python(wanted, supported) == python


def test_a_carried_backend_is_for_the_pythons_that_this_one_is_for() -> None:
    data = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert data["project"]["requires-python"] == PYTHONS


def test_the_libraries_of_the_facts_are_the_backends_dependencies() -> None:
    """So they are there wherever an sdist is built."""
    data = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ours = [re.split("[<>=;]", one)[0] for one in [*data["project"]["dependencies"], *COMPILING]]
    scope = Scope(requirements=("eggs>=1",))
    needed = {name for family in families(FACTS) for name in family.carries(scope)}
    assert needed == {"archspec", "nvidia-ml-py", "packaging"}
    assert needed <= {*ours}
