"""Make the links of a checkout absolute, right before its distributions are built for an index.

Usage: python .ci/links.py REPOSITORY TAG

An index shows the README, and a relative link of it leads nowhere there. Where the repository is,
the job that releases it knows: REPOSITORY is its address, such as
$GITHUB_SERVER_URL/$GITHUB_REPOSITORY, and TAG the release's. The READMEs are changed in place, and
pyproject.toml gets [project.urls].
"""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]

URLS = """
[project.urls]
Documentation = "{files}/docs/index.md"
Source = "{repository}"
Changelog = "{files}/CHANGELOG.md"
"""


def main(repository: str, tag: str) -> None:
    """Write the links and the addresses of both distributions."""
    files = f"{repository}/blob/{tag}"
    for folder in (ROOT, ROOT / "runtime"):
        readme, project = folder / "README.md", folder / "pyproject.toml"
        within = PurePosixPath(folder.relative_to(ROOT).as_posix())
        readme.write_text(absolute(readme.read_text("utf-8"), files, within), "utf-8")
        urls = URLS.format(files=files, repository=repository)
        project.write_text(project.read_text("utf-8") + urls, "utf-8")


def absolute(text: str, files: str, within: PurePosixPath) -> str:
    """Return a text of Markdown with its relative links below the address ``files``."""

    def replace(found: re.Match[str]) -> str:
        parts: list[str] = []
        for part in (within / found[1]).parts:
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        return f"]({files}/{'/'.join(parts)})"

    return re.sub(r"\]\((?!#)(?![a-z]+:)([^()\s]+)\)", replace, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
