"""A project's sdist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..installing.table import TABLE_NAME, dump_compiled
from .compile import compile_project

if TYPE_CHECKING:
    from .project import Project


def sdist_files(project: Project, backend: str) -> dict[str, bytes]:
    """Return the files of the sdist by their paths in it; ``backend`` is our own version."""
    files = {str(path): (project.folder / path).read_bytes() for path in project.files}
    compiled = compile_project(project)
    table = dump_compiled(compiled, files["pyproject.toml"], backend)
    return {**files, "PKG-INFO": compiled.pkg_info, TABLE_NAME: table}
