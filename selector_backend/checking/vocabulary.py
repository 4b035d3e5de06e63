"""The values that facts can have (`vocabulary.toml`), and the likely mistakes in conditions.

A mistake that may be newer than this release is a note.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..authoring import toml
from ..authoring.conditions import versions_beside
from ..authoring.platforms import OF_A_SYSTEM, cpu_names, systems
from ..authoring.structure import variant_key
from ..model.facts import FACTS, holds
from ..model.kinds import EVERY, MARKERS, VERSION, VERSIONS
from ..model.markers import (
    CLAUSE,
    comparisons,
    evaluate,
    is_release,
    normalize_name,
    release_key,
    satisfies,
)
from ..model.problems import NOTE, Problem
from ..model.table import Selector, Variant

if TYPE_CHECKING:
    from ..model.kinds import Wanted

    Alternative = Mapping[str, Wanted]

_doubt = functools.partial(Problem, "")  # whoever asks sets the key
_note = functools.partial(Problem, "", severity=NOTE)

# How similar two names are, by difflib's measure, if one is taken for the other.
_CLOSE = 0.75


@functools.cache
def doubts_of(fact: str, wanted: Wanted, nobody: str = "") -> tuple[Problem, ...]:
    """Return the doubts about a condition; ``nobody`` is the message if no machine fits it."""
    if isinstance(wanted, bool):
        return ()
    if isinstance(wanted, tuple):
        return tuple(_name_doubts(fact, wanted))
    if FACTS[fact].kind is MARKERS:
        return tuple(_marker_doubts(wanted, nobody))
    if FACTS[fact].kind in (VERSION, VERSIONS):
        return tuple(_version_doubts(fact, wanted.removeprefix(EVERY), nobody))
    return ()


@functools.cache
def vocabulary() -> dict[str, Any]:
    """Return what is in `vocabulary.toml`."""
    return toml.loads(Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8"))


# --- CUDA


def oldest_gpu(release: int) -> str:
    """Return the oldest compute capability that a major release of CUDA has code for.

    A newer release than the known ones is taken for the newest of them.
    """
    oldest: Mapping[str, str] = vocabulary()["cuda"]["oldest"]
    known = sorted(map(int, oldest))
    return oldest[str(max([major for major in known if major <= release], default=known[0]))]


def dropped_gpus() -> Iterator[tuple[str, str]]:
    """Yield pairs of a driver's CUDA and a compute capability that it runs but CUDA dropped."""
    for driver in vocabulary()["cuda"]["driver"]:
        for capability in driver["runs"]:
            yield driver["cuda"], capability


def conforming(fact: str) -> str | None:
    """Return the name in ``conform`` for the major version of ``fact``, if there is one."""
    name: str | None = vocabulary()["conform"].get(fact)
    return name


def major_of(specifier: str) -> str | None:
    """Return the major version that a specifier begins with, ``None`` if it begins with none."""
    lower = [
        version
        for operator, version, _ in _clauses(specifier)
        if operator in (">=", ">", "==", "~=")
    ]
    return max(lower, key=release_key).partition(".")[0] if lower else None


# --- Versions


def is_plausible(fact: str, version: str) -> bool:
    """Return whether there may be such a version of a fact."""
    return _is_plausible(vocabulary()["versions"][fact], version)


def _version_doubts(name: str, specifier: str, nobody: str) -> Iterator[Problem]:
    about = vocabulary()["versions"].get(name)
    if about is None:
        return
    known, clauses = about.get("known", ()), _clauses(specifier)
    far = [version for _, version, _ in clauses if not _is_plausible(about, version)]
    fits = any(satisfies(version, specifier) for version in _versions_near(about, specifier))
    hint = _other_version(about, specifier, far) if far else ""
    if not fits:
        span = f"; the versions that are known are {known[0]} to {known[-1]}" if known else ""
        yield _doubt(f"{nobody}{hint or span}")
    elif far:
        holding = ",".join("".join(clause) for clause in clauses if clause[1] in far)
        there = "; write true to ask whether there is one" if name in FACTS else ""
        yield _doubt(f"every {name} that is known is {holding}{hint or there}")
    for operator, version, series in clauses:
        if fits and not far and "." not in version and not series and operator in _ALONE:
            effect, instead = _ALONE[operator]
            instead = instead.format(version, int(version) + 1)
            yield _doubt(
                f"{operator}{version} {effect} {version}.0; write '{instead}' for every {version}, "
                f"or '{operator}{version}.0'"
            )


