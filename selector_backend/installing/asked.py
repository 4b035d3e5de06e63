"""The other requirements of the calling command: its arguments, and the files that they name.

A command with ``spam`` and ``spam-cpu`` asks for the variant cpu. Only regular files that the
command names are read; anything that cannot be read or parsed is ignored.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys

from ..errors import SelectorError
from ..model.markers import NAME_FORMAT, CannotTellError, evaluate
from ..model.purpose import Purpose
from ..model.standing import are_here, parse_form, standing_for
from ..model.table import REQUIREMENT
from ..model.values import dataclass, replace
from .environment import marker_of
from .files import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..model.decision import Request
    from ..model.purpose import Installation
    from ..model.standing import Form
    from ..model.table import Selector

#: The size of the largest file, and the number of files, that are read.
LARGEST_FILE, MOST_FILES = 1_000_000, 100
# Longer requirements are ignored, since they take long to match.
_LONGEST = 1000

# A requirement with a URL, one without, and the names of a file or a repository.
_WITH_URL = re.compile(rf"({NAME_FORMAT}(?:\s*\[[^\]]*\])?)\s*@")
_PLAIN = re.compile(rf"{NAME_FORMAT}\s*(?:\[[\w., -]*\])?\s*[\w.!+*,<>=~() -]*")
_ARCHIVE = re.compile(r"(.+?)-\d[^/\\]*?\.(?:whl|zip|tar\.gz)(?:[\[?#].*)?")
_EGG = re.compile(rf"#(?:.*&)?egg=({NAME_FORMAT})")

#: The errors of reading TOML, and data of another shape in it.
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)

_COMMENT = re.compile(r"(?:^|\s)#.*")
_OPTION = re.compile(r"\s--?[A-Za-z]")
_NESTED = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(\"[^\"]+\"|'[^']+'|[^\s\"']\S*)")


@dataclass(frozen=True)
class Asked:
    """A requirement of the calling command, and its ``source`` for messages."""

    form: Form
    source: str


def with_asked(selector: Selector, request: Request, installation: Installation) -> Request:
    """Return ``request`` or, if that is automatic, the variants that other requirements ask for.

    Raises `SelectorError` if these exclude each other, and the command installs or locks.
    """
    standing = standing_for(selector, marker_of(selector))
    names = {form.name for own in standing.values() for form in own}
    files: list[str] = []
    requirements = [*read_asked(installation, names, files)]
    request = replace(request, files=(*request.files, *files))
    beside = {}
    for key, own in standing.items():
        sources = {
            form: next((row.source for row in requirements if form.is_asked_by(row.form)), "")
            for form in own
        }
        if are_here(own, (form for form in own if sources[form])):
            beside[key] = ", ".join(dict.fromkeys(filter(None, sources.values())))
    requested = {**dict.fromkeys(request.variants, request.source), **beside}
    if not beside:
        return request
    if selector.kind == REQUIREMENT and len(requested) > 1:
        if installation.purpose not in (Purpose.INSTALL, Purpose.LOCK):
            return request
        from .messages import several_asked

        raise SelectorError(several_asked(selector, requested, installation.commands))
    if not request.automatic:
        return request
    return replace(request, variants=(*beside,), source=", ".join(beside.values()), profile=None)


def read_asked(
    installation: Installation, names: set[str], files: list[str] | None = None
) -> Iterator[Asked]:
    """Yield the calling command's requirements on ``names``, which are normalized.

    The files that are read are added to ``files``. Never raises or blocks.
    """
    target = installation.target_marker
    for argument in installation.requirements:
        yield from _of_requirement(argument, "the command line", names, target)
    waiting = [(file, installation.started_in) for file in reversed(installation.files)]
    seen: set[str] = set()
    while waiting and len(seen) < MOST_FILES:
        file, folder = waiting.pop()
        path = os.path.join(folder, file)  # keeps `~` and `..`
        if "\0" in path or not os.path.isabs(path):
            continue
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        text = read_text(path)
        if text and files is not None:
            files.append(path)
        shown = os.fsencode(file).decode("utf-8", "replace")
        in_toml = file.endswith(".toml")
        lines = _in_toml(os.path.basename(file), text) if in_toml else _in_lines(text)
        nested = []
        for line in lines:
            if match := _NESTED.match(line):
                nested.append((match[1].strip("\"'"), os.path.dirname(path)))
            elif not line.startswith("-"):
                requirement = _OPTION.split(line)[0]
                yield from _of_requirement(requirement, shown, names, target)
        waiting += reversed(nested)


def read_text(path: str, most: int = LARGEST_FILE) -> str:
    """Return the content of a regular file of at most ``most`` bytes, else ``""``.

    Pipes, devices and descriptors are not opened, also by links.
    """
    try:
        # Opening and closing a pipe would break it for its writer.
        if _is_of_the_system(path) or not stat.S_ISREG(os.stat(path).st_mode):
            return ""
        content = read_regular(path, most=most)
    except (OSError, ValueError):
        return ""
    return content.decode(json.detect_encoding(content), "replace")


def _is_of_the_system(path: str) -> bool:
    """Return whether a path leads through ``/dev`` or ``/proc``, as ``/dev/fd/63`` does."""
    for _ in range(40):
        folder, name = os.path.split(os.path.abspath(path))
        folder = f"{os.path.realpath(folder)}/"
        if folder.startswith(("/dev/", "/proc/")):
            return True
        path = os.path.join(folder, name)
        if not os.path.islink(path):
            return False
        path = os.path.join(folder, os.readlink(path))
    return True


def _in_lines(text: str) -> list[str]:
    """Return the lines of a requirements file, without comments."""
    joined = re.sub(r"\\\r?\n", " ", text)
    return [_COMMENT.sub("", line).strip() for line in joined.splitlines()]


def _in_toml(name: str, text: str) -> list[str]:
    """Return the requirements of a ``pylock.toml`` (PEP 751), or of a project's."""
    try:
        data = load_toml(text)
        if name == "pyproject.toml":
            return [*map(str, data["project"]["dependencies"])]
        return [
            f"{row['name']}=={row.get('version', '')};{row.get('marker', '')}".replace("==;", ";")
            for row in data["packages"]
        ]
    except (ImportError, *MALFORMED):
        return []


