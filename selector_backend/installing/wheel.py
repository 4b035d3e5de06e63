"""Makes the files of a ``.dist-info`` from a decision, and a wheel from these.

The same input gives the same bytes, whatever the clock, the umask, the locale or the folder. Not
every hook writes files, so modules for that are imported late.
"""

from __future__ import annotations

import json
import os
import re
import struct
import time
from binascii import b2a_base64, crc32

from ..errors import SelectorError
from ..model.purpose import PORTABLE_TAG, Mark
from ..model.values import sha256
from .files import write_file
from .request import read_portable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from ..model.decision import Decision
    from ..model.purpose import Installation
    from ..model.record import Record
    from ..model.table import Compiled

#: A file of a prepared ``.dist-info`` whose wheel must not be built: the message why not.
STOP_NAME = "selector-stop.txt"

#: An index refuses this classifier. An uploaded wheel would give one machine's choice to everybody,
#: since installers prefer a wheel to the sdist.
NEVER_UPLOAD = "Private :: Do Not Upload"

# The time in archives without SOURCE_DATE_EPOCH: 2 February 2020, 00:00 UTC. A zip file cannot have
# a time before 1980.
_EPOCH = 1580601600
_ZIP_EPOCH = 315532800
_VERSION = re.compile(rb"(?m)^Version: (.*)$")
_MODE = 0o100644  # `stat.S_IFREG`, and 0o644


def dist_info(
    folder: str | Path,
    compiled: Compiled,
    decision: Decision,
    version: str,
    backend: str,
    tags: Iterable[str] = ("py3-none-any",),
    *,
    never_upload: bool = True,
) -> dict[str, bytes]:
    """Return the files of the ``.dist-info`` by their names in it, without ``RECORD``.

    ``folder`` is the project's, which has the licence files; ``version`` the wheel's, which may
    have a label; ``backend`` this package's; ``tags`` are the wheel's, and ``never_upload`` is
    whether an index has to refuse it.

    Raises `SelectorError` if a licence file is missing.
    """
    from ..model.record import RECORD_NAME

    files = {
        "METADATA": metadata(compiled, decision, version, never_upload=never_upload),
        "WHEEL": _wheel(backend, tags),
        RECORD_NAME: record_of(decision, backend).to_bytes(),
    }
    for path in compiled.license_files:
        try:
            with open(os.path.join(folder, path), "rb") as file:
                files[f"licenses/{path}"] = file.read()
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
    """Return the core metadata of the wheel: ``PKG-INFO`` with the decision's requirements.

    These are dynamic in the sdist (PEP 643); the wheel has nothing dynamic.
    """
    from ..model.standing import each_once

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
    requires = [*compiled.requires, *decision.requires]
    for extra in compiled.selector.extras:
        requires += decision.extra_lines(extra)
    lines += [f"Requires-Dist: {requirement}".encode() for requirement in each_once(requires)]
    return b"\n".join(lines) + (blank or b"\n") + body


def record_of(decision: Decision, backend: str) -> Record:
    """Return the record of a decision that chose variants; ``backend`` is this version."""
    from ..model.record import Record
    from ..model.table import dump

    selector = decision.selector
    return Record(
        project=selector.project,
        version=selector.version,
        variants=tuple(decision.names),
        decided_by=decision.request.source,
        distributions=sum((variant.distributions for variant in decision.variants), ()),
        conform=decision.conform,
        requires=decision.requires,
        extras=decision.extras,
        facts=decision.facts,
        verdicts=decision.verdicts,
        notes=decision.notes,
        backend=backend,
        table=dump(selector),
    )


