"""The selector table: what it means, and what is said of one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from support.strategies import anything, tables

from selector_backend.authoring.selector import is_pinned, parse_selector
from selector_backend.model.standing import former_distributions, requirements_of, with_standing
from selector_backend.model.table import Condition, Selector

CPU = {"name": "cpu"}
LONG = "1" * 5000
MINIMAL = {
    "variant": [
        {"name": "cu12", "when": {"cuda": ">=12"}},
        {"name": "cu11", "when": {"cuda": ">=11.2"}},
        CPU,
    ]
}


def parse(table: dict[str, Any], project: str = "spam", version: str = "1.0") -> Selector:
    selector, problems = parse_selector(table, project=project, version=version)
    assert problems == []
    return selector


def problems_of(table: dict[str, Any]) -> list[tuple[str, str]]:
    """The keys of a table's problems below ``tool.selector``, and what is said of them."""
    _, problems = parse_selector(table, project="spam", version="1.0")
    assert all(one.key.startswith("tool.selector.") for one in problems)
    return [(one.key.replace("tool.selector.", "", 1), one.message) for one in problems]


def when(value: object) -> dict[str, Any]:
    return {"variant": [{"name": "x", "when": value}, CPU]}


def requires(*requirements: object) -> dict[str, Any]:
    return {"variant": [CPU], "requires": list(requirements)}


def named(*names: object) -> dict[str, Any]:
    return {"variant": [{"name": name} for name in names]}


# --- what a table means


def test_the_minimal_table_is_filled_with_the_defaults() -> None:
    selector = parse(MINIMAL)
    assert selector.kind == "requirement"
    assert selector.variable == "SPAM_VARIANT"
    assert selector.requires == ()
    assert selector.extras == ()
    assert selector.advice == ""
    assert [(one.name, list(map(str, one.requires))) for one in selector.variants] == [
        ("cu12", ["spam-cu12==1.0"]),
        ("cu11", ["spam-cu11==1.0"]),
        ("cpu", ["spam-cpu==1.0"]),
    ]
    assert selector.variants[-1].when == ()


@pytest.mark.parametrize(
    ("project", "variable"),
    [
        ("spam", "SPAM_VARIANT"),
        ("spam-eggs", "SPAM_EGGS_VARIANT"),
        ("Spam.Eggs_2", "SPAM_EGGS_2_VARIANT"),
    ],
)
def test_the_variable_is_called_after_the_project(project: str, variable: str) -> None:
    assert parse(MINIMAL, project=project).variable == variable


def test_what_a_table_gives_takes_the_place_of_the_defaults() -> None:
    selector = parse(
        {
            "kind": "capability",
            "variable": "SPAM_FLAVOUR",
            "requires": ["spam-core=={version}", "numpy; python_version >= '3.9'"],
            "extras": ["plot", "Dev_Tools"],
            "advice": "Ask the {project} list.",
            "variant": [
                {"name": "avx2", "requires": ["{project}-x86=={version}", "fast-{name}"]},
                {"name": "none", "requires": []},
            ],
        }
    )
    assert selector.kind == "capability"
    assert selector.variable == "SPAM_FLAVOUR"
    assert list(map(str, selector.requires)) == [
        "spam-core==1.0",
        'numpy; python_version >= "3.9"',
    ]
    assert selector.extras == ("plot", "dev-tools")
    assert selector.advice == "Ask the {project} list."
    assert list(map(str, selector.variants[0].requires)) == ["spam-x86==1.0", "fast-avx2"]
    assert selector.variants[1].requires == ()


def test_a_variant_has_extras_beside_those_that_are_handed_on() -> None:
    selector = parse(
        {
            "extras": ["Plot"],
            "variant": [
                {
                    "name": "gfx942",
                    "requires": ["a; os_name == 'nt'", "b[x]"],
                    "extras": {
                        "plot": ["c; os_name == 'nt' or os_name == 'posix'"],
                        "Dev_ice": ["spam-device-{name}=={version}"],
                    },
                },
                {"name": "cpu", "requires": [], "extras": {"more": []}},
                {"name": "old", "refuse": "Too old."},
            ],
        }
    )
    assert selector.extras == ("plot", "dev-ice", "more")
    assert selector.variants[0].extras == {
        "plot": (
            'a[plot]; os_name == "nt" and extra == "plot"',
            'b[plot,x]; extra == "plot"',
            'c; (os_name == "nt" or os_name == "posix") and extra == "plot"',
        ),
        "dev-ice": ('spam-device-gfx942==1.0; extra == "dev-ice"',),
    }
    assert [*requirements_of(selector.variants[0])] == [
        ('a; os_name == "nt"', ""),
        ("b[x]", ""),
        ('c; (os_name == "nt" or os_name == "posix")', "plot"),
        ("spam-device-gfx942==1.0", "dev-ice"),
    ]
    assert selector.variants[0].distributions == ("spam-device-gfx942",)


