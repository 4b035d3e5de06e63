"""Print the `cpu` fact as another machine would read it, as JSON. A program of its own.

Usage: python other_cpu.py SYSTEM MACHINE SAMPLE [BITS]

SAMPLE is what that system tells of its CPU, as archspec publishes such samples, and BITS those of
the Python. Only the system itself is stood in for: what `platform` and `sys` say of it, the file,
the command, and the instruction.
"""

from __future__ import annotations

import builtins
import csv
import io
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple


class Registers(NamedTuple):
    eax: int = 0
    ebx: int = 0
    ecx: int = 0
    edx: int = 0


class Instruction:
    """The CPUID instruction of another CPU: a table of its answers."""

    answers: dict[tuple[int, int], Registers]

    def registers_for(self, eax: int, ecx: int) -> Registers:
        return self.answers.get((eax, ecx), Registers())


def main(system: str, machine: str, sample: str, bits: str = "64") -> None:
    sys.maxsize = 2 ** (int(bits) - 1) - 1
    platform.system = lambda: system
    platform.machine = lambda: machine
    if system == "Linux":
        real = builtins.open

        def opened(file: Any, *arguments: Any, **keywords: Any) -> Any:
            return real(sample if file == "/proc/cpuinfo" else file, *arguments, **keywords)

        builtins.open = opened
    elif system == "Darwin":
        folder = Path(tempfile.mkdtemp())
        (folder / "sysctl").write_text(f'#!/bin/sh\ncat "{sample}"\n', encoding="utf-8")
        (folder / "sysctl").chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    else:
        from archspec.cpu import detect

        rows = csv.reader(io.StringIO(Path(sample).read_text(encoding="utf-8")))
        numbers = [[int(cell) for cell in row] for row in rows]
        Instruction.answers = {(row[0], row[1]): Registers(*row[2:]) for row in numbers}
        detect.CPUID = Instruction
    from selector_backend.probes import read_machine

    print(json.dumps(read_machine(["cpu"], {})["cpu"].dump()))


if __name__ == "__main__":
    main(*sys.argv[1:])
