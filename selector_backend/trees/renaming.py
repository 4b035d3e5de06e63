"""A distribution under another name: its core metadata, and its wheels.

What is not about the name stays unchanged, to the byte: lines are changed, none is rewritten.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.version import Version

from ..authoring.selector import is_pinned
from ..authoring.tree import BUILT
from ..checking.archives import UNREADABLE, opened_wheel, read_dist_info
from ..errors import SelectorError
from ..installing.files import replacing
from ..installing.wheel import NEVER_UPLOAD, hash_of
from ..model.markers import distribution_of, normalize
from ..model.table import fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..authoring.tree import Tree
    from ..model.table import Selector, Variant

# A field and the lines that go on with it, and what a requirement starts with.
_FIELD = re.compile(rb"[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*")
_REQUIRED = re.compile(rb"(\s*)([A-Za-z0-9._-]+)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Renaming:
    """From what is built of a project to what it is published as.

    ``dependencies`` are added to what it requires, after their placeholders are filled in.
    ``variant`` is what it was built as. Where that is empty, it is no variant: it keeps its name,
    and no index is to take it.
    """

    project: str
    name: str
    variant: str = ""
    dependencies: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The new name as it starts the names of files."""
        return normalize(self.name).replace("-", "_")

    def is_of(self, name: str) -> bool:
        """Return whether ``name`` is the project's own."""
        return normalize(name) == normalize(self.project)

    def check_name(self, name: str, where: str) -> None:
        """Raise `SelectorError` if ``name``, which ``where`` says, is not the project's own."""
        if self.is_of(name):
            return
        if normalize(name) == normalize(self.name):
            raise SelectorError(f"{where} is of {name} already, not of {self.project}")
        raise SelectorError(f"{where} is of {name}; expected one of {self.project}")

    def required(self, requirement: str) -> str:
        """Return a requirement: one on the project itself is on the new name."""
        return self._required(requirement.encode()).decode()

    def added(self, version: str) -> list[str]:
        """Return what is required besides in ``version``."""
        values = {"project": self.project, "name": self.variant, "version": version}
        return [self.required(fill(one, values)) for one in self.dependencies]

    def metadata(self, content: bytes, where: str) -> bytes:
        """Return the core metadata ``content`` under the new name.

        Raises `SelectorError` if it is of another project, or is none.
        """
        blank = re.search(rb"^\r?\n", content, re.MULTILINE)
        end = blank.start() if blank else len(content)
        fields = [one for one in _FIELD.findall(content[:end]) if one]
        names = [one.partition(b":")[0].lower() for one in fields]
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

        there = {_value(one) for one in fields}
        new = [f"Requires-Dist: {one}" for one in self.added(version) if one not in there]
        if not self.variant and NEVER_UPLOAD not in there:
            new = [f"Classifier: {NEVER_UPLOAD}"]
        fields += [one.encode() + line_end for one in new]
        return b"".join(fields) + content[end:]

    def _required(self, requirement: bytes) -> bytes:
        found = _REQUIRED.fullmatch(requirement)
        if found and self.is_of(found[2].decode()):
            return found[1] + self.name.encode() + found[3]
        return requirement


def _value(field: bytes) -> str:
    return field.partition(b":")[2].strip().decode("utf-8", "replace")


def renaming_of(
    selector: Selector, tree: Tree | None, variant: Variant, built: Callable[[str], str]
) -> Renaming:
    """Return how the distributions of ``variant`` are named, and what they require besides.

    ``built`` returns the version of a distribution that the code was built against. Raises
    `SelectorError` where the table does not say which distribution is the variant.
    """

    def part(found: re.Match[str]) -> str:
        return _part(built(found[1]), int(found[2][1:]) if found[2] else None)

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
    """Return whether what ``variant`` requires depends on what its code was built against."""
    return any(BUILT.search(text) for text in tree.dependencies.get(variant.key, ()))


def _distribution(selector: Selector, variant: Variant) -> str:
    """Return the name of the one distribution that is ``variant``: it has the project's version."""
    shared = {distribution_of(one) for one in selector.requires}
    pinned = {
        distribution_of(text): requirement.name
        for text, requirement in ((one, Requirement(one)) for one in variant.requires)
        if distribution_of(text) not in shared and is_pinned(requirement, selector.version)
    }
    usual = normalize(f"{selector.project}-{variant.name}")
    if usual in pinned:
        return pinned[usual]
    if len(pinned) == 1:
        return next(iter(pinned.values()))
    found = ", ".join(variant.requires) or "nothing"
    raise SelectorError(
        f"variant {variant.name!r} requires {found}; expected one "
        f"requirement that is '=={{version}}', to be the distribution that is built"
    )


def _part(version: str, length: int | None) -> str:
    """Return a public version, or the first numbers of it."""
    found = Version(version)
    if length is None:
        return found.public
    epoch = f"{found.epoch}!" if found.epoch else ""
    return epoch + ".".join(map(str, [*found.release, *[0] * length][:length]))


# --- Wheels
#
# A wheel may be larger than memory, so its files are copied piece by piece. What changes is what
# the name is in: the file's name, the ``.dist-info`` and ``.data`` folders, ``METADATA`` and
# ``RECORD``.

# Name, version, maybe a build tag, and three tags.
_FILE = re.compile(r"([^-]+)-([^-]+)((?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl)")


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
