"""What the sdist holds compiled: how it is made, read, and told from what it is not."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
import warnings
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from support.project import CUDA, write_project
from support.sdist import sealed
from support.strategies import MARKERS, machines, specifiers, tables, to_toml

from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import Project, read_project
from selector_backend.authoring.sdist import sdist_files
from selector_backend.errors import SelectorError
from selector_backend.installing.files import write_folder
from selector_backend.installing.wheel import NEVER_UPLOAD, metadata
from selector_backend.model.decision import Decision, Environment, Request, decide
from selector_backend.model.machine import Machine
from selector_backend.model.standing import each_once
from selector_backend.model.table import (
    FORMAT,
    TABLE_NAME,
    Compiled,
    NotCompiledError,
    dump_compiled,
    read_compiled,
)

BACKEND = "0.1"


def unpack(project: Project, folder: Path) -> Path:
    """Write a project's sdist into a folder, as it is when it was unpacked."""
    write_folder(folder, sdist_files(project, BACKEND))
    return folder


def decided(compiled: Compiled, *variants: str, machine: Machine | None = None) -> Decision:
    request = Request(variants, "a test") if variants else Request()
    return decide(compiled.selector, machine or Machine(), request, Environment())


def whole(project: Project, decision: Decision, version: str) -> bytes:
    """Return the wheel's metadata as pyproject-metadata renders them, of all that is known."""
    extras: dict[str, list[Requirement]] = {}
    for extra, requirements in project.metadata.optional_dependencies.items():
        extras[canonicalize_name(extra)] = [*requirements]
    for extra in project.selector.extras:
        handed_on = [Requirement(text) for one in decision.variants for text in one.requires]
        for one in handed_on:
            one.extras.add(extra)
        extras[extra] = [*extras.get(extra, ()), *handed_on]
    classifiers = [*project.metadata.classifiers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed = dataclasses.replace(
            project.metadata,
            version=Version(version),
            dependencies=[*map(Requirement, decision.requires)],
            optional_dependencies={
                extra: [*map(Requirement, each_once(map(str, some)))]
                for extra, some in extras.items()
            },
            classifiers=[*classifiers, *{NEVER_UPLOAD}.difference(classifiers)],
        )
        content: bytes = changed.as_rfc822().as_bytes()
    return content


def fields(content: bytes) -> tuple[list[tuple[str, str]], object]:
    """Return the fields of metadata without their order, and the body, as `email` reads them.

    `packaging` has to know all of them.
    """
    read = BytesParser().parsebytes(content)
    _, unknown = parse_email(content)
    assert not unknown
    return sorted((name, str(value)) for name, value in read.items()), read.get_payload()


# --- METADATA is PKG-INFO, and what the decision adds

_texts = st.sampled_from(
    ["spam", "Zoë", "ほうれん草", "Requires-Dist: x", "Version: 2", "Dynamic: x"]
)
_classifiers = st.sampled_from(["Topic :: Utilities", "Environment :: GPU", NEVER_UPLOAD, "A :: Ö"])
_names = st.sampled_from(["plot", "Plot", "dev.tools", "a-b", "A__b", "zoo"])
_lines = st.lists(_texts | st.just("") | st.just("  b"), max_size=4).map("\n".join)
_requirements = st.one_of(
    st.builds("{}{}".format, _names, specifiers),
    st.builds("{}[{}] ; {}".format, _names, _names, st.sampled_from(MARKERS[:3])),
    st.builds("{} @ https://spam.example/{}".format, _names, _names),
    st.builds("{}[{},{}]".format, _names, _names, _names),
)
_projects = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["spam", "Spam.Eggs", "requirements-go-in-here"]),
        "version": st.sampled_from(["1.0", "2!1.0rc1"]),
        "dynamic": st.just(["dependencies"]),
    },
    optional={
        "description": _texts,
        "keywords": st.lists(_texts, max_size=2),
        "license": st.just("MIT") | _lines.map(lambda text: {"text": text}),
        "authors": st.lists(
            st.fixed_dictionaries({"name": _texts}, optional={"email": st.just("z@spam.example")}),
            max_size=2,
        ),
        "readme": st.fixed_dictionaries({"text": _lines, "content-type": st.just("text/x-rst")}),
        "requires-python": specifiers,
        "urls": st.dictionaries(_texts, st.just("https://spam.example/ü"), max_size=2),
        "classifiers": st.lists(_classifiers, max_size=3),
        "optional-dependencies": st.dictionaries(
            _names, st.lists(_requirements, max_size=2), max_size=2
        ),
        "import-names": st.just(["spam"]) | st.just([]),
        "scripts": st.just({"spam": "spam.cli:main"}),
    },
)
_variants = st.fixed_dictionaries({"requires": st.lists(_requirements, max_size=3)})


