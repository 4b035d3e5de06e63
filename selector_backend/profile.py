"""Machine profiles: files that stand in for the machine."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InvalidFileError, Problem, SelectorError
from .machine import Fact, Machine, load_machine

if TYPE_CHECKING:
    from collections.abc import Collection

    from .request import ProfileFile


def read_profile(file: ProfileFile, names: Collection[str]) -> Machine:
    """Return the machine that a profile describes, with the facts ``names`` and no others.

    A fact that the profile says nothing of is absent. Raises `SelectorError` if the file cannot be
    read, or is not a profile.
    """
    machine = load_machine(_load(file), file.path)
    facts = {}
    for name in names:
        fact = machine.facts.get(name)
        if fact is None:
            reason = "the machine profile says nothing of it"
            facts[name] = Fact(name, "machine profile", reason=reason)
        elif fact.source == "machine profile":
            facts[name] = fact
        else:
            facts[name] = dataclasses.replace(fact, source=f"machine profile: {fact.source}")
    return Machine(facts)


def _load(file: ProfileFile) -> Any:
    path = Path(file.path)
    named = f"{file.source} names the machine profile {file.path}"
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    except FileNotFoundError:
        hint = ""
        if not path.is_absolute():
            hint = (
                "; a relative path starts at the folder of the package's source, which is not "
                "where the installer was started: give the whole path"
            )
        raise SelectorError(f"{named}, which does not exist{hint}") from None
    except OSError as error:
        raise SelectorError(f"{named}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SelectorError(f"{named}, which is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise SelectorError(
            f"{named}, which is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"
        ) from None
    except _TwiceError as error:
        problem = Problem(str(error), "is given more than once")
        raise InvalidFileError(file.path, [problem]) from None


class _TwiceError(Exception):
    """An object has a key more than once. ``str()`` is the key."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return data
