"""Reads the variants, and their platforms, in ``uv.lock``, ``poetry.lock`` and ``pdm.lock``.

A lock has the requirements of each package on each platform, which show the variant. Only the
packages that matter are parsed, since a lock may have some MB. What is invalid, or not certain, is
ignored.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import SelectorError
from ..model.decision import Kept
from ..model.markers import MARKER_VARIABLES, CannotTellError, marker_variables, normalize
from ..model.purpose import Purpose
from ..model.standing import Form, former_distributions, parse_form, standing_for
from ..model.table import REQUIREMENT
from ..model.values import dataclass, replace
from .asked import MALFORMED, holds, load_toml, read_text
from .environment import marker_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from typing import Any

    from ..model.decision import Request
    from ..model.purpose import Installation, Lock
    from ..model.table import Selector

#: A larger lock is not read.
LARGEST_LOCK = 32_000_000

_PACKAGE = re.compile(r"(?m)^(?=\[\[packages?\]\])")
_NAME = re.compile(r"""(?m)^name *= *["']([A-Za-z0-9._-]+)["']""")
# uv's sources that are not folders, and the folders of its cache where it unpacks them.
_UNPACKED = {
    "registry": r"sdists-v\d+[/\\](index|pypi)",
    "path": r"sdists-v\d+[/\\]path",
    "url": r"sdists-v\d+[/\\]url",
    "git": r"git-v\d+",
}


@dataclass(frozen=True)
class Entry:
    """A package in a lock.

    ``version`` may be empty for a folder. ``requires`` are its requirements, each with its marker.
    ``folder`` is the source, if that is a folder; otherwise ``unpacked`` is the pattern of the
    folder where it is unpacked, if known.
    """

    version: str
    requires: tuple[tuple[Form, str], ...]
    folder: str = ""
    unpacked: str = ""

    def here(self, target: Mapping[str, str]) -> Entry:
        """Return the entry with its requirements on this platform, or on the ``target``.

        Of ``jax`` beside ``jax[cuda12]``, both of which uv's lock has, only the latter counts.
        """
        forms = [form for form, marker in self.requires if holds(marker, target)]
        widest = [
            form
            for form in forms
            if not any(form.name == other.name and form.extras < other.extras for other in forms)
        ]
        return replace(self, requires=tuple((form, "") for form in widest))

    def is_for(self, selector: Selector, here: str) -> bool:
        """Return whether this is the selector's release, whose source is in the folder ``here``."""
        own = self.version if "+" in selector.version else self.version.partition("+")[0]
        if self.folder:
            return own in ("", selector.version) and self.folder == os.path.realpath(here)
        return own == selector.version and re.search(self.unpacked, here) is not None


def with_locked(selector: Selector, request: Request, installation: Installation) -> Request:
    """Return ``request`` with the variants of the lock that this command reads or writes.

    An install gets the lock's variant for this platform. A new lock keeps the old one's variant on
    each platform, unless another is asked for.

    Raises `SelectorError` if a setting or a variable asks to install another variant.
    """
    lock, locks = installation.lock, installation.purpose is Purpose.LOCK
    if lock is None:
        return request
    old = locks or lock.written_last
    if old and (request.variants or request.anew):
        return request
    path = Path(lock.folder)
    try:
        path, text = find_lock(lock)
        request = replace(request, files=(*request.files, str(path)))
        entries = read_entries(text, selector.project, path.parent, selector.extras)
    except ImportError:
        note = f"{lock.names[0]} is ignored, since below Python 3.11 tomli is needed to read it"
        return replace(request, notes=(*request.notes, note))
    except MALFORMED:
        return replace(request, files=(*request.files, str(path)))
    same = [entry for entry in entries if entry.is_for(selector, str(Path.cwd()))]
    if old:
        same = same or entries
    if len(same) != 1:
        return request
    if locks:
        return replace(request, kept=kept_by(selector, same[0], path.name))
    entry = same[0].here(installation.target_marker)
    keys = {kept.variant for kept in kept_by(selector, entry, path.name)}
    variants = tuple(variant.key for variant in selector.variants if variant.key in keys)
    if not variants or (len(variants) > 1 and selector.kind == REQUIREMENT):
        return request
    if request.variants not in ((), variants) and not _is_elsewhere(selector, request, same[0]):
        from .messages import not_as_locked

        raise SelectorError(not_as_locked(selector, request, variants, path.name, lock.again))
    return replace(request, variants=variants, source=path.name, profile=None, locked=True)


def _is_elsewhere(selector: Selector, request: Request, entry: Entry) -> bool:
    """Return whether the lock has the variants asked for, but this platform cannot have them."""
    from ..model.everywhere import can_be_on
    from ..probes.marker import environment

    locked = {kept.variant for kept in kept_by(selector, entry, "")}
    return locked.issuperset(request.variants) and not any(
        can_be_on(selector, key, environment()) for key in request.variants
    )


def find_lock(lock: Lock) -> tuple[Path, str]:
    """Return the path of a lock, and its content, which is empty without one.

    A project's lock is beside the nearest ``pyproject.toml``. That of a member of a workspace is in
    the root, and has the member's name.
    """
    folder = Path(lock.folder)
    if not lock.folder or not folder.is_absolute():
        return folder, ""
    if lock.of_project:
        parents = (folder, *folder.parents)
        folder = next((path for path in parents if (path / "pyproject.toml").is_file()), folder)
    for name in lock.names:
        for root in folder.parents if lock.of_workspace else ():
            text = _read(root / name)
            if text and _has_member(text, root, folder):
                return root / name, text
        if text := _read(folder / name):
            return folder / name, text
    return folder, ""


def _read(path: Path) -> str:
    return read_text(str(path), most=LARGEST_LOCK)


def _has_member(text: str, root: Path, member: Path) -> bool:
    """Return whether the lock of a workspace's ``root`` has the project in a folder as a member."""
    head = _PACKAGE.split(text, maxsplit=1)[0]
    if "[manifest]" not in head:
        return False
    try:
        names = {normalize(name) for name in load_toml(head)["manifest"]["members"]}
        own = os.path.realpath(member)
        return any(_folder(package, root) == own for package in _packages(text, names))
    except MALFORMED:
        return False


def _packages(text: str, names: Container[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the packages in a lock that have one of ``names``, which are normalized."""
    for block in _PACKAGE.split(text)[1:]:
        name = _NAME.search(block)
        if name and normalize(name[1]) in names:
            data = load_toml(block)
            (package,) = data.get("package") or data["packages"]
            yield package


def read_entries(text: str, project: str, root: Path, extras: Iterable[str] = ()) -> list[Entry]:
    """Return the packages with the name ``project`` in a lock in the folder ``root``.

    Their requirements with ``extras`` count too, if the lock has them.

    Raises any of `MALFORMED` for an invalid lock, and `ImportError` without a TOML reader.
    """
    entries = []
    for package in _packages(text, {normalize(project)}):
        # In a pylock.toml, pdm has its own keys there.
        own = package.get("tool", {}).get("pdm", package)
        if isinstance(own.get("extras", package.get("extras")), list):
            continue  # pdm's second entry of the package, with its extras
        required = [*_required(own.get("dependencies", ()))]
        for extra in extras:
            required += _required(package.get("optional-dependencies", {}).get(extra, ()))
        source = package.get("source", {})  # poetry's has a type
        patterns = (_UNPACKED[kind] for kind in _UNPACKED if kind in source)
        entries.append(
            Entry(
                str(package.get("version", "")),
                tuple(_with_versions(text, required)),
                _folder(package, root),
                "" if "type" in source else next(patterns, ""),
            )
        )
    return entries


def _folder(package: Mapping[str, Any], root: Path) -> str:
    """Return the folder that is a package's source, ``""`` if that is not a folder."""
    source = package.get("source", {})
    names = [source[kind] for kind in ("directory", "editable", "virtual") if kind in source]
    if source.get("type") == "directory":  # poetry's
        names.append(source["url"])
    if isinstance(package.get("path"), str) and (root / package["path"]).is_dir():  # pdm's
        names.append(package["path"])
    return os.path.realpath(root / names[0]) if names else ""


def _required(dependencies: Any) -> Iterator[tuple[str, str, str]]:
    """Yield a locked package's requirements: the name with extras, the version, and the marker.

    uv has a list of tables, pdm one of requirements, and poetry a table.
    """
    if isinstance(dependencies, dict):
        for name, value in dependencies.items():
            for item in value if isinstance(value, list) else [value]:
                table = item if isinstance(item, dict) else {"version": item}
                yield _named(name, table.get("extras")), table["version"], table.get("markers", "")
        return
    for item in dependencies:
        if isinstance(item, str):
            head, _, marker = item.partition(";")
            match = re.fullmatch(r"([^=<>!~@ ]+)(.*)", head.strip())
            yield match[1] if match else "", match[2] if match else "", marker.strip()
        else:
            marker = item.get("marker", "")
            yield _named(item["name"], item.get("extra")), item.get("version", ""), marker


def _named(name: str, extras: Any) -> str:
    return f"{name}[{','.join(extras)}]" if extras else name


def _with_versions(text: str, required: list[tuple[str, str, str]]) -> Iterator[tuple[Form, str]]:
    """Yield the requirements, with the lock's version of the package if it has only one."""
    names = {parse_form(name)[0].name for name, version, _ in required if not version}
    versions: dict[str, list[str]] = {}
    for package in _packages(text, names):
        versions.setdefault(normalize(package["name"]), []).append(package.get("version", ""))
    for name, version, marker in required:
        known = versions.get(parse_form(name)[0].name, ())
        version = version or (known[0] if len(known) == 1 else "")
        pinned = version if re.match("[=<>!~@ ]", version) else f"=={version}" * bool(version)
        yield parse_form(name + pinned)[0], marker


def kept_by(selector: Selector, entry: Entry, source: str) -> tuple[Kept, ...]:
    """Return the variants in an entry, and their platforms: those with more extras first.

    A former variant counts as the one that replaced it. A requirement whose marker is not only
    about the platform, such as ``extra == "x"``, is ignored.
    """
    standing = standing_for(selector, marker_of(selector))
    former = former_distributions(selector)
    for variant in selector.variants:
        names = filter(None, (former.get(normalize(name)) for name in variant.formerly))
        standing[variant.key] += tuple(Form(name, alone=True) for name in names)
    shared = {parse_form(requirement)[0].name for requirement in selector.requires}
    variants: dict[tuple[str, int], list[str]] = {}
    for form, marker in entry.requires:
        for key, forms in standing.items() if _is_of_platform(marker) else ():
            if any(form.name == own.name and (own.alone or form == own) for own in forms):
                variants.setdefault((key, len(form.extras)), []).append(marker)
    if not variants and {form.name for form, _ in entry.requires} <= shared:
        # The variant without requirements.
        plain = [row for row in selector.variants if not row.requires and row.refuse is None]
        variants = {(row.key, 0): [""] for row in plain} if len(plain) == 1 else {}
    kept = sorted(variants.items(), key=lambda item: -item[0][1])
    return tuple(
        Kept(key, "" if "" in markers else _either(markers), source) for (key, _), markers in kept
    )


def _either(markers: list[str]) -> str:
    unique = [*dict.fromkeys(markers)]
    return unique[0] if len(unique) == 1 else " or ".join(f"({marker})" for marker in unique)


def _is_of_platform(marker: str) -> bool:
    try:
        return {*marker_variables(marker)} <= {*MARKER_VARIABLES} if marker else True
    except CannotTellError:
        return False
