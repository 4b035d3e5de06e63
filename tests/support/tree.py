"""Source trees of a project `spam`, one for each inner backend, written for a test."""

from __future__ import annotations

import os
import sys
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from .environment import clean_environ, run
from .hooks import Backend, HookFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = """\
[build-system]
requires = ["selector-backend[tree]>=0.2,<1", {requires}]
build-backend = "selector_backend.variant"

[project]
name = "spam"
version = "1.0"
description = "A spam for every machine"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.9"
authors = [{{ name = "Zoë" }}, {{ name = "Max", email = "max@spam.example" }}]
keywords = ["spam", "eggs"]
classifiers = ["Programming Language :: Python :: 3"]
dependencies = ["spam-core; python_version > '3'"]

[project.optional-dependencies]
plot = ["spam-plot"]
all = ["spam[plot]; python_version > '3'"]

[project.urls]
Homepage = "https://spam.example"

[project.scripts]
spam = "spam:main"

[tool.selector]
backend = "{backend}"
requires = ["spam-common=={{version}}"]

[[tool.selector.variant]]  # a comment
name = "cu12"
when = {{ cuda = ">=12" }}
requires = ["spam-common=={{version}}", "spam-cu12=={{version}}"]
dependencies = ["nvidia-runtime>={{version}}; sys_platform == 'linux'"]

[[tool.selector.variant]]
name = "cpu"
"""

MODULE = """\
def main() -> None:
    print("spam")
"""


@dataclass(frozen=True)
class Kind:
    """An inner backend: what it requires, its module, and what is in a tree that it builds."""

    requires: str
    backend: str
    files: Mapping[str, str]
    more: str = ""
    tagged: str = "py3-none-any"


SETUP = """\
import os
from setuptools import setup

variant = os.environ.get("SPAM_BUILD_VARIANT", "plain")
setup(packages=["spam"], package_dir={"spam": f"kinds/{variant}"})
"""

SETUP_COMPILED = """\
import os
from setuptools import Extension, setup

macro = ("VARIANT", '"' + os.environ.get("SPAM_BUILD_VARIANT", "plain") + '"')
native = Extension("spam._native", ["native.c"], define_macros=[macro])
setup(packages=["spam"], package_dir={"": "src"}, ext_modules=[native])
"""

NATIVE = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *variant(PyObject *self, PyObject *arguments)
{
    return PyUnicode_FromString(VARIANT);
}

