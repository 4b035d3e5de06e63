"""The files of a wheel's ``.dist-info``, and the sdist's ``PKG-INFO``, as bytes."""

from __future__ import annotations

import dataclasses
import re
import warnings
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from . import __version__
from .errors import SelectorError
from .record import NAME as RECORD_NAME
from .record import Operand, Record, RecordedVariant, Unusable, parse_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .decision import Decision
    from .project import Project
    from .selector import Condition

# An index refuses a classifier of this kind. One uploaded wheel would fix one machine's choice for
# everybody, since installers prefer a wheel to the sdist.
_NEVER_UPLOAD = "Private :: Do Not Upload"


def sdist_files(project: Project) -> dict[str, bytes]:
    """Return the files of the sdist by their paths in it."""
    files = {str(path): (project.folder / path).read_bytes() for path in project.files}
    return {**files, "PKG-INFO": _pkg_info(project)}


def _pkg_info(project: Project) -> bytes:
    """Return the sdist's core metadata.

    What the wheel will say otherwise is marked as dynamic (PEP 643), so that nobody takes it for
    static: the dependencies, and the classifier that keeps the wheel from being uploaded.
    """
    return _metadata(
        project,
        optional_dependencies=_with_extras(project, {}),
        dynamic_metadata=["Requires-Dist", "Classifier"],
    )


def dist_info(project: Project, decision: Decision) -> dict[str, bytes]:
    """Return the files of the ``.dist-info`` by their names in it, without ``RECORD``."""
    files = {
        "METADATA": _wheel_metadata(project, decision),
        "WHEEL": _wheel(),
        RECORD_NAME: record(decision).to_bytes(),
    }
    for path in project.license_files:
        files[f"licenses/{path}"] = (project.folder / path).read_bytes()
    entry_points = _entry_points(project)
    if entry_points:
        files["entry_points.txt"] = entry_points
    return files


def read_dist_info(folder: Path) -> tuple[str, dict[str, bytes]]:
    """Read a ``.dist-info`` that was prepared earlier.

    Returns the name and version that it is called after (``spam-1.0``), and its files by their
    names in it.
    """
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "RECORD"
    }
    return folder.name.removesuffix(".dist-info"), files


def recorded_variants(files: Mapping[str, bytes]) -> list[str]:
    """Return the names of the variants that the record in a ``.dist-info`` names."""
    return [*_prepared_record(files).variants]


def without_label(stem: str, files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Return what `read_dist_info` did, with the version that the project has.

    uv, to 0.11 at least, keeps a portable wheel for its config settings only, but its metadata
    for everybody. So what is prepared has the label even if a portable wheel is asked for.
    """
    version = _prepared_record(files).version
    line = b"Version: " + version.encode()
    metadata = re.sub(rb"(?m)^Version: .*$", line, files["METADATA"], count=1)
    return f"{stem.partition('-')[0]}-{version}", {**files, "METADATA": metadata}


def _prepared_record(files: Mapping[str, bytes]) -> Record:
    record = parse_record(files.get(RECORD_NAME, b""))
    if isinstance(record, Unusable):
        raise SelectorError(
            f"the metadata that was prepared for this wheel is damaged: {RECORD_NAME}: "
            f"{record.reason}"
        )
    return record


def record(decision: Decision) -> Record:
    """Return the decision as it is written into the installed package."""
    selector = decision.selector
    chosen = (selector.distributions_of(variant) for variant in decision.variants)
    return Record(
        project=selector.project,
        version=selector.version,
        kind=selector.kind,
        variable=selector.variable,
        advice=selector.advice,
        variants=tuple(decision.names),
        decided_by=decision.request.source,
        distributions=tuple(name for names in chosen for name in sorted(names)),
        conform=decision.conform,
        requires=tuple(map(str, decision.requires)),
        shared=tuple(map(str, selector.requires)),
        facts=decision.facts,
        verdicts=tuple(
            RecordedVariant(
                name=verdict.variant,
                fits=verdict.fits,
                reason=verdict.reason,
                requires=tuple(map(str, variant.requires)),
                when=tuple({one.fact: _operand(one) for one in some} for some in variant.when),
                conform=variant.conform,
                refuse=variant.refuse or "",
            )
            for verdict, variant in zip(decision.verdicts, selector.variants)
        ),
        notes=decision.notes,
        backend=__version__,
    )


def _operand(condition: Condition) -> Operand:
    """Return what a condition asks, as the table has it."""
    operand = condition.operand
    if isinstance(operand, bool) or (isinstance(operand, tuple) and not condition.text):
        return operand
    return condition.text or str(operand)


def _wheel_metadata(project: Project, decision: Decision) -> bytes:
    handed_on = {
        extra: [_with_extra(one, extra) for one in decision.variant_requires]
        for extra in project.selector.extras
    }
    return _metadata(
        project,
        dependencies=list(decision.requires),
        optional_dependencies=_with_extras(project, handed_on),
        classifiers=[*dict.fromkeys((*project.metadata.classifiers, _NEVER_UPLOAD))],
    )


def _metadata(project: Project, **changes: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as when the project was read
        return dataclasses.replace(project.metadata, **changes).as_rfc822().as_bytes()


def _with_extras(
    project: Project, handed_on: Mapping[str, list[Requirement]]
) -> dict[str, list[Requirement]]:
    """Return the static extras and the table's as one, by their names as names are compared."""
    extras: dict[str, list[Requirement]] = {}
    for extra, requirements in project.metadata.optional_dependencies.items():
        extras[canonicalize_name(extra)] = [*requirements]
    for extra in project.selector.extras:
        extras[extra] = [*extras.get(extra, ()), *handed_on.get(extra, ())]
    return extras


def _with_extra(requirement: Requirement, extra: str) -> Requirement:
    changed = Requirement(str(requirement))
    changed.extras = {*requirement.extras, extra}
    return changed


def _wheel() -> bytes:
    """Return the ``WHEEL`` file of the binary distribution format."""
    return (
        "Wheel-Version: 1.0\n"
        f"Generator: selector-backend {__version__}\n"
        "Root-Is-Purelib: true\n"
        "Tag: py3-none-any\n"
    ).encode()


def _entry_points(project: Project) -> bytes:
    """Return ``entry_points.txt`` (entry points specification), empty if there are none."""
    groups: dict[str, Mapping[str, str]] = {
        "console_scripts": project.metadata.scripts,
        "gui_scripts": project.metadata.gui_scripts,
        **project.metadata.entrypoints,
    }
    sections = [
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())])
        for group, entries in groups.items()
        if entries
    ]
    return "".join(f"{section}\n" for section in "\n\n".join(sections).splitlines()).encode()
