"""The documentation and the code say the same."""

from __future__ import annotations

import json
import re

import pytest
from support.environment import ROOT

from selector_backend.model.facts import FACTS
from selector_backend.probes.profile import load_machine

PAGE = ROOT / "docs/reference/facts.md"


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_has_its_family_its_example_and_its_prose(name: str) -> None:
    fact = FACTS[name]
    assert (ROOT / f"selector_backend/probes/{fact.family}.py").is_file()
    assert fact.kind.parse(fact.example)
    headings = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    assert any(f"`{name}`" in heading for heading in headings)


def test_the_profile_on_the_page_is_one() -> None:
    (profile,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    machine = load_machine(json.loads(profile), PAGE.name)
    assert machine["cuda"].text == "12.4"
    assert machine["rocm"].value is None


def test_every_kind_of_fact_reads_back_what_it_writes() -> None:
    for fact in FACTS.values():
        value = fact.kind.parse(fact.example)
        assert fact.kind.load(fact.kind.dump(value)) == value