# What a specifier with a whole number means, and how to write it for the whole series.
_ALONE = {
    "==": ("is only", "=={0}.*"),
    "!=": ("leaves out only", "!={0}.*"),
    "<=": ("ends at", "<{1}"),
}


def _clauses(specifier: str) -> list[tuple[str, str, str]]:
    """Return the clauses of a specifier: operator, release, and ``.*`` if it ends so."""
    clauses = (re.fullmatch(CLAUSE, clause) for clause in specifier.split(","))
    return [(clause[1], clause[2], clause[3] or "") for clause in clauses if clause]


def _is_plausible(about: Mapping[str, Any], version: str) -> bool:
    """Return whether there may be such a version, or newer ones and older ones than it."""
    oldest = about.get("oldest") or about["known"][0]
    return release_key(oldest) <= release_key(version) < release_key(about["beyond"])


def _versions_near(about: Mapping[str, Any], specifier: str) -> Iterator[str]:
    """Yield existing and possible versions that tell the clauses apart."""
    known = about.get("known", ())
    yield from known
    *head, last = release_key(about["beyond"])
    newest = ".".join(map(str, [*head, last - 1, 999999]))
    for version in versions_beside([specifier, about.get("oldest", "0"), newest]):
        is_newer = not known or release_key(version) > release_key(known[-1])
        if is_newer and _is_plausible(about, version):
            yield version


def _other_version(about: Mapping[str, Any], specifier: str, far: Sequence[str]) -> str:
    """Return a hint about impossible versions: a missing dot, or another fact's version."""
    dotted = {version: _with_dot(about, version) for version in far}
    beside = [name for name in about.get("beside", ()) if _are_versions_of(name, far)]
    if beside and not all(text in about.get("known", ()) for text in dotted.values()):
        other = f"{far[0]} is a version of {beside[0]}"
        return f"; {other}, did you mean {beside[0]} = {specifier!r}?"
    if not all(dotted.values()):
        return ""
    clauses = [
        f"{operator}{dotted.get(version, version)}{series}"
        for operator, version, series in _clauses(specifier)
    ]
    return f"; did you mean {','.join(clauses)!r}?"


def _are_versions_of(name: str, versions: Sequence[str]) -> bool:
    about = vocabulary()["versions"][name]
    return all(_is_plausible(about, version) for version in versions)


def _with_dot(about: Mapping[str, Any], version: str) -> str:
    """Return the release that ``version`` is without its dot, as 124 is 12.4; else ``""``."""
    if not version.isdigit():
        return ""
    last = len(version) - 1
    positions = (at for at in range(1, last + 1) if version[at] != "0" or at == last)
    split = [f"{version[:at]}.{version[at:]}" for at in positions]
    plausible = [text for text in split if _is_plausible(about, text)]
    known = [text for text in plausible if text in about.get("known", ())]
    return (known or plausible or [""])[-1]


# --- Names


def _name_doubts(fact: str, wanted: Sequence[str]) -> Iterator[Problem]:
    about = vocabulary()["names"].get(fact)
    if about is None:
        return
    known = [*about["known"], *(sorted(cpu_names()) if about.get("archspec") else ())]
    for name in wanted:
        unknown = _unknown_start if name.endswith("*") else _unknown
        yield from unknown(name, repr(name), known, about)
    if about.get("one") and len(wanted) > 1:
        each = ", ".join(f"{{ {fact} = {name!r} }}" for name in wanted)
        yield _doubt(
            f"asks for all of these in one machine; for any of them, write when = [{each}]"
        )