@pytest.mark.parametrize(
    ("variant", "key", "fragment"),
    [
        ({"extras": ["a"]}, ".extras", "found an array, expected a table such as { device = "),
        ({"extras": {"a": "b"}}, ".extras.a", "found 'b' (a string), expected an array"),
        ({"extras": {"a b": []}}, '.extras."a b"', "is not an extra's name"),
        ({"extras": {"a.b": [], "A_B": []}}, ".extras.A_B", "'a.b' and 'A_B' are one name"),
        ({"extras": {"a.b": ["c", "!"]}}, '.extras."a.b"[1]', "found '!'"),
        ({"extras": {"a": ["c=={nosuch}"]}}, ".extras.a[0]", "the placeholder {nosuch}"),
        ({"extras": {"a": ["c\nd"]}}, ".extras.a[0]", "expected one line"),
        ({"extras": {"a": []}, "refuse": "No."}, ".extras", "which installs nothing"),
    ],
)
def test_what_is_wrong_with_extras_is_said(
    variant: dict[str, Any], key: str, fragment: str
) -> None:
    ((found, text),) = problems_of({"variant": [{"name": "cpu", **variant}]})
    assert found == f"variant[0]{key}"
    assert fragment in text


def test_only_variants_side_by_side_are_all_chosen() -> None:
    assert parse({"kind": "capability", "choose": "all", "variant": [CPU]}).choose == "all"
    assert parse({"choose": "first", "variant": [CPU]}) == parse({"variant": [CPU]})
    ((key, text),) = problems_of({"choose": "all", "variant": [CPU]})
    assert (key, text) == (
        "choose",
        "found 'all', but variants of the requirement kind exclude each other",
    )


def test_a_variant_that_refuses_requires_nothing() -> None:
    (variant,) = parse({"variant": [{"name": "old", "refuse": "Too old."}]}).variants
    assert variant.refuse == "Too old."
    assert variant.requires == ()


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ({"cuda": ">=12,<13"}, Condition("cuda", ">=12,<13")),
        ({"cuda": " >=12, <13 "}, Condition("cuda", ">=12, <13")),
        ({"cuda": "!=12.1"}, Condition("cuda", "!=12.1")),
        ({"compute-capability": "==8.*"}, Condition("compute-capability", "==8.*")),
        ({"nvidia-driver": "~=550.54"}, Condition("nvidia-driver", "~=550.54")),
        ({"cuda": True}, Condition("cuda", True)),
        ({"cpu": False}, Condition("cpu", False)),
        ({"cpu": "avx2"}, Condition("cpu", ("avx2",))),
        ({"cpu": ["avx2", "fma"]}, Condition("cpu", ("avx2", "fma"))),
        ({"cpu": "AVX512-VNNI"}, Condition("cpu", ("avx512_vnni",))),
        ({"gfx": ["gfx94*", "GFX90*"]}, Condition("gfx", ("gfx94*", "gfx90*"))),
        ({"compute-capability": {"every": " >=8"}}, Condition("compute-capability", "every >=8")),
        ({"library": "libMPI.so.40"}, Condition("library", ("libMPI.so.40",))),
        ({"abi-features": ["64-bit", "debug"]}, Condition("abi-features", ("64-bit", "debug"))),
        ({"installed": False}, Condition("installed", False)),
        ({"installed": "Jax_CUDA12.plugin"}, Condition("installed", ("jax-cuda12-plugin",))),
        ({"installed": "torch == 2.9.1+cu128"}, Condition("installed", ("torch==2.9.1+cu128",))),
        (
            {"installed": ["torch (>=2.9rc1)", "jax ~= 0.4"]},
            Condition("installed", ("torch>=2.9rc1", "jax~=0.4")),
        ),
        ({"installed": "torch===2.8.0"}, Condition("installed", ("torch===2.8.0",))),
        ({"marker": "os_name == 'nt'"}, Condition("marker", 'os_name == "nt"')),
        (
            {"marker": "(os.name=='nt') and python_version>='3.9'"},
            Condition("marker", 'os_name == "nt" and python_version >= "3.9"'),
        ),
        (
            {"marker": "'extra' in platform_version"},
            Condition("marker", '"extra" in platform_version'),
        ),
        (
            {"marker": "'64' in platform_release or platform_release != 'wsl2'"},
            Condition("marker", '"64" in platform_release or platform_release != "wsl2"'),
        ),
    ],
)
def test_every_form_of_a_condition_is_read(written: dict[str, Any], condition: Condition) -> None:
    for form in (written, [written]):
        selector = parse(when(form))
        assert selector.variants[0].when == (dict([condition]),)
        assert [*selector.conditions] == [condition]


