"""`selector-backend doctor`: each thing that it finds is mended by the commands it ends with.

Packages are put into an environment by hand, as pip would leave them, since an install takes long.
The commands are compared, and each kind of them is run for real in one test, by `mend`.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import OLDEST_PIP, MakeEnvironment
from support.command import command, data, error, lines, terminal
from support.environment import Environment
from support.index import Index
from support.installed import put_package, put_wheel, remove
from support.project import build_sdist, write_carrying, write_project, write_wheel

from selector_backend.cli.interpreter import read_installed, read_interpreter

HEAD = """
[tool.selector]
"""
CU12 = """
[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }
conform = { cuda = "12" }
"""
CU11 = """
[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2" }
conform = { cuda = "11" }
"""
CPU = """
[[tool.selector.variant]]
name = "cpu"
"""
TABLE = HEAD + CU12 + CU11 + CPU
# Other tables that name `cuda` as well: one has nothing for CUDA 12, one nothing for CUDA 11.
NO_CU12 = HEAD + CU11 + CPU
NO_CU11 = HEAD + CU12 + CPU
PYTHON_ONLY = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "v3"
when = { cpu = "avx2" }

[[tool.selector.variant]]
name = "v1"
"""

Put = Callable[..., Environment]

GPU = {"SELECTOR_CUDA": "12.4"}
OLD = {"SELECTOR_CUDA": "11.8"}
NONE = {"SELECTOR_CUDA": ""}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages whose variants exclude each other, and one whose variants do not.

    They carry their backend, so that each install is quick: what is fetched to build is not under
    test here.
    """
    folder = tmp_path_factory.mktemp("doctor")
    for name in ("spam", "eggs"):
        build_sdist(write_carrying(folder / name, TABLE, name=name), folder / "dist")
        for variant in ("cu12", "cu11", "cpu"):
            files = {f"{name}_here.py": f"variant = {variant!r}\n"}
            write_wheel(folder / "dist", f"{name}-{variant}", files=files)
        write_wheel(folder / "dist", f"{name}-cu12", "0.9")
    write_wheel(folder / "dist", "spam-cuda12", "0.9", files={"spam_here.py": "variant = 'old'\n"})
    for variant in ("cu12", "cpu"):
        requires = (
            f"spam-{variant}>=1",
            f"spam-cu11; python_version < '3' or extra == '{variant}'",
        )
        write_wheel(folder / "dist", f"needs-{variant}", requires=requires)
    for name, table in (("old", NO_CU12), ("new", NO_CU11)):
        build_sdist(write_carrying(folder / name, table, name=name), folder / "dist")
        for variant in ("cu12", "cu11", "cpu"):
            write_wheel(folder / "dist", f"{name}-{variant}")
    build_sdist(write_carrying(folder / "ham", PYTHON_ONLY, name="ham"), folder / "dist")
    for variant in ("v3", "v1"):
        write_wheel(folder / "dist", f"ham-{variant}")
    return folder / "dist"


@pytest.fixture
def index(serve: Callable[[Path], Index], distributions: Path) -> Index:
    return serve(distributions)


@pytest.fixture
def put(make_environment: MakeEnvironment, index: Index, distributions: Path) -> Put:
    """Make an environment that has packages, each as it is chosen with its variables."""

    def put(environ: Mapping[str, str], *names: str) -> Environment:
        environment = make_environment(index)
        for name in names:
            put_package(environment.site_packages, distributions, name, environ)
        return environment

    return put


def doctor(environment: Environment, environ: Mapping[str, str], *, well: bool) -> Any:
    """Return what `doctor --json` says of an environment."""
    process = command("doctor", "--json", "--python", environment.python, environ=environ)
    assert process.returncode == (0 if well else 1), process.stdout + process.stderr
    return json.loads(process.stdout)


def mend(environment: Environment, environ: Mapping[str, str]) -> list[str]:
    """Run the commands that `doctor` shows, and then `doctor` again. Returns what it had found."""
    found = doctor(environment, environ, well=False)["findings"]
    plain = lines("doctor", "--python", environment.python, environ=environ, status=1)
    shown = [shlex.split(line) for line in plain if line.startswith("  ")]
    assert shown == [words for finding in found for words in finding["commands"]]
    for program, *arguments in shown:
        assert program == str(environment.python)
        environment.run(*arguments, environ=environ)
    assert doctor(environment, environ, well=True)["findings"] == []
    return [message for finding in found for message in finding["messages"]]


def finding(environment: Environment, environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the messages of the only finding, and its commands, without Python and pip."""
    (found,) = doctor(environment, environ, well=False)["findings"]
    for command_ in found["commands"]:
        assert command_[:3] == [str(environment.python), "-m", "pip"]
    return found["messages"], [" ".join(words[3:]) for words in found["commands"]]


def installed(environment: Environment, *names: str) -> set[str]:
    return {name for name in environment.installed() if name.startswith(names)}


def test_nothing_is_wrong(
    make_environment: MakeEnvironment, index: Index, distributions: Path
) -> None:
    environment = make_environment(index)
    python = ("--python", str(environment.python))
    none = f"no selector package is installed with {environment.python}"
    none += "; name another one with --python"
    assert lines("doctor", *python) == [none]
    environ = {**GPU, "SELECTOR_CPU": "haswell"}
    for name in ("spam", "ham"):
        put_package(environment.site_packages, distributions, name, environ)
    assert lines("doctor", *python, environ=environ) == [
        "ham 1.0: v3 fits this machine",
        "spam 1.0: cu12 fits this machine",
    ]
    assert lines("doctor", "Spam", *python, environ=environ) == ["spam 1.0: cu12 fits this machine"]
    # What a pip that was interrupted leaves, and passes over.
    for name in ("spam", "spam_cu12"):
        info = environment.site_packages / f"{name}-1.0.dist-info"
        left = shutil.copytree(info, info.with_name(f"~{info.name[1:]}".replace("1.0", "0.9")))
        (left / "METADATA").write_text(f"Name: {name}\nVersion: 0.9\n", encoding="utf-8")
    nameless = left.parent / ".dist-info"
    nameless.mkdir()
    for folder in (left.parent / "~pam-0.9.dist-info", nameless):
        (folder / "selector.json").write_text(WRONG, encoding="utf-8")
    assert lines("doctor", "spam", *python, environ=environ) == ["spam 1.0: cu12 fits this machine"]
    message = error("doctor", "spma", *python)
    assert message.startswith("error: spma is not a selector package that is installed with ")
    assert message.endswith(", did you mean 'spam'?\n")
    output, status = terminal("doctor", *python, environ=environ)
    assert status == 0
    assert "\x1b[32mspam 1.0: cu12 fits this machine" in output


def test_what_fits_is_shown_with_the_reason_against_what_one_may_have_expected(put: Put) -> None:
    python = ("--python", str(put(NONE, "spam").python))
    # As `pip install -v` says it.
    assert lines("doctor", *python, environ=NONE) == [
        "spam 1.0: cpu fits this machine; not cu12: cuda is absent: SELECTOR_CUDA is set to nothing"
    ]
    python = ("--python", str(put(OLD, "spam").python))
    assert lines("doctor", *python, environ=OLD) == [
        "spam 1.0: cu11 fits this machine; not cu12: cuda 11.8 is not >=12"
    ]
    forced = {**NONE, "SPAM_VARIANT": "cpu"}
    python = ("--python", str(put(forced, "spam").python))
    assert lines("doctor", *python, environ=forced) == ["spam 1.0: cpu fits this machine"]


def test_the_variant_no_longer_fits(put: Put) -> None:
    environment = put(GPU, "spam")
    messages, commands = finding(environment, NONE)
    assert messages == [
        "spam 1.0: cu12 does not fit this machine: cuda is absent: SELECTOR_CUDA is set to "
        "nothing; this machine gets cpu: it fits every machine",
        "spam 1.0 was chosen where cuda was 12.4, here it is absent: the machine has changed "
        "since, or the choice came from another machine, by a cache or a copy",
    ]
    assert commands == ["uninstall --yes spam spam-cu12", "install --no-cache-dir spam==1.0"]


def test_a_better_variant_fits(put: Put) -> None:
    environment = put({**OLD, "SELECTOR_CPU": "x86_64_v2"}, "spam", "ham")
    messages, _ = finding(environment, {**GPU, "SELECTOR_CPU": "haswell"})
    ham, spam = (next(one for one in messages if one.startswith(name)) for name in ("ham", "spam"))
    assert ham.startswith(
        "ham 1.0: v1 fits this machine, but is not the best for it; this machine gets v3"
    )
    assert spam.startswith(
        "spam 1.0: cu11 fits this machine, but is not the best for it; this machine gets cu12"
    )


def test_the_variant_was_forced(put: Put) -> None:
    environ = {**GPU, "SPAM_VARIANT": "cu11"}
    messages, commands = finding(put(environ, "spam"), environ)
    assert messages == [
        "spam 1.0: cu11 was asked for by SPAM_VARIANT; this machine gets cu12: cuda 12.4 is >=12"
    ]
    assert commands == [
        "uninstall --yes spam spam-cu11",
        "install --no-cache-dir --config-settings spam:variant=auto spam==1.0",
    ]


def test_the_variable_asks_for_another_variant_than_the_machine_gets(put: Put) -> None:
    environment = put(GPU, "spam")
    mend(environment, {**NONE, "SPAM_VARIANT": "cu11"})
    assert installed(environment, "spam") == {"spam", "spam-cpu"}


def test_several_that_were_forced_and_can_stand_side_by_side_are_well(put: Put) -> None:
    doctor(put({"HAM_VARIANT": "all"}, "ham"), {"SELECTOR_CPU": "haswell"}, well=True)


def test_distributions_are_missing_or_of_another_version(put: Put, distributions: Path) -> None:
    environment = put(GPU, "spam", "eggs")
    remove(environment.site_packages, "spam-cu12")
    put_wheel(environment.site_packages, distributions, "spam-cu12", "0.9")
    remove(environment.site_packages, "eggs-cu12")
    eggs, spam = doctor(environment, GPU, well=False)["findings"]
    assert eggs["messages"] == ["eggs 1.0: eggs-cu12==1.0 is not installed"]
    assert eggs["commands"][0][3:] == ["install", "eggs-cu12==1.0"]
    assert spam["messages"] == ["spam 1.0 requires spam-cu12==1.0; 0.9 is installed"]
    assert spam["commands"][0][3:] == ["install", "spam-cu12==1.0"]


def test_variants_lie_side_by_side(put: Put, distributions: Path) -> None:
    environment = put(GPU, "spam")
    put_wheel(environment.site_packages, distributions, "spam-cu11")
    assert mend(environment, GPU) == ["spam 1.0: spam-cu12, spam-cu11 are installed side by side"]
    assert installed(environment, "spam") == {"spam", "spam-cu12"}
    assert environment.run("-c", "import spam_here; print(spam_here.variant)").stdout == "cu12\n"


def test_a_variant_of_another_release_has_the_same_files(put: Put, distributions: Path) -> None:
    environment = put(GPU, "spam")
    put_wheel(environment.site_packages, distributions, "spam-cuda12", "0.9")
    for name in ("spam_cuda12-0.9", "spam_cu12-1.0"):  # as pip records what it compiles, and first
        record = environment.site_packages / f"{name}.dist-info/RECORD"
        compiled = "__pycache__/spam_here.cpython-311.pyc,,\n"
        record.write_text(compiled + record.read_text("utf-8"), encoding="utf-8")
    assert mend(environment, GPU) == [
        "spam 1.0: spam-cuda12 is installed, too, and has the same spam_here.py"
    ]
    assert installed(environment, "spam") == {"spam", "spam-cu12"}
    assert environment.run("-c", "import spam_here; print(spam_here.variant)").stdout == "cu12\n"


def test_a_variant_that_another_package_requires_is_kept(put: Put, distributions: Path) -> None:
    environment = put(GPU, "spam")
    for name in ("needs-cpu", "spam-cpu"):
        put_wheel(environment.site_packages, distributions, name)
    assert mend(environment, GPU) == [
        "spam 1.0: cu12 was chosen; needs-cpu requires spam-cpu>=1, so cpu stays",
        "spam 1.0: spam-cu12, spam-cpu are installed side by side",
    ]
    assert installed(environment, "spam") == {"spam", "spam-cpu"}
    assert environment.run("-c", "import spam_here; print(spam_here.variant)").stdout == "cpu\n"
    environment.pip("check")


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        (
            ("cu12",),
            "no variant is right for all: needs-cu12 requires spam-cu12>=1; cu12 does not fit: "
            "cuda is absent: SELECTOR_CUDA is set to nothing",
        ),
        (
            ("cpu", "cu12"),
            "no variant is right for all: needs-cpu requires spam-cpu>=1 and needs-cu12 requires "
            "spam-cu12>=1; cu12 does not fit: cuda is absent: SELECTOR_CUDA is set to nothing",
        ),
    ],
)
def test_where_others_require_what_cannot_be_kept_there_is_no_way(
    put: Put, distributions: Path, needs: tuple[str, ...], why: str
) -> None:
    environment = put(GPU, "spam")
    for variant in needs:
        put_wheel(environment.site_packages, distributions, f"needs-{variant}")
        if variant == "cpu":
            put_wheel(environment.site_packages, distributions, "spam-cpu")
    messages, commands = finding(environment, NONE)
    assert messages[-1] == f"spam 1.0: {why}; uninstall, or replace, what requires it"
    assert commands == []
    assert "To fix it:" not in lines(
        "doctor", "--python", environment.python, environ=NONE, status=1
    )


