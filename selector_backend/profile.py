"""Machine profiles: files that stand in for the machine."""

from __future__ import annotations

import collections
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
    named = f"{file.source} names the machine profile {file.path}"
    path = Path(file.path)
    try:
        content = path.read_bytes()
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
    except ValueError:
        raise SelectorError(
            f"{file.source} is {file.path!r}; expected the path of a machine profile"
        ) from None
    data = parse_profile(content, f"{named}, which", file.path)
    return stand_in(load_machine(data, file.path), names)


def parse_profile(content: bytes, what: str, file: str) -> Any:
    """Return the JSON data of a profile. Raises `SelectorError`, which ``what`` begins.

    A key that is given twice is an `InvalidFileError` on ``file``.
    """
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise SelectorError(f"{what} is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SelectorError(f"{what} is not JSON: {error.msg}, {where}") from None
    except ValueError:
        raise SelectorError(f"{what} has a number of too many digits") from None
    except RecursionError:
        raise SelectorError(f"{what} is nested too deep") from None
    except _TwiceError as error:
        raise InvalidFileError(file, [Problem(str(error), "is given more than once")]) from None


def stand_in(profile: Machine, names: Collection[str]) -> Machine:
    """Return the facts ``names`` of a machine profile as those of the machine that it stands for.

    A fact that it says nothing of is absent; the sources of the others say that it is a profile's.
    """
    facts = {}
    for name in names:
        fact = profile.facts.get(name)
        if fact is None:
            reason = "the machine profile says nothing of it"
            facts[name] = Fact(name, "machine profile", reason=reason)
        elif fact.source == "machine profile":
            facts[name] = fact
        else:
            facts[name] = dataclasses.replace(fact, source=f"machine profile: {fact.source}")
    return Machine(facts)


class _TwiceError(Exception):
    """An object has a key more than once. ``str()`` is the key."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        counts = collections.Counter(key for key, _ in pairs)
        raise _TwiceError(next(key for key, count in counts.items() if count > 1))
    return data
