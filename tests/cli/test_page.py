"""The page that `selector-backend matrix --html` writes, read as text and in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.browser import Browser, browser
from support.command import data, error, lines
from support.environment import ROOT
from support.project import CUDA, write_project

from selector_backend.authoring import toml

RECIPES = ROOT / "docs/recipes"
REFUSING = CUDA + '\n[[tool.selector.variant]]\nname = "never"\nrefuse = "No."\n'
HOSTILE = '</script><script>console.log("in")</script><img src=https://evil.example/x>"\'&'

# Picks the texts given, field by field, as a visitor does, and tells what is to be seen then.
PICK = """(picked => {
  for (const [name, text] of Object.entries(picked)) {
    const select = document.querySelector(`select[name=${name}]`);
    if (!select || select.parentElement.hidden) continue;
    if (![...select.options].some(option => option.text === text)) return `no ${text}`;
    select.value = text;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }
  return document.getElementById("answer").innerText;
})"""

# Every text's contrast with the page's background: the least, and what is wider than the page.
LOOKS = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = colour => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(one => one / 255)
      .map(one => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.background = "Canvas";
  const back = light(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const texts = [...document.querySelectorAll("h1, h2, p, pre, code, b, small, summary, select")];
  const contrasts = texts.map(one => light(getComputedStyle(one).color))
    .map(one => (Math.max(one, back) + .05) / (Math.min(one, back) + .05));
  const wide = [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1);
  return { wide: wide.map(one => one.outerHTML.slice(0, 80)), contrast: Math.min(...contrasts),
    scroll: document.documentElement.scrollWidth, width: innerWidth };
})()"""


class Page(HTMLParser):
    """The cells of a page's table, by machine and variant, what to pick, and all addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: dict[str, dict[str, str]] = {}
        self.picks: list[dict[str, str]] = []
        self.addresses: list[str] = []
        self._machine = self._variant = self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._tag = tag
        self._variant = values.get("data-variant") or self._variant
        self.addresses += [values[name] for name in ("src", "href") if name in values]
        if tag == "tr" and values:
            self.picks.append({name.removeprefix("data-"): one for name, one in values.items()})

    def handle_data(self, data: str) -> None:
        if self._tag == "th" and data.strip():
            self._machine = data
        elif self._tag == "b":
            self.cells.setdefault(self._machine, {})[self._variant] = data
        self._tag = "" if data.strip() else self._tag


def written(project: Path, file: Path, *options: str | Path) -> str:
    """Return the page that the command writes."""
    count = len(data("matrix", project, *options)["machines"])
    told = lines("matrix", project, *options, "--html", file)
    assert told == [f"{count} machines are written to {file}"]
    return file.read_text(encoding="utf-8")


def test_the_page_has_the_same_cells_and_needs_nothing_else(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", REFUSING)
    file = tmp_path / "machines.html"
    text = written(project, file)
    page = Page(text)
    for machine in data("matrix", project)["machines"]:
        cells = page.cells[machine["name"]]
        fitting = {one["name"] for one in machine["verdicts"] if one["fits"]}
        assert {name for name, word in cells.items() if word == "chosen"} == {*machine["variants"]}
        assert {name for name, word in cells.items() if word != "does not fit"} == fitting
        assert cells["never"] == "refuses"
    assert "<code>SPAM_VARIANT=cpu pip install spam</code>" in text
    assert 'class="nothing"' not in text
    assert page.addresses == ["data:,"]
    assert not re.search(r"https?://|@import|url\(", text)
    text = written(RECIPES / "cupy", file)
    machines = data("matrix", RECIPES / "cupy")["machines"]
    without = [one["name"] for one in machines if not one["variants"]]
    assert text.count('<details class="nothing">') == len(without) > 0
    assert "See https://docs.cupy.dev/" in text  # the table's advice
    message = error("matrix", project, "--html", tmp_path / "nowhere" / "page.html")
    assert "No such file or directory" in message


def test_with_json_nothing_else_is_on_standard_output(tmp_path: Path) -> None:
    project, file = write_project(tmp_path / "source"), tmp_path / "machines.html"
    assert len(data("matrix", project, "--html", file)["machines"]) > 24
    assert file.exists()


def test_every_gpu_that_is_shipped_can_be_picked_by_its_name(tmp_path: Path) -> None:
    """And no two that differ are one choice, as they are if a new fact of GPUs has no `part`."""
    file = tmp_path / "machines.html"
    text = Page(written(write_project(tmp_path / "source"), file))
    picks = {one["machine"]: one for one in text.picks}
    shipped = toml.loads((ROOT / "selector_backend/cli/machines.toml").read_text(encoding="utf-8"))
    common = {"cpu", "glibc", "musl", "macos", "cuda-toolkit"}  # of machines without a GPU, too
    known: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in shipped["machine"]:
        own = {name: facts for name, facts in one["facts"].items() if name not in common}
        pick = picks[one["name"]]
        assert (pick["gpu"] == "none") == (not own), f"{one['name']}: no GPU's name, or no `part`"
        assert one.get("gpu", "none") in pick["gpu"]
        key = (pick["system"], pick["gpu"], pick["driver"])
        same = {
            name: sorted({*facts}) if isinstance(facts, list) else facts
            for name, facts in own.items()
        }
        assert known.setdefault(key, same) == same
    assert len({one["system"] for one in text.picks}) > 5


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


def shown(tab: Browser, pick: dict[str, str]) -> str:
    """Return what the page shows for a machine."""
    order = {name: pick[name] for name in ("system", "gpu", "driver", "machine")}
    answer = tab.run(f"{PICK}({json.dumps(order)})")
    assert isinstance(answer, str)
    return answer


def spread(picks: list[dict[str, str]], least: int) -> list[dict[str, str]]:
    """Return machines of all outcomes and systems, ``least`` of them at least."""
    kinds = {(one["chosen"], one["system"]): one for one in picks}
    return list(
        {one["machine"]: one for one in (*kinds.values(), *picks[:: len(picks) // least])}.values()
    )


@pytest.fixture(scope="module", params=["pytorch", "cupy", "polars"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe's page; its folder has the recipe's name."""
    recipe: str = request.param
    file = tmp_path_factory.mktemp("pages") / recipe / "machines.html"
    file.parent.mkdir()
    written(RECIPES / recipe, file)
    return file


