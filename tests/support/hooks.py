"""Calling the backend's hooks as frontends do: in child processes, by pyproject-hooks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyproject_hooks import BuildBackendHookCaller

from .project import hook_environ

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class HookFailedError(Exception):
    """A hook ended with an exit status; ``output`` is what it printed."""

    def __init__(self, status: int, output: str) -> None:
        super().__init__(output)
        self.status = status
        self.output = output


@dataclass
class Backend:
    """The hooks of the project in ``source``, run with the environment variables ``environ``.

    ``prefix`` is a command that runs them.
    """

    source: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    output: str = ""
    backend: str = "selector_backend"
    prefix: Sequence[str] = ()

    def call(self, hook: str, *arguments: Any, **keywords: Any) -> Any:
        """Call a hook. Raises `HookFailedError` if its process does not end well."""
        caller = BuildBackendHookCaller(
            str(self.source), self.backend, runner=self._run, python_executable=self.python
        )
        return getattr(caller, hook)(*arguments, **keywords)

    def _run(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        process = subprocess.run(
            [*self.prefix, *cmd],
            cwd=cwd,
            env=hook_environ(**self.environ, **(extra_environ or {})),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output = process.stdout.decode("utf-8", "replace")
        if process.returncode:
            raise HookFailedError(process.returncode, self.output)

    def metadata(self, folder: Path, **keywords: Any) -> Path:
        """Prepare the metadata in ``folder`` and return its ``.dist-info``."""
        folder.mkdir(parents=True, exist_ok=True)
        hook = "prepare_metadata_for_build_wheel"
        return folder / str(self.call(hook, str(folder), _allow_fallback=False, **keywords))

    def record(self, folder: Path, **keywords: Any) -> dict[str, Any]:
        """Prepare the metadata in ``folder`` and return the record in it."""
        file = self.metadata(folder, **keywords) / "selector.json"
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return record
