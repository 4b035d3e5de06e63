"""Who calls the backend, what it has set up for the call, and what to name the wheel for it.

Installers keep the wheel that they build from an sdist, and the metadata, and give them to the next
who asks for that name and version: another request, or a machine that has a driver by now, gets the
choice of before. No standard lets a backend say that a wheel is not to be kept. So the wheel is
marked in the one way that each frontend installs but does not reuse; `Mark` has the ways, `_MARKS`
who gets which. ``docs/frontends.md`` shows what comes of it, from a run of ``tests/frontends``.

What would make the marks unnecessary: wheel variants (PEP 817), or frontends that ask the backend
before they reuse what it built. Keying by config settings, as uv has it and pip may get it
(https://github.com/pypa/pip/issues/11164), is not enough, since the machine and the table's
variable choose as well.
"""

from __future__ import annotations

import enum
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.version import Version


#: The tag that every wheel has inside, and a portable one in the name of its file as well.
PORTABLE_TAG = "py3-none-any"


class Mark(enum.Enum):
    """How a wheel is kept from being reused."""

    #: Not at all: a wheel to keep, or a frontend that is not known.
    NONE = "none"
    #: A platform tag in the file's name that no machine has. Frontends pick a kept wheel by the
    #: tags in its name, and check the one that they have just built by its content or not at all:
    #: pip's `SimpleWheelCache.get` skips what `Wheel.supported` denies, and `pip check` reads the
    #: file ``WHEEL``, which therefore says ``py3-none-any``. poetry's `ArtifactCache` and pdm's
    #: `WheelCache` look at the name in the same way.
    #: https://github.com/pypa/pip/blob/26.0/src/pip/_internal/cache.py
    #: https://github.com/python-poetry/poetry/blob/2.5.1/src/poetry/utils/cache.py
    #: https://github.com/pdm-project/pdm/blob/2.29.3/src/pdm/models/caches.py
    TAG = "tag"
    #: A local version label (PEP 440). uv refuses a wheel whose name does not fit the machine, but
    #: lets an sdist of 1.0 give a wheel of 1.0+label, and compares versions exactly when it looks
    #: into its cache (`CachedMetadata::matches`, `BuiltWheelFile::matches`).
    #: https://github.com/astral-sh/uv/pull/11429
    LABEL = "label"


@dataclass(frozen=True)
class Frontend:
    """What calls the backend, and how the wheels are marked that it gets.

    ``name`` is empty where the frontend is not known, ``command`` and ``arguments`` (its whole
    command line) where they are not.
    """

    name: str
    mark: Mark
    command: str = field(default="", compare=False)
    arguments: tuple[str, ...] = field(default=(), compare=False)

    def label(self, version: Version, variants: Sequence[str]) -> str:
        """Return the label that ``version`` gets, or ``""``.

        A version that has a label of its own stays as it is: PEP 440 has one label only, and uv
        takes 1.0+own for 1.0, but nothing else for 1.0+own.
        """
        if self.mark is not Mark.LABEL or version.local:
            return ""
        return _join(".", variants)

    def tag(self, variants: Sequence[str]) -> str:
        """Return the tag that ends the name of the wheel's file."""
        if self.mark is not Mark.TAG:
            return PORTABLE_TAG
        return f"py3-none-selected_{_join('_', variants)}"


# The frontends that install, and their marks.
_MARKS = {"pip": Mark.TAG, "uv": Mark.LABEL, "poetry": Mark.TAG, "pdm": Mark.TAG}

# The commands that build a wheel for its own sake: it is carried elsewhere, and has to be one that
# any installer takes. pip keeps a copy of its own, and nothing can be done about that from here:
# https://github.com/pypa/pip/issues/6852. `pip download` and `pip lock` ask for metadata only.
_KEEPING = {"pip": ("wheel",), "uv": ("build",)}

# pip runs its own copy of the script that calls hooks, from a temporary file if pip itself is run
# from a zip file. The variables (the first is of older versions) are for the pips that pip starts.
_SCRIPT_OF_PIP = re.compile(r"[/\\]pip[/\\]_vendor[/\\]")
_VARIABLES_OF_PIP = {"PIP_REQ_TRACKER", "PIP_BUILD_TRACKER"}

# Where uv unpacks an sdist that was given as a file. Of such a one it compares the version of kept
# metadata, but not of a kept wheel: with a label the two would differ, without it they agree.
_UV_FILE = re.compile(r"[/\\]sdists-v\d+[/\\]path[/\\]")


def caller() -> Frontend:
    """Return the frontend that calls this process."""
    return identify(sys.argv, os.environ, _parent(), str(Path.cwd()))


