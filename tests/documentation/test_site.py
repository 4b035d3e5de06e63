"""The site in a real browser: wide and narrow, light and dark, and its search."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Browser, browser
from support.environment import ROOT

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "sphinx", "--quiet", "-W", "--keep-going", str(ROOT / "docs"), str(folder)]
    subprocess.run([sys.executable, *command], check=True)
    return folder


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_is_wider_than_its_window(site: Path, tab: Browser, width: int, dark: bool) -> None:
    for page in sorted(site.rglob("*.html")):
        tab.open(page, width=width, dark=dark)
        wider = tab.run("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, page
        assert not tab.messages, page
        outside = [url for url in tab.requests if not url.startswith(("file:", "data:"))]
        assert not outside, page


def test_the_search_finds_a_page(site: Path, tab: Browser) -> None:
    tab.open(site / "index.html", width=1280)
    tab.run("document.querySelector('.sidebar-search').value = 'SOURCE_DATE_EPOCH'")
    tab.run("document.querySelector('.sidebar-search-container').submit()")
    found: list[str] = []
    deadline = time.monotonic() + 20
    while not found and time.monotonic() < deadline:
        time.sleep(0.2)
        found = tab.run("[...document.querySelectorAll('ul.search a')].map(one => one.innerText)")
    assert "Config settings and variables" in found
