"""Calls the inner backend of a tree as a frontend does, in a subprocess."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyproject_hooks import (
    BackendUnavailable,
    BuildBackendHookCaller,
    HookMissing,
    UnsupportedOperation,
)

from ..authoring.tree import Tree
from ..errors import SelectorError


class MissingHookError(SelectorError):
    """The inner backend has no such hook."""


class Inner:
    """The hooks of a tree's inner backend.

    It gets ``settings``, and ``variant`` in the environment variable ``variable``, which is unset
    if there is no variant.
    """

    def __init__(
        self,
        folder: Path,
        tree: Tree,
        settings: Mapping[str, Any],
        variable: str,
        variant: str,
    ) -> None:
        self.name = tree.backend
        self._settings = settings
        self._variable, self._variant = variable, variant
        try:
            self._caller = BuildBackendHookCaller(
                str(folder), tree.backend, [*tree.backend_path] or None, self._run
            )
        except ValueError as error:
            raise SelectorError(f"tool.selector.backend-path: {error}") from None

    def requires(self, kind: str) -> list[str]:
        """Return what building a ``wheel``, ``editable`` or ``sdist`` requires besides."""
        return list(self._call(f"get_requires_for_build_{kind}"))

    def prepare(self, kind: str, folder: Path, *, may_build: bool = True) -> str:
        """Write the ``.dist-info`` of a ``wheel`` or ``editable``, and return its name.

        With ``may_build``, a backend without that hook builds the code.
        """
        hook = f"prepare_metadata_for_build_{kind}"
        return str(self._call(hook, str(folder), _allow_fallback=may_build))

    def build(self, kind: str, folder: Path, metadata: str | None = None) -> str:
        """Build a ``wheel``, ``editable`` or ``sdist`` into ``folder``, and return its name."""
        more = {} if kind == "sdist" else {"metadata_directory": metadata}
        return str(self._call(f"build_{kind}", str(folder), **more))

    def _call(self, hook: str, *arguments: Any, **keywords: Any) -> Any:
        try:
            return getattr(self._caller, hook)(
                *arguments, config_settings=self._settings, **keywords
            )
        except BackendUnavailable as error:
            last = (error.traceback or "").strip().splitlines()[-1:] or [str(error)]
            raise SelectorError(
                f"tool.selector.backend is {self.name!r}, which cannot be imported: {last[0]}; "
                "add the distribution that has it to [build-system] requires"
            ) from None
        except HookMissing:
            raise MissingHookError(f"the inner backend {self.name} has no {hook}") from None
        except UnsupportedOperation as error:
            last = error.traceback.strip().splitlines()[-1:]
            raise SelectorError(f"{self.name} cannot build this: {' '.join(last)}") from None
        except subprocess.CalledProcessError as error:
            raise SelectorError(
                f"the inner backend {self.name} stopped in {hook}, with exit status "
                f"{error.returncode}; its output is above"
            ) from None

    def _run(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = {**os.environ, **(extra_environ or {})}
        environ.pop(self._variable, None)
        if not self._variant:
            subprocess.run(cmd, cwd=cwd, env=environ, check=True)
            return
        environ[self._variable] = self._variant
        with _own_build_folder(self._variant) as config:
            subprocess.run(cmd, cwd=cwd, env={"DIST_EXTRA_CONFIG": config, **environ}, check=True)


@contextmanager
def _own_build_folder(variant: str) -> Iterator[str]:
    """Yield a configuration file that makes setuptools build each variant in its own folder.

    In ``build/``, setuptools would reuse what it built for another variant.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "setup.cfg")
        path.write_text(f"[build]\nbuild_base = build/{variant}\n", encoding="utf-8")
        yield str(path)
