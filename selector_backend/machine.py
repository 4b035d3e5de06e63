"""What is known of a machine: facts, the values they take, and how they are written down.

Nothing here looks at the machine that runs it; that is what `selector_backend.probes` is for.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from packaging.version import InvalidVersion, Version

from .errors import InvalidFileError, Problem, SelectorError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a fact can be: a version, several (one for each GPU), a set of names, or the environment
#: that markers are evaluated in.
Value = Union[Version, "tuple[Version, ...]", "frozenset[str]", "Mapping[str, str]"]

#: The marker variables of the dependency specifiers specification that say something of a machine.
MARKER_VARIABLES = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)

#: The format number of machine profiles, and of the facts in a record.
FORMAT = 1

# No version is as long, and Python refuses numbers of more than 4,300 digits.
_LONGEST_VERSION = 200

# PEP 817's form of a property, where the parts may be set apart as one likes.
_PROPERTY = re.compile(r"\s*([a-z0-9_]+)\s*::\s*([a-z0-9_]+)\s*::\s*([a-z0-9_.]+)\s*", re.ASCII)


class Kind(enum.Enum):
    """The kinds of value a fact has. The kind settles what a condition on it looks like."""

    VERSION = "a version"
    VERSIONS = "versions, one for each device"
    NAMES = "names"
    PROPERTIES = "properties of wheel variants"
    ENVIRONMENT = "marker variables"

    def parse(self, text: str) -> Value:
        """Return the value that ``text`` stands for; lists are separated by commas.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        if self is Kind.VERSION:
            return _version(text)
        items = [item.strip() for item in text.split(",") if item.strip()]
        if self is Kind.ENVIRONMENT:
            pairs = [item.partition("=") for item in items]
            if not all(equals for _, equals, _ in pairs):
                raise ValueError(f"{text!r} is no list of pairs such as sys_platform=linux")
            if not pairs:
                raise ValueError("expected at least one pair such as sys_platform=linux")
            return _environment({name.strip(): value.strip() for name, _, value in pairs})
        return self._from_items(items)

    def load(self, data: object) -> Value:
        """Return the value that the JSON ``data`` stands for.

        Raises ``ValueError`` with a sentence that says what was expected.
        """
        if self is Kind.ENVIRONMENT:
            if isinstance(data, dict) and all(isinstance(value, str) for value in data.values()):
                return _environment(data)
            raise ValueError("expected an object of strings, one for each marker variable")
        if self is Kind.VERSION:
            if isinstance(data, str):
                return _version(data)
            raise ValueError('expected a version as a string, such as "12.4"')
        items = [data] if isinstance(data, str) else data
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return self._from_items(items)
        raise ValueError("expected a list of strings")

    def _from_items(self, items: list[str]) -> Value:
        if not items:
            raise ValueError("expected at least one")
        if self is Kind.VERSIONS:
            return tuple(sorted(_version(item) for item in items))
        if self is Kind.PROPERTIES:
            return frozenset(map(normalize_property, items))
        for item in items:
            if not is_fact_name(item):
                raise ValueError(f"{item!r} is not a name" if item else "a name is empty")
        return frozenset(normalize_name(item) for item in items)

    def dump(self, value: Value) -> Any:
        """Return ``value`` as JSON data: the inverse of `load`."""
        if isinstance(value, Version):
            return str(value)
        if isinstance(value, tuple):
            return [str(version) for version in value]
        return sorted(value) if isinstance(value, frozenset) else dict(value)


@dataclass(frozen=True)
class FactType:
    """What is known of a fact before any machine is looked at.

    ``family`` is the module of `selector_backend.probes` that reads it; ``meaning`` and ``source``
    are for the documentation, and ``example`` for messages.
    """

    name: str
    kind: Kind
    family: str
    meaning: str
    source: str
    example: str

    @property
    def variable(self) -> str:
        """The environment variable that sets the fact: ``SELECTOR_COMPUTE_CAPABILITY``."""
        return "SELECTOR_" + self.name.upper().replace("-", "_")


