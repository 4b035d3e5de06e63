"""Write the parts of the documentation that are made from the code.

Usage: python docs/make.py [--check]

That is the table of facts in reference/facts.md, from `selector_backend.installing.facts.FACTS`.
With --check nothing is written, and the exit status is 1 if the table is not what the code says.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from selector_backend.installing.facts import FACTS, FactType, Kind

PAGE = Path(__file__).with_name("reference") / "facts.md"
BEGIN = "<!-- made by docs/make.py: begin -->\n"
END = "<!-- made by docs/make.py: end -->\n"

OPERANDS = {
    Kind.VERSION: "a specifier",
    Kind.VERSIONS: "a specifier, in which one of the versions is enough",
    Kind.NAMES: "a name, or a list of names that are all there",
    Kind.ENVIRONMENT: "a marker",
    Kind.DISTRIBUTIONS: "a requirement, or a list of requirements that are all met",
    Kind.PROPERTIES: "a property, or a list of properties that are all supported",
}


def row(fact: FactType) -> str:
    """Return the table's row for one fact."""
    cells = (
        f"`{fact.name}`",
        fact.meaning,
        OPERANDS[fact.kind],
        fact.source,
        f"`{fact.variable}={shlex.quote(fact.example)}`",
    )
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    """Return the table of all facts."""
    head = "| key | is | a condition on it is | read from | stated by |\n|---|---|---|---|---|\n"
    return head + "".join(map(row, FACTS.values()))


def made(page: str) -> str:
    """Return ``page`` with the table that the code says."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


def main() -> int:
    """Write the page, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(made(page), encoding="utf-8")
    elif made(page) != page:
        print(f"{PAGE.name} is not what the code says: run python docs/make.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
