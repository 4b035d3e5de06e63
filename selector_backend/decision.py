"""Which variants a machine gets, and why. Pure: values in, a value out.

The sentences made here are the ones that the error message, the record and the command show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from packaging.markers import Marker, UndefinedComparison
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from .machine import FACTS, Fact, Kind
from .request import Request
from .selector import REQUIREMENT, fill, unquoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from packaging.requirements import Requirement
    from packaging.version import Version

    from .environment import Environment
    from .machine import Machine
    from .record import Record
    from .selector import Condition, Selector, Variant


@dataclass(frozen=True)
class Verdict:
    """Whether a variant fits the machine, and the sentence that says why.

    ``fits`` is ``None`` where the variant was not judged, since the choice was forced. ``clashes``
    is whether the machine would do, and what else is installed does not.
    """

    variant: str
    fits: bool | None
    reason: str
    clashes: bool = False


# How a verdict is introduced, by whether the variant fits and whether it is one to install.
_OUTCOMES: Mapping[tuple[bool | None, bool], str] = {
    (True, True): "fits: ",
    (True, False): "refuses: ",
    (False, True): "",
    (False, False): "",
}


@dataclass(frozen=True)
class Decision:
    """What a request gets on a machine, in an environment.

    ``variants`` is empty if it gets nothing, and then ``problem`` is the message that says why.
    ``facts`` are the facts that counted, ``notes`` what else is worth knowing.
    """

    selector: Selector
    request: Request
    variants: tuple[Variant, ...]
    verdicts: tuple[Verdict, ...]
    facts: Mapping[str, Fact]
    notes: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of the variants chosen."""
        return [variant.name for variant in self.variants]

    @property
    def variant_requires(self) -> tuple[Requirement, ...]:
        """The requirements of the variants chosen."""
        return tuple(one for variant in self.variants for one in variant.requires)

    @property
    def requires(self) -> tuple[Requirement, ...]:
        """All the requirements: those for every variant first."""
        return (*self.selector.requires, *self.variant_requires)

    @property
    def conform(self) -> Mapping[str, str]:
        """What the variants chosen need the whole environment to agree on."""
        return {name: text for variant in self.variants for name, text in variant.conform.items()}


def decide(
    selector: Selector, machine: Machine, request: Request, environment: Environment
) -> Decision:
    """Return what ``request`` gets on ``machine``. Never raises for a selector without problems.

    A request that names variants gets them, whatever the machine; otherwise the variant that is
    installed already stays if it fits, or else the first that fits is chosen. Neither gets into an
    environment that holds another variant, or whose other packages disagree.
    """
    exclusive = selector.kind == REQUIREMENT
    installed = _installed_variants(selector, environment) if exclusive else {}
    if request.automatic:
        decision = _choose(selector, machine, request, environment, installed)
    else:
        decision = _force(selector, request, environment)
    chosen = {variant.key for variant in decision.variants}
    others = {key: names for key, names in installed.items() if key not in chosen}
    if chosen and others:
        problem = _over_another(decision, others, environment)
        return replace(decision, variants=(), problem=problem)
    return decision


def _choose(
    selector: Selector,
    machine: Machine,
    request: Request,
    environment: Environment,
    installed: Collection[str],
) -> Decision:
    facts = {name: _relevant(machine[name], selector) for name in selector.facts}
    verdicts = tuple(_judge_in(environment, one, selector, machine) for one in selector.variants)
    decision = Decision(selector, request, (), verdicts, facts, environment.notes)
    fitting = [one for one, verdict in zip(selector.variants, verdicts) if verdict.fits]
    if not fitting:
        return replace(decision, problem=_nothing_fits(decision, environment))
    first = fitting[0]
    if first.refuse is not None:
        refusal = fill(first.refuse, _placeholders(selector, facts))
        return replace(decision, problem=_nothing_fits(decision, environment, refusal))
    chosen = next((one for one in fitting if one.key in installed), first)
    if chosen is not first:
        note = f"{first.name} fits, and comes first; {chosen.name} is installed already and stays"
        return replace(decision, variants=(chosen,), notes=(*decision.notes, note))
    return replace(decision, variants=(first,))


