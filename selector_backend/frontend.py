"""Who calls the backend, and what it has set up for the call."""

from __future__ import annotations

import re
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