def test_a_variant_lies_there_in_place_of_the_chosen_one(put: Put, distributions: Path) -> None:
    environment = put(GPU, "spam")
    remove(environment.site_packages, "spam-cu12")
    put_wheel(environment.site_packages, distributions, "spam-cu11")
    messages, commands = finding(environment, GPU)
    assert messages == [
        "spam 1.0: spam-cu11 is installed in place of the variant cu12",
        "spam 1.0: spam-cu12==1.0 is not installed",
    ]
    assert commands == ["uninstall --yes spam spam-cu11", "install spam==1.0"]


WRONG = """{"format": 1, "project": "spam", "version": "1.0", "variants": ["cu12"],
"verdicts": [{"name": "cu12", "when": 5}]}"""


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 2}',
        WRONG,
        "",
        "[" * 100_000,
        '{"format": 1}',
        '{"format": 1, "variants": [1]}',
    ],
)
def test_a_record_that_cannot_be_read(put: Put, text: str) -> None:
    environment = put(GPU, "spam")
    (record,) = environment.site_packages.glob("spam-1.0.dist-info/selector.json")
    record.write_text(text)
    message = error("explain", "spam", "--python", environment.python, status=1)
    assert message.startswith("error: spam 1.0: its record cannot be read: ")
    answer = data("explain", "spam", "--python", environment.python, status=1)
    assert f"error: {answer['problem']}\n" == message
    assert (answer["decision"], answer["installed"]) == (None, None)
    (found,) = doctor(environment, GPU, well=False)["findings"]
    assert found["projects"] == ["spam"]
    assert [words[3:] for words in found["commands"]] == [
        ["uninstall", "--yes", "spam", "spam-cu12"],
        ["install", "--no-cache-dir", "spam==1.0"],
    ]


