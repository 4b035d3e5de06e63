"""The table ``[tool.selector]`` of a ``pyproject.toml``, and all that can be wrong with it."""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors import Problem, did_you_mean
from ..installing.conditions import (
    VERSION_VARIABLES,
    CannotTellError,
    compare,
    comparisons,
    is_release,
    satisfies,
)
from ..installing.facts import (
    FACTS,
    FactType,
    Kind,
    is_fact_name,
    normalize_name,
    normalize_property,
)
from ..installing.request import ALL, AUTO
from ..installing.table import (
    CAPABILITY,
    REQUIREMENT,
    Provider,
    Selector,
    Variant,
    distribution_of,
    fill,
    namespace_of,
)
from ..installing.values import replace
from .texts import shown_key, texts, unfit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..installing.conditions import Wanted

T = TypeVar("T")

_TABLE_KEYS = (
    *("kind", "variable", "requires", "extras", "advice", "self-contained", "provider", "variant"),
)
_VARIANT_KEYS = ("name", "requires", "when", "conform", "refuse")
# What only a tree has: `tree` reads them, or says that this is none.
_TREE_KEYS, _TREE_VARIANT_KEYS = ("backend", "backend-path"), ("dependencies",)
_PROVIDER_KEYS = ("requires", "plugin-api", "enable-if")

# The name format of the packaging specifications ("Names and normalization").
_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE | re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# A namespace of wheel variants, and an object reference as entry points have them.
_NAMESPACE = re.compile(r"[a-z0-9_]+", re.ASCII)
_REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")
# Marker variables that mean something for a dependency only.
_NOT_OF_A_MACHINE = ("extra", "extras", "dependency_groups")
# Compared by order, its values are sometimes versions and mostly not.
_KERNEL = "platform_release"


def parse_selector(
    table: Mapping[str, Any], *, project: str, version: str
) -> tuple[Selector, list[Problem]]:
    """Read the table ``[tool.selector]`` of a project.

    ``project`` and ``version`` are the project's, for the defaults and placeholders. Returns the
    selector, and all the problems found; the selector is of use only if there are none.
    """
    problems: list[Problem] = []
    top = _Reader(table, "tool.selector", (*_TABLE_KEYS, *_TREE_KEYS), problems)
    values = {"project": project, "version": version}

    kind = top.string("kind", "'requirement' or 'capability'") or REQUIREMENT
    if kind not in (CAPABILITY, REQUIREMENT):
        hint = did_you_mean(kind, (CAPABILITY, REQUIREMENT))
        top.problem("kind", f"found {kind!r}, expected 'requirement' or 'capability'{hint}")

    variable = top.string("variable") or default_variable(project)
    if "variable" in table and not _VARIABLE.fullmatch(variable):
        top.problem(
            "variable",
            f"found {variable!r}, expected the name of an environment variable, such as "
            f"{default_variable(project)!r}",
        )

    if not isinstance(table.get("self-contained", False), bool):
        top.wrong_type("self-contained", table["self-contained"], "true or false")

    requires = _requirements(top, values) or ()
    read = _variants(top, values)
    variants = tuple(variant for _, variant in read)
    selector = Selector(
        project=project,
        version=version,
        kind=kind,
        variable=variable,
        variants=variants,
        requires=requires,
        extras=_extras(top),
        advice=top.string("advice") or "",
        providers=_providers(top, values),
    )
    standing = _standing_for(selector)
    variants = tuple(replace(one, distributions=standing[one.key]) for one in variants)
    selector = replace(selector, variants=variants)
    # Only a fact that some condition names is ever read, so a message can show no other.
    placeholders = ("project", "version", *selector.facts)
    _check_fields(top, "advice", selector.advice, placeholders, lines=True)
    for reader, variant in read:
        _check_namespaces(reader, variant, top.table.get("provider"))
        _check_fields(reader, "refuse", variant.refuse or "", placeholders, lines=True)
        if variant.conform and kind == CAPABILITY:
            reader.problem(
                "conform", "given, but variants of the capability kind may stand side by side"
            )
    _check_texts(top)
    return selector, problems


def own_requirements(selector: Selector) -> dict[str, list[Requirement]]:
    """Return the requirements of each variant, by its key, that no other has, nor all have."""
    requirements = {one.key: [*map(Requirement, one.requires)] for one in selector.variants}
    shared = {canonicalize_name(Requirement(one).name) for one in selector.requires}
    names = [{canonicalize_name(one.name) for one in some} for some in requirements.values()]
    counts = Counter(itertools.chain(shared, *names))
    return {
        key: [one for one in some if counts[canonicalize_name(one.name)] == 1]
        for key, some in requirements.items()
    }


