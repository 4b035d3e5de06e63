"""Sdists that somebody changed after they were built."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selector_backend.authoring.sdist import write_sdist


def sealed(table: Mapping[str, Any]) -> bytes:
    """Return a compiled table with the hash that whoever wrote it would have given it."""
    data = {key: value for key, value in table.items() if key != "sha256"}
    text = json.dumps(data, sort_keys=True).encode()
    return json.dumps({**data, "sha256": hashlib.sha256(text).hexdigest()}).encode()


def files_of(sdist: Path) -> dict[str, bytes]:
    """Return the files of an sdist by their paths in it."""
    with tarfile.open(sdist) as archive:
        found = ((one.name.partition("/")[2], archive.extractfile(one)) for one in archive)
        return {name: file.read() for name, file in found if file is not None}


def repack(sdist: Path, changes: Mapping[str, bytes | None]) -> Path:
    """Change files of an sdist in its place, and seal its table again; ``None`` takes one out."""
    files = {**files_of(sdist), **changes}
    kept = {name: content for name, content in files.items() if content is not None}
    if "PKG-INFO" in changes and "selector-table.json" not in changes:
        table = json.loads(kept["selector-table.json"])
        table["pkg-info"] = hashlib.sha256(kept["PKG-INFO"]).hexdigest()
        kept["selector-table.json"] = sealed(table)
    write_sdist(sdist.parent, sdist.name[: -len(".tar.gz")], kept)
    return sdist
