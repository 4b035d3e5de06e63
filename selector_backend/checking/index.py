"""Compares what a table requires with an index (PEP 503 or PEP 691)."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from packaging.version import Version

from ..model.problems import Problem
from ..model.table import TABLE_NAME
from .archives import LARGEST_SDIST, files_of
from .review import keyed_requirements
from .shipped import CARRIED_VERSION, carried_version, is_old
from .simple import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.table import Selector

# How many of the newest sdists are looked into.
_MOST_SDISTS = 20


def compare(selector: Selector, url: str, backend: str) -> Iterator[Problem]:
    """Yield the requirements that the index at ``url`` lacks, and what it should not have.

    ``backend`` is our own version. Raises `SelectorError` if the index cannot be asked.
    """
    index = Index(url, f"selector-backend/{backend}")
    yield from _uploaded_wheels(selector, index)
    yield from _old_backends(selector, index, backend)
    for key, requirements in keyed_requirements(selector):
        for requirement in requirements:
            files = index.files(requirement.name)
            if files is None:
                yield Problem(key, f"{requirement}: the index has no project {requirement.name}")
                continue
            versions = {file.version for file in files if file.version is not None}
            if not any(requirement.specifier.contains(version, True) for version in versions):
                have = ", ".join(map(str, sorted(versions)[-3:])) or "none at all"
                yield Problem(
                    key, f"{requirement}: the index has no files of that version; it has {have}"
                )


def _uploaded_wheels(selector: Selector, index: Index) -> Iterator[Problem]:
    """Yield the project's own wheels, which installers prefer to the sdist that chooses."""
    own = Version(selector.version).public
    for file in index.files(selector.project) or ():
        version = file.version
        if file.name.endswith(".whl") and version is not None and version.public == own:
            yield Problem(
                "project.version",
                f"the index has {file.name}, which is one machine's choice, and everybody gets it; "
                "delete or yank it, and upload the sdist alone",
            )


def _old_backends(selector: Selector, index: Index, backend: str) -> Iterator[Problem]:
    """Yield the project's sdists that carry a backend older than this one.

    Reads from the newest down to the first that is not a selector package's.
    """
    sdists = [
        (version, file)
        for file in index.files(selector.project) or ()
        if file.name.endswith(".tar.gz") and (version := file.version) is not None
    ]
    for _, file in sorted(sdists, key=operator.itemgetter(0), reverse=True)[:_MOST_SDISTS]:
        content = index.read(file, LARGEST_SDIST) if file.url else b""
        if content is None:
            yield Problem(
                "project.version",
                f"{file.name} on the index has more than {LARGEST_SDIST >> 20} MiB; it and older "
                "sdists are not checked for old backends",
            )
            return
        try:
            files = files_of(content)
        except ValueError:
            return
        if TABLE_NAME not in files:
            return
        carried = carried_version(files.get(CARRIED_VERSION, b""))
        if is_old(carried, backend):
            yield Problem(
                "tool.selector.self-contained",
                f"the index has {file.name}, which carries selector-backend {carried}; the fixes "
                f"up to {backend} do not reach those who install it: release it again",
            )
