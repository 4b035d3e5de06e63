"""What administrators run into: each command of their pages, and what the pages say comes of it."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, find_pip
from support.blocks import HOW_TO, Block, blocks
from support.driver import Driver
from support.environment import Environment, clean_environ, create_environment
from support.index import Index
from support.project import build_sdist, write_carrying, write_project, write_spam, write_wheel
from support.walk import Walk, write_tools

POLICY, CI, OFFLINE = "wheel-only-policy.md", "ci.md", "offline-and-hashes.md"
CONTAINERS, CLUSTERS, LOCKS = "containers.md", "clusters.md", "locks.md"
EGGS = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "avx2"
when = { cpu = "avx2" }

[[tool.selector.variant]]
name = "cpu"
"""
HAM = """\
[project]
name = "ham"
version = "1.0"
requires-python = ">=3.9"
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """spam, which was an ordinary wheel before 1.0; app requires it; eggs is of the other kind."""
    folder = tmp_path_factory.mktemp("administrators")
    dist = folder / "dist"
    write_spam(dist)
    write_wheel(dist, "spam", "0.9", files={"spam/__init__.py": "version = 0.9\n"})
    build_sdist(write_project(folder / "spam"), dist)
    write_wheel(dist, "app", requires=("spam",))
    build_sdist(write_project(folder / "eggs", EGGS, name="eggs"), dist)
    for variant in ("avx2", "cpu"):
        write_wheel(dist, f"eggs-{variant}")
    return dist


@dataclass
class Places:
    """Fresh folders, each with an environment in ``.venv`` that knows the index."""

    base: Path
    index: Index
    wheelhouse: Path
    tools: Path
    made: int = 0

    def fresh(self, page: str, pip: str = NEWEST_PIP) -> Walk:
        """Return a folder that has the files that the page shows."""
        self.made += 1
        folder = self.base / f"place{self.made}"
        folder.mkdir()
        walk = Walk(page, folder, self._environment(folder, pip), self.tools)
        for block in blocks(HOW_TO / page):
            if block.mark == "file":
                walk.step(block)
        return walk

    def renewed(self, walk: Walk, pip: str = NEWEST_PIP) -> Walk:
        """Return the same folder with another environment, in which nothing is installed."""
        shutil.rmtree(walk.folder / ".venv")
        return replace(walk, environment=self._environment(walk.folder, pip))

    def _environment(self, folder: Path, pip: str) -> Environment:
        environ = clean_environ(self.base / "home")
        del environ["UV_NO_CONFIG"]  # a project's own has to be read
        environ |= {"PIP_INDEX_URL": self.index.url, "UV_DEFAULT_INDEX": self.index.url}
        wheel = find_pip(self.wheelhouse, pip)
        return create_environment(folder / ".venv", environ, pip=wheel)


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path, dist: Path
) -> Iterator[Places]:
    base = tmp_path_factory.mktemp("places")
    with Index(wheelhouse, dist) as index:
        yield Places(base, index, wheelhouse, write_tools(base / "tools"))


def installed(walk: Walk) -> str:
    """Return what is installed of spam, as `0.9`, or as the variants of 1.0."""
    found = walk.environment.installed()
    if not found.keys() & {"spam", "spam-cpu", "spam-cu12"}:
        return "nothing"
    variants = [name for name in ("cpu", "cu12") if f"spam-{name}" in found]
    return " and ".join(variants) or found["spam"]


def scripts(page: str) -> list[str]:
    return [block.script for block in blocks(HOW_TO / page) if block.language == "console"]


def toml(page: str) -> str:
    """Return the only TOML of a page that no file has as a whole."""
    (text,) = (
        block.text for block in blocks(HOW_TO / page) if block.language == "toml" and not block.mark
    )
    return text


# The wheel-only policy

nightly = pytest.mark.nightly
OLD = [
    ("pip install --only-binary :all: spam", "0.9"),
    pytest.param("pip install --prefer-binary spam", "0.9", marks=nightly),
    ("uv pip install --only-binary :all: spam", "0.9"),
    ("uv pip install --no-build spam", "0.9"),
    pytest.param('pip install --only-binary :all: "spam>=1.0"', "", marks=nightly),
    pytest.param('pip install --prefer-binary "spam>=1.0"', "cpu", marks=nightly),
    ('uv pip install --only-binary :all: "spam>=1.0"', ""),
    ('uv pip install --no-build "spam>=1.0"', ""),
    pytest.param("pip install --only-binary :all: eggs", "", marks=nightly),
    ("uv pip install --only-binary :all: eggs", ""),
    # What is said below the table.
    pytest.param('pip install --no-binary spam --only-binary :all: "spam>=1.0"', "", marks=nightly),
    ('UV_NO_BUILD=1 uv pip install "spam>=1.0"', "cpu"),
    ('UV_ONLY_BINARY=:all: uv pip install "spam>=1.0"', "cpu"),
]


@pytest.mark.parametrize(("script", "expected"), OLD)
def test_wheels_only_take_the_last_release_with_a_wheel(
    places: Places, tmp_path: Path, script: str, expected: str
) -> None:
    walk = places.fresh(CI)
    walk.run(f"cd {tmp_path}; {script}", status=0 if expected else 1)
    assert installed(walk) == (expected or "nothing")


WAYS = [
    *((script, pip) for script in scripts(POLICY) for pip in (OLDEST_PIP, NEWEST_PIP)),
    *((f"uv {script}", NEWEST_PIP) for script in scripts(POLICY) if script.startswith("pip ")),
]


@nightly
@pytest.mark.parametrize(("script", "pip"), WAYS)
def test_under_the_policy_each_way_installs(places: Places, script: str, pip: str) -> None:
    walk = places.fresh(POLICY, pip)
    walk.run(script)
    assert installed(walk) == "cpu"
    assert ("app" in walk.environment.installed()) == ("requirements" in script or "app" in script)


def test_a_project_of_uv_with_the_policy_has_its_exception(places: Places) -> None:
    """In `uv sync`, and in `uv pip` in its folder; without the exception both stop."""
    text = f'{HAM}dependencies = ["spam>=1.0"]\n{toml(POLICY)}'
    walk = places.fresh(POLICY)
    file = walk.folder / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    walk.run("uv sync")
    assert installed(walk) == "cpu"
    (walk.folder / "uv.lock").unlink()
    walk = places.renewed(walk)
    walk.run("uv pip install app 'spam>=1.0'")
    assert installed(walk) == "cpu"
    file.write_text(text.replace('no-binary-package = ["spam"]\n', ""), encoding="utf-8")
    walk = places.renewed(walk)
    walk.run("uv pip install 'spam>=1.0'", status=1)
    walk.run("uv lock", status=1)
    file.write_text(text.partition("[tool.uv]")[0], encoding="utf-8")
    walk.run("UV_NO_BUILD=1 uv lock", status=1)
    walk.run("UV_NO_BUILD=1 UV_NO_BINARY_PACKAGE=spam uv lock")
    output = walk.run("uv sync --no-build", status=2)
    assert "spam==1.0" in output


@nightly
@pytest.mark.parametrize(("requirement", "expected"), [("spam", "0.9"), ("'spam>=1.0'", "nothing")])
def test_an_old_pip_falls_back_where_an_install_stops(
    places: Places, requirement: str, expected: str
) -> None:
    walk = places.fresh(CI, OLDEST_PIP)
    status = 1 if expected == "nothing" else 0
    walk.run(f"SPAM_VARIANT=cu99 pip install {requirement}", status=status)
    assert installed(walk) == expected


# CI

CONFIG = [
    pytest.param(
        NEWEST_PIP, "PIP_CONFIG_SETTINGS=spam:variant=cu12 pip install spam", "cu12", marks=nightly
    ),
    pytest.param(
        NEWEST_PIP, "PIP_CONFIG_SETTINGS=spam:variant=cu12 pip install app", "cpu", marks=nightly
    ),
    pytest.param(NEWEST_PIP, "pip install -C spam:variant=cu12 app", "cpu", marks=nightly),
    pytest.param(
        OLDEST_PIP,
        "PIP_CONFIG_SETTINGS=spam:variant=cu12 pip install spam==1.0",
        "cpu",
        marks=nightly,
    ),
    pytest.param(OLDEST_PIP, "pip install -r requirements.txt", "", marks=nightly),
    (NEWEST_PIP, "uv pip install -C spam:variant=cu12 app", "cu12"),
    (NEWEST_PIP, "UV_CONFIG_SETTINGS=spam:variant=cu12 uv pip install spam", "cpu"),
    (NEWEST_PIP, "PIP_CONFIG_SETTINGS=spam:variant=cu12 uv pip install spam", "cpu"),
]


@pytest.mark.parametrize(("pip", "script", "expected"), CONFIG)
def test_settings_reach_what_the_table_says(
    places: Places, pip: str, script: str, expected: str
) -> None:
    walk = places.fresh(CI, pip)
    walk.run(script, status=0 if expected else 1)
    assert installed(walk) == (expected or "nothing")


def test_a_line_with_settings_is_pips_alone(places: Places) -> None:
    walk = places.fresh(CI)
    (script,) = (one for one in scripts(CI) if "-r requirements.txt" in one)
    output = walk.run(f"uv {script}", status=2)
    assert "Expected `--hash`" in output
    walk.run(script)
    assert installed(walk) == "cu12"
    assert "app" in walk.environment.installed()


@pytest.fixture(scope="module")
def with_runners(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tools with tox and nox, and one with tox-uv, both with this machine's pip."""
    folder = tmp_path_factory.mktemp("runners")
    for name, what in (("pip", ("tox", "nox")), ("uv", ("tox", "tox-uv", "nox"))):
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        python = str(folder / name / "bin/python")
        subprocess.run([python, "-m", "pip", "-q", "install", *what], check=True)
        for tool in ("tox", "nox"):
            (folder / f"{name}-tools").mkdir(exist_ok=True)
            (folder / f"{name}-tools" / tool).symlink_to(folder / name / "bin" / tool)
        (folder / f"{name}-tools" / "uv").symlink_to(places.tools / "uv")
        (folder / f"{name}-tools" / "pip").symlink_to(places.tools / "pip")
    return folder


