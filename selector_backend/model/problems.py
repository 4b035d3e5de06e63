"""What is wrong in a file, all of it reported together."""

from __future__ import annotations

import collections

from ..errors import SelectorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The severity of what may be right, or newer than this release knows.
NOTE = "note"


class Problem(
    collections.namedtuple("Problem", ("key", "message", "severity"), defaults=("error",))
):
    """One thing that is wrong in a file.

    ``key`` is the full key (``tool.selector.variant[1].when.cdua``), ``message`` what was found
    there and what was expected. ``severity`` is ``error``, ``warning`` or `NOTE`.
    """

    __slots__ = ()

    def __str__(self) -> str:
        first, *rest = f"{self.key}: {self.message}".splitlines()
        return "\n".join([f"  {first}", *(f"      {line}" for line in rest)])


class Problems(list["Problem"]):
    """What is wrong in a file, noted while it is read."""

    def add(self, key: str, message: str) -> None:
        """Note one more problem."""
        self.append(Problem(key, message))


class InvalidFileError(SelectorError):
    """A file has problems, all of which are reported together."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "an error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__("\n".join([f"{file} has {count}:", *map(str, problems)]))
