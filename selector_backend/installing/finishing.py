"""Decides, and makes the `Finished` files that hooks give to a frontend."""

from __future__ import annotations

import os

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
    """Decide, and return the finished ``.dist-info``; ``backend`` is this version.

    Raises `SelectorError` if the install stops.
    """
    from .choosing import choose
    from .wheel import dist_info

    selector = compiled.selector
    decision, stop = choose(selector, request, installation, backend)
    hidden = installation.hidden if selector.sees_environment else ""
    lines = (_choice_of(decision), *decision.notes, *filter(None, [hidden]))
    label = installation.mark.label(selector.version, decision.names)
    version = f"{selector.version}+{label}" if label else selector.version
    files = dist_info(os.getcwd(), compiled, decision, version, backend)
    if stop:
        files[STOP_NAME] = stop.encode()
    shown = selector.version if installation.mark is Mark.LABEL else version
    message = "".join(f"{line}\n" for line in lines)
    return Finished(f"{compiled.name}-{shown}.dist-info", files, message)


def decide_first(
    compiled: Compiled,
    request: Request,
    installation: Installation,
    settings: Mapping[str, Any] | None,
    backend: str,
) -> None:
    """Decide, and leave the finished files for the next hooks, if possible.

    It is not if the table was compiled just now, from unknown files. The wheel is left too, if the
    hook that builds it has the same installation, and nothing to check.

    Raises `SelectorError` if the install stops.
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
    """Return the name and content of the wheel with a ``.dist-info`` of these ``files``."""
    project, _, variants, _ = recorded_choice(files)
    stem, tag = stem_of(folder, files), installation.mark.tag(variants)
    if read_portable(project, settings, os.environ):
        stem, files = without_label(stem, files)
        tag, folder = PORTABLE_TAG, f"{stem}.dist-info"
    elif installation.mark is Mark.LABEL:
        from zlib import crc32

        # uv unpacks a wheel once for each name, so another record needs another name: the build
        # number differs, which nobody sees.
        tag = f"{crc32(files['selector.json'])}-{tag}"
    return f"{stem}-{tag}.whl", pack(folder, files)


def _choice_of(decision: Decision) -> str:
    """Return the line with the choice, its reason, and why not the variant that was expected."""
    names, regions = decision.names, decision.regions
    title = f"{decision.selector.project} {decision.selector.version}"
    if regions and (markers := [*map(regions.marker_of, decision.variants)]) != [""]:
        names = [f"{name} where {marker}" for name, marker in zip(names, markers)]
        return f"{title} gets {', and '.join(names)}"
    what = f"{title} gets {' and '.join(names)}"
    if not decision.request.automatic:
        return f"{what}, as {decision.request.source} asks"
    verdicts = decision.verdicts
    reasons = [verdict.reason for verdict in verdicts if verdict.variant in decision.names]
    expected = _expected(decision)
    if expected:
        reasons.append(f"not {expected.variant}: {expected.reason}")
    # A library's error message may have several lines.
    return " ".join(f"{what}: {'; '.join(reasons)}".split())


def _expected(decision: Decision) -> Verdict | None:
    """Return the verdict on the variant that the user may have expected instead, if any.

    That is one that another package forbids; else the last of those whose facts the machine has,
    which asks least of them; else the first. Variants of other platforms do not count.
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
        here = [when for when in variant.when if judge([_markers(when)], facts)[0]]
        present = [
            all(wanted is False or facts[name].value is not None for name, wanted in when.items())
            for when in here
        ]
        if here:
            (near if any(present) else others).append(verdict)
    return next(iter(near[-1:] or others), None)


def _markers(alternative: Mapping[str, Wanted]) -> dict[str, Wanted]:
    from ..model.facts import FACTS
    from ..model.kinds import MARKERS

    return {name: wanted for name, wanted in alternative.items() if FACTS[name].kind is MARKERS}
