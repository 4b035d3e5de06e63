"""The sdist's own `pyproject.toml`: other lines where they are asked for, and no other change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selector_backend.authoring import toml
from selector_backend.authoring.editing import published_pyproject

CARRIED = {"requires": [], "build-backend": "selector_backend", "backend-path": ["_selector"]}
NEW = """\
[build-system]
requires = [] # why
build-backend = "selector_backend"
backend-path = ["_selector"]
"""


def published(text: str, **build_system: object) -> str:
    values = {key.replace("_", "-"): value for key, value in build_system.items()} or CARRIED
    return published_pyproject(text.encode(), build_system=values).decode()


def test_all_but_the_values_stays_as_it_is_written() -> None:
    head = "# Späm\n\n[project]\n  name   = \"spam\" # its name\nversion = '1.0'\n\n# how\n"
    tail = '\n# the table\n[tool.selector]\nadvice = """\na\n  b"""\n[ tool . other ]\nx=[ 1,2 ]'
    table = '[build-system]\nrequires = [\n  "a", # b\n] # why\nbuild-backend = "a"\n'
    assert published(f"{head}{table}{tail}") == f"{head}{NEW}{tail}"


def test_line_ends_stay_what_they_are() -> None:
    text = (
        '[build-system]\nrequires = ["a"] # why\nbuild-backend = "a"\n\n# b\n[project]\nname="a"\n'
    )
    new = f'{NEW}\n# b\n[project]\nname="a"\n'
    assert published(text.replace("\n", "\r\n")) == new.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (
            'build-system = { requires = ["a"] } # b\n[project]\n',
            'build-system = { requires = ["c"] } # b\n[project]\n',
        ),
        (
            'build-system.requires = ["a"] # b\nbuild-system.backend-path = ["d"]\n[project]\n',
            'build-system.requires = ["c"] # b\n[project]\n',
        ),
        (
            "[ 'build-system' ]\n'requires' = ['a']\n# e\n\n",
            "[ 'build-system' ]\n'requires' = [\"c\"]\n# e\n\n",
        ),
        ("[project]\n", '[project]\n\n[build-system]\nrequires = ["c"]\n'),
        (
            '[build-system]\nbackend-path = ["d"] # d\n\n# e\n[project]',
            '[build-system]\nrequires = ["c"]\n\n# e\n[project]',
        ),
    ],
)
def test_it_may_be_written_in_any_way(text: str, new: str) -> None:
    assert published(text, requires=["c"], backend_path=None) == new


WRITTEN = """\
# a selector package
[build-system]
requires = [
    "selector-backend>=0.2,<1",  # the backend
    "vcs-versioning",
]

[project]
name = "spam"
dynamic = ["version", "dependencies"]  # from git, and by the table

# its variants
[tool.selector]
[[tool.selector.variant]]
name = "cpu"
"""
FOUND_HERE = [
    """
[[tool.dynamic-metadata]]
provider = "vcs_versioning"
""",
    """
[[tool.dynamic-metadata]] # first
provider = "a"
# second
[[tool.dynamic-metadata]]
provider = "b"
[tool.dynamic-metadata.more]
x = 1
""",
]


@pytest.mark.parametrize("found_here", FOUND_HERE)
@pytest.mark.parametrize("place", ["first", "before the table", "last", "between tools"])
def test_a_version_is_written_down_and_what_found_it_is_gone(found_here: str, place: str) -> None:
    other = "\n[tool.ruff]\nselect = ['A'] # all\n"
    text = WRITTEN + other
    before = {
        "first": text,
        "before the table": "\n# its variants\n",
        "last": "",
        "between tools": other,
    }[place]
    head, _, tail = text.rpartition(before) if before else (text, "", "")
    source = f"{head}{found_here}{before}{tail}"
    expected = toml.loads(source)
    del expected["tool"]["dynamic-metadata"]
    expected["project"] |= {"version": "1.2", "dynamic": ["dependencies"]}
    expected["build-system"]["requires"] = ["selector-backend>=0.2,<1"]
    made = published_pyproject(
        source.encode(),
        build_system={"requires": ["selector-backend>=0.2,<1"]},
        version="1.2",
    ).decode()
    assert toml.loads(made) == expected
    for comment in ("# a selector package", "# from git, and by the table", "# its variants"):
        assert comment in made
    assert other in made
    assert 'name = "spam"\ndynamic = ["dependencies"]  # from git' in made


@pytest.mark.parametrize(
    "found_here",
    [
        "tool.dynamic-metadata = [{ provider = 'a' }]\n",
        "[tool]\ndynamic-metadata = [{ provider = 'a' }] # b\n",
        "[[tool.dynamic-metadata]]\nregex = '''\n[tool.selector]\n# \u2028[x]\n'''\n",
    ],
)
def test_what_found_a_version_may_be_written_in_any_way(found_here: str) -> None:
    expected = toml.loads(WRITTEN)
    expected["project"] |= {"version": "1.2", "dynamic": ["dependencies"]}
    values = {"requires": expected["build-system"]["requires"]}
    made = published_pyproject(
        (found_here + WRITTEN).encode(), build_system=values, version="1.2"
    ).decode()
    assert toml.loads(made) == expected


KEYS = st.sampled_from(["requires", "build-backend", "backend-path", "other"])
SPACE = st.sampled_from(["", " ", "\t"])
LINES = st.sampled_from(["", "# a comment", "   # ä", "\t"])
VALUES = st.sampled_from(
    ["1", "'x'", '"ä"', '"""\na\n\n b"""', "[1,2 , 3]", "[ # why\n 'x',\n]", "{ a = 1, b.c = 2 }"]
)
HEADS = st.permutations(["[build-system]", "[project]", "[tool.a]", "[tool.'b']", "[[tool.c]]"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = draw(st.lists(LINES, max_size=2))
    for head in draw(HEADS):
        lines += [head + draw(SPACE), *draw(st.lists(LINES, max_size=2))]
        for key in draw(st.lists(KEYS, unique=True)):
            lines.append(f"{draw(SPACE)}{key}{draw(SPACE)}={draw(SPACE)}{draw(VALUES)} # {key}")
            lines += draw(st.lists(LINES, max_size=2))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


@given(documents(), st.sampled_from(["\n", "\r\n"]))
def test_only_the_table_says_something_else(text: str, end: str) -> None:
    text = text.replace("\n", end)
    new = published(text)
    before, after = toml.loads(text), toml.loads(new)
    assert after.pop("build-system") == {**before.pop("build-system"), **CARRIED}
    assert after == before
    assert published(new) == new
    kept = [line for line in text.split(end) if not line.strip().endswith(tuple(CARRIED))]
    assert [line for line in kept if line.startswith(("#", "["))] == [
        line for line in new.split(end) if line.startswith(("#", "["))
    ]
