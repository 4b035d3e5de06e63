"""Compares what a table requires with an index: JSON (PEP 691), or pages of links (PEP 503)."""

from __future__ import annotations

import base64
import http.client
import json
import operator
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

from ..errors import SelectorError
from ..model.problems import Problem
from ..model.table import TABLE_NAME, Selector
from .archives import LARGEST_SDIST, files_of
from .review import keyed_requirements
from .shipped import CARRIED_VERSION, carried_version

# How many of the newest sdists are looked into.
_MOST_SDISTS = 20
# Limits: bytes of a file's name, bytes of a page, and seconds of an answer.
_LONGEST_NAME, _LARGEST_PAGE, _LONGEST = 255, 10 << 20, 30

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


@dataclass(frozen=True)
class File:
    """A file of a project: its name, and its HTTP address, empty if there is none."""

    name: str
    url: str = ""

    @property
    def version(self) -> Version | None:
        """The version in the file's name, ``None`` if it names no wheel or sdist."""
        if len(self.name) > _LONGEST_NAME:
            return None
        try:
            if self.name.endswith(".whl"):
                return Version(self.name.split("-")[1])
            return parse_sdist_filename(self.name)[1]
        except (ValueError, IndexError):
            return None


def is_address(url: str) -> bool:
    """Return whether ``url`` can be an index's address."""
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # raises if it is not a number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


class Index:
    """An index at ``url``, which may have credentials; ``agent`` is the user agent.

    Asks once for each project.
    """

    def __init__(self, url: str, agent: str) -> None:
        self._agent = agent
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.url = parts._replace(netloc=host).geturl().rstrip("/")  # as messages may show it
        credentials = ""
        if parts.username is not None:
            user, password = map(urllib.parse.unquote, (parts.username, parts.password or ""))
            encoded = base64.b64encode(f"{user}:{password}".encode("utf-8", "replace")).decode()
            credentials = f"Basic {encoded}"
        self._opener = urllib.request.build_opener(Credentials(self.url, credentials))
        self._known: dict[str, list[File] | None] = {}

    def files(self, project: str) -> list[File] | None:
        """Return the files of a project, ``None`` if the index has no such project.

        Yanked ones are left out (PEP 592). Raises `SelectorError` if the index cannot be asked.
        """
        name = canonicalize_name(project)
        if name not in self._known:
            self._known[name] = self._list(f"{self.url}/{name}/")
        return self._known[name]

    def read(self, file: File, most: int) -> bytes | None:
        """Return the content of a file, ``None`` if it has more than ``most`` bytes.

        Raises `SelectorError` if the index does not serve it.
        """
        answer = self._ask(file.url, "*/*", most + 1)
        if answer is None:
            raise SelectorError(f"the index {self.url} lists {file.name}, and does not serve it")
        content, _, _ = answer
        return content if len(content) <= most else None

    def _list(self, page: str) -> list[File] | None:
        answer = self._ask(page, _ACCEPT, _LARGEST_PAGE + 1)
        if answer is None:
            return None
        body, address, kind = answer
        if len(body) > _LARGEST_PAGE:
            raise SelectorError(f"the index's answer at {page} has more than 10 MiB")
        try:
            text = body.decode("utf-8")
            links = _links_of_json(text) if "json" in kind else _links_of_html(text)
        except (ValueError, RecursionError) as error:
            raise SelectorError(f"the index's answer at {page} cannot be read: {error}") from None
        return [File(name, _joined(address, url)) for name, url in links]

    def _ask(self, page: str, accept: str, most: int) -> tuple[bytes, str, str] | None:
        """Return an answer with its address and its type, ``None`` if there is none (404)."""
        answers: list[tuple[bytes, str, str] | SelectorError | None] = []

        def ask() -> None:
            try:
                answers.append(self._answer(page, accept, most))
            except SelectorError as error:
                answers.append(error)

        # In a thread, because a byte now and then resets the timeout of a socket.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(_LONGEST)
        (answer,) = answers or [SelectorError(f"{page} is not answered within {_LONGEST} seconds")]
        if isinstance(answer, SelectorError):
            raise answer
        return answer

    def _answer(self, page: str, accept: str, most: int) -> tuple[bytes, str, str] | None:
        headers = {"Accept": accept, "User-Agent": self._agent}
        try:
            request = urllib.request.Request(page, headers=headers)
            with self._opener.open(request, timeout=_LONGEST) as answer:
                # A negative number would also read the sizes of chunks, in an answer that has them.
                return answer.read(most), answer.geturl(), answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            message = f"the index answers {page} with {error.code} {error.reason}"
        except urllib.error.URLError as error:
            message = f"the index {self.url} cannot be reached: {error.reason}"
        except (http.client.HTTPException, OSError, ValueError, RecursionError) as error:
            message = f"the index's answer at {page} cannot be read: {error}"
        raise SelectorError(message)


