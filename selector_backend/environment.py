"""What the folders of an environment hold.

Only variants that exclude each other (the requirement kind) depend on it.
"""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from .dist_info import RECORD_FORMAT, RECORD_NAME
from .selector import parse_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .selector import Selector


@dataclass(frozen=True)
class Installed:
    """A selector package that is installed, by its record.

    ``distributions`` are the names, as names are compared, of what its variants require for
    themselves: what goes if the choice is to change.
    """

    project: str
    version: str
    variants: tuple[str, ...] = ()
    conform: Mapping[str, str] = field(default_factory=dict)
    distributions: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The project's name as names are compared."""
        return canonicalize_name(self.project)


@dataclass(frozen=True)
class Environment:
    """What is known of an environment; nothing, if it cannot be seen.

    ``selectors`` are the selector packages in it, ``versions`` the versions of those distributions
    that the table's variants require, by name as names are compared, and ``notes`` say what was
    passed over.
    """

    selectors: tuple[Installed, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def record_of(self, project: str) -> Installed | None:
        """Return what is installed of ``project`` itself."""
        key = canonicalize_name(project)
        return next((one for one in self.selectors if one.key == key), None)

    def others(self, project: str) -> list[Installed]:
        """Return the selector packages but ``project``."""
        key = canonicalize_name(project)
        return [one for one in self.selectors if one.key != key]


def read_environment(selector: Selector, paths: Sequence[str]) -> Environment:
    """Return what the folders ``paths`` hold that matters to ``selector``.

    Never raises for what is in them: a record that cannot be read is passed over, and noted.
    """
    found = read_selectors(paths)
    record = found.record_of(selector.project)
    names: set[str] = set(record.distributions if record else ())
    for variant in selector.variants:
        names |= {canonicalize_name(one.name) for one in variant.requires}
    versions = {name: version for name in names if (version := _version(name, paths)) is not None}
    return replace(found, versions=versions)


def read_selectors(paths: Sequence[str]) -> Environment:
    """Return the selector packages in the folders ``paths``, and what of them was passed over."""
    selectors, notes = [], []
    for distribution in importlib.metadata.distributions(path=list(paths)):
        try:
            # Reading this one file spares parsing the metadata of everything that is installed.
            text = distribution.read_text(RECORD_NAME)
            if text is not None:
                selectors.append(_installed(json.loads(text)))
        except (ValueError, OSError, RecursionError) as error:
            notes.append(f"the record of {_name(distribution)} was passed over: {error}")
    return Environment(tuple(selectors), notes=tuple(notes))


def _installed(record: Any) -> Installed:
    """Return what a record says. Raises ``ValueError`` if it is none that can be read."""
    if not isinstance(record, dict) or not isinstance(record.get("table"), dict):
        raise ValueError("it is not a record of selector-backend")  # noqa: TRY004 - bad data
    if record.get("format") != RECORD_FORMAT:
        raise ValueError(
            f"it has format {record.get('format')!r}, and this version reads {RECORD_FORMAT}"
        )
    project, version = str(record.get("project")), str(record.get("version"))
    variants, conform = record.get("variants"), record.get("conform", {})
    if not isinstance(variants, list) or not isinstance(conform, dict):
        raise ValueError("it does not say which variants were chosen")  # noqa: TRY004 - bad data
    # What is wrong in a table that a newer version wrote is of no interest here.
    selector, _ = parse_selector(record["table"], project=project, version=version)
    return Installed(
        project=project,
        version=version,
        variants=tuple(map(str, variants)),
        conform={str(name): str(value) for name, value in conform.items()},
        distributions=tuple(_own_distributions(selector, variants)),
    )


def _name(distribution: importlib.metadata.Distribution) -> str:
    try:
        return distribution.metadata["Name"] or "a distribution without a name"
    except ValueError:  # the metadata is not UTF-8 either
        return "a distribution without a name"


def _own_distributions(selector: Selector, variants: Sequence[str]) -> Iterator[str]:
    keys = {canonicalize_name(name) for name in variants}
    for variant in selector.variants:
        if variant.key in keys:
            yield from sorted(selector.distributions_of(variant))


def _version(name: str, paths: Sequence[str]) -> str | None:
    found = importlib.metadata.distributions(name=name, path=list(paths))
    return next((distribution.version for distribution in found), None)