def test_the_conditions_of_a_table_are_one_alternative_and_each_table_of_a_list_another() -> None:
    both = parse(when({"cuda": ">=12", "glibc": ">=2.28"})).variants[0].when
    assert [[*conditions] for conditions in both] == [["cuda", "glibc"]]
    either = parse(when([{"cuda": ">=12"}, {"glibc": ">=2.28"}])).variants[0].when
    assert [[*conditions] for conditions in either] == [["cuda"], ["glibc"]]


def test_only_the_facts_that_conditions_name_are_asked_for() -> None:
    assert parse({"variant": [CPU]}).facts == ()
    table = {
        "variant": [
            {"name": "a", "when": [{"glibc": True, "cuda": ">=12"}, {"marker": "os_name == 'nt'"}]},
            {"name": "b", "when": {"cuda": ">=11"}},
        ]
    }
    assert set(parse(table).facts) == {"cuda", "glibc", "marker"}


# --- what is wrong with a table

PLAIN = "expected versions that are plain numbers such as 12.4, and no '==='"

BAD: list[tuple[dict[str, Any], str, list[str]]] = [
    # the table itself
    ({}, "variant", ["missing", "[[tool.selector.variant]]"]),
    ({"variant": []}, "variant", ["empty", "one variant"]),
    ({"variant": {"name": "cpu"}}, "variant", ["a table", "[[tool.selector.variant]]"]),
    ({"variant": "cpu"}, "variant", ["'cpu'", "[[tool.selector.variant]]"]),
    ({"variant": ["cpu"]}, "variant[0]", ["'cpu'", "a table"]),
    ({"variant": [CPU, 5]}, "variant[1]", ["5 (an integer)", "a table"]),
    ({"variant": [CPU], "requries": []}, "requries", ["not a known key", "'requires'"]),
    ({"variant": [CPU], "Kind": "requirement"}, "Kind", ["not a known key", "'kind'"]),
    (
        {"variant": [CPU], "zzz": 1},
        "zzz",
        ["not a known key", "kind", "variable", "requires", "extras", "advice", "self-contained"],
    ),
    ({"variant": [CPU], "a.b": 1}, '"a.b"', ["not a known key"]),
    # kind
    (
        {"variant": [CPU], "kind": "capabilty"},
        "kind",
        ["'capabilty'", "'requirement'", "did you mean 'capability'"],
    ),
    ({"variant": [CPU], "kind": "any"}, "kind", ["'any'", "'requirement'", "'capability'"]),
    ({"variant": [CPU], "kind": 5}, "kind", ["5 (an integer)", "'requirement'", "'capability'"]),
    ({"variant": [CPU], "kind": ""}, "kind", ["empty", "'requirement'", "'capability'"]),
    # variable
    ({"variant": [CPU], "variable": "1X"}, "variable", ["'1X'", "'SPAM_VARIANT'"]),
    ({"variant": [CPU], "variable": "A=B"}, "variable", ["'A=B'", "'SPAM_VARIANT'"]),
    ({"variant": [CPU], "variable": "A\n"}, "variable", [r"'A\n'", "one line"]),
    ({"variant": [CPU], "variable": "ÉTÉ"}, "variable", ["'ÉTÉ'", "'SPAM_VARIANT'"]),
    ({"variant": [CPU], "variable": True}, "variable", ["true (a boolean)"]),
    # requires
    ({"variant": [CPU], "requires": "x"}, "requires", ["'x' (a string)", "an array"]),
    (requires("x", 5), "requires[1]", ["5 (an integer)", "a requirement"]),
    (requires("a b"), "requires[0]", ["'a b'", "\na b\n  ^"]),
    (requires("a=>1"), "requires[0]", ["'a=>1'", "\na=>1\n ^"]),
    (requires("a[b"), "requires[0]", ["'a[b'", "RIGHT_BRACKET", "\n ~~^"]),
    (requires("a; os_nme == 'nt'"), "requires[0]", ["os_nme", "^"]),
    (requires(""), "requires[0]", ["an empty string", "a requirement"]),
    # placeholders
    (requires("a=={verson}"), "requires[0]", ["{verson}", "did you mean 'version'"]),
    (requires("a-{name}"), "requires[0]", ["{name}", "project, version"]),
    (requires("a=={}"), "requires[0]", ["{}", "project, version"]),
    (requires("a=={version"), "requires[0]", ["'a=={version'", "twice"]),
    (requires("a=={version!r}"), "requires[0]", ["{version!r}"]),
    (requires("a=={version:>9}"), "requires[0]", ["{version:>9}"]),
    (requires("a=={version.major}"), "requires[0]", ["{version.major}"]),
    ({"variant": [CPU], "advice": "CUDA {cuda}"}, "advice", ["{cuda}", "project, version"]),
    ({**MINIMAL, "advice": "CUDA {cudda}"}, "advice", ["{cudda}", "did you mean 'cuda'"]),
    ({**MINIMAL, "advice": "{"}, "advice", ["'{'", "twice"]),
    # extras
    ({"variant": [CPU], "extras": "plot"}, "extras", ["'plot' (a string)", "an array"]),
    ({"variant": [CPU], "extras": [5]}, "extras[0]", ["5 (an integer)", "'plot'"]),
    ({"variant": [CPU], "extras": ["a b"]}, "extras[0]", ["'a b'", "'plot'"]),
    ({"variant": [CPU], "extras": ["a_b", "A-B"]}, "extras[1]", ["'A-B'", "extras[0]"]),
    # advice
    ({"variant": [CPU], "advice": 5}, "advice", ["5 (an integer)", "text"]),
    # a variant
    ({"variant": [{**CPU, "wen": {}}]}, "variant[0].wen", ["not a known key", "'when'"]),
    ({"variant": [{**CPU, "require": []}]}, "variant[0].require", ["'requires'"]),
    (
        {"variant": [{**CPU, "zzz": 1}]},
        "variant[0].zzz",
        ["not a known key", "name", "requires", "when", "refuse"],
    ),
    ({"variant": [CPU, {}]}, "variant[1].name", ["missing", "'cpu'"]),
    (named(5), "variant[0].name", ["5 (an integer)"]),
    (named(""), "variant[0].name", ["empty"]),
    (named("a b"), "variant[0].name", ["'a b'", "letters"]),
    (named("-a"), "variant[0].name", ["'-a'", "letters"]),
    (named("a_"), "variant[0].name", ["'a_'", "letters"]),
    (named("a\n"), "variant[0].name", [r"'a\n'", "one line"]),
    (named("ärm"), "variant[0].name", ["'ärm'", "ASCII"]),
    (named("a/b"), "variant[0].name", ["'a/b'", "letters"]),
    (named("auto"), "variant[0].name", ["'auto'"]),
    (named("ALL"), "variant[0].name", ["'ALL'"]),
    (named("cpu", "cpu"), "variant[1].name", ["'cpu'", "tool.selector.variant[0]"]),
    (
        {"variant": [{**CPU, "requires": ["x"], "refuse": "no"}]},
        "variant[0].refuse",
        ["'requires'", "one of the two"],
    ),
    ({"variant": [{**CPU, "refuse": ""}]}, "variant[0].refuse", ["empty", "text"]),
    ({"variant": [{**CPU, "refuse": ["no"]}]}, "variant[0].refuse", ["an array", "text"]),
    ({"variant": [{**CPU, "refuse": "{gpu}"}]}, "variant[0].refuse", ["{gpu}"]),
    ({"variant": [{**CPU, "requires": "x"}]}, "variant[0].requires", ["'x'", "an array"]),
    (
        {"variant": [{**CPU, "requires": ["x", "spam-{nme}"]}]},
        "variant[0].requires[1]",
        ["{nme}", "did you mean 'name'"],
    ),
    # when
    (when({}), "variant[0].when", ["empty", "every machine"]),
    (when([]), "variant[0].when", ["empty", "every machine"]),
    (when([{"cuda": True}, {}]), "variant[0].when[1]", ["empty", "every machine"]),
    (when("cuda"), "variant[0].when", ["'cuda'", "a table"]),
    (when([{"cuda": True}, "x"]), "variant[0].when[1]", ["'x'", "a table"]),
    (when({"cdua": ">=12"}), "variant[0].when.cdua", ["not a fact", "did you mean 'cuda'"]),
    (when({"CUDA": ">=12"}), "variant[0].when.CUDA", ["not a fact", "did you mean 'cuda'"]),
    (
        when({"compute_capability": ">=8"}),
        "variant[0].when.compute_capability",
        ["not a fact", "did you mean 'compute-capability'"],
    ),
    (when({"zzz": ">=12"}), "variant[0].when.zzz", ["not a fact", "cuda", "cpu", "glibc"]),
    (when([{"cdua": True}]), "variant[0].when[0].cdua", ["not a fact"]),
    # specifiers
    (when({"cuda": "12"}), "variant[0].when.cuda", ["'12'", "'==12.*'", "'>=12'"]),
    (when({"cuda": "12.4"}), "variant[0].when.cuda", ["'12.4'", "'==12.4.*'", "'>=12.4'"]),
    (when({"cuda": 12}), "variant[0].when.cuda", ["12 (an integer)", "a specifier"]),
    (when({"cuda": 12.4}), "variant[0].when.cuda", ["12.4 (a float)", "a specifier"]),
    (when({"cuda": ""}), "variant[0].when.cuda", ["empty", "a specifier"]),
    (when({"cuda": ","}), "variant[0].when.cuda", ["','", "a specifier"]),
    (when({"cuda": ">=twelve"}), "variant[0].when.cuda", ["'>=twelve'", "a specifier"]),
    (when({"cuda": "~=12"}), "variant[0].when.cuda", ["'~=12'", "a specifier"]),
    (when({"cuda": [">=12"]}), "variant[0].when.cuda", ["an array", "a specifier"]),
    (when({"cuda": {"every": ">=12"}}), "variant[0].when.cuda", ["a table", "a specifier"]),
    (
        when({"compute-capability": {"every": "8.6"}}),
        "variant[0].when.compute-capability.every",
        ["'8.6'", "'==8.6.*'"],
    ),
    (
        when({"compute-capability": {}}),
        "variant[0].when.compute-capability.every",
        ["missing", "a specifier"],
    ),
    (
        when({"compute-capability": {"every": ">=8", "all": True}}),
        "variant[0].when.compute-capability.all",
        ["not a known key", "every"],
    ),
    (when({"compute-capability": "every >=8"}), "variant[0].when.compute-capability", ["found"]),
    (when({"gfx": "*"}), "variant[0].when.gfx", ["'*'", "a name such as 'gfx942'"]),
    (when({"gfx": "gfx*4"}), "variant[0].when.gfx", ["'gfx*4'", "a name such as 'gfx942'"]),
    (when({"library": True}), "variant[0].when.library", ["true", "a name such as 'libmpi"]),
    (when({"library": "libmpi*"}), "variant[0].when.library", ["'libmpi*'", "an array"]),
    (when({"library": "/lib/x.so"}), "variant[0].when.library", ["'/lib/x.so'", "a name"]),
    (when({"abi-features": []}), "variant[0].when.abi-features", ["empty array", "a name"]),
    (when({"glibc": "2.28"}), "variant[0].when.glibc", ["'2.28'", "'>=2.28'"]),
    # specifiers that plain releases cannot express
    (when({"cuda": "===12.4"}), "variant[0].when.cuda", ["found '===12.4'", PLAIN]),
    (when({"cuda": ">=12,!=12.4rc1"}), "variant[0].when.cuda", ["found '>=12,!=12.4rc1'", PLAIN]),
    (when({"cuda": "<13.0.dev1"}), "variant[0].when.cuda", ["found '<13.0.dev1'", PLAIN]),
    (when({"glibc": ">2.28.post1"}), "variant[0].when.glibc", ["found '>2.28.post1'", PLAIN]),
    (when({"macos": "==14.5+own"}), "variant[0].when.macos", ["found '==14.5+own'", PLAIN]),
    (when({"rocm": ">=1!6.4"}), "variant[0].when.rocm", ["found '>=1!6.4'", PLAIN]),
    (
        when([{"cpu": "fma"}, {"compute-capability": "==8.6a1"}]),
        "variant[0].when[1].compute-capability",
        ["found '==8.6a1'", PLAIN],
    ),
    (when({"cuda": f">={'1' * 5000}"}), "variant[0].when.cuda", ["number of 500 digits or more"]),
    (when({"cuda": f">={'1' * 30}"}), "variant[0].when.cuda", [f"'>={'1' * 30}'", PLAIN]),
    (when({"cuda": "12.4rc1"}), "variant[0].when.cuda", ["'12.4rc1'", "a specifier"]),
    # names
    (when({"cpu": 5}), "variant[0].when.cpu", ["5 (an integer)", "'avx2'"]),
    (when({"cpu": []}), "variant[0].when.cpu", ["an empty array", "'avx2'"]),
    (when({"cpu": ["avx2", 5]}), "variant[0].when.cpu[1]", ["5 (an integer)", "'avx2'"]),
    (when({"cpu": " "}), "variant[0].when.cpu", ["' '", "'avx2'"]),
    (when({"cpu": "avx2, fma"}), "variant[0].when.cpu", ["'avx2, fma'", "an array"]),
    (when({"installed": 5}), "variant[0].when.installed", ["5 (an integer)", "'torch>=2.9'"]),
    (when({"installed": []}), "variant[0].when.installed", ["an empty array", "'torch>=2.9'"]),
    (when({"installed": ["jax", 5]}), "variant[0].when.installed[1]", ["array of them"]),
    (when({"installed": "torch>=x"}), "variant[0].when.installed", ["'torch>=x'"]),
    (when({"installed": "torch, jax"}), "variant[0].when.installed", ["'torch, jax'"]),
    *(
        (when({"installed": one}), "variant[0].when.installed", [f"{one!r}", "without a marker"])
        for one in ("jax[cuda12]", "jax; os_name == 'nt'", "jax @ https://spam.example/jax.whl")
    ),
    # markers
    (when({"marker": True}), "variant[0].when.marker", ["true (a boolean)", "a marker"]),
    (when({"marker": ""}), "variant[0].when.marker", ["empty", "a marker"]),
    (
        when({"marker": "os_name = 'nt'"}),
        "variant[0].when.marker",
        ["\"os_name = 'nt'\"", "\nos_name = 'nt'\n        ^"],
    ),
    (when({"marker": "os_nam == 'nt'"}), "variant[0].when.marker", ["os_nam", "^"]),
    (when({"marker": "extra == 'plot'"}), "variant[0].when.marker", ["extra"]),
    (when({"marker": "'gpu' in dependency_groups"}), "variant[0].when.marker", ["groups"]),
    # what no message and no metadata can hold
    (requires("a @ https://b/\rc"), "requires[0]", [r"'a @ https://b/\rc'", r"'\r'", "one line"]),
    (requires("a; os_name == '\u2028'"), "requires[0]", [r"'\u2028'", "one line"]),
    (requires("a\t>1"), "requires[0]", [r"'\t'", "one line"]),
    (requires(f"a>{LONG}"), "requires[0]", ["'a>1111", "500 digits"]),
    (when({"cuda": f">={LONG}"}), "variant[0].when.cuda", ["'>=1111", "500 digits"]),
    (when({"cuda": "===\x85"}), "variant[0].when.cuda", [r"\x85"]),
    (when({"marker": "os_name == '\r'"}), "variant[0].when.marker", [r"'\r'"]),
    (when({"property": "a :: b :: c\rd"}), "variant[0].when.property", [r"c\rd'"]),
    ({"variant": [CPU], "advice": "a\rb"}, "advice", [r"'\r'", r"'\n'"]),
    ({"variant": [{"name": "a", "refuse": "a\x1b[0m"}]}, "variant[0].refuse", [r"'\x1b'"]),
    ({"variant": [{**CPU, "conform": {"a": "\r1"}}]}, "variant[0].conform.a", [r"'\r'"]),
    ({"variant": [{**CPU, "conform": {"\ud800": "1"}}]}, r"variant[0].conform.'\ud800'", ["has"]),
    (requires("a; " + "(" * 5000), "requires[0]", ["'a; ((((", "' and so on"]),
    # markers that cannot be judged by plain releases and equality of texts
    (
        when({"marker": "os_name == 'nt' or python_version ~= '3.9'"}),
        "variant[0].when.marker",
        ["found \"os_name == 'nt' or python_version ~= '3.9'\"", "~=", "expected"],
    ),
    (
        when({"marker": "'3.9.1' ~= python_full_version"}),
        "variant[0].when.marker",
        ["found \"'3.9.1' ~= python_full_version\"", "~=", "expected"],
    ),
    (
        when({"marker": "python_version === '3.9'"}),
        "variant[0].when.marker",
        ["found \"python_version === '3.9'\"", "'===3.9'", "plain releases"],
    ),
    (
        when({"marker": "platform_version === '#1 SMP'"}),
        "variant[0].when.marker",
        ["found \"platform_version === '#1 SMP'\"", "expected == or !="],
    ),
    (
        when({"marker": "python_full_version < '3.13.0rc1'"}),
        "variant[0].when.marker",
        ["found \"python_full_version < '3.13.0rc1'\"", "'<3.13.0rc1'", "plain releases"],
    ),
    (
        when({"marker": "'3.13.0rc1' > python_full_version"}),
        "variant[0].when.marker",
        ["found \"'3.13.0rc1' > python_full_version\"", "'3.13.0rc1'", "not a version"],
    ),
    (
        when({"marker": "python_version < 'three'"}),
        "variant[0].when.marker",
        ["found \"python_version < 'three'\"", "'<three'", "plain releases"],
    ),
    (
        when([{"cuda": True}, {"marker": "sys_platform >= 'linux'"}]),
        "variant[0].when[1].marker",
        ["found \"sys_platform >= 'linux'\"", "no order", "expected == or !="],
    ),
    (
        when({"marker": "sys_platform ~= 'linux'"}),
        "variant[0].when.marker",
        ["found \"sys_platform ~= 'linux'\"", "expected"],
    ),
    (
        when({"marker": "platform_release >= '5.4'"}),
        "variant[0].when.marker",
        ["found \"platform_release >= '5.4'\"", "platform_release", "expected == or !="],
    ),
    (
        when({"marker": "platform_release != '5.4'"}),
        "variant[0].when.marker",
        ["found \"platform_release != '5.4'\"", "a version on some systems only"],
    ),
    (
        when({"marker": "'6.1.0' == platform_release"}),
        "variant[0].when.marker",
        ["found \"'6.1.0' == platform_release\"", "a version on some systems only"],
    ),
    (
        {
            "variant": [CPU],
            "provider": {"x": {"requires": ["x"], "enable-if": "platform_machine < 'x'"}},
        },
        "provider.x.enable-if",
        ["found \"platform_machine < 'x'\"", "no order", "expected == or !="],
    ),
]


