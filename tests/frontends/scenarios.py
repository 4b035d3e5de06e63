"""What is done with each frontend, what has to come out, and what does.

A scenario returns what it saw in a few words. `expect` is what a person would want to see; a
frontend named in `short` is known to fall short of it, and the matrix shows what comes instead.
`advice` is what users read of that: what they run, what it gives, and what to do instead. What is
`fast` is an ordinary test for those frontends.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontends.lab import TABLE, Lab, NotHereError, variants, wheels
from packaging.markers import Marker
from support.environment import Environment
from support.project import build_sdist, write_carrying, write_project, write_spam
from support.variant_wheels import CUDA, PREVIEW

Number = tuple[int, ...]


@dataclass(frozen=True)
class Scenario:
    run: Callable[[Lab], str]
    group: str
    title: str
    expect: str
    kinds: tuple[str, ...]
    short: tuple[str, ...] = ()
    fast: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.run.__name__


SCENARIOS: list[Scenario] = []


def scenario(
    group: str,
    title: str,
    expect: str,
    kinds: str,
    *,
    short: str = "",
    fast: str = "",
    advice: tuple[str, ...] = (),
) -> Callable[[Callable[[Lab], str]], Callable[[Lab], str]]:
    def register(run: Callable[[Lab], str]) -> Callable[[Lab], str]:
        names = [tuple(text.split()) for text in (kinds, short, fast)]
        SCENARIOS.append(Scenario(run, group, title, expect, names[0], names[1], names[2], advice))
        return run

    return register


def since(lab: Lab, **versions: str) -> None:
    """Leave a scenario to those versions of a frontend that can have it."""
    needed = versions.get(lab.program.kind)
    if needed and lab.program.number < tuple(map(int, needed.split("_"))):
        raise NotHereError(f"since {lab.program.kind} {needed.replace('_', '.')}")


def join(*seen: str) -> str:
    return ", ".join(seen)


# pip install, uv pip install

BOTH = "pip uv"
INSTALL = "install"


def kept(lab: Lab) -> str:
    """Return the names of the wheels of spam that the frontend's caches hold."""
    found = {path.name for path in (lab.folder / "home").rglob("spam-1*.whl")}
    return " and ".join(sorted(found)) or "none"


@scenario(
    INSTALL,
    "`SPAM_VARIANT=cu12`: the wheel's file, as the cache has it afterwards",
    "spam-1.0-py3-none-selected_cu12.whl",
    "pip",
)
def tag(lab: Lab) -> str:
    lab.install(SPAM_VARIANT="cu12")
    return kept(lab)


@scenario(
    INSTALL,
    "`SPAM_VARIANT=cu12`: the wheel's file, as the cache has it afterwards",
    "spam-1.0+cu12-py3-none-any.whl",
    "uv",
)
def label(lab: Lab) -> str:
    lab.install(SPAM_VARIANT="cu12")
    return re.sub(r"-\d+-py3", "-py3", kept(lab))  # without the build number


@scenario(
    INSTALL, "a machine without a GPU, and one with a driver for CUDA 12.4", "cpu, cu12", BOTH
)
def by_machine(lab: Lab) -> str:
    alone = lab.install()
    shutil.rmtree(lab.folder / "home")
    return join(alone, lab.install(**lab.driver))


@scenario(
    INSTALL,
    "one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`, automatic, automatic after a driver for "
    "CUDA 12.4 appears, `SPAM_VARIANT=cpu`",
    "cpu, cu12, cpu, cu12, cpu",
    BOTH,
    fast=BOTH,
)
def one_cache(lab: Lab) -> str:
    return join(
        lab.install(SPAM_VARIANT="cpu"),
        lab.install(SPAM_VARIANT="cu12"),
        lab.install(),
        lab.install(**lab.driver),
        lab.install(SPAM_VARIANT="cpu"),
    )


def setting(lab: Lab, *settings: str) -> list[str]:
    """Return the options that pass config settings; pip has them since 22.1."""
    since(lab, pip="22_1")
    return [f"--config-settings={one}" for one in settings]


@scenario(
    INSTALL,
    "one cache: `--config-settings=variant=cu12`, `--config-settings=variant=cpu`, "
    "`SPAM_VARIANT=cu11`, automatic",
    "cu12, cpu, cu11, cpu",
    BOTH,
    fast="uv",
)
def config_settings(lab: Lab) -> str:
    return join(
        lab.install("spam", *setting(lab, "variant=cu12")),
        lab.install("spam", *setting(lab, "variant=cpu")),
        lab.install(SPAM_VARIANT="cu11"),
        lab.install(),
    )


@scenario(
    INSTALL, "one cache, another Python: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`", "cpu, cu12", BOTH
)
def another_python(lab: Lab) -> str:
    other = "3.9" if lab.program.python == "3.10" else "3.10"
    first = lab.install(SPAM_VARIANT="cpu")
    return join(first, lab.install(into=lab.fresh(other), SPAM_VARIANT="cu12"))


