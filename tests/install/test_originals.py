"""Recipes beside the code of the projects that they are made after, on the same machines.

cudaq's hook runs when its sdist is built, and mpi4py's finder when it is imported. Both are
fetched, and asked in a process that finds the same stand-ins for libraries as the recipe's facts.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from filelock import FileLock
from support.driver import Driver, compiler
from support.environment import ROOT
from support.toolkit import compile_library, hide_toolkits

from selector_backend.authoring.project import read_project
from selector_backend.model.decision import Environment, Request, decide
from selector_backend.probes import read_machine

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are libraries for Linux"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="cudaq is for Python 3.11 and newer"),
]

CUDAQ = "import hatch_build as hook; print(hook._infer_best_package())"
MPI4PY = "from mpi4py import _mpiabi as abi; print(abi._get_mpiabi())"

#: Machines for cudaq: versions of NVRTC and of the CUDA runtime, and the driver's CUDA with GPUs.
TOOLKITS: list[tuple[Sequence[str], Sequence[str], str, str]] = [
    ((), (), "", ""),
    *(((), (), cuda, "8.6") for cuda in ("11.4", "11.8", "12.0", "12.8", "13.0", "13.1", "14.0")),
    *(((version,), (), "", "") for version in ("11.0", "11.8", "12.4", "13.0")),
    *(((), (version,), "", "") for version in ("11.8", "12.4", "13.0")),
    (("12.4",), ("13.0",), "", ""),
    (("13.0",), ("12.4",), "", ""),
    (("12.4", "13.0"), (), "", ""),
    (("11.8", "12.4"), ("13.0",), "13.0", "9.0"),
    (("12.4",), (), "13.0", "9.0"),
    (("13.0",), (), "12.8", "8.9"),
    (("11.8",), ("11.8",), "13.0", "9.0"),
    ((), ("12.4",), "11.4", "7.5"),
]

#: What makes a library an MPI, and what only Open MPI's has.
MPI = "int MPI_Get_version(int *a, int *b) { return 0; }\n"
OPEN_MPI = MPI + "int ompi_mpi_comm_self;\n"
SOURCES = {"libmpi.so.12": MPI, "libmpi.so.40": OPEN_MPI, "libmpi_abi.so.0": MPI}
BOTH = ("libmpi.so.12", "libmpi.so.40")


@pytest.fixture(scope="session")
def originals(shared_folder: Path) -> Path:
    """A folder from which the hook of cudaq, and mpi4py, are imported."""
    folder = shared_folder / "originals"
    command = [sys.executable, "-m", "pip", "-q", "download", "--no-deps", "--dest", str(folder)]
    with FileLock(str(folder) + ".lock"):
        if not folder.exists():
            subprocess.run([*command, "--no-binary=:all:", "cudaq==0.16.0.post1"], check=True)
            subprocess.run([*command, "--only-binary=:all:", "mpi4py==4.1.*"], check=True)
            (sdist,), (wheel,) = folder.glob("cudaq-*"), folder.glob("mpi4py-*")
            with tarfile.open(sdist) as archive:
                member = next(one for one in archive if one.name.endswith("hatch_build.py"))
                hook = archive.extractfile(member)
                assert hook is not None
                (folder / "hatch_build.py").write_bytes(hook.read())
            with zipfile.ZipFile(wheel) as archived:
                archived.extractall(folder)
    return folder


def decided(originals: Path, code: str, environ: Mapping[str, str]) -> str:
    """Return what a project's own code says, ``""`` if it says that nothing fits."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ, "PYTHONPATH": str(originals)},
        check=False,
        text=True,
        capture_output=True,
    )
    assert process.returncode in (0, 1), process.stderr
    return process.stdout.split()[-1] if process.returncode == 0 else ""


