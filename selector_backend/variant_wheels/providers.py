"""The providers of properties (PEP 850) that installers have built in, and what they tell.

uv takes these four, named like this, and asks no other code. What each tells was found by trying
uv 0.13.9, and in the source of NVIDIA's own provider. No fact of ours is expressed by ``tpu``.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from ..authoring.platforms import version_of, version_text
from ..checking.vocabulary import vocabulary
from ..model.table import Provider
from ..probes.cpu import known_targets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..model.kinds import Value
    from ..model.table import Selector

#: The features of the namespace ``nvidia``, by what they ask.
LOWER, UPPER, GPU = "cuda_version_lower_bound", "cuda_version_upper_bound", "sm_arch"
#: What NVIDIA's provider knows: drivers whose CUDA is between these two, and GPUs from this one on.
FIRST_CUDA, LAST_CUDA, FIRST_GPU = (11, 0), (15, 20), (5, 0)
#: The feature that has the level of a CPU, by namespace.
LEVELS = {"x86_64": "level", "aarch64": "version"}

PROVIDERS = {
    one.namespace: one
    for one in (
        Provider(
            "nvidia",
            ("nvidia-variant-provider",),
            "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
        ),
        Provider("x86_64", ("x86-64-variant-provider",), "x86_64_variant_provider"),
        Provider("aarch64", ("aarch64-variant-provider",), "aarch64_variant_provider"),
        Provider("tpu", ("tpu-variant-provider",), "tpu_variant_provider.plugin:TpuVariantPlugin"),
    )
}


def providers_of(namespaces: Iterable[str], selector: Selector) -> list[Provider]:
    """Return the providers of ``namespaces``; those that the table names win over ours."""
    own = {one.namespace: one for one in selector.providers}
    return [own.get(one) or PROVIDERS[one] for one in namespaces]


def supports(
    facts: Mapping[str, Value | None], prop: tuple[str, str, str], told: Collection[str]
) -> bool:
    """Return whether a property is supported on a machine, by the values of its facts.

    ``told`` are those properties that are known by the fact `property`, and by no other.
    """
    namespace, feature, value = prop
    text = f"{namespace} :: {feature} :: {value}"
    if text in told:
        properties = facts.get("property")
        return isinstance(properties, frozenset) and text in properties
    if namespace == "nvidia":
        return _supports_nvidia(facts, feature, value)
    names = facts.get("cpu")
    if namespace not in LEVELS or not isinstance(names, frozenset) or namespace not in names:
        return False
    if feature == LEVELS[namespace]:
        return any(level_of(one) == (namespace, value) for one in names)
    return value == "on" and feature in names


def _supports_nvidia(facts: Mapping[str, Value | None], feature: str, value: str) -> bool:
    cuda, gpus = facts.get("cuda"), facts.get("compute-capability")
    if not isinstance(cuda, str) or not FIRST_CUDA <= version_of(cuda) <= LAST_CUDA:
        return False
    if feature == LOWER:
        return version_of(value) <= version_of(cuda)
    if feature == UPPER:
        return version_of(cuda) < version_of(value)
    if not isinstance(gpus, tuple):
        return False
    # Of several GPUs the newest counts. It runs what is built for it, and for older ones of its
    # major version.
    major, minor = max(map(version_of, gpus))
    return (major, minor) >= FIRST_GPU and value in {f"{major}{n}_real" for n in range(minor + 1)}


# --- What there may be


@functools.cache
def cuda_versions() -> list[str]:
    """Return the versions of CUDA that drivers may have, up to the last that the provider knows."""
    return [f"{major}.{minor}" for major in range(1, LAST_CUDA[0] + 1) for minor in range(21)]


@functools.cache
def gpu_versions() -> list[str]:
    """Return the compute capabilities that GPUs have, and those that newer ones may have."""
    about = vocabulary()["versions"]["compute-capability"]
    newest = version_of(about["known"][-1])
    majors = range(newest[0], int(about["beyond"]))
    coming = ((major, minor) for major in majors for minor in range(10))
    return [*about["known"], *(version_text(one) for one in coming if one > newest)]


@functools.cache
def level_of(name: str) -> tuple[str, str]:
    """Return namespace and value of the level that archspec calls ``name``; ``""`` if it is none.

    ``x86_64_v3`` is ``v3``, and ``armv8.2a`` is ``8.2a``.
    """
    if found := re.fullmatch(r"x86_64(?:_(v\d))?", name):
        return "x86_64", found[1] or "v1"
    if found := re.fullmatch(r"aarch64|armv(\d\.\d)a", name):
        return "aarch64", f"{found[1] or 8}a"
    return "", ""


def rank_of(level: str) -> list[int]:
    """Return what the levels of a family are ordered by."""
    return [*map(int, re.findall(r"\d+", level))]


@functools.cache
def levels_with(feature: str) -> dict[str, str]:
    """Return the lowest level of each family whose CPUs all have a feature, as archspec names it.

    A family of which only some CPUs have it has an empty name.
    """
    found: dict[str, str] = {}
    for target in known_targets():
        family = target.family.name
        if family in LEVELS and feature in target.features:
            found.setdefault(family, "")
            if level_of(target.name)[0] and not found[family]:
                found[family] = target.name
    return found
