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

    from .installing.handoff import Finished
    from .model.decision import Request
    from .model.purpose import Installation
    from .model.table import Compiled, Selector

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
    from .model.table import NotCompiledError, read_compiled
    from .probes import needs

    try:
        compiled = read_compiled(_project())
    except NotCompiledError as error:
        _check_it_compiles(str(error))
        from .authoring import compiled_of, missing, needs_before_compiling, version_requirements

        if requires := [*missing(), *version_requirements(_project())]:
            return [*requires, *needs_before_compiling(_project(), os.environ)]
        compiled = compiled_of(_project(), str(error))
    from .installing.finishing import decide_first
    from .installing.installation import read_installation

    selector, installation = compiled.selector, read_installation()
    request = _request(selector, config_settings, installation)
    requires = []
    if request.automatic:
        profiled = request.profile is not None
        requires = needs(selector.facts, os.environ, selector.scope(), profiled=profiled)
    if not requires:
        decide_first(compiled, request, installation, config_settings, __version__)
    return requires


@user_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Mapping[str, Any] | None = None
) -> str:
    """Write the wheel's ``.dist-info`` folder and return its name."""
    from .installing.handoff import take

    finished = take(config_settings, __version__)
    if finished is None:
        from .installing.installation import read_installation

        finished = _finish(_compiled(), config_settings, read_installation())
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
    from pathlib import Path

    from .installing.files import write_file
    from .installing.finishing import finish_wheel
    from .installing.installation import read_installation
    from .installing.wheel import STOP_NAME, read_dist_info, recorded_choice
    from .model.purpose import Purpose

    installation = read_installation(builds=True)
    if metadata_directory is None or installation.locked_before:
        finish = _finish_locked if installation.locked_before else _finish
        finished = finish(_compiled(), config_settings, installation)
        finished.say()
        folder, files = finished.folder, finished.files
    else:
        folder, files = Path(metadata_directory).name, read_dist_info(Path(metadata_directory))
    if STOP_NAME in files:
        raise SelectorError(files[STOP_NAME].decode())
    *_, conforms = recorded_choice(files)
    if conforms and installation.purpose is Purpose.INSTALL:
        from .installing.choosing import check_together

        check_together(files, installation)
    wheel, content = finish_wheel(folder, files, config_settings, installation)
    return write_file(wheel_directory, wheel, content)


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
build_editable = build_wheel


def _project() -> Path:
    """Return the project's folder, in which frontends call the hooks."""
    from pathlib import Path  # it takes 3 ms, and not every hook needs it

    return Path.cwd()


def _compiled() -> Compiled:
    """Return the project from its sdist's compiled table, or else compile it."""
    from .model.table import NotCompiledError, read_compiled

    try:
        return read_compiled(_project())
    except NotCompiledError as error:
        _check_it_compiles(str(error))
        from .authoring import compiled_of

        return compiled_of(_project(), str(error))


def _check_it_compiles(why: str) -> None:
    """Stop if this is the backend of a self-contained sdist, which cannot compile."""
    from pathlib import Path

    if not Path(__file__).with_name("authoring").is_dir():
        from .installing.messages import only_installs

        raise SelectorError(only_installs(why, __version__))


def _request(
    selector: Selector, config_settings: Mapping[str, Any] | None, installation: Installation
) -> Request:
    """Return what settings, variables and the rest of the command ask for."""
    from .installing.request import read_request

    request = read_request(selector, config_settings, os.environ)
    named = installation.requirements and not installation.is_only(selector.project)
    if named or installation.files:
        from .installing.asked import with_asked

        request = with_asked(selector, request, installation)
    if installation.lock:
        from .installing.locks import with_locked

        request = with_locked(selector, request, installation)
    return request


def _finish(
    compiled: Compiled, config_settings: Mapping[str, Any] | None, installation: Installation
) -> Finished:
    """Decide, and return the finished ``.dist-info``."""
    from .installing.finishing import finish

    request = _request(compiled.selector, config_settings, installation)
    return finish(compiled, request, installation, __version__)


def _finish_locked(
    compiled: Compiled, config_settings: Mapping[str, Any] | None, installation: Installation
) -> Finished:
    """Return the finished ``.dist-info`` of what the previous hook locked."""
    from .installing.choosing import check_locked
    from .installing.finishing import finish
    from .installing.installation import read_installation
    from .installing.wheel import recorded_choice
    from .model.purpose import Mark
    from .model.values import replace

    locking = read_installation()
    request = _request(compiled.selector, config_settings, installation)
    if not request.locked:  # nothing says what was locked, so the decision is made again
        finished = _finish(compiled, config_settings, replace(locking, everywhere=False))
        _, _, variants, _ = recorded_choice(finished.files)
        check_locked(compiled.selector, variants, installation)
        return finished
    finished = finish(compiled, request, installation, __version__)
    if installation.mark is Mark.NONE:
        # uv takes what a folder or a file requires from the wheel that it has built, and compares
        # that with the lock.
        metadata = _finish(compiled, config_settings, locking).files["METADATA"]
        finished = replace(finished, files={**finished.files, "METADATA": metadata})
    return finished