def load_toml(text: str) -> dict[str, Any]:
    """Return the data in TOML. Raises ``ValueError``, and `ImportError` without a TOML reader."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _of_requirement(
    text: str, where: str, names: set[str], target: Mapping[str, str]
) -> Iterator[Asked]:
    """Yield a requirement if it is on one of ``names`` and its marker is true.

    Of one with a URL, which may have a password, only the name is shown.
    """
    if len(text) > _LONGEST:
        return
    written, _, marker = text.strip().partition(";")
    shown = ""
    if match := _WITH_URL.match(written):
        shown, (_, _, marker) = match[1], text.partition(" ;")
    elif re.search(r"[/\\]|\.(whl|zip|tar\.gz)\b", written):
        *_, file = re.split(r"[/\\]", written.partition("#")[0])
        match = _EGG.search(written) or _ARCHIVE.fullmatch(file)
        shown = match[1] if match else ""
    elif _PLAIN.fullmatch(written):
        shown = " ".join(written.split())
    form, _ = parse_form(shown)
    if form.name in names and holds(marker.strip(), target):
        yield Asked(form, f"{where}: {shown}")


def holds(marker: str, target: Mapping[str, str]) -> bool:
    """Return whether a marker, or ``""``, is true here; false if it cannot be evaluated.

    ``target`` are the variables of another platform, if the command is for one.
    """
    if not marker:
        return True
    from ..probes.marker import environment

    try:
        return evaluate(marker, {**environment(), **target})
    except CannotTellError:
        return False
