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
    from ..model.purpose import Installation
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
    shown = selector.version if installation.mark is Mark.CACHE_LABEL else version
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
    return f"{stem}-{tag}.whl", pack(folder, files)


def _choice_of(decision: Decision) -> str:
    """Return the line that says what was chosen, and why; of what comes first, why not."""
    selector = decision.selector
    what = f"{selector.project} {selector.version} gets {' and '.join(decision.names)}"
    if not decision.request.automatic:
        return f"{what}, as {decision.request.source} asks"
    reasons = [one.reason for one in decision.verdicts if one.variant in decision.names]
    pairs = zip(selector.variants, decision.verdicts)
    first = next(verdict for variant, verdict in pairs if not variant.refuse)
    if not first.fits:
        reasons.append(f"not {first.variant}: {first.reason}")
    # A library's own words may have several lines.
    return " ".join(f"{what}: {'; '.join(reasons)}".split())
