"""The check of a real GPU, on a machine without one: its parts on stand-ins for the driver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.driver import compile_driver
from support.environment import ROOT
from support.variant_wheels import write_nvidia_smi

RUN = ROOT / "tests/hardware/run.sh"
# nvidia-smi says what agrees, also where the driver says something else.
SMI = '#!/bin/sh\nSTANDIN_CUDA=12040 exec {program} "$@"\n'
AGREEING, OTHER = {"cuda": "12.4", "gpus": "8.6,9.0"}, {"cuda": "11.8", "gpus": "8.6,9.0"}


def check(carried: Path, folder: Path, **driver: str) -> tuple[int, str]:
    """Run the check with a stand-in driver; return its exit status and what it prints."""
    folder.mkdir()
    standin = compile_driver(folder / "driver", "nvml", "cuda")
    smi = folder / "driver/nvidia-smi"
    program = write_nvidia_smi(folder / "smi") / smi.name
    smi.write_text(SMI.format(program=program), encoding="utf-8")
    smi.chmod(0o755)
    variables = {**os.environ, **standin.environ(**driver)}  # type: ignore[arg-type]
    variables["PATH"] = os.pathsep.join(
        [str(folder / "driver"), str(Path(sys.executable).parent), variables["PATH"]]
    )
    done = subprocess.run(
        [str(RUN), str(carried), str(folder)],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.nightly
def test_the_check_agrees_with_a_driver_and_finds_another(tmp_path: Path) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    carried = tmp_path / "carried"
    subprocess.run([str(RUN), "carry", str(carried), version], check=True)
    status, output = check(carried, tmp_path / "agreeing", **AGREEING)
    assert (status, output.splitlines()[-1]) == (0, "all agreed"), output
    assert "ok      uv's preview, variant wheels: ('cu12', 'variant wheel')" in output
    profile = json.loads((tmp_path / "agreeing/machine.json").read_text(encoding="utf-8"))
    assert profile["facts"]["compute-capability"]["value"] == ["8.6", "9.0"]
    status, output = check(carried, tmp_path / "other", **OTHER)
    assert status == 1
    assert "FAILED  cuda, from NVML: 11.8, expected 12.4" in output
    assert "FAILED  pip install, plain sdist: ('cu11', 'machine')" in output
