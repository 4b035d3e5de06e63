"""The commands of each page are run as they stand, and show what the page shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from conftest import NEWEST_PIP, find_pip
from support.blocks import PAGES, Block, blocks
from support.environment import ROOT, Environment, clean_environ, create_environment
from support.index import Index
from support.project import build_sdist, write_project, write_spam, write_wheel
from support.walk import WALKED, write_tools

#: The project that the pages tell of is the README's.
(PROJECT,) = [block.text for block in blocks(ROOT / "README.md") if block.mark == "file"]

EGGS = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "avx2"
when = { cpu = "avx2" }

[[tool.selector.variant]]
name = "cpu"
"""

#: What the pages call the index of whoever reads.
INDEX = "https://index.example/simple/"
END = "-- the status is"

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, runtime_wheel: Path) -> Path:
    """What an index has: spam with core and variants, and eggs, whose variants go together."""
    folder = tmp_path_factory.mktemp("published")
    write_spam(folder)
    project = tmp_path_factory.mktemp("spam")
    (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    build_sdist(project, folder)
    build_sdist(write_project(tmp_path_factory.mktemp("eggs"), EGGS, name="eggs"), folder)
    for variant in ("avx2", "cpu"):
        write_wheel(folder, f"eggs-{variant}")
    shutil.copy2(runtime_wheel, folder)
    return folder


@pytest.fixture(scope="module")
def index(wheelhouse: Path, published: Path) -> Iterator[Index]:
    with Index(wheelhouse, published) as index:
        yield index


@pytest.fixture
def environment(tmp_path: Path, wheelhouse: Path, published: Path, index: Index) -> Environment:
    """The folder of spam's project, as a maintainer or a user may have it, and its `.venv`.

    It has wheels of core and the variants in `dist`, an sdist of spam, three machine profiles in
    `nodes`, and the parts of a checkout of this repository in `selector-backend`.
    """
    folder = tmp_path / "spam"
    not_parts = shutil.ignore_patterns("spam-1.0*", "spam_plot*", "selector*", "eggs*")
    shutil.copytree(published, folder / "dist", ignore=not_parts)
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    shutil.copy2(published / "spam-1.0.tar.gz", folder)
    (folder / "nodes").mkdir()
    for name, cuda in (("a", "11.8"), ("b", "12.4"), ("c", None)):
        profile = {"format": 1, "facts": {"cuda": cuda}}
        (folder / f"nodes/{name}.json").write_text(json.dumps(profile) + "\n", encoding="utf-8")
    for part in ("selector_backend", "runtime", "docs", "example-spam"):
        skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / part, folder / "selector-backend" / part, ignore=skipped)
    for part in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy2(ROOT / part, folder / "selector-backend")
    tools = write_tools(tmp_path / "tools")
    environ = clean_environ(tmp_path / "home")
    venv = folder / ".venv"
    environ |= {
        "PATH": os.pathsep.join([str(venv / "bin"), str(tools), environ["PATH"]]),
        "VIRTUAL_ENV": str(venv),
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_INDEX_URL": index.url,
        "UV_DEFAULT_INDEX": index.url,
    }
    made = create_environment(venv, environ, pip=find_pip(wheelhouse, NEWEST_PIP))
    made.pip("install", "--quiet", "build")
    return made


#: All pages but those that a test of their own walks.
HERE = [page for page in PAGES if page.parent.name != "how-to" or page.name not in WALKED]


@pytest.mark.parametrize("page", HERE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_do_what_it_shows(
    page: Path, environment: Environment, index: Index
) -> None:
    """One shell runs all of them, so a later block finds what an earlier one left.

    It begins in the project's folder, or for the README in the checkout.
    """
    kept = [block for block in blocks(page) if is_run(block)]
    process = subprocess.run(
        ["bash", "-c", script(kept).replace(INDEX, index.url)],
        cwd=environment.folder.parent / ("selector-backend" if page.parent == ROOT else ""),
        env=environment.environ,
        check=False,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    outputs = re.split(rf"^{END} (\d+)\n", process.stdout, flags=re.MULTILINE)
    seen = list(zip(outputs[::2], outputs[1::2]))
    for block in kept:
        if block.mark == "file":
            continue
        commands = block.commands()
        for number, (command, shown) in enumerate(commands, 1):
            output, status = seen.pop(0)
            last = number == len(commands) and block.mark == "status"
            assert status == (block.value if last else "0"), f"{block.where}: {command}\n{output}"
            assert not shown or matches(shown, output.replace(index.url, INDEX).splitlines()), (
                f"{block.where}: {command}\n{output}"
            )


def is_run(block: Block) -> bool:
    return block.mark == "file" or (block.language == "console" and block.mark != "not run")


def script(kept: Sequence[Block]) -> str:
    """Return what a shell runs: each command, and then a line with its status."""
    lines = []
    for block in kept:
        if block.mark == "file":
            name, text = shlex.quote(block.value), shlex.quote(block.text)
            lines.append(f'mkdir -p "$(dirname {name})" && printf %s {text} > {name}')
        else:
            lines += [f'{command}\nprintf "%s\\n" "{END} $?"' for command, _ in block.commands()]
    return "\n".join(lines)


def matches(shown: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether lines are those shown, in which `...` stands for any lines, and `…` for any text."""
    parts = ["(?:.*\n)*?" if line == "..." else f"{pattern(line)}\n" for line in shown]
    text = "".join(f"{line.rstrip()}\n" for line in lines)
    return re.fullmatch("".join(parts) + "\n*", text) is not None


def pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.rstrip().split("…")))
