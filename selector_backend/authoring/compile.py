"""Compiles a project: into what installing needs, and the sdist's core metadata."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping

from packaging.utils import canonicalize_name
from pyproject_metadata import StandardMetadata

from ..model.table import Compiled
from ..model.values import replace
from .platforms import where_possible
from .project import Project
from .selector import tied_to


def compile_project(project: Project) -> Compiled:
    """Return what installing needs of ``project``."""
    extras = project.metadata.optional_dependencies.items()
    return Compiled(
        selector=replace(project.selector, where=where_possible(project.selector.conditions)),
        requires=tuple(
            str(tied_to(canonicalize_name(name), item)) for name, items in extras for item in items
        ),
        name=project.stem.partition("-")[0],
        pkg_info=_pkg_info(project),
        metadata_version=project.metadata.auto_metadata_version,
        license_files=tuple(map(str, project.license_files)),
        entry_points=_entry_points(project.metadata),
    )


def _pkg_info(project: Project) -> bytes:
    """Return the core metadata of the sdist, with all extras, but without their requirements.

    poetry takes the `Requires-Dist` of an sdist for complete, even if it is dynamic.
    """
    extras = (*map(canonicalize_name, project.metadata.optional_dependencies),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as when the project was read
        sdist = dataclasses.replace(
            project.metadata,
            optional_dependencies={extra: [] for extra in (*extras, *project.selector.extras)},
            dynamic_metadata=["Requires-Dist", "Classifier"],
        )
        content: bytes = sdist.as_rfc822().as_bytes()
    return content


def _entry_points(metadata: StandardMetadata) -> str:
    """Return ``entry_points.txt`` (entry points specification), empty if there are none."""
    groups: dict[str, Mapping[str, str]] = {
        "console_scripts": metadata.scripts,
        "gui_scripts": metadata.gui_scripts,
        **metadata.entrypoints,
    }
    sections = [
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())])
        for group, entries in groups.items()
        if entries
    ]
    return "\n\n".join(sections) + ("\n" if sections else "")
