"""The selector table as installing needs it: its values, and the file that holds it compiled.

An sdist carries ``selector-table.json``, which `selector_backend.authoring.compile` made of its
``pyproject.toml``. What is in it is filled in and ready to be judged: requirements and conditions
are text.
"""

from __future__ import annotations

import collections
import json
import re
from pathlib import Path

from . import shapes
from .facts import FACTS
from .kinds import DISTRIBUTIONS, LIBRARIES, PROPERTIES
from .markers import distribution_of as distribution_of
from .markers import normalize as normalize
from .values import dataclass, field, fields_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from .kinds import Kind, Wanted

    T = TypeVar("T")

#: The kinds of selector.
CAPABILITY, REQUIREMENT = "capability", "requirement"

#: What `Selector.choose` may be: the first variant that fits, or each that does.
FIRST_THAT_FITS, ALL_THAT_FIT = "first", "all"

#: The compiled table's name in the sdist, and the number of its format. Every release reads all
#: formats since the first.
TABLE_NAME = "selector-table.json"
FORMAT = 2


class Condition(collections.namedtuple("Condition", ("fact", "wanted"))):
    """One key of a ``when`` table: the name of a fact, and what is asked of it (`kinds`)."""

    __slots__ = ()


@dataclass(frozen=True)
class Variant:
    """One entry of the table.

    ``requires`` are requirements as text, ``extras`` those that each of the project's extras adds,
    with the marker that ties them to it, and ``distributions`` the normalized names of
    what stands for the variant. ``when`` is a choice of alternatives, each a conjunction of what is
    asked of facts; without any, the variant fits every machine. ``conform`` is what a whole
    environment has to agree on, such as ``cuda`` on ``12``. A variant that has ``refuse`` stands
    for stopping, and has no requirements. ``formerly`` are the names of variants of older releases
    that it takes the place of.
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
    ``enable_if`` is true, if it is given.
    """

    namespace: str
    requires: tuple[str, ...]
    plugin_api: str
    enable_if: str | None = None


@dataclass(frozen=True)
class Where:
    """Which platforms can have a ``fact`` at all or, if there are ``names``, these of its names.

    ``platforms`` has machines by ``sys_platform``, as ``platform_machine`` has them; ``*`` stands
    for any of either. On Linux, only those with the C library ``libc`` can, if it is given.
    """

    fact: str
    platforms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    libc: str = ""

    def is_of(self, wanted: Wanted) -> bool:
        """Return whether what is asked of the fact is said here."""
        return not self.names or (
            isinstance(wanted, tuple) and not {*wanted}.isdisjoint(self.names)
        )

    def is_of_name(self, name: str) -> bool:
        """Return whether one of the names is that one, or what it begins with."""
        return any(
            name.startswith(one[:-1]) if one.endswith("*") else name == one for one in self.names
        )

    def has(self, marker: Mapping[str, str], libc: str = "") -> bool:
        """Return whether a platform, by its marker variables, is one of these.

        ``libc`` is the C library of a Linux, if that is known.
        """
        if libc and self.libc not in ("", libc) and marker["sys_platform"] == "linux":
            return False
        machines = {"*", marker["platform_machine"]}
        systems = ("*", marker["sys_platform"])
        return any(not machines.isdisjoint(self.platforms.get(one, ())) for one in systems)


@dataclass(frozen=True)
class Scope:
    """What reading facts takes to know besides their names.

    ``providers`` are asked for properties. ``requirements`` are what conditions ask of the
    environment, whose folders are ``folders``; none where it cannot be seen. ``distributions`` are
    those in the folders, if these were listed already. ``libraries`` are those that the dynamic
    loader is to find.
    """

    providers: tuple[Provider, ...] = ()
    requirements: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    distributions: Mapping[str, Sequence[Path]] | None = None


