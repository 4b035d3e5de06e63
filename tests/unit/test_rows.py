"""A row that is added to a table: where it goes, and that all else stays as it is written."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selector_backend.authoring.rows import insert_row, place_of
from selector_backend.authoring.table import parse_selector
from selector_backend.errors import SelectorError
from selector_backend.model.table import Selector, Variant

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROW = '[[tool.selector.variant]]\nname = "new"\nwhen = { cuda = ">=13" }'

WRITTEN = """\
# at the top
[build-system]
requires = [ 'selector-backend' ]   # as it is

[project]
name   =   "spam"

# In order: the first that fits is chosen.
[[tool.selector.variant]]
name = "a"    # the first
when = { cuda = '>=12' }
# still of a

# about b

# and more about b
[[tool.selector.variant]]
name = "b"
[tool.selector.variant.when]
cuda = ">=11"   # the second

# about c
[[tool.selector.variant]]

name = "c"

# at the end
[tool.other]
text = '''
[[tool.selector.variant]]
'''
"""

BEFORE = {0: '[[tool.selector.variant]]\nname = "a"', 1: "# about b\n", 2: "# about c\n"}


def selector(*conditions: str) -> Selector:
    rows = "".join(
        f"[[variant]]\nname = 'v{number}'\n{one and f'when = {one}'}\n"
        for number, one in enumerate(conditions)
    )
    read, problems = parse_selector(tomllib.loads(rows), project="spam", version="1.0")
    assert problems == []
    return read


def variant(condition: str) -> Variant:
    return selector(condition).variants[0]


@pytest.mark.parametrize(
    ("new", "conditions", "place"),
    [
        ('{ cuda = ">=13" }', ['{ cuda = ">=12" }', ""], 0),
        ('{ cuda = ">=12" }', ['{ cuda = ">=13" }', '{ cuda = ">=11" }', ""], 1),
        ('{ cuda = ">=11" }', ['{ cuda = ">=12" }', ""], 1),
        ('{ cuda = ">=12.10" }', ['{ cuda = ">=12.9" }', ""], 0),
        ('{ rocm = ">=6,<7" }', ['{ cuda = ">=12" }', ""], 1),
        ('{ rocm = ">=6" }', ['{ cuda = ">=12" }'], 1),
        ("", ['{ cuda = ">=12" }'], 1),
        ("", ['{ cuda = ">=12" }', ""], 1),
        ('{ cpu = "x86_64_v4" }', ['{ cpu = "x86_64_v3" }', '{ cpu = "x86_64_v2" }', ""], 0),
        ('{ cpu = "x86_64_v2" }', ['{ cpu = "x86_64_v3" }', ""], 1),
        # A newer CUDA comes first also where neither is a part of the other.
        (
            '{ cuda = ">=13", compute-capability = ">=7.5" }',
            ['{ cuda = ">=12", compute-capability = ">=8.0" }', ""],
            0,
        ),
        (
            '{ cuda = ">=12", compute-capability = ">=9.0" }',
            ['{ cuda = ">=13", compute-capability = ">=7.5" }', '{ cuda = ">=12" }', ""],
            1,
        ),
        ('{ cuda = ">=13" }', ['{ cuda = "==12.*" }', ""], 0),
        ('{ cuda = ">=13" }', ['[{ cuda = ">=12" }, { rocm = ">=6" }]', ""], 0),
        ("{ cuda = true }", ['{ cuda = ">=12" }', ""], 1),
    ],
)
def test_a_row_goes_before_what_would_always_be_chosen_and_before_older_versions(
    new: str, conditions: list[str], place: int
) -> None:
    assert place_of(variant(new), selector(*conditions)) == place


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_all_else_stays_as_it_is_written(index: int, end: str) -> None:
    text = WRITTEN.replace("\n", end)
    edited = insert_row(text.encode(), index, ROW).decode()
    names = [one["name"] for one in tomllib.loads(edited)["tool"]["selector"]["variant"]]
    assert names == [*"abc"[:index], "new", *"abc"[index:]]
    added = f"{ROW}\n\n".replace("\n", end)
    assert edited.replace(added, "", 1) == text
    follows = edited.partition(added)[2].replace("\r\n", "\n")
    assert follows.startswith(BEFORE.get(index, "# at the end\n"))


def test_the_last_line_of_a_file() -> None:
    for text in (
        '[[tool.selector.variant]]\nname = "a"',
        '[[tool.selector.variant]]\nname = "a"\n',
    ):
        edited = insert_row(text.encode(), 1, ROW).decode()
        assert edited == f'[[tool.selector.variant]]\nname = "a"\n\n{ROW}\n'
        assert insert_row(text.encode(), 0, ROW).decode() == f"{ROW}\n\n{text.rstrip()}\n"


def test_rows_in_an_array() -> None:
    rows = '  {name = "a"},  # about a\n  # about b\n  {name = "b"},\n'
    text = f"[tool.selector]\nvariant = [\n{rows}]\n"
    for index in range(3):
        edited = insert_row(text.encode(), index, ROW).decode()
        assert tomllib.loads(edited)["tool"]["selector"]["variant"][index]["name"] == "new"
        assert "# about a\n" in edited
        assert "# about b\n" in edited


def test_a_file_that_cannot_be_edited_is_refused_with_the_row() -> None:
    row = '[[tool.selector.variant]]\nname = "a"\n'
    apart = f"{row}[tool.other]\n{row}"
    with pytest.raises(SelectorError, match="number 2 of the variants") as caught:
        insert_row(apart.encode(), 1, ROW)
    assert ROW in str(caught.value)


trivia = st.lists(st.sampled_from(["", "# one", "# [[two]]", "   "]), max_size=3)
KEYS = [
    "",
    "when = { cuda = '>=1' }  # x",
    "requires = [\n]",
    "when.cuda = '>=1'",
    "[tool.selector.variant.when]",
    "[tool.selector.variant.when]\ncuda = '>=1'",
]
rows = st.lists(st.tuples(trivia, st.sampled_from(KEYS), trivia), min_size=1, max_size=4)


@given(rows, trivia, st.integers(min_value=0), st.sampled_from(["", "[tool.other]\na = 1\n"]))
def test_whatever_stands_between_the_rows(
    written: list[tuple[list[str], str, list[str]]], last: list[str], at: int, other: str
) -> None:
    lines = ['[project]\nname = "spam"', ""]
    for number, (above, key, below) in enumerate(written):
        lines += [*above, "[[tool.selector.variant]]", f'name = "{number}"', key, *below]
    text = "\n".join([*lines, *last, other])
    index = at % (len(written) + 1)
    edited = insert_row(text.encode(), index, ROW).decode()
    names = [one["name"] for one in tomllib.loads(edited)["tool"]["selector"]["variant"]]
    expected = [str(number) for number in range(len(written))]
    assert names == [*expected[:index], "new", *expected[index:]]
    # All lines are there, in their order; blank ones may be more.
    kept = [line for line in text.splitlines() if line.strip()]
    found = [line for line in edited.replace(ROW, "", 1).splitlines() if line.strip()]
    assert found == kept
