"""Data of others, good and bad: each reader of it ends in a value, or in one message.

What is not a `SelectorError` is a traceback for whoever installs, and fails the test here.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selector_runtime._fits import fits
from selector_runtime._record import find_record
from support.project import HEAD
from support.strategies import anything, machines, tables

from selector_backend.authoring.selector import parse_selector
from selector_backend.checking.index import compare
from selector_backend.cli.doctor import choose
from selector_backend.cli.interpreter import Recorded, read_packages
from selector_backend.cli.source import read_selector
from selector_backend.errors import SelectorError
from selector_backend.installing.environment import read_environment
from selector_backend.installing.wheel import record_of
from selector_backend.model.decision import Decision, Environment, Request, decide
from selector_backend.model.facts import FACTS
from selector_backend.model.machine import Machine, ProfileFile
from selector_backend.model.record import Record, Unusable, Verdict, parse_record
from selector_backend.model.table import Selector, load_selector
from selector_backend.probes.profile import read_profile

DIGITS = "1" * 5000
DEEP = "[" * 900 + "]" * 900
WORDS = ("format", "facts", "value", "absent", "source", "12.4", "x :: y :: z", "avx2", "{}", "{a}")
VALUES = anything(*WORDS, *FACTS) | st.sampled_from([DIGITS, "\ud800", "\0", "{0.x!r:>9999999}"])


def parse(table: dict[str, Any]) -> Selector:
    selector, problems = parse_selector(table, project="spam", version="1.0")
    assert problems == []
    return selector


def record(decision: Decision) -> Record:
    return record_of(decision, "0")


SPAM = parse(
    {
        "variant": [
            {"name": "cu12", "when": {"cuda": ">=12"}, "conform": {"cuda": "12"}},
            {"name": "cpu"},
        ]
    }
)


def damaged(good: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Text that is JSON as ``good`` has it, with something else in some places, or no JSON."""

    @st.composite
    def damage(draw: st.DrawFn) -> str:
        data = json.loads(json.dumps(draw(good), default=str))
        for _ in range(draw(st.integers(0, 3))):
            places = [*_places(data)]
            if places:
                inside, key = draw(st.sampled_from(places))
                if draw(st.booleans()):
                    inside[key] = draw(VALUES)
                else:
                    del inside[key]
        text = json.dumps(data, default=str)
        if draw(st.booleans()):
            text = text.replace('"12"', draw(st.sampled_from([DEEP, f'"{DIGITS}"', DIGITS, "NaN"])))
        return text

    return damage() | st.text() | st.sampled_from([DEEP, "[" * 100_000, DIGITS, "NaN", "null"])


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        yield data, key
        yield from _places(data[key])


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# --- machine profiles


@given(damaged(machines.map(Machine.dump)).map(encoded) | st.binary())
@example(b'{"format": 1, "facts": {"cuda": "' + DIGITS.encode() + b'"}}')
@example(b'{"format": ' + DEEP.encode() + b', "facts": {}}')
def test_a_machine_profile_is_read_or_is_one_message(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "profile.json")
        path.write_bytes(content)
        with contextlib.suppress(SelectorError):
            read_profile(ProfileFile(str(path), "-C machine"), FACTS)


