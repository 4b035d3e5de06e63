"""`pyproject.toml` and the files beside it: what is read, and what is said of what is wrong."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from conftest import require_links, require_name
from hypothesis import example, given
from hypothesis import strategies as st
from support.project import HEAD, write_project
from support.strategies import anything, to_toml

from selector_backend.authoring.project import Project, read_project
from selector_backend.errors import SelectorError
from selector_backend.model.problems import InvalidFileError

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "cpu"
"""


def read(folder: Path, more: str = "", files: dict[str, str] | None = None, **head: str) -> Project:
    """Read a project with ``more`` in its ``[project]`` and other ``files``."""
    write_project(folder, TABLE, more=f"{more}\n", **head)
    for path, text in (files or {}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return read_project(folder)


def problems_of(folder: Path) -> list[tuple[str, str]]:
    """The keys of the problems of the project in ``folder``, and what is said of them."""
    with pytest.raises(InvalidFileError) as caught:
        read_project(folder)
    message = str(caught.value)
    assert message.startswith("pyproject.toml has ")
    for problem in caught.value.problems:
        assert str(problem) in message
    return [(problem.key, problem.message) for problem in caught.value.problems]


def write(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


# --- what is read


def test_a_project_is_read_with_its_selector_table(tmp_path: Path) -> None:
    project = read(tmp_path, 'description = "Spam for all"', name="Spam.Eggs", version="1.0-beta.2")
    assert project.metadata.name == "Spam.Eggs"
    assert project.metadata.description == "Spam for all"
    assert project.folder == tmp_path
    (variant,) = project.selector.variants
    assert list(map(str, variant.requires)) == ["Spam.Eggs-cpu==1.0b2"]


@pytest.mark.parametrize(
    ("name", "version", "stem"),
    [
        ("spam", "1.0", "spam-1.0"),
        ("Spam", "v1.0", "spam-1.0"),
        ("spam-eggs", "1.0", "spam_eggs-1.0"),
        ("Spam.Eggs__and--Ham", "1.0-1", "spam_eggs_and_ham-1.0.post1"),
        ("spam", "2!1.0.RC1+Local-2", "spam-2!1.0rc1+local.2"),
    ],
)
def test_files_are_called_after_the_normalized_name_and_version(
    tmp_path: Path, name: str, version: str, stem: str
) -> None:
    assert read(tmp_path, name=name, version=version).stem == stem


def test_only_the_files_of_the_metadata_belong_in_an_sdist(tmp_path: Path) -> None:
    files = ["README.md", "licenses/MIT.txt", "setup.py", "spam/__init__.py", "tests/test_spam.py"]
    project = read(
        tmp_path,
        'readme = "README.md"\nlicense = "MIT"\nlicense-files = ["licenses/*"]',
        dict.fromkeys(files, ""),
    )
    assert list(map(str, project.files)) == ["README.md", "licenses/MIT.txt", "pyproject.toml"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["AUTHORS.md", "COPYING", "LICENCE.txt", "LICENSE", "NOTICE"]),
        ('license = "MIT"', ["AUTHORS.md", "COPYING", "LICENCE.txt", "LICENSE", "NOTICE"]),
        ("license-files = []", []),
        ('license-files = ["LICENSE", "LICEN*"]', ["LICENCE.txt", "LICENSE"]),
        ('license-files = ["third-party/**/L*"]', ["third-party/eggs/LICENSE"]),
        ('license = { text = "Do as you like." }', []),
    ],
)
def test_licence_files_are_those_named_or_else_those_with_a_usual_name(
    tmp_path: Path, more: str, expected: list[str]
) -> None:
    files = [
        "LICENSE",
        "LICENCE.txt",
        "COPYING",
        "NOTICE",
        "AUTHORS.md",
        "third-party/eggs/LICENSE",
    ]
    (tmp_path / "LICENSES").mkdir()
    project = read(tmp_path, more, dict.fromkeys(files, "text"))
    assert list(map(str, project.license_files)) == expected
    assert set(project.license_files) <= set(project.files)


