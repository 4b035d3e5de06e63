"""`selector-backend variant-wheels`: the table, for installers that read PEP 825."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from packaging.metadata import Metadata
from support.command import command, data, error, lines
from support.environment import Environment
from support.index import Index
from support.project import CUDA, build_sdist, write_project, write_wheel
from support.tree import TreeBackend, write_tree

NAMES = [
    "spam-1.0-py3-none-any-cu11.whl",
    "spam-1.0-py3-none-any-cu12.whl",
    "spam-1.0-py3-none-any-null.whl",
    "spam-1.0-variants.json",
]
EVERYTHING = """
[tool.selector]
kind = "capability"
requires = ["spam-core=={version}"]
extras = ["plot"]

[tool.selector.provider.accelerator]
requires = ["accelerator-provider>=1"]
plugin-api = "accelerator_provider:Plugin"

[[tool.selector.variant]]
name = "Mac-OS"
when = { marker = "sys_platform == 'darwin'" }

[[tool.selector.variant]]
name = "null"
when = { property = ["accelerator :: generation :: 2", "accelerator :: link :: on"] }

[[tool.selector.variant]]
name = "v3"
when = [
    { cpu = "x86_64_v3", marker = "sys_platform == 'linux'" },
    { cpu = "aarch64" },
    { cpu = "x86_64_v3", marker = "sys_platform == 'win32'" },
]

[[tool.selector.variant]]
name = "v3.2"
when = { cuda = ">=12,<13", compute-capability = ">=7.5,<10", glibc = ">=2.28" }

[[tool.selector.variant]]
name = "any"
"""


def written(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


def files_in(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel's `.dist-info`, by their names in it."""
    with zipfile.ZipFile(wheel) as archive:
        return {one.partition("/")[2]: archive.read(one) for one in archive.namelist()}


