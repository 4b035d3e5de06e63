"""What runs on the maintainer's machine: reads ``pyproject.toml``, and compiles it.

Compiling takes libraries that installing does not. A hook that finds nothing compiled asks the
frontend for them, by `missing`; so this module imports none of them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..errors import SelectorError
from .dynamic import find_version, has_dynamic_version, is_installed, provider_requirements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..model.table import Compiled

#: What compiling requires besides the backend's own dependencies.
REQUIREMENTS = (
    "packaging>=24.2",
    "pyproject-metadata>=0.12",
    *(["tomli>=2"] if sys.version_info < (3, 11) else []),
)

#: What building an sdist requires besides, if its ``pyproject.toml`` differs from the project's.
PUBLISHING = ("tomlkit>=0.13",)

#: What building a self-contained sdist requires besides that: it may carry this.
CARRYING = ("tomli>=2",)

#: What building from a tree requires besides: with the above, the extra ``tree``.
TREE = ("pyproject-hooks>=1.0", *PUBLISHING, *CARRYING)


def check_tree() -> None:
    """Raise `SelectorError` if a requirement of building from a tree is missing or too old."""
    if not all(map(is_installed, (*REQUIREMENTS, *TREE))):
        raise SelectorError(
            'a source tree takes the extra "tree": write "selector-backend[tree]" in '
            "[build-system] requires. Without build isolation, install it first: "
            'pip install "selector-backend[tree]"'
        )


def missing(folder: Path | None = None) -> list[str]:
    """Return the requirements of compiling, or none if all are installed and new enough.

    With the ``folder`` of a project, they are the requirements of building its sdist.
    """
    wanted = [*dict.fromkeys((*REQUIREMENTS, *(_publishing(folder) if folder else ())))]
    return [] if all(map(is_installed, wanted)) else wanted


def _publishing(folder: Path) -> tuple[str, ...]:
    """Return what a project's sdist requires besides compiling."""
    data = _unchecked_toml(folder)
    try:
        if data["tool"]["selector"].get("self-contained") is True:
            return (*PUBLISHING, *CARRYING)
        return PUBLISHING if has_dynamic_version(data) else ()
    except Exception:  # noqa: BLE001 - compiling reports it
        return ()


def version_requirements(folder: Path) -> list[str]:
    """Return what the providers of a dynamic version require.

    Raises `SelectorError` if they, or the library that calls them, cannot be used.
    """
    data = _unchecked_toml(folder)
    return provider_requirements(folder, data) if has_dynamic_version(data) else []


def compiled_of(folder: Path, why: str) -> Compiled:
    """Compile the project in ``folder``; ``why`` says why it is not compiled.

    Raises `InvalidFileError` with all errors in its ``pyproject.toml``, and `SelectorError` if
    that cannot be read, or what compiles it is not installed.
    """
    _check_libraries(f"{why}, so the selector table has to be compiled")
    from .compile import compile_project
    from .project import read_project

    return compile_project(read_project(folder))


def build_sdist(folder: Path, target: Path, backend: str) -> str:
    """Build the sdist of the project in ``folder`` into ``target``, and return its file name.

    ``backend`` is our own version. Raises what `compiled_of` does.
    """
    _check_libraries("an sdist has the selector table compiled", folder)
    from .project import read_project
    from .sdist import sdist_files, write_sdist

    project = read_project(folder)
    if project.found_with and project.version.local:
        text = "no index takes a version with a '+'; to publish, tag the commit and build again"
        print(f"warning: the version is {project.version}; {text}", file=sys.stderr, flush=True)
    return write_sdist(target, project.stem, sdist_files(project, backend))


def _check_libraries(why: str, folder: Path | None = None) -> None:
    if absent := missing(folder):
        quoted = " ".join(f'"{requirement}"' for requirement in absent)
        raise SelectorError(
            f"{why}, and what compiles it is not installed, or too old. "
            f"Without build isolation, install it first: pip install {quoted}"
        )


def needs_before_compiling(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Return what the facts of a table require, before the table can be compiled.

    Frontends ask for requirements only once, so the table is read unchecked. Of an invalid table,
    nothing is required here, and compiling reports the errors.
    """
    from ..model.table import Provider, Selector, Variant, fill
    from ..probes import needs

    data = _unchecked_toml(folder)
    try:
        table = data["tool"]["selector"]
        values = {"project": data["project"]["name"], "version": data["project"].get("version", "")}
        if any("{version}" in str(provider) for provider in table.get("provider", {}).values()):
            values["version"] = values["version"] or find_version(folder, data)
        when = tuple(
            {fact: tuple(_listed(wanted)) for fact, wanted in alternative.items()}
            for variant in table["variant"]
            for alternative in _listed(variant.get("when", []))
        )
        providers = tuple(
            Provider(name, tuple(fill(text, values) for text in row["requires"]), "", enable_if)
            for name, row in table.get("provider", {}).items()
            for enable_if in [row.get("enable-if")]
        )
        selector = Selector("", "", "", "", (Variant("", when=when),), providers=providers)
        return needs(selector.facts, environ, selector.scope(), profiled=False)
    except Exception:  # noqa: BLE001 - compiling reports it
        return []


def _unchecked_toml(folder: Path) -> dict[str, Any]:
    from . import toml

    try:
        return toml.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 - compiling reports it
        return {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
