"""Variants that can take the process down with them are tried in another one first."""

from __future__ import annotations

import pytest

from .conftest import KILLER, Site
from .test_load import warnings_in

CRASH = "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }"


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        (KILLER, "it crashed the process that imported it (SIGILL)"),
        ("import os\nos.abort()", "it crashed the process that imported it (SIGABRT)"),
        ("import os\nos._exit(3)", "it ended the process that imported it, with exit status 3"),
        ("while True: pass", "it did not start within 2 seconds"),
        ("print('hello')\nraise ValueError('no')", "ValueError: no"),
        ("def start(): raise OSError('no device')", "OSError: no device"),
    ],
)
def test_one_that_would_take_the_process_down_is_passed_over(
    site: Site, variant: str, reason: str
) -> None:
    site.write_core("isolate=True, timeout=2, initialize='start'")
    site.write_variants(cu12=f"import spam_core\n{variant}", cpu="def start(): pass")
    process = site.run()
    assert process.stdout == "cpu\n"
    assert f"does not work here: {reason}." in warnings_in(process)


def test_a_library_that_aborts_when_it_is_loaded(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    site.write_core("isolate=True")
    site.compile("_spam_cu12.so", CRASH)
    process = site.run()
    assert process.stdout == "cpu\n"
    assert "(SIGABRT)" in warnings_in(process)


def test_one_that_works_is_tried_and_then_used(site: Site) -> None:
    """Though core goes on to use it, and it uses core."""
    site.write_core("isolate=True, initialize='start'")
    started = site.folder / "started"
    site.write_variants(
        cu12=f"from spam_core import early\ndef start(): open({str(started)!r}, 'a').write('1')"
    )
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")
    assert started.read_text() == "11"


def test_a_call_from_the_script_itself_or_from_a_function(site: Site) -> None:
    call = "load('spam', {'cu12': '_spam_cu12', 'cpu': '_spam_cpu'}, isolate=True)"
    site.write_variants(cu12="import os\nos.abort()")
    process = site.run(f"from selector_runtime import load\nprint({call}.name)\n")
    assert process.stdout == "cpu\n"
    site.write("lazy.py", f"from selector_runtime import load\ndef get(): return {call}\n")
    process = site.run("import lazy\nprint(lazy.get().name)\n")
    assert process.stdout == "cpu\n"
    assert "main.py:2: VariantWarning" in process.stderr


def test_the_current_folder_is_not_where_the_child_looks_for_modules(site: Site) -> None:
    site.write_core("isolate=True")
    for name in ("json", "sys"):
        site.write(f"elsewhere/{name}.py", "raise ValueError('not mine')")
    code = f"import os\nos.chdir({str(site.folder / 'elsewhere')!r})\nimport spam_core\n"
    assert site.run(code).stderr == ""


def test_without_an_interpreter_nothing_is_tried(site: Site) -> None:
    site.write_core("isolate=True")
    process = site.run("import sys; sys.executable = ''\nimport spam_core\n", check=False)
    assert "cannot be tried in a child process" in process.stderr