def test_a_record_that_is_damaged_in_one_place(put: Put) -> None:
    environment = put(GPU, "spam")
    (file,) = environment.site_packages.glob("spam-1.0.dist-info/selector.json")
    whole = environment.record()
    table = whole["table"]
    cu12 = table["variants"][0]
    marker, refusal = {"when": [{"marker": "{"}]}, {"when": [], "refuse": "No {cuda.x} }"}
    for damaged, said in (
        ({"requires": ["a b"]}, "its record cannot be read: requires is not a list of require"),
        ({"requires": ["a; " + "(" * 5000]}, "its record cannot be read: requires is not a list"),
        (
            {"table": {**table, "variants": [{**cu12, "extras": {"gpu": ["a b"]}}]}},
            "its record cannot be read: requires is not a list",
        ),
        ({"table": {**table, "variants": []}}, "its record cannot be read: its table is not"),
        ({"table": {**table, "project": "--pre"}}, "its record cannot be read: its table is of --"),
        ({"table": {**table, "version": "2.0"}}, "its record cannot be read: its table is of spam"),
        (
            {"variants": ["rocm"]},
            "rocm fits this machine, but is not the best for it; this machine gets cu12",
        ),
        ({"table": {**table, "variants": [{**cu12, **marker}]}}, "marker { cannot be told: '{' is"),
        (
            {"table": {**table, "variants": [{**cu12, **refusal}]}},
            "this machine gets nothing",
        ),
    ):
        file.write_text(json.dumps({**whole, **damaged}), encoding="utf-8")
        (finding,) = doctor(environment, GPU, well=False)["findings"]
        assert said in finding["messages"][0]
        process = command("explain", "spam", "--python", environment.python, environ=GPU)
        assert "Traceback" not in process.stderr


