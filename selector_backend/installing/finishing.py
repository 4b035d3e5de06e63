"""What a build comes to: what is decided, as the `Finished` files that hooks hand to a frontend."""

from __future__ import annotations

import os
from pathlib import Path

from ..model.purpose import PORTABLE_TAG, Mark, Purpose
from ..model.values import replace
from .handoff import Finished, leave
from .installation import read_installation
from .request import read_portable
from .wheel import STOP_NAME, pack, recorded_choice, stem_of, without_label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model.decision import Decision, Request
    from ..model.kinds import Wanted
    from ..model.purpose import Installation
    from ..model.record import Verdict
    from ..model.table import Compiled


def finish(
    compiled: Compiled, request: Request, installation: Installation, backend: str
) -> Finished:
    """Decide, and return what the build comes to, without a wheel; ``backend`` is our own version.

    Raises `SelectorError` where the install stops here.
    """
    from .choosing import choose
    from .wheel import dist_info

    selector = compiled.selector
    decision, stop = choose(selector, request, installation, backend)
    hidden = installation.hidden if selector.sees_environment else ""
    said = (_choice_of(decision), *decision.notes, *filter(None, [hidden]))
    label = installation.mark.label(selector.version, decision.names)
    version = f"{selector.version}+{label}" if label else selector.version
    files = dist_info(Path.cwd(), compiled, decision, version, backend)
    if stop:
        files[STOP_NAME] = stop.encode()
    shown = selector.version if installation.mark is Mark.LABEL else version
    said_lines = "".join(f"{line}\n" for line in said)
    return Finished(f"{compiled.name}-{shown}.dist-info", files, said_lines)


def decide_first(
    compiled: Compiled,
    request: Request,
    installation: Installation,
    settings: Mapping[str, Any] | None,
    backend: str,
) -> None:
    """Decide, and leave what the build comes to for the hooks after the first, where that can be.

    It can't if the table was compiled just now, from files that are not known here. The wheel is
    left, too, if the hook that builds it serves the same, and has nothing to check.

    Raises `SelectorError` where the install stops here.
    """
    from .choosing import choose

    if not compiled.files or not installation.scratch:
        choose(compiled.selector, request, installation, backend)
        return
    finished = finish(compiled, request, installation, backend)
    *_, conforms = recorded_choice(finished.files)
    installs = installation.purpose is Purpose.INSTALL and not conforms
    wheel, content = "", b""
    if (
        (installs or installation.purpose is Purpose.KEEP)
        and STOP_NAME not in finished.files
        and installation == read_installation(builds=True)
    ):
        wheel, content = finish_wheel(finished.folder, finished.files, settings, installation)
    finished = replace(finished, wheel=wheel, content=content)
    leave(finished, installation, (*compiled.files, *request.files), settings, backend)


def finish_wheel(
    folder: str,
    files: Mapping[str, bytes],
    settings: Mapping[str, Any] | None,
    installation: Installation,
) -> tuple[str, bytes]:
    """Return the name of the wheel with a ``.dist-info`` of these ``files``, and its content."""
    project, _, variants, _ = recorded_choice(files)
    stem, tag = stem_of(folder, files), installation.mark.tag(variants)
    if read_portable(project, settings, os.environ):
        stem, files = without_label(stem, files)
        tag, folder = PORTABLE_TAG, f"{stem}.dist-info"
    elif installation.mark is Mark.LABEL:
        from zlib import crc32

        # uv unpacks a wheel once for each name, so one with another record needs another: by a
        # build number, which nobody sees.
        tag = f"{crc32(files['selector.json'])}-{tag}"
    return f"{stem}-{tag}.whl", pack(folder, files)


def _choice_of(decision: Decision) -> str:
    """Return the line that says what was chosen, and why; of what was to be expected, why not."""
    names, regions = decision.names, decision.regions
    title = f"{decision.selector.project} {decision.selector.version}"
    if regions and (markers := [regions.marker_of(one) for one in decision.variants]) != [""]:
        names = [f"{name} where {marker}" for name, marker in zip(names, markers)]
        return f"{title} gets {', and '.join(names)}"
    what = f"{title} gets {' and '.join(names)}"
    if not decision.request.automatic:
        return f"{what}, as {decision.request.source} asks"
    reasons = [one.reason for one in decision.verdicts if one.variant in decision.names]
    expected = _expected(decision)
    if expected:
        reasons.append(f"not {expected.variant}: {expected.reason}")
    # A library's own words may have several lines.
    return " ".join(f"{what}: {'; '.join(reasons)}".split())


def _expected(decision: Decision) -> Verdict | None:
    """Return the verdict on a variant that one would have expected in place of the chosen one.

    That is the one that another package forbids; else, of those whose facts the machine has, the
    last, which asks least of them; else the first. None is of another platform.
    """
    from ..model.kinds import judge

    facts = decision.facts
    near: list[Verdict] = []
    others: list[Verdict] = []
    for variant, verdict in zip(decision.selector.variants, decision.verdicts):
        if verdict.variant in decision.names:
            break
        if verdict.fits or variant.refuse:
            continue
        if verdict.clashes:
            return verdict
        here = [one for one in variant.when if judge([_markers(one)], facts)[0]]
        told = [
            one
            for one in here
            if all(wanted is False or facts[name].value is not None for name, wanted in one.items())
        ]
        if here:
            (near if told else others).append(verdict)
    return next(iter(near[-1:] or others), None)


def _markers(alternative: Mapping[str, Wanted]) -> dict[str, Wanted]:
    from ..model.facts import FACTS
    from ..model.kinds import MARKERS

    return {name: wanted for name, wanted in alternative.items() if FACTS[name].kind is MARKERS}
