"""Sdists that somebody changed: what `check` passes gives what its ``pyproject.toml`` gives."""

from __future__ import annotations

import copy
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import CUDA, build_sdist, write_project
from support.sdist import Member, files_of, read_members, sealed

from selector_backend import __version__
from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import read_project
from selector_backend.checking.archives import unpacked
from selector_backend.checking.shipped import compare_shipped
from selector_backend.errors import SelectorError
from selector_backend.model.table import TABLE_NAME, read_compiled

Draw = Callable[..., Any]

MORE = """requires-python = ">=3.9"
description = "Chooses a spam"
license-files = ["LICENSE"]
scripts = { spam = "spam_core:main" }
optional-dependencies = { plot = ["matplotlib"] }
"""


class Members(list[Member]):
    """The members of an sdist; examples that fail are shown without all of its files."""

    def __repr__(self) -> str:
        return f"{len(self)} members"


@pytest.fixture(scope="module", params=["plain", "self-contained"])
def members(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Members:
    folder = tmp_path_factory.mktemp(request.param)
    carries = "self-contained = true\n" if request.param == "self-contained" else ""
    table = CUDA.replace("[tool.selector]\n", f"[tool.selector]\n{carries}")
    source = write_project(folder / "source", table, more=MORE)
    (source / "LICENSE").write_text("Do as you like.\n", encoding="utf-8")
    return Members(read_members(build_sdist(source, folder / "dist")))


NAMES = st.sampled_from(
    (
        *("spam-1.0/pyproject.toml", "./spam-1.0/pyproject.toml", "spam-1.0//pyproject.toml"),
        *(
            "spam-1.0/LICENSE",
            "spam-1.0/LICENSE.txt",
            "spam-1.0/PKG-INFO",
            f"spam-1.0/{TABLE_NAME}",
        ),
        *("spam-1.0/_selector/evil.py", "spam-1.0/_selector/selector_backend/errors.py"),
        *("eggs-1.0/pyproject.toml", "spam-1.0/../x", "/x", "x", "spam-1.0", "spam-1.0/x/y"),
    )
)
TYPES = st.sampled_from((tarfile.REGTYPE, tarfile.AREGTYPE, *b"1235670gx")).map(
    lambda kind: kind if isinstance(kind, bytes) else bytes([kind])
)
FIELDS = st.one_of(
    st.tuples(st.just("mode"), st.sampled_from([0o644, 0o755, 0o4755])),
    st.tuples(st.just("mtime"), st.integers(0, 2**33 - 1)),
    st.tuples(st.just("uname"), st.just("root")),
    st.tuples(st.just("linkname"), st.sampled_from(["/etc/passwd", "PKG-INFO", "spam-1.0/x"])),
    st.tuples(st.just("type"), TYPES),
    st.tuples(st.just("name"), NAMES),
    st.tuples(st.just("pax_headers"), st.dictionaries(st.sampled_from(["path", "size"]), NAMES)),
)


def edit(draw: Draw, members: list[Member]) -> None:
    """Change members: which there are, in which order, their headers, and what is in them."""
    index = draw(st.integers(0, len(members) - 1))
    member, content = members[index]
    kind = draw(st.sampled_from(["add", "remove", "swap", "field", "content", "table", "again"]))
    if kind == "add":
        new = tarfile.TarInfo(draw(NAMES))
        new.type, new.linkname, data = draw(TYPES), "spam-1.0/LICENSE", draw(st.binary(max_size=9))
        new.size, new.mtime, new.mode = len(data), member.mtime, member.mode
        members.insert(index, (new, data))
    elif kind == "remove" and len(members) > 1:
        del members[index]
    elif kind == "swap":
        members.append(members.pop(index))
    elif kind == "again":
        members.insert(draw(st.integers(0, len(members))), (copy.copy(member), content))
    elif kind == "field":
        setattr(member, *draw(FIELDS))
    elif kind == "content" and content:
        at = draw(st.integers(0, len(content) - 1))
        end = draw(st.integers(at, min(len(content), at + 3)))
        changed = content[:at] + draw(st.binary(max_size=3)) + content[end:]
        member.size, members[index] = len(changed), (member, changed)
    elif kind == "table":
        for number, (each, data) in enumerate(members):
            if each.name.endswith(f"/{TABLE_NAME}"):
                members[number] = each, changed_table(draw, data)
                each.size = len(members[number][1])


def changed_table(draw: Draw, content: bytes) -> bytes:
    """Return a compiled table with another value somewhere, and its hash."""
    try:
        table = json.loads(content)
        inside, key = draw(st.sampled_from([*places(table)]))
    except (ValueError, AttributeError, TypeError):
        return content  # it was changed before
    if draw(st.booleans()):
        inside[key] = draw(st.sampled_from(["evil", [], {}, "", [{"name": "cu12"}], ["evil==1"]]))
    elif isinstance(inside, list):
        inside.append(copy.deepcopy(inside[key]))
    else:
        del inside[key]
    return json.dumps(json.loads(sealed(table)), indent=1).encode() + b"\n"


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in [*(data.items() if isinstance(data, dict) else enumerate(data))]:
        yield data, key
        if isinstance(value, (dict, list)):
            yield from places(value)


def packed(draw: Draw, members: list[Member]) -> bytes:
    """Return an sdist of members, and maybe with other bytes in it or behind it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=draw(st.sampled_from([1, 1, 2]))) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    written = bytearray(tar.getvalue())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1]))):
        written[draw(st.integers(0, len(written) - 1))] = draw(st.integers(0, 255))
    written += draw(st.sampled_from([b"", b"", b"", bytes(512), tar.getvalue()]))
    pack = zlib.compressobj(1, wbits=31)
    end: bytes = draw(st.sampled_from([b"", b"", b"\0"]))
    return pack.compress(bytes(written)) + pack.flush() + end


def passes(sdist: Path) -> bool:
    """Return whether check has nothing to say of what the sdist holds."""
    try:
        with unpacked(sdist) as folder:
            return not [*compare_shipped(read_project(folder, own_code=False), sdist, __version__)]
    except SelectorError:
        return False


def check_what_is_installed(sdist: Path) -> None:
    """Unpack an sdist as pip does, and compare what it gives with what it says."""
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(sdist) as archive:
            archive.extractall(name)  # what check passes has no links, and no ".."
        (folder,) = Path(name).iterdir()
        project = read_project(folder, own_code=False)
        compiled = read_compiled(folder)
        assert compiled == compile_project(project)
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if not path.is_dir()
        }
        assert files == files_of(build_sdist(folder, Path(name, "again")))
        assert not any(path.is_symlink() for path in folder.rglob("*"))


@given(st.data())
def test_what_check_passes_installs_what_its_pyproject_says(
    members: Members, data: st.DataObject
) -> None:
    changed = copy.deepcopy(members)
    for _ in range(data.draw(st.integers(0, 3))):
        edit(data.draw, changed)
    with tempfile.TemporaryDirectory() as folder:
        sdist = Path(folder, "spam-1.0.tar.gz")
        try:
            content = packed(data.draw, changed)
        except ValueError:
            return  # no header can say it
        sdist.write_bytes(content)
        if passes(sdist):
            check_what_is_installed(sdist)


def test_what_nobody_changed_passes(members: Members, tmp_path: Path) -> None:
    sdist = tmp_path / "spam-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    assert passes(sdist)
    check_what_is_installed(sdist)
