"""The process that called this one, on Windows. Nothing else imports this module.

Arguments and folder lie in the memory of that process, where its process environment block (PEB)
points to them. What is at which offset depends on the size of a pointer alone: x86-64 and ARM64 are
alike. https://learn.microsoft.com/windows/win32/api/winternl/ns-winternl-peb
"""

from __future__ import annotations

import os
import re
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

#: Between a frontend and its hook there is one at most, but one may start another.
_MOST_LAUNCHERS = 4
#: PROCESS_QUERY_LIMITED_INFORMATION and PROCESS_VM_READ
_ACCESS = 0x1000 | 0x10
#: What `NtQueryInformationProcess` is asked for.
_BASIC, _TIMES, _WOW64 = 0, 4, 26
#: By the size of a pointer, where the PEB points to the process's parameters, and where these have
#: the folder and the command line.
_OFFSETS = {4: (0x10, 0x24, 0x40), 8: (0x20, 0x38, 0x70)}


def calling_process() -> tuple[tuple[str, ...], str, str]:
    """Return the caller's arguments, its folder, and its PID and start.

    The ``python.exe`` of a virtual environment is a launcher, which starts the interpreter with its
    own arguments. It is passed over. Raises `OSError` if the caller is not known.
    """
    _, arguments, _, start, parent = _process(os.getpid())
    for _ in range(_MOST_LAUNCHERS):
        own, started = arguments, start
        pid, arguments, folder, start, parent = _process(parent)
        if start > started:
            break  # the caller has ended, and another process has its PID
        if arguments[1:] != own[1:]:
            return arguments, folder, f"{pid}-{start}"
    raise OSError("the calling process is not known")


def _process(pid: int) -> tuple[int, tuple[str, ...], str, int, int]:
    """Return a process's PID, arguments, folder, start and parent. Raises `OSError`."""
    if sys.platform != "win32":
        raise OSError("this is not Windows")
    import ctypes

    kernel, native = ctypes.WinDLL("kernel32"), ctypes.WinDLL("ntdll")
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(_ACCESS, False, pid))
    if not handle:
        raise OSError(f"process {pid} may not be read")
    query, read, number = native.NtQueryInformationProcess, native.NtReadVirtualMemory, "c_size_t"

    def ask(kind: int, form: str) -> tuple[int, ...]:
        buffer = ctypes.create_string_buffer(struct.calcsize(form))
        if query(handle, kind, buffer, len(buffer), None):
            raise OSError(f"process {pid} tells nothing")
        return struct.unpack(form, buffer.raw)

    def memory(address: int, size: int) -> bytes:
        buffer, integer = ctypes.create_string_buffer(size), getattr(ctypes, number)
        if read(handle, integer(address), buffer, integer(size), None):
            raise OSError(f"process {pid} cannot be read")
        return buffer.raw

    try:
        (start,) = ask(_TIMES, "=Q24x")  # in units of 100 ns since 1601
        (wow64,) = ask(_WOW64, "@P")  # of a process of 32 bits on a system of 64: its PEB
        word, form = struct.calcsize("P"), "@6P"
        wide = word == 8
        if not (wide or wow64) and hasattr(native, "NtWow64ReadVirtualMemory64"):
            query, read = native.NtWow64QueryInformationProcess64, native.NtWow64ReadVirtualMemory64
            word, form, number = 8, "=6Q", "c_uint64"
        _, peb, _, _, _, parent = ask(_BASIC, form)
        if wide and wow64:
            word, peb = 4, wow64
        arguments, folder = read_parameters(memory, peb, word)
    finally:
        kernel.CloseHandle(handle)
    return pid, tuple(arguments), folder, start, parent


def read_parameters(
    memory: Callable[[int, int], bytes], peb: int, word: int
) -> tuple[list[str], str]:
    """Return a process's arguments and folder.

    ``memory`` returns the bytes at an address, ``peb`` is the address of the process environment
    block, and ``word`` is the size of a pointer.
    """
    at_parameters, at_folder, at_line = _OFFSETS[word]

    def pointer(address: int) -> int:
        return int.from_bytes(memory(address, word), "little")

    def text(address: int) -> str:
        # A UNICODE_STRING has its length in bytes, its room, and a pointer.
        length = int.from_bytes(memory(address, 2), "little")
        content = memory(pointer(address + word), length) if length else b""
        return content.decode("utf-16-le", "surrogatepass")

    parameters = pointer(peb + at_parameters)
    folder = re.sub(r"(?<=[^:\\])\\$", "", text(parameters + at_folder))
    return split_line(text(parameters + at_line)), folder


def split_line(line: str) -> list[str]:
    """Return the arguments in a command line, as programs of C, Python and Rust split it.

    https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
    """
    program = re.match(r'"([^"]*)"?|([^ \t]*)', line)
    assert program is not None
    arguments = [program[1] or program[2] or ""]
    current, started, quoted, closed = "", False, False, False
    for piece in re.findall(r'\\*"|\\+|[ \t]+|[^\\" \t]+', line[program.end() :]):
        was_closed, closed = closed, False
        if piece.endswith('"'):
            backslashes, literal = divmod(len(piece) - 1, 2)
            current += "\\" * backslashes
            if literal or (was_closed and not backslashes):  # `""` between quotes is one, too
                current += '"'
                quoted = quoted or not literal
            else:
                quoted, closed = not quoted, quoted
            started = True
        elif quoted or piece[0] not in " \t":
            current, started = current + piece, True
        elif started:
            arguments.append(current)
            current, started = "", False
    return [*arguments, current] if started else arguments
