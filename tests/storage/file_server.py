"""An HTTP server of a few files that knows ranges, and fails in the ways that servers do."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def file_server(content: dict[str, bytes]) -> Iterator[http.server.ThreadingHTTPServer]:
    """A running server.

    Attributes of what it yields: `url`; `content`, name → what is served; `requests`, each one's path and Range header;
    `failures`, what happens to the next requests: an HTTP status to answer, or "cut" to close the connection halfway;
    `has_ranges`.
    """
    with serving(_Handler) as server:
        server.content, server.requests, server.failures, server.has_ranges = content, [], [], True
        yield server


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[http.server.ThreadingHTTPServer]:
    """A running server with a handler of the caller's; it has `url`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        if server.failures:
            failure = server.failures.pop(0)
            if isinstance(failure, int):
                self.send_error(failure)
                return
        else:
            failure = None
        content = server.content.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.has_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if failure != "cut" else start + (len(content) - start) // 2
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass
