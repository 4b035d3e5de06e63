"""The table ``[tool.selector]`` of a ``pyproject.toml``: its meaning. Its form is in `keys`."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors import did_you_mean
from ..installing.request import ALL, AUTO
from ..model.facts import FACTS
from ..model.kinds import EVERY, PROPERTIES
from ..model.markers import distribution_of, normalize, normalize_name, quoted
from ..model.problems import Problem, Problems
from ..model.standing import with_standing
from ..model.table import (
    ALL_THAT_FIT,
    CAPABILITY,
    REQUIREMENT,
    Provider,
    Selector,
    Variant,
    fill,
    namespace_of,
)
from .conditions import CONDITIONS, canonical_marker
from .keys import TABLE, default_variable
from .structure import shown_key, texts, unfit

if TYPE_CHECKING:
    from ..model.kinds import Wanted

T = TypeVar("T")

# Messages shorten requirements and markers that are longer.
_LONGEST = 500


def parse_selector(
    table: Mapping[str, Any], *, project: str, version: str
) -> tuple[Selector, list[Problem]]:
    """Read the table ``[tool.selector]`` of a project.

    ``project`` and ``version`` are the project's, for the defaults and placeholders. Returns the
    selector, and all problems; use the selector only if there are none.
    """
    problems = Problems()
    top = _Section("tool.selector", TABLE.read(table, "tool.selector", problems) or {}, problems)
    values = {"project": project, "version": version}
    kind = top.table.get("kind") or REQUIREMENT
    handed_on = _extras(top)
    read = _variants(top, values, handed_on)
    variants = tuple(variant for _, variant in read)
    own_extras = (name for variant in variants for name in variant.extras)
    choose = top.table.get("choose")
    if choose == ALL_THAT_FIT and kind != CAPABILITY:
        top.problem(
            "choose", f"found {choose!r}, but variants of the {kind} kind exclude each other"
        )
    selector = Selector(
        project=project,
        version=version,
        kind=kind,
        variable=top.table.get("variable") or default_variable(project),
        variants=variants,
        requires=_requirements(top, values) or (),
        extras=tuple(dict.fromkeys([*handed_on, *own_extras])),
        choose=choose if choose == ALL_THAT_FIT else "",
        advice=top.table.get("advice") or "",
        providers=_providers(top, values),
    )
    selector = with_standing(selector)
    # Only facts in conditions are read, so a message can show no other.
    placeholders = ("project", "version", *selector.facts)
    _check_fields(top, "advice", selector.advice, placeholders)
    for section, variant in read:
        _check_namespaces(section, variant, top.table.get("provider") or {})
        _check_fields(section, "refuse", variant.refuse or "", placeholders)
        for index, name in enumerate(variant.formerly):
            if any(other.key == normalize(name) for other in variants):
                section.problem(
                    f"formerly[{index}]", f"found {name!r}, which the table has; it names old ones"
                )
        if variant.conform and kind == CAPABILITY:
            section.problem(
                "conform", "given, but variants of the capability kind may stand side by side"
            )
    _check_texts(table, problems)
    return selector, problems


def is_own(requirement: Requirement, selector: Selector) -> bool:
    """Return whether a requirement is on a part of the project.

    That has the project's version, or a name that begins with the project's.
    """
    prefix = f"{canonicalize_name(selector.project)}-"
    named_after = canonicalize_name(requirement.name).startswith(prefix)
    return named_after or is_pinned(requirement, selector.version)


def is_pinned(requirement: Requirement, version: str) -> bool:
    """Return whether ``requirement`` is pinned to ``version``, as ``=={version}`` does.

    ``==1.0.0`` is pinned to 1.0, and so is ``==1.0.*``, but not ``==1.*``.
    """
    wanted = Version(version)
    for specifier in requirement.specifier:
        try:
            pin = Version(specifier.version.removesuffix(".*"))
        except InvalidVersion:  # `===` takes any text
            continue
        wide = specifier.version.endswith(".*") and len(pin.release) < len(wanted.release)
        if specifier.operator in ("==", "===") and pin == wanted and not wide:
            return True
    return False


class _Section:
    """One table as its shape has read it, its full key, and where to note problems."""

    def __init__(self, key: str, table: Mapping[str, Any], problems: Problems) -> None:
        self.key = key
        self.table = table
        self.problems = problems

    def problem(self, name: str, message: str) -> None:
        self.problems.add(f"{self.key}.{name}", message)

    def below(self, name: str, table: Mapping[str, Any]) -> _Section:
        return _Section(f"{self.key}.{name}", table, self.problems)


def _check_texts(table: Mapping[str, Any], problems: Problems) -> None:
    """Note every text that messages or metadata cannot hold, unless its key has a problem."""
    known = {problem.key for problem in problems}
    for key, text in texts(table, "tool.selector"):
        message = unfit(text, lines=key.endswith((".advice", ".refuse")))
        if message is None:
            continue
        above = (key[:end] for end, mark in enumerate(f"{key}.") if mark in ".[")
        if known.isdisjoint(above):
            problems.add(key, message)


def _variants(
    top: _Section, values: Mapping[str, str], handed_on: Iterable[str]
) -> list[tuple[_Section, Variant]]:
    variants = []
    seen: dict[str, tuple[str, str]] = {}
    for index, table in enumerate(top.table.get("variant") or ()):
        if table is None:
            continue
        section = top.below(f"variant[{index}]", table)
        variant = _variant(section, values, handed_on)
        first, name = seen.setdefault(variant.key, (section.key, variant.name))
        if variant.name and first != section.key:
            section.problem(
                "name", f"found {variant.name!r}, but {first} has that name already ({name!r})"
            )
        variants.append((section, variant))
    return variants


def _variant(section: _Section, values: Mapping[str, str], handed_on: Iterable[str]) -> Variant:
    table = section.table
    name = table.get("name")
    values = {**values, "name": name or "variant"}
    if name is not None and normalize(name) in (AUTO, ALL):
        section.problem("name", f"found {name!r}, which has another meaning in a request")
    requires = _requirements(section, values)
    if requires is None and "refuse" not in table and name:
        requires = (f"{values['project']}-{name}=={values['version']}",)
    return Variant(
        name=name or "",
        requires=requires or (),
        extras=_extras_of(section, values, requires or (), handed_on),
        when=_alternatives(section),
        conform=_conform(section),
        refuse=table.get("refuse"),
        formerly=tuple(filter(None, table.get("formerly") or ())),
    )


def _extras_of(
    section: _Section, values: Mapping[str, str], requires: Iterable[str], handed_on: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return what each extra adds to a variant, by ``tool.selector.extras`` and its own."""
    lines: dict[str, list[Requirement]] = {}
    for extra in handed_on:
        lines[extra] = [*map(Requirement, requires)]
        for requirement in lines[extra]:
            requirement.extras |= {extra}
    own = section.below("extras", section.table.get("extras") or {})
    for name in own.table:
        texts = _requirements(own, values, name) or ()
        lines.setdefault(normalize(name), []).extend(map(Requirement, texts))
    return {
        extra: tuple(str(tied_to(extra, requirement)) for requirement in some)
        for extra, some in lines.items()
    }


