"""What the environment that is being installed into holds, where it can be seen.

Only variants that exclude each other (the requirement kind) depend on it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..model.decision import Code, Environment
from ..model.markers import distribution_of, evaluate, normalize
from ..model.record import RECORD_NAME, Record, Unusable, parse_record
from ..model.standing import former_distributions, parse_form, requirements_of
from ..model.table import REQUIREMENT
from ..model.values import replace
from ..probes.folders import find_distributions, identify_at, versions_of
from .files import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..model.table import Selector


def read_environment(
    selector: Selector,
    folders: Sequence[str],
    removed_last: Sequence[str] = (),
    marker: Mapping[str, str] | None = None,
    there: Mapping[str, Sequence[Path]] | None = None,
) -> Environment:
    """Return what the folders of an environment hold that matters to ``selector``.

    From the folders ``removed_last``, an old release is removed after all else is installed.
    ``marker`` are the variables of its interpreter, if that is not the running one, and ``there``
    the distributions in the folders, if these were listed already.

    Never raises for what is in them: a record that cannot be read is passed over, and noted.
    """
    paths = folders if selector.kind == REQUIREMENT else ()
    if there is None:
        there = find_distributions(paths or removed_last)
    marker = marker or marker_of(selector)
    places = {*map(Path, removed_last)}
    own = there.get(normalize(selector.project), ())
    code = _code(folder for folder in own if folder.parent in places)
    if not paths:
        return Environment(marker=marker, code=code)
    records = _records(there)
    notes = []
    for one in records:
        if isinstance(one, Unusable):
            notes.append(f"the record of {one.project} was passed over: {one.reason}")
        else:
            notes += [f"in the record of {one.project}, {what}" for what in one.passed_over]
    usable = tuple(_as_installed(one, there) for one in records if isinstance(one, Record))
    found = Environment(usable, marker=marker, notes=tuple(notes), code=code)
    record = found.record_of(selector.project)
    names = {normalize(selector.project), *(record.distributions if record else ())}
    forms = [parse_form(one)[0] for one in _required(selector)]
    extras = {
        form.name: _extras(
            there, form.name, {extra for one in forms for extra in one.extras}, marker
        )
        for form in forms
        if form.extras and form.name in there
    }
    names |= {form.name for form in forms}
    names |= {*former_distributions(selector).values()}
    names |= {name for own in extras.values() for some in own.values() for name in some}
    return replace(found, versions=versions_of(names, there), extras=extras)


def marker_of(selector: Selector) -> Mapping[str, str] | None:
    """Return the variables that markers are judged with here, if variants require by any."""
    if not any(set(";[").intersection(one) for one in _required(selector)):
        return None
    from ..probes.marker import environment

    return environment()


def _required(selector: Selector) -> Iterator[str]:
    return (one for variant in selector.variants for one, _ in requirements_of(variant))


def _extras(
    there: Mapping[str, Sequence[Path]],
    name: str,
    extras: Iterable[str],
    marker: Mapping[str, str] | None,
) -> dict[str, tuple[str, ...]]:
    """Return those extras of a distribution that are whole, each with what only it requires."""
    from importlib.metadata import Distribution

    def names(extra: str) -> set[str]:
        """Return the names of what is required with an extra."""
        variables = {**(marker or {}), "extra": extra}
        return {form.name for form, text in forms if not text or evaluate(text, variables)}

    found: dict[str, tuple[str, ...]] = {}
    with contextlib.suppress(Exception):  # what bad metadata raises differs with Python's version
        forms = [*map(parse_form, Distribution.at(there[name][0]).requires or ())]
        for extra in extras:
            own = names(extra) - names("")
            if own and own <= there.keys():
                found[extra] = tuple(sorted(own))
    return found


def read_records(paths: Sequence[str]) -> list[Record | Unusable]:
    """Return the records of the selector packages in the folders ``paths``.

    Of a project that is there twice, the first is the one that Python sees.
    """
    return _records(find_distributions(paths))


def _as_installed(record: Record, there: Mapping[str, Sequence[Path]]) -> Record:
    """Return a record without what extras would have brought, and did not."""
    required = {*map(distribution_of, record.requires)}
    here = tuple(name for name in record.distributions if name in there or name in required)
    return replace(record, distributions=here)


def _code(folders: Iterable[Path]) -> Code | None:
    """Return the first of a project's releases, by their metadata, that has code itself.

    A selector package has none. What has no readable ``RECORD`` cannot be removed, either.
    """
    for folder in folders:
        if (folder / RECORD_NAME).exists():
            continue
        with contextlib.suppress(OSError, ValueError):
            for line in read_regular(folder / "RECORD").decode("utf-8").splitlines():
                file = line.rsplit(",", 2)[0].strip('"')
                if file and not file.startswith(f"{folder.name}/"):
                    return Code(*identify_at(folder), file)
    return None


def _records(distributions: Mapping[str, Sequence[Path]]) -> list[Record | Unusable]:
    found: dict[str, Record | Unusable] = {}
    for folders in distributions.values():
        for folder in folders:
            record = _read_record(folder)
            if record is not None:
                found.setdefault(record.key, record)
    return [*found.values()]


def _read_record(folder: Path) -> Record | Unusable | None:
    """Return the record in a ``.dist-info``, ``None`` if it has none, as most have."""
    try:
        # Reading this one file spares parsing the metadata of everything that is installed.
        record = parse_record(read_regular(folder / RECORD_NAME).decode("utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
        return None
    except ValueError:
        record = Unusable("it is not UTF-8 text")
    except OSError as error:
        record = Unusable(error.strerror or "it cannot be read")  # without the path
    if isinstance(record, Unusable):
        record = Unusable(record.reason, *identify_at(folder))
    return record