@pytest.mark.parametrize("width", [1280, 360])
def test_a_visitor_picks_a_machine_and_sees_the_command(
    page: Path, width: int, tab: Browser
) -> None:
    recipe = RECIPES / page.parent.name
    machines = {one["name"]: one for one in data("matrix", recipe)["machines"]}
    table = toml.loads((recipe / "pyproject.toml").read_text(encoding="utf-8"))
    install = f"pip install {table['project']['name']}"
    variable = table["project"]["name"].upper().replace("-", "_") + "_VARIANT"
    picks = spread(Page(page.read_text(encoding="utf-8")).picks, 10)
    assert len(picks) >= 10
    tab.open(page, width=width)
    for pick in picks:
        machine, answer = machines[pick["machine"]], shown(tab, pick)
        if machine["variants"]:
            (variant,) = machine["variants"]
            (reason,) = [one["reason"] for one in machine["verdicts"] if one["name"] == variant]
            setting = f"{table['project']['name']}:variant={variant}"
            forced = (f"{variable}={variant} {install}", f"{install} -C {setting}")
            assert {variant, f"Why: {reason}", install, *forced} <= {*answer.split("\n")}
            assert answer.count(install) == 3
        else:
            assert "Installing stops here" in answer
            assert machine["problem"] in answer
            assert install not in answer
    assert (tab.messages, tab.requests) == ([], [page.as_uri()])


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_fits_its_window_and_can_be_read(page: Path, width: int, tab: Browser) -> None:
    for dark in (False, True):
        tab.open(page, width=width, dark=dark)
        for opened in ("false", "true"):
            tab.run(f"document.getElementById('list').open = {opened}")
            looks = tab.run(LOOKS)
            assert looks["width"] == width
            assert looks["scroll"] <= width
            assert looks["wide"] == []
            assert looks["contrast"] >= 4.5


def test_the_list_is_closed_on_a_phone_and_open_on_a_desk(tab: Browser, tmp_path: Path) -> None:
    file = tmp_path / "machines.html"
    written(write_project(tmp_path / "source"), file)
    seen = "['td', 'select'].map(one => document.querySelector(one).checkVisibility())"
    tab.open(file, width=360)
    assert tab.run(seen) == [False, True]
    tab.open(file, width=1280)
    assert tab.run(seen) == [True, True]


def test_without_javascript_the_page_is_the_list(tab: Browser, tmp_path: Path) -> None:
    file = tmp_path / "machines.html"
    machines = len(Page(written(write_project(tmp_path / "source"), file)).picks)
    tab.open(file, width=360, scripts=False)
    # The protocol's own scripts run all the same.
    cells = "[...document.querySelectorAll('td')].filter(one => one.checkVisibility()).length"
    assert tab.run(cells) == machines * 3
    assert tab.run("document.querySelector('#pick').checkVisibility()") is False
    assert (tab.messages, tab.requests) == ([], [file.as_uri()])


