"""What a wheel's `.dist-info` and an sdist's `PKG-INFO` say."""

from __future__ import annotations

import configparser
import csv
import getpass
import importlib.metadata
import io
import json
import socket
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.project import CUDA, write_project
from support.strategies import machines, tables, to_toml

import selector_backend
from selector_backend.authoring import sdist
from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import Project, read_project
from selector_backend.authoring.selector import parse_selector
from selector_backend.errors import SelectorError
from selector_backend.installing.files import write_folder
from selector_backend.installing.wheel import (
    dist_info,
    hash_of,
    pack,
    read_dist_info,
    record_of,
    stem_of,
)
from selector_backend.model.decision import Decision, Environment, Request, decide
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.markers import normalize_name
from selector_backend.model.record import Record, Unusable, parse_record
from selector_backend.model.table import TABLE_NAME
from selector_backend.probes.profile import load_machine

BACKEND = selector_backend.__version__
NEVER_UPLOAD = "Private :: Do Not Upload"
NO_NVML = "the loader does not find libnvidia-ml.so.1"
NO_DRIVER = Machine({"cuda": Fact("cuda", "NVML", reason=NO_NVML)})

TABLE = """
[tool.selector]
requires = ["spam-core=={version}"]
extras = ["plot"]

[[tool.selector.variant]]
name = "cu12"
requires = ["spam-cu12=={version}", "nvidia-cublas-cu12>=12; sys_platform == 'linux'"]
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cpu"
"""


def machine(**values: Any) -> Machine:
    return load_machine({"format": 1, "facts": values}, "a test")


def decide_for(project: Project, known: Machine | None = None, *forced: str) -> Decision:
    request = Request(forced, "SPAM_VARIANT") if forced else Request()
    selector = compile_project(project).selector
    return decide(selector, known or machine(cuda="12.4"), request, Environment())


def make(folder: Path, table: str = TABLE, more: str = "", **head: str) -> Project:
    return read_project(write_project(folder, table, more=f"{more}\n", **head))


def wheel_files(project: Project, known: Machine | None = None, *forced: str) -> dict[str, bytes]:
    compiled = compile_project(project)
    decision = decide_for(project, known, *forced)
    version = compiled.selector.version
    return dist_info(project.folder, compiled, decision, version, BACKEND)


def sdist_files(project: Project) -> dict[str, bytes]:
    return sdist.sdist_files(project, BACKEND)


def record(decision: Decision) -> Record:
    return record_of(decision, BACKEND)


def wheel_metadata(project: Project, known: Machine | None = None, *forced: str) -> Metadata:
    return Metadata.from_email(wheel_files(project, known, *forced)["METADATA"], validate=True)


def sdist_metadata(project: Project) -> Metadata:
    return Metadata.from_email(sdist_files(project)["PKG-INFO"], validate=True)


def requirements(metadata: Metadata) -> list[str]:
    return [str(one) for one in metadata.requires_dist or ()]


def equal(found: list[str], expected: list[str]) -> bool:
    """Whether requirements are the same, however they are written."""
    return list(map(Requirement, found)) == list(map(Requirement, expected))


def entry_points(data: bytes) -> set[tuple[str, str, str]]:
    """The groups, names and objects in an ``entry_points.txt``."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(data.decode())
    return {(group, *one) for group in parser.sections() for one in parser.items(group)}


# --- METADATA


def test_a_wheel_requires_what_every_variant_needs_and_the_chosen_one(tmp_path: Path) -> None:
    project = make(tmp_path)
    assert equal(
        requirements(wheel_metadata(project))[:3],
        [
            "spam-core==1.0",
            "spam-cu12==1.0",
            'nvidia-cublas-cu12>=12; sys_platform == "linux"',
        ],
    )
    assert equal(
        requirements(wheel_metadata(project, NO_DRIVER))[:2], ["spam-core==1.0", "spam-cpu==1.0"]
    )


def test_a_package_without_code_may_say_that_nothing_is_imported_from_it(tmp_path: Path) -> None:
    project = make(tmp_path, more="import-names = []")
    for content in (wheel_files(project)["METADATA"], sdist_files(project)["PKG-INFO"]):
        metadata = Metadata.from_email(content, validate=True)
        assert (metadata.metadata_version, metadata.import_names) == ("2.5", [])


def test_several_forced_capabilities_are_all_required(tmp_path: Path) -> None:
    project = make(tmp_path, CUDA.replace("selector]\n", 'selector]\nkind = "capability"\n', 1))
    metadata = wheel_metadata(project, None, "cpu", "cu11")
    assert equal(requirements(metadata), ["spam-cu11==1.0", "spam-cpu==1.0"])


def test_the_metadata_of_the_project_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Späm\n\nFor *all*.\n", encoding="utf-8")
    (tmp_path / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    project = make(
        tmp_path,
        more="""
