"""Expresses conditions as the properties of a variant wheel (PEP 825).

A property is a namespace, a feature and a value. An installer takes a wheel if the machine supports
a value of each of its features. So wheels can only ask for what a provider tells: a lower or upper
bound of a driver's CUDA, what the newest GPU runs, a CPU's level.

uv has four providers, under these names, and runs no other code. What each supports was found by
trying uv 0.13.9, and in the source of NVIDIA's provider. ``tpu`` expresses no fact of ours.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..authoring.platforms import (
    ANY,
    InexpressibleError,
    cpu_names,
    of_platform,
    platform_tags,
    version_of,
    version_text,
)
from ..checking.vocabulary import vocabulary
from ..model.facts import FACTS
from ..model.kinds import DISTRIBUTIONS, EVERY, FEATURES, LIBRARIES, PROPERTIES, Kind
from ..model.markers import satisfies
from ..model.table import Provider, Selector
from ..probes.cpu import known_targets

if TYPE_CHECKING:
    from ..model.kinds import Value, Wanted

    #: By namespace and feature, the values, one of which has to be supported.
    Properties = dict[tuple[str, str], Sequence[str]]


_UNTOLD = (
    "no provider that installers know tells it; name one in tool.selector.provider, and ask for "
    "its properties"
)
_REASONS: Mapping[Kind, str] = {
    LIBRARIES: "no provider tells which libraries the loader finds",
    FEATURES: "a wheel's ABI tag says it, such as cp313t, and no property",
    DISTRIBUTIONS: "what else is installed is no property of a machine",
}
_BEGIN_ALIKE = "a property has one value, and not all that begin alike"


@dataclass(frozen=True)
class Asked:
    """What a variant wheel asks of a machine.

    Of each feature in ``properties`` (by namespace and feature), one value has to be supported, and
    of ``tags``, the platform tags, one.
    """

    properties: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    tags: Sequence[str] = (ANY,)

    def __str__(self) -> str:
        texts = [
            f"{namespace} :: {feature} :: {' or '.join(values)}"
            for (namespace, feature), values in self.properties.items()
        ]
        texts += [] if [*self.tags] == [ANY] else [" or ".join(self.tags)]
        return ", ".join(texts) or "nothing"

    def with_tags(self, tags: Sequence[str]) -> Asked:
        """Return the same with more platform tags."""
        every = dict.fromkeys((*self.tags, *tags))
        return Asked(self.properties, [ANY] if ANY in every else [*every])


def express(alternative: Mapping[str, Wanted], selector: Selector) -> Asked:
    """Return what a wheel has to ask for, to be taken exactly where ``alternative`` holds.

    Raises `InexpressibleError` with a reason for each condition that no property expresses.
    """
    properties: Properties = {}
    problems: list[str] = []
    told: set[str] = set()
    for fact, wanted in alternative.items():
        if of_platform(fact):
            continue
        try:
            more = _expressed(fact, wanted, alternative, selector)
        except InexpressibleError as error:
            problems.append(f"{fact}: {error}")
            continue
        if not properties.keys().isdisjoint(more):
            problems.append(f"{fact}: another condition asks for the same feature")
        properties.update(more)
        if FACTS[fact].kind is PROPERTIES:
            told.update(namespace for namespace, _ in more)
    # Providers are only asked where their markers are true.
    markers = [provider.enable_if for provider in selector.providers if provider.namespace in told]
    tags: Sequence[str] = ()
    try:
        families = {namespace for namespace, _ in properties} & LEVELS.keys()
        tags = platform_tags(alternative, filter(None, markers), families)
    except InexpressibleError as error:
        keys = " and ".join(filter(of_platform, alternative)) or "enable-if"
        problems.append(f"{keys}: {error}")
    if problems:
        raise InexpressibleError("; ".join(problems))
    return Asked(properties, tags)


def _expressed(
    fact: str, wanted: Wanted, alternative: Mapping[str, Wanted], selector: Selector
) -> Properties:
    kind = FACTS[fact].kind
    if wanted is False:
        raise InexpressibleError("a property says what is there, and not what is absent")
    if isinstance(wanted, str) and wanted.startswith(EVERY):
        raise InexpressibleError("one GPU with a property is enough, and this asks it of each")
    if fact == "cuda":
        return _of_cuda(wanted)
    if fact == "compute-capability":
        return _of_gpus(wanted, alternative.get("cuda"))
    if fact == "cpu":
        return _of_cpu(wanted, selector)
    if isinstance(wanted, tuple) and any(name.endswith("*") for name in wanted):
        raise InexpressibleError(_BEGIN_ALIKE)
    if kind is PROPERTIES:
        return _of_property(wanted)
    raise InexpressibleError(_REASONS.get(kind, _UNTOLD))


# --- NVIDIA


def _of_cuda(wanted: Wanted) -> Properties:
    """Return the bounds of the versions that a specifier admits."""
    versions = cuda_versions()
    held = [_is_in(version, wanted) for version in versions]
    if not any(held):
        raise InexpressibleError("no driver has such a version")
    first = held.index(True)
    end = first + sum(held)
    if not all(held[first:end]):
        raise InexpressibleError("two bounds say it of versions in a row, and of no others")
    if version_of(versions[first]) < FIRST_CUDA:
        oldest = version_text(FIRST_CUDA)
        raise InexpressibleError(
            f"its provider tells CUDA {oldest} and newer; ask for '>={oldest}', too"
        )
    properties: Properties = {("nvidia", LOWER): [versions[first]]}
    if end < len(versions):
        properties["nvidia", UPPER] = [versions[end]]
    return properties


def _of_gpus(wanted: Wanted, cuda: Wanted | None) -> Properties:
    """Return the values of ``sm_arch`` for the GPUs whose versions a specifier admits.

    A GPU of 8.6 supports ``80_real`` to ``86_real``, and nothing of another major version. ``cuda``
    is the condition on the driver.
    """
    if cuda is None:
        oldest = version_text(FIRST_CUDA)
        raise InexpressibleError(
            f"its provider tells nothing of a GPU whose driver's CUDA is below {oldest}; ask "
            f"for cuda = '>={oldest}', too"
        )
    # Newer drivers do not run GPUs that the provider leaves out.
    old = [version for version in cuda_versions() if version_of(version) < (12, 0)]
    with_old = any(_is_in(version, cuda) for version in old)
    majors: dict[int, list[str]] = {}
    for version in gpu_versions():
        majors.setdefault(version_of(version)[0], []).append(version)
    values = []
    for major, versions in majors.items():
        held = [_is_in(version, wanted) for version in versions]
        if not any(held):
            continue
        if major < FIRST_GPU[0]:
            if with_old:
                oldest = version_text(FIRST_GPU)
                raise InexpressibleError(
                    f"its provider knows no GPU below {oldest}; ask for '>={oldest}', too"
                )
            continue
        first = held.index(True)
        if not all(held[first:]):
            newer = versions[first:][held[first:].index(False)]
            raise InexpressibleError(
                f"a GPU of {newer} runs what is for {versions[first]}, and is not asked for; end "
                "at a major version"
            )
        values.append(f"{versions[first].replace('.', '')}_real")
    return {("nvidia", GPU): values}


def _is_in(version: str, wanted: Wanted) -> bool:
    return wanted if isinstance(wanted, bool) else satisfies(version, str(wanted))


# --- CPUs


def _of_cpu(wanted: Wanted, selector: Selector) -> Properties:
    """Return the level that CPUs with all ``wanted`` names have.

    A feature is a property of its own if the table names the provider that tells it.
    """
    if not isinstance(wanted, tuple):
        raise InexpressibleError("a property says which CPU, and not that there is one")
    own = {provider.namespace for provider in selector.providers}
    levels: dict[str, set[str]] = {}
    properties: Properties = {}
    for name in wanted:
        family, value = _level_of_any(name[:-1]) if name.endswith("*") else level_of(name)
        families = own.intersection(levels_with(name))
        if family:
            levels.setdefault(family, set()).add(value)
        elif len(families) == 1:
            properties[families.pop(), name] = ["on"]
        else:
            raise InexpressibleError(f"providers tell the level of a CPU; {_advice(name)}")
    for family, values in levels.items():
        properties[family, LEVELS[family]] = [max(values, key=rank_of)]
    if len({family for family, _ in properties}) > 1:
        raise InexpressibleError("no CPU is of two families")
    return properties


def _level_of_any(start: str) -> tuple[str, str]:
    """Return the lowest level whose name begins with ``start``. Raises `InexpressibleError`."""
    levels = {level_of(name) for name in cpu_names() if name.startswith(start)} - {("", "")}
    if len({family for family, _ in levels}) != 1:
        raise InexpressibleError(_BEGIN_ALIKE)
    return min(levels, key=lambda level: rank_of(level[1]))


def _advice(name: str) -> str:
    levels = sorted(filter(None, levels_with(name).values()))
    if levels:
        return f"{name} is in every CPU of {' and of '.join(levels)}; ask for that"
    return f"{name} is none"


# --- Properties of the table's own providers


def _of_property(wanted: Wanted) -> Properties:
    properties: Properties = {}
    for text in wanted if isinstance(wanted, tuple) else ():
        namespace, feature, value = text.split(" :: ")
        if properties.setdefault((namespace, feature), [value]) != [value]:
            raise InexpressibleError(
                f"of two values of {namespace} :: {feature} a wheel takes either, and this asks "
                "for both"
            )
    return properties


# --- Providers

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