def _undented(text: str) -> str:
    return "\n".join(line[4:] if line.startswith("    ") else line for line in text.split("\n"))


@pytest.mark.parametrize(
    ("table", "key", "fragments"), BAD, ids=[f"{key}-{fragments[0]}" for _, key, fragments in BAD]
)
def test_what_is_wrong_is_said_once_with_its_key_and_what_was_expected(
    table: dict[str, Any], key: str, fragments: list[str]
) -> None:
    ((found, message),) = problems_of(table)
    assert found == key
    for fragment in fragments:
        assert fragment in _undented(message)


def test_the_errors_of_a_table_are_reported_together() -> None:
    table = {
        "kind": "capabilty",
        "variabel": "SPAM_VARIANT",
        "requires": ["spam-core=={verson}", "a b"],
        "extras": ["a b"],
        "advice": 5,
        "variant": [
            {"name": "cu12", "when": {"cdua": ">=12", "glibc": "2.28"}},
            {"name": "CU12", "requires": ["x"], "refuse": "{gpu}"},
            "cpu",
        ],
    }
    assert sorted(key for key, _ in problems_of(table)) == [
        "advice",
        "extras[0]",
        "kind",
        "requires[0]",
        "requires[1]",
        "variabel",
        "variant[0].when.cdua",
        "variant[0].when.glibc",
        "variant[1].name",
        "variant[1].refuse",
        "variant[1].refuse",
        "variant[2]",
    ]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({**when({"cuda": "12"}), "advice": "You have {cuda}."}, "variant[0].when.cuda"),
        (
            {"variant": [{"name": "old", "when": {"cuda": 12}, "refuse": "CUDA {cuda} is old."}]},
            "variant[0].when.cuda",
        ),
        ({"variant": [{"name": "a b", "requires": ["spam-{name}"]}]}, "variant[0].name"),
        ({"variant": [{"name": 5, "requires": ["spam-{name}"]}]}, "variant[0].name"),
    ],
)
def test_an_error_does_not_give_rise_to_others(table: dict[str, Any], key: str) -> None:
    assert [found for found, _ in problems_of(table)] == [key]


