"""The fenced blocks of a page: their commands, what is shown of their output, and their marks.

A mark is an HTML comment right before a block, which no reader sees:

- ``<!-- not run: REASON -->``: the block cannot be run by a test, and why.
- ``<!-- status: 1 -->``: its last command ends with this status; without a mark, it is 0.
- ``<!-- file: NAME -->``, before a block of any language: what is in it is written to this file
  before the commands that follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from .environment import ROOT

#: Where users read: the README and the site.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TO = ROOT / "docs/how-to"

_MARK = re.compile(r"<!-- (not run|status|file): (.*?) -->\s*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block. ``where`` names it in messages, ``mark`` and ``value`` are of its mark."""

    where: str
    language: str
    text: str
    mark: str = ""
    value: str = ""

    @property
    def script(self) -> str:
        """The commands of a console block, as a shell takes them."""
        return "\n".join(command for command, _ in self.commands())

    @property
    def status(self) -> int:
        """With what the last command of a console block ends."""
        return int(self.value) if self.mark == "status" else 0

    def commands(self) -> list[tuple[str, list[str]]]:
        """Return the commands of a console block, each with the lines that are shown after it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found and not found[-1][1] and found[-1][0].endswith("\\"):
                found[-1] = (f"{found[-1][0]}\n{line}", [])
            else:
                assert found, f"{self.where}: does not begin with `$ `"
                found[-1][1].append(line)
        return found


def blocks(page: Path, heading: str | None = None) -> list[Block]:
    """Return the fenced blocks of a page, in order: all, or those below a heading.

    The heading is written as on the page, ``## Install it``; ``""`` is what comes before the first.
    """
    found, mark, value = [], "", ""
    below: list[str] = []
    headings = {""}
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag != "h1":
            above = (one for one in below if len(one.split()[0]) < len(token.markup))
            below = [*above, f"{token.markup} {tokens[number + 1].content}"]
            headings.update(below)
        if token.type == "fence" and (heading is None or heading in (below or [""])):
            line = token.map[0] + 1 if token.map else 0
            where = f"{page.relative_to(ROOT)}:{line}"
            found.append(Block(where, token.info.strip(), token.content, mark, value))
        given = _MARK.fullmatch(token.content) if token.type == "html_block" else None
        mark, value = given.groups() if given else ("", "")
    assert heading is None or heading in headings, f"{page} has no {heading}"
    return found
