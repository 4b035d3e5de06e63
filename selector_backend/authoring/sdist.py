"""A project's sdist."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from ..installing.files import write_file
from ..installing.wheel import epoch
from ..model.markers import distribution_of
from ..model.table import TABLE_NAME, dump_compiled
from .carried import BUILD_SYSTEM, carried_files
from .compile import compile_project
from .project import Project

_MODE = 0o644


def sdist_files(project: Project, backend: str) -> dict[str, bytes]:
    """Return the files of the sdist by their paths in it; ``backend`` is our own version."""
    files = {str(path): (project.folder / path).read_bytes() for path in project.files}
    compiled = compile_project(project)
    if project.self_contained or project.found_with:
        from .editing import published_pyproject  # needs tomlkit

        tools = project.found_with
        requires = [text for text in project.build_requires if distribution_of(text) not in tools]
        files["pyproject.toml"] = published_pyproject(
            files["pyproject.toml"],
            build_system=BUILD_SYSTEM if project.self_contained else {"requires": requires},
            version=str(project.version) if project.found_with else None,
        )
    if project.self_contained:
        requires_python = str(project.metadata.requires_python or "")
        files.update(carried_files(compiled.selector, requires_python, backend))
    table = dump_compiled(compiled, files["pyproject.toml"], backend)
    return {**files, "PKG-INFO": compiled.pkg_info, TABLE_NAME: table}


def write_sdist(folder: Path, stem: str, files: Mapping[str, bytes]) -> str:
    """Write ``files`` as an sdist (PEP 625) into ``folder``. Returns the name of the file.

    ``stem`` is the name and version; the paths of ``files`` are relative to the sdist's root.
    """
    compressed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=compressed, mode="wb", mtime=epoch()) as file:
        file.write(tar_of(stem, files, epoch()))
    return write_file(folder, f"{stem}.tar.gz", compressed.getvalue())


def tar_of(stem: str, files: Mapping[str, bytes], time: float) -> bytes:
    """Return the tar archive of an sdist, whose members all have the same ``time``."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files):
            info = tarfile.TarInfo(f"{stem}/{path}")
            info.size, info.mtime, info.mode = len(files[path]), time, _MODE
            archive.addfile(info, io.BytesIO(files[path]))
    return tar.getvalue()
