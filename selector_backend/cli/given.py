"""What is given to `init`, by an option or by an answer.

Each function returns what a text stands for, and raises ``ValueError`` where it is not valid.
"""

from __future__ import annotations

import keyword
import sys
from typing import Any, Callable, TypeVar

from packaging.version import Version

from ..authoring import toml
from ..authoring.selector import parse_selector
from ..errors import did_you_mean
from ..installing.request import ALL, AUTO
from ..model.markers import is_name, normalize
from ..model.table import CAPABILITY, REQUIREMENT
from .common import UsageError, shown
from .skeleton import CORE, VERSION, NewVariant, known_condition

T = TypeVar("T")

KINDS = {
    REQUIREMENT: ["cu13", "cu12", "cpu"],
    CAPABILITY: ["x86-64-v3", "x86-64-v2", "cpu"],
}
EXAMPLE = 'compute-capability = ">=9.0"'


def read_option(option: str, text: str, read: Callable[[str], T]) -> T:
    """Read what an option is given."""
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None


def read_name(text: str) -> str:
    """Return a project's name."""
    name = text.strip()
    if not is_name(name):
        raise ValueError("expected ASCII letters and digits, with '-', '_' and '.' between them")
    if name[0].isdigit():
        raise ValueError("a variable and modules are named after it; expected a letter first")
    return name


def read_import_name(text: str) -> str:
    """Return the name of core's package, which hides no other that it is imported beside."""
    name = text.strip()
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        raise ValueError("expected a name that can be imported: ASCII letters, digits and '_'")
    if name == "selector_runtime" or name in getattr(sys, "stdlib_module_names", ()):
        raise ValueError("it would hide the module of that name; give the package another name")
    return name


def read_version(text: str) -> str:
    """Return a version in its normal form."""
    try:
        return str(Version(text))
    except ValueError:
        raise ValueError("expected a version such as 0.1 or 2.0rc1 (PEP 440)") from None


def read_kind(text: str) -> str:
    """Return a kind of selector."""
    kind = text.strip().lower()
    if kind not in KINDS:
        raise ValueError(f"expected {' or '.join(map(repr, KINDS))}{did_you_mean(kind, KINDS)}")
    return kind


def read_names(text: str) -> list[str]:
    """Return the names of variants; spaces or commas separate them."""
    names = [read_variant_name(name) for name in text.replace(",", " ").split()]
    if not names:
        raise ValueError("expected one or more names, such as cu12 and cpu")
    return names


def read_variant_name(text: str) -> str:
    """Return a variant's name."""
    name = text.strip()
    if not is_name(name):
        raise ValueError(
            "expected a name of ASCII letters and digits, with '-', '_' and '.' between them"
        )
    if normalize(name) == CORE:
        raise ValueError("core has that name; give the variant another one")
    if normalize(name) in (AUTO, ALL):
        raise ValueError("'auto' and 'all' have a meaning in requests; give it another name")
    return name


def read_variant(text: str) -> NewVariant:
    """Return the variant that an option gives: a name that is known, or one with a condition."""
    name, colon, condition = text.partition(":")
    name = read_variant_name(name)
    when = read_condition(condition) if colon else known_condition(name)
    if when is None:
        raise ValueError(
            f"the name does not say when it fits; write {shown([f'{name}: {EXAMPLE}'])}, for "
            f"example, or '{name}:' if it fits every machine"
        )
    return NewVariant(name, when)


def read_condition(text: str) -> dict[str, Any]:
    """Return a ``when`` table that is written as an inline table of TOML, without the braces."""
    try:
        table = toml.loads(f"when = {{ {text} }}")
    except ValueError as error:
        found = str(error).partition(" (at ")[0]  # the place is one in our own line
        raise ValueError(f"not a condition in TOML, such as {EXAMPLE}: {found}") from None
    when: dict[str, Any] = table.pop("when")
    if table:
        raise ValueError(f"expected one condition, such as {EXAMPLE}")
    if when:
        variant = {"name": "new", "when": when}
        problems = parse_selector({"variant": [variant]}, project="new", version=VERSION)[1]
        if problems:
            key = "tool.selector.variant[0].when."
            raise ValueError(
                "; ".join(f"{one.key.removeprefix(key)}: {one.message}" for one in problems)
            )
    return when
