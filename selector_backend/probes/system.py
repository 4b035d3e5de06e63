"""`glibc`, `musl`, `macos` and `abi-features`, from the running interpreter."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from ..model.machine import Fact
from ..model.markers import is_release
from . import Family, read_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.table import Scope

_SOURCE = "the running interpreter"


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the facts ``names`` of this family."""
    readers = {"glibc": _glibc, "musl": _musl, "macos": _macos}
    reasons = {
        "glibc": "this Python does not run on the GNU C library",
        "musl": "this Python does not run on the musl C library",
        "macos": "this is not macOS",
    }
    facts = []
    for name in names:
        if name == "abi-features":
            facts.append(Fact(name, _SOURCE, abi_features()))
            continue
        text = readers[name](environ)
        value, reason = (text, "") if is_release(text) else (None, reasons[name])
        facts.append(Fact(name, _SOURCE, value, reason))
    return facts


def abi_features() -> frozenset[str]:
    """Return this interpreter's ABI features (PEP 780)."""
    import sysconfig

    features = {"64-bit" if sys.maxsize > 2**32 else "32-bit"}
    if sys.implementation.name == "cpython":
        free = sysconfig.get_config_var("Py_GIL_DISABLED")
        features.add("free-threading" if free else "gil-enabled")
        if hasattr(sys, "gettotalrefcount"):
            features.add("debug")
    return frozenset(features)


def _glibc(environ: Mapping[str, str]) -> str:
    """Return glibc's release, without a distributor's suffix as in ``2.20-2014.11``."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):  # not POSIX, or another C library
        return ""
    match = re.match(r"glibc (\d+(\.\d+)*)", text, re.ASCII)
    return match[1] if match else ""


def _musl(environ: Mapping[str, str]) -> str:
    """Run musl's loader without a program: it prints its version."""
    if not sys.platform.startswith("linux") or _glibc(environ):
        return ""
    loaders = sorted(map(str, Path("/lib").glob("ld-musl-*.so.1")))
    output = _run([loaders[0]], environ) if loaders else ""
    match = re.search(r"^Version ([0-9.]+)", output, re.MULTILINE)
    return match[1] if match else ""


def _macos(environ: Mapping[str, str]) -> str:
    if sys.platform != "darwin":
        return ""
    version = platform.mac_ver()[0]
    if version != "10.16":
        return version
    # An interpreter built for an old SDK gets this for 11 and newer.
    code = "import platform; print(platform.mac_ver()[0])"
    uncompat = {**environ, "SYSTEM_VERSION_COMPAT": "0"}
    return _run([sys.executable, "-ISc", code], uncompat).strip() or version


def _run(command: list[str], environ: Mapping[str, str]) -> str:
    """Return the output of a command, ``""`` if it cannot be run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            timeout=read_timeout(environ),
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


FAMILY = Family(read)
