"""An index that answers in chunks, as devpi does, is read as any other."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from support.command import lines
from support.project import write_project

PAGE = b'{"meta": {"api-version": "1.0"}, "name": "spam", "files": [%s]}'
FILE = (
    b'{"filename": "spam-1.0-py3-none-any.whl", "url": "spam-1.0-py3-none-any.whl", "hashes": {}}'
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        body = PAGE % (FILE if self.path == "/spam/" else b"")
        for chunk in (body[:20], body[20:], b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def log_message(self, *args: object) -> None:
        pass


def test_an_answer_in_chunks_is_read(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        written = lines("check", write_project(tmp_path), "--index", url, status=1)
    finally:
        server.shutdown()
        server.server_close()
    assert any("spam-1.0-py3-none-any.whl" in line for line in written)
