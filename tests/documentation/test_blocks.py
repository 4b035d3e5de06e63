"""Every command that users read is run at night, or is marked as one that cannot be."""

from __future__ import annotations

import pytest
from documentation.blocks import PAGES, Block, blocks

BLOCKS = [block for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_a_block_of_commands_is_one_that_can_be_run_or_has_its_reason(block: Block) -> None:
    commands = block.text.startswith("$ ")
    assert commands == (block.language == "console"), "commands are in blocks of console"
    assert block.language not in ("sh", "bash", "shell"), "commands are in blocks of console"
    assert not block.mark or block.value
    if commands:
        assert block.commands()
    else:
        assert block.mark in ("", "file")
