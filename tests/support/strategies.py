"""Selector tables, machines and TOML, valid and otherwise, for Hypothesis to draw from."""

from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from selector_backend.model import kinds
from selector_backend.model.decision import Environment
from selector_backend.model.facts import FACTS
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.markers import MARKER_VARIABLES, normalize, release_key
from selector_backend.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from selector_backend.model.kinds import Value

NAMES = ("avx", "avx2", "avx512_vnni", "x86_64_v3", "zen3", "neoverse_n1")
MARKERS = (
    "sys_platform == 'linux'",
    "sys_platform != 'linux' and os_name == 'nt'",
    "python_version >= '3.9'",
    "'3.12' > python_version",
    "python_full_version == '3.11.*'",
    "'amd64' not in platform_release",
    "platform_version == '#1 SMP'",
    "'64' in platform_machine",
    "platform_machine not in 'x86_64 aarch64' or (implementation_name == 'pypy')",
    "'linux' == sys.platform",
)

parts = st.integers(0, 20)
releases = st.lists(parts, min_size=1, max_size=3).map(lambda xs: ".".join(map(str, xs)))


def _clause(operator: str, release: str) -> str:
    if operator == "~=" and "." not in release:
        return f"~={release}.0"
    return f"{operator}{release}"


clauses = st.builds(
    _clause, st.sampled_from([">=", "<=", ">", "<", "==", "!=", "~="]), releases
) | releases.map("=={}.*".format)
specifiers = st.lists(clauses, min_size=1, max_size=3).map(",".join)
lower_bounds = st.lists(releases.map(">={}".format), min_size=1, max_size=2).map(",".join)
cpu_names = st.sampled_from(NAMES).flatmap(
    lambda name: st.sampled_from([name, name.upper(), name.replace("_", "-")])
)
beginnings = st.sampled_from(["avx512*", "x86-64-*", "Zen*", "none_begins_so*"])
names = cpu_names | beginnings | st.lists(cpu_names | beginnings, min_size=1, max_size=3)

LIBRARIES = ("libmpi.so.40", "libcudnn.so.9", "NVCUDA.dll")
FEATURES = ("free-threading", "gil-enabled", "debug", "64-bit", "32-bit")


def _one_or_more(texts: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(texts) | st.lists(st.sampled_from(texts), min_size=1, max_size=3)


DISTRIBUTIONS = ("torch", "jax-cuda12-plugin", "Jax.Cuda13_Plugin")
requirements = st.builds(str.__add__, st.sampled_from(DISTRIBUTIONS), specifiers | st.just(""))
installed = requirements | st.lists(requirements, min_size=1, max_size=3)

_versioned = [fact.name for fact in FACTS.values() if fact.kind in (kinds.VERSION, kinds.VERSIONS)]


def _when(operands: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """`when` in both its forms, with up to three conditions in each table."""
    one = st.lists(st.sampled_from(sorted(operands)), min_size=1, max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: operands[name] for name in chosen})
    )
    return one | st.lists(one, min_size=1, max_size=3)


#: `when` with conditions of every kind, and with those only that ask for no more than enough.
PROPERTIES = ("x86_64 :: level :: v3", "x86_64 :: avx2 :: on", "nvidia :: sm_arch :: 90_real")

any_when = _when(
    {
        **{name: specifiers | st.booleans() for name in _versioned},
        "compute-capability": specifiers
        | st.booleans()
        | st.fixed_dictionaries({"every": specifiers}),
        "library": _one_or_more(LIBRARIES),
        "abi-features": _one_or_more(FEATURES),
        "cpu": names | st.booleans(),
        "gfx": names | st.booleans(),
        "marker": st.sampled_from(MARKERS),
        "installed": installed | st.booleans(),
    }
)
rising_when = _when(
    {
        **{name: lower_bounds | st.just(True) for name in _versioned},
        "cpu": names | st.just(True),
        "library": _one_or_more(LIBRARIES),
        "abi-features": _one_or_more(FEATURES),
        "marker": st.sampled_from(MARKERS),
    }
)


conforms = st.dictionaries(
    st.sampled_from(["cuda", "mpi"]), st.sampled_from(["11", "12"]), min_size=1
)


extras = st.dictionaries(
    st.sampled_from(["plot", "Device.GPU"]),
    st.lists(st.sampled_from(["spam-device-{name}=={version}", "Spam_Tools"]), max_size=2),
)


def tables(when: st.SearchStrategy[Any] = any_when) -> st.SearchStrategy[dict[str, Any]]:
    """Valid selector tables, whose conditions are drawn from ``when``."""
    variant = st.fixed_dictionaries(
        {}, optional={"when": when, "refuse": st.just("{project} {version}: no.")}
    ) | st.fixed_dictionaries({"conform": conforms}, optional={"when": when, "extras": extras})

    def number(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"name": f"v{index}", **one} for index, one in enumerate(variants)]

    def of_its_kind(table: dict[str, Any]) -> dict[str, Any]:
        if table.get("kind") == "capability":
            for one in table["variant"]:
                one.pop("conform", None)
        else:
            table.pop("choose", None)
        return table

    return st.fixed_dictionaries(
        {"variant": st.lists(variant, min_size=1, max_size=5).map(number)},
        optional={
            "kind": st.sampled_from(["requirement", "capability"]),
            "choose": st.sampled_from(["first", "all"]),
            "advice": st.just("Braces are written twice: {{}}. {project} is too new."),
            "requires": st.just(["spam-core=={version}"]),
            "extras": st.just(["plot"]),
        },
    ).map(of_its_kind)


