"""Writes the source of a tree's selector package, which is then compiled like any other.

Everything but the table comes from the metadata that the inner backend makes.
"""

from __future__ import annotations

import contextlib
import email.utils
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import RawMetadata, parse_email

from ..authoring import toml
from ..authoring.toml import table_of
from ..authoring.tree import Tree
from ..errors import SelectorError
from ..model.markers import distribution_of, normalize, release_key
from ..model.shapes import leads_outside
from .inner import Inner, MissingHookError
from .source_sdist import read_from_sdist

_HEAD = (
    "# Written by selector-backend, from the metadata and the selector table of the source tree.\n"
)
_OURS = "selector-backend"

# The suffixes of readmes, by their content types.
_SUFFIXES = {"text/markdown": ".md", "text/x-rst": ".rst"}

# Fields that the selector package does not take from the code's metadata.
_NOT_NEEDED = {"requires-dist", "license-file", "import-name", "import-namespace"}
# The same by the keys of `[project]`; and the version, which every sdist has.
_NOT_NEEDED_KEYS = {
    *("dependencies", "license-files", "version"),
    *("entry-points", "gui-scripts", "scripts"),
    *("import-names", "import-namespaces"),
}

# The groups of scripts (entry points specification), by their keys in `[project]`.
_SCRIPTS = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}

# How backends begin the continuation lines of a long text.
_FOLDED = re.compile(r"\r?\n(?: {7}\||\t| {1,8})")


def prepare_metadata(inner: Inner, tree: Tree, folder: Path) -> Path:
    """Return a ``.dist-info`` in ``folder`` with the inner backend's metadata of the project.

    The code is not built for it. A backend without the hook for that, such as meson-python, builds
    an sdist, whose ``PKG-INFO`` has all fields that it does not mark as dynamic (PEP 643) or, in
    older metadata, that ``[project]`` does not call dynamic (PEP 621).
    """
    try:
        return folder / inner.prepare("wheel", folder, may_build=False)
    except MissingHookError as error:
        sdist = folder / inner.build("sdist", folder)
        dist_info = folder / "spam.dist-info"
        dist_info.mkdir()
        content = read_from_sdist(sdist, "PKG-INFO")
        metadata, _ = parse_email(content)
        if release_key(metadata.get("metadata_version", "0")) < release_key("2.2"):
            dynamic = {*tree.dynamic} - _NOT_NEEDED_KEYS
        else:
            dynamic = {field.lower() for field in metadata.get("dynamic", [])} - _NOT_NEEDED
        if dynamic:
            fields = ", ".join(sorted(dynamic))
            raise SelectorError(
                f"{error}, and PKG-INFO of its sdist has no final {fields}. The selector package "
                "needs them: write them in [project], and take them out of its dynamic"
            ) from None
        (dist_info / "METADATA").write_bytes(content)
        return dist_info


def write_selector_source(folder: Path, tree: Tree, dist_info: Path, target: Path) -> None:
    """Write into ``target`` the selector package of the tree in ``folder``.

    ``dist_info`` is what the inner backend prepared.
    """
    metadata, _ = parse_email((dist_info / "METADATA").read_bytes())
    project = {**_project(metadata), **_scripts(folder, dist_info)}
    files: dict[str, bytes] = {}
    if text := metadata.get("description", "").strip():
        content_type = metadata.get("description_content_type", "text/plain")
        name = "README" + _SUFFIXES.get(content_type.partition(";")[0].strip().lower(), ".txt")
        project["readme"] = {"file": name, "content-type": content_type}
        files[name] = f"{text}\n".encode()
    for path in project.get("license-files", ()):
        files[path] = _license(path, folder, dist_info)
    data = {
        "build-system": {"requires": _requires(tree.requires), "build-backend": "selector_backend"},
        "project": {**project, "dynamic": ["dependencies"]},
        "tool": {"selector": _selector(tree.table, metadata)},
    }
    files["pyproject.toml"] = (_HEAD + "\n" + tomlkit.dumps(data)).encode()
    for path, written in files.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written)


def _requires(requires: tuple[str, ...]) -> list[str]:
    """Return ``requires`` of the sdist's ``[build-system]``: this backend, without its extra."""
    ours = (text for text in requires if distribution_of(text) == _OURS)
    return [re.sub(r"\s*\[.*?\]", "", next(ours, _OURS), count=1).strip()]