TOX = f"""\
env_list = ["py"]
{toml(CI)}
package = "skip"
deps = ["app"]
commands = [["python", "-c", "import importlib.metadata as m; print(m.requires('spam'))"]]
"""
NOX = """
import nox


@nox.session
def tests(session: nox.Session) -> None:
    session.install("app")
    session.run("python", "-c", "import importlib.metadata as m; print(m.requires('spam'))")
"""


@nightly
@pytest.mark.parametrize("by", ["pip", "uv"])
def test_tox_and_nox_hand_on_what_the_page_says(
    places: Places, with_runners: Path, by: str
) -> None:
    place = places.fresh(CI)
    walk = replace(place, tools=with_runners / f"{by}-tools")
    (walk.folder / "tox.toml").write_text(TOX, encoding="utf-8")
    (walk.folder / "noxfile.py").write_text(NOX, encoding="utf-8")
    chosen = "'spam-cu12==1.0'"
    assert chosen in walk.run("SPAM_VARIANT=cu12 tox")
    assert chosen in walk.run("SPAM_VARIANT=cpu tox")  # what is there stays
    assert "'spam-cpu==1.0'" in walk.run("SPAM_VARIANT=cpu tox -r")
    file = walk.folder / "tox.toml"
    filtered = TOX.replace('pass_env = ["*_VARIANT", "SELECTOR_*"]\n', "")
    assert filtered != TOX
    file.write_text(filtered, encoding="utf-8")
    assert "'spam-cpu==1.0'" in walk.run("SPAM_VARIANT=cu12 tox -r")
    override = "TOX_OVERRIDE=env_run_base.pass_env=SPAM_VARIANT"
    assert chosen in walk.run(f"{override} SPAM_VARIANT=cu12 tox -r")
    file.write_text(filtered + 'set_env = { SPAM_VARIANT = "cu12" }\n', encoding="utf-8")
    assert chosen in walk.run("tox -r")

    nox = f"nox -db {'uv' if by == 'uv' else 'virtualenv'}"
    assert chosen in walk.run(f"SPAM_VARIANT=cu12 {nox}")
    assert chosen in walk.run(f"SPAM_VARIANT=cpu {nox} -R")
    file = walk.folder / "noxfile.py"
    named = 'session.install("app", env={"SPAM_VARIANT": "cu12"})'
    assert f"`{named}`" in (HOW_TO / CI).read_text(encoding="utf-8")
    file.write_text(NOX.replace('session.install("app")', named), encoding="utf-8")
    assert chosen in walk.run(nox)