def _force(selector: Selector, request: Request, environment: Environment) -> Decision:
    chosen = tuple(one for one in selector.variants if one.key in request.variants)
    verdicts = tuple(_forced(one, one in chosen, request) for one in selector.variants)
    decision = Decision(selector, request, chosen, verdicts, {}, environment.notes)
    clashes = [clash for one in chosen if (clash := _clash(one, selector, environment))]
    if not clashes:
        return decision
    lines = [
        f"{_title(selector)} cannot be installed into this environment.",
        f"{clashes[0]}, and {chosen[0].name}, which {request.source} asks for, does not agree.",
        *_ways_out(selector, environment),
    ]
    return replace(decision, variants=(), problem="\n".join(lines))


def _judge_in(
    environment: Environment, variant: Variant, selector: Selector, machine: Machine
) -> Verdict:
    """Judge a variant by the machine, and then by what else is installed."""
    verdict = judge(variant, machine)
    clash = _clash(variant, selector, environment) if verdict.fits else None
    return Verdict(variant.name, fits=False, reason=clash, clashes=True) if clash else verdict


def _clash(variant: Variant, selector: Selector, environment: Environment) -> str | None:
    """Return a sentence on the first installed package that ``variant`` disagrees with, if any."""
    for other in environment.others(selector.project):
        for name in _disagree(variant, other):
            installed = f"{other.project} {other.version} is installed"
            return f"{installed} with {name} = {other.conform[name]}"
    return None


def _disagree(variant: Variant, other: Record) -> list[str]:
    """Return the names on which ``variant`` and an installed package do not agree."""
    wanted = variant.conform
    return [name for name, text in wanted.items() if other.conform.get(name, text) != text]


def _installed_variants(selector: Selector, environment: Environment) -> dict[str, tuple[str, ...]]:
    """Return the variants of this project that are installed, with the distributions of each.

    A variant is installed if all the distributions are that tell it from the others, or if the
    installed record names it and what it requires is there.
    """
    here = environment.versions.keys()
    found: dict[str, tuple[str, ...]] = {}
    requires: dict[str, set[str]] = {}
    for variant in selector.variants:
        own = selector.distributions_of(variant)
        requires[variant.key] = {canonicalize_name(one.name) for one in variant.requires}
        if own and own <= here:
            found[variant.key] = tuple(sorted(own))
    record = environment.record_of(selector.project)
    for name in record.variants if record else ():
        key = canonicalize_name(name)
        needed = requires.get(key) or set(record.distributions if record else ())
        if key not in found and needed and needed <= here:
            found[key] = record.distributions if record else ()
    return found


def _title(selector: Selector) -> str:
    return f"{selector.project} {selector.version}"


def _nothing_fits(decision: Decision, environment: Environment, refusal: str | None = None) -> str:
    """Return the message for a machine, or an environment, that gets nothing."""
    selector = decision.selector
    excluded = any(verdict.clashes for verdict in decision.verdicts)
    ways_out = _ways_out(selector, environment) if excluded and not refusal else []
    where = "into this environment" if ways_out else "on this machine"
    verdicts = [
        f"  {variant.name}: {_OUTCOMES[verdict.fits, variant.refuse is None]}{verdict.reason}"
        for variant, verdict in zip(selector.variants, decision.verdicts)
    ]
    advice = fill(selector.advice, _placeholders(selector, decision.facts))
    forcing = [f"{selector.variable}={one.name}" for one in selector.variants if not one.refuse]
    lines = [
        f"{_title(selector)} cannot be installed {where}.",
        *([refusal, "Its variants:"] if refusal else ["No variant fits:"]),
        *verdicts,
        *ways_out,
        *([advice] if advice else []),
    ]
    if forcing and not ways_out:
        lines.append(f"To force a variant, set an environment variable: {' or '.join(forcing)}")
    return "\n".join(lines)


def _ways_out(selector: Selector, environment: Environment) -> list[str]:
    """Return the lines that tell how to mend a disagreement with what else is installed."""
    in_the_way = [
        other
        for other in environment.others(selector.project)
        if any(_disagree(variant, other) for variant in selector.variants)
    ]
    names = " and ".join(other.project for other in in_the_way)
    gone = [name for other in in_the_way for name in (other.project, *other.distributions)]
    again = " ".join(other.project for other in in_the_way)
    pinned = f"{selector.project}=={selector.version}"
    return [
        f"Uninstall {names}, and then choose anew for both, or do without:",
        f"  pip uninstall --yes {' '.join(gone)}",
        f"  pip install {pinned} {again}",
        f"  pip install {pinned}",
    ]


