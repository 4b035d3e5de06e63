"""A build backend for selector packages: the hooks of PEP 517 and PEP 660.

A selector package is an sdist without code. Its dependencies are chosen on the machine that
installs it, by the table ``[tool.selector]`` of its ``pyproject.toml``. Building the sdist compiles
that table (`authoring`); installing reads the compiled table, reads the machine's facts and decides
(`installing`). Each hook imports what it needs when it is called.
"""

from __future__ import annotations

import os

from .errors import SelectorError, user_errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from .model.table import Compiled

__version__ = "0.2.0"

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


@user_errors
def get_requires_for_build_sdist(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Return the requirements that compiling the table needs and that are not installed."""
    _check_it_compiles("An sdist is to be built")
    from .authoring import missing, version_requirements

    return [*missing(_project()), *version_requirements(_project())]


@user_errors
def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Build the sdist and return its file name. No fact of the machine is read."""
    _check_it_compiles("An sdist is to be built")
    from pathlib import Path

    from .authoring import build_sdist

    return build_sdist(_project(), Path(sdist_directory), __version__)


@user_errors
def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Decide, and stop if no variant fits this machine.

    Returns the requirements of reading the facts: on most systems none, since any makes the
    frontend run its installer once more. Without a compiled table, as in a source tree, those of
    compiling it come first. The decision is kept for the next hooks.
    """
    from .installing.finishing import decide_first
    from .model.table import NotCompiledError, read_compiled

    try:
        compiled = read_compiled(os.getcwd())
    except NotCompiledError as error:
        _check_it_compiles(str(error))
        from .authoring import compiled_of, missing, needs_before_compiling, version_requirements

        if requires := [*missing(), *version_requirements(_project())]:
            return [*requires, *needs_before_compiling(_project(), os.environ)]
        compiled = compiled_of(_project(), str(error))
    return decide_first(compiled, config_settings, __version__)


@user_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Mapping[str, Any] | None = None
) -> str:
    """Write the wheel's ``.dist-info`` folder and return its name."""
    from .installing.handoff import take

    finished = take(config_settings, __version__)
    if finished is None:
        from .installing.finishing import finish
        from .installing.installation import read_installation

        finished = finish(_compiled(), config_settings, read_installation(), __version__)
    return finished.prepare(metadata_directory)


@user_errors
def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel and return its file name.

    A prepared ``.dist-info`` is used unchanged, so that what the resolver saw is installed; of one
    prepared for a lock, this platform's part is. Stops if the environment forbids it.
    """
    from .installing.handoff import take

    finished = take(config_settings, __version__)
    if finished and (name := finished.build(wheel_directory, metadata_directory)):
        return name
    from .installing.packing import build

    return build(_compiled, wheel_directory, config_settings, metadata_directory, __version__)


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
build_editable = build_wheel


def _project() -> Path:
    """Return the project's folder, in which frontends call the hooks."""
    from pathlib import Path  # it takes 5 ms, and compiling alone needs it

    return Path.cwd()


def _compiled() -> Compiled:
    """Return the project from its sdist's compiled table, or else compile it."""
    from .model.table import NotCompiledError, read_compiled

    try:
        return read_compiled(os.getcwd())
    except NotCompiledError as error:
        _check_it_compiles(str(error))
        from .authoring import compiled_of

        return compiled_of(_project(), str(error))


def _check_it_compiles(why: str) -> None:
    """Stop if this is the backend of a self-contained sdist, which cannot compile."""
    if not os.path.isdir(os.path.join(os.path.dirname(__file__), "authoring")):
        from .installing.messages import only_installs

        raise SelectorError(only_installs(why, __version__))
