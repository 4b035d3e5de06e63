"""Compare the facts with what `nvidia-smi` says, and install spam by them.

Usage: python check.py FOLDER OUT

FOLDER is what `carry.py` filled. Nothing is fetched. The exit status says whether all agreed;
OUT/machine.json is the profile of this machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Both readers of the driver, each asked alone.
READERS = """
import json
from selector_backend.probes import nvidia_libraries as nvidia
print(json.dumps({"NVML": nvidia.nvml(), "the CUDA driver library": nvidia.cuda()}))
"""
IMPORTED = """
import json, warnings
from importlib import metadata
warnings.simplefilter("error")
import spam_core
record = json.loads(metadata.distribution("spam").read_text("selector.json"))
print(json.dumps({"record": record, "variant": spam_core.variant}))
"""


class Report:
    """What was compared, and whether all of it agreed."""

    def __init__(self) -> None:
        self.failed = 0

    def compare(self, what: str, found: object, expected: object) -> None:
        """Print one comparison."""
        if found == expected:
            print(f"ok      {what}: {found}")
        else:
            self.failed += 1
            print(f"FAILED  {what}: {found}, expected {expected}")


def main() -> int:
    """Run all comparisons."""
    carried, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    report = Report()
    smi = ask_nvidia_smi()
    print(f"nvidia-smi: {smi}")
    with tempfile.TemporaryDirectory(prefix="hardware-") as folder:
        space = Path(folder)
        tools = make_environment(space / "tools", carried, "selector-backend[cli]")
        profile = json.loads(run(scripts(tools) / "selector-backend", "machine", "--json"))
        (out / "machine.json").write_text(json.dumps(profile, indent=2) + "\n", encoding="utf-8")
        compare_facts(report, profile["facts"], smi)
        compare_readers(report, tools, smi)
        compare_hidden(report, tools, profile["facts"])
        compare_toolkit(report, profile["facts"])
        variant = "cu12" if float(smi["cuda"]) >= 12 else "cu11"
        for shape in ("plain", "self-contained"):
            compare_install(report, carried, space, shape, variant)
        compare_variant_wheels(report, carried, space, variant)
    print(f"{report.failed} failed" if report.failed else "all agreed")
    return 1 if report.failed else 0


def ask_nvidia_smi() -> dict[str, Any]:
    """Return the versions and the GPUs' capabilities as `nvidia-smi` has them."""
    rows = run("nvidia-smi", "--query-gpu=driver_version,compute_cap", "--format=csv,noheader")
    table = [[cell.strip() for cell in row.split(",")] for row in rows.splitlines()]
    cuda = re.search(r"CUDA Version\s*:\s*([0-9.]+)", run("nvidia-smi", "-q"))
    if cuda is None:
        raise SystemExit("nvidia-smi -q names no CUDA version")
    capabilities = [capability for _, capability in table]
    return {"cuda": cuda[1], "nvidia-driver": table[0][0], "compute-capability": capabilities}


def compare_facts(report: Report, facts: Mapping[str, Any], smi: Mapping[str, Any]) -> None:
    """The three facts of the driver, as `selector-backend machine` gives them."""
    for name, expected in smi.items():
        found = facts[name].get("value", facts[name])
        report.compare(f"{name}, from {facts[name].get('source')}", plain(found), plain(expected))


def plain(value: object) -> object:
    """Return a version without leading zeros in its parts, a list in order and each value once."""
    if isinstance(value, list):
        return sorted({plain(one) for one in value})  # type: ignore[type-var]
    return ".".join(str(int(part)) for part in str(value).split("."))


def compare_readers(report: Report, tools: Path, smi: Mapping[str, Any]) -> None:
    """NVML and the CUDA driver library, each alone."""
    for reader, answers in json.loads(run(python(tools), "-c", READERS)).items():
        for name, answer in answers.items():
            found = answer.get("value", answer)
            report.compare(f"{name} by {reader} alone", plain(found), plain(smi[name]))


