"""The config settings that are ours: ``-C variant``, ``-C machine`` and ``-C portable``.

All hooks read them, also the one that reads neither the table nor the machine.
"""

from __future__ import annotations

from ..errors import SelectorError, did_you_mean
from ..model.variables import PORTABLE_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

#: The config settings that are ours.
SETTINGS = ("variant", "machine", "portable")


def read_portable(
    project: str, settings: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> bool:
    """Return whether a wheel is asked for that can be carried to other machines.

    Raises `SelectorError` for anything but yes and no.
    """
    variable = f"the environment variable {PORTABLE_VARIABLE}", environ.get(PORTABLE_VARIABLE, "")
    source, text = own_settings(project, settings).get("portable", variable)
    word = str(text).strip().lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off", ""):
        return False
    raise SelectorError(f"{source} is {text!r}; expected true or false")


def own_settings(
    project: str, settings: Mapping[str, Any] | None, known: Sequence[str] = SETTINGS
) -> dict[str, tuple[str, Any]]:
    """Return the config settings that ``project`` is to heed: how each is written, and its value.

    ``spam:variant`` is for spam alone and wins over ``variant``, which is for every selector
    package that is built. What else there is, is other backends' or other projects'.

    Raises `SelectorError` for one that names this project, and is not ``known``.
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