@pytest.mark.parametrize("second", ["CU-12.A", "cu_12_a", "cu-12-a", "cu.12--A"])
def test_names_of_variants_are_compared_as_names_of_projects(second: str) -> None:
    ((key, message),) = problems_of(named("cu-12.a", second))
    assert key == "variant[1].name"
    assert repr(second) in message
    assert "'cu-12.a'" in message


@pytest.mark.parametrize("name", ["a", "A", "1", "cu12", "cpu-x86_64.v3", "a" * 60])
def test_a_valid_name_is_accepted(name: str) -> None:
    assert parse(named(name)).variants[0].name == name


# --- properties


@given(tables())
def test_a_valid_table_has_no_problems(table: dict[str, Any]) -> None:
    parse(table)


_WORDS = (
    *("kind", "variable", "requires", "extras", "advice", "variant", "name", "when", "refuse"),
    *("cuda", "compute-capability", "cpu", "glibc", "marker", "cdua", "requirement", "cpu"),
    *(">=12", "12", "~=1", "avx2", "spam=={version}", "{name}", "{", "a b", "os_name == 'nt'"),
)
_conditions = st.dictionaries(st.sampled_from(_WORDS), anything(*_WORDS), max_size=3)
_variants = st.dictionaries(
    st.sampled_from(_WORDS),
    anything(*_WORDS) | _conditions | st.lists(_conditions, max_size=2),
    max_size=4,
)
_selectors = st.dictionaries(
    st.sampled_from(_WORDS) | st.text(max_size=5),
    anything(*_WORDS) | st.lists(_variants, max_size=3),
    max_size=5,
)


