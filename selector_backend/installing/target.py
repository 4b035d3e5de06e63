"""The platform that a command states: uv's ``--python-platform``, pip's ``--platform``."""

from __future__ import annotations

import re

from ..model.markers import is_release
from ..model.purpose import Target
from ..model.regions import SYSTEMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Names without a machine stand for these of uv.
_SHORT = {
    "windows": "x86_64-pc-windows-msvc",
    "linux": "x86_64-unknown-linux-gnu",
    "macos": "aarch64-apple-darwin",
}
# The patterns of a system in the names of platforms.
_SYSTEMS = {
    "win32": r"windows|^win",
    "darwin": r"darwin|macosx|macos",
    "linux": r"linux",
}
_MACHINES = r"x86_64|aarch64|arm64|amd64|i686|armv7l|ppc64le|riscv64|s390x|win32"
_VERSION = r"(?:manylinux|musllinux|macosx)_(\d+)_(\d+)"
#: The glibc versions of the manylinux tags before PEP 600.
OLD_TAGS = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


def read_target(options: str, platform: str, python: str) -> Target:
    """Return the platform that ``options`` state, by uv's or pip's name, with a version of Python.

    Unknown parts of a name are ignored.
    """
    name = _SHORT.get(platform, platform)
    matching = (system for system, pattern in _SYSTEMS.items() if re.search(pattern, name))
    system = next(matching, "")
    marker = {**SYSTEMS.get(system, {}), **_python(python)}
    if machine := re.search(_MACHINES, name):
        marker["platform_machine"] = _machine(machine[0], system)
    version = ""
    fact = {"linux": "musl" if "musl" in name else "glibc", "darwin": "macos"}.get(system, "")
    if match := re.search(_VERSION, name):
        version = f"{match[1]}.{match[2]}"
    for old, (major, minor) in OLD_TAGS.items():
        version = f"{major}.{minor}" if re.search(rf"{old}(?!\d)", name) else version
    return Target(options, marker, fact, version)


def _machine(name: str, system: str) -> str:
    """Return the ``platform_machine`` on a system whose platform has the machine ``name``."""
    common = {"win32": "i686", "arm64": "aarch64", "amd64": "x86_64"}.get(name, name)
    own = {
        "win32": {"x86_64": "AMD64", "aarch64": "ARM64", "i686": "x86"},
        "darwin": {"aarch64": "arm64"},
    }
    return own.get(system, {}).get(common, common)


def _python(text: str) -> Mapping[str, str]:
    """Return the marker variables of a Python version: ``3.12``, ``3.12.1``, or pip's ``312``."""
    if re.fullmatch(r"[23]\d{1,2}", text):
        text = f"{text[0]}.{text[1:]}"
    if not is_release(text):
        return {}
    major, minor, patch, *_ = [*text.split("."), "0", "0"]
    full = f"{major}.{minor}.{patch}"
    return {"python_version": f"{major}.{minor}", "python_full_version": full}
