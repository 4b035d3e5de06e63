"""Which variant is imported, and what is said where a better one does not work."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selector_runtime._messages import explain
from support.environment import find_python

from .conftest import Site


def warnings_in(process: subprocess.CompletedProcess[str]) -> str:
    """Return the one warning that a process printed, once it is seen to be one, on the right line.

    That is the first line of `main.py`, where spam_core is imported.
    """
    lines = process.stderr.splitlines()
    (first,) = (line for line in lines if "VariantWarning" in line)
    assert first.startswith(lines[0]), process.stderr
    assert "main.py:1: VariantWarning: " in first
    assert lines[-1] == "  import spam_core"
    return "\n".join(lines)


def test_the_first_that_is_installed_is_used_without_a_word(site: Site) -> None:
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")
    (site.folder / "_spam_cu12.py").unlink()
    process = site.run()
    assert (process.stdout, process.stderr) == ("cpu\n", "")


def test_what_an_uninstaller_leaves_behind_is_not_installed(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    site.write("_spam_cu12/__pycache__/native.pyc", "")
    process = site.run()
    assert (process.stdout, process.stderr) == ("cpu\n", "")


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_other_pythons(site: Site, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"needs Python {version}")
    site.write_variants(cu12="raise ValueError('no')")
    process = site.run(python=python)
    assert process.stdout == "cpu\n"
    assert "ValueError: no" in warnings_in(process)


def missing_library(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    library = site.compile(
        "libstandin.so.12", "int f(void) { return 0; }", "-Wl,-soname,libstandin.so.12"
    )
    code = "int f(void); int g(void) { return f(); }"
    site.compile("_spam_cu12.so", code, str(library))
    library.unlink()


def undefined_symbol(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    site.compile("_spam_cu12.so", "int standin(void); int g(void) { return standin(); }")


def exception(site: Site) -> None:
    site.write_variants(cu12="raise ValueError('the first line\\nand the second')")


def exception_without_text(site: Site) -> None:
    site.write_variants(cu12="raise RuntimeError")


def exit_on_import(site: Site) -> None:
    site.write_variants(cu12="import sys; sys.exit('no GPU')")


def missing_module(site: Site) -> None:
    site.write_variants(cu12="import _spam_nvidia")


def missing_below(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    site.write("_spam_cu12/__init__.py", "from . import native")


def exception_without_words(site: Site) -> None:
    site.write_variants(
        cu12="class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd"
    )


def panic(site: Site) -> None:
    """As PyO3 raises it where Rust code panics."""
    site.write_variants(
        cu12="class PanicException(BaseException): pass\nraise PanicException('no')"
    )


def initialize(site: Site) -> None:
    site.write_core("initialize='start'")
    site.write_variants(cu12="def start(): raise OSError('no device')", cpu="def start(): pass")


def no_initialize(site: Site) -> None:
    site.write_core("initialize='start'")
    site.write_variants(cpu="def start(): pass")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (missing_library, "libstandin.so.12 was not found"),
        (undefined_symbol, "the symbol standin was not found in the libraries it uses"),
        (exception, "ValueError: the first line and the second"),
        (exception_without_text, "RuntimeError"),
        (exception_without_words, "Odd"),
        (panic, "PanicException: no"),
        (exit_on_import, "SystemExit: no GPU"),
        (missing_module, "it needs the module _spam_nvidia, which is not installed"),
        (missing_below, "ImportError: cannot import name 'native'"),
        (initialize, "OSError: no device"),
        (no_initialize, "AttributeError: module '_spam_cu12' has no attribute 'start'"),
    ],
)
def test_one_that_does_not_work_is_passed_over_with_a_warning(
    site: Site, fault: Callable[[Site], None], reason: str
) -> None:
    fault(site)
    process = site.run(
        "import spam_core\n"
        "import spam_core\n"
        "import selector_runtime as r\n"
        "r.load('spam', {'other': 'other'})\n"
        "print(spam_core.name, r.selected('SPAM'), [a.outcome for a in r.attempts('spam')])\n"
    )
    assert process.stdout == "cpu cpu ['failed', 'in use']\n"
    text = warnings_in(process)
    assert f"the variant cu12 of spam is installed, but does not work here: {reason}" in text
    assert "    pip install --force-reinstall spam-cu12\n" in text
    assert "cpu is used instead. To use it without this warning, set SPAM_VARIANT to cpu" in text


@pytest.mark.parametrize("kind", ["ValueError", "ImportError", "OSError"])
@pytest.mark.parametrize("words", ["'x' * 1_000_000", "'x ' * 500_000", "'x: ' * 300_000"])
def test_a_message_of_a_megabyte_is_said_in_short(site: Site, kind: str, words: str) -> None:
    site.write_variants(cu12=f"raise {kind}({words})")
    text = warnings_in(site.run())
    assert f"does not work here: {kind}: x" in text
    assert "x….\n  To fix it:" in text
    assert len(text) < 1000


@given(
    st.sampled_from([ValueError, ImportError, OSError]),
    st.text() | st.sampled_from(["{}", "a: cannot open shared object file", "undefined symbol: f"]),
    st.integers(0, 3000),
)
def test_whatever_an_error_says_is_one_short_line(
    kind: type[Exception], words: str, times: int
) -> None:
    said = explain(kind(words * times))
    assert said
    assert len(said) < 500
    assert len(said.splitlines()) == 1


def test_what_interrupts_the_program_interrupts_it(site: Site) -> None:
    site.write_variants(cu12="raise KeyboardInterrupt")
    process = site.run(check=False)
    assert "KeyboardInterrupt" in process.stderr
    assert process.stdout == ""


FINDER = """\
import sys
class Finder:
    {body}
