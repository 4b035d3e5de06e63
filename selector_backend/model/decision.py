"""Which variants a machine gets, and why. Pure: values in, a value out.

The sentences made here are the ones that the error message, the record and the command show.
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
    """A variant that an existing lock names, by its key, and where: a ``marker``, or ``""``.

    Of several on one platform that exclude each other, the first counts. ``source`` is the lock's
    name.
    """

    variant: str
    marker: str = ""
    source: str = ""


@dataclass(frozen=True)
class Request:
    """What was asked for.

    ``variants`` are the names asked for, as names are compared; empty if the choice is left to the
    machine. ``source`` is what asked: ``machine``, ``variant wheel``, ``-C variant``,
    ``-C spam:variant``, the table's variable, or such as ``requirements.txt: spam-cpu==1.0``.
    ``profile`` is the file of a machine profile that stands in for the machine, and ``notes`` say
    what may have been asked for, and was not understood. ``kept`` is what a lock is to keep of the
    one that it replaces, where the choice is left to the machine; nothing if it is to choose
    ``anew``. It is ``locked`` where a lock asks. ``files`` are
    those that all this was read from.
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
    """A release of the project that has code itself: its name and version, and a file of it."""

    project: str
    version: str
    file: str


@dataclass(frozen=True)
class Environment:
    """What is known of an environment; nothing, if it cannot be seen.

    ``selectors`` are the records of the selector packages in it, ``versions`` the versions of those
    distributions that the table's variants require, by normalized name, and ``extras`` those of
    their extras that are whole in it, each with the distributions that only it requires. ``marker``
    are the variables that markers are judged with, ``notes`` say what was passed over, and ``code``
    is the project's own code that would be removed last.
    """

    selectors: tuple[Record, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    extras: Extras = field(default_factory=dict)
    marker: Mapping[str, str] | None = None
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

    ``in_the_way`` are the installed packages that disagree with a variant that would fit, ``own``
    the names of what is installed of the project itself.
    """

    refused: Variant | None = None
    in_the_way: tuple[Record, ...] = ()
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disagreement:
    """A variant that was asked for disagrees with what is installed; ``clash`` is the sentence.

    ``own`` are the names of what is installed of the project itself.
    """

    variant: str
    clash: str
    in_the_way: tuple[Record, ...]
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnotherInstalled:
    """The variant ``chosen`` would go over others of the project.

    ``others`` are their distributions by the variants' keys, ``record`` what is known of how they
    were chosen, and ``versions`` what is installed, by name. ``mixed`` is whether files of both
    would be: extras of one distribution have no files in common. ``better`` is the verdict on a
    variant that would fit and comes first, and ``in_the_way`` are the installed packages that
    disagree with it.
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
    ``facts`` are the facts that counted, ``notes`` what else is worth knowing. A decision for all
    platforms has ``regions``, and the variants that any of them gets.
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
        """The names of the variants chosen."""
        return [variant.name for variant in self.variants]

    @property
    def requires(self) -> tuple[str, ...]:
        """All the requirements: those for every variant first."""
        chosen = self._lines(lambda variant: variant.requires)
        return each_once((*self.selector.requires, *chosen))

    @property
    def extras(self) -> Mapping[str, tuple[str, ...]]:
        """What the project's extras add to that, but for what is handed on to requirements."""

        def of(extra: str) -> Callable[[Variant], list[str]]:
            return lambda one: [text for text, by in requirements_of(one) if by == extra]

        found = {name: each_once(self._lines(of(name))) for name in self.selector.extras}
        return {name: some for name, some in found.items() if some}

    def extra_lines(self, extra: str) -> list[str]:
        """Return what the variants add to an extra, with the marker that ties it to that."""
        return self._lines(lambda variant: variant.extras.get(extra, ()))

    def _lines(self, of: Callable[[Variant], Iterable[str]]) -> list[str]:
        if self.regions:
            return self.regions.lines(of)
        return [line for variant in self.variants for line in of(variant)]

    @property
    def stops_for_environment(self) -> bool:
        """Whether it is what else is installed that stops it, and not the machine."""
        return bool(self.stop) and not (
            isinstance(self.stop, NothingFits) and not self.stop.in_the_way
        )

    @property
    def conform(self) -> Mapping[str, str]:
        """What the variants chosen need the whole environment to agree on."""
        pairs = [pair for variant in self.variants for pair in variant.conform.items()]
        if self.regions:  # what is the same on all platforms
            pairs = [pair for pair in pairs if pairs.count(pair) == len(self.variants)]
        return dict(pairs)


def decide(
    selector: Selector, machine: Machine, request: Request, environment: Environment
) -> Decision:
    """Return what ``request`` gets on ``machine``. Never raises: what cannot be told does not hold.

    A request that names variants gets them, whatever the machine; otherwise the variant that is
    installed already stays if it fits, or else the first that fits is chosen, or all that fit if
    the table says so. Neither gets into an environment that holds another variant, or whose other
    packages disagree, or over code that would take the variant's files with it.
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
    verdicts = tuple(_judge_in(environment, one, selector, machine) for one in selector.variants)
    notes = (*request.notes, *environment.notes)
    decision = Decision(selector, request, (), verdicts, facts, notes)
    fitting = [one for one, verdict in zip(selector.variants, verdicts) if verdict.fits]
    if not fitting:
        would_fit = [one for one, verdict in zip(selector.variants, verdicts) if verdict.clashes]
        in_the_way = _in_the_way(would_fit, selector, environment)
        own = _own(selector, environment, installed)
        return replace(decision, stop=NothingFits(in_the_way=in_the_way, own=own))
    first = fitting[0]
    if first.refuse is not None:
        return replace(decision, stop=NothingFits(refused=first))
    if selector.choose:
        return replace(decision, variants=tuple(one for one in fitting if one.refuse is None))
    chosen = next((one for one in fitting if one.key in installed), first)
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
    chosen = tuple(one for one in selector.variants if one.key in request.variants)
    verdicts = tuple(_forced(one, one in chosen, request) for one in selector.variants)
    notes = (*request.notes, *environment.notes)
    decision = Decision(selector, request, chosen, verdicts, {}, notes)
    clashes = [clash for one in chosen if (clash := _clash(one, selector, environment))]
    if not clashes:
        return decision
    in_the_way = _in_the_way(chosen, selector, environment)
    own = _own(selector, environment, installed)
    stop = Disagreement(chosen[0].name, clashes[0], in_the_way, own)
    return replace(decision, variants=(), stop=stop)


def _own(
    selector: Selector, environment: Environment, installed: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the names of the variants that are installed, and of the project if it is, too."""
    names = [name for own in installed.values() for name in own]
    return (selector.project, *names) if environment.record_of(selector.project) else (*names,)


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


def installed_variants(selector: Selector, environment: Environment) -> dict[str, tuple[str, ...]]:
    """Return the variants of this project that are installed, if they exclude each other.

    Each has the distributions that are its own, or its extras'. Without any, as plain ``jax``
    beside ``jax[cuda12]``, it counts only if the installed record names it. A variant of an older
    release whose distributions are still there counts if that record or the table names it.
    """
    if selector.kind != REQUIREMENT:
        return {}
    record = environment.record_of(selector.project)
    recorded = [*map(normalize, record.variants)] if record else []
    found: dict[str, tuple[str, ...]] = {}
    here = variants_here(selector, environment.versions, environment.extras, environment.marker)
    for key, forms in here.items():
        names = [form.name for form in forms if form.alone or form.label]
        for form in forms:
            extras = environment.extras.get(form.name, {})
            names += [name for extra in sorted(form.extras) for name in extras[extra]]
        if names or key in recorded:
            found[key] = tuple(dict.fromkeys(names))
    for key, name in former_distributions(selector).items():
        if name in environment.versions:
            found[key] = (name,)
    then = record.distributions if record else ()
    if then and environment.versions.keys() >= {*then}:
        for key in recorded:
            found.setdefault(key, then)
    return found


def _left_beside(
    chosen: Sequence[Variant], installed: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return what of other variants would be left beside those chosen, by the variants' keys.

    A distribution that is required with a local label takes the place of the one with another.
    """
    forms = [parse_form(one)[0] for variant in chosen for one in variant.requires]
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
    """Return the installed packages that one of ``variants`` disagrees with."""
    return tuple(
        other
        for other in environment.others(selector.project)
        if any(_disagree(variant, other) for variant in variants)
    )


def partly_stated(machine: Machine, selector: Selector) -> Machine:
    """Return ``machine``, with what else has to be stated said where it is missing.

    Somebody who states one fact of a GPU means a machine that has it. What a condition asks of that
    GPU besides was read here, and is absent: then a new GPU is meant, as far as one is known.
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
