"""The calling process on Windows, from bytes as Windows lays them out."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selector_backend.installing.windows_caller import read_parameters, split_line

#: <winternl.h>, and what it calls reserved: numbers of 32 bits, pointers, and UNICODE_STRINGs.
PEB = "BeingDebugged:4 Mutant:p ImageBaseAddress:p Ldr:p ProcessParameters:p SubSystemData:p"
PARAMETERS = (
    "MaximumLength:4 Length:4 Flags:4 DebugFlags:4 ConsoleHandle:p ConsoleFlags:4 "
    "StandardInput:p StandardOutput:p StandardError:p CurrentDirectory:s CurrentDirectoryHandle:p "
    "DllPath:s ImagePathName:s CommandLine:s Environment:p StartingX:4 StartingY:4 CountX:4 "
    "CountY:4 CountCharsX:4 CountCharsY:4 FillAttribute:4 WindowFlags:4 ShowWindowFlags:4 "
    "WindowTitle:s DesktopInfo:s ShellInfo:s RuntimeData:s "
    + "Flags:4 TimeStamp:4 DosPath:s " * 32
    + "EnvironmentSize:p"
)
START = 0x7F0000


class Memory:
    """The memory of a process, in which whatever is read is there or fails."""

    def __init__(self, word: int) -> None:
        self.word, self.content = word, b""

    def __call__(self, address: int, size: int) -> bytes:
        offset = address - START
        if size < 1 or offset < 0 or offset + size > len(self.content):
            raise OSError("no such memory")
        return self.content[offset : offset + size]

    def add(self, content: bytes) -> int:
        """Return the address at which ``content`` is put."""
        address = START + len(self.content)
        self.content += content + b"\1" * (-len(content) % 8)
        return address

    def structure(self, fields: str, **values: int | str) -> int:
        content = b""
        for field in fields.split():
            name, _, kind = field.partition(":")
            size = 4 if kind == "4" else self.word
            value = values.get(name, 0)
            if isinstance(value, str):
                text = value.encode("utf-16-le", "surrogatepass")
                content += b"\1" * (-len(content) % size)
                content += len(text).to_bytes(2, "little") + (len(text) + 2).to_bytes(2, "little")
                value = self.add(text + b"\0\0")
            elif kind == "s":
                content += bytes(-len(content) % size + 4)
            content += b"\1" * (-len(content) % size) + value.to_bytes(size, "little")
        return self.add(content)


def read(word: int, line: str, folder: str) -> tuple[list[str], str, list[str]]:
    memory = Memory(word)
    block = "A=1\0VIRTUAL_ENV=C:\\ü\0\0".encode("utf-16-le")
    parameters = memory.structure(
        PARAMETERS,
        CurrentDirectory=folder,
        CommandLine=line,
        DllPath=r"C:\other",
        Environment=memory.add(block) if line else 1,
        EnvironmentSize=len(block),
    )
    return read_parameters(memory, memory.structure(PEB, ProcessParameters=parameters), word)


@pytest.mark.parametrize("word", [4, 8])
@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("C:\\a b\\ü\\", "C:\\a b\\ü"),
        ("C:\\", "C:\\"),
        ("\\\\server\\share\\", "\\\\server\\share"),
        ("C:\\\ud800\\", "C:\\\ud800"),
    ],
)
def test_arguments_folder_and_variables_are_read(word: int, written: str, folder: str) -> None:
    line = '"C:\\Program Files\\Python\\python.exe" -m pip install "a ü" \ud800'
    arguments = ["C:\\Program Files\\Python\\python.exe", "-m", "pip", "install", "a ü", "\ud800"]
    variables = ["A=1", "VIRTUAL_ENV=C:\\ü", "", ""]
    assert read(word, line, written) == (arguments, folder, variables)


@pytest.mark.parametrize("word", [4, 8])
def test_a_process_without_arguments_folder_or_variables_has_none(word: int) -> None:
    assert read(word, "", "") == ([""], "", [])


@pytest.mark.parametrize("word", [4, 8])
def test_memory_that_is_gone_is_an_error(word: int) -> None:
    with pytest.raises(OSError, match="no such memory"):
        read_parameters(Memory(word), START, word)


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        # https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
        (r'x "a b c" d e', ["a b c", "d", "e"]),
        (r'x "ab\"c" "\\" d', ['ab"c', "\\", "d"]),
        (r'x a\\\b d"e f"g h', [r"a\\\b", "de fg", "h"]),
        (r"x a\\\"b c d", [r"a\"b", "c", "d"]),
        (r'x a\\\\"b c" d e', [r"a\\b c", "d", "e"]),
        ('x a"b"" c d', ['ab" c d']),
        # Of the program, a backslash stands for itself.
        (r'"C:\a b\" c', ["c"]),
        ('"C:\\a b\\x.exe"d  \t e ', ["d", "e"]),
        ('x "" ""', ["", ""]),
        ('x "open', ["open"]),
        ('"open', []),
    ],
)
def test_a_command_line_is_split_as_programs_do(line: str, arguments: list[str]) -> None:
    assert split_line(line)[1:] == arguments


@given(st.lists(st.text()))
@example(["", 'a"b', "c\\", 'd\\"e f\\\\', "\n", "--x=a b"])
def test_a_command_line_of_python_is_split_as_it_was(arguments: list[str]) -> None:
    assert split_line(subprocess.list2cmdline(["C:\\a b\\x.exe", *arguments]))[1:] == arguments
