"""Likely mistakes in a table: values that no machine has, GPUs that a CUDA does not support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authoring.structure import variant_key
from ..model.facts import holds
from ..model.markers import is_release, release_key, satisfies
from .vocabulary import Doubt, conforming, doubts_of, dropped_gpus, major_of, oldest_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model.kinds import Wanted
    from ..model.table import Selector, Variant

    Alternative = Mapping[str, Wanted]

_CUDA, _CAPABILITY = "cuda", "compute-capability"
_ROCM, _GFX = "rocm", "gfx"


def find_doubts(selector: Selector) -> Iterator[Doubt]:
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


def _of_values(when_key: str, alternative: Alternative, *, several: bool) -> Iterator[Doubt]:
    fits = "is this" if several else "gets this variant"
    for fact, wanted in alternative.items():
        for doubt in doubts_of(fact, wanted, f"no machine that is known {fits}"):
            yield doubt._replace(key=f"{when_key}.{fact}")


def _of_conform(key: str, variant: Variant, alternative: Alternative) -> Iterator[Doubt]:
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
            yield Doubt(
                f"found {agreed!r}, but the condition {fact} = {wanted!r} is for {first}; give "
                "both the same major version",
                key=f"{key}.conform.{name}",
            )


def _of_gpus(
    when_key: str, variant: Variant, alternative: Alternative, left: set[tuple[str, str]]
) -> Iterator[Doubt]:
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
        yield Doubt(
            f"CUDA {built} has no code for GPUs below compute capability {oldest}, and drivers "
            f"with CUDA {cuda} run them up to {gpu}; write {_CAPABILITY} = '>={oldest}'",
            key=when_key,
        )


def _of_rocm(when_key: str, variant: Variant, alternative: Alternative) -> Iterator[Doubt]:
    """Yield that a HIP runtime does not mean an AMD GPU: distributions install it with MPI."""
    if variant.refuse is None and alternative.get(_ROCM, False) and _GFX not in alternative:
        message = (
            f"{_ROCM} is there without an AMD GPU, too, where something else installed the HIP "
            f"runtime, as Open MPI does on Ubuntu 24.04; if a GPU is needed, add {_GFX} = true"
        )
        yield Doubt(message, certain=False, key=when_key)


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
