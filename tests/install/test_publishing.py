"""Publishing as the README gives it: `python -m build --sdist`, twine, and then `pip install`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from conftest import MakeEnvironment
from support.environment import clean_environ, run
from support.index import Index
from support.project import write_carrying, write_project, write_spam


@pytest.fixture
def server(tmp_path: Path, wheelhouse: Path) -> Iterator[str]:
    """An index server that takes uploads, and has what it takes to build."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
    open_to_all = ["-P", ".", "-a", ".", "--disable-fallback"]
    process = subprocess.Popen(
        [*command, *open_to_all, str(uploads), str(wheelhouse)],
        env=clean_environ(tmp_path / "home"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                assert process.poll() is None, "the index server did not start"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    "write", [write_project, pytest.param(write_carrying, marks=pytest.mark.nightly)]
)
def test_from_upload_to_install(
    server: str,
    make_environment: MakeEnvironment,
    spam_index: Index,
    tmp_path: Path,
    write: Callable[..., Path],
) -> None:
    environ = clean_environ(tmp_path / "home")
    dist, variants = tmp_path / "dist", tmp_path / "variants"
    source = write(tmp_path / "spam", more='readme = "README.md"\n')
    (source / "README.md").write_text("# Spam\n", encoding="utf-8")
    build = ["-m", "build", "--no-isolation", "--sdist", "--outdir", str(dist), str(source)]
    run([sys.executable, *build], environ)
    assert [path.name for path in dist.iterdir()] == ["spam-1.0.tar.gz"]
    check = ["-m", "twine", "check", "--strict", str(dist / "spam-1.0.tar.gz")]
    assert "PASSED" in run([sys.executable, *check], environ).stdout
    write_spam(variants)
    files = [str(path) for folder in (dist, variants) for path in folder.iterdir()]
    upload = ["-m", "twine", "upload", "--non-interactive", "--disable-progress-bar"]
    run(
        [sys.executable, *upload, "--repository-url", server, "-u", "me", "-p", "secret", *files],
        environ,
    )
    index = f"{server}simple/"
    environment = make_environment(spam_index)
    if write is write_project:
        environment.pip("install", "spam", environ={"PIP_INDEX_URL": index})
    else:
        environment.uv("pip", "install", "spam", environ={"UV_DEFAULT_INDEX": index})
    assert set(environment.installed()) == {"spam", "spam-core", "spam-cpu"}
    assert environment.record()["variants"] == ["cpu"]
