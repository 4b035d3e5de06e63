"""Which distributions show that a variant of a table is installed: they stand for it."""

from __future__ import annotations

import collections
import re

from .markers import CannotTellError, distribution_of, evaluate, normalize
from .values import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .record import Record
    from .table import Selector, Variant

    Extras = Mapping[str, Mapping[str, tuple[str, ...]]]

# A dependency specifier: a name, extras, versions or a URL, and a marker.
_REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?\s*(@\s*\S+|[^;@]*)\s*(?:;(.*))?", re.DOTALL
)
_LABEL = re.compile(r"===?\s*[^\s,+]+\+([A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class Form:
    """A distribution as a requirement asks for it: with its extras and local version label.

    ``alone`` is whether no other variant requires the distribution in any form. ``by`` is the
    project's extra that requires it, if any.
    """

    name: str
    extras: frozenset[str] = frozenset()
    label: str = ""
    alone: bool = False
    by: str = field(default="", compare=False)

    def is_asked_by(self, other: Form) -> bool:
        """Return whether a requirement of the form ``other`` asks for this one."""
        if self.name != other.name or self.alone:
            return self.name == other.name
        return bool(self.extras or self.label) and (
            self.extras <= other.extras and self.label == other.label
        )


def parse_form(requirement: str) -> tuple[Form, str]:
    """Return the form of a requirement, and its marker, ``""`` without one."""
    match = _REQUIREMENT.match(requirement)
    if match is None:
        return Form(""), ""
    name, extras, versions, marker = match.groups()
    names = filter(None, map(str.strip, (extras or "").split(",")))
    label = _LABEL.search(versions)
    form = Form(
        normalize(name),
        frozenset(map(normalize, names)),
        normalize_label(label[1]) if label else "",
    )
    return form, (marker or "").strip()


def normalize_label(text: str) -> str:
    """Return the normalized local version label (PEP 440)."""
    return re.sub("[-_.]", ".", text).lower()


def requirements_of(variant: Variant) -> Iterator[tuple[str, str]]:
    """Yield a variant's requirements, each with the project's extra that adds it, or ``""``.

    Without those of an extra that only add the same extra to a requirement, as ``jax[cuda]`` does
    to ``jax`` in the extra ``cuda``.
    """
    for text in variant.requires:
        yield text, ""
    forms = {parse_form(text)[0] for text in variant.requires}
    for extra, lines in variant.extras.items():
        for line in lines:
            text = _untied(line, extra)
            form, _ = parse_form(text)
            if replace(form, extras=form.extras - {extra}) not in forms:
                yield text, extra


def _untied(requirement: str, extra: str) -> str:
    """Return a requirement of an extra without the extra's marker."""
    text = requirement.removesuffix(f'extra == "{extra}"').rstrip(" ;")
    return text.removesuffix(" and")


def each_once(requirements: Iterable[str]) -> tuple[str, ...]:
    """Return requirements without duplicates, also if the name is written in another way."""
    unique: dict[str, str] = {}
    for requirement in requirements:
        unique.setdefault(as_compared(requirement), requirement)
    return (*unique.values(),)


def as_compared(requirement: str) -> str:
    """Return a requirement with its name normalized."""
    return re.sub(r"^[A-Za-z0-9._-]+", lambda name: normalize(name[0]), requirement)


def are_here(forms: Iterable[Form], here: Iterable[Form]) -> bool:
    """Return whether a variant for which ``forms`` stand is installed, if those ``here`` are.

    That takes all forms that are of no extra of the project, or any of an extra.
    """
    present = {*here}
    required = [form for form in forms if not form.by]
    return any(form.by for form in present) or (bool(required) and present.issuperset(required))


def with_extras(selector: Selector, names: Iterable[str], record: Record | None = None) -> str:
    """Return the project with those of its extras that require some of the distributions.

    Or that did so by the ``record`` of the installed release.
    """
    names = {*names}
    own = {form.name: form.by for forms in standing_for(selector).values() for form in forms}
    extras = {own[name] for name in names if own.get(name)}
    if record:
        names -= {*map(distribution_of, record.requires)}
        extras |= {
            extra
            for extra in record.extras.keys() & {*selector.extras}
            if not names.isdisjoint(map(distribution_of, record.extras[extra]))
        }
    return f"{selector.project}[{','.join(sorted(extras))}]" if extras else selector.project


def standing_for(
    selector: Selector, marker: Mapping[str, str] | None = None
) -> dict[str, tuple[Form, ...]]:
    """Return what stands for each variant, by its key.

    Those are its distributions that no other variant requires. If some of them have the project's
    name as a prefix, only these: ``spam-cu12``, but not ``numpy`` beside it. A variant without any,
    except those of its extras, has the forms of distributions that it alone requires, if there are
    any. With ``marker``, the marker variables, only requirements whose marker is true count.
    """
    return _standing(selector.project, _asked(selector, marker))


def _standing(
    project: str, asked: Mapping[str, Mapping[Form, bool]]
) -> dict[str, tuple[Form, ...]]:
    names = collections.Counter(
        name for forms in asked.values() for name in {form.name for form in forms}
    )
    times = collections.Counter(form for forms in asked.values() for form in forms)
    standing = {}
    for key, forms in asked.items():
        certain = [form for form, holds in forms.items() if holds]
        alone = {form.name for form in certain if names[form.name] == 1}
        called = {name for name in alone if is_called_after(project, name)}
        apart = [form for form in certain if times[form] == 1]
        by = {form.name: form.by for form in reversed(certain)}
        own = [Form(name, alone=True, by=by[name]) for name in sorted(called or alone)]
        if own and all(form.by for form in own):
            own += [form for form in apart if not form.by]
        standing[key] = tuple(own or apart)
    return standing


def former_distributions(selector: Selector) -> dict[str, str]:
    """Return the distributions of the variants that the table had before, by their keys.

    Without those that the table still requires, also by an extra: they stay.
    """
    texts = [*selector.requires]
    for variant in selector.variants:
        texts += [*variant.requires, *(text for lines in variant.extras.values() for text in lines)]
    required = {*map(distribution_of, texts)}
    former = {
        normalize(name): normalize(f"{selector.project}-{name}")
        for variant in selector.variants
        for name in variant.formerly
    }
    return {key: name for key, name in former.items() if name not in required}


def with_standing(selector: Selector, marker: Mapping[str, str] | None = None) -> Selector:
    """Return ``selector`` with the ``distributions`` of its variants on this platform."""
    standing = standing_for(selector, marker)
    variants = []
    for variant in selector.variants:
        names = tuple(form.name for form in standing[variant.key] if form.alone)
        same = variant.distributions == names
        variants.append(variant if same else replace(variant, distributions=names))
    return replace(selector, variants=tuple(variants))


def variants_here(
    selector: Selector,
    versions: Mapping[str, str],
    extras: Extras,
    marker: Mapping[str, str] | None = None,
) -> dict[str, tuple[Form, ...]]:
    """Return what stands for each installed variant, by its key.

    ``versions`` and ``extras`` are those of an environment: the extras of each distribution that
    are complete there, with the distributions that only the extra requires.
    """
    asked = _asked(selector, marker)
    asking = collections.defaultdict(list)
    for key, forms in asked.items():
        for form in forms:
            asking[form.name].append((key, form))
    installed = {}
    for key, own in _standing(selector.project, asked).items():
        here = []
        for form in own:
            rivals = (rival for other, rival in asking[form.name] if other != key)
            if _is_here(form, rivals, versions, extras):
                here.append(form)
        if are_here(own, here):
            installed[key] = (*here,)
    return installed


def _is_here(
    form: Form, rivals: Iterable[Form], versions: Mapping[str, str], extras: Extras
) -> bool:
    """Return whether a distribution is installed as ``form`` asks for it.

    ``rivals`` are the forms in which other variants require it.
    """
    if form.name not in versions or form.alone:
        return form.name in versions
    other_label = normalize_label(versions[form.name].partition("+")[2]) != form.label
    present = extras.get(form.name, {}).keys()
    return form.extras <= present and not any(
        (other_label and rival.label != form.label) or form.extras < rival.extras <= present
        for rival in rivals
    )


def _asked(selector: Selector, marker: Mapping[str, str] | None) -> dict[str, dict[Form, bool]]:
    """Return the forms that each variant requires and not all do, and whether that is certain."""
    shared = {*map(distribution_of, selector.requires)}
    asked: dict[str, dict[Form, bool]] = {}
    for variant in selector.variants:
        forms = asked[variant.key] = {}
        for requirement, extra in requirements_of(variant):
            form, text = parse_form(requirement)
            form = replace(form, by=extra)
            holds = True
            if text and marker is not None:
                try:
                    holds = evaluate(text, marker)
                except CannotTellError:
                    forms.setdefault(form, False)
                    continue
            if holds and form.name not in shared:
                forms[form] = True
    return asked


def is_called_after(project: str, name: str) -> bool:
    """Return whether a distribution has the project's name, or begins with that and ``-``."""
    own = normalize(project)
    return f"{normalize(name)}-".startswith(f"{own}-")
