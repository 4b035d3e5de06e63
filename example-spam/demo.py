"""Build the spam packages, install spam for real, and show what was chosen and why.

Everything happens in a folder of its own: what is built here fills a local index,
and the real `pip install spam` runs in a new virtual environment that sees that
index only. Needs nothing but Python 3.9 or newer and its pip.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
import zipfile
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from email.message import Message

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
sys.path.insert(0, str(CHECKOUT))  # the backend itself says what a fact is
SELECTOR_PACKAGE = "spam"
ORDINARY_PACKAGES = ("spam-core", "spam-cpu", "spam-cu11", "spam-cu12")
BUILDER = "flit_core>=3.11,<5"  # of the backend and of the ordinary packages

BUILD_SDIST = "import sys, selector_backend; selector_backend.build_sdist(sys.argv[1])"

# How `--kind` says it in the table.
TABLE, WITH_KIND = "[tool.selector]\n", '[tool.selector]\nkind = "{}"\n'

# What `--break` does to a variant's module: it needs a library that is nowhere.
BROKEN = 'import ctypes\n\nctypes.CDLL("libspam-that-is-gone.so.12")\n'

REPORT = """
import json, warnings
from importlib import metadata
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import spam_core

print(json.dumps({
    "warnings": [f"{warning.category.__name__}: {warning.message}" for warning in caught],
    "record": json.loads(metadata.distribution("spam").read_text("selector.json")),
    "installed": {found.metadata["Name"]: found.version for found in metadata.distributions()},
    "variant": spam_core.variant,
    "dot": spam_core.dot([1, 2, 3], [4, 5, 6]),
}))
"""


class StepError(Exception):
    """A step did not work; the message is for the person who runs the demo."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    request: Mapping[str, str]  # environment variables that the backend reads
    frontend: str
    keep: Path | None
    kind: str | None = None
    broken: str | None = None

    @property
    def command(self) -> str:
        """What a person would type."""
        variables = [f"{name}={value}" for name, value in self.request.items()]
        install = "pip install" if self.frontend == "pip" else "uv pip install"
        return " ".join([*variables, install, SELECTOR_PACKAGE])


@dataclass(frozen=True)
class Workspace:
    """The folder that the demo works in, and what is where in it."""

    folder: Path

    @property
    def tools(self) -> Path:
        """The virtual environment that builds."""
        return self.folder / "tools"

    @property
    def fetched(self) -> Path:
        """Wheels of what builds."""
        return self.folder / "fetched"

    @property
    def projects(self) -> Path:
        """Copies of the projects: a build may write where it runs."""
        return self.folder / "projects"

    @property
    def index(self) -> Path:
        """The index: what is served on loopback."""
        return self.folder / "index"

    @property
    def files(self) -> Path:
        """The sdist and the wheels of the index."""
        return self.index / "files"

    @property
    def installed(self) -> Path:
        """The virtual environment that spam is installed into."""
        return self.folder / "installed"