def _over_another(
    decision: Decision, others: Mapping[str, tuple[str, ...]], environment: Environment
) -> str:
    """Return the message for an environment that holds another variant of the same project."""
    selector, request = decision.selector, decision.request
    chosen = decision.variants[0]
    verdicts = dict(zip((one.key for one in selector.variants), decision.verdicts))
    installed = [
        " and ".join(f"{name} {environment.versions[name]}" for name in names)
        or f"the variant {key}"
        for key, names in others.items()
    ]
    lines = [
        f"{_title(selector)} cannot be installed over another variant of it.",
        f"{' and '.join(installed)} {'is' if len(installed) == 1 else 'are'} installed.",
    ]
    pinned = f"{selector.project}=={selector.version}"
    record = environment.record_of(selector.project)
    if request.automatic:
        kept: list[str] = []
        for key in others:
            verdict = verdicts.get(key)
            lines.append(f"{key} {_why_not_kept(key, verdict, record)}.")
            if verdict and not (verdict.fits or verdict.clashes) and _asked_for(key, record):
                kept += [
                    f"To keep {key}, ask for it again:",
                    f"  pip install --config-settings variant={verdict.variant} {pinned}",
                ]
        lines += [f"{chosen.name} fits: {verdicts[chosen.key].reason}.", *kept]
    else:
        lines.append(f"{request.source} asks for {chosen.name}.")
    gone = [
        *([selector.project] if record else []),
        *(n for names in others.values() for n in names),
    ]
    asked = "" if request.automatic else f"--config-settings variant={chosen.name} "
    lines += [
        "The files of two variants must not get mixed. To change over:",
        f"  pip uninstall --yes {' '.join(gone)}",
        f"  pip install {asked}{pinned}",
    ]
    return "\n".join(lines)


def _why_not_kept(key: str, verdict: Verdict | None, record: Record | None) -> str:
    """Return what to say of the installed variant ``key``, which is not the one chosen."""
    if verdict is None:
        return "no longer fits: this version does not have it"
    if verdict.fits:
        return f"fits too, and comes later: {verdict.reason}"
    if record and _asked_for(key, record):
        by = f"was asked for by {record.decided_by} when it was installed"
        return f"{by}, and does not fit by itself: {verdict.reason}"
    return f"no longer fits: {verdict.reason}"


def _asked_for(key: str, record: Record | None) -> bool:
    """Return whether the installed variant ``key`` was forced, by what its record says."""
    if record is None or record.decided_by == Request().source:
        return False
    return canonicalize_name(key) in map(canonicalize_name, record.variants)


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
        return _in_specifier(operand, condition.text, fact)
    if isinstance(operand, Marker):
        return _marker_holds(operand, cast("Mapping[str, str]", value))
    names = cast("frozenset[str]", value)
    missing = [wanted for wanted in operand if wanted not in names]
    if missing:
        # Of several providers some may have failed; the source says which, and why.
        source = f" ({fact.source})" if FACTS[name].kind is Kind.PROPERTIES else ""
        return False, f"{name} lacks {', '.join(missing)}{source}"
    return True, f"{name} has {', '.join(operand)}"


def _in_specifier(specifier: SpecifierSet, text: str, fact: Fact) -> tuple[bool, str]:
    """One of several versions is enough: a machine's GPUs may differ."""
    if FACTS[fact.name].kind is Kind.VERSIONS:
        versions = cast("tuple[Version, ...]", fact.value)
        fitting = [str(one) for one in versions if specifier.contains(one, prereleases=True)]
        if fitting:
            return True, f"{fact.name} {fitting[-1]} is {text}"
        either = "is not" if len(versions) == 1 else "are not"
        return False, f"{fact.name} {fact.text} {either} {text}"
    held = specifier.contains(cast("Version", fact.value), prereleases=True)
    return held, f"{fact.name} {fact.text} is {'' if held else 'not '}{text}"


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
    words = re.findall(r"[a-z_]+", unquoted(str(marker)))
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