# --- records


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Records that the backend writes, of decisions on any machine."""
    selector, problems = parse_selector(draw(tables()), project="spam", version="1.0")
    assert problems == []
    return record(decide(selector, draw(machines), Request(), Environment())).dump()


@given(damaged(records()) | VALUES.map(lambda value: json.dumps(value, default=str)))
def test_a_record_is_read_or_says_why_not(text: str) -> None:
    found = parse_record(text)
    if isinstance(found, Unusable):
        assert found.reason
        return
    assert isinstance(found, Record)
    again = parse_record(found.to_bytes())
    assert again == found
    assert isinstance(again, Record)
    assert again.passed_over == ()
    with contextlib.suppress(ValueError):
        assert load_selector(found.table) == load_selector(again.table)
    assert all(isinstance(one, Verdict) for one in found.verdicts)


def install(folder: str, name: str, *, metadata: bytes, record: bytes) -> None:
    """Write the ``.dist-info`` of a selector package."""
    info = Path(folder, f"{name}-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_bytes(metadata)
    (info / "selector.json").write_bytes(record)


@given(damaged(records()), st.binary() | damaged(records()).map(encoded))
def test_whatever_lies_beside_it_a_package_is_installed_and_looked_at(
    text: str, metadata: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        install(folder, "spam", metadata=b"Name: spam\nVersion: 1.0\n", record=encoded(text))
        install(folder, "eggs", metadata=metadata, record=encoded(text.replace("spam", "eggs")))
        install(folder, "spam_cu12", metadata=metadata, record=metadata)
        environment = read_environment(SPAM, [folder])
        made = record(decide(SPAM, Machine(), Request(), environment)).to_bytes()
        assert json.loads(made)
        readable = [one for one in read_packages((folder,)) if isinstance(one, Recorded)]
        choose(readable, Machine(), [package.record for package in readable])


@given(damaged(records()))
def test_whatever_the_record_core_can_be_imported(text: str) -> None:
    path = [*sys.path]
    with tempfile.TemporaryDirectory() as folder:
        install(folder, "spam", metadata=b"", record=encoded(text))
        try:
            sys.path[:] = [folder]
            found = find_record("spam")
        finally:
            sys.path[:] = path
    for name in ("v0", "v1", "v2", "") if found else ():
        assert found is not None
        found.chose(name)
        assert all(isinstance(one, str) for one in found.requires(name) or ())
        when = found.when(name)
        if when:
            fits(when)


# --- an index


class Answering(ThreadingHTTPServer):
    """An index that gives the same answer to whatever it is asked."""

    body, kind = b"", ""


class Answer(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


_file_names = st.sampled_from(
    [
        "spam-1.0.tar.gz",
        "spam-1.0-py3-none-any.whl",
        f"spam-{DIGITS}.tar.gz",
        f"spam-{'1' * 240}-py3-none-any.whl",
        "spam.whl",
        "\ud800",
    ]
)
_answers = st.fixed_dictionaries(
    {
        "files": st.lists(
            st.fixed_dictionaries(
                {"filename": _file_names},
                optional=dict.fromkeys(("yanked", "url", "hashes", "requires-python"), VALUES),
            )
            | VALUES
        )
    }
)
_pages = st.lists(
    _file_names.map("<a>{}</a>".format)
    | st.sampled_from(
        ["<![", "<!x", "<!--", "<a", "<?", "&#x;", "<![if x]>", "<![x[y", "</", "<!DOCTYPE ["]
    )
    | st.text(max_size=5)
).map("".join)


@given(damaged(_answers) | VALUES.map(lambda data: json.dumps(data, default=str)) | _pages)
@example('{"files": ["x"]}')
@example("<![x[y")
def test_an_index_gives_an_answer_or_is_one_message(answering: Answering, text: str) -> None:
    url = f"http://127.0.0.1:{answering.server_port}/simple"
    for kind in ("application/vnd.pypi.simple.v1+json", "text/html"):
        answering.body, answering.kind = encoded(text), kind
        with contextlib.suppress(SelectorError):
            [*compare(SPAM, url, "0.2.0")]


# --- an sdist

_TABLE = "[[tool.selector.variant]]\nname = 'cpu'\n"
PYPROJECT = (HEAD.format(name="spam", version="1.0") + _TABLE).encode()


@st.composite
def sdists(draw: st.DrawFn) -> bytes:
    """Archives with members of every type, and then some bytes of them changed."""
    names = st.sampled_from(
        ["pyproject.toml", "a", "a/b", "../x", "..\\x", "C:\\x", "/x", "", "\0"]
    )
    types = st.sampled_from([bytes([one]) for one in b"0123457ASxgXLK"])
    content = io.BytesIO()
    with tarfile.open(
        fileobj=content, mode="w", format=draw(st.sampled_from([0, 1, 2]))
    ) as archive:
        info = tarfile.TarInfo("spam-1.0/pyproject.toml")
        info.size = len(PYPROJECT)
        archive.addfile(info, io.BytesIO(PYPROJECT))
        for name in draw(st.lists(names, max_size=4)):
            info = tarfile.TarInfo(f"spam-1.0/{name}" + "x" * draw(st.sampled_from([0, 0, 200])))
            data = draw(st.binary(max_size=40) | st.just(b"20 GNU.sparse.size=9\n"))
            info.type, info.size = draw(types), len(data)
            with contextlib.suppress(ValueError):  # a name too long for that format
                archive.addfile(info, io.BytesIO(data))
    found = bytearray(content.getvalue())
    start = 512 + -(-len(PYPROJECT) // 512) * 512  # what `pyproject.toml` says is for other tests
    for _ in range(draw(st.integers(0, 4))):
        found[draw(st.integers(start, len(found) - 1))] = draw(st.integers(0, 255))
    packed = bytearray(gzip.compress(bytes(found), 1))
    if draw(st.integers(0, 9)) == 0:
        packed[draw(st.integers(0, len(packed) - 1))] ^= 1
    return bytes(packed)


@given(sdists() | st.binary() | st.binary().map(gzip.compress))
def test_an_sdist_is_read_or_is_one_message(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "deeper", "spam-1.0.tar.gz")
        path.parent.mkdir()
        path.write_bytes(content)
        with contextlib.suppress(SelectorError):
            read_selector(path)
        assert [*Path(folder).iterdir()] == [path.parent]
