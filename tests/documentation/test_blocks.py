"""Every command that users read is run at night, or is marked as one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.blocks import PAGES, blocks
from support.environment import ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_are_in_blocks_that_can_be_run_or_say_why_not(page: Path) -> None:
    for block in blocks(page):
        commands = block.text.startswith("$ ")
        assert commands == (block.language == "console"), f"{block.where}: commands are `console`"
        assert block.language not in ("sh", "bash", "shell"), f"{block.where}: write `console`"
        assert not block.mark or block.value, f"{block.where}: the mark says nothing"
        assert not commands or block.commands()
