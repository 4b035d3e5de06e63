"""Messages for a variant that does not work: the reason, and the command that fixes it."""

from __future__ import annotations

import re

from . import CANNOT_TELL, DOES_NOT_FIT, IN_USE, NOT_INSTALLED
from ._record import find_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from . import Attempt
    from ._record import Record

# Common error messages of the dynamic loaders of glibc, musl and macOS, and of Python.
_SENTENCES = (
    (r"(\S+): cannot open shared object file", "{} was not found"),
    (r"Error loading shared library ([^:]+): No such file", "{} was not found"),
    (r"Library not loaded: (\S+)", "{} was not found"),
    (r"undefined symbol: (\w+)", "the symbol {} was not found in the libraries it uses"),
    (r"Error relocating [^:]+: (\w+): symbol not found", "the symbol {} was not found"),
    (r"[Ss]ymbol not found: '?(\w+)", "the symbol {} was not found in the libraries it uses"),
    (r"(the library \S+) is not installed", "{} is not installed"),  # our own
    (r"No module named '([^']+)'", "it needs the module {}, which is not installed"),
)

# An error's message is cut to this length.
_LONGEST = 400


def explain(error: BaseException) -> str:
    """Return a sentence for an error."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception of somebody else's may fail at anything
        text = ""
    short = " ".join(text[:_LONGEST].split()).rstrip(".")
    text = short + "…" if len(text) > _LONGEST else short
    if isinstance(error, (ImportError, OSError)):
        for pattern, sentence in _SENTENCES:
            match = re.search(pattern, text)
            if match:
                return sentence.format(match[1])
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def command(attempt: Attempt) -> str:
    """Return the commands that fix a variant that was passed over, one a line."""
    project, variant, outcome = attempt.project, attempt.variant, attempt.outcome
    record = find_record(project)
    if outcome == IN_USE:
        return ""
    if outcome == CANNOT_TELL:
        return 'pip install "selector-runtime[cpu]"'
    pinned = f"{project}=={record.version}" if record else project
    if outcome == DOES_NOT_FIT:  # choose again
        if record and record.kind == "requirement":
            return "\n".join(change_over(project, record, record.distributions))
        return f"pip install --force-reinstall {pinned}"
    own = " ".join(map(_quote, _requirements(project, record, variant)))
    # A variant without requirements comes with the project's.
    again = f"pip install --force-reinstall {own or pinned}"
    if outcome != NOT_INSTALLED:
        return again
    if record is None or record.kind == "capability" or record.chose(variant):
        return f"pip install {own}" if own else again
    return "\n".join(change_over(project, record, record.distributions, variant))


def change_over(
    project: str, record: Record, gone: Iterable[str], asked: str = ""
) -> tuple[str, str]:
    """Return the commands that replace the distributions ``gone`` by a variant, or ``asked``."""
    asking = f"--config-settings {project}:variant={asked} " if asked else ""
    gone = [*gone]
    pinned = _quote(f"{record.with_extras(project, gone)}=={record.version}")
    return (
        f"pip uninstall --yes {' '.join([project, *gone])}",
        f"pip install {asking}{pinned}",
    )


def _requirements(project: str, record: Record | None, variant: str) -> list[str]:
    """Return the requirements of a variant from the record, or the default."""
    if record is None:
        return [f"{project}-{variant}"]
    recorded = record.requires(variant)
    return [f"{project}-{variant}=={record.version}"] if recorded is None else recorded


def _quote(requirement: str) -> str:
    mark = "'" if '"' in requirement else '"'
    return requirement if re.fullmatch(r"[\w.=-]+", requirement) else f"{mark}{requirement}{mark}"


_FAULTS = {
    DOES_NOT_FIT: "does not fit here",
    CANNOT_TELL: "whether it fits cannot be told",
}


def warning(project: str, problems: Iterable[Attempt], used: str, variable: str) -> str:
    """Return the warning that better variants than ``used`` do not work."""
    lines = []
    for attempt in problems:
        fault = _FAULTS.get(attempt.outcome, "does not work here")
        name = f"the variant {attempt.variant} of {project}"
        lines.append(f"{name} is installed, but {fault}: {attempt.reason}.")
        lines += ["  To fix it:", *_indent(attempt.command)]
    lines.append(
        f"{used} is used instead. To use it without this warning, set {variable} to {used}"
    )
    return "\n".join(lines)


def nothing_works(project: str, tried: Sequence[Attempt], request: str) -> str:
    """Return the message if no variant works, or the forced one does not (``request``)."""
    first = f"{request}, which does not work here" if request else "no variant works here"
    lines = [f"{project}: {first}."]
    for attempt in tried:
        lines.append(f"  {attempt.variant}: {attempt.reason}. To fix it:")
        lines += _indent(attempt.command)
    if find_record(project) is None and not request:
        lines.append(f"To install the one for this machine: pip install {project}")
    return "\n".join(lines)


def _indent(commands: str) -> list[str]:
    return [f"    {line}" for line in commands.splitlines()]
