"""Selector packages and their variants, written for a test."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from pathlib import Path

from selector_backend import __version__, authoring
from selector_backend.authoring.project import read_project
from selector_backend.authoring.sdist import sdist_files

HEAD = """\
[build-system]
requires = ["selector-backend"]
build-backend = "selector_backend"

[project]
name = "{name}"
version = "{version}"
dynamic = ["dependencies"]
"""

CUDA = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12" }

[[tool.selector.variant]]
name = "cu11"
when = { cuda = ">=11.2" }

[[tool.selector.variant]]
name = "cpu"
"""


def write_project(
    folder: Path, table: str = CUDA, *, name: str = "spam", version: str = "1.0", more: str = ""
) -> Path:
    """Write a selector package's source; ``more`` goes into its ``[project]``."""
    folder.mkdir(parents=True, exist_ok=True)
    head = HEAD.format(name=name, version=version)
    if "requires-python" not in more:
        head += 'requires-python = ">=3.9"\n'
    (folder / "pyproject.toml").write_text(head + more + table, encoding="utf-8")
    return folder


def write_carrying(
    folder: Path,
    table: str = CUDA,
    *,
    name: str = "spam",
    version: str = "1.0",
    more: str = "",
    python: str = ">=3.9",
) -> Path:
    """Write such a source, whose sdist carries its backend, for some Pythons."""
    table = table.replace("[tool.selector]", "[tool.selector]\nself-contained = true")
    more = f'requires-python = "{python}"\n{more}'
    return write_project(folder, table, name=name, version=version, more=more)


def write_compiled(folder: Path, table: str = CUDA) -> Path:
    """Write such a source as its sdist has it, so that the hooks have nothing to compile."""
    write_project(folder, table)
    for name, content in sdist_files(read_project(folder), __version__).items():
        (folder / name).write_bytes(content)
    return folder


def build_sdist(project: Path, target: Path) -> Path:
    """Build a selector package's sdist as the backend's hook does, and return its path."""
    target.mkdir(parents=True, exist_ok=True)
    return target / authoring.build_sdist(project, target, __version__)


def write_wheel(
    target: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: tuple[str, ...] = (),
    extras: tuple[str, ...] = (),
    files: dict[str, str] | None = None,
) -> Path:
    """Write an ordinary wheel, such as a variant distribution's."""
    target.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    contents = {
        **(files or {f"_{name.replace('-', '_')}.py": f"name = {name!r}\n"}),
        f"{stem}.dist-info/METADATA": "\n".join(metadata) + "\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_hash(text)},{len(text)}\n" for path, text in contents.items())
    contents[f"{stem}.dist-info/RECORD"] = record + f"{stem}.dist-info/RECORD,,\n"
    path = target / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in contents.items():
            wheel.writestr(file, text)
    return path


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def write_library(folder: Path, *, requires_python: str = "", file: str = "pynvml.py") -> None:
    """Write another nvidia-ml-py, as it is installed."""
    info = folder / "nvidia_ml_py-99.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", "Name: nvidia-ml-py", "Version: 99"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "RECORD").write_text(f"{file},,\nnvidia_ml_py-99.dist-info/METADATA,,\n", "utf-8")
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("x = 1\n", encoding="utf-8")


def write_spam(target: Path, version: str = "1.0") -> None:
    """Write the variant distributions that `CUDA` names, each of which depends on a core."""
    write_wheel(target, "spam-core", version)
    for variant in ("cpu", "cu11", "cu12"):
        write_wheel(
            target,
            f"spam-{variant}",
            version,
            requires=(f"spam-core=={version}", "spam-plot; extra == 'plot'"),
            extras=("plot",),
        )
    write_wheel(target, "spam-plot", version)


def hook_environ(**variables: str) -> dict[str, str]:
    """Return the environment for a hook in a child process: this one's, without our variables."""
    ours = ("SELECTOR_", "STANDIN_", "SPAM_", "LD_LIBRARY_PATH", "SOURCE_DATE_EPOCH", "PYTHON")
    toolkits = ("CUDA_", "ROCM_")
    kept = {k: value for k, value in os.environ.items() if not k.startswith((*ours, *toolkits))}
    return {**kept, **variables}
