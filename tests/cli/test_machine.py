"""`selector-backend machine`, and what all commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from support.command import command, data, error, lines, terminal
from support.driver import Driver
from support.environment import run
from support.hooks import Backend
from support.index import Index
from support.project import hook_environ, write_project

from selector_backend.model.facts import FACTS

COMMANDS = ("machine", "explain", "check", "matrix", "doctor", "init")


def test_every_fact_is_there_with_its_value_or_the_reason(driver: Driver) -> None:
    found = lines("machine", environ=driver.environ("12.4"))
    assert [line.split()[0] for line in found] == ["fact", *FACTS]
    rows = {line.split()[0]: line for line in found}
    assert rows["cuda"].endswith("  12.4")
    assert "  NVML  " in rows["cuda"]
    assert rows["macos"].endswith("  absent: this is not macOS")


def test_json_is_a_machine_profile_that_the_backend_takes(tmp_path: Path, driver: Driver) -> None:
    process = command("machine", "--json", environ=driver.environ("12.4"))
    file = tmp_path / "here.json"
    file.write_text(process.stdout, encoding="utf-8")
    project = Backend(write_project(tmp_path / "source"), {"SELECTOR_MACHINE": str(file)})
    assert project.record(tmp_path / "out")["variants"] == ["cu12"]
    again = data("machine", "--machine", file)
    facts = json.loads(process.stdout)["facts"]
    assert {name: {**one, "source": ""} for name, one in again["facts"].items()} == {
        name: {**one, "source": ""} for name, one in facts.items()
    }


def test_one_fact_for_a_script(driver: Driver) -> None:
    assert lines("machine", "--fact", "cuda", environ=driver.environ("12.4")) == ["12.4"]
    process = command("machine", "--fact", "macos")
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "macos is absent: this is not macOS\n"
    assert "did you mean 'cuda'?" in error("machine", "--fact", "cdua")


def test_facts_can_be_stated(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    file.write_text('{"format": 1, "facts": {"cuda": "11.8", "cpu": ["zen3"]}}', encoding="utf-8")
    stated = ("--machine", file, "--set", "glibc=2.28", "--set", "cuda=")
    facts = data("machine", *stated)["facts"]
    assert facts["glibc"] == {"value": "2.28", "source": "--set"}
    assert facts["cuda"] == {"absent": "--set says so", "source": "--set"}
    assert "avx2" in facts["cpu"]["value"]
    variables = {"SELECTOR_MACHINE": str(file)}
    assert lines("machine", "--fact", "cuda", environ=variables) == ["11.8"]


def test_a_variable_that_is_nearly_ours_is_told_and_stops_nothing_as_at_install(
    tmp_path: Path,
) -> None:
    project = write_project(tmp_path / "source")
    commands = (
        ("machine",),
        ("explain", project),
        ("matrix", project),
        ("doctor",),
    )
    message = "the environment variable SELECTOR_CDUA is not known, did you mean SELECTOR_CUDA?"
    for arguments in commands:
        process = command(*arguments, environ={"SELECTOR_CDUA": "12.4"})
        assert (process.returncode, process.stderr) == (0, f"warning: {message}\n")
    assert command("machine", environ={"SELECTOR_THEME": "dark"}).returncode == 0


def test_mistakes_in_the_command_line_are_one_message() -> None:
    for arguments, message in (
        (("--set", "cdua=12"), "--set cdua=12: 'cdua' is not a fact, did you mean 'cuda'?"),
        (("--set", "cuda"), "expected a value, for example --set cuda=12.4"),
        (
            ("--set", "cuda=new"),
            "expected numbers with dots between them; for example --set cuda=12.4",
        ),
        (
            ("--machine", "nowhere.json"),
            "nowhere.json: there is no such file or folder, and matrix shows no such machine",
        ),
    ):
        found = error("machine", *arguments)
        assert found.startswith("error: ")
        assert found.endswith(f"{message}\n")


def test_a_terminal_gets_a_table_in_colour_and_a_pipe_gets_neither() -> None:
    output, status = terminal("machine", "--set", "cuda=12.4")
    assert status == 0
    assert "\x1b[" in output
    assert "┃" in output
    plain, _ = terminal("machine", "--set", "cuda=12.4", environ={"NO_COLOR": "1"})
    assert "\x1b[" not in plain
    assert "┃" in plain
    piped = command("machine", "--set", "cuda=12.4").stdout
    assert "\x1b" not in piped
    assert "┃" not in piped


def test_what_a_stranger_wrote_does_not_steer_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    facts = {"cuda": {"absent": "\x1b]0;title\x07 \u202etxet", "source": "\x1b[2J"}}
    file.write_text(json.dumps({"format": 1, "facts": facts}))
    for output in (
        command("machine", "--machine", file).stdout,
        terminal("machine", "--machine", file)[0],
        command("machine", "--machine", file, "--fact", "cuda").stderr,
    ):
        assert "\x1b]" not in output
        assert "\x1b[2J" not in output
        assert "\u202e" not in output
        assert "\\x1b]0;title" in output


def test_an_output_that_cannot_write_everything(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "späm",
        more='description = "ü"\n[tool.selector]\nadvice = "Größe: ☃"\n',
        table='[[tool.selector.variant]]\nname = "a"\nwhen = { cuda = true }\n',
    )
    environ = {"PYTHONIOENCODING": "ascii", "SELECTOR_CUDA": ""}
    assert r"Gr\xf6\xdfe: \u2603" in "".join(lines("explain", project, environ=environ, status=1))
    found = data("explain", project, environ=environ, status=1)
    assert "Größe: ☃" in found["problem"]


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"format": 1, "facts": {"cuda": %s}}' % ("9" * 9999)]
)
def test_a_profile_that_is_a_trap(tmp_path: Path, text: str) -> None:
    file = tmp_path / "machine.json"
    file.write_text(text)
    message = error("machine", "--machine", file, status=1)
    assert message.startswith(f"error: {file} ")
    assert "it is a folder" in error("machine", "--machine", tmp_path)


def test_help_has_an_example_and_completion() -> None:
    top = "\n".join(lines("--help"))
    assert "--install-completion" in top
    for name in COMMANDS:
        assert f"\n  {name} " in top
        text = " ".join(" ".join(lines(name, "--help")).split())
        assert f"Examples: selector-backend {name}" in text
    assert lines("--version")[0].startswith("selector-backend ")
    assert "No such command 'chekc'" in error("chekc")


@pytest.mark.parametrize(
    ("words", "not_imported"),
    [
        (("--help",), "rich packaging tomlkit selector_backend.installing"),
        (("--version",), "rich packaging tomlkit selector_backend.installing"),
        (("schema",), "selector_backend.authoring.tree selector_backend.cli.source"),
    ],
)
def test_a_command_imports_what_it_needs(words: tuple[str, ...], not_imported: str) -> None:
    code = (
        f"import sys; sys.argv = ['selector-backend', *{words!r}]\n"
        "from selector_backend.cli import main\n"
        "try:\n    main()\n"
        f"finally:\n    assert not sys.modules.keys() & {{*{not_imported.split()!r}}}\n"
    )
    run([sys.executable, "-c", code], hook_environ())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("machine", "--fact", "cuda-"), ["cuda-toolkit"]),
        (("explain", "--set", "mu"), ["musl="]),
        (("init", "--kind", "c"), ["capability"]),
        (("ma",), ["machine", "matrix"]),
    ],
)
def test_the_shell_completes(words: tuple[str, ...], expected: list[str]) -> None:
    line = " ".join(["selector-backend", *words])
    environ = {"COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    code = "import sys; sys.argv[0] = 'selector-backend'; from selector_backend.cli import main"
    process = run(
        [sys.executable, "-c", f"{code}; main()"],
        hook_environ(**environ, _SELECTOR_BACKEND_COMPLETE="complete_bash"),
    )
    assert process.stdout.split() == expected


def test_without_the_extra_it_says_how_to_get_it(
    make_environment: MakeEnvironment, spam_index: Index
) -> None:
    environment = make_environment(spam_index)
    environment.pip("install", "selector-backend")
    script = environment.python.with_name("selector-backend")
    code = "import subprocess, sys; sys.exit(subprocess.run([sys.argv[1], 'machine']).returncode)"
    process = environment.run("-c", code, str(script), check=False)
    assert process.returncode == 2
    assert process.stdout == (
        "error: the command needs more libraries than the backend; install them: "
        'pip install "selector-backend[cli]"\n'
    )


@pytest.mark.parametrize("python", [pytest.param(None, marks=pytest.mark.nightly), "3.9"])
def test_each_command_as_it_is_installed(
    make_environment: MakeEnvironment, spam_index: Index, tmp_path: Path, python: str | None
) -> None:
    environment = make_environment(spam_index, python=python)
    if python:
        environment.uv("pip", "install", "selector-backend[cli]")
    else:
        environment.pip("install", "selector-backend[cli]")
    script = str(environment.python.with_name("selector-backend"))
    file = tmp_path / "machine.json"
    file.write_text('{"format": 1, "facts": {"cuda": "12.4"}}')
    for seen in ("pipe", "terminal"):
        folder = tmp_path / seen
        project = folder / "spam"
        commands = {
            "init": (folder, "--name", "spam", "cu12", "cpu"),
            "check": (project,),
            "explain": (project, "--machine", file),
            "machine": (),
            "matrix": (project, "--machine", file),
            "doctor": (),
        }
        assert commands.keys() == set(COMMANDS)
        for name, given in commands.items():
            arguments = (name, *map(str, given))
            if seen == "terminal":
                output, status = terminal(*arguments, program=[script])
                assert ("┃" in output) == (name in ("explain", "machine", "matrix"))
            else:
                process = run([script, *arguments], environment.environ, check=False)
                output, status = process.stdout, process.returncode
                assert "\x1b" not in output
                assert "┃" not in output
            assert status == 0, output
            assert output
