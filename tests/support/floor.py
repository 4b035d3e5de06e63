"""The lower floor alone: the hooks with the standard library and what installing has of ours.

That is what a user's machine has to have: `authoring` and the command are not there, nor is
anything else that an environment may hold.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .environment import ROOT
from .project import hook_environ

#: What installing needs of the backend.
INSTALLING = ("__init__.py", "errors.py", "model", "installing", "probes")

# What is found nowhere comes to the finder, which is the last one, and is noted, however the import
# is guarded. The standard library itself tries what other systems have: `copy` does, on Jython.
_CALL = """\
import json, os, sys
source, folder, calls = json.loads(sys.argv[1])
sys.path.append(folder)
tried = []

class Finder:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "org"}:
            tried.append(name)

sys.meta_path.append(Finder)
os.chdir(source)
import selector_backend
results = [getattr(selector_backend, hook)(*arguments) for hook, *arguments in calls]
json.dump({"results": results, "tried": tried, "modules": sorted(sys.modules)}, sys.stdout)
"""


@dataclass
class Called:
    """What hooks returned, which modules they tried to import in vain, and which are there."""

    results: list[Any]
    tried: list[str]
    modules: set[str] = field(repr=False)


class StoppedError(Exception):
    """The hooks' process ended with an exit status; ``str()`` is what it printed."""


@dataclass
class Floor:
    """A folder with what installing needs of the backend, to which libraries can be added."""

    folder: Path

    def __post_init__(self) -> None:
        for name in INSTALLING:
            _copy(ROOT / "selector_backend" / name, self.folder / "selector_backend" / name)

    def add(self, *distributions: str) -> Floor:
        """Add distributions that are installed here."""
        for name in distributions:
            for file in importlib.metadata.files(name) or ():
                if ".." not in file.parts:  # scripts are not imported
                    _copy(Path(str(file.locate())), self.folder / file)
        return self

    def add_authoring(self) -> Floor:
        """Add the upper floor, without what compiling takes."""
        _copy(ROOT / "selector_backend/authoring", self.folder / "selector_backend/authoring")
        # A dependency of the backend's own, with which no hook could learn what to ask for else.
        return self.add("tomli") if sys.version_info < (3, 11) else self

    def call(
        self, source: Path, *calls: Sequence[Any], environ: Mapping[str, str] | None = None
    ) -> Called:
        """Call hooks with their arguments on what is in ``source``, in a process of their own.

        Raises `StoppedError` if it does not end well.
        """
        arguments = json.dumps([str(source), str(self.folder), calls])
        process = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _CALL, arguments],
            env=hook_environ(**(environ or {})),
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if process.returncode:
            raise StoppedError(process.stdout + process.stderr)
        found = json.loads(process.stdout)
        return Called(found["results"], found["tried"], set(found["modules"]))


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist and return the folder that is in it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)
    (inside,) = folder.iterdir()
    return inside


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
