"""`marker`: the variables that markers are evaluated with, from the running interpreter."""

from __future__ import annotations

import os
import platform
import sys

from ..model.machine import Fact
from . import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Scope


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `marker`: every marker variable of this interpreter."""
    return [Fact("marker", "the running interpreter", value=environment())]


def environment() -> dict[str, str]:
    """Return the marker variables, as the dependency specifiers specification defines them."""
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": _full(sys.implementation.version),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _full(version: Any) -> str:
    final = version.releaselevel == "final"
    return ".".join(map(str, version[:3])) + (
        "" if final else f"{version.releaselevel[0]}{version.serial}"
    )


FAMILY = Family(read)