sys.meta_path.insert(0, Finder())
"""


def test_a_finder_of_before_find_spec_is_passed_over(site: Site) -> None:
    """As six had one until 1.15."""
    (site.folder / "_spam_cu12.py").unlink()
    finder = FINDER.format(body="def find_module(self, name, path=None): return None")
    process = site.run(f"{finder}import spam_core\nprint(spam_core.name)\n", "-W", "ignore")
    assert (process.stdout, process.stderr) == ("cpu\n", "")


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit('no')", "ImportError('no')"])
def test_a_finder_that_raises_makes_its_variant_fail(site: Site, error: str) -> None:
    body = f"def find_spec(self, name, *more):\n        if name == '_spam_cu12': raise {error}"
    process = site.run(f"{FINDER.format(body=body)}import spam_core\nprint(spam_core.name)\n")
    assert process.stdout == "cpu\n"
    reason = error.replace("('", ": ").replace("')", "")
    assert f"cu12 of spam is installed, but does not work here: {reason}." in process.stderr


def test_the_warning_belongs_to_the_line_that_imports_core_from_wherever(site: Site) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    site.write_core()
    (site.folder / "spam_core/__init__.py").rename(site.folder / "spam_core/_loader.py")
    site.write("spam_core/__init__.py", "from ._loader import name")
    site.write("user.py", "\n\nimport importlib\nimportlib.import_module('spam_core')\n")
    assert "user.py:4: VariantWarning" in site.run("import user").stderr
    process = site.run(
        "from selector_runtime import load\n\n"
        "load('spam', {'cu12': '_spam_cu12', 'cpu': '_spam_cpu'})\n"
    )
    assert "main.py:3: VariantWarning" in process.stderr


def test_warnings_as_errors_leave_nothing_half_imported(site: Site) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    process = site.run(
        "import selector_runtime as r, sys, warnings\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        import spam_core\n"
        "    except r.VariantWarning as warning:\n"
        "        print('caught')\n"
        "    print(sorted(n for n in sys.modules if 'spam_c' in n), r.selected('spam'))\n"
        "warnings.simplefilter('ignore')\n"
        "import spam_core\n"
        "print(spam_core.name, r.selected('spam'))\n",
        "-W",
        "error",
    )
    # What is left is the variant that works, whole.
    state = "caught\n['_spam_cpu'] None\n"
    assert process.stdout == f"{state}{state}cpu cpu\n"
    assert process.stderr == ""


def test_none_that_works_is_an_import_error_that_has_each_with_its_command(site: Site) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    (site.folder / "_spam_cpu.py").unlink()
    code = (
        "try:\n  import spam_core\n"
        "except ImportError as e:\n  print(type(e).__name__, e, e.attempts)\n"
    )
    assert site.run(code).stdout == (
        "NoVariantError spam: no variant works here.\n"
        "  cu12: ValueError: no. To fix it:\n"
        "    pip install --force-reinstall spam-cu12\n"
        "  cpu: it is not installed. To fix it:\n"
        "    pip install spam-cpu\n"
        "To install the one for this machine: pip install spam "
        "(<Attempt cu12: failed, ValueError: no>, "
        "<Attempt cpu: not installed, it is not installed>)\n"
    )


def test_after_an_error_it_can_be_tried_again(site: Site) -> None:
    site.write_variants(cu12="import flag")
    (site.folder / "_spam_cpu.py").unlink()
    code = """\
        import sys
        try:
            import spam_core
        except ImportError:
            sys.modules["flag"] = sys
        import spam_core
        print(spam_core.name)
        """
    assert site.run(code).stdout == "cu12\n"


def test_threads_get_one_module_and_one_warning(site: Site) -> None:
    site.write_core("initialize='start'")
    wait = "import time\ntime.sleep(0.1)\n"
    site.write_variants(
        cu12=wait + "raise ValueError('no')",
        cpu=wait + "started = []\ndef start(): started.append(1)\n",
    )
    site.write(
        "lazy.py",
        """\
        from selector_runtime import load

        def get():
            return load(
                "spam", {"cu12": "_spam_cu12", "cpu": "_spam_cpu"}, initialize="start"
            )
        """,
    )
    for use in ("import spam_core; return spam_core.implementation", "return lazy.get()"):
        process = site.run(
            "import threading, sys, lazy\n"
            "sys.setswitchinterval(1e-5)\n"
            "barrier, found = threading.Barrier(32), []\n"
            f"def get(): {use}\n"
            "def work():\n"
            "    barrier.wait()\n"
            "    found.append(get())\n"
            "threads = [threading.Thread(target=work) for _ in range(32)]\n"
            "for thread in threads: thread.start()\n"
            "for thread in threads: thread.join()\n"
            "print(len(found), len({*map(id, found)}), found[0].name, found[0].started)\n"
        )
        assert process.stdout == "32 1 cpu [1]\n"
        assert process.stderr.count("VariantWarning: ") == 1


def test_two_projects_that_import_each_other_in_two_threads_do_not_wait_forever(site: Site) -> None:
    wait = "import time\ntime.sleep(0.1)\n"
    for one, other in (("spam", "eggs"), ("eggs", "spam")):
        site.write(f"_{one}.py", f"{wait}import {other}\n")
        site.write(
            f"{one}.py", f"from selector_runtime import load\nload('{one}', {{'x': '_{one}'}})\n"
        )
    process = site.run(
        "import threading, importlib, selector_runtime as r\n"
        "run = lambda name: importlib.import_module(name)\n"
        "ts = [threading.Thread(target=run, args=[n], daemon=True) for n in ('spam', 'eggs')]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join(30)\n"
        "print([t.is_alive() for t in ts], r.selected('spam'), r.selected('eggs'))\n"
    )
    assert process.stdout == "[False, False] x x\n"


@pytest.mark.parametrize("version", ["3.9", "3.12", "3.13", ""])
@pytest.mark.parametrize("first", ["a", "b"])
def test_two_modules_of_core_in_two_threads_do_not_wait_forever(
    site: Site, version: str, first: str
) -> None:
    """Both call load, and the variant imports one of them."""
    python = find_python(version) if version else sys.executable
    if python is None:
        pytest.skip(f"needs Python {version}")
    wait = "import time\ntime.sleep({})\n"
    site.write_variants(cu12=wait.format(0.4) + "import spam_core.b")
    site.write("spam_core/__init__.py", "")
    for module in ("a", "b"):
        load = "from selector_runtime import load\nused = load('spam', {'cu12': '_spam_cu12'})\n"
        site.write(f"spam_core/{module}.py", (wait.format(0.2) if module != first else "") + load)
    process = site.run(
        "import threading, importlib, os, spam_core, selector_runtime as r\n"
        "run = lambda name: importlib.import_module(name)\n"
        "names = 'spam_core.a', 'spam_core.b'\n"
        "ts = [threading.Thread(target=run, args=[n], daemon=True) for n in names]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join(20)\n"
        "print([t.is_alive() for t in ts], r.selected('spam'), flush=True)\n"
        "if any(t.is_alive() for t in ts): os._exit(1)\n"
        "import spam_core.a as a, spam_core.b as b\n"
        "print(a.used is b.used, a.used.name, flush=True)\n"
        "os._exit(0)\n",
        python=python,
    )
    assert (process.stdout, process.stderr) == ("[False, False] cu12\nTrue cu12\n", "")


@pytest.mark.parametrize("version", ["3.9", "3.12", "3.13", ""])
def test_a_fork_while_another_thread_loads_does_not_wait_forever(site: Site, version: str) -> None:
    python = find_python(version) if version else sys.executable
    if python is None:
        pytest.skip(f"needs Python {version}")
    site.write_variants(
        cu12="import threading\nused = threading.Event()\n"
        "def start(): used.set(); threading.Event().wait(10 if len(calls) else 0)\n"
        "calls = [1]\n"
    )
    process = site.run(
        "import os, signal, threading, _spam_cu12, selector_runtime as r\n"
        "get = lambda: r.load('spam', {'cu12': '_spam_cu12'}, initialize='start')\n"
        "threading.Thread(target=get, daemon=True).start()\n"
        "_spam_cu12.used.wait()\n"
        "_spam_cu12.calls.clear()\n"
        "if not (pid := os.fork()):\n"
        "    signal.alarm(5)\n"
        "    print(get().name, r.selected('spam'), flush=True)\n"
        "    os._exit(0)\n"
        "print(os.waitpid(pid, 0)[1], flush=True)\n"
        "os._exit(0)\n",
        "-Wignore",
        python=python,
    )
    assert process.stdout == "cu12 cu12\n0\n"


def test_a_variant_that_forks_while_it_is_imported_may_import_core_there(site: Site) -> None:
    site.write_variants(
        cu12="import os\nif not (pid := os.fork()):\n"
        "    import spam_core\n    print(spam_core.early, flush=True)\n    os._exit(0)\n"
        "print(os.waitpid(pid, 0)[1], flush=True)"
    )
    assert site.run().stdout == "core\n0\ncu12\n"


def test_a_variant_may_import_core(site: Site) -> None:
    site.write_core("initialize='start'")
    site.write_variants(cu12="import spam_core\nfrom spam_core import early\ndef start(): pass\n")
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")


def test_a_variant_that_is_imported_first_may_import_core(site: Site) -> None:
    """As unpickling does."""
    site.write_core("initialize='start'")
    site.write("_spam_cu12.py", "name = 'cu12'\ndef start(): pass\nimport spam_core\n")
    code = "import _spam_cu12, spam_core\nprint(spam_core.implementation is _spam_cu12)\n"
    process = site.run(code)
    assert (process.stdout, process.stderr) == ("True\n", "")


def test_core_that_is_loaded_again_while_it_is_loaded(site: Site) -> None:
    site.write(
        "lazy.py", "from selector_runtime import load\nget = lambda: load('spam', {'a': 'b'})"
    )
    site.write_variants(cu12="import lazy, sys\nassert lazy.get() is sys.modules[__name__]\n")
    process = site.run()
    assert (process.stdout, process.stderr) == ("cu12\n", "")


def test_a_module_inside_a_package_that_loads_core(site: Site) -> None:
    (site.folder / "_spam_cu12.py").unlink()
    site.write("spam_core.py", "from selector_runtime import load\nget = lambda: load('spam', m)")
    site.write("_spam_cu12/__init__.py", "import spam_core\nassert spam_core.get().name == 1")
    site.write("_spam_cu12/native.py", "name = 1")
    (site.folder / "spam_core/__init__.py").unlink()
    (site.folder / "spam_core").rmdir()
    process = site.run(
        "import spam_core\nspam_core.m = {'cu12': '_spam_cu12.native', 'cpu': '_spam_cpu'}\n"
        "print(spam_core.get().name)\n"
    )
    assert (process.stdout, process.stderr) == ("1\n", "")


def test_reloading_core_does_not_load_another_variant(site: Site) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    process = site.run(
        "import spam_core\n"
        "import importlib, os, pathlib\n"
        "pathlib.Path('_spam_cu12.py').write_text('name = 1')\n"
        "os.environ['SPAM_VARIANT'] = 'cu12'\n"
        "importlib.reload(spam_core)\n"
        "print(spam_core.name)\n".replace("'_spam", f"'{site.folder.as_posix()}/_spam")
    )
    assert process.stdout == "cpu\n"
    assert process.stderr.count("VariantWarning: ") == 1


@pytest.mark.parametrize(
    ("asked", "variant"),
    [
        ("cpu", "cpu"),
        ("CPU", "cpu"),
        ("auto", "cu12"),
        ("", "cu12"),
        ("all", "cu12"),
        ("cpu,avx2", "avx2"),
        (" cpu , cu12 ", "cu12"),
    ],
)
def test_the_variable_of_installation_counts_at_import(
    site: Site, asked: str, variant: str
) -> None:
    site.write_core(variants=("cu12", "avx2", "cpu"))
    site.write_variants(avx2="")
    process = site.run(SPAM_VARIANT=asked)
    assert (process.stdout, process.stderr) == (f"{variant}\n", "")


def test_another_variable(site: Site) -> None:
    site.write_core("variable='EGGS'")
    assert site.run(SPAM_VARIANT="nonsense", EGGS="cpu").stdout == "cpu\n"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "avx2",
            "SPAM_VARIANT asks for avx2, which does not work here.\n  avx2: it is not installed",
        ),
        ("cu12", "SPAM_VARIANT asks for cu12, which does not work here.\n  cu12: ValueError: no"),
        (
            "cu99",
            "'cu99' is not one of the variants of spam (cu12, avx2, cpu). Set it to one of them",
        ),
        ("all,cpu", "'all' is not one of the variants of spam"),
    ],
)
def test_a_forced_variant_that_does_not_work_is_an_error(
    site: Site, asked: str, message: str
) -> None:
    site.write_core(variants=("cu12", "avx2", "cpu"))
    site.write_variants(cu12="raise ValueError('no')")
    process = site.run(SPAM_VARIANT=asked, check=False)
    assert process.returncode == 1
    assert "NoVariantError" in process.stderr
    assert message in process.stderr
    assert "During handling" not in process.stderr


def test_a_request_for_the_only_variant_is_named(site: Site) -> None:
    code = "from selector_runtime import load\nload('spam', {'cpu': 'nope'})"
    process = site.run(code, SPAM_VARIANT="cpu", check=False)
    assert "SPAM_VARIANT asks for cpu" in process.stderr
    for asked in ("", "auto", " Auto,"):
        assert "asks for" not in site.run(code, SPAM_VARIANT=asked, check=False).stderr


def test_everything_tried_is_logged(site: Site) -> None:
    site.write_variants(cu12="raise ValueError('no')")
    process = site.run(
        "import logging; logging.basicConfig(level='DEBUG')\nimport spam_core\n", check=False
    )
    assert "DEBUG:selector_runtime:spam: <Attempt cu12: failed, ValueError: no>" in process.stderr
    assert "DEBUG:selector_runtime:spam: <Attempt cpu: in use>" in process.stderr
    assert "in <module>\n    raise ValueError('no')" in process.stderr  # for who looks into it


@pytest.mark.parametrize("arguments", ["{}", "{'a': 'b'}, preload={'c': []}"])
def test_a_maintainers_mistake_is_one(site: Site, arguments: str) -> None:
    process = site.run(f"from selector_runtime import load\nload('spam', {arguments})", check=False)
    assert "ValueError: " in process.stderr
    assert "expected one or more of variants=" in process.stderr


@pytest.mark.parametrize("kind", [None, "capability", "requirement"])
def test_nothing_is_imported_that_is_not_needed(site: Site, kind: str | None) -> None:
    if kind is not None:
        install_both(site, kind)
    if kind == "requirement":
        (site.folder / "_spam_cpu.py").unlink()
    code = (
        "import os, sys\nbefore = {*sys.modules}\nimport spam_core\nprint(*{*sys.modules} - before)"
    )
    new = {name.partition(".")[0] for name in site.run(code).stdout.split()}
    ours = {"spam_core", "_spam_cu12", "selector_runtime"}
    # The last three are what `importlib` itself imports, in one Python or another.
    assert new <= ours | {"__future__", "importlib", "types", "warnings", "_imp"}


EXCLUDING = """
[tool.selector]
kind = "{0}"

