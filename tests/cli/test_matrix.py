"""`selector-backend matrix`: a project's variants against many machines."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable

import pytest
from support.command import command, data, error, lines, terminal
from support.environment import ROOT, Environment, clean_environ, create_environment
from support.index import Index
from support.project import CUDA, hook_environ, write_project

from selector_backend.authoring import REQUIREMENTS

RECIPES = sorted((ROOT / "docs/recipes").glob("*/"))

REFUSING = CUDA + '\n[[tool.selector.variant]]\nname = "never"\nrefuse = "No."\n'

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


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.name))
def test_explain_agrees_with_an_install(recipe: Path, backend: Environment, tmp_path: Path) -> None:
    """On one machine for each outcome."""
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
    stated = data("matrix", recipe, "--set", "installed=jax-cuda12-plugin==0.10.2")["machines"]
    chosen = {(one["facts"]["marker"]["value"]["sys_platform"], *one["variants"]) for one in stated}
    assert chosen == {("linux", "cu12"), ("darwin",), ("win32",)}
    said = error("matrix", recipe, "--set", "installed=jax>=1")
    assert "'jax>=1' is no distribution such as torch==2.9.1, or torch" in said


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


class Page(HTMLParser):
    """The cells of a page's table, by machine and variant, and all addresses on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: dict[str, dict[str, str]] = {}
        self.addresses: list[str] = []
        self._machine = self._variant = self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._tag = tag
        self._variant = values.get("data-variant") or self._variant
        self.addresses += [values[name] or "" for name in ("src", "href") if name in values]

    def handle_data(self, data: str) -> None:
        if self._tag == "th" and data.strip():
            self._machine = data
        elif self._tag == "b":
            self.cells.setdefault(self._machine, {})[self._variant] = data
        self._tag = "" if data.strip() else self._tag


def test_the_page_has_the_same_cells_and_needs_nothing_else(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", REFUSING)
    file = tmp_path / "machines.html"
    assert command("matrix", project, "--html", file).stdout == ""
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    for machine in data("matrix", project)["machines"]:
        cells = page.cells[machine["name"]]
        fitting = {one["name"] for one in machine["verdicts"] if one["fits"]}
        assert {name for name, word in cells.items() if word == "chosen"} == {*machine["variants"]}
        assert {name for name, word in cells.items() if word != "does not fit"} == fitting
        assert cells["never"] == "refuses"
    assert "<code>SPAM_VARIANT=cpu pip install spam</code>" in text
    assert 'class="nothing"' not in text
    assert page.addresses == ["data:,"]
    assert not re.search(r"https?://|@import|url\(|<script", text)
    command("matrix", ROOT / "docs/recipes/cupy", "--html", file)
    machines = data("matrix", ROOT / "docs/recipes/cupy")["machines"]
    without = [one["name"] for one in machines if not one["variants"]]
    text = file.read_text(encoding="utf-8")
    assert text.count('class="nothing"') == len(without) > 0
    assert "See https://docs.cupy.dev/" in text  # the table's advice
    message = error("matrix", project, "--html", tmp_path / "nowhere" / "page.html")
    assert "No such file or directory" in message


def test_the_page_in_a_browser(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs Chromium: on Debian `apt-get install chromium`")
    file = tmp_path / "machines.html"
    command("matrix", ROOT / "docs/recipes/pytorch", "--html", file)
    probe = (
        "<script>addEventListener('load', () => document.body.setAttribute('data-seen', ["
        "innerWidth, document.documentElement.scrollWidth, "
        "performance.getEntriesByType('resource').length, document.querySelectorAll('td').length"
        "].join(' ')))</script></body>"
    )
    text = file.read_text(encoding="utf-8")
    # Headless windows cannot be as narrow as a phone, a frame in one can.
    frame = text.replace("</body>", probe.replace("document.body", "parent.document.body"))
    (tmp_path / "frame.html").write_text(
        "<!DOCTYPE html><body><iframe width=360 height=800 style='border:0' srcdoc=\""
        + frame.replace("&", "&amp;").replace('"', "&quot;")
        + '"></iframe></body>',
        encoding="utf-8",
    )
    output = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"),
            *("--dump-dom", (tmp_path / "frame.html").as_uri()),
        ],
        env={**os.environ, "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in output.stderr
    seen = re.search(r'data-seen="(\d+) (\d+) (\d+) (\d+)"', output.stdout)
    assert seen, output.stdout[-500:]
    width, content, requests, cells = map(int, seen.groups())
    assert (width, requests) == (360, 0)
    assert content <= width
    machines = data("matrix", ROOT / "docs/recipes/pytorch")["machines"]
    assert cells == len(machines) * 7
