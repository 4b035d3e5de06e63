"""An environment, read by its interpreter: what is installed, and the commands to change it."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Annotated, Optional
from urllib.parse import urlsplit
from urllib.request import url2pathname

import typer
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from ..authoring.selector import is_pinned
from ..errors import SelectorError
from ..installing.environment import read_environment, read_records
from ..model.decision import installed_variants
from ..model.machine import Fact, load_fact
from ..model.markers import normalize
from ..model.record import Record, Unusable
from ..model.standing import (
    is_called_after,
    parse_form,
    requirements_of,
    standing_for,
    with_standing,
)
from ..model.table import REQUIREMENT, Selector, load_selector
from ..probes.installed import find_distributions, identify
from .common import UsageError

PythonOption = Annotated[
    Optional[str],
    typer.Option(
        "--python",
        metavar="PYTHON",
        help="The interpreter of the environment to look at, instead of the command's own.",
    ),
]

#: The facts that depend on the interpreter.
_OWN = ("marker", "abi-features")
_PACKAGES = Path(__file__).resolve().parents[2]

# Runs in the other interpreter, and imports this package from its own folder.
_ASK = """
import json, site, sys
sys.path.insert(0, sys.argv[1])
from selector_backend.probes import read_machine
folders = list(site.getsitepackages())
if site.ENABLE_USER_SITE:
    folders.insert(0, site.getusersitepackages())
facts = read_machine(sys.argv[2:], {}).facts.values()
told = {fact.name: fact.kind.dump(fact.value) for fact in facts}
print(json.dumps({"python": sys.executable, "folders": folders, "facts": told}))
"""


@dataclass(frozen=True)
class Interpreter:
    """An environment's interpreter: its path, its folders of distributions, and its facts."""

    path: str
    folders: tuple[str, ...]
    facts: Mapping[str, Fact]

    @property
    def marker(self) -> Mapping[str, str]:
        """The values of the marker variables."""
        value = self.facts["marker"].value
        assert isinstance(value, dict)
        return value


@dataclass(frozen=True)
class Recorded:
    """An installed selector package: its record, and the table in that."""

    selector: Selector
    record: Record

    @property
    def key(self) -> str:
        """The project's normalized name."""
        return self.record.key

    @property
    def title(self) -> str:
        """The project and its version."""
        return f"{self.record.project} {self.record.version}"


def read_interpreter(python: str | None) -> Interpreter:
    """Ask the interpreter ``python``, or the one that runs this, for its environment."""
    path = python or sys.executable
    # In an empty folder, so that nothing is imported from the current one.
    with tempfile.TemporaryDirectory() as empty:
        try:
            absolute = str(Path(path).absolute()) if Path(path).is_file() else path
            process = subprocess.run(
                [absolute, "-B", "-c", _ASK, str(_PACKAGES), *_OWN],
                cwd=empty,
                check=True,
                capture_output=True,
                text=True,
            )
            answer = json.loads(process.stdout)
            told = answer["facts"].items()
            facts = {name: load_fact(name, data, "the named interpreter") for name, data in told}
            return Interpreter(answer["python"], tuple(answer["folders"]), facts)
        except (OSError, ValueError, LookupError, TypeError, subprocess.CalledProcessError):
            raise UsageError(f"--python {path}: not a Python that runs, 3.9 or newer") from None


def read_packages(folders: tuple[str, ...]) -> list[Recorded | Unusable]:
    """Return the selector packages in ``folders``, including those with unusable records."""
    records = read_records(folders)
    return [item if isinstance(item, Unusable) else _recorded(item) for item in records]


def _recorded(record: Record) -> Recorded | Unusable:
    """Return a record with its table, or as `Unusable` if that or its requirements are invalid."""
    why = "; ".join(record.passed_over)
    try:
        selector = load_selector(record.table)
        own = (text for variant in selector.variants for text, _ in requirements_of(variant))
        for text in (*record.requires, *own):
            Requirement(text)
        if (normalize(selector.project), selector.version) != (record.key, record.version):
            why = why or f"its table is of {selector.project} {selector.version}"
    except (InvalidRequirement, RecursionError):
        why = why or "requires is not a list of requirements"
    except ValueError as error:
        why = why or str(error)
    return Unusable(why, record.project, record.version) if why else Recorded(selector, record)


def describe(package: Unusable) -> str:
    """Return the sentence on a package whose record cannot be used."""
    return f"{package.project} {package.version}: its record cannot be read: {package.reason}"


def find_record(name: str, folders: tuple[str, ...]) -> Recorded | None:
    """Return the installed selector package ``name``, ``None`` if there is none.

    Raises `SelectorError` if its record cannot be used.
    """
    key = normalize(name)
    package = next((package for package in read_packages(folders) if package.key == key), None)
    if isinstance(package, Unusable):
        raise SelectorError(describe(package))
    return package