def tied_to(extra: str, requirement: Requirement) -> Requirement:
    """Return the requirement with a marker for ``extra``, a normalized name."""
    marker = str(requirement.marker or "")
    own = f"({marker}) and " if " or " in marker else marker and f"{marker} and "
    tied = Requirement(str(requirement))
    tied.marker = Marker(f'{own}extra == "{extra}"')
    return tied


def _conform(section: _Section) -> dict[str, str]:
    """Return what the environment has to agree on: normalized names, with a text for each."""
    table = section.table.get("conform") or {}
    return {normalize_name(name): text.strip() for name, text in table.items() if text}


def _requirements(
    section: _Section, values: Mapping[str, str], name: str = "requires"
) -> tuple[str, ...] | None:
    """Return the requirements under ``name``, or ``None`` where there is no such key."""
    if section.table.get(name) is None:
        return None
    requirements = []
    for index, text in enumerate(section.table[name]):
        key = f"{shown_key(name)}[{index}]"
        if text is None or not _check_fields(section, key, text, values):
            continue
        requirement = _parse(section, key, fill(text, values), Requirement)
        if requirement is not None:
            requirements.append(str(requirement))
    return tuple(requirements)


def _parse(section: _Section, key: str, text: str, parse: Callable[[str], T]) -> T | None:
    """Return ``parse(text)``, or note its error, which shows the position."""
    message = unfit(text)
    try:
        if message is None:
            return parse(text)
    except ValueError as error:
        long = len(text) > _LONGEST
        reason = str(error).partition("\n")[0] if long else error  # the rest is the whole text
        message = f"found {quoted(text) if long else repr(text)}: {reason}"
    except RecursionError:
        message = f"found {quoted(text)}, which is nested too deep"
    section.problem(key, message)
    return None


