"""docs/reference/command-line.md names what the command has."""

from __future__ import annotations

import re

import pytest
import typer.main
from support.environment import ROOT

from selector_backend.cli.app import app

COMMANDS = typer.main.get_group(app).commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_that_names_its_options(name: str) -> None:
    page = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    common, *sections = page.split("\n## ")
    (section,) = [one for one in sections if one.startswith(f"`{name}`\n")]
    for option in COMMANDS[name].params:
        spelled = [one for one in (*option.opts, *option.secondary_opts) if one.startswith("--")]
        named = re.search(rf"({'|'.join(spelled)})(?![\w-])", common + section)
        assert named, f"{name} {option.opts} is not in docs/reference/command-line.md"
