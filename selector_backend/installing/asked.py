"""What a command asks for beside the package: by its words, and by the files that they name.

Whoever asks for ``spam`` and ``spam-cpu`` in one command asks for the variant cpu. Nothing is read
but regular files that the command names, and whatever can't be read or understood asks for nothing.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path

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

#: A larger file is not read, nor are more of them.
LARGEST_FILE, MOST_FILES = 1_000_000, 100
# Nor is a longer requirement, which would take long to match.
_LONGEST = 1000

# A requirement with a URL, one without, and what names a file or a repository.
_WITH_URL = re.compile(rf"({NAME_FORMAT}(?:\s*\[[^\]]*\])?)\s*@")
_PLAIN = re.compile(rf"{NAME_FORMAT}\s*(?:\[[\w., -]*\])?\s*[\w.!+*,<>=~() -]*")
_ARCHIVE = re.compile(r"(.+?)-\d[^/\\]*?\.(?:whl|zip|tar\.gz)(?:[\[?#].*)?")
_EGG = re.compile(rf"#(?:.*&)?egg=({NAME_FORMAT})")

_COMMENT = re.compile(r"(?:^|\s)#.*")
_OPTION = re.compile(r"\s--?[A-Za-z]")
_NESTED = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(\"[^\"]+\"|'[^']+'|[^\s\"']\S*)")


@dataclass(frozen=True)
class Asked:
    """A requirement of the calling command: what it asks for, and who asks for what."""

    form: Form
    source: str


def with_asked(selector: Selector, request: Request, installation: Installation) -> Request:
    """Return ``request`` or, where it is silent, what is asked for beside the package.

    Raises `SelectorError` where variants that exclude each other are asked for, and it is for an
    environment.
    """
    standing = standing_for(selector, marker_of(selector))
    names = {form.name for own in standing.values() for form in own}
    files: list[str] = []
    found = [*read_asked(installation, names, files)]
    request = replace(request, files=(*request.files, *files))
    beside = {}
    for key, own in standing.items():
        sources = {
            form: next((one.source for one in found if form.is_asked_by(one.form)), "")
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

        raise SelectorError(several_asked(selector, requested))
    if not request.automatic:
        return request
    return replace(request, variants=(*beside,), source=", ".join(beside.values()), profile=None)


def read_asked(
    installation: Installation, names: set[str], files: list[str] | None = None
) -> Iterator[Asked]:
    """Yield what the calling command asks for of ``names``, which are normalized.

    The files that it is read from are added to ``files``. Never raises, and waits for nothing.
    """
    for word in installation.requirements:
        yield from _of_requirement(word, "the command line", names, installation.stated)
    waiting = [(file, installation.started_in) for file in reversed(installation.files)]
    seen: set[str] = set()
    while waiting and len(seen) < MOST_FILES:
        file, folder = waiting.pop()
        path = os.path.join(folder, file)  # noqa: PTH118 - `~` and `..` are as they are written
        if "\0" in path or not os.path.isabs(path):  # noqa: PTH117
            continue
        place = os.path.realpath(path)
        if place in seen:
            continue
        seen.add(place)
        text = read_text(path)
        if text and files is not None:
            files.append(path)
        shown = os.fsencode(file).decode("utf-8", "replace")
        lines = _in_toml(Path(file).name, text) if file.endswith(".toml") else _in_lines(text)
        nested = []
        for line in lines:
            if match := _NESTED.match(line):
                nested.append((match[1].strip("\"'"), os.path.dirname(path)))  # noqa: PTH120
            elif not line.startswith("-"):
                requirement = _OPTION.split(line)[0]
                yield from _of_requirement(requirement, shown, names, installation.stated)
        waiting += reversed(nested)


def read_text(path: str, most: int = LARGEST_FILE) -> str:
    """Return the content of a regular file of no more than ``most`` bytes, else ``""``.

    What is, or leads to, a pipe, a device or a descriptor is not opened.
    """
    try:
        # Even a pipe that is opened without waiting is closed for who writes into it.
        if _is_of_the_system(path) or not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            return ""
        content = read_regular(Path(path), most=most)
    except (OSError, ValueError):
        return ""
    return content.decode(json.detect_encoding(content), "replace")


def _is_of_the_system(path: str) -> bool:
    """Return whether a path leads over ``/dev`` or ``/proc``, as ``/dev/fd/63`` does."""
    for _ in range(40):
        folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
        folder = f"{os.path.realpath(folder)}/"
        if folder.startswith(("/dev/", "/proc/")):
            return True
        path = os.path.join(folder, name)  # noqa: PTH118
        if not os.path.islink(path):  # noqa: PTH114
            return False
        path = os.path.join(folder, os.readlink(path))  # noqa: PTH115, PTH118
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
            return [str(one) for one in data["project"]["dependencies"]]
        return [
            f"{one['name']}=={one.get('version', '')};{one.get('marker', '')}".replace("==;", ";")
            for one in data["packages"]
        ]
    except (ImportError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def load_toml(text: str) -> dict[str, Any]:
    """Return what TOML says. Raises `ImportError` where nothing reads it, and ``ValueError``."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _of_requirement(
    text: str, where: str, names: set[str], stated: Mapping[str, str]
) -> Iterator[Asked]:
    """Yield what a requirement asks for, if it is one of ``names`` and its marker is true.

    Of a URL, which may have a password, no more is shown than the name.
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
    if form.name in names and holds(marker.strip(), stated):
        yield Asked(form, f"{where}: {shown}")


def holds(marker: str, stated: Mapping[str, str]) -> bool:
    """Return whether a marker, ``""`` for none, is true here; not where that can't be told.

    ``stated`` are the variables of another platform, if the command is for one.
    """
    try:
        return not marker or evaluate(marker, {**_variables(), **stated})
    except CannotTellError:
        return False


def _variables() -> Mapping[str, str]:
    from ..probes.marker import environment

    return environment()
