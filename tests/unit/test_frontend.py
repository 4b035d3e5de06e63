"""Who calls the backend, by what it sees of its caller; the rows are as real callers look."""

from __future__ import annotations

import pytest
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from selector_backend.frontend import Frontend, Mark, identify

PIP = "/venv/lib/python3.13/site-packages/pip/_vendor/pyproject_hooks/_in_process/_in_process.py"
OLD_PIP = "/venv/lib/python3.9/site-packages/pip/_vendor/pep517/_in_process.py"
WINDOWS_PIP = r"C:\venv\Lib\site-packages\pip\_vendor\pyproject_hooks\_in_process\_in_process.py"
BUILD = "/venv/lib/python3.13/site-packages/pyproject_hooks/_in_process/_in_process.py"
ZIPPED = "/tmp/abc_in_process.py"
UV = "UV=/usr/bin/uv"
TRACKER = "PIP_BUILD_TRACKER=/tmp/t"

CASES = [
    # argv[0], variable, the parent's command line, frontend and mark
    (PIP, TRACKER, "/venv/bin/python -m pip install spam", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python /venv/bin/pip3.13 install spam", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python -X utf8 -Im pip --python x install spam", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python -m pip --cache-dir wheel install spam", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python -m pip wheel spam", "pip", Mark.NONE),
    (PIP, TRACKER, "/venv/bin/python -m pip -v --log install wheel spam", "pip", Mark.NONE),
    (PIP, TRACKER, "/venv/bin/python /lib/pip/__pip-runner__.py wheel spam", "pip", Mark.NONE),
    (PIP, TRACKER, "/venv/bin/python /lib/pip/__main__.py wheel spam", "pip", Mark.NONE),
    (PIP, TRACKER, "/venv/bin/python -m pip download spam", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python -m pip", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python /venv/bin/pip-compile wheel", "pip", Mark.TAG),
    (PIP, TRACKER, "/venv/bin/python deploy.py wheel", "pip", Mark.TAG),
    (PIP, TRACKER, None, "pip", Mark.TAG),
    (PIP, UV, "/venv/bin/python -m pip install spam", "pip", Mark.TAG),
    (PIP, UV, "/venv/bin/python -m pip wheel spam", "pip", Mark.NONE),
    (OLD_PIP, "PIP_REQ_TRACKER=/tmp/t", "/venv/bin/python -m pip install spam", "pip", Mark.TAG),
    (WINDOWS_PIP, TRACKER, None, "pip", Mark.TAG),
    (ZIPPED, TRACKER, "/venv/bin/python pip.pyz install spam", "pip", Mark.TAG),
    (
        ZIPPED,
        TRACKER,
        "/venv/bin/python /x/pip-26.3-py3-none-any.whl/pip wheel .",
        "pip",
        Mark.NONE,
    ),
    (ZIPPED, TRACKER, None, "pip", Mark.TAG),
    ("-c", UV, "uv pip install spam", "uv", Mark.LABEL),
    ("-c", UV, "/home/me/.local/bin/uv --directory build pip install spam", "uv", Mark.LABEL),
    ("-c", UV, "uv sync", "uv", Mark.LABEL),
    ("-c", UV, "uv lock", "uv", Mark.LABEL),
    ("-c", UV, "uv run --with build spam", "uv", Mark.LABEL),
    ("-c", UV, "uv tool uvx --from spam-app app", "uv", Mark.LABEL),
    ("-c", UV, "uvx app", "uv", Mark.LABEL),
    ("-c", UV, "uv build", "uv", Mark.NONE),
    ("-c", UV, "uv --offline -q build --wheel", "uv", Mark.NONE),
    ("-c", UV, r"C:\bin\uv.exe build", "uv", Mark.NONE),
    ("-c", UV, None, "uv", Mark.LABEL),
    ("-c", "", "uv pip install spam", "", Mark.NONE),
    ("-c", UV, "/bin/sh -c make", "", Mark.NONE),
    ("-c", "", None, "", Mark.NONE),
    (BUILD, "", "/venv/bin/python -m build uv", "", Mark.NONE),
    (BUILD, UV, "/venv/bin/python -m build --installer uv", "", Mark.NONE),
    (BUILD, UV, None, "", Mark.NONE),
    (BUILD, "", "/venv/bin/python /venv/bin/tox -e pip", "", Mark.NONE),
    (BUILD, "", "/venv/bin/python /venv/bin/poetry install", "poetry", Mark.TAG),
    (BUILD, "", "/venv/bin/python -m pdm sync", "pdm", Mark.TAG),
    ("", "", "", "", Mark.NONE),
]


@pytest.mark.parametrize(("script", "variable", "parent", "name", "mark"), CASES)
def test_the_caller_is_recognised(
    script: str, variable: str, parent: str | None, name: str, mark: Mark
) -> None:
    environ = dict([variable.split("=")]) if variable else {}
    words = None if parent is None else parent.split()
    assert identify([script, "build_wheel"], environ, words) == Frontend(name, mark)


@pytest.mark.parametrize(
    ("folder", "mark"),
    [
        ("/cache/sdists-v9/pypi/spam/1.0/rev/src", Mark.LABEL),
        ("/cache/sdists-v11/index/0123/spam/1.0/rev/src", Mark.LABEL),
        ("/cache/sdists-v9/path/0123/rev/src", Mark.NONE),
        ("C:\\cache\\sdists-v9\\path\\0123\\rev\\src", Mark.NONE),
        ("/home/me/path/spam", Mark.LABEL),
    ],
)
def test_what_uv_installs_from_a_file_gets_no_label(folder: str, mark: Mark) -> None:
    found = identify(["-c"], {"UV": "uv"}, ["uv", "pip", "install", "x.tar.gz"], folder)
    assert found == Frontend("uv", mark)


MANY = [f"variant-{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("variants", "tag", "label"),
    [
        (["cu12"], "selected_cu12", "cu12"),
        (["cpu-avx2"], "selected_cpu_avx2", "cpu.avx2"),
        (["cpu", "avx2"], "selected_cpu_avx2", "cpu.avx2"),
        (["CU_12.4"], "selected_cu_12_4", "cu.12.4"),
    ],
)
def test_names_become_valid_tags_and_labels(variants: list[str], tag: str, label: str) -> None:
    assert Frontend("pip", Mark.TAG).tag(variants) == f"py3-none-{tag}"
    assert Frontend("uv", Mark.LABEL).label(Version("1.0"), variants) == label
    assert str(Version(f"1.0+{label}")) == f"1.0+{label}"


def test_many_variants_still_make_a_file_name() -> None:
    tag = Frontend("pip", Mark.TAG).tag(MANY)
    label = Frontend("uv", Mark.LABEL).label(Version("1.0"), MANY)
    parse_wheel_filename(f"spam-1.0+{label}-{tag}.whl")
    assert len(tag) < 200 > len(label)


def test_a_version_with_a_label_of_its_own_gets_no_other() -> None:
    assert Frontend("uv", Mark.LABEL).label(Version("1.0+own"), ["cu12"]) == ""
