"""What a command is given to look at: a project's folder, an sdist, or what is installed."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from packaging.utils import canonicalize_name

from ..dist_info import RECORD_FORMAT, RECORD_NAME
from ..errors import SelectorError
from ..project import read_project
from ..request import Request
from ..selector import parse_selector
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.utils import NormalizedName

    from ..selector import Selector

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
    folders.append(site.getusersitepackages())
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
    """A selector package that is installed: the table that it was made from, and its record."""

    selector: Selector
    record: Mapping[str, Any]

    @property
    def key(self) -> NormalizedName:
        """The project's name as names are compared."""
        return canonicalize_name(self.selector.project)

    @property
    def title(self) -> str:
        """The project and its version."""
        return f"{self.selector.project} {self.selector.version}"

    @property
    def variants(self) -> list[str]:
        """The names of the variants that are installed."""
        return [*self.record["variants"]]

    @property
    def forced_by(self) -> str | None:
        """What asked for those variants; nothing if the machine decided."""
        source: str = self.record["decided-by"]
        return source if source != Request().source else None


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
        except (OSError, ValueError, subprocess.CalledProcessError):
            raise UsageError(f"--python {path}: not a Python that runs") from None
    return Interpreter(answer["python"], tuple(answer["folders"]), answer["marker"])


def read_records(folders: tuple[str, ...]) -> Iterator[Recorded]:
    """Yield the selector packages in ``folders``; a record that cannot be read is passed over."""
    for distribution in importlib.metadata.distributions(path=list(folders)):
        try:
            record = json.loads(distribution.read_text(RECORD_NAME) or "{}")
            if record.get("format") == RECORD_FORMAT:
                selector, problems = parse_selector(
                    record["table"], project=record["project"], version=record["version"]
                )
                if not problems:
                    yield Recorded(selector, record)
        except (ValueError, OSError, KeyError, TypeError, AttributeError):
            continue


def find_record(name: str, folders: tuple[str, ...]) -> Recorded | None:
    """Return what is installed of the project ``name``."""
    key = canonicalize_name(name)
    return next((one for one in read_records(folders) if one.key == key), None)


def read_sdist(file: Path) -> Selector:
    """Return the table of an sdist. Nothing in it is run, and nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(file) as archive:
                for member in archive:
                    # The first part is the sdist's own name and version.
                    parts = PurePosixPath(member.name).parts[1:]
                    content = archive.extractfile(member) if member.isreg() else None
                    if content is None or not parts or ".." in parts:
                        continue
                    target = Path(folder, *parts)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content.read())
        except (tarfile.TarError, OSError, EOFError) as error:
            raise SelectorError(f"{file} is not an sdist that can be read: {error}") from None
        return read_project(Path(folder)).selector
