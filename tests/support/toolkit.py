"""Stand-ins for libraries of CUDA, ROCm and Level Zero, from `toolkit.c`, and a sysfs."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

from selector_backend.probes.loader import findable

from .driver import compiler

SOURCE = Path(__file__).with_name("toolkit.c")

#: Every name of a toolkit's library that is looked for on Linux.
TOOLKIT_NAMES = [
    f"lib{library}.so{end}"
    for library in ("nvrtc", "cudart")
    for end in (".13", ".12", ".11.2", ".11.1", ".11.0", "")
]


def compile_library(file: Path, version: int, *options: str) -> Path:
    """Compile a stand-in of the kind that its name tells, which says it is of ``version``."""
    kinds = {
        "libnvrtc": "NVRTC",
        "libcudart": "RUNTIME",
        "libamdhip64": "HIP",
        "libze_loader": "ZE",
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    define = [f"-D{kinds[file.name.partition('.')[0]]}", f"-DVERSION={version}", *options]
    define.append(f"-Wl,-soname,{file.name}")
    file.write_bytes(_compiled(*define))
    return file


@functools.cache
def _compiled(*define: str) -> bytes:
    """Return what the compiler makes of the source; the tests want the same again and again."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "library")
        options = ["-shared", "-fPIC", "-pthread", "-o", str(file), *define]
        subprocess.run([compiler(), *options, str(SOURCE)], check=True)
        return file.read_bytes()


def hide_toolkits(folder: Path) -> str:
    """Return a search path on which no toolkit of this machine's is found.

    The name of each library that this machine has is taken by a file that is no library.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in TOOLKIT_NAMES:
        if findable(name, {}):
            (folder / name).touch()
    return str(folder)


def write_kfd(root: Path, *targets: int | None, device: bool = True) -> Path:
    """Write what the kernel shows of AMD GPUs below ``root``.

    A target of 0 is a CPU's node, and ``None`` a GPU's on a kernel that does not tell targets. Each
    GPU has a device of its own, from ``dev/dri/renderD129`` on for the second node.
    """
    for index, target in enumerate(targets):
        node = root / "sys/class/kfd/kfd/topology/nodes" / str(index)
        node.mkdir(parents=True)
        lines = ["vendor_id 4098"] if target is None else [f"gfx_target_version {target}"]
        if target == 0:
            lines += ["cpu_cores_count 64", "simd_count 0", "drm_render_minor 0"]
        else:
            lines += ["cpu_cores_count 0", "simd_count 304", f"drm_render_minor {128 + index}"]
        (node / "properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if device and target != 0:
            write_device(root / f"dev/dri/renderD{128 + index}")
    if device:
        write_device(root / "dev/kfd")
    return root


def write_device(file: Path) -> Path:
    """Write a file that stands for a device."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def write_pci(root: Path, driver: str, *devices: str) -> Path:
    """Write what the kernel shows below ``root`` of a driver that is loaded, and its devices."""
    for name in ("bind", "unbind", "new_id", *devices):
        file = root / "sys/bus/pci/drivers" / driver / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root
