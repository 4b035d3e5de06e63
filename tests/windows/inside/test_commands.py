"""The command on Windows: where its output is not UTF-8, and folders have other letters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import COMMAND
from support.project import hook_environ

#: What the output is encoded in: Western Europe's, the first PCs', and Python's UTF-8 mode.
CODE_PAGES = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "UTF-8": {"PYTHONUTF8": "1"},
}


@pytest.fixture(params=CODE_PAGES)
def code_page(request: pytest.FixtureRequest) -> dict[str, str]:
    return CODE_PAGES[request.param]


def command(folder: Path, code_page: dict[str, str], *arguments: str, status: int = 0) -> str:
    """Run the command in a folder, and return what it writes."""
    process = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=hook_environ(**code_page),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    output, errors = (
        text.decode(code_page.get("PYTHONIOENCODING", "utf-8"))
        for text in (process.stdout, process.stderr)
    )
    assert (process.returncode, "Traceback" in errors) == (status, False), output + errors
    return output


def test_from_the_first_command_to_an_sdist(tmp_path: Path, code_page: dict[str, str]) -> None:
    folder = tmp_path / "a b & čü"
    folder.mkdir()
    command(folder, code_page, "init", "eggs", "cu12", "cpu")
    spam = folder / "eggs" / "eggs"
    assert (spam / "pyproject.toml").is_file()
    command(spam, code_page, "check")
    assert "cpu" in command(spam, code_page, "explain")
    assert "cu12" in command(spam, code_page, "explain", "--set", "cuda=12.4")
    assert "cu12" in command(spam, code_page, "matrix")
    build = "import selector_backend; print(selector_backend.build_sdist('.'))"
    subprocess.run([sys.executable, "-c", build], cwd=spam, check=True)
    (sdist,) = spam.glob("*.tar.gz")
    assert "cpu" in command(folder, code_page, "explain", str(sdist))


def test_the_machine_is_told(tmp_path: Path, code_page: dict[str, str]) -> None:
    facts = json.loads(command(tmp_path, code_page, "machine", "--json"))["facts"]
    assert facts["marker"]["value"]["sys_platform"] == "win32"
    assert "value" in facts["cpu"]
    assert facts["cuda"]["absent"]
    assert "cuda" in command(tmp_path, code_page, "machine")


def test_a_wrong_table_is_one_message(tmp_path: Path, code_page: dict[str, str]) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.selector]\nkind = 'é'\n", encoding="utf-8")
    command(tmp_path, code_page, "check", status=1)


def test_doctor_finds_nothing_wrong(tmp_path: Path, code_page: dict[str, str]) -> None:
    command(tmp_path, code_page, "doctor")
