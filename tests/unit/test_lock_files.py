"""What a lock says of a package's variants, as uv, poetry and pdm write it; and bad ones."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selector_backend.errors import SelectorError
from selector_backend.installing.locks import with_locked
from selector_backend.model.decision import Request
from selector_backend.model.purpose import Installation, Lock, Purpose
from selector_backend.model.table import CAPABILITY, REQUIREMENT, Selector, Variant
from selector_backend.model.values import replace

if sys.version_info < (3, 11):
    pytest.importorskip("tomli")

HERE, THERE = f"sys_platform == '{sys.platform}'", "sys_platform == 'plan9'"
VARIANTS = tuple(Variant(name, (f"spam-{name}==1.0",)) for name in ("cu12", "cu11", "cpu"))
SPAM = Selector("spam", "1.0", REQUIREMENT, "SPAM_VARIANT", VARIANTS, ("spam-core==1.0",))
JAX = Selector(
    *("jax-here", "1.0", REQUIREMENT, "JAX_VARIANT"),
    (
        Variant("cuda12", ("jax[cuda12]==1.0",)),
        Variant("rocm", ("jax[rocm]==1.0",)),
        Variant("cpu", ("jax==1.0",)),
    ),
)
TORCH = Selector(
    *("torch-here", "1.0", REQUIREMENT, "TORCH_VARIANT"),
    (
        Variant("mac", ("torch==1.0",)),
        Variant("cu126", ("torch==1.0+cu126",)),
        Variant("cpu", ("torch==1.0+cpu",)),
    ),
)
NONE = Selector(
    *("spam", "1.0", REQUIREMENT, "SPAM_VARIANT"),
    (Variant("gpu", ("spam-gpu==1.0",)), Variant("none")),
    ("spam-core==1.0",),
)

UV = """\
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "{name}"
version = "{version}"
source = {{ {source} }}
dependencies = [
{dependencies}
]
sdist = {{ url = "https://host/spam-1.0.tar.gz", hash = "sha256:0", size = 1 }}

