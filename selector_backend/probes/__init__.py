"""Reading the machine's facts: a module for each family of facts, called by `read_machine`.

`selector_backend.model.facts.FACTS` says which family reads a fact; `Family` is what each module
provides.
"""

from __future__ import annotations

import os
import sys

from ..errors import SelectorError
from ..model.facts import FACTS
from ..model.machine import Fact, Machine, override
from ..model.table import Scope
from ..model.values import dataclass, replace
from ..model.variables import ROOT_VARIABLE, TIMEOUT_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from ..model.kinds import Value
    from ..model.machine import ProfileFile

    class Memory(Protocol):
        """Keeps facts that were read, for later hooks."""

        def recall(self) -> Machine:
            """Return the facts that were read before."""

        def remember(self, machine: Machine) -> None:
            """Keep ``machine`` for later."""


#: The time limit of a family of facts, in seconds.
TIMEOUT = 10.0
#: The device through which WSL 2 reaches any GPU; it has no driver for the GPU itself.
WSL_DEVICE = "dev/dxg"


@dataclass(frozen=True)
class Family:
    """A family of facts, which are read together: the ``FAMILY`` of each module.

    ``read`` returns the facts of the names it gets, and may return others of the family. A fact
    that cannot be read is absent, with the reason: ``read`` does not raise for it.

    ``needs`` returns the requirements of reading on this system, and ``needs_to_judge`` those of
    judging facts, read or stated. ``implies`` returns a stated value with everything it implies.
    ``carries`` maps distributions to the modules that reading and judging import from them, for
    self-contained sdists. ``is_64_bit`` is whether a 32-bit Python can use none of the facts.
    """

    read: Callable[[Collection[str], Mapping[str, str], Scope], list[Fact]]
    needs: Callable[[Scope], Sequence[str]] = lambda _: ()
    needs_to_judge: Callable[[Scope], Sequence[str]] = lambda _: ()
    implies: Callable[[Any], Any] = lambda value: value
    carries: Callable[[Scope], Mapping[str, str]] = lambda _: {}
    is_64_bit: bool = False


def read_timeout(environ: Mapping[str, str]) -> float:
    """Return the time limit of a family of facts, in seconds.

    Raises `SelectorError` if ``SELECTOR_PROBE_TIMEOUT`` is not a number above zero.
    """
    text = environ.get(TIMEOUT_VARIABLE) or str(TIMEOUT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds < float("inf"):
        return seconds
    raise SelectorError(
        f"the environment variable {TIMEOUT_VARIABLE} is {text!r}; "
        f"expected a number of seconds, for example {TIMEOUT_VARIABLE}=30"
    )


def below_root(environ: Mapping[str, str], path: str) -> str:
    """Return a path in the folder that has ``sys``, ``dev`` and ``opt``."""
    return os.path.join(environ.get(ROOT_VARIABLE) or "/", path)


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Return whether this is WSL 2 with a GPU of any maker."""
    return os.path.exists(below_root(environ, WSL_DEVICE))


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
        from .profile import read_profile

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
        module = __import__(f"{__name__}.{FACTS[name].family}", fromlist=["FAMILY"])
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
