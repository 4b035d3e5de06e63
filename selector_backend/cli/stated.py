"""What ``--set`` states. It needs only the standard library: the demo of spam uses it, too."""

from __future__ import annotations

from ..errors import did_you_mean
from ..model.facts import FACTS
from ..model.machine import OPTION, Fact, parse_stated


def parse_setting(setting: str) -> Fact:
    """Return the fact that ``cuda=12.4`` states; with nothing after the ``=``, it is absent.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    name, equals, text = setting.partition("=")
    name = name.strip()
    if name not in FACTS:
        hint = did_you_mean(name, FACTS) or f"; the facts are {', '.join(FACTS)}"
        raise ValueError(f"{name!r} is not a fact{hint}")
    example = f"--set {name}={FACTS[name].example}"
    if not equals:
        raise ValueError(f"expected a value, for example {example}")
    try:
        return parse_stated(name, text, OPTION, absent=f"{OPTION} says so")
    except ValueError as error:
        raise ValueError(f"{error}; for example {example}") from None
