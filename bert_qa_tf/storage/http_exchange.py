"""Sends one HTTP request and reads its reply, within a total time and a total size.

`requests` limits neither: its timeout starts anew with each byte, and a reply may be endless. Whatever its layers raise
(`requests`, `urllib3`, `http.client`, `ssl`, codecs) becomes an `ExchangeError`.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter

_CONNECTION = re.compile(r"^\w+Connection\(.*?\): ")
_CHUNK_BYTES = 1 << 16

Kind = Literal["INVALID", "TIMEOUT", "TLS", "UNAVAILABLE"]


class Reply(NamedTuple):
    """A reply.

    Attributes:
      status: the HTTP status.
      reason: the words beside it.
      headers: by name, in any case.
      body: complete and decompressed.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class ExchangeError(Exception):
    """There was no complete reply.

    Attributes:
      kind: `TLS` for a certificate or handshake; `TIMEOUT`; `UNAVAILABLE` where another attempt may succeed; `INVALID`
        where none will.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def exchange(
    session: requests.Session, method: str, url: str, *, timeout_secs: float, max_bytes: int, **options: Any
) -> Reply:
    """Sends a request and reads the whole reply. Redirects are not followed.

    Args:
      session: of `new_session`; must not be used again after a `TIMEOUT`, because the attempt may still be using it.
      method: the HTTP method.
      url: the address.
      timeout_secs: the time from the start to the end of the reply.
      max_bytes: the largest body, after decompression.
      **options: more arguments of `session.request`.

    Raises:
      ExchangeError: there was no complete reply within these limits.
    """
    attempt = _Attempt(session, method, url, timeout_secs, max_bytes, options)
    # A daemon: while it connects, the attempt cannot be interrupted.
    thread = threading.Thread(target=attempt.run, name="http exchange", daemon=True)
    thread.start()
    thread.join(timeout_secs)
    if thread.is_alive():
        attempt.give_up()
        raise ExchangeError("TIMEOUT", f"no complete reply within {timeout_secs:.3g} s")
    if attempt.error is not None:
        raise _explain(attempt.error, timeout_secs) from attempt.error
    return attempt.reply


def new_session() -> requests.Session:
    """Returns a session whose requests `exchange` can end at any time, also while a server sends its headers."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


class _Adapter(HTTPAdapter):
    """Notes which connection the request of a thread goes through."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **options)
        if not issubclass(pool.ConnectionCls, _Noted):
            pool.ConnectionCls = type("NotedConnection", (_Noted, pool.ConnectionCls), {})
        return pool


class _Noted:
    def putrequest(self, *args: Any, **options: Any) -> None:
        super().putrequest(*args, **options)
        attempt = getattr(_of_thread, "attempt", None)
        if attempt is not None:
            attempt.connection = self


_of_thread = threading.local()


class _Attempt:
    def __init__(
        self, session: requests.Session, method: str, url: str, timeout_secs: float, max_bytes: int, options: Any
    ) -> None:
        self.reply: Reply | None = None
        self.error: Exception | None = None
        self.connection: Any = None
        self._arguments = {"timeout": timeout_secs, "allow_redirects": False, "stream": True, **options}
        self._session, self._method, self._url = session, method, url
        self._max_bytes = max_bytes
        self._is_given_up = False
        self._response: requests.Response | None = None

    def run(self) -> None:
        _of_thread.attempt = self
        try:
            self._response = response = self._session.request(self._method, self._url, **self._arguments)
            with response:
                body = bytearray()
                for chunk in response.iter_content(_CHUNK_BYTES):
                    body += chunk
                    if len(body) > self._max_bytes:
                        raise ExchangeError("INVALID", f"the reply is larger than {self._max_bytes} bytes")
                    if self._is_given_up:
                        return
            self.reply = Reply(response.status_code, response.reason or "", response.headers, bytes(body))
        except Exception as error:
            self.error = error

    def give_up(self) -> None:
        self._is_given_up = True
        shutdown = getattr(self._response and self._response.raw, "shutdown", None)
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has ended meanwhile
            if shutdown is not None:
                shutdown()  # wakes the thread that reads
        # A server may send headers for ever: there is no response yet.
        sock = getattr(self.connection, "sock", None)
        with contextlib.suppress(OSError, ValueError):
            if sock is not None:
                sock.shutdown(socket.SHUT_RDWR)


def _explain(error: Exception, timeout_secs: float) -> Exception:
    exceptions = requests.exceptions
    if isinstance(error, ExchangeError):
        return error
    if isinstance(error, exceptions.SSLError):
        return ExchangeError("TLS", innermost(error))
    cause = error.args[0] if error.args else None
    if isinstance(error, exceptions.Timeout) or isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        return ExchangeError("TIMEOUT", f"no reply within {timeout_secs:.3g} s")
    if isinstance(error, exceptions.ConnectionError | exceptions.ChunkedEncodingError | http.client.HTTPException):
        return ExchangeError("UNAVAILABLE", innermost(error))
    if isinstance(error, exceptions.RequestException | urllib3.exceptions.HTTPError | OSError | ValueError):
        return ExchangeError("INVALID", innermost(error))
    return error


def innermost(error: BaseException) -> str:
    """Returns the message of the innermost error, which the layers above have wrapped."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            # urllib3 begins some messages with the object of the connection, as `HTTPConnection(host='a', port=1): `.
            return _CONNECTION.sub("", " ".join(str(error).split())) or type(error).__name__
        error = inner