[[package]]
name = "torch"
version = "1.0+cu126"
source = {{ registry = "https://host/simple" }}
"""


@dataclass(frozen=True)
class Reader:
    """Reads a lock that lies in a folder, as a hook in the folder ``unpacked`` does."""

    folder: Path
    unpacked: Path
    names: tuple[str, ...] = ("uv.lock",)

    def lock(self, text: str | bytes, name: str = "uv.lock") -> Reader:
        data = text if isinstance(text, bytes) else text.encode()
        (self.folder / name).write_bytes(data)
        return Reader(self.folder, self.unpacked, (name,))

    def uv(self, *dependencies: str, name: str = "spam", version: str = "1.0") -> Reader:
        lines = "\n".join(f"    {{ {one} }}," for one in dependencies)
        source = 'registry = "https://host/simple"'
        return self.lock(UV.format(name=name, version=version, source=source, dependencies=lines))

    def read(
        self,
        selector: Selector = SPAM,
        request: Request = Request(),  # noqa: B008 - it is frozen
        purpose: Purpose = Purpose.INSTALL,
        *,
        written_last: bool = False,
    ) -> Request:
        lock = Lock(
            self.names,
            str(self.folder),
            of_workspace=True,
            written_last=written_last,
            again="lock {project}=={version}",
        )
        return with_locked(selector, request, Installation(purpose=purpose, lock=lock))

    def installs(self, selector: Selector = SPAM, *, written_last: bool = False) -> tuple[str, ...]:
        return self.read(selector, written_last=written_last).variants

    def keeps(self, selector: Selector = SPAM) -> list[tuple[str, str]]:
        kept = self.read(selector, purpose=Purpose.LOCK).kept
        return [(one.variant, one.marker) for one in kept]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    folder = tmp_path / "project"
    unpacked = tmp_path / "cache/sdists-v11/index/0123/spam/1.0/rev/src"
    for one in (folder, unpacked):
        one.mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    monkeypatch.chdir(unpacked)
    return Reader(folder, unpacked)


def of(name: str, marker: str = "", more: str = "") -> str:
    """Return what uv writes of something required."""
    return f'name = "{name}"{more}' + (f', marker = "{marker}"' if marker else "")


def test_the_lock_names_the_variant_of_this_platform(reader: Reader) -> None:
    uv = reader.uv(of("spam-core"), of("spam-cu12", HERE), of("spam-cpu", THERE))
    assert uv.read() == Request(("cu12",), "uv.lock", locked=True)
    assert uv.keeps() == [("cu12", HERE), ("cpu", THERE)]
    assert reader.uv(of("spam-cpu")).keeps() == [("cpu", "")]


@pytest.mark.parametrize(
    "dependencies",
    [
        [],
        [of("spam-core")],
        [of("spam-cu13")],
        [of("spam-cu12", THERE)],
        [of("spam-cu12"), of("spam-cpu")],
        [of("spam-cu12", "extra == 'x'")],
        [of("spam-cu12", "extra == 'x' or " + HERE)],
        [of("spam-cu12", "not a marker")],
    ],
)
def test_what_is_not_certain_names_nothing(reader: Reader, dependencies: list[str]) -> None:
    assert reader.uv(*dependencies).read() == Request()


def test_another_version_counts_only_for_locking_again(reader: Reader) -> None:
    reader = reader.uv(of("spam-cu12"), version="0.9")
    assert reader.read() == Request()
    assert reader.keeps() == [("cu12", "")]
    # poetry installs before it writes its lock.
    assert reader.installs(written_last=True) == ("cu12",)


def test_what_is_asked_for_is_locked_and_auto_chooses_anew(reader: Reader) -> None:
    reader = reader.uv(of("spam-cu12"))
    for request in (Request(("cpu",), "SPAM_VARIANT"), Request(anew=True)):
        assert reader.read(request=request, purpose=Purpose.LOCK) == request
        assert reader.read(request=request, written_last=True) == request
    assert reader.read(request=Request(anew=True)).variants == ("cu12",)
    same = Request(("cu12",), "SPAM_VARIANT")
    assert reader.read(request=same).source == "uv.lock"
    with pytest.raises(SelectorError) as caught:
        reader.read(request=Request(("cpu",), "SPAM_VARIANT"))
    assert str(caught.value) == (
        "spam 1.0 cannot be installed: uv.lock has cu12, and SPAM_VARIANT asks for cpu.\n"
        "To install cu12, leave SPAM_VARIANT out. To have cpu locked instead:\n"
        "  SPAM_VARIANT=cpu lock spam==1.0"
    )


def test_extras_labels_and_nothing_are_told_apart(reader: Reader) -> None:
    extra = of("jax", HERE, ', extra = ["cuda12"]')
    # uv writes what is required with an extra without it, too.
    jax = reader.uv(of("jax"), extra, name="jax-here")
    assert jax.installs(JAX) == ("cuda12",)
    assert jax.keeps(JAX) == [("cuda12", HERE), ("cpu", "")]
    assert reader.uv(of("jax"), name="jax-here").installs(JAX) == ("cpu",)
    assert reader.uv(of("torch"), name="torch-here").installs(TORCH) == ("cu126",)
    label = of("torch", HERE, ', version = "1.0+cpu"')
    plain = of("torch", THERE, ', version = "1.0"')
    torch = reader.uv(label, plain, name="torch-here")
    assert torch.installs(TORCH) == ("cpu",)
    assert torch.keeps(TORCH) == [("cpu", HERE), ("mac", THERE)]
    assert reader.uv(of("spam-core")).installs(NONE) == ("none",)
    assert reader.uv(of("spam-core"), of("spam-gpu")).installs(NONE) == ("gpu",)
    assert reader.uv(of("spam-core"), of("spam-tpu")).installs(NONE) == ()


def test_what_only_an_extra_of_a_variant_brings_is_not_all_that_stands_for_it(
    reader: Reader,
) -> None:
    cuda, *others = JAX.variants
    selector = replace(
        JAX,
        project="spam",
        variants=(replace(cuda, extras={"dev": ('other; extra == "dev"',)}), *others),
        extras=("dev",),
    )
    lock = reader.uv(of("jax"), of("jax", HERE, ', extra = ["cuda12"]'))
    assert lock.installs(selector) == ("cuda12",)
    assert lock.keeps(selector) == [("cuda12", HERE), ("cpu", "")]


def test_a_variant_that_took_the_place_of_the_locked_one_is_kept(reader: Reader) -> None:
    lock = reader.uv(of("spam-cu12", HERE), of("spam-cpu", THERE))
    cuda = Variant("cuda", ("spam-cuda==2.0",), formerly=("cu12",))
    cpu = Variant("cpu", ("spam-cpu==2.0",))
    later = replace(SPAM, version="2.0", variants=(cuda, cpu))
    assert lock.keeps(later) == [("cuda", HERE), ("cpu", THERE)]
    assert lock.keeps(replace(later, variants=(replace(cuda, formerly=()), cpu))) == [
        ("cpu", THERE)
    ]


def test_variants_beside_each_other_are_all_named(reader: Reader) -> None:
    both = reader.uv(of("spam-cu12"), of("spam-cpu", HERE))
    assert both.installs(replace(SPAM, kind=CAPABILITY)) == ("cu12", "cpu")


def test_the_source_has_to_be_the_same(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    source = reader.folder / "spam"
    source.mkdir()
    reader = reader.uv(of("spam-cu12"))
    text = (reader.folder / "uv.lock").read_text(encoding="utf-8")
    registry = 'registry = "https://host/simple"'
    for written in ('path = "spam-1.0.tar.gz"', 'url = "https://host/x"', 'git = "https://host/x"'):
        assert reader.lock(text.replace(registry, written)).installs() == ()
    for kind in ("directory", "editable", "virtual"):
        local = text.replace(registry, f'{kind} = "spam"', 1)
        monkeypatch.chdir(reader.unpacked)
        assert reader.lock(local).installs() == ()
        monkeypatch.chdir(source)
        assert reader.lock(local).installs() == ("cu12",)
        # Of a folder whose version is dynamic, uv writes none.
        assert reader.lock(local.replace('version = "1.0"\n', "", 1)).installs() == ("cu12",)
        assert reader.lock(text).installs() == ()


def test_the_lock_of_a_workspace_lies_in_its_root(reader: Reader) -> None:
    member = reader.folder / "packages/member"
    member.mkdir(parents=True)
    (member / "pyproject.toml").touch()
    below = Reader(member / "src", reader.unpacked)
    below.folder.mkdir()
    reader.uv(of("spam-cu12"))
    assert below.installs() == ()  # of another project
    own = '\n[[package]]\nname = "Member"\nsource = { editable = "packages/member" }\n'
    root = (reader.folder / "uv.lock").read_text(encoding="utf-8")
    names = '\n[manifest]\nmembers = [\n    "member",\n]\n'
    head, mark, rest = root.partition("\n[[package]]")
    reader.lock(f"{head}{names}{mark}{rest}{own}")
    assert below.installs() == ("cu12",)
    assert below.keeps() == [("cu12", "")]
    Reader(member, reader.unpacked).uv(of("spam-cpu"))  # from before it was a member
    assert below.installs() == ("cu12",)


POETRY = """\
[[package]]
name = "jax-here"
version = "1.0"
groups = ["main"]

