"""Names, versions and environment markers: compared and evaluated, by the standard library alone.

selector-runtime has a copy, as of `kinds`.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # `typing` takes long to import; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The marker variables of the dependency specifiers specification, without `extra`.
MARKER_VARIABLES = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)

#: The marker variables whose values are versions. A pre-release of Python counts as its release.
VERSION_VARIABLES = ("implementation_version", "python_full_version", "python_version")

#: The name and version formats of the packaging specifications ("Names and normalization"). Texts
#: of these formats are safe in a command.
NAME_FORMAT = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
VERSION_FORMAT = "[A-Za-z0-9][A-Za-z0-9.!+_-]*"

#: A plain release, and a clause of a specifier of them. No version has longer numbers; Python
#: refuses those of thousands of digits.
RELEASE = r"[0-9]{1,18}(?:\.[0-9]{1,18})*"
CLAUSE = rf"\s*(~=|==|!=|<=|>=|<|>)\s*({RELEASE})(\.\*)?\s*"
_TERM = r"""([a-z_]+|"[^"]*"|'[^']*')"""
_COMPARISON = rf"\s*{_TERM}\s*(not\s+in\b|in\b|[<>=!~]+)\s*{_TERM}\s*"
_JOINT = r"\s*(and\b|or\b|[()])\s*"
# Quoted texts are cut to this length.
_LONGEST = 60


class CannotTellError(ValueError):
    """A condition cannot be judged; ``str()`` says why."""


def is_name(value: object) -> bool:
    """Return whether a value is valid as the name of a project, an extra or a variant."""
    return isinstance(value, str) and re.fullmatch(NAME_FORMAT, value) is not None


def normalize(name: str) -> str:
    """Return the normalized name of a project, an extra or a variant (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def normalize_name(name: str) -> str:
    """Return the normalized form of a name in a fact: ``avx512_vnni`` for ``AVX512-VNNI``."""
    return name.strip().lower().replace("-", "_")


def distribution_of(requirement: str) -> str:
    """Return the normalized name of a requirement's distribution."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return normalize(match[0]) if match else ""


