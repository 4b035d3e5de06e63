"""What a command is given to look at: a project's folder, an sdist, or what is installed."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Annotated, Optional

import typer
from packaging.requirements import InvalidRequirement, Requirement

from ..authoring.project import read_project
from ..errors import SelectorError
from ..installing.environment import read_records
from ..model.machine import load_fact
from ..model.markers import normalize
from ..model.record import Record, Unusable
from ..model.table import load_selector
from .common import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..authoring.project import Project
    from ..model.machine import Fact
    from ..model.table import Selector

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
# So are more members, and more bytes that extend their headers: each global header is copied to
# all the members that follow.
_MOST_HEADERS, _LONGEST_HEADERS = 1000, 64 << 10
_EXTENDING = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)

# What an interpreter says of its environment. Alone, so that any Python 3 can run it.
_ASK = """
import json, os, platform, site, sys, sysconfig
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
features = ["64-bit" if sys.maxsize > 2**32 else "32-bit"]
if sys.implementation.name == "cpython":
    free = sysconfig.get_config_var("Py_GIL_DISABLED")
    features.append("free-threading" if free else "gil-enabled")
    if hasattr(sys, "gettotalrefcount"):
        features.append("debug")
facts = {"marker": marker, "abi-features": features}
print(json.dumps({"python": sys.executable, "folders": folders, "facts": facts}))
"""


@dataclass(frozen=True)
class Interpreter:
    """An environment's interpreter: its path, its folders of distributions, and its own facts."""

    path: str
    folders: tuple[str, ...]
    facts: Mapping[str, Fact]

    @property
    def marker(self) -> Mapping[str, str]:
        """What it evaluates markers with."""
        value = self.facts["marker"].value
        assert isinstance(value, dict)
        return value


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
            told = answer["facts"].items()
            facts = {name: load_fact(name, data, "the named interpreter") for name, data in told}
            return Interpreter(answer["python"], tuple(answer["folders"]), facts)
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


@contextlib.contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """Unpack an sdist into a folder, for as long as that is used. Raises `SelectorError`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            members = members_of(file.read_bytes())
            for name, content in members.items():
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        except (OSError, ValueError) as error:
            raise SelectorError(f"{file} is not an sdist that can be read: {error}") from None
        if "pyproject.toml" not in members:
            raise SelectorError(f"{file} is not an sdist: it has no pyproject.toml")
        yield Path(folder)


def members_of(packed: bytes) -> dict[str, bytes]:
    """Return the files of an sdist (PEP 625) by their paths in it, and nothing else it may hold.

    Raises `ValueError` if it cannot be read.
    """
    try:
        with gzip.open(io.BytesIO(packed)) as compressed:
            content = compressed.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST >> 20} MiB, and it should have no code")
        if b"GNU.sparse" in content:  # what `tarfile` unpacks one hole at a time, for hours
            raise ValueError("it has members that no sdist has")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:", tarinfo=_bounded()) as archive:
            return {name: data.read() for name, data in _files(archive)}
    except (tarfile.TarError, OSError, EOFError, zlib.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its headers extend one another too often") from None


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in archive:
        # The first part is the sdist's own name and version.
        parts = PurePosixPath(member.name).parts[1:]
        data = archive.extractfile(member) if member.isreg() else None
        if data is not None and parts and not any(map(_is_outside, parts)):
            yield "/".join(parts), data


def _bounded() -> type[tarfile.TarInfo]:
    """Return a class of an archive's members that refuses more than an sdist can need.

    `tarfile` makes one of every header, those included that extend another: their content is read
    as soon as they are met, and goes to each member that follows.
    """
    count = extending = 0

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Member:
            nonlocal count, extending
            member = super().frombuf(buf, encoding, errors)
            count += 1
            if member.type in _EXTENDING:
                extending += member.size
            if count > _MOST_HEADERS or extending > _LONGEST_HEADERS:
                raise ValueError("it has more files, or longer names, than a package without code")
            if member.size < 0 or member.type == tarfile.GNUTYPE_SPARSE:
                raise ValueError("it has members that no sdist has")
            return member

    return Member


def _is_outside(part: str) -> bool:
    """Return whether a part of a member's name leads out of its folder, on any system."""
    return part == ".." or "\\" in part or ":" in part
