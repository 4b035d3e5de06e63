"""`selector-backend matrix`: a project's variants against many machines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable

import pytest
from support.command import COMMAND, command, data, error, lines, terminal
from support.environment import ROOT, Environment, clean_environ, create_environment
from support.index import Index
from support.matrix import machine_rows, matrix_summary
from support.project import build_sdist, hook_environ, write_project

from selector_backend.authoring import REQUIREMENTS

RECIPES = sorted((ROOT / "docs/recipes").glob("*/"))

# What the hooks say of every machine: one process for all, since there are hundreds.
HOOKS = """
import contextlib, io, json, os, sys, tempfile
import selector_backend
made = []
for profile in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "machine.json"), "w") as file:
            json.dump(profile, file)
        os.environ["SELECTOR_MACHINE"] = file.name
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                name = selector_backend.prepare_metadata_for_build_wheel(folder)
        except SystemExit:
            made.append(said.getvalue())
        else:
            with open(os.path.join(folder, name, "selector.json")) as file:
                made.append(json.load(file)["variants"])
print(json.dumps(made))
"""


def profile(machine: dict[str, Any]) -> dict[str, Any]:
    """Return the machine profile of a row."""
    return {"format": 1, "facts": machine["facts"]}


def test_there_are_machines_of_all_kinds(tmp_path: Path) -> None:
    table = "".join(
        f'[[tool.selector.variant]]\nname = "{name}"\nwhen = {{ {name} = true }}\n'
        for name in ("cuda", "rocm", "xpu", "cuda-toolkit", "glibc", "musl", "macos")
    )
    machines = machine_rows(write_project(tmp_path, table))
    assert len(machines) >= 24
    assert len({one["name"] for one in machines}) == len(machines)
    assert all(one["after"] for one in machines)
    cuda = {one["facts"]["cuda"].get("value") for one in machines}
    assert {"11.4", "11.8", "12.0", "12.2", "12.4", "12.6", "12.8", "13.0"} <= cuda
    chosen = {name for one in machines for name in one["variants"]}
    assert chosen == {"cuda", "rocm", "xpu", "cuda-toolkit", "glibc", "musl", "macos"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.name))
def test_every_machine_gets_what_the_backend_gives_it(recipe: Path) -> None:
    machines = machine_rows(recipe)
    made = subprocess.run(
        [sys.executable, "-c", HOOKS],
        input=json.dumps([profile(one) for one in machines]),
        cwd=recipe,
        env=hook_environ(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for machine, outcome in zip(machines, json.loads(made)):
        if machine["variants"]:
            assert machine["variants"] == outcome, machine["name"]
        else:
            assert f"error: {machine['problem']}\n" == outcome


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path, serve: Callable[[Path], Index]
) -> Environment:
    """An environment with the backend, with which uv builds: it takes half of pip's time."""
    folder = tmp_path_factory.mktemp("backend")
    environ = {**clean_environ(folder / "home"), "UV_DEFAULT_INDEX": serve(wheelhouse).url}
    environment = create_environment(folder / "venv", environ, pip=None)
    # Without build isolation, what compiles a source tree has to be there.
    environment.uv("pip", "install", "selector-backend", *REQUIREMENTS)
    return environment


@pytest.mark.parametrize("name", ["cupy", pytest.param("faiss", marks=pytest.mark.nightly)])
def test_explain_agrees_with_an_install(name: str, backend: Environment, tmp_path: Path) -> None:
    """On one machine for each outcome."""
    recipe = ROOT / "docs/recipes" / name
    machines = machine_rows(recipe)
    outcomes = {(*one["variants"], one["problem"]): one for one in machines}
    explain_and_install(recipe, [*outcomes.values()], backend, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.name))
def test_explain_agrees_with_an_install_on_every_machine(
    recipe: Path, backend: Environment, tmp_path: Path
) -> None:
    explain_and_install(recipe, machine_rows(recipe), backend, tmp_path)


def explain_and_install(
    recipe: Path, machines: list[dict[str, Any]], backend: Environment, tmp_path: Path
) -> None:
    assert len(machines) > 1
    for number, machine in enumerate(machines):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(profile(machine)), encoding="utf-8")
        status = 1 if machine["problem"] else 0
        explained = data("explain", recipe, "--machine", file, status=status)
        target = tmp_path / str(number)
        into = ("--no-deps", "--no-build-isolation", "--no-cache", "--target", str(target))
        environ = {"SELECTOR_MACHINE": str(file)}
        process = backend.uv("pip", "install", *into, str(recipe), environ=environ, check=False)
        if explained["problem"]:
            assert process.returncode == 1
            shown = [line.strip() for line in process.stdout.splitlines()]
            said = f"error: {explained['problem']}".splitlines()
            assert {line.strip() for line in said} <= {*shown}
        else:
            assert process.returncode == 0, process.stdout
            (path,) = target.glob("*.dist-info/selector.json")
            record = json.loads(path.read_text(encoding="utf-8"))
            for key in ("variants", "requires", "verdicts"):
                assert explained["decision"][key] == record[key]


