"""A project, compiled: what installing needs of it, and the sdist's core metadata."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pyproject_metadata import StandardMetadata

from ..model.table import Compiled, Variant
from ..model.values import replace
from .platforms import where_possible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .project import Project


def compile_project(project: Project) -> Compiled:
    """Return what installing needs of ``project``."""
    extras = project.selector.extras
    variants = tuple(
        replace(one, extras={extra: _extra_lines(one, extra) for extra in extras})
        for one in project.selector.variants
    )
    return Compiled(
        selector=replace(
            project.selector, variants=variants, where=where_possible(project.selector.conditions)
        ),
        requires=_requires_dist(project.metadata.optional_dependencies),
        name=project.stem.partition("-")[0],
        pkg_info=_pkg_info(project),
        metadata_version=project.metadata.auto_metadata_version,
        license_files=tuple(map(str, project.license_files)),
        entry_points=_entry_points(project.metadata),
    )


def _pkg_info(project: Project) -> bytes:
    """Return the core metadata of the sdist, with all extras, and without what any requires.

    poetry takes the `Requires-Dist` of an sdist for all there is, though it is dynamic.
    """
    extras = (*map(canonicalize_name, project.metadata.optional_dependencies),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as when the project was read
        sdist = dataclasses.replace(
            project.metadata,
            optional_dependencies={one: [] for one in (*extras, *project.selector.extras)},
            dynamic_metadata=["Requires-Dist", "Classifier"],
        )
        content: bytes = sdist.as_rfc822().as_bytes()
    return content


def _extra_lines(variant: Variant, extra: str) -> tuple[str, ...]:
    """Return the requirements of ``variant`` with ``extra``, as metadata have them under it."""
    requirements = [*map(Requirement, variant.requires)]
    for one in requirements:
        one.extras |= {extra}
    return _requires_dist({extra: requirements})


def _requires_dist(extras: Mapping[str, list[Requirement]]) -> tuple[str, ...]:
    """Return what extras require, as metadata have it."""
    named = {str(canonicalize_name(extra)): some for extra, some in extras.items()}
    least = StandardMetadata("spam", Version("1"), optional_dependencies=named)
    return tuple(map(str, least.as_json().get("requires_dist", [])))


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
