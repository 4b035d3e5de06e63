"""``selector-backend schema``: the JSON schema of the selector table."""

from __future__ import annotations

from ..authoring.keys import pyproject_schema
from .common import print_json


def schema() -> None:
    """Write the JSON schema with which an editor checks [tool.selector] in a pyproject.toml."""
    print_json(pyproject_schema())