static PyMethodDef methods[] = {{"variant", variant, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "", -1, methods};

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
"""

CMAKE = """\
cmake_minimum_required(VERSION 3.18)
project(spam LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
set(variant "$ENV{SPAM_BUILD_VARIANT}")
if(NOT variant)
  set(variant plain)
endif()
python_add_library(_native MODULE native.c WITH_SOABI)
target_compile_definitions(_native PRIVATE VARIANT="${variant}")
install(TARGETS _native DESTINATION spam)
"""

MESON = """\
project('spam', 'c', version: '1.0')
python = import('python').find_installation(pure: false)
variant = run_command(
  python, '-c', 'import os; print(os.environ.get("SPAM_BUILD_VARIANT", "plain"))', check: true
).stdout().strip()
python.extension_module(
  '_native', 'native.c', c_args: ['-DVARIANT="' + variant + '"'], install: true, subdir: 'spam'
)
python.install_sources('src/spam/__init__.py', subdir: 'spam', pure: false)
"""

SOURCE = {"src/spam/__init__.py": MODULE}
COMPILED = {**SOURCE, "native.c": NATIVE}

KINDS = {
    "flit_core": Kind('"flit_core"', "flit_core.buildapi", SOURCE),
    "hatchling": Kind('"hatchling"', "hatchling.build", SOURCE),
    "poetry-core": Kind('"poetry-core>=2"', "poetry.core.masonry.api", SOURCE),
    "setuptools": Kind(
        '"setuptools>=77"',
        "setuptools.build_meta",
        {
            "setup.py": SETUP,
            **{f"kinds/{one}/__init__.py": MODULE for one in ("plain", "cu12", "cpu")},
            **{f"kinds/{one}/kind.py": f"KIND = {one!r}\n" for one in ("plain", "cu12", "cpu")},
            "MANIFEST.in": "graft kinds\n",
            ".gitignore": "build/\n*.egg-info/\n",
        },
    ),
    "setuptools-compiled": Kind(
        '"setuptools>=77"',
        "setuptools.build_meta",
        {**COMPILED, "setup.py": SETUP_COMPILED, ".gitignore": "build/\n*.egg-info/\n*.so\n"},
        tagged="",
    ),
    "scikit-build-core": Kind(
        '"scikit-build-core"',
        "scikit_build_core.build",
        {**COMPILED, "CMakeLists.txt": CMAKE},
        tagged="",
    ),
    "meson-python": Kind(
        '"meson-python"',
        "mesonpy",
        {**COMPILED, "meson.build": MESON, ".gitignore": "build/\n"},
        tagged="",
    ),
}


def write_tree(folder: Path, kind: str = "flit_core", *, table: str = "", more: str = "") -> Path:
    """Write a tree, its own git repository; ``table`` follows ``[tool.selector]``."""
    made = KINDS[kind]
    text = HEAD.format(requires=made.requires, backend=made.backend) + made.more + more
    if table:
        text = text.partition("[tool.selector]")[0] + table
    files = {**made.files, "pyproject.toml": text, "README.md": "# spam\n", "LICENSE": "MIT\n"}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    who = ("-c", "user.name=spam", "-c", "user.email=spam@spam.example")
    git(folder, *who, "commit", "--quiet", "--message", "spam")
    return folder


def git(folder: Path, *arguments: str) -> str:
    environ = clean_environ(folder.parent / "home of git")
    return run(["git", *arguments], environ, folder).stdout


def is_unchanged(tree: Path) -> bool:
    return git(tree, "status", "--porcelain") == ""


class TreeBackend(Backend):
    """The hooks of a tree."""

    def __init__(self, source: Path, **environ: str) -> None:
        # Some inner backends look for their tools on PATH, where frontends put them.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        super().__init__(source, {"PATH": path, **environ}, backend="selector_backend.variant")

    def build(self, kind: str, target: Path, **settings: Any) -> Path:
        """Build a ``wheel`` or ``sdist`` into ``target``, as `build` does without isolation."""
        target.mkdir(parents=True, exist_ok=True)
        self.call(f"get_requires_for_build_{kind}", settings)
        return target / str(self.call(f"build_{kind}", str(target), settings))


def patch_tree(tree: Path, name: str, *dependencies: str) -> None:
    """Do by hand what maintainers do today: put another name into a tree of the code alone."""
    path = tree / "pyproject.toml"
    text = path.read_text(encoding="utf-8").partition("[tool.selector]")[0]
    backend = next(one.backend for one in KINDS.values() if f'<1", {one.requires}]' in text)
    text = text.replace('"selector-backend[tree]>=0.2,<1", ', "")
    text = text.replace('"selector_backend.variant"', f'"{backend}"')
    text = text.replace('name = "spam"\n', f'name = "{name}"\n').replace('"spam[', f'"{name}[')
    more = "".join(f', "{one}"' for one in dependencies)
    text = text.replace("python_version > '3'\"]\n\n", f"python_version > '3'\"{more}]\n\n", 1)
    if backend.startswith("flit"):
        text += '\n[tool.flit.module]\nname = "spam"\n'
    if backend.startswith("hatch"):
        text += '\n[tool.hatch.build.targets.wheel]\npackages = ["src/spam"]\n'
    if backend.startswith("poetry"):
        text += '\n[tool.poetry]\npackages = [{ include = "spam", from = "src" }]\n'
    if backend.startswith("scikit"):
        text += '\n[tool.scikit-build]\nwheel.packages = ["src/spam"]\n'
    path.write_text(text, encoding="utf-8")


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: archive.read(one) for one in archive.infolist()}


def modes(wheel: Path) -> dict[str, tuple[int, int]]:
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: (one.external_attr, one.compress_type) for one in archive.infolist()}


def metadata(content: bytes) -> Message:
    return BytesParser().parsebytes(content)


def wheel_metadata(wheel: Path) -> Message:
    (content,) = (
        one for path, one in contents(wheel).items() if path.endswith(".dist-info/METADATA")
    )
    return metadata(content)


def fields(message: Message) -> list[tuple[str, str]]:
    """Return the fields, in any order: how a requirement is written makes no difference."""
    some = [(key.lower(), str(value)) for key, value in message.items()]
    return sorted(
        (key, str(Requirement(value)) if key == "requires-dist" else value) for key, value in some
    )


def failure(backend: TreeBackend, hook: str, *arguments: object) -> str:
    """Return the one message with which a hook stops."""
    with pytest.raises(HookFailedError) as caught:
        backend.call(hook, *(str(one) if isinstance(one, Path) else one for one in arguments))
    assert caught.value.status == 1
    errors = [one for one in caught.value.output.splitlines() if one.startswith("error: ")]
    assert len(errors) == 1, caught.value.output
    return caught.value.output
