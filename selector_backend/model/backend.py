"""How a ``pyproject.toml`` requires this backend, and where an sdist carries it."""

from __future__ import annotations

#: The folder in which a self-contained sdist carries its backend.
CARRIED = "_selector"


def bounded(backend: str, extras: str = "") -> str:
    """Return the requirement on the version ``backend`` or a compatible one.

    ``extras`` are in brackets, such as ``[tree]``.
    """
    major, minor = backend.split(".")[:2]
    return f"selector-backend{extras}>={major}.{minor},<{int(major) + 1}"


def plain_build_system(backend: str) -> list[str]:
    """Return the lines of a ``[build-system]`` that requires the backend from an index."""
    return [
        "[build-system]",
        f'requires = ["{bounded(backend)}"]',
        'build-backend = "selector_backend"',
    ]
