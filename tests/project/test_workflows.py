"""The workflows that publish, ours and the one that the documentation gives to others."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.environment import ROOT
from support.workflow import WORKFLOWS, Workflow

IDS = [path.relative_to(ROOT).as_posix() for path in WORKFLOWS]
RELEASES = [path for path in WORKFLOWS if path.name == "release.yml"]
PUBLISH = "pypa/gh-action-pypi-publish"


def test_zizmor_finds_nothing() -> None:
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    options = ["--offline", "--pedantic", "--quiet", "--strict-collection"]
    subprocess.run([zizmor, *options, ".github", *WORKFLOWS], cwd=ROOT, check=True)


def test_the_schema_of_workflows_takes_them() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    subprocess.run([*command, "vendor.github-workflows", *WORKFLOWS], check=True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_each_action_is_pinned_by_a_hash_with_its_version(path: Path) -> None:
    uses = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert uses
    for one in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_all_workflows_pin_an_action_to_one_version() -> None:
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    uses = {one for text in texts for one in re.findall(r"uses: (.+)", text)}
    assert len(uses) == len({one.partition("@")[0] for one in uses})


@pytest.mark.parametrize("path", RELEASES, ids=[path.parent.name for path in RELEASES])
def test_only_what_publishes_may_ask_for_an_identity_and_nothing_has_a_secret(path: Path) -> None:
    assert "secrets." not in path.read_text(encoding="utf-8")
    workflow = Workflow(path)
    assert workflow.data["permissions"] == {}
    publishing = {
        name
        for name in workflow.jobs
        if any(one.startswith(PUBLISH) for one in workflow.actions(name))
    }
    assert publishing
    for name, job in workflow.jobs.items():
        may = name in publishing
        assert (job["permissions"].get("id-token") == "write") is may, name
        assert ("environment" in job) is may, name
        assert not (may and workflow.steps(name)), f"{name} runs commands"


def test_a_tree_is_published_when_it_is_checked_and_the_selector_package_last() -> None:
    jobs = Workflow(ROOT / "docs/workflows/release.yml").jobs
    assert jobs["publish-selector"]["needs"] == "publish-variants"
    assert jobs["publish-variants"]["needs"] == "try"
    assert jobs["try"]["needs"] == "check"
    assert set(jobs["check"]["needs"]) == {"wheels", "sdists"}


def test_each_variant_that_is_built_is_published_and_is_in_the_table_of_the_page() -> None:
    workflow = Workflow(ROOT / "docs/workflows/release.yml")
    built = {one["variant"] for one in workflow.matrix("wheels")}
    page = (ROOT / "docs/how-to/release-workflow.md").read_text(encoding="utf-8")
    for job in ("try", "publish-variants"):
        assert built == {one["variant"] for one in workflow.matrix(job)}
    assert built == set(re.findall(r'\[tool\.selector\.variant\]\]\s+name = "(.+)"', page))