def test_the_keyboard_alone_picks_a_machine(tab: Browser, tmp_path: Path) -> None:
    file = tmp_path / "machines.html"
    written(write_project(tmp_path / "source"), file)
    tab.open(file, width=1280)
    focused = "document.activeElement.labels[0].firstChild.data"
    tab.press("Tab")
    assert tab.run(focused) == "System"
    tab.press("Tab")
    assert tab.run(focused) == "GPU"
    answer = "document.getElementById('answer').innerText"
    assert "\ncpu\n" in tab.run(answer)
    tab.press("T", "T")  # the first that begins with it
    assert tab.run("document.activeElement.value") == "Tesla P100 (compute capability 6.0)"
    assert "\ncu11\n" in tab.run(answer)


def test_texts_of_others_are_texts(tab: Browser, tmp_path: Path) -> None:
    table = (
        "[tool.selector]\nadvice = '''" + HOSTILE.replace("'", "") + "'''\n"
        '[[tool.selector.variant]]\nname = "cu12"\n'
        "requires = ['torch==1; sys_platform == \"</script><img src=x>\"']\n"
        'when = { cuda = ">=12" }\n'
    )
    project = write_project(tmp_path / "source", table)
    marker = {"platform_system": HOSTILE, "platform_machine": "</option><script>1</script>"}
    for name, facts in (("gpu", {"cuda": "12.4"}), (HOSTILE.replace("/", "|"), {})):
        profile = tmp_path / f"{name}.json"
        profile.write_text(json.dumps({"format": 1, "facts": {**facts, "marker": marker}}))
    given = [option for one in sorted(tmp_path.glob("*.json")) for option in ("--machine", one)]
    file = tmp_path / "machines.html"
    picks = Page(written(project, file, *given, "--no-shipped")).picks
    assert {one["system"] for one in picks} == {f"{HOSTILE} </option><script>1</script>"}
    for scripts in (True, False):
        tab.open(file, width=360, scripts=scripts)
        count = "[document.scripts.length, document.images.length]"
        assert tab.run(count) == [1, 0]
    tab.open(file, width=360)
    answers = {pick["chosen"]: shown(tab, pick) for pick in picks}
    assert "</script><img src=x>" in answers["cu12"]
    assert HOSTILE.replace("'", "") in answers[""]
    assert tab.run(LOOKS)["scroll"] <= 360
    assert (tab.messages, tab.requests) == ([], [file.as_uri()])


def test_machines_of_ones_own_can_be_picked(tab: Browser, tmp_path: Path) -> None:
    """Whatever a profile says, and where two have one name."""
    project = write_project(tmp_path / "source")
    facts: list[tuple[str, dict[str, Any]]] = [
        ("a/node", {"cuda": "12.4", "nvidia-driver": "550.54.14", "compute-capability": ["8.9"]}),
        ("b/node", {"cuda": "11.8", "marker": {"sys_platform": "linux"}}),
        ("c/bare", {}),
        ("c/amd", {"gfx": ["gfx942"], "rocm": "6.4", "marker": {"sys_platform": "win32"}}),
    ]
    given: list[str | Path] = []
    for name, values in facts:
        file = tmp_path / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"format": 1, "facts": values}))
        given += ["--machine", file]
    file = tmp_path / "machines.html"
    picks = Page(written(project, file, *given, "--no-shipped")).picks
    assert [(one["system"], one["gpu"], one["driver"]) for one in picks] == [
        ("not known", "compute capability 8.9", "cuda 12.4, nvidia driver 550.54.14"),
        ("Linux", "not known", "cuda 11.8"),
        ("not known", "none", "none"),
        ("Windows", "gfx942", "rocm 6.4"),
    ]
    assert len({one["machine"] for one in picks}) == 4
    tab.open(file, width=360)
    variants = [shown(tab, pick).splitlines() for pick in picks]
    for said, variant in zip(variants, ("cu12", "cu11", "cpu", "cpu")):
        assert variant in said
    written(project, file, "--no-shipped")  # no machine at all
    tab.open(file, width=360)
    assert tab.run("document.querySelector('#pick').checkVisibility()") is False
    assert (tab.messages, tab.requests) == ([], [file.as_uri()])
