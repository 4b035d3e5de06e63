"""A tree: one ``pyproject.toml`` for a project's code and for its selector package.

Its ``build-backend`` is `selector_backend.variant`. The inner backend, ``tool.selector.backend``,
builds the code and reads ``[project]``; of that, only the name and the version are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from ..errors import SelectorError, did_you_mean
from ..model.markers import is_name, normalize
from ..model.problems import Problem, Problems
from ..model.table import Selector, Variant, fill
from .structure import unfit, variant_key
from .toml import build_requires, table_of, texts_of

#: What `build-backend` is in a tree.
BACKEND = "selector_backend.variant"

#: The placeholder of a version against which the code was built: ``{built:torch:2}``.
BUILT = re.compile(r"{built:([^{}:]*)(:[^{}]*)?}")


@dataclass(frozen=True)
class Tree:
    """What only a tree has.

    ``dependencies`` are what each variant's distribution requires besides the code's requirements,
    by the variant's key, with placeholders; ``requires`` is that of ``[build-system]``; ``table``
    is the selector table before it is read; ``dynamic`` are the fields of ``[project]`` that the
    inner backend determines.
    """

    backend: str
    backend_path: tuple[str, ...]
    requires: tuple[str, ...]
    dependencies: Mapping[str, tuple[str, ...]]
    table: Mapping[str, Any]
    dynamic: tuple[str, ...] = ()


def read_tree(data: Mapping[str, Any], problems: Problems) -> Tree | None:
    """Return what ``pyproject.toml`` says of a tree; ``None`` if it is not one.

    In any other project, keys for trees only are problems.
    """
    system, table = table_of(data, "build-system"), table_of(data, "tool.selector")
    variants = table.get("variant")
    keyed = [
        (variant_key(index), variant)
        for index, variant in enumerate(variants if isinstance(variants, list) else ())
        if isinstance(variant, dict)
    ]
    if system.get("build-backend") != BACKEND:
        misplaced = [f"tool.selector.{key}" for key in ("backend", "backend-path") if key in table]
        misplaced += [f"{key}.dependencies" for key, variant in keyed if "dependencies" in variant]
        only = f"given, but only a tree has it, whose build-backend is {BACKEND!r}"
        problems += [Problem(key, only) for key in misplaced]
        return None
    if "backend-path" in system:
        message = (
            "given, but frontends would look there for selector-backend; "
            "the inner backend's is tool.selector.backend-path"
        )
        problems.add("build-system.backend-path", message)
    return Tree(
        backend=_backend(table, problems),
        backend_path=texts_of(table, "backend-path"),
        requires=build_requires(data),
        dependencies={
            normalize(str(variant.get("name"))): tuple(_dependencies(variant, key, problems))
            for key, variant in keyed
        },
        table=table,
        dynamic=texts_of(table_of(data, "project"), "dynamic"),
    )


def find_variant(selector: Selector, asked: str, source: str) -> Variant:
    """Return the variant called ``asked``; ``source`` says where that comes from.

    Raises `SelectorError` if there is none, or it has ``refuse`` and nothing to build.
    """
    choices = {variant.key: variant for variant in selector.variants if variant.refuse is None}
    if normalize(asked) in choices:
        return choices[normalize(asked)]
    names = [variant.name for variant in choices.values()]
    hint = did_you_mean(asked, names) or "."
    raise SelectorError(
        f"{source} is {asked!r}, which is not a variant of {selector.project} that can be built"
        f"{hint} Its variants are {', '.join(names)}"
    )


def _backend(table: Mapping[str, Any], problems: Problems) -> str:
    value = table.get("backend")
    example = "expected what builds the code, such as 'hatchling.build'"
    message = None
    if "backend" not in table:
        message = f"missing; {example}"
    elif str(value).partition(":")[0].partition(".")[0] == BACKEND.partition(".")[0]:
        message = f"found {value!r}, which builds no code; {example}"
    if message:
        problems.add("tool.selector.backend", message)
    return str(value)


def _dependencies(variant: Mapping[str, Any], key: str, problems: Problems) -> Iterator[str]:
    """Yield the valid texts under ``dependencies``: requirements with placeholders."""
    for index, text in enumerate(texts_of(variant, "dependencies")):
        message = None
        for name, length in BUILT.findall(text):
            if not is_name(name) or (length and not re.fullmatch(":[1-9]", length)):
                message = (
                    f"found {text!r}; expected a distribution, and how many numbers of its "
                    "version if not all: {built:torch}, {built:torch:2}"
                )
        if message is None and not unfit(text):  # reading the table reports unfit texts
            example = BUILT.sub("1.0", text)
            try:
                Requirement(fill(example, {"project": "spam", "name": "spam", "version": "1.0"}))
            except (InvalidRequirement, RecursionError) as error:
                known = "{project}, {name}, {version} and {built:torch}"
                hint = f"; the placeholders are {known}" if "{" in text else ""
                message = f"found {text[:200]!r}: {error}{hint}"
        if message is not None:
            problems.add(f"{key}.dependencies[{index}]", message)
        else:
            yield text


def checked_version(version: str, source: str) -> str:
    """Return ``version`` in canonical form. Raises `SelectorError`, with ``source``, if invalid."""
    try:
        return str(Version(version))
    except InvalidVersion:
        raise SelectorError(f"{source}: {version!r} is not a version (PEP 440)") from None