def _standing_for(selector: Selector) -> dict[str, tuple[str, ...]]:
    """Return the distributions that are each variant, by its key, as names are compared.

    Those are the ones that it requires itself, and no other variant. If some of them are pinned
    to the project's version, only those: ``numpy`` beside ``spam-cu12==1.0`` is everybody's.
    """
    standing: dict[str, tuple[str, ...]] = {}
    for key, own in own_requirements(selector).items():
        pinned = [one for one in own if is_pinned(one, selector.version)]
        standing[key] = tuple(sorted({canonicalize_name(one.name) for one in pinned or own}))
    return standing


def is_pinned(requirement: Requirement, version: str) -> bool:
    """Return whether ``requirement`` is pinned to ``version``, as ``=={version}`` does.

    ``==1.0.0`` is pinned to 1.0, and so is ``==1.0.*``, but not ``==1.*``.
    """
    wanted = Version(version)
    for one in requirement.specifier:
        try:
            pin = Version(one.version.removesuffix(".*"))
        except InvalidVersion:  # `===` takes any text
            continue
        wide = one.version.endswith(".*") and len(pin.release) < len(wanted.release)
        if one.operator in ("==", "===") and pin == wanted and not wide:
            return True
    return False


def is_name(text: str) -> bool:
    """Return whether ``text`` is valid as the name of a project, an extra or a variant."""
    return _NAME.fullmatch(text) is not None


def default_variable(project: str) -> str:
    """Return the environment variable that forces a variant of ``project``.

    The name in capitals, other characters as ``_``: ``SPAM_EGGS_VARIANT`` for ``spam-eggs``.
    """
    return re.sub(r"[^A-Z0-9]", "_", project.upper()) + "_VARIANT"


