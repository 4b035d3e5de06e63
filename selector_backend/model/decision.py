"""Which variants a machine gets, and why. Pure: values in, a value out.

The sentences made here are the ones that the error message, the record and the command show.
"""

from __future__ import annotations

from .facts import FACTS
from .kinds import judge
from .machine import Origin
from .markers import distribution_of, normalize
from .record import MACHINE, Record, Verdict
from .table import REQUIREMENT
from .values import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .machine import Fact, Machine, ProfileFile
    from .table import Selector, Variant


@dataclass(frozen=True)
class Request:
    """What was asked for.

    ``variants`` are the names asked for, as names are compared; empty if the choice is left to the
    machine. ``source`` is what asked: ``machine``, ``variant wheel``, ``-C variant``,
    ``-C spam:variant``, the table's variable, or such as ``requirements.txt: spam-cpu==1.0``.
    ``profile`` is the file of a machine profile that stands in for the machine, and ``notes`` say
    what may have been asked for, and was not understood.
    """

    variants: tuple[str, ...] = ()
    source: str = MACHINE
    profile: ProfileFile | None = None
    notes: tuple[str, ...] = ()

    @property
    def automatic(self) -> bool:
        """Whether the choice is left to the machine."""
        return not self.variants


@dataclass(frozen=True)
class Code:
    """A release of the project that has code itself: its name and version, and a file of it."""

    project: str
    version: str
    file: str


