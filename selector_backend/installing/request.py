"""The user's request: config settings, and variables.

Every hook reads the settings, even one that only packs a prepared ``.dist-info``: so other modules
are imported late.
"""

from __future__ import annotations

from ..errors import SelectorError, did_you_mean
from ..model.variables import MACHINE_VARIABLE, PORTABLE_VARIABLE, near_misses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..model.decision import Request
    from ..model.machine import ProfileFile
    from ..model.table import Selector

#: Values of a request besides the variants' names.
AUTO, ALL = "auto", "all"

#: The config settings of this backend.
SETTINGS = ("variant", "machine", "portable")


def read_request(
    selector: Selector,
    settings: Mapping[str, Any] | None,
    environ: Mapping[str, str],
    option: str = "",
) -> Request:
    """Return the request of the config settings or, without one, of the table's variable.

    ``option`` is the name of the command's option that has the settings, if they are not the
    frontend's.

    Raises `SelectorError` for a variant that the table does not have or that refuses, for a list
    where variants exclude each other, and for an unknown setting with the project's name.
    """
    from ..model.decision import Request
    from ..model.markers import normalize

    read_portable(selector.project, settings, environ)  # to report an error in it before the build
    own = own_settings(selector.project, settings)
    notes = near_misses(environ, selector.variable)
    source, asked = own.get("variant", (selector.variable, environ.get(selector.variable, "")))
    source = option or source
    texts = asked if isinstance(asked, list) else [asked]
    names = [name.strip() for text in texts for name in str(text).split(",") if name.strip()]
    keys = [normalize(name) for name in names]
    if {*keys} <= {AUTO}:
        profile = _profile(own, environ)
        files = (profile.path,) if profile else ()
        return Request(profile=profile, notes=notes, anew=bool(keys), files=files)
    return Request(_known(selector, source, dict(zip(keys, names))), source, notes=notes)


def _profile(own: Mapping[str, tuple[str, Any]], environ: Mapping[str, str]) -> ProfileFile | None:
    from ..model.machine import ProfileFile

    if "machine" in own:
        source, path = own["machine"]
        if not isinstance(path, str) or not path:
            raise SelectorError(f"{source} is {path!r}; expected one file, a machine profile")
        return ProfileFile(path, source)
    path = environ.get(MACHINE_VARIABLE)
    return ProfileFile(path, MACHINE_VARIABLE) if path else None


def _known(selector: Selector, source: str, asked: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of the variants asked for, in the table's order."""
    from ..model.table import CAPABILITY

    choices = {variant.key: variant.name for variant in selector.variants if not variant.refuse}
    if not choices:
        raise SelectorError(
            f"{source} asks for {', '.join(asked.values())}, but {selector.project} has no variant "
            "to ask for: each is for machines that it does not support"
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
            problem = f"{name!r}, which is for machines that {selector.project} does not support."
        elif instead := selector.instead_of(key):
            problem = f"{name!r}, which {instead} replaces in this version."
        else:
            hint = did_you_mean(name, choices.values()) or "."
            problem = f"{name!r}, which {selector.project} does not have{hint}"
        names = ", ".join(choices.values())
        alone = _alone(selector, source)
        raise SelectorError(f"{source} asks for {problem} Its variants are {names}{alone}")
    return tuple(key for key in choices if key in asked)


def _alone(selector: Selector, source: str) -> str:
    """Return how to ask this project alone, if ``source`` asks all that are built, else ``""``."""
    if source != "-C variant":
        return ""
    project = selector.project
    return (
        f". {source} goes to every selector package that is built; "
        f"for {project} alone, set {selector.variable}, or write -C {project}:variant=NAME"
    )


def read_portable(
    project: str, settings: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> bool:
    """Return whether a portable wheel is asked for, for other machines.

    Raises `SelectorError` for a value that is neither true nor false.
    """
    variable = f"the environment variable {PORTABLE_VARIABLE}", environ.get(PORTABLE_VARIABLE, "")
    source, text = own_settings(project, settings).get("portable", variable)
    value = str(text).strip().lower()
    if value in ("true", "1", "yes", "on"):
        return True
    if value in ("false", "0", "no", "off", ""):
        return False
    raise SelectorError(f"{source} is {text!r}; expected true or false")


def own_settings(
    project: str, settings: Mapping[str, Any] | None, known: Sequence[str] = SETTINGS
) -> dict[str, tuple[str, Any]]:
    """Return the config settings for ``project`` by key: how each is written, and its value.

    ``spam:variant`` is for spam alone and wins over ``variant``, which is for every selector
    package that is built. Settings of other backends and projects are ignored.

    Raises `SelectorError` for one with this project's name that is not ``known``.
    """
    bare: dict[str, tuple[str, Any]] = {}
    named: dict[str, tuple[str, Any]] = {}
    for written, value in (settings or {}).items():
        name, colon, key = written.partition(":")
        if not colon:
            name, key = "", written
        elif not _is_same(name.strip(), project):
            continue
        elif key not in known:
            hint = did_you_mean(key, known) or f"; expected one of {', '.join(known)}"
            raise SelectorError(f"-C {written} is not a setting of {project}{hint}")
        if key in known and value is not None:
            (named if name else bare)[key] = f"-C {written}", value
    return {**bare, **named}


def _is_same(name: str, project: str) -> bool:
    from ..model.markers import normalize

    return normalize(name) == normalize(project)
