"""What a command is given to look at: a project's folder, an sdist, or what is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from packaging.requirements import InvalidRequirement, Requirement

from ..authoring.project import read_project
from ..checking.finished import unpacked
from ..errors import SelectorError
from ..installing.environment import read_records
from ..model.markers import normalize
from ..model.record import Record, Unusable
from ..model.table import load_selector
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..authoring.project import Project
    from ..model.table import Selector

PythonOption = Annotated[
    Optional[str],
    typer.Option(
        "--python",
        metavar="PYTHON",
        help="The interpreter of the environment to look at, instead of this command's own.",
    ),
]

# What an interpreter says of its environment. Alone, so that any Python 3 can run it.
_ASK = """
import json, os, platform, site, sys
folders = list(site.getsitepackages())
if site.ENABLE_USER_SITE:
    folders.insert(0, site.getusersitepackages())
version = platform.python_version()
implementation = sys.implementation.version
text = "%d.%d.%d" % implementation[:3]
if implementation.releaselevel != "final":
    text += implementation.releaselevel[0] + str(implementation.serial)
marker = {
    "implementation_name": sys.implementation.name,
    "implementation_version": text,
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": version,
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}
print(json.dumps({"python": sys.executable, "folders": folders, "marker": marker}))
"""


@dataclass(frozen=True)
class Interpreter:
    """An environment's interpreter: its path, its folders of distributions, and its markers."""

    path: str
    folders: tuple[str, ...]
    marker: Mapping[str, str]


@dataclass(frozen=True)
class Recorded:
    """A selector package that is installed: its record, and the table that the record tells of."""

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
    # From an empty folder: what lies in the current one must not be imported.
    with tempfile.TemporaryDirectory() as empty:
        try:
            absolute = str(Path(path).absolute()) if Path(path).is_file() else path
            process = subprocess.run(
                [absolute, "-c", _ASK], cwd=empty, check=True, capture_output=True, text=True
            )
            answer = json.loads(process.stdout)
            return Interpreter(answer["python"], tuple(answer["folders"]), dict(answer["marker"]))
        except (OSError, ValueError, LookupError, TypeError, subprocess.CalledProcessError):
            raise UsageError(f"--python {path}: not a Python that runs") from None


def read_packages(folders: tuple[str, ...]) -> list[Recorded | Unusable]:
    """Return the selector packages in ``folders``, also those whose records cannot be used."""
    return [one if isinstance(one, Unusable) else _recorded(one) for one in read_records(folders)]


def _recorded(record: Record) -> Recorded | Unusable:
    """Return a record with its table, by which its package is chosen again."""
    why = "; ".join(record.passed_over)
    try:
        selector = load_selector(record.table)
        for one in record.requires:
            Requirement(one)
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
    """Return what is installed of the project ``name``.

    Raises `SelectorError` if its record cannot be used.
    """
    key = normalize(name)
    found = next((one for one in read_packages(folders) if one.key == key), None)
    if isinstance(found, Unusable):
        raise SelectorError(describe(found))
    return found


def read_folder(folder: Path) -> Project:
    """Return the project in ``folder``."""
    if not folder.is_dir():
        what = "it is a file; expected a project's folder" if folder.exists() else "no such folder"
        raise UsageError(f"{folder}: {what}")
    return read_project(folder, own_code=False)


def read_sdist(file: Path) -> Selector:
    """Return the table of an sdist. Nothing in it is run, and nothing is left of it."""
    with unpacked(file) as folder:
        return read_project(folder, own_code=False).selector