def test_a_licence_file_whose_name_looks_like_a_pattern_is_found(tmp_path: Path) -> None:
    project = read(tmp_path, "", {"LICENSE[1].txt": "text"})
    assert project.license_files == (PurePosixPath("LICENSE[1].txt"),)


def test_a_licence_given_as_a_file_belongs_in_an_sdist(tmp_path: Path) -> None:
    project = read(tmp_path, 'license = { file = "TERMS" }', {"TERMS": "Do as you like."})
    assert PurePosixPath("TERMS") in project.files


def test_a_readme_in_a_folder_belongs_in_an_sdist(tmp_path: Path) -> None:
    more = 'readme = { file = "docs/about.txt", content-type = "text/plain" }'
    project = read(tmp_path, more, {"docs/about.txt": "Grüße"})
    assert PurePosixPath("docs/about.txt") in project.files
    assert project.metadata.readme is not None
    assert project.metadata.readme.text == "Grüße"


@pytest.mark.parametrize(
    "content_type", ["text/markdown; charset=UTF-8", "text/markdown ; variant=GFM", "Text/Markdown"]
)
def test_a_content_type_may_be_written_in_every_way_that_an_index_takes(
    tmp_path: Path, content_type: str
) -> None:
    more = f'readme = {{ file = "README", content-type = "{content_type}" }}'
    assert read(tmp_path, more, {"README": "Spam"}).metadata.readme is not None


def test_scripts_and_entry_points_may_point_into_the_core(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        'scripts = { spam = "spam_core.cli:main" }\n'
        'gui-scripts = { spam-window = "spam_core.window:App.run" }\n'
        'entry-points = { "spam.plugins" = { "plain name" = "spam_core.plain" } }',
    )
    assert project.metadata.scripts == {"spam": "spam_core.cli:main"}
    assert project.metadata.gui_scripts == {"spam-window": "spam_core.window:App.run"}
    assert project.metadata.entrypoints == {"spam.plugins": {"plain name": "spam_core.plain"}}


# --- files that cannot be read at all


def test_a_folder_without_a_pyproject_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SelectorError, match=r"no pyproject\.toml in .*spam"):
        read_project(tmp_path / "spam")


def test_a_pyproject_toml_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(SelectorError, match=r"pyproject\.toml cannot be read"):
        read_project(tmp_path)


