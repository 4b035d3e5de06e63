"""`selector-backend check`: what is wrong with a project, or may be."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from archspec.cpu import TARGETS
from support.command import data, error, lines, terminal
from support.environment import ROOT
from support.index import Index
from support.project import write_project as write_unbounded
from support.project import write_wheel

from selector_backend import __version__
from selector_backend.authoring.platforms import cpu_names
from selector_backend.checking.index import Credentials

PROJECTS = [ROOT / "example-spam/spam", *sorted((ROOT / "docs/recipes").glob("*/"))]
FEATURES = sorted(cpu_names() - TARGETS.keys())

FAULTY = """
[tool.selector]
variable = "EGGS_VARIANT"
requires = ["spam-core", "spam[plot]"]

[[tool.selector.variant]]
name = "impossible"
when = { cuda = ">=12,<11" }

[[tool.selector.variant]]
name = "half"
when = [{ cuda = ">=12" }, { marker = "sys_platform == 'linux' and sys_platform == 'win32'" }]
requires = ["eggs-half==1.0"]

[[tool.selector.variant]]
name = "late"
when = { cuda = ">=12.4" }

[[tool.selector.variant]]
name = "v2"
when = { cpu = "x86_64_v2" }
requires = ["spam-v2>=1"]

[[tool.selector.variant]]
name = "v3"
when = { cpu = "x86_64_v3" }