[[tool.selector.variant]]
name = "cu12"

[[tool.selector.variant]]
name = "cpu"
"""


def install_both(site: Site, kind: str = "requirement", **environ: str) -> None:
    """Install spam's record and what stands for its variants, as `uv --reinstall` leaves them."""
    site.install(EXCLUDING.format(kind), **environ)
    for name in ("cu12", "cpu"):
        site.write(f"spam_{name}-1.0.dist-info/METADATA", "")


@pytest.mark.parametrize("used", ["cu12", "cpu"])
def test_variants_that_exclude_each_other_side_by_side_are_warned_of_once(
    site: Site, used: str
) -> None:
    install_both(site)
    process = site.run(
        "import spam_core\n"
        "import selector_runtime as r\n"
        "r.load('spam', {'other': 'other'})\n"
        "print(spam_core.name)\n",
        SPAM_VARIANT=used,
    )
    assert process.stdout == f"{used}\n"
    text = warnings_in(process)
    assert "the variants cu12 and cpu of spam exclude each other, and are installed side" in text
    assert "\n    pip uninstall --yes spam spam-cu12 spam-cpu\n    pip install spam==1.0\n" in text


def test_side_by_side_what_was_asked_for_then_is_asked_for_again(site: Site) -> None:
    install_both(site, SPAM_VARIANT="cpu")
    text = warnings_in(site.run())
    assert "\n    pip install --config-settings spam:variant=cpu spam==1.0\n" in text


