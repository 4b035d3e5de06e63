"""Sdists that somebody changed after they were built."""

from __future__ import annotations

import hashlib
import io
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


Member = tuple[tarfile.TarInfo, bytes]


def read_members(sdist: Path) -> list[Member]:
    """Return the members of an sdist, each with its content."""
    with tarfile.open(sdist) as archive:
        opened = [(one, archive.extractfile(one)) for one in archive]
        return [(one, file.read() if file else b"") for one, file in opened]


def write_members(sdist: Path, members: list[Member]) -> Path:
    """Write an sdist of any members."""
    with tarfile.open(sdist, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return sdist


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
