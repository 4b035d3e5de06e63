"""The keys of ``[tool.selector]``: the form and the purpose of each.

The parser, the JSON schema and the tables of the documentation are made from these. `selector`
checks what values mean, such as whether a requirement is valid, and `tree` the keys of a tree.
Other tools load the schema, so importing this needs no installed library.
"""

from __future__ import annotations

import re
from typing import Any

from ..model.facts import FACTS
from ..model.kinds import MARKERS
from ..model.markers import NAME_FORMAT, normalize, normalize_name
from ..model.table import ALL_THAT_FIT, CAPABILITY, FIRST_THAT_FITS, REQUIREMENT
from .conditions import CONDITIONS
from .structure import Array, Either, Flag, Key, Named, Table, Text, choice

# An object reference of entry points; some readers of the schema take `\w` for ASCII.
_IDENTIFIER = r"(?![0-9])(?:\w|[^\x00-\x7f])+"
_DOTTED = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
_REFERENCE = f"{_DOTTED}(?::{_DOTTED})?"

_REQUIREMENT = Text("a requirement such as 'spam-core=={version}'")
_REQUIREMENTS = Array(_REQUIREMENT, "an array of requirements")
_EXTRA = Text("an extra's name, such as 'plot'", NAME_FORMAT)


def default_variable(project: str) -> str:
    """Return the environment variable that forces a variant of ``project``.

    The name in capitals, other characters as ``_``: ``SPAM_EGGS_VARIANT`` for ``spam-eggs``.
    """
    return re.sub(r"[^A-Z0-9]", "_", project.upper()) + "_VARIANT"


MARKER = Text(CONDITIONS[MARKERS].expected)

_CONDITIONS = Table(
    tuple(
        Key(fact.name, CONDITIONS[fact.kind].shape(fact), fact.meaning) for fact in FACTS.values()
    ),
    unknown="not a fact",
    empty="is empty; leave 'when' out of a variant that should fit every machine",
)

_WHEN = "a table such as { cuda = '>=12' }, or an array of them"

VARIANT = Table(
    (
        Key(
            "name",
            Text("ASCII letters and digits, with '-', '_' or '.' between them", NAME_FORMAT),
            "letters and digits, with `-`, `_`, `.` between them; not `auto`, not `all`",
            missing="missing; every variant has a name, such as 'cpu'",
        ),
        Key(
            "requires",
            _REQUIREMENTS,
            "the variant's requirements",
            '`["{project}-{name}=={version}"]`',
        ),
        Key(
            "extras",
            Named(
                _REQUIREMENTS,
                "a table such as { device = ['spam-device-{name}=={version}'] }",
                NAME_FORMAT,
                "is not an extra's name; it has ASCII letters and digits, with '-', '_' or '.' "
                "between them",
                normalized=normalize,
            ),
            "what extras of the project add to `requires` if this variant is chosen: "
            '`{ device = ["spam-device-{name}=={version}"] }` is for `spam[device]`',
            "nothing",
            without={"refuse": ", which installs nothing"},
        ),
        Key(
            "when",
            Either((_CONDITIONS, Array(_CONDITIONS, _WHEN, _CONDITIONS.empty)), _WHEN),
            "the condition under which it fits",
            "fits every machine",
        ),
        Key(
            "conform",
            Named(
                Text("a text such as '12'"),
                "a table such as { cuda = '12' }",
                empty="found an empty table, expected a table such as { cuda = '12' }",
                normalized=normalize_name,
            ),
            'what all packages of an environment have to agree on, such as `{ cuda = "12" }`; not '
            "for the capability kind",
            "nothing",
            without={"refuse": ", which installs nothing"},
        ),
        Key(
            "refuse",
            Text(),
            "in place of `requires`: if this variant is chosen, installing stops with this text",
            without={"requires": "; a variant has one of the two"},
        ),
        Key(
            "formerly",
            Array(Text("a variant's name, such as 'cu12'", NAME_FORMAT), "an array of names"),
            "older names of this variant. If `{project}-NAME` is installed, installing stops with "
            "the commands that switch",
            "`[]`",
        ),
        Key(
            "dependencies",
            _REQUIREMENTS,
            "what the variant's distribution requires besides the project's own dependencies; may "
            "have `{built:torch}` and `{built:torch:2}`",
            "`[]`",
            without={"refuse": ", which builds nothing"},
            tree=True,
        ),
    )
)

