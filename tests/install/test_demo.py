"""`python example-spam/demo.py`, as the README gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.environment import ROOT


def demo(*options: str, check: bool = True, **environ: str) -> str:
    """Run the demo as a user of this machine would, and return what it prints."""
    process = subprocess.run(
        [sys.executable, str(ROOT / "example-spam/demo.py"), *options],
        check=False,
        text=True,
        encoding="utf-8",
        # These two must not leak in.
        env={**os.environ, "SPAM_VARIANT": "cu11", "SELECTOR_CUDA": "9", **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (process.returncode == 0) is check, process.stdout
    return process.stdout


@pytest.mark.parametrize(
    ("options", "variant"),
    [
        pytest.param((), "cpu", marks=pytest.mark.nightly),
        (("--set", "cuda=12.4"), "cu12"),
        pytest.param(("--set", "cuda=11.8", "--frontend", "uv"), "cu11", marks=pytest.mark.nightly),
    ],
)
def test_the_demo_installs_and_runs_the_variant(options: tuple[str, ...], variant: str) -> None:
    output = demo(*options)
    assert f"The variant: {variant} " in output
    assert f"spam-{variant} 1.0" in output
    assert f"import spam_core: it runs on {variant}" in output


@pytest.mark.nightly
def test_the_demo_falls_back_from_a_variant_that_is_broken() -> None:
    output = demo("--kind", "capability", "--variant", "cu12,cpu", "--break", "cu12")
    assert "The variant: cu12, cpu (decided by: SPAM_VARIANT)" in output
    assert "VariantWarning: the variant cu12 of spam is installed, but does not work" in output
    assert "    pip install --force-reinstall spam-cu12==1.0\n" in output
    assert "import spam_core: it runs on cpu" in output


@pytest.mark.nightly
def test_the_demo_shows_the_backends_message_and_keeps_its_folder(tmp_path: Path) -> None:
    output = demo("--variant", "cu99", "--keep", str(tmp_path / "kept"), check=False)
    assert "SPAM_VARIANT asks for 'cu99', which spam does not have" in output
    assert "Traceback" not in output
    assert list((tmp_path / "kept/index/files").glob("spam-1.0.tar.gz"))
    assert "is not empty" in demo("--keep", str(tmp_path / "kept"), check=False)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("cuda=abc", "cuda=abc: 'abc' is not a version; expected numbers with dots between them"),
        ("cdua=12.4", "cdua=12.4: 'cdua' is not a fact, did you mean 'cuda'?"),
        ("cuda", "cuda: expected a value, for example --set cuda=12.4"),
    ],
)
def test_a_fact_that_cannot_be_is_one_message_before_anything_is_built(
    setting: str, message: str
) -> None:
    *usage, last = demo("--set", setting, check=False).splitlines()
    assert usage[0].startswith("usage: ")
    assert last.startswith(f"demo.py: error: argument --set: {message}")


def test_a_variable_that_is_nearly_one_of_a_fact_stops_the_demo() -> None:
    output = demo("--variant", "cpu", check=False, SELECTOR_CDUA="12.4")
    assert "error: the environment variable SELECTOR_CDUA is not known, did you mean" in output
