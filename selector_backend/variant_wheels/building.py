"""Writes a table as variant wheels (PEP 825) with providers (PEP 850, a draft).

Each row becomes a wheel that has only metadata, and the row's requirements. Installers take the
first whose properties the machine supports, in the order of the table, without code of ours. The
order is a property, too: rows are static properties (PEP 850) of a namespace that has priority.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..authoring.platforms import InexpressibleError
from ..authoring.structure import variant_key
from ..checking.finished import VARIANTS
from ..errors import SelectorError
from ..installing.files import write_file
from ..installing.wheel import dist_info, write_wheel
from ..model.decision import Decision, Request
from ..model.problems import Problem
from ..model.record import VARIANT_WHEEL, Verdict
from ..model.table import Compiled, Selector, Variant
from .properties import Asked, express, providers_of

#: The metadata's schema, and its file in a wheel's ``.dist-info``.
SCHEMA = "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
VARIANT_NAME = "variant.json"
#: The label of the wheel without properties, which fits everywhere.
NULL = "null"
#: The property for a row's position in the table.
ORDER, ROW = "selector", "row"

# File names have at most 255 bytes, including name, version and label.
_LONGEST_TAGS = 120


@dataclass(frozen=True)
class VariantWheel:
    """A variant wheel: its label, its row, and what it asks of a machine.

    ``row`` is the label of the row's first wheel.
    """

    variant: Variant
    label: str
    row: str
    asked: Asked

    @property
    def properties(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """All its properties, by namespace and feature."""
        order = {} if self.label == NULL else {(ORDER, ROW): [self.row]}
        return {**order, **self.asked.properties}

    @property
    def tags(self) -> Iterator[str]:
        """The compatibility tags of its files, each for as many platforms as a name can hold."""
        platforms: list[str] = []
        for tag in self.asked.tags:
            if platforms and len(".".join((*platforms, tag))) > _LONGEST_TAGS:
                yield f"py3-none-{'.'.join(platforms)}"
                platforms = []
            platforms.append(tag)
        yield f"py3-none-{'.'.join(platforms)}"


class NotExpressibleError(SelectorError):
    """Variant wheels cannot express a table; ``problems`` has a reason for each row."""

    def __init__(self, selector: Selector, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        what = f"variant wheels cannot express the table of {selector.project} {selector.version}"
        super().__init__("\n".join([f"{what}, and none is written:", *map(str, problems)]))


def variant_wheels(selector: Selector) -> list[VariantWheel]:
    """Return the variant wheels of a table.

    Raises `NotExpressibleError`, with every row that they cannot express.
    """
    rows = [*express_rows(selector)]
    every = [wheel for wheels, _ in rows for wheel in wheels]
    problems = [problem for _, own in rows for problem in own]
    if ORDER in (provider.namespace for provider in selector.providers):
        message = f"variant wheels have the table's order in the namespace {ORDER!r}"
        problems.append(Problem(f"tool.selector.provider.{ORDER}", message))
    if not problems and all(wheel.label == NULL for wheel in every):
        message = "no row depends on the machine; publish an ordinary wheel"
        problems.append(Problem("tool.selector.variant", message))
    if problems:
        raise NotExpressibleError(selector, problems)
    return every


def express_rows(selector: Selector) -> Iterator[tuple[list[VariantWheel], list[Problem]]]:
    """Yield the variant wheels of each row, and the problems of conditions without a wheel.

    Rows that refuse, and rows after one that always fits, have no wheels.
    """
    taken = {NULL}
    always = False
    for index, variant in enumerate(selector.variants):
        if variant.refuse is not None or always:
            yield [], []
        elif not variant.when:
            always = True
            yield [VariantWheel(variant, NULL, "", Asked())], []
        else:
            asked, problems = _asked(variant, variant_key(index), selector)
            row = _free(variant.name.lower().replace("-", "_"), taken)
            labels = [row, *(_free(f"{row}.{n}", taken) for n in range(2, len(asked) + 1))]
            pairs = zip(labels, asked)
            yield [VariantWheel(variant, label, row, needs) for label, needs in pairs], problems


def _asked(variant: Variant, key: str, selector: Selector) -> tuple[list[Asked], list[Problem]]:
    """Return what the wheels of a row ask for, and the problems of the other conditions.

    Alternatives that only differ in platforms are one wheel with several tags.
    """
    alternatives: list[Asked] = []
    problems: list[Problem] = []
    for number, alternative in enumerate(variant.when):
        try:
            asked = express(alternative, selector)
        except InexpressibleError as error:
            when_key = f"{key}.when[{number}]" if len(variant.when) > 1 else f"{key}.when"
            problems.append(Problem(when_key, f"{variant.name}: {error}"))
            continue
        for index, other in enumerate(alternatives):
            if other.properties == asked.properties:
                alternatives[index] = other.with_tags(asked.tags)
                break
        else:
            alternatives.append(asked)
    return alternatives, problems


def _free(label: str, taken: set[str]) -> str:
    """Return a label that no other wheel has, and take it."""
    while label in taken:
        label += "_"
    taken.add(label)
    return label


def metadata(selector: Selector, wheels: Sequence[VariantWheel]) -> dict[str, Any]:
    """Return the content of ``variants.json``: the variant metadata of all of ``wheels``."""
    rows = [*dict.fromkeys(wheel.row for wheel in wheels if wheel.label != NULL)]
    providers: dict[str, Any] = {ORDER: {"static-properties": {ROW: rows}}}
    named = dict.fromkeys(key[0] for wheel in wheels for key in wheel.asked.properties)
    for provider in providers_of(named, selector):
        about = {"requires": [*provider.requires], "plugin-api": provider.plugin_api}
        providers[provider.namespace] = about
    return {
        "$schema": SCHEMA,
        "default-priorities": {"namespace": [*providers]},
        "providers": providers,
        "variants": {wheel.label: _nested(wheel.properties) for wheel in wheels},
    }


def _nested(properties: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, Any]:
    nested: dict[str, dict[str, list[str]]] = {}
    for (namespace, feature), values in properties.items():
        nested.setdefault(namespace, {})[feature] = sorted(values)
    return nested


def write_variant_wheels(
    target: Path, folder: Path, compiled: Compiled, wheels: Sequence[VariantWheel], backend: str
) -> list[str]:
    """Write ``wheels`` and their ``variants.json`` into ``target``. Returns the files' names.

    ``folder`` is the project's, with its licence files; ``backend`` is our own version.
    """
    selector = compiled.selector
    whole = metadata(selector, wheels)
    stem = f"{compiled.name}-{selector.version}"
    written = []
    for wheel in wheels:
        own = {**whole, "variants": {wheel.label: whole["variants"][wheel.label]}}
        decision = _decision(selector, wheel)
        for tag in wheel.tags:
            python, abi, platforms = tag.split("-")
            tags = [f"{python}-{abi}-{platform}" for platform in platforms.split(".")]
            # An index may have it: properties choose it, not the machine that built it.
            files = dist_info(
                folder, compiled, decision, selector.version, backend, tags, never_upload=False
            )
            files[VARIANT_NAME] = _json(own)
            written.append(write_wheel(target, stem, f"{tag}-{wheel.label}", files))
    return [*written, write_file(target, stem + VARIANTS, _json(whole))]


def _decision(selector: Selector, wheel: VariantWheel) -> Decision:
    """Return the decision for the record in a wheel."""
    chosen = f"the installer found what its variant wheel asks for: {wheel.asked}"
    if wheel.label == NULL:
        chosen = "its variant wheel asks for nothing, and the installer took no other"
    other = "the installer took another variant wheel"
    verdicts = tuple(
        Verdict(variant.name, None, chosen if variant is wheel.variant else other)
        for variant in selector.variants
    )
    return Decision(selector, Request(source=VARIANT_WHEEL), (wheel.variant,), verdicts, {})


def _json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, indent=1) + "\n").encode()
