"""Variant wheels, written by the command and served by an index: uv's preview, and all others.

uv's preview picks one by what it reads of the machine. Whatever else installs takes the sdist
beside them.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeEnvironment
from support.command import data, lines
from support.driver import Driver
from support.environment import ROOT, Environment, clean_environ, create_environment
from support.index import Index
from support.matrix import machine_rows
from support.project import build_sdist, write_project, write_spam
from support.variant_wheels import (
    PREVIEW,
    can_be_stated,
    on_path,
    stated,
    write_cpu,
    write_nvidia_smi,
)

#: The projects whose tables variant wheels can express.
SPAM, RECIPES = ROOT / "example-spam/spam", ROOT / "docs/recipes"
PROJECTS = [SPAM, RECIPES / "faiss", RECIPES / "jax"]
#: A table in two namespaces, in an order that no provider would give by itself.
TWO = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12-v4"
when = { cuda = ">=12", compute-capability = ">=8", cpu = "x86_64_v4" }

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2,<13", compute-capability = ">=7.5,<9" }

[[tool.selector.variant]]
name = "v3"
when = { cpu = "x86_64_v3" }

[[tool.selector.variant]]
name = "cu13"
when = [{ cuda = ">=13" }, { cuda = ">=12.8", compute-capability = ">=9,<10" }]

[[tool.selector.variant]]
name = "cpu"
"""
#: A table that asks for what only uv's own provider tells.
TPU = """
[tool.selector.provider.tpu]
requires = ["tpu-variant-provider"]
plugin-api = "tpu_variant_provider.plugin:TpuVariantPlugin"

[[tool.selector.variant]]
name = "tpu"
when = { property = "tpu :: present :: true" }

[[tool.selector.variant]]
name = "cpu"
"""
DRIVERS = [("", ""), ("10.2", "7.5"), ("11.8", "8.6"), ("12.4", "7.0"), ("12.8", "9.0")]
DRIVERS += [("12.8", "12.0"), ("13.0", "8.9"), ("13.2", "10.3")]
CPUS = ["nehalem", "haswell", "skylake_avx512"]

Picked = Mapping[str, Any]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that knows no index; installs go to a folder beside it."""
    folder = tmp_path_factory.mktemp("bare")
    return create_environment(folder / "venv", clean_environ(folder / "home"), pip=None)


def pick(
    environment: Environment,
    project: str,
    source: Iterable[str],
    target: Path,
    environ: Mapping[str, str],
) -> Picked:
    """Install the wheel that uv's preview picks, and nothing else; return what its record says."""
    options = ("--only-binary", ":all:", "--no-deps", "--target", str(target))
    command = ("pip", "install", *PREVIEW, *options, *source, project)
    environment.uv(*command, environ=environ)
    (path,) = target.glob("*.dist-info/selector.json")
    record: Picked = json.loads(path.read_text(encoding="utf-8"))
    (installed,) = target.glob("*.dist-info/variant.json")
    (label,) = json.loads(installed.read_text(encoding="utf-8"))["variants"]
    assert record["decided-by"] == "variant wheel"
    return {**record, "label": label}


def values(machine: Picked) -> dict[str, Any]:
    """Return the values of a machine's facts, ``None`` for an absent one."""
    return {key: fact.get("value") for key, fact in machine["facts"].items()}


def pick_on_each(project: Path, machines: list[Picked], bare: Environment, folder: Path) -> None:
    """Have uv pick on each of ``machines``, which are as `matrix` writes them."""
    lines("variant-wheels", project, "--outdir", folder / "dist")
    (metadata,) = (folder / "dist").glob("*-variants.json")
    name = metadata.name.partition("-")[0]
    assert len({*machines[0]["variants"], *machines[-1]["variants"]}) > 1
    for number, machine in enumerate(machines):
        facts = values(machine)
        options, environ = stated(facts)
        source = ("--no-index", "--find-links", str(folder / "dist"), *options)
        found = pick(bare, name, source, folder / str(number), environ)
        assert found["variants"] == machine["variants"], machine["name"]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.name))
def test_uv_picks_what_the_matrix_says(project: Path, bare: Environment, tmp_path: Path) -> None:
    """On one machine for each outcome."""
    outcomes = {tuple(one["variants"]): one for one in machine_rows(project)}
    pick_on_each(project, [*outcomes.values()], bare, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.name))
