"""What the environment that is being installed into holds, where it can be seen.

Only variants that exclude each other (the requirement kind) depend on it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import site
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from .dist_info import RECORD_FORMAT, RECORD_NAME
from .selector import parse_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .frontend import Frontend
    from .selector import Selector


@dataclass(frozen=True)
class Installed:
    """A selector package that is installed, by its record.

    ``distributions`` are the names, as names are compared, of what its variants require for
    themselves: what goes if the choice is to change. ``decided_by`` is what chose: ``machine``, or
    what asked for the variants.
    """

    project: str
    version: str
    variants: tuple[str, ...] = ()
    conform: Mapping[str, str] = field(default_factory=dict)
    distributions: tuple[str, ...] = ()
    decided_by: str = "machine"

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


def visible_folders(
    frontend: Frontend, environ: Mapping[str, str], isolated: bool
) -> Sequence[str]:
    """Return the folders of the environment that is being installed into.

    Empty where the frontend does not let the backend see it, or installs nothing. ``isolated`` is
    whether this runs in a build environment of the frontend's own.

    pip runs the hooks by the environment's interpreter, and takes only the import path away; uv
    runs them by an interpreter of the build environment, unless there is none.
    """
    options, _ = _DESTINATIONS.parse_known_args(frontend.arguments)
    target = options.target or environ.get("PIP_TARGET")
    elsewhere = options.prefix or options.root or environ.get("PIP_PREFIX")
    if frontend.name == "pip" and frontend.command in ("install", ""):
        if target:
            return [target]
        return [] if elsewhere or environ.get("PIP_ROOT") else _site_packages()
    if frontend.name == "uv" and not isolated and not target and not elsewhere:
        return _site_packages()
    return []


def _destinations() -> argparse.ArgumentParser:
    """Return a parser of the options, the same in pip and uv, that lead out of an environment.

    Without abbreviations: ``--pre`` is not ``--prefix``.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for names in (("-t", "--target"), ("--prefix",), ("--root",)):
        parser.add_argument(*names)
    return parser


_DESTINATIONS = _destinations()


def _site_packages() -> list[str]:
    """Return the folders that hold this interpreter's distributions, as it is without a frontend.

    The user's own comes first, as on the import path. pip takes them off that for the hooks;
    `site` still names them.
    """
    users = [site.getusersitepackages()] if _sees_user_site() else []
    return list(dict.fromkeys([*users, *site.getsitepackages()]))


def _sees_user_site() -> bool:
    """Return whether the user's own folder belongs to the environment.

    It does not in a virtual environment, unless that sees the system's folders too (PEP 405).
    """
    if sys.prefix == sys.base_prefix:
        return True
    try:
        text = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    pairs = (line.partition("=") for line in text.lower().splitlines())
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    return settings.get("include-system-site-packages") == "true"


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
        decided_by=str(record.get("decided-by", "machine")),
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