def test_metadata_that_is_not_utf_8_and_a_record_that_leads_in_a_circle(put: Put) -> None:
    environment = put(GPU, "spam")
    for name in ("METADATA", "INSTALLER", "RECORD"):
        (file,) = environment.site_packages.glob(f"spam_cu12-1.0.dist-info/{name}")
        file.write_bytes(file.read_bytes() + b"Author: Zo\xeb\n")
    doctor(environment, GPU, well=True)
    info = environment.site_packages / "spam-1.0.dist-info"
    (info / "selector.json").unlink()
    (info / "selector.json").symlink_to(info / "selector.json")
    extra = b'Name: spam\nVersion: 1.0\nRequires-Dist: spam-cu12==1.0; extra == "plot"\n'
    broken = b"Name: --pre\nVersion: -r other\nRequires-Dist: [\n"
    for metadata in (b"Name: Zo\xeb", broken, extra):
        (info / "METADATA").write_bytes(metadata)
        (found,) = doctor(environment, GPU, well=False)["findings"]
        assert found["projects"] == ["spam"]
        cannot_be_read = "spam 1.0: its record cannot be read: Too many levels"
        assert found["messages"][0].startswith(cannot_be_read)
        assert [words[-1] for words in found["commands"]] == ["spam", "spam==1.0"]
    (info / "METADATA").write_text("Name: eggs\nVersion: 1.0\n", encoding="utf-8")
    (found,) = doctor(environment, GPU, well=False)["findings"]
    assert found["projects"] == ["eggs"]