@given(_selectors, st.lists(_variants | anything(*_WORDS), max_size=3))
def test_a_table_of_any_shape_is_read_or_its_problems_are_named(
    table: dict[str, Any], variants: list[Any]
) -> None:
    for candidate in (table, {**table, "variant": variants}):
        _, problems = parse_selector(candidate, project="spam", version="1.0")
        for problem in problems:
            assert problem.key.startswith("tool.selector.")
            assert problem.message.strip()


def test_former_names_are_none_that_the_table_has() -> None:
    rows: list[dict[str, Any]] = [{"name": "cuda12", "formerly": ["cu12", "CPU"]}, {"name": "cpu"}]
    _, problems = parse_selector({"variant": rows}, project="spam", version="1.1")
    (problem,) = problems
    assert problem.key == "tool.selector.variant[0].formerly[1]"
    assert problem.message == "found 'CPU', which the table has; it names old ones"
    rows[0]["formerly"] = ["cu12"]
    selector, _ = parse_selector({"variant": rows}, project="spam", version="1.1")
    assert former_distributions(selector) == {"cu12": "spam-cu12"}
    pin = ["spam-cu12=={version}"]  # which is still there
    for shared, more in (
        ([], {"requires": pin}),
        ([], {"extras": {"more": pin}}),
        (pin, {}),
    ):
        table = {"requires": shared, "variant": [{**rows[0], **more}, rows[1]]}
        selector, problems = parse_selector(table, project="spam", version="1.1")
        assert (former_distributions(selector), problems) == ({}, [])


