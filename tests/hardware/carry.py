"""Fill a folder with what the check of a GPU takes on a machine without a network.

Usage: python carry.py FOLDER [PYTHON_VERSION]

FOLDER gets `wheels` (this backend with its command, the variants of spam, uv), `plain` and
`self-contained` (spam's sdist, twice) and `variants` (its variant wheels). The demo builds all
that it builds for itself. PYTHON_VERSION, 3.12 if left out, is that of the machine with the GPU.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "example-spam"
# What the command takes besides the backend's dependencies, and the installer of variant wheels.
COMMAND = ("selector-backend[cli]", "uv")


def main() -> int:
    """Fill the folder."""
    folder = Path(sys.argv[1]).resolve()
    python_version = sys.argv[2] if len(sys.argv) > 2 else "3.12"
    if folder.exists() and any(folder.iterdir()):
        print(f"{folder} is not empty; name a new folder", file=sys.stderr)
        return 1
    wheels = folder / "wheels"
    with tempfile.TemporaryDirectory(prefix="carry-") as temporary:
        demo = Path(temporary, "demo")
        run(sys.executable, EXAMPLE / "demo.py", "--variant", "cpu", "--keep", demo)
        files = demo / "index/files"
        (sdist,) = files.glob("spam-*.tar.gz")
        shutil.copytree(files, wheels, ignore=shutil.ignore_patterns("*.tar.gz"))
        copy(sdist, folder / "plain")
        download(wheels, python_version)
        tools = demo / "tools/bin/python"
        pip = (tools, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, f"{ROOT}[cli]")
        project = Path(temporary, "spam")
        shutil.copytree(EXAMPLE / "spam", project)
        run(tools.with_name("selector-backend"), "variant-wheels", project, "--outdir",
            folder / "variants")  # fmt: skip
        make_self_contained(project / "pyproject.toml")
        (folder / "self-contained").mkdir()
        build = f"import selector_backend as b; b.build_sdist({str(folder / 'self-contained')!r})"
        run(tools, "-c", build, cwd=project)
    size = sum(file.stat().st_size for file in folder.rglob("*"))
    print(f"{folder}: {size / 2**20:.0f} MiB")
    return 0


def copy(file: Path, folder: Path) -> None:
    """Copy a file into a new folder."""
    folder.mkdir()
    shutil.copy(file, folder)


def download(wheels: Path, python_version: str) -> None:
    """Fetch the wheels of the command, for the other machine's Python."""
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 28)]
    run(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--only-binary=:all:", f"--python-version={python_version}", *platforms,
        "--find-links", wheels, "--dest", wheels, *COMMAND)  # fmt: skip


def make_self_contained(pyproject: Path) -> None:
    """Ask in a ``pyproject.toml`` for an sdist that carries its backend."""
    text = pyproject.read_text(encoding="utf-8")
    table = "[tool.selector]\n"
    pyproject.write_text(text.replace(table, f"{table}self-contained = true\n"), encoding="utf-8")


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command; its output is for who runs this."""
    subprocess.run([str(part) for part in command], check=True, cwd=cwd)


if __name__ == "__main__":
    sys.exit(main())
