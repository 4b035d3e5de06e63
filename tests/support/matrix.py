"""What `selector-backend matrix --json` writes: a line for each machine, and one for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .command import lines


def machine_rows(*arguments: str | Path, status: int = 0) -> list[Any]:
    """Return what is written of each machine."""
    return _written(*arguments, status=status)[:-1]


def matrix_summary(*arguments: str | Path, status: int = 0) -> Any:
    """Return what is written of all machines together."""
    return _written(*arguments, status=status)[-1]


def _written(*arguments: str | Path, status: int) -> list[Any]:
    return [json.loads(line) for line in lines("matrix", *arguments, "--json", status=status)]
