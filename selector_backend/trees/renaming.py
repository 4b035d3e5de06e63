"""Renames a distribution: its core metadata, and its wheels.

Only lines with the name change; all others stay the same, to the byte.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from ..authoring.selector import is_pinned
from ..authoring.tree import BUILT, Tree
from ..checking.archives import UNREADABLE, opened_wheel, read_dist_info
from ..errors import SelectorError
from ..installing.files import replacing
from ..installing.wheel import NEVER_UPLOAD, hash_of
from ..model.markers import distribution_of, normalize
from ..model.table import Selector, Variant, fill

# A field with its continuation lines; the start, the name and the rest of a requirement.
_FIELD = re.compile(rb"[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*")
_REQUIRED = re.compile(rb"(\s*)([A-Za-z0-9._-]+)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Renaming:
    """How to publish what was built of ``project``: under ``name``, as a variant.

    ``dependencies`` are more requirements, with placeholders. If ``variant`` is empty, it keeps its
    name, and its metadata forbid uploading it.
    """

    project: str
    name: str
    variant: str = ""
    dependencies: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The new name as in file names."""
        return normalize(self.name).replace("-", "_")

    def is_of(self, name: str) -> bool:
        """Return whether ``name`` is the project's own."""
        return normalize(name) == normalize(self.project)

    def check_name(self, name: str, where: str) -> None:
        """Raise `SelectorError` if ``name``, found in ``where``, is not the project's own."""
        if self.is_of(name):
            return
        if normalize(name) == normalize(self.name):
            raise SelectorError(f"{where} is of {name} already, not of {self.project}")
        raise SelectorError(f"{where} is of {name}; expected one of {self.project}")

    def required(self, requirement: str) -> str:
        """Return a requirement; one on the project itself gets the new name."""
        return self._required(requirement.encode()).decode()

    def added(self, version: str) -> list[str]:
        """Return the added requirements, for ``version``."""
        values = {"project": self.project, "name": self.variant, "version": version}
        return [self.required(fill(text, values)) for text in self.dependencies]

    def metadata(self, content: bytes, where: str) -> bytes:
        """Return the core metadata ``content`` under the new name.

        Raises `SelectorError` if it is invalid, or of another project.
        """
        blank = re.search(rb"^\r?\n", content, re.MULTILINE)
        end = blank.start() if blank else len(content)
        fields = [field for field in _FIELD.findall(content[:end]) if field]
        names = [field.partition(b":")[0].lower() for field in fields]
        if not {b"name", b"version"} <= {*names}:
            raise SelectorError(f"{where} has no core metadata: no Name, or no Version")
        self.check_name(_value(fields[names.index(b"name")]), where)
        version = _value(fields[names.index(b"version")])
        line_end = b"\r\n" if fields[0].endswith(b"\r\n") else b"\n"
        if not fields[-1].endswith(b"\n"):
            fields[-1] += line_end

        for index, name in enumerate(names):
            key, _, value = fields[index].partition(b":")
            if name == b"name":
                fields[index] = key + b": " + self.name.encode() + line_end
            elif name == b"requires-dist":
                fields[index] = key + b":" + self._required(value)

        there = {_value(field) for field in fields}
        new = [f"Requires-Dist: {line}" for line in self.added(version) if line not in there]
        if not self.variant and NEVER_UPLOAD not in there:
            new = [f"Classifier: {NEVER_UPLOAD}"]
        fields += [line.encode() + line_end for line in new]
        return b"".join(fields) + content[end:]

    def _required(self, requirement: bytes) -> bytes:
        match = _REQUIRED.fullmatch(requirement)
        if match and self.is_of(match[2].decode()):
            return match[1] + self.name.encode() + match[3]
        return requirement


def _value(field: bytes) -> str:
    return field.partition(b":")[2].strip().decode("utf-8", "replace")


def renaming_of(
    selector: Selector, tree: Tree | None, variant: Variant, built: Callable[[str], str]
) -> Renaming:
    """Return how to rename the distributions of ``variant``.

    ``built`` returns the version of a distribution that the code was built against. Raises
    `SelectorError` if the table does not say which distribution is the variant.
    """

    def part(match: re.Match[str]) -> str:
        return _part(built(match[1]), int(match[2][1:]) if match[2] else None)

    return Renaming(
        selector.project,
        _distribution(selector, variant),
        variant.name,
        tuple(
            BUILT.sub(part, text)
            for text in (tree.dependencies.get(variant.key, ()) if tree else ())
        ),
    )