def compare_hidden(report: Report, tools: Path, facts: Mapping[str, Any]) -> None:
    """``CUDA_VISIBLE_DEVICES`` is a setting of one run; it plays no part."""
    command = (scripts(tools) / "selector-backend", "machine", "--fact", "cuda")
    found = run(*command, variables={"CUDA_VISIBLE_DEVICES": ""}).strip()
    report.compare("cuda with CUDA_VISIBLE_DEVICES empty", found, facts["cuda"].get("value"))


def compare_toolkit(report: Report, facts: Mapping[str, Any]) -> None:
    """The toolkit, where `nvcc` can be asked; else it is only told."""
    fact = facts["cuda-toolkit"]
    try:
        release = re.search(r"release ([0-9.]+)", run("nvcc", "--version"))
    except OSError:
        release = None
    if release is None or "value" not in fact:
        print(f"        cuda-toolkit: {fact}; nvcc: {release and release[1]}")
        return
    report.compare(f"cuda-toolkit, from {fact['source']}", fact["value"], release[1])


def compare_install(
    report: Report, carried: Path, space: Path, shape: str, variant: str, *options: str
) -> None:
    """Install a shape of spam by pip as a user would, import it, and ask `doctor`."""
    sdists = ("--find-links", str(carried / shape), *options)
    environment = make_environment(space / shape, carried, *sdists, "spam")
    compare_imported(report, environment, f"pip install, {shape} sdist", variant, "machine")
    for name, value, decided in (("SPAM_VARIANT", "cpu", None), ("SELECTOR_CUDA", "", "machine")):
        stated = space / f"{shape}-{name}"
        make_environment(stated, carried, *sdists, "spam", variables={name: value})
        what = f"{name}={value} pip install, {shape} sdist"
        compare_imported(report, stated, what, "cpu", decided or name)


def compare_variant_wheels(report: Report, carried: Path, space: Path, variant: str) -> None:
    """Install variant wheels by uv's preview, from a folder: no code of spam's backend runs."""
    environment = make_environment(space / "uv", carried, "uv")
    uv = scripts(environment) / "uv"
    target = space / "by-uv"
    run(sys.executable, "-m", "venv", "--without-pip", target)
    run(uv, "pip", "install", "--quiet", "--preview-features", "wheel-variants", "--no-index",
        "--find-links", carried / "wheels", "--find-links", carried / "variants",
        "--python", python(target), "spam",
        variables={"UV_CACHE_DIR": str(space / "uv-cache")})  # fmt: skip
    compare_imported(report, target, "uv's preview, variant wheels", variant, "variant wheel")


def compare_imported(
    report: Report, environment: Path, what: str, variant: str, decided: str
) -> None:
    """What runs in an environment, and who chose it."""
    imported = json.loads(run(python(environment), "-c", IMPORTED))
    found = (imported["variant"], imported["record"]["decided-by"])
    report.compare(what, found, (variant, decided))


# Environments and commands


def make_environment(
    folder: Path, carried: Path, *given: str, variables: Mapping[str, str] | None = None
) -> Path:
    """Make an environment and install into it from what was carried, and nothing else."""
    run(sys.executable, "-m", "venv", folder)
    run(python(folder), "-m", "pip", "install", "--quiet", "--no-index", "--no-cache-dir",
        "--disable-pip-version-check", "--find-links", carried / "wheels", *given,
        variables=variables)  # fmt: skip
    return folder


def scripts(environment: Path) -> Path:
    """Return the folder of an environment's programs."""
    return environment / "bin"


def python(environment: Path) -> Path:
    """Return the interpreter of an environment."""
    return scripts(environment) / "python"


def run(*command: str | Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it prints; on failure, end with what it said."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "SELECTOR_"))}
    done = subprocess.run(
        [str(part) for part in command],
        env={**environ, **(variables or {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        words = " ".join(str(part) for part in command)
        raise SystemExit(f"{words}\n{done.stdout}{done.stderr}exit status {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