def environments_of_packages() -> st.SearchStrategy[Environment]:
    """Environments with other selector packages, and variants of spam."""
    packages = st.builds(
        Record,
        project=st.sampled_from(["eggs", "ham", "spam"]),
        version=st.just("1.0"),
        variants=st.lists(st.sampled_from(["v0", "v1", "gone"]), max_size=1).map(tuple),
        conform=conforms,
        distributions=st.lists(st.sampled_from(["spam-v0", "spam-gone"]), max_size=1).map(tuple),
    )
    return st.builds(
        Environment,
        selectors=st.lists(packages, max_size=3).map(tuple),
        versions=st.dictionaries(
            st.sampled_from(["spam-v0", "spam-v1", "spam-v2", "spam-gone"]), st.just("1.0")
        ),
    )


environments = st.dictionaries(
    st.sampled_from(MARKER_VARIABLES),
    st.sampled_from(
        ["linux", "win32", "3.11", "3.11.4+", "6.1.0-13-amd64", "#1 SMP", "", "cpython"]
    )
    | st.text(max_size=5),
)


def values(kind: kinds.Kind) -> st.SearchStrategy[Value]:
    """Everything that a fact of a kind can be."""
    if kind is kinds.VERSION:
        return releases
    if kind is kinds.VERSIONS:
        return st.lists(releases, min_size=1, max_size=3).map(_ordered)
    if kind is kinds.NAMES:
        return st.frozensets(st.sampled_from(NAMES), min_size=1)
    if kind in (kinds.LIBRARIES, kinds.FEATURES):
        texts = LIBRARIES if kind is kinds.LIBRARIES else FEATURES
        return st.frozensets(st.sampled_from(texts), min_size=1)
    if kind is kinds.PROPERTIES:
        return st.frozensets(st.sampled_from(PROPERTIES), min_size=1)
    if kind is kinds.DISTRIBUTIONS:
        versions = releases.map("=={}".format) | st.sampled_from(["", "==2.9.1+cu128", "==2.9rc1"])
        pins = st.dictionaries(st.sampled_from(DISTRIBUTIONS), versions, min_size=1)
        return pins.map(lambda pins: frozenset(normalize(k) + v for k, v in pins.items()))
    return environments


def _ordered(found: list[str]) -> tuple[str, ...]:
    return tuple(sorted(found, key=release_key))


reasons = st.sampled_from(["it is not there", "the driver says: 'No!'", "…"])


def facts(name: str) -> st.SearchStrategy[Fact]:
    """What can be known of the fact ``name``, absence included."""
    present = values(FACTS[name].kind).map(lambda value: Fact(name, "a test", value=value))
    not_found = st.lists(st.sampled_from(LIBRARIES), max_size=2).map(tuple)
    absent = st.builds(
        lambda reason, libraries: Fact(name, "a test", reason=reason, not_found=libraries),
        *(reasons, not_found),
    )
    return present | absent


#: Machines of which anything, or nothing, is known.
machines = st.fixed_dictionaries({}, optional={name: facts(name) for name in FACTS}).map(Machine)


@st.composite
def machine_pairs(draw: st.DrawFn) -> tuple[Machine, Machine]:
    """Two machines, of which the second has all that the first one has, or more."""
    less = draw(machines)
    more = {name: _more(draw, fact) for name, fact in less.facts.items()}
    added = {name: fact for name, fact in draw(machines).facts.items() if name != "marker"}
    return less, Machine({**added, **more})


def _more(draw: st.DrawFn, fact: Fact) -> Fact:
    value = fact.value
    if value is None:
        return fact if fact.name == "marker" else draw(facts(fact.name))
    if isinstance(value, str):
        value = max(value, draw(releases), key=release_key)
    elif isinstance(value, tuple):
        higher = [max(one, draw(releases), key=release_key) for one in value]
        value = _ordered([*higher, *draw(st.lists(releases, max_size=2))])
    elif isinstance(value, frozenset):
        value |= draw(st.frozensets(st.sampled_from(NAMES)))
    return Fact(fact.name, "a test", value=value)


def anything(*texts: str, none: bool = True) -> st.SearchStrategy[Any]:
    """JSON-like data of any shape, its strings and keys often one of ``texts``.

    Without ``none`` it is what TOML can hold.
    """
    strings = st.sampled_from(texts) | st.text(max_size=8) if texts else st.text(max_size=8)
    scalars = (
        strings
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=True, allow_infinity=True)
        | st.dates()
    )
    return st.recursive(
        scalars | st.none() if none else scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=4),
        max_leaves=8,
    )


def _places(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from _places(item, *path, key)


@st.composite
def changed(
    draw: st.DrawFn, documents: st.SearchStrategy[dict[str, Any]], *texts: str
) -> dict[str, Any]:
    """A document in which up to three values, or keys, are others, often one of ``texts``."""
    document = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in _places(document) if place]
        if not places:  # everything has been removed
            break
        *path, last = draw(st.sampled_from(places))
        parent: Any = document
        for key in path:
            parent = parent[key]
        how = draw(st.sampled_from(["text", "anything", "remove", "add"]))
        other = draw(anything(*texts, none=False))
        if how == "remove":
            del parent[last]
        elif how == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from([*texts, "name", "when", "requires"]))] = other
        else:
            parent[last] = draw(st.sampled_from(texts)) if how == "text" else other
    return document


def to_toml(data: Mapping[str, Any]) -> str:
    """Return a TOML document that holds ``data``."""
    return "".join(f"{_string(key)} = {_value(value)}\n" for key, value in data.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_string(key)} = {_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if not isinstance(value, float) else format(value, "f")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
