"""Whether an index has what a table requires: any index after PEP 503 or PEP 691."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

from .. import __version__
from ..authoring.review import keyed_requirements
from ..errors import Problem, SelectorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..installing.table import Selector

# A file's name has 255 bytes at most.
_LONGEST_NAME = 255

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
        credentials = ""
        if parts.username is not None:
            user, password = map(urllib.parse.unquote, (parts.username, parts.password or ""))
            encoded = base64.b64encode(f"{user}:{password}".encode("utf-8", "replace")).decode()
            credentials = f"Basic {encoded}"
        self._opener = urllib.request.build_opener(Credentials(self.url, credentials))
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
            return _names(json.loads(body))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            message = f"the index answers {page} with {error.code} {error.reason}"
            raise SelectorError(message) from None
        except urllib.error.URLError as error:
            message = f"the index {self.url} cannot be reached: {error.reason}"
            raise SelectorError(message) from None
        except (http.client.HTTPException, OSError, ValueError, RecursionError) as error:
            raise SelectorError(f"what the index says at {page} cannot be read: {error}") from None


class Credentials(urllib.request.HTTPRedirectHandler):
    """Adds what an index wants to know to each request to it, and to no other.

    At once: an index may say of what is not for everybody that it is not there. What is redirected
    keeps it only where scheme, host and port are the index's own.
    """

    def __init__(self, url: str, credentials: str) -> None:
        self._origin = _origin(url)
        self._credentials = credentials

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Prepare a request, be it the first or one that an answer led to."""
        if self._credentials and _origin(request.full_url) == self._origin:
            # Not one of the headers that `urllib` copies to where it is redirected.
            request.add_unredirected_header("Authorization", self._credentials)
        return request

    https_request = http_request


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _version(file: str) -> Version | None:
    """Return the version in a file's name, ``None`` if it is none of a wheel or an sdist."""
    if len(file) > _LONGEST_NAME:
        return None
    try:
        if file.endswith(".whl"):
            return Version(file.split("-")[1])
        return parse_sdist_filename(file)[1]
    except (ValueError, IndexError):
        return None


def _names(data: Any) -> list[str]:
    """Return the files' names in an index's answer (PEP 691), but for yanked ones."""
    files = data.get("files") if isinstance(data, dict) else None
    if not isinstance(files, list):
        raise ValueError("it does not say which files there are")  # noqa: TRY004 - bad data
    listed = [one for one in files if isinstance(one, dict) and not one.get("yanked")]
    return [name for one in listed if isinstance(name := one.get("filename"), str)]


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
    try:
        parser.feed(body)
    except (AssertionError, NotImplementedError):  # what Python's parser does with bad declarations
        raise ValueError("it is not HTML") from None
    return parser.texts
