"""What a ``pyproject.toml`` says of this backend: how it is required, and where it is carried."""

from __future__ import annotations

#: The folder in which a self-contained sdist carries its backend.
CARRIED = "_selector"


def bounded(backend: str, extras: str = "") -> str:
    """Return the requirement on the version ``backend``, and on what is compatible with it.

    ``extras`` are those in brackets, such as ``[tree]``.
    """
    major, minor = backend.split(".")[:2]
    return f"selector-backend{extras}>={major}.{minor},<{int(major) + 1}"


def plain_build_system(backend: str) -> list[str]:
    """Return the lines of a ``[build-system]`` that fetches the backend, and what it needs."""
    return [
        "[build-system]",
        f'requires = ["{bounded(backend)}"]',
        'build-backend = "selector_backend"',
    ]