def identify(
    argv: Sequence[str],
    environ: Mapping[str, str],
    parent: Sequence[str] | None,
    folder: str = "",
) -> Frontend:
    """Return the frontend that started a hook's process.

    ``argv`` and ``environ`` are the process's own, ``parent`` is its parent's command line, or
    ``None`` where that cannot be known: then pip and uv are taken to install. ``folder`` is the
    project's.
    """
    script = argv[0] if argv else ""
    program, command = _program(parent or ())
    # pip before uv: what `uv run` starts inherits uv's variables, and that may be a pip.
    if _SCRIPT_OF_PIP.search(script) or program == "pip":
        name = "pip"
    elif script == "-c" and "UV" in environ and (program == "uv" or parent is None):
        # uv hands the hook to `python -c`; the others run a script. Those that do not set the
        # variable, before 0.6, are not taken for uv: they refuse a label before 0.5.31.
        # https://github.com/astral-sh/uv/pull/11326
        name = "uv"
    elif parent is None and script != "-c" and _VARIABLES_OF_PIP & environ.keys():
        name = "pip"
    else:
        name = program if program != "uv" else ""
    command = command if program == name else ""
    keeps = command in _KEEPING.get(name, ())
    keeps = keeps or (name == "uv" and _UV_FILE.search(folder) is not None)
    mark = Mark.NONE if keeps else _MARKS.get(name, Mark.NONE)
    return Frontend(name, mark, command, tuple(parent or ()))


def _parent() -> list[str] | None:
    """Return the command line of this process's parent, or ``None`` where it cannot be known."""
    pid = os.getppid()
    try:
        if sys.platform == "darwin":
            command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
            output = subprocess.run(command, check=True, capture_output=True).stdout
            return os.fsdecode(output).split() or None
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, subprocess.CalledProcessError):
        return None
    return os.fsdecode(data).split("\0")[:-1] or None


_INTERPRETER = re.compile(r"python[\d.t]*w?(\.exe)?|pypy[\d.]*(\.exe)?", re.IGNORECASE)
_PROGRAM = re.compile(
    r"(.*[/\\])?(__)?(?P<name>pip|uv|poetry|pdm)"
    r"([\d.]*|x|-runner__|[/\\]__main__)(\.py|\.pyz|\.exe)?"
)

# Options that come before the command and are followed by a value which could look like one.
_VALUED = {
    "--allow-insecure-host",
    "--cache-dir",
    "--cert",
    "--client-cert",
    "--config-file",
    "--directory",
    "--log",
    "--project",
    "--proxy",
    "--python",
    "--trusted-host",
}


def _program(parent: Sequence[str]) -> tuple[str, str]:
    """Return which frontend a command line runs, and its command: each empty if there is none."""
    words = list(parent)
    while words and (words[0].startswith("-") or _INTERPRETER.fullmatch(_base(words[0]))):
        words = words[2 if words[0] in ("-X", "-W") else 1 :]
    match = _PROGRAM.fullmatch(words[0]) if words else None
    if match is None:
        return "", ""
    for previous, word in zip(words, words[1:]):
        if not word.startswith("-") and previous not in _VALUED:
            return match["name"], word
    return match["name"], ""


def _base(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _join(separator: str, variants: Sequence[str]) -> str:
    """Return the names of ``variants`` joined, in the characters that tags and labels share.

    Cut short where there are many: the mark has to be there, not to be told from others.
    """
    words = re.findall(r"[a-z0-9]+", " ".join(variants).lower())
    return separator.join(words)[:_LONGEST].rstrip(separator)


# A file's name has 255 bytes at most.
_LONGEST = 80

# The folders that frontends make for one build and throw away after it, by their names:
# pip's build environment is an overlay beside the interpreter, those of build and uv are virtual
# environments, uv's in the "builds" bucket of its cache.
_THROWN_AWAY = (
    re.compile(r"pip-build-env-[^/\\]+"),
    re.compile(r"build-env-[^/\\]+"),
    re.compile(r"\.tmp[^/\\]+"),
)
_UV_BUCKET = re.compile(r"builds-v\d+")


def build_environment() -> Path | None:
    """Return the isolated build environment that this runs in, which the frontend throws away.

    ``None`` where there is none, or none that is known to be thrown away: without build isolation
    this is the user's own environment.
    """
    for start in (Path(__file__).parent, Path(sys.prefix)):
        for folder in (start, *start.parents):
            pip, build, uv = (pattern.fullmatch(folder.name) for pattern in _THROWN_AWAY)
            if pip or build or (uv and _UV_BUCKET.fullmatch(folder.parent.name)):
                return folder
    return None
