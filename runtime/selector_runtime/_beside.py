"""Variants that exclude each other, and are installed all the same.

An installer that does not show the environment to the build, as uv does not, puts the one that it
installs beside the one that is there. Imported only where more than one variant is found.
"""

from __future__ import annotations

import os
import sys

from ._record import find_record, normalize

# How the record has it; so the record of a table whose variants may be together is not parsed.
_EXCLUDES = '"kind": "requirement"'


def side_by_side(project: str) -> str:
    """Return what to say of variants of ``project`` that must not be together, ``""`` if none."""
    record = find_record(project, mentioning=(_EXCLUDES,))
    if record is None or record.kind != "requirement":
        return ""
    here = _installed()
    variants = {
        name: own
        for name, own in record.distributions_of_variants().items()
        if here.issuperset(own)
    }
    if len(variants) < 2:
        return ""
    gone = dict.fromkeys(name for own in variants.values() for name in own)
    asked = ""
    if record.decided_by != "machine":
        asked = f"--config-settings {project}:variant={','.join(record.chosen)} "
    return "\n".join(
        [
            f"the variants {' and '.join(variants)} of {project} exclude each other, and are "
            f"installed side by side ({', '.join(gone)}): one may have files of the other.",
            "  To mend it:",
            f"    pip uninstall --yes {' '.join([project, *gone])}",
            f"    pip install {asked}{project}=={record.version}",
        ]
    )


def _installed() -> set[str]:
    """Return the names of the distributions on the import path, as names are compared."""
    found: set[str] = set()
    for folder in sys.path:
        try:
            names = os.listdir(os.fsdecode(folder or os.curdir))
        except (OSError, ValueError, TypeError):  # it is no folder, or no path at all
            continue
        found.update(
            normalize(name.partition("-")[0])
            for name in names
            if name.endswith((".dist-info", ".egg-info"))
        )
    return found