@nightly
def test_a_job_finds_out_that_its_variable_did_not_arrive(places: Places) -> None:
    walk = places.fresh(CI)
    install, show = scripts(CI)[0].splitlines()
    walk.run(f"{install}\n{show}")
    walk = places.renewed(walk)
    walk.run(install.partition(" ")[2])
    walk.run(show, status=1)


# Offline, hashes, pinned builds


@nightly
def test_what_is_carried_installs_without_the_index(places: Places) -> None:
    carried, chosen, locked, _ = scripts(OFFLINE)
    by_uv = "uv pip install --offline --no-index --find-links wheels spam"
    assert f"`{by_uv}`" in (HOW_TO / OFFLINE).read_text(encoding="utf-8")
    walk = places.fresh(OFFLINE)
    walk.run(carried)
    assert installed(walk) == "cpu"
    walk = places.renewed(walk)
    walk.run(by_uv, {"SELECTOR_CUDA": "12.4"})
    assert installed(walk) == "cu12"
    walk = places.renewed(walk)
    walk.run(chosen, {"SELECTOR_CUDA": ""})
    assert installed(walk) == "cu12"
    walk = places.renewed(walk)
    walk.run("pip install spam")  # pip's cache has no copy of that wheel
    assert installed(walk) == "cpu"
    walk = places.renewed(walk)
    walk.run(locked)
    assert installed(walk) == "cu12"


