"""What an install says of its choice, in the record and to whoever asks the frontend for more."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.driver import Driver
from support.hooks import Backend, HookFailedError
from support.project import write_compiled

GPU = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", compute-capability = ">=7.5" }
"""
WITH_CPU = f'{GPU}\n[[tool.selector.variant]]\nname = "cpu"\n'
DRIVER = GPU.replace('compute-capability = ">=7.5"', 'nvidia-driver = ">=550"')
SEVERAL = """
[tool.selector]

[[tool.selector.variant]]
name = "mac"
when = { marker = "sys_platform == 'darwin'" }

[[tool.selector.variant]]
name = "cu13"
when = { cuda = ">=13" }

[[tool.selector.variant]]
name = "cu12"
when = { cuda = ">=12", compute-capability = ">=7.5" }

[[tool.selector.variant]]
name = "rocm"
when = { gfx = "gfx942" }

[[tool.selector.variant]]
name = "cpu"
"""
CAPABILITY = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "old"
when = { cpu = "no-such" }
refuse = "No."

[[tool.selector.variant]]
name = "avx2"
when = { cpu = "avx2" }

[[tool.selector.variant]]
name = "cpu"
"""
READ_HERE = (
    "nvidia-driver is absent: the loader does not find libnvidia-ml.so.1 (it was read here, "
    "while cuda is stated; state SELECTOR_NVIDIA_DRIVER too)"
)
NEARLY = "the environment variable SELECTOR_CDUA is not known, did you mean SELECTOR_CUDA?"


def said(source: Path, folder: Path, **environ: str) -> list[str]:
    """Return the lines that the hooks of an install print."""
    backend, lines = Backend(source, environ), []
    backend.call("get_requires_for_build_wheel")
    lines += backend.output.splitlines()
    prepared = backend.metadata(folder)
    lines += backend.output.splitlines()
    backend.call("build_wheel", str(folder), metadata_directory=str(prepared))
    return lines + backend.output.splitlines()


@pytest.mark.parametrize(
    ("table", "environ", "line"),
    [
        (
            WITH_CPU,
            {"SELECTOR_CUDA": "12.4", "SELECTOR_COMPUTE_CAPABILITY": "8.0"},
            "cu12: cuda 12.4 is >=12 and compute-capability 8.0 is >=7.5",
        ),
        (
            WITH_CPU,
            {"SELECTOR_CUDA": "11.8", "SELECTOR_COMPUTE_CAPABILITY": "8.0"},
            "cpu: it fits every machine; not cu12: cuda 11.8 is not >=12",
        ),
        (
            WITH_CPU,
            {"SELECTOR_CUDA": "12.4"},
            "cu12: cuda 12.4 is >=12 and compute-capability 12.1 is >=7.5",  # as a new GPU has it
        ),
        (
            DRIVER + '[[tool.selector.variant]]\nname = "cpu"\n',
            {"SELECTOR_CUDA": "12.4"},
            f"cpu: it fits every machine; not cu12: {READ_HERE}",
        ),
        (
            SEVERAL,
            {"SELECTOR_CUDA": "12.4", "SELECTOR_COMPUTE_CAPABILITY": "6.1", "SELECTOR_GFX": ""},
            "cpu: it fits every machine; not cu12: compute-capability 6.1 is not >=7.5",
        ),
        (
            SEVERAL,
            {"SELECTOR_CUDA": "", "SELECTOR_COMPUTE_CAPABILITY": "", "SELECTOR_GFX": "gfx90a"},
            "cpu: it fits every machine; not rocm: gfx lacks gfx942",
        ),
        (
            SEVERAL,
            {"SELECTOR_CUDA": "", "SELECTOR_COMPUTE_CAPABILITY": "", "SELECTOR_GFX": ""},
            "cpu: it fits every machine; not cu13: cuda is absent: SELECTOR_CUDA is set to nothing",
        ),
        (WITH_CPU, {"SPAM_VARIANT": "cpu"}, "cpu, as SPAM_VARIANT asks"),
        (CAPABILITY, {"SPAM_VARIANT": "all"}, "avx2 and cpu, as SPAM_VARIANT asks"),
        (CAPABILITY, {"SELECTOR_CPU": "avx2"}, "avx2: cpu has avx2"),
    ],
)
def test_one_line_an_install_says_what_was_chosen_and_why(
    tmp_path: Path, table: str, environ: dict[str, str], line: str
) -> None:
    source = write_compiled(tmp_path / "source", table)
    assert said(source, tmp_path / "out", **environ) == [f"spam 1.0 gets {line}"]


def test_what_was_read_beside_a_stated_fact_says_so_in_the_record(
    tmp_path: Path, driver: Driver
) -> None:
    cpu = '[[tool.selector.variant]]\nname = "cpu"\n'
    source = write_compiled(tmp_path / "source", DRIVER + cpu)
    record = Backend(source, {"SELECTOR_CUDA": "12.4"}).record(tmp_path / "out")
    assert record["verdicts"][0]["reason"] == READ_HERE
    absent = record["facts"]["nvidia-driver"]["absent"]
    assert f"nvidia-driver is absent: {absent}" == READ_HERE
    # There is nothing to say where that fact is there, or the one stated is stated as absent.
    for environ in ({**driver.environ(), "SELECTOR_CUDA": "12.4"}, {"SELECTOR_CUDA": ""}):
        text = str(Backend(source, environ).record(tmp_path / "more"))
        assert "read here" not in text


def test_where_nothing_fits_the_message_says_what_was_stated_in_part_or_misspelt(
    tmp_path: Path,
) -> None:
    source = write_compiled(tmp_path / "source", DRIVER)
    with pytest.raises(HookFailedError) as failed:
        Backend(source, {"SELECTOR_CUDA": "12.4"}).call("get_requires_for_build_wheel")
    assert f"  cu12: {READ_HERE}\n" in failed.value.output
    with pytest.raises(HookFailedError) as failed:
        Backend(source, {"SELECTOR_CDUA": "12.4"}).call("get_requires_for_build_wheel")
    assert failed.value.output.endswith(f"\n{NEARLY}\n")


@pytest.mark.parametrize("forced", [{}, {"SPAM_VARIANT": "cpu"}])
def test_a_variable_that_is_nearly_ours_is_noted_once(
    tmp_path: Path, forced: dict[str, str]
) -> None:
    source = write_compiled(tmp_path / "source", WITH_CPU)
    environ = {"SELECTOR_CDUA": "12.4", "SELECTOR_THEME": "dark", **forced}
    lines = said(source, tmp_path / "out", **environ)
    assert lines[1:] == [NEARLY]
    assert Backend(source, environ).record(tmp_path / "again")["notes"] == [NEARLY]


def test_what_refuses_an_environment_is_not_to_be_forced(tmp_path: Path) -> None:
    table = """
    [[tool.selector.variant]]
    name = "old"
    when = { installed = "spamlib<2" }
    refuse = "Uninstall spamlib first."

    [[tool.selector.variant]]
    name = "cpu"
    """
    source = write_compiled(tmp_path / "source", table)
    backend = Backend(source, {"SELECTOR_INSTALLED": "spamlib==1.0"})
    with pytest.raises(HookFailedError) as failed:
        backend.call("get_requires_for_build_wheel")
    assert "Uninstall spamlib first." in failed.value.output
    assert "To force" not in failed.value.output