def _selector(written: Mapping[str, Any], metadata: RawMetadata) -> dict[str, Any]:
    """Return the table without the keys of a tree, and with the code's extras."""
    table = {key: value for key, value in written.items() if key not in ("backend", "backend-path")}
    extras = {normalize(extra): extra for extra in metadata.get("provides_extra", [])}
    extras.update((normalize(extra), extra) for extra in table.pop("extras", []))
    variants = [
        {key: value for key, value in variant.items() if key != "dependencies"}
        for variant in table.pop("variant")
    ]
    return {**table, **({"extras": [*extras.values()]} if extras else {}), "variant": variants}


def _project(metadata: RawMetadata) -> dict[str, Any]:
    """Return ``[project]`` by the core metadata, without the readme and the dependencies.

    If the code declares its import names (PEP 794), this package declares that it has none.
    """
    text = dict[str, Any](metadata)
    fields = {
        "name": text.get("name"),
        "version": text.get("version"),
        "description": text.get("summary"),
        "requires-python": text.get("requires_python"),
        "keywords": [keyword.strip() for keyword in text.get("keywords", []) if keyword.strip()],
        "authors": list(_people(text.get("author", ""), text.get("author_email", ""))),
        "maintainers": list(_people(text.get("maintainer", ""), text.get("maintainer_email", ""))),
        "classifiers": text.get("classifiers"),
        **_licensed(text),
        "urls": _urls(text),
    }
    claims = text.keys() & {"import_names", "import_namespaces"}
    none: dict[str, Any] = {"import-names": []} if claims else {}
    return {**{key: value for key, value in fields.items() if value}, **none}


def _scripts(folder: Path, dist_info: Path) -> dict[str, dict[str, str]]:
    """Return the scripts of the code, because pipx and uv only offer those of the named package.

    They are in ``entry_points.txt`` or, if there is none, in ``[project]``.
    """
    file = dist_info / "entry_points.txt"
    if not file.is_file():
        project = table_of(toml.read(folder / "pyproject.toml", "pyproject.toml"), "project")
        return {key: project[key] for key in _SCRIPTS.values() if project.get(key)}
    points = [point for point in Distribution.at(dist_info).entry_points if point.group in _SCRIPTS]
    scripts: dict[str, dict[str, str]] = {}
    for point in points:
        scripts.setdefault(_SCRIPTS[point.group], {})[point.name] = point.value
    return scripts


def _people(names: str, emails: str) -> Iterator[dict[str, str]]:
    yield from ({"name": name.strip()} for name in names.split(",") if name.strip())
    for name, address in email.utils.getaddresses([emails]):
        if name or address:
            yield {key: value for key, value in (("name", name), ("email", address)) if value}


def _urls(text: Mapping[str, Any]) -> dict[str, str]:
    old = {"Homepage": text.get("home_page"), "Download": text.get("download_url")}
    return {**{key: url for key, url in old.items() if url}, **text.get("project_urls", {})}


def _licensed(text: Mapping[str, Any]) -> dict[str, Any]:
    """Return the licence: an expression and files, or a text alone (PEP 639)."""
    files = text.get("license_files", [])
    expression, written = text.get("license_expression"), text.get("license", "")
    classified = any(line.startswith("License ::") for line in text.get("classifiers", []))
    if not expression and files and written and not classified:
        with contextlib.suppress(InvalidLicenseExpression, MemoryError, RecursionError):
            expression = canonicalize_license_expression(written)
    if expression or not written:
        return {"license": expression, "license-files": files}
    return {"license": {"text": _FOLDED.sub("\n", written)}}


def _license(path: str, folder: Path, dist_info: Path) -> bytes:
    """Return a licence file, from the ``.dist-info`` or the tree."""
    pure = PurePosixPath(path)
    candidates = (dist_info / "licenses" / path, dist_info / pure.name, folder / path)
    for candidate in () if leads_outside(path) else candidates:
        real = candidate.resolve()  # a link may lead out of the tree
        inside = any(real.is_relative_to(root.resolve()) for root in (dist_info, folder))
        if inside and real.is_file():
            return real.read_bytes()
    raise SelectorError(
        f"the metadata of the code names the licence file {path!r}, which is not in the tree"
    )
