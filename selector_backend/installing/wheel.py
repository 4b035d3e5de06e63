"""The files of a wheel's ``.dist-info``, as bytes."""

from __future__ import annotations

from ..errors import SelectorError
from ..model.record import RECORD_NAME, Record
from ..model.table import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..model.decision import Decision
    from ..model.table import Compiled

#: An index refuses a classifier of this kind. One uploaded wheel would fix one machine's choice for
#: everybody, since installers prefer a wheel to the sdist.
NEVER_UPLOAD = "Private :: Do Not Upload"


def dist_info(
    folder: Path,
    compiled: Compiled,
    decision: Decision,
    version: str,
    backend: str,
    tags: Iterable[str] = ("py3-none-any",),
    *,
    never_upload: bool = True,
) -> dict[str, bytes]:
    """Return the files of the ``.dist-info`` by their names in it, without ``RECORD``.

    ``folder`` is the project's, where its licence files lie; ``version`` the wheel's, which may
    have a label; ``backend`` our own version; ``tags`` are the wheel's, and ``never_upload`` is
    whether an index is to refuse it.

    Raises `SelectorError` if a licence file is missing.
    """
    files = {
        "METADATA": metadata(compiled, decision, version, never_upload=never_upload),
        "WHEEL": _wheel(backend, tags),
        RECORD_NAME: record_of(decision, backend).to_bytes(),
    }
    for path in compiled.license_files:
        try:
            files[f"licenses/{path}"] = (folder / path).read_bytes()
        except OSError as error:
            raise SelectorError(
                f"the licence file {path} cannot be read: {error.strerror}"
            ) from None
    if compiled.entry_points:
        files["entry_points.txt"] = compiled.entry_points.encode()
    return files


def metadata(
    compiled: Compiled, decision: Decision, version: str, *, never_upload: bool = True
) -> bytes:
    """Return the core metadata of the wheel: ``PKG-INFO``, and what the decision adds.

    The sdist marks as dynamic (PEP 643) what is added here; the wheel has nothing dynamic.
    """
    head, blank, body = compiled.pkg_info.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if line and not line.startswith(b"Dynamic: ")]
    for index, line in enumerate(lines):
        if line.startswith(b"Version: "):
            lines[index] = f"Version: {version}".encode()
        elif line.startswith(b"Metadata-Version: "):
            lines[index] = f"Metadata-Version: {compiled.metadata_version}".encode()
    classifier = f"Classifier: {NEVER_UPLOAD}".encode()
    if never_upload and classifier not in lines:
        lines.append(classifier)
    requires = [*decision.requires]
    for extra in compiled.selector.extras:
        for variant in decision.variants:
            requires += variant.extras.get(extra, ())
    lines += [f"Requires-Dist: {requirement}".encode() for requirement in requires]
    return b"\n".join(lines) + (blank or b"\n") + body


def record_of(decision: Decision, backend: str) -> Record:
    """Return the record of a decision that chose something; ``backend`` is our own version."""
    selector = decision.selector
    return Record(
        project=selector.project,
        version=selector.version,
        variants=tuple(decision.names),
        decided_by=decision.request.source,
        distributions=tuple(name for one in decision.variants for name in one.distributions),
        conform=decision.conform,
        requires=decision.requires,
        facts=decision.facts,
        verdicts=decision.verdicts,
        notes=decision.notes,
        backend=backend,
        table=dump(selector),
    )


def _wheel(backend: str, tags: Iterable[str]) -> bytes:
    """Return the ``WHEEL`` file of the binary distribution format."""
    lines = [
        "Wheel-Version: 1.0",
        f"Generator: selector-backend {backend}",
        "Root-Is-Purelib: true",
        *(f"Tag: {tag}" for tag in tags),
    ]
    return "".join(f"{line}\n" for line in lines).encode()
