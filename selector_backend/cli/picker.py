"""What a visitor of the page picks to find a machine: its system, its GPU, and its driver.

All of it is made from facts, by the part of a machine that `FACTS` gives each of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ..installing.conditions import text_of
from ..installing.facts import FACTS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..installing.machine import Fact
    from ..installing.table import Selector
    from .named_machines import NamedMachine

#: The facts that a machine is picked by.
PICKED_BY = tuple(
    name for name, fact in FACTS.items() if fact.part or fact.kind is Kind.ENVIRONMENT
)

_SYSTEMS = {"Darwin": "macOS", "darwin": "macOS", "linux": "Linux", "win32": "Windows"}
_NOT_KNOWN = "not known"
_NONE = "none"


class Pick(NamedTuple):
    """What to pick to find a machine; ``machine`` is its name, which no other has."""

    system: str
    gpu: str
    driver: str
    machine: str


def picked_by(selector: Selector) -> list[str]:
    """Return the fields of a `Pick` to ask for: GPU and driver where the table asks for one."""
    asked = {FACTS[name].part for name in selector.facts}
    left_out = () if asked & {"gpu", "driver"} else ("gpu", "driver")
    return [name for name in Pick._fields if name not in left_out]


def picks(machines: Sequence[NamedMachine]) -> list[Pick]:
    """Return what to pick for each of the machines.

    GPUs that have the same facts are one choice, named after all those with that system.
    """
    count = Counter(one.name for one in machines)
    names: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in machines:
        names[_alike(one)].update({one.gpu: None} if one.gpu else {})
    return [
        Pick(
            system=_system(one),
            gpu=_gpu(one, names[_alike(one)]),
            driver=_part("driver", one) or (_NOT_KNOWN if _has_gpu(one) else _NONE),
            machine=one.name if count[one.name] == 1 else f"{one.name} ({one.after})",
        )
        for one in machines
    ]


def _alike(one: NamedMachine) -> tuple[str, str]:
    """Return what machines have in common that are of one system and one kind of GPU."""
    return _system(one), _part("gpu", one) or one.gpu


def _has_gpu(one: NamedMachine) -> bool:
    return bool(one.gpu or _part("gpu", one))


def _gpu(one: NamedMachine, names: Iterable[str]) -> str:
    label, facts = ", ".join(names), _part("gpu", one)
    if label and facts:
        return f"{label} ({facts})"
    return label or facts or (_NOT_KNOWN if _part("driver", one) else _NONE)


def _system(one: NamedMachine) -> str:
    """Return the system and the architecture, and what else sets the system apart."""
    facts = one.machine.facts.values()
    variables = next(fact.value for fact in facts if FACTS[fact.name].kind is Kind.ENVIRONMENT)
    words = []
    if isinstance(variables, dict):
        system = variables.get("platform_system") or variables.get("sys_platform", "")
        words = [_SYSTEMS.get(system, system), variables.get("platform_machine", "")]
    label = " ".join(filter(None, words)) or _NOT_KNOWN
    return ", ".join(filter(None, [label, _part("system", one)]))


def _part(part: str, one: NamedMachine) -> str:
    """Return the facts of a part that a machine has, as people write them."""
    facts = [fact for fact in one.machine.facts.values() if FACTS[fact.name].part == part]
    return ", ".join(map(_text, (fact for fact in facts if fact.value is not None)))


def _text(fact: Fact) -> str:
    # Several GPUs of one kind are shown once; names need no name of the fact before them.
    value = tuple(dict.fromkeys(fact.value)) if isinstance(fact.value, tuple) else fact.value
    names = FACTS[fact.name].kind is Kind.NAMES
    return text_of(value) if names else f"{fact.name.replace('-', ' ')} {text_of(value)}"
