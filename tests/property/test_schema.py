"""The JSON schema of the selector table, and the parser, which are made of one description."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from support.command import lines
from support.environment import ROOT
from support.strategies import anything, changed, specifiers, tables, to_toml
from validate_pyproject import api, errors
from validate_pyproject.plugins import list_from_entry_points

from selector_backend.authoring import toml
from selector_backend.authoring.keys import TABLE, selector_schema
from selector_backend.authoring.selector import parse_selector
from selector_backend.model.markers import CannotTellError, satisfies
from selector_backend.model.problems import Problems

_accepts = fastjsonschema.compile(selector_schema())
_TEXTS = (
    *("", " ", "a b", "auto", "cu12", "-x", "12", ">=12", "~=1", ",", "===1", ">=12.4rc1", "avx2"),
    *("a :: b :: c", "a::b::1.0", "A :: b :: c", "nt", "a.b:c", "a.b:", "é", "1x", "requirement"),
    *("capability", "refuse", "conform", "provider", "cuda", "cpu", "property", "enable-if", "\n"),
    *("dependencies", "backend", "backend-path", "self-contained", "variable", "extras", "kind"),
    *("choose", "first", "all", "gfx94*"),
)
_WHOLE = {
    "kind": "requirement",
    "variable": "SPAM_VARIANT",
    "extras": ["plot"],
    "advice": "No.",
    "self-contained": True,
    "provider": {"x86_64": {"requires": ["a"], "plugin-api": "a.b:C", "enable-if": "os_name"}},
    "backend": "hatchling.build",
    "backend-path": ["."],
}


def _whole(table: dict[str, Any]) -> dict[str, Any]:
    """A table that has, besides its own, all the keys that there are."""
    first, *others = table["variant"]
    more = {"dependencies": ["a"], "requires": ["b"], "extras": {"plot": ["c"]}, **first}
    more["when"] = [{"property": "x86_64 :: level :: v3", "installed": ["a", "b"]}]
    kept = {key: value for key, value in more.items() if key != "refuse"}
    return {**_WHOLE, **table, "variant": [kept, *others]}


def _is_accepted(table: Any) -> bool:
    try:
        _accepts(table)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


@given(
    tables()
    | changed(tables(), *_TEXTS)
    | changed(tables().map(_whole), *_TEXTS)
    | st.dictionaries(st.sampled_from(_TEXTS), anything(*_TEXTS, none=False))
)
@example({"variant": [{"name": "a\n"}]})
@example({"variant": [{"name": "a", "when": {"cuda": ">=12\n"}}]})
def test_the_schema_refuses_what_the_parser_finds_of_a_wrong_form_and_nothing_else(
    table: dict[str, Any],
) -> None:
    problems = Problems()
    TABLE.read(table, "tool.selector", problems)
    assert _is_accepted(table) is (not problems)
    _, found = parse_selector(table, project="spam", version="1.0")
    assert {*problems} <= {*found}
    event("refused" if problems else "without meaning" if found else "read")


@given(specifiers | st.text("~=!<>.,* 0123456789a", max_size=12) | st.sampled_from(_TEXTS))
@example(">=" + "1" * 19)
@example(" ,, >= 1.2 ,")
@example("~=1.*")
def test_the_schema_accepts_a_specifier_that_can_be_judged(specifier: str) -> None:
    try:
        satisfies("0", specifier)
        judged = True
    except CannotTellError:
        judged = False
    assert _is_accepted({"variant": [{"name": "a", "when": {"cuda": specifier}}]}) is judged


def test_every_key_says_what_it_is_for() -> None:
    def objects(schema: Any) -> Any:
        if isinstance(schema, dict):
            yield from schema.get("properties", {}).values()
            for one in schema.values():
                yield from objects(one)

    described = [one["description"] for one in objects(selector_schema())]
    assert len(described) > 30
    assert all(len(one.split()) > 1 for one in described)


def test_it_is_loaded_without_what_compiling_takes() -> None:
    code = (
        "import sys; from selector_backend.authoring.keys import selector_schema; "
        "selector_schema(); print({'packaging', 'pyproject_metadata'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "set()\n"


# --- validate-pyproject, which finds the schema by its entry point


@pytest.fixture(scope="module")
def validator() -> api.Validator:
    # Those of the other tools that happen to be installed here are theirs to keep.
    return api.Validator(list_from_entry_points(lambda entry: entry.name == "selector"))


RECIPES = sorted((ROOT / "docs").rglob("pyproject.toml"))


def test_validate_pyproject_takes_every_recipe(validator: api.Validator) -> None:
    assert len(RECIPES) >= 10
    for recipe in RECIPES:
        validator(toml.loads(recipe.read_text(encoding="utf-8")))


_BAD = [
    ({"varient": []}, "tool.selector"),
    ({"variant": [{"name": "a"}], "varient": []}, "varient"),
    ({"variant": []}, "tool.selector.variant"),
    ({"variant": [{"name": "a"}], "kind": "any"}, "tool.selector.kind"),
    ({"variant": [{"name": "a", "when": {"cdua": ">=12"}}]}, "cdua"),
    ({"variant": [{"name": "a", "when": {"cuda": "12"}}]}, "when.cuda"),
    ({"variant": [{"name": "a", "when": {"cuda": 12}}]}, "when.cuda"),
    ({"variant": [{"name": "a", "requires": ["b"], "refuse": "no"}]}, "variant[0]"),
    ({"variant": [{"when": {"cuda": True}}]}, "name"),
]


@pytest.mark.parametrize(("table", "named"), _BAD)
def test_validate_pyproject_refuses_a_bad_table(
    validator: api.Validator, table: dict[str, Any], named: str
) -> None:
    head = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"]}
    with pytest.raises(errors.ValidationError) as caught:
        validator({"project": head, "tool": {"selector": table}})
    assert named in str(caught.value)


# --- Taplo, which editors run


@pytest.mark.nightly
def test_taplo_takes_every_recipe_and_refuses_bad_tables(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("needs npm, which installs @taplo/cli: put npm on PATH")
    install = ["npm", "install", "--silent", "--no-save", f"--prefix={tmp_path}", "@taplo/cli@0.7"]
    subprocess.run(install, check=True)
    schema = "\n".join(lines("schema"))
    (tmp_path / "selector.schema.json").write_text(schema, encoding="utf-8")
    page = (ROOT / "docs/reference/schema.md").read_text(encoding="utf-8")
    (settings,) = re.findall(r"```toml\n(# \.taplo\.toml\n.*?)```", page, re.DOTALL)
    (tmp_path / ".taplo.toml").write_text(settings, encoding="utf-8")

    def lint(text: str) -> str:
        path = tmp_path / "project/pyproject.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        taplo = [f"{tmp_path}/node_modules/.bin/taplo", "lint", "--colors=never", str(path)]
        process = subprocess.run(taplo, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (process.returncode == 0) is ("error:" not in process.stderr), process.stderr
        return process.stderr if process.returncode else ""

    for recipe in RECIPES:
        assert lint(recipe.read_text(encoding="utf-8")) == ""
    for table, named in _BAD:
        assert named.rpartition(".")[2].partition("[")[0] in lint(
            to_toml({"tool": {"selector": table}})
        )
