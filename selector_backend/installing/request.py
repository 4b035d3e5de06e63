"""What the person who installs asked for."""

from __future__ import annotations

from ..errors import SelectorError, did_you_mean
from ..model.decision import Request
from ..model.machine import ProfileFile
from ..model.markers import normalize
from ..model.table import CAPABILITY
from ..model.variables import MACHINE_VARIABLE, near_misses
from .settings import own_settings, read_portable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model.table import Selector

#: What a request may say in place of a variant's name.
AUTO, ALL = "auto", "all"


def read_request(
    selector: Selector, settings: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> Request:
    """Return what the config settings or, where they are silent, the table's variable ask for.

    Raises `SelectorError` for a variant that the table does not have or that cannot be had, for a
    list where variants exclude each other, and for a setting that names the project and is none.
    """
    read_portable(selector.project, settings, environ)  # a mistake in it is found before the build
    own = own_settings(selector.project, settings)
    notes = near_misses(environ, selector.variable)
    source, asked = own.get("variant", (selector.variable, environ.get(selector.variable, "")))
    texts = asked if isinstance(asked, list) else [asked]
    names = [name.strip() for text in texts for name in str(text).split(",") if name.strip()]
    keys = [normalize(name) for name in names]
    if {*keys} <= {AUTO}:
        return Request(profile=_profile(own, environ), notes=notes)
    return Request(_known(selector, source, dict(zip(keys, names))), source, notes=notes)


def _profile(own: Mapping[str, tuple[str, Any]], environ: Mapping[str, str]) -> ProfileFile | None:
    if "machine" in own:
        source, path = own["machine"]
        if not isinstance(path, str) or not path:
            raise SelectorError(f"{source} is {path!r}; expected one file, a machine profile")
        return ProfileFile(path, source)
    path = environ.get(MACHINE_VARIABLE)
    return ProfileFile(path, MACHINE_VARIABLE) if path else None


def _known(selector: Selector, source: str, asked: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variants asked for, in the table's order."""
    choices = {variant.key: variant.name for variant in selector.variants if not variant.refuse}
    if not choices:
        raise SelectorError(
            f"{source} asks for {', '.join(asked.values())}, but {selector.project} has no variant "
            "to ask for: each stands for machines that it does not run on"
        )
    if selector.kind != CAPABILITY and (len(asked) > 1 or ALL in asked):
        raise SelectorError(
            f"{source} asks for {', '.join(asked.values())}, but the variants of "
            f"{selector.project} exclude each other: name one of {', '.join(choices.values())}"
            f"{_alone(selector, source)}"
        )
    if [*asked] == [ALL]:
        return tuple(choices)
    for key, name in asked.items():
        if key in choices:
            continue
        if key in (AUTO, ALL):
            problem = f"{name!r} together with names of variants."
        elif key in (variant.key for variant in selector.variants):
            problem = (
                f"{name!r}, which stands for machines that {selector.project} does not run on."
            )
        else:
            hint = did_you_mean(name, choices.values()) or "."
            problem = f"{name!r}, which {selector.project} does not have{hint}"
        names = ", ".join(choices.values())
        alone = _alone(selector, source)
        raise SelectorError(f"{source} asks for {problem} Its variants are {names}{alone}")
    return tuple(key for key in choices if key in asked)


def _alone(selector: Selector, source: str) -> str:
    """Return how to ask this project alone, where ``source`` asks all that are built."""
    if source != "-C variant":
        return ""
    project = selector.project
    return (
        f". {source} goes to every selector package that is built; "
        f"for {project} alone: {selector.variable}=NAME, or -C {project}:variant=NAME"
    )
