"""`marker`: the environment in which markers are evaluated, from packaging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.markers import default_environment

from ..machine import Fact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def read(names: Collection[str], environ: Mapping[str, str]) -> list[Fact]:
    """Return the one fact of this family: every marker variable of this interpreter."""
    environment = {name: str(value) for name, value in default_environment().items()}
    return [Fact("marker", "packaging", value=environment)]
