"""The distributions in folders; `installed`: those of the environment that conditions name."""

from __future__ import annotations

import contextlib
import os

from ..model.facts import FACTS
from ..model.machine import Fact
from ..model.markers import distribution_of, is_name, normalize
from ..model.record import is_version
from . import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from importlib.metadata import Distribution

    from ..model.table import Scope

_REQUIREMENT = "packaging>=22"

_SOURCE = "the environment that is installed into"
_HIDDEN = f"that environment is not shown here; {FACTS['installed'].variable} can state what it has"


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `installed`. An invalid version is left out, with the reason."""
    if not scope.folders:
        return [Fact("installed", _SOURCE, reason=_HIDDEN)]
    distributions: set[str] = set()
    unknown = []
    names = dict.fromkeys(map(distribution_of, scope.requirements))
    folders = scope.distributions
    if folders is None:
        folders = find_distributions(scope.folders)
    for name, version in versions_of(names, folders).items():
        try:
            distributions.update(FACTS["installed"].kind.load([f"{name}=={version}"]))
        except ValueError:
            distributions.add(name)
            unknown.append(name)
    reason = f"no version can be read of {', '.join(unknown)}" if unknown else ""
    return [Fact("installed", _SOURCE, frozenset(distributions), reason)]


def needs_to_judge(scope: Scope) -> list[str]:
    """Return the requirement of comparing versions, if conditions have any and it is missing."""
    from importlib.util import find_spec

    return [_REQUIREMENT] if libraries(scope) and not find_spec("packaging") else []


def libraries(scope: Scope) -> dict[str, str]:
    """Return the library that compares versions, if a requirement has a specifier (`kinds`)."""
    compared = any(set("<>=!~").intersection(text) for text in scope.requirements)
    return {"packaging": "packaging"} if compared else {}


def find_distributions(paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the metadata folders of the distributions in ``paths``, by normalized name.

    Of several with a name, Python uses the first. `importlib.metadata` is slow to import, so only
    the metadata of those that matter are read by it.
    """
    distributions: dict[str, list[str]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            for folder in os.listdir(path):
                stem, _, suffix = folder.lower().rpartition(".")
                name = stem.partition("-")[0]
                # pip renames a folder that it is about to remove, so that it begins with ~.
                if suffix in ("dist-info", "egg-info") and is_name(name):
                    distributions.setdefault(normalize(name), []).append(os.path.join(path, folder))
    return distributions


def versions_of(names: Iterable[str], folders: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the versions of those distributions ``names`` that have metadata ``folders``."""
    return {name: identify_at(folders[name][0])[1] for name in names if name in folders}


def identify(distribution: Distribution) -> tuple[str, str]:
    """Return a distribution's name and version, from its folder's name where METADATA has none.

    They are checked, since both are put into commands; the version is ``""`` if there is none.
    """
    name = version = ""
    with contextlib.suppress(Exception):  # what bad metadata raises differs with Python's version
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    # There is no public access to the folder's name.
    path = getattr(distribution, "_path", "a distribution without a name")
    folder = os.path.basename(str(path))
    stem = folder[: folder.rfind(".")] if folder.endswith((".dist-info", ".egg-info")) else folder
    named, _, versioned = stem.partition("-")
    valid = filter(is_version, (version, versioned))
    return name if is_name(name) else named, next(valid, "")


def identify_at(folder: str) -> tuple[str, str]:
    """Return what `identify` does, for the distribution whose metadata are in ``folder``."""
    from importlib.metadata import Distribution

    return identify(Distribution.at(folder))


FAMILY = Family(read, needs_to_judge=needs_to_judge, carries=libraries)
