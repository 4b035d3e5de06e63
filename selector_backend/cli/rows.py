"""The rows of ``selector-backend matrix``: machines, and what each of them gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..installing.decision import NothingFits
from ..installing.messages import message_of

if TYPE_CHECKING:
    from ..installing.decision import Decision
    from ..installing.record import Verdict
    from ..installing.table import Variant
    from .fleet import NamedMachine


@dataclass(frozen=True)
class Row:
    """A machine, and what it gets."""

    of: NamedMachine
    decision: Decision

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each variant, in the table's order."""
        variants = self.decision.selector.variants
        chosen = self.decision.names
        return [_outcome(*pair, chosen) for pair in zip(variants, self.decision.verdicts)]

    @property
    def decided(self) -> str | None:
        """The name of the variant that is chosen, or that refuses; ``None`` where none fits."""
        stop = self.decision.stop
        if isinstance(stop, NothingFits) and stop.refused:
            return stop.refused.name
        return next(iter(self.decision.names), None)

    def dump(self) -> dict[str, object]:
        """Return the row as JSON data."""
        decision = self.decision
        return {
            "name": self.of.name,
            "after": self.of.after,
            "variants": decision.names,
            "problem": message_of(decision),
            "facts": {name: fact.dump() for name, fact in decision.facts.items()},
            "verdicts": [
                {"name": one.variant, "fits": one.fits, "reason": one.reason}
                for one in decision.verdicts
            ],
        }


def _outcome(variant: Variant, verdict: Verdict, chosen: list[str]) -> str:
    if variant.name in chosen:
        return "chosen"
    if not verdict.fits:
        return "-"
    return "fits" if variant.refuse is None else "refuses"
