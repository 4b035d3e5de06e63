"""Variants that exclude each other, and are installed all the same.

An installer that does not show the environment to the build, as uv does not, puts the one that it
installs beside the one that is there. Imported only where more than one variant is found.
"""

from __future__ import annotations

from ._record import find_record, installed

# How the record has it; so the record of a table whose variants may be together is not parsed.
_EXCLUDES = '"kind": "requirement"'


def side_by_side(project: str) -> str:
    """Return what to say of variants of ``project`` that must not be together, ``""`` if none."""
    record = find_record(project, mentioning=(_EXCLUDES,))
    if record is None or record.kind != "requirement":
        return ""
    variants = record.variants_among(installed())
    if len(variants) < 2:
        return ""
    from ._messages import change_over

    gone = dict.fromkeys(name for own in variants.values() for name in own)
    asked = ",".join(record.chosen) if record.was_forced else ""
    commands = change_over(project, record, gone, asked)
    return "\n".join(
        [
            f"the variants {' and '.join(variants)} of {project} exclude each other, and are "
            f"installed side by side ({', '.join(gone)}): one may have files of the other.",
            "  To fix it:",
            *(f"    {command}" for command in commands),
        ]
    )
