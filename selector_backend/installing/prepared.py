"""The ``.dist-info`` that an earlier hook prepared, for the one that makes a wheel of it."""

from __future__ import annotations

import json
import re

from ..errors import SelectorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_dist_info(folder: Path) -> tuple[str, dict[str, bytes]]:
    """Read a ``.dist-info``.

    Returns the name and version that it is called after (``spam-1.0``), and its files by their
    names in it.
    """
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "RECORD"
    }
    return folder.name[: -len(".dist-info")], files


def recorded_choice(files: Mapping[str, bytes]) -> tuple[str, str, list[str]]:
    """Return project, version and the variants chosen, by the record in a ``.dist-info``.

    Raises `SelectorError` if it is damaged.
    """
    try:
        record = json.loads(files["selector.json"])
        project, version, variants = record["project"], record["version"], record["variants"]
        if all(isinstance(one, str) for one in (project, version, *variants)):
            return project, version, variants
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise SelectorError("the metadata that was prepared for this wheel is damaged: selector.json")


def without_label(stem: str, files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Return what `read_dist_info` did, with the version that the project has.

    uv, to 0.11 at least, keeps a portable wheel for its config settings only, but its metadata
    for everybody. So what is prepared has the label even if a portable wheel is asked for.
    """
    _, version, _ = recorded_choice(files)
    line = b"Version: " + version.encode()
    text = re.sub(rb"(?m)^Version: .*$", line, files["METADATA"], count=1)
    return f"{stem.partition('-')[0]}-{version}", {**files, "METADATA": text}