#: Every fact, in the order of the documentation. A new fact is a line here and, unless a family
#: that exists already reads it, a file in `selector_backend.probes`.
FACTS: Mapping[str, FactType] = {
    fact.name: fact
    for fact in (
        FactType(
            "cuda",
            Kind.VERSION,
            "nvidia",
            "the newest CUDA that the NVIDIA driver can run; absent where no GPU is visible",
            "NVML; the CUDA driver library where NVML is missing or fails",
            "12.4",
        ),
        FactType(
            "nvidia-driver",
            Kind.VERSION,
            "nvidia",
            "the NVIDIA driver's version",
            "NVML",
            "550.54.14",
        ),
        FactType(
            "compute-capability",
            Kind.VERSIONS,
            "nvidia",
            "the compute capability of each visible NVIDIA GPU; one that suits is enough",
            "NVML; the CUDA driver library where NVML is missing or fails",
            "8.6",
        ),
        FactType(
            "cuda-toolkit",
            Kind.VERSION,
            "cuda_toolkit",
            "the version of the CUDA toolkit that programs find here: NVRTC's, or the runtime's",
            "those libraries, found by the dynamic loader, `CUDA_HOME`, `CUDA_PATH` "
            "or in NVIDIA's wheels",
            "12.4",
        ),
        FactType(
            "rocm",
            Kind.VERSION,
            "rocm",
            "the version of AMD's ROCm",
            "the HIP runtime; ROCm's version files where it is not found",
            "6.4",
        ),
        FactType(
            "gfx",
            Kind.NAMES,
            "rocm",
            "the targets of the visible AMD GPUs",
            "the kernel's KFD topology",
            "gfx942",
        ),
        FactType(
            "cpu",
            Kind.NAMES,
            "cpu",
            "the features the CPU has, its microarchitecture, and those it descends from",
            "archspec; py-cpuinfo where archspec cannot read the system",
            "avx2",
        ),
        FactType(
            "glibc",
            Kind.VERSION,
            "system",
            "the GNU C library's version",
            "the running interpreter",
            "2.28",
        ),
        FactType(
            "musl",
            Kind.VERSION,
            "system",
            "the musl C library's version",
            "the running interpreter",
            "1.2",
        ),
        FactType(
            "macos",
            Kind.VERSION,
            "system",
            "the version of macOS",
            "the running interpreter",
            "14.5",
        ),
        FactType(
            "marker",
            Kind.ENVIRONMENT,
            "marker",
            "what environment markers are evaluated with",
            "packaging",
            "sys_platform=linux",
        ),
        FactType(
            "property",
            Kind.PROPERTIES,
            "provider",
            "the properties that wheel-variant providers report as supported",
            "the providers that the table names",
            "x86_64 :: level :: v3",
        ),
    )
}


@dataclass(frozen=True)
class Fact:
    """One thing that is known of a machine, with where it was read.

    Exactly one of ``value`` and ``reason`` is set: a fact that could not be read is absent, and
    ``reason`` says why in words that can follow "cuda is absent: ".
    """

    name: str
    source: str
    value: Value | None = None
    reason: str = ""

    @property
    def text(self) -> str:
        """The value as a person reads it: ``12.4``, ``7.5, 8.6``, or ``absent``."""
        if self.value is None:
            return "absent"
        data = FACTS[self.name].kind.dump(self.value)
        if isinstance(data, dict):
            return ", ".join(f"{name}={value}" for name, value in data.items())
        return data if isinstance(data, str) else ", ".join(data)

    def dump(self) -> dict[str, Any]:
        """Return the fact as JSON data: ``{"value": "12.4", "source": "NVML"}``."""
        if self.value is None:
            return {"absent": self.reason, "source": self.source}
        return {"value": FACTS[self.name].kind.dump(self.value), "source": self.source}