def test_uv_picks_what_the_matrix_says_on_every_machine(
    project: Path, bare: Environment, tmp_path: Path
) -> None:
    machines = [one for one in machine_rows(project) if can_be_stated(values(one))]
    assert len(machines) > 30
    pick_on_each(project, sorted(machines, key=lambda one: str(one["variants"])), bare, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*/")), ids=lambda path: str(path.name))
def test_no_other_recipe_can_be_expressed(recipe: Path, tmp_path: Path) -> None:
    status = 0 if recipe in PROJECTS else 1
    lines("variant-wheels", recipe, "--outdir", tmp_path / "dist", status=status)


def of_two(drivers: list[tuple[str, str]], bare: Environment, folder: Path) -> set[str]:
    """Have uv pick from `TWO` on machines of all ``drivers`` and CPUs; return the labels."""
    project = write_project(folder / "spam", TWO)
    lines("variant-wheels", project, "--outdir", folder / "dist")
    labels = set()
    for (cuda, gpu), cpu in itertools.product(drivers, CPUS):
        facts = {"cuda": cuda, "compute-capability": gpu, "cpu": cpu}
        given = [word for key, text in facts.items() for word in ("--set", f"{key}={text}")]
        options, environ = stated({**facts, "compute-capability": [gpu]})
        source = ("--no-index", "--find-links", str(folder / "dist"), *options)
        # What is read outside of what the provider knows cannot be stated: then it is not there.
        environ = {} if cuda == "10.2" else environ
        target = folder / f"{cuda}-{gpu}-{cpu}"
        found = pick(bare, "spam", source, target, {**environ, **write_cpu(folder, cpu)})
        explained = data("explain", project, *given)["decision"]
        assert found["variants"] == explained["variants"], (cuda, gpu, cpu)
        labels.add(found["label"])
    return labels


def test_uv_picks_what_explain_says_of_two_namespaces(bare: Environment, tmp_path: Path) -> None:
    assert of_two([("", ""), ("12.4", "8.6")], bare, tmp_path) == {"null", "v3", "cu11", "cu12_v4"}


@pytest.mark.nightly
def test_uv_picks_what_explain_says_of_two_namespaces_on_every_machine(
    bare: Environment, tmp_path: Path
) -> None:
    labels = of_two(DRIVERS, bare, tmp_path)
    assert labels == {"null", "v3", "cu11", "cu13", "cu13.2", "cu12_v4"}


@pytest.mark.nightly
def test_uv_knows_of_tpus(bare: Environment, tmp_path: Path) -> None:
    """Named by the index and by the path of one wheel, which has to fit."""
    project = write_project(tmp_path / "spam", TPU)
    notes = lines("variant-wheels", project, "--outdir", tmp_path / "dist")
    assert not [line for line in notes if "uv knows the providers" in line]
    source = ("--no-index", "--find-links", str(tmp_path / "dist"))
    tpu = {"TPU_VARIANT_PROVIDER_FORCE_PRESENT": "1"}
    wheel = str(tmp_path / "dist/spam-1.0-py3-none-any-tpu.whl")
    for number, (environ, name, label) in enumerate(
        [({}, "spam", "null"), (tpu, "spam", "tpu"), (tpu, wheel, "tpu")]
    ):
        assert pick(bare, name, source, tmp_path / str(number), environ)["label"] == label
    refused = bare.uv("pip", "install", *PREVIEW, *source, wheel, check=False)
    assert "only unsupported wheel variants" in refused.stdout


@pytest.fixture(scope="module")
def index(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index with the sdist of spam, its variant wheels, and what they require."""
    folder = tmp_path_factory.mktemp("served")
    write_spam(folder / "dist")
    source = write_project(folder / "source")
    build_sdist(source, folder / "dist")
    lines("variant-wheels", source, "--outdir", folder / "dist")
    with Index(wheelhouse, folder / "dist") as running:
        yield running


def variant(environment: Environment) -> str:
    """Return the variant that is installed, which the record has to name as well."""
    (found,) = (name for name in environment.installed() if name in ("spam-cpu", "spam-cu12"))
    assert environment.record()["variants"] == [found.removeprefix("spam-")]
    return found.removeprefix("spam-")


@pytest.mark.parametrize("cuda", ["", "12.4"])
def test_uv_reads_the_same_machine_with_the_preview_and_without(
    index: Index, make_environment: MakeEnvironment, driver: Driver, tmp_path: Path, cuda: str
) -> None:
    """From one cache: the sdist's choice and a variant wheel do not stand in for each other."""
    environ = driver.environ(cuda) | on_path(write_nvidia_smi(tmp_path / "bin")) if cuda else {}
    for preview in (PREVIEW, (), PREVIEW):
        environment = make_environment(index, pip=None)
        environment.uv("pip", "install", *preview, "spam", environ=environ)
        environment.uv("pip", "check")
        assert variant(environment) == ("cu12" if cuda else "cpu")
        by = "variant wheel" if preview else "machine"
        assert environment.record()["decided-by"] == by
    assert "/files/spam-1.0-variants.json" in index.requests


def test_nothing_of_ours_runs_where_uv_takes_wheels_only(
    index: Index, make_environment: MakeEnvironment
) -> None:
    index.requests.clear()
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", *PREVIEW, "--only-binary", "spam", "spam")
    assert variant(environment) == "cpu"
    assert not [one for one in index.requests if "backend" in one or one.endswith(".tar.gz")]


def test_where_there_is_no_variant_metadata_uv_takes_the_sdist(
    wheelhouse: Path, index: Index, make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    """As on an index that takes the wheels and not the file beside them."""
    folder = Path(shutil.copytree(index.folders[1], tmp_path / "dist"))
    (folder / "spam-1.0-variants.json").unlink()
    with Index(wheelhouse, folder) as lacking:
        environment = make_environment(lacking, pip=None)
        environment.uv("pip", "install", *PREVIEW, "spam")
    assert variant(environment) == "cpu"
    assert environment.record()["decided-by"] == "machine"
