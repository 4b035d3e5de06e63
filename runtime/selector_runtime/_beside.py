"""Warns if variants that exclude each other are installed side by side.

An installer that does not show the environment to the build, such as uv, may install one beside
another. Imported only where more than one variant is installed.
"""

from __future__ import annotations

from ._record import find_record, installed

# Text of such a record; others are not parsed.
_EXCLUDES = '"kind": "requirement"'


def side_by_side(project: str) -> str:
    """Return a warning if exclusive variants of ``project`` are installed, ``""`` otherwise."""
    record = find_record(project, mentioning=(_EXCLUDES,))
    if record is None or record.kind != "requirement":
        return ""
    variants = record.variants_among(installed())
    if len(variants) < 2:
        return ""
    from ._messages import change_over

    gone = dict.fromkeys(name for names in variants.values() for name in names)
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
