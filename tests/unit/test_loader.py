"""Whether the dynamic loader would find a library, told without loading it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selector_backend.probes.loader import findable

LDCONFIG = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin")


@pytest.mark.skipif(
    sys.platform != "linux" or LDCONFIG is None or not Path("/etc/ld.so.cache").exists(),
    reason="there is no cache of glibc's loader here",
)
def test_every_library_of_the_loaders_cache_is_findable() -> None:
    """Also those in folders that only the cache knows, such as CUDA's, and WSL 2's driver."""
    assert LDCONFIG is not None
    listing = subprocess.run([LDCONFIG, "-p"], check=True, capture_output=True, text=True).stdout
    names = [line.split()[0] for line in listing.splitlines() if "=>" in line]
    assert names
    assert not [name for name in names if not findable(name, {})]
    assert not findable("libnothing-of-this-name.so.1", {})


@given(st.text())
@example("/" + "x" * 5000)
@example("\0")
@example("\udcff;:")
def test_no_search_path_makes_looking_fail(path: str) -> None:
    assert not findable("libnothing-of-this-name.so.1", {"LD_LIBRARY_PATH": path})
