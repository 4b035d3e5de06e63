"""Reading the machine: one module a family of facts, all behind `read_machine`.

Which family reads which fact is in `selector_backend.model.facts.FACTS`, and what a family is in
`family.Family`.
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
        """Where what is read is left for who reads later."""

        def recall(self) -> Machine:
            """Return what was read before."""

        def remember(self, machine: Machine) -> None:
            """Leave ``machine`` for later."""


#: Where facts are read for no table.
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

    ``SELECTOR_<FACT>`` in ``environ`` wins over what could be read, and spares the reading. So
    does a ``profile`` that stands in for the machine. ``scope`` is that of the table.
    What one hook reads is left in ``memory``, if there is one, for the next.

    Raises `SelectorError` only if a variable, or a profile, is something that it cannot be.
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
    names: Collection[str], environ: Mapping[str, str], scope: Scope, *, stated: bool
) -> list[str]:
    """Return the requirements that the facts ``names`` take on this system.

    None are read if a profile has ``stated`` them, or a variable one of them.
    """
    read = [name for name in names if not stated and override(name, environ) is None]
    needed = [family.needs_to_judge(scope) for family in families(names)]
    needed += [family.needs(scope) for family in families(read)]
    return [requirement for requirements in needed for requirement in requirements]


def families(names: Iterable[str]) -> dict[Family, list[str]]:
    """Return the families that read the facts ``names``, each with those that are its own."""
    members: dict[str, list[str]] = {}
    for name in names:
        members.setdefault(FACTS[name].family, []).append(name)
    return {
        importlib.import_module(f"{__name__}.{module}").FAMILY: own
        for module, own in members.items()
    }


def _read(names: Iterable[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    facts = []
    for family, members in families(names).items():
        if family.is_64_bit and sys.maxsize < 2**32:
            # Windows' drivers, for one, have libraries of 32 bits, too, but no wheel does.
            reason = "this Python has 32 bits, and programs for GPUs have 64"
            facts += [Fact(name, FACTS[name].source, reason=reason) for name in members]
            continue
        try:
            facts += family.read(members, environ, scope)
        except Exception as error:  # noqa: BLE001 - no probe is worth an install that fails
            from .child import describe

            reason = f"it could not be read: {describe(error)}"
            facts += [Fact(name, FACTS[name].source, reason=reason) for name in members]
    return facts


def complete(fact: Fact) -> Fact:
    """Return a stated fact with all that its value implies."""
    if fact.value is None:
        return fact
    try:
        return replace(fact, value=with_implied(fact.name, fact.value))
    except Exception as error:  # noqa: BLE001 - as where it is read
        from .child import describe

        return replace(fact, reason=f"what it implies is not known: {describe(error)}")


def with_implied(name: str, value: Value) -> Value:
    """Return a value of the fact ``name`` with all that it implies: ``zen3`` has ``avx2``."""
    (family,) = families([name])
    implied: Value = family.implies(value)
    return implied
