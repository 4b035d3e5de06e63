"""Whether an index has what a table requires: any index after PEP 503 or PEP 691."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from .. import __version__
from ..errors import Problem, SelectorError
from .review import keyed_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..selector import Selector

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


def compare(selector: Selector, url: str) -> Iterator[Problem]:
    """Yield the requirements that the index at ``url`` has nothing for, and wheels of the project.

    Raises `SelectorError` if the index cannot be asked.
    """
    index = _Index(url)
    yield from _uploaded_wheels(selector, index)
    for key, requirements in keyed_requirements(selector):
        for requirement in requirements:
            files = index.files(requirement.name)
            if files is None:
                yield Problem(key, f"{requirement}: the index has no project {requirement.name}")
                continue
            versions = {version for file in files if (version := _version(file)) is not None}
            if not any(requirement.specifier.contains(one, True) for one in versions):
                have = ", ".join(map(str, sorted(versions)[-3:])) or "none at all"
                yield Problem(
                    key, f"{requirement}: the index has no files of that version; it has {have}"
                )


def _uploaded_wheels(selector: Selector, index: _Index) -> Iterator[Problem]:
    """Yield the project's own wheels, which installers prefer to the sdist that chooses."""
    own = Version(selector.version).public
    for file in index.files(selector.project) or ():
        version = _version(file)
        if file.endswith(".whl") and version is not None and version.public == own:
            yield Problem(
                "project.version",
                f"the index has {file}, which is one machine's choice, and everybody gets it; "
                "delete or yank it, and upload the sdist alone",
            )


def is_address(url: str) -> bool:
    """Return whether ``url`` can be an index's address."""
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # raises for what is no number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


class _Index:
    """An index, asked once for each project. Its address may have a user's name and password."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.url = parts._replace(netloc=host).geturl().rstrip("/")  # as messages may show it
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        if parts.username is not None:
            user, password = map(urllib.parse.unquote, (parts.username, parts.password or ""))
            # At once: an index may say of what is not for everybody that it is not there.
            passwords.add_password(None, self.url, user, password, is_authenticated=True)
        handler = urllib.request.HTTPBasicAuthHandler(passwords)
        self._opener = urllib.request.build_opener(handler)
        self._known: dict[str, list[str] | None] = {}

    def files(self, project: str) -> list[str] | None:
        """Return the files that there are of a project, ``None`` if there is no such project.

        Yanked ones are left out (PEP 592). Raises `SelectorError` if the index cannot be asked.
        """
        name = canonicalize_name(project)
        if name not in self._known:
            self._known[name] = self._ask(f"{self.url}/{name}/")
        return self._known[name]

    def _ask(self, page: str) -> list[str] | None:
        headers = {"Accept": _ACCEPT, "User-Agent": f"selector-backend/{__version__}"}
        request = urllib.request.Request(page, headers=headers)
        try:
            with self._opener.open(request, timeout=30) as answer:
                body = answer.read().decode("utf-8")
                is_json = "json" in answer.headers.get("Content-Type", "")
            if not is_json:
                return _links(body)
            return [one["filename"] for one in json.loads(body)["files"] if not one.get("yanked")]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            message = f"the index answers {page} with {error.code} {error.reason}"
            raise SelectorError(message) from None
        except urllib.error.URLError as error:
            message = f"the index {self.url} cannot be reached: {error.reason}"
            raise SelectorError(message) from None
        except (http.client.HTTPException, OSError, ValueError, KeyError, TypeError) as error:
            raise SelectorError(f"what the index says at {page} cannot be read: {error}") from None


def _version(file: str) -> Version | None:
    try:
        if file.endswith(".whl"):
            return parse_wheel_filename(file)[1]
        return parse_sdist_filename(file)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


class _Links(HTMLParser):
    """Collects the texts of links, which are files' names (PEP 503), but for yanked ones."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "a" and "data-yanked" not in dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.texts.append(data.strip())


def _links(body: str) -> list[str]:
    parser = _Links()
    parser.feed(body)
    return parser.texts
