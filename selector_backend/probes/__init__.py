"""Reading the machine's facts: a module for each family of facts, called by `read_machine`.

`selector_backend.model.facts.FACTS` says which family reads a fact; `family.Family` is what each
module provides.
"""

from __future__ import annotations

import importlib
import sys

from ..model.facts import FACTS
from ..model.machine import Fact, Machine, override, read_profile
from ..model.table import Scope
from ..model.values import replace
from .family import Family, read_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Protocol

    from ..model.kinds import Value
    from ..model.machine import ProfileFile

    class Memory(Protocol):
        """Keeps facts that were read, for later hooks."""

        def recall(self) -> Machine:
            """Return the facts that were read before."""

        def remember(self, machine: Machine) -> None:
            """Keep ``machine`` for later."""


#: The scope where facts are read without a table.
NO_TABLE = Scope()


def read_machine(
    names: Collection[str],
    environ: Mapping[str, str],
    memory: Memory | None = None,
    *,
    scope: Scope = NO_TABLE,
    profile: ProfileFile | None = None,
) -> Machine:
    """Return the machine that runs this, with the facts ``names`` and no others.

    A fact that ``SELECTOR_<FACT>`` in ``environ`` sets, or a ``profile`` of another machine, is not
    read. ``scope`` has the table's inputs for the probes. ``memory`` keeps the facts that were read
    for the next hook.

    Raises `SelectorError` if a variable or the profile is invalid.
    """
    read_timeout(environ)
    facts = {name: fact for name in names if (fact := override(name, environ)) is not None}
    if profile is not None:
        facts = {**read_profile(profile, names).facts, **facts}
    facts = {name: complete(fact) for name, fact in facts.items()}
    wanted = [name for name in names if name not in facts]
    known = memory.recall() if memory else Machine()
    unknown = [name for name in wanted if name not in known.facts]
    if unknown:
        read = {fact.name: fact for fact in _read(unknown, environ, scope)}
        known = Machine({**read, **known.facts})
        if memory:
            memory.remember(known)
    facts.update((name, known[name]) for name in wanted)
    return Machine({name: facts[name] for name in names})


def needs(
    names: Collection[str], environ: Mapping[str, str], scope: Scope, *, profiled: bool
) -> list[str]:
    """Return the requirements of reading and judging the facts ``names`` on this system.

    Facts of a profile (``profiled``) are not read, nor is a fact that a variable sets.
    """
    read = [name for name in names if not profiled and override(name, environ) is None]
    needed = [family.needs_to_judge(scope) for family in families(names)]
    needed += [family.needs(scope) for family in families(read)]
    return [requirement for requirements in needed for requirement in requirements]


def families(names: Iterable[str]) -> dict[Family, list[str]]:
    """Return the families that read the facts ``names``, each with its facts of these."""
    members: dict[Family, list[str]] = {}
    for name in names:
        module = importlib.import_module(f"{__name__}.{FACTS[name].family}")
        members.setdefault(module.FAMILY, []).append(name)
    return members


def _read(names: Iterable[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    facts = []
    for family, members in families(names).items():
        if family.is_64_bit and sys.maxsize < 2**32:
            # Windows' drivers, for example, have 32-bit libraries too, but no wheel does.
            reason = "this Python is 32-bit, and programs for GPUs are 64-bit"
            facts += [Fact(name, FACTS[name].source, reason=reason) for name in members]
            continue
        try:
            facts += family.read(members, environ, scope)
        except Exception as error:  # noqa: BLE001 - a probe must not make the install fail
            from .child import describe

            reason = f"it could not be read: {describe(error)}"
            facts += [Fact(name, FACTS[name].source, reason=reason) for name in members]
    return facts


def complete(fact: Fact) -> Fact:
    """Return a stated fact with everything that its value implies."""
    if fact.value is None:
        return fact
    try:
        return replace(fact, value=with_implied(fact.name, fact.value))
    except Exception as error:  # noqa: BLE001 - as where it is read
        from .child import describe

        return replace(fact, reason=f"what it implies is not known: {describe(error)}")


def with_implied(name: str, value: Value) -> Value:
    """Return a value of the fact ``name`` with everything it implies: ``zen3`` has ``avx2``."""
    (family,) = families([name])
    implied: Value = family.implies(value)
    return implied
