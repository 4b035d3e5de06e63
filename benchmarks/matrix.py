"""What a large fleet costs: `selector-backend matrix` over a million machine profiles.

Usage: python benchmarks/matrix.py [MANY [FEW]]

Generates MANY machine profiles (1,000,000 if not given) and FEW (10,000), hands them to the
command as lines on standard input, and compares CPU seconds and memory. What one profile takes is
taken off first: it is the start of the interpreter. As a yardstick of the same run, the same lines
are parsed as JSON and dropped. Prints ratios, milliseconds, and megabytes at the process's peak.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = [sys.executable, "-c", "from selector_backend.cli import main; main()", "matrix"]
PARSE = [sys.executable, "-c", "import json, sys\nfor line in sys.stdin: json.loads(line)"]
PROJECT = """\
[build-system]
requires = ["selector-backend>=0.2,<1"]
build-backend = "selector_backend"

[project]
name = "spam"
version = "1.0"
dynamic = ["dependencies"]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", compute-capability = ">=7.0", glibc = ">=2.28" }

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2" }

[[tool.selector.variant]]
name = "v3"
when = { cpu = "x86_64_v3" }

[[tool.selector.variant]]
name = "cpu"
"""
CPUS = ("x86_64", "nehalem", "haswell", "skylake_avx512", "zen2", "zen4", "sapphirerapids")


def write_profiles(file: Path, count: int) -> None:
    """Write ``count`` profiles, a line each, of machines that are drawn by chance."""
    draw = random.Random(count)
    with file.open("w", encoding="utf-8") as lines:
        for _ in range(count):
            gpus = draw.choice((0, 0, 1, 4, 8))
            facts = {
                "cuda": f"{draw.randint(11, 13)}.{draw.randint(0, 8)}" if gpus else None,
                "nvidia-driver": f"{draw.randint(450, 580)}.{draw.randint(1, 99)}.01",
                "compute-capability": [draw.choice(("6.1", "7.0", "8.0", "9.0"))] * gpus or None,
                "cpu": [draw.choice(CPUS)],
                "glibc": f"2.{draw.randint(17, 41)}",
            }
            lines.write(json.dumps({"format": 1, "facts": facts}) + "\n")


def measure(command: list[str], file: Path) -> tuple[float, float]:
    """Run ``command`` with ``file`` as its input. Returns CPU seconds, and the peak's megabytes."""
    with file.open("rb") as lines:
        process = subprocess.Popen(command, stdin=lines, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return usage.ru_utime + usage.ru_stime, kilobytes / 1024


def main() -> None:
    """Measure, and print the ratios."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    few = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        matrix = [*COMMAND, str(folder), "--no-shipped", "--machine", "-"]
        files = {count: folder / f"{count}.jsonl" for count in (1, few, many)}
        for count, file in files.items():
            write_profiles(file, count)
        started, _ = measure(matrix, files[1])
        of_few, memory_of_few = measure(matrix, files[few])
        of_many, memory_of_many = measure(matrix, files[many])
        parsing = measure(PARSE, files[many])[0] - measure(PARSE, files[1])[0]
    each = (of_many - started) / many, (of_few - started) / few
    print(f"{each[0] * 1000:6.2f}  milliseconds a machine")
    print(f"{each[0] / each[1]:6.2f}  a machine of {many:,}, against one of {few:,}, in time")
    print(f"{(of_many - started) / parsing:6.2f}  {many:,} machines, against parsing their JSON")
    print(f"{memory_of_many:6.1f}  megabytes for {many:,} machines")
    print(f"{memory_of_few:6.1f}  megabytes for {few:,} machines")


if __name__ == "__main__":
    main()
