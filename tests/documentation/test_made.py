"""What docs/make.py writes into the pages is what the code says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from support.environment import ROOT


def made(docs: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(docs / "make.py"), *options]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_facts_and_commands_are_what_the_code_says() -> None:
    checked = made(ROOT / "docs", "--check")
    assert checked.returncode == 0, checked.stdout


def test_a_page_that_says_something_else_is_named_and_written_anew(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs/reference", docs / "reference")
    shutil.copy2(ROOT / "docs/make.py", docs)
    page = docs / "reference/command-line.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| `--outdir DIR` |", "| `--output DIR` |"), encoding="utf-8")
    checked = made(docs, "--check")
    assert (checked.returncode, checked.stdout) == (
        1,
        "command-line.md is not what the code says: run python docs/make.py\n",
    )
    assert made(docs).returncode == 0
    assert page.read_text(encoding="utf-8") == text