def test_what_is_stated_is_what_the_commands_install(put: Put) -> None:
    shown = ("doctor", "--python", put(GPU, "spam").python, "--set", "cuda=11.8")
    assert not [line for line in lines(*shown, status=1) if "the machine has changed" in line]
    (found,) = data(*shown, status=1)["findings"]
    # A build that was kept was made for this machine.
    install = ["install", "--no-cache-dir", "--config-settings", "spam:variant=cu11", "spam==1.0"]
    assert found["commands"][1][3:] == install


def test_packages_disagree(put: Put, distributions: Path) -> None:
    environment = put(GPU, "spam")
    put_package(environment.site_packages, distributions, "eggs", OLD)
    messages, commands = finding(environment, GPU)
    assert messages[0] == (
        "eggs 1.0: cu11 does not fit this environment: spam 1.0 is installed with cuda = 12; "
        "this machine gets cu12: cuda 12.4 is >=12"
    )
    assert commands == ["uninstall --yes eggs eggs-cu11", "install --no-cache-dir eggs==1.0"]


def test_a_choice_that_another_package_narrows_is_well(put: Put, distributions: Path) -> None:
    environment = put(GPU, "old")
    for name in ("spam", "eggs"):
        put_package(environment.site_packages, distributions, name, OLD)
    assert installed(environment, "spam", "eggs") == {"spam", "spam-cu11", "eggs", "eggs-cu11"}
    doctor(environment, GPU, well=True)


def test_packages_change_together_as_the_machine_does(put: Put) -> None:
    environment = put(GPU, "spam", "eggs")
    found = mend(environment, OLD)
    assert [message.partition(" ")[0] for message in found] == ["eggs", "eggs", "spam", "spam"]
    # One by one, each would have given way to the other's CUDA 12, and got cpu.
    assert installed(environment, "spam", "eggs") == {"spam", "spam-cu11", "eggs", "eggs-cu11"}


