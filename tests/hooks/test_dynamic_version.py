"""A version that a file or git has: found in a tree, written down in the sdist."""

from __future__ import annotations

import email
from pathlib import Path

import pytest
from support.command import data, error, lines
from support.dynamic import FROM_GIT, LINES, REGEX, REQUIRES, commit, write_dynamic
from support.floor import Floor, StoppedError, unpack
from support.hooks import Backend, HookFailedError
from support.matrix import machine_rows
from support.sdist import files_of

from selector_backend.authoring import toml

IN_TREE = """
[[tool.dynamic-metadata]]
provider = { path = ".", module = "own" }
"""
OWN = """\
def dynamic_metadata(settings, project):
    print("looking")
    return {"version": "2.1"}

def get_requires_for_dynamic_metadata(settings):
    return ["eggs>=2"]
"""


@pytest.fixture(params=LINES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    source = write_dynamic(tmp_path / "source", *LINES[request.param])
    return commit(source, "v1.4") if request.param == "git" else source


def sdist_of(source: Path, target: Path, **environ: str) -> Path:
    return target / str(Backend(source, environ).call("build_sdist", str(target)))


def test_the_sdist_has_the_version_written_down(source: Path, tmp_path: Path) -> None:
    backend = Backend(source)
    assert backend.call("get_requires_for_build_sdist") == []
    assert backend.call("get_requires_for_build_wheel") == []
    sdist = sdist_of(source, tmp_path)
    assert sdist.name == "spam-1.4.tar.gz"
    files = files_of(sdist)
    text = files["pyproject.toml"].decode()
    assert text.startswith(
        '[build-system]\nrequires = ["selector-backend>=0.2,<1"]  # what builds it\n'
        'build-backend = "selector_backend"\n\n[project]\nname = "spam"\n'
        'dynamic = ["dependencies"]  # by the table\nversion = "1.4"\n\n# which variant\n'
    )
    assert "dynamic-metadata" not in toml.loads(text)["tool"]
    pkg_info = email.message_from_bytes(files["PKG-INFO"])
    assert pkg_info["Version"] == "1.4"
    assert pkg_info.get_all("Dynamic") == ["Requires-Dist", "Classifier"]
    assert lines("check", sdist, status=1) == lines("check", source, status=1)


def test_the_sdist_installs_with_the_backend_alone(source: Path, tmp_path: Path) -> None:
    floor = Floor(tmp_path / "floor")
    unpacked = unpack(sdist_of(source, tmp_path), tmp_path / "unpacked")
    hook = "prepare_metadata_for_build_wheel"
    (tmp_path / "out").mkdir()
    called = floor.call(unpacked, ["get_requires_for_build_wheel"], [hook, str(tmp_path / "out")])
    assert called.results == [[], "spam-1.4.dist-info"]
    of_sdist = (tmp_path / "out/spam-1.4.dist-info/METADATA").read_bytes()
    assert b"Requires-Dist: spam-cpu==1.4" in of_sdist
    of_tree = Backend(source).metadata(tmp_path / "tree")
    assert (of_tree / "METADATA").read_bytes() == of_sdist


def test_a_self_contained_sdist_has_it_written_down_too(tmp_path: Path) -> None:
    source = write_dynamic(tmp_path / "source", f"requires-python = '>=3.9'\n{REGEX}")
    path = source / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("[tool.selector]\n", "[tool.selector]\nself-contained = true\n"),
        encoding="utf-8",
    )
    sdist = sdist_of(source, tmp_path)
    data = toml.loads(files_of(sdist)["pyproject.toml"].decode())
    assert data["build-system"]["requires"] == []
    assert data["project"]["version"] == "1.4"
    assert lines("check", sdist, status=1)[0].startswith("carries selector-backend ")


def test_a_wheel_of_the_tree_and_an_editable_one_have_the_version(
    source: Path, tmp_path: Path
) -> None:
    for hook in ("build_wheel", "build_editable"):
        assert Backend(source).call(hook, str(tmp_path)) == "spam-1.4-py3-none-any.whl"


