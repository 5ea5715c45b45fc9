"""Keeps clients from holding connections: closes those that are silent, slow or do not read, and limits their number.

uvicorn itself waits for ever for the headers of a request, and for a client to take its reply.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import time
from typing import Any, Literal

import h11
from absl import logging
from uvicorn.protocols.http.h11_impl import H11Protocol

from bert_qa_tf.serving import memory, rest
from bert_qa_tf.serving.request_log import RequestLog

# The time until the headers of the first request, or the next one, are complete; also for what else a client sends when
# it has got its reply.
_IDLE_SECS = 15.0
# The time in which a client must take all of its reply, or at least so much of it.
_STALL_SECS = 60.0
_STALL_BYTES = 2**20
# A body in chunks of a byte keeps the event loop busy for minutes. So many chunks are free; more must have this size on
# average.
_FREE_CHUNKS = 10_000
_LEAST_CHUNK_BYTES = 64
_LOOK_EVERY_SECS = 1.0
_TRIM_EVERY_SECS = 60.0
# Descriptors that are not connections: the model's files, libraries, processes that recognise speech.
_OTHER_DESCRIPTORS = 100
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# asyncio looks again after a second.
_REST_SECS = 0.9
_FULL = b'{"error": "Too many connections; try again later"}'

Phase = Literal["idle", "receiving", "working"]


class Connections:
    """The open connections of a server.

    Args:
      max_connections: see `ServerConfig`.
      log: for a line on connections that were closed.
    """

    def __init__(self, max_connections: int, log: RequestLog) -> None:
        self.log = log
        self._max_connections = max_connections
        self._open: set[Connection] = set()

    def make_protocol(self, **arguments: Any) -> Connection:
        """Returns the protocol of a new connection; uvicorn calls this with its own arguments."""
        return Connection(self, **arguments)

    async def watch(self) -> None:
        """Closes connections that take too long, until it is cancelled."""
        last_trim = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECS)
            self._close_overdue()
            if time.monotonic() - last_trim > _TRIM_EVERY_SECS:
                await asyncio.to_thread(memory.give_back)
                last_trim = time.monotonic()

    def add(self, connection: Connection) -> None:
        """Takes a new connection, and closes another if there are too many."""
        self._open.add(connection)
        if len(self._open) > self._max_connections:
            self.log.note(f"more than {self._max_connections} connections: closing those that wait longest")
            others = [other for other in self._open if other is not connection]
            if not self._close_oldest(others, 1):
                connection.refuse(_FULL)

    def discard(self, connection: Connection) -> None:
        """Forgets a connection that has ended."""
        self._open.discard(connection)

    def handle_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handles what asyncio cannot give to anybody. Out of descriptors, room is made instead of a log filled."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            self.log.note(f"cannot accept connections ({error.strerror}): closing those that wait longest")
            self._close_oldest(list(self._open), 16)
        else:
            loop.default_exception_handler(context)

    def _close_oldest(self, connections: list[Connection], count: int) -> int:
        """Closes those that have kept the server waiting longest, silent ones first; returns how many."""
        waiting = [one for one in connections if one.phase != "working" and not one.transport.is_closing()]
        waiting.sort(key=lambda one: (one.phase != "idle", one.since))
        for connection in waiting[:count]:
            connection.transport.abort()
            self._open.discard(connection)
        return len(waiting[:count])

    def _close_overdue(self) -> None:
        now = time.monotonic()
        for connection in list(self._open):
            connection.look()
            if connection.phase == "idle" and now - connection.since > _IDLE_SECS:
                self.log.note(f"closing connections on which no request came for {_IDLE_SECS:g} s")
                connection.transport.abort()
            elif connection.is_stalled():
                self.log.note(f"closing connections whose client took no reply for {_STALL_SECS:g} s")
                connection.transport.abort()


class Connection(H11Protocol):
    """One connection.

    Attributes:
      phase: what the server waits for: `idle` for a request, `receiving` for the rest of one; `working` for itself.
      since: when this phase began.
    """

    def __init__(self, connections: Connections, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.conn = _Parser(h11.SERVER)
        self._all = connections
        self.phase: Phase = "idle"
        self.since = time.monotonic()
        self._unsent_bytes, self._unsent_since = 0, self.since

    def connection_made(self, transport: asyncio.Transport) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        super().connection_lost(exc)
        self._all.discard(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self.transport.is_closing():
            super().data_received(data)
            self.look()

    def on_response_complete(self) -> None:
        """Called by uvicorn."""
        super().on_response_complete()
        self._enter("idle", anew=True)
        self.look()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for what is no HTTP."""
        host, port = self.client or ("-", 0)
        self._all.log.request(f"{host}:{port}", "-", "-", 400, 0, 0.0)
        self.refuse(rest.RestError(400, msg).body(), b"400 Bad Request")

    def refuse(self, body: bytes, status: bytes = b"503 Service Unavailable") -> None:
        """Sends an error and closes the connection."""
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % (status, len(body))
        self.transport.write(head + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    def look(self) -> None:
        """Notes which phase this is, and since when."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent > self._unsent_bytes or unsent <= self._unsent_bytes - _STALL_BYTES:
            self._unsent_bytes, self._unsent_since = unsent, time.monotonic()
        if self.cycle is not None and not self.cycle.response_complete:
            self._enter("receiving" if self.cycle.more_body else "working")
        else:
            self._enter("working" if unsent else "idle")

    def is_stalled(self) -> bool:
        """Returns whether the client does not take its reply."""
        return self._unsent_bytes > 0 and time.monotonic() - self._unsent_since > _STALL_SECS

    def _enter(self, phase: Phase, anew: bool = False) -> None:
        if anew or phase != self.phase:
            self.phase, self.since = phase, time.monotonic()


class _Parser(h11.Connection):
    """uvicorn's parser, which refuses bodies that are mostly chunk headers."""

    _chunks = _chunk_bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """See `h11.Connection`."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._chunk_bytes = 0
        elif isinstance(event, h11.Data) and event.chunk_start:
            self._chunks += 1
            self._chunk_bytes += len(event.data)
            if self._chunks > _FREE_CHUNKS and self._chunk_bytes < _LEAST_CHUNK_BYTES * self._chunks:
                raise h11.RemoteProtocolError("too many small chunks")
        return event


class Listener(socket.socket):
    """A listening socket that rests when the process is out of descriptors; asyncio would try thousands of times."""

    _rests_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """See `socket.socket.accept`."""
        if time.monotonic() < self._rests_until:
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._rests_until = time.monotonic() + _REST_SECS
            raise


def fit_to_descriptors(max_connections: int) -> int:
    """Raises the limit on this process's descriptors if need be; returns how many connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + _OTHER_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return max_connections
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):
        allowed = soft
    fitting = max(1, allowed - _OTHER_DESCRIPTORS)
    if fitting < max_connections:
        logging.warning("at most %d connections, because the process may open only %d files", fitting, allowed)
    return min(fitting, max_connections)