description = "Spam for all"
readme = "README.md"
requires-python = ">=3.9"
license = "MIT"
authors = [{ name = "Zoë", email = "zoe@spam.example" }]
keywords = ["spam", "eggs"]
classifiers = ["Topic :: Software Development"]
urls = { Homepage = "https://spam.example" }
""",
        name="Spam.Eggs",
        version="1.0-beta",
    )
    for metadata in (wheel_metadata(project), sdist_metadata(project)):
        assert metadata.name == "Spam.Eggs"
        assert str(metadata.version) == "1.0b0"
        assert metadata.summary == "Spam for all"
        assert metadata.description == "# Späm\n\nFor *all*.\n"
        assert metadata.description_content_type == "text/markdown"
        assert str(metadata.requires_python) == ">=3.9"
        assert metadata.license_expression == "MIT"
        assert metadata.license_files == ["LICENSE"]
        assert metadata.author_email == "Zoë <zoe@spam.example>"
        assert metadata.keywords == ["spam", "eggs"]
        assert "Topic :: Software Development" in (metadata.classifiers or ())
        assert metadata.project_urls == {"Homepage": "https://spam.example"}


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "", "From me\n", ".\n..\n", " x\n\n\n"])
def test_a_readme_is_kept_line_for_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_bytes(text.encode())
    project = make(tmp_path, more='readme = "README.md"')
    description = wheel_metadata(project).description or ""
    assert description.splitlines() == text.splitlines()


def test_an_author_without_a_name_is_given_none(tmp_path: Path) -> None:
    project = make(tmp_path, more='authors = [{ email = "zoe@spam.example" }]')
    assert b"Unknown" not in wheel_files(project)["METADATA"]
    assert wheel_metadata(project).author_email in ("zoe@spam.example", "<zoe@spam.example>")


# --- extras


def test_extras_are_handed_on_to_the_chosen_variant(tmp_path: Path) -> None:
    project = make(tmp_path, TABLE.replace('["plot"]', '["plot", "Dev_Tools"]'))
    metadata = wheel_metadata(project, NO_DRIVER)
    assert metadata.provides_extra == ["plot", "dev-tools"]
    assert equal(
        requirements(metadata),
        [
            "spam-core==1.0",
            "spam-cpu==1.0",
            'spam-cpu[plot]==1.0; extra == "plot"',
            'spam-cpu[dev-tools]==1.0; extra == "dev-tools"',
        ],
    )
    assert (
        b'Requires-Dist: spam-cpu[plot]==1.0; extra == "plot"\n'
        in (wheel_files(project, NO_DRIVER)["METADATA"])
    )


def test_markers_and_extras_of_requirements_are_kept_when_extras_are_handed_on(
    tmp_path: Path,
) -> None:
    table = """
[tool.selector]
extras = ["plot"]

