"""The fragments of the changelog become its next section, and their links lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from support.environment import ROOT, clean_environ, run

FRAGMENTS = sorted(ROOT.glob("changelog.d/*.*.md"))


def test_every_fragment_is_in_the_next_section(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "99"]
    draft = run(command, clean_environ(tmp_path), ROOT).stdout
    assert "## 99 (" in draft
    for fragment in FRAGMENTS:
        assert fragment.read_text(encoding="utf-8").strip() in draft, fragment.name


def test_every_link_leads_to_a_file() -> None:
    for page in (ROOT / "CHANGELOG.md", *FRAGMENTS):
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (ROOT / link).is_file(), f"{page.name}: {link}"