@nightly
def test_hashes_of_the_build_are_asked_for_where_it_is_not_in_the_sdist(
    places: Places, tmp_path: Path, wheelhouse: Path
) -> None:
    compiling = "SPAM_VARIANT=cu12 uv pip compile --generate-hashes requirements.in -o hashed.txt"
    install = "SPAM_VARIANT=cu12 uv pip install --require-hashes --require-build-hashes"
    walk = places.fresh(OFFLINE)
    walk.run(compiling)
    walk.run(f"{install} -r hashed.txt", status=1)
    pins = scripts(OFFLINE)[-1].splitlines()[0]
    walk.run(f"{pins}; {install} --build-constraints pins.txt -r hashed.txt")
    assert installed(walk) == "cu12"
    write_spam(tmp_path / "dist")
    build_sdist(write_carrying(tmp_path / "source"), tmp_path / "dist")
    with Index(wheelhouse, tmp_path / "dist") as index:
        walk = places.fresh(OFFLINE)
        environ = {"PIP_INDEX_URL": index.url, "UV_DEFAULT_INDEX": index.url}
        walk.run(f"{compiling}; {install} -r hashed.txt", environ)
    assert installed(walk) == "cu12"


@nightly
@pytest.mark.parametrize("uv", [False, True])
def test_what_builds_is_pinned(places: Places, uv: bool) -> None:
    pins, install = scripts(OFFLINE)[-1].splitlines()
    by_uv = "uv pip install --build-constraints pins.txt spam"
    assert f"`{by_uv}`" in (HOW_TO / OFFLINE).read_text(encoding="utf-8")
    walk = places.fresh(OFFLINE)
    walk.run(f"{pins}\n{by_uv if uv else install}")
    assert installed(walk) == "cpu"


@nightly
@pytest.mark.parametrize(
    "install",
    [
        "pip install --no-cache-dir --build-constraint pins.txt",
        "uv pip install --no-cache --require-build-hashes --build-constraints pins.txt",
    ],
)
def test_the_pages_list_is_all_that_a_build_requires(places: Places, install: str) -> None:
    """Of a source tree, and of a table that compares what is installed."""
    compiling = scripts(OFFLINE)[-1].splitlines()[0]
    walk = places.fresh(OFFLINE)
    write_project(walk.folder / "source")
    walk.run(f"{compiling}; {install} ./source")
    assert installed(walk) == "cpu"
    walk = places.renewed(walk)
    table = '\n[[tool.selector.variant]]\nname = "cu12"\nwhen = { installed = "pip>=1" }\n'
    sdist = build_sdist(write_project(walk.folder / "compares", table), walk.folder)
    walk.run(f"{install} {sdist}", {"SELECTOR_INSTALLED": "pip==26"})
    assert installed(walk) == "cu12"


