"""Decides which variants a machine gets, and why. Pure: values in, a value out.

The error message, the record and the command show the sentences that are made here.
"""

from __future__ import annotations

from .facts import FACTS
from .kinds import judge
from .machine import OPTION, Fact, Origin
from .markers import normalize
from .record import MACHINE, Record, Verdict
from .standing import (
    each_once,
    former_distributions,
    parse_form,
    requirements_of,
    variants_here,
    with_standing,
)
from .table import REQUIREMENT
from .values import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .machine import Machine, ProfileFile
    from .regions import Regions
    from .standing import Extras
    from .table import Selector, Variant


@dataclass(frozen=True)
class Kept:
    """A variant that an existing lock has, by its key, and the ``marker`` of where, or ``""``.

    Of several on one platform that exclude each other, the first counts. ``source`` is the lock's
    name.
    """

    variant: str
    marker: str = ""
    source: str = ""


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    ``variants`` are the normalized names of the variants asked for; empty if the machine decides.
    ``source`` is who asks: ``machine``, ``variant wheel``, ``-C variant``, ``-C spam:variant``, the
    table's variable, or, for example, ``requirements.txt: spam-cpu==1.0``. ``profile`` is the
    machine profile to use in place of the machine. ``notes`` are on requests that were not
    understood. ``kept`` are the variants that a new lock keeps from the one that it replaces, if
    the machine decides; none if it chooses ``anew``. ``locked`` is whether a lock asks. ``files``
    are those that all this was read from.
    """

    variants: tuple[str, ...] = ()
    source: str = MACHINE
    profile: ProfileFile | None = None
    notes: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    anew: bool = False
    locked: bool = False
    files: tuple[str, ...] = field(default=(), compare=False)

    @property
    def automatic(self) -> bool:
        """Whether the choice is left to the machine."""
        return not self.variants


@dataclass(frozen=True)
class Code:
    """A release of the project with code of its own: its name and version, and one of its files."""

    project: str
    version: str
    file: str


@dataclass(frozen=True)
class Environment:
    """What is known of an environment; empty if it cannot be seen.

    ``selectors`` are the records of the selector packages in it. ``versions`` are those of the
    distributions that the table's variants require, by normalized name, and ``extras`` their extras
    that are complete, each with the distributions that only it requires. ``marker`` are the marker
    variables, ``notes`` are on records that were passed over, and ``code`` is the project's own
    code that the installer would remove last.
    """

    selectors: tuple[Record, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    extras: Extras = field(default_factory=dict)
    marker: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()
    code: Code | None = None

    def record_of(self, project: str) -> Record | None:
        """Return the record of ``project``, if it is installed."""
        key = normalize(project)
        return next((record for record in self.selectors if record.key == key), None)

    def others(self, project: str) -> list[Record]:
        """Return the records of the selector packages other than ``project``."""
        key = normalize(project)
        return [record for record in self.selectors if record.key != key]


@dataclass(frozen=True)
class NothingFits:
    """No variant fits, or the first that does is ``refused``: it stops the install.

    ``in_the_way`` are the installed packages that disagree with a variant that would fit, ``own``
    the names of the project's installed distributions.
    """

    refused: Variant | None = None
    in_the_way: tuple[Record, ...] = ()
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disagreement:
    """A variant that was asked for disagrees with installed packages; ``clash`` is the sentence.

    ``in_the_way`` and ``own`` are as in `NothingFits`.
    """

    variant: str
    clash: str
    in_the_way: tuple[Record, ...]
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnotherInstalled:
    """The variant ``chosen`` would be installed over others of the project.

    ``others`` are their distributions by the variants' keys, ``record`` is the record of their
    choice, and ``versions`` are the installed versions by name. ``mixed`` is whether their files
    would mix: extras of one distribution have no files in common. ``better`` is the verdict on a
    variant before ``chosen`` that fits the machine, and ``in_the_way`` are the installed packages
    that disagree with it.
    """

    chosen: Variant
    others: Mapping[str, tuple[str, ...]]
    record: Record | None
    versions: Mapping[str, str]
    mixed: bool = True
    better: Verdict | None = None
    in_the_way: tuple[Record, ...] = ()


@dataclass(frozen=True)
class OverCode:
    """The variants ``chosen`` would be installed over a release of the project with own ``code``.

    The installer removes that release last, with the new files that have the name of an old one.
    """

    chosen: tuple[Variant, ...]
    code: Code


@dataclass(frozen=True)
class Decision:
    """The result of a request on a machine, in an environment.

    ``variants`` are those chosen; without any, ``stop`` says why, and `messages` has the text.
    ``facts`` are the facts that counted, ``notes`` are for the user. A decision for all platforms
    has ``regions``, and the variants of all of them.
    """

    selector: Selector
    request: Request
    variants: tuple[Variant, ...]
    verdicts: tuple[Verdict, ...]
    facts: Mapping[str, Fact]
    notes: tuple[str, ...] = ()
    stop: NothingFits | Disagreement | AnotherInstalled | OverCode | None = None
    regions: Regions | None = None

    @property
    def names(self) -> list[str]:
        """The names of the chosen variants."""
        return [variant.name for variant in self.variants]

    @property
    def requires(self) -> tuple[str, ...]:
        """All the requirements: those for every variant first."""
        chosen = self._lines(lambda variant: variant.requires)
        return each_once((*self.selector.requires, *chosen))

    @property
    def extras(self) -> Mapping[str, tuple[str, ...]]:
        """The requirements that the project's extras add, but for extras of those requirements."""

        def of(extra: str) -> Callable[[Variant], list[str]]:
            return lambda variant: [text for text, by in requirements_of(variant) if by == extra]

        extras = {name: each_once(self._lines(of(name))) for name in self.selector.extras}
        return {name: requires for name, requires in extras.items() if requires}

    def extra_lines(self, extra: str) -> list[str]:
        """Return the requirements that the variants add to an extra, with the extra's marker."""
        return self._lines(lambda variant: variant.extras.get(extra, ()))

    def _lines(self, of: Callable[[Variant], Iterable[str]]) -> list[str]:
        if self.regions:
            return self.regions.lines(of)
        return [line for variant in self.variants for line in of(variant)]

    @property
    def stops_for_environment(self) -> bool:
        """Whether installed packages stop it, and not the machine."""
        return bool(self.stop) and not (
            isinstance(self.stop, NothingFits) and not self.stop.in_the_way
        )

    @property
    def conform(self) -> Mapping[str, str]:
        """The values on which the chosen variants need the whole environment to agree."""
        pairs = [pair for variant in self.variants for pair in variant.conform.items()]
        if self.regions:  # those that are the same on all platforms
            pairs = [pair for pair in pairs if pairs.count(pair) == len(self.variants)]
        return dict(pairs)


