"""The selector package of a tree: its source, as somebody would write it who has no code.

Everything but the table comes from the inner backend's own metadata, in which what is dynamic is
settled. The source is compiled into an sdist as any other.
"""

from __future__ import annotations

import configparser
import contextlib
import email.utils
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import tomlkit
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement

from ..authoring import toml
from ..authoring.toml import table_of
from ..errors import SelectorError
from ..model.markers import normalize, release_key
from ..model.shapes import leads_outside
from .inner import MissingHookError
from .source_sdist import read_from_sdist

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ..authoring.tree import Tree
    from .inner import Inner

_HEAD = (
    "# Written by selector-backend, from the metadata and the selector table of the source tree.\n"
)
_OURS = "selector-backend"

# The suffixes of readmes, by their content types.
_SUFFIXES = {"text/markdown": ".md", "text/x-rst": ".rst"}

# What the selector package does not take from the code's metadata, or finds in the tree.
_NOT_NEEDED = {"requires-dist", "license-file", "import-name", "import-namespace"}
# The same by the keys of `[project]`; and the version, which each sdist settles.
_NOT_NEEDED_KEYS = {
    *("dependencies", "license-files", "version"),
    *("entry-points", "gui-scripts", "scripts"),
    *("import-names", "import-namespaces"),
}

# The groups of scripts (entry points specification), by their keys in `[project]`.
_SCRIPTS = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}

# What a requirement starts with.
_REQUIRED = re.compile(r"[\w.-]+\s*(\[[^\]]*\])?")

# What backends begin the lines of a longer text with, so that they are one field.
_FOLDED = re.compile(r"\r?\n(?: {7}\||\t| {1,8})")


def prepare_metadata(inner: Inner, tree: Tree, folder: Path) -> Path:
    """Return a ``.dist-info`` in ``folder`` with what the inner backend says of the project.

    The code is not built for it. Where there is no hook that prepares it, as in meson-python,
    ``PKG-INFO`` of the code's sdist says the same of all that is not marked as dynamic (PEP 643).
    Metadata of before have no such marks, but all that ``[project]`` does not call dynamic is
    static (PEP 621).
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
            dynamic = {one.lower() for one in metadata.get("dynamic", [])} - _NOT_NEEDED
        if dynamic:
            fields = ", ".join(sorted(dynamic))
            raise SelectorError(
                f"{error}, and PKG-INFO of its sdist leaves open: {fields}. The selector package "
                "is made of what they say: write it in [project], where it is not dynamic"
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
    """Return what the sdist's ``[build-system]`` requires: this backend, without its extra."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if normalize(requirement.name) == _OURS:
            extras = ",".join(sorted(requirement.extras - {"tree"}))
            name = f"{requirement.name}[{extras}]" if extras else requirement.name
            return [_REQUIRED.sub(name, text.strip(), count=1)]
    return [_OURS]


def _selector(written: Mapping[str, Any], metadata: RawMetadata) -> dict[str, Any]:
    """Return the table without what only a tree has, and with the extras that the code has."""
    table = {key: one for key, one in written.items() if key not in ("backend", "backend-path")}
    extras = {normalize(one): one for one in metadata.get("provides_extra", [])}
    extras.update((normalize(one), one) for one in table.pop("extras", []))
    variants = [{k: v for k, v in one.items() if k != "dependencies"} for one in table["variant"]]
    table.pop("variant")
    return {**table, **({"extras": [*extras.values()]} if extras else {}), "variant": variants}


def _project(metadata: RawMetadata) -> dict[str, Any]:
    """Return ``[project]`` as the core metadata have it, but the readme and what is required.

    Where the code says which names are imported from it (PEP 794), none is from this package.
    """
    text = dict[str, Any](metadata)
    found = {
        "name": text.get("name"),
        "version": text.get("version"),
        "description": text.get("summary"),
        "requires-python": text.get("requires_python"),
        "keywords": [one.strip() for one in text.get("keywords", []) if one.strip()],
        "authors": list(_people(text.get("author", ""), text.get("author_email", ""))),
        "maintainers": list(_people(text.get("maintainer", ""), text.get("maintainer_email", ""))),
        "classifiers": text.get("classifiers"),
        **_licensed(text),
        "urls": _urls(text),
    }
    claims = text.keys() & {"import_names", "import_namespaces"}
    none: dict[str, Any] = {"import-names": []} if claims else {}
    return {**{key: value for key, value in found.items() if value}, **none}


def _scripts(folder: Path, dist_info: Path) -> dict[str, dict[str, str]]:
    """Return the scripts of the code, which pipx and uv look for in the package that is asked for.

    They are in ``entry_points.txt``, or in ``[project]`` where nothing is prepared.
    """
    file = dist_info / "entry_points.txt"
    if not file.is_file():
        project = table_of(toml.read(folder / "pyproject.toml", "pyproject.toml"), "project")
        return {key: project[key] for key in _SCRIPTS.values() if project.get(key)}
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(file.read_text(encoding="utf-8"))
    found = {key: dict(parser[group]) for group, key in _SCRIPTS.items() if group in parser}
    return {key: entries for key, entries in found.items() if entries}


def _people(names: str, emails: str) -> Iterator[dict[str, str]]:
    yield from ({"name": one.strip()} for one in names.split(",") if one.strip())
    for name, address in email.utils.getaddresses([emails]):
        if name or address:
            yield {key: one for key, one in (("name", name), ("email", address)) if one}


def _urls(text: Mapping[str, Any]) -> dict[str, str]:
    old = {"Homepage": text.get("home_page"), "Download": text.get("download_url")}
    return {**{key: url for key, url in old.items() if url}, **text.get("project_urls", {})}


def _licensed(text: Mapping[str, Any]) -> dict[str, Any]:
    """Return the licence: an expression and files, or a text alone (PEP 639)."""
    files = text.get("license_files", [])
    expression, written = text.get("license_expression"), text.get("license", "")
    classified = any(one.startswith("License ::") for one in text.get("classifiers", []))
    if not expression and files and written and not classified:
        with contextlib.suppress(InvalidLicenseExpression, MemoryError, RecursionError):
            expression = canonicalize_license_expression(written)
    if expression or not written:
        return {"license": expression, "license-files": files}
    return {"license": {"text": _FOLDED.sub("\n", written)}}


def _license(path: str, folder: Path, dist_info: Path) -> bytes:
    """Return a licence file: it is in what was prepared, at one of these places, or in the tree."""
    pure = PurePosixPath(path)
    places = [dist_info / "licenses" / path, dist_info / pure.name, folder / path]
    if leads_outside(path):
        places = []
    for place in places:
        real = place.resolve()  # a link may lead out of the tree
        inside = any(real.is_relative_to(one.resolve()) for one in (dist_info, folder))
        if inside and real.is_file():
            return real.read_bytes()
    raise SelectorError(
        f"the metadata of the code names the licence file {path!r}, which is not in the tree"
    )
