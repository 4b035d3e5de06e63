"""Who calls the backend, and what it has set up for the call."""

from __future__ import annotations

import os
import re
import site
import sys
from pathlib import Path

# The folders that frontends make for one build and throw away after it, by their names:
# pip's build environment is an overlay beside the interpreter, those of build and uv are virtual
# environments, uv's in the "builds" bucket of its cache.
_THROWN_AWAY = (
    re.compile(r"pip-build-env-[^/\\]+"),
    re.compile(r"build-env-[^/\\]+"),
    re.compile(r"\.tmp[^/\\]+"),
)
_UV_BUCKET = re.compile(r"builds-v\d+")


def build_environment() -> Path | None:
    """Return the isolated build environment that this runs in, which the frontend throws away.

    ``None`` where there is none, or none that is known to be thrown away: without build isolation
    this is the user's own environment.
    """
    for start in (Path(__file__).parent, Path(sys.prefix)):
        for folder in (start, *start.parents):
            pip, build, uv = (pattern.fullmatch(folder.name) for pattern in _THROWN_AWAY)
            if pip or build or (uv and _UV_BUCKET.fullmatch(folder.parent.name)):
                return folder
    return None


def target_folders() -> list[str]:
    """Return the folders with the distributions of the environment that is being installed into.

    Empty where the frontend does not let the backend see it.
    """
    if "PIP_BUILD_TRACKER" in os.environ:
        return _site_packages()
    return []


def _site_packages() -> list[str]:
    """Return the folders that hold this interpreter's distributions, as it is without a frontend.

    pip runs hooks by the environment's own interpreter, with the environment's folders taken off
    the import path; `site` still names them.
    """
    paths = site.getsitepackages()
    if _sees_user_site():
        paths.append(site.getusersitepackages())
    return list(dict.fromkeys(paths))


def _sees_user_site() -> bool:
    """Return whether the user's own folder belongs to the environment.

    It does not in a virtual environment, unless that sees the system's folders too (PEP 405).
    """
    if sys.prefix == sys.base_prefix:
        return True
    try:
        text = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    pairs = (line.partition("=") for line in text.lower().splitlines())
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    return settings.get("include-system-site-packages") == "true"
