"""What the installed record says of a variant is checked before it is imported."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, default_environment
from packaging.specifiers import SpecifierSet
from selector_runtime._fits import READERS
from selector_runtime._model.markers import CannotTellError, evaluate, satisfies
from support.scarce import compile_preload

from selector_backend.probes import read_machine

from .conftest import KILLER, Site
from .test_load import warnings_in

AVX512 = """
[tool.selector]
kind = "capability"

[[tool.selector.variant]]
name = "cu12"
when = { cpu = "x86_64_v4" }

[[tool.selector.variant]]
name = "cpu"
"""


@pytest.mark.parametrize("archspec", [True, False])
@pytest.mark.parametrize(
    ("cpu", "reason"),
    [
        ("x86_64_v3", "cpu lacks x86_64_v4 (as SELECTOR_CPU has it)"),
        ("avx512f", "cpu lacks x86_64_v4 (as SELECTOR_CPU has it)"),
        ("", "cpu is absent: SELECTOR_CPU is set to nothing"),
    ],
)
def test_a_cpu_that_lacks_the_instructions_is_not_tried(
    site: Site, cpu: str, reason: str, archspec: bool
) -> None:
    site.write_variants(cu12=KILLER)
    site.install(AVX512, SPAM_VARIANT="cu12")
    process = site.run(SELECTOR_CPU=cpu, site=archspec)
    assert process.stdout == "cpu\n"
    text = warnings_in(process)
    assert f"cu12 of spam is installed, but does not fit here: {reason}" in text
    assert "    pip install --force-reinstall spam==1.0\n" in text


def test_what_does_not_fit_any_more_and_excludes_the_others_is_uninstalled_first(
    site: Site,
) -> None:
    """pip refuses to put another over it, and uv puts the other beside it."""
    site.write_variants(cu12=KILLER)
    site.install(AVX512.replace("capability", "requirement"), SPAM_VARIANT="cu12")
    text = warnings_in(site.run(SELECTOR_CPU="x86_64_v3"))
    assert "  To fix it:\n    pip uninstall --yes spam spam-cu12\n    pip install spam==1.0" in text


def test_an_image_with_several_variants_hears_nothing_of_those_that_do_not_fit(site: Site) -> None:
    site.write_variants(cu12=KILLER)
    site.install(AVX512, SPAM_VARIANT="all")
    process = site.run(SELECTOR_CPU="x86_64_v3")
    assert (process.stdout, process.stderr) == ("cpu\n", "")
    site.write_variants(cu12="raise ValueError('no')")
    process = site.run(SELECTOR_CPU="x86_64_v4")
    assert process.stdout == "cpu\n"
    assert "ValueError: no.\n  To fix it:\n    pip install --force-reinstall spam-cu12==1.0" in (
        warnings_in(process)
    )


@pytest.mark.parametrize("archspec", [True, False])
def test_a_cpu_that_has_the_instructions_is_used(site: Site, archspec: bool) -> None:
    site.install(AVX512, SPAM_VARIANT="all")
    process = site.run(SELECTOR_CPU="x86-64-v4", site=archspec)
    assert (process.stdout, process.stderr) == ("cu12\n", "")


INSTALLED = """
[tool.selector]

[[tool.selector.variant]]
name = "cu12"
when = [{ installed = ["jax-cuda12-plugin", "torch>=2.9"] }, { installed = false, cuda = "<1" }]