[[tool.selector.variant]]
name = "cpu"
requires = [
    "spam-a[fast]>=1; sys_platform == 'linux'",
    "spam-b; sys_platform == 'linux' or sys_platform == 'darwin'",
    "spam-c @ https://spam.example/spam_c-1.0-py3-none-any.whl",
]
"""
    assert equal(
        requirements(wheel_metadata(make(tmp_path, table)))[3:],
        [
            'spam-a[fast,plot]>=1; sys_platform == "linux" and extra == "plot"',
            'spam-b[plot]; (sys_platform == "linux" or sys_platform == "darwin")'
            ' and extra == "plot"',
            "spam-c[plot] @ https://spam.example/spam_c-1.0-py3-none-any.whl ; extra == 'plot'",
        ],
    )


@pytest.mark.parametrize("written", ["plot", "Plot", "PLOT"])
def test_an_extra_that_has_requirements_of_its_own_keeps_them(tmp_path: Path, written: str) -> None:
    more = f'optional-dependencies = {{ {written} = ["matplotlib"], docs = ["sphinx"] }}'
    metadata = wheel_metadata(make(tmp_path, more=more), NO_DRIVER)
    assert sorted(metadata.provides_extra or ()) == ["docs", "plot"]
    assert set(map(Requirement, requirements(metadata))) == {
        Requirement("spam-core==1.0"),
        Requirement("spam-cpu==1.0"),
        Requirement('matplotlib; extra == "plot"'),
        Requirement('spam-cpu[plot]==1.0; extra == "plot"'),
        Requirement('sphinx; extra == "docs"'),
    }


def test_an_sdist_says_which_extras_there_are_and_not_what_is_in_them(tmp_path: Path) -> None:
    """poetry takes what an sdist requires for all there is, though it is dynamic."""
    more = 'optional-dependencies = { docs = ["sphinx"] }'
    project = make(tmp_path, more=more)
    assert sorted(sdist_metadata(project).provides_extra or ()) == ["docs", "plot"]
    assert b"Requires-Dist:" not in sdist_files(project)["PKG-INFO"]
    assert b"\nDynamic: Requires-Dist\n" in sdist_files(project)["PKG-INFO"]


# --- what keeps a wheel off an index, and an sdist from being taken for static


@pytest.mark.parametrize(
    "more", ["", 'classifiers = ["Topic :: Utilities"]', f'classifiers = ["{NEVER_UPLOAD}"]']
)
def test_an_index_refuses_the_wheel(tmp_path: Path, more: str) -> None:
    project = make(tmp_path, more=more)
    assert (wheel_metadata(project).classifiers or []).count(NEVER_UPLOAD) == 1


def test_an_index_takes_the_sdist(tmp_path: Path) -> None:
    project = make(tmp_path, more='classifiers = ["Topic :: Utilities"]')
    assert sdist_metadata(project).classifiers == ["Topic :: Utilities"]
    assert b"Private ::" not in sdist_files(project)["PKG-INFO"]


def test_the_sdist_marks_as_dynamic_what_the_wheel_says_otherwise(tmp_path: Path) -> None:
    project = make(tmp_path)
    metadata = sdist_metadata(project)
    assert {one.lower() for one in metadata.dynamic or ()} == {"requires-dist", "classifier"}
    assert not metadata.requires_dist
    assert metadata.metadata_version >= "2.2"
    assert not wheel_metadata(project).dynamic


# --- the other files


def test_the_wheel_is_for_every_platform(tmp_path: Path) -> None:
    lines = wheel_files(make(tmp_path))["WHEEL"].decode().splitlines()
    assert "Wheel-Version: 1.0" in lines
    assert "Root-Is-Purelib: true" in lines
    assert [line for line in lines if line.startswith("Tag:")] == ["Tag: py3-none-any"]
    assert f"Generator: selector-backend {selector_backend.__version__}" in lines


def test_licence_files_are_kept_with_their_folders(tmp_path: Path) -> None:
    (tmp_path / "licenses").mkdir()
    (tmp_path / "licenses" / "eggs.txt").write_bytes(b"Eggs are free.\r\n")
    (tmp_path / "LICENSE").write_text("Grüße", encoding="utf-8")
    project = make(tmp_path, more='license-files = ["LICENSE", "licenses/*"]')
    for files, prefix in ((wheel_files(project), "licenses/"), (sdist_files(project), "")):
        assert files[f"{prefix}LICENSE"] == "Grüße".encode()
        assert files[f"{prefix}licenses/eggs.txt"] == b"Eggs are free.\r\n"
    assert wheel_metadata(project).license_files == ["LICENSE", "licenses/eggs.txt"]


def test_entry_points_are_found_by_importlib_and_parse_as_an_ini_file(tmp_path: Path) -> None:
    project = make(
        tmp_path / "source",
        more="""