class Credentials(urllib.request.HTTPRedirectHandler):
    """Adds the credentials of an index to each request to it, and to no other.

    At once: a private index may answer 404 instead of 401. A redirected request keeps them only
    where scheme, host and port are the index's own.
    """

    def __init__(self, url: str, credentials: str) -> None:
        self._origin = _origin(url)
        self._credentials = credentials

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Prepare a request: the first, or a redirected one."""
        if self._credentials and _origin(request.full_url) == self._origin:
            # Not one of the headers that `urllib` copies to a redirected request.
            request.add_unredirected_header("Authorization", self._credentials)
        return request

    https_request = http_request

    def redirect_request(self, *request: Any) -> urllib.request.Request | None:
        """Return the redirected request. The last of the arguments is its address, only HTTP."""
        if not is_address(request[-1]):
            raise urllib.error.URLError(f"it redirects to {request[-1]!r}, which is not HTTP")
        return super().redirect_request(*request)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _joined(address: str, url: object) -> str:
    """Return the address that a page at ``address`` names, empty if it is not one of HTTP."""
    try:
        joined = urllib.parse.urljoin(address, url) if isinstance(url, str) and url else ""
    except ValueError:
        return ""
    return joined if is_address(joined) else ""


def _links_of_json(text: str) -> list[tuple[str, object]]:
    """Return the names and addresses in an index's answer (PEP 691), without yanked files."""
    data = json.loads(text)
    files = data.get("files") if isinstance(data, dict) else None
    if not isinstance(files, list):
        raise ValueError("it does not say which files there are")  # noqa: TRY004 - bad data
    return [
        (file["filename"], file.get("url"))
        for file in files
        if isinstance(file, dict) and isinstance(file.get("filename"), str)
        if not file.get("yanked")
    ]


def _links_of_html(text: str) -> list[tuple[str, object]]:
    """Return the same of a page of links (PEP 503)."""
    page = _Page()
    try:
        page.feed(text)
    # Python's parser raises them for bad declarations.
    except (AssertionError, NotImplementedError):
        raise ValueError("it is not HTML") from None
    return page.links


class _Page(HTMLParser):
    """Collects links, whose texts are files' names, without yanked ones."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, object]] = []
        self._link: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._link = dict(attrs) if tag == "a" else None

    def handle_data(self, data: str) -> None:
        if self._link is not None and "data-yanked" not in self._link and data.strip():
            self.links.append((data.strip(), self._link.get("href")))


# --- What the index lacks


def compare(selector: Selector, url: str, backend: str) -> Iterator[Problem]:
    """Yield the requirements that the index at ``url`` lacks, and what it should not have.

    ``backend`` is our own version. Raises `SelectorError` if the index cannot be asked.
    """
    index = Index(url, f"selector-backend/{backend}")
    yield from _uploaded_wheels(selector, index)
    yield from _old_backends(selector, index, backend)
    for key, requirements in keyed_requirements(selector):
        for requirement in requirements:
            files = index.files(requirement.name)
            if files is None:
                yield Problem(key, f"{requirement}: the index has no project {requirement.name}")
                continue
            versions = {file.version for file in files if file.version is not None}
            if not any(requirement.specifier.contains(version, True) for version in versions):
                have = ", ".join(map(str, sorted(versions)[-3:])) or "none at all"
                yield Problem(
                    key, f"{requirement}: the index has no files of that version; it has {have}"
                )


def _uploaded_wheels(selector: Selector, index: Index) -> Iterator[Problem]:
    """Yield the project's own wheels, which installers prefer to the sdist that chooses."""
    own = Version(selector.version).public
    for file in index.files(selector.project) or ():
        version = file.version
        if file.name.endswith(".whl") and version is not None and version.public == own:
            yield Problem(
                "project.version",
                f"the index has {file.name}, which is one machine's choice, and everybody gets it; "
                "delete or yank it, and upload the sdist alone",
            )


def _old_backends(selector: Selector, index: Index, backend: str) -> Iterator[Problem]:
    """Yield the project's sdists that carry a backend older than this one.

    Reads from the newest down to the first that is not a selector package's.
    """
    sdists = [
        (version, file)
        for file in index.files(selector.project) or ()
        if file.name.endswith(".tar.gz") and (version := file.version) is not None
    ]
    for _, file in sorted(sdists, key=operator.itemgetter(0), reverse=True)[:_MOST_SDISTS]:
        content = index.read(file, LARGEST_SDIST) if file.url else b""
        if content is None:
            yield Problem(
                "project.version",
                f"{file.name} on the index has more than {LARGEST_SDIST >> 20} MiB; it and older "
                "sdists are not checked for old backends",
            )
            return
        try:
            files = files_of(content)
        except ValueError:
            return
        if TABLE_NAME not in files:
            return
        carried = carried_version(files.get(CARRIED_VERSION, b""))
        if carried and Version(carried) < Version(backend):
            yield Problem(
                "tool.selector.self-contained",
                f"the index has {file.name}, which carries selector-backend {carried}; the fixes "
                f"up to {backend} do not reach those who install it: release it again",
            )
