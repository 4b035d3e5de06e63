"""`glibc`, `musl` and `macos`, from the running interpreter."""

from __future__ import annotations

import os
import platform
import re
import sys
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from ..machine import Fact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SOURCE = "the running interpreter"


def read(names: Collection[str], environ: Mapping[str, str]) -> list[Fact]:
    """Return the facts ``names`` of this family."""
    readers = {"glibc": _glibc, "musl": _musl, "macos": _macos}
    whose = {
        "glibc": "this Python does not run on the GNU C library",
        "musl": "this Python does not run on the musl C library",
        "macos": "this is not macOS",
    }
    facts = []
    for name in names:
        text = readers[name]()
        try:
            facts.append(Fact(name, _SOURCE, value=Version(text)))
        except InvalidVersion:
            facts.append(Fact(name, _SOURCE, reason=whose[name]))
    return facts


def _glibc() -> str:
    try:
        library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, OSError, ValueError):  # not POSIX, or another C library
        return ""
    return version if library == "glibc" else ""


def _musl() -> str:
    """Ask packaging: musl tells its version to nobody but its own loader."""
    if not sys.platform.startswith("linux"):
        return ""
    from packaging.tags import platform_tags

    found = (re.match(r"musllinux_(\d+)_(\d+)_", tag) for tag in platform_tags())
    return next((f"{match[1]}.{match[2]}" for match in found if match), "")


def _macos() -> str:
    if sys.platform != "darwin":
        return ""
    version = platform.mac_ver()[0]
    if version != "10.16":
        return version
    # What an interpreter built for an old SDK is told instead of 11 and newer.
    from packaging.tags import platform_tags

    match = re.match(r"macosx_(\d+)_(\d+)_", next(iter(platform_tags()), ""))
    return f"{match[1]}.{match[2]}" if match else version
