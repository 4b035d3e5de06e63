"""A project, compiled: what installing needs of it, and the sdist's core metadata."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pyproject_metadata import StandardMetadata

from ..installing.dist_info import NEVER_UPLOAD
from ..model.table import Compiled, Places, Variant
from ..model.values import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .project import Project


def compile_project(project: Project) -> Compiled:
    """Return what installing needs of ``project``."""
    pkg_info = _render(project, dynamic_metadata=["Requires-Dist", "Classifier"])
    extras = project.selector.extras
    variants = tuple(
        replace(one, extras={extra: _extra_lines(one, extra) for extra in extras})
        for one in project.selector.variants
    )
    return Compiled(
        selector=replace(project.selector, variants=variants),
        name=project.stem.partition("-")[0],
        pkg_info=pkg_info,
        places=_places(project, pkg_info),
        license_files=tuple(map(str, project.license_files)),
        entry_points=_entry_points(project.metadata),
    )


def _render(
    project: Project, handed_on: Mapping[str, Requirement] | None = None, **changes: Any
) -> bytes:
    """Return core metadata with ``changes``; ``handed_on`` is a requirement for each extra."""
    extras: dict[str, list[Requirement]] = {}
    for extra, requirements in project.metadata.optional_dependencies.items():
        extras[canonicalize_name(extra)] = [*requirements]
    for extra in project.selector.extras:
        own = extras.setdefault(extra, [])
        own += [handed_on[extra]] if handed_on else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as when the project was read
        changed = dataclasses.replace(project.metadata, optional_dependencies=extras, **changes)
        content: bytes = changed.as_rfc822().as_bytes()
    return content


def _places(project: Project, pkg_info: bytes) -> Places:
    """Return where the wheel's metadata differ from ``PKG-INFO``.

    They are rendered whole, with a requirement in place of those to come, and compared.
    """
    here = Requirement("requirements-go-in-here")
    handed_on = {one: Requirement(f"requirements-of-{one}-here") for one in project.selector.extras}
    classifiers = [*project.metadata.classifiers]
    if NEVER_UPLOAD not in classifiers:
        classifiers.append(NEVER_UPLOAD)
    whole = _render(project, handed_on, dependencies=[here], classifiers=classifiers)
    first, *theirs = _headers(whole)
    _, *ours = _headers(pkg_info)
    number, places = 1, dict[str, int]()
    for line in theirs:
        while number <= len(ours) and ours[number - 1].startswith("Dynamic: "):
            number += 1
        if number <= len(ours) and line == ours[number - 1]:
            number += 1
        else:
            places[line.partition(";")[0]] = number
    return Places(
        metadata_version=first.partition(": ")[2],
        classifier=places.get(f"Classifier: {NEVER_UPLOAD}"),
        requires=places[f"Requires-Dist: {here}"],
        extras={extra: places[f"Requires-Dist: {one}"] for extra, one in handed_on.items()},
    )


def _headers(metadata: bytes) -> list[str]:
    return metadata.partition(b"\n\n")[0].decode().split("\n")


def _extra_lines(variant: Variant, extra: str) -> tuple[str, ...]:
    """Return the requirements of ``variant`` with ``extra``, as metadata have them under it."""
    requirements = [*map(Requirement, variant.requires)]
    for one in requirements:
        one.extras |= {extra}
    least = StandardMetadata("spam", Version("1"), optional_dependencies={extra: requirements})
    lines = least.as_json().get("requires_dist", [])
    return tuple(map(str, lines))


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
