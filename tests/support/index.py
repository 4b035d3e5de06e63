"""A package index on loopback that serves a folder as the public index serves its files.

The headers matter: without them, uv fetches an sdist anew each time, and a cache that gives back
another machine's choice goes unnoticed.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

#: How the name of a version's variant metadata ends, and for how long a changing file is kept.
VARIANTS = "-variants.json"
SOON = "max-age=600, public"


_JSON = "application/vnd.pypi.simple.v1+json"


class Index:
    """Serves the sdists and wheels of ``folders`` while it is entered as a context.

    Pages are in HTML (PEP 503), or in JSON (PEP 691) where they are asked for so. Each answer comes
    after ``delay`` seconds, as from afar. The variant metadata of a version are a file beside its
    wheels (PEP 825). Files whose names are in ``yanked`` are marked so (PEP 592).
    """

    def __init__(self, *folders: Path, delay: float = 0) -> None:
        self.folders = folders
        self.delay = delay
        self.requests: list[str] = []
        self.yanked: set[str] = set()
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each body waits 40 ms for its headers' receipt

            def do_GET(self) -> None:
                index.requests.append(self.path)
                index.answer(self)

            do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple/"

    def __enter__(self) -> Index:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def files(self) -> dict[str, Path]:
        return {
            path.name: path
            for folder in self.folders
            for path in sorted(folder.iterdir())
            if path.name.endswith((".whl", ".tar.gz", VARIANTS))
        }

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(self.delay)
        kind, _, name = unquote(handler.path).strip("/").partition("/")
        files = self.files()
        if kind == "files" and name.removesuffix(".metadata") in files:
            path = files[name.removesuffix(".metadata")]
            body = path.read_bytes() if name == path.name else metadata_of(path)
            content_type = "application/octet-stream"
            # Variants may be added to a version: PEP 825 has no such file be taken for immutable.
            cache = SOON if name.endswith(VARIANTS) else "max-age=365000000, immutable, public"
        elif kind == "simple" and (found := self._files_of(name, files)):
            as_json = _JSON in handler.headers.get("Accept", "")
            page = self._json(name, found) if as_json else self._html(found)
            content_type = _JSON if as_json else "text/html"
            body, cache = page.encode(), SOON
        else:
            body, content_type, cache = b"not here", "text/plain", "no-cache"
        there = cache != "no-cache"
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        unchanged = there and handler.headers.get("If-None-Match") == tag
        handler.send_response(304 if unchanged else 200 if there else 404)
        handler.send_header("Cache-Control", cache)
        handler.send_header("ETag", tag)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(0 if unchanged else len(body)))
        handler.end_headers()
        if not unchanged and handler.command == "GET":
            handler.wfile.write(body)

    def _files_of(self, name: str, files: dict[str, Path]) -> dict[str, str]:
        """Return a project's files, and the hash of each."""
        return {
            file: hashlib.sha256(path.read_bytes()).hexdigest()
            for file, path in files.items()
            if normalize(project_of(file)) == normalize(name)
        }

    def _html(self, found: dict[str, str]) -> str:
        links = [
            f'<a href="/files/{html.escape(file)}#sha256={digest}"'
            f"{' data-core-metadata' if file.endswith('.whl') else ''}"
            f"{' data-yanked' if file in self.yanked else ''}>{html.escape(file)}</a><br>"
            for file, digest in found.items()
        ]
        return "\n".join(["<!DOCTYPE html><html><body>", *links])

    def _json(self, name: str, found: dict[str, str]) -> str:
        files = [
            {
                "filename": file,
                "url": f"/files/{file}",
                "hashes": {"sha256": digest},
                "core-metadata": file.endswith(".whl"),
                "yanked": file in self.yanked,
            }
            for file, digest in found.items()
        ]
        return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files})


def project_of(file: str) -> str:
    """Return the project that a wheel, an sdist or variant metadata are of."""
    return file.rpartition("-")[0] if file.endswith(".tar.gz") else file.partition("-")[0]


def metadata_of(wheel: Path) -> bytes:
    """Return a wheel's metadata, which the public index serves beside it (PEP 658)."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()  # one that a wheel carries with a library lies deeper
        (name,) = (one for one in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", one))
        return archive.read(name)


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
