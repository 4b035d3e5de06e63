"""The recipes: real packages as selector tables, on many machines, with what each has to give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.environment import ROOT

from selector_backend.authoring.project import read_project
from selector_backend.installing.messages import message_of
from selector_backend.model.decision import Environment, Request, decide
from selector_backend.model.machine import ProfileFile
from selector_backend.probes import read_machine

RECIPES = ROOT / "docs/recipes"


def on(system: str, machine: str, cpu: str, **facts: Any) -> dict[str, Any]:
    """Return the facts of a machine; ``_`` in a name stands for ``-``."""
    marker = {"sys_platform": system, "platform_machine": machine}
    return {
        "marker": marker,
        "cpu": [cpu],
        **{name.replace("_", "-"): value for name, value in facts.items()},
    }


def linux(**facts: Any) -> dict[str, Any]:
    return on("linux", "x86_64", "zen3", **facts)


def gpu(cuda: str, capability: str, **facts: Any) -> dict[str, Any]:
    return linux(cuda=cuda, compute_capability=capability.split(), **facts)


#: What ONNX Runtime's provider for CUDA is linked with.
CUDA_13 = ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10"]
MACHINES = {
    "no GPU": linux(),
    "driver 11.4": gpu("11.4", "7.5"),
    "driver 11.8": gpu("11.8", "8.0"),
    "driver 12.2": gpu("12.2", "8.6"),
    "driver 12.6": gpu("12.6", "8.9"),
    "driver 12.8": gpu("12.8", "8.9"),
    "driver 13.0": gpu("13.0", "9.0"),
    "driver 13.1, Blackwell": gpu("13.1", "12.0"),
    "driver 12.8, GTX 1080 Ti": gpu("12.8", "6.1"),
    "driver 13.0, GTX 1080 Ti": gpu("13.0", "6.1"),
    "driver 12.8, Volta": gpu("12.8", "7.0"),
    "driver 13.0, Pascal and Hopper": gpu("13.0", "6.1 9.0"),
    "toolkit 11.8 only": linux(cuda_toolkit="11.8"),
    "toolkit 12.4 only": linux(cuda_toolkit="12.4"),
    "toolkit 13.0 only": linux(cuda_toolkit="13.0"),
    "toolkit 14.0 only": linux(cuda_toolkit="14.0"),
    "toolkit 12.4, driver 13.0": gpu("13.0", "9.0", cuda_toolkit="12.4"),
    "toolkit 13.0, driver 12.8": gpu("12.8", "8.9", cuda_toolkit="13.0"),
    "ROCm 6.4, MI300X": linux(rocm="6.4", gfx=["gfx942"]),
    "ROCm 7.0, MI300X": linux(rocm="7.0", gfx=["gfx942"]),
    "ROCm 7.0, no device": linux(rocm="7.0"),
    "ROCm 6.4, RX 6800": linux(rocm="6.4", gfx=["gfx1030"]),
    "ROCm 7.0, toolkit 12.4": linux(rocm="7.0", gfx=["gfx942"], cuda_toolkit="12.4"),
    "Arc, Level Zero 1.24": linux(xpu="1.24.1"),
    "JAX for CUDA 12, driver 13.0": gpu(
        "13.0", "9.0", installed=["jax==0.10.2", "jax-cuda12-plugin==0.10.2"]
    ),
    "JAX for CUDA 13, no GPU": linux(installed=["jax-cuda13-plugin==0.10.2"]),
    "JAX without CUDA, driver 13.0": gpu("13.0", "9.0", installed=["jax==0.10.2"]),
    "torch 2.8.0+cu128, driver 13.0": gpu("13.0", "9.0", installed=["torch==2.8.0+cu128"]),
    "torch 2.8.0+cu126": linux(installed=["torch==2.8.0+cu126"]),
    "torch 2.8.0+cpu": linux(installed=["torch==2.8.0+cpu"]),
    "torch 2.8.0 from PyPI": linux(installed=["torch==2.8.0"]),
    "torch 2.9.1+cu128": linux(installed=["torch==2.9.1+cu128"]),
    "Open MPI and MPICH": linux(library=["libmpi.so.12", "libmpi.so.40", "libcudnn.so.9"]),
    "Intel MPI": linux(library=["libmpi.so.12"]),
    "CUDA-Q for CUDA 11, driver 13.0": gpu("13.0", "9.0", installed=["cuda-quantum-cu11==0.13"]),
    "CUDA 13 with cuDNN, driver 13.0": gpu("13.0", "9.0", library=[*CUDA_13, "libcudnn.so.9"]),
    "CUDA 13 without it, driver 13.0": gpu("13.0", "9.0", library=CUDA_13),
    "cuDNN 8, driver 12.8": gpu("12.8", "8.9", library=["libcudnn.so.8"]),
    "cuDNN 8 and 9, driver 12.8": gpu("12.8", "8.9", library=["libcudnn.so.8", "libcudnn.so.9"]),
    "cuDNN 9, driver 11.8": gpu("11.8", "8.0", library=["libcudnn.so.9"]),
    "Ivy Bridge": on("linux", "x86_64", "ivybridge"),
    "Haswell": on("linux", "x86_64", "haswell"),
    "CPU unknown": {**linux(), "cpu": None},
    "Graviton": on("linux", "aarch64", "neoverse_v1"),
    "Grace Hopper": on(
        *("linux", "aarch64", "neoverse_v2"), cuda="12.8", compute_capability=["9.0"]
    ),
    "Jetson Orin": on(
        *("linux", "aarch64", "neoverse_n1"),
        cuda="12.6",
        compute_capability=["8.7"],
        cuda_toolkit="12.6",
    ),
    "Mac, M2": on("darwin", "arm64", "m2"),
    "Mac, M2, torch 2.8.0": on("darwin", "arm64", "m2", installed=["torch==2.8.0"]),
    "Mac, Intel": on("darwin", "x86_64", "haswell"),
    "Windows": on("win32", "AMD64", "icelake"),
    "Windows, torch 2.8.0 from PyPI": on(
        "win32", "AMD64", "icelake", xpu="1.24.1", installed=["torch==2.8.0"]
    ),
    "Windows, Intel MPI and MS-MPI": on(
        "win32", "AMD64", "icelake", library=["impi.dll", "msmpi.dll"]
    ),
    "Windows, MS-MPI": on("win32", "AMD64", "icelake", library=["msmpi.dll"]),
    "Windows, old CPU": on("win32", "AMD64", "ivybridge"),
    "Windows, driver 12.8": on(
        *("win32", "AMD64", "zen3"), cuda="12.8", compute_capability=["8.9"]
    ),
}

# "-" stands for "nothing fits", and "!name" for a variant that refuses.
COLUMNS = [
    *("machine", "cupy", "cuquantum", "cudaq"),
    *("polars", "pytorch", "jax", "onnxruntime", "faiss"),
    *("transformer-engine", "torch-scatter", "mpi4py", "ctranslate2"),
]
EXPECTED = """
no GPU                          | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
driver 11.4                     | -             | -        | !too-old  | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
driver 11.8                     | -             | -        | !too-old  | polars         | cpu    | cpu    | cpu        | gpu-cu11 | -    | -     | -     | cpu
driver 12.2                     | -             | -        | cu12      | polars         | cpu    | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cpu
driver 12.6                     | -             | -        | cu12      | polars         | cu126  | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cpu
driver 12.8                     | -             | -        | cu12      | polars         | cu128  | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cpu
driver 13.0                     | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | cu13 | -     | -     | cpu
driver 13.1, Blackwell          | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | cu13 | -     | -     | cpu
driver 12.8, GTX 1080 Ti        | -             | -        | cu12      | polars         | cu126  | cuda12 | cu12       | cpu      | -    | -     | -     | cpu
driver 13.0, GTX 1080 Ti        | -             | -        | cu13      | polars         | cu126  | cuda12 | cu12       | cpu      | -    | -     | -     | cpu
driver 12.8, Volta              | -             | -        | cu12      | polars         | cu128  | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cpu
driver 13.0, Pascal and Hopper  | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | cu13 | -     | -     | cpu
toolkit 11.8 only               | !cuda-too-old | !too-old | !too-old  | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
toolkit 12.4 only               | cuda12x       | cu12     | cu12      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
toolkit 13.0 only               | cuda13x       | cu13     | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
toolkit 14.0 only               | !cuda-too-new | !too-new | !too-new  | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
toolkit 12.4, driver 13.0       | cuda12x       | cu12     | cu12      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | cu13 | -     | -     | cpu
toolkit 13.0, driver 12.8       | cuda13x       | cu13     | cu13      | polars         | cu128  | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cpu
ROCm 6.4, MI300X                | !rocm-other   | -        | cu13      | polars         | rocm64 | cpu    | cpu        | cpu      | -    | -     | -     | cpu
ROCm 7.0, MI300X                | rocm-7-0      | -        | cu13      | polars         | rocm64 | cpu    | migraphx   | cpu      | -    | -     | -     | cpu
ROCm 7.0, no device             | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
ROCm 6.4, RX 6800               | !rocm-other   | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
ROCm 7.0, toolkit 12.4          | cuda12x       | cu12     | cu12      | polars         | rocm64 | cpu    | migraphx   | cpu      | -    | -     | -     | cpu
Arc, Level Zero 1.24            | -             | -        | cu13      | polars         | xpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
JAX for CUDA 12, driver 13.0    | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | cu12 | -     | -     | cpu
JAX for CUDA 13, no GPU         | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | cu13 | -     | -     | cpu
JAX without CUDA, driver 13.0   | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | -    | -     | -     | cpu
torch 2.8.0+cu128, driver 13.0  | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | -    | cu128 | -     | cpu
torch 2.8.0+cu126               | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | cu126 | -     | cpu
torch 2.8.0+cpu                 | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | cpu   | -     | cpu
torch 2.8.0 from PyPI           | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | cu128 | -     | cpu
torch 2.9.1+cu128               | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Open MPI and MPICH              | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | mpich | cpu
Intel MPI                       | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | mpich | cpu
CUDA-Q for CUDA 11, driver 13.0 | -             | -        | !replaced | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | -    | -     | -     | cpu
CUDA 13 with cuDNN, driver 13.0 | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu        | gpu-cu12 | cu13 | -     | -     | cudnn9
CUDA 13 without it, driver 13.0 | -             | -        | cu13      | polars         | cu130  | cuda13 | gpu-wheels | gpu-cu12 | cu13 | -     | -     | cpu
cuDNN 8, driver 12.8            | -             | -        | cu12      | polars         | cu128  | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cudnn8
cuDNN 8 and 9, driver 12.8      | -             | -        | cu12      | polars         | cu128  | cuda12 | cu12       | gpu-cu12 | cu12 | -     | -     | cudnn9
cuDNN 9, driver 11.8            | -             | -        | !too-old  | polars         | cpu    | cpu    | cpu        | gpu-cu11 | -    | -     | -     | cpu
Ivy Bridge                      | -             | -        | cu13      | polars-lts-cpu | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Haswell                         | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
CPU unknown                     | -             | -        | cu13      | polars-lts-cpu | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Graviton                        | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Grace Hopper                    | -             | -        | cu12      | polars         | cu128  | cuda12 | cpu        | cpu      | cu12 | -     | -     | cpu
Jetson Orin                     | cuda12x       | cu12     | cu12      | polars         | cu126  | cuda12 | cpu        | cpu      | cu12 | -     | -     | cpu
Mac, M2                         | -             | -        | cu13      | polars         | mac    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Mac, M2, torch 2.8.0            | -             | -        | cu13      | polars         | mac    | cpu    | cpu        | cpu      | -    | mac   | -     | cpu
Mac, Intel                      | -             | -        | cu13      | polars         | mac    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Windows                         | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Windows, torch 2.8.0 from PyPI  | -             | -        | cu13      | polars         | xpu    | cpu    | cpu        | cpu      | -    | cpu   | -     | cpu
Windows, Intel MPI and MS-MPI   | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | impi  | cpu
Windows, MS-MPI                 | -             | -        | cu13      | polars         | cpu    | cpu    | cpu        | cpu      | -    | -     | msmpi | cpu
Windows, old CPU                | -             | -        | cu13      | polars-lts-cpu | cpu    | cpu    | cpu        | cpu      | -    | -     | -     | cpu
Windows, driver 12.8            | -             | -        | cu12      | polars         | cu128  | cpu    | cu12       | cpu      | -    | -     | -     | cpu
"""  # noqa: E501 - a table is read in its columns
ROWS = {
    cells[0]: dict(zip(COLUMNS[1:], cells[1:]))
    for cells in ([cell.strip() for cell in row.split("|")] for row in EXPECTED.strip().split("\n"))
}


def test_there_is_a_row_for_each_machine_and_a_column_for_each_recipe() -> None:
    assert list(ROWS) == list(MACHINES)
    # rocm may choose several, and has machines of its own in test_rocm_recipe.py.
    recipes = {file.parent.name for file in RECIPES.glob("*/pyproject.toml")} - {"rocm"}
    assert recipes == set(COLUMNS[1:])
    assert all(set(row) == recipes for row in ROWS.values())


@pytest.mark.parametrize("recipe", COLUMNS[1:])
def test_a_recipe_gives_each_machine_what_is_listed(recipe: str, tmp_path: Path) -> None:
    selector = read_project(RECIPES / recipe).selector
    found = {}
    for number, (name, facts) in enumerate(MACHINES.items()):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps({"format": 1, "facts": facts}), encoding="utf-8")
        profile = ProfileFile(str(file), "SELECTOR_MACHINE")
        machine = read_machine(selector.facts, {}, profile=profile)
        decision = decide(selector, machine, Request(), Environment())
        fitting = [one.variant for one in decision.verdicts if one.fits]
        chosen = [variant.name for variant in decision.variants]
        found[name] = chosen[0] if chosen else f"!{fitting[0]}" if fitting else "-"
    assert found == {name: row[recipe] for name, row in ROWS.items()}


def requires(recipe: str, variant: str) -> list[str]:
    selector = read_project(RECIPES / recipe).selector
    (found,) = (one for one in selector.variants if one.name == variant)
    return [str(requirement) for requirement in found.requires]


def test_what_the_variants_require() -> None:
    assert requires("cupy", "cuda13x") == ["cupy-cuda13x==14.2.0"]
    assert requires("cuquantum", "cu13") == ["cuquantum-python-cu13==26.9.0"]
    assert requires("pytorch", "cu126") == ["torch==2.9.1+cu126"]
    assert requires("jax", "cuda12") == ["jax[cuda12]==0.10.2"]
    assert requires("cudaq", "cu12") == [
        "cuda-quantum-cu12==0.16.0.post1",
        'cudaq-logical[cu12]==0.1.1.post1; sys_platform == "linux"',
    ]


def test_a_refusal_says_what_is_there() -> None:
    selector = read_project(RECIPES / "cudaq").selector
    machine = read_machine(selector.facts, {"SELECTOR_CUDA_TOOLKIT": "11.8", "SELECTOR_CUDA": ""})
    problem = message_of(decide(selector, machine, Request(), Environment())) or ""
    assert "CUDA 12 or newer. The toolkit here is 11.8, the driver's CUDA is absent" in problem
