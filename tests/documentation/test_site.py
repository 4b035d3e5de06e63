"""The site as it is built: no page loads anything from elsewhere."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.environment import ROOT


class _Loaded(HTMLParser):
    """Collects the addresses of what a page loads: scripts, styles and images."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = ("href",) if tag == "link" else ("src", "srcset", "data")
        self.addresses += [value for name, value in attrs if name in names and value]


@pytest.mark.nightly
def test_no_page_loads_anything_from_elsewhere(tmp_path: Path) -> None:
    command = ["-m", "sphinx", "--quiet", "-W", "--keep-going", str(ROOT / "docs"), str(tmp_path)]
    subprocess.run([sys.executable, *command], check=True)
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = _Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        assert not [one for one in loaded.addresses if "//" in one], page
