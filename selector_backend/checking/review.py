"""What may be wrong with a project that has no errors.

Which variants can be chosen is tried out, on all the machines that the table's conditions tell
apart.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from ..authoring import conditions
from ..authoring.carried import PYTHONS, unsupported_python
from ..authoring.conditions import NEWEST, OLDEST, TooManyError, can_agree, fact_values
from ..authoring.keys import default_variable
from ..authoring.project import Project
from ..authoring.selector import is_pinned
from ..authoring.structure import shown_key, variant_key
from ..model.backend import bounded
from ..model.facts import FACTS, holds, text_of
from ..model.markers import distribution_of, normalize
from ..model.problems import NOTE, Problem
from ..model.standing import parse_form, requirements_of, standing_for
from ..model.table import REQUIREMENT, Condition, Selector, Variant
from .vocabulary import conforming, find_doubts

if TYPE_CHECKING:
    from ..model.kinds import Value

SHARED_KEY = "tool.selector.requires"
_BACKEND = "selector-backend"


def review(project: Project, backend: str) -> list[Problem]:
    """Return what may be wrong with ``project``; ``backend`` is our own version."""
    selector = project.selector
    unreachable = [*_unreachable(selector)]
    return [
        *_bound(project, backend),
        *_pythons(project),
        *_imports(project),
        *unreachable,
        *_doubts(selector, {problem.key for problem in unreachable}),
        *_refuse_last(selector),
        *_names(selector),
        *_former(selector),
        *_pins(selector),
        *_loops(selector),
        *_extras(project),
        *_conform(selector),
        *_variable(selector),
        *_apart(selector),
    ]


def keyed_requirements(selector: Selector) -> Iterator[tuple[str, Sequence[Requirement]]]:
    """Yield the requirements of all variants, then those of each, by their full keys."""
    yield SHARED_KEY, [*map(Requirement, selector.requires)]
    for index, variant in enumerate(selector.variants):
        keyed: dict[str, list[Requirement]] = {}
        for text, extra in requirements_of(variant):
            below = f"extras.{shown_key(extra)}" if extra else "requires"
            keyed.setdefault(f"{variant_key(index)}.{below}", []).append(Requirement(text))
        yield from keyed.items()


# --- What can be chosen


@dataclass(frozen=True)
class _Candidate:
    """A value that a fact may have, or its absence, and the conditions that hold for it."""

    name: str
    value: Value | None
    held: frozenset[Condition]


def _unreachable(selector: Selector) -> Iterator[Problem]:
    """Yield the variants that no machine gets, and a machine that gets none."""
    try:
        candidates = [_candidates(name, selector) for name in selector.facts]
    except TooManyError:
        return
    count = math.prod(map(len, candidates))
    if count > conditions.MOST or count * len(selector.variants) > conditions.MOST_TRIALS:
        return
    fitting: set[tuple[int, int]] = set()  # alternatives that hold somewhere
    patterns: dict[tuple[int, ...], frozenset[int]] = {}  # what fits on one machine, in order
    bare: Sequence[_Candidate] | None = None  # the first machine that nothing fits
    for machine in itertools.product(*candidates):
        held = frozenset().union(*(candidate.held for candidate in machine))
        fits = [[*_holding(variant, held)] for variant in selector.variants]
        here = [index for index, alternatives in enumerate(fits) if alternatives]
        fitting.update((index, alternative) for index in here for alternative in fits[index])
        patterns.setdefault((*here,), frozenset(here))
        if not here and bare is None:
            bare = machine
    for index, variant in enumerate(selector.variants):
        key = variant_key(index)
        rivals = {order: fit for order, fit in patterns.items() if index in fit}
        if not rivals:
            message = f"can never hold, so {variant.name} is never chosen"
            yield Problem(f"{key}.when", message)
            continue
        chosen = {number for order in rivals for number in selector.chosen(order)}
        if index not in chosen:
            taking = _covering(sorted(chosen), [*rivals.values()])
            first = " or ".join(selector.variants[rival].name for rival in taking)
            message = f"{variant.name} is never chosen: wherever it fits, {first} comes first"
            yield Problem(key, message)
        for alternative in range(len(variant.when)):
            if (index, alternative) not in fitting:
                yield Problem(f"{key}.when[{alternative}]", "can never hold")
    if bare is not None and not selector.advice and selector.variants[-1].refuse is None:
        where = " and ".join(map(_where, bare))
        yield Problem(
            "tool.selector.variant",
            f"no variant fits a machine where {where}; end with one that has no 'when', or say "
            "in tool.selector.advice what to do there",
        )
    yield from _disagreeing(selector, {(*selector.chosen(order),) for order in patterns})


def _disagreeing(selector: Selector, groups: Iterable[tuple[int, ...]]) -> Iterator[Problem]:
    """Yield requirements of which no version satisfies those of a variant that is chosen too.

    ``groups`` are the variants that some machines get. Requirements with a marker do not count.
    """
    shared, *own = (
        [(extra, item) for text, extra in some if not (item := Requirement(text)).marker]
        for some in (
            ((text, "") for text in selector.requires),
            *map(requirements_of, selector.variants),
        )
    )
    problems: dict[tuple[int, str], Problem] = {}
    for group in sorted(groups):
        first: dict[tuple[str, str], tuple[str, Requirement]] = {}
        rows = [(index, selector.variants[index].name, own[index]) for index in group]
        for index, by, some in [(-1, SHARED_KEY, shared), *rows]:
            for extra, item in some:
                other, before = first.setdefault((normalize(item.name), extra), (by, item))
                if not can_agree(item.specifier, before.specifier):
                    key = f"extras.{shown_key(extra)}" if extra else "requires"
                    text = f"{item} and {before} of {other} have no version in common, and some "
                    text += "machines get both; change one, or write conditions of which one holds"
                    problem = Problem(f"{variant_key(index)}.{key}", text)
                    problems.setdefault((index, str(item)), problem)
    yield from problems.values()


def _covering(numbers: Sequence[int], groups: Sequence[frozenset[int]]) -> list[int]:
    """Return few of ``numbers``, in order, of which each group has at least one."""
    covering = []
    while groups:
        covering.append(max(numbers, key=lambda number: sum(number in group for group in groups)))
        groups = [group for group in groups if covering[-1] not in group]
    return sorted(covering)


def _holding(variant: Variant, held: frozenset[Condition]) -> Iterator[int]:
    """Yield the alternatives of ``variant`` that hold; without any, it always fits."""
    if not variant.when:
        yield 0
    for index, alternative in enumerate(variant.when):
        if held.issuperset(alternative.items()):
            yield index


def _where(candidate: _Candidate) -> str:
    extremes = {OLDEST: "older than any that is named", NEWEST: "newer than any that is named"}
    text = text_of(candidate.name, candidate.value)
    return f"{candidate.name} is {extremes.get(text, text)}"


def _candidates(name: str, selector: Selector) -> list[_Candidate]:
    """Return a value for each set of conditions on a fact that can hold together."""
    asked = [*dict.fromkeys(test for test in selector.conditions if test.fact == name)]
    values_held: dict[frozenset[Condition], Value | None] = {}
    values = [*itertools.islice(fact_values(name, asked), conditions.MOST)]
    if len(values) * len(asked) > conditions.MOST_TRIALS:
        raise TooManyError
    for value in values:
        held = (test for test in asked if holds(name, test.wanted, value)[0])
        values_held.setdefault(frozenset(held), value)
    return [_Candidate(name, value, held) for held, value in values_held.items()]


def _doubts(selector: Selector, never: set[str]) -> Iterator[Problem]:
    """Yield the mistakes in conditions, except under keys in ``never``, which never hold."""
    for doubt in find_doubts(selector):
        when = doubt.key.rpartition(".")[0]
        keys = (doubt.key, when, re.sub(r"\.when\[\d+\]$", ".when", when))
        if doubt.severity == NOTE or never.isdisjoint(keys):
            yield doubt


# --- What is required


def _names(selector: Selector) -> Iterator[Problem]:
    """Yield requirements that stand for a variant, and are not named after the project.

    Those have the project's version. Others, such as ``cuda-toolkit==12.*``, are projects of their
    own; but one at least has to be named after the project.
    """
    for key, requirements in keyed_requirements(selector):
        if key == SHARED_KEY:
            continue
        strange = [*itertools.filterfalse(partial(_named_after, selector.project), requirements)]
        if len(strange) < len(requirements) or ".extras." in key:
            strange = [item for item in strange if is_pinned(item, selector.version)]
        if strange:
            names = ", ".join(normalize(requirement.name) for requirement in strange)
            verb, noun = ("is", "the name is") if len(strange) == 1 else ("are", "the names are")
            yield Problem(
                key,
                f"{names} {verb} not called after {selector.project}; make sure that {noun} "
                "yours, since its owner's package is installed",
            )


def _named_after(project: str, requirement: Requirement) -> bool:
    """Return whether a name begins with the project's, or with a part of it between hyphens.

    So ``cupy-cuda12x`` is called after ``cupy-wheel``, and ``cuda-quantum-cu12`` after ``cudaq``.
    """
    own, name = normalize(project), normalize(requirement.name)
    begins_so = any(f"{name}-".startswith(f"{part}-") for part in own.split("-"))
    return begins_so or name.replace("-", "").startswith(own.replace("-", ""))


def _former(selector: Selector) -> Iterator[Problem]:
    """Yield the former names of variants that are names of distributions."""
    start = f"{normalize(selector.project)}-"
    for index, variant in enumerate(selector.variants):
        for number, name in enumerate(variant.formerly):
            if normalize(name).startswith(start):
                yield Problem(
                    f"{variant_key(index)}.formerly[{number}]",
                    f"{start}{normalize(name)} is what it stands for; for {normalize(name)}, write "
                    f"'{normalize(name).removeprefix(start)}'",
                )


def _pins(selector: Selector) -> Iterator[Problem]:
    """Yield the distributions named after the project that are not of one version only."""
    keyed = [*keyed_requirements(selector)]
    counts = Counter(name for _, some in keyed for name in {normalize(item.name) for item in some})
    for key, requirements in keyed:
        for requirement in requirements:
            name = normalize(requirement.name)
            pinned = any(specifier.operator in ("==", "===") for specifier in requirement.specifier)
            own = key == SHARED_KEY or counts[name] == 1
            if own and name.startswith(f"{normalize(selector.project)}-") and not pinned:
                yield Problem(
                    key,
                    f"{requirement} is not pinned; write '{requirement.name}=={{version}}', or an "
                    f"old {selector.project} gets a new {requirement.name}",
                )


def _apart(selector: Selector) -> Iterator[Problem]:
    """Yield the variants that cannot be told from the others once they are installed."""
    standing = standing_for(selector) if selector.kind == REQUIREMENT else {}
    for index, variant in enumerate(selector.variants):
        asked = any(requirements_of(variant))
        if asked and len(standing) > 1 and not standing[variant.key]:
            yield Problem(
                f"{variant_key(index)}.requires",
                f"nothing tells {variant.name} from the other variants once it is installed, so it "
                "is neither kept at an upgrade nor kept apart from them; require a distribution, "
                "an extra or a local version that no other variant requires",
                NOTE,
            )


def _loops(selector: Selector) -> Iterator[Problem]:
    """Yield requirements that lead back to the project."""
    for key, requirements in keyed_requirements(selector):
        for requirement in requirements:
            if normalize(requirement.name) == normalize(selector.project):
                yield Problem(key, f"{requirement} leads back to the project itself")


def _extras(project: Project) -> Iterator[Problem]:
    """Yield the static extras that install a variant beside the one that fits."""
    selector = project.selector
    if selector.kind != REQUIREMENT:
        return
    standing = standing_for(selector)
    for extra, requirements in project.metadata.optional_dependencies.items():
        for requirement in requirements:
            form, _ = parse_form(str(requirement))
            for variant in selector.variants:
                if any(own.is_asked_by(form) for own in standing[variant.key]):
                    yield Problem(
                        f"project.optional-dependencies.{extra}",
                        f"{requirement} is the variant {variant.name}, and "
                        f"'{selector.project}[{extra}]' installs it beside the one that fits; take "
                        f"it out: users get it by {selector.variable}={variant.name}",
                    )


# --- The rest of the project


def _bound(project: Project, backend: str) -> Iterator[Problem]:
    """Yield a requirement on the backend that admits every later release of it."""
    requires = (text.partition(";")[0].strip() for text in project.build_requires)
    ours = [text for text in requires if distribution_of(text) == _BACKEND]
    if ours and not any(bound in text for text in ours for bound in ("<", "==", "~=", "@")):
        extras = re.search(r"\[[^\]]*\]", ours[0])
        instead = bounded(backend, extras[0] if extras else "")
        yield Problem(
            "build-system.requires",
            f"{ours[0]} has no upper bound, and a later release may build this project in another "
            f"way; write '{instead}', since a published sdist can't be changed",
        )


def _pythons(project: Project) -> Iterator[Problem]:
    """Yield that the project admits Pythons on which this backend cannot install it."""
    if project.tree is not None and "requires-python" in project.tree.dynamic:
        return
    wanted = project.metadata.requires_python
    python = unsupported_python(str(wanted or ""), PYTHONS)
    if python is not None:
        shown = f"found {str(wanted)!r}, which admits {python}" if wanted else "missing"
        like = ", as core and the variants have it" if project.tree is None else ""
        yield Problem(
            "project.requires-python",
            f"{shown}; write {PYTHONS!r} or narrower{like}: pip on an older Python then takes an "
            "older release, and fails without it",
        )


def _imports(project: Project) -> Iterator[Problem]:
    """Yield that a package without code claims names that are imported from it (PEP 794)."""
    if project.tree is not None:
        return
    for key in ("import-names", "import-namespaces"):
        claimed = getattr(project.metadata, key.replace("-", "_"))
        if claimed:
            yield Problem(
                f"project.{key}",
                f"found {', '.join(map(repr, claimed))}, but a selector package has no code; write "
                "import-names = [] or leave it out: core and the variants have these names",
            )


def _refuse_last(selector: Selector) -> Iterator[Problem]:
    last = selector.variants[-1]
    if last.refuse is not None and (not last.when or not selector.advice):
        yield Problem(
            f"{variant_key(len(selector.variants) - 1)}.refuse",
            "is the last row; end with a variant that runs everywhere, or say in "
            "tool.selector.advice what to do on a machine that nothing fits",
        )


def _conform(selector: Selector) -> Iterator[Problem]:
    named = [name for name in selector.facts if conforming(name)]
    conform = any(variant.conform for variant in selector.variants)
    if selector.kind == REQUIREMENT and named and not conform:
        example = f"{conforming(named[0])} = '{FACTS[named[0]].example.partition('.')[0]}'"
        yield Problem(
            "tool.selector",
            f"the variants depend on {named[0]}, and none says with 'conform' what the other "
            f"packages of an environment have to agree on, such as conform = {{ {example} }}",
        )


def _variable(selector: Selector) -> Iterator[Problem]:
    name, own = selector.variable, default_variable(selector.project)
    if name != own and (name.endswith("_VARIANT") or not name.startswith(own[: -len("VARIANT")])):
        yield Problem(
            "tool.selector.variable",
            f"{name} may be read by another project as well, or by the backend for every project; "
            f"{own} is the default",
        )