def test_a_wheel_a_row_and_their_metadata(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", more='classifiers = ["Topic :: Utilities"]\n')
    found = lines("variant-wheels", project, "--outdir", tmp_path / "dist")
    assert [*written(tmp_path / "dist")] == NAMES
    assert sorted(found[:4]) == [str(tmp_path / "dist" / one) for one in NAMES]
    assert found[4].endswith(" machines get what the table says")
    assert int(found[4].split()[0]) > 35  # those that are shipped are among them
    whole = json.loads(written(tmp_path / "dist")["spam-1.0-variants.json"])
    assert whole == {
        "$schema": "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json",
        "default-priorities": {"namespace": ["selector", "nvidia"]},
        "providers": {
            "selector": {"static-properties": {"row": ["cu12", "cu11"]}},
            "nvidia": {
                "requires": ["nvidia-variant-provider"],
                "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
            },
        },
        "variants": {
            "cu12": {
                "selector": {"row": ["cu12"]},
                "nvidia": {"cuda_version_lower_bound": ["12.0"]},
            },
            "cu11": {
                "selector": {"row": ["cu11"]},
                "nvidia": {"cuda_version_lower_bound": ["11.2"]},
            },
            "null": {},
        },
    }
    for label, variant in [("cu12", "cu12"), ("cu11", "cu11"), ("null", "cpu")]:
        files = files_in(tmp_path / f"dist/spam-1.0-py3-none-any-{label}.whl")
        assert json.loads(files["variant.json"]) == {
            **whole,
            "variants": {label: whole["variants"][label]},
        }
        metadata = Metadata.from_email(files["METADATA"])
        assert [*map(str, metadata.requires_dist or [])] == [f"spam-{variant}==1.0"]
        assert metadata.classifiers == ["Topic :: Utilities"]  # an index may have it
        record = json.loads(files["selector.json"])
        assert (record["variants"], record["decided-by"]) == ([variant], "variant wheel")
        assert b"\nTag: py3-none-any\n" in files["WHEEL"]


def test_they_are_the_same_from_the_folder_and_from_the_sdist_and_made_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/LICENSE").write_text("Do as you like.", encoding="utf-8")
    project = write_project(tmp_path / "source", EVERYTHING, more='scripts = { spam = "spam:x" }\n')
    sdist = build_sdist(project, tmp_path / "sdist")
    made = []
    for number, what in enumerate((project, project, sdist)):
        lines("variant-wheels", what, "--outdir", tmp_path / f"{number}")
        made.append(written(tmp_path / f"{number}"))
    assert made[0] == made[1] == made[2]
    for name in made[0]:
        if name.endswith(".whl"):
            files = files_in(tmp_path / "0" / name)
            assert {"entry_points.txt", "licenses/LICENSE", "RECORD"} <= files.keys()


def test_everything_that_a_table_may_have(tmp_path: Path) -> None:
    project = write_project(tmp_path / "source", EVERYTHING)
    shown = lines("variant-wheels", project, "--outdir", tmp_path / "dist")
    files = [Path(line) for line in shown if line.startswith(str(tmp_path))]
    assert sorted(file.name for file in files) == [*written(tmp_path / "dist")]
    tags = {file.stem.rpartition("-")[2]: file.stem.split("-", 2)[2] for file in files[:-1]}
    assert [*tags] == ["mac_os", "null_", "v3", "v3.2", "v3.2_", "null"]
    assert tags["mac_os"] == "py3-none-macosx_10_9_x86_64.macosx_11_0_arm64-mac_os"
    assert tags["v3"] == "py3-none-manylinux_2_5_x86_64.musllinux_1_0_x86_64.win_amd64-v3"
    whole = json.loads((tmp_path / "dist/spam-1.0-variants.json").read_bytes())
    # Two alternatives that differ in platforms only are one wheel.
    expected = {
        "mac_os": {"selector": {"row": ["mac_os"]}},
        "null_": {
            "selector": {"row": ["null_"]},
            "accelerator": {"generation": ["2"], "link": ["on"]},
        },
        "v3": {"selector": {"row": ["v3"]}, "x86_64": {"level": ["v3"]}},
        "v3.2": {"selector": {"row": ["v3"]}, "aarch64": {"version": ["8a"]}},
        "null": {},
    }
    assert {label: whole["variants"][label] for label in expected} == expected
    assert whole["providers"]["accelerator"] == {
        "requires": ["accelerator-provider>=1"],
        "plugin-api": "accelerator_provider:Plugin",
    }
    wheel = next((tmp_path / "dist").glob("*-v3.2.whl"))
    requires = Metadata.from_email(files_in(wheel)["METADATA"]).requires_dist or []
    assert "uv does not know this provider of accelerator" in shown[-2]
    assert [*map(str, requires)] == [
        *("spam-core==1.0", "spam-v3==1.0", 'spam-v3[plot]==1.0; extra == "plot"')
    ]


def test_a_table_that_cannot_be_expressed_is_not_written(tmp_path: Path) -> None:
    table = """
[[tool.selector.variant]]
name = "toolkit"
when = [{ cuda-toolkit = ">=12" }, { cuda-toolkit = false, cuda = ">=10" }]

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2" }

[[tool.selector.variant]]
name = "with-torch"
when = { installed = "torch" }
"""
    project = write_project(tmp_path / "source", table)
    message = error("variant-wheels", project, "--outdir", tmp_path / "dist", status=1)
    assert message.splitlines()[:1] == [
        "error: variant wheels cannot express the table of spam 1.0, and none is written:"
    ]
    expected = {
        "tool.selector.variant[0].when[0]": "toolkit: cuda-toolkit: no provider that installers",
        "tool.selector.variant[0].when[1]": "toolkit: cuda-toolkit: a property says what is there",
        "tool.selector.variant[2].when": "with-torch: installed: what else is installed is no",
    }
    for line, (key, reason) in zip(message.splitlines()[1:], expected.items()):
        assert line.startswith(f"  {key}: {reason}")
    assert "; cuda: its provider tells CUDA 11.0 and newer" in message.splitlines()[2]
    assert not (tmp_path / "dist").exists()


def test_a_refusal_that_a_later_row_would_undo_is_not_expressed(tmp_path: Path) -> None:
    """No wheel stops an install; only where none is left, the sdist does."""
    refusal = '[[tool.selector.variant]]\nname = "old"\nwhen = { cuda = "<11.2" }\nrefuse = "No"\n'
    project = write_project(tmp_path / "a", f"\n{refusal}{CUDA.replace('[tool.selector]', '')}")
    message = error("variant-wheels", project, "--outdir", tmp_path / "dist", status=1)
    assert (
        "tool.selector.variant[0]: Where cuda is 1.0, the table gives old, which refuses, and"
        in (message)
    )
    assert "an installer would take cpu" in message
    table = CUDA.replace('\n[[tool.selector.variant]]\nname = "cpu"\n', f"\n{refusal}")
    project = write_project(tmp_path / "b", table)
    lines("variant-wheels", project, "--outdir", tmp_path / "dist")
    assert [*written(tmp_path / "dist")] == [one for one in NAMES if "null" not in one]


def test_what_is_there_is_kept_or_replaced_and_what_is_left_over_is_noted(tmp_path: Path) -> None:
    project, dist = write_project(tmp_path / "source"), tmp_path / "dist"
    lines("variant-wheels", project, "--outdir", dist)
    (dist / "other.txt").write_text("x", encoding="utf-8")
    (dist / "spam-1.0-1-py3-none-any.whl").write_bytes(b"an ordinary wheel, with a build tag")
    before = written(dist)
    write_project(tmp_path / "source", CUDA.replace('name = "cu11"', 'name = "cu11x"'))
    found = lines("variant-wheels", project, "--outdir", dist)
    assert (
        f"note: {dist / NAMES[0]} is no longer of this table; delete it before you upload" in found
    )
    assert not [one for one in found if "spam-1.0-1-py3" in one]
    after = written(dist)
    assert after.keys() - before.keys() == {"spam-1.0-py3-none-any-cu11x.whl"}
    assert before.keys() <= after.keys()
    assert after["spam-1.0-variants.json"] != before["spam-1.0-variants.json"]
    write_project(tmp_path / "source", CUDA.replace('">=12"', '"<12"'))
    error("variant-wheels", project, "--outdir", dist, status=1)
    assert written(dist) == after


def test_a_tree_and_a_dynamic_version_are_given_by_their_sdists(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    message = error("variant-wheels", tree, "--outdir", tmp_path / "dist", status=1)
    assert (
        "build the sdist, which has them, and give that: python -m build --sdist, then" in message
    )
    sdist = TreeBackend(tree).build("sdist", tmp_path / "sdists")
    lines("variant-wheels", sdist, "--outdir", tmp_path / "dist")
    files = files_in(next((tmp_path / "dist").glob("*-cu12.whl")))
    metadata = Metadata.from_email(files["METADATA"])
    assert (metadata.name, metadata.summary) == ("spam", "A spam for every machine")
    assert "spam-cu12==1.0" in map(str, metadata.requires_dist or [])


# --- Once one is installed


@pytest.fixture
def installed(tmp_path: Path, make_environment: MakeEnvironment, spam_index: Index) -> Environment:
    """An environment in which an installer has taken spam's variant wheel for CUDA 11."""
    table = CUDA.replace(
        'when = { cuda = ">=11.2" }', 'when = { cuda = ">=11.2" }\nconform = { cuda = "11" }'
    )
    project = write_project(tmp_path / "source", table)
    lines("variant-wheels", project, "--outdir", tmp_path / "dist")
    environment = make_environment(spam_index)
    environment.pip("install", "spam-cu11")
    with zipfile.ZipFile(tmp_path / "dist/spam-1.0-py3-none-any-cu11.whl") as wheel:
        wheel.extractall(environment.site_packages)
    return environment


def test_explain_and_doctor_know_what_decided(installed: Environment) -> None:
    found = lines("explain", "spam", "--python", installed.python, "--set", "cuda=12.4")
    assert found[-2:] == [
        "installed: cu11, chosen by variant wheel",
        "because: the installer found what its variant wheel asks for: "
        "nvidia :: cuda_version_lower_bound :: 11.2",
    ]
    assert "cu11 is installed already and stays" in "".join(found)
    well = lines("doctor", "--python", installed.python, "--set", "cuda=11.8")
    assert "error" not in "".join(well)
    process = command("doctor", "--python", installed.python, environ={"SELECTOR_CUDA": "12.4"})
    assert process.returncode == 1
    assert (
        "spam 1.0: cu11 fits this machine, but is not the best for it; this machine gets cu12"
        in (process.stdout)
    )
    assert "asked for by" not in process.stdout


def test_the_other_packages_of_the_environment_agree_with_it(
    installed: Environment, tmp_path: Path
) -> None:
    table = """
[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }
conform = { cuda = "12" }

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2" }
conform = { cuda = "11" }
"""
    eggs = write_project(tmp_path / "eggs", table, name="eggs")
    found = lines("explain", eggs, "--python", installed.python, "--set", "cuda=12.4")
    assert "chosen: cu11" in found
    assert any("spam 1.0 is installed with cuda = 11" in one for one in found)


# --- A release


def test_check_dist_says_when_to_upload_them(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    sdist = build_sdist(write_project(tmp_path / "source"), dist)
    for variant in ("cpu", "cu11", "cu12"):
        write_wheel(dist, f"spam-{variant}")
    lines("variant-wheels", sdist, "--outdir", dist)
    assert data("check", "--dist", dist)["upload"][1:] == [NAMES, ["spam-1.0.tar.gz"]]
