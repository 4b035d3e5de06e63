"""What a maintainer sees in pip for a table that is not right: every error, and no traceback."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from conftest import NEWEST_PIP, find_pip
from support.environment import Environment, clean_environ, create_environment
from support.hooks import Backend, HookFailedError
from support.index import Index
from support.project import CUDA, HEAD

HEAD_OF_SPAM = HEAD.format(name="spam", version="1.0")

BAD = {
    "dependencies are not dynamic": (
        HEAD_OF_SPAM.replace('dynamic = ["dependencies"]\n', "") + CUDA,
        ["project.dynamic: 'dependencies' is missing", 'write dynamic = ["dependencies"]'],
    ),
    "dependencies are static": (
        HEAD_OF_SPAM + 'dependencies = ["spam-cpu"]\n' + CUDA,
        ["project.dependencies: given, but the selector table chooses them"],
    ),
    "the version is dynamic": (
        HEAD_OF_SPAM.replace('version = "1.0"\n', "").replace(
            '["dependencies"]', '["dependencies", "version"]'
        )
        + CUDA,
        ["project.version: is dynamic"],
    ),
    "a requirement does not parse": (
        HEAD_OF_SPAM + CUDA.replace("[tool.selector]", '[tool.selector]\nrequires = ["spam cu12"]'),
        ["tool.selector.requires[0]: found 'spam cu12': Expected", "     ^"],
    ),
    "a specifier does not parse": (
        HEAD_OF_SPAM + CUDA.replace('">=12"', '"12"'),
        ["tool.selector.variant[0].when.cuda: found '12', expected a specifier", "'==12.*'"],
    ),
    "a marker does not parse": (
        HEAD_OF_SPAM + CUDA.replace('cuda = ">=12"', "marker = \"sys_platfrom == 'linux'\""),
        ["tool.selector.variant[0].when.marker: found", "Expected a marker variable"],
    ),
    "two variants of one name": (
        HEAD_OF_SPAM + CUDA.replace('"cu11"', '"CU12"'),
        ["tool.selector.variant[1].name: found 'CU12', but tool.selector.variant[0] has that name"],
    ),
    "a name that is not valid": (
        HEAD_OF_SPAM + CUDA.replace('"cu11"', '"cu 11"'),
        ["tool.selector.variant[1].name: found 'cu 11', expected ASCII letters and digits"],
    ),
    "no variants": (
        HEAD_OF_SPAM + "[tool.selector]\n",
        ["tool.selector.variant: missing; a table has one [[tool.selector.variant]] or more"],
    ),
    "requires and refuse": (
        HEAD_OF_SPAM + CUDA + 'requires = ["spam-cpu"]\nrefuse = "no"\n',
        ["tool.selector.variant[2].refuse: given together with 'requires'"],
    ),
    "no readme": (
        HEAD_OF_SPAM + 'readme = "README.md"\n' + CUDA,
        ["project.readme: found 'README.md', which is not a file of the project"],
    ),
    "a readme outside": (
        HEAD_OF_SPAM + 'readme = "../README.md"\n' + CUDA,
        ["project.readme: found '../README.md', which lies outside the project"],
    ),
    "no licence file": (
        HEAD_OF_SPAM + 'license-files = ["LICENSE"]\n' + CUDA,
        ["project.license-files: found 'LICENSE', which does not match any file"],
    ),
    "a licence file outside": (
        HEAD_OF_SPAM + 'license-files = ["../LICENSE"]\n' + CUDA,
        ["project.license-files: found '../LICENSE', expected a pattern that matches files within"],
    ),
    "a licence with another header": (
        HEAD_OF_SPAM + 'license = { text = "MIT\\rRequires-Dist: spam-cu11==1.0" }\n' + CUDA,
        ["project.license.text: found 'MIT\\rRequires-Dist: spam-cu11==1.0', which has '\\r'"],
    ),
    "a requirement with another header": (
        HEAD_OF_SPAM
        + CUDA.replace(
            "[tool.selector]",
            '[tool.selector]\nrequires = ["a @ https://spam.example/\\rRequires-Dist: b"]',
        ),
        ["tool.selector.requires[0]: found 'a @ https://spam.example/\\rRequires-Dist: b', which"],
    ),
    "a version of 5000 digits": (
        HEAD_OF_SPAM.replace('"1.0"', f'"{"1" * 5000}"') + CUDA,
        ["project.version: found '1111", "which has a number of 500 digits or more"],
    ),
    "a pattern that PEP 639 does not have": (
        HEAD_OF_SPAM + 'license-files = ["LICENSE{a,b}"]\n' + CUDA,
        ["project.license-files: found 'LICENSE{a,b}', which is not a pattern of "],
    ),
    "a misspelt fact": (
        HEAD_OF_SPAM + CUDA.replace('{ cuda = ">=11.2"', '{ cdua = ">=11.2"'),
        ["tool.selector.variant[1].when.cdua: not a fact, did you mean 'cuda'?"],
    ),
    "many errors": (
        HEAD_OF_SPAM + "[tool.selector]\nkind = 'capabilty'\nvaraible = 'X'\nextras = [1]\n"
        "[[tool.selector.variant]]\nname = 5\n",
        [
            "pyproject.toml has 4 errors:",
            "tool.selector.kind: found 'capabilty'",
            "tool.selector.varaible: not a known key, did you mean 'variable'?",
            "tool.selector.extras[0]: found 1 (an integer), expected an extra's name",
            "tool.selector.variant[0].name: found 5 (an integer), expected ASCII letters",
        ],
    ),
}


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, spam_index: Index, wheelhouse: Path
) -> Environment:
    """An environment that can compile: what is tested here installs nothing."""
    folder = tmp_path_factory.mktemp("bad")
    environ = {**clean_environ(folder / "home"), "PIP_INDEX_URL": spam_index.url}
    pip = find_pip(wheelhouse, NEWEST_PIP)
    made = create_environment(folder / "venv", environ, pip=pip)
    made.pip("install", "selector-backend", "packaging", "pyproject-metadata")
    return made


def test_pip_shows_what_is_wrong_with_a_table(environment: Environment, tmp_path: Path) -> None:
    text, expected = BAD["many errors"]
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    arguments = ("install", "--no-build-isolation", "--no-deps", str(tmp_path))
    process = environment.pip(*arguments, check=False)
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    for fragment in expected:
        assert fragment in process.stdout


@pytest.mark.parametrize("case", BAD)
def test_the_hook_says_what_is_wrong_with_a_table(tmp_path: Path, case: str) -> None:
    text, expected = BAD[case]
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(HookFailedError) as failed:
        Backend(tmp_path).call("get_requires_for_build_wheel")
    assert failed.value.output.startswith("error: ")
    for fragment in expected:
        assert fragment in failed.value.output


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (b"# Gr\xfc\xdfe\n", "pyproject.toml is not UTF-8: line 22 has the byte 0xfc; "),
        (b"[tool.selector\n", "pyproject.toml is not TOML: "),
        (
            codecs.BOM_UTF8,
            "pyproject.toml begins with a byte order mark (BOM), which TOML does not",
        ),
    ],
)
def test_a_file_that_is_not_utf_8_or_not_toml(
    environment: Environment, tmp_path: Path, end: bytes, expected: str
) -> None:
    """Installers read the file first and stop at this themselves; other callers get our word."""
    mark = end if end == codecs.BOM_UTF8 else b""
    content = mark + (HEAD_OF_SPAM + CUDA).encode() + (b"" if mark else end)
    (tmp_path / "pyproject.toml").write_bytes(content)
    code = "import selector_backend as b; b.get_requires_for_build_wheel()"
    process = environment.run("-c", code, cwd=tmp_path, check=False)
    assert process.returncode == 1
    assert process.stdout.startswith(f"error: {expected}")
    assert len(process.stdout.splitlines()) == 1
