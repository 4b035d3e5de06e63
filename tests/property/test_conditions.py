"""The judge of conditions, held against packaging."""

from __future__ import annotations

import contextlib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import SpecifierSet

from selector_backend.authoring.conditions import fact_values
from selector_backend.model.facts import FACTS, holds
from selector_backend.model.markers import CannotTellError, evaluate, satisfies
from selector_backend.model.table import Condition

if TYPE_CHECKING:
    from selector_backend.model.kinds import Value

PARTS = st.lists(st.sampled_from([0, 0, 1, 2, 9, 10, 12, 100]), min_size=1, max_size=4)
RELEASES = PARTS.map(lambda parts: ".".join(map(str, parts)))
CLAUSES = st.one_of(
    st.builds(str.__add__, st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]), RELEASES),
    st.builds("{}{}.*".format, st.sampled_from(["==", "!="]), RELEASES),
    RELEASES.filter(lambda text: "." in text).map("~={}".format),
)
SPECIFIERS = st.lists(CLAUSES, min_size=1, max_size=3).map(", ".join)

TEXTS = {
    "os_name": ["posix", "nt"],
    "sys_platform": ["linux", "linux2", "darwin", "win32"],
    "platform_machine": ["x86_64", "aarch64", "arm64", "386", "64"],
    "platform_release": ["6.1.0-13-amd64", "linux", ""],
    "platform_version": ["#1 SMP Debian 6.1.55-1", "it's", "10.0"],
    "implementation_name": ["cpython", "pypy"],
}
VERSIONS = ["python_version", "python_full_version", "implementation_version"]


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    turned = draw(st.booleans())
    if draw(st.booleans()):
        variable = draw(st.sampled_from(VERSIONS))
        clause = draw(CLAUSES.filter(lambda one: not one.startswith("~=")))
        text = clause.lstrip("=!<>")
        operator = clause[: -len(text)]
        if turned and "*" in text:
            text = text[:-2]
    else:
        variable = draw(st.sampled_from([*TEXTS]))
        operator = draw(st.sampled_from(["==", "!=", "in", "not in"]))
        text = draw(st.sampled_from([*TEXTS[variable], "other", " ".join(TEXTS[variable])]))
    quote = '"' if "'" in text else draw(st.sampled_from("\"'"))
    quoted = f"{quote}{text}{quote}"
    first, second = (quoted, variable) if turned else (variable, quoted)
    return f"{first} {operator} {second}"


MARKERS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        inner.map("({})".format),
    ),
    max_leaves=6,
)
ENVIRONMENTS = st.fixed_dictionaries(
    {
        **{name: st.sampled_from(texts) for name, texts in TEXTS.items()},
        **dict.fromkeys(VERSIONS, RELEASES),
    }
)


@given(RELEASES, SPECIFIERS)
def test_specifiers_of_plain_releases_mean_what_packaging_says(version: str, text: str) -> None:
    assert satisfies(version, text) == SpecifierSet(text).contains(version, prereleases=True)


@given(MARKERS, ENVIRONMENTS)
def test_markers_mean_what_packaging_says(marker: str, environment: dict[str, str]) -> None:
    expected = Marker(marker).evaluate({**environment})
    assert evaluate(marker, environment) == expected
    assert evaluate(str(Marker(marker)), environment) == expected


@given(st.lists(RELEASES, min_size=1, max_size=4), SPECIFIERS)
def test_one_device_is_enough_or_it_has_to_be_every_one(versions: list[str], text: str) -> None:
    value = FACTS["compute-capability"].kind.load(versions)
    contains = [SpecifierSet(text).contains(one, prereleases=True) for one in versions]
    assert holds("compute-capability", text, value)[0] == any(contains)
    held, sentence = holds("compute-capability", f"every {text}", value)
    assert held == all(contains)
    named = {one for one in versions if f" {one}" in f" {sentence.replace(',', ' ')}"}
    assert held or named >= {one for one, fits in zip(versions, contains) if not fits}


_OF_GPUS = st.booleans() | SPECIFIERS | SPECIFIERS.map("every {}".format)


@given(st.lists(_OF_GPUS, min_size=1, max_size=4), st.lists(RELEASES, min_size=1, max_size=4))
def test_whichever_gpus_a_machine_has_the_variant_that_it_gets_is_tried(
    asked: list[bool | str], versions: list[str]
) -> None:
    """By what `check` says which variants are never chosen."""
    fact = "compute-capability"

    def first(value: Value | None) -> int:
        held = (index for index, one in enumerate(asked) if holds(fact, one, value)[0])
        return next(held, len(asked))

    tried = {*map(first, fact_values(fact, [Condition(fact, one) for one in asked]))}
    assert first(FACTS[fact].kind.load(versions)) in tried


