"""`selector-backend matrix --expect`: a maintainer's test of what machines get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command import command, error, lines
from support.environment import ROOT
from support.matrix import machine_rows
from support.project import CUDA, write_project

A100 = "Linux, A100 (Ampere), driver 535"
P100 = "Linux, Tesla P100 (Pascal), driver 470"
MAC = "Mac, Apple M2"

REFUSING = """
[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", compute-capability = ">=7.5" }

[[tool.selector.variant]]
name = "too-old"
when = { cuda = "<12" }
refuse = "The driver is too old."
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "source")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "expected.toml"


def expectations(*arguments: str | Path, status: int = 0) -> dict[str, Any]:
    """Return what is written of each machine that the file names, by its name."""
    rows = machine_rows(*arguments, status=status)
    return {row["name"]: row["expected"] for row in rows if "expected" in row}


def test_ci_passes_while_each_machine_gets_what_is_expected(project: Path, file: Path) -> None:
    file.write_text(f'"{A100}" = "CU12"\n"{P100}" = "cu11"\n"{MAC}" = "cpu"\nnode = "cu12"\n')
    node = project / "node.json"
    node.write_text(json.dumps({"format": 1, "facts": {"cuda": "12.4"}}))
    given = ("matrix", project, "--expect", file, "--machine", node)
    assert lines(*given) == [f"4 machines get what {file} expects"]
    compared = expectations(*given[1:])
    assert {name: one["found"] for name, one in compared.items()} == {
        "node": "cu12",
        P100: "cu11",
        A100: "cu12",
        MAC: "cpu",
    }
    assert all(one["variant"] == one["found"] for one in compared.values())
    assert all(one["problem"] is None for one in compared.values())
    assert expectations(project) == {}


def test_ci_fails_if_a_machine_gets_another_variant(project: Path, file: Path) -> None:
    narrowed = CUDA.replace('">=12"', '">=12.4"')
    write_project(project, narrowed)
    file.write_text(f'"{A100}" = "cu12"\n"{P100}" = "cu11"\n"{MAC}" = "cu11"\n')
    problem = f"{A100}: expected cu12, found cu11\n  cu12: cuda 12.2 is not >=12.4\n"
    assert lines("matrix", project, "--expect", file, status=1) == [
        *problem.splitlines(),
        "  cu11: cuda 12.2 is >=11.2",
        f"{MAC}: expected cu11, found cpu",
        "  cu11: cuda is absent: such a machine has none",
        "  cpu: it fits every machine",
        f"2 of 3 machines do not get what {file} expects",
    ]
    found = expectations(project, "--expect", file, status=1)
    assert found[A100]["problem"].startswith(problem)
    assert (found[A100]["variant"], found[A100]["found"]) == ("cu12", "cu11")
    assert found[P100]["problem"] is None


def test_a_variant_that_comes_later_is_said_to_fit(project: Path, file: Path) -> None:
    file.write_text(f'"{A100}" = "cu11"\n')
    assert lines("matrix", project, "--expect", file, status=1)[:3] == [
        f"{A100}: expected cu11, found cu12",
        "  cu12: cuda 12.2 is >=12",
        "  cu11: fits, but comes later: cuda 12.2 is >=11.2",
    ]


def test_where_all_that_fit_are_chosen_names_are_expected_with_commas(
    project: Path, file: Path
) -> None:
    head = '[tool.selector]\nkind = "capability"\nchoose = "all"'
    write_project(project, CUDA.replace("[tool.selector]", head))
    file.write_text(f'"{A100}" = "cpu, cu11,CU12"\n"{MAC}" = "cpu"\n')
    assert lines("matrix", project, "--expect", file) == [f"2 machines get what {file} expects"]
    file.write_text(f'"{A100}" = "cu12,cpu"\n')
    assert lines("matrix", project, "--expect", file, status=1)[0] == (
        f"{A100}: expected cu12,cpu, found cu12,cu11,cpu"
    )
    file.write_text(f'"{A100}" = "cu12,cu13"\n')
    message = error("matrix", project, "--expect", file, status=1)
    assert "found 'cu13', which is not a variant" in message


def test_that_nothing_fits_or_one_refuses_can_be_expected(project: Path, file: Path) -> None:
    write_project(project, REFUSING)
    file.write_text(f'"{A100}" = "cu12"\n"{P100}" = "too-old"\n"{MAC}" = false\n')
    assert lines("matrix", project, "--expect", file) == [f"3 machines get what {file} expects"]
    found = expectations(project, "--expect", file)
    assert [one["found"] for one in found.values()] == ["too-old", "cu12", None]
    file.write_text(f'"{A100}" = false\n"{P100}" = "cu12"\n"{MAC}" = "too-old"\n')
    assert lines("matrix", project, "--expect", file, status=1) == [
        f"{P100}: expected cu12, found too-old, which refuses",
        "  cu12: cuda 11.4 is not >=12, compute-capability 6.0 is not >=7.5",
        "  too-old: cuda 11.4 is <12",
        f"{A100}: expected that no variant fits, found cu12",
        "  cu12: cuda 12.2 is >=12 and compute-capability 8.0 is >=7.5",
        f"{MAC}: expected too-old, which refuses, found no variant that fits",
        "  too-old: cuda is absent: such a machine has none",
        f"3 of 3 machines do not get what {file} expects",
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ('A100 = "cu12"', [f"A100: there is no such machine, did you mean {A100!r}?"]),
        (
            f'"{A100[:-1]}" = "cu21"\nmine = "gpu"',
            [
                f"\"{A100[:-1]}\": found 'cu21', which is not a variant, did you mean 'cu12'?",
                f'"{A100[:-1]}": there is no such machine, did you mean {A100!r}?',
                "mine: found 'gpu', which is not a variant, did you mean 'cpu'?",
                "mine: there is no such machine; give its profile with --machine",
            ],
        ),
        (f'"{A100}" = "xyz"', ["not a variant; the variants are cu12, cu11, cpu"]),
        (f'"{A100}" = true', ["found true (a boolean); expected a variant's name, or false"]),
        (f'"{A100}" = 12', ["found 12 (an integer); expected a variant's name"]),
        (f'"{A100}" = {{}}', ["found an empty table; expected a variant's name"]),
        ("", ["the file: is empty"]),
        ("mine = ", ["is not TOML"]),
        ("\xff", ["is not UTF-8"]),
    ],
)
def test_a_mistake_in_the_file_is_a_message(
    project: Path, file: Path, text: str, messages: list[str]
) -> None:
    file.write_text(text, encoding="latin-1")
    page = project / "machines.html"
    said = error("matrix", project, "--expect", file, "--html", page, status=1)
    assert str(file) in said
    for message in messages:
        assert message in said
    assert not page.exists()


def test_a_file_that_is_not_there_is_a_mistake_in_the_command(project: Path) -> None:
    assert "there is no such file" in error("matrix", project, "--expect", "nowhere.toml")
    assert "it is a folder" in error("matrix", project, "--expect", project)


def test_the_file_on_the_page_is_one(project: Path, file: Path) -> None:
    text = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n# expected.toml\n")[2].partition("```")[0]
    file.write_text(example)
    assert command("matrix", project, "--expect", file).returncode == 0
