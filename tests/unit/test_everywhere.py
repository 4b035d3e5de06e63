"""A lock for all platforms: what is required on which, and in what words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selector_backend.authoring import toml
from selector_backend.authoring.platforms import where_possible
from selector_backend.authoring.selector import parse_selector
from selector_backend.model.decision import Decision, Kept, Request
from selector_backend.model.everywhere import decide_everywhere, on_target
from selector_backend.model.facts import FACTS
from selector_backend.model.machine import Fact, Machine
from selector_backend.model.purpose import Target
from selector_backend.model.regions import SYSTEMS, with_marker
from selector_backend.model.table import Selector
from selector_backend.model.values import replace
from selector_backend.probes.marker import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

LINUX = {**environment(), **SYSTEMS["linux"], "platform_machine": "x86_64"}
MAC = {**environment(), **SYSTEMS["darwin"], "platform_machine": "arm64"}
NO_FACTS: Mapping[str, str] = {}
CUDA = "sys_platform == 'linux' or platform_machine == 'AMD64'"
NO_CUDA = "sys_platform != 'linux' and platform_machine != 'AMD64'"
ROCM = "platform_machine == 'AMD64' or (sys_platform == 'linux' and platform_machine == 'x86_64')"


def parse(*rows: str, head: str = "") -> Selector:
    """Return a table of rows such as ``cu12 = { cuda = ">=12" }``; a name alone fits everywhere."""
    lines = [head]
    for row in rows:
        name, _, when = row.partition(" = ")
        lines += ["[[variant]]", f'name = "{name}"', f"when = {when}" if when else ""]
    table = toml.loads("\n".join(lines))
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert not list(problems)
    return replace(selector, where=where_possible(selector.conditions))


def decide(
    selector: Selector,
    request: Request | None = None,
    here: Mapping[str, str] = LINUX,
    *,
    facts: Mapping[str, str] = NO_FACTS,
) -> Decision:
    known = {name: Fact(name, "a test", reason="it is not there") for name in selector.facts}
    known |= {name: Fact(name, "a test", FACTS[name].kind.parse(v)) for name, v in facts.items()}
    known |= {"marker": Fact("marker", "a test", here)} if "marker" in known else {}
    request = request or Request()
    machine = Machine(known if request.automatic else {})
    return decide_everywhere(selector, machine, request, here)


def markers(decision: Decision) -> dict[str, str]:
    """Return the markers of what is required, by the variant's name."""
    pairs = [one.partition("==1.0")[::2] for one in decision.requires]
    return {name.removeprefix("spam-"): marker.removeprefix("; ") for name, marker in pairs}


@pytest.mark.parametrize(
    ("rows", "facts", "expected"),
    [
        (['cu12 = { cuda = ">=12" }', "cpu"], {"cuda": "12.4"}, {"cu12": CUDA, "cpu": NO_CUDA}),
        (['cu12 = { cuda = ">=12" }', "cpu"], {}, {"cpu": ""}),
        (
            ['rocm = { rocm = ">=6" }', "cpu = { rocm = false }"],
            {"rocm": "6.4"},
            {
                "rocm": ROCM,
                "cpu": "(platform_machine != 'AMD64' and platform_machine != 'x86_64') or "
                "(sys_platform != 'linux' and platform_machine != 'AMD64')",
            },
        ),
        (
            ['v3 = { cpu = "x86_64_v3" }', "any"],
            {"cpu": "x86_64_v3"},
            {
                "v3": "platform_machine == 'x86_64' or platform_machine == 'AMD64'",
                "any": "platform_machine != 'x86_64' and platform_machine != 'AMD64'",
            },
        ),
        (
            ["mac = { marker = \"sys_platform == 'darwin'\" }", "other"],
            {},
            {"mac": "sys_platform == 'darwin'", "other": "sys_platform != 'darwin'"},
        ),
        (
            ["ten = { marker = \"python_version == '3.10'\" }", "other"],
            {},
            {
                "ten": "python_version >= '3.10' and python_version < '3.11'",
                "other": "python_version < '3.10' or python_version >= '3.11'",
            },
        ),
        (
            ["bsd = { marker = \"'bsd' in sys_platform\" }", "other"],
            {},
            {"bsd": "'bsd' in sys_platform", "other": "'bsd' not in sys_platform"},
        ),
        # What cannot be negated safely counts as here.
        (["new = { marker = \"python_full_version >= '3.8.1'\" }", "old"], {}, {"new": ""}),
        (
            ['old = { glibc = ">=2.17" }', 'mac = { macos = ">=11" }', "other"],
            {"glibc": "2.31"},
            {"old": "sys_platform == 'linux'", "other": "sys_platform != 'linux'"},
        ),
    ],
)
def test_markers_are_short(
    rows: list[str], facts: dict[str, str], expected: dict[str, str]
) -> None:
    assert markers(decide(parse(*rows), facts=facts)) == expected