def test_toml_errors_are_shown_with_their_place(tmp_path: Path) -> None:
    write(tmp_path, "[project]\nname = spam\n")
    with pytest.raises(SelectorError, match=r"pyproject\.toml is not TOML: .*line 2, column 8"):
        read_project(tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes("[project]\n# für\n".encode("latin-1"))
    with pytest.raises(SelectorError, match=r"pyproject\.toml is not UTF-8: line 2 .* 0xfc"):
        read_project(tmp_path)


# --- what is wrong with [project]

HEAD_WITH = '[project]\nname = "spam"\nversion = "1.0"\n'


BAD_PROJECTS: list[tuple[str, str, list[str]]] = [
    ("", "project", ["missing", "[project]"]),
    ("project = 5", "project", ["[project]"]),
    (HEAD_WITH + TABLE, "project.dynamic", ["is missing", '["dependencies"]']),
    (f"{HEAD_WITH}dynamic = 5\n{TABLE}", "project.dynamic", ["5", '["dependencies"]']),
    (f"{HEAD_WITH}dynamic = {{}}\n{TABLE}", "project.dynamic", ['["dependencies"]']),
    (
        f'{HEAD_WITH}dynamic = "dependencies"\n{TABLE}',
        "project.dynamic",
        ["'dependencies'", '["dependencies"]'],
    ),
    (
        f'{HEAD_WITH}dynamic = ["dependencies", "readme", 5]\n{TABLE}',
        "project.dynamic",
        ["found 'readme' (a string), 5 (an integer); only 'dependencies'", "may be dynamic"],
    ),
    (
        f'{HEAD_WITH}dynamic = ["dependencies"]\ndependencies = ["x"]\n{TABLE}',
        "project.dependencies",
        ["tool.selector.requires"],
    ),
    (
        f'[project]\nname = "spam"\ndynamic = ["version", "dependencies"]\n{TABLE}',
        "project.version",
        ["dynamic"],
    ),
    (
        f'{HEAD_WITH}dynamic = ["dependencies", "version"]\n{TABLE}',
        "project.version",
        ["dynamic"],
    ),
    (
        f'[project]\nname = "spam"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.version",
        ["missing"],
    ),
    (
        f'[project]\nname = "spam"\nversion = "one"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.version",
        ["'one'", "PEP 440"],
    ),
    (
        f'[project]\nname = "spam"\nversion = 1.0\ndynamic = ["dependencies"]\n{TABLE}',
        "project.version",
        ["str", "float"],
    ),
    (
        f'[project]\nname = "sp am"\nversion = "1"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.name",
        ["'sp am'"],
    ),
    (
        f'[project]\nname = "-spam"\nversion = "1"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.name",
        ["'-spam'"],
    ),
    (
        f'[project]\nname = "spam\\n"\nversion = "1"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.name",
        [r"'spam\n'"],
    ),
    (
        f'[project]\nname = "spam"\nversion = "1\\n2"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.version",
        [r"'1\n2'"],
    ),
    (
        f'[project]\nversion = "1"\ndynamic = ["dependencies"]\n{TABLE}',
        "project.name",
        ["required"],
    ),
    (HEAD.format(name="spam", version="1"), "tool.selector", ["missing", "variants"]),
    (
        HEAD.format(name="spam", version="1") + "[tool.selectr]\n",
        "tool.selector",
        ["missing", "'selectr'"],
    ),
    (
        HEAD.format(name="spam", version="1") + "[[tool.selector]]\nname = 'x'\n",
        "tool.selector",
        ["an array", "a table"],
    ),
    (
        HEAD.format(name="spam", version="1") + "[tool]\nselector = true\n",
        "tool.selector",
        ["true (a boolean)", "a table"],
    ),
]


@pytest.mark.parametrize(
    ("text", "key", "fragments"),
    BAD_PROJECTS,
    ids=[f"{key}-{fragments[0]}" for _, key, fragments in BAD_PROJECTS],
)
def test_a_project_that_is_not_one_is_told_what_is_missing(
    tmp_path: Path, text: str, key: str, fragments: list[str]
) -> None:
    ((found, message),) = problems_of(write(tmp_path, text))
    assert found == key
    for fragment in fragments:
        assert fragment in message


BAD_METADATA: list[tuple[str, str, list[str]]] = [
    # keys that the specification does not have
    ('dependancies = ["x"]', "project.dependancies", ["not a known key", "'dependencies'"]),
    ('licence = "MIT"', "project.licence", ["not a known key", "'license'"]),
    ("zzz = 1", "project.zzz", ["not a known key"]),
    # of the wrong type
    ("description = 5", "project.description", ["str", "int"]),
    ("urls = 5", "project.urls", ["int"]),
    ("urls = { a = 5 }", "project.urls.a", ["str", "int"]),
    ("keywords = [5]", "project.keywords[0]", ["str", "int"]),
    ('license = "MIT"\nclassifiers = [5]', "project.classifiers[0]", ["str", "int"]),
    ('authors = ["me"]', "project.authors[0]", ["str"]),
    ("scripts = 5", "project.scripts", ["int"]),
    ("readme = 5", "project.readme", ["int"]),
    # not valid
    ('requires-python = ">>3"', "project.requires-python", ["'>>3'"]),
    ('license = "MIT OR"', "project.license", ["'MIT OR'"]),
    ('description = "a\\nb"', "project.description", ["line"]),
    (
        'optional-dependencies = { "a b" = ["x"] }',
        "project.optional-dependencies",
        ["'a b'"],
    ),
    (
        'optional-dependencies = { Plot = ["x"], plot = ["y"] }',
        "project.optional-dependencies",
        ["'Plot'", "'plot'"],
    ),
    # files
    ('readme = "README.md"', "project.readme", ["'README.md'", "not a file"]),
    ('readme = "docs"', "project.readme", ["'docs'", "not a file"]),
    ('readme = ""', "project.readme", ["''", "not a file"]),
    ('readme = "a\\u0000.md"', "project.readme", ["not a file"]),
    (f'readme = "{"a" * 300}.md"', "project.readme", ["aaa"]),
    ('readme = "../README.md"', "project.readme", ["'../README.md'", "outside"]),
    ('readme = "docs/../../a.md"', "project.readme", ["outside"]),
    ('readme = "/etc/motd.md"', "project.readme", ["'/etc/motd.md'", "outside"]),
    (r'readme = "C:\\README.md"', "project.readme", ["outside"]),
    (r'readme = "C:README.md"', "project.readme", ["outside"]),
    (r'readme = "..\\README.md"', "project.readme", ["outside"]),
    (r'readme = "\\\\server\\share\\README.md"', "project.readme", ["outside"]),
    ('readme = "latin-1.md"', "project.readme", ["'latin-1.md'", "UTF-8"]),
    ('readme = "latin-1.xyz"', "project.readme", ["'latin-1.xyz'"]),
    (
        'readme = { file = "../a", content-type = "text/plain" }',
        "project.readme.file",
        ["'../a'", "outside"],
    ),
    (
        'readme = { text = "x", content-type = "text/markdown; charset=latin-1" }',
        "project.readme",
        ["latin-1"],
    ),
    ('readme = { text = "x" }', "project.readme", ["content-type"]),
    ('readme = { text = "x", content-type = "text/html" }', "project.readme", ["'text/html'"]),
    ('license = { file = "LICENSE" }', "project.license.file", ["'LICENSE'", "not a file"]),
    ('license = { file = "../LICENSE" }', "project.license.file", ["outside"]),
    ('license = { file = "latin-1.md" }', "project.license.file", ["UTF-8"]),
    ('license-files = ["LICENSE"]', "project.license-files", ["'LICENSE'"]),
    ('license-files = ["../LICENSE"]', "project.license-files", ["'../LICENSE'", "within"]),
    ('license-files = ["/etc/motd"]', "project.license-files", ["'/etc/motd'", "within"]),
    (r'license-files = ["..\\L"]', "project.license-files", [r"'..\\L'", "within"]),
    (r'license-files = ["C:\\L"]', "project.license-files", [r"'C:\\L'", "within"]),
    ('license-files = [""]', "project.license-files", ["''"]),
    ('license-files = ["**x"]', "project.license-files", ["'**x'"]),
    ('license-files = ["LICENSE{a,b}"]', "project.license-files", ["'LICENSE{a,b}'", "PEP 639"]),
    (f'license-files = ["{"a" * 300}"]', "project.license-files", ["aaa"]),
    ('license-files = ["latin-1.md"]', "project.license-files", ["'latin-1.md'", "UTF-8"]),
    ("license-files = 5", "project.license-files", ["int"]),
    # entry points
    (
        'entry-points = { console_scripts = { a = "b:c" } }',
        "project.entry-points.console_scripts",
        ["[project.scripts]"],
    ),
    (
        'entry-points = { gui_scripts = { a = "b:c" } }',
        "project.entry-points.gui_scripts",
        ["[project.gui-scripts]"],
    ),
    ('scripts = { spam = "spam core" }', "project.scripts.spam", ["'spam core'", ":main'"]),
    ('scripts = { spam = "spam_core" }', "project.scripts.spam", ["'spam_core'", ":main'"]),
    ('gui-scripts = { spam = "a.b" }', "project.gui-scripts.spam", ["'a.b'", ":main'"]),
    ('scripts = { spam = "" }', "project.scripts.spam", ["''", ":main'"]),
    ('scripts = { "a=b" = "c:d" }', "project.scripts", ["'a=b'"]),
    ('scripts = { "[a]" = "c:d" }', "project.scripts", ["'[a]'"]),
    ('scripts = { "#a" = "c:d" }', "project.scripts", ["'#a'"]),
    ('scripts = { "a\\nb" = "c:d" }', "project.scripts", [r"'a\nb'"]),
    ('scripts = { "a\\u000bb" = "c:d" }', "project.scripts", [r"'a\x0bb'"]),
    ('entry-points = { "a b" = { c = "d" } }', "project.entry-points", ["'a b'"]),
    # what would not be read back as it went in
    ('keywords = ["a", "b, c"]', "project.keywords[1]", ["'b, c'", "comma"]),
    ('urls = { "a, b" = "c" }', 'project.urls."a, b"', ["'a, b'", "comma"]),
    ('authors = [{ email = "a@b.c>, <d@e.f" }]', "project.authors[0].email", ["'a@b.c>, <d@e.f'"]),
    # numbers that some Pythons read and others do not
    (f'requires-python = ">={"1" * 5000}"', "project.requires-python", ["'>=1111", "500 digits"]),
    (
        f'optional-dependencies = {{ a = ["eggs>={"1" * 5000}"] }}',
        "project.optional-dependencies.a[0]",
        ["'eggs>=1111", "500 digits"],
    ),
    (f"urls = {{ {'a.' * 50}a = 1 }}", "project.urls.a", ["str", "dict"]),
]

# Every line break that `str.splitlines` knows, and other control characters.
BREAKS = (
    *("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"),
    *("\x00", "\t", "\x1b", "\x7f", "\x80", "\x9f"),
)
FIELDS = (
    ("description", '"{}"', "project.description"),
    ("requires-python", '">=3{}"', "project.requires-python"),
    ("license", '"MIT{}"', "project.license"),
    ("license", '{{ text = "MIT{}" }}', "project.license.text"),
    ("keywords", '["a", "{}"]', "project.keywords[1]"),
    ("classifiers", '["{}"]', "project.classifiers[0]"),
    ("authors", '[{{ name = "{}" }}]', "project.authors[0].name"),
    ("maintainers", '[{{ email = "a@b.c{}" }}]', "project.maintainers[0].email"),
    ("urls", '{{ a = "https://spam.example/{}" }}', "project.urls.a"),
    ("urls", '{{ "{}" = "a" }}', "project.urls.'"),
    ("scripts", '{{ a = "b:c{}" }}', "project.scripts.a"),
    ("entry-points", '{{ g = {{ "{}" = "c" }} }}', "project.entry-points.g.'"),
    (
        "optional-dependencies",
        '{{ a = ["b @ https://spam.example/{}"] }}',
        "project.optional-dependencies.a[0]",
    ),
    ("import-names", '["a{}"]', "project.import-names[0]"),
    ("license-files", '["LICENSE{}"]', "project.license-files[0]"),
    (
        "readme",
        '{{ text = "a", content-type = "text/plain{}" }}',
        "project.readme.content-type",
    ),
)


@pytest.mark.parametrize(
    ("more", "key", "fragments"),
    BAD_METADATA,
    ids=[f"{key}-{fragments[0]}" for _, key, fragments in BAD_METADATA],
)
def test_what_is_wrong_with_the_metadata_is_said_once_with_its_key(
    tmp_path: Path, more: str, key: str, fragments: list[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "latin-1.md").write_bytes(b"f\xfcr")
    (tmp_path / "latin-1.xyz").write_bytes(b"")
    write_project(tmp_path, TABLE, more=f"{more}\n")
    ((found, message),) = problems_of(tmp_path)
    assert found.startswith(key)
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("field", "value", "key", "broken"),
    [
        pytest.param(*field, broken, id=f"{field[-1]}-{broken!a}")
        for field in FIELDS
        for broken in BREAKS
        # A licence is the one text that may have lines.
        if (field[-1], broken) != ("project.license.text", "\n")
    ],
)
def test_a_field_cannot_hold_another_header(
    tmp_path: Path, field: str, value: str, key: str, broken: str
) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in broken)
    line = f"{field} = {value.format(f'{escaped}Requires-Dist: evil')}\n"
    ((found, message),) = problems_of(write_project(tmp_path, TABLE, more=line))
    assert found.startswith(key)
    assert repr(broken[0])[1:-1] in message
    assert "expected " in message


