"""The advice to choose again, where a driver's library was not found and is found now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from selector_backend.probes.loader import findable

from .test_load import warnings_in

if TYPE_CHECKING:
    from .conftest import Site

NVML = "libnvidia-ml.so.1"
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the library's name is Linux's"),
    pytest.mark.skipif(findable(NVML, {}), reason="this machine has a driver"),
]

#: Loaded anywhere, it ends the process.
TRAP = "#include <stdlib.h>\n__attribute__((constructor)) static void trap(void) { abort(); }\n"


def table(when: str, kind: str = "requirement") -> str:
    variants = f"[[tool.selector.variant]]\nname = 'cu12'\nwhen = {when}\n"
    variants += "[[tool.selector.variant]]\nname = 'cpu'\n"
    return f"[tool.selector]\nkind = '{kind}'\n\n{variants}"


CUDA = "{ cuda = '>=12', compute-capability = '>=7.5' }"


def install(site: Site, when: str = CUDA, kind: str = "requirement", **environ: str) -> None:
    """Install spam's record on a machine without a driver, and the variant for it alone."""
    site.install(table(when, kind), **environ)
    (site.folder / "_spam_cu12.py").unlink()


def driver(site: Site, name: str = NVML) -> str:
    """Return a search path on which the loader finds a driver's library."""
    return str(site.compile(f"driver/{name}", TRAP).parent)


def test_a_driver_that_is_there_now_is_worth_choosing_again(site: Site) -> None:
    install(site)
    assert site.run().stderr == ""
    process = site.run(LD_LIBRARY_PATH=driver(site))
    assert process.stdout == "cpu\n"
    assert warnings_in(process).endswith(
        "VariantWarning: a variant for CUDA may fit now: cu12 of spam was not installed, since "
        "libnvidia-ml.so.1 was not found then, and is found now.\n"
        "  To choose again:\n"
        "    pip uninstall --yes spam spam-cpu\n"
        "    pip install spam==1.0\n"
        "To hide this, set SELECTOR_ADVICE to 0\n"
        "  import spam_core"
    )


def test_variants_that_may_stand_side_by_side_are_not_uninstalled(site: Site) -> None:
    install(site, kind="capability")
    assert "    pip install --force-reinstall spam==1.0" in warnings_in(
        site.run(LD_LIBRARY_PATH=driver(site))
    )


def test_the_advice_is_given_once_and_can_be_hidden(site: Site) -> None:
    install(site)
    code = "import spam_core, selector_runtime\nselector_runtime.load('spam', {'cpu': '_spam_cpu'})"
    again = f"{code}\nimport importlib\nimportlib.reload(spam_core)\n"
    assert site.run(again, LD_LIBRARY_PATH=driver(site)).stderr.count("may fit now") == 1
    assert site.run(LD_LIBRARY_PATH=driver(site), SELECTOR_ADVICE="0").stderr == ""
    assert site.run(LD_LIBRARY_PATH=driver(site), SPAM_VARIANT="cpu").stderr == ""


def test_who_named_the_variant_gets_no_advice(site: Site) -> None:
    install(site, SPAM_VARIANT="cpu")
    assert site.run(LD_LIBRARY_PATH=driver(site)).stderr == ""


def test_what_was_stated_is_no_library_that_was_not_found(site: Site) -> None:
    install(site, SELECTOR_CUDA="", SELECTOR_COMPUTE_CAPABILITY="")
    assert site.run(LD_LIBRARY_PATH=driver(site)).stderr == ""


@pytest.mark.parametrize(
    ("when", "advised"),
    [
        ("{ cuda = true, glibc = '>=99' }", False),
        ("{ cuda = true, cuda-toolkit = true }", False),  # absent, and not for this library
        ("{ cuda = true, cuda-toolkit = false }", True),
        ("{ cuda = true, xpu = '>=1' }", True),  # there, in whatever version
        ("{ cuda = true, xpu = false }", False),
        ("[{ glibc = '>=99' }, { nvidia-driver = '>=525', glibc = '>=2' }]", True),
        ("{ rocm = true }", False),  # another library's
        ("{ glibc = '>=99' }", False),
    ],
)
def test_what_else_the_variant_asks_for_has_to_be_there(
    site: Site, when: str, advised: bool
) -> None:
    install(site, when, SELECTOR_CUDA_TOOLKIT="", SELECTOR_XPU="1.20")
    assert (
        "a variant for CUDA may fit now" in site.run(LD_LIBRARY_PATH=driver(site)).stderr
    ) is advised


def test_a_lock_follows_the_machine_that_made_it(site: Site) -> None:
    install(site)
    file = next(site.folder.glob("*.dist-info/selector.json"))
    text = file.read_text(encoding="utf-8")
    assert '"decided-by": "machine"' in text
    for by, advised in (("uv.lock", True), ("SPAM_VARIANT", False), ("variant wheel", False)):
        changed = text.replace('"decided-by": "machine"', f'"decided-by": "{by}"')
        file.write_text(changed, encoding="utf-8")
        assert ("may fit now" in site.run(LD_LIBRARY_PATH=driver(site)).stderr) is advised


@pytest.mark.parametrize("data", ["5", '["libnvidia-ml.so.1", 5]', '{"a": "b"}', '"/dev/zero"'])
def test_a_record_that_was_damaged_is_no_hindrance(site: Site, data: str) -> None:
    install(site)
    file = next(site.folder.glob("*.dist-info/selector.json"))
    text = file.read_text(encoding="utf-8")
    start = text.index('"not-found": [')
    end = text.index("]", start) + 1
    file.write_text(f'{text[:start]}"not-found": {data}{text[end:]}', encoding="utf-8")
    assert site.run(LD_LIBRARY_PATH=driver(site)).stdout == "cpu\n"
