"""Shared libraries that live in other distributions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import Site
from .test_load import warnings_in

#: A variant that uses a library of its own, which needs others.
USER = """
import ctypes, pathlib
library = ctypes.CDLL(str(pathlib.Path(__file__).with_name("libuser.so")))
def answer(): return library.user()
"""
PATHS = ["vendor/base/lib/libbase.so.12", "vendor/blas/lib/libblas.so.12"]


@pytest.mark.parametrize("linked", [True, False])
def test_libraries_that_need_each_other_are_loaded_in_order(site: Site, linked: bool) -> None:
    """Whether they were linked with what they need, or just expect it to be there."""
    base = site.compile(PATHS[0], "int base(void) { return 40; }", "-Wl,-soname,libbase.so.12")
    blas = site.compile(
        PATHS[1],
        "int base(void); int blas(void) { return base() + 2; }",
        "-Wl,-soname,libblas.so.12",
        *([str(base)] if linked else []),
    )
    code = "int blas(void); int user(void) { return blas(); }"
    site.compile("libuser.so", code, *([str(blas)] if linked else []))
    site.write_variants(cu12=USER)
    assert site.run().stdout == "cpu\n"
    site.write_core(f"preload={{'cu12': {PATHS!r}}}")
    process = site.run("import spam_core\nprint(spam_core.implementation.answer())\n")
    assert (process.stdout, process.stderr) == ("42\n", "")
    site.write_core(f"preload={{'cu12': {PATHS!r}}}, isolate=True")
    assert site.run().stdout == "cu12\n"


def test_one_that_is_missing_is_a_failure(site: Site) -> None:
    site.write_core(f"preload={{'cu12': {PATHS!r}}}")
    process = site.run()
    assert process.stdout == "cpu\n"
    assert f"does not work here: the library {PATHS[0]} is not installed." in warnings_in(process)


def test_one_that_cannot_be_loaded_is_a_failure(site: Site) -> None:
    site.write(PATHS[0], "no library")
    site.write_core(f"preload={{'cu12': {PATHS!r}}}")
    assert "libbase.so.12: " in warnings_in(site.run())


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="the wheel's libraries are Linux's here")
def test_nvidias_own_cuda_runtime(site: Site) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary=:all:"]
    wheel = "nvidia-cuda-runtime-cu12==12.9.79"
    subprocess.run([*command, "--target", str(site.folder), wheel], check=True)
    path = "nvidia/cuda_runtime/lib/libcudart.so.12"
    code = """\
        int cudaRuntimeGetVersion(int *);
        int user(void) { int version = 0; cudaRuntimeGetVersion(&version); return version; }
        """
    site.compile("libuser.so", code, str(site.folder / path))
    site.write_variants(cu12=USER)
    assert "libcudart.so.12 was not found" in warnings_in(site.run())
    site.write_core(f"preload={{'cu12': [{path!r}]}}")
    process = site.run("import spam_core\nprint(spam_core.implementation.answer())\n")
    assert process.stdout.startswith("12") or process.stdout == "0\n"
    assert process.stderr == ""