def main() -> int:
    """Run the demo and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot print, it escapes
            stream.reconfigure(errors="backslashreplace")
    options = parse_arguments()
    started = time.monotonic()
    try:
        with workspace(options.keep) as space:
            demonstrate(space, options)
    except (StepError, OSError) as error:
        print(f"\ndemo.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\nThis took {time.monotonic() - started:.0f} seconds.")
    return 0


def demonstrate(space: Workspace, options: Options) -> None:
    """Build everything, install spam, and show what happened."""
    say("Fetching what the builds need")
    make_environments(space, options)
    fetch_tools(space, options)
    say("Building selector-backend, spam and its variants")
    build_packages(space, options)
    make_index(space)
    say(f"Running `{options.command}` in a new environment")
    with serve(space.index) as address:
        install(space, options, index_url=f"{address}/simple/")
    if options.broken:
        say(f"Breaking {options.broken}: its module now needs a library that is gone")
        break_variant(space, options.broken)
    show_report(space)


def say(doing: str) -> None:
    """Tell what is being done."""
    print(f"{doing} ...", flush=True)


# The command line


def parse_arguments() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="example: python demo.py --set cuda=12.4 --frontend uv",
    )
    parser.add_argument("--variant", metavar="NAME", help="force a variant, by SPAM_VARIANT")
    parser.add_argument(
        "--set",
        metavar="FACT=VALUE",
        dest="facts",
        type=fact_variable,
        action="append",
        default=[],
        help="set a fact, or with no VALUE make it absent, by SELECTOR_FACT; may be repeated",
    )
    parser.add_argument(
        "--kind",
        choices=("capability", "requirement"),
        help="the kind that the table is given: variants of the kind capability can stand side by "
        "side, so --variant takes a list, or all",
    )
    parser.add_argument(
        "--break",
        metavar="NAME",
        dest="broken",
        help="break this variant once it is installed, and see what is imported instead",
    )
    parser.add_argument("--frontend", choices=("pip", "uv"), default="pip", help="default: pip")
    parser.add_argument(
        "--keep", metavar="DIR", type=Path, help="work in DIR, new or empty, and leave it there"
    )
    given = parser.parse_args()
    if message := nearly_stated():
        parser.error(message)
    forced = {} if given.variant is None else {"SPAM_VARIANT": given.variant}
    request = {**dict(given.facts), **forced}
    return Options(request, given.frontend, given.keep, given.kind, given.broken)


def fact_variable(text: str) -> tuple[str, str]:
    """Turn `cuda=12.4` into `SELECTOR_CUDA` and `12.4`."""
    from selector_backend.model.facts import FACTS
    from selector_backend.probes.profile import parse_setting

    try:
        fact = parse_setting(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    return FACTS[fact.name].variable, text.partition("=")[2]


def nearly_stated() -> str:
    """Return the message on variables of this process that are nearly ones that state a fact."""
    from selector_backend.model.variables import near_misses

    found = near_misses(os.environ)
    return "; ".join([*found, "the demo takes facts by --set"]) if found else ""


@contextlib.contextmanager
def workspace(keep: Path | None) -> Iterator[Workspace]:
    """Make the folder to work in, and remove it afterwards unless it is to be kept."""
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="spam-")).resolve()
        try:
            yield Workspace(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise StepError(f"{keep} is not empty; --keep takes a new or an empty folder.")
    space = Workspace(keep.resolve())
    yield space
    print(f"\nKept: the index in {space.index}, the environment in {space.installed}.")


# Commands and the environment variables that they see


def run(name: str, *command: str | Path, folder: Path, variables: Mapping[str, str]) -> str:
    """Run a command and return what it prints; raise StepError with its last lines."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    if done.returncode:
        tail = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-40:]
        raise StepError("\n  ".join([f"{name} failed with status {done.returncode}:", *tail]))
    return done.stdout