def test_side_by_side_what_a_variant_wheel_settled_is_not_asked_for(site: Site) -> None:
    """The installer took it by its properties (PEP 825), and nobody asked for it."""
    install_both(site)
    record = site.folder / "spam-1.0.dist-info/selector.json"
    text = record.read_text(encoding="utf-8")
    for decided in ('"decided-by": "machine"', '"decided-by": "SPAM_VARIANT"'):
        text = text.replace(decided, '"decided-by": "variant wheel"')
    assert '"variant wheel"' in text
    record.write_text(text, encoding="utf-8")
    assert "\n    pip install spam==1.0\n" in warnings_in(site.run())


def test_one_warning_has_all_that_is_wrong(site: Site) -> None:
    install_both(site)
    site.write_variants(cu12="raise ValueError('no')")
    text = warnings_in(site.run())
    assert "exclude each other" in text
    assert "cu12 of spam is installed, but does not work here: ValueError: no" in text


def test_where_only_one_is_installed_or_they_may_be_together_nothing_is_said(site: Site) -> None:
    install_both(site, "capability")
    assert site.run().stderr == ""
    install_both(site)
    (site.folder / "spam_cpu-1.0.dist-info/METADATA").unlink()
    (site.folder / "spam_cpu-1.0.dist-info").rmdir()
    assert site.run().stderr == ""


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_record_that_is_no_file_is_none(site: Site, kind: str) -> None:
    """A pipe would be waited for, and a device has no end."""
    record = site.folder / "spam-1.0.dist-info/selector.json"
    record.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(record)
    elif kind == "device":
        record.symlink_to("/dev/zero")
    else:
        record.mkdir()
    assert site.run().stdout == "cu12\n"


