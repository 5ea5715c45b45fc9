"""Writes a line for each request: when, who, what, status, size, duration. Nothing of the content."""

from __future__ import annotations

import datetime
import queue
import sys
import threading
import time
from typing import TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_WAITING = 10_000
_MAX_PATH_CHARS = 200
_MAX_METHOD_CHARS = 20
_SAME_NOTE_SECS = 60.0


class RequestLog:
    """Writes lines from a thread of its own: a terminal or pipe that takes no more must not stop the server.

    Args:
      stream: where the lines go; None for standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lines: queue.Queue[str | None] = queue.Queue(_MAX_WAITING)
        self._left_out = 0
        self._noted: dict[str, tuple[float, int]] = {}
        self._thread = threading.Thread(target=self._write, name="request log", daemon=True)
        self._thread.start()

    def request(self, client: str, method: str, path: str, status: int, size: int, secs: float) -> None:
        """Notes a request.

        Args:
          client: address and port.
          method: the HTTP method.
          path: without the query, which may be content.
          status: the HTTP status; 499 if the client went away.
          size: bytes of the reply's body.
          secs: from the end of the request's headers to the end of the reply.
        """
        method, path = _shortened(method, _MAX_METHOD_CHARS), _shortened(path, _MAX_PATH_CHARS)
        self._put(f"{client} {method} {path} {status} {size} bytes {secs * 1000:.0f} ms")

    def note(self, text: str) -> None:
        """Notes anything else; the same text at most once a minute, with the number of times it was left out."""
        now = time.monotonic()
        last, left_out = self._noted.get(text, (-_SAME_NOTE_SECS, 0))
        if now - last < _SAME_NOTE_SECS:
            self._noted[text] = last, left_out + 1
            return
        self._noted[text] = now, 0
        self._put(f"{text} ({left_out} more times since it was last said)" if left_out else text)

    def close(self) -> None:
        """Writes what is waiting, unless nobody reads it."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout=1)

    def _put(self, text: str) -> None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            self._lines.put_nowait(f"{now} {text}\n")
        except queue.Full:
            self._left_out += 1

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            left_out, self._left_out = self._left_out, 0
            if left_out:
                line = f"{left_out} lines left out, because nobody took them\n{line}"
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # the stream is closed
                continue


def _shortened(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{text[:max_chars]}…"


def logged(app: ASGIApp, log: RequestLog) -> ASGIApp:
    """Wraps `app` to write a line for each request."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        status, size = 499, 0

        async def counting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receive, counting)
        finally:
            host, port = scope.get("client") or ("-", 0)
            path = scope["raw_path"].decode("ascii", "backslashreplace")
            log.request(f"{host}:{port}", scope["method"], path, status, size, time.monotonic() - started)

    return wrapped
