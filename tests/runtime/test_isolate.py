"""Variants that can take the process down with them are tried in another one first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from support.environment import ROOT
from support.processes import running_after, wait_for
from support.project import hook_environ

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


@pytest.mark.parametrize("without", ["sys.executable = ''", "sys.frozen = True"])
def test_without_an_interpreter_of_its_own_a_program_imports_in_place(
    site: Site, without: str
) -> None:
    site.write_core("isolate=True")
    process = site.run(f"import sys; {without}\nimport spam_core\nprint(spam_core.name)\n")
    assert (process.stdout, process.stderr) == ("cu12\n", "")


#: What a variant does in the child process only: it leaves a process there, noted in {log}.
FORK = """
import os, sys, time
if sys.flags.isolated and (pid := os.fork()):
    print("forked", pid, file=open({log!r}, "a"))
elif sys.flags.isolated:
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("end", "used", "said"),
    [("", "cu12", ""), ("os.abort()", "cpu", "(SIGABRT)"), ("raise ValueError('no')", "cpu", "no")],
)
def test_one_that_leaves_a_fork_behind_is_heard_and_the_fork_ends(
    site: Site, end: str, used: str, said: str
) -> None:
    log = site.folder / "log"
    site.write_core("isolate=True, timeout=300")
    site.write_variants(cu12=FORK.format(log=str(log)) + end)
    process = site.run()
    assert process.stdout == f"{used}\n"
    assert said in process.stderr
    assert running_after(wait_for(log)) == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL", "SIGSTOP"])
def test_one_that_spins_ends_with_the_process_that_tries_it_or_at_its_limit(
    site: Site, name: str
) -> None:
    log = site.folder / "log"
    spin = '__attribute__((constructor)) static void f(void) { for (;;) __asm__ volatile(""); }'
    site.compile("_spin.so", spin)
    site.write_core(f"isolate=True, timeout={3 if name == 'SIGSTOP' else 300}")
    site.write_variants(
        cu12=f"import os\nprint('spins', os.getpid(), file=open({str(log)!r}, 'a'), flush=True)\n"
        "import _spin"
    )
    paths = [str(site.folder), str(ROOT / "runtime")]
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", "import spam_core"],
        env=hook_environ(PYTHONPATH=os.pathsep.join(paths)),
    )
    try:
        pids = wait_for(log)
        process.send_signal(getattr(signal, name))
        assert running_after(pids, 10) == []
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("limit", ["float('inf')", "1e300", "2147484"])
def test_a_time_limit_that_is_never_reached(site: Site, limit: str) -> None:
    site.write_core(f"isolate=True, timeout={limit}")
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")


def test_what_is_on_the_path_and_is_no_text_is_passed_over(site: Site) -> None:
    """As by import itself."""
    site.write_core("isolate=True, preload={'cu12': ['libnone.so']}")
    code = "import spam_core\nprint(spam_core.name)\n"
    odd = "import pathlib, sys; sys.path[:0] = [pathlib.Path('x'), None, 5, b'y']\n"
    process = site.run(odd + code)
    assert process.stdout == "cpu\n"
    assert "the library libnone.so is not installed" in process.stderr
    site.write_core("isolate=True")
    process = site.run(odd + code)
    assert (process.stdout, process.stderr) == ("cu12\n", "")


def test_a_variant_cannot_wait_for_input_where_it_is_tried(site: Site) -> None:
    site.write_core("isolate=True, timeout=300")
    site.write_variants(cu12="import sys\nassert sys.stdin.read() == '' or not sys.flags.isolated")
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")