#: Variants that exclude each other, and have no distribution but what an extra brings.
BROUGHT = """
[tool.selector]
kind = "{}"
requires = ["spam-core=={{version}}"]

[[tool.selector.variant]]
name = "cu12"
when = {{ cuda = ">=12" }}
requires = []
extras = {{ gpu = ["spam-cu12=={{version}}; os_name != 'none'"] }}

[[tool.selector.variant]]
name = "cpu"
requires = []
extras = {{ gpu = ["spam-cpu=={{version}}"], more = ["spam-more"] }}
"""


def test_what_extras_brought_side_by_side_is_brought_again(site: Site) -> None:
    site.install(BROUGHT.format("requirement"))
    assert site.run().stderr == ""
    for name in ("cu12", "cpu"):
        site.write(f"spam_{name}-1.0.dist-info/METADATA", "")
    text = warnings_in(site.run())
    assert (
        "cu12 and cpu of spam exclude each other, and are installed side by side (spam-cu12" in text
    )
    commands = (
        '\n    pip uninstall --yes spam spam-cu12 spam-cpu\n    pip install "spam[gpu]==1.0"\n'
    )
    assert commands in text


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        ("capability", ["pip install spam-cu12==1.0"]),
        (
            "requirement",
            [
                "pip uninstall --yes spam spam-cpu spam-more",
                'pip install --config-settings spam:variant=cu12 "spam[gpu]==1.0"',
            ],
        ),
    ],
)
def test_a_variant_that_an_extra_brings_is_installed_with_it(
    site: Site, kind: str, commands: list[str]
) -> None:
    site.install(BROUGHT.format(kind), SPAM_VARIANT="cpu")
    site.write("spam_cpu-1.0.dist-info/METADATA", "")
    (site.folder / "_spam_cu12.py").unlink()
    process = site.run(SPAM_VARIANT="cu12", check=False)
    assert [
        line[4:] for line in process.stderr.splitlines() if line.startswith("    pip")
    ] == commands


def test_of_all_that_were_chosen_the_first_that_works_is_used(site: Site) -> None:
    head = '[tool.selector]\nkind = "capability"\nchoose = "all"'
    site.install(
        EXCLUDING.format("capability").replace('[tool.selector]\nkind = "capability"', head)
    )
    assert site.run().stdout == "cu12\n"
    site.write_variants(cu12="raise ValueError('no')")
    assert site.run().stdout == "cpu\n"
