"""`selector-backend plan`: what a fleet gets."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command import COMMAND, command, error, lines, terminal
from support.project import hook_environ, write_project

TABLE = """
[tool.selector]
kind = "{kind}"

[[tool.selector.variant]]
name = "cu12"
when = {{ cuda = ">=12,<13" }}

[[tool.selector.variant]]
name = "cu11"
when = {{ cuda = ">=11.2,<12.5" }}

[[tool.selector.variant]]
name = "old"
when = {{ cuda = "<11.2" }}
refuse = "CUDA {{cuda}} is too old."
"""
FLEET = {"a": "11.8", "b": "12.4", "c": "12.4", "d": "12.8", "e": "10.0"}


def write_fleet(folder: Path, fleet: dict[str, Any]) -> Path:
    folder.mkdir()
    for name, cuda in fleet.items():
        text = json.dumps({"format": 1, "facts": {"cuda": cuda}})
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def project(folder: Path, kind: str = "requirement") -> tuple[str, Path]:
    return "--project", write_project(folder / "source", TABLE.format(kind=kind))


def test_variants_that_exclude_each_other(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", FLEET)
    assert lines("plan", nodes, *project(tmp_path), status=1) == [
        f"{nodes}/a.json  cu11",
        f"{nodes}/b.json  cu12",
        f"{nodes}/c.json  cu12",
        f"{nodes}/d.json  cu12",
        f"{nodes}/e.json  nothing",
        "",
        "variant  machines",
        "cu12     3",
        "cu11     1",
        "nothing  1",
        "",
        f"nothing for {nodes}/e.json",
        "",
        "in one image: SPAM_VARIANT=cu12",
        f"which leaves out {nodes}/a.json, {nodes}/e.json",
    ]


def test_variants_that_stand_side_by_side(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", {**FLEET, "e": "11.4"})
    options = project(tmp_path, "capability")
    assert lines("plan", nodes, *options)[-1] == "in one image: SPAM_VARIANT=cu12,cu11"
    (nodes / "d.json").unlink()
    assert lines("plan", nodes, *options)[-2:] == [
        "in one image: SPAM_VARIANT=cu11",
        "so that each has its best: SPAM_VARIANT=cu12,cu11",
    ]


def test_one_image_has_what_serves_most_machines_and_then_what_serves_most_of_the_rest(
    tmp_path: Path,
) -> None:
    levels = ("x86_64_v4", "x86_64_v3", "x86_64_v2")
    rows = [f"[[tool.selector.variant]]\nname = '{n}'\nwhen = {{ cpu = '{n}' }}" for n in levels]
    table = "\n".join(["[tool.selector]\nkind = 'capability'", *rows])
    options = ("--summary", "--project", write_project(tmp_path / "source", table))
    nodes = tmp_path / "nodes"
    nodes.mkdir()

    def image(*cpus: str) -> list[str]:
        for number, cpu in enumerate(cpus):
            text = json.dumps({"format": 1, "facts": {"cpu": cpu}})
            (nodes / f"{number}.json").write_text(text, encoding="utf-8")
        return lines("plan", nodes, *options)[6:]

    # Both v3 and v2 fit all three machines; v3 comes first in the table.
    assert image("x86_64_v4", "x86_64_v4", "x86_64_v3") == [
        "in one image: SPAM_VARIANT=x86_64_v3",
        "so that each has its best: SPAM_VARIANT=x86_64_v4,x86_64_v3",
    ]
    assert image("x86_64_v4", "x86_64_v4", "x86_64_v3", "x86_64_v2") == [
        "in one image: SPAM_VARIANT=x86_64_v2",
        "so that each has its best: SPAM_VARIANT=x86_64_v4,x86_64_v3,x86_64_v2",
    ]


def test_a_fact_that_is_stated_for_the_whole_fleet(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", FLEET)
    found = lines("plan", nodes, *project(tmp_path), "--set", "cuda=12.8")
    assert found[:5] == [f"{nodes}/{name}.json  cu12" for name in FLEET]
    assert "is not a fact" in error("plan", nodes, *project(tmp_path), "--set", "cdua=12")


def test_files_lines_and_standard_input_as_json(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", FLEET)
    text = "".join(f"{(nodes / name).read_text()}\n" for name in ("a.json", "b.json"))
    (tmp_path / "fleet.jsonl").write_text(text, encoding="utf-8")
    arguments = ["plan", nodes / "d.json", tmp_path / "fleet.jsonl", "-", "--json"]
    process = subprocess.run(
        [*COMMAND, *map(str, [*arguments, *project(tmp_path)])],
        input="\ufeff" + text,  # as some editors begin a file
        env=hook_environ(PYTHONIOENCODING="utf-8"),
        check=True,
        capture_output=True,
        text=True,
    )
    *machines, last = map(json.loads, process.stdout.splitlines())
    assert [(one["machine"], one["variants"]) for one in machines] == [
        (f"{nodes}/d.json", ["cu12"]),
        (f"{tmp_path}/fleet.jsonl:1", ["cu11"]),
        (f"{tmp_path}/fleet.jsonl:2", ["cu12"]),
        ("standard input:1", ["cu11"]),
        ("standard input:2", ["cu12"]),
    ]
    assert last == {
        "format": 1,
        "summary": {
            "machines": 5,
            "variants": {"cu12": 3, "cu11": 2},
            "nothing": {"machines": 0, "examples": []},
            "best": None,
            "image": {
                "variants": ["cu11"],
                "setting": "SPAM_VARIANT=cu11",
                "left-out": 1,
                "examples": [f"{nodes}/d.json"],
            },
        },
    }


def test_it_agrees_with_explain(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", {**FLEET, "f": None})
    _, folder = options = project(tmp_path)
    found = map(json.loads, lines("plan", nodes, *options, "--json", status=1)[:-1])
    for machine in found:
        process = command("explain", folder, "--machine", machine["machine"], "--json")
        decision = json.loads(process.stdout)
        assert decision["decision"]["variants"] == machine["variants"]
        assert decision["problem"] == machine["problem"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "fleet.jsonl:2, a line that is to be one machine profile, is not JSON: "),
        ('{"format": 1, "facts": {"cuda": "12", "cuda": "13"}}', "cuda: is given more than once"),
        ("\udcff", "a line that is to be one machine profile, is not UTF-8 text"),
        ('{"format": 1, "facts": {"cdua": "12"}}', "facts.cdua: not a known fact, did you mean"),
        ('{"format": 1, "facts": {"cuda": "new"}}', "fleet.jsonl:2 has an error:\n  facts.cuda: "),
        ("[]", "fleet.jsonl:2 is not a machine profile"),
        # Of a fact that the table does not ask for.
        ('{"format": 1, "facts": {"glibc": 2}}', "fleet.jsonl:2 has an error:\n  facts.glibc: "),
    ],
)
def test_a_profile_that_is_none_is_named(tmp_path: Path, text: str, message: str) -> None:
    fleet = tmp_path / "fleet.jsonl"
    content = f'{{"format": 1, "facts": {{}}}}\n{text}\n'
    fleet.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert message in error("plan", fleet, "--summary", *project(tmp_path), status=1)


def test_where_there_are_no_profiles(tmp_path: Path) -> None:
    given = project(tmp_path)
    (tmp_path / "empty").mkdir()
    message = error("plan", tmp_path / "empty", *given, status=1)
    assert f"{tmp_path / 'empty'}: there are no machine profiles in it" in message
    assert "-: there are no machine profiles in it" in error("plan", "-", *given, status=1)


def test_a_terminal_gets_a_table_and_files_have_to_be_there(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", {"a": "12.4"})
    output, status = terminal(
        "plan", nodes, "--summary", *project(tmp_path), environ={"NO_COLOR": "1"}
    )
    assert status == 0
    assert "┃ machines" in output
    assert "no such file or folder" in error("plan", "nowhere", *project(tmp_path))


def test_a_bar_on_the_terminal_takes_nothing_from_standard_output(tmp_path: Path) -> None:
    nodes = write_fleet(tmp_path / "nodes", {"a": "12.4"})
    ours, theirs = pty.openpty()
    process = subprocess.run(
        [*COMMAND, *map(str, ["plan", nodes, *project(tmp_path)])],
        env=hook_environ(TERM="xterm-256color"),
        check=True,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    os.close(ours)
    assert process.stdout.splitlines()[0] == f"{nodes}/a.json  cu12"


def test_memory_does_not_grow_with_the_machines(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from selector_backend.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    peaks = []
    for count in (1_000, 30_000):
        fleet = tmp_path / f"{count}.jsonl"
        with fleet.open("w", encoding="utf-8") as file:
            for number in range(count):
                facts = {"cuda": f"12.{number % 10}", "glibc": f"2.{number}"}
                file.write(json.dumps({"format": 1, "facts": facts}) + "\n")
        arguments = ("plan", fleet, "--summary", "--json", *project(tmp_path))
        process = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=hook_environ(),
            check=True,
            capture_output=True,
            text=True,
        )
        assert json.loads(process.stdout)["summary"]["machines"] == count
        peaks.append(int(process.stderr.split()[-1]))
    assert peaks[1] < peaks[0] * 1.25
