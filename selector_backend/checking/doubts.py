"""What a table says that nobody means: values that no machine has, builds for GPUs they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Yield what is to be said of a table."""
    left = {*dropped_gpus()}  # those that no variant so far is sure to be for
    for index, variant in enumerate(selector.variants):
        key = f"tool.selector.variant[{index}]"
        for number, alternative in enumerate(variant.when):
            several = len(variant.when) > 1
            place = f"{key}.when[{number}]" if several else f"{key}.when"
            yield from _of_values(place, alternative, several=several)
            yield from _of_conform(key, variant, alternative)
            yield from _of_gpus(place, variant, alternative, left)
            yield from _of_rocm(place, variant, alternative)
        left.difference_update(*(_fitting(one, left) for one in variant.when if _is_of_gpus(one)))


def _of_values(place: str, alternative: Alternative, *, several: bool) -> Iterator[Doubt]:
    fits = "is this" if several else "gets this variant"
    for fact, wanted in alternative.items():
        for doubt in doubts_of(fact, wanted, f"no machine that is known {fits}"):
            yield doubt._replace(key=f"{place}.{fact}")


def _of_conform(key: str, variant: Variant, alternative: Alternative) -> Iterator[Doubt]:
    """Yield what ``conform`` says that the condition beside it does not."""
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
    place: str, variant: Variant, alternative: Alternative, left: set[tuple[str, str]]
) -> Iterator[Doubt]:
    """Yield that a driver gets a variant for a GPU that the variant's CUDA has dropped."""
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
        cuda, gpu = max(gpus, key=lambda one: release_key(one[1]))
        yield Doubt(
            f"CUDA {built} has no code for GPUs below compute capability {oldest}, and drivers "
            f"with CUDA {cuda} run them up to {gpu}; write {_CAPABILITY} = '>={oldest}'",
            key=place,
        )


def _of_rocm(place: str, variant: Variant, alternative: Alternative) -> Iterator[Doubt]:
    """Yield that a HIP runtime is there without an AMD GPU: distributions install it with MPI."""
    if variant.refuse is None and alternative.get(_ROCM, False) and _GFX not in alternative:
        message = (
            f"{_ROCM} is there without an AMD GPU, too, where something else installed the HIP "
            f"runtime, as Open MPI does on Ubuntu 24.04; if a GPU is needed, add {_GFX} = true"
        )
        yield Doubt(message, certain=False, key=place)


def _fitting(alternative: Alternative, gpus: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those drivers' CUDA and GPUs that the conditions on them hold for."""
    cuda, capability = (alternative.get(name, True) for name in (_CUDA, _CAPABILITY))
    return {
        (driver, gpu)
        for driver, gpu in gpus
        if holds(_CUDA, cuda, driver)[0] and holds(_CAPABILITY, capability, (gpu,))[0]
    }


def _is_of_gpus(alternative: Alternative) -> bool:
    return alternative.keys() <= {_CUDA, _CAPABILITY}