def chosen(recipe: str, environ: Mapping[str, str]) -> str:
    """Return the variant that the recipe gives this machine, ``""`` if it gives none."""
    selector = read_project(ROOT / "docs/recipes" / recipe).selector
    scope = selector.scope(())
    machine = read_machine(selector.facts, {**os.environ, **environ}, scope=scope)
    decision = decide(selector, machine, Request(), Environment())
    return "".join(variant.name for variant in decision.variants)


def soname(library: str, version: str) -> str:
    """Return the file name that NVIDIA gives a library of CUDA's."""
    major, minor = version.split(".")
    if major != "11":
        return f"lib{library}.so.{major}"
    return f"lib{library}.so.11.{'0' if library == 'cudart' else min(2, int(minor))}"


@pytest.mark.parametrize("machine", TOOLKITS, ids=str)
def test_cudaq_decides_as_the_recipe(
    originals: Path,
    driver: Driver,
    tmp_path: Path,
    machine: tuple[Sequence[str], Sequence[str], str, str],
) -> None:
    nvrtc, runtime, cuda, gpus = machine
    environ = driver.environ(cuda, gpus=gpus) if cuda else {}
    for library, versions in (("nvrtc", nvrtc), ("cudart", runtime)):
        for version in versions:
            major, minor = version.split(".")
            number = int(major) * 1000 + int(minor) * 10
            compile_library(tmp_path / "toolkit" / soname(library, version), number)
    places = [str(tmp_path / "toolkit"), hide_toolkits(tmp_path / "hidden")]
    path = os.pathsep.join([*places, *filter(None, [environ.get("LD_LIBRARY_PATH")])])
    environ = {**environ, "LD_LIBRARY_PATH": path}
    package = decided(originals, CUDAQ, environ)
    assert chosen("cudaq", environ) == package.rpartition("-")[2]


def test_cudaq_counts_a_driver_without_a_gpu(
    originals: Path, driver: Driver, tmp_path: Path
) -> None:
    environ = driver.environ("12.8", gpus="")
    environ["LD_LIBRARY_PATH"] += os.pathsep + hide_toolkits(tmp_path / "hidden")
    assert decided(originals, CUDAQ, environ) == "cuda-quantum-cu12"
    assert chosen("cudaq", environ) == "cu13"


def mpi(folder: Path, names: Sequence[str]) -> Path:
    """Compile libraries of MPI into a folder."""
    folder.mkdir()
    for name in names:
        command = [compiler(), "-shared", "-fPIC", "-x", "c", "-", "-o", str(folder / name)]
        subprocess.run(command, input=SOURCES[name], text=True, check=True)
    return folder


def test_mpi4py_decides_as_the_recipe(originals: Path, tmp_path: Path) -> None:
    """With one or both MPIs, or one of the ABI to come, in two folders that the loader looks in."""
    held = [(), BOTH, *((name,) for name in SOURCES)]
    folders = [mpi(tmp_path / str(number), names) for number, names in enumerate(held)]
    outcomes = []
    for first, second in itertools.product(folders, repeat=2):
        environ = {"LD_LIBRARY_PATH": f"{first}{os.pathsep}{second}"}
        outcomes.append(decided(originals, MPI4PY, environ))
        assert chosen("mpi4py", environ) == outcomes[-1], (first.name, second.name)
    assert len(outcomes) == 25
    assert {*outcomes} == {"", "mpich", "openmpi"}


def test_mpi4py_prefers_a_library_whose_name_tells_nothing(originals: Path, tmp_path: Path) -> None:
    folder = mpi(tmp_path / "mpi", BOTH)
    (folder / "libmpi.so").symlink_to("libmpi.so.40")
    environ = {"LD_LIBRARY_PATH": str(folder)}
    assert decided(originals, MPI4PY, environ) == "openmpi"
    assert chosen("mpi4py", environ) == "mpich"
    # A library that does not load is passed over; the recipe's facts load none.
    (folder / "libmpi.so").unlink()
    (folder / "libmpi.so.12").write_bytes(b"no library")
    assert decided(originals, MPI4PY, environ) == "openmpi"
    assert chosen("mpi4py", environ) == "mpich"