def test_a_licence_of_several_lines_is_one_field(tmp_path: Path) -> None:
    project = read(tmp_path, 'license = { text = "one\\n\\n  Requires-Dist: evil\\n" }')
    header = b"License: one\n         \n           Requires-Dist: evil\n"
    assert header in project.metadata.as_rfc822().as_bytes()


def test_a_licence_file_with_pages_is_one_field(tmp_path: Path) -> None:
    files = {"COPYING": "one\x0cRequires-Dist: evil\u2028two\n"}
    project = read(tmp_path, 'license = { file = "COPYING" }', files)
    header = b"License: one\n         Requires-Dist: evil\n         two\n"
    assert header in project.metadata.as_rfc822().as_bytes()


def test_a_licence_is_written_in_its_canonical_form(tmp_path: Path) -> None:
    project = read(tmp_path, 'license = "mit or (apache-2.0 and BSD-3-clause)"')
    assert project.metadata.license == "MIT OR (Apache-2.0 AND BSD-3-Clause)"


def test_what_the_wheel_adds_to_may_be_dynamic(tmp_path: Path) -> None:
    dynamic = '["dependencies", "optional-dependencies", "classifiers"]'
    text = f'{HEAD_WITH}dynamic = {dynamic}\nclassifiers = ["Topic :: Utilities"]\n{TABLE}'
    project = read_project(write(tmp_path, text))
    assert project.metadata.classifiers == ["Topic :: Utilities"]
    assert project.metadata.auto_metadata_version == "2.1"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('readme = "README.md"', "project.readme"),
        ('readme = { file = "README.md", content-type = "text/plain" }', "project.readme.file"),
        ('license = { file = "README.md" }', "project.license.file"),
        ('license-files = ["READ*"]', "project.license-files"),
        ('license-files = ["folder/*"]', "project.license-files"),
    ],
)
def test_a_file_of_the_project_that_is_a_link_out_of_it_is_an_error(
    tmp_path: Path, more: str, key: str
) -> None:
    require_links(tmp_path)
    (tmp_path / "README.md").write_text("secret", encoding="utf-8")
    project = write_project(tmp_path / "project", TABLE, more=f"{more}\n")
    (project / "README.md").symlink_to("../README.md")
    (project / "folder").symlink_to("..")
    ((found, message),) = problems_of(project)
    assert found == key
    assert "link out of the project's folder" in message
    assert "copy" in message