[[tool.selector.variant]]
name = "cpu"
"""


@pytest.mark.parametrize(
    ("folders", "packaging", "variant", "reason"),
    [
        (("jax_cuda12_plugin-0.10.2.dist-info", "torch-2.9.1+cu128.dist-info"), True, "cu12", ""),
        (("Jax_Cuda12.Plugin-0.10.2-py3.9.egg-info", "torch-2.9.1.egg-info"), True, "cu12", ""),
        (("jax_cuda12_plugin-0.10.2.dist-info", "torch-2.8.0.dist-info"), False, "cu12", ""),
        (
            ("jax_cuda12_plugin-0.10.2.dist-info", "torch-2.8.0.dist-info"),
            True,
            "cpu",
            "installed lacks torch>=2.9 (torch==2.8.0 is there)",
        ),
        (("torch-2.9.1.dist-info",), True, "cpu", "installed lacks jax-cuda12-plugin"),
    ],
    ids=["there", "eggs", "not known without packaging", "old", "gone"],
)
def test_what_a_variant_follows_has_to_be_there_still(
    site: Site, folders: tuple[str, ...], packaging: bool, variant: str, reason: str
) -> None:
    table = INSTALLED.replace(', { installed = false, cuda = "<1" }', "")
    site.install(table, SELECTOR_INSTALLED="jax-cuda12-plugin,torch==2.9.1")
    for folder in folders:
        site.write(f"{folder}/METADATA", "")
    process = site.run(site=packaging)
    assert process.stdout == f"{variant}\n"
    assert f"does not fit here: {reason}" in process.stderr if reason else not process.stderr


def test_that_the_installer_hid_the_environment_is_no_condition_at_import(site: Site) -> None:
    site.install(INSTALLED, SELECTOR_INSTALLED="", SELECTOR_CUDA="0.5")
    assert site.run().stdout == "cu12\n"


@pytest.mark.parametrize("name", ["x86_64_v2", "x86_64_v3", "x86_64_v4", "avx2", "zen3", "sse3"])
def test_cpuinfo_and_archspec_agree_on_levels_and_features(site: Site, name: str) -> None:
    """`zen3` is for archspec alone to tell; this machine is none, or the test says so."""
    code = f"from selector_runtime._fits import fits\nprint(fits([{{'cpu': {name!r}}}])[0])\n"
    without, with_it = site.run(code).stdout, site.run(code, site=True).stdout
    if name == "zen3" and with_it == "True\n":
        pytest.skip("only archspec knows this machine by its name")
    assert without == with_it


OF_32_BITS = "import sys\nsys.maxsize = 2**31 - 1\n"
TELL = "from selector_runtime._fits import fits\nprint(*fits([{'cpu': 'NAME'}]))\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="it is about this processor's levels")
@pytest.mark.parametrize("with_archspec", [True, False])
def test_a_python_of_32_bits_has_no_level_of_64(site: Site, with_archspec: bool) -> None:
    def tell(name: str) -> str:
        return site.run(OF_32_BITS + TELL.replace("NAME", name), site=with_archspec).stdout

    assert tell("sse2") == "True \n"
    assert tell("i686") == "True \n"
    source = "archspec" if with_archspec else "/proc/cpuinfo"
    for name in ("x86_64", "x86_64_v2"):
        expected = f"False cpu lacks {name} (as {source} has it for a 32-bit Python)\n"
        assert tell(name) == expected


@pytest.mark.parametrize("with_archspec", [True, False])
@pytest.mark.parametrize("text", ["", "processor\t: 0\nFeatures\t: fp asimd avx2\n"])
def test_a_file_that_is_empty_or_of_another_processor_tells_nothing(
    site: Site, tmp_path: Path, text: str, with_archspec: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
    library = compile_preload(tmp_path, "cpuinfo")
    environ: dict[str, Any] = {"LD_PRELOAD": str(library)}
    environ["STANDIN_CPUINFO"] = str(tmp_path / "cpuinfo")
    site.write_variants(cu12=KILLER)
    site.install(AVX512.replace("x86_64_v4", "avx2"), SPAM_VARIANT="all")
    process = site.run(site=with_archspec, **environ)
    assert process.stdout == "cpu\n"
    assert "cannot be told: /proc/cpuinfo does not list this CPU's features" in process.stderr


def test_a_cpu_that_cannot_be_read_is_not_trusted(site: Site) -> None:
    site.write_variants(cu12=KILLER)
    site.install(AVX512, SPAM_VARIANT="all")
    site.write(
        "hidden.py",
        """\
        import builtins

        def hide(path, *arguments, open=open, **keywords):
            if path == "/proc/cpuinfo":
                raise FileNotFoundError(path)
            return open(path, *arguments, **keywords)

        builtins.open = hide
        """,
    )
    process = site.run("import hidden\nimport spam_core\nprint(spam_core.name)\n")
    assert process.stdout == "cpu\n"
    assert (
        "whether it fits cannot be told: the CPU's features cannot be read here without archspec"
        in (process.stderr)
    )
    assert '    pip install "selector-runtime[cpu]"\n' in process.stderr


@pytest.mark.parametrize("environ", [{}, {"SELECTOR_CPU": "zen3"}])
def test_an_archspec_that_is_broken_is_no_hindrance(site: Site, environ: dict[str, Any]) -> None:
    site.install(AVX512, SPAM_VARIANT="all")
    site.write("archspec/__init__.py", "")
    site.write("archspec/cpu.py", "open('no-such-file.json')")
    process = site.run(**environ)
    assert process.stdout == "cpu\n"
    assert "whether it fits cannot be told: archspec cannot read the CPU" in process.stderr


def test_a_forced_variant_beats_the_conditions(site: Site) -> None:
    site.install(AVX512, SPAM_VARIANT="all")
    assert site.run(SELECTOR_CPU="", SPAM_VARIANT="cu12").stdout == "cu12\n"
    assert site.run(SELECTOR_CPU="", SPAM_VARIANT="cu12,cpu").stdout == "cpu\n"


def table(when: str) -> str:
    return f"\n[[tool.selector.variant]]\nname = 'cu12'\nwhen = {when}\n"


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("{ glibc = '>=99' }", "is not >=99"),
        ("{ macos = true, glibc = true }", "macos is absent"),
        (
            "{ marker = \"sys_platform == 'plan9'\" }",
            'marker sys_platform == "plan9" is false: sys_platform is',
        ),
        ("[{ glibc = '<2' }, { musl = '>=1' }]", "is not <2; and musl is absent"),
        ("{ cuda = '>=12', cpu = 'no-such' }", "cpu lacks no_such (as /proc/cpuinfo has it)"),
        ("{ library = ['libc.so.6', 'libno.so.9'] }", "library lacks libno.so.9"),
        ("{ abi-features = 'no-such' }", "abi-features lacks no-such"),
        ("{ cpu = 'no-such*' }", "cpu lacks no_such*"),
        ("{ library = 'libc.so.6', abi-features = '64-bit' }", None),
        ("{ compute-capability = { every = '>=99' } }", None),
        ("{ cuda = '>=99' }", None),
        ("[{ glibc = '>=99' }, { cuda = '>=12' }]", None),
        (
            "{ glibc = '>=2.1,!=2.0', marker = \"os_name != 'nt' and python_version >= '3.9'\" }",
            None,
        ),
        ("{ marker = \"python_version == '3.*'\" }", None),
        ("{ cpu = true, macos = false }", None),
    ],
)
def test_conditions_that_cost_nothing_are_checked_and_drivers_are_not(
    site: Site, when: str, reason: str | None
) -> None:
    site.install(table(when), SPAM_VARIANT="cu12")
    process = site.run()
    assert process.stdout == ("cpu\n" if reason else "cu12\n")
    assert not reason or reason in warnings_in(process)


def test_a_library_that_the_process_has_already_is_found(site: Site) -> None:
    site.install(table("{ library = 'libspam-cudnn.so.9' }"), SPAM_VARIANT="cu12")
    assert "library lacks libspam-cudnn.so.9" in warnings_in(site.run())
    library = site.compile("wheel/cudnn.so", "", "-Wl,-soname,libspam-cudnn.so.9")
    process = site.run(f"import ctypes\nctypes.CDLL({str(library)!r})\nimport spam_core\n")
    assert process.stderr == ""


def test_a_distributors_glibc_has_its_release(site: Site, tmp_path: Path) -> None:
    site.install(table("{ glibc = '==2.20' }"), SPAM_VARIANT="cu12")
    library = compile_preload(tmp_path, "confstr")
    process = site.run(LD_PRELOAD=str(library), STANDIN_GLIBC="glibc 2.20-2014.11")
    assert (process.stdout, process.stderr) == ("cu12\n", "")


def recorded(*, when: str = "{}", requires: str = "[]") -> str:
    verdict = f'{{"name": "cu12", "when": {when}, "requires": {requires}}}'
    return f'{{"format": 1, "version": "1.0", "cpu": 1, "verdicts": [1, {verdict}]}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"format": 2}', '{"format": 1, "verdicts": [1]}', "\ud800"),
        *('{"cpu": ' + "[" * 100_000, '{"format": 1, "version": 1, "cpu": 1}'),
        recorded(when="5"),
        recorded(when='["cpu", 5]'),
        recorded(when='{"cpu": 5}'),
        recorded(when='{"cpu": {"a": 1}, "marker": ["os_name"]}'),
        recorded(when='{"glibc": ">=' + "1" * 5000 + '"}'),
    ],
)
def test_a_record_that_cannot_be_read_is_passed_over(site: Site, text: str) -> None:
    path = site.write("spam-1.0.dist-info/selector.json", "")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")


@pytest.mark.parametrize("requires", ["5", "[5]", '["spam-cu12=={nothing}"]', '["{0.x}", {}]'])
def test_requirements_that_cannot_be_read_are_no_hindrance(site: Site, requires: str) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    site.write("spam-1.0.dist-info/selector.json", recorded(requires=requires))
    process = site.run()
    assert process.stdout == "cpu\n"
    assert "pip install --force-reinstall" in warnings_in(process)


def test_what_is_not_installed_of_variants_that_exclude_each_other_takes_two_commands(
    site: Site,
) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    (site.folder / "_spam_cpu.py").unlink()
    site.install(
        """
        [[tool.selector.variant]]
        name = "cu12"
        requires = ["spam-cu12=={version}", "cuda-toolkit[cudart]==12.*"]

        [[tool.selector.variant]]
        name = "cpu"
        """,
        SPAM_VARIANT="cu12",
    )
    assert site.run(check=False).stderr.endswith(
        "spam: no variant works here.\n"
        "  cu12: ValueError: no. To fix it:\n"
        '    pip install --force-reinstall spam-cu12==1.0 "cuda-toolkit[cudart]==12.*"\n'
        "  cpu: it is not installed. To fix it:\n"
        "    pip uninstall --yes spam spam-cu12\n"
        "    pip install --config-settings spam:variant=cpu spam==1.0\n"
    )


@pytest.mark.parametrize(
    ("requires", "command"),
    [
        ([], "pip install --force-reinstall spam==1.0"),
        (["spam-gpu==1.0"], "pip install --force-reinstall spam-gpu==1.0"),
        ("text", "pip install --force-reinstall spam-cu12==1.0"),
        (["{nothing}", "{", "{0.x}"], 'pip install --force-reinstall "{nothing}" "{" "{0.x}"'),
    ],
)
def test_the_command_is_made_from_what_the_record_has(
    site: Site, requires: object, command: str
) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    variant = {"name": "cu12", "requires": requires, "when": [{"macos": False}]}
    record = {"format": 1, "version": "1.0", "variants": ["cu12"]}
    record["table"] = {"kind": "capability", "variants": [variant, {"name": "cpu"}]}
    site.write("spam-1.0.dist-info/selector.json", json.dumps(record))
    assert f"\n    {command}\n" in warnings_in(site.run())


def test_a_variant_that_needs_nothing_of_its_own_is_mended_with_the_project(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    site.write_variants(cpu="raise ValueError('no')")
    site.install(
        """
        [tool.selector]
        kind = "capability"

        [[tool.selector.variant]]
        name = "cu12"
        when = { cuda = true }

        [[tool.selector.variant]]
        name = "cpu"
        requires = []
        """,
        SPAM_VARIANT="cpu",
    )
    command = "To fix it:\n    pip install --force-reinstall spam==1.0\n"
    assert site.run(check=False).stderr.endswith(f"  cpu: ValueError: no. {command}")
    (site.folder / "_spam_cpu.py").unlink()
    assert site.run(check=False).stderr.endswith(f"  cpu: it is not installed. {command}")


VERSIONS = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(
    lambda numbers: ".".join(map(str, numbers))
)


@given(VERSIONS, st.sampled_from(["~=", "==", "!=", "<=", ">=", "<", ">"]), VERSIONS, st.booleans())
def test_versions_compare_as_packaging_has_it(
    version: str, operator: str, bound: str, series: bool
) -> None:
    specifier = f"{operator}{bound}{'.*' if series and operator in ('==', '!=') else ''}"
    if operator == "~=" and "." not in bound:
        with pytest.raises(CannotTellError):
            satisfies(version, specifier)
    else:
        assert satisfies(version, specifier) == SpecifierSet(specifier).contains(version)
        assert satisfies(version, f"{specifier},>=0") == satisfies(version, specifier)


# packaging takes a kernel's release for a version; if it is none, even `!= '3.9'` is false there.
ATOMS = st.builds(
    "{} {} {!r}".format,
    st.sampled_from(sorted({*default_environment()} - {"platform_release"})),
    st.sampled_from(["==", "!=", "in", "not in", "<", ">="]),
    st.sampled_from(["linux", "Linux", "posix", "3.9", "3.11", "cpython", "x86_64", "6.1"]),
)
MARKERS = st.recursive(
    ATOMS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=4,
)


@given(MARKERS)
def test_markers_evaluate_as_packaging_has_it(marker: str) -> None:
    environment, _ = READERS["marker"][1]()
    assert isinstance(environment, dict)
    try:
        found = evaluate(marker, environment)
    except CannotTellError:
        return  # it is left to the import
    assert found == Marker(marker).evaluate()


@pytest.mark.parametrize("name", ["marker", "abi-features", "glibc", "musl", "macos"])
def test_importing_reads_what_installing_reads(name: str) -> None:
    value, _ = READERS[name][1]()
    assert read_machine([name], {})[name].value == value


@pytest.mark.parametrize(
    "text", ["1 if 2 else 3", "f()", "os_name", "not os_name == 'nt'", "a == 'b'", "1 < 2 < 3", "("]
)
def test_what_is_no_marker_is_not_evaluated(text: str) -> None:
    with pytest.raises(CannotTellError):
        evaluate(text, {"os_name": "posix"})
