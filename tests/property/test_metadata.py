"""Whatever project is accepted, its core metadata read back is what went in, and nothing else."""

from __future__ import annotations

import tempfile
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st
from packaging.licenses import canonicalize_license_expression
from packaging.markers import Marker
from packaging.metadata import Metadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from support.strategies import MARKERS, releases, specifiers, to_toml

from selector_backend.authoring.compile import compile_project
from selector_backend.authoring.project import Project, read_project
from selector_backend.authoring.sdist import sdist_files
from selector_backend.errors import SelectorError
from selector_backend.installing.wheel import metadata as metadata_of
from selector_backend.model.decision import Environment, Request, decide
from selector_backend.model.machine import Machine

NEVER_UPLOAD = "Private :: Do Not Upload"

# Every line break and other control character, and what would be read if one got through.
_BREAKS = (
    *("\n", "\r", "\r\n", "\n\n", "\r\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85"),
    *("\u2028", "\u2029", "\x00", "\x1b", "\t", "\x7f", "\x9f"),
)
_INJECTED = ("Requires-Dist: evil", "Version: 2", " Requires-Dist: evil", "[console_scripts]")
_plain = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8)
_broken = st.builds("{}{}{}".format, _plain, st.sampled_from(_BREAKS), st.sampled_from(_INJECTED))
_words = st.sampled_from(["spam", "a b", "Zoë", "a, b", "=?utf-8?q?a?=", "a: b", '"a" <b>'])
# Mostly what is accepted, so that what is compared is not only what is refused.
texts = st.one_of(_words, _words, _plain, _plain, _plain, _broken)
_names = st.sampled_from(["plot", "Plot", "dev.tools", "a-b", "A__b"])
_requirements = st.one_of(
    st.builds("{}{}".format, _names, specifiers.filter(lambda text: "===" not in text)),
    st.builds("{}[{}] ; {}".format, _names, _names, st.sampled_from(MARKERS[:3])),
    st.builds("{} @ https://spam.example/{}".format, _names, st.sampled_from("ab")),
    st.builds("{} @ https://spam.example/{}".format, _names, _broken),
    st.builds("{}; os_name == '{}'".format, _names, _broken),
)
_people = st.lists(
    st.fixed_dictionaries({"name": texts}, optional={"email": st.just("zoe@spam.example") | texts}),
    max_size=2,
)
_projects = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["spam", "Spam.Eggs"]),
        "version": st.sampled_from(["1.0", "1.0-RC.1", "2!1.0+Local-2"]),
        "dynamic": st.sampled_from([["dependencies"], ["dependencies", "classifiers"]]),
    },
    optional={
        "description": texts,
        "keywords": st.lists(texts, max_size=2),
        "license": st.sampled_from(["mit", "MIT or apache-2.0"])
        | st.lists(_plain | _broken, max_size=3).map(lambda some: {"text": "\n".join(some)}),
        "authors": _people,
        "maintainers": _people,
        "readme": st.fixed_dictionaries({"text": texts, "content-type": st.just("text/x-rst")}),
        "requires-python": specifiers | releases.map("==={}".format),
        "urls": st.dictionaries(texts, texts, max_size=2),
        "classifiers": st.lists(texts, max_size=2),
        "optional-dependencies": st.dictionaries(
            _names, st.lists(_requirements, max_size=2), max_size=2
        ),
    },
)


def _with_one_variant(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "variant": [{"name": "cpu", **table["variant"]}]}


_tables = st.fixed_dictionaries(
    {
        "variant": st.fixed_dictionaries(
            {"requires": st.lists(_requirements, max_size=3)},
            optional={"extras": st.dictionaries(_names, st.lists(_requirements), max_size=2)},
        )
    },
    optional={
        "requires": st.lists(_requirements, max_size=2),
        "extras": st.lists(_names, max_size=2),
    },
).map(_with_one_variant)