def test_a_choice_out_of_another_machines_cache(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    environment.pip("wheel", "--no-deps", "spam", "-w", str(environment.folder), environ=GPU)
    environment.pip("install", "spam", environ=NONE)
    assert environment.record()["variants"] == ["cu12"]  # what `pip wheel` kept
    assert "by a cache or a copy" in mend(environment, NONE)[1]
    assert environment.record()["variants"] == ["cpu"]


@pytest.mark.nightly
def test_builds_that_were_kept_are_of_other_variants(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index)
    wheels = ("--no-deps", "--wheel-dir", str(environment.folder))
    environment.pip("wheel", *wheels, "spam", environ=GPU)
    environment.pip("install", "old", environ=GPU)
    environment.pip("install", "spam", environ=GPU)
    assert installed(environment, "spam") == {"spam", "spam-cu12"}  # disagrees with old's CUDA 11
    mend(environment, GPU)
    assert installed(environment, "spam") == {"spam", "spam-cu11"}


def test_what_was_installed_from_elsewhere_is_installed_from_there(
    make_environment: MakeEnvironment, index: Index, tmp_path: Path, distributions: Path
) -> None:
    environment = make_environment(index)
    sdist = Path(shutil.copy(distributions / "spam-1.0.tar.gz", tmp_path))
    variant = Path(shutil.copy(distributions / "spam_cu12-1.0-py3-none-any.whl", tmp_path))
    environment.pip("install", str(sdist), str(variant), environ=GPU)
    (origin,) = environment.site_packages.glob("spam-1.0.dist-info/direct_url.json")
    mend(environment, NONE)
    assert sdist.as_uri() in origin.read_text(encoding="utf-8")
    here = read_interpreter(str(environment.python))
    url, commit = "https://example.com/spam", "a" * 40
    git = {"url": url, "vcs_info": {"vcs": "git", "commit_id": commit}, "subdirectory": "a/b"}
    for origin_data, requirement in (
        (git, f"spam @ git+{url}@{commit}#subdirectory=a/b"),
        ({"url": f"{url}/spam-1.0-py3-none-any.whl"}, "spam==1.0"),  # its choice is made
        ({"url": f"{sdist.as_uri()}.gone"}, "spam==1.0"),
        ({"url": 1}, "spam==1.0"),
        ([], "spam==1.0"),
        ({"url": f"{url} ; other"}, "spam==1.0"),
        ("[" * 100_000, "spam==1.0"),
    ):
        text = origin_data if isinstance(origin_data, str) else json.dumps(origin_data)
        origin.write_text(text, encoding="utf-8")
        assert read_installed(here).request("spam", "1.0") == requirement


@pytest.mark.nightly
def test_a_pip_that_cannot_be_asked_for_a_variant_is_upgraded(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index, pip=OLDEST_PIP)
    environment.pip("install", "spam", environ={**GPU, "SPAM_VARIANT": "cpu"})
    mend(environment, GPU)
    assert installed(environment, "spam") == {"spam", "spam-cu12"}


def test_nothing_fits_any_more(
    make_environment: MakeEnvironment, serve: Callable[[Path], Index], tmp_path: Path
) -> None:
    table = HEAD + CU12 + CU11
    build_sdist(write_project(tmp_path / "source", table), tmp_path / "dist")
    write_wheel(tmp_path / "dist", "spam-cu12")
    environment = make_environment(serve(tmp_path / "dist"))
    put_package(environment.site_packages, tmp_path / "dist", "spam", GPU)
    assert "this machine gets nothing" in mend(environment, NONE)[0]
    assert not installed(environment, "spam")


def test_an_environment_without_pip_is_mended_by_uv(
    make_environment: MakeEnvironment, index: Index
) -> None:
    environment = make_environment(index, pip=None)
    environment.uv("pip", "install", "spam", environ=GPU)
    mend_by_uv(environment, NONE)
    assert installed(environment, "spam") == {"spam", "spam-cpu"}
    (record,) = environment.site_packages.glob("spam-*.dist-info/selector.json")
    record.write_text("")
    mend_by_uv(environment, GPU)
    assert installed(environment, "spam") == {"spam", "spam-cu12"}


def mend_by_uv(environment: Environment, environ: Mapping[str, str]) -> None:
    found = doctor(environment, environ, well=False)["findings"]
    for program, *arguments in found[0]["commands"]:
        assert program == "uv"
        environment.uv(*arguments, environ=environ)
    doctor(environment, environ, well=True)


def test_an_environment_without_pip_shows_an_install_nothing(
    make_environment: MakeEnvironment, index: Index, distributions: Path
) -> None:
    environment = make_environment(index, pip=None)
    for name in ("spam", "old"):  # one command for both stops
        put_package(environment.site_packages, distributions, name, GPU)
    found = doctor(environment, GPU, well=False)["findings"]
    assert found[0]["messages"] == [
        "spam 1.0: cu12 does not fit this environment: old 1.0 is installed with cuda = 11; "
        "this machine gets cu11: cuda 12.4 is >=11.2"
    ]
    for _, *arguments in found[0]["commands"]:
        environment.uv(*arguments, environ=GPU)
    doctor(environment, GPU, well=True)
    assert installed(environment, "spam", "old") == {"spam", "spam-cu11", "old", "old-cu11"}


def test_the_python_has_to_be_one(tmp_path: Path) -> None:
    assert "not a Python that runs" in error("doctor", "--python", tmp_path / "python")
