"""Write the parts of the documentation that are made from the code.

Usage: python docs/make.py [--check]

They are the tables of keys in reference/table.md, from `selector_backend.authoring.keys`, and the
table of facts in reference/facts.md, from `selector_backend.installing.facts.FACTS`. With --check
nothing is written, and the exit status is 1 if a page is not what the code says.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from selector_backend.authoring.keys import PROVIDER, TABLE, VARIANT
from selector_backend.installing.facts import FACTS, FactType, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from selector_backend.authoring.structure import Key

REFERENCE = Path(__file__).with_name("reference")
PART = re.compile(r"(<!-- made by docs/make.py: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

OPERANDS = {
    Kind.VERSION: "a specifier",
    Kind.VERSIONS: "a specifier, in which one of the versions is enough",
    Kind.NAMES: "a name, or a list of names that are all there",
    Kind.ENVIRONMENT: "a marker",
    Kind.DISTRIBUTIONS: "a requirement, or a list of requirements that are all met",
    Kind.PROPERTIES: "a property, or a list of properties that are all supported",
}

#: Where a page says more of a key.
MORE = {
    "backend": "../how-to/one-tree.md",
    "conform": "../how-to/one-environment.md#variants-that-exclude-each-other",
    "dependencies": "../how-to/one-tree.md#built-against",
    "kind": "../how-to/one-environment.md",
    "provider": "facts.md#properties-of-wheel-variants-property",
    "self-contained": "../how-to/self-contained.md",
    "variable": "#asking-for-a-variant",
    "when": "#conditions",
}


def fact_row(fact: FactType) -> str:
    """Return the table's row for one fact."""
    cells = (
        f"`{fact.name}`",
        fact.meaning,
        OPERANDS[fact.kind],
        fact.source,
        f"`{fact.variable}={shlex.quote(fact.example)}`",
    )
    return f"| {' | '.join(cells)} |\n"


def facts() -> str:
    """Return the table of all facts."""
    head = "| key | is | a condition on it is | read from | stated by |\n|---|---|---|---|---|\n"
    return head + "".join(map(fact_row, FACTS.values()))


def keys(some: Iterable[tuple[str, Key]]) -> str:
    """Return a table of keys, each with the words that follow its name."""
    rows = ["| key | means | when left out |\n|---|---|---|\n"]
    for place, key in some:
        more = f". [More of this]({MORE[key.name]})" if key.name in MORE else ""
        default = key.default or ("it has to be there" if key.missing else "")
        rows.append(f"| `{key.name}`{place} | {key.description}{more} | {default} |\n")
    return "".join(rows)


def made(part: re.Match[str]) -> str:
    """Return one made part of a page as the code has it."""
    own = [("", key) for key in TABLE.keys if not key.tree]
    variant = [("", key) for key in VARIANT.keys if not key.tree]
    tree = [(", in `[tool.selector]`", key) for key in TABLE.keys if key.tree]
    tree += [(", in a variant", key) for key in VARIANT.keys if key.tree]
    provider = [("", key) for key in PROVIDER.keys]
    tables = {"table": own, "variant": variant, "tree": tree, "provider": provider}
    text = facts() if part[2] == "facts" else keys(tables[part[2]])
    return f"{part[1]}{text}{part[3]}"


def main() -> int:
    """Write the pages, or check them."""
    for path in (REFERENCE / "facts.md", REFERENCE / "table.md"):
        page = path.read_text(encoding="utf-8")
        new = PART.sub(made, page)
        if sys.argv[1:] != ["--check"]:
            path.write_text(new, encoding="utf-8")
        elif new != page:
            print(f"{path.name} is not what the code says: run python docs/make.py")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
