"""A version from git or a file, through pip, uv and build: of a tree, a repository, an sdist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import MakeEnvironment
from support.dynamic import LINES, commit, git, write_dynamic
from support.environment import Environment
from support.index import Index
from support.project import write_spam

#: What setuptools builds of the same repository, with the version of the same tag.
ORDINARY = """\
[build-system]
requires = ["setuptools", "setuptools-scm"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
dynamic = ["version"]
dependencies = {dependencies}

[tool.setuptools]
py-modules = ["_{module}"]

[tool.setuptools_scm]
root = ".."
"""


@pytest.fixture(scope="module")
def index(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("dist")
    write_spam(folder, "1.4")
    with Index(wheelhouse, folder) as index:
        yield index


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository") / "spam"
    return commit(write_dynamic(folder, *LINES["git"]), "v1.4")


def version_of(environment: Environment) -> str:
    assert environment.record()["requires"] == ["spam-cpu==1.4"]
    return environment.installed()["spam"]


@pytest.mark.parametrize("frontend", ["pip", "uv"])
def test_a_tree_a_repository_and_an_editable_install_have_the_version_of_the_tag(
    frontend: str,
    index: Index,
    repository: Path,
    make_environment: MakeEnvironment,
    tmp_path: Path,
) -> None:
    environment = make_environment(index, pip=None if frontend == "uv" else "26.3")

    def install(*arguments: str) -> None:
        if frontend == "uv":
            environment.uv("pip", "install", "--reinstall", *arguments)
        else:
            environment.pip("install", "--force-reinstall", *arguments)
        assert version_of(environment) == "1.4"

    if frontend == "uv":
        install(str(repository))
        install("--editable", str(repository))
    install(f"spam @ git+{repository.as_uri()}")
    if frontend == "uv":  # the other provider, once
        install(str(write_dynamic(tmp_path / "from-file")))


def test_the_sdist_that_build_makes_installs_without_what_found_the_version(
    index: Index, repository: Path, make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    maker = make_environment(index)
    maker.uv("build", "--sdist", "--out-dir", str(tmp_path), str(repository))
    (sdist,) = tmp_path.glob("spam-1.4.tar.gz")
    environment = make_environment(index, pip=None)
    index.requests.clear()
    environment.uv("pip", "install", str(sdist))
    assert version_of(environment) == "1.4"
    asked = {path for path in index.requests if re.search("dynamic|vcs|tomlkit|packaging", path)}
    assert asked == set()


@pytest.mark.nightly
def test_several_distributions_of_one_repository_have_the_version_of_one_tag(
    index: Index, make_environment: MakeEnvironment, tmp_path: Path
) -> None:
    """As in docs/how-to/publishing.md."""
    root = tmp_path / "repository"
    found, requires = LINES["git"]
    write_dynamic(root / "spam", f'{found}root = ".."\n', requires)
    for name, dependencies in (("spam-core", "[]"), ("spam-cpu", '["spam-core"]')):
        folder, module = root / name, name.replace("-", "_")
        folder.mkdir()
        text = ORDINARY.format(name=name, module=module, dependencies=dependencies)
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
        (folder / f"_{module}.py").write_text("", encoding="utf-8")
    (root / ".gitignore").write_text("build/\n*.egg-info/\n", encoding="utf-8")
    git(commit(root), "tag", "v3.1")
    environment = make_environment(index)
    environment.uv("build", "--wheel", "--out-dir", str(tmp_path / "dist"), str(root / "spam-core"))
    environment.uv("build", "--wheel", "--out-dir", str(tmp_path / "dist"), str(root / "spam-cpu"))
    environment.uv("build", "--sdist", "--out-dir", str(tmp_path / "dist"), str(root / "spam"))
    links = ("--find-links", str(tmp_path / "dist"))
    environment.uv("pip", "install", *links, "spam==3.1")
    assert environment.installed() == {"spam": "3.1+cpu", "spam-core": "3.1", "spam-cpu": "3.1"}
    url = f"spam @ git+{root.as_uri()}#subdirectory=spam"
    environment.uv("pip", "install", "--reinstall", *links, url)
    assert environment.record()["version"] == "3.1"