@scenario(
    INSTALL,
    "as a dependency of another package, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def as_dependency(lab: Lab) -> str:
    return join(lab.install("app", SPAM_VARIANT="cpu"), lab.install("app", SPAM_VARIANT="cu12"))


@scenario(
    INSTALL, "with an extra that the table hands on: `spam[plot]`", "cpu with spam-plot", BOTH
)
def with_extra(lab: Lab) -> str:
    environment = lab.fresh()
    variant = lab.install("spam[plot]", into=environment)
    plot = "with" if "spam-plot" in environment.installed() else "without"
    return f"{variant} {plot} spam-plot"


def again(lab: Lab) -> str:
    return "--force-reinstall" if lab.program.kind == "pip" else "--reinstall"


@scenario(
    INSTALL,
    "`--force-reinstall` (uv: `--reinstall`) in an environment that has cpu: automatic",
    "cpu",
    BOTH,
)
def force_reinstall(lab: Lab) -> str:
    environment = lab.fresh()
    lab.install(into=environment)
    return lab.install(again(lab), "spam", into=environment)


@scenario(
    INSTALL,
    "`pip uninstall -y spam spam-cpu` first, then `SPAM_VARIANT=cu12`, in one environment",
    "cpu, cu12",
    BOTH,
)
def change_variant(lab: Lab) -> str:
    environment = lab.fresh()
    first = lab.install(into=environment)
    yes = ["-y"] if lab.program.kind == "pip" else []
    lab.pip(environment, "uninstall", *yes, "spam", "spam-cpu")
    return join(first, lab.install(into=environment, SPAM_VARIANT="cu12"))


@scenario(
    INSTALL,
    "`--no-build-isolation`, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def no_build_isolation(lab: Lab) -> str:
    seen = []
    for variant in ("cpu", "cu12"):
        environment = lab.fresh()
        lab.pip(environment, "install", "selector-backend")
        if lab.program.kind == "pip" and lab.program.number < (22, 3):
            lab.pip(environment, "install", "flit_core", check=False)
        seen.append(
            lab.install("--no-build-isolation", "spam", into=environment, SPAM_VARIANT=variant)
        )
    return join(*seen)


def hashed(lab: Lab, *names: str) -> str:
    """Write a requirements file with the hashes of all distributions, and return its path."""
    lines = []
    for name in names:
        start = f"{name.replace('-', '_')}-1.0"
        paths = lab.world.dist.glob(f"{start}[.-]*")
        digests = (hashlib.sha256(one.read_bytes()).hexdigest() for one in sorted(paths))
        lines.append(" ".join([f"{name}==1.0", *(f"--hash=sha256:{one}" for one in digests)]))
    file = lab.folder / "requirements.txt"
    file.write_text("\n".join(lines))
    return str(file)


@scenario(
    INSTALL,
    "`--require-hashes`, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def require_hashes(lab: Lab) -> str:
    seen = []
    for variant in ("cpu", "cu12"):
        file = hashed(lab, "spam", "spam-core", f"spam-{variant}")
        seen.append(lab.install("--require-hashes", "-r", file, SPAM_VARIANT=variant))
    return join(*seen)


@scenario(
    INSTALL,
    "`pip download spam selector-backend -d DIR`, then offline "
    "`pip install --no-index --find-links DIR spam`",
    "cpu",
    "pip",
)
def offline(lab: Lab) -> str:
    folder = str(lab.folder / "downloads")
    lab.pip(lab.fresh(), "download", "spam", "selector-backend", "flit_core", "-d", folder)
    return lab.install("--no-index", "--find-links", folder, "spam")


@scenario(
    INSTALL,
    "`pip wheel spam -w DIR`, then, without the index and the cache, "
    "`pip install --no-index --find-links DIR spam`",
    "spam-1.0-py3-none-any.whl: cu12",
    "pip",
    fast="pip",
)
def wheelhouse(lab: Lab) -> str:
    folder = lab.folder / "wheels"
    lab.pip(lab.fresh(), "wheel", "spam", "-w", str(folder), SPAM_VARIANT="cu12")
    shutil.rmtree(lab.folder / "home")
    variant = lab.install("--no-index", "--find-links", str(folder), "spam", PIP_INDEX_URL="")
    return f"{wheels(folder)}: {variant}"


@scenario(
    INSTALL,
    "`SPAM_VARIANT=cu12 pip wheel spam`, then `pip install spam` with the same cache",
    "cpu",
    "pip",
    short="pip",
    advice=(
        "`pip wheel spam`, then `pip install spam`",
        "the wheel that was built, from pip's cache",
        "`pip wheel --no-cache-dir`; afterwards `pip cache remove spam`",
    ),
)
def wheel_then_install(lab: Lab) -> str:
    lab.pip(lab.fresh(), "wheel", "spam", "-w", str(lab.folder / "w"), SPAM_VARIANT="cu12")
    return lab.install()


@scenario(
    INSTALL,
    "`SPAM_VARIANT=cu12 pip wheel --no-cache-dir spam`, then `pip install spam`",
    "cpu",
    "pip",
)
def uncached_wheel_then_install(lab: Lab) -> str:
    arguments = ("wheel", "--no-cache-dir", "spam", "-w", str(lab.folder / "w"))
    lab.pip(lab.fresh(), *arguments, SPAM_VARIANT="cu12")
    return lab.install()


@scenario(
    INSTALL,
    "`pip wheel` of version 1.0, then `pip cache remove spam`, then `pip install spam`",
    "cpu",
    "pip",
)
def cache_removed(lab: Lab) -> str:
    lab.pip(lab.fresh(), "wheel", "spam", "-w", str(lab.folder / "w"), SPAM_VARIANT="cu12")
    lab.pip(lab.fresh(), "cache", "remove", "spam")
    return lab.install()


def listed(lab: Lab, environment: Environment) -> str:
    """Return what `freeze` says of spam."""
    lines = lab.pip(environment, "freeze").splitlines()
    return next(line for line in lines if line.startswith("spam=="))


@scenario(INSTALL, "`pip freeze` afterwards", "spam==1.0", BOTH)
def freeze(lab: Lab) -> str:
    environment = lab.fresh()
    lab.install(into=environment)
    return listed(lab, environment)


@scenario(INSTALL, "`pip freeze > FILE`, then `pip install -r FILE`", "cpu", BOTH)
def frozen(lab: Lab) -> str:
    environment = lab.fresh()
    lab.install(into=environment)
    lines = lab.pip(environment, "freeze").splitlines()
    file = lab.folder / "frozen.txt"
    file.write_text("\n".join(line for line in lines if re.match(r"[\w-]+==", line)))
    return lab.install("-r", str(file))


@scenario(
    INSTALL,
    "`pip inspect` afterwards: the version, and whether pip sees the record",
    "1.0, yes",
    "pip",
)
def inspect(lab: Lab) -> str:
    since(lab, pip="22_2")
    environment = lab.fresh()
    lab.install(into=environment)
    output = lab.pip(environment, "inspect")
    data = json.loads(output[output.index("{") : output.rindex("}") + 1])
    (spam,) = (one for one in data["installed"] if one["metadata"]["name"] == "spam")
    record = (environment.site_packages / "spam-1.0.dist-info/selector.json").is_file()
    return join(spam["metadata"]["version"], "yes" if record else "no")


@scenario(INSTALL, "`pip uninstall spam` afterwards: what of spam is left", "nothing", BOTH)
def uninstall(lab: Lab) -> str:
    environment = lab.fresh()
    lab.install(into=environment)
    lab.pip(environment, "uninstall", *(["-y"] if lab.program.kind == "pip" else []), "spam")
    left = list(environment.site_packages.glob("spam-*"))
    return "nothing" if not left else str([path.name for path in left])


@scenario(
    INSTALL,
    "the sdist as a file, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
    short="uv",
    advice=(
        "an sdist as a file or by its URL, again with another variable",
        "the old choice, from uv's cache",
        "`--no-cache`",
    ),
)
def file(lab: Lab) -> str:
    sdist = str(lab.world.dist / "spam-1.0.tar.gz")
    return join(lab.install(sdist, SPAM_VARIANT="cpu"), lab.install(sdist, SPAM_VARIANT="cu12"))


def url_of(lab: Lab) -> str:
    return "spam @ " + lab.world.index.url.replace("simple/", "files/spam-1.0.tar.gz")


@scenario(
    INSTALL,
    "the sdist by a URL, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
    short="uv",
    advice=(
        "an sdist as a file or by its URL, again with another variable",
        "the old choice, from uv's cache",
        "`--no-cache`",
    ),
)
def url(lab: Lab) -> str:
    return join(
        lab.install(url_of(lab), SPAM_VARIANT="cpu"), lab.install(url_of(lab), SPAM_VARIANT="cu12")
    )


@scenario(
    INSTALL,
    "the file and the URL with `--no-cache`: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12` of each",
    "cpu, cu12, cpu, cu12",
    "uv",
)
def uncached(lab: Lab) -> str:
    sdist = str(lab.world.dist / "spam-1.0.tar.gz")
    return join(
        *(
            lab.install("--no-cache", what, SPAM_VARIANT=variant)
            for what in (sdist, url_of(lab))
            for variant in ("cpu", "cu12")
        )
    )


@scenario(
    INSTALL,
    "a folder that holds the source, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def folder(lab: Lab) -> str:
    source = str(write_project(lab.folder / "spam"))
    return join(lab.install(source, SPAM_VARIANT="cpu"), lab.install(source, SPAM_VARIANT="cu12"))


@scenario(
    INSTALL,
    "a folder, `-e`: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def editable(lab: Lab) -> str:
    source = str(write_project(lab.folder / "spam"))
    return join(
        lab.install("-e", source, SPAM_VARIANT="cpu"),
        lab.install("-e", source, SPAM_VARIANT="cu12"),
    )


@scenario(
    INSTALL,
    "`--find-links` to a folder with the sdist, one cache: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def find_links(lab: Lab) -> str:
    arguments = ("--no-index", "--find-links", str(lab.world.dist), "--find-links")
    links = (*arguments, str(lab.world.shelf.wheelhouse), "spam")
    return join(lab.install(*links, SPAM_VARIANT="cpu"), lab.install(*links, SPAM_VARIANT="cu12"))


@scenario(
    INSTALL,
    "a version with a label of its own, 1.0+own, one cache: `SPAM_VARIANT=cpu`, "
    "`SPAM_VARIANT=cu12`, and the last again with `--no-cache` (pip: `--no-cache-dir`)",
    "cpu, cu12, cu12",
    BOTH,
    short="uv",
    advice=(
        "a version with a label (`1.0+own`), again with another variable",
        "the old choice, from uv's cache",
        "`--no-cache`",
    ),
)
def own_label(lab: Lab) -> str:
    dist = lab.folder / "own"
    build_sdist(write_project(lab.folder / "spam", version="1.0+own"), dist)
    write_spam(dist, "1.0+own")
    wanted = ("--find-links", str(dist), "spam==1.0+own")
    fresh = "--no-cache-dir" if lab.program.kind == "pip" else "--no-cache"
    return join(
        lab.install(*wanted, SPAM_VARIANT="cpu"),
        lab.install(*wanted, SPAM_VARIANT="cu12"),
        lab.install(fresh, *wanted, SPAM_VARIANT="cu12"),
    )


@scenario(
    INSTALL,
    "one cache: `--config-settings=portable=true --config-settings=variant=cu12`, the same with "
    "`variant=cpu`, then `SPAM_VARIANT=cu11`",
    "cu12, cpu, cu11",
    BOTH,
    short="pip",
    advice=(
        "`-C portable=true`, then any install",
        "the plain wheel, from pip's cache",
        "`--no-cache-dir`",
    ),
)
def portable(lab: Lab) -> str:
    return join(
        lab.install("spam", *setting(lab, "portable=true", "variant=cu12")),
        lab.install("spam", *setting(lab, "portable=true", "variant=cpu")),
        lab.install(SPAM_VARIANT="cu11"),
    )


@scenario(
    INSTALL,
    "`SELECTOR_PORTABLE=1 SPAM_VARIANT=cu12` with `--no-cache` (pip: `--no-cache-dir`), then, with "
    "the cache, automatic",
    "cu12, cpu",
    BOTH,
)
def portable_uncached(lab: Lab) -> str:
    fresh = "--no-cache-dir" if lab.program.kind == "pip" else "--no-cache"
    first = lab.install("spam", fresh, SPAM_VARIANT="cu12", SELECTOR_PORTABLE="1")
    return join(first, lab.install())


@scenario(
    INSTALL,
    "cu12 is installed, and the GPU is gone: what is there after "
    "`pip --timeout 60 install -U --force-reinstall spam` (uv: `--color never`, `--reinstall`)",
    "cu12",
    BOTH,
)
def option_before(lab: Lab) -> str:
    environment = lab.fresh()
    lab.install(into=environment, SPAM_VARIANT="cu12")
    arguments = ("install", "-U", again(lab), "spam")
    if lab.program.kind == "pip":
        lab.pip(environment, "--timeout", "60", *arguments, check=False)
    else:
        lab.call("uv", "--color", "never", "pip", *arguments, environment=environment, check=False)
    return variants(environment)


@scenario(
    INSTALL,
    "cu12 is installed: what a dry run of `SPAM_VARIANT=cpu`, `--force-reinstall` (uv: "
    "`--reinstall`) would install",
    "cpu",
    BOTH,
)
def dry_run(lab: Lab) -> str:
    since(lab, pip="22_2")
    environment = lab.fresh()
    lab.install(into=environment, SPAM_VARIANT="cu12")
    arguments = ("install", "--dry-run", again(lab), "spam")
    output = lab.pip(environment, *arguments, SPAM_VARIANT="cpu")
    return " and ".join(sorted({*re.findall(r"spam-(cpu|cu12)[-=]=?1.0", output)} - {"cu12"}))


@scenario(
    INSTALL,
    "`pip install --target dep spam` with `SPAM_VARIANT=cu12`, then `--target=./dep`, `-Ut dep` "
    "and `PIP_TARGET=dep` without: what is there",
    "cu12",
    "pip",
)
def relative_target(lab: Lab) -> str:
    environment = lab.fresh()
    lab.pip(environment, "install", "--target", "dep", "spam", SPAM_VARIANT="cu12")
    for options in (("--target=./dep",), ("-Ut", "dep")):
        lab.pip(environment, "install", *options, "spam", check=False)
    lab.pip(environment, "install", "spam", check=False, PIP_TARGET="dep")
    found = (lab.folder / "dep").glob("spam_c[pu]*.dist-info")
    return " and ".join(sorted(re.sub(r"spam_(\w+)-.*", r"\1", path.name) for path in found))


# An sdist that carries its backend


def bare(lab: Lab) -> Path:
    """Return a folder with an sdist that carries its backend, and its variants' wheels alone."""
    dist = lab.folder / "bare"
    if not dist.exists():
        write_spam(dist)
        build_sdist(write_carrying(lab.folder / "carrying"), dist)
    return dist


def without_network(lab: Lab) -> tuple[str, ...]:
    """Return the options with which nothing is fetched."""
    none = () if lab.program.kind == "pip" else ("--offline",)
    return (*none, "--no-index", "--find-links", str(bare(lab)))


@scenario(
    INSTALL,
    "[self-contained](../docs/how-to/self-contained.md), from a folder with the sdist and the "
    "wheels alone, without network, one cache: automatic, a driver for CUDA 12.4, "
    "`SPAM_VARIANT=cu11`, `SELECTOR_CUDA=12.4`, automatic",
    "cpu, cu12, cu11, cu12, cpu",
    BOTH,
)
def self_contained(lab: Lab) -> str:
    wanted = (*without_network(lab), "spam")
    return join(
        lab.install(*wanted),
        lab.install(*wanted, **lab.driver),
        lab.install(*wanted, SPAM_VARIANT="cu11"),
        lab.install(*wanted, SELECTOR_CUDA="12.4"),
        lab.install(*wanted),
    )


@scenario(
    INSTALL,
    "the same with `--require-hashes`, and the hashes of the sdist, the variant's wheel and the "
    "core's: `SPAM_VARIANT=cu12`",
    "cu12",
    BOTH,
)
def self_contained_hashed(lab: Lab) -> str:
    file, lines = lab.folder / "hashes.txt", []
    for name, path in (
        ("spam", "spam-1.0.tar.gz"),
        ("spam-cu12", "spam_cu12-1.0-py3-none-any.whl"),
        ("spam-core", "spam_core-1.0-py3-none-any.whl"),
    ):
        digest = hashlib.sha256((bare(lab) / path).read_bytes()).hexdigest()
        lines.append(f"{name}==1.0 --hash=sha256:{digest}\n")
    file.write_text("".join(lines), encoding="utf-8")
    wanted = (*without_network(lab), "--require-hashes", "-r", str(file))
    return lab.install(*wanted, SPAM_VARIANT="cu12")


@scenario(
    INSTALL,
    "the same, unpacked by hand: `install ./spam-1.0`, then with `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    BOTH,
)
def self_contained_unpacked(lab: Lab) -> str:
    shutil.unpack_archive(bare(lab) / "spam-1.0.tar.gz", lab.folder)
    wanted = (*without_network(lab), str(lab.folder / "spam-1.0"))
    return join(lab.install(*wanted), lab.install(*wanted, SPAM_VARIANT="cu12"))


# Building to keep

KEEP = "keep"


@scenario(KEEP, "`python -m build --wheel`", "spam-1.0-py3-none-any.whl", "build")
def build(lab: Lab) -> str:
    source = str(write_project(lab.folder / "spam"))
    lab.call("python", "-m", "build", "--wheel", source, "-o", str(lab.folder / "out"))
    return wheels(lab.folder / "out")


@scenario(
    KEEP,
    "`uv build --wheel`, then `uv pip install` of what it built",
    "spam-1.0-py3-none-any.whl: cpu",
    "uv",
)
def uv_build(lab: Lab) -> str:
    source, out = str(write_project(lab.folder / "spam")), lab.folder / "out"
    lab.call("uv", "build", "--wheel", source, "-o", str(out))
    return f"{wheels(out)}: {lab.install(str(out / wheels(out)))}"


@scenario(
    KEEP,
    "the same with an option before: `uv --color never build`, `pip --retries 3 wheel`",
    "spam-1.0-py3-none-any.whl",
    BOTH,
)
def option_before_build(lab: Lab) -> str:
    source, out = str(write_project(lab.folder / "spam")), lab.folder / "out"
    if lab.program.kind == "uv":
        lab.call("uv", "--color", "never", "build", "--wheel", source, "-o", str(out))
    else:
        lab.pip(lab.fresh(), "--retries", "3", "wheel", "--no-deps", source, "-w", str(out))
    return wheels(out)


@scenario(
    KEEP,
    "`poetry build`, `pdm build` of a selector package",
    "spam-1.0-py3-none-any.whl",
    "poetry pdm",
)
def own_build(lab: Lab) -> str:
    tool = lab.program.kind
    folder = write_project(lab.folder / "spam", f"{TABLE}\n{index_of(lab, tool)}")
    options = ("-n", "build", "-f", "wheel") if tool == "poetry" else ("build", "--no-sdist")
    lab.call(tool, *options, cwd=folder)
    return wheels(folder / "dist")


@scenario(
    KEEP,
    "`pip wheel`, `uv build --wheel`, `python -m build --wheel` of a self-contained sdist, "
    "unpacked, without network",
    "spam-1.0-py3-none-any.whl",
    "pip uv build",
)
def self_contained_kept(lab: Lab) -> str:
    shutil.unpack_archive(bare(lab) / "spam-1.0.tar.gz", lab.folder)
    source, out = str(lab.folder / "spam-1.0"), lab.folder / "built"
    if lab.program.kind == "pip":
        options = ("--no-deps", "--no-index", "-w", str(out))
        lab.pip(lab.fresh(), "wheel", *options, source, SPAM_VARIANT="cu12")
    elif lab.program.kind == "uv":
        options = ("--wheel", "--offline", "-o", str(out))
        lab.call("uv", "build", *options, source, SPAM_VARIANT="cu12")
    else:
        options = ("--wheel", "--outdir", str(out), source)
        lab.call("python", "-m", "build", *options, SPAM_VARIANT="cu12", PIP_NO_INDEX="1")
    return wheels(out)


# Tools on top

TOOLS = "tools"


def said(output: str) -> str:
    """Return the variant that `app` says it runs with."""
    found = re.findall(r"variant: ?(.*)", output)
    return found[-1] if found else output[-200:]


@scenario(
    TOOLS,
    "`pipx install app` of a package that depends on spam, one cache: `SPAM_VARIANT=cpu`, "
    "`pipx uninstall app`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    "pipx",
)
def pipx(lab: Lab) -> str:
    seen = []
    for variant in ("cpu", "cu12"):
        lab.call("pipx", "install", "app", SPAM_VARIANT=variant)
        seen.append(said(lab.run(str(lab.folder / "bin/app"))))
        lab.call("pipx", "uninstall", "app")
    return join(*seen)


@scenario(
    TOOLS,
    "`uv tool install app` likewise: `SPAM_VARIANT=cpu`, `uv tool uninstall app`, "
    "`SPAM_VARIANT=cu12`",
    "cpu, cu12",
    "uv",
)
def uv_tool(lab: Lab) -> str:
    seen = []
    for variant in ("cpu", "cu12"):
        folder = lab.folder / variant
        variables: dict[str, Any] = {"SPAM_VARIANT": variant, "UV_TOOL_DIR": str(folder)}
        lab.call("uv", "tool", "install", "app", UV_TOOL_BIN_DIR=str(folder / "bin"), **variables)
        seen.append(said(lab.run(str(folder / "bin/app"))))
    return join(*seen)


@scenario(TOOLS, "`uvx app`: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`", "cpu, cu12", "uv")
def uvx(lab: Lab) -> str:
    return join(
        said(lab.call("uvx", "app", SPAM_VARIANT="cpu")),
        said(lab.call("uvx", "app", SPAM_VARIANT="cu12")),
    )


def in_two_projects(lab: Lab, files: dict[str, str], environment: str, *command: str) -> str:
    """Run a command in two projects, for cpu and cu12; return what their environments have."""
    seen = []
    for variant in ("cpu", "cu12"):
        folder = lab.folder / variant
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        lab.call(*command, cwd=folder, SPAM_VARIANT=variant, PIPENV_VENV_IN_PROJECT="1")
        seen.append(variants(Environment(folder / environment, lab.environ)))
    return join(*seen)


@scenario(
    TOOLS,
    "`pipenv install spam`, one cache, two projects: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "cpu, cu12",
    "pipenv",
)
def pipenv(lab: Lab) -> str:
    source = f'[[source]]\nname = "local"\nurl = "{lab.world.index.url}"\nverify_ssl = false\n'
    return in_two_projects(lab, {"Pipfile": source}, ".venv", "pipenv", "install", "spam")


HATCH = """\
[project]
name = "project"
version = "1.0"

[tool.hatch.envs.default]
skip-install = true
path = ".venv"
dependencies = ["spam"]
"""


@scenario(
    TOOLS,
    "`hatch env create`, of an environment that depends on spam, likewise",
    "cpu, cu12",
    "hatch",
)
def hatch(lab: Lab) -> str:
    return in_two_projects(lab, {"pyproject.toml": HATCH}, ".venv", "hatch", "env", "create")


TOX = """\
[testenv]
skip_install = true
pass_env = *
deps = spam
"""


@scenario(TOOLS, "`tox run --notest`, with `deps = spam`, likewise", "cpu, cu12", "tox")
def tox(lab: Lab) -> str:
    command = ("tox", "run", "-e", "py", "--notest")
    return in_two_projects(lab, {"tox.ini": TOX}, ".tox/py", *command)


NOX = """\
import nox


@nox.session
def tests(session):
    session.install("spam")
"""


@scenario(
    TOOLS,
    '`nox`, with `session.install("spam")`, likewise',
    "cpu, cu12",
    "nox",
)
def nox(lab: Lab) -> str:
    return in_two_projects(lab, {"noxfile.py": NOX}, ".nox/tests", "nox", "-s", "tests")


# Locks

LOCKS = "locks"


def pins(text: str) -> str:
    """Return what a lock or a compiled file holds of spam and its variants for this platform."""
    found = re.findall(r'name = "(spam[\w-]*)"\nversion = "([^"]+)"', text) or re.findall(
        r"(?m)^(spam[\w-]*)==([^\s\\]+)", text
    )
    wanted = [
        f"{name} {version}"
        for name, version in sorted(set(found))
        if name != "spam-core" and is_for_here(text, name)
    ]
    return " and ".join(wanted) or "nothing"


def is_for_here(text: str, name: str) -> bool:
    """Return whether a lock has a package for this platform: the markers are uv's, poetry's, pdm's.

    uv writes them where the package is required, the others where it is.
    """
    inline = re.findall(rf'{{ name = "{name}"[^}}]*?marker = "([^"]+)"', text)
    blocks = [one for one in text.split("[[package]]") if f'name = "{name}"\n' in one]
    own = re.findall(r'(?m)^markers? = "((?:[^"\\]|\\.)+)"$', "".join(blocks))
    markers = [Marker(one.replace("\\", "")) for one in (*inline, *own)]
    return not markers or any(one.evaluate() for one in markers)


@scenario(
    LOCKS,
    "`pip-compile`, one cache: what the file holds after `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    "spam 1.0 and spam-cpu 1.0, spam 1.0 and spam-cu12 1.0",
    "pip-tools",
)
def pip_compile(lab: Lab) -> str:
    return compiled(lab, "pip-compile", "requirements.in", "-o")


@scenario(
    LOCKS,
    "`uv pip compile`, one cache: what the file holds after `SPAM_VARIANT=cpu`, "
    "`SPAM_VARIANT=cu12`",
    "spam 1.0 and spam-cpu 1.0, spam 1.0 and spam-cu12 1.0",
    "uv",
)
def uv_compile(lab: Lab) -> str:
    return compiled(lab, "uv", "pip", "compile", "requirements.in", "-o")


@scenario(
    LOCKS,
    "`pip lock spam`, one cache: what `pylock.toml` holds after `SPAM_VARIANT=cpu`, "
    "`SPAM_VARIANT=cu12`",
    "spam 1.0 and spam-cpu 1.0, spam 1.0 and spam-cu12 1.0",
    "pip",
)
def pip_lock(lab: Lab) -> str:
    since(lab, pip="25_1")
    return compiled(lab, "lock", "-r", "requirements.in", "-o", suffix=".toml", prefix="pylock.")


def compiled(lab: Lab, *command: str, suffix: str = ".txt", prefix: str = "") -> str:
    (lab.folder / "requirements.in").write_text("spam\n")
    seen = []
    for variant in ("cpu", "cu12"):
        file = lab.folder / f"{prefix}{variant}{suffix}"
        environment = lab.fresh() if lab.program.kind == "pip" else None
        lab.call(*command, str(file), environment=environment, SPAM_VARIANT=variant)
        seen.append(pins(file.read_text()))
    return join(*seen)


def project(
    lab: Lab, more: str = "", *, dependencies: str = '["spam"]', name: str = "project"
) -> Path:
    """Write a project that depends on spam."""
    folder = lab.folder / name
    folder.mkdir()
    text = f"""\
[project]
name = "project"
version = "1.0"
requires-python = ">=3.9"
dependencies = {dependencies}
{more}
"""
    (folder / "pyproject.toml").write_text(text)
    return folder


def environment_of(lab: Lab, folder: Path) -> Environment:
    return Environment(folder / ".venv", lab.environ)


SYNCED = "the lock: {0}; installed: {1}; builds at the next `uv run`: {2}"


def lock_and_sync(lab: Lab, more: str, **environ: Any) -> str:
    folder = project(lab, more)
    lab.call("uv", "lock", cwd=folder, **environ)
    locked = pins((folder / "uv.lock").read_text())
    lab.call("uv", "sync", "--locked", cwd=folder, **environ)
    installed = variants(environment_of(lab, folder))
    output = lab.call("uv", "run", "--locked", "python", "-c", "", cwd=folder, **environ)
    again = "yes" if "Built spam" in output or "Building spam" in output else "no"
    return SYNCED.format(locked, installed, again)


def settings_table(*settings: str) -> str:
    """Return uv's setting of a project for a package."""
    return f"[tool.uv]\nconfig-settings-package = {{ spam = {{ {', '.join(settings)} }} }}"


RIGHT = SYNCED.format("spam 1.0 and spam-cu12 1.0", "cu12", "no")


@scenario(
    LOCKS,
    "`uv lock`, `uv sync`, `uv run` with `SPAM_VARIANT=cu12` set for each",
    RIGHT,
    "uv",
)
def uv_lock_variable(lab: Lab) -> str:
    return lock_and_sync(lab, "", SPAM_VARIANT="cu12")


@scenario(
    LOCKS,
    "`SPAM_VARIANT=cu12 uv lock`, then `uv sync` without: what is installed",
    "cu12",
    "uv",
)
def uv_lock_only(lab: Lab) -> str:
    folder = project(lab)
    lab.call("uv", "lock", cwd=folder, SPAM_VARIANT="cu12")
    lab.call("uv", "sync", cwd=folder)
    return variants(environment_of(lab, folder))


@scenario(
    LOCKS,
    "`uv lock` with a driver for CUDA 12.4, `uv sync --locked` without; and the other way; "
    "whether the next `uv run` builds",
    "cu12, no, cpu, no",
    "uv",
)
def uv_lock_elsewhere(lab: Lab) -> str:
    seen = []
    nothing: dict[str, Any] = {}
    for number, (there, here) in enumerate(((lab.driver, nothing), (nothing, lab.driver))):
        folder = project(lab, name=f"project{number}")
        lab.call("uv", "lock", cwd=folder, **there)
        own = {**here, "UV_CACHE_DIR": str(folder / "cache")}
        lab.call("uv", "sync", "--locked", cwd=folder, **own)
        environment = environment_of(lab, folder)
        lab.call("uv", "pip", "check", environment=environment)
        output = lab.call("uv", "run", "--locked", "python", "-c", "", cwd=folder, **own)
        seen += [variants(environment), "yes" if "Built spam" in output else "no"]
    return join(*seen)


@scenario(
    LOCKS,
    "after `uv lock` with that driver, `uv lock --upgrade` without; and `SPAM_VARIANT=auto`",
    "cu12 is kept, cu12 is not kept",
    "uv",
)
def uv_lock_again(lab: Lab) -> str:
    folder = project(lab)
    lab.call("uv", "lock", cwd=folder, **lab.driver)
    seen = []
    for variant in ("", "auto"):
        own: dict[str, Any] = {
            "SPAM_VARIANT": variant,
            "UV_CACHE_DIR": str(folder / f"cache{variant}"),
        }
        lab.call("uv", "lock", "--upgrade", cwd=folder, **own)
        kept = "spam-cu12" in (folder / "uv.lock").read_text()
        seen.append(f"cu12 is {'' if kept else 'not '}kept")
    return join(*seen)


@scenario(
    LOCKS,
    "`uv lock` with that driver: what `uv sync --locked --dry-run --python-platform` would install "
    "for `linux`, `windows` and `macos`",
    "cu12, cu12, cpu",
    "uv",
    short="uv",
    advice=(
        "`uv sync --python-platform windows`, before 0.13",
        "cpu",
        "`uv sync` on Windows, or a newer uv",
    ),
)
def uv_lock_platforms(lab: Lab) -> str:
    folder = project(lab)
    lab.call("uv", "lock", cwd=folder, **lab.driver)
    seen = []
    for platform in ("linux", "windows", "macos"):
        options = ("--locked", "--dry-run", "--python-platform", platform)
        planned = lab.call("uv", "sync", *options, cwd=folder)
        seen.append(" and ".join(re.findall(r"\+ spam-(c(?:u12|u11|pu))==", planned)) or "none")
    return join(*seen)


@scenario(
    LOCKS,
    'spam from `{ path = "../spam" }`, and from `{ workspace = true }`: `uv sync` with that '
    "driver, then twice `uv sync --locked`, and once on a machine without",
    "cu12, cu12",
    "uv",
)
def uv_lock_folder(lab: Lab) -> str:
    seen = []
    for how in ("path", "workspace"):
        uses = '{ path = "../spam" }' if how == "path" else "{ workspace = true }"
        members = '[tool.uv.workspace]\nmembers = ["spam"]\n' if how == "workspace" else ""
        folder = project(lab, f"[tool.uv.sources]\nspam = {uses}\n{members}", name=how)
        write_project(lab.folder / "spam" if how == "path" else folder / "spam")
        lab.call("uv", "sync", cwd=folder, **lab.driver)
        for _ in range(2):
            lab.call("uv", "sync", "--locked", cwd=folder, **lab.driver)
        own: dict[str, Any] = {"UV_CACHE_DIR": str(folder / "cache")}
        lab.call("uv", "sync", "--locked", "--reinstall", cwd=folder, **own)
        seen.append(variants(environment_of(lab, folder)))
    return join(*seen)


# It prints which variant of spam it runs with, and what asked for it.
SCRIPT = """\
# /// script
# requires-python = ">=3.9"
# dependencies = ["spam"]
# ///
import importlib.metadata
import json

for file in importlib.metadata.distribution("spam").files:
    if file.name == "selector.json":
        record = json.loads(file.read_text())
        print("variant:", *record["variants"], "by", record["decided-by"])
"""


@scenario(
    LOCKS,
    "in a project whose lock has cu12, without a driver: `uv run script.py` (PEP 723), "
    "`uv run --with spam==1.0`, `uvx --with spam`; the script after `uv lock --script` with that "
    "driver",
    "cpu by machine, cpu by machine, cpu by machine, cu12 by script.py.lock",
    "uv",
)
def uv_script(lab: Lab) -> str:
    folder = project(lab)
    lab.call("uv", "lock", cwd=folder, **lab.driver)
    (folder / "script.py").write_text(SCRIPT)
    (folder / "plain.py").write_text(SCRIPT.partition("# ///\n")[2])
    (lab.folder / "other").mkdir()
    seen = [
        said(lab.call("uv", "run", "script.py", cwd=folder)),
        said(
            lab.call(
                *("uv", "run", "--with", "spam==1.0", str(folder / "plain.py")),
                cwd=project(lab, dependencies="[]", name="other-project"),
            )
        ),
        said(lab.call("uvx", "--with", "spam", "python", "plain.py", cwd=folder)),
    ]
    lab.call("uv", "lock", "--script", "script.py", cwd=folder, **lab.driver)
    lab.call("uv", "sync", "--script", "script.py", "--reinstall", cwd=folder)
    return join(*seen, said(lab.call("uv", "run", "script.py", cwd=folder)))


@scenario(
    LOCKS,
    "`uv lock`, `uv sync`, `uv run`; the project has "
    '`config-settings-package = { spam = { variant = "cu12" } }`',
    RIGHT,
    "uv",
)
def uv_lock_setting(lab: Lab) -> str:
    return lock_and_sync(lab, settings_table('variant = "cu12"'))


@scenario(
    LOCKS,
    'the same with `config-settings-package = { spam = { variant = "cu12", portable = "true" } }`',
    RIGHT,
    "uv",
)
def uv_lock_portable(lab: Lab) -> str:
    return lock_and_sync(lab, settings_table('variant = "cu12"', 'portable = "true"'))


@scenario(
    LOCKS,
    'the same with `extra-build-variables = { spam = { SPAM_VARIANT = "cu12" } }`',
    RIGHT,
    "uv",
)
def uv_lock_build_variable(lab: Lab) -> str:
    return lock_and_sync(lab, build_variables('SPAM_VARIANT = "cu12"'))


@scenario(
    LOCKS,
    'the same with `extra-build-variables = { spam = { SELECTOR_CUDA = "12.4" } }`',
    RIGHT,
    "uv",
)
def uv_lock_stated(lab: Lab) -> str:
    return lock_and_sync(lab, build_variables('SELECTOR_CUDA = "12.4"'))


def build_variables(variable: str) -> str:
    return f"[tool.uv]\nextra-build-variables = {{ spam = {{ {variable} }} }}"


@scenario(
    LOCKS,
    "the same with `[[tool.uv.dependency-metadata]]`, by which spam requires spam-core and "
    "spam-cu12, but only for this machine's `sys_platform`",
    RIGHT,
    "uv",
)
def uv_lock_metadata(lab: Lab) -> str:
    marker = f"; sys_platform == '{sys.platform}'"
    requires = [f"spam-core==1.0{marker}", f"spam-cu12==1.0{marker}"]
    table = f'name = "spam"\nversion = "1.0"\nrequires-dist = {requires}'
    return lock_and_sync(lab, f"[[tool.uv.dependency-metadata]]\n{table}")


@scenario(
    LOCKS,
    "after the row with `portable`, with the same cache, `uv pip install spam`",
    "cpu",
    "uv",
)
def uv_lock_portable_then_install(lab: Lab) -> str:
    lock_and_sync(lab, settings_table('variant = "cu12"', 'portable = "true"'))
    return lab.install()


@scenario(
    LOCKS,
    "after the row with `variant` alone, with the same cache, `uv pip install spam`",
    "cpu",
    "uv",
)
def uv_lock_setting_then_install(lab: Lab) -> str:
    lock_and_sync(lab, settings_table('variant = "cu12"'))
    return lab.install()


SEVERAL = """\
[project.optional-dependencies]
cpu = ["spam-cpu==1.0"]
cu12 = ["spam-cu12==1.0"]
"""
CONFLICTS = '[tool.uv]\nconflicts = [[{ extra = "cpu" }, { extra = "cu12" }]]\n'


def ours(environment: Environment) -> str:
    names = (name for name in environment.installed() if name in ("spam-cpu", "spam-cu12"))
    return " and ".join(sorted(names)) or "none"


@scenario(
    LOCKS,
    "one lock for several machines: extras that name spam-cpu and spam-cu12, declared as "
    "`conflicts`; `uv sync --locked --extra cpu`, `uv sync --locked --extra cu12`",
    "spam-cpu, spam-cu12",
    "uv",
)
def uv_several(lab: Lab) -> str:
    folder = project(lab, SEVERAL + CONFLICTS, dependencies="[]")
    lab.call("uv", "lock", cwd=folder)
    seen = []
    for variant in ("cpu", "cu12"):
        lab.call("uv", "sync", "--locked", "--extra", variant, cwd=folder)
        seen.append(ours(environment_of(lab, folder)))
    return join(*seen)


def index_of(lab: Lab, tool: str) -> str:
    """Return the part of a project that names the index for poetry or pdm."""
    url = lab.world.index.url
    if tool == "poetry":
        return f'[[tool.poetry.source]]\nname = "local"\nurl = "{url}"\npriority = "primary"\n'
    return f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{url}"\nverify_ssl = false\n'


def source_of(lab: Lab, tool: str) -> str:
    """Return the same for a project that is no package itself."""
    head = "[tool.poetry]\npackage-mode" if tool == "poetry" else "[tool.pdm]\ndistribution"
    return f"{head} = false\n\n{index_of(lab, tool)}"


INSTALLS = {
    "poetry": (("poetry", "lock", "-n"), ("poetry", "install", "-n")),
    "pdm": (("pdm", "lock"), ("pdm", "sync")),
}


#: What stops an install where the variable does not agree with the lock; pdm breaks its lines.
DISAGREES = re.compile(r"lock\s+has\s+\w+,\s+and\s+SPAM_VARIANT\s+asks\s+for")


def locked_install(
    lab: Lab, variant: str, *options: str, always: Mapping[str, str] | None = None, **environ: Any
) -> str:
    """Lock and install in a new project; return what the lock holds and what is installed.

    ``options`` and ``environ`` are for locking, ``always`` is for both.
    """
    tool = lab.program.kind
    lab.made += 1
    folder = project(lab, source_of(lab, tool), name=f"project{lab.made}")
    lock, install = INSTALLS[tool]
    both: dict[str, Any] = {"SPAM_VARIANT": variant, **(always or {})}
    lab.call(*lock, *options, cwd=folder, **both, **environ)
    output = lab.call(*install, cwd=folder, check=False, **both)
    (file,) = folder.glob("*.lock")
    seen = "it stops" if DISAGREES.search(output) else variants(environment_of(lab, folder))
    return f"{pins(file.read_text())}: {seen}"


@scenario(
    LOCKS,
    "`SPAM_VARIANT=cu12`, lock and install: the wheel's file, as the cache has it afterwards",
    "spam-1.0-py3-none-selected_cu12.whl",
    "poetry pdm",
)
def tag_of_locked(lab: Lab) -> str:
    locked_install(lab, "cu12")
    return kept(lab)


@scenario(
    LOCKS,
    "`poetry lock` (pdm: `pdm lock`) with a driver for CUDA 12.4, `poetry install` (`pdm sync`) "
    "without; and the other way; then with `SPAM_VARIANT=cu11`",
    "cu12, cpu, it stops",
    "poetry pdm",
)
def locked_elsewhere(lab: Lab) -> str:
    lock, install = INSTALLS[lab.program.kind]
    seen = []
    nothing: dict[str, Any] = {}
    for number, (there, here) in enumerate(((lab.driver, nothing), (nothing, lab.driver))):
        own: dict[str, Any] = {
            "POETRY_CACHE_DIR": str(lab.folder / f"cache{number}"),
            "PDM_CACHE_DIR": str(lab.folder / f"cache{number}"),
        }
        folder = project(lab, source_of(lab, lab.program.kind), name=f"project{number}")
        lab.call(*lock, cwd=folder, **own, **there)
        lab.call(*install, cwd=folder, **own, **here)
        seen.append(variants(environment_of(lab, folder)))
    shutil.rmtree(folder / ".venv")
    output = lab.call(*install, cwd=folder, check=False, SPAM_VARIANT="cu11", **own)
    return join(*seen, "it stops" if DISAGREES.search(output) else output[-200:])


@scenario(
    LOCKS,
    "after `poetry lock` (pdm: `pdm lock`) with that driver, `poetry update --lock` (`pdm lock`) "
    "on another machine, without; and with `SPAM_VARIANT=auto` on a third",
    "cu12 is kept, cu12 is not kept",
    "poetry pdm",
)
def lock_again(lab: Lab) -> str:
    tool, seen = lab.program.kind, []
    folder = project(lab, source_of(lab, tool))
    lab.call(*INSTALLS[tool][0], cwd=folder, **lab.driver)
    again = ("poetry", "update", "--lock", "-n") if tool == "poetry" else ("pdm", "lock")
    (lock,) = folder.glob("*.lock")
    for variant in ("", "auto"):
        cache = str(lab.folder / f"cache{variant}")
        own: dict[str, Any] = {"POETRY_CACHE_DIR": cache, "PDM_CACHE_DIR": cache}
        lab.call(*again, cwd=folder, SPAM_VARIANT=variant, **own)
        seen.append(f"cu12 is {'' if 'spam-cu12' in lock.read_text() else 'not '}kept")
    return join(*seen)


@scenario(
    LOCKS,
    '`installer.build-config-settings.spam` with `variant = "cu12"` in `poetry.toml`: '
    "`poetry lock`, then `poetry install`",
    "cu12",
    "poetry",
    short="poetry",
    advice=(
        "`installer.build-config-settings` names the variant",
        "no effect on the lock, so `poetry install` stops",
        "set the variable for `poetry lock`",
    ),
)
def poetry_setting(lab: Lab) -> str:
    folder = project(lab, source_of(lab, "poetry"))
    setting = '[installer.build-config-settings.spam]\nvariant = "cu12"\n'
    (folder / "poetry.toml").write_text(setting)
    lab.call("poetry", "lock", "-n", cwd=folder)
    output = lab.call("poetry", "install", "-n", cwd=folder, check=False)
    if re.search(r"poetry\.lock has cpu,\s+and -C variant asks for\s+cu12", output):
        return "it stops, since the lock has cpu"
    return variants(environment_of(lab, folder))


@scenario(
    LOCKS,
    "the recipes of PyTorch, whose variants are labels, and of JAX, whose variants are extras: "
    "locked with `SELECTOR_CUDA=12.8`, installed without",
    "cu128: torch 2.9.1+cu128, cuda12: jax 0.10.2 and jax-cuda12-plugin 1.0",
    "uv poetry pdm",
    short="pdm",
    advice=(
        "variants that are labels of one distribution, such as PyTorch's",
        "no version when it locks",
        "uv or poetry",
    ),
)
def recipes(lab: Lab) -> str:
    if lab.program.windows:
        raise NotHereError("JAX has CUDA for Linux only")
    return join(locked_recipe(lab, "torch"), locked_recipe(lab, "jax"))


def locked_recipe(lab: Lab, name: str) -> str:
    """Lock a recipe for a GPU, install it elsewhere; return the variant, and what is installed."""
    tool = lab.program.kind
    commands = {**INSTALLS, "uv": (("uv", "lock"), ("uv", "sync", "--locked"))}[tool]
    more = "" if tool == "uv" else source_of(lab, tool)
    folder = project(lab, more, dependencies=f'["{name}-here"]', name=name)
    stated: dict[str, Any] = {"SELECTOR_CUDA": "12.8", "SELECTOR_COMPUTE_CAPABILITY": "9.0"}
    output = lab.call(*commands[0], cwd=folder, check=False, **stated)
    if re.search("Unable to find a resolution", output):
        return f"it finds no versions of {name}"
    lab.call(*commands[1], cwd=folder, SELECTOR_CUDA="")
    environment = environment_of(lab, folder)
    chosen = " and ".join(environment.record(f"{name}_here")["variants"])
    has = [f"{one} {version}" for one, version in environment.installed().items()]
    has = [one for one in sorted(has) if one.startswith(name) and "-here" not in one]
    return f"{chosen}: {' and '.join(has)}"


LOCKED = "spam 1.0 and spam-cpu 1.0: cpu, spam 1.0 and spam-cu12 1.0: cu12"


@scenario(
    LOCKS,
    "`poetry lock` and `poetry install` (pdm: `pdm lock`, `pdm sync`), one cache, two projects: "
    "what the lock holds and what is installed after `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12`",
    LOCKED,
    "poetry pdm",
    short="poetry pdm",
    advice=(
        "locks, after a lock with another variable",
        "the old choice, from its cache",
        "`poetry lock --no-cache`, `PDM_NO_CACHE=1 pdm lock`",
    ),
)
def lock_twice(lab: Lab) -> str:
    return join(locked_install(lab, "cpu"), locked_install(lab, "cu12"))


@scenario(
    LOCKS,
    "the same, locked with `poetry lock --no-cache` (pdm: `PDM_NO_CACHE=1 pdm lock`)",
    LOCKED,
    "poetry pdm",
)
def lock_uncached(lab: Lab) -> str:
    options = ("--no-cache",) if lab.program.kind == "poetry" else ()
    environ: dict[str, Any] = {"PDM_NO_CACHE": "1"} if lab.program.kind == "pdm" else {}
    return join(
        locked_install(lab, "cpu", *options, **environ),
        locked_install(lab, "cu12", *options, **environ),
    )


@scenario(
    LOCKS,
    "one lock for several machines: extras that name spam-cpu and spam-cu12; installed with the "
    "one and, in another checkout, the other",
    "spam-cpu, spam-cu12",
    "poetry pdm",
)
def several(lab: Lab) -> str:
    tool = lab.program.kind
    first = project(lab, SEVERAL + source_of(lab, tool), dependencies="[]", name="first")
    lock = ("poetry", "lock", "-n") if tool == "poetry" else ("pdm", "lock", "-G", ":all")
    lab.call(*lock, cwd=first)
    shutil.copytree(first, lab.folder / "second", ignore=shutil.ignore_patterns(".venv", ".pdm*"))
    seen = []
    for folder, variant in ((first, "cpu"), (lab.folder / "second", "cu12")):
        install = (
            ("poetry", "install", "-n", "--extras") if tool == "poetry" else ("pdm", "sync", "-G")
        )
        lab.call(*install, variant, cwd=folder)
        seen.append(ours(environment_of(lab, folder)))
    return join(*seen)


@scenario(
    LOCKS,
    "one lock for each: `SPAM_VARIANT=cpu`, `SPAM_VARIANT=cu12` compiled with hashes and installed "
    "on a machine that sets the same variable",
    "cpu, cu12",
    "uv",
)
def uv_one_for_each(lab: Lab) -> str:
    (lab.folder / "requirements.in").write_text("spam\n")
    seen = []
    for variant in ("cpu", "cu12"):
        file = str(lab.folder / f"{variant}.txt")
        command = ("uv", "pip", "compile", "--generate-hashes", "requirements.in", "-o", file)
        lab.call(*command, SPAM_VARIANT=variant)
        seen.append(lab.install("--require-hashes", "-r", file, SPAM_VARIANT=variant))
    return join(*seen)


@scenario(
    LOCKS,
    "a compiled file for cpu, installed with a driver for CUDA 12.4, and with `SPAM_VARIANT=cu12`",
    "cpu, it stops",
    BOTH,
)
def other_choice(lab: Lab) -> str:
    file = lab.folder / "requirements.txt"
    file.write_text("spam==1.0\nspam-core==1.0\nspam-cpu==1.0\n")
    seen, environment = lab.install("-r", str(file), **lab.driver), lab.fresh()
    install = ("install", "-r", str(file))
    output = lab.pip(environment, *install, check=False, SPAM_VARIANT="cu12")
    stops = "exclude each other" in output and not environment.installed()
    return join(seen, "it stops" if stops else variants(environment))


# uv's preview of variant wheels, which lie beside the sdist for all scenarios

WITH_WHEELS = "preview"
DRIVERS: list[dict[str, Any]] = [{CUDA: "12.4"}, {CUDA: "11.8"}, {}]  # keywords, so of any type


def preview(lab: Lab, *arguments: str, cwd: Path | None = None, **environ: Any) -> str:
    """Run uv with the preview; before 0.13.9 it was not tried."""
    since(lab, uv="0_13_9")
    name, *rest = arguments
    return lab.call("uv", name, *rest, *PREVIEW, cwd=cwd, **environ)


@scenario(
    WITH_WHEELS,
    "`uv pip install spam`, one cache: a driver for CUDA 12.4, for 11.8, none, for 12.4",
    "cu12, cu11, cpu, cu12",
    "uv",
)
def wheels_by_machine(lab: Lab) -> str:
    since(lab, uv="0_13_9")
    drivers = (*DRIVERS, DRIVERS[0])
    return join(*(lab.install("spam", *PREVIEW, **driver) for driver in drivers))


@scenario(
    WITH_WHEELS,
    "the backend is asked on the way",
    "no",
    "uv",
    short="uv",
)
def wheels_ask_nothing(lab: Lab) -> str:
    return asked(lab)


@scenario(
    WITH_WHEELS,
    "the same with `--only-binary spam`",
    "no",
    "uv",
)
def wheels_only(lab: Lab) -> str:
    return asked(lab, "--only-binary", "spam")


def asked(lab: Lab, *options: str) -> str:
    since(lab, uv="0_13_9")
    environment = lab.fresh()
    output = lab.pip(environment, "install", "-v", "spam", *PREVIEW, *options)
    assert variants(environment) == "cpu"
    return "yes" if "Calling `selector_backend." in output else "no"


@scenario(
    WITH_WHEELS,
    "`SPAM_VARIANT=cpu uv pip install spam`, a driver for CUDA 12.4",
    "cpu",
    "uv",
    short="uv",
)
def wheels_forced(lab: Lab) -> str:
    since(lab, uv="0_13_9")
    return lab.install("spam", *PREVIEW, SPAM_VARIANT="cpu", **DRIVERS[0])


@scenario(
    WITH_WHEELS,
    "the same with `--no-binary spam`, which takes the sdist",
    "cpu",
    "uv",
)
def wheels_left_aside(lab: Lab) -> str:
    since(lab, uv="0_13_9")
    return lab.install("spam", *PREVIEW, "--no-binary", "spam", SPAM_VARIANT="cpu", **DRIVERS[0])


@scenario(
    WITH_WHEELS,
    "`uv pip compile`, a driver for CUDA 12.4",
    "spam 1.0 and spam-cu12 1.0",
    "uv",
)
def wheels_compiled(lab: Lab) -> str:
    return compile_with_wheels(lab, "requirements.txt")


@scenario(
    WITH_WHEELS,
    "`uv pip compile -o pylock.toml`, a driver for CUDA 12.4",
    "spam 1.0 and spam-cu12 1.0",
    "uv",
    short="uv",
)
def wheels_in_pylock(lab: Lab) -> str:
    return compile_with_wheels(lab, "pylock.toml")


def compile_with_wheels(lab: Lab, name: str) -> str:
    since(lab, uv="0_13_9")
    file = lab.folder / name
    (lab.folder / "requirements.in").write_text("spam\n")
    command = ("uv", "pip", "compile", *PREVIEW, "requirements.in", "-o", str(file))
    output = lab.call(*command, check=False, **DRIVERS[0])
    return "uv refuses" if "does not support" in output else pins(file.read_text())


@scenario(
    WITH_WHEELS,
    "`uv lock` without a driver; `uv sync` with a driver for CUDA 12.4, for 11.8, none",
    "cu12, cu11, cpu",
    "uv",
    short="uv",
)
def wheels_locked(lab: Lab) -> str:
    folder = project(lab)
    preview(lab, "lock", cwd=folder)
    seen = []
    for driver in DRIVERS:
        preview(lab, "sync", "--locked", cwd=folder, **driver)
        seen.append(variants(environment_of(lab, folder)))
        shutil.rmtree(folder / ".venv")
    return join(*seen)


@scenario(
    WITH_WHEELS,
    "an environment with spam from the sdist, chosen without a driver; then "
    "`uv pip install --upgrade spam` with the preview, and a driver for CUDA 12.4",
    "cu12",
    "uv",
    short="uv",
)
def wheels_after_sdist(lab: Lab) -> str:
    since(lab, uv="0_13_9")
    environment = lab.fresh()
    lab.install(into=environment)
    return lab.install("--upgrade", "spam", *PREVIEW, into=environment, **DRIVERS[0])


@scenario(
    WITH_WHEELS,
    "`uv tool install app`, which requires spam, a driver for CUDA 12.4",
    "cu12",
    "uv",
)
def wheels_for_a_tool(lab: Lab) -> str:
    preview(lab, "tool", "install", "app", **DRIVERS[0])
    return said(lab.run(str(lab.folder / "home/.local/bin/app")))