def is_built_against(tree: Tree, variant: Variant) -> bool:
    """Return whether requirements of ``variant`` name what its code was built against."""
    return any(BUILT.search(text) for text in tree.dependencies.get(variant.key, ()))


def _distribution(selector: Selector, variant: Variant) -> str:
    """Return the name of the one distribution that is ``variant``: it has the project's version."""
    shared = {*map(distribution_of, selector.requires)}
    pinned = {
        normalize(requirement.name): requirement.name
        for requirement in map(Requirement, variant.requires)
        if normalize(requirement.name) not in shared and is_pinned(requirement, selector.version)
    }
    usual = normalize(f"{selector.project}-{variant.name}")
    if usual in pinned:
        return pinned[usual]
    if len(pinned) == 1:
        return next(iter(pinned.values()))
    shown = ", ".join(variant.requires) or "nothing"
    raise SelectorError(
        f"variant {variant.name!r} requires {shown}; expected one "
        f"requirement that is '=={{version}}', to be the distribution that is built"
    )


def _part(version: str, length: int | None) -> str:
    """Return a public version, or its first ``length`` numbers."""
    release = Version(version)
    if length is None:
        return release.public
    epoch = f"{release.epoch}!" if release.epoch else ""
    return epoch + ".".join(map(str, [*release.release, *[0] * length][:length]))


# --- Wheels
#
# A wheel may be larger than memory, so its files are copied piece by piece. The project's name is
# in the file's name, the ``.dist-info`` and ``.data`` folders, ``METADATA`` and ``RECORD``.

# Name, version, optional build tag, and three tags.
_FILE = re.compile(r"([^-]+)-([^-]+)((?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl)")


def rename_wheel(wheel: Path, folder: Path, renaming: Renaming) -> str:
    """Write ``wheel`` under its new name into ``folder``. Returns the file's name.

    Raises `SelectorError` if it is not a wheel of the project; then nothing is written.
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
        with opened_wheel(wheel) as old, replacing(folder / name) as file:
            info, files = read_dist_info(old, "METADATA", "WHEEL", "RECORD")
            moved = _moved(old.namelist(), info, parts[2], renaming)
            metadata = renaming.metadata(files["METADATA"], wheel.name)
            path = moved[f"{info}/METADATA"]
            record = _record(files["RECORD"].decode("utf-8"), moved, path, metadata)
            changed = {path: metadata, moved[f"{info}/RECORD"]: record}
            with zipfile.ZipFile(file, "w") as new:
                for member in old.infolist():
                    _copy(old, member, new, moved[member.filename], changed)
    except UNREADABLE as error:
        raise SelectorError(f"{wheel.name} is not a wheel that can be renamed: {error}") from None
    return name


def _moved(names: list[str], info: str, version: str, renaming: Renaming) -> dict[str, str]:
    """Return the new name of each member; ``info`` is the ``.dist-info`` folder."""
    folders = {name.partition("/")[0] for name in names if "/" in name}
    moves = {}
    for folder in folders:
        stem, _, suffix = folder.rpartition(".")
        name, _, its_version = stem.rpartition("-")
        if suffix in ("dist-info", "data") and renaming.is_of(name) and its_version == version:
            moves[folder] = f"{renaming.stem}-{version}.{suffix}"
    if info not in moves:
        raise zipfile.BadZipFile(f"its {info} is not of {renaming.project} {version}")

    def move(name: str) -> str:
        folder, slash, rest = name.partition("/")
        return moves.get(folder, folder) + slash + rest if slash else name

    moved = {name: move(name) for name in names}
    if len({*moved.values()}) < len(names):
        raise zipfile.BadZipFile("two of its files would have one name")
    return moved


def _record(text: str, moved: dict[str, str], path: str, metadata: bytes) -> bytes:
    """Return ``RECORD`` with the new names; ``metadata`` is now at ``path``."""
    record = io.StringIO()
    writer = csv.writer(record, lineterminator="\r\n" if "\r\n" in text else "\n")
    for row in csv.reader(io.StringIO(text, newline="")):
        if row:
            row[0] = moved.get(row[0], row[0])
            writer.writerow([path, hash_of(metadata), len(metadata)] if row[0] == path else row)
    return record.getvalue().encode()


def _copy(
    old: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    new: zipfile.ZipFile,
    name: str,
    changed: dict[str, bytes],
) -> None:
    """Copy a member with its compression, mode and date; ``changed`` has new contents."""
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
