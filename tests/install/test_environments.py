"""What else an environment holds: other selector packages, and another variant of the same one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Callable

import pytest
from conftest import NEWEST_PIP, OLDEST_PIP, MakeEnvironment
from support.driver import Driver
from support.environment import Environment
from support.index import Index
from support.installed import check_files, put_package, put_wheel, remove, run_commands
from support.project import build_sdist, write_carrying, write_wheel

TABLE = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
when = {{ cuda = ">=12" }}
conform = {{ cuda = "12" }}

[[tool.selector.variant]]
name = "cu11"
when = {{ cuda = ">=11.2" }}
conform = {{ cuda = "11" }}
{more}"""

CPU = """
[[tool.selector.variant]]
name = "cpu"
"""


def write_requirement_package(dist: Path, name: str, *versions: str, more: str = CPU) -> None:
    """Write a selector package whose variants exclude each other and have the same files.

    It carries its backend, so that an install is quick.
    """
    for version in versions:
        for variant in ("cu12", "cu11", "cpu"):
            files = {f"_{name}_native/__init__.py": f"variant = {variant!r}\n"}
            # A file that only this variant has would stay behind if another went over it.
            files[f"_{name}_native/{variant}.py"] = ""
            write_wheel(dist, f"{name}-{variant}", version, files=files)
        table = TABLE.format(more=more)
        source = dist.parent / "source" / f"{name}-{version}"
        build_sdist(write_carrying(source, table, name=name, version=version), dist)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Index]) -> Index:
    """An index with spam 1.0 and 1.1, eggs 2.0, and ham 1.0, which has no cpu variant."""
    dist = tmp_path_factory.mktemp("index") / "dist"
    write_requirement_package(dist, "spam", "1.0", "1.1")
    write_requirement_package(dist, "eggs", "2.0")
    write_requirement_package(dist, "ham", "1.0", more="")
    return serve(dist)


VERSIONS = {"eggs": "2.0"}
nightly = pytest.mark.nightly


def put(environment: Environment, index: Index, name: str, environ: Mapping[str, str]) -> None:
    """Put a package there as pip would leave it: what comes after it is under test."""
    version = VERSIONS.get(name, "1.0")
    put_package(environment.site_packages, index.folders[-1], name, environ, version)


def variants(environment: Environment, project: str = "spam") -> list[str]:
    """Return the variants of a project that are installed."""
    installed = environment.installed()
    return [name for name in ("cu12", "cu11", "cpu") if f"{project}-{name}" in installed]