_NAME_TEXTS = st.text("ab1_", min_size=1, max_size=4)


@pytest.mark.parametrize("fact", ["gfx", "cpu", "library", "abi-features"])
@given(
    st.lists(st.builds(str.__add__, _NAME_TEXTS, st.sampled_from(["", "*"])), min_size=1),
    st.frozensets(_NAME_TEXTS, min_size=1),
)
def test_names_are_all_there_or_something_that_begins_so(
    fact: str, asked: list[str], there: frozenset[str]
) -> None:
    expected = all(any(fnmatchcase(one, name) for one in there) for name in asked)
    assert holds(fact, tuple(asked), there)[0] == expected


ENDS = st.sampled_from(["", "rc1", ".post2", ".dev3", "a0.dev1", "+cu128", "+cu126", "rc1+cpu"])
PUBLIC = st.sampled_from(["", "rc1", ".post2", ".dev3", "a0.dev1"])
FULL_CLAUSES = st.one_of(
    CLAUSES,
    st.builds("{}{}{}".format, st.sampled_from(["==", "!=", "==="]), RELEASES, ENDS),
    st.builds("{}1!{}{}".format, st.sampled_from(["<=", ">=", "<", ">", "=="]), RELEASES, PUBLIC),
    st.builds("{}{}{}".format, st.sampled_from(["<=", ">=", "<", ">"]), RELEASES, PUBLIC),
)


@given(
    st.builds(str.__add__, RELEASES, ENDS),
    st.lists(FULL_CLAUSES, max_size=2).map(",".join),
    st.frozensets(st.sampled_from(["jax==0.10.2", "torchvision==1.0", "a"])),
)
def test_what_is_installed_meets_a_requirement_as_packaging_says(
    version: str, specifier: str, others: frozenset[str]
) -> None:
    there = others | {f"torch=={version}"}
    expected = SpecifierSet(specifier).contains(version, prereleases=True)
    held, sentence = holds("installed", (f"torch{specifier}",), there)
    assert held == expected
    lacks = f"installed lacks torch{specifier} (torch=={version} is there)"
    assert sentence == (f"installed has torch=={version}" if held else lacks)
    assert holds("installed", (f"torch{specifier}",), others) == (
        False,
        f"installed lacks torch{specifier}",
    )


@given(st.text(max_size=60), ENVIRONMENTS)
def test_no_text_breaks_the_judge(text: str, environment: dict[str, str]) -> None:
    with contextlib.suppress(CannotTellError):
        evaluate(text, environment)
    with contextlib.suppress(CannotTellError):
        satisfies("12.4", text)
    with contextlib.suppress(CannotTellError):
        holds("installed", (text,), frozenset({"torch==2.9.1", "jax", text}))


def test_a_marker_nested_very_deep_is_judged() -> None:
    marker = "(" * 100_000 + 'os_name == "posix"' + ")" * 100_000
    assert evaluate(marker, {"os_name": "posix"})
    with pytest.raises(CannotTellError):
        evaluate("(" * 100_000, {})


TOKENS = ("sys_platform == 'linux'", "os_name != 'nt'", "'x' in os_name", "and", "or", "(", ")")


@given(st.lists(st.sampled_from(TOKENS), max_size=8), ENVIRONMENTS)
@example(["sys_platform == 'linux'", "os_name != 'nt'"], {})
@example(["and", "os_name != 'nt'"], {})
@example(["os_name != 'nt'", "and"], {})
@example(["(", ")"], {})
def test_what_packaging_takes_for_no_marker_is_refused(
    tokens: list[str], environment: dict[str, str]
) -> None:
    text = " ".join(tokens)
    environment = {**environment, "sys_platform": "linux", "os_name": "posix"}
    try:
        marker = Marker(text)
    except InvalidMarker:
        with pytest.raises(CannotTellError):
            evaluate(text, environment)
    else:
        assert evaluate(text, environment) == marker.evaluate(environment)


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("model/kinds.py", "_model/kinds.py"),
        ("model/markers.py", "_model/markers.py"),
        ("probes/windows_job.py", "_windows_job.py"),
        ("probes/loader.py", "_loader.py"),
    ],
)
def test_install_and_import_judge_by_the_same_text(text: str, copy: str) -> None:
    root = Path(__file__).resolve().parents[2]
    copied = (root / "runtime" / "selector_runtime" / copy).read_bytes()
    assert copied == (root / "selector_backend" / text).read_bytes()
