"""What runs on the maintainer's machine: reads what people write, and compiles it.

Compiling takes libraries that installing does not. A hook that finds nothing compiled asks the
frontend for them, by `missing`; so this module imports none of them.
"""

from __future__ import annotations

import itertools
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
    """Raise `SelectorError` if what building from a tree takes is not installed, or too old."""
    if not all(map(is_installed, (*REQUIREMENTS, *TREE))):
        raise SelectorError(
            'a source tree takes the extra "tree": write "selector-backend[tree]" in '
            "[build-system] requires. Without build isolation, install it first: "
            'pip install "selector-backend[tree]"'
        )


def missing(folder: Path | None = None) -> list[str]:
    """Return the requirements of compiling, if one of them is not installed, or too old.

    Given the ``folder`` of a project, they are those of its sdist.
    """
    wanted = [*dict.fromkeys((*REQUIREMENTS, *(_publishing(folder) if folder else ())))]
    return [] if all(map(is_installed, wanted)) else wanted


def _publishing(folder: Path) -> tuple[str, ...]:
    """Return what a project's sdist requires besides compiling, read as below."""
    data = _unchecked_toml(folder)
    try:
        if data["tool"]["selector"].get("self-contained") is True:
            return (*PUBLISHING, *CARRYING)
        return PUBLISHING if has_dynamic_version(data) else ()
    except Exception:  # noqa: BLE001 - whatever it is, compiling says it
        return ()


def version_requirements(folder: Path) -> list[str]:
    """Return what the providers of a dynamic version require.

    Raises `SelectorError` where something that finds it is missing.
    """
    data = _unchecked_toml(folder)
    return provider_requirements(folder, data) if has_dynamic_version(data) else []


def compiled_of(folder: Path, why: str) -> Compiled:
    """Compile the project in ``folder``; ``why`` says why it is not compiled.

    Raises `InvalidFileError` with everything that is wrong in its ``pyproject.toml``, and
    `SelectorError` where that cannot be read, or compiling cannot be done here.
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
        text = "a label after '+' is for one machine, and no index takes it; tag the commit first"
        print(f"warning: the version is {project.version}; {text}", file=sys.stderr, flush=True)
    return write_sdist(target, project.stem, sdist_files(project, backend))


def _check_libraries(why: str, folder: Path | None = None) -> None:
    if lacking := missing(folder):
        quoted = " ".join(f'"{one}"' for one in lacking)
        raise SelectorError(
            f"{why}, and what compiles it is not installed, or too old. "
            f"Without build isolation, install it first: pip install {quoted}"
        )


def needs_before_compiling(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Return what the facts of a table need that cannot be compiled yet.

    A frontend asks once for requirements, so they are read off a table that nobody has checked:
    what is not as it should be needs nothing, and is an error when it is compiled.
    """
    from ..model.table import Provider, Selector, Variant, fill
    from ..probes import needs

    data = _unchecked_toml(folder)
    try:
        table = data["tool"]["selector"]
        values = {"project": data["project"]["name"], "version": data["project"].get("version", "")}
        if any("{version}" in str(one) for one in table.get("provider", {}).values()):
            values["version"] = values["version"] or find_version(folder, data)
        alternatives = itertools.chain(*(_listed(one.get("when", [])) for one in table["variant"]))
        when = tuple(
            {fact: tuple(_listed(wanted)) for fact, wanted in one.items()} for one in alternatives
        )
        providers = tuple(
            Provider(name, tuple(fill(text, values) for text in one["requires"]), "", enable_if)
            for name, one in table.get("provider", {}).items()
            for enable_if in [one.get("enable-if")]
        )
        selector = Selector("", "", "", "", (Variant("", when=when),), providers=providers)
        return needs(selector.facts, environ, selector.scope(), stated=False)
    except Exception:  # noqa: BLE001 - whatever it is, compiling says it
        return []


def _unchecked_toml(folder: Path) -> dict[str, Any]:
    from . import toml

    try:
        return toml.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 - whatever it is, compiling says it
        return {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