class _Reader:
    """Takes the values of one TOML table, noting what is wrong with them under their full keys."""

    def __init__(
        self,
        table: Mapping[str, Any],
        key: str,
        known: Collection[str],
        problems: list[Problem],
        what: str = "not a known key",
    ) -> None:
        self.table = table
        self.key = key
        self.problems = problems
        for name in table:
            if name not in known:
                hint = did_you_mean(name, known) or f"; expected one of {', '.join(known)}"
                self.problem(name, f"{what}{hint}")

    def problem(self, name: str, message: str) -> None:
        # One of the table's own keys is shown as TOML has it; ours below this one are plain.
        key = shown_key(name) if name in self.table else name
        self.problems.append(Problem(f"{self.key}.{key}", message))

    def wrong_type(self, name: str, found: object, expected: str) -> None:
        self.problem(name, f"found {describe(found)}, expected {expected}")

    def string(self, name: str, expected: str = "some text") -> str | None:
        value = self.table.get(name)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.wrong_type(name, value, expected)
        return None

    def strings(self, name: str) -> list[str] | None:
        value = self.table.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong_type(name, value, "an array of strings")
            return None
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.wrong_type(f"{name}[{index}]", item, "a string")
        return [item for item in value if isinstance(item, str)]

    def tables(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the tables of an array, each with its key below this one."""
        value = self.table.get(name)
        if not isinstance(value, list):
            self.wrong_type(name, value, f"tables, each headed [[{self.key}.{name}]]")
            return []
        items = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
        for key, item in items:
            if not isinstance(item, dict):
                self.wrong_type(key, item, "a table")
        return [(key, item) for key, item in items if isinstance(item, dict)]


def describe(value: object) -> str:
    """Return a TOML value as a message names it: ``5 (an integer)``."""
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a float"}
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    if value == "":
        return "an empty string"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if type(value) not in names:
        return f"{value} (a date or time)"
    return f"{value!r} ({names[type(value)]})"


def _check_texts(top: _Reader) -> None:
    """Note every text that no message or metadata can hold, unless its key has a problem anyway."""
    known = {one.key for one in top.problems}
    for key, text in texts(top.table, top.key):
        message = unfit(text, lines=key.endswith((".advice", ".refuse")))
        if message is None:
            continue
        above = (key[:end] for end, mark in enumerate(f"{key}.") if mark in ".[")
        if known.isdisjoint(above):
            top.problems.append(Problem(key, message))


def _variants(top: _Reader, values: Mapping[str, str]) -> list[tuple[_Reader, Variant]]:
    if "variant" not in top.table:
        top.problem("variant", "missing; a table has one [[tool.selector.variant]] or more")
        return []
    variants = []
    seen: dict[str, tuple[str, str]] = {}
    tables = top.tables("variant")
    if not tables and top.table["variant"] == []:
        top.problem("variant", "found an empty array, expected one variant or more")
    for key, table in tables:
        known = (*_VARIANT_KEYS, *_TREE_VARIANT_KEYS)
        reader = _Reader(table, f"{top.key}.{key}", known, top.problems)
        variant = _variant(reader, values)
        first, name = seen.setdefault(variant.key, (reader.key, variant.name))
        if variant.name and first != reader.key:
            reader.problem(
                "name", f"found {variant.name!r}, but {first} has that name already ({name!r})"
            )
        variants.append((reader, variant))
    return variants


def _variant(reader: _Reader, values: Mapping[str, str]) -> Variant:
    name = reader.string("name")
    if "name" not in reader.table:
        reader.problem("name", "missing; every variant has a name, such as 'cpu'")
    elif name is not None and not is_name(name):
        reader.problem(
            "name",
            f"found {name!r}, expected ASCII letters and digits, with '-', '_' or '.' between them",
        )
    elif name is not None and canonicalize_name(name) in (AUTO, ALL):
        reader.problem("name", f"found {name!r}, which a request uses for something else")

    refuse = reader.string("refuse")
    if "refuse" in reader.table and "requires" in reader.table:
        reader.problem("refuse", "given together with 'requires'; a variant has one of the two")
    valid = name is not None and is_name(name)
    requires = _requirements(reader, {**values, "name": str(name) if valid else "variant"})
    if requires is None and "refuse" not in reader.table and valid:
        requires = (f"{values['project']}-{name}=={values['version']}",)
    return Variant(
        name=name or "",
        requires=requires or (),
        when=_alternatives(reader),
        conform=_conform(reader),
        refuse=refuse,
    )


def _conform(reader: _Reader) -> dict[str, str]:
    """Return what the environment has to agree on: any names, with a text for each."""
    value = reader.table.get("conform", {})
    if not isinstance(value, dict) or ("conform" in reader.table and not value):
        reader.wrong_type("conform", value, "a table such as { cuda = '12' }")
        return {}
    if "refuse" in reader.table and value:
        reader.problem("conform", "given together with 'refuse', which installs nothing")
    seen: dict[str, str] = {}
    for name, text in value.items():
        key = f"conform.{shown_key(name)}"
        if not isinstance(text, str) or not text.strip():
            reader.wrong_type(key, text, "a text such as '12'")
        first = seen.setdefault(normalize_name(name), name)
        if first != name:
            reader.problem(key, f"{first!r} and {name!r} are one name")
    return {normalize_name(n): t.strip() for n, t in value.items() if isinstance(t, str)}


def _requirements(reader: _Reader, values: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the requirements under ``requires``, or ``None`` where there is no such key."""
    texts = reader.strings("requires")
    if texts is None:
        return None
    requirements = []
    for index, text in enumerate(texts):
        key = f"requires[{index}]"
        if not _check_fields(reader, key, text, values):
            continue
        requirement = _parse(reader, key, fill(text, values), Requirement)
        if requirement is not None:
            requirements.append(str(requirement))
    return tuple(requirements)


def _parse(
    reader: _Reader,
    key: str,
    text: str,
    parse: Callable[[str], T],
) -> T | None:
    """Return what ``parse`` makes of ``text``, noting its error, which shows the position."""
    message = unfit(text)
    try:
        if message is None:
            return parse(text)
    except ValueError as error:
        message = f"found {text!r}: {error}"
    except RecursionError:
        message = f"found {text[:60]!r} and so on, which is nested too deep"
    reader.problem(key, message)
    return None


def _alternatives(reader: _Reader) -> tuple[Mapping[str, Wanted], ...]:
    when = reader.table.get("when")
    if when is None:
        return ()
    if isinstance(when, dict):
        tables: Sequence[tuple[str, Mapping[str, Any]]] = [("when", when)]
    elif isinstance(when, list):
        tables = reader.tables("when")
    else:
        reader.wrong_type("when", when, "a table such as { cuda = '>=12' }, or an array of them")
        return ()
    if not tables and when == []:
        tables = [("when", {})]
    for key, table in tables:
        if not table:
            reader.problem(
                key, "is empty; leave 'when' out of a variant that is to fit every machine"
            )
    return tuple(
        _conjunction(_Reader(table, f"{reader.key}.{key}", FACTS, reader.problems, "not a fact"))
        for key, table in tables
    )


def _conjunction(reader: _Reader) -> dict[str, Wanted]:
    conditions: dict[str, Wanted] = {}
    for name, value in reader.table.items():
        if name in FACTS:
            wanted = _wanted(reader, FACTS[name], value)
            # One that is not valid counts as named: messages may show the fact.
            conditions[name] = True if wanted is None else wanted
    return conditions


def _wanted(reader: _Reader, fact: FactType, value: object) -> Wanted | None:
    if fact.kind is Kind.ENVIRONMENT:
        return _marker(reader, fact.name, value)
    if fact.kind is Kind.PROPERTIES:
        return _properties(reader, fact, value)
    if isinstance(value, bool):
        return value
    if fact.kind is Kind.DISTRIBUTIONS:
        return _distributions(reader, fact, value)
    if fact.kind is Kind.NAMES:
        expected = f"a name such as {fact.example!r}, an array of names, true or false"
        names = _texts(reader, fact, value, expected)
        return names and tuple(map(normalize_name, names))
    return _specifier(reader, fact, value)


def _specifier(reader: _Reader, fact: FactType, value: object) -> str | None:
    expected = f"a specifier such as '>={fact.example}', or true or false"
    if not isinstance(value, str) or not value.strip():
        reader.wrong_type(fact.name, value, expected)
        return None
    try:
        satisfies("0", value)
    except CannotTellError:
        pass
    else:
        return value.strip()
    if unfit(value):  # which `_check_texts` says
        return None
    hint = ""
    if is_release(value.strip()):
        hint = f"; for that series write '=={value}.*', for it and newer '>={value}'"
    elif _is_specifier(value):
        expected = "versions that are plain numbers such as 12.4, and no '==='"
    reader.problem(fact.name, f"found {value!r}, expected {expected} (PEP 440){hint}")
    return None


def _is_specifier(text: str) -> bool:
    try:
        return len(SpecifierSet(text)) > 0  # an empty set is commas and nothing else
    except ValueError:
        return False


def _texts(reader: _Reader, fact: FactType, value: object, expected: str) -> tuple[str, ...] | None:
    names = value if isinstance(value, list) else [value]
    valid = is_fact_name if fact.kind is Kind.NAMES else str.strip
    texts = [name for name in names if isinstance(name, str) and valid(name)]
    if not texts or texts != names:
        reader.wrong_type(fact.name, value, expected)
        return None
    return tuple(texts)


def _properties(reader: _Reader, fact: FactType, value: object) -> tuple[str, ...] | None:
    expected = f"a property such as {fact.example!r}, or an array of them"
    try:
        texts = _texts(reader, fact, value, expected)
        return texts and tuple(map(normalize_property, texts))
    except ValueError as error:
        reader.problem(fact.name, f"found {error}")
        return None


def _distributions(reader: _Reader, fact: FactType, value: object) -> tuple[str, ...] | None:
    """Return requirements in their canonical form."""
    expected = "a requirement such as 'torch>=2.9', an array of them, true or false"
    texts = _texts(reader, fact, value, expected) or ()
    found = [_parse(reader, fact.name, text, _distribution) for text in texts]
    return tuple(one for one in found if one) if found and all(found) else None


def _distribution(text: str) -> str:
    """Return a requirement that an environment can meet. Raises ``ValueError``."""
    one = Requirement(text)
    if one.marker or one.url or one.extras:
        raise ValueError("expected a name and versions, without a marker, a URL or extras")
    return f"{canonicalize_name(one.name)}{one.specifier}"


def _providers(top: _Reader, values: Mapping[str, str]) -> tuple[Provider, ...]:
    tables = top.table.get("provider", {})
    if not isinstance(tables, dict):
        top.wrong_type("provider", tables, f"tables, each headed [{top.key}.provider.NAMESPACE]")
        return ()
    providers = []
    for namespace, table in tables.items():
        key = f"provider.{shown_key(namespace)}"
        if not _NAMESPACE.fullmatch(namespace):
            top.problem(key, "is not a namespace; it has small letters, digits and '_'")
        elif not isinstance(table, dict):
            top.wrong_type(key, table, "a table")
        else:
            reader = _Reader(table, f"{top.key}.{key}", _PROVIDER_KEYS, top.problems)
            providers.append(_provider(reader, namespace, values))
    return tuple(providers)


def _provider(reader: _Reader, namespace: str, values: Mapping[str, str]) -> Provider:
    requires = _requirements(reader, values) or ()
    if not reader.table.get("requires"):
        reader.problem("requires", "missing; it names what to install to have the plugin")
    plugin_api = reader.string("plugin-api") or ""
    if "plugin-api" in reader.table and plugin_api and not _REFERENCE.fullmatch(plugin_api):
        reader.problem(
            "plugin-api",
            f"found {plugin_api!r}, expected a plugin's place, such as 'package.module:Plugin'",
        )
    if not plugin_api and requires:  # PEP 817's default
        plugin_api = distribution_of(requires[0]).replace("-", "_")
    enable_if = None
    if "enable-if" in reader.table:
        enable_if = _marker(reader, "enable-if", reader.table["enable-if"])
    return Provider(namespace, requires, plugin_api, enable_if)


def _check_namespaces(reader: _Reader, variant: Variant, providers: object) -> None:
    """Note every property of ``variant`` that is of no provider's namespace."""
    known = list(providers) if isinstance(providers, dict) else []
    alone = isinstance(reader.table.get("when"), dict)
    for index, alternative in enumerate(variant.when):
        for fact, wanted in alternative.items():
            if FACTS[fact].kind is not Kind.PROPERTIES or not isinstance(wanted, tuple):
                continue
            for namespace in dict.fromkeys(map(namespace_of, wanted)):
                if namespace not in known:
                    hint = did_you_mean(namespace, known)
                    reader.problem(
                        f"{'when' if alone else f'when[{index}]'}.{fact}",
                        f"names the namespace {namespace!r}, which has no table "
                        f"[tool.selector.provider.{namespace}]{hint}",
                    )


def _marker(reader: _Reader, name: str, value: object) -> str | None:
    """Return a marker in its canonical form."""
    if not isinstance(value, str) or not value.strip():
        reader.wrong_type(name, value, "a marker such as \"sys_platform == 'linux'\"")
        return None
    marker = _parse(reader, name, value, Marker)
    if marker is None:
        return None
    try:
        for variable, operator, text, turned in comparisons(str(marker)):
            _check_comparison(variable, operator, text, turned)
    except CannotTellError as error:
        reader.problem(name, f"found {value!r}: {error}")
        return None
    return str(marker)


def _check_comparison(variable: str, operator: str, text: str, turned: bool) -> None:
    """Raise `CannotTellError` for a comparison that says nothing certain of a machine."""
    if variable in _NOT_OF_A_MACHINE:
        raise CannotTellError("extras and groups say nothing about a machine")
    if variable == _KERNEL and operator in ("==", "!=") and _is_version(text):
        raise CannotTellError(f"{variable} is a version on some systems only")
    sample = "1" if variable in VERSION_VARIABLES else ""
    compare(variable, operator, text, turned, {variable: sample})


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _check_fields(
    reader: _Reader, key: str, text: str, known: Collection[str], *, lines: bool = False
) -> bool:
    """Note every placeholder of ``text`` that is not ``known``; return whether there was none."""
    message = unfit(text, lines=lines)
    if message is not None:
        reader.problem(key, message)
        return False
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        reader.problem(key, f"found {text!r}: {error}; a brace itself is written twice")
        return False
    bad = []
    for _, name, spec, conversion in fields:
        if name is not None and (name not in known or spec or conversion):
            how = (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            hint = did_you_mean(name, known) or f"; known here: {', '.join(sorted(known))}"
            hint = f"; write {{{name}}}" if name in known else hint
            bad.append(f"found the placeholder {{{name}{how}}}, which is not known{hint}")
    for message in dict.fromkeys(bad):
        reader.problem(key, message)
    return not bad


def _extras(reader: _Reader) -> tuple[str, ...]:
    """Return the extras as names are compared."""
    seen: dict[str, str] = {}
    for index, extra in enumerate(reader.strings("extras") or ()):
        key = f"extras[{index}]"
        if not is_name(extra):
            reader.problem(key, f"found {extra!r}, expected an extra's name, such as 'plot'")
        elif (first := seen.setdefault(canonicalize_name(extra), key)) != key:
            reader.problem(key, f"found {extra!r}, which is {first} already")
    return tuple(seen)
