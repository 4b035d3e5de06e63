"""The commands that fix what was found, by pip, or by uv where there is no pip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from ...model.facts import FACTS
from ...model.kinds import DISTRIBUTIONS
from ...model.machine import Fact
from .choices import Place

if TYPE_CHECKING:
    from ...model.machine import Machine
    from .choices import Choice
    from .findings import Finding
    from .installed import Installed

# pip has this option since 22.1, and its short form, -C, since 23.1 only.
_SETTINGS, _PIP = "--config-settings", Requirement("pip>=22.1")


def commands_for(finding: Finding, installed: Installed) -> list[list[str]]:
    """Return the commands that fix what was found, each as a list of words."""
    python = installed.interpreter.path
    if installed.has_pip:
        uninstall = [python, "-m", "pip", "uninstall", "--yes"]
        install = [python, "-m", "pip", "install"]
        afresh, again = "--no-cache-dir", "--force-reinstall"
    else:
        uninstall = ["uv", "pip", "uninstall", "--python", python]
        install = ["uv", "pip", "install", "--python", python]
        afresh, again = "--no-cache", "--reinstall"
    commands = []
    if finding.unusable:
        project = finding.unusable.project
        version = finding.unusable.version.partition("+")[0]  # without the label of uv's wheels
        commands.append([*uninstall, *installed.with_pinned(project, version)])
        commands.append([*install, afresh, installed.request(project, version, wheel=False)])
    elif finding.choose_again:
        going = [name for one in finding.packages for name in installed.with_variants(one)]
        commands.append([*uninstall, *dict.fromkeys(going)])
        # One by one, so that each sees what was chosen before it.
        for choice in finding.choices:
            if not choice.decision.names:
                continue  # the message says that nothing fits
            selector = choice.package.selector
            request = installed.request(selector.project, selector.version, wheel=False)
            # A build that was kept may be of the variant that is there now.
            kept = choice.changes or "@" in request
            options = [*([afresh] if kept else []), *_settings(choice, installed)]
            commands.append([*install, *options, request])
        asked = any(_SETTINGS in command for command in commands)
        if asked and installed.has_pip and not installed.meets(_PIP):
            commands.insert(0, [*install, str(_PIP)])
    elif finding.wanted:
        commands.append([*install, *finding.wanted])
    if finding.damaged:
        options = [again, "--no-deps"]
        if not installed.has_pip and any(damage.changed for damage in finding.damaged.values()):
            # uv links files to its cache: what was overwritten here may be overwritten there.
            options.append(afresh)
        commands.append([*install, *options, *finding.damaged])
    return commands


def _settings(choice: Choice, installed: Installed) -> list[str]:
    """Return the options with which an install makes this choice."""
    selector, record = choice.package.selector, choice.package.record
    named = installed.stated
    if not installed.has_pip:
        # uv shows the backend nothing of the environment.
        unseen = Place(_hidden(installed.place.machine), {}).decide(choice.package)
        named = named or unseen.names != choice.decision.names
    if not named and not record.forced_by and not os.environ.get(selector.variable):
        return []
    asked = ",".join(choice.decision.names) if named else "auto"
    return [_SETTINGS, f"{selector.project}:variant={asked}"]


def _hidden(machine: Machine) -> Machine:
    """Return the machine as an install knows it that cannot see the environment."""
    kinds = {name: FACTS[name].kind for name in machine.facts}
    environment = (name for name, kind in kinds.items() if kind is DISTRIBUTIONS)
    return machine.with_facts({name: Fact(name, "nothing") for name in environment})
