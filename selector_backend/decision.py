"""Which variants a machine gets, and why. Pure: values in, a value out.

The sentences made here are the ones that the error message, the record and the command show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from packaging.markers import Marker, UndefinedComparison
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from .machine import FACTS, Fact, Kind
from .selector import fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.requirements import Requirement
    from packaging.version import Version

    from .machine import Machine
    from .request import Request
    from .selector import Condition, Selector, Variant


@dataclass(frozen=True)
class Verdict:
    """Whether a variant fits the machine, and the sentence that says why.

    ``fits`` is ``None`` where the variant was not judged, since the choice was forced.
    """

    variant: str
    fits: bool | None
    reason: str


@dataclass(frozen=True)
class Decision:
    """What a request gets on a machine.

    ``variants`` is empty where nothing fits or a variant refuses; then `problem` says so.
    ``facts`` are the facts that counted.
    """

    selector: Selector
    request: Request
    variants: tuple[Variant, ...]
    verdicts: tuple[Verdict, ...]
    facts: Mapping[str, Fact]
    refusal: str | None = None

    @property
    def variant_requires(self) -> tuple[Requirement, ...]:
        """The requirements of the variants chosen."""
        return tuple(one for variant in self.variants for one in variant.requires)

    @property
    def requires(self) -> tuple[Requirement, ...]:
        """All the requirements: those for every variant first."""
        return (*self.selector.requires, *self.variant_requires)

    @property
    def problem(self) -> str | None:
        """The message for a machine that gets nothing, or ``None``."""
        if self.variants:
            return None
        selector = self.selector
        name = f"{selector.project} {selector.version}"
        lines = [f"{name} cannot be installed on this machine."]
        if self.refusal is not None:
            lines.append(self.refusal)
        lines.append("Its variants:" if self.refusal is not None else "No variant fits:")
        lines += [
            f"  {verdict.variant}: {'fits: ' if verdict.fits else ''}{verdict.reason}"
            for verdict in self.verdicts
        ]
        if selector.advice:
            lines.append(fill(selector.advice, _placeholders(selector, self.facts)))
        forcing = [f"{selector.variable}={one.name}" for one in selector.variants if not one.refuse]
        if forcing:
            lines.append(f"To force a variant, set an environment variable: {' or '.join(forcing)}")
        return "\n".join(lines)


def decide(selector: Selector, machine: Machine, request: Request) -> Decision:
    """Return what ``request`` gets on ``machine``. Never raises for a selector without problems.

    A request that names variants gets them, whatever the machine; otherwise the first variant that
    fits is chosen.
    """
    if not request.automatic:
        chosen = tuple(one for one in selector.variants if one.key in request.variants)
        verdicts = tuple(
            _forced(variant, variant in chosen, request) for variant in selector.variants
        )
        return Decision(selector, request, chosen, verdicts, facts={})
    facts = {name: _relevant(machine[name], selector) for name in selector.facts}
    verdicts = tuple(judge(variant, machine) for variant in selector.variants)
    first = next(
        (variant for variant, verdict in zip(selector.variants, verdicts) if verdict.fits), None
    )
    if first is None:
        return Decision(selector, request, (), verdicts, facts)
    if first.refuse is not None:
        refusal = fill(first.refuse, _placeholders(selector, facts))
        return Decision(selector, request, (), verdicts, facts, refusal)
    return Decision(selector, request, (first,), verdicts, facts)


def judge(variant: Variant, machine: Machine) -> Verdict:
    """Return whether ``variant`` fits ``machine``.

    The reason names what holds of the alternative that does, or what does not hold of each.
    """
    if not variant.when:
        return Verdict(variant.name, fits=True, reason="it fits every machine")
    failures = []
    for alternative in variant.when:
        answers = [holds(condition, machine[condition.fact]) for condition in alternative]
        if all(held for held, _ in answers):
            reason = " and ".join(sentence for _, sentence in answers)
            return Verdict(variant.name, fits=True, reason=reason)
        failures.append(", ".join(sentence for held, sentence in answers if not held))
    reason = "; and ".join(dict.fromkeys(failures))
    return Verdict(variant.name, fits=False, reason=reason)


def holds(condition: Condition, fact: Fact) -> tuple[bool, str]:
    """Return whether ``condition`` holds for ``fact``, and the sentence that says so."""
    operand, value, name = condition.operand, fact.value, fact.name
    if operand is False:
        if value is None:
            return True, f"{name} is absent: {fact.reason}"
        return False, f"{name} is there ({fact.text})"
    if value is None:
        return False, f"{name} is absent: {fact.reason}"
    if operand is True:
        return True, f"{name} is there ({fact.text})"
    if isinstance(operand, SpecifierSet):
        return _in_specifier(operand, fact)
    if isinstance(operand, Marker):
        return _marker_holds(operand, cast("Mapping[str, str]", value))
    names = cast("frozenset[str]", value)
    missing = [wanted for wanted in operand if wanted not in names]
    if missing:
        # Of several providers some may have failed; the source says which, and why.
        source = f" ({fact.source})" if FACTS[name].kind is Kind.PROPERTIES else ""
        return False, f"{name} lacks {', '.join(missing)}{source}"
    return True, f"{name} has {', '.join(operand)}"


def _in_specifier(specifier: SpecifierSet, fact: Fact) -> tuple[bool, str]:
    """One of several versions is enough: a machine's GPUs may differ."""
    if FACTS[fact.name].kind is Kind.VERSIONS:
        versions = cast("tuple[Version, ...]", fact.value)
        fitting = [str(one) for one in versions if specifier.contains(one, prereleases=True)]
        if fitting:
            return True, f"{fact.name} {fitting[-1]} is {specifier}"
        either = "is not" if len(versions) == 1 else "are not"
        return False, f"{fact.name} {fact.text} {either} {specifier}"
    held = specifier.contains(cast("Version", fact.value), prereleases=True)
    return held, f"{fact.name} {fact.text} is {'' if held else 'not '}{specifier}"