[package.dependencies]
jax = [
    {version = "1.0", extras = ["cuda12"], markers = "HERE"},
    {version = "1.0", markers = "THERE"},
]

[package.source]
type = "legacy"
url = "https://host/simple"

[[package]]
name = "spam"
version = "1.0"

[package.dependencies]
spam-core = "1.0"
spam-cu12 = {version = "1.0", markers = "HERE"}
torch = "1.0+cu126"

[metadata]
lock-version = "2.1"
"""
PDM = """\
[[package]]
name = "jax-here"
version = "1.0"
dependencies = [
    "jax==1.0; THERE",
    "jax[cuda12]==1.0; HERE",
]

[[package]]
name = "spam"
version = "1.0"
dependencies = ["spam-core==1.0", "spam-cu12==1.0; HERE", "torch==1.0+cu126"]
"""
PYLOCK = """\
[[packages]]
name = "spam"
version = "1.0"
marker = '"default" in dependency_groups'

[packages.tool.pdm]
dependencies = ["spam-core==1.0", "spam-cu12==1.0; HERE", "torch==1.0+cu126"]
"""


def test_what_pdm_has_of_extras_apart_is_no_second_package(reader: Reader) -> None:
    more = """
[[package]]
name = "spam"
version = "1.0"
extras = ["plot"]
dependencies = ["spam==1.0", "other; sys_platform != 'plan9'"]
"""
    text = (PDM + more).replace("THERE", THERE).replace("HERE", HERE)
    reader = replace(reader, names=("pdm.lock",)).lock(text, "pdm.lock")
    assert reader.installs() == ("cu12",)
    assert reader.keeps() == [("cu12", HERE)]


@pytest.mark.parametrize(
    ("name", "text"), [("poetry.lock", POETRY), ("pdm.lock", PDM), ("pylock.toml", PYLOCK)]
)
def test_the_locks_of_others_are_read(reader: Reader, name: str, text: str) -> None:
    reader = reader.lock(text.replace("HERE", HERE).replace("T" + HERE, THERE), name)
    assert reader.read() == Request(("cu12",), name, locked=True)
    assert reader.installs(replace(TORCH, project="spam")) == ("cu126",)
    if name != "pylock.toml":
        assert reader.installs(JAX) == ("cuda12",)
        assert reader.keeps(JAX) == [("cuda12", HERE), ("cpu", THERE)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<<<<<<< HEAD\n",
        "[[package]]\nname = 'spam'\nversion = 1\n",
        "[[package]]\nname = 'spam'\ndependencies = 3\nversion = '1.0'\n",
        "[[package]]\nname = 'spam'\ndependencies = [3]\nversion = '1.0'\n",
        "[[package]]\nname = 'spam'\nsource = 'x'\nversion = '1.0'\n",
        "[[package]]\nname = 'spam'\nversion = '1.0'\ndependencies = " + "[" * 9999,
        "[package]\nname = 'spam'\n",
        b"\xff\xfe\x00",
    ],
)
def test_a_broken_lock_names_nothing(reader: Reader, text: str | bytes) -> None:
    for name in ("uv.lock", "poetry.lock"):
        assert reader.lock(text, name).read() == Request()
        assert reader.lock(text, name).keeps() == []


@given(st.data())
def test_no_change_of_a_lock_ends_in_a_traceback(data: st.DataObject) -> None:
    import tempfile

    text = data.draw(st.sampled_from([POETRY, PDM, PYLOCK, UV.replace("{{", "{")]))
    at = data.draw(st.integers(0, len(text)))
    end = at + data.draw(st.integers(0, 40))
    changed = text[:at] + data.draw(st.text(alphabet="[]{}=\"',\n x1", max_size=5)) + text[end:]
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder), Path(folder)).lock(changed)
        for selector in (SPAM, JAX):
            assert {*reader.installs(selector)} <= {one.key for one in selector.variants}
            reader.keeps(selector)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_nothing_but_a_regular_file_is_read(reader: Reader) -> None:
    os.mkfifo(reader.folder / "uv.lock")
    assert reader.read() == Request()
    (reader.folder / "poetry.lock").mkdir()
    assert Reader(reader.folder, reader.unpacked, ("poetry.lock",)).read() == Request()


def test_a_lock_of_a_folder_that_is_not_known_is_not_read() -> None:
    for folder in ("", "relative", "/a\0b"):
        lock = Lock(("uv.lock",), folder)
        installation = Installation(purpose=Purpose.INSTALL, lock=lock)
        assert with_locked(SPAM, Request(), installation) == Request()