@given(_projects, _tables)
@example({"license": {"text": "MIT\rRequires-Dist: spam-cu11==1.0"}}, {})
@example({"license": {"text": "MIT\rsecond line"}}, {})
@example({"license": {"text": "one\n\n  two\n"}}, {})
@example({}, {"requires": ["a @ https://spam.example/\rRequires-Dist: b"]})
@example({"optional-dependencies": {"plot": ["plot"]}}, {})
def test_what_is_accepted_is_read_back_as_it_went_in(
    data: dict[str, Any], table: dict[str, Any]
) -> None:
    data = {"name": "spam", "version": "1.0", "dynamic": ["dependencies"], **data}
    table = {"variant": [{"name": "cpu", "requires": []}], **table}
    with tempfile.TemporaryDirectory() as folder:
        text = to_toml({"project": data, "tool": {"selector": table}})
        Path(folder, "pyproject.toml").write_bytes(text.encode())
        try:
            project = read_project(Path(folder))
        except SelectorError:
            event("refused")
            return
        event("accepted")
        compiled = compile_project(project)
        decision = decide(compiled.selector, Machine(), Request(), Environment())
        metadata = metadata_of(compiled, decision, str(project.version))
        pkg_info = sdist_files(project, "0")["PKG-INFO"]
    static = [
        _with_extra(Requirement(one), extra)
        for extra, some in data.get("optional-dependencies", {}).items()
        for one in some
    ]
    shared = [Requirement(one) for one in table.get("requires", [])]
    chosen = [Requirement(one) for one in table["variant"][0]["requires"]]
    handed_on = [
        _with_extra(_asking_for(one, extra), extra)
        for extra in table.get("extras", [])
        for one in chosen
    ]
    own = [
        _with_extra(Requirement(one), extra)
        for extra, some in table["variant"][0].get("extras", {}).items()
        for one in some
    ]
    classifiers = data.get("classifiers", [])
    _is_read_back(pkg_info, project, data, [], classifiers)  # they are in the compiled table
    everything = [*static, *shared, *chosen, *handed_on, *own]
    # Whatever asks for it, no requirement is there twice.
    everything = [*{_key(one): one for one in reversed(everything)}.values()]
    classifiers = [*classifiers, *{NEVER_UPLOAD}.difference(classifiers)]
    _is_read_back(metadata, project, data, everything, classifiers)


def _is_read_back(
    metadata: bytes,
    project: Project,
    data: dict[str, Any],
    requirements: list[Requirement],
    classifiers: list[str],
) -> None:
    parsed, unparsed = parse_email(metadata)
    raw: dict[str, Any] = {**parsed}
    assert not unparsed
    read = Metadata.from_email(metadata, validate=True)
    assert read.name == data["name"]
    assert read.version == project.version
    assert sorted(map(_key, read.requires_dist or ())) == sorted(map(_key, requirements))
    assert list(map(_stripped, raw.get("classifiers", []))) == list(map(_stripped, classifiers))
    assert _stripped(read.summary or "") == _stripped(data.get("description", ""))
    assert read.keywords == (list(map(str.strip, data.get("keywords", []))) or None)
    expected = {label: _stripped(url) for label, url in data.get("urls", {}).items()}
    assert {one: _stripped(url) for one, url in (read.project_urls or {}).items()} == expected
    assert (read.requires_python or SpecifierSet()) == SpecifierSet(data.get("requires-python", ""))
    assert set(read.provides_extra or ()) == {
        *map(canonicalize_name, data.get("optional-dependencies", {})),
        *project.selector.extras,
    }
    license_ = data.get("license")
    if isinstance(license_, str):
        assert raw["license_expression"] == canonicalize_license_expression(license_)
    text = license_["text"] if isinstance(license_, dict) else ""
    unfolded = (raw.get("license") or "").replace("\n         ", "\n")
    assert _stripped(unfolded) == _stripped("\n".join(text.splitlines()))
    assert (raw.get("description") or "").splitlines() == (
        data.get("readme", {}).get("text", "").splitlines()
    )
    for field, named, reachable in (
        ("authors", "author", "author_email"),
        ("maintainers", "maintainer", "maintainer_email"),
    ):
        people = data.get(field, [])
        names = ", ".join(one["name"] for one in people if "email" not in one)
        assert _stripped(str(raw.get(named) or "")) == _stripped(names)
        addresses = [one["email"] for one in people if "email" in one]
        found = getaddresses([str(raw.get(reachable) or "")])
        assert [email for _, email in found if email] == addresses


def _key(requirement: Requirement) -> str:
    """A requirement as text, its name normalized."""
    return canonicalize_name(requirement.name) + str(requirement)[len(requirement.name) :]


def _stripped(text: str) -> str:
    """A field's value without the blanks around it, which core metadata does not keep."""
    return text.strip(" ")


def _asking_for(requirement: Requirement, extra: str) -> Requirement:
    changed = Requirement(str(requirement))
    changed.extras.add(canonicalize_name(extra))
    return changed


def _with_extra(requirement: Requirement, extra: str) -> Requirement:
    changed = Requirement(str(requirement))
    own = f"extra == '{canonicalize_name(extra)}'"
    marker = str(changed.marker) if changed.marker else ""
    marker = f"({marker})" if " or " in marker else marker
    changed.marker = Marker(f"{marker} and {own}" if marker else own)
    return changed
