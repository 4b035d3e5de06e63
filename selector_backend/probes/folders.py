"""Which distributions folders hold, with their versions."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..model.markers import is_name, normalize
from ..model.record import is_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.metadata import Distribution


def find_distributions(paths: Sequence[str]) -> dict[str, list[Path]]:
    """Return where the metadata of each distribution in the folders ``paths`` are.

    The names are normalized. Of one that is there twice, the first is the one that
    Python sees. Importing `importlib.metadata` takes longer than all else that a hook does, so it
    is left to read the few that matter.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            for folder in Path(path).iterdir():
                stem, _, suffix = folder.name.lower().rpartition(".")
                name = stem.partition("-")[0]
                # What pip is about to remove begins with ~, and is ignored if it is left.
                if suffix in ("dist-info", "egg-info") and is_name(name):
                    found.setdefault(normalize(name), []).append(folder)
    return found


def versions_of(names: Iterable[str], there: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """Return the versions of those distributions ``names`` that are ``there``, by their folders."""
    return {name: identify_at(there[name][0])[1] for name in names if name in there}


def identify(distribution: Distribution) -> tuple[str, str]:
    """Return a distribution's name and version, by its folder's name where its METADATA is bad.

    Both end up in commands.
    """
    name = version = ""
    with contextlib.suppress(Exception):  # what bad metadata raises differs with Python's version
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    # There is no public way to the folder's name; `importlib.metadata` finds names by it, too.
    folder = Path(str(getattr(distribution, "_path", "a distribution without a name"))).name
    stem = folder[: folder.rfind(".")] if folder.endswith((".dist-info", ".egg-info")) else folder
    named, _, versioned = stem.partition("-")
    known = (one for one in (version, versioned) if is_version(one))
    return name if is_name(name) else named, next(known, "")


def identify_at(folder: Path) -> tuple[str, str]:
    """Return what `identify` does, for the distribution whose metadata are in ``folder``."""
    from importlib.metadata import Distribution

    return identify(Distribution.at(folder))