# --- what a whole environment has to agree on


@pytest.mark.parametrize(
    ("table", "key", "fragments"),
    [
        (
            {"kind": "capability", "variant": [{"name": "cpu", "conform": {"cuda": "12"}}]},
            "variant[0].conform",
            ["side by side"],
        ),
        (
            {"variant": [{"name": "old", "refuse": "no", "conform": {"cuda": "12"}}]},
            "variant[0].conform",
            ["refuse"],
        ),
        ({"variant": [{"name": "cu12", "conform": "12"}]}, "variant[0].conform", ["'12'", "table"]),
        ({"variant": [{"name": "cu12", "conform": {}}]}, "variant[0].conform", ["empty table"]),
        (
            {"variant": [{"name": "cu12", "conform": {"cuda-x": "12", "cuda_x": "11"}}]},
            "variant[0].conform.cuda_x",
            ["'cuda-x' and 'cuda_x' are one name"],
        ),
        (
            {"variant": [{"name": "cu12", "conform": {"cuda": 12}}]},
            "variant[0].conform.cuda",
            ["12 (an integer)", "a text such as '12'"],
        ),
    ],
)
def test_what_is_wrong_with_conform_is_said(
    table: dict[str, Any], key: str, fragments: list[str]
) -> None:
    _, problems = parse_selector(table, project="spam", version="1.0")
    assert [problem.key for problem in problems] == [f"tool.selector.{key}"]
    for fragment in fragments:
        assert fragment in problems[0].message


