"""Reads the environment that is installed into, where it can be seen.

Only variants that exclude each other (the requirement kind) depend on it.
"""

from __future__ import annotations

import contextlib
import os

from ..model.decision import Code, Environment
from ..model.markers import distribution_of, evaluate, normalize
from ..model.record import RECORD_NAME, Record, Unusable, parse_record
from ..model.standing import former_distributions, parse_form, requirements_of
from ..model.table import REQUIREMENT
from ..model.values import replace
from ..probes.installed import find_distributions, identify_at, versions_of
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
    distributions: Mapping[str, Sequence[str]] | None = None,
) -> Environment:
    """Return the part of an environment with these ``folders`` that matters to ``selector``.

    From the folders ``removed_last``, the installer removes an old release after it has installed
    all else. ``marker`` are the variables of the environment's interpreter, if it is not this one,
    and ``distributions`` those in the folders, if these were listed before.

    Never raises for their content: a record that cannot be read is passed over, and noted.
    """
    paths = folders if selector.kind == REQUIREMENT else ()
    if distributions is None:
        distributions = find_distributions(paths or removed_last)
    marker = marker or marker_of(selector)
    own = distributions.get(normalize(selector.project), ())
    code = _code(folder for folder in own if os.path.dirname(folder) in removed_last)
    if not paths:
        return Environment(marker=marker, code=code)
    records, notes = list[Record](), list[str]()
    for record in _records(distributions):
        if isinstance(record, Unusable):
            notes.append(f"the record of {record.project} was passed over: {record.reason}")
        else:
            notes += [f"in the record of {record.project}, {note}" for note in record.passed_over]
            records.append(_as_installed(record, distributions))
    environment = Environment(tuple(records), marker=marker, notes=tuple(notes), code=code)
    current = environment.record_of(selector.project)
    names = {normalize(selector.project), *(current.distributions if current else ())}
    forms = [parse_form(requirement)[0] for requirement in _required(selector)]
    all_extras = {extra for form in forms for extra in form.extras}
    extras = {
        form.name: _extras(distributions, form.name, all_extras, marker)
        for form in forms
        if form.extras and form.name in distributions
    }
    names |= {form.name for form in forms}
    names |= {*former_distributions(selector).values()}
    names |= {name for by_extra in extras.values() for name in sum(by_extra.values(), ())}
    return replace(environment, versions=versions_of(names, distributions), extras=extras)


def marker_of(selector: Selector) -> Mapping[str, str] | None:
    """Return the marker variables here, or ``None`` if no requirement has a marker or extra."""
    if not any(set(";[").intersection(requirement) for requirement in _required(selector)):
        return None
    from ..probes.marker import environment

    return environment()


def _required(selector: Selector) -> Iterator[str]:
    return (text for variant in selector.variants for text, _ in requirements_of(variant))


def _extras(
    distributions: Mapping[str, Sequence[str]],
    name: str,
    extras: Iterable[str],
    marker: Mapping[str, str] | None,
) -> dict[str, tuple[str, ...]]:
    """Return the complete extras of a distribution, each with the names that only it requires."""
    from importlib.metadata import Distribution

    def names(extra: str) -> set[str]:
        """Return the names that are required with an extra."""
        variables = {**(marker or {}), "extra": extra}
        return {form.name for form, text in forms if not text or evaluate(text, variables)}

    complete: dict[str, tuple[str, ...]] = {}
    with contextlib.suppress(Exception):  # what bad metadata raises differs with Python's version
        forms = [*map(parse_form, Distribution.at(distributions[name][0]).requires or ())]
        for extra in extras:
            own = names(extra) - names("")
            if own and own <= distributions.keys():
                complete[extra] = tuple(sorted(own))
    return complete


def read_records(paths: Sequence[str]) -> list[Record | Unusable]:
    """Return the records of the selector packages in the folders ``paths``.

    Of several of a project, the first, which Python uses.
    """
    return _records(find_distributions(paths))


def _as_installed(record: Record, distributions: Mapping[str, Sequence[str]]) -> Record:
    """Return a record without the distributions of extras that are not installed."""
    names = {*map(distribution_of, record.requires), *distributions}
    return replace(record, distributions=tuple(filter(names.__contains__, record.distributions)))


def _code(folders: Iterable[str]) -> Code | None:
    """Return the first of a project's releases, by metadata folders, that has own code.

    A selector package has none. Without a readable ``RECORD``, an installer removes nothing.
    """
    for folder in folders:
        if os.path.exists(os.path.join(folder, RECORD_NAME)):
            continue
        with contextlib.suppress(OSError, ValueError):
            for line in _read(folder, "RECORD").splitlines():
                file = line.rsplit(",", 2)[0].strip('"')
                if file and not file.startswith(f"{os.path.basename(folder)}/"):
                    return Code(*identify_at(folder), file)
    return None


def _records(distributions: Mapping[str, Sequence[str]]) -> list[Record | Unusable]:
    records: dict[str, Record | Unusable] = {}
    for folders in distributions.values():
        for folder in folders:
            record = _read_record(folder)
            if record is not None:
                records.setdefault(record.key, record)
    return [*records.values()]


def _read_record(folder: str) -> Record | Unusable | None:
    """Return the record in a ``.dist-info``, ``None`` if it has none."""
    try:
        record = parse_record(_read(folder, RECORD_NAME))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
        return None
    except ValueError:
        record = Unusable("it is not UTF-8 text")
    except OSError as error:
        record = Unusable(error.strerror or "it cannot be read")  # without the path
    if isinstance(record, Unusable):
        record = Unusable(record.reason, *identify_at(folder))
    return record


def _read(folder: str, name: str) -> str:
    return read_regular(os.path.join(folder, name)).decode("utf-8")