@dataclass(frozen=True)
class Environment:
    """What is known of an environment; nothing, if it cannot be seen.

    ``selectors`` are the records of the selector packages in it, ``versions`` the versions of those
    distributions that the table's variants require, by normalized name, ``notes`` say
    what was passed over, and ``code`` is the project's own code that would be removed last.
    """

    selectors: tuple[Record, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    code: Code | None = None

    def record_of(self, project: str) -> Record | None:
        """Return what is installed of ``project`` itself."""
        key = normalize(project)
        return next((one for one in self.selectors if one.key == key), None)

    def others(self, project: str) -> list[Record]:
        """Return the selector packages but ``project``."""
        key = normalize(project)
        return [one for one in self.selectors if one.key != key]


@dataclass(frozen=True)
class NothingFits:
    """No variant fits, or the first that does is ``refused``, one that stands for stopping.

    ``in_the_way`` are the installed packages that disagree with a variant that would fit.
    """

    refused: Variant | None = None
    in_the_way: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Disagreement:
    """A variant that was asked for disagrees with what is installed; ``clash`` is the sentence."""

    variant: str
    clash: str
    in_the_way: tuple[Record, ...]


@dataclass(frozen=True)
class AnotherInstalled:
    """The variant ``chosen`` would go over others of the project.

    ``others`` are their distributions by the variants' keys, ``record`` what is known of how they
    were chosen, and ``versions`` what is installed, by name.
    """

    chosen: Variant
    others: Mapping[str, tuple[str, ...]]
    record: Record | None
    versions: Mapping[str, str]


@dataclass(frozen=True)
class OverCode:
    """The variants ``chosen`` would go over a release of the project that has ``code`` itself.

    That is removed after they are installed, with each file of theirs that has the name of an old
    one.
    """

    chosen: tuple[Variant, ...]
    code: Code


@dataclass(frozen=True)
class Decision:
    """What a request gets on a machine, in an environment.

    ``variants`` is empty if it gets nothing, and then ``stop`` says why; `messages` has the text.
    ``facts`` are the facts that counted, ``notes`` what else is worth knowing.
    """

    selector: Selector
    request: Request
    variants: tuple[Variant, ...]
    verdicts: tuple[Verdict, ...]
    facts: Mapping[str, Fact]
    notes: tuple[str, ...] = ()
    stop: NothingFits | Disagreement | AnotherInstalled | OverCode | None = None

    @property
    def names(self) -> list[str]:
        """The names of the variants chosen."""
        return [variant.name for variant in self.variants]

    @property
    def requires(self) -> tuple[str, ...]:
        """All the requirements: those for every variant first."""
        chosen = (one for variant in self.variants for one in variant.requires)
        return (*self.selector.requires, *chosen)

    @property
    def stops_for_environment(self) -> bool:
        """Whether it is what else is installed that stops it, and not the machine."""
        return bool(self.stop) and not (
            isinstance(self.stop, NothingFits) and not self.stop.in_the_way
        )

    @property
    def conform(self) -> Mapping[str, str]:
        """What the variants chosen need the whole environment to agree on."""
        return {name: text for variant in self.variants for name, text in variant.conform.items()}


def decide(
    selector: Selector, machine: Machine, request: Request, environment: Environment
) -> Decision:
    """Return what ``request`` gets on ``machine``. Never raises: what cannot be told does not hold.

    A request that names variants gets them, whatever the machine; otherwise the variant that is
    installed already stays if it fits, or else the first that fits is chosen. Neither gets into an
    environment that holds another variant, or whose other packages disagree, or over code that
    would take the variant's files with it.
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
        record = environment.record_of(selector.project)
        another = AnotherInstalled(decision.variants[0], others, record, environment.versions)
        return replace(decision, variants=(), stop=another)
    if chosen and environment.code:
        over = OverCode(decision.variants, environment.code)
        return replace(decision, variants=(), stop=over)
    return decision


def _choose(
    selector: Selector,
    machine: Machine,
    request: Request,
    environment: Environment,
    installed: Collection[str],
) -> Decision:
    machine = _partly_stated(machine, selector)
    facts = {name: _relevant(machine[name], selector) for name in selector.facts}
    verdicts = tuple(_judge_in(environment, one, selector, machine) for one in selector.variants)
    notes = (*request.notes, *environment.notes)
    decision = Decision(selector, request, (), verdicts, facts, notes)
    fitting = [one for one, verdict in zip(selector.variants, verdicts) if verdict.fits]
    if not fitting:
        would_fit = [one for one, verdict in zip(selector.variants, verdicts) if verdict.clashes]
        in_the_way = _in_the_way(would_fit, selector, environment)
        return replace(decision, stop=NothingFits(in_the_way=in_the_way))
    first = fitting[0]
    if first.refuse is not None:
        return replace(decision, stop=NothingFits(refused=first))
    chosen = next((one for one in fitting if one.key in installed), first)
    if chosen is not first:
        note = f"{first.name} fits, and comes first; {chosen.name} is installed already and stays"
        return replace(decision, variants=(chosen,), notes=(*decision.notes, note))
    return replace(decision, variants=(first,))


def _force(selector: Selector, request: Request, environment: Environment) -> Decision:
    chosen = tuple(one for one in selector.variants if one.key in request.variants)
    verdicts = tuple(_forced(one, one in chosen, request) for one in selector.variants)
    notes = (*request.notes, *environment.notes)
    decision = Decision(selector, request, chosen, verdicts, {}, notes)
    clashes = [clash for one in chosen if (clash := _clash(one, selector, environment))]
    if not clashes:
        return decision
    in_the_way = _in_the_way(chosen, selector, environment)
    stop = Disagreement(chosen[0].name, clashes[0], in_the_way)
    return replace(decision, variants=(), stop=stop)


def _judge_in(
    environment: Environment, variant: Variant, selector: Selector, machine: Machine
) -> Verdict:
    """Judge a variant by the machine, and then by what else is installed."""
    fits, reason = judge(variant.when, machine)
    clash = _clash(variant, selector, environment) if fits else None
    return Verdict(variant.name, fits and not clash, clash or reason, clashes=bool(clash))


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
        own = {*variant.distributions}
        requires[variant.key] = {distribution_of(one) for one in variant.requires}
        if own and own <= here:
            found[variant.key] = tuple(sorted(own))
    record = environment.record_of(selector.project)
    for name in record.variants if record else ():
        key = normalize(name)
        needed = requires.get(key) or set(record.distributions if record else ())
        if key not in found and needed and needed <= here:
            found[key] = tuple(filter(here.__contains__, record.distributions if record else ()))
    return found


def _in_the_way(
    variants: Sequence[Variant], selector: Selector, environment: Environment
) -> tuple[Record, ...]:
    """Return the installed packages that one of ``variants`` disagrees with."""
    return tuple(
        other
        for other in environment.others(selector.project)
        if any(_disagree(variant, other) for variant in variants)
    )


def _partly_stated(machine: Machine, selector: Selector) -> Machine:
    """Return ``machine``, with what else has to be stated said where it is missing.

    Somebody who states one fact of a GPU means a machine that has it. What a condition asks of that
    GPU besides was read here, and is absent.
    """
    facts = {}
    for alternative in (one for variant in selector.variants for one in variant.when):
        for name, wanted in alternative.items():
            fact, kind = machine[name], FACTS[name]
            stated = [
                other
                for other in alternative
                if FACTS[other].family == kind.family
                and machine[other].origin is Origin.STATED
                and machine[other].value is not None
            ]
            if stated and fact.value is None and fact.origin is Origin.READ and wanted is not False:
                reason = f"{fact.reason} (it was read here, while {' and '.join(stated)} "
                reason += (
                    f"{'is' if len(stated) == 1 else 'are'} stated; state {kind.variable} too)"
                )
                facts[name] = replace(fact, reason=reason)
    return machine.with_facts(facts)


def _relevant(fact: Fact, selector: Selector) -> Fact:
    """Return ``fact`` with what the table names of it.

    That is an environment's variables that its markers use, and the distributions that it asks for.
    """
    if fact.value is None:
        return fact
    wanted = [one.wanted for one in selector.conditions if one.fact == fact.name]
    return replace(fact, value=fact.kind.named(fact.value, wanted))


def _forced(variant: Variant, chosen: bool, request: Request) -> Verdict:
    what = "it was" if chosen else "another was"
    return Verdict(variant.name, fits=None, reason=f"{what} asked for by {request.source}")