def test_a_variant_that_is_asked_for_is_locked_where_it_can_be_at_all() -> None:
    selector = parse('cu12 = { cuda = ">=12" }', "cpu")
    for here in (LINUX, MAC):
        decision = decide(selector, Request(("cu12",), "SPAM_VARIANT"), here)
        assert markers(decision) == {"cu12": CUDA, "cpu": NO_CUDA}
    assert decision.notes == (f"cu12, which SPAM_VARIANT asks for, cannot be where {NO_CUDA}",)
    # By its platform alone, and not by what this machine has besides.
    nowhere = parse("a = { cuda = true, macos = true }", "b")
    assert markers(decide(nowhere, Request(("a",), "SPAM_VARIANT"))) == {"a": ""}
    other = parse("a = { marker = \"python_version < '3'\", cuda = true }", "b")
    assert markers(decide(other, Request(("a",), "SPAM_VARIANT"))) == {"a": ""}


def test_a_variant_that_a_lock_names_stays_and_the_rest_is_decided_anew() -> None:
    selector = parse('cu13 = { cuda = ">=13" }', 'cu12 = { cuda = ">=12" }', "cpu")
    kept = Kept("cu12", "platform_machine == 'x86_64' and sys_platform == 'linux'", "uv.lock")
    gone = Kept("cu11", "sys_platform == 'win32'", "uv.lock")
    decision = decide(selector, Request(kept=(kept, gone)), facts={"cuda": "13.0"})
    assert markers(decision) == {
        "cu12": "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "cu13": "(sys_platform == 'linux' and platform_machine != 'x86_64') or "
        "(sys_platform != 'linux' and platform_machine == 'AMD64')",
        "cpu": NO_CUDA,
    }
    everywhere = Request(kept=(Kept("cu12", "", "uv.lock"),))
    again = decide(selector, everywhere, facts={"cuda": "13.0"})
    assert markers(again) == {"cu12": CUDA, "cpu": NO_CUDA}
    full = Kept("cpu", "python_full_version < '3.11' and sys_platform == 'linux'", "uv.lock")
    old = markers(decide(selector, Request(kept=(full,)), facts={"cuda": "12.4"}))
    assert "python_version >= '3.11'" in old["cu12"]


def test_a_lock_stops_only_where_no_platform_has_a_variant() -> None:
    rows = ('cu12 = { cuda = ">=12" }', "mac = { marker = \"sys_platform == 'darwin'\" }")
    decision = decide(parse(*rows))
    assert markers(decision) == {"mac": "sys_platform == 'darwin'"}
    assert decision.stop is None
    assert decision.notes[0] == "no variant fits where sys_platform != 'darwin'"
    assert decide(parse(*rows[:1])).stop is not None


def test_what_several_variants_require_has_one_line() -> None:
    head = 'requires = ["core==1.0"]'
    own = 'requires = ["x==1", "y==1; os_name == \'nt\'"]'
    selector = parse(f"a = {{ cuda = true }}\n{own}", head=head)
    (first,) = selector.variants
    last = replace(first, name="b", when=(), requires=("x==1", "z==1"))
    both = replace(selector, variants=(first, last))
    assert decide(both, facts={"cuda": "12"}).requires == (
        "core==1.0",
        "x==1",
        f'y==1; os_name == "nt" and ({CUDA})',
        f"z==1; {NO_CUDA}",
    )
    assert with_marker("x @ https://a.example/x.whl", "b") == "x @ https://a.example/x.whl ; b"
    assert with_marker("x; a or b", "c") == "x; (a or b) and c"


def test_without_what_platforms_can_have_all_count_as_this_one() -> None:
    """As sdists of format 1."""
    selector = replace(parse('cu12 = { cuda = ">=12" }', "cpu"), where=())
    assert markers(decide(selector, facts={"cuda": "12.4"})) == {"cu12": ""}


def test_markers_that_tell_too_much_apart_are_judged_here() -> None:
    rows = [f"a{n} = {{ marker = \"python_version == '3.{n}'\" }}" for n in range(99)]
    rows += [f"b{n} = {{ marker = \"platform_machine == 'm{n}'\" }}" for n in range(99)]
    decision = decide(parse(*rows, "other"))
    assert [*markers(decision).values()] == [""]
    assert "for this one alone" in decision.notes[0]


def test_another_platform_has_what_it_can_have() -> None:
    selector = parse('cu12 = { cuda = ">=12", glibc = ">=2.28" }', 'v3 = { cpu = "x86_64_v3" }')
    facts = {"cuda": "12.4", "glibc": "2.31", "cpu": "x86_64_v3"}
    machine = Machine(
        {name: Fact(name, "a test", FACTS[name].kind.parse(value)) for name, value in facts.items()}
    )
    arm = Target("an option", {**SYSTEMS["linux"], "platform_machine": "aarch64"}, "glibc", "2.17")
    there, notes = on_target(machine, selector, arm, LINUX)
    assert [there[name].value for name in facts] == ["12.4", "2.17", frozenset()]
    assert notes == ("decided for an option, and as on this machine: cuda",)
    there, _ = on_target(machine, selector, replace(arm, fact="musl"), LINUX)
    assert there["cuda"].reason == "Linux on aarch64 cannot have it"
    assert there["glibc"].value is None