scripts = { spam = "spam_core.cli:main", "spam:2" = "spam_core.cli:main_2" }
gui-scripts = { spam-window = "spam_core.window:App.run" }
entry-points = { "spam.plugins" = { "plain Name" = "spam_core.plain" }, empty = {} }
""",
    )
    files = wheel_files(project)
    expected = {
        ("console_scripts", "spam", "spam_core.cli:main"),
        ("console_scripts", "spam:2", "spam_core.cli:main_2"),
        ("gui_scripts", "spam-window", "spam_core.window:App.run"),
        ("spam.plugins", "plain Name", "spam_core.plain"),
    }

    assert entry_points(files["entry_points.txt"]) == expected
    write_folder(tmp_path / "spam-1.0.dist-info", files)
    distribution = importlib.metadata.Distribution.at(tmp_path / "spam-1.0.dist-info")
    found = {(one.group, one.name, one.value) for one in distribution.entry_points}
    assert found == expected


def test_without_entry_points_there_is_no_file_for_them(tmp_path: Path) -> None:
    assert "entry_points.txt" not in wheel_files(make(tmp_path))


def test_an_sdist_holds_the_files_of_the_metadata_and_nothing_else(tmp_path: Path) -> None:
    for name in ("README.md", "LICENSE", "setup.py", "PKG-INFO", "spam.py", ".gitignore"):
        (tmp_path / name).write_text("old\n", encoding="utf-8")
    files = sdist_files(make(tmp_path, more='readme = "README.md"'))
    assert sorted(files) == ["LICENSE", "PKG-INFO", "README.md", "pyproject.toml", TABLE_NAME]
    assert files["pyproject.toml"] == (tmp_path / "pyproject.toml").read_bytes()
    assert files["PKG-INFO"] != b"old\n"


# --- the record


def test_the_record_tells_the_whole_decision(tmp_path: Path) -> None:
    project = make(tmp_path)
    files = wheel_files(project, NO_DRIVER)
    assert json.loads(files["selector.json"]) == {
        "format": 1,
        "project": "spam",
        "version": "1.0",
        "variants": ["cpu"],
        "decided-by": "machine",
        "distributions": ["spam-cpu"],
        "conform": {},
        "requires": ["spam-core==1.0", "spam-cpu==1.0"],
        "facts": {"cuda": {"absent": NO_NVML, "source": "NVML"}},
        "verdicts": [
            {
                "name": "cu12",
                "fits": False,
                "reason": f"cuda is absent: {NO_NVML}",
            },
            {"name": "cpu", "fits": True, "reason": "it fits every machine"},
        ],
        "notes": [],
        "table": {
            "project": "spam",
            "version": "1.0",
            "kind": "requirement",
            "variable": "SPAM_VARIANT",
            "requires": ["spam-core==1.0"],
            "extras": ["plot"],
            "variants": [
                {
                    "name": "cu12",
                    "requires": [
                        "spam-cu12==1.0",
                        'nvidia-cublas-cu12>=12; sys_platform == "linux"',
                    ],
                    "extras": {
                        "plot": [
                            'spam-cu12[plot]==1.0; extra == "plot"',
                            "nvidia-cublas-cu12[plot]>=12; "
                            'sys_platform == "linux" and extra == "plot"',
                        ]
                    },
                    "distributions": ["spam-cu12"],
                    "when": [{"cuda": ">=12"}],
                },
                {
                    "name": "cpu",
                    "requires": ["spam-cpu==1.0"],
                    "extras": {"plot": ['spam-cpu[plot]==1.0; extra == "plot"']},
                    "distributions": ["spam-cpu"],
                },
            ],
            "where": [
                {
                    "fact": "cuda",
                    "platforms": {"linux": ["x86_64", "aarch64", "ppc64le"], "win32": ["AMD64"]},
                    "libc": "glibc",
                }
            ],
        },
        "backend": selector_backend.__version__,
    }


def test_the_record_of_a_forced_variant_says_who_forced_it(tmp_path: Path) -> None:
    found = record(decide_for(make(tmp_path), NO_DRIVER, "cu12"))
    assert found.variants == ("cu12",)
    assert found.decided_by == "SPAM_VARIANT"
    assert found.facts == {}
    assert [one.fits for one in found.verdicts] == [None, None]


def test_the_record_says_where_each_fact_was_read(tmp_path: Path) -> None:
    known = Machine({**machine(cuda="12.4", glibc="2.31").facts})
    assert record(decide_for(make(tmp_path), known)).dump()["facts"] == {
        "cuda": {"value": "12.4", "source": "machine profile"}
    }


def test_nothing_in_a_wheel_or_an_sdists_metadata_names_a_person_a_host_or_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "some-user")
    monkeypatch.setenv("LOGNAME", "some-user")
    folder = tmp_path / "a-private-folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    (folder / "README.md").write_text("# Spam\n", encoding="utf-8")
    # With import names the metadata is of a version in which the licence's file has a field.
    more = 'readme = "README.md"\nlicense = { file = "LICENSE" }\nimport-names = []'
    project = make(folder, CUDA, more)
    for data in (*wheel_files(project).values(), *sdist_files(project).values()):
        for private in (getpass.getuser(), socket.gethostname(), "a-private-folder"):
            assert private.encode() not in data


def test_the_folder_of_a_project_makes_no_difference(tmp_path: Path) -> None:
    more = 'license = { file = "LICENSE" }\nimport-names = []\nscripts = { spam = "spam:main" }'
    built = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
        project = make(folder, more=more)
        built.append((wheel_files(project), sdist_files(project)))
    assert built[0] == built[1]


@pytest.mark.parametrize("patterns", ["LICENSE", "*"])
def test_an_sdist_that_is_unpacked_elsewhere_gives_the_same_wheel(
    tmp_path: Path, patterns: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("LICENSE", "README.md"):
        (source / name).write_text(f"{name}\n", encoding="utf-8")
    project = make(source, more=f'readme = "README.md"\nlicense-files = ["{patterns}"]')
    write_folder(tmp_path / "unpacked", sdist_files(project))
    again = read_project(tmp_path / "unpacked")
    assert wheel_files(again) == wheel_files(project)
    assert sdist_files(again) == sdist_files(project)


@given(tables(), machines)
def test_a_record_is_read_back_as_it_was_written_whatever_was_decided(
    table: dict[str, Any], known: Machine
) -> None:
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    found = record(decide(selector, known, Request(), Environment()))
    written = [one.get("when", {}) for one in found.dump()["table"]["variants"]]
    for when, variant in zip(written, table["variant"]):
        assert texts_of(when) == texts_of(variant.get("when", {}))
    assert json.loads(json.dumps(found.dump())) == found.dump()
    again = parse_record(found.to_bytes())
    if found.variants:
        assert again == found
        assert isinstance(again, Record)
        assert again.passed_over == ()
    else:
        assert isinstance(again, Unusable)


def texts_of(when: Any) -> set[str]:
    """Return the values of conditions as texts, names as names are compared."""
    tables = when if isinstance(when, list) else [when]
    values = [(name, value) for table in tables for name, value in table.items()]
    listed = [(n, [*value] if isinstance(value, (list, tuple)) else [value]) for n, value in values]
    return {f"{n}: {normalize_name(_canonical(n, one))}" for n, some in listed for one in some}


def _canonical(fact: str, wanted: Any) -> str:
    if fact == "installed" and isinstance(wanted, str):
        one = Requirement(wanted)
        return f"{canonicalize_name(one.name)}{one.specifier}"
    if isinstance(wanted, dict):
        return f"every {wanted['every'].strip()}"
    return str(Marker(wanted) if fact == "marker" else wanted)


# --- any project that can be read

_texts = st.sampled_from(
    ["spam", "a b", "a, b", "Zoë", "", "a\nb", "a\rb", "a\x0bb", "a\u2028b", "[a]", "# a", "a;b"]
) | st.text(max_size=5)
_names = st.sampled_from(["spam", "a-b", "A_b", "plot", "Plot", "docs", "dev.tools"]) | _texts
_objects = st.sampled_from(["spam:main", "spam.cli:App.run", "spam.plugin", "spam:x [plot]"])
_projects = st.fixed_dictionaries(
    {"name": st.just("spam"), "version": st.just("1.0"), "dynamic": st.just(["dependencies"])},
    optional={
        "description": _texts,
        "keywords": st.lists(_texts, max_size=2),
        "license": st.sampled_from(["MIT", "mit OR Apache-2.0"]) | _texts,
        "authors": st.lists(
            st.fixed_dictionaries({}, optional={"name": _texts, "email": _texts}), max_size=2
        ),
        "readme": st.fixed_dictionaries({"text": _texts, "content-type": st.just("text/plain")}),
        "urls": st.dictionaries(_names, _texts, max_size=2),
        "scripts": st.dictionaries(_names, _objects, max_size=2),
        "entry-points": st.dictionaries(
            _names, st.dictionaries(_names, _objects, max_size=2), max_size=2
        ),
        "optional-dependencies": st.dictionaries(
            _names, st.lists(st.just("eggs>=1; os_name == 'nt'") | _texts, max_size=2), max_size=2
        ),
    },
)


@given(_projects)
def test_what_can_be_read_is_built_with_metadata_that_is_valid(data: dict[str, Any]) -> None:
    table = {"selector": {"extras": ["plot"], "variant": [{"name": "cpu"}]}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pyproject.toml")
        path.write_text(to_toml({"project": data, "tool": table}), encoding="utf-8")
        try:
            project = read_project(Path(folder))
        except SelectorError:
            return
        files = wheel_files(project)
        for metadata in (wheel_metadata(project), sdist_metadata(project)):
            extras = metadata.provides_extra or []
            assert len(set(extras)) == len(extras)
    scripts = {("console_scripts", *one) for one in data.get("scripts", {}).items()}
    plugins = {
        (group, *one)
        for group, some in data.get("entry-points", {}).items()
        for one in some.items()
    }
    assert entry_points(files.get("entry_points.txt", b"")) == scripts | plugins


# --- what was prepared


NAMES = st.sampled_from(["METADATA", "a b", "a,b", 'a"b', "licenses/ä/x", "\U0001f40d", "a\nb\r"])


@given(st.dictionaries(NAMES, st.binary(max_size=300)), st.integers(0, 2**32 - 1))
def test_a_wheel_is_the_archive_that_zipfile_would_write(
    files: dict[str, bytes], epoch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", str(epoch))
        packed = pack("spam.dist-info", files)
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as wheel, zipfile.ZipFile(written, "w") as again:
        assert wheel.testzip() is None
        contents = {info.filename: wheel.read(info) for info in wheel.infolist()}
        for info in wheel.infolist():
            again.writestr(zipfile.ZipInfo(info.filename, info.date_time), wheel.read(info))
            made = again.infolist()[-1]
            made.create_system, made.external_attr = info.create_system, info.external_attr
    assert written.getvalue() == packed
    record = contents.pop("spam.dist-info/RECORD").decode()
    assert contents == {f"spam.dist-info/{name}": data for name, data in files.items()}
    rows = [*csv.reader(io.StringIO(record, newline=""))]
    hashes = [[name, hash_of(data), str(len(data))] for name, data in contents.items()]
    assert rows == [*hashes, ["spam.dist-info/RECORD", "", ""]]


def test_what_was_prepared_is_read_back_as_it_is(tmp_path: Path) -> None:
    project = make(tmp_path / "source", more='scripts = { spam = "spam:main" }')
    files = {
        **wheel_files(project),
        "selector.json": b'{"changed": true}',
        "licenses/a/NOTICE": b"\x00",
        "licenses/RECORD": b"A licence that is called so.",
    }
    folder = tmp_path / "metadata" / f"{project.stem}.dist-info"
    assert write_folder(folder, {**files, "RECORD": b"made by a frontend"}) == folder.name
    assert read_dist_info(folder) == files
    assert stem_of(folder.name, files) == "spam-1.0"