def load_fact(name: str, data: object, source: str) -> Fact:
    """Return the fact that the JSON ``data`` stands for: the inverse of `Fact.dump`.

    For what people write by hand, a plain value stands for a fact with that value, and ``null``
    for an absent one. ``source`` is used where the data names none.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    kind = FACTS[name].kind
    if data is None:
        return Fact(name, source, reason="the machine profile says so")
    if not isinstance(data, dict):
        return Fact(name, source, value=kind.load(data))
    if kind is Kind.ENVIRONMENT and not data.keys() & {"value", "absent"}:
        return Fact(name, source, value=kind.load(data))
    unknown = sorted(data.keys() - {"value", "absent", "source"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known; expected 'value' or 'absent', and 'source'")
    if ("value" in data) == ("absent" in data):
        raise ValueError("expected one of 'value' and 'absent'")
    for key in ("source", "absent"):
        if not isinstance(data.get(key, ""), str):
            raise ValueError(f"expected a string as {key!r}")  # noqa: TRY004 - bad data
    source = data.get("source", source)
    if "value" in data:
        return Fact(name, source, value=kind.load(data["value"]))
    return Fact(name, source, reason=data["absent"])


@dataclass(frozen=True)
class Machine:
    """All the facts that are known of a machine."""

    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Fact:
        """Return the fact ``name``, an absent one if nothing is known of it."""
        return self.facts.get(name) or Fact(name, "nothing", reason="it was not read")

    def with_facts(self, facts: Mapping[str, Fact]) -> Machine:
        """Return the machine with ``facts`` in place of those of the same name that it has."""
        return Machine({name: facts.get(name, fact) for name, fact in self.facts.items()})

    def dump(self) -> dict[str, Any]:
        """Return the machine as JSON data: a machine profile."""
        return {"format": FORMAT, "facts": {name: f.dump() for name, f in self.facts.items()}}


def load_machine(data: object, file: str) -> Machine:
    """Return the machine that a profile describes: the inverse of `Machine.dump`.

    Raises `InvalidFileError`, with every problem of the profile, naming ``file``.
    """
    if not isinstance(data, dict) or not isinstance(data.get("facts"), dict):
        raise SelectorError(
            f"{file} is not a machine profile: expected an object "
            'such as {"format": 1, "facts": {"cuda": "12.4"}}'
        )
    found = data.get("format")
    if found != FORMAT:
        known = found is None or isinstance(found, int)
        which = f"format {found}" if known else "an unknown format"
        raise SelectorError(
            f"{file} is a machine profile of {which}; this version reads format {FORMAT}"
        )
    facts: dict[str, Fact] = {}
    problems = [
        Problem(str(key), "not a known key; expected 'format' and 'facts'")
        for key in sorted(data.keys() - {"format", "facts"})
    ]
    for name, entry in data["facts"].items():
        if name not in FACTS:
            hint = did_you_mean(name, FACTS)
            problems.append(Problem(f"facts.{name}", f"not a known fact{hint}"))
            continue
        try:
            facts[name] = load_fact(name, entry, "machine profile")
        except ValueError as error:
            problems.append(Problem(f"facts.{name}", str(error)))
    if problems:
        raise InvalidFileError(file, problems)
    return Machine(facts)


def override(name: str, environ: Mapping[str, str]) -> Fact | None:
    """Return the fact that ``SELECTOR_<FACT>`` sets in ``environ``, or ``None`` if it is not set.

    Raises `SelectorError` if the variable holds something that the fact cannot be.
    """
    fact = FACTS[name]
    text = environ.get(fact.variable)
    if text is None:
        return None
    try:
        return state(name, text, fact.variable, absent=f"{fact.variable} is set to nothing")
    except ValueError as error:
        raise SelectorError(
            f"the environment variable {fact.variable} is {text!r}: {error}; "
            f"for example {fact.variable}={fact.example}"
        ) from None


def state(name: str, text: str, source: str, *, absent: str) -> Fact:
    """Return the fact ``name`` as a person writes it: nothing is an absent one, ``absent`` why.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    if not text.strip():
        return Fact(name, source, reason=absent)
    return Fact(name, source, value=FACTS[name].kind.parse(text.strip()))


def is_fact_name(text: str) -> bool:
    """Return whether ``text`` can be one of a fact's names, such as ``avx2`` or ``gfx942``."""
    return re.fullmatch(r"[\w.+-]+", text, re.ASCII) is not None


def normalize_name(name: str) -> str:
    """Return a name as names are compared: ``AVX512-VNNI`` is ``avx512_vnni``."""
    return name.strip().lower().replace("-", "_")


def normalize_property(text: str) -> str:
    """Return a property as PEP 817 writes it: ``x86_64 :: level :: v3``.

    Raises ``ValueError`` with a sentence that says what was expected.
    """
    found = _PROPERTY.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a property; expected 'namespace :: feature :: value', "
            "of small letters, digits and '_'"
        )
    return " :: ".join(found.groups())


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    for name in variables:
        if name not in MARKER_VARIABLES:
            hint = did_you_mean(name, MARKER_VARIABLES)
            raise ValueError(f"{name!r} is not a marker variable{hint}")
    return dict(variables)


def _version(text: str) -> Version:
    if len(text) > _LONGEST_VERSION:
        raise ValueError(f"{text[:20]!r} and what follows is too long for a version")
    try:
        return Version(text)
    except InvalidVersion:
        raise ValueError(f"{text!r} is not a version") from None
