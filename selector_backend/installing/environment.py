"""What the environment that is being installed into holds, where it can be seen.

Only variants that exclude each other (the requirement kind) depend on it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from .facts import is_name
from .record import RECORD_NAME, Record, Unusable, is_version, parse_record
from .table import distribution_of, normalize
from .values import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import importlib.metadata
    from collections.abc import Iterable, Mapping, Sequence

    from .table import Selector


@dataclass(frozen=True)
class Code:
    """A release of the project that has code itself: its name and version, and a file of it."""

    project: str
    version: str
    file: str


@dataclass(frozen=True)
class Environment:
    """What is known of an environment; nothing, if it cannot be seen.

    ``selectors`` are the records of the selector packages in it, ``versions`` the versions of those
    distributions that the table's variants require, by normalized name, ``notes`` say
    what was passed over, and ``code`` is the project's own code that would be removed last.
    """

    selectors: tuple[Record, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    code: Code | None = None

    def record_of(self, project: str) -> Record | None:
        """Return what is installed of ``project`` itself."""
        key = normalize(project)
        return next((one for one in self.selectors if one.key == key), None)

    def others(self, project: str) -> list[Record]:
        """Return the selector packages but ``project``."""
        key = normalize(project)
        return [one for one in self.selectors if one.key != key]


def read_environment(
    selector: Selector, paths: Sequence[str], removed_last: Sequence[str] = ()
) -> Environment:
    """Return what the folders ``paths`` hold that matters to ``selector``.

    From the folders ``removed_last``, an old release is removed after all else is installed. They
    are among ``paths``, unless nothing but the project's own code matters and there are no paths.

    Never raises for what is in them: a record that cannot be read is passed over, and noted.
    """
    there = find_distributions(paths or removed_last)
    places = {*map(Path, removed_last)}
    own = there.get(normalize(selector.project), ())
    code = _code(folder for folder in own if folder.parent in places)
    if not paths:
        return Environment(code=code)
    records = _records(there)
    notes = []
    for one in records:
        if isinstance(one, Unusable):
            notes.append(f"the record of {one.project} was passed over: {one.reason}")
        else:
            notes += [f"in the record of {one.project}, {what}" for what in one.passed_over]
    usable = tuple(one for one in records if isinstance(one, Record))
    found = Environment(usable, notes=tuple(notes), code=code)
    record = found.record_of(selector.project)
    names = {normalize(selector.project), *(record.distributions if record else ())}
    for variant in selector.variants:
        names |= {distribution_of(one) for one in variant.requires}
    return replace(found, versions=_versions(names, there))


def read_records(paths: Sequence[str]) -> list[Record | Unusable]:
    """Return the records of the selector packages in the folders ``paths``.

    Of a project that is there twice, the first is the one that Python sees.
    """
    return _records(find_distributions(paths))


def read_versions(names: Iterable[str], paths: Sequence[str]) -> dict[str, str]:
    """Return the versions of those distributions ``names`` that the folders ``paths`` have."""
    return _versions(names, find_distributions(paths))


def find_distributions(paths: Sequence[str]) -> dict[str, list[Path]]:
    """Return where the metadata of each distribution in the folders ``paths`` are.

    The names are normalized. Of one that is there twice, the first is the one that
    Python sees. Importing `importlib.metadata` takes longer than all else that a hook does, so it
    is left to read the few that matter.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            for folder in Path(path).iterdir():
                stem, _, suffix = folder.name.lower().rpartition(".")
                name = stem.partition("-")[0]
                # What pip is about to remove begins with ~, and is ignored if it is left.
                if suffix in ("dist-info", "egg-info") and is_name(name):
                    found.setdefault(normalize(name), []).append(folder)
    return found


def _versions(names: Iterable[str], there: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    return {name: _identify_at(there[name][0])[1] for name in names if name in there}


def _code(folders: Iterable[Path]) -> Code | None:
    """Return the first of a project's releases, by their metadata, that has code itself.

    A selector package has none. What has no readable ``RECORD`` cannot be removed, either.
    """
    for folder in folders:
        if (folder / RECORD_NAME).exists():
            continue
        with contextlib.suppress(OSError, ValueError):
            for line in (folder / "RECORD").read_text(encoding="utf-8").splitlines():
                file = line.rsplit(",", 2)[0].strip('"')
                if file and not file.startswith(f"{folder.name}/"):
                    return Code(*_identify_at(folder), file)
    return None


def _records(distributions: Mapping[str, Sequence[Path]]) -> list[Record | Unusable]:
    found: dict[str, Record | Unusable] = {}
    for folders in distributions.values():
        for folder in folders:
            record = _read_record(folder)
            if record is not None:
                found.setdefault(record.key, record)
    return [*found.values()]


def identify(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Return a distribution's name and version, by its folder's name where its METADATA is bad.

    Both end up in commands.
    """
    name = version = ""
    with contextlib.suppress(Exception):  # what bad metadata raises differs with Python's version
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    # There is no public way to the folder's name; `importlib.metadata` finds names by it, too.
    folder = Path(str(getattr(distribution, "_path", "a distribution without a name"))).name
    stem = folder[: folder.rfind(".")] if folder.endswith((".dist-info", ".egg-info")) else folder
    named, _, versioned = stem.partition("-")
    known = (one for one in (version, versioned) if is_version(one))
    return name if is_name(name) else named, next(known, "")


def _read_record(folder: Path) -> Record | Unusable | None:
    """Return the record in a ``.dist-info``, ``None`` if it has none, as most have."""
    try:
        # Reading this one file spares parsing the metadata of everything that is installed.
        record = parse_record((folder / RECORD_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
        return None
    except ValueError:
        record = Unusable("it is not UTF-8 text")
    except OSError as error:
        record = Unusable(error.strerror or "it cannot be read")  # without the path
    if isinstance(record, Unusable):
        record = Unusable(record.reason, *_identify_at(folder))
    return record


def _identify_at(folder: Path) -> tuple[str, str]:
    from importlib.metadata import Distribution

    return identify(Distribution.at(folder))