def test_another_packages_choice_is_followed(
    make_environment: MakeEnvironment, index: Index, driver: Driver
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", driver.environ("11.8"))
    environment.pip("install", "spam", environ=driver.environ("12.4"))
    assert variants(environment, "eggs") == variants(environment, "spam") == ["cu11"]
    record = environment.record()
    assert record["conform"] == {"cuda": "11"}
    verdict = record["verdicts"][0]
    assert verdict["name"] == "cu12"
    assert verdict["fits"] is False
    assert verdict["reason"] == "eggs 2.0 is installed with cuda = 11"


def test_where_no_variant_agrees_both_ways_out_are_given_and_work(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", {"EGGS_VARIANT": "cu12"})
    cuda = {"SELECTOR_CUDA": "11.8"}
    process = environment.pip("install", "ham", environ=cuda, check=False)
    assert process.returncode != 0
    assert "ham 1.0 cannot be installed into this environment." in process.stdout
    assert "cu12: cuda 11.8 is not >=12" in process.stdout
    assert "cu11: eggs 2.0 is installed with cuda = 12" in process.stdout
    assert "Traceback" not in process.stdout
    assert run_commands(environment, process.stdout, **cuda) == [
        "pip uninstall --yes eggs eggs-cu12",
        "pip install ham==1.0",
        "pip install eggs",
    ]
    assert variants(environment, "eggs") == variants(environment, "ham") == ["cu11"]
    check_files(environment)


def test_a_forced_variant_does_not_beat_another_package(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", {"EGGS_VARIANT": "cu11"})
    environ = {"SPAM_VARIANT": "cu12", "EGGS_VARIANT": "CU11"}  # as a shell exports both
    process = environment.pip("install", "spam", environ=environ, check=False)
    assert process.returncode != 0
    assert (
        "eggs 2.0 is installed with cuda = 11, and cu12, which SPAM_VARIANT asks for, "
        "does not agree." in process.stdout
    )
    assert run_commands(environment, process.stdout, **environ) == [
        "pip uninstall --yes eggs eggs-cu11",
        "pip install --config-settings spam:variant=cu12 spam==1.1",
        "pip install --config-settings eggs:variant=auto eggs",
    ]
    assert variants(environment) == ["cu12"]
    assert variants(environment, "eggs") == ["cpu"]


def test_what_disagrees_with_another_package_and_its_own_variant_is_taken_over_with_both(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", {"EGGS_VARIANT": "cu11"})
    put(environment, index, "spam", {"SPAM_VARIANT": "cu11"})
    environ = {"SELECTOR_CUDA": "11.8", "SPAM_VARIANT": "cu12"}
    again = ("install", "--force-reinstall", "spam==1.0")
    process = environment.pip(*again, environ=environ, check=False)
    assert "Uninstall eggs and spam, then install spam first and eggs after it" in process.stdout
    assert run_commands(environment, process.stdout, **environ) == [
        "pip uninstall --yes eggs eggs-cu11 spam spam-cu11",
        "pip install --config-settings spam:variant=cu12 spam==1.0",
        "pip install eggs",
    ]
    assert variants(environment, "eggs") == ["cpu"]  # eggs follows spam, not the driver
    assert variants(environment, "spam") == ["cu12"]


def test_an_upgrade_keeps_the_variant_and_notes_the_better_one(
    make_environment: MakeEnvironment, index: Index, driver: Driver
) -> None:
    environment = make_environment(index)
    put(environment, index, "spam", driver.environ("11.8"))
    process = environment.pip("install", "-v", "-U", "spam", environ=driver.environ("12.4"))
    assert environment.installed() == {"spam": "1.1", "spam-cu11": "1.1"}
    note = "cu12 fits, and comes first; cu11 is installed already and stays"
    assert note in process.stdout
    assert environment.record()["notes"] == [note]
    check_files(environment)


@pytest.mark.parametrize(
    ("how", "pip"),
    [
        ("variable", NEWEST_PIP),
        pytest.param("setting", NEWEST_PIP, marks=nightly),
        pytest.param("variable", OLDEST_PIP, marks=nightly),
    ],
)
def test_forcing_another_variant_stops_with_commands_that_work(
    make_environment: MakeEnvironment, index: Index, driver: Driver, how: str, pip: str
) -> None:
    environment = make_environment(index, pip=pip)
    put(environment, index, "spam", driver.environ("11.8"))
    environ = driver.environ("12.4")
    arguments = ["install", "spam==1.1"]  # older pips go back to 1.0, if they may
    if how == "variable":
        environ["SPAM_VARIANT"] = "cu12"
    else:
        arguments += ["-C", "variant=cu12"]
    process = environment.pip(*arguments, environ=environ, check=False)
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    assert "spam 1.1 cannot be installed over another variant of it." in process.stdout
    assert "spam-cu11 1.0 is installed." in process.stdout
    assert environment.installed() == {"spam": "1.0", "spam-cu11": "1.0"}
    again = "pip install --config-settings spam:variant=cu12 spam==1.1"
    if pip == OLDEST_PIP:  # it has no such option
        again = "SPAM_VARIANT=cu12 pip install spam==1.1"
    uninstall = "pip uninstall --yes spam spam-cu11"
    assert run_commands(environment, process.stdout) == [uninstall, again]
    assert environment.installed() == {"spam": "1.1", "spam-cu12": "1.1"}
    check_files(environment)


def test_a_variant_that_no_longer_fits_stops_with_commands_that_work(
    make_environment: MakeEnvironment, index: Index, driver: Driver
) -> None:
    environment = make_environment(index)
    put(environment, index, "spam", driver.environ("12.4"))
    older = driver.environ("11.8")
    process = environment.pip("install", "--force-reinstall", "spam", environ=older, check=False)
    assert process.returncode != 0
    assert "cu12 no longer fits: cuda 11.8 is not >=12." in process.stdout
    assert "cu11 fits: cuda 11.8 is >=11.2." in process.stdout
    run_commands(environment, process.stdout, **older)
    assert variants(environment) == ["cu11"]
    check_files(environment)


def test_a_variant_that_was_installed_by_hand_counts(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put_wheel(environment.site_packages, index.folders[-1], "spam-cu11")
    environment.pip("install", "spam", environ={"SELECTOR_CUDA": "12.4"})
    assert environment.installed() == {"spam": "1.1", "spam-cu11": "1.1"}


def test_a_record_whose_variant_was_uninstalled_does_not_count(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put(environment, index, "spam", {"SPAM_VARIANT": "cu11"})
    remove(environment.site_packages, "spam-cu11")
    cuda = {"SELECTOR_CUDA": "12.4"}
    environment.pip("install", "--force-reinstall", "spam", environ=cuda)
    assert variants(environment) == ["cu12"]


def test_a_foreign_or_broken_record_is_passed_over(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    for name, text in (
        ("foreign", '{"format": 1}'),
        ("broken", "{"),
        ("old", '{"format": 0, "table": {}}'),
        ("number", '{"format": 1, "project": "number", "version": "1.0", "variants": [1]}'),
        ("option", '{"format": 1, "project": "--pre", "version": "1.0", "variants": ["cpu"]}'),
        ("deep", "[" * 100_000),
    ):
        folder = environment.site_packages / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "selector.json").write_text(text, encoding="utf-8")
    (environment.site_packages / "bytes-1.0.dist-info").mkdir()
    (environment.site_packages / "bytes-1.0.dist-info/selector.json").write_bytes(b"\xff\xfe")
    circle = environment.site_packages / "circle-1.0.dist-info/selector.json"
    circle.parent.mkdir()
    circle.symlink_to(circle)
    environment.pip("install", "spam", environ={"SELECTOR_CUDA": "12.4"})
    assert variants(environment) == ["cu12"]
    notes = environment.record()["notes"]
    assert len(notes) == 8
    assert all("was passed over" in note for note in notes)
    assert "the record of bytes was passed over: it is not UTF-8 text" in notes
    assert "the record of circle was passed over: Too many levels of symbolic links" in notes
    assert str(environment.folder) not in str(notes)


def test_metadata_that_is_not_utf_8_is_no_hindrance(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    put(environment, index, "spam", {"SPAM_VARIANT": "cu11"})
    (metadata,) = environment.site_packages.glob("spam_cu11-*.dist-info/METADATA")
    metadata.write_bytes(metadata.read_bytes() + b"Author: Zo\xeb\n")
    again = ("install", "--no-deps", "--force-reinstall", "spam")
    environment.pip(*again, environ={"SELECTOR_CUDA": "12.4"})
    record = environment.record()
    assert (record["decided-by"], record["variants"]) == ("machine", ["cu11"])


def test_variants_that_can_stand_side_by_side_are_not_compared(
    make_environment: MakeEnvironment, serve: Callable[[Path], Index], tmp_path: Path
) -> None:
    table = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "avx2"
when = { cpu = "avx2" }

[[tool.selector.variant]]
name = "never"
when = { cpu = "none" }
refuse = "never"

[[tool.selector.variant]]
name = "cpu"
"""
    for name in ("avx2", "cpu"):
        write_wheel(tmp_path / "dist", f"spam-{name}")
    build_sdist(write_carrying(tmp_path / "source", table), tmp_path / "dist")
    index = serve(tmp_path / "dist")
    environment = make_environment(index)
    put(environment, index, "spam", {"SELECTOR_CPU": "sse2"})
    assert set(environment.installed()) == {"spam", "spam-cpu"}
    forced = {"SPAM_VARIANT": "all"}
    environment.pip("install", "--force-reinstall", "spam", environ=forced)
    assert set(environment.installed()) == {"spam", "spam-avx2", "spam-cpu"}
    assert environment.record()["variants"] == ["avx2", "cpu"]
    assert environment.record()["decided-by"] == "SPAM_VARIANT"


@pytest.mark.parametrize("asked", ["all", "cu11,cu12"])
def test_variants_that_exclude_each_other_are_refused_together(
    make_environment: MakeEnvironment, index: Index, asked: str
) -> None:
    environment = make_environment(index)
    environ = {"SPAM_VARIANT": asked}
    process = environment.pip("install", "spam", environ=environ, check=False)
    assert process.returncode != 0
    assert "the variants of spam exclude each other" in process.stdout


EGGS_11 = {"EGGS_VARIANT": "cu11"}
CUDA_12 = {"SELECTOR_CUDA": "12.4"}


def test_pip_of_another_environment_looks_at_the_one_it_installs_into(
    make_environment: MakeEnvironment, index: Index
) -> None:
    runner, target = make_environment(index), make_environment(index)
    put(runner, index, "eggs", {"EGGS_VARIANT": "cu12"})
    put(target, index, "eggs", EGGS_11)
    runner.pip("--python", str(target.python), "install", "--pre", "spam", environ=CUDA_12)
    assert variants(target) == ["cu11"]


def test_commands_name_the_pip_that_installs_there(
    make_environment: MakeEnvironment, index: Index
) -> None:
    runner, target = make_environment(index), make_environment(index, pip=None)
    python = ("--python", str(target.folder))
    runner.pip(*python, "install", "spam==1.0", environ=CUDA_12)
    again = (*python, "install", "--force-reinstall", "spam==1.0")
    output = runner.pip(*again, environ={"SPAM_VARIANT": "cpu"}, check=False).stdout
    commands = run_commands(runner, output)
    assert commands[0] == f"pip --python {target.folder} uninstall --yes spam spam-cu12"
    assert variants(target) == ["cpu"]
    # An environment that is not activated, as one of pipx, is not the one of `pip`.
    elsewhere = {"PATH": runner.path, "SPAM_VARIANT": "cpu"}
    own = make_environment(index)
    own.pip("install", "spam==1.0", environ=CUDA_12)
    by_path = ("install", "--force-reinstall", "spam==1.0")
    output = own.pip(*by_path, environ=elsewhere, check=False).stdout
    commands = run_commands(runner, output)
    assert commands[0] == f"{own.python} -m pip uninstall --yes spam spam-cu12"
    assert variants(own) == ["cpu"]


def test_pip_cannot_uninstall_from_a_target_and_is_not_said_to(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path
) -> None:
    environment, target = make_environment(index), str(tmp_path / "a target")
    environment.pip("install", "-t", target, "spam==1.0", environ=CUDA_12)
    again = ("install", "-t", target, "spam==1.0")
    output = environment.pip(*again, environ={"SPAM_VARIANT": "cpu"}, check=False).stdout
    assert "  (pip cannot uninstall from the folder of --target: delete it)" in output
    assert f"  pip install --target '{target}' --config-settings spam:variant=cpu" in output


def test_the_users_own_folder_counts_where_the_environment_sees_it(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path
) -> None:
    user = {"PYTHONUSERBASE": str(tmp_path / "user")}
    environment = make_environment(index)
    settings = environment.folder / "pyvenv.cfg"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("packages = false", "packages = true"), encoding="utf-8")
    environment.pip("install", "--user", "eggs", environ={**user, **EGGS_11})
    environment.pip("install", "--user", "spam", environ={**user, **CUDA_12})
    assert list((tmp_path / "user").rglob("spam_cu11-1.1.dist-info"))
    blind = make_environment(index)
    blind.pip("install", "spam", environ={**user, **CUDA_12})
    assert variants(blind) == ["cu12"]


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_without_build_isolation_the_environment_is_seen(
    make_environment: MakeEnvironment, index: Index, frontend: str
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", EGGS_11)
    call = environment.pip if frontend == "pip" else environment.uv
    command = ("install",) if frontend == "pip" else ("pip", "install")
    call(*command, "--no-build-isolation", "spam", environ=CUDA_12)
    assert variants(environment) == ["cu11"]


def test_a_target_folder_is_an_environment_of_its_own(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", {"EGGS_VARIANT": "cu12"})
    target = tmp_path / "target folder"
    put_package(target, index.folders[-1], "eggs", EGGS_11, "2.0")
    environment.pip("install", f"--target={target}", "spam", environ=CUDA_12)
    assert list(target.glob("spam_cu11-1.1.dist-info"))
    forced = {"SPAM_VARIANT": "cu12"}
    process = environment.pip("install", "-t", str(target), "spam", environ=forced, check=False)
    assert process.returncode != 0
    assert "eggs 2.0 is installed with cuda = 11" in process.stdout


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--timeout", "60"), marks=nightly),
        pytest.param(("--retries", "3"), marks=nightly),
        ("--use-feature", "fast-deps"),
    ],
)
def test_options_before_the_command_do_not_hide_the_environment(
    make_environment: MakeEnvironment, index: Index, options: tuple[str, ...]
) -> None:
    environment = make_environment(index)
    put(environment, index, "spam", CUDA_12)
    arguments = (*options, "install", "-U", "--force-reinstall", "spam")
    process = environment.pip(*arguments, environ={"SELECTOR_CUDA": ""}, check=False)
    assert process.returncode != 0
    assert "cu12 no longer fits" in process.stdout
    assert environment.installed() == {"spam": "1.0", "spam-cu12": "1.0"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--target", "dep"), marks=nightly),
        pytest.param(("--target=./dep",), marks=nightly),
        pytest.param(("-tdep",), marks=nightly),
        ("-Ut", "dep"),
        pytest.param(("--targ=dep",), marks=nightly),
        (),
    ],
)
def test_a_relative_target_is_seen_by_the_next_install(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path, options: tuple[str, ...]
) -> None:
    environment = make_environment(index)
    place = tmp_path / "a place"
    place.mkdir()
    variable = {} if options else {"PIP_TARGET": "dep"}
    arguments = ("install", *options, "spam")
    put_package(place / "dep", index.folders[-1], "spam", CUDA_12)
    machine = {**variable, "SELECTOR_CUDA": "11.8"}
    process = environment.pip(*arguments, environ=machine, cwd=place, check=False)
    assert process.returncode != 0
    assert "cu12 no longer fits" in process.stdout
    assert [path.name for path in (place / "dep").glob("spam_*.dist-info")] == [
        "spam_cu12-1.0.dist-info"
    ]


@pytest.mark.parametrize("option", ["--prefix", "--root"])
def test_where_it_goes_elsewhere_nothing_is_claimed(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path, option: str
) -> None:
    environment = make_environment(index)
    put(environment, index, "eggs", EGGS_11)
    environment.pip("install", option, str(tmp_path / "else where"), "spam", environ=CUDA_12)
    assert list((tmp_path / "else where").rglob("spam_cu12-1.1.dist-info"))
    assert variants(environment) == []


@pytest.mark.parametrize("how", ["variable", pytest.param("setting", marks=nightly)])
def test_an_upgrade_that_no_longer_forces_says_who_did_and_how_to_go_on(
    make_environment: MakeEnvironment, index: Index, how: str
) -> None:
    environment = make_environment(index)
    no_gpu = {"SELECTOR_CUDA": ""}
    if how == "variable":
        put(environment, index, "spam", {"SPAM_VARIANT": "cu12", **no_gpu})
    else:
        environment.pip("install", "spam==1.0", "-C", "variant=cu12", environ=no_gpu)
    process = environment.pip("install", "-U", "spam", environ=no_gpu, check=False)
    assert process.returncode != 0
    by = "SPAM_VARIANT" if how == "variable" else "-C variant"
    assert (
        f"cu12 was asked for by {by} when it was installed, and does not fit by itself: "
        "cuda is absent: SELECTOR_CUDA is set to nothing." in process.stdout
    )
    assert "no longer fits" not in process.stdout
    keep, change = process.stdout.split("The files of two variants must not get mixed.")
    assert run_commands(environment, keep, **no_gpu) == [
        "pip install --config-settings spam:variant=cu12 spam==1.1"
    ]
    assert environment.installed() == {"spam": "1.1", "spam-cu12": "1.1"}
    check_files(environment)
    run_commands(environment, change, **no_gpu)
    assert environment.installed() == {"spam": "1.1", "spam-cpu": "1.1"}
    check_files(environment)


def test_of_two_variants_that_both_fit_none_is_said_not_to(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    for name in ("spam-cpu", "spam-cu12"):
        put_wheel(environment.site_packages, index.folders[-1], name)
    process = environment.pip("install", "spam", environ=CUDA_12, check=False)
    assert process.returncode != 0
    assert "no longer fits" not in process.stdout
    assert "cpu fits too, and comes later: it fits every machine." in process.stdout
    assert "cu12 fits: cuda 12.4 is >=12." in process.stdout
    run_commands(environment, process.stdout, **CUDA_12)
    assert variants(environment) == ["cu12"]


def test_a_variant_that_this_version_no_longer_has(
    make_environment: MakeEnvironment, serve: Callable[[Path], Index], tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    write_requirement_package(dist, "spam", "1.0")
    table = '[[tool.selector.variant]]\nname = "cpu"\n'
    write_wheel(dist, "spam-cpu", "2.0")
    build_sdist(write_carrying(tmp_path / "2.0", table, version="2.0"), dist)
    index = serve(dist)
    environment = make_environment(index)
    put(environment, index, "spam", {"SPAM_VARIANT": "cu11"})
    process = environment.pip("install", "-U", "spam", check=False)
    assert process.returncode != 0
    assert "cu11 no longer fits: this version does not have it." in process.stdout
    run_commands(environment, process.stdout)
    assert environment.installed() == {"spam": "2.0", "spam-cpu": "2.0"}
    check_files(environment)


@nightly
def test_two_variants_side_by_side_are_not_made_worse(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    for name in ("spam-cu11", "spam-cu12"):
        put_wheel(environment.site_packages, index.folders[-1], name)
    process = environment.pip("install", "spam", environ=CUDA_12, check=False)
    assert process.returncode != 0
    run_commands(environment, process.stdout, **CUDA_12)
    assert variants(environment) == ["cu12"]


def test_a_change_names_who_keeps_the_better_variant_away_and_takes_both_over(
    make_environment: MakeEnvironment, serve: Callable[[Path], Index], tmp_path: Path
) -> None:
    """The second release of both has no cu11: a machine with a GPU is not led to cpu."""
    dist = tmp_path / "dist"
    without_cu11 = TABLE.partition('[[tool.selector.variant]]\nname = "cu11"')[0]
    for name in ("spam", "eggs"):
        write_requirement_package(dist, name, "1.0")
        for variant in ("cu12", "cpu"):
            write_wheel(dist, f"{name}-{variant}", "2.0", files={f"_{name}_native.py": variant})
        table = without_cu11.format() + CPU
        build_sdist(write_carrying(tmp_path / name, table, name=name, version="2.0"), dist)
    index = serve(dist)
    environment = make_environment(index)
    for name in ("spam", "eggs"):
        put_package(environment.site_packages, dist, name, {"SELECTOR_CUDA": "11.8"})
    process = environment.pip("install", "-U", "spam", environ=CUDA_12, check=False)
    assert process.returncode != 0
    assert "cu12 fits this machine, but eggs 1.0 is installed with cuda = 11." in process.stdout
    assert "cpu" not in process.stdout
    assert "To switch, and choose again for eggs, too:" in process.stdout
    assert run_commands(environment, process.stdout, **CUDA_12) == [
        "pip uninstall --yes spam spam-cu11 eggs eggs-cu11",
        "pip install spam==2.0",
        "pip install eggs",
    ]
    assert variants(environment) == variants(environment, "eggs") == ["cu12"]
    check_files(environment)
