"""The environment variables ``SELECTOR_…``: those that are ours, and those that are nearly ours.

A fact's own is `FactType.variable`, the one that forces a variant is the table's.
"""

from __future__ import annotations

from ..errors import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: What all of them begin with.
PREFIX = "SELECTOR_"

#: Names a machine profile; ``-C machine`` wins over it.
MACHINE_VARIABLE = "SELECTOR_MACHINE"

#: Asks for a portable wheel, as ``-C portable=true`` does.
PORTABLE_VARIABLE = "SELECTOR_PORTABLE"

#: Says which platforms a lock is for: ``here``, or all of them.
PLATFORMS_VARIABLE = "SELECTOR_PLATFORMS"

#: How long a family of facts may take, in seconds.
TIMEOUT_VARIABLE = "SELECTOR_PROBE_TIMEOUT"

#: Names the folder in which ``/sys``, ``/dev`` and ``/opt`` are, if not the root: containers are
#: given the host's under a name such as ``/host``.
ROOT_VARIABLE = "SELECTOR_SYSROOT"

#: Says whether `selector_runtime` may advise to choose again: 0 if it may not.
ADVICE_VARIABLE = "SELECTOR_ADVICE"

# How alike two names have to be, by `difflib`, which counts what follows the prefix: two letters
# of CUDA that changed places are 0.75, GPU and CPU are less.
_CLOSENESS = 0.75


def near_misses(names: Iterable[str], *others: str) -> tuple[str, ...]:
    """Return a sentence on each variable of ``names`` that is none of ours, and nearly one.

    ``others`` are also ours: the table's variable may have any name. What is not close to any
    is somebody else's.
    """
    set_here = [name for name in names if name.startswith(PREFIX)]
    if not set_here:  # as on nearly every machine
        return ()
    from .facts import FACTS

    ours = {MACHINE_VARIABLE, PORTABLE_VARIABLE, TIMEOUT_VARIABLE, ROOT_VARIABLE, ADVICE_VARIABLE}
    ours.add(PLATFORMS_VARIABLE)
    ours.update(fact.variable for fact in FACTS.values())
    words = {name[len(PREFIX) :] for name in ours}
    nearly = {
        name: near
        for name in sorted({*set_here} - ours - {*others})
        if (near := nearest(name[len(PREFIX) :], words, _CLOSENESS))
    }
    return tuple(
        f"the environment variable {name} is not known, did you mean {PREFIX}{near}?"
        for name, near in nearly.items()
    )