def decide(
    selector: Selector, machine: Machine, request: Request, environment: Environment
) -> Decision:
    """Return the decision on ``request``. Never raises: a condition that cannot be judged is false.

    A request that names variants gets them, whatever the machine. Otherwise the installed variant
    stays if it fits, or else the first that fits is chosen, or all that fit if the table says so.
    It stops if another variant is installed, if other packages disagree, or if a release with own
    code is.
    """
    selector = with_standing(selector, environment.marker)
    installed = installed_variants(selector, environment)
    if request.automatic:
        decision = _choose(selector, machine, request, environment, installed)
    else:
        decision = _force(selector, request, environment, installed)
    chosen = decision.variants
    others = _left_beside(chosen, installed)
    if chosen and others:
        record = environment.record_of(selector.project)
        added = {
            name for extras in environment.extras.values() for name in sum(extras.values(), ())
        }
        mixed = not added.issuperset(sum(others.values(), ()))
        another = AnotherInstalled(chosen[0], others, record, environment.versions, mixed)
        for variant, verdict in zip(selector.variants, decision.verdicts):
            if variant is chosen[0]:
                break
            if verdict.clashes:
                in_the_way = _in_the_way([variant], selector, environment)
                another = replace(another, better=verdict, in_the_way=in_the_way)
                break
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
    installed: Mapping[str, tuple[str, ...]],
) -> Decision:
    machine = partly_stated(machine, selector)
    facts = {name: _relevant(machine[name], selector) for name in selector.facts}
    verdicts = tuple(
        _judge_in(environment, variant, selector, machine) for variant in selector.variants
    )
    notes = (*request.notes, *environment.notes)
    decision = Decision(selector, request, (), verdicts, facts, notes)
    judged = [*zip(selector.variants, verdicts)]
    fitting = [variant for variant, verdict in judged if verdict.fits]
    if not fitting:
        would_fit = [variant for variant, verdict in judged if verdict.clashes]
        in_the_way = _in_the_way(would_fit, selector, environment)
        own = _own(selector, environment, installed)
        return replace(decision, stop=NothingFits(in_the_way=in_the_way, own=own))
    first = fitting[0]
    if first.refuse is not None:
        return replace(decision, stop=NothingFits(refused=first))
    if selector.choose:
        numbers = (index for index, verdict in enumerate(verdicts) if verdict.fits)
        every = tuple(selector.variants[index] for index in selector.chosen(numbers))
        return replace(decision, variants=every)
    chosen = next((variant for variant in fitting if variant.key in installed), first)
    if chosen is not first:
        note = f"{first.name} fits, and comes first; {chosen.name} is installed already and stays"
        return replace(decision, variants=(chosen,), notes=(*decision.notes, note))
    return replace(decision, variants=(first,))


