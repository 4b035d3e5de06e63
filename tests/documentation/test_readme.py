"""The README's table is a project as it stands, and its links lead somewhere, on an index too."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest
from support.blocks import blocks
from support.command import data, lines
from support.environment import ROOT
from support.project import build_sdist

HOME = "https://code.example/us/selector-backend"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The maintainer's part of the README, beside the example's core and variants."""
    folder = tmp_path / "packages/spam"
    shutil.copytree(ROOT / "example-spam", folder.parent)
    shutil.rmtree(folder)
    folder.mkdir()
    for block in blocks(ROOT / "README.md"):
        if block.mark == "file":
            (folder / block.value).write_text(block.text, encoding="utf-8")
    return folder


def test_the_table_is_a_project_that_nothing_is_wrong_with(project: Path, tmp_path: Path) -> None:
    assert lines("check", project) == ["no problems found"]
    assert build_sdist(project, tmp_path).name == "spam-1.0.tar.gz"
    for cuda, variant in (("12.4", "cu12"), ("11.8", "cu11"), ("", "cpu")):
        decision = data("explain", project, "--set", f"cuda={cuda}")["decision"]
        assert decision["requires"] == ["spam-core==1.0", f"spam-{variant}==1.0"]


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("benchmarks/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, heading in links(page.read_text(encoding="utf-8")):
        text = (page.parent / target).read_text(encoding="utf-8")
        headings = [anchor(line) for line in text.splitlines() if line.startswith("#")]
        assert not heading or heading in headings, f"{page}: {target}#{heading}"


def test_a_release_has_links_that_work_on_an_index(tmp_path: Path) -> None:
    """As the release's build does it: .ci/links.py, then the wheel."""
    checkout = tmp_path / "checkout"
    for part in ("selector_backend", "runtime", ".ci"):
        shutil.copytree(ROOT / part, checkout / part)
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / part, checkout)
    command = [sys.executable, ".ci/links.py", HOME, "v0.2.0"]
    subprocess.run(command, cwd=checkout, check=True)
    for folder in (checkout, checkout / "runtime"):
        code = f"import flit_core.buildapi as b; print(b.build_wheel({str(tmp_path)!r}))"
        built = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
        )
        with zipfile.ZipFile(tmp_path / built.stdout.strip()) as wheel:
            (name,) = (one for one in wheel.namelist() if one.endswith("/METADATA"))
            metadata = BytesHeaderParser().parsebytes(wheel.read(name))
        assert f"Source, {HOME}" in metadata.get_all("Project-URL", [])
        text = metadata.get_payload()
        assert isinstance(text, str)
        assert not links(text)
        assert f"]({HOME}/blob/v0.2.0/docs/" in text


def links(text: str) -> list[tuple[str, str]]:
    """Return the relative links of a text, each with its heading."""
    found = re.findall(r"\]\(([^()\s]+)\)", text)
    return [
        (path, heading)
        for path, _, heading in (one.partition("#") for one in found)
        if path and "://" not in path
    ]


def anchor(heading: str) -> str:
    """Return a heading as links name it."""
    words = re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower())
    return words.replace(" ", "-")