def python(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return scripts(environment) / ("python.exe" if os.name == "nt" else "python")


def scripts(environment: Path) -> Path:
    """Return the folder of a virtual environment's programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def configured() -> dict[str, str]:
    """Return variables with which pip fetches as it is configured on this machine."""
    variables = inherited_without("PYTHON", "SELECTOR_", "SPAM_VARIANT")
    return {**variables, "PIP_NO_INPUT": "1"}


def sealed(space: Workspace, index_url: str | None = None) -> dict[str, str]:
    """Return variables with which pip and uv know one index, or none, and no configuration.

    Projects called spam and the like exist on the public index: they must not be mixed in.
    """
    variables = inherited_without("PYTHON", "SELECTOR_", "SPAM_VARIANT", "PIP_", "UV_", "NO_PROXY")
    variables.update(
        NO_PROXY="127.0.0.1",
        PIP_CONFIG_FILE=os.devnull,
        PIP_CACHE_DIR=str(space.folder / "pip-cache"),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        UV_NO_CONFIG="1",
        UV_CACHE_DIR=str(space.folder / "uv-cache"),
    )
    if index_url is None:
        return {**variables, "PIP_NO_INDEX": "1", "UV_NO_INDEX": "1"}
    urls = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")  # the last: older uv
    return {**variables, **dict.fromkeys(urls, index_url)}


def inherited_without(*prefixes: str) -> dict[str, str]:
    """Return the variables of this process, but for those with such a name."""
    kept = {key: text for key, text in os.environ.items() if not key.upper().startswith(prefixes)}
    return {**kept, "PYTHONUTF8": "1"}  # paths and messages come through in every locale


# Fetching, building, installing


def make_environments(space: Workspace, options: Options) -> None:
    """Make the environment to install into, and the one that builds."""

    def make(folder: Path, *given: str) -> None:
        command = (sys.executable, "-m", "venv", *given, str(folder))
        run("python -m venv", *command, folder=space.folder, variables=sealed(space))

    if options.frontend == "uv":
        make(space.installed, "--without-pip")
        make(space.tools)
    else:  # installing pip takes longer than all else here, so it is done once
        make(space.installed)
        shutil.copytree(space.installed, space.tools, symlinks=True)


def fetch_tools(space: Workspace, options: Options) -> None:
    """Put what builds, and uv where it is wanted and missing, into the tools environment."""
    wanted = [BUILDER]
    if options.frontend == "uv" and shutil.which("uv") is None:
        wanted.append("uv")
    download(space, wanted, space.fetched)
    install_tools(space, wanted, space.fetched)


def build_packages(space: Workspace, options: Options) -> None:
    """Fill the index's files with all that an installation of spam needs."""
    for name in (SELECTOR_PACKAGE, *ORDINARY_PACKAGES):
        shutil.copytree(HERE / name, space.projects / name)
    if options.kind:
        pyproject = space.projects / SELECTOR_PACKAGE / "pyproject.toml"
        text = pyproject.read_text(encoding="utf-8")
        text = text.replace(TABLE, WITH_KIND.format(options.kind))
        if options.kind == "capability":  # whose variants have nothing to agree on
            lines = text.splitlines(keepends=True)
            text = "".join(line for line in lines if not line.startswith("conform"))
        pyproject.write_text(text, encoding="utf-8")
    build_wheels(space)
    (backend,) = space.files.glob("selector_backend-*.whl")
    # Compiling the table takes more than installing; a build tool asks the backend what it is.
    compiling = ["packaging", "pyproject-metadata"]
    download(space, [backend, *compiling], space.files)
    install_tools(space, ["selector-backend", *compiling], space.files)
    build_sdist(space)


def build_wheels(space: Workspace) -> None:
    """Build the backend, selector-runtime and the ordinary packages."""
    command = [*pip(space.tools), "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--wheel-dir", space.files, CHECKOUT, CHECKOUT / "runtime"]
    command += [space.projects / name for name in ORDINARY_PACKAGES]
    run("pip wheel", *command, folder=space.folder, variables=sealed(space))


def build_sdist(space: Workspace) -> None:
    """Build the selector package with the hook that every build tool calls."""
    command = (python(space.tools), "-c", BUILD_SDIST, space.files)
    project = space.projects / SELECTOR_PACKAGE
    run("selector_backend.build_sdist", *command, folder=project, variables=sealed(space))


def download(space: Workspace, requirements: Sequence[str | Path], folder: Path) -> None:
    """Fetch the wheels of requirements and of all they depend on, as pip is configured here."""
    command = [*pip(space.tools), "download", "--only-binary", ":all:", "--dest", folder]
    command += requirements
    run("pip download", *command, folder=Path.cwd(), variables=configured())


def install_tools(space: Workspace, requirements: Sequence[str], folder: Path) -> None:
    """Install from a folder of wheels into the tools environment."""
    command = (*pip(space.tools), "install", "--find-links", folder, *requirements)
    run("pip install", *command, folder=space.folder, variables=sealed(space))


def install(space: Workspace, options: Options, index_url: str) -> None:
    """Install spam as a user would, from the local index alone."""
    if options.frontend == "pip":
        command = [*pip(space.installed), "install"]
    else:
        uv = shutil.which("uv") or scripts(space.tools) / "uv"
        command = [uv, "pip", "install", "--python", python(space.installed)]
    variables = {**sealed(space, index_url), **options.request}
    run(options.command, *command, SELECTOR_PACKAGE, folder=space.folder, variables=variables)


def break_variant(space: Workspace, name: str) -> None:
    """Make the installed module of a variant one that cannot be imported."""
    modules = [*space.installed.glob(f"**/site-packages/_spam_{name}.py")]
    if not modules:
        raise StepError(f"{name} is not among the variants installed, so it cannot be broken.")
    modules[0].write_text(BROKEN, encoding="utf-8")


def pip(environment: Path) -> list[str | Path]:
    """Return the command that runs the pip of a virtual environment."""
    return [python(environment), "-m", "pip"]


# The index, as the simple repository API has it


def make_index(space: Workspace) -> None:
    """Write a page for each project that there are files of."""
    links: dict[str, list[str]] = {}
    for file in sorted(space.files.iterdir()):
        metadata = read_metadata(file)
        name = re.sub(r"[-_.]+", "-", str(metadata["Name"])).lower()
        links.setdefault(name, []).append(link(file, metadata))
    write_page(space.index / "simple", [f'<a href="{name}/">{name}</a>' for name in links])
    for name, anchors in links.items():
        write_page(space.index / "simple" / name, anchors)


def link(file: Path, metadata: Message) -> str:
    """Return the anchor of a file."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    needs = metadata["Requires-Python"]
    attribute = f' data-requires-python="{html.escape(needs)}"' if needs else ""
    return f'<a href="../../files/{file.name}#sha256={digest}"{attribute}>{file.name}</a>'


def write_page(folder: Path, anchors: Sequence[str]) -> None:
    """Write the page of a folder."""
    folder.mkdir(parents=True)
    body = "<br>\n".join(anchors)
    page = f"<!DOCTYPE html>\n<html>\n<body>\n{body}\n</body>\n</html>\n"
    (folder / "index.html").write_text(page, encoding="utf-8")


def read_metadata(file: Path) -> Message:
    """Read the core metadata of a wheel or an sdist."""
    return BytesHeaderParser().parsebytes(
        read_from_wheel(file) if file.suffix == ".whl" else read_from_sdist(file)
    )


def read_from_wheel(file: Path) -> bytes:
    """Return METADATA."""
    with zipfile.ZipFile(file) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return wheel.read(name)


def read_from_sdist(file: Path) -> bytes:
    """Return PKG-INFO."""
    with tarfile.open(file) as sdist:
        name = f"{file.name[: -len('.tar.gz')]}/PKG-INFO"
        content = sdist.extractfile(name)
        if content is None:
            raise StepError(f"{name} in {file.name} is not a file")
        with content:
            return content.read()


class Handler(SimpleHTTPRequestHandler):
    """Serve files without a word."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Server(ThreadingHTTPServer):
    """Serve on although a frontend hangs up early."""

    def handle_error(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield its address."""
    with Server(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


# What came of it


def show_report(space: Workspace) -> None:
    """Show what the record of the installed spam says, and that spam runs."""
    command = (python(space.installed), "-c", REPORT)
    output = run("import spam_core", *command, folder=space.folder, variables=sealed(space))
    report = json.loads(output)
    record, installed = report["record"], report["installed"]
    names = sorted(installed.keys() - {"pip", "setuptools"})

    print("\nThe machine:")
    print_table([fact_row(name, fact) for name, fact in record["facts"].items()] or [NOT_READ])
    print(f"\nThe variant: {', '.join(record['variants'])} (decided by: {record['decided-by']})")
    print_table([verdict_row(verdict, record["variants"]) for verdict in record["verdicts"]])
    print(f"\nInstalled: {', '.join(f'{name} {installed[name]}' for name in names)}")
    for warning in report["warnings"]:
        print(f"\n{warning}\n")
    print(f"import spam_core: it runs on {report['variant']}; its dot product is {report['dot']}")


NOT_READ = ("nothing was asked of it",)
OTHERS = {True: "fits, but comes later", False: "does not fit", None: "not judged"}


def fact_row(name: str, fact: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is known of a fact: its name, its value or why it has none, its source."""
    value = f"absent: {fact['absent']}" if "absent" in fact else value_text(fact["value"])
    return name, f"{textwrap.shorten(value, 100, placeholder=' ...')} ({fact['source']})"


def value_text(value: str | list[str] | dict[str, Any]) -> str:
    """Return a fact's value in words."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {value_text(part)}" for key, part in value.items())
    return value if isinstance(value, str) else ", ".join(value)


def verdict_row(verdict: Mapping[str, Any], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return a variant's name, what became of it, and why."""
    name = verdict["name"]
    return name, "chosen" if name in chosen else OTHERS[verdict["fits"]], verdict["reason"]


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
