"""A version that is not written in ``pyproject.toml``, but found by ``[[tool.dynamic-metadata]]``.

The library dynamic-metadata reads that table and calls the providers that it names. The project
names both in ``[build-system] requires``, so nothing here needs them until there is such a version.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
from typing import TYPE_CHECKING, Any

from ..errors import SelectorError
from ..model.markers import distribution_of, normalize, quoted, release_key
from ..model.problems import Problem
from .toml import build_requires, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LIBRARY, LEAST = "dynamic-metadata", "0.6"

_KEY = "tool.dynamic-metadata"
_GROUP = "dynamic_metadata.provider"
_EXAMPLE = """\
add where it is found, for example
[[tool.dynamic-metadata]]
provider = "dynamic_metadata.regex"
field = "version"
input = "spam_core/__init__.py\""""

# The longest text of a provider that a message shows.
_LONGEST = 2000


class NotFoundError(SelectorError):
    """A dynamic version cannot be found; ``problem`` says why, with the key."""

    def __init__(self, key: str, message: str) -> None:
        self.problem = Problem(key, message)
        super().__init__(f"{key}: {message}")


def has_dynamic_version(data: Mapping[str, Any]) -> bool:
    """Return whether a ``pyproject.toml`` leaves the version to providers."""
    names = table_of(data, "project").get("dynamic")
    return isinstance(names, list) and "version" in names


def is_installed(requirement: str) -> bool:
    """Return whether a distribution is installed, and not too old: ``tomlkit>=0.13``."""
    name, _, least = requirement.partition(">=")
    try:
        return release_key(importlib.metadata.version(name)) >= release_key(least)
    except Exception:  # noqa: BLE001 - not there, or broken, which differs with Python's version
        return False


def find_version(folder: Path, data: Mapping[str, Any], *, own_code: bool = True) -> str:
    """Return the version of the project in ``folder``; ``data`` is its ``pyproject.toml``.

    A provider may be code of the project; without ``own_code``, that is not run. Raises
    `NotFoundError`.
    """
    entries = _entries(data, own_code)
    project = {**data["project"], "dynamic": ["version"]}  # nothing else may come from a provider
    with _calling_providers(folder):
        from dynamic_metadata.loader import process_dynamic_metadata

        # Sdist and wheel need the same version; most providers do not ask which is built.
        version = process_dynamic_metadata(project, entries, "sdist").get("version")
    if version is None:
        raise NotFoundError(_KEY, "no provider there gives a version")
    try:
        release_key(version.strip().lstrip("vV"))
    except (AttributeError, ValueError):
        message = f"the version found is {quoted(str(version))}; expected one such as '1.0'"
        raise NotFoundError(_KEY, message) from None
    return str(version)


def provider_requirements(folder: Path, data: Mapping[str, Any]) -> list[str]:
    """Return what the providers themselves require. Raises `NotFoundError`."""
    entries = _entries(data, own_code=True)
    with _calling_providers(folder):
        from dynamic_metadata.loader import get_requires_for_dynamic_metadata

        return [*map(str, get_requires_for_dynamic_metadata(entries))]


def found_with(data: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the distributions that find the version."""
    providers = {str(entry["provider"]) for entry in _entries(data, own_code=True)}
    names = {LIBRARY}
    for distribution in importlib.metadata.distributions():
        points = distribution.entry_points
        if any(point.group == _GROUP and point.name in providers for point in points):
            names.add(normalize(str(distribution.metadata["Name"])))
    return frozenset(names)


def _entries(data: Mapping[str, Any], own_code: bool) -> list[dict[str, Any]]:
    """Return the tables that name providers. Raises `NotFoundError` if a library is missing."""
    entries = table_of(data, "tool").get("dynamic-metadata")
    if entries is None:
        raise NotFoundError("project.version", f"is dynamic, and nothing finds it; {_EXAMPLE}")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise NotFoundError(_KEY, "expected tables: [[tool.dynamic-metadata]]")
    for index, entry in enumerate(entries):
        if isinstance(entry.get("provider"), dict) and not own_code:
            raise NotFoundError(
                f"{_KEY}[{index}].provider",
                "is code of the project, which the command does not run; look at the sdist, which "
                "has the version written down: python -m build --sdist",
            )
    _check_library(data, entries, own_code)
    return entries


def _check_library(data: Mapping[str, Any], entries: list[dict[str, Any]], own_code: bool) -> None:
    texts = build_requires(data)
    if LIBRARY not in map(distribution_of, texts):
        more = [f"{LIBRARY}>={LEAST}", *_guess(entries)]
        lines = ", ".join(f'"{requirement}"' for requirement in dict.fromkeys([*texts, *more]))
        message = f"the version is dynamic, so it has to name what finds it:\nrequires = [{lines}]"
        raise NotFoundError("build-system.requires", message)
    if not is_installed(f"{LIBRARY}>={LEAST}"):
        quoted_texts = " ".join(f'"{text}"' for text in [f"{LIBRARY}>={LEAST}", *_guess(entries)])
        why = "Without build isolation, install it" if own_code else "Install it beside the command"
        raise NotFoundError(
            "project.version",
            f"is dynamic, and what finds it is not installed, or too old. {why} first: "
            f"pip install {quoted_texts}",
        )


def _guess(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the likely distributions of providers that are not the library's own."""
    for entry in entries:
        provider = entry.get("provider")
        if isinstance(provider, str) and provider.partition(".")[0] != "dynamic_metadata":
            yield normalize(provider.partition(".")[0])


@contextlib.contextmanager
def _calling_providers(folder: Path) -> Iterator[None]:
    """Run others' code in the project's folder, and turn what it raises into one message."""
    before = os.getcwd()  # noqa: PTH109 - it is put back as it was
    os.chdir(folder)
    try:
        # Programs read the standard output of hooks and commands.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        if isinstance(error, SelectorError):
            raise
        text = "\n".join(filter(str.strip, str(error).splitlines()))[:_LONGEST]
        if type(error).__name__ == "ProviderNotFoundError":
            text += "; name the distribution that has it in build-system.requires"
        message = f"the version is not found: {text or type(error).__name__}"
        raise NotFoundError(_KEY, message) from None
    finally:
        os.chdir(before)
