"""Every task of developing: `nox --list` names them, `nox -s tests-3.13 -- -k demo` runs one."""

from __future__ import annotations

import os
import sys

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
nox.options.sessions = [
    "lint",
    "types",
    "docs",
    f"tests-{sys.version_info[0]}.{sys.version_info[1]}",
]
#: What needs neither a stand-in for a driver nor a pseudo-terminal, so runs on every system. A test
#: that some system cannot run is skipped there, with the reason.
ANYWHERE = ["tests/unit", "tests/property"]


def install(session: nox.Session, *groups: str) -> None:
    """Install this checkout, editable, and what dependency groups have."""
    required = nox.project.dependency_groups(PYPROJECT, *groups)
    session.install("--editable", ".[cli]", "--editable", "./runtime", *required)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    install(session, "lint")
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests, but those that are nightly."""
    install(session, "test")
    processes = str((os.cpu_count() or 2) + 2)
    session.run("pytest", "-n", processes, "--dist", "worksteal", *session.posargs)


@nox.session(python=PYTHONS)
def anywhere(session: nox.Session) -> None:
    """Run the tests that any system can run, and the demonstration."""
    install(session, "test")
    session.run("pytest", *ANYWHERE, *session.posargs)
    session.run("python", "example-spam/demo.py")


@nox.session
def nightly(session: nox.Session) -> None:
    """Run the tests that take long."""
    install(session, "test")
    session.run("pytest", "-m", "nightly", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into build/docs, with warnings as errors."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "build/docs", *session.posargs)


@nox.session
def frontends(session: nox.Session) -> None:
    """Try every installer, and write the page on them; twenty minutes."""
    install(session, "test")
    session.run("python", "tests/frontends/run.py", *session.posargs)


@nox.session
def windows(session: nox.Session) -> None:
    """Try Windows' Python, pip and uv below wine: the short part, or what is named.

    It takes root on Debian; SELECTOR_BACKEND_WINDOWS keeps the system that is made for it.
    """
    install(session, "test")
    session.run("pytest", "-m", "nightly", *(session.posargs or ["tests/windows/test_first.py"]))


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure what an install, an environment, an import and a matrix cost."""
    install(session, "test")
    for name in ("environment", "install", "matrix", "runtime"):
        session.run("python", f"benchmarks/{name}.py")


@nox.session(venv_backend="virtualenv")
def downstream(session: nox.Session) -> None:
    """Run the tests of build and pyproject-hooks with our backend."""
    session.run("python", "tests/downstream.py", *session.posargs)
