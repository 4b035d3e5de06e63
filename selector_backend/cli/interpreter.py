"""The environment that `doctor` looks at: what is installed, and the commands that change it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement
from packaging.version import Version

from ..authoring.table import is_pinned
from ..model.markers import normalize
from ..probes.folders import find_distributions, identify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .source import Interpreter, Recorded


@dataclass(frozen=True)
class Installed:
    """An environment: its interpreter, and its distributions, by normalized name."""

    interpreter: Interpreter
    distributions: Mapping[str, Distribution]

    @property
    def has_pip(self) -> bool:
        """Whether pip is installed."""
        return "pip" in self.distributions

    def uninstall(self, *names: str) -> list[str]:
        """Return the command that uninstalls distributions: pip's, or uv's without pip."""
        python = self.interpreter.path
        if self.has_pip:
            return [python, "-m", "pip", "uninstall", "--yes", *names]
        return ["uv", "pip", "uninstall", "--python", python, *names]

    def install(self, *words: str, afresh: bool = False) -> list[str]:
        """Return the command that installs requirements, ``afresh`` without what a cache has."""
        python = self.interpreter.path
        if self.has_pip:
            options = ["--no-cache-dir"] if afresh else []
            return [python, "-m", "pip", "install", *options, *words]
        options = ["--no-cache"] if afresh else []
        return ["uv", "pip", "install", "--python", python, *options, *words]

    def version(self, name: str) -> str:
        """Return the version that is installed of the distribution ``name``."""
        return identify(self.distributions[name])[1]

    def needs(self, requirement: Requirement) -> bool:
        """Return whether a requirement's marker holds here, without extras."""
        marker = requirement.marker
        try:
            return marker is None or marker.evaluate({**self.interpreter.marker, "extra": ""})
        except ValueError:  # what cannot be told counts as false
            return False

    def meets(self, requirement: Requirement) -> bool:
        """Return whether the distribution that is installed has a version that is asked for."""
        try:
            version = Version(self.version(normalize(requirement.name)))
        except ValueError:  # it is not a version
            return False
        return requirement.specifier.contains(version, prereleases=True)

    def with_variants(self, package: Recorded) -> list[str]:
        """Return what goes if ``package`` is chosen again: itself, and all its variants."""
        selector = package.selector
        variants = [name for one in selector.variants for name in one.distributions]
        return [selector.project, *(name for name in variants if name in self.distributions)]

    def with_pinned(self, project: str, version: str) -> list[str]:
        """Return the same where only the project's metadata can be read.

        They do not say which requirements are its variants: those pinned to its version are.
        """
        pinned: list[str] = []
        # What bad metadata raises differs with Python's version.
        with contextlib.suppress(Exception):
            required = map(Requirement, self.distributions[normalize(project)].requires or ())
            pinned += (
                one.name
                for one in required
                if is_pinned(one, version)
                and normalize(one.name) in self.distributions
                and self.needs(one)
            )
        return [project, *dict.fromkeys(pinned)]

    def request(self, project: str, version: str) -> str:
        """Return the requirement that installs a selector package from where it came from.

        Unless that is a wheel, whose choice is made.
        https://packaging.python.org/specifications/direct-url/
        """
        try:
            distribution = self.distributions[normalize(project)]
            origin = json.loads(distribution.read_text("direct_url.json") or "")
            url = origin["url"]
            parts = urlsplit(url)
            path = f"//{parts.netloc}{parts.path}" if parts.netloc else parts.path
            gone = parts.scheme == "file" and not Path(url2pathname(path)).exists()
            if vcs := origin.get("vcs_info"):
                url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
            if folder := origin.get("subdirectory"):
                url = f"{url}#subdirectory={folder}"
            if not gone and not parts.path.endswith(".whl"):
                return str(Requirement(f"{project} @ {url}"))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass  # it came from an index, or nobody can tell
        return f"{project}=={version}" if version else project


def read_installed(interpreter: Interpreter) -> Installed:
    """Return what is installed in the environment of ``interpreter``."""
    found = find_distributions(interpreter.folders)
    # Of one that is there twice, the first is what Python sees.
    first = {name: Distribution.at(folders[0]) for name, folders in found.items()}
    return Installed(interpreter, first)
