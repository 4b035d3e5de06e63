"""What is wrong with the selector packages of an environment, in sentences."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from ...model.markers import normalize
from ...model.table import REQUIREMENT
from ..source import describe
from .choices import choose
from .files import find_damage, name_files, recorded_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...model.record import Unusable
    from ..source import Recorded
    from .choices import Choice
    from .files import Damage
    from .installed import Installed


@dataclass
class Finding:
    """A problem with packages of an environment, and what it takes to fix it."""

    messages: list[str] = field(default_factory=list)
    choices: Sequence[Choice] = ()
    #: The package whose record cannot be used, if the finding is about one.
    unusable: Unusable | None = None
    #: Whether the packages have to be chosen again, together with their variants, in this order.
    choose_again: bool = False
    #: What is missing, where that alone is to be installed.
    wanted: list[str] = field(default_factory=list)
    #: What has to be installed once more, by its requirement.
    damaged: dict[str, Damage] = field(default_factory=dict)

    @property
    def packages(self) -> list[Recorded]:
        """The packages that it is about."""
        return [choice.package for choice in self.choices]

    @property
    def projects(self) -> list[str]:
        """The names of the projects that it is about."""
        named = [self.unusable.project] if self.unusable else []
        return [*named, *(package.selector.project for package in self.packages)]


def unusable_record(package: Unusable) -> Finding:
    """Return the finding of a record that cannot be used."""
    return Finding([describe(package)], unusable=package)


def find_problems(packages: Sequence[Recorded], installed: Installed) -> list[Finding]:
    """Return the findings of linked packages: first of those that are to change."""
    choices = choose(packages, installed.place)
    changing = [choice for choice in choices if choice.changes]
    findings = [Finding(choices=[choice]) for choice in choices if not choice.changes]
    if changing:
        messages = [*_changes(changing, installed)]
        findings.insert(0, Finding(messages, changing, choose_again=True))
    for finding in findings:
        for package in finding.packages:
            _find_neighbours(package, finding, installed)
        for package in finding.packages:
            _find_requirements(package, finding, installed)
    return [finding for finding in findings if finding.messages]


def _changes(changing: Sequence[Choice], installed: Installed) -> Iterator[str]:
    """Yield what is to be another variant, and which facts differ from those it was chosen by."""
    if all(choice.held for choice in changing):
        yield _held(changing)
    else:
        for choice in changing:
            yield _other_choice(choice, [one for one in changing if one is not choice])
    for choice in changing:
        facts = choice.decision.facts
        differing = [
            f"{name} was {then.text}, here it is {facts[name].text}"
            for name, then in choice.package.record.facts.items()
            if name in facts and then.value != facts[name].value
        ]
        if differing and not installed.stated:
            yield (
                f"{choice.package.title} was chosen where {' and '.join(differing)}: the machine "
                "has changed since, or the choice came from another machine, by a cache or a copy"
            )


def _held(choices: Sequence[Choice]) -> str:
    """Return the sentence for packages that keep one another from what they can have together."""
    now = {k: text for one in choices for k, text in one.package.record.conform.items()}
    then = {k: text for one in choices for k, text in one.decision.conform.items()}
    *others, last = (one.package.title for one in choices)
    gains = []
    for choice in choices:
        project, by = choice.package.selector.project, choice.package.record.forced_by
        asked = f", where {choice.package.record.variants[0]} was asked for by {by}," if by else ""
        gains += [f"{project}{asked} gets {name}: {reason}" for name, reason in choice.reasons]
    return (
        f"{', '.join(others)} and {last} keep each other at {_differing(now, then)}; "
        f"together they can have {_differing(then, now)}: {'; '.join(gains)}"
    )


def _differing(some: Mapping[str, str], others: Mapping[str, str]) -> str:
    """Return what of ``some`` is not as ``others`` have it."""
    return " and ".join(
        f"{name} = {text}" for name, text in some.items() if others.get(name, text) != text
    )


def _other_choice(choice: Choice, others: Sequence[Choice]) -> str:
    """Return the sentence for a package that is to have another variant, as ``others`` are."""
    package, record = choice.package, choice.package.record
    misfits = [
        f"does not fit this {'environment' if verdict.clashes else 'machine'}: {verdict.reason}"
        for verdict in choice.alone.verdicts
        if verdict.variant in record.variants and not verdict.fits
    ]
    if record.forced_by:
        why = ", and ".join([f"was asked for by {record.forced_by}", *misfits[:1]])
    elif misfits:
        why = misfits[0]
    elif choice.held:
        titles = " and ".join(one.package.title for one in others)
        why = f"fits this machine, but is not the best together with {titles}"
    else:
        why = "fits this machine, but is not the best for it"
    gains = [f"this machine gets {name}: {reason}" for name, reason in choice.reasons]
    message = f"{package.title}: {' and '.join(record.variants)} {why}"
    return "; ".join([message, *(gains or ["this machine gets nothing"])])


def _find_neighbours(package: Recorded, finding: Finding, installed: Installed) -> None:
    """Note if variants are installed side by side that exclude each other, or share files."""
    selector = package.selector
    here = {
        variant.name: sorted(own)
        for variant in selector.variants
        if (own := {*variant.distributions}) and own <= installed.distributions.keys()
    }
    names = list(dict.fromkeys(name for own in here.values() for name in own))
    files = {name: {*recorded_files(installed.distributions[name])} for name in names}
    shared = sorted(
        {
            file
            for one, other in itertools.combinations(here.values(), 2)
            for mine, its in itertools.product(one, other)
            if mine != its
            for file in files[mine] & files[its]
        }
    )
    exclude = selector.kind == REQUIREMENT and not here.keys() <= {*package.record.variants}
    if not exclude and not shared:
        return
    if len(here) == 1:
        where = f"in place of the variant {' and '.join(package.record.variants)}"
        message = f"{package.title}: {' and '.join(names)} is installed {where}"
    else:
        message = f"{package.title}: {', '.join(names)} are installed side by side"
    if shared:
        message += f", and more than one of them has {name_files(shared)}"
    finding.messages.append(message)
    finding.choose_again = True


def _find_requirements(package: Recorded, finding: Finding, installed: Installed) -> None:
    """Note what the package requires and the environment lacks, or has damaged."""
    present = []
    for requirement in map(Requirement, package.record.requires):
        name = normalize(requirement.name)
        if not installed.needs(requirement):
            continue
        if name not in installed.distributions:
            message = f"{package.title}: {requirement} is not installed"
        elif not installed.meets(requirement):
            version = installed.version(name)
            message = f"{package.title} requires {requirement}; {version} is installed"
        else:
            present.append(name)
            continue
        finding.messages.append(message)
        finding.wanted.append(str(requirement))
    going = installed.with_variants(package) if finding.choose_again else ()
    beside = [installed.distributions[name] for name in present]
    for name in dict.fromkeys(present):
        damage = None if name in going else find_damage(installed.distributions[name], beside)
        if damage:
            version = installed.version(name)
            finding.messages.append(f"{package.title}: {name} {version} is damaged: {damage}")
            finding.damaged[installed.request(name, version)] = damage