def test_the_same_tree_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    one, other = (sdist_of(source, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert one == other


def test_a_provider_of_the_tree_says_what_it_requires(tmp_path: Path) -> None:
    source = write_dynamic(tmp_path / "source", IN_TREE)
    (source / "own.py").write_text(OWN, encoding="utf-8")
    for kind in ("sdist", "wheel", "editable"):
        assert Backend(source).call(f"get_requires_for_build_{kind}") == ["eggs>=2"]
    assert sdist_of(source, tmp_path).name == "spam-2.1.tar.gz"


def test_a_commit_after_the_tag_is_another_version_and_a_warning(tmp_path: Path) -> None:
    source = commit(write_dynamic(tmp_path / "source", *LINES["git"]))
    backend = Backend(source)
    assert str(backend.call("build_sdist", str(tmp_path))).startswith("spam-0.1.dev1+g")
    assert "warning: the version is 0.1.dev1+g" in backend.output
    assert "to publish, tag the commit and build again" in backend.output


# --- what goes wrong

OTHER = FROM_GIT.replace("vcs_versioning", "vcs_version")
CONTENT = '\n[[tool.dynamic-metadata]]\nprovider = { path = ".", module = "own" }\n'
NO_LIBRARY = 'requires = ["selector-backend>=0.2,<1", "dynamic-metadata>=0.6"]'
WRONG = {
    "no table": ("", REQUIRES, "", "project.version: is dynamic, and nothing finds it; add where"),
    "no tables": (
        "[tool]\ndynamic-metadata = 5\n",
        REQUIRES,
        "",
        "tool.dynamic-metadata: expected tables: [[tool.dynamic-metadata]]",
    ),
    "no provider": ("\n[[tool.dynamic-metadata]]\nx = 1\n", REQUIRES, "", "must set a 'provider'"),
    "library not named": (REGEX, REQUIRES[:1], "", NO_LIBRARY),
    "neither named": (
        FROM_GIT,
        REQUIRES[:1],
        "",
        NO_LIBRARY[:-1] + ', "vcs-versioning"]',
    ),
    "unknown": (
        OTHER,
        REQUIRES,
        "",
        "Unknown provider 'vcs_version'; did you mean 'vcs_versioning'? (available: ",
    ),
    "no git": (FROM_GIT, (*REQUIRES, "vcs-versioning"), "", "was unable to detect version"),
    "no file": (REGEX.replace("_version.py", "no.py"), REQUIRES, "", "No such file or directory"),
    "not in the file": (REGEX.replace("_version.py", "pyproject.toml"), REQUIRES, "", "t find"),
    "raises": (
        CONTENT,
        REQUIRES,
        "raise ValueError('one\\n\\ntwo')",
        "not found: one\n      two\n",
    ),
    "exits": (CONTENT, REQUIRES, "raise SystemExit", "not found: SystemExit\n"),
    "no module": (CONTENT.replace("own", "other"), REQUIRES, "pass", "Cannot find module 'other'"),
    "nothing": (CONTENT, REQUIRES, "return {}", "no provider there gives a version"),
    "no mapping": (CONTENT, REQUIRES, "return 5", "the version is not found: "),
    "no version": (CONTENT, REQUIRES, "return {'version': 'new'}", "is 'new'; expected one such"),
    "no text": (CONTENT, REQUIRES, "return {'version': 5}", "is '5'; expected one such as"),
    "almost": (CONTENT, REQUIRES, "return {'version': '1.0-x-y'}", "project.version: "),
    "more": (
        CONTENT,
        REQUIRES,
        "return {'dependencies': ['eggs']}",
        "'dependencies' must be listed in project.dynamic to be set",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_goes_wrong_is_one_message_in_every_hook(tmp_path: Path, case: str) -> None:
    found, requires, own, expected = WRONG[case]
    source = write_dynamic(tmp_path / "source", found, requires)
    if own:
        text = f"def dynamic_metadata(settings, project):\n    {own}\n"
        (source / "own.py").write_text(text, encoding="utf-8")
    backend = Backend(source, {"GIT_CEILING_DIRECTORIES": str(tmp_path)})
    for hook in ("build_sdist", "build_wheel"):
        with pytest.raises(HookFailedError) as failed:
            backend.call(hook, str(tmp_path))
        assert "Traceback" not in failed.value.output
        assert failed.value.output.count("error: ") == 1
        assert expected in failed.value.output + "\n"
        assert failed.value.status == 1
    assert not [*tmp_path.glob("spam*")]


@pytest.mark.parametrize("hook", ["get_requires_for_build_wheel", "get_requires_for_build_sdist"])
def test_what_the_project_forgot_to_name_is_told_before_anything_is_fetched(
    tmp_path: Path, hook: str
) -> None:
    source = write_dynamic(tmp_path / "source", *LINES["git"])
    floor = Floor(tmp_path / "floor").add_authoring()
    with pytest.raises(StoppedError) as stopped:
        floor.call(source, [hook])
    assert str(stopped.value) == (
        "error: project.version: is dynamic, and what finds it is not installed, or too old. "
        'Without build isolation, install it first: pip install "dynamic-metadata>=0.6" '
        '"vcs-versioning"\n'
    )
    write_dynamic(source, FROM_GIT, REQUIRES[:1])
    with pytest.raises(
        StoppedError, match=r"error: build-system\.requires: the version is dynamic"
    ):
        floor.call(source, [hook])


# --- the command


def test_the_command_finds_the_version_too(source: Path) -> None:
    explained = lines("explain", source)
    assert explained[0] == "spam 1.4, variants of the requirement kind"
    assert "installs: spam-cpu==1.4" in explained
    keys = [one["key"] for one in data("check", source, status=1)["problems"]]
    assert "project.version" not in keys
    assert machine_rows(source)


def test_the_command_runs_no_code_of_the_project(tmp_path: Path) -> None:
    source = write_dynamic(tmp_path / "source", IN_TREE)
    ran = tmp_path / "ran"
    (source / "own.py").write_text(f"open({str(ran)!r}, 'w')\n{OWN}", encoding="utf-8")
    for command in (("check",), ("explain",), ("matrix",)):
        message = (
            lines(*command, source, status=1)[0]
            if command == ("check",)
            else error(*command, source, status=1)
        )
        assert (
            "is code of the project, which the command does not run; look at the sdist" in message
        )
    assert not ran.exists()
    sdist = sdist_of(source, tmp_path)
    assert ran.exists()
    assert "installs: spam-cpu==2.1" in lines("explain", sdist)
