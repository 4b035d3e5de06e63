"""What a condition asks for, as the properties of a variant wheel (PEP 825).

A property is a namespace, a feature and a value. An installer takes a wheel if each feature of it
has a value that is supported, and asks the namespace's provider (PEP 850) which are. So only what a
provider tells can be asked for, and only as it is told: the versions of CUDA from one on, or below
one, as the driver has them; the kernels that the newest GPU runs; the level of the CPU.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..installing.conditions import release_key, satisfies
from ..installing.facts import FACTS, Kind
from ..installing.table import Provider
from .platforms import InexpressibleError, of_platform, platform_tags
from .vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..installing.conditions import Value, Wanted
    from ..installing.table import Selector

#: A namespace, a feature and a value.
Property = tuple[str, str, str]
Version = tuple[int, int]

#: The providers of the namespaces that our facts are expressed in, as uv has them built in.
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
    )
}

# What NVIDIA's provider knows: drivers whose CUDA is between the first two of these, and GPUs from
# the last one on.
_FIRST_CUDA, _LAST_CUDA, _FIRST_GPU = (11, 0), (15, 20), (5, 0)
_LOWER, _UPPER, _GPU = "cuda_version_lower_bound", "cuda_version_upper_bound", "sm_arch"

# Why a fact is nothing that a provider tells.
_UNTOLD = {
    Kind.DISTRIBUTIONS: "what else is installed is no property of a machine",
    Kind.NAMES: "no provider tells it that an installer knows; name one, and ask its properties",
    Kind.VERSION: "no provider tells it that an installer knows; name one, and ask its properties",
    Kind.VERSIONS: "no provider tells it that an installer knows; name one, and ask its properties",
}


@dataclass(frozen=True)
class Asked:
    """What a variant wheel asks of a machine.

    ``properties`` are the values of each feature, by namespace and feature, one of which is
    enough; ``tags`` are the platform tags, one of which the installer has to support.
    """

    properties: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    tags: Sequence[str] = ("any",)

    def __str__(self) -> str:
        texts = [
            f"{namespace} :: {feature} :: {' or '.join(values)}"
            for (namespace, feature), values in self.properties.items()
        ]
        texts += [] if [*self.tags] == ["any"] else [" or ".join(self.tags)]
        return ", ".join(texts) or "nothing"


def express(alternative: Mapping[str, Wanted], selector: Selector) -> Asked:
    """Return what a wheel has to ask for, to be taken where ``alternative`` holds.

    Raises `InexpressibleError`, with the key and the reason of each condition that nothing says.
    """
    found: dict[tuple[str, str], Sequence[str]] = {}
    problems: list[str] = []
    enabling: list[str] = []
    for fact, wanted in alternative.items():
        if of_platform(fact):
            continue
        try:
            if FACTS[fact].kind is Kind.PROPERTIES:
                more = _of_property(wanted)
                enabling += _enabling(more, selector)
            else:
                more = _expressed(fact, wanted, alternative, selector)
            problems += [
                f"{fact}: the feature {namespace} :: {feature} is asked for twice"
                for namespace, feature in found.keys() & more.keys()
            ]
            found.update(more)
        except InexpressibleError as error:
            problems.append(f"{fact}: {error}")
    tags: Sequence[str] = ()
    try:
        tags = platform_tags(alternative, enabling)
    except InexpressibleError as error:
        keys = " and ".join(filter(of_platform, alternative)) or "enable-if"
        problems.append(f"{keys}: {error}")
    if problems:
        raise InexpressibleError("; ".join(problems))
    return Asked(found, tags)


def _expressed(
    fact: str, wanted: Wanted, alternative: Mapping[str, Wanted], selector: Selector
) -> dict[tuple[str, str], Sequence[str]]:
    if wanted is False:
        raise InexpressibleError("a property says what is there, and not what is absent")
    if fact == "cuda":
        return _of_cuda(wanted)
    if fact == "compute-capability":
        return {("nvidia", _GPU): [*_of_gpus(wanted, _runs_old_gpus(alternative))]}
    if fact == "cpu":
        return _of_cpu(wanted, selector)
    raise InexpressibleError(_UNTOLD[FACTS[fact].kind])


# --- NVIDIA


def _of_cuda(wanted: Wanted) -> dict[tuple[str, str], Sequence[str]]:
    """Return the bounds of the versions that are in a specifier."""
    first, end = _bounds([_version(one) for one in cuda_versions()], wanted)
    if first < _FIRST_CUDA:
        raise InexpressibleError(
            f"its provider tells CUDA {_text(_FIRST_CUDA)} and newer; begin there, with "
            f"'>={_text(_FIRST_CUDA)}'"
        )
    found: dict[tuple[str, str], Sequence[str]] = {("nvidia", _LOWER): [_text(first)]}
    if end is not None:
        found["nvidia", _UPPER] = [_text(end)]
    return found


def cuda_versions() -> Iterator[str]:
    """Yield the versions of CUDA that drivers may have, up to the last that the provider knows."""
    last_major, last_minor = _LAST_CUDA
    for major in range(1, last_major + 1):
        yield from (f"{major}.{minor}" for minor in range(last_minor + 1))


def _bounds(grid: list[Version], wanted: Wanted) -> tuple[Version, Version | None]:
    """Return the first version that is as wanted, and the first after those, if there is one."""
    held = [_is_in(_text(one), wanted) for one in grid]
    if not any(held):
        raise InexpressibleError("no driver is such a one")
    first = held.index(True)
    count = sum(held)
    if not all(held[first : first + count]):
        raise InexpressibleError("a bound below and one above say it only of versions in a row")
    end = first + count
    return grid[first], grid[end] if end < len(grid) else None


def _runs_old_gpus(alternative: Mapping[str, Wanted]) -> bool:
    """Return whether a driver of what is asked for may run GPUs that the provider leaves out.

    CUDA 12 has no code for them, and its drivers do not run them.
    """
    wanted = alternative.get("cuda", True)
    return any(_is_in(one, wanted) for one in cuda_versions() if _version(one) < (12, 0))


def _of_gpus(wanted: Wanted, with_old: bool) -> Iterator[str]:
    """Yield the values of ``sm_arch`` that stand for the GPUs whose version is in a specifier.

    A GPU of 8.6 supports ``80_real`` to ``86_real``, and no others: what is built for a compute
    capability runs on that one, and on newer ones of the same major version. So does a GPU that is
    yet to come.
    """
    majors: dict[int, list[str]] = {}
    for version in gpu_versions():
        majors.setdefault(_version(version)[0], []).append(version)
    for major, versions in majors.items():
        held = [_is_in(one, wanted) for one in versions]
        if not any(held):
            continue
        if major < _FIRST_GPU[0]:
            if with_old:
                raise InexpressibleError(
                    f"its provider knows no GPU below {_text(_FIRST_GPU)}; ask for "
                    f"'>={_text(_FIRST_GPU)}' too"
                )
            continue
        first = held.index(True)
        if not all(held[first:]):
            newer = versions[first:][held[first:].index(False)]
            raise InexpressibleError(
                f"a GPU of {newer} takes what is for {versions[first]}, too; ask for all from one "
                "on, up to a next major version"
            )
        yield f"{versions[first].replace('.', '')}_real"


def gpu_versions() -> list[str]:
    """Return the compute capabilities that GPUs have, and those that newer ones may have."""
    about = vocabulary()["versions"]["compute-capability"]
    known = [*about["known"]]
    newest = _version(known[-1])
    coming = [(one, minor) for one in range(newest[0], int(about["beyond"])) for minor in range(10)]
    return [*known, *(_text(one) for one in coming if one > newest)]


# --- CPUs


def _of_cpu(wanted: Wanted, selector: Selector) -> dict[tuple[str, str], Sequence[str]]:
    """Return the level of x86-64, or the version of AArch64, that a CPU has with some names.

    A single feature is a property where the table names the provider that tells it.
    """
    if not isinstance(wanted, tuple):
        raise InexpressibleError("a property says which CPU, and not that there is one")
    own = {one.namespace for one in selector.providers}
    levels: dict[str, list[str]] = {}
    found: dict[tuple[str, str], Sequence[str]] = {}
    for name in wanted:
        namespace, value = _level(name)
        families = own.intersection(_families(name))
        if namespace:
            levels.setdefault(namespace, []).append(value)
        elif len(families) == 1:
            found[families.pop(), name] = ["on"]
        else:
            raise InexpressibleError(
                f"{name} is no level of x86-64 (x86_64_v2 to x86_64_v4), and no version of AArch64 "
                "(aarch64, armv8.2a), which is all that their providers tell"
            )
    if len({*levels, *(namespace for namespace, _ in found)}) > 1:
        raise InexpressibleError("no CPU is of two families")
    for namespace, values in levels.items():
        feature = "level" if namespace == "x86_64" else "version"
        found[namespace, feature] = [max(values, key=_rank)]
    return found


def _level(name: str) -> tuple[str, str]:
    """Return the namespace and the value of a level; ``""`` for both if ``name`` is none."""
    if match := re.fullmatch(r"x86_64(?:_(v[2-9]))?", name):
        return "x86_64", match[1] or "v1"
    if match := re.fullmatch(r"aarch64|armv(8|9)\.(\d)a", name):
        return "aarch64", "8a" if not match[1] else f"{match[1]}.{match[2]}a"
    return "", ""


def _rank(value: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", value)]


def _families(feature: str) -> set[str]:
    """Return the families of CPUs that have a feature and a provider, as archspec knows them."""
    from archspec.cpu import TARGETS

    return {one.family.name for one in TARGETS.values() if feature in one.features}


# --- Properties of the table's own providers


def _of_property(wanted: Wanted) -> dict[tuple[str, str], Sequence[str]]:
    found: dict[tuple[str, str], Sequence[str]] = {}
    for one in wanted if isinstance(wanted, tuple) else ():
        namespace, feature, value = one.split(" :: ")
        if found.setdefault((namespace, feature), [value]) != [value]:
            raise InexpressibleError(
                f"of two values of {namespace} :: {feature}, a wheel takes either, and this asks "
                "for both"
            )
    return found


def _enabling(found: Mapping[tuple[str, str], object], selector: Selector) -> Iterator[str]:
    """Yield the markers without which the providers of properties are not asked."""
    named = {namespace for namespace, _ in found}
    for provider in selector.providers:
        if provider.namespace in named and provider.enable_if is not None:
            yield provider.enable_if


# --- What is supported


def supports(facts: Mapping[str, Value | None], one: Property) -> bool:
    """Return whether a machine of these facts supports a property, as its provider tells."""
    namespace, feature, value = one
    told = facts.get("property")
    if isinstance(told, frozenset) and " :: ".join(one) in told:
        return True
    tell: Callable[[Mapping[str, Value | None], str, str], bool] | None = _TELLING.get(namespace)
    return tell is not None and tell(facts, feature, value)


def _nvidia(facts: Mapping[str, Value | None], feature: str, value: str) -> bool:
    cuda = facts.get("cuda")
    if not isinstance(cuda, str) or not _FIRST_CUDA <= _version(cuda) <= _LAST_CUDA:
        return False
    if feature == _LOWER:
        return _version(value) <= _version(cuda)
    if feature == _UPPER:
        return _version(cuda) < _version(value)
    gpus = facts.get("compute-capability")
    if not isinstance(gpus, tuple):
        return False
    # Of several GPUs, the newest counts.
    major, minor = max(map(_version, gpus))
    return (major, minor) >= _FIRST_GPU and any(
        value == f"{major}{one}_real" for one in range(minor + 1)
    )


def _cpu(namespace: str) -> Callable[[Mapping[str, Value | None], str, str], bool]:
    def tell(facts: Mapping[str, Value | None], feature: str, value: str) -> bool:
        names = facts.get("cpu")
        if not isinstance(names, frozenset) or namespace not in names:
            return False
        if feature in ("level", "version"):
            return any(_level(one) == (namespace, value) for one in names)
        return feature in names

    return tell


_TELLING = {"nvidia": _nvidia, "x86_64": _cpu("x86_64"), "aarch64": _cpu("aarch64")}


def _is_in(version: str, wanted: Wanted) -> bool:
    return wanted is True or satisfies(version, str(wanted))


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def _version(text: str) -> Version:
    major, minor, *_ = [*release_key(text), 0]
    return major, minor


def namespaces(selector: Selector, asked: Sequence[Asked]) -> list[Provider]:
    """Return the providers of all that is asked for; the table's own win over those known here."""
    own = {one.namespace: one for one in selector.providers}
    named = dict.fromkeys(namespace for one in asked for namespace, _ in one.properties)
    return [own.get(one) or PROVIDERS[one] for one in named]
