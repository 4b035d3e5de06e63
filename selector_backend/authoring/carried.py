"""What a self-contained sdist carries: the part of this backend that installs, and libraries.

All is copied as it is installed here, and is pure Python, to run wherever the project does. A
library is carried if a fact of the table needs it (`Family.carries`), or a Python of the project:
before 3.11, reading a lock takes tomli.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from packaging.specifiers import SpecifierSet

from ..errors import SelectorError
from ..model.backend import CARRIED, plain_build_system
from ..model.table import Selector
from ..probes import families

#: The ``[build-system]`` of a self-contained sdist.
BUILD_SYSTEM = {"requires": [], "build-backend": "selector_backend", "backend-path": [CARRIED]}

#: The Pythons that this backend supports. Libraries that do not say which they support are taken to
#: support these: the tests cover it.
PYTHONS = ">=3.9"
_WITH_TOMLLIB = ">=3.11"

_BACKEND = "selector-backend"
_PACKAGE = Path(__file__).parents[1]
_INSTALLING = (
    "__init__.py",
    "errors.py",
    *(f"{room}/*.py" for room in ("model", "installing", "probes")),
)

_LICENSE = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)\b", re.IGNORECASE)
_COMPILED = (".so", ".pyd", ".dll", ".dylib")
# A library's code, and the data that it reads. Its other files are documentation and tests.
_KEPT = (".py", ".json")

# On a full disk, Python before 3.12.8 and 3.13.1 writes half a compiled module, and reads it at
# each later import: https://github.com/python/cpython/issues/126606. uv keeps the folder of an
# sdist, so no later install would work, or find the driver. Three things prevent this: a hook looks
# for room on the disk before it imports more (`errors.user_errors`), the child that asks a library
# compiles nothing (`probes.child`), and the two modules that are imported before any hook is called
# can't be compiled, since where a file has its name, Python makes no folder ``__pycache__``. Such a
# file in each folder would do alone, but an install would take 5 to 10 % more processor time.
_NOT_COMPILED = "selector_backend/__pycache__"
_WHY = b"""\
This file keeps Python from writing compiled modules here. Installers may keep this folder, and
some Pythons leave half a module behind where a disk is full.
"""


# A distribution that is carried: its row in the README, and its files, by paths in the folder.
_Part = tuple[str, dict[str, bytes]]


def carried_files(selector: Selector, requires_python: str, backend: str) -> dict[str, bytes]:
    """Return the files to carry, by their paths in the sdist; ``backend`` is our own version.

    Raises `SelectorError` if a library can't be carried, or does not support a Python that
    ``requires_python``, the project's, admits.
    """
    parts = [_backend(backend, requires_python)]
    scope = selector.scope()
    for family in families(selector.facts):
        libraries = family.carries(scope).items()
        parts += [_library(name, imported, requires_python) for name, imported in libraries]
    if unsupported_python(requires_python, _WITH_TOMLLIB) is not None:
        parts.append(_library("tomli", "tomli", requires_python))
    files = {f"{CARRIED}/{path}": data for _, own in parts for path, data in own.items()}
    files[f"{CARRIED}/{_NOT_COMPILED}"] = _WHY
    readme = _readme([row for row, _ in parts], backend)
    return {**files, f"{CARRIED}/README.md": readme.encode()}


def unsupported_python(requires_python: str, supported: str) -> str | None:
    """Return the first Python 3 that ``requires_python`` admits and ``supported`` does not."""
    wanted, admitted = SpecifierSet(requires_python), SpecifierSet(supported)
    numbers = map(int, re.findall(r"3\.\d+\.(\d+)", f"{requires_python} {supported}"))
    beside = {near for number in numbers for near in (number - 1, number, number + 1) if near > 0}
    for minor in range(100):
        for patch in (0, *sorted(beside), 999):
            version = f"3.{minor}.{patch}"
            if wanted.contains(version) and not admitted.contains(version):
                return version if patch in beside else f"3.{minor}"
    return None


def _backend(version: str, requires_python: str) -> _Part:
    paths = sorted(path for pattern in _INSTALLING for path in _PACKAGE.glob(pattern))
    root = _PACKAGE.parent
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return _part(_distribution(_BACKEND, requires_python), files, version)


def _library(name: str, imported: str, requires_python: str) -> _Part:
    """Return the part of a library that ``imported`` names, a module or a package."""
    distribution = _distribution(name, requires_python)
    files = {}
    paths = [*_paths(distribution)]
    for path in paths:
        if imported not in (path.parts[0], path.as_posix().removesuffix(".py")):
            continue
        # What lies beside a module of the same name is that module, compiled by mypyc.
        source = path.with_name(path.name.partition(".")[0] + ".py")
        if path.suffix in _COMPILED and source not in paths:
            raise SelectorError(f"{_cannot(distribution)}: it is not Python only, but has {path}")
        if "tests" not in path.parts and (path.suffix in _KEPT or _LICENSE.match(path.name)):
            files[path.as_posix()] = _read(distribution, path)
    if not files:
        raise SelectorError(
            f"{_cannot(distribution)}: its files are not where an installed wheel has them; "
            f"install it from the index: pip install --force-reinstall {name}"
        )
    return _part(distribution, files)


def _part(
    distribution: importlib.metadata.Distribution, files: dict[str, bytes], version: str = ""
) -> _Part:
    """Return a distribution with its licence: its files or, without any, a comment in its code."""
    name = distribution.metadata["Name"]
    licenses = {}
    for path in _paths(distribution):
        if path.parts[0].endswith(".dist-info") and _LICENSE.match(path.name):
            licenses[f"licenses/{name}/{path.name}"] = _read(distribution, path)
    at = f"`licenses/{name}/`"
    if not licenses:
        heads = [path for path, data in files.items() if _has_license(data)]
        if not heads:
            raise SelectorError(f"{_cannot(distribution)}: it has no licence that can be carried")
        at = f"the head of `{heads[0]}`"
    cells = (name, version or distribution.version, _license_of(distribution), at)
    return f"| {' | '.join(cells)} |", {**files, **licenses}


def _has_license(source: bytes) -> bool:
    """Return whether a file begins with a comment that is a licence."""
    head = re.match(rb"(?:[ \t]*(?:#.*)?\r?\n)*", source)
    return head is not None and b"redistribution" in head[0].lower()


def _license_of(distribution: importlib.metadata.Distribution) -> str:
    named = distribution.metadata["License-Expression"] or distribution.metadata["License"] or ""
    return named if named and "\n" not in named else "see the text"


def _distribution(name: str, requires_python: str) -> importlib.metadata.Distribution:
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise SelectorError(
            f"a self-contained sdist carries {name}, which is not installed; "
            f"install it: pip install {name}"
        ) from None
    supported = distribution.metadata["Requires-Python"] or PYTHONS
    python = unsupported_python(requires_python, supported)
    if python is not None:
        raise SelectorError(
            f"{_cannot(distribution)}: it is for Python {supported}, and project.requires-python "
            f"is {requires_python!r}, which admits {python}; leave such Pythons out there, or "
            f"build with an older {distribution.name}"
        )
    return distribution


def _paths(distribution: importlib.metadata.Distribution) -> Iterator[PurePosixPath]:
    for path in sorted(distribution.files or ()):
        if ".." not in path.parts and "__pycache__" not in path.parts:
            yield PurePosixPath(path)


def _read(distribution: importlib.metadata.Distribution, path: PurePosixPath) -> bytes:
    try:
        return Path(str(distribution.locate_file(str(path)))).read_bytes()
    except OSError as error:
        raise SelectorError(
            f"{_cannot(distribution)}: {path} can't be read: {error.strerror}"
        ) from None


def _cannot(distribution: importlib.metadata.Distribution) -> str:
    name, version = distribution.metadata["Name"], distribution.version
    return f"a self-contained sdist can't carry {name} {version}"


def _readme(rows: list[str], backend: str) -> str:
    return "\n".join(
        [
            "# The build backend of this sdist",
            "",
            "Installers run the code in this folder, and fetch no other to install this package.",
            "It is a part of selector-backend, and the libraries that it uses here, unchanged:",
            "",
            "| name | version | licence | text of the licence |",
            "|---|---|---|---|",
            *rows,
            "",
            "To use another selector-backend, or after a change to `pyproject.toml`, write these",
            "lines in place of `[build-system]` there. Then this folder may be deleted.",
            "",
            "```toml",
            *plain_build_system(backend),
            "```",
            "",
        ]
    )
