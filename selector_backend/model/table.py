"""The compiled selector table: its values, and the file that has it.

An sdist carries ``selector-table.json``, which `selector_backend.authoring.compile` made from its
``pyproject.toml``. It has all defaults and placeholders filled in; requirements and conditions are
text.
"""

from __future__ import annotations

import collections
import json
import os
import re

from . import shapes
from .facts import FACTS
from .kinds import DISTRIBUTIONS, LIBRARIES, PROPERTIES
from .markers import distribution_of as distribution_of
from .markers import normalize as normalize
from .values import dataclass, field, fields_of, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any, TypeVar

    from .kinds import Kind, Wanted

    T = TypeVar("T")

#: The kinds of selector.
CAPABILITY, REQUIREMENT = "capability", "requirement"

#: The key ``choose``: the first variant that fits, or all that do.
FIRST_THAT_FITS, ALL_THAT_FIT = "first", "all"

#: The compiled table's file name in the sdist, and its format number. Every release reads all
#: formats before its own.
TABLE_NAME = "selector-table.json"
FORMAT = 2


class Condition(collections.namedtuple("Condition", ("fact", "wanted"))):
    """One key of a ``when`` table: a fact's name, and what is asked of the fact (`kinds`)."""

    __slots__ = ()


@dataclass(frozen=True)
class Variant:
    """One entry of the table.

    ``requires`` are requirements as text, ``extras`` those that each of the project's extras adds,
    with the extra's marker, and ``distributions`` the normalized names of those that stand for the
    variant. ``when`` are alternatives, each a conjunction of conditions; without any, the variant
    fits every machine. ``conform`` are values that a whole environment has to agree on, such as
    ``12`` for ``cuda``. A variant with ``refuse`` stops the install with that message, and has no
    requirements. ``formerly`` are the names of variants of older releases that it replaces.
    """

    name: str
    requires: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    distributions: tuple[str, ...] = ()
    when: tuple[Mapping[str, Wanted], ...] = ()
    conform: Mapping[str, str] = field(default_factory=dict)
    refuse: str | None = None
    formerly: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The normalized name."""
        return normalize(self.name)


@dataclass(frozen=True)
class Provider:
    """A wheel-variant provider, which says which properties of a namespace are supported.

    ``plugin_api`` is the plugin's object reference. The provider is asked only where the marker
    ``enable_if``, if any, is true.
    """

    namespace: str
    requires: tuple[str, ...]
    plugin_api: str
    enable_if: str | None = None


@dataclass(frozen=True)
class Where:
    """The platforms that can have a ``fact`` or, if there are ``names``, these names of it.

    ``platforms`` maps ``sys_platform`` to values of ``platform_machine``; ``*`` is any of either.
    With ``libc``, a Linux needs that C library.
    """

    fact: str
    platforms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    libc: str = ""

    def is_of(self, wanted: Wanted) -> bool:
        """Return whether this entry is about what a condition asks of the fact."""
        return not self.names or (
            isinstance(wanted, tuple) and not {*wanted}.isdisjoint(self.names)
        )

    def is_of_name(self, name: str) -> bool:
        """Return whether ``name`` is one of the names, or has the prefix of one with ``*``."""
        return any(
            name.startswith(own[:-1]) if own.endswith("*") else name == own for own in self.names
        )

    def has(self, marker: Mapping[str, str], libc: str = "") -> bool:
        """Return whether the platform with these marker variables can have the fact.

        ``libc`` is the C library of a Linux, if it is known.
        """
        if libc and self.libc not in ("", libc) and marker["sys_platform"] == "linux":
            return False
        machines = {"*", marker["platform_machine"]}
        systems = ("*", marker["sys_platform"])
        return any(not machines.isdisjoint(self.platforms.get(name, ())) for name in systems)


@dataclass(frozen=True)
class Scope:
    """The inputs of probes besides the fact names.

    ``providers`` are asked for properties. ``requirements`` are what conditions ask of the
    environment with the ``folders``, which are empty where it cannot be seen. ``distributions`` are
    those in the folders, if these were listed before. ``libraries`` are searched by the dynamic
    loader.
    """

    providers: tuple[Provider, ...] = ()
    requirements: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    distributions: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True)
class Selector:
    """A whole selector table, with defaults filled in.

    ``extras`` are the project's extras that add requirements to a variant. ``choose`` is
    `ALL_THAT_FIT`, or ``""`` for the first that fits.
    """

    project: str
    version: str
    kind: str
    variable: str
    variants: tuple[Variant, ...]
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    choose: str = ""
    advice: str = ""
    providers: tuple[Provider, ...] = ()
    where: tuple[Where, ...] = ()

    @property
    def conditions(self) -> Iterator[Condition]:
        """Every condition of the table."""
        for variant in self.variants:
            for alternative in variant.when:
                yield from map(Condition._make, alternative.items())

    @property
    def facts(self) -> tuple[str, ...]:
        """The names of the facts in conditions, in the order of `FACTS`."""
        named = {condition.fact for condition in self.conditions}
        return tuple(name for name in FACTS if name in named)

    def instead_of(self, key: str) -> str:
        """Return the name of the variant that replaces a former one, ``""`` if there is none."""
        variants = self.variants
        return next((row.name for row in variants if key in map(normalize, row.formerly)), "")

    @property
    def named_providers(self) -> tuple[Provider, ...]:
        """The providers whose namespaces the conditions name."""
        named = {*map(namespace_of, self._named(PROPERTIES))}
        return tuple(provider for provider in self.providers if provider.namespace in named)

    @property
    def named_requirements(self) -> tuple[str, ...]:
        """The requirements in conditions on the environment."""
        return self._named(DISTRIBUTIONS)

    @property
    def sees_environment(self) -> bool:
        """Whether the packages in the environment count."""
        return self.kind == REQUIREMENT or bool(self.named_requirements)

    @property
    def named_libraries(self) -> tuple[str, ...]:
        """The shared libraries in conditions."""
        return self._named(LIBRARIES)

    def chosen(self, fitting: Iterable[int]) -> list[int]:
        """Return the numbers of the variants that a machine gets, of those that fit it, in order.

        That is the first or, with ``choose``, all. One that refuses counts only if it is the first,
        and then alone.
        """
        numbers = iter(fitting)
        for first in numbers:
            if not self.choose or self.variants[first].refuse is not None:
                return [first]
            return [first, *(at for at in numbers if self.variants[at].refuse is None)]
        return []

    def _named(self, kind: Kind) -> tuple[str, ...]:
        """Return the names in conditions on the facts of a kind, without duplicates."""
        asked = (wanted for fact, wanted in self.conditions if FACTS[fact].kind is kind)
        lists = (wanted for wanted in asked if isinstance(wanted, tuple))
        return tuple(dict.fromkeys(name for names in lists for name in names))

    def scope(
        self,
        folders: Iterable[str] = (),
        distributions: Mapping[str, Sequence[str]] | None = None,
    ) -> Scope:
        """Return the inputs of the probes, in an environment with ``folders``."""
        return Scope(
            self.named_providers,
            self.named_requirements,
            tuple(folders),
            self.named_libraries,
            distributions,
        )


@dataclass(frozen=True)
class Compiled:
    """Everything that installing needs of a project.

    ``requires`` are the requirements of its static extras, as in metadata; in format 1, they are in
    ``pkg_info``. ``name`` is the project's as in file names, ``metadata_version`` the wheel's,
    ``license_files`` are paths from the project's folder, and ``entry_points`` is the text of
    ``entry_points.txt``. ``files`` are those of the sdist that it was read from.
    """

    selector: Selector
    name: str
    pkg_info: bytes
    metadata_version: str
    requires: tuple[str, ...] = ()
    license_files: tuple[str, ...] = ()
    entry_points: str = ""
    files: tuple[str, ...] = field(default=(), compare=False)


class NotCompiledError(Exception):
    """There is no compiled table that can be used. ``str()`` says why."""


def dump_compiled(compiled: Compiled, pyproject: bytes, backend: str) -> bytes:
    """Return the content of ``selector-table.json``.

    ``pyproject`` is the content of the ``pyproject.toml``, ``backend`` this package's version.
    """
    data: dict[str, Any] = {
        "format": FORMAT,
        "backend": backend,
        "pyproject": hash_text(pyproject),
        "pkg-info": hash_text(compiled.pkg_info),
        "name": compiled.name,
        "selector": dump(compiled.selector),
        "places": {"metadata-version": compiled.metadata_version},
        "requires": dump(compiled.requires),
        "license-files": dump(compiled.license_files),
        "entry-points": compiled.entry_points,
    }
    data["sha256"] = hash_of(data)
    return (json.dumps(data, indent=1) + "\n").encode()


def read_compiled(folder: str | Path) -> Compiled:
    """Return the compiled table of the sdist in ``folder``.

    Raises `NotCompiledError` if it has none, or it is damaged, of an unknown format, or of another
    ``pyproject.toml``.
    """
    try:
        names = (TABLE_NAME, "PKG-INFO", "pyproject.toml")
        table, pkg_info, pyproject = (_read(os.path.join(folder, name)) for name in names)
        data, pkg_info = json.loads(table), pkg_info.replace(b"\r\n", b"\n")
    except FileNotFoundError as error:
        name = os.path.basename(error.filename)
        raise NotCompiledError(f"there is no {name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise NotCompiledError(f"{TABLE_NAME} cannot be read: {error}") from None
    if not isinstance(data, dict) or data.get("format") not in range(1, FORMAT + 1):
        raise NotCompiledError(f"{TABLE_NAME} is of a format that this version does not read")
    if data.pop("sha256", None) != hash_of(data) or data.get("pkg-info") != hash_text(pkg_info):
        raise NotCompiledError(f"{TABLE_NAME} or PKG-INFO is damaged")
    if data.get("pyproject") != hash_text(pyproject):
        raise NotCompiledError("pyproject.toml was changed after the sdist was built")
    try:
        selector = load_selector(data["selector"])
        shapes.check_compiled(data)
        return Compiled(
            selector=selector,
            name=data["name"],
            pkg_info=pkg_info,
            metadata_version=data["places"]["metadata-version"],
            requires=tuple(data.get("requires", ())),
            license_files=tuple(data["license-files"]),
            entry_points=data["entry-points"],
            files=(*names, *data["license-files"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # It is not damaged, so a newer release wrote it, with facts or values unknown to this one.
        raise NotCompiledError(f"{TABLE_NAME} cannot be used: {error}") from None


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()


def hash_text(content: bytes) -> str:
    """Return the hash of a text file, the same for all line endings."""
    return sha256(content.replace(b"\r\n", b"\n")).hex()


def hash_of(data: Mapping[str, Any]) -> str:
    """Return the hash of JSON data, the same for all formatting."""
    return sha256(json.dumps(data, sort_keys=True).encode()).hex()


def dump(value: Any) -> Any:
    """Return a value of this module as JSON data, without the fields that are empty."""
    fields = {name: getattr(value, name) for name in fields_of(type(value))}
    if fields:
        return {
            name.replace("_", "-"): dump(item)
            for name, item in fields.items()
            if item not in (None, "", (), {})
        }
    if isinstance(value, (tuple, list)):
        return [*map(dump, value)]
    return {key: dump(item) for key, item in value.items()} if isinstance(value, dict) else value


def load_selector(data: Any) -> Selector:
    """Return the selector from JSON data: the inverse of `dump`.

    Raises ``ValueError`` if they have another shape, or ask for an unknown fact.
    """
    if not shapes.has_shape(data, shapes.SELECTOR) or not data.get("variants"):
        raise ValueError("its table is not of the form that this version knows")
    if data.get("kind") not in (CAPABILITY, REQUIREMENT):
        raise ValueError(f"its table is of the kind {data.get('kind')!r}, which is not known")
    if data.get("choose", ALL_THAT_FIT) != ALL_THAT_FIT:
        raise ValueError(f"its table chooses {data['choose']!r}, which is not known")
    try:
        variants = tuple(
            _load(Variant, {**row, "when": _conditions(row.get("when", ()))})
            for row in data["variants"]
        )
        if len({variant.key for variant in variants}) < len(variants):
            raise ValueError("it has two variants of one name")
        providers = tuple(_load(Provider, row) for row in data.get("providers", ()))
        where = tuple(_load(Where, row) for row in data.get("where", ()))
        return _load(
            Selector, {**data, "variants": variants, "providers": providers, "where": where}
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"its table is incomplete: {error}") from None


def _load(kind: type[T], data: Mapping[str, Any]) -> T:
    fields = {key.replace("-", "_"): item for key, item in data.items()}
    return kind(**{name: _frozen(fields[name]) for name in fields_of(kind) if name in fields})


def _frozen(data: Any) -> Any:
    """Return JSON data with tuples for lists."""
    if isinstance(data, dict):
        return {key: _frozen(item) for key, item in data.items()}
    return tuple(map(_frozen, data)) if isinstance(data, list) else data


def _conditions(when: list[dict[str, Any]]) -> list[dict[str, Any]]:
    unknown = [name for alternative in when for name in alternative if name not in FACTS]
    if unknown:
        raise ValueError(f"it asks for the fact {unknown[0]!r}, which this version does not know")
    return [*when]


def namespace_of(variant_property: str) -> str:
    """Return the namespace of a property: ``x86_64`` of ``x86_64 :: level :: v3``."""
    return variant_property.partition("::")[0].strip()


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders (``{cuda}``) replaced by ``values``.

    As in `str.format`, ``{{`` is a brace. Unknown placeholders stay unchanged.
    """

    def value_of(match: re.Match[str]) -> str:
        return values.get(match[1], match[0]) if match[1] else match[0][0]

    return re.sub(r"{{|}}|{([^{}]+)}", value_of, text)
