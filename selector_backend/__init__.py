"""A build backend for selector packages: the hooks of PEP 517 and PEP 660.

A selector package is an sdist without code whose dependencies are chosen on the machine that
installs it, after the table ``[tool.selector]`` of its ``pyproject.toml``. Building the sdist
compiles that table (`authoring`); installing reads what was compiled, looks at the machine and
decides (`installing`). Each hook imports what it needs when it is called.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .errors import SelectorError, user_errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

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
    """Return the requirements of building an sdist: what compiles the table, if it is missing."""
    _check_it_compiles("An sdist is to be built")
    from .authoring import missing, version_requirements

    return [*missing(Path.cwd()), *version_requirements(Path.cwd())]


@user_errors
def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Build the sdist and return its file name. The machine is not looked at."""
    _check_it_compiles("An sdist is to be built")
    from .authoring import build_sdist

    return build_sdist(Path.cwd(), Path(sdist_directory), __version__)


@user_errors
def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Look at the machine, and stop if no variant fits it.

    Returns what has to be installed before the machine can be read: on most systems nothing, since
    an answer costs the frontend a second run of its installer. Where no table is compiled, as in a
    source tree, it is what compiles it besides.
    """
    from .model.table import NotCompiledError, read_compiled
    from .probes import needs

    try:
        compiled = read_compiled(Path.cwd())
    except NotCompiledError as error:
        _check_it_compiles(str(error))
        from .authoring import compiled_of, missing, needs_before_compiling, version_requirements

        if lacking := [*missing(), *version_requirements(Path.cwd())]:
            return [*lacking, *needs_before_compiling(Path.cwd(), os.environ)]
        compiled = compiled_of(Path.cwd(), str(error))
    from .installing.installation import read_installation

    selector, installation = compiled.selector, read_installation()
    request = _request(selector, config_settings, installation)
    lacking = []
    if request.automatic:
        stated = request.profile is not None
        lacking = needs(selector.facts, os.environ, selector.scope(), stated=stated)
    if not lacking:
        from .installing.choosing import choose

        choose(selector, request, installation, __version__)
    return lacking


@user_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Mapping[str, Any] | None = None
) -> str:
    """Write the wheel's ``.dist-info`` folder and return its name."""
    from .installing.installation import read_installation

    return _prepare(metadata_directory, config_settings, read_installation())


@user_errors
def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel and return its file name.

    Where the ``.dist-info`` was prepared, it is used as it is: what the resolver saw is what gets
    installed. If it was prepared for a lock, this platform's part of that is. If the environment
    forbids that, or what was locked, it stops here.
    """
    from .installing.installation import read_installation

    installation = read_installation(builds=True)
    if metadata_directory is not None and not installation.locked_before:
        return _pack(wheel_directory, config_settings, Path(metadata_directory), installation)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        prepare = _prepare_locked if installation.locked_before else _prepare
        name = prepare(folder, config_settings, installation)
        return _pack(wheel_directory, config_settings, Path(folder, name), installation)


def _pack(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None,
    prepared: Path,
    installation: Installation,
) -> str:
    """Write the wheel of a ``.dist-info`` that is ``prepared``, and return its file name."""
    from .installing.request import read_portable
    from .installing.wheel import (
        STOP_NAME,
        read_dist_info,
        recorded_choice,
        without_label,
        write_wheel,
    )
    from .model.purpose import PORTABLE_TAG, Purpose

    stem, files = read_dist_info(prepared)
    if STOP_NAME in files:
        raise SelectorError(files[STOP_NAME].decode())
    project, _, variants, conforms = recorded_choice(files)
    if conforms and installation.purpose is Purpose.INSTALL:
        from .installing.choosing import check_together

        check_together(files, installation)
    tag, root = installation.mark.tag(variants), prepared.name
    if read_portable(project, config_settings, os.environ):
        stem, files = without_label(stem, files)
        tag, root = PORTABLE_TAG, ""
    return write_wheel(Path(wheel_directory), stem, tag, files, root)


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
build_editable = build_wheel


def _compiled() -> Compiled:
    """Return the project, as its sdist has it compiled, or else compiled again."""
    from .model.table import NotCompiledError, read_compiled

    try:
        return read_compiled(Path.cwd())
    except NotCompiledError as error:
        _check_it_compiles(str(error))
        from .authoring import compiled_of

        return compiled_of(Path.cwd(), str(error))


def _check_it_compiles(why: str) -> None:
    """Stop where this is the part of the backend that a self-contained sdist carries."""
    if not Path(__file__).with_name("authoring").is_dir():
        from .installing.messages import only_installs

        raise SelectorError(only_installs(why, __version__))


def _request(
    selector: Selector, config_settings: Mapping[str, Any] | None, installation: Installation
) -> Request:
    """Return what is asked for by settings and variables or, beside the package, by the command."""
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


def _prepare(
    directory: str, config_settings: Mapping[str, Any] | None, installation: Installation
) -> str:
    """Write the ``.dist-info`` folder of what is decided, and return its name."""
    compiled = _compiled()
    request = _request(compiled.selector, config_settings, installation)
    return _write(directory, compiled, request, installation)


def _prepare_locked(
    directory: str, config_settings: Mapping[str, Any] | None, installation: Installation
) -> str:
    """Write the ``.dist-info`` folder of what was locked before, and return its name."""
    import tempfile

    from .installing.choosing import check_locked
    from .installing.installation import read_installation
    from .installing.wheel import read_dist_info, recorded_choice, write_file
    from .model.purpose import Mark
    from .model.values import replace

    compiled, locking = _compiled(), read_installation()
    request = _request(compiled.selector, config_settings, installation)
    if not request.locked:  # nothing tells what was, but that the same decision gives the same
        here = replace(locking, everywhere=False)
        request = _request(compiled.selector, config_settings, here)
        name = _write(directory, compiled, request, here)
        _, _, variants, _ = recorded_choice(read_dist_info(Path(directory, name))[1])
        check_locked(compiled.selector, variants, installation)
        return name
    name = _write(directory, compiled, request, installation)
    if installation.mark is Mark.NONE:
        # uv takes what a folder or a file requires from the wheel that it has built, and compares
        # that with the lock.
        with tempfile.TemporaryDirectory() as folder:
            locked = Path(folder, _prepare(folder, config_settings, locking))
            write_file(Path(directory, name), "METADATA", (locked / "METADATA").read_bytes())
    return name


def _write(directory: str, compiled: Compiled, request: Request, installation: Installation) -> str:
    """Write the ``.dist-info`` folder of what ``request`` gets, and return its name."""
    from .installing.choosing import choose
    from .installing.messages import choice_of
    from .installing.wheel import STOP_NAME, dist_info, write_folder
    from .model.purpose import Mark

    selector = compiled.selector
    decision, stop = choose(selector, request, installation, __version__)
    # Here, since each install calls this once. Frontends show it if they are to say more.
    hidden = installation.hidden if selector.sees_environment else ""
    for line in (choice_of(decision), *decision.notes, *filter(None, [hidden])):
        print(line, file=sys.stderr, flush=True)
    label = installation.mark.label(selector.version, decision.names)
    version = f"{selector.version}+{label}" if label else selector.version
    files = dist_info(Path.cwd(), compiled, decision, version, __version__)
    if stop:
        files[STOP_NAME] = stop.encode()
    shown = selector.version if installation.mark is Mark.LABEL else version
    return write_folder(Path(directory, f"{compiled.name}-{shown}.dist-info"), files)
