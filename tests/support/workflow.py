"""GitHub workflows, read as far as a test has to know them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .environment import ROOT, Environment, run

#: This project's own workflows, and the one that the documentation gives to others.
WORKFLOWS = [
    *sorted((ROOT / ".github/workflows").glob("*.yml")),
    ROOT / "docs/workflows/release.yml",
]


@dataclass(frozen=True)
class Step:
    """A command of a job, with the variables that it is run with."""

    run: str
    env: dict[str, str]


class Workflow:
    """The jobs of a workflow."""

    def __init__(self, path: Path) -> None:
        self.data: dict[str, Any] = YAML(typ="safe").load(path)
        self.jobs: dict[str, dict[str, Any]] = self.data["jobs"]

    def matrix(self, job: str) -> list[dict[str, str]]:
        """Return what a job is run for, each time."""
        (found,) = [self.jobs[job]["strategy"]["matrix"]]
        if "include" in found:
            return list(found["include"])
        ((key, values),) = found.items()
        return [{key: one} for one in values]

    def steps(self, job: str, **matrix: str) -> list[Step]:
        """Return the commands of a job, in their order."""
        return [
            Step(one["run"], {key: fill(text, matrix) for key, text in one.get("env", {}).items()})
            for one in self.jobs[job]["steps"]
            if "run" in one
        ]

    def actions(self, job: str) -> list[str]:
        """Return the actions that a job uses, with what they are pinned to."""
        return [one["uses"] for one in self.jobs[job]["steps"] if "uses" in one]


def fill(text: str, matrix: dict[str, str]) -> str:
    """Return a text with the values of ``matrix`` in it."""
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda found: matrix.get(found[1], ""), text)


@dataclass(frozen=True)
class Runner:
    """A machine that runs a workflow's commands."""

    environment: Environment

    def run(self, step: Step, folder: Path, more: str = "") -> str:
        path = os.pathsep.join([str(self.environment.python.parent), os.environ["PATH"]])
        environ = {**self.environment.environ, **step.env, "PATH": path}
        return run(["bash", "-eo", "pipefail", "-c", step.run + more], environ, folder).stdout