def _unknown(
    text: str, shown: str, known: Sequence[str], about: Mapping[str, Any]
) -> list[Problem]:
    """Return the doubts about a name, none if it is known."""
    if text in known or any(re.fullmatch(form, text) for form in about.get("usual", ())):
        return []
    if any(re.fullmatch(form, text) for form in about.get("forms", ())):
        return [_note(f"{shown} is newer than what selector-backend knows, or a mistake")]
    nearest = _nearest(text, known, about.get("instead", {}))
    if nearest:
        return [_doubt(f"no machine that is known has {shown}, did you mean {nearest!r}?")]
    if about.get("strict"):
        return [_doubt(f"no machine has {shown}; expected a name such as {known[-1]!r}")]
    return [_note(f"{shown} is not known to selector-backend, and may be a mistake")]


def _unknown_start(
    text: str, shown: str, known: Sequence[str], about: Mapping[str, Any]
) -> list[Problem]:
    """Return the doubts about ``gfx94*``, none if a known name begins so."""
    start = text[:-1]
    if any(name.startswith(start) for name in known):
        return []
    endings = ("", "0", "00", "000")
    may_come = any(re.fullmatch(form, start + end) for form in about["forms"] for end in endings)
    doubt = _doubt if about.get("strict") and not may_come else _note
    return [doubt(f"no name that is known begins as {shown} does")]


def _nearest(text: str, known: Sequence[str], instead: Mapping[str, str]) -> str:
    """Return the known name that ``text`` most likely means, ``""`` if there is none."""
    names = {normalize_name(name): name for name in reversed(known)}
    name = normalize_name(text)
    parts = name.split("_")
    # With the vendor's name before it, as in apple_m1.
    for start in range(len(parts)):
        rest = "_".join(parts[start:])
        if rest in instead or rest in names:
            return instead.get(rest) or names[rest]
    for candidate in known:
        if len(name) > 2 and normalize_name(candidate).startswith(name):
            return candidate
    close = difflib.get_close_matches(name, names, n=1, cutoff=_CLOSE)
    return names[close[0]] if close else ""


# --- Markers


def _marker_doubts(marker: str, nobody: str) -> list[Problem]:
    compared = comparisons(marker)
    doubts = [doubt for comparison in compared for doubt in _comparison_doubts(*comparison)]
    variables = {variable for variable, *_ in compared}
    if doubts or not variables.issubset(OF_A_SYSTEM):
        return doubts
    known = systems()["system"]
    if any(evaluate(marker, values) for system in known for values in _environments(system)):
        return []
    texts = {text for _, _, text, _ in compared}
    there = [
        f"where sys_platform is {system['sys_platform'][0]!r}, platform_machine is "
        f"{' or '.join(map(repr, system['platform_machine'][:3]))}"
        for system in known
        if texts.intersection((*system["sys_platform"], *system["platform_system"]))
    ]
    return [_doubt("; ".join([nobody, *there]))]


