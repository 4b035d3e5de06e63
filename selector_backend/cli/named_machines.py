"""Machines with names, and those of them that are shipped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..authoring import toml
from ..installing.facts import FACTS, Kind
from ..installing.machine import Fact, Machine, load_fact
from ..installing.probes import complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MACHINES = Path(__file__).with_name("machines.toml")


@dataclass(frozen=True)
class NamedMachine:
    """A machine: its name, the real machine or document that it follows, and its GPU's name."""

    name: str
    after: str
    machine: Machine
    gpu: str = ""

    def with_facts(self, facts: Mapping[str, Fact]) -> NamedMachine:
        """Return the machine with ``facts`` in place of its own."""
        return replace(self, machine=self.machine.with_facts(facts))


def shipped_machines(names: tuple[str, ...]) -> Iterator[NamedMachine]:
    """Yield the machines that are shipped, with the facts ``names``."""
    data = toml.loads(_MACHINES.read_text(encoding="utf-8"))
    for one in data["machine"]:
        system, machine = one["system"].split()
        marker = {**data["marker"], **data["system"][system], "platform_machine": machine}
        values = {**one["facts"], "marker": marker}
        facts = {}
        for name in names:
            in_environment = FACTS[name].kind is Kind.DISTRIBUTIONS
            reason = "its environment is not known" if in_environment else "such a machine has none"
            fact = Fact(name, "this machine", reason=reason)
            if name in values:
                fact = load_fact(name, values[name], one["after"])
            facts[name] = complete(fact)
        yield NamedMachine(one["name"], one["after"], Machine(facts), one.get("gpu", ""))
