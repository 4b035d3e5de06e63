"""The process that called this one, on Windows.

The process environment block (PEB) in that process's memory points to its arguments, folder and
variables. The offsets depend only on the size of a pointer: they are the same on x86-64 and ARM64.
https://learn.microsoft.com/windows/win32/api/winternl/ns-winternl-peb
"""

from __future__ import annotations

import os
import re
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

#: Between a frontend and its hook is usually one at most, but one may start another.
_MOST_LAUNCHERS = 4
#: PROCESS_QUERY_LIMITED_INFORMATION and PROCESS_VM_READ
_ACCESS = 0x1000 | 0x10
#: Information classes of `NtQueryInformationProcess`.
_BASIC, _TIMES, _WOW64 = 0, 4, 26
#: By the size of a pointer: the offset of the parameters in the PEB, and those of the folder, the
#: command line, the variables and their size in the parameters.
_OFFSETS = {4: (0x10, 0x24, 0x40, 0x48, 0x290), 8: (0x20, 0x38, 0x70, 0x80, 0x3F0)}
_MOST_OF_VARIABLES = 0x100000


def calling_process() -> tuple[tuple[str, ...], str, str, list[str]]:
    """Return the caller's arguments, its folder, its PID and start, and its variables.

    The ``python.exe`` of a virtual environment, a launcher that starts the interpreter with the
    same arguments, is skipped. Raises `OSError` if the caller is not known.
    """
    (arguments, _, _), start, parent = _process(os.getpid())
    for _ in range(_MOST_LAUNCHERS):
        own, started, pid = arguments, start, parent
        (arguments, folder, variables), start, parent = _process(pid)
        if start > started:
            break  # the caller has ended, and another process has its PID
        if arguments[1:] != own[1:]:
            return tuple(arguments), folder, f"{pid}-{start}", variables
    raise OSError("the calling process is not known")


def _process(pid: int) -> tuple[tuple[list[str], str, list[str]], int, int]:
    """Return a process's `read_parameters`, start and parent. Raises `OSError`."""
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
            raise OSError(f"process {pid} cannot be queried")
        return struct.unpack(form, buffer.raw)

    def memory(address: int, size: int) -> bytes:
        buffer, integer = ctypes.create_string_buffer(size), getattr(ctypes, number)
        if read(handle, integer(address), buffer, integer(size), None):
            raise OSError(f"process {pid} cannot be read")
        return buffer.raw

    try:
        (start,) = ask(_TIMES, "=Q24x")  # in units of 100 ns since 1601
        (wow64,) = ask(_WOW64, "@P")  # the PEB of a 32-bit process on a 64-bit system
        word, form = struct.calcsize("P"), "@6P"
        wide = word == 8
        if not (wide or wow64) and hasattr(native, "NtWow64ReadVirtualMemory64"):
            query, read = native.NtWow64QueryInformationProcess64, native.NtWow64ReadVirtualMemory64
            word, form, number = 8, "=6Q", "c_uint64"
        _, peb, _, _, _, parent = ask(_BASIC, form)
        if wide and wow64:
            word, peb = 4, wow64
        parameters = read_parameters(memory, peb, word)
    finally:
        kernel.CloseHandle(handle)
    return parameters, start, parent


def read_parameters(
    memory: Callable[[int, int], bytes], peb: int, word: int
) -> tuple[list[str], str, list[str]]:
    """Return a process's arguments, folder and variables; these are empty if they can't be read.

    ``memory`` returns the bytes at an address, ``peb`` is the address of the process environment
    block, and ``word`` is the size of a pointer.
    """
    at_parameters, at_folder, at_line, at_variables, at_size = _OFFSETS[word]

    def pointer(address: int) -> int:
        return int.from_bytes(memory(address, word), "little")

    def text(address: int) -> str:
        # A UNICODE_STRING has its length in bytes, its capacity, and a pointer.
        length = int.from_bytes(memory(address, 2), "little")
        content = memory(pointer(address + word), length) if length else b""
        return content.decode("utf-16-le", "surrogatepass")

    parameters = pointer(peb + at_parameters)
    folder = re.sub(r"(?<=[^:\\])\\$", "", text(parameters + at_folder))
    try:
        size = min(pointer(parameters + at_size), _MOST_OF_VARIABLES)
        block = memory(pointer(parameters + at_variables), size)
        variables = block.decode("utf-16-le", "surrogatepass").split("\0")
    except (OSError, ValueError):
        variables = []
    return split_line(text(parameters + at_line)), folder, variables


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
            if literal or (was_closed and not backslashes):  # `""` inside quotes is a quote
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