def _force(
    selector: Selector,
    request: Request,
    environment: Environment,
    installed: Mapping[str, tuple[str, ...]],
) -> Decision:
    variants = selector.variants
    chosen = tuple(variant for variant in variants if variant.key in request.variants)
    verdicts = tuple(_forced(variant, variant in chosen, request) for variant in variants)
    notes = (*request.notes, *environment.notes)
    decision = Decision(selector, request, chosen, verdicts, {}, notes)
    clashes = [_clash(variant, selector, environment) for variant in chosen]
    clash = next(filter(None, clashes), None)
    if not clash:
        return decision
    in_the_way = _in_the_way(chosen, selector, environment)
    own = _own(selector, environment, installed)
    stop = Disagreement(chosen[0].name, clash, in_the_way, own)
    return replace(decision, variants=(), stop=stop)


def _own(
    selector: Selector, environment: Environment, installed: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the names of the project's installed distributions, its own first."""
    names = [name for own in installed.values() for name in own]
    return (selector.project, *names) if environment.record_of(selector.project) else (*names,)


def _judge_in(
    environment: Environment, variant: Variant, selector: Selector, machine: Machine
) -> Verdict:
    """Judge a variant by the machine, and then by the other installed packages."""
    fits, reason = judge(variant.when, machine)
    clash = _clash(variant, selector, environment) if fits else None
    return Verdict(variant.name, fits and not clash, clash or reason, clashes=bool(clash))


def _clash(variant: Variant, selector: Selector, environment: Environment) -> str | None:
    """Return a sentence on the first installed package that disagrees with ``variant``, if any."""
    for other in environment.others(selector.project):
        for name in _disagree(variant, other):
            installed = f"{other.project} {other.version} is installed"
            return f"{installed} with {name} = {other.conform[name]}"
    return None


def _disagree(variant: Variant, other: Record) -> list[str]:
    """Return the names of `conform` on which ``variant`` and an installed package disagree."""
    pairs = variant.conform.items()
    return [name for name, text in pairs if other.conform.get(name, text) != text]


def installed_variants(selector: Selector, environment: Environment) -> dict[str, tuple[str, ...]]:
    """Return the installed variants of this project, by key, if they exclude each other.

    Each has its own distributions, or those of its extras. Without any, as plain ``jax`` beside
    ``jax[cuda12]``, it counts only if the installed record names it. A variant of an older release
    whose distributions are still installed counts if that record or the table names it.
    """
    if selector.kind != REQUIREMENT:
        return {}
    record = environment.record_of(selector.project)
    recorded = [*map(normalize, record.variants)] if record else []
    installed: dict[str, tuple[str, ...]] = {}
    here = variants_here(selector, environment.versions, environment.extras, environment.marker)
    for key, forms in here.items():
        names = [form.name for form in forms if form.alone or form.label]
        for form in forms:
            extras = environment.extras.get(form.name, {})
            names += [name for extra in sorted(form.extras) for name in extras[extra]]
        if names or key in recorded:
            installed[key] = tuple(dict.fromkeys(names))
    then = record.distributions if record else ()
    counted = {*sum(installed.values(), ())}
    left = tuple(name for name in then if name not in counted)
    if left and environment.versions.keys() >= {*then}:
        for key in recorded:
            installed.setdefault(key, left)
    for key, name in former_distributions(selector).items():
        if name in environment.versions:
            installed.setdefault(key, (name,))
    return installed


def _left_beside(
    chosen: Sequence[Variant], installed: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return the distributions of other variants that would stay beside those chosen, by key.

    A distribution with a local label replaces the same one with another label.
    """
    forms = [parse_form(text)[0] for variant in chosen for text in variant.requires]
    replaced = {form.name for form in forms if form.label}
    left = {
        key: tuple(name for name in names if name not in replaced)
        for key, names in installed.items()
        if key not in {variant.key for variant in chosen}
    }
    return {key: names for key, names in left.items() if names}


def _in_the_way(
    variants: Sequence[Variant], selector: Selector, environment: Environment
) -> tuple[Record, ...]:
    """Return the installed packages that disagree with one of ``variants``."""
    return tuple(
        other
        for other in environment.others(selector.project)
        if any(_disagree(variant, other) for variant in variants)
    )


def partly_stated(machine: Machine, selector: Selector) -> Machine:
    """Return ``machine`` with absent facts filled in where others of their family are stated.

    Who states one fact of a GPU means a machine that has one. So where a condition also asks for
    another fact of that family, which was read here and is absent, it gets the value of a new GPU;
    where that is not known, its reason says which fact to state too.
    """
    facts = {}
    for alternative in (when for variant in selector.variants for when in variant.when):
        for name, wanted in alternative.items():
            fact, kind = machine[name], FACTS[name]
            stated = [
                other
                for other in alternative
                if FACTS[other].family == kind.family
                and machine[other].origin is Origin.STATED
                and machine[other].value is not None
            ]
            read = fact.value is None and fact.origin is Origin.READ
            if not stated or not read or wanted is False:
                continue
            verb = f"{' and '.join(stated)} {'is' if len(stated) == 1 else 'are'} stated"
            if kind.newest:
                value = kind.kind.parse(kind.newest)
                facts[name] = Fact(name, f"a new device, as {verb}", value, origin=Origin.STATED)
            else:  # by a variable, or an option of the command
                option = all(machine[other].source == OPTION for other in stated)
                how = f"{OPTION} {name}=" if option else kind.variable
                reason = f"{fact.reason} (it was read here, while {verb}; state {how} too)"
                facts[name] = replace(fact, reason=reason)
    return machine.with_facts(facts)


def _relevant(fact: Fact, selector: Selector) -> Fact:
    """Return ``fact`` with the part of its value that the table names.

    Of marker variables, those in its markers; of installed distributions, those it asks for.
    """
    if fact.value is None:
        return fact
    conditions = selector.conditions
    wanted = [condition.wanted for condition in conditions if condition.fact == fact.name]
    return replace(fact, value=fact.kind.named(fact.value, wanted))


def _forced(variant: Variant, chosen: bool, request: Request) -> Verdict:
    what = "it was" if chosen else "another was"
    return Verdict(variant.name, fits=None, reason=f"{what} asked for by {request.source}")
