"""A wheel under another name.

A wheel may be larger than memory, so its files are copied piece by piece. What changes is what the
name is in: the file's name, the ``.dist-info`` and ``.data`` folders, ``METADATA`` and ``RECORD``.
"""

from __future__ import annotations

import csv
import io
import lzma
import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import SelectorError
from ..installing.wheel import hash_of, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .renaming import Renaming

# Name, version, maybe a build tag, and three tags.
_FILE = re.compile(r"([^-]+)-([^-]+)((?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl)")
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
#: What `zipfile` raises for what is no wheel, and for wheels that it can't read.
UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, UnicodeError, csv.Error, OverflowError),
)


def rename_wheel(wheel: Path, folder: Path, renaming: Renaming) -> str:
    """Write ``wheel`` under its new name into ``folder``. Returns the file's name.

    Raises `SelectorError` if it is no wheel of the project; then nothing is written, and what lies
    in ``folder`` stays as it is.
    """
    parts = _FILE.fullmatch(wheel.name)
    if parts is None:
        raise SelectorError(
            f"{wheel.name} is not named as wheels are: expected a name such as "
            f"{renaming.project}-1.0-py3-none-any.whl"
        )
    renaming.check_name(parts[1], wheel.name)
    name = f"{renaming.stem}-{parts[2]}{parts[3]}"
    try:
        with zipfile.ZipFile(wheel) as old, replacing(folder / name) as file:
            names = [one.filename for one in old.infolist()]
            moved = _moved(names, parts[2], renaming)
            changed = _changed(old, moved, wheel.name, renaming)
            with zipfile.ZipFile(file, "w") as new:
                for member in old.infolist():
                    _copy(old, member, new, moved[member.filename], changed)
    except UNREADABLE as error:
        raise SelectorError(f"{wheel.name} is not a wheel that can be renamed: {error}") from None
    return name


def _moved(names: Sequence[str], version: str, renaming: Renaming) -> dict[str, str]:
    """Return the new name of each member."""
    folders = {name.partition("/")[0] for name in names if "/" in name}
    infos = sorted(one for one in folders if one.endswith(".dist-info"))
    if len(infos) != 1:
        found = f"several, {', '.join(infos)}" if infos else "none"
        raise zipfile.BadZipFile(f"expected one .dist-info folder, found {found}")
    moves = {}
    for folder in folders:
        stem, _, suffix = folder.rpartition(".")
        name, _, its_version = stem.rpartition("-")
        if suffix in ("dist-info", "data") and renaming.is_of(name) and its_version == version:
            moves[folder] = f"{renaming.stem}-{version}.{suffix}"
    if infos[0] not in moves:
        raise zipfile.BadZipFile(f"its {infos[0]} is not of {renaming.project} {version}")

    def move(name: str) -> str:
        folder, slash, rest = name.partition("/")
        return moves.get(folder, folder) + slash + rest if slash else name

    moved = {name: move(name) for name in names}
    if len({*moved.values()}) < len(names):
        raise zipfile.BadZipFile("two of its files would have one name")
    return moved


def _changed(
    old: zipfile.ZipFile, moved: dict[str, str], where: str, renaming: Renaming
) -> dict[str, bytes]:
    """Return the files with another content, by their new names."""
    inside = {
        PurePosixPath(name).name: name
        for name in moved
        if re.fullmatch(r"[^/]+\.dist-info/[^/]+", name)
    }
    for name in ("METADATA", "WHEEL", "RECORD"):
        if name not in inside:
            raise zipfile.BadZipFile(f"its .dist-info has no {name}")
    for name in _SIGNATURES:
        if name in inside:
            raise SelectorError(
                f"{where} is signed ({name}), and a signature does not hold for another name; "
                "rename first, and sign the wheel that comes out"
            )
    path = moved[inside["METADATA"]]
    metadata = renaming.metadata(old.read(inside["METADATA"]), where)
    text = old.read(inside["RECORD"]).decode("utf-8")
    record = io.StringIO()
    writer = csv.writer(record, lineterminator="\r\n" if "\r\n" in text else "\n")
    for row in csv.reader(io.StringIO(text, newline="")):
        if row:
            row[0] = moved.get(row[0], row[0])
            writer.writerow([path, hash_of(metadata), len(metadata)] if row[0] == path else row)
    return {path: metadata, moved[inside["RECORD"]]: record.getvalue().encode()}


def _copy(
    old: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    new: zipfile.ZipFile,
    name: str,
    changed: dict[str, bytes],
) -> None:
    """Copy a member with its kind of compression, its mode and its date."""
    info = zipfile.ZipInfo(name, member.date_time)
    info.compress_type = member.compress_type
    info.create_system = member.create_system
    info.external_attr = member.external_attr
    info.comment = member.comment
    info.file_size = member.file_size  # by which the header gets room for a large one
    if name in changed:
        new.writestr(info, changed[name])
        return
    with old.open(member) as source, new.open(info, "w") as target:
        shutil.copyfileobj(source, target, 1 << 20)