def test_what_is_installed_is_stated_for_machines_that_have_no_environment() -> None:
    recipe = ROOT / "docs/recipes/transformer-engine"
    (machine,) = (one for one in machine_rows(recipe) if "B200" in one["name"])
    assert machine["variants"] == ["cu13"]  # by the driver
    reasons = [one["reason"] for each in machine_rows(recipe) for one in each["verdicts"]]
    assert any("installed is absent: its environment is not known" in one for one in reasons)
    stated = machine_rows(recipe, "--set", "installed=jax-cuda12-plugin==0.10.2")
    chosen = {(one["facts"]["marker"]["value"]["sys_platform"], *one["variants"]) for one in stated}
    assert chosen == {("linux", "cu12"), ("darwin",), ("win32",)}
    said = error("matrix", recipe, "--set", "installed=jax>=1")
    assert "'jax>=1' is not a distribution such as torch==2.9.1, or torch" in said


def test_ones_own_machines(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source")
    nodes = write_nodes(tmp_path / "nodes", {"old": "11.8", "new": "12.4"})
    given = ("--machine", nodes / "old.json", "--machine", nodes / "new.json")
    assert lines("matrix", project, *given, "--no-shipped") == [
        "cu12    cu11    cpu     machine",
        "-       chosen  fits    old",
        "chosen  fits    fits    new",
        "",
        "variant  machines",
        "cu12     1",
        "cu11     1",
        "cpu      0",
        "nothing  0",
    ]
    assert lines("matrix", project, *given, "--no-shipped", "--set", "cuda=")[1:3] == [
        "-       -       chosen  old",
        "-       -       chosen  new",
    ]
    assert len(lines("matrix", project, *given)) > 24
    output, status = terminal("matrix", project, *given, "--no-shipped")
    assert status == 0
    assert "\x1b[32mchosen" in output
    assert "┃" in output
    assert "there is no such file" in error("matrix", project, "--machine", "nowhere.json")


# --- Fleets

FLEET = {"a": "11.8", "b": "12.4", "c": "12.4", "d": "12.8", "e": "10.0"}
REFUSING = """
[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12,<13" }

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2,<12.5" }

[[tool.selector.variant]]
name = "old"
when = { cuda = "<11.2" }
refuse = "CUDA {cuda} is too old."
"""


def write_nodes(folder: Path, fleet: dict[str, str]) -> Path:
    folder.mkdir()
    for name, cuda in fleet.items():
        text = json.dumps({"format": 1, "facts": {"cuda": cuda}})
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_of_profiles_is_shown_and_counted(tmp_path: Path) -> None:
    """For the project's sdist as for its folder."""
    project = write_project(tmp_path / "source", REFUSING)
    given = ("--no-shipped", "--machine", write_nodes(tmp_path / "nodes", FLEET))
    shown = lines("matrix", project, *given)
    assert shown == [
        "cu12    cu11    old      machine",
        "-       chosen  -        a",
        "chosen  fits    -        b",
        "chosen  fits    -        c",
        "chosen  -       -        d",
        "-       -       refuses  e",
        "",
        "variant  machines",
        "cu12     3",
        "cu11     1",
        "nothing  1",
    ]
    assert lines("matrix", build_sdist(project, tmp_path / "dist"), *given) == shown
    assert matrix_summary(project, *given) == {
        "format": 1,
        "variants": {"cu12": 3, "cu11": 1},
        "nothing": 1,
    }


def test_each_line_of_a_file_and_of_standard_input_is_a_machine(tmp_path: Path) -> None:
    nodes = write_nodes(tmp_path / "nodes", FLEET)
    text = "".join(f"{(nodes / name).read_text()}\n" for name in ("a.json", "b.json"))
    (tmp_path / "fleet.jsonl").write_text(text, encoding="utf-8")
    sources = (nodes / "d.json", tmp_path / "fleet.jsonl", "-")
    given = [option for source in sources for option in ("--machine", str(source))]
    project = str(write_project(tmp_path / "source"))
    process = subprocess.run(
        [*COMMAND, "matrix", project, "--json", "--no-shipped", *given],
        input="\ufeff" + text,  # as some editors begin a file
        env=hook_environ(PYTHONIOENCODING="utf-8"),
        check=True,
        capture_output=True,
        text=True,
    )
    *rows, _ = map(json.loads, process.stdout.splitlines())
    assert [(row["name"], row["after"], row["variants"]) for row in rows] == [
        ("d", f"{nodes}/d.json", ["cu12"]),
        ("fleet.jsonl:1", f"{tmp_path}/fleet.jsonl:1", ["cu11"]),
        ("fleet.jsonl:2", f"{tmp_path}/fleet.jsonl:2", ["cu12"]),
        ("standard input:1", "standard input:1", ["cu11"]),
        ("standard input:2", "standard input:2", ["cu12"]),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_profiles_may_be_as_powershell_writes_them(tmp_path: Path, encoding: str) -> None:
    profile = '{"format": 1, "facts": {"cuda": "12.4"}}\r\n'
    (tmp_path / "a.json").write_bytes(profile.encode(encoding))
    fleet = tmp_path / "fleet.jsonl"
    fleet.write_bytes((profile * 2).encode(encoding))
    project = write_project(tmp_path / "source")
    assert data("explain", project, "--machine", tmp_path / "a.json")["decision"]["variants"]
    given = [option for file in (tmp_path / "a.json", fleet) for option in ("--machine", str(file))]
    assert matrix_summary(project, "--no-shipped", *given)["variants"]["cu12"] == 3
    fleet.write_bytes(fleet.read_bytes()[:-1])
    process = command("matrix", project, "--no-shipped", "--machine", fleet)
    assert process.returncode == 1
    assert process.stderr.startswith(f"error: {fleet} is not UTF-")


def test_it_agrees_with_explain(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", REFUSING)
    nodes = write_nodes(tmp_path / "nodes", FLEET)
    for row in machine_rows(project, "--machine", nodes, "--no-shipped"):
        status = 1 if row["problem"] else 0
        explained = data("explain", project, "--machine", row["after"], status=status)
        assert explained["decision"]["variants"] == row["variants"]
        assert explained["problem"] == row["problem"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "fleet.jsonl:2, a line that has to be one machine profile, is not JSON: "),
        ('{"format": 1, "facts": {"cuda": "12", "cuda": "13"}}', "cuda: is given more than once"),
        ("\udcff", "a line that has to be one machine profile, is not UTF-8 text"),
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
    process = command("matrix", write_project(tmp_path / "source"), "--machine", fleet)
    assert process.returncode == 1
    assert message in process.stderr
    assert "Traceback" not in process.stderr


def test_a_source_without_profiles_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", "-"):
        process = command("matrix", write_project(tmp_path / "source"), "--machine", source)
        assert process.returncode == 1
        assert process.stderr == f"error: {source}: there are no machine profiles in it\n"


@pytest.mark.nightly
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
        project = write_project(tmp_path / "source")
        arguments = ("matrix", project, "--machine", fleet, "--no-shipped")
        process = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=hook_environ(),
            check=True,
            capture_output=True,
            text=True,
        )
        assert f"cu12     {count}" in process.stdout.splitlines()
        peaks.append(int(process.stderr.split()[-1]))
    assert peaks[1] < peaks[0] * 1.25


# --- The page

HOSTILE = "</pre><script>1</script><img src=x>\"'&"


class Texts(HTMLParser):
    """The texts of a page, as a browser shows them, and the elements that they are in."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_the_table_and_loads_nothing(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", REFUSING)
    nodes = write_nodes(tmp_path / "nodes", {**FLEET, HOSTILE.replace("/", "|"): "12.4"})
    given, file = ("--machine", nodes), tmp_path / "machines.html"
    shown = lines("matrix", project, *given)
    table, counts = shown[: shown.index("")], shown[shown.index("") :]
    told = lines("matrix", project, *given, "--html", file)
    assert told == [f"the table is written to {file}", *counts]
    page = Texts(file)
    assert "\n".join(table) in page.text
    assert page.tags == {"html", "head", "meta", "style", "body", "pre", "code", "span"}
    assert not re.search(r"https?://|@import|url\(", file.read_text(encoding="utf-8"))
    file.unlink()
    assert matrix_summary(project, *given, "--html", file)["variants"]["cu11"] > 0
    assert file.exists()
    message = error("matrix", project, "--html", tmp_path / "nowhere" / "page.html")
    assert "No such file or directory" in message
