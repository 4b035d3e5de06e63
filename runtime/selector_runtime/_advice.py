"""Advice to choose again, where a library that a better variant needs has been installed since.

Imported only where the record has a library that was not found. The library is not loaded.
"""

from __future__ import annotations

import os

from . import DOES_NOT_FIT, Attempt
from ._loader import findable
from ._record import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._record import Record

# What a variant is for, by the fact of its condition.
_TITLES = {
    **dict.fromkeys(("cuda", "nvidia-driver", "compute-capability"), "CUDA"),
    "rocm": "ROCm",
    "xpu": "Intel GPUs",
}


def advice(project: str, text: str, better: Iterable[str], used: str) -> str:
    """Return the advice on the variants ``better`` than the one in use, ``""`` if there is none.

    ``text`` is the record's.
    """
    # Most machines get no driver later, and parsing takes longer than this search.
    lists = (part.partition("]")[0] for part in text.split('"not-found":')[1:])
    named = {name for part in lists for name in part.replace(",", " ").split('"')[1::2]}
    if not any(findable(name, os.environ) for name in named):
        return ""
    record = parse(text)
    if record is None or not record.chose(used) or not record.follows_machine:
        return ""
    libraries_now = {
        fact: library
        for fact, libraries in record.not_found.items()
        for library in reversed(libraries)  # so that the first counts
        if findable(library, os.environ)
    }
    again = Attempt(project, used, "", DOES_NOT_FIT).command
    for variant in better if libraries_now else ():
        for alternative in record.when(variant) or ():
            fact = next((name for name in alternative if name in libraries_now), "")
            if not fact or not _may_hold(alternative, record, libraries_now):
                continue
            return "\n".join(
                [
                    f"a variant for {_TITLES.get(fact, fact)} may fit now: {variant} of {project} "
                    f"was not installed, since {libraries_now[fact]} was not found then, "
                    "and is found now.",
                    "  To choose again:",
                    *(f"    {command}" for command in again.splitlines()),
                    "To hide this, set SELECTOR_ADVICE to 0",
                ]
            )
    return ""


def _may_hold(
    alternative: Mapping[str, Any], record: Record, libraries_now: Mapping[str, str]
) -> bool:
    """Return whether conditions may hold, now that the libraries of some facts exist."""
    from ._fits import READERS, fits

    rest = {fact: wanted for fact, wanted in alternative.items() if fact not in libraries_now}
    others_hold = all(
        fact in READERS or (fact in record.absent) is (wanted is False)
        for fact, wanted in rest.items()
    )
    return others_hold and bool(fits([rest])[0])