def quoted(text: str) -> str:
    """Return ``text`` in quotes for a message, cut short if it is long."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r} and so on"


def is_release(text: str) -> bool:
    """Return whether ``text`` is a plain release, such as ``12.4``."""
    return re.fullmatch(RELEASE, text) is not None


def release_key(text: str) -> list[int]:
    """Return the sort key of a version's release; 1.0 equals 1.0.0.

    Raises `CannotTellError` for a text that does not begin with a release.
    """
    match = re.match(RELEASE, text)
    if match is None:
        raise CannotTellError(f"{text!r} is not a version")
    numbers = [int(part) for part in match[0].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        del numbers[-1]
    return numbers


def satisfies(version: str, specifier: str) -> bool:
    """Return whether a version is in a specifier (PEP 440) of plain releases.

    Raises `CannotTellError` for one that is no such specifier.
    """
    clauses = [re.fullmatch(CLAUSE, clause) for clause in specifier.split(",") if clause.strip()]
    if not clauses:
        raise CannotTellError(f"{specifier!r} is not a specifier")
    key = release_key(version)
    answers = [_is_in(key, clause, specifier) for clause in clauses]  # each may raise
    return all(answers)


def _is_in(version: list[int], clause: re.Match[str] | None, specifier: str) -> bool:
    if clause is None:
        raise CannotTellError(f"{specifier!r} is not a specifier of plain releases")
    operator, text, series = clause.groups()
    bound, parts = release_key(text), text.count(".") + 1
    if (series and operator not in ("==", "!=")) or (operator == "~=" and parts == 1):
        raise CannotTellError(f"{specifier!r} is not a specifier")
    # The number of leading parts that a version has to share with a series.
    length = parts if series else parts - 1
    in_series = _padded(version, length) == _padded(bound, length)
    if series:
        return in_series is (operator == "==")
    if operator == "~=":
        return version >= bound and in_series
    return {
        "==": version == bound,
        "!=": version != bound,
        "<=": version <= bound,
        ">=": version >= bound,
        "<": version < bound,
        ">": version > bound,
    }[operator]


def _padded(version: list[int], length: int) -> list[int]:
    return [*version, *[0] * length][:length]


def evaluate(marker: str, environment: Mapping[str, str]) -> bool:
    """Evaluate an environment marker of the dependency specifiers specification.

    Raises `CannotTellError` for an invalid marker, a variable that ``environment`` does not have,
    an order of texts, ``~=`` and ``===``.
    """
    # For each open parenthesis, its groups, between which is "or".
    levels: list[list[list[bool]]] = [[[]]]
    for token in _tokens(marker):
        if isinstance(token, tuple):
            levels[-1][-1].append(compare(*token, environment))
        elif token == "or":
            levels[-1].append([])
        elif token == "(":
            levels.append([[]])
        elif token == ")":
            groups = levels.pop()
            levels[-1][-1].append(any(map(all, groups)))
    return any(map(all, levels[0]))


def compare(
    variable: str, operator: str, text: str, turned: bool, environment: Mapping[str, str]
) -> bool:
    """Return whether a comparison holds; ``turned`` if the variable is on its right side."""
    if variable not in environment:
        raise CannotTellError(f"{variable} is not known")
    value = environment[variable]
    if operator in ("in", "not in"):
        inside = value in text if not turned else text in value
        return inside is (operator == "in")
    if operator == "~=":
        raise CannotTellError("~= is not known in markers; expected >= and ==, as in '3.*'")
    if variable in VERSION_VARIABLES:
        if turned and not is_release(text):
            raise CannotTellError(f"{text!r} is not a version")
        if turned:
            return satisfies(text, operator + ".".join(map(str, release_key(value))))
        return satisfies(value, operator + text)
    if operator in ("==", "!="):
        return (value == text) is (operator == "==")
    raise CannotTellError(f"texts such as {variable} have no order; expected == or !=")


def marker_variables(marker: str) -> tuple[str, ...]:
    """Return the names of the marker variables that ``marker`` uses, in its order.

    Raises `CannotTellError` if it is not a marker.
    """
    return tuple(dict.fromkeys(variable for variable, *_ in comparisons(marker)))


def comparisons(marker: str) -> list[tuple[str, str, str, bool]]:
    """Return the comparisons in ``marker``, as the first arguments of `compare`.

    Raises `CannotTellError` if it is not a marker.
    """
    return [token for token in _tokens(marker) if isinstance(token, tuple)]


def _tokens(marker: str) -> Iterator[str | tuple[str, str, str, bool]]:
    """Yield the comparisons of a marker, and ``and``, ``or`` and parentheses, in order."""
    joints, compared = re.compile(_JOINT), re.compile(_COMPARISON)
    position = depth = 0
    awaited = True  # a comparison, or a parenthesis that opens
    while position < len(marker):
        joint = joints.match(marker, position)
        match = joint or compared.match(marker, position)
        opens = joint is None or joint[1] == "("
        if match is None or opens is not awaited or (joint and joint[1] == ")" and not depth):
            raise CannotTellError(f"{quoted(marker)} is not a marker")
        position = match.end()
        if joint:
            depth += {"(": 1, ")": -1}.get(joint[1], 0)
            awaited = joint[1] != ")"
            yield joint[1]
            continue
        awaited = False
        left, operator, right = match.groups()
        turned = left[0] in "\"'"
        variable, text = (right, left) if turned else (left, right)
        if variable[0] in "\"'" or text[0] not in "\"'":
            raise CannotTellError(f"{match[0].strip()} does not compare a variable with a text")
        yield variable, " ".join(operator.split()), text[1:-1], turned
    if awaited or depth:
        raise CannotTellError(f"{quoted(marker)} is not a marker")
