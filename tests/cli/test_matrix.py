"""`selector-backend matrix`: a project's variants against many machines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support.command import data, error, lines, terminal
from support.environment import ROOT, Environment, clean_environ, create_environment
from support.index import Index
from support.project import hook_environ, write_project

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
    machines = data("matrix", write_project(tmp_path, table))["machines"]
    assert len(machines) >= 24
    assert len({one["name"] for one in machines}) == len(machines)
    assert all(one["after"] for one in machines)
    cuda = {one["facts"]["cuda"].get("value") for one in machines}
    assert {"11.4", "11.8", "12.0", "12.2", "12.4", "12.6", "12.8", "13.0"} <= cuda
    chosen = {name for one in machines for name in one["variants"]}
    assert chosen == {"cuda", "rocm", "xpu", "cuda-toolkit", "glibc", "musl", "macos"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.name))
def test_every_machine_gets_what_the_backend_gives_it(recipe: Path) -> None:
    machines = data("matrix", recipe)["machines"]
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
    machines = data("matrix", recipe)["machines"]
    outcomes = {(*one["variants"], one["problem"]): one for one in machines}
    explain_and_install(recipe, [*outcomes.values()], backend, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.name))
def test_explain_agrees_with_an_install_on_every_machine(
    recipe: Path, backend: Environment, tmp_path: Path
) -> None:
    explain_and_install(recipe, data("matrix", recipe)["machines"], backend, tmp_path)


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
    (machine,) = (one for one in data("matrix", recipe)["machines"] if "B200" in one["name"])
    assert machine["variants"] == ["cu13"]  # by the driver
    reasons = [
        one["reason"] for each in data("matrix", recipe)["machines"] for one in each["verdicts"]
    ]
    assert any("installed is absent: its environment is not known" in one for one in reasons)
    stated = data("matrix", recipe, "--set", "installed=jax-cuda12-plugin==0.10.2")["machines"]
    chosen = {(one["facts"]["marker"]["value"]["sys_platform"], *one["variants"]) for one in stated}
    assert chosen == {("linux", "cu12"), ("darwin",), ("win32",)}
    said = error("matrix", recipe, "--set", "installed=jax>=1")
    assert "'jax>=1' is not a distribution such as torch==2.9.1, or torch" in said


def test_ones_own_machines(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source")
    for name, facts in (("old", {"cuda": "11.8"}), ("new", {"cuda": "12.4"})):
        text = json.dumps({"format": 1, "facts": facts})
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    given = ("--machine", tmp_path / "old.json", "--machine", tmp_path / "new.json")
    assert lines("matrix", project, *given, "--no-shipped") == [
        "machine  cu12    cu11    cpu",
        "old      -       chosen  fits",
        "new      chosen  fits    fits",
    ]
    assert lines("matrix", project, *given, "--no-shipped", "--set", "cuda=")[1:] == [
        "old      -     -     chosen",
        "new      -     -     chosen",
    ]
    assert len(lines("matrix", project, *given)) > 24
    output, status = terminal("matrix", project, *given, "--no-shipped")
    assert status == 0
    assert "\x1b[32mchosen" in output
    assert "there is no such file" in error("matrix", project, "--machine", "nowhere.json")