def _keyed_alternatives(when: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the tables of ``when``, each with its key."""
    if isinstance(when, dict):
        return [("when", when)]
    return [(f"when[{n}]", table) for n, table in enumerate(when or ()) if table is not None]


def _alternatives(section: _Section) -> tuple[Mapping[str, Wanted], ...]:
    return tuple(
        {name: _wanted(section.below(key, table), name, value) for name, value in table.items()}
        for key, table in _keyed_alternatives(section.table.get("when"))
    )


def _wanted(section: _Section, name: str, value: Any) -> Wanted:
    """Return what ``value`` asks of the fact ``name``.

    If it is not valid, ``True``: then messages can still show the fact.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return f"{EVERY}{value['every'].strip()}" if value.get("every") else True
    conditions = CONDITIONS[FACTS[name].kind]
    listed = value if isinstance(value, list) else [value]
    read = (text and _parse(section, name, text, conditions.read) for text in listed)
    texts = tuple(filter(None, read))
    if len(texts) < len(listed):
        return True
    return texts if conditions.several else texts[0]


def _providers(top: _Section, values: Mapping[str, str]) -> tuple[Provider, ...]:
    tables = top.table.get("provider") or {}
    return tuple(
        _provider(top.below(f"provider.{namespace}", table), namespace, values)
        for namespace, table in tables.items()
        if table is not None
    )


def _provider(section: _Section, namespace: str, values: Mapping[str, str]) -> Provider:
    requires = _requirements(section, values) or ()
    plugin_api = section.table.get("plugin-api") or ""
    if not plugin_api and requires:  # PEP 817's default
        plugin_api = distribution_of(requires[0]).replace("-", "_")
    enable_if = section.table.get("enable-if")
    if enable_if is not None:
        enable_if = _parse(section, "enable-if", enable_if, canonical_marker)
    return Provider(namespace, requires, plugin_api, enable_if)


def _check_namespaces(section: _Section, variant: Variant, known: Collection[str]) -> None:
    """Note every property of ``variant`` whose namespace has no provider."""
    keys = [key for key, _ in _keyed_alternatives(section.table.get("when"))]
    for key, alternative in zip(keys, variant.when):
        for fact, wanted in alternative.items():
            if FACTS[fact].kind is not PROPERTIES or not isinstance(wanted, tuple):
                continue
            for namespace in dict.fromkeys(map(namespace_of, wanted)):
                if namespace not in known:
                    hint = did_you_mean(namespace, known)
                    section.problem(
                        f"{key}.{fact}",
                        f"names the namespace {namespace!r}, which has no table "
                        f"[tool.selector.provider.{namespace}]{hint}",
                    )


def _check_fields(section: _Section, key: str, text: str, known: Collection[str]) -> bool:
    """Note every placeholder of ``text`` that is not ``known``; return whether all are."""
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        section.problem(key, f"found {text!r}: {error}; write a brace itself twice")
        return False
    bad = []
    for _, name, spec, conversion in fields:
        if name is not None and (name not in known or spec or conversion):
            how = (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            hint = did_you_mean(name, known) or f"; known here: {', '.join(sorted(known))}"
            hint = f"; write {{{name}}}" if name in known else hint
            bad.append(f"found the placeholder {{{name}{how}}}, which is not known{hint}")
    for message in dict.fromkeys(bad):
        section.problem(key, message)
    return not bad


def _extras(section: _Section) -> tuple[str, ...]:
    """Return the normalized extras."""
    seen: dict[str, str] = {}
    for index, extra in enumerate(section.table.get("extras") or ()):
        key = f"extras[{index}]"
        if extra and (first := seen.setdefault(normalize(extra), key)) != key:
            section.problem(key, f"found {extra!r}, which is {first} already")
    return tuple(seen)