def test_a_link_within_the_project_is_followed(tmp_path: Path) -> None:
    require_links(tmp_path)
    write_project(tmp_path / "project", TABLE)
    (tmp_path / "project" / "TERMS").write_text("Do as you like.", encoding="utf-8")
    (tmp_path / "project" / "LICENSE").symlink_to("TERMS")
    (tmp_path / "here").symlink_to("project")
    project = read_project(tmp_path / "here")
    assert project.license_files == (PurePosixPath("LICENSE"),)


@pytest.mark.parametrize("name", ["LICENSE\rRequires-Dist: evil", "LICENSE..txt", "LICENSE "])
def test_a_licence_file_whose_name_is_no_field_is_left_out(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    require_name(tmp_path, name)
    project = read(tmp_path, "", {name: "text", "COPYING": "text"})
    assert project.license_files == (PurePosixPath("COPYING"),)
    assert capfd.readouterr().err.startswith(f"warning: left out {name!r}, ")


@pytest.mark.parametrize("extra", ["plot", "dev.tools"])
def test_an_extras_requirement_that_does_not_parse_is_shown_with_the_place(
    tmp_path: Path, extra: str
) -> None:
    more = f'optional-dependencies = {{ "{extra}" = ["eggs", "a b"] }}\n'
    ((key, message),) = problems_of(write_project(tmp_path, TABLE, more=more))
    assert key.startswith("project.optional-dependencies.")
    assert key.endswith("[1]")
    assert "'a b'" in message
    lines = message.splitlines()
    (caret,) = (index for index, line in enumerate(lines) if line.strip().endswith("^"))
    assert lines[caret].index("^") - lines[caret - 1].index("a b") == 2


def test_all_names_that_cannot_be_dynamic_are_named(tmp_path: Path) -> None:
    text = f'{HEAD_WITH}dynamic = ["dependencies", "readme", "urls"]\n{TABLE}'
    message = "\n".join(message for _, message in problems_of(write(tmp_path, text)))
    assert "'readme'" in message
    assert "'urls'" in message


def test_a_missing_version_is_not_told_to_become_dynamic(tmp_path: Path) -> None:
    text = f'[project]\nname = "spam"\ndynamic = ["dependencies"]\n{TABLE}'
    ((_, message),) = problems_of(write(tmp_path, text))
    assert "dynamic" not in message


def test_the_errors_of_metadata_and_table_are_reported_together(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
[project]
name = "sp am"
version = "one"
dependencies = ["x"]
readme = "README.md"
licence = "MIT"
scripts = { spam = "spam core" }

[tool.selector]
kind = "capabilty"
requires = ["a b"]

[[tool.selector.variant]]
name = "cu12"
when = { cdua = ">=12" }
""",
    )
    assert sorted(key for key, _ in problems_of(tmp_path)) == [
        "project.dependencies",
        "project.dynamic",
        "project.licence",
        "project.name",
        "project.readme",
        "project.scripts.spam",
        "project.version",
        "tool.selector.kind",
        "tool.selector.requires[0]",
        "tool.selector.variant[0].when.cdua",
    ]


def test_the_message_counts_the_errors_and_gives_each_a_line_of_its_own(tmp_path: Path) -> None:
    write_project(tmp_path, '[tool.selector]\nkind = 5\nrequires = ["a b"]\n')
    with pytest.raises(InvalidFileError) as caught:
        read_project(tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == "pyproject.toml has 3 errors:"
    assert [line.split(": ")[0] for line in lines if ": " in line] == [
        "  tool.selector.kind",
        "  tool.selector.variant",
        "  tool.selector.requires[0]",
    ]
    assert lines[-1].index("^") == lines[-2].index("a b") + 2


# --- properties


def _is_read_or_refused(text: bytes) -> None:
    message = "read"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_bytes(text)
        Path(folder, "README.md").write_bytes(b"Gr\xfc\xc3\xbce")
        try:
            project = read_project(Path(folder))
        except SelectorError as error:
            message = str(error)
        else:
            assert all(Path(folder, path).is_file() for path in project.files)
    assert message.strip()


@given(st.binary() | st.text().map(str.encode))
@example(b"\xef\xbb\xbf[project]\n")
@example(b"a = 1\r\n")
@example(b"a = 1e999999999\n")
def test_a_file_of_any_bytes_is_read_or_refused_with_a_message(text: bytes) -> None:
    _is_read_or_refused(text)


_KEYS = (
    *("name", "version", "description", "readme", "requires-python", "license", "license-files"),
    *("authors", "maintainers", "keywords", "classifiers", "urls", "scripts", "gui-scripts"),
    *("entry-points", "dependencies", "optional-dependencies", "dynamic", "import-names"),
    *("import-namespaces", "email", "file", "text", "content-type", "console_scripts"),
)
_TEXTS = (
    *("spam", "1.0", "README.md", "*", "**", "MIT", "a b", "eggs>=1", "text/plain", "spam:main"),
    *(">=3.9", "License :: OSI Approved :: MIT License", "", "-spam", "..", "\n", "'\"", "#x"),
)
_projects = st.dictionaries(
    st.sampled_from(_KEYS), anything(*_KEYS, *_TEXTS, none=False), max_size=5
)
_LIKELY = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"]}


@given(_projects, st.booleans())
@example({"dynamic": 5}, False)
@example({"urls": 5}, False)
@example({"name": "-spam"}, True)
@example({"license": "MIT", "classifiers": [5]}, True)
def test_a_project_table_of_any_shape_is_read_or_refused_with_a_message(
    project: dict[str, Any], likely: bool
) -> None:
    data = {
        "project": {**_LIKELY, **project} if likely else project,
        "tool": {"selector": {"variant": [{"name": "cpu"}]}},
    }
    _is_read_or_refused(to_toml(data).encode())


@given(anything("project", "tool", "selector", "variant", "build-system", none=False))
def test_a_document_of_any_shape_is_read_or_refused_with_a_message(data: Any) -> None:
    _is_read_or_refused(to_toml(data if isinstance(data, dict) else {"tool": data}).encode())