@dataclass(frozen=True)
class Selector:
    """A whole selector table, its defaults filled in.

    ``extras`` are the project's that add something to some variant. ``choose`` is `ALL_THAT_FIT`
    where each variant that fits is chosen, and else ``""``.
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
        """The names of the facts that the conditions ask for, in the order of `FACTS`."""
        named = {condition.fact for condition in self.conditions}
        return tuple(name for name in FACTS if name in named)

    def instead_of(self, key: str) -> str:
        """Return the name of the variant in place of a former one, ``""`` if there is none."""
        names = (one.name for one in self.variants if key in map(normalize, one.formerly))
        return next(names, "")

    @property
    def named_providers(self) -> tuple[Provider, ...]:
        """The providers whose namespaces the conditions name."""
        named = {*map(namespace_of, self._named(PROPERTIES))}
        return tuple(provider for provider in self.providers if provider.namespace in named)

    @property
    def named_requirements(self) -> tuple[str, ...]:
        """What the conditions ask of the environment."""
        return self._named(DISTRIBUTIONS)

    @property
    def sees_environment(self) -> bool:
        """Whether what is installed beside it counts."""
        return self.kind == REQUIREMENT or bool(self.named_requirements)

    @property
    def named_libraries(self) -> tuple[str, ...]:
        """The shared libraries that the conditions name."""
        return self._named(LIBRARIES)

    def _named(self, kind: Kind) -> tuple[str, ...]:
        """Return what the conditions name of the facts of a kind, each once."""
        wanted = (one.wanted for one in self.conditions if FACTS[one.fact].kind is kind)
        return tuple(
            dict.fromkeys(name for some in wanted if isinstance(some, tuple) for name in some)
        )

    def scope(
        self,
        folders: Iterable[str] = (),
        distributions: Mapping[str, Sequence[Path]] | None = None,
    ) -> Scope:
        """Return what reading the facts takes to know, in an environment of ``folders``."""
        return Scope(
            self.named_providers,
            self.named_requirements,
            tuple(folders),
            self.named_libraries,
            distributions,
        )


@dataclass(frozen=True)
class Compiled:
    """All that installing needs of a project.

    ``requires`` is what its static extras require, as metadata have it; in format 1, that is in
    ``pkg_info``. ``name`` is the project's as it starts the names of files, ``metadata_version``
    the wheel's, ``license_files`` are paths from the project's folder, and ``entry_points`` is the
    text of ``entry_points.txt``. ``files`` are those of the sdist that it was read from.
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
    """Return the content of ``selector-table.json``: what installing reads.

    ``pyproject`` is the ``pyproject.toml`` that it was made of, ``backend`` our own version.
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


def read_compiled(folder: Path) -> Compiled:
    """Return what the sdist in ``folder`` holds compiled.

    Raises `NotCompiledError` where it has none that can be used: it is damaged, of a format that is
    not known here, or another ``pyproject.toml`` lies beside it.
    """
    try:
        data = json.loads((folder / TABLE_NAME).read_bytes())
        pkg_info = (folder / "PKG-INFO").read_bytes().replace(b"\r\n", b"\n")
        pyproject = (folder / "pyproject.toml").read_bytes()
    except FileNotFoundError as error:
        raise NotCompiledError(f"there is no {Path(error.filename).name}") from None
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
            files=(TABLE_NAME, "PKG-INFO", "pyproject.toml", *data["license-files"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Whole, so it is of a release that has facts or values which this one does not know.
        raise NotCompiledError(f"{TABLE_NAME} cannot be used: {error}") from None


def hash_text(content: bytes) -> str:
    """Return the hash of a text file, the same whatever its lines end with."""
    import hashlib

    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def hash_of(data: Mapping[str, Any]) -> str:
    """Return the hash of JSON data, the same however they are written."""
    import hashlib

    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def dump(value: Any) -> Any:
    """Return a value of this module as JSON data; what is empty is left out of objects."""
    names = fields_of(type(value))
    if names:
        pairs = ((name, getattr(value, name)) for name in names)
        return {
            name.replace("_", "-"): dump(one)
            for name, one in pairs
            if one not in (None, "", (), {})
        }
    if isinstance(value, (tuple, list)):
        return [*map(dump, value)]
    return {key: dump(one) for key, one in value.items()} if isinstance(value, dict) else value


def load_selector(data: Any) -> Selector:
    """Return the selector that JSON data stand for: the inverse of `dump`.

    Raises ``ValueError`` where they are of another shape, or ask for a fact that is not known here.
    """
    if not shapes.has_shape(data, shapes.SELECTOR) or not data.get("variants"):
        raise ValueError("its table is not of the form that this version knows")
    if data.get("kind") not in (CAPABILITY, REQUIREMENT):
        raise ValueError(f"its table is of the kind {data.get('kind')!r}, which is not known")
    if data.get("choose", ALL_THAT_FIT) != ALL_THAT_FIT:
        raise ValueError(f"its table chooses {data['choose']!r}, which is not known")
    try:
        variants = tuple(
            _load(Variant, {**one, "when": _conditions(one.get("when", ()))})
            for one in data["variants"]
        )
        if len({variant.key for variant in variants}) < len(variants):
            raise ValueError("it has two variants of one name")
        providers = tuple(_load(Provider, one) for one in data.get("providers", ()))
        where = tuple(_load(Where, one) for one in data.get("where", ()))
        return _load(
            Selector, {**data, "variants": variants, "providers": providers, "where": where}
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"its table is not whole: {error}") from None


def _load(kind: type[T], data: Mapping[str, Any]) -> T:
    known = {key.replace("-", "_"): one for key, one in data.items()}
    return kind(**{name: _frozen(known[name]) for name in fields_of(kind) if name in known})


def _frozen(data: Any) -> Any:
    """Return JSON data with tuples for lists."""
    if isinstance(data, dict):
        return {key: _frozen(one) for key, one in data.items()}
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
    """Return ``text`` with its placeholders (``{cuda}``) filled in from ``values``.

    As `str.format` has it, two braces stand for one. What is not a placeholder stays unchanged.
    """

    def filled(found: re.Match[str]) -> str:
        return values.get(found[1], found[0]) if found[1] else found[0][0]

    return re.sub(r"{{|}}|{([^{}]+)}", filled, text)