def _with_names(table: dict[str, Any]) -> dict[str, Any]:
    variants = [{"name": f"v{at}", **one} for at, one in enumerate(table["variant"])]
    return {**table, "kind": "capability", "variant": variants}


_tables = st.fixed_dictionaries(
    {"variant": st.lists(_variants, min_size=1, max_size=2)},
    optional={
        "requires": st.lists(_requirements, max_size=2),
        "extras": st.lists(_names, max_size=2),
    },
).map(_with_names)


@given(_projects, _tables, st.sampled_from(["", "+v0", "+v0.v1"]))
@example({"classifiers": ["A :: B", "A :: B", "C :: D"]}, {"requires": ["a"]}, "")
@example({"classifiers": [NEVER_UPLOAD], "keywords": ["a"]}, {"extras": ["plot"]}, "+v0")
@example({"optional-dependencies": {"Plot": ["a"], "docs": []}}, {"extras": ["plot"]}, "")
@example({"license": {"text": "one\n\n  two\n"}, "readme": {"text": "\n\n"}}, {}, "")
@example({}, {"requires": ["a", "a"], "variant": [{"name": "v0", "requires": ["a"]}]}, "")
@example({}, {"extras": ["plot"], "variant": [{"name": "v0", "requires": ["a", "a"]}]}, "")
def test_metadata_say_what_they_would_if_they_had_been_rendered_whole(
    data: dict[str, Any], table: dict[str, Any], label: str
) -> None:
    data = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"], **data}
    if "readme" in data:
        data["readme"] = {"content-type": "text/plain", **data["readme"]}
    table = {"variant": [{"name": "v0"}], **table}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pyproject.toml")
        path.write_bytes(to_toml({"project": data, "tool": {"selector": table}}).encode())
        try:
            project = read_project(path.parent)
        except SelectorError:
            event("refused")
            return
        event("accepted")
        compiled = read_compiled(unpack(project, Path(folder, "sdist")))
    assert compiled == compile_project(project)
    version = f"{project.version}{label}"
    for variants in ([], *([one.key for one in project.selector.variants],)):
        decision = decided(compiled, *variants)
        found = fields(metadata(compiled, decision, version))
        assert found == fields(whole(project, decision, version))


def test_each_field_of_the_metadata_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Späm\n\nVersion: 3\nDynamic: x\n", encoding="utf-8")
    more = """
description = "Grüße"
readme = "README.md"
classifiers = ["Topic :: Utilities"]
optional-dependencies = { Plot = ["matplotlib"], docs = ["sphinx"] }
"""
    table = """
[tool.selector]
requires = ["spam-core=={version}"]
extras = ["plot", "Dev_Tools"]

[[tool.selector.variant]]
name = "cu12"
requires = ["spam-cu12[fast]=={version}; os_name == 'nt' or os_name == 'posix'"]
"""
    project = read_project(write_project(tmp_path, table, more=more))
    compiled = compile_project(project)
    decision = decided(compiled, "cu12")
    found = metadata(compiled, decision, "1.0+cu12")
    read = BytesParser().parsebytes(found)
    assert read["Version"] == "1.0+cu12"
    assert read.get_all("Dynamic") is None
    assert read.get_all("Classifier") == ["Topic :: Utilities", NEVER_UPLOAD]
    assert read.get_all("Provides-Extra") == ["plot", "docs", "dev-tools"]
    marker = 'os_name == "nt" or os_name == "posix"'
    assert read.get_all("Requires-Dist") == [
        'matplotlib; extra == "plot"',
        'sphinx; extra == "docs"',
        "spam-core==1.0",
        f"spam-cu12[fast]==1.0; {marker}",
        f'spam-cu12[fast,plot]==1.0; ({marker}) and extra == "plot"',
        f'spam-cu12[dev-tools,fast]==1.0; ({marker}) and extra == "dev-tools"',
    ]
    assert found.decode().partition("\n\n")[2] == "# Späm\n\nVersion: 3\nDynamic: x\n"


