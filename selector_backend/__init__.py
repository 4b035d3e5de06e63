"""A build backend for selector packages: the hooks of PEP 517 and PEP 660.

A selector package is an sdist without code whose dependencies are chosen on the machine that
installs it, after the table ``[tool.selector]`` of its ``pyproject.toml``. Each hook imports what
it needs when it is called.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import SelectorError, user_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .decision import Decision
    from .project import Project
    from .request import Request

__version__ = "0.1.0"

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
    """Return the requirements of building an sdist: none."""
    return []


@user_errors
def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Build the sdist and return its file name. The machine is not looked at."""
    from .archive import write_sdist
    from .dist_info import sdist_files

    project = _project()
    return write_sdist(Path(sdist_directory), project.stem, sdist_files(project))


@user_errors
def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Look at the machine, and stop if no variant fits it.

    Returns what has to be installed before the machine can be read: on most systems nothing, since
    an answer costs the frontend a second run of its installer.
    """
    from .probes import needs

    project = _project()
    request = _request(project, config_settings)
    missing = []
    if request.automatic and request.profile is None:
        selector = project.selector
        missing = needs(selector.facts, os.environ, selector.named_providers)
    if not missing:
        _decision(project, request)
    return missing


@user_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Mapping[str, Any] | None = None
) -> str:
    """Write the wheel's ``.dist-info`` folder and return its name."""
    from .archive import write_folder
    from .dist_info import dist_info
    from .frontend import caller

    project = _project()
    decision = _decision(project, _request(project, config_settings))
    project = project.labelled(caller().mark.label(project.version, decision.names))
    folder = Path(metadata_directory, f"{project.stem}.dist-info")
    return write_folder(folder, dist_info(project, decision))


@user_errors
def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel and return its file name.

    Where the ``.dist-info`` was prepared, it is used as it is: what the resolver saw is what gets
    installed.
    """
    from .archive import write_wheel
    from .dist_info import read_dist_info, recorded_variants, without_label
    from .frontend import PORTABLE_TAG, caller
    from .request import read_portable

    if metadata_directory is None:
        with tempfile.TemporaryDirectory() as folder:
            name = prepare_metadata_for_build_wheel(folder, config_settings)
            return build_wheel(wheel_directory, config_settings, str(Path(folder, name)))
    stem, files = read_dist_info(Path(metadata_directory))
    tag = caller().mark.tag(recorded_variants(files))
    if read_portable(config_settings, os.environ):
        stem, files, tag = *without_label(stem, files), PORTABLE_TAG
    return write_wheel(Path(wheel_directory), stem, tag, files)


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
build_editable = build_wheel


def _project() -> Project:
    from .project import read_project

    return read_project(Path.cwd())


def _request(project: Project, config_settings: Mapping[str, Any] | None) -> Request:
    from .request import read_request

    return read_request(project.selector, config_settings, os.environ)


def _decision(project: Project, request: Request) -> Decision:
    from .decision import decide
    from .environment import Environment, read_environment
    from .frontend import caller
    from .machine import Machine
    from .probes import read_machine
    from .selector import REQUIREMENT

    selector, machine, environment = project.selector, Machine(), Environment()
    if request.automatic:
        machine = read_machine(
            selector.facts,
            os.environ,
            caller().memory,
            providers=selector.named_providers,
            profile=request.profile,
        )
    if selector.kind == REQUIREMENT:
        environment = read_environment(selector, caller().folders)
    decision = decide(selector, machine, request, environment)
    if decision.problem is not None:
        raise SelectorError(decision.problem)
    for note in decision.notes:
        print(note, file=sys.stderr, flush=True)
    return decision