def test_what_stands_for_a_variant_and_what_is_everybodys() -> None:
    selector, problems = parse_selector(
        {
            "requires": ["spam-core"],
            "variant": [
                {"name": "a", "requires": ["spam-a==0.9", "numpy", "spam-core", "x==1.0"]},
                {"name": "b", "requires": ["Spam_B", "cuda-toolkit==12.*", "both"]},
                {"name": "c", "requires": ["ham>=2", "eggs", "both", "spamalot"]},
                {"name": "d", "requires": ["jax[cuda12]"]},
                {"name": "e", "requires": ["jax"]},
            ],
        },
        project="spam",
        version="1.0",
    )
    assert problems == []
    own = [variant.distributions for variant in selector.variants]
    assert own == [("spam-a",), ("spam-b",), ("eggs", "ham", "spamalot"), (), ()]


LINUX, WINDOWS = {"sys_platform": "linux"}, {"sys_platform": "win32"}


@pytest.mark.parametrize(
    ("marker", "a", "b"),
    [
        (LINUX, ("spam-a",), ("numpy",)),
        (WINDOWS, ("spam-w",), ("numpy",)),
        (None, ("spam-a", "spam-w"), ("numpy",)),
        # Whether it is true cannot be told, so that nothing stands for either.
        ({}, (), ()),
    ],
)
def test_a_requirement_whose_marker_is_false_stands_for_nothing(
    marker: dict[str, str] | None, a: tuple[str, ...], b: tuple[str, ...]
) -> None:
    table = {
        "variant": [
            {
                "name": "a",
                "requires": [
                    "spam-a @ https://spam.example/a;b ; sys_platform != 'win32'",
                    "spam-w; (sys_platform == 'win32')",
                ],
            },
            {"name": "b", "requires": ["numpy; sys_platform != 'none'"]},
        ]
    }
    selector = with_standing(parse(table), marker)
    assert [one.distributions for one in selector.variants] == [a, b]


@pytest.mark.parametrize(
    ("specifier", "pinned"),
    [
        *(("==1.0", True), ("==1.0.0", True), ("==1", True), ("===1.0", True), ("===1", True)),
        *(("==1.0.*", True), ("==1.0.0.*", True), ("==1.*", False), ("==1.1", False)),
        *((">=1.0", False), ("===spam", False), ("", False), (">=0.9,==1.0.0", True)),
    ],
)
def test_a_pin_to_the_projects_version_may_be_written_in_any_way(
    specifier: str, pinned: bool
) -> None:
    assert is_pinned(Requirement(f"spam-a{specifier}"), "1.0") is pinned


def test_conform_is_read_with_its_names_normalized() -> None:
    table = {"variant": [{"name": "cu12", "conform": {"Cuda-Major": " 12 "}}]}
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert not problems
    assert selector.variants[0].conform == {"cuda_major": "12"}