def test_a_project_with_the_classifier_of_its_own_has_it_once(tmp_path: Path) -> None:
    more = f'classifiers = ["Topic :: Utilities", "{NEVER_UPLOAD}", "Typing :: Typed"]\n'
    project = read_project(write_project(tmp_path, more=more))
    compiled = compile_project(project)
    decision = decided(compiled, "cpu")
    found = metadata(compiled, decision, "1.0")
    assert found.count(b"Private ::") == 1


# --- reading back


@given(tables(), machines)
def test_what_is_compiled_is_read_back_as_it_was_and_decides_the_same(
    table: dict[str, Any], machine: Machine
) -> None:
    head = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"]}
    with tempfile.TemporaryDirectory() as folder:
        text = to_toml({"project": head, "tool": {"selector": table}})
        Path(folder, "pyproject.toml").write_bytes(text.encode())
        project = read_project(Path(folder))
        compiled = compile_project(project)
        read = read_compiled(unpack(project, Path(folder, "sdist")))
    assert read == compiled
    decision = decided(compiled, machine=machine)
    assert decided(read, machine=machine) == decision
    own = decide(project.selector, machine, Request(), Environment())
    assert (decision.verdicts, decision.names) == (own.verdicts, own.names)


RICH = """
[tool.selector]
kind = "capability"
variable = "SPAM_FLAVOUR"
requires = ["spam-core=={version}"]
extras = ["plot"]
advice = "Grüße: {cuda}"

[tool.selector.provider.demo]
requires = ["demo-provider>=1"]
plugin-api = "demo.plugin:Plugin"
enable-if = "sys_platform == 'linux'"

[[tool.selector.variant]]
name = "CU_12"
when = [{ cuda = ">=12", cpu = ["avx2", "fma"] }, { property = "demo :: level :: v3" }]

[[tool.selector.variant]]
name = "old"
when = { cuda = false, glibc = true }
refuse = "{project} needs a GPU."

[[tool.selector.variant]]
name = "cpu"
requires = []
"""
MORE = """
license = { file = "LICENSE" }
scripts = { spam = "spam.cli:main" }
entry-points = { "spam.plugins" = { "plain Name" = "spam_core.plain" } }
"""


