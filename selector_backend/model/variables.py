"""The environment variables ``SELECTOR_…``, and misspelled ones.

A fact's is `FactType.variable`; the one that forces a variant is the table's.
"""

from __future__ import annotations

from ..errors import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Their common prefix.
PREFIX = "SELECTOR_"

#: Names a machine profile; ``-C machine`` wins over it.
MACHINE_VARIABLE = "SELECTOR_MACHINE"

#: Asks for a portable wheel, as ``-C portable=true`` does.
PORTABLE_VARIABLE = "SELECTOR_PORTABLE"

#: The platforms that a lock is for: ``here``, or all of them.
PLATFORMS_VARIABLE = "SELECTOR_PLATFORMS"

#: The time limit of a family of facts, in seconds.
TIMEOUT_VARIABLE = "SELECTOR_PROBE_TIMEOUT"

#: The folder that has ``sys``, ``dev`` and ``opt``, if not the root: a container may have those of
#: its host in a folder such as ``/host``.
ROOT_VARIABLE = "SELECTOR_SYSROOT"

#: 0 if `selector_runtime` is not to advise to choose again.
ADVICE_VARIABLE = "SELECTOR_ADVICE"

# How similar two names have to be after the prefix, by `difflib`'s ratio: two swapped letters of
# CUDA are 0.75, GPU and CPU are less.
_CLOSENESS = 0.75


def near_misses(names: Iterable[str], *others: str) -> tuple[str, ...]:
    """Return a sentence on each variable of ``names`` that looks like a misspelled one of ours.

    ``others`` are ours too, such as the table's variable, which may have any name.
    """
    set_here = [name for name in names if name.startswith(PREFIX)]
    if not set_here:  # as on most machines
        return ()
    from .facts import FACTS

    ours = {MACHINE_VARIABLE, PORTABLE_VARIABLE, TIMEOUT_VARIABLE, ROOT_VARIABLE, ADVICE_VARIABLE}
    ours.add(PLATFORMS_VARIABLE)
    ours.update(fact.variable for fact in FACTS.values())
    known = {name[len(PREFIX) :] for name in ours}
    return tuple(
        f"the environment variable {name} is not known, did you mean {PREFIX}{near}?"
        for name in sorted({*set_here} - ours - {*others})
        if (near := nearest(name[len(PREFIX) :], known, _CLOSENESS))
    )
