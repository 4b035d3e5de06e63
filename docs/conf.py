"""The documentation's settings: sphinx-build -W docs build/docs."""

from __future__ import annotations

import re
from typing import Any

project = "selector-backend"
author = "The selector-backend contributors"
project_copyright = author

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# Links name a heading of another page as its source is read elsewhere: page.md#the-heading.
myst_heading_anchors = 4
highlight_language = "none"
smartquotes = False  # what stands in quotation marks may be copied

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["narrow.css"]
# The pages are complete as Markdown, and are read there too; a copy of them says nothing more.
html_copy_source = False


def link_results(_app: Any, _name: str, source: list[str]) -> None:
    """Make what the benchmarks wrote, which is no page of the site, a file to download."""
    link = r"\]\(((?:\.\./)+benchmarks/[\w-]+\.md)(?:#[\w-]+)?\)"
    source[0] = re.sub(link, r"](<path:\1>)", source[0])


def setup(app: Any) -> None:
    """Connect what this file adds to Sphinx."""
    app.connect("source-read", link_results)
