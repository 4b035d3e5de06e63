"""Commands as each shell takes them. What Windows' own shells make of them is tried on Windows."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selector_backend.installing.shell import (
    CMD,
    POSIX,
    POWERSHELL,
    quote,
    shell_at_hand,
    show_command,
    show_variables,
)

OF_ALL = r"C:\Program Files\WindowsPowerShell\Modules;C:\WINDOWS\system32\v1.0\Modules"
OF_USER = r"C:\Users\me\OneDrive\Documents\PowerShell\Modules;"
PROGRAM = r"C:\Program Files\Python\python.exe"


@pytest.mark.parametrize(
    ("environ", "system", "shell"),
    [
        ({"PROMPT": "$P$G"}, "posix", POSIX),
        ({"PSModulePath": "/root/.local/share/powershell/Modules"}, "posix", POSIX),
        ({"PROMPT": "$P$G", "PSModulePath": OF_ALL}, "nt", CMD),
        ({"PROMPT": "$P$G"}, "nt", CMD),
        ({"PSModulePath": OF_USER + OF_ALL}, "nt", POWERSHELL),
        ({"PSModulePath": OF_ALL}, "nt", POWERSHELL),  # whose documents are elsewhere
        ({"PROMPT": "$P$G", "PSModulePath": OF_USER + OF_ALL}, "nt", POWERSHELL),
        ({"MSYSTEM": "MINGW64", "PSModulePath": OF_ALL}, "nt", POSIX),
        ({}, "nt", POWERSHELL),
    ],
)
def test_the_variables_tell_the_shell(environ: dict[str, str], system: str, shell: str) -> None:
    assert shell_at_hand(environ, system) == shell


@pytest.mark.parametrize(
    ("words", "cmd", "powershell"),
    [
        (("pip", "install", "spam==1.0"), "pip install spam==1.0", "pip install spam==1.0"),
        ((PROGRAM, "-m", "pip"), f'"{PROGRAM}" -m pip', f"& '{PROGRAM}' -m pip"),
        (("cd", "D:\\a b\\"), 'cd "D:\\a b\\\\"', "cd 'D:\\a b\\'"),
        (("pip", "spam>=1,<2"), 'pip "spam>=1,<2"', "pip 'spam>=1,<2'"),
        (("pip", "v=a,b"), "pip v=a,b", "pip 'v=a,b'"),
        (("pip", "-Ca.b=1"), "pip -Ca.b=1", "pip '-Ca.b=1'"),
        (("echo", "it's"), 'echo "it\'s"', "echo 'it''s'"),
        (("echo", 'a "b"'), r'echo "a \"b\""', "echo 'a \"b\"'"),
    ],
)
def test_windows_shells_have_quotes_of_their_own(
    words: tuple[str, ...], cmd: str, powershell: str
) -> None:
    assert show_command(words, CMD) == cmd
    assert show_command(words, POWERSHELL) == powershell
    assert show_command(words, POSIX) == shlex.join(words)


def test_variables_are_set_as_each_shell_does() -> None:
    variables = {"SPAM_VARIANT": "cpu", "EGGS_VARIANT": "cpu"}
    posix, cmd, powershell = (
        show_variables(variables, "uv sync", shell) for shell in (POSIX, CMD, POWERSHELL)
    )
    assert cmd == 'set "SPAM_VARIANT=cpu" && set "EGGS_VARIANT=cpu" && uv sync'
    assert powershell == "$env:SPAM_VARIANT = 'cpu'; $env:EGGS_VARIANT = 'cpu'; uv sync"
    assert posix == "SPAM_VARIANT=cpu EGGS_VARIANT=cpu uv sync"
    assert show_variables({"SPAM_VARIANT": "cpu"}, shell=POSIX) == "SPAM_VARIANT=cpu"


@given(st.text())
def test_a_program_on_windows_gets_the_word(word: str) -> None:
    """By the rules of Microsoft's C library; Python has them, and quotes what has a blank."""
    assert quote(f" {word}", CMD) == subprocess.list2cmdline([f" {word}"])
