"""Reading the machine: one module a family of facts, all behind `read_machine`.

A family is a module with a function ``read(names, environ) -> list[Fact]``; which family reads
which fact is in `selector_backend.machine.FACTS`. (`provider` is given the table's providers, too:
they are the maintainer's code.) A probe never raises for what it finds: a fact
that cannot be read is absent, with the reason.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SelectorError
from ..machine import FACTS, Fact, Machine, load_machine, override
from ..profile import read_profile
from .child import describe

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..request import ProfileFile
    from ..selector import Provider

#: How long a family may take, in seconds, and the variable that changes it.
TIMEOUT = 10.0
TIMEOUT_VARIABLE = "SELECTOR_PROBE_TIMEOUT"


def read_machine(
    names: Collection[str],
    environ: Mapping[str, str],
    memory: Path | None = None,
    *,
    providers: Collection[Provider] = (),
    profile: ProfileFile | None = None,
) -> Machine:
    """Return the machine that runs this, with the facts ``names`` and no others.

    ``SELECTOR_<FACT>`` in ``environ`` wins over what could be read, and spares the reading. So
    does a ``profile`` that stands in for the machine. ``providers`` are asked for ``property``.
    ``memory`` is a file that lives as long as the install does, and may not be there yet; what one
    hook reads is left in it for the next.

    Raises `SelectorError` only if a variable, or a profile, is something that it cannot be.
    """
    timeout(environ)
    facts = {name: fact for name in names if (fact := override(name, environ)) is not None}
    if profile is not None:
        facts = {**read_profile(profile, names).facts, **facts}
    facts = {name: complete(fact) for name, fact in facts.items()}
    wanted = [name for name in names if name not in facts]
    known = _recall(memory)
    unknown = [name for name in wanted if name not in known.facts]
    if unknown:
        read = {fact.name: fact for fact in _read(unknown, environ, providers)}
        known = Machine({**known.facts, **read})
        _remember(memory, known)
    facts.update((name, known[name]) for name in wanted)
    return Machine({name: facts[name] for name in names})


def timeout(environ: Mapping[str, str]) -> float:
    """Return how many seconds a family of facts may take.

    Raises `SelectorError` if the variable that sets it does not hold a number above nought.
    """
    text = environ.get(TIMEOUT_VARIABLE) or str(TIMEOUT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds < float("inf"):
        return seconds
    raise SelectorError(
        f"the environment variable {TIMEOUT_VARIABLE} is {text!r}; "
        f"expected a number of seconds, for example {TIMEOUT_VARIABLE}=30"
    )


def needs(
    names: Collection[str], environ: Mapping[str, str], providers: Collection[Provider] = ()
) -> list[str]:
    """Return the requirements that reading the facts ``names`` takes on this system."""
    wanted = [name for name in names if override(name, environ) is None]
    requirements = []
    if "cpu" in wanted:
        from . import cpu

        requirements += cpu.needs()
    if "property" in wanted:
        from . import provider

        requirements += provider.needs(providers)
    return requirements


def _read(
    names: Iterable[str], environ: Mapping[str, str], providers: Collection[Provider]
) -> list[Fact]:
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(FACTS[name].family, []).append(name)
    facts = []
    for family, members in families.items():
        read = importlib.import_module(f"{__name__}.{family}").read
        if family == "provider":
            read = functools.partial(read, providers=providers)
        try:
            facts += read(members, environ)
        except Exception as error:  # noqa: BLE001 - no probe is worth an install that fails
            reason = f"it could not be read: {describe(error)}"
            facts += [Fact(name, FACTS[name].source, reason=reason) for name in members]
    return facts


def complete(fact: Fact) -> Fact:
    """Return a given ``cpu`` with all that its names imply: ``zen3`` has ``avx2``."""
    if fact.name != "cpu" or not isinstance(fact.value, frozenset):
        return fact
    from . import cpu

    return Fact(fact.name, fact.source, value=cpu.implied(fact.value))


def _recall(memory: Path | None) -> Machine:
    if memory is None:
        return Machine()
    try:
        return load_machine(json.loads(memory.read_text(encoding="utf-8")), memory.name)
    except (OSError, ValueError, SelectorError):
        return Machine()


def _remember(memory: Path | None, machine: Machine) -> None:
    """Write the file whole or not at all; a folder that cannot be written to is no error."""
    if memory is None:
        return
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=memory.parent, prefix=f"{memory.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(machine.dump(), file)
        Path(name).replace(memory)