@pytest.mark.parametrize(
    ("script", "reaches"),
    [
        pytest.param("PIP_CONSTRAINT=no.txt pip install spam", False, marks=nightly),
        pytest.param("pip install -c no.txt spam", False, marks=nightly),
        pytest.param("PIP_BUILD_CONSTRAINT=no.txt pip install spam", True, marks=nightly),
        pytest.param("pip install --build-constraint no.txt spam", True, marks=nightly),
        ("UV_CONSTRAINT=no.txt uv pip install spam", False),
        ("UV_BUILD_CONSTRAINT=no.txt uv pip install spam", True),
        pytest.param("uv pip install --build-constraints no.txt spam", True, marks=nightly),
    ],
)
def test_which_constraints_reach_a_build(places: Places, script: str, reaches: bool) -> None:
    walk = places.fresh(OFFLINE)
    (walk.folder / "no.txt").write_text("selector-backend==9\n", encoding="utf-8")
    walk.run(script, status=1 if reaches else 0)
    assert installed(walk) == ("nothing" if reaches else "cpu")


@pytest.fixture(scope="module")
def devpi(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """devpi with an index `root/team` that mirrors the other one; the address of devpi."""
    folder = tmp_path_factory.mktemp("devpi")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    programs = folder / "venv/bin"
    install = [str(programs / "python"), "-m", "pip", "-q", "install", "devpi-server"]
    subprocess.run(install, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = ("--serverdir", str(folder / "data"))
    subprocess.run([str(programs / "devpi-init"), *data, "--no-root-pypi"], check=True)
    command = [str(programs / "devpi-server"), *data, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def call(method: str, path: str, content: object, user: str = "") -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if user:
            headers["X-Devpi-Auth"] = base64.b64encode(user.encode()).decode()
        request = urllib.request.Request(
            url + path, json.dumps(content).encode(), headers, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["result"]

    try:
        for _ in range(1200):
            try:
                token = call("POST", "/+login", {"user": "root", "password": ""})["password"]
                break
            except OSError:
                assert process.poll() is None, "devpi did not start"
                time.sleep(0.1)
        mirror = {"type": "mirror", "mirror_url": places.index.url, "mirror_no_project_list": True}
        call("PUT", "/root/mirror", mirror, f"root:{token}")
        team = {"type": "stage", "bases": ["root/mirror"], "mirror_whitelist": ["*"]}
        call("PUT", "/root/team", team, f"root:{token}")
        yield url
    finally:
        process.terminate()
        process.wait()


@nightly
def test_devpi_hands_on_what_it_mirrors_and_takes_what_it_should_refuse(
    places: Places, devpi: str
) -> None:
    index = f"{devpi}/root/team/+simple/"
    environ = {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index}
    for program in ("pip", "uv pip"):
        for variant in ("cu12", "cpu"):
            walk = places.fresh(OFFLINE)
            walk.run(f"SPAM_VARIANT={variant} {program} install spam", environ)
            assert installed(walk) == variant
    walk = places.fresh(OFFLINE)
    walk.run("SPAM_VARIANT=cu12 pip wheel --no-deps --no-cache-dir spam -w mine", environ)
    upload = f"{sys.executable} -m twine upload --non-interactive -u root -p ''"
    walk.run(f"{upload} --repository-url {devpi}/root/team/ mine/spam-1.0-py3-none-any.whl")
    walk.run("pip install --no-cache-dir spam", environ)
    assert installed(walk) == "cu12"
    write_project(walk.folder / "spam")
    output = walk.run(f"selector-backend check spam --index {index}", status=1)
    assert "spam-1.0-py3-none-any.whl" in output


# Images, clusters, locks


def run_lines(dockerfile: str) -> Iterator[tuple[bool, str]]:
    """Return the shell's part of a Dockerfile, and before each whether a stage begins."""
    variables: list[str] = []
    begins = False
    for line in dockerfile.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            begins, variables = True, []
        elif word in ("ENV", "ARG"):
            variables.append(f"export {rest}")
        elif word == "RUN":
            yield begins, "\n".join([*variables, rest])
            begins = False
        else:
            assert word in ("COPY", "")


DOCKERFILES = [one.text for one in blocks(HOW_TO / CONTAINERS) if one.language == "dockerfile"]


@nightly
@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_that_is_built_without_a_gpu_has_the_named_variant(
    places: Places, dockerfile: str
) -> None:
    walk = places.fresh(CONTAINERS)
    for begins, script in run_lines(dockerfile):
        walk = places.renewed(walk) if begins else walk
        walk.run(script.replace("/wheels", f"{walk.folder}/wheels"))
    assert installed(walk) == "cu12"


@nightly
def test_doctor_looks_at_an_image_where_it_runs(places: Places, driver: Driver) -> None:
    looked, by_module = scripts(CONTAINERS)
    walk = places.fresh(CONTAINERS)
    walk.run("pip install spam")
    looked = looked.replace("/opt/check", f"{walk.folder}/check")
    walk.run(looked)
    doctor = looked.splitlines()[-1]
    output = walk.run(doctor, driver.environ("12.4"), status=1)
    assert "this machine gets cu12" in output
    # A layer above that names another variant changes nothing.
    walk.run("SPAM_VARIANT=cu12 pip install spam")
    assert installed(walk) == "cpu"
    walk = places.renewed(walk)
    walk.run(by_module)
    assert installed(walk) == "cpu"


@nightly
def test_a_cluster_is_installed_from_its_login_node(places: Places) -> None:
    collect, compare, install, several, doctor = scripts(CLUSTERS)
    walk = places.fresh(CLUSTERS)
    write_project(walk.folder / "spam")
    walk.run(collect)
    output = walk.run(compare)
    lines = [line.split() for line in output.splitlines()]
    assert ["-", "-", "chosen", "login"] in lines
    assert ["chosen", "fits", "fits", "gpu"] in lines
    shutil.rmtree(walk.folder / "spam")
    walk.run(install)
    assert installed(walk) == "cu12"
    walk.run(doctor, status=1)
    walk.run(several)
    assert {"eggs-avx2", "eggs-cpu"} <= walk.environment.installed().keys()


@nightly
def test_locks_hold_what_they_are_made_for(places: Places, dist: Path) -> None:
    anew, shown, extras, explained, one_file = (
        one.script for one in blocks(HOW_TO / LOCKS) if one.language == "console" and is_run(one)
    )
    walk = places.fresh(LOCKS)
    ours = {"UV_PROJECT_ENVIRONMENT": str(walk.environment.folder)}
    project = walk.folder / "pyproject.toml"
    plain = f'{HAM}dependencies = ["spam"]\n'
    stating = plain + toml(LOCKS)
    for text, script, variant in (
        (plain, "uv sync", "cpu"),
        (stating, "uv lock --upgrade-package spam; uv sync", "cpu"),
        (stating, anew, "cu12"),
        (plain, "uv lock --upgrade; uv sync --locked", "cu12"),
        (plain, anew, "cpu"),
    ):
        project.write_text(text, encoding="utf-8")
        walk.run(script, ours)
        assert installed(walk) == variant
        assert walk.environment.record()["variants"] == [variant]
    walk = places.fresh(LOCKS)
    walk.run(one_file)
    assert installed(walk) == "cu12"
    walk.run(one_file.splitlines()[-1] + " --reinstall")
    assert installed(walk) == "cu12"
    assert walk.environment.record()["variants"] == ["cu12"]  # by the file
    output = walk.run("selector-backend doctor --python .venv/bin/python", status=1)
    assert "cu12 was asked for by" in output  # uv may show the record of an earlier build
    (walk.folder / "requirements.in").write_text("spam\nspam-cu12\n", encoding="utf-8")
    walk.run("uv pip compile requirements.in -o both.txt")  # as a bot does
    compiled = (walk.folder / "both.txt").read_text(encoding="utf-8")
    assert "spam-cu12==1.0" in compiled
    assert "spam-cpu" not in compiled
    walk = places.renewed(walk)
    shutil.copy2(dist / "spam-1.0.tar.gz", walk.folder)
    ours = {"UV_PROJECT_ENVIRONMENT": str(walk.environment.folder)}
    (block,) = (one for one in blocks(HOW_TO / LOCKS) if "--extras" in one.text)
    written = block.text.partition("\n")[2]
    assert walk.run(shown) == written
    kept = "".join(line for line in written.splitlines(True) if "cu11" not in line)
    (walk.folder / "pyproject.toml").write_text(f"{HAM}\n{kept}", encoding="utf-8")
    walk.run(extras, ours)
    assert installed(walk) == "cu12"
    walk = places.renewed(walk)
    walk.run(explained, ours)
    assert installed(walk) == "cpu"


def is_run(block: Block) -> bool:
    return block.mark != "not run"