def _marker_holds(marker: Marker, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Evaluate a marker in a machine's own environment, not in this interpreter's."""
    missing = [name for name in variables(marker) if name not in environment]
    if missing:
        return False, f"marker {marker} cannot be told: {missing[0]} is not known"
    try:
        held = marker.evaluate(dict(environment))
    except (UndefinedComparison, InvalidVersion) as error:
        return False, f"marker {marker} cannot be told: {error}"
    known = ", ".join(f"{name} is {environment[name]!r}" for name in variables(marker))
    return held, f"marker {marker} is {'true' if held else f'false: {known}'}"


def variables(marker: Marker) -> tuple[str, ...]:
    """Return the names of the marker variables that ``marker`` uses, in its order."""
    outside_quotes = re.sub(r"'[^']*'|\"[^\"]*\"", "", str(marker))
    words = re.findall(r"[a-z_]+", outside_quotes)
    return tuple(dict.fromkeys(word for word in words if word not in ("and", "or", "in", "not")))


def _relevant(fact: Fact, selector: Selector) -> Fact:
    """Return ``fact``, an environment cut down to the variables that the table's markers use."""
    if FACTS[fact.name].kind is not Kind.ENVIRONMENT or fact.value is None:
        return fact
    used = [
        name
        for condition in selector.conditions
        if isinstance(condition.operand, Marker)
        for name in variables(condition.operand)
    ]
    environment = cast("Mapping[str, str]", fact.value)
    value = {name: environment[name] for name in dict.fromkeys(used) if name in environment}
    return Fact(fact.name, fact.source, value=value)


def _forced(variant: Variant, chosen: bool, request: Request) -> Verdict:
    what = "it was" if chosen else "another was"
    return Verdict(variant.name, fits=None, reason=f"{what} asked for by {request.source}")


def _placeholders(selector: Selector, facts: Mapping[str, Fact]) -> dict[str, str]:
    texts = {name: fact.text for name, fact in facts.items()}
    return {**texts, "project": selector.project, "version": selector.version}