@dataclass(frozen=True)
class Installed:
    """An environment: its interpreter, and its distributions by normalized name."""

    interpreter: Interpreter
    distributions: Mapping[str, Distribution]

    @property
    def has_pip(self) -> bool:
        """Whether pip is installed."""
        return "pip" in self.distributions

    def uninstall(self, *names: str) -> list[str]:
        """Return the command that uninstalls distributions: pip's, or uv's without pip."""
        return self._command("uninstall", *(["--yes"] if self.has_pip else []), *names)

    def install(self, *arguments: str, afresh: bool = False) -> list[str]:
        """Return the command that installs requirements; ``afresh``, without a cache."""
        return self._command("install", *(["--no-cache-dir"] if afresh else []), *arguments)

    def _command(self, verb: str, *arguments: str) -> list[str]:
        python = self.interpreter.path
        if self.has_pip:
            return [python, "-m", "pip", verb, *arguments]
        return ["uv", "pip", verb, "--python", python, *arguments]

    def version(self, name: str) -> str:
        """Return the installed version of the distribution ``name``."""
        return identify(self.distributions[name])[1]

    def needs(self, requirement: Requirement) -> bool:
        """Return whether a requirement's marker is true here, without extras."""
        marker = requirement.marker
        try:
            return marker is None or marker.evaluate({**self.interpreter.marker, "extra": ""})
        except ValueError:  # cannot be evaluated
            return False

    def meets(self, requirement: Requirement) -> bool:
        """Return whether the installed distribution has a version that a requirement admits."""
        try:
            version = Version(self.version(normalize(requirement.name)))
        except ValueError:  # it is not a version
            return False
        return requirement.specifier.contains(version, prereleases=True)

    def variants(self, package: Recorded) -> dict[str, tuple[str, ...]]:
        """Return the installed variants of ``package``, each with its own distributions.

        None if variants may stand side by side.
        """
        marker, folders = self.interpreter.marker, self.interpreter.folders
        environment = read_environment(package.selector, folders, marker=marker)
        return installed_variants(package.selector, environment)

    def with_variants(self, package: Recorded) -> list[str]:
        """Return what to uninstall before ``package`` is chosen again: itself, and all variants."""
        selector = with_standing(package.selector, self.interpreter.marker)
        variants = [name for variant in selector.variants for name in variant.distributions]
        names = [name for name in variants if name in self.distributions]
        names += itertools.chain.from_iterable(self.variants(package).values())
        names += self.overlapping(package)
        return [selector.project, *dict.fromkeys(names)]

    def overlapping(self, package: Recorded) -> dict[str, str]:
        """Return distributions that have files of a package's variants, each with such a file.

        They are named after the package, and may be variants of another release, which the table
        does not have.
        """
        if package.selector.kind != REQUIREMENT:
            return {}
        known = {normalize(Requirement(text).name) for text in package.record.requires}
        own = {file for name in known for file in self._files(name)}
        overlaps = {}
        for name in sorted(self.distributions.keys() - known - {package.key}):
            if is_called_after(package.selector.project, name):
                same = next((file for file in self._files(name) if file in own), "")
                if same:
                    overlaps[name] = same
        return overlaps

    def _files(self, name: str) -> list[str]:
        with contextlib.suppress(Exception):  # what bad metadata raises differs, as below
            files = [str(file) for file in self.distributions[name].files or ()]
            return [file for file in files if not re.search(r"\.dist-info|__pycache__", file)]
        return []

    def required(self, package: Recorded) -> dict[str, str]:
        """Return a sentence for each installed variant that another distribution requires, by key.

        The package itself and its variants do not count.
        """
        here = self.variants(package)
        standing = standing_for(package.selector, self.interpreter.marker)
        going = {*map(normalize, self.with_variants(package))}
        sentences: dict[str, str] = {}
        for name, distribution in sorted(self.distributions.items()):
            if name in going:
                continue
            with contextlib.suppress(Exception):  # what bad metadata raises differs, as below
                for requirement in map(Requirement, distribution.requires or ()):
                    form, _ = parse_form(str(requirement))
                    for key in here if self.needs(requirement) else ():
                        if any(own.is_asked_by(form) for own in standing.get(key, ())):
                            sentences.setdefault(key, f"{name} requires {requirement}")
        return sentences

    def with_pinned(self, project: str, version: str) -> list[str]:
        """Return what `with_variants` does, for a package whose record cannot be used.

        Its variants are guessed from its requirements: those named after the project or, without
        any, those pinned to its version.
        """
        own: list[Requirement] = []
        # What bad metadata raises differs with Python's version.
        with contextlib.suppress(Exception):
            required = map(Requirement, self.distributions[normalize(project)].requires or ())
            here = self.distributions.keys()
            own += (item for item in required if normalize(item.name) in here and self.needs(item))
        named = [item for item in own if is_called_after(project, item.name)]
        variants = named or [item for item in own if is_pinned(item, version)]
        return [project, *dict.fromkeys(item.name for item in variants)]

    def request(self, project: str, version: str, named: str = "") -> str:
        """Return the requirement that installs a selector package again, from the same source.

        A wheel is not used again, because its choice is fixed. ``named`` is the project with its
        extras. https://packaging.python.org/specifications/direct-url/
        """
        named = named or project
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
                return str(Requirement(f"{named} @ {url}"))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass  # from an index, or unknown
        return f"{named}=={version}" if version else named


def read_installed(interpreter: Interpreter) -> Installed:
    """Return what is installed in the environment of ``interpreter``."""
    # Python imports the first of several.
    folders = find_distributions(interpreter.folders).items()
    return Installed(interpreter, {name: Distribution.at(paths[0]) for name, paths in folders})