def _wheel(backend: str, tags: Iterable[str]) -> bytes:
    """Return the file ``WHEEL``."""
    lines = [
        "Wheel-Version: 1.0",
        f"Generator: selector-backend {backend}",
        "Root-Is-Purelib: true",
        *(f"Tag: {tag}" for tag in tags),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def read_dist_info(folder: str | Path) -> dict[str, bytes]:
    """Return the files of a ``.dist-info`` by their names in it, without ``RECORD``."""
    from pathlib import Path

    folder = Path(folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "RECORD"
    }


def stem_of(folder: str, files: Mapping[str, bytes]) -> str:
    """Return the name and version of a wheel's file name, by the ``files`` of a ``.dist-info``."""
    match = _VERSION.search(files.get("METADATA", b""))
    version = match[1].decode() if match else ""
    return f"{folder.partition('-')[0]}-{version}"


def recorded_choice(files: Mapping[str, bytes]) -> tuple[str, str, list[str], bool]:
    """Return the project, version and chosen variants in the record of a ``.dist-info``.

    The last is whether the record has ``conform``. Raises `SelectorError` if it is damaged.
    """
    try:
        record = json.loads(files["selector.json"])
        project, version, variants = record["project"], record["version"], record["variants"]
        if all(isinstance(text, str) for text in (project, version, *variants)):
            return project, version, variants, bool(record.get("conform"))
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise SelectorError("the prepared metadata of this wheel is damaged: selector.json")


def without_label(stem: str, files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Return the stem and files of a wheel with the project's version, without a label.

    uv, to 0.11 at least, caches a portable wheel for its config settings only, but its metadata
    for all. So prepared metadata have the label even if a portable wheel is asked for.
    """
    _, version, _, _ = recorded_choice(files)
    text = _VERSION.sub(b"Version: " + version.encode(), files["METADATA"], count=1)
    return f"{stem.partition('-')[0]}-{version}", {**files, "METADATA": text}


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
        # uv unpacks a wheel once for each name, so another record needs another name: the build
        # number differs, which nobody sees.
        tag = f"{crc32(files['selector.json'])}-{tag}"
    return f"{stem}-{tag}.whl", pack(folder, files)


def write_wheel(folder: Path, stem: str, tag: str, dist_info: Mapping[str, bytes]) -> str:
    """Write a wheel with only a ``.dist-info`` into ``folder``. Returns the file's name.

    ``stem`` is the name and version, ``tag`` the compatibility tag in the file's name.
    """
    return write_file(folder, f"{stem}-{tag}.whl", pack(f"{stem}.dist-info", dist_info))


def pack(root: str, dist_info: Mapping[str, bytes]) -> bytes:
    """Return a wheel with only a ``.dist-info``, the folder ``root``.

    The paths of ``dist_info`` are relative to that folder; ``RECORD`` is added. Nothing is
    compressed: the files are small, and the bytes do not depend on a version of zlib.
    """
    files = {f"{root}/{path}": dist_info[path] for path in sorted(dist_info)}
    rows = [f"{_quoted(path)},{hash_of(data)},{len(data)}\n" for path, data in files.items()]
    rows.append(f"{_quoted(f'{root}/RECORD')},,\n")
    return _zip({**files, f"{root}/RECORD": "".join(rows).encode()})


def _quoted(field: str) -> str:
    """Return a field of a CSV file, in quotes if it takes them."""
    quoted = field.replace('"', '""')
    return field if {*',"\r\n'}.isdisjoint(field) else f'"{quoted}"'


def _zip(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of ``files``, the same as by `zipfile`, which takes 9 ms to import.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
    """
    year, month, day, hour, minute, second = time.gmtime(max(epoch(), _ZIP_EPOCH))[:6]
    date, clock = (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2
    content = directory = b""
    for path, data in files.items():
        name, size = path.encode(), len(data)
        utf_8 = 0 if path.isascii() else 0x800
        fields = (20, utf_8, 0, clock, date, crc32(data), size, size, len(name), 0)
        header = struct.pack("<5H3I2H", *fields)  # 20 is version 2.0 of the format
        where = struct.pack("<3H2I", 0, 0, 0, _MODE << 16, len(content))
        directory += b"PK\1\2\x14\3" + header + where + name  # 3 is Unix, on every system
        content += b"PK\3\4" + header + name + data
    end = struct.pack("<4H2IH", 0, 0, len(files), len(files), len(directory), len(content), 0)
    return content + directory + b"PK\5\6" + end


def hash_of(data: bytes) -> str:
    """Return a hash as ``RECORD`` has it: URL-safe base64 without padding."""
    digest = b2a_base64(sha256(data), newline=False).decode()
    return "sha256=" + digest.rstrip("=").replace("+", "-").replace("/", "_")


def epoch() -> int:
    """Return the time of everything in an archive, in seconds since 1970."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or str(_EPOCH)
    try:
        epoch = int(text)
    except ValueError:
        epoch = -1
    if 0 <= epoch < 2**32:
        return epoch
    raise SelectorError(
        f"the environment variable SOURCE_DATE_EPOCH is {text!r}; "
        f"expected a number of seconds since 1970, below {2**32}"
    )
