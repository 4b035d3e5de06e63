"""The providers of properties (PEP 850) that are built into installers, and what they support.

uv has these four, under these names, and runs no other code. What each supports was found by trying
uv 0.13.9, and in the source of NVIDIA's provider. ``tpu`` expresses no fact of ours.
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

#: The features of the namespace ``nvidia``.
LOWER, UPPER, GPU = "cuda_version_lower_bound", "cuda_version_upper_bound", "sm_arch"
#: What NVIDIA's provider knows: drivers with CUDA from the first to the last, and the oldest GPU.
FIRST_CUDA, LAST_CUDA, FIRST_GPU = (11, 0), (15, 20), (5, 0)
#: The feature with the level of a CPU, by namespace.
LEVELS = {"x86_64": "level", "aarch64": "version"}

PROVIDERS = {
    provider.namespace: provider
    for provider in (
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
    """Return the providers of ``namespaces``; the table's own take precedence."""
    own = {provider.namespace: provider for provider in selector.providers}
    return [own.get(namespace) or PROVIDERS[namespace] for namespace in namespaces]


def supports(
    facts: Mapping[str, Value | None], prop: tuple[str, str, str], told: Collection[str]
) -> bool:
    """Return whether a machine with these facts supports a property.

    For those in ``told``, only the fact `property` decides.
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
        return any(level_of(name) == (namespace, value) for name in names)
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
    # Only the newest GPU counts. It runs code for itself, and for older ones of its major version.
    major, minor = max(map(version_of, gpus))
    return (major, minor) >= FIRST_GPU and value in {f"{major}{n}_real" for n in range(minor + 1)}


# --- Possible values


@functools.cache
def cuda_versions() -> list[str]:
    """Return the versions of CUDA of drivers, up to the last that the provider knows."""
    return [f"{major}.{minor}" for major in range(1, LAST_CUDA[0] + 1) for minor in range(21)]


@functools.cache
def gpu_versions() -> list[str]:
    """Return the compute capabilities of known GPUs, and possible ones of newer GPUs."""
    about = vocabulary()["versions"]["compute-capability"]
    newest = version_of(about["known"][-1])
    majors = range(newest[0], int(about["beyond"]))
    coming = ((major, minor) for major in majors for minor in range(10))
    return [*about["known"], *(version_text(version) for version in coming if version > newest)]


@functools.cache
def level_of(name: str) -> tuple[str, str]:
    """Return namespace and value of the level that archspec calls ``name``, or two ``""``.

    ``x86_64_v3`` is ``v3``, and ``armv8.2a`` is ``8.2a``.
    """
    if match := re.fullmatch(r"x86_64(?:_(v\d))?", name):
        return "x86_64", match[1] or "v1"
    if match := re.fullmatch(r"aarch64|armv(\d\.\d)a", name):
        return "aarch64", f"{match[1] or 8}a"
    return "", ""


def rank_of(level: str) -> list[int]:
    """Return the sort key of a level within its family."""
    return [*map(int, re.findall(r"\d+", level))]


@functools.cache
def levels_with(feature: str) -> dict[str, str]:
    """Return, by family, the lowest level whose CPUs all have a feature, as archspec names it.

    It is ``""`` for a family in which no level implies the feature.
    """
    levels: dict[str, str] = {}
    for target in known_targets():
        family = target.family.name
        if family in LEVELS and feature in target.features:
            levels.setdefault(family, "")
            if level_of(target.name)[0] and not levels[family]:
                levels[family] = target.name
    return levels