def _environments(system: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for values in product(*(system[name] for name in OF_A_SYSTEM)):
        yield dict(zip(OF_A_SYSTEM, values))


def _comparison_doubts(variable: str, operator: str, text: str, turned: bool) -> Iterator[Problem]:
    about = vocabulary()["markers"].get(variable)
    if about is None:
        if "in" not in operator and not turned:
            asked = f"{operator}{text}"
            yield from _version_doubts(variable, asked, f"no {variable} that is known is {asked}")
        return
    values = about.get("known") or _values_of(variable)
    if "in" not in operator:
        yield from _unknown(text, f"{variable} {text!r}", values, about)
    elif turned:
        if not any(text in value for value in values):
            yield from _unknown(text, f"{variable} with {text!r} in it", values, about)
    else:
        for value in filter(None, re.split(r"[\s,;|]+", text)):
            yield from _unknown(value, f"{variable} {value!r}", values, about)


def _values_of(variable: str) -> list[str]:
    return [*dict.fromkeys(value for system in systems()["system"] for value in system[variable])]


# --- Tables

_CUDA, _CAPABILITY = "cuda", "compute-capability"
_ROCM, _GFX = "rocm", "gfx"


def find_doubts(selector: Selector) -> Iterator[Problem]:
    """Yield the likely mistakes in a table, and what may be newer than this release knows."""
    left = {*dropped_gpus()}  # those that may reach the variants below
    for index, variant in enumerate(selector.variants):
        key = variant_key(index)
        for number, alternative in enumerate(variant.when):
            several = len(variant.when) > 1
            when_key = f"{key}.when[{number}]" if several else f"{key}.when"
            yield from _of_values(when_key, alternative, several=several)
            yield from _of_conform(key, variant, alternative)
            yield from _of_gpus(when_key, variant, alternative, left)
            yield from _of_rocm(when_key, variant, alternative)
        for alternative in filter(_is_of_gpus, variant.when):
            left -= _fitting(alternative, left)


def _of_values(when_key: str, alternative: Alternative, *, several: bool) -> Iterator[Problem]:
    fits = "is this" if several else "gets this variant"
    for fact, wanted in alternative.items():
        for doubt in doubts_of(fact, wanted, f"no machine that is known {fits}"):
            yield doubt._replace(key=f"{when_key}.{fact}")


def _of_conform(key: str, variant: Variant, alternative: Alternative) -> Iterator[Problem]:
    """Yield where ``conform`` and the condition name different major versions."""
    for fact, wanted in alternative.items():
        name = conforming(fact)
        agreed = variant.conform.get(name or "", "")
        if not isinstance(wanted, str) or not is_release(agreed):
            continue
        major, first = agreed.partition(".")[0], major_of(wanted)
        if first is None and not any(satisfies(f"{major}.{n}", wanted) for n in (0, 999999)):
            first = "another"
        if first is not None and first != major:
            yield Problem(
                f"{key}.conform.{name}",
                f"found {agreed!r}, but the condition {fact} = {wanted!r} is for {first}; give "
                "both the same major version",
            )


def _of_gpus(
    when_key: str, variant: Variant, alternative: Alternative, left: set[tuple[str, str]]
) -> Iterator[Problem]:
    """Yield that the variant's CUDA does not support a GPU of drivers that get the variant."""
    asked = alternative.get(_CUDA)
    built = variant.conform.get(_CUDA) or (major_of(asked) if isinstance(asked, str) else None)
    if variant.refuse is not None or not asked or not built or not is_release(built):
        return
    oldest = oldest_gpu(int(built.partition(".")[0]))
    gpus = [
        (cuda, gpu)
        for cuda, gpu in _fitting(alternative, left)
        if release_key(gpu) < release_key(oldest)
    ]
    if gpus:
        cuda, gpu = max(gpus, key=lambda pair: release_key(pair[1]))
        yield Problem(
            when_key,
            f"CUDA {built} has no code for GPUs below compute capability {oldest}, and drivers "
            f"with CUDA {cuda} run them up to {gpu}; write {_CAPABILITY} = '>={oldest}'",
        )


def _of_rocm(when_key: str, variant: Variant, alternative: Alternative) -> Iterator[Problem]:
    """Yield that a HIP runtime does not mean an AMD GPU: distributions install it with MPI."""
    if variant.refuse is None and alternative.get(_ROCM, False) and _GFX not in alternative:
        message = (
            f"{_ROCM} is there without an AMD GPU, too, where something else installed the HIP "
            f"runtime, as Open MPI does on Ubuntu 24.04; if a GPU is needed, add {_GFX} = true"
        )
        yield Problem(when_key, message, NOTE)


def _fitting(alternative: Alternative, gpus: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the pairs of a driver's CUDA and a GPU on which the conditions hold."""
    cuda, capability = (alternative.get(name, True) for name in (_CUDA, _CAPABILITY))
    return {
        (driver, gpu)
        for driver, gpu in gpus
        if holds(_CUDA, cuda, driver)[0] and holds(_CAPABILITY, capability, (gpu,))[0]
    }


def _is_of_gpus(alternative: Alternative) -> bool:
    return alternative.keys() <= {_CUDA, _CAPABILITY}