[[tool.selector.variant]]
name = "stop"
when = { cuda = "<12" }
refuse = "CUDA {cuda} is too old."
"""

FAULTS = {
    "tool.selector.variant[0].when": "can never hold, so impossible is never chosen",
    "tool.selector.variant[1].when[1]": "can never hold",
    "tool.selector.variant[1].requires": "eggs-half is not called after spam",
    "tool.selector.variant[2]": "late is never chosen: wherever it fits, half comes first",
    "tool.selector.variant[3].requires": "spam-v2>=1 is not pinned; write 'spam-v2=={version}'",
    "tool.selector.variant[4]": "v3 is never chosen: wherever it fits, v2 comes first",
    "tool.selector.variant[5].refuse": "is the last row",
    "tool.selector.requires": "spam-core is not pinned",
    "tool.selector": "the variants depend on cuda, and none says with 'conform'",
    "tool.selector.variable": "EGGS_VARIANT may be read by another project as well",
}


def table(text: str, **top: str) -> str:
    head = "".join(f"{key} = {value}\n" for key, value in top.items())
    return f"\n[tool.selector]\n{head}{text}"


def variant(name: str, when: str = "", more: str = "") -> str:
    return f"[[tool.selector.variant]]\nname = '{name}'\n{when and f'when = {when}'}\n{more}\n"


def write_project(folder: Path, text: str, requires: str = '["selector-backend>=0.2,<1"]') -> Path:
    file = write_unbounded(folder, text) / "pyproject.toml"
    head = file.read_text(encoding="utf-8").replace('["selector-backend"]', requires, 1)
    file.write_text(head, encoding="utf-8")
    return folder


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.name))
def test_there_is_nothing_to_mend_in_the_example_and_the_recipes(project: Path) -> None:
    assert lines("check", project)[-1] == "no problems found"
    noted = data("check", project)["notes"]
    # Releases of one distribution, which pip puts in each other's place, are not told apart.
    alike = {"ctranslate2": ("cudnn9", "cudnn8", "cpu"), "onnxruntime": ("gpu-wheels", "cu12")}
    assert {one["message"].partition(" from the")[0] for one in noted} == {
        f"nothing tells {one}" for one in alike.get(project.name, ())
    }


def test_every_fault_of_one_project_is_found(tmp_path: Path) -> None:
    project = write_project(tmp_path, FAULTY)
    problems = data("check", project, status=1)["problems"]
    assert {one["severity"] for one in problems} == {"warning"}
    keys = [one["key"] for one in problems]
    assert sorted(keys) == sorted([*FAULTS, "tool.selector.requires"])
    for problem in problems:
        if "leads back" not in problem["message"]:
            assert FAULTS[problem["key"]] in problem["message"]
    text = "spam[plot] leads back to the project itself"
    assert text in [one["message"] for one in problems]
    assert lines("check", cwd=project, status=1) == [
        f"warning: {one['key']}: {one['message']}" for one in problems
    ]


def test_what_a_system_calls_its_own_processor_is_no_name_of_a_cpu(tmp_path: Path) -> None:
    rows = table(variant("a", "{ cpu = 'amd64' }") + variant("cpu"))
    project = write_project(tmp_path / "spam", rows)
    site = tmp_path / "site"
    site.mkdir()
    code = "import platform\nplatform.machine = lambda: 'AMD64'\n"
    (site / "sitecustomize.py").write_text(code, encoding="utf-8")
    windows = {"PYTHONPATH": str(site)}
    (warning,) = lines("check", project, status=1, environ=windows)
    assert "no machine that is known has 'amd64', did you mean 'x86_64'?" in warning
    assert [warning] == lines("check", project, status=1)
    message = error("init", tmp_path / "new", "amd64", "cpu", environ=windows)
    assert "variant amd64: the name does not say when it fits" in message


def messages(folder: Path, text: str, *requires: str) -> list[str]:
    found = data("check", write_project(folder, text, *requires), status=1)["problems"]
    return [f"{one['key'].removeprefix('tool.selector.')}: {one['message']}" for one in found]


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        (
            (variant("cpu"), variant("v3", "{ cpu = 'avx2' }")),
            "variant[1]: v3 is never chosen: wherever it fits, cpu comes first",
        ),
        (
            (variant("a", "{ gfx = true }"), variant("b", "{ gfx = false }"), variant("c")),
            "variant[2]: c is never chosen: wherever it fits, a or b comes first",
        ),
        (
            (
                variant("a", "{ glibc = '>=2.17' }"),
                variant("b", "{ glibc = '~=2.28' }"),
                variant("c"),
            ),
            "variant[1]: b is never chosen: wherever it fits, a comes first",
        ),
        (
            (
                variant("any", "{ compute-capability = '>=7.5' }"),
                variant("every", "{ compute-capability = { every = '>=8.0' } }"),
                variant("rest"),
            ),
            "variant[1]: every is never chosen: wherever it fits, any comes first",
        ),
        (
            (
                variant("family", "{ gfx = 'gfx94*' }"),
                variant("one", "{ gfx = 'gfx942' }"),
                variant("rest"),
            ),
            "variant[1]: one is never chosen: wherever it fits, family comes first",
        ),
        (
            (variant("mpi", "{ library = 'mpi' }"), variant("rest")),
            "variant[0].when.library: no machine has 'mpi'; expected a name such as 'libmpi.so.40'",
        ),
        (
            (
                variant("new", "{ marker = \"python_version >= '3.9'\" }"),
                variant("newer", "{ marker = \"python_version >= '3.12'\" }"),
                variant("any"),
            ),
            "variant[1]: newer is never chosen: wherever it fits, new comes first",
        ),
        (
            (variant("a", "{ glibc = '>=2.17' }"),),
            "variant: no variant fits a machine where glibc is absent; end with one that has no "
            "'when', or say in tool.selector.advice what to do there",
        ),
        (
            (
                variant("a", "{ installed = 'torch>=2' }"),
                variant("b", "{ installed = ['jax', 'torch==2.9.1+cu128'] }"),
                variant("any"),
            ),
            "variant[1]: b is never chosen: wherever it fits, a comes first",
        ),
        (
            (variant("a", "{ installed = ['torch<2', 'torch>=2.0rc1'] }"), variant("any")),
            "variant[0].when: can never hold, so a is never chosen",
        ),
        (
            (variant("a", "{ glibc = '>=2.17' }"), variant("no", more="refuse = 'No.'")),
            "variant[1].refuse: is the last row; end with a variant that runs everywhere, or say "
            "in tool.selector.advice what to do on a machine that nothing fits",
        ),
    ],
)
def test_what_no_machine_gets_and_machines_that_get_nothing(
    tmp_path: Path, variants: tuple[str, ...], expected: str
) -> None:
    assert messages(tmp_path, table("".join(variants))) == [expected]


@pytest.mark.parametrize(
    "variants",
    [
        (variant("v3", "{ cpu = 'x86_64_v3' }"), variant("v2", "{ cpu = 'x86_64_v2' }")),
        (variant("a", "{ glibc = '>=2.17,<2.17.1' }"), variant("b", "{ glibc = '==2.17.*' }")),
        (variant("a", "{ glibc = '>2.17' }"), variant("b", "{ glibc = '>=2.17' }")),
        (
            variant("a", "{ marker = \"sys_platform == 'linux'\" }"),
            variant("b", "{ marker = \"platform_machine in 'x86_64 AMD64'\" }"),
        ),
        (
            variant(
                "a",
                "{ marker = \"sys_platform == 'linux' and platform_machine == 'x86_64' and "
                "platform_python_implementation == 'CPython' and os_name == 'posix' and "
                "implementation_name == 'cpython' and 'Linux' == platform_system\" }",
            ),
            variant("b", "{ marker = \"'x' in platform_version or '3.9' <= python_version\" }"),
        ),
        tuple(variant(f"v{n}", f"{{ cpu = {FEATURES[n : n + 2]} }}") for n in range(0, 36, 2)),
        (
            variant("a", "{ installed = ['torch==2.9.1+cu128', 'jax'] }"),
            variant("b", "{ installed = 'torch==2.9.1+cu128' }"),
            variant("c", "{ installed = 'torch===2.9.1' }"),
            variant("d", "{ installed = 'torch==2.9.1' }"),
            variant("e", "{ installed = 'torch>=2.9rc1,<2.9rc3' }"),
            variant("f", "{ installed = true }"),
        ),
        tuple(variant(f"v{n}", f"{{ installed = ['a{n}>=1.2', 'b{n}'] }}") for n in range(30)),
        tuple(variant(f"v{n}", f"{{ installed = 'a==1.{n}.1+cu' }}") for n in range(60)),
    ],
)
def test_what_can_be_reached_is_not_complained_of(
    tmp_path: Path, variants: tuple[str, ...]
) -> None:
    project = write_project(tmp_path, table("".join([*variants, variant("any")])))
    assert lines("check", project) == ["no problems found"]


def test_what_is_chosen_beside_others_is_reached_unless_a_refusal_comes_first(
    tmp_path: Path,
) -> None:
    rows = variant("v3", "{ cpu = 'x86_64_v3' }") + variant("v4", "{ cpu = 'x86_64_v4' }")
    chosen = {"kind": "'capability'", "choose": "'all'"}
    project = write_project(tmp_path, table(rows + variant("any"), **chosen))
    assert lines("check", project) == ["no problems found"]
    rows = variant("no", "{ cpu = 'x86_64*' }", "refuse = 'No.'") + rows
    assert messages(tmp_path, table(rows + variant("any"), **chosen)) == [
        "variant[1]: v3 is never chosen: wherever it fits, no comes first",
        "variant[2]: v4 is never chosen: wherever it fits, no comes first",
    ]


def test_what_is_installed_together_has_to_agree_on_versions(tmp_path: Path) -> None:
    def pinned(name: str, when: str, *texts: str) -> str:
        return variant(name, when, f"requires = {['spam-' + name + '=={version}', *texts]}")

    every = {"kind": "'capability'", "choose": "'all'"}
    rows = [
        pinned("v4", "{ cpu = 'x86_64_v4' }", "Blas>=4", "lapack<2"),
        pinned("v3", "{ cpu = 'x86_64_v3' }", "blas==3.*"),
        pinned("any", "", "lapack>=1", "blas==9; sys_platform == 'win32'"),
    ]
    disagree = (
        "variant[1].requires: blas==3.* and Blas>=4 of v4 have no version in common, and some "
        "machines get both; change one, or write conditions of which one holds"
    )
    assert messages(tmp_path, table("".join(rows), **every)) == [disagree]
    # With the first that fits, each is alone; what all require is always there.
    alone = write_project(tmp_path / "alone", table("".join(rows), kind="'capability'"))
    assert lines("check", alone) == ["no problems found"]
    assert messages(tmp_path, table("".join(rows), requires="['lapack==2']", **every)) == [
        "variant[0].requires: lapack<2 and lapack==2 of tool.selector.requires have no version in "
        "common, and some machines get both; change one, or write conditions of which one holds",
        disagree,
    ]
    rows[0] = pinned("v3", "{ cuda = '>=12' }", "blas==3.*")
    rows[1] = pinned("v4", "{ cuda = '<12' }", "blas==4")
    apart = write_project(tmp_path / "apart", table("".join(rows), **every))
    assert lines("check", apart) == ["no problems found"]


def test_what_an_extra_of_a_variant_asks_for_is_checked_too(tmp_path: Path) -> None:
    rows = variant(
        "gfx942",
        "{ gfx = 'gfx94*' }",
        "requires = []\nextras = { device = ['spam-device', 'eggs=={version}', 'spam', 'ham'] }",
    )
    assert messages(tmp_path, table(rows + variant("any", more="requires = []"))) == [
        "variant[0].extras.device: eggs is not called after spam; make sure that the name is "
        "yours, since its owner's package is installed",
        "variant[0].extras.device: spam-device is not pinned; write 'spam-device=={version}', or "
        "an old spam gets a new spam-device",
        "variant[0].extras.device: spam leads back to the project itself",
    ]


def test_values_that_no_machine_has_are_named_and_newer_names_are_noted(tmp_path: Path) -> None:
    variants = [
        variant("a", "{ cpu = 'avx-2' }"),
        variant("b", "[{ gfx = 'gfx94' }, { rocm = '>=60', gfx = 'gfx1260' }]"),
        variant("c", "{ marker = \"sys_platform == 'Linux'\", cuda = '>=12,<11' }"),
        variant("d", "{ cuda = '>=13' }", "conform = { cuda = '12' }"),
        variant("e", "{ cuda = '>=13' }", "conform = { cuda = '13' }"),
    ]
    project = write_project(tmp_path / "all", table("".join([*variants, variant("any")])))
    found = data("check", project, status=1)
    assert {
        one["key"].removeprefix("tool.selector."): one["message"] for one in found["problems"]
    } == {
        "variant[0].when.cpu": "no machine that is known has 'avx_2', did you mean 'avx2'?",
        "variant[1].when[0].gfx": "no machine that is known has 'gfx94', did you mean 'gfx942'?",
        "variant[1].when[1].rocm": "no machine that is known is this; did you mean '>=6.0'?",
        "variant[2].when": "can never hold, so c is never chosen",  # and no more is said of it
        "variant[3].conform.cuda": "found '12', but the condition cuda = '>=13' is for 13; give "
        "both the same major version",
        "variant[4]": "e is never chosen: wherever it fits, d comes first",
    }
    note = "'gfx1260' is newer than what selector-backend knows, or a mistake"
    assert found["notes"] == [{"key": "tool.selector.variant[1].when[1].gfx", "message": note}]
    assert f"note: tool.selector.variant[1].when[1].gfx: {note}" in lines(
        "check", project, status=1
    )

    new = write_project(tmp_path / "new", table(variant("a", "{ cpu = 'zen9' }") + variant("any")))
    note = "'zen9' is newer than what selector-backend knows, or a mistake"
    assert lines("check", new) == [
        f"note: tool.selector.variant[0].when.cpu: {note}",
        "no problems found",
    ]


@pytest.mark.nightly
def test_a_long_table_takes_no_time_for_each_pair_of_variants(tmp_path: Path) -> None:
    many = [variant(f"v{n}", f"{{ cuda = '>=12.{n}', gfx = 'gfx9{n}' }}") for n in range(2_000)]
    project = write_project(tmp_path, table("".join([*many, variant("any")])))
    start = time.monotonic()
    problems = data("check", project, status=1)["problems"]
    assert time.monotonic() - start < 40  # a few seconds; each with each takes more than a minute
    assert len([one for one in problems if one["key"].endswith(".gfx")]) > 1_000


@pytest.mark.parametrize(
    ("names", "claimed"),
    [
        (
            'import-names = ["spam", "spam.x; private"]',
            "project.import-names: found 'spam', 'spam.",
        ),
        ('import-namespaces = ["spam"]', "project.import-namespaces: found 'spam', but a selector"),
        ("import-names = []", ""),
    ],
)
def test_a_package_without_code_claims_no_import_names(
    tmp_path: Path, names: str, claimed: str
) -> None:
    project = write_project(tmp_path, f"{names}\n{table(variant('cpu'))}")
    shown = lines("check", project, status=1 if claimed else 0)
    assert shown[0].startswith(f"warning: {claimed}" if claimed else "no problems found")


@pytest.mark.parametrize("variable", ["SELECTOR_CUDA", "VARIANT", "SPAM_EGGS_VARIANT"])
def test_variables_that_somebody_else_reads(tmp_path: Path, variable: str) -> None:
    (found,) = messages(tmp_path, table(variant("cpu"), variable=f"'{variable}'"))
    assert found.startswith(f"variable: {variable} may be read by another project as well")
    assert found.endswith("SPAM_VARIANT is the default")
    write_project(tmp_path, table(variant("cpu"), variable="'SPAM_BUILD'"))
    assert lines("check", tmp_path) == ["no problems found"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("['jax[cuda12]']", "['jax']", True),
        ("['torch==2.9+cu128']", "['torch==2.9+cpu']", True),
        ("['spam-cu12', 'numpy']", "['numpy']", False),
        ("['spam-cu12']", "[]", True),  # nothing of it can get mixed
    ],
)
def test_variants_that_nothing_tells_apart(
    tmp_path: Path, first: str, second: str, told: bool
) -> None:
    text = table(
        variant("a", "{ musl = true }", f"requires = {first}")
        + variant("b", "", f"requires = {second}")
    )
    write_project(tmp_path, text)
    problems = [one["message"] for one in data("check", tmp_path, status=1)["notes"]]
    assert (
        any(one.startswith("nothing tells b from the other variants") for one in problems) != told
    )


@pytest.mark.parametrize(
    ("requires", "named"),
    [
        ('["selector-backend"]', "selector-backend"),
        (
            "[\"Selector_Backend[tree] >=0.2,!=0.3; python_version < '4'\"]",
            "Selector_Backend[tree] ",
        ),
        ('["flit_core<5", "selector.backend>1", 3]', "selector.backend>1"),
    ],
)
def test_a_backend_without_an_upper_bound(tmp_path: Path, requires: str, named: str) -> None:
    (found,) = messages(tmp_path, table(variant("cpu")), requires)
    assert found.startswith(f"build-system.requires: {named}")
    bound = ".".join(__version__.split(".")[:2])
    assert "has no upper bound" in found
    extras = "[tree]" if "[tree]" in named else ""
    assert f"; write 'selector-backend{extras}>={bound},<1'" in found


@pytest.mark.parametrize(
    "requires",
    [
        *("['selector-backend<=0.9']", "['selector-backend==0.2.*']", "['selector-backend~=0.2']"),
        "['selector-backend @ https://index.example/selector_backend-0.2.0-py3-none-any.whl']",
        "['selector-backend', 'selector-backend<1']",
        # Not ours, or nobody's: frontends say what is wrong with it.
        *("[]", "3", "['selector-backend-more', '']"),
    ],
)
def test_a_backend_that_is_bounded_or_not_required(tmp_path: Path, requires: str) -> None:
    project = write_project(tmp_path, table(variant("cpu")), requires)
    assert lines("check", project) == ["no problems found"]


def test_names_that_stand_for_a_variant_and_are_not_the_projects(tmp_path: Path) -> None:
    cu12 = variant(
        "cu12",
        "{ gfx = true }",
        "requires = ['spam-cu12=={version}', 'eggs-cu12=={version}', 'cuda-toolkit==12.*']",
    )
    cpu = variant("cpu", more="requires = ['eggs>=1', 'ham']")
    assert messages(tmp_path, table(cu12 + cpu)) == [
        "variant[0].requires: eggs-cu12 is not called after spam; make sure that the name is "
        "yours, since its owner's package is installed",
        "variant[1].requires: eggs, ham are not called after spam; make sure that the names are "
        "yours, since its owner's package is installed",
    ]


def test_a_former_name_is_a_variants_and_no_distributions(tmp_path: Path) -> None:
    cu12 = variant("cuda12", more="formerly = ['cu12', 'Spam_cu11']")
    assert messages(tmp_path, table(cu12)) == [
        "variant[0].formerly[1]: spam-spam-cu11 is what it stands for; for spam-cu11, write 'cu11'"
    ]


def test_errors_are_the_backends_and_all_of_them(tmp_path: Path) -> None:
    text = table(variant("a", "{ cdua = '>=12' }"), kind="'capabilty'")
    assert lines("check", write_project(tmp_path, text), status=1) == [
        "error: tool.selector.kind: found 'capabilty', expected 'requirement' or 'capability', "
        "did you mean 'capability'?",
        "error: tool.selector.variant[0].when.cdua: not a fact, did you mean 'cuda'?",
    ]
    assert "no such folder" in error("check", tmp_path / "nowhere")
    assert "it is a file" in error("check", tmp_path / "pyproject.toml")
    (tmp_path / "pyproject.toml").write_text("a = " + "[" * 100_000)
    assert "nested too deep" in error("check", tmp_path, status=1)
    (problem,) = data("check", tmp_path, status=1)["problems"]
    assert problem["message"] == "pyproject.toml is not TOML: it is nested too deep"
    assert terminal("check", tmp_path)[1] == 1


def test_an_index_that_has_everything_and_one_that_does_not(
    tmp_path: Path, wheelhouse: Path
) -> None:
    project = write_project(
        tmp_path / "source",
        table(variant("cu12", "{ gfx = true }") + variant("cpu"), requires="['spam-core==1.0']"),
    )
    for name, version in (("spam-core", "1.0"), ("spam-cpu", "1.0"), ("spam-cu12", "0.9")):
        write_wheel(tmp_path / "dist", name, version)
    (tmp_path / "dist/spam_core-1.0-py3-none-any.whl").unlink()
    with Index(wheelhouse, tmp_path / "dist") as index:
        found = data("check", project, "--index", index.url, status=1)["problems"]
        assert [f"{one['key']}: {one['message']}" for one in found] == [
            "tool.selector.requires: spam-core==1.0: the index has no project spam-core",
            "tool.selector.variant[0].requires: spam-cu12==1.0: the index has no files of that "
            "version; it has 0.9",
        ]
        wheel = write_wheel(tmp_path / "dist", "spam", "1.0")
        write_wheel(tmp_path / "dist", "spam", "0.9")  # of before it was a selector package
        write_wheel(tmp_path / "dist", "spam-core", "1.0")
        write_wheel(tmp_path / "dist", "spam-cu12", "1.0")
        (found,) = data("check", project, "--index", index.url, status=1)["problems"]
        assert found["key"] == "project.version"
        assert found["message"].startswith("the index has spam-1.0-py3-none-any.whl, which is one")
        wheel.unlink()
        assert lines("check", project, "--index", index.url) == ["no problems found"]
        assert index.requests.count("/simple/spam-core/") == 3
        twice = variant("a", "{ gfx = true }", "requires = ['spam-cpu==1.0']")
        other = variant("b", more="requires = ['spam-cpu==1.0', 'spam-core==1.0']")
        both = write_project(tmp_path / "both", table(twice + other, kind="'capability'"))
        index.requests.clear()
        assert lines("check", both, "--index", index.url) == ["no problems found"]
        assert sorted(index.requests) == [f"/simple/spam{name}/" for name in ("-core", "-cpu", "")]
    assert "cannot be reached" in error("check", project, "--index", index.url, status=1)
    for address in ("index", "http://[::1/", "http://localhost:80x/", "ftp://localhost/"):
        assert "expected an address" in error("check", project, "--index", address)


BASIC = "Basic " + base64.b64encode(b"me:p@ss").decode()


class JsonIndex(BaseHTTPRequestHandler):
    """An index that speaks JSON (PEP 691), and has one file besides one that is yanked.

    Below ``/private/`` it wants to know who asks.
    """

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"/private/{self.path[len('/moved/') :]}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("/private/") and self.headers["Authorization"] != BASIC:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = "application/vnd.pypi.simple.v1+json" in self.headers["Accept"]
        self.send_response(200 if asked else 406)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.end_headers()
        wheel = {"filename": "spam-1.0-py3-none-any.whl", "yanked": "it was one machine's choice"}
        files = [{"filename": "spam_cpu-1.0.tar.gz"}, wheel]
        self.wfile.write(json.dumps({"files": files}).encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def json_index() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), JsonIndex) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_index_that_speaks_json(tmp_path: Path, json_index: str) -> None:
    project = write_project(tmp_path, table(variant("cpu")))
    assert lines("check", project, "--index", f"http://{json_index}/simple") == [
        "no problems found"
    ]


def test_an_index_that_wants_a_password(tmp_path: Path, json_index: str) -> None:
    project = write_project(tmp_path, table(variant("cpu")))
    given = ("check", project, "--index", f"http://me:p%40ss@{json_index}/private/")
    assert lines(*given) == ["no problems found"]
    moved = ("check", project, "--index", f"http://me:p%40ss@{json_index}/moved/")
    assert lines(*moved) == ["no problems found"]
    wrong = ("check", project, "--index", f"http://me:guess@{json_index}/private/")
    message = error(*wrong, status=1)
    assert f"the index answers http://{json_index}/private/spam/ with 401" in message
    assert "guess" not in message


@pytest.mark.parametrize(
    ("index", "moved", "told"),
    [
        ("https://index.example/simple", "https://index.example/other/", True),
        ("https://index.example/simple", "https://index.example:443/simple/", True),
        ("https://index.example/simple", "http://index.example/simple/", False),
        ("https://index.example/simple", "http://index.example:443/simple/", False),
        ("http://index.example/simple", "https://index.example/simple/", False),
        ("https://index.example/simple", "https://index.example:8443/simple/", False),
        ("https://index.example/simple", "https://index.example.evil/simple/", False),
        ("https://index.example/simple", "https://files.index.example/simple/", False),
    ],
)
def test_a_password_goes_to_the_index_alone(index: str, moved: str, told: bool) -> None:
    handler = Credentials(index, BASIC)
    request = handler.http_request(urllib.request.Request(f"{index}/spam/"))
    assert request.get_header("Authorization") == BASIC
    after = handler.redirect_request(request, io.BytesIO(), 302, "Found", HTTPMessage(), moved)
    assert after is not None
    assert handler.http_request(after).get_header("Authorization") == (BASIC if told else None)


class Answer(BaseHTTPRequestHandler):
    """An index that answers what no index does: what its address ends with."""

    def do_GET(self) -> None:
        body = urllib.parse.unquote(self.path.split("/")[1]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.parametrize(
    "body", ["", "[]", "5", "{", '{"files": 5}', "[" * 20_000, '{"files": null}']
)
def test_an_index_that_answers_what_no_index_does(tmp_path: Path, body: str) -> None:
    project = write_project(tmp_path, table(variant("cpu")))
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{urllib.parse.quote(body, safe='')}"
        message = error("check", project, "--index", address, status=1)
        assert "the index's answer at" in message
        strange = urllib.parse.quote('{"files": ["x", 5, {}, {"filename": 5}]}', safe="")
        address = f"http://127.0.0.1:{server.server_port}/{strange}"
        found = data("check", project, "--index", address, status=1)["problems"]
        assert found[0]["message"].endswith("it has none at all")
        server.shutdown()


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("", "missing; write '>=3.9' or narrower"),
        ('requires-python = ">=3.7"', "found '>=3.7', which admits 3.7; write '>=3.9' or narrower"),
        ('requires-python = ">=3.10"', None),
    ],
)
def test_an_older_python_is_left_to_an_older_release(
    tmp_path: Path, python: str, said: str | None
) -> None:
    file = write_project(tmp_path, table(variant("cpu"))) / "pyproject.toml"
    text = file.read_text(encoding="utf-8").replace('requires-python = ">=3.9"', python)
    file.write_text(text, encoding="utf-8")
    problems = data("check", tmp_path, status=1 if said else 0)["problems"]
    assert [one["key"] for one in problems] == (["project.requires-python"] if said else [])
    assert not said or problems[0]["message"].startswith(said)


@pytest.mark.parametrize(("kind", "told"), [("requirement", True), ("capability", False)])
def test_an_extra_that_names_a_variant_installs_two(tmp_path: Path, kind: str, told: bool) -> None:
    rows = variant("cu12", "{ gfx = true }") + variant("cpu")
    file = write_project(tmp_path, table(rows, kind=repr(kind))) / "pyproject.toml"
    extras = "cu12 = ['Spam.cu12==1.0'], docs = ['sphinx']"
    text = file.read_text(encoding="utf-8").replace(
        "[project]\n", f"[project]\noptional-dependencies = {{ {extras} }}\n"
    )
    file.write_text(text, encoding="utf-8")
    problems = data("check", tmp_path, status=1 if told else 0)["problems"]
    assert [(one["key"], one["message"]) for one in problems] == [
        (
            "project.optional-dependencies.cu12",
            "Spam.cu12==1.0 is the variant cu12, and 'spam[cu12]' installs it beside the one that "
            "fits; take it out: users get it by SPAM_VARIANT=cu12",
        )
    ] * told
