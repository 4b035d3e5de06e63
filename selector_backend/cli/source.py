"""What a command is given to look at: a project's folder, an sdist, or what is installed."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..dist_info import RECORD_FORMAT, RECORD_NAME
from ..errors import SelectorError
from ..machine import FACTS, load_fact
from ..project import read_project
from ..request import Request
from ..selector import parse_selector
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

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

# An sdist without code has a few files of text; more bytes than these are a mistake, or a trap.
_LARGEST = 64 << 20

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


@dataclass(frozen=True)
class Unreadable:
    """A selector package that is installed, and whose record is damaged, or a newer version's."""

    project: str
    version: str
    reason: str

    @property
    def key(self) -> NormalizedName:
        """The project's name as names are compared."""
        return canonicalize_name(self.project)

    @property
    def message(self) -> str:
        """The sentence on it."""
        return f"{self.project} {self.version}: its record cannot be read: {self.reason}"


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


def read_records(folders: tuple[str, ...]) -> tuple[list[Recorded], list[Unreadable]]:
    """Return the selector packages in ``folders``, and those whose records cannot be read.

    Of a project that is there twice, the first is the one that Python sees.
    """
    found: dict[str, Recorded | Unreadable] = {}
    for distribution in importlib.metadata.distributions(path=list(folders)):
        one = _read_record(distribution)
        if one is not None:
            found.setdefault(one.key, one)
    readable = [one for one in found.values() if isinstance(one, Recorded)]
    return readable, [one for one in found.values() if isinstance(one, Unreadable)]


def _read_record(distribution: importlib.metadata.Distribution) -> Recorded | Unreadable | None:
    try:
        text = distribution.read_text(RECORD_NAME)
        return None if text is None else _parse_record(json.loads(text))
    except (ValueError, OSError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # Whatever is amiss: the record is the backend's own, and nobody is to mend it by hand.
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        return Unreadable(name, version, f"{type(error).__name__}: {error}") if name else None


def _parse_record(record: Any) -> Recorded:
    """Return a record with all that the commands read in it, or raise for what is not so."""
    if record["format"] != RECORD_FORMAT:
        raise ValueError(f"its format is {record['format']!r}, and this reads {RECORD_FORMAT}")
    project, version = record["project"], record["version"]
    selector, problems = parse_selector(record["table"], project=project, version=version)
    if problems:
        raise ValueError(str(problems[0]).strip())
    for text in (*record["variants"], record["decided-by"], *record["conform"].values()):
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
    for text in record["requires"]:
        Requirement(text)
    for name in record["facts"].keys() & FACTS.keys():
        load_fact(name, record["facts"][name], "the record")
    for verdict in record["verdicts"]:
        verdict["name"], verdict["fits"], verdict["reason"]
    return Recorded(selector, record)


def find_record(name: str, folders: tuple[str, ...]) -> Recorded | None:
    """Return what is installed of the project ``name``.

    Raises `SelectorError` if its record cannot be read.
    """
    key = canonicalize_name(name)
    readable, unreadable = read_records(folders)
    for one in unreadable:
        if one.key == key:
            raise SelectorError(one.message)
    return next((one for one in readable if one.key == key), None)


def read_selector(folder: Path) -> Selector:
    """Return the table of the project in ``folder``."""
    if not folder.is_dir():
        what = "it is a file; expected a project's folder" if folder.exists() else "no such folder"
        raise UsageError(f"{folder}: {what}")
    return read_project(folder).selector


def read_sdist(file: Path) -> Selector:
    """Return the table of an sdist. Nothing in it is run, and nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _unpack(file, folder)
        except (tarfile.TarError, OSError, EOFError, ValueError, LZMAError, zlib.error) as error:
            raise SelectorError(f"{file} is not an sdist that can be read: {error}") from None
        if not Path(folder, "pyproject.toml").is_file():
            raise SelectorError(f"{file} is not an sdist: it has no pyproject.toml")
        return read_project(Path(folder)).selector


def _unpack(file: Path, folder: str) -> None:
    """Write the files of an sdist to ``folder``; anything else that an archive can hold is not."""
    left = _LARGEST
    with tarfile.open(file) as archive:
        for member in archive:
            left -= member.size
            if left < 0:
                raise ValueError(
                    f"it has more than {_LARGEST >> 20} MiB, and no code is to be in it"
                )
            # The first part is the sdist's own name and version.
            parts = PurePosixPath(member.name).parts[1:]
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or not parts or ".." in parts:
                continue
            target = Path(folder, *parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                shutil.copyfileobj(content, copy)