PROVIDER = Table(
    (
        Key(
            "requires",
            Array(
                _REQUIREMENT,
                _REQUIREMENTS.expected,
                "found an empty array; it names what to install to have the plugin",
            ),
            "what to install for the plugin",
            missing="missing; it names what to install to have the plugin",
        ),
        Key(
            "plugin-api",
            Text("a plugin's place, such as 'package.module:Plugin'", _REFERENCE),
            "the plugin: a module, or an object in one, such as `package.module:Plugin`",
            "the module named after the first requirement",
        ),
        Key(
            "enable-if",
            MARKER,
            "a marker; where it is false, the provider is not asked",
            "asked everywhere",
        ),
    )
)

TABLE = Table(
    (
        Key(
            "kind",
            choice(REQUIREMENT, CAPABILITY),
            '`"requirement"`: variants exclude each other, as for CUDA versions. `"capability"`: '
            "they can stand side by side, as for CPU levels",
            '`"requirement"`',
        ),
        Key(
            "choose",
            choice(FIRST_THAT_FITS, ALL_THAT_FIT),
            '`"first"`: the first variant that fits. `"all"`: each that fits; not for the '
            "requirement kind",
            '`"first"`',
        ),
        Key(
            "variable",
            Text(
                "the name of an environment variable, such as 'SPAM_VARIANT'",
                "[A-Za-z_][A-Za-z0-9_]*",
            ),
            "the environment variable that forces a variant",
            "`SPAM_EGGS_VARIANT` for `spam-eggs`",
        ),
        Key("requires", _REQUIREMENTS, "requirements of all variants, such as core", "`[]`"),
        Key(
            "extras",
            Array(_EXTRA, "an array of extras"),
            'extras that the requirements of the chosen variant have too: with `["plot"]`, '
            "`spam[plot]` requires `spam-cu12[plot]`",
            "`[]`",
        ),
        Key("advice", Text(), "text that ends the message when nothing fits", "none"),
        Key(
            "self-contained",
            Flag(),
            "`true`: the sdist carries its backend, so installers do not fetch it",
            "`false`",
        ),
        Key(
            "provider",
            Named(
                PROVIDER,
                "tables, each headed [tool.selector.provider.NAMESPACE]",
                "[a-z0-9_]+",
                "is not a namespace; it has small letters, digits and '_'",
            ),
            "tables `[tool.selector.provider.NAMESPACE]`, for `property`",
            "none",
        ),
        Key(
            "variant",
            Array(
                VARIANT,
                "tables, each headed [[tool.selector.variant]]",
                "found an empty array, expected one variant or more",
            ),
            "tables `[[tool.selector.variant]]`: one or more variants",
            missing="missing; a table has one [[tool.selector.variant]] or more",
        ),
        Key(
            "backend",
            Text("what builds the code, such as 'hatchling.build'", _REFERENCE),
            'what builds the code, such as `"hatchling.build"`',
            "required",
            tree=True,
        ),
        Key(
            "backend-path",
            Array(Text("a folder"), "an array of folders"),
            "folders of the tree that have the backend",
            "the backend is installed",
            tree=True,
        ),
    )
)


def selector_schema(_: str = "selector") -> dict[str, Any]:
    """Return the JSON schema of ``[tool.selector]``.

    It is an entry point of the group ``validate_pyproject.tool_schema``, which passes the tool's
    name.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:selector-backend:tool.selector",
        "title": "The table [tool.selector] of selector-backend",
        "description": "Which variant of a package a machine gets.",
        **TABLE.schema(),
    }


def pyproject_schema() -> dict[str, Any]:
    """Return the JSON schema of a ``pyproject.toml`` that checks only that table."""
    selector = selector_schema()
    tool = {"type": "object", "properties": {"selector": selector}}
    return {
        "$schema": selector.pop("$schema"),
        "$id": "urn:selector-backend:pyproject",
        "type": "object",
        "properties": {"tool": tool},
    }