@pytest.fixture
def rich(tmp_path: Path) -> Project:
    """A project that has everything that is compiled."""
    folder = write_project(tmp_path / "source", RICH, more=MORE, name="Spam.Eggs")
    (folder / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    return read_project(folder)


def test_all_that_a_project_can_have_is_read_back(rich: Project, tmp_path: Path) -> None:
    compiled = compile_project(rich)
    assert read_compiled(unpack(rich, tmp_path / "sdist")) == compiled
    assert compiled.name == "spam_eggs"
    assert compiled.license_files == ("LICENSE",)
    assert "plain Name = spam_core.plain\n" in compiled.entry_points
    assert compiled.selector.named_providers[0].enable_if == 'sys_platform == "linux"'
    assert compiled.selector.variants[1].when == ({"cuda": False, "glibc": True},)
    assert compiled.selector.variants[1].refuse == "{project} needs a GPU."
    assert compiled.selector.variants[2].requires == ()


def test_advice_of_the_library_is_not_shown(rich: Project) -> None:
    """Of how licences are written nowadays, for one; whoever installs can do nothing about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile_project(rich)


def test_what_was_read_back_is_written_as_it_was(rich: Project, tmp_path: Path) -> None:
    folder = unpack(rich, tmp_path / "sdist")
    pyproject = (folder / "pyproject.toml").read_bytes()
    content = (folder / TABLE_NAME).read_bytes()
    assert dump_compiled(read_compiled(folder), pyproject, BACKEND) == content
    assert json.loads(content)["format"] == FORMAT == 2
    assert json.loads(content)["backend"] == BACKEND


def test_other_line_ends_are_no_patch(rich: Project, tmp_path: Path) -> None:
    """Of an sdist that is kept in git, for one."""
    folder = unpack(rich, tmp_path / "sdist")
    path = folder / "pyproject.toml"
    lines = path.read_bytes().splitlines()  # which may end so already
    path.write_bytes(b"".join(line + b"\r\n" for line in lines))
    assert read_compiled(folder) == compile_project(rich)


# --- what cannot be used


def refusal(folder: Path) -> str:
    with pytest.raises(NotCompiledError) as caught:
        read_compiled(folder)
    message = str(caught.value)
    assert message.isprintable()
    assert str(folder) not in message
    return message


@pytest.mark.parametrize("name", [TABLE_NAME, "PKG-INFO", "pyproject.toml"])
def test_a_file_that_is_missing_is_named(rich: Project, tmp_path: Path, name: str) -> None:
    folder = unpack(rich, tmp_path / "sdist")
    (folder / name).unlink()
    assert refusal(folder) == f"there is no {name}"


def test_a_source_tree_is_not_compiled(rich: Project) -> None:
    assert refusal(rich.folder) == f"there is no {TABLE_NAME}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"1" * 5000,
        b'{"format": 1',
    ],
)
def test_a_table_that_is_no_json_is_not_used(rich: Project, tmp_path: Path, content: bytes) -> None:
    folder = unpack(rich, tmp_path / "sdist")
    (folder / TABLE_NAME).write_bytes(content)
    assert refusal(folder).startswith(f"{TABLE_NAME} cannot be read: ")


@pytest.mark.parametrize("number", [0, 3, "1", None, [], 1.5])
def test_a_table_of_a_format_that_is_not_known_is_not_used(
    rich: Project, tmp_path: Path, number: object
) -> None:
    path = unpack(rich, tmp_path / "sdist") / TABLE_NAME
    data = {**json.loads(path.read_bytes()), "format": number}
    path.write_text(json.dumps(data), encoding="utf-8")
    assert refusal(path.parent) == f"{TABLE_NAME} is of a format that this version does not read"


@pytest.mark.parametrize("content", ["null", "[]", "1", "{}", '"format"'])
def test_what_is_no_table_is_not_used(rich: Project, tmp_path: Path, content: str) -> None:
    path = unpack(rich, tmp_path / "sdist") / TABLE_NAME
    path.write_text(content, encoding="utf-8")
    assert refusal(path.parent) == f"{TABLE_NAME} is of a format that this version does not read"


def damage(data: dict[str, Any], draw: Any) -> None:
    """Change one value of JSON data, at any depth."""
    inside: Any = data
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = draw(st.sampled_from([one for one in keys if one != "format"]))
        deeper = isinstance(inside[key], (dict, list)) and inside[key]
        if not deeper or draw(st.booleans()):
            break
        inside = inside[key]
    if draw(st.booleans()):
        del inside[key]
    else:
        inside[key] = [inside[key]]


@given(st.data())
def test_a_table_in_which_anything_was_changed_is_not_used(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = write_project(Path(folder, "source"))
        path = unpack(read_project(source), Path(folder, "sdist")) / TABLE_NAME
        changed = json.loads(path.read_bytes())
        damage(changed, data.draw)
        path.write_text(json.dumps(changed), encoding="utf-8")
        assert refusal(path.parent) == f"{TABLE_NAME} or PKG-INFO is damaged"


def test_metadata_that_were_changed_are_not_used(rich: Project, tmp_path: Path) -> None:
    path = unpack(rich, tmp_path / "sdist") / "PKG-INFO"
    path.write_bytes(path.read_bytes().replace(b"Name: Spam.Eggs", b"Name: Spam-Eggs"))
    assert refusal(path.parent) == f"{TABLE_NAME} or PKG-INFO is damaged"


def test_a_patched_pyproject_is_noticed(rich: Project, tmp_path: Path) -> None:
    path = unpack(rich, tmp_path / "sdist") / "pyproject.toml"
    path.write_bytes(path.read_bytes().replace(b">=12", b">=11"))
    assert refusal(path.parent) == "pyproject.toml was changed after the sdist was built"


@given(st.data())
def test_a_table_of_the_same_format_by_another_version_is_used_or_is_not(
    data: st.DataObject,
) -> None:
    """Whole, and of another shape: a fault of ours in some release, and no traceback."""
    with tempfile.TemporaryDirectory() as folder:
        source = write_project(Path(folder, "source"), CUDA)
        path = unpack(read_project(source), Path(folder, "sdist")) / TABLE_NAME
        changed = json.loads(path.read_bytes())
        damage(changed, data.draw)
        path.write_bytes(sealed(changed))
        with contextlib.suppress(NotCompiledError):
            read_compiled(path.parent)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("license-files", "LICENSE", "not of the form"),
        ("license-files", [3], "not of the form"),
        ("license-files", ["../secret"], "licence file '../secret' lies outside the sdist"),
        ("license-files", ["a/../../secret"], "lies outside the sdist"),
        ("license-files", ["/etc/passwd"], "lies outside the sdist"),
        ("license-files", ["C:secret"], "lies outside the sdist"),
        ("license-files", ["..\\secret"], "lies outside the sdist"),
        ("license-files", ["a\nb"], "expected one line"),
        ("license-files", ["a\0b"], "it has a NUL"),
        ("selector.requires", ["spam-\ud800"], "surrogates not allowed"),
        ("entry-points", "[a]\nb = \ud800", "surrogates not allowed"),
        ("name", "../spam", "cannot begin a file's name"),
        ("name", 5, "not of the form"),
        ("entry-points", ["[console_scripts]"], "not of the form"),
        ("selector.version", "1.0/../2", "cannot begin a file's name"),
        ("selector.kind", "any", "of the kind 'any'"),
        ("selector.requires", ["spam-core\nRequires-Dist: eggs"], "expected one line"),
        ("requires", ["sphinx\rName: eggs"], "expected one line"),
        ("requires", "sphinx", "not of the form"),
        ("selector.variants.0.requires", ["spam-cpu\u2028Name: eggs"], "expected one line"),
        ("selector.variants.0.extras", {"plot": ["eggs\r"]}, "expected one line"),
        ("selector.variants.0.name", "cpu\n", "expected one line"),
        ("places.metadata-version", 2.1, "not of the form"),
        ("places.metadata-version", "2.1\nName: eggs", "expected one line"),
    ],
)
def test_what_would_become_a_path_or_a_line_of_metadata_is_not_used(
    rich: Project, tmp_path: Path, path: str, value: object, said: str
) -> None:
    """Written by hand, with the right hash: nothing leaves the folder, or begins a field."""
    file = unpack(rich, tmp_path / "sdist") / TABLE_NAME
    data = json.loads(file.read_bytes())
    inside: Any = data
    *above, key = path.split(".")
    for one in above:
        inside = inside[int(one) if one.isdigit() else one]
    inside[key] = value
    file.write_bytes(sealed(data))
    message = refusal(file.parent)
    assert message.startswith(f"{TABLE_NAME} cannot be used: ")
    assert said in message


def test_a_fact_that_only_a_newer_version_knows_is_named(rich: Project, tmp_path: Path) -> None:
    path = unpack(rich, tmp_path / "sdist") / TABLE_NAME
    path.write_bytes(sealed(json.loads(path.read_bytes().replace(b'"glibc"', b'"level-zero"'))))
    assert refusal(path.parent) == (
        f"{TABLE_NAME} cannot be used: it asks for the fact 'level-zero', which this version does "
        "not know"
    )
